//! Which difficulty is due, by plain arithmetic.

use num_bigint::BigUint;

use crate::spec::{PowSpec, Retargeting};
use crate::types::target::Bits;
use crate::types::{Height, Time};

/// How far a target may be from the exact one, in doublings: the cubic of aserti3-2d is off by 0.013 %, its exponent and
/// the bits are rounded.
pub(super) const TOLERANCE: f64 = 0.001;

/// Exponent and mantissa of compact bits.
fn parts(bits: Bits) -> (u32, u32) {
    (bits.0 >> 24, bits.0 & 0x007f_ffff)
}

/// The target that bits stand for.
pub(super) fn target(bits: Bits) -> BigUint {
    match parts(bits) {
        (exponent @ 0..3, mantissa) => BigUint::from(mantissa >> (8 * (3 - exponent))),
        (exponent, mantissa) => BigUint::from(mantissa) << (8 * (exponent - 3)),
    }
}

/// The binary logarithm of that target.
pub(super) fn log2(bits: Bits) -> f64 {
    let (exponent, mantissa) = parts(bits);
    f64::from(mantissa).log2() + 8.0 * (f64::from(exponent) - 3.0)
}

/// What a block's difficulty follows from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Height, time and bits of the first block of the branch after the genesis block.
    pub(super) first: (Height, Time, Bits),
    /// Height and time of the parent.
    pub(super) parent: (Height, Time),
}

/// The difficulty that a chain's rule asks for, where a few lines can say it: under `asert` and `fixed`. The others are
/// held to published vectors by their own tests.
#[derive(Debug)]
pub(super) struct Difficulty {
    retarget: Retargeting,
    spacing: f64,
    initial: Bits,
    limit: Bits,
}

impl Difficulty {
    pub(super) fn of(pow: &PowSpec) -> Self {
        let spacing = pow.block_time.0 as f64; // far below 2^53 ms
        let (initial, limit) = (pow.initial_bits, pow.limit_bits);
        Self { retarget: pow.retarget, spacing, initial, limit }
    }

    /// Whether these bits are due at a place; `None`: on the genesis block.
    ///
    /// Under `asert` the target doubles for each half-life that the branch is behind its schedule: the powers are taken in
    /// floating point, which shares nothing with the integers that the rule computes with.
    pub(super) fn is_due(&self, bits: Bits, place: Option<Place>) -> Result<(), String> {
        let exact = match (self.retarget, place) {
            (Retargeting::Asert { half_life }, Some(Place { first, parent })) => {
                // Times in milliseconds and heights are far below 2^53.
                let elapsed = parent.1.0 as f64 - first.1.0 as f64;
                let made = (parent.0.0 - first.0.0) as f64;
                let lag = elapsed - made * self.spacing;
                (log2(first.2) + lag / half_life.0 as f64).min(log2(self.limit))
            }
            (Retargeting::Asert { .. }, None) | (Retargeting::Fixed, _) => log2(self.initial),
            _ => return Ok(()),
        };
        let given = log2(bits);
        match (given - exact).abs() <= TOLERANCE {
            true => Ok(()),
            false => Err(format!("its target is 2^{given:.4}, where 2^{exact:.4} is due")),
        }
    }
}
