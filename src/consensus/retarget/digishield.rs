//! `digishield`: each block corrects by an eighth of what the last interval was off.
//!
//! With the last interval `actual` and the spacing `T`, the target is multiplied by `a ÷ T` where
//! `a = T + (actual − T) ÷ 8`, rounded towards zero, but no less than `T − T ÷ 4` and no more than `T + T ÷ 2`. It forgets at
//! once and it needs no window: a jump of the hash rate by ten is made up for in about twenty blocks, a fall in six. It is
//! also the noisiest rule here, since one interval says little: and as it looks at the last interval alone, a miner that
//! dates its block back or ahead moves the next target at will within the clamp.
//!
//! A start needs two blocks; before that the initial bits hold.
//!
//! # Source
//!
//! Dogecoin from block 145 000 on (`CalculateDogecoinNextWorkRequired` in its `dogecoin.cpp`).

use num_bigint::BigInt;

use super::{History, Past, Schedule, target_of};
use crate::types::target::{Bits, Target};

/// The part of what the last interval was off that is corrected at once, as a divisor.
const DAMPING: u32 = 8;

/// A damped answer to the last interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digishield;

impl Digishield {
    pub(super) fn remember(&self, history: &mut History, block: Past) {
        history.slide(block, 2);
    }

    pub(super) fn required(&self, history: &History, schedule: &Schedule) -> Option<Bits> {
        let (before, tip) = history.last_two()?;
        let spacing = BigInt::from(schedule.spacing.get());
        let actual = BigInt::from(tip.time) - before.time;
        // Division of big integers truncates towards zero, as that of C++ does.
        let damped = &spacing + (actual - &spacing) / DAMPING;
        let (least, most) = (&spacing - &spacing / 4u32, &spacing + &spacing / 2u32);
        let next = BigInt::from(target_of(tip)?.value()) * damped.clamp(least, most) / spacing;
        Some(Target::within(next.magnitude(), &schedule.limit).to_bits())
    }
}

#[cfg(test)]
#[path = "tests/digishield.rs"]
mod tests;
