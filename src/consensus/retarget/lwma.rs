//! `lwma`: the mean of the last intervals, weighted linearly: the newest counts most.
//!
//! Over the last N intervals, with the oldest weighing 1 and the newest N, the weighted mean interval is
//! `L ÷ (N (N + 1) ÷ 2)`. The next target is the mean target of those N blocks times the weighted mean interval over the
//! spacing. One interval counts for at most six spacings, so that a block that took a night does not throw the target open;
//! and a time stamp at or before the one before it counts as one tick later, which keeps the sum of intervals honest: a
//! miner that goes back in time gains nothing, since the next honest block is measured from where the chain was.
//!
//! Times may be ahead of the clock by the chain's `future_limit`. Whoever makes the newest block shifts the newest and
//! heaviest interval by as much: a chain under this rule wants a limit of a few spacings at most.
//!
//! # Deviations from the source
//!
//! - It divides each target by N and by the denominator first, so as not to leave 256 bits, and loses low bits. Here the
//!   products are wide, and there is one division at the end.
//! - Where there are fewer than N intervals yet, it keeps the initial target. Here the missing intervals count as having
//!   been on schedule under the first block's target, so that a start that is far too easy or too hard is corrected from the
//!   third block on.
//!
//! # Source
//!
//! LWMA-1 by zawy12 (`zawy12/difficulty-algorithms`, issue 3). Tari states it in difficulties (`lwma_diff.rs`), which a test
//! reproduces from the same weighted sum.

use std::num::NonZeroU32;

use num_bigint::BigUint;

use super::{History, Past, Schedule};
use crate::types::target::{Bits, Target};

/// Spacings that one interval counts for at most.
const INTERVAL_SPACINGS_MAX: u64 = 6;

/// A linearly weighted moving average.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lwma {
    /// Intervals averaged over.
    pub window: NonZeroU32,
}

impl Lwma {
    fn intervals(&self) -> usize {
        usize::try_from(self.window.get()).unwrap_or(usize::MAX)
    }

    pub(super) fn remember(&self, history: &mut History, block: Past) {
        history.slide(block, self.intervals().saturating_add(1));
    }

    pub(super) fn required(&self, history: &History, schedule: &Schedule) -> Option<Bits> {
        let [first, rest @ ..] = history.window.as_slice() else { return None };
        let intervals = u64::from(self.window.get());
        let known = rest.len() as u64; // a window fits
        let missing = intervals.saturating_sub(known);
        let targets = |blocks: &[Past]| -> BigUint {
            blocks.iter().filter_map(super::target_of).map(|target| target.value()).sum()
        };
        let sum = targets(rest) + targets(&history.window[..1]) * missing;

        let spacing = schedule.spacing.get();
        let times = rest.iter().map(|block| block.time);
        // The weights of the missing intervals are the lightest: 1 to their number.
        let weighted =
            triangle(missing) * spacing + weighted_sum(first.time, times, missing + 1, spacing);
        let next = sum * weighted / (triangle(intervals) * spacing * intervals);
        Some(Target::within(&next, &schedule.limit).to_bits())
    }
}

/// 1 + 2 + … + n.
fn triangle(n: u64) -> BigUint {
    BigUint::from(n) * (u128::from(n) + 1) / 2u32
}

/// The sum of the intervals that lead from `start` through `times`, each times its weight; the first has the weight
/// `lightest`, and each one more than the one before.
fn weighted_sum(
    start: u64,
    times: impl Iterator<Item = u64>,
    lightest: u64,
    spacing: u64,
) -> BigUint {
    let longest = spacing.saturating_mul(INTERVAL_SPACINGS_MAX);
    let mut sum = BigUint::ZERO;
    let mut before = start;
    for (weight, time) in (lightest..).zip(times) {
        let time = time.max(before.saturating_add(1));
        sum += BigUint::from(weight) * (time - before).min(longest);
        before = time;
    }
    sum
}

#[cfg(test)]
#[path = "tests/lwma.rs"]
mod tests;
