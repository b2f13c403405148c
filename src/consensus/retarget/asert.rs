//! `asert`: an absolutely scheduled, exponentially rising target.
//!
//! The target doubles for every half-life that the chain is behind its ideal schedule since the anchor, and halves for
//! every half-life that it is ahead. It looks at the anchor and the tip alone, so it has no window, cannot oscillate, and
//! forgives a wrong time stamp as soon as the next block has a right one.
//!
//! What is absolute about it cuts both ways: a chain that stood still for a night is a night behind, and its target
//! stays easy until the blocks of that night are made up for.
//!
//! # Deviations from the source
//!
//! - The anchor is the first block of work, as if its parent had come one spacing before it. Bitcoin Cash takes the
//!   anchor's own time in place of its parent's where the anchor has none, one spacing stricter.
//! - The reference implementation holds its limit below 2^224, since the product of anchor target and factor must fit 256
//!   bits. Ours does not: easy limits, `7fffff` × 2^232 and above, are safe.
//! - Heights and times are `u64`, and their differences have as many bits as they need.
//!
//! # Source
//!
//! The specification "aserti3-2d" (2020-11-15-asert) of Bitcoin Cash and `CalculateASERT` of its node.

use std::num::NonZeroU64;

use num_bigint::{BigInt, Sign};
use num_traits::ToPrimitive;

use super::{History, Past, Schedule, target_of};
use crate::types::canary::{Bug, planted};
use crate::types::target::{Bits, Target};

/// One in the fixed-point numbers of aserti3-2d, which have 16 binary places.
const ONE: u64 = 1 << 16;

/// Shifts beyond this many bits push any product of a 256-bit target and a 17-bit factor out on either side.
const SHIFT_MAX: i64 = 512;

/// An absolutely scheduled, exponentially rising target: aserti3-2d.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asert {
    /// The lag, in ticks, that doubles the target.
    pub half_life: NonZeroU64,
}

/// The block from which [`asert`] measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Its height.
    pub height: u64,
    /// The target that its bits decode to.
    pub target: Target,
    /// The time of its *parent* in ticks.
    pub parent_time: u64,
}

impl Asert {
    pub(super) fn remember(&self, history: &mut History, block: Past) {
        history.anchor.get_or_insert(block);
        history.slide(block, 1);
    }

    pub(super) fn required(&self, history: &History, schedule: &Schedule) -> Option<Bits> {
        let (first, tip) = (history.anchor.as_ref()?, history.window.last()?);
        let spacing = schedule.spacing.get();
        let anchor = Anchor {
            height: first.height,
            target: target_of(first)?,
            parent_time: match planted(Bug::RetargetOneOff) {
                true => first.time,
                false => first.time.saturating_sub(spacing),
            },
        };
        Some(asert(&anchor, tip, spacing, self.half_life, &schedule.limit))
    }
}

/// The bits that the child of `tip` must carry under aserti3-2d.
///
/// With the lag of the tip behind its schedule, `lag = (time − parent time of the anchor) − spacing × (blocks since the
/// anchor's parent)`, the exact target would be `anchor target × 2^(lag ÷ half-life)`. The power is split into a shift by
/// whole octaves and a cubic approximation of 2^x within one, all in integers of 16 binary places.
///
/// `tip.bits` is not read. All times are in the same tick.
pub fn asert(
    anchor: &Anchor,
    tip: &Past,
    spacing: u64,
    half_life: NonZeroU64,
    limit: &Target,
) -> Bits {
    let elapsed = BigInt::from(tip.time) - anchor.parent_time;
    let blocks = BigInt::from(tip.height) - anchor.height + 1u32;
    let lag = elapsed - blocks * spacing;

    // The two roundings differ on purpose: the division truncates towards zero, the shift floors.
    let exponent = lag * ONE / half_life.get();
    let octaves: BigInt = &exponent >> 16u32;
    let fraction = (exponent - (&octaves << 16u32))
        .to_u64()
        .expect("what a floored shift by 16 leaves is in 0 … 65535");

    let product = anchor.target.value() * two_to_the(fraction);
    // An exponent that no 64 bits hold lies beyond either end all the more.
    let beyond = if octaves.sign() == Sign::Minus { -SHIFT_MAX } else { SHIFT_MAX };
    let octaves = octaves.to_i64().unwrap_or(beyond).clamp(-SHIFT_MAX, SHIFT_MAX);
    let shift = octaves - 16; // the factor has 16 binary places
    let next = if shift < 0 { product >> -shift } else { product << shift };
    Target::within(&next, limit).to_bits()
}

/// 65536 × 2^(fraction ÷ 65536) for a fraction below 65536, by the cubic of aserti3-2d, which is off by at most 0.013 %.
fn two_to_the(fraction: u64) -> u64 {
    // The sum stays below 2^64 by the choice of coefficients.
    let cubic = 195_766_423_245_049 * fraction
        + 971_821_376 * fraction.pow(2)
        + 5_127 * fraction.pow(3)
        + (1 << 47);
    ONE + (cubic >> 48)
}

#[cfg(test)]
#[path = "tests/asert.rs"]
mod tests;
