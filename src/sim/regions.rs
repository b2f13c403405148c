//! How far the parts of the world are from each other.
//!
//! Source: the region table of SimBlock (Aoki, Otsuki, Kaneko, Banno, Shudo: "SimBlock: A Blockchain Network Simulator",
//! IEEE INFOCOM 2019 Workshops), `NetworkConfiguration`, figures of 2019: average one-way latencies between regions in
//! milliseconds, and the shares of Bitcoin's reachable nodes in each.

use super::random::Dice;

/// A part of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Region {
    /// North America.
    NorthAmerica,
    /// Europe.
    Europe,
    /// South America.
    SouthAmerica,
    /// Asia and the Pacific without the next two.
    AsiaPacific,
    /// Japan.
    Japan,
    /// Australia.
    Australia,
}

/// Milliseconds from a row's region to a column's.
const LATENCIES: [[u64; 6]; 6] = [
    [32, 124, 184, 198, 151, 189],
    [124, 11, 227, 237, 252, 294],
    [184, 227, 88, 325, 301, 322],
    [198, 237, 325, 85, 58, 198],
    [151, 252, 301, 58, 12, 126],
    [189, 294, 322, 198, 126, 16],
];

/// Nodes of each region in ten thousand.
const NODES: [u64; 6] = [3316, 4998, 90, 1177, 224, 195];

impl Region {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::NorthAmerica,
        Self::Europe,
        Self::SouthAmerica,
        Self::AsiaPacific,
        Self::Japan,
        Self::Australia,
    ];

    /// The average time a message is under way from one region to another, in milliseconds.
    pub fn latency_ms(self, to: Self) -> u64 {
        LATENCIES[self as usize][to as usize]
    }

    /// A region, each as likely as it has nodes.
    pub fn draw(dice: &mut Dice) -> Self {
        let mut left = dice.below(NODES.iter().sum());
        for (region, nodes) in Self::ALL.into_iter().zip(NODES) {
            match left.checked_sub(nodes) {
                Some(less) => left = less,
                None => return region,
            }
        }
        Self::Europe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_symmetric_and_home_is_nearest() {
        assert_eq!(NODES.iter().sum::<u64>(), 10_000);
        for from in Region::ALL {
            for to in Region::ALL {
                assert_eq!(from.latency_ms(to), to.latency_ms(from));
                assert!(from == to || from.latency_ms(from) < from.latency_ms(to).max(86));
            }
        }
    }

    #[test]
    fn regions_are_drawn_by_their_shares() {
        let mut dice = Dice::new(3, "regions");
        let europe = (0..10_000).filter(|_| Region::draw(&mut dice) == Region::Europe).count();
        assert!((4800..5200).contains(&europe), "{europe}");
    }
}
