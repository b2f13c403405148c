//! Windows over recent blocks that several rules share, and the issuance schedule.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::ledger::{ReadFailed, State, System, SystemKey};
use crate::types::canary::{Bug, planted};
use crate::types::{Amount, Height, Time};

/// Blocks whose times are remembered for the median (BIP 113).
pub const MEDIAN_BLOCKS: usize = 11;

/// The times of the latest blocks, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct RecentTimes(Vec<Time>);

impl RecentTimes {
    fn key() -> SystemKey {
        SystemKey::new("time/recent")
    }

    /// As they are in the state after a block.
    pub fn after(state: &State) -> Result<Self, ReadFailed> {
        Ok(state.system(&Self::key())?.unwrap_or_default())
    }

    /// The median of the last [`MEDIAN_BLOCKS`] times, the upper one where their number is even, as Bitcoin takes it.
    /// `None` where no block is remembered.
    pub fn median(&self) -> Option<Time> {
        let mut times = self.0.clone();
        times.sort_unstable();
        let below = usize::from(planted(Bug::MedianOneBelow));
        times.get((times.len() / 2).saturating_sub(below)).copied()
    }

    /// Adds the time of the block that is being executed.
    pub fn push(state: &mut System<'_, '_>, time: Time) -> Result<(), ReadFailed> {
        let mut recent: Self = state.get(&Self::key())?.unwrap_or_default();
        recent.0.push(time);
        if recent.0.len() > MEDIAN_BLOCKS {
            recent.0.remove(0);
        }
        state.put(&Self::key(), &recent);
        Ok(())
    }
}

/// How much new money a block may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issuance {
    /// Per block, before the first halving.
    pub initial_reward: Amount,
    /// Blocks between halvings.
    pub halving_interval: u64,
    /// The reward never falls below this.
    pub tail_reward: Amount,
    /// Issuance stops when this much circulates.
    pub supply_max: Amount,
}

impl Issuance {
    /// The reward that the schedule allows at a height.
    pub fn reward(&self, height: Height) -> Amount {
        let halvings = height.0 / self.halving_interval.max(1);
        let halved =
            u32::try_from(halvings).ok().and_then(|n| self.initial_reward.0.checked_shr(n));
        Amount(halved.unwrap_or(0)).max(self.tail_reward)
    }

    /// The reward at a height when `circulating` is in the world before it.
    pub fn capped(&self, height: Height, circulating: Amount) -> Amount {
        let room = self.supply_max.minus(circulating).unwrap_or_default();
        self.reward(height).min(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewards_halve_as_bitcoins_do() {
        let bitcoin = Issuance {
            initial_reward: Amount(50_0000_0000),
            halving_interval: 210_000,
            tail_reward: Amount::ZERO,
            supply_max: Amount(1 << 52),
        };
        // 2 099 999 997 690 000 base units in all, the sum that Bitcoin's schedule ends at.
        let total: u64 = (0..64).map(|n| bitcoin.reward(Height(n * 210_000)).0 * 210_000).sum();
        assert_eq!(total, 2_099_999_997_690_000);
        assert_eq!(bitcoin.reward(Height(209_999)), Amount(50_0000_0000));
        assert_eq!(bitcoin.reward(Height(210_000)), Amount(25_0000_0000));
        assert_eq!(bitcoin.reward(Height(u64::MAX)), Amount::ZERO);
    }

    #[test]
    fn the_tail_holds_and_the_cap_ends_it() {
        let issuance = Issuance {
            initial_reward: Amount(8),
            halving_interval: 2,
            tail_reward: Amount(3),
            supply_max: Amount(20),
        };
        let rewards: Vec<u64> = (0..8).map(|h| issuance.reward(Height(h)).0).collect();
        assert_eq!(rewards, [8, 8, 4, 4, 3, 3, 3, 3]);
        assert_eq!(issuance.capped(Height(6), Amount(19)), Amount(1));
        assert_eq!(issuance.capped(Height(6), Amount(21)), Amount::ZERO);
    }
}
