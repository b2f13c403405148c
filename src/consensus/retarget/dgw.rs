//! `dgw`: Dark Gravity Wave, version 3.
//!
//! Over the last n blocks, the next target is a mean of their targets times `actual ÷ (n T)`, where `actual` is the time from
//! the first of them to the last, between a third and three times of n spacings. The mean is taken walking back from the tip
//! as `mean' = (mean × c + target) ÷ (c + 1)` for c = 2 … n, starting with the tip's own: not a true mean, the tip counts
//! twice. n blocks have n − 1 intervals and are held against n spacings, so blocks settle at n ÷ (n − 1) of the spacing.
//!
//! All intervals weigh alike, so a jump is seen in full only after n blocks, and by then the target has overshot: it swings
//! before it settles.
//!
//! # Deviations from the source
//!
//! - A chain of fewer than n blocks keeps its initial bits; Dash's keeps the easiest target.
//! - Dash's test networks make a block that comes late easier by the block's own time. Here a target follows from the
//!   parent's state alone.
//!
//! # Source
//!
//! `DarkGravityWave` in Dash's `pow.cpp`.

use std::num::NonZeroU32;

use num_bigint::BigInt;

use super::{History, Past, Schedule, target_of};
use crate::types::target::{Bits, Target};

/// By what factor the time of a window counts at most, either way.
const CLAMP: u32 = 3;

/// A mean of targets, corrected by the time of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dgw {
    /// Blocks averaged over.
    pub window: NonZeroU32,
}

impl Dgw {
    fn blocks(&self) -> usize {
        usize::try_from(self.window.get()).unwrap_or(usize::MAX)
    }

    pub(super) fn remember(&self, history: &mut History, block: Past) {
        history.slide(block, self.blocks());
    }

    pub(super) fn required(&self, history: &History, schedule: &Schedule) -> Option<Bits> {
        let (first, tip) = (history.window.first()?, history.window.last()?);
        if history.window.len() < self.blocks() {
            return None;
        }
        let mut mean = target_of(tip)?.value();
        for (count, block) in (1u64..).zip(history.window.iter().rev()).skip(1) {
            mean = (mean * count + target_of(block)?.value()) / (count + 1);
        }
        let ideal = BigInt::from(self.window.get()) * schedule.spacing.get();
        let actual = BigInt::from(tip.time) - first.time;
        let actual = actual.clamp(&ideal / CLAMP, &ideal * CLAMP);
        let next = BigInt::from(mean) * actual / ideal;
        Some(Target::within(next.magnitude(), &schedule.limit).to_bits())
    }
}

#[cfg(test)]
#[path = "tests/dgw.rs"]
mod tests;
