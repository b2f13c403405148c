//! `bitcoin`: one target per period, from the time that the period before it took.
//!
//! Heights fall into periods of [`Bitcoin::window`] blocks, the first of each at a multiple of it. The target holds for
//! a period; the next one is `old × actual ÷ ideal`, where `ideal` is a window of spacings and `actual` the time from the
//! first block of the period to its last, but no less than `ideal ÷ clamp` and no more than `ideal × clamp`.
//!
//! # What Bitcoin does, and so does this
//!
//! - **Off by one**: a period of 2016 blocks has 2015 intervals within it, and `ideal` counts 2016. Blocks therefore settle
//!   at 2016 ÷ 2015 of the spacing; with a window of ten blocks that is a ninth more.
//! - **Time warp**: periods share no block, so the interval between them is measured by neither. Who mines most blocks can
//!   date the last one of a period far ahead and the first of the next far back, and lower the target period by period.
//!   Nothing here forbids it: it is there to be shown. `asert` and `lwma` have no such gap.
//! - The target does not move within a period whatever happens: a jump of the hash rate by a factor is answered at the end
//!   of the running period, and by at most `clamp` in each. A fall by 100 makes the running period 100 times as long.
//!
//! # Deviations from the source
//!
//! - The genesis block is not mined. The first period is measured as if it had begun with intervals on schedule up to
//!   block 1.
//! - BIP 94 starts from the bits of the first block of a period where Bitcoin takes those of the last. They differ only
//!   where single blocks may be easier than their period, as on testnets; here none may, so there is no such switch.
//!
//! # Source
//!
//! `CalculateNextWorkRequired` in Bitcoin Core's `pow.cpp`.

use std::num::NonZeroU64;

use num_bigint::BigInt;

use super::{History, Past, Schedule, target_of};
use crate::types::target::{Bits, Target};

/// One target per period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bitcoin {
    /// Blocks in a period.
    pub window: NonZeroU64,
    /// By what factor the target changes at most, either way.
    pub clamp: NonZeroU64,
}

impl Bitcoin {
    pub(super) fn remember(&self, history: &mut History, block: Past) {
        if history.anchor.is_none() || block.height.is_multiple_of(self.window.get()) {
            history.anchor = Some(block);
        }
        history.slide(block, 1);
    }

    pub(super) fn required(&self, history: &History, schedule: &Schedule) -> Option<Bits> {
        let (first, last) = (history.anchor.as_ref()?, history.window.last()?);
        let window = self.window.get();
        if !last.height.saturating_add(1).is_multiple_of(window) {
            return Some(last.bits);
        }
        // Only a chain that begins within a period remembers another block than its first.
        let missing = BigInt::from(first.height % window) * schedule.spacing.get();
        let actual = BigInt::from(last.time) - first.time + missing;
        Some(self.retarget(&target_of(last)?, actual, schedule))
    }

    /// The bits after a period under `old` that took `actual` ticks.
    fn retarget(&self, old: &Target, actual: BigInt, schedule: &Schedule) -> Bits {
        let ideal = BigInt::from(self.window.get()) * schedule.spacing.get();
        let (least, most) = (&ideal / self.clamp.get(), &ideal * self.clamp.get());
        let actual = actual.clamp(least, most);
        let next = BigInt::from(old.value()) * actual / ideal;
        Target::within(next.magnitude(), &schedule.limit).to_bits()
    }

    pub(super) fn changes_in(&self, next: u64) -> u64 {
        let window = self.window.get();
        match next % window {
            0 => 1,
            since => window - since + 1,
        }
    }
}

#[cfg(test)]
#[path = "tests/bitcoin.rs"]
mod tests;
