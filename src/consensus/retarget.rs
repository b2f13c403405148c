//! How hard the next block is: the required bits as a pure function of the past.
//!
//! Every algorithm is a struct of its parameters and one function. All of them read the same [`History`], take what they
//! need of it, and give the bits that the child of its tip must carry. They are generic over the tick: whatever unit the
//! times are in, spacing and half-life are in the same one. The chain passes milliseconds, published vectors seconds.
//!
//! A retarget never fails and never leaves 1 … limit; arithmetic is wide enough that no parameter overflows. What comes
//! out is compact and therefore truncated: the truncated target is the one consensus knows (see
//! [`crate::types::target`]).
//!
//! # Algorithms
//!
//! - [`Fixed`]: the initial bits, always.
//! - [`Asert`]: the target doubles for every half-life that the chain is behind its ideal schedule since the anchor, and
//!   halves for every half-life that it is ahead. It looks at the anchor and the tip alone, so it has no window, cannot
//!   oscillate, and forgives a wrong time stamp as soon as the next block has a right one.
//!
//! # Deviations from the sources
//!
//! - The reference implementation of aserti3-2d holds its limit below 2^224, since the product of anchor target and
//!   factor must fit 256 bits. Ours does not: easy limits, `7fffff` × 2^232 and above, are safe.
//! - Heights and times are `u64`, and their differences have as many bits as they need.
//!
//! # Source
//!
//! ASERT: the specification "aserti3-2d" (2020-11-15-asert) of Bitcoin Cash and `CalculateASERT` of its node.

use std::num::NonZeroU64;

use num_bigint::{BigInt, Sign};
use num_traits::ToPrimitive;

use crate::types::target::{Bits, Target};

/// One in the fixed-point numbers of aserti3-2d, which have 16 binary places.
const ONE: u64 = 1 << 16;

/// Shifts beyond this many bits push any product of a 256-bit target and a 17-bit factor out on either side.
const SHIFT_MAX: i64 = 512;

/// A block of the past, as far as a retarget cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    /// Its height.
    pub height: u64,
    /// Its time in ticks.
    pub time: u64,
    /// Its bits.
    pub bits: Bits,
}

/// The block from which [`Asert`] measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Its height.
    pub height: u64,
    /// The target that its bits decode to.
    pub target: Target,
    /// The time of its *parent* in ticks; where the anchor is the first block that counts, its own time less one spacing
    /// puts the schedule exactly on it (Bitcoin Cash takes the anchor's own time there, one spacing stricter).
    pub parent_time: u64,
}

/// What of the chain a retarget may read. The child of the last block of `window` is the one being judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History<'a> {
    /// The anchor, once there is one.
    pub anchor: Option<Anchor>,
    /// The latest blocks, oldest first: [`Retarget::window`] of them, fewer on a young chain.
    pub window: &'a [Past],
}

/// Bits that never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed;

/// An absolutely scheduled, exponentially rising target: aserti3-2d.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asert {
    /// The lag, in ticks, that doubles the target.
    pub half_life: NonZeroU64,
}

/// The retarget algorithm of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retarget {
    /// See [`Fixed`].
    Fixed(Fixed),
    /// See [`Asert`].
    Asert(Asert),
}

/// What every algorithm shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The ideal time between blocks, in ticks.
    pub spacing: u64,
    /// The bits of a block that has no past to be judged by.
    pub initial: Bits,
    /// The easiest target allowed.
    pub limit: Target,
}

impl Retarget {
    /// How many of the latest blocks the algorithm reads.
    pub fn window(&self) -> usize {
        match self {
            Self::Fixed(_) => 0,
            Self::Asert(_) => 1,
        }
    }

    /// The bits that the child of the latest block must carry.
    pub fn required(&self, history: &History<'_>, schedule: &Schedule) -> Bits {
        match self {
            Self::Fixed(Fixed) => schedule.initial,
            Self::Asert(Asert { half_life }) => match (&history.anchor, history.window.last()) {
                (Some(anchor), Some(tip)) => {
                    asert(anchor, tip, schedule.spacing, *half_life, &schedule.limit)
                }
                _ => schedule.initial,
            },
        }
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
#[path = "retarget_tests.rs"]
mod tests;
