//! Whether every delegate comes at every place as often as any other.
//!
//! Each round puts each delegate at one place and each place under one delegate, so counts of (place, delegate) over many
//! rounds have sums that are given, and a statistic of its own: Pearson's sum is n ⁄ (n − 1) times a chi-square of (n − 1)²
//! degrees of freedom if all orders are equally likely (R. L. Anderson, Biometrics 15, 1959, for ranks in taste panels).

use super::super::statistics::chi_square_chance;
use super::seed::folded;
use crate::consensus::dpos::shuffle::{Round, Shuffle};
use crate::sim::options::LAUNCH;
use crate::sim::random::Dice;
use crate::types::{Hash, Time};

/// Milliseconds of a slot, for shuffles that know the time.
pub(super) const SLOT: u64 = 3000;

/// How often each delegate came at each place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    delegates: usize,
    rounds: u64,
    /// Place by place, of each delegate.
    counts: Vec<u64>,
}

/// The places of so many rounds, one after the other without a slot that is missed; no two seeds have a round in common.
pub fn places(shuffle: Shuffle, delegates: usize, rounds: u64, seed: u64) -> Places {
    let mut dice = Dice::new(seed, "reveals");
    let mut known = Hash(drawn(&mut dice));
    let mut counts = vec![0; delegates * delegates];
    for number in seed * rounds + 1..=(seed + 1) * rounds {
        known = folded(&known, &drawn(&mut dice));
        // A number of delegates fits 64 bits.
        let time = Time(LAUNCH.0 + number * delegates as u64 * SLOT);
        let order = shuffle.order(delegates, &Round { number, time, seed: known });
        for (place, who) in order.into_iter().enumerate() {
            counts[place * delegates + who] += 1;
        }
    }
    Places { delegates, rounds, counts }
}

/// Thirty-two bytes by chance.
pub(super) fn drawn(dice: &mut Dice) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&dice.number().to_le_bytes()));
    bytes
}

impl Places {
    fn expected(&self) -> f64 {
        self.rounds as f64 / self.delegates as f64
    }

    /// Pearson's sum, made a chi-square.
    pub fn statistic(&self) -> f64 {
        let (expected, n) = (self.expected(), self.delegates as f64);
        let square = |count: &u64| (*count as f64 - expected).powi(2) / expected;
        self.counts.iter().map(square).sum::<f64>() * (n - 1.0) / n
    }

    /// Its degrees of freedom.
    pub fn freedom(&self) -> f64 {
        (self.delegates as f64 - 1.0).powi(2)
    }

    /// The chance of a statistic at least as large if all orders are equally likely.
    pub fn chance(&self) -> f64 {
        chi_square_chance(self.statistic(), self.freedom())
    }

    /// What came most often, in multiples of what is due: how often, at which place, who.
    pub fn most(&self) -> (f64, usize, usize) {
        let most = self.counts.iter().enumerate().max_by_key(|(_, count)| **count);
        let (at, count) = most.unwrap_or((0, &0));
        (*count as f64 / self.expected(), at / self.delegates, at % self.delegates)
    }
}
