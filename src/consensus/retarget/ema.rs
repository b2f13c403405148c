//! `ema`: Peercoin's exponential moving average.
//!
//! With the last interval `actual`, the spacing `T` and a window of `n` blocks, the target is multiplied by
//! `((n − 1) T + 2 actual) ÷ ((n + 1) T)`: the last interval counts as two of n + 1, and what came before it fades by
//! (n − 1) ÷ (n + 1) with each block. The greater the window, the smoother and the slower: a jump of the hash rate by a factor
//! f is made up for in about n ÷ 2 × ln f blocks. A fall is answered faster, since one long interval weighs by its whole
//! length.
//!
//! A start needs two blocks; before that the initial bits hold.
//!
//! # Deviations from the source
//!
//! - The window is a number of blocks; Peercoin's is a week, 1008 blocks of ten minutes. Where Peercoin lets the spacing of
//!   work follow the number of stake blocks in between, that is a matter of the caller: the spacing is an argument.
//! - A factor below a quarter counts as a quarter. With Peercoin's window it cannot happen; with a short one, an interval
//!   of nothing, or one that lies and is negative, would leave no target at all. Nothing else is clamped, as there.
//!
//! # Source
//!
//! `GetNextTargetRequired` in Peercoin's `pow.cpp`.

use std::num::NonZeroU32;

use num_bigint::BigInt;

use super::{History, Past, Schedule, target_of};
use crate::types::target::{Bits, Target};

/// One over the least factor by which one block may change the target.
const FALL_MAX: u32 = 4;

/// An exponential moving average.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ema {
    /// Blocks averaged over.
    pub window: NonZeroU32,
}

impl Ema {
    pub(super) fn remember(&self, history: &mut History, block: Past) {
        history.slide(block, 2);
    }

    pub(super) fn required(&self, history: &History, schedule: &Schedule) -> Option<Bits> {
        let (before, tip) = history.last_two()?;
        let (spacing, blocks) = (schedule.spacing.get(), u64::from(self.window.get()));
        let actual = BigInt::from(tip.time) - before.time;
        let whole = BigInt::from(blocks + 1) * spacing;
        let part = BigInt::from(blocks - 1) * spacing + actual * 2u32;
        let part = part.max(&whole / FALL_MAX);
        let next = BigInt::from(target_of(tip)?.value()) * part / whole;
        Some(Target::within(next.magnitude(), &schedule.limit).to_bits())
    }
}

#[cfg(test)]
#[path = "tests/ema.rs"]
mod tests;
