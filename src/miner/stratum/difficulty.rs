//! Share difficulties and the targets that they stand for.

use num_bigint::BigUint;

use crate::types::target::Target;

/// One part in how many a share may miss its target by: miners compute targets in doubles, some in floats.
const TOLERANCE_BITS: u32 = 20;

/// The target of a difficulty, 0xffff × 2^208 ÷ `difficulty`, computed exactly and cut to 1 … 2^256 − 1.
///
/// What is no positive number asks for nothing: every hash meets the target of zero.
pub fn share_target(difficulty: f64) -> Target {
    if difficulty.is_nan() || difficulty <= 0.0 {
        return Target::max();
    }
    let bits = difficulty.to_bits();
    let exponent = (bits >> 52) & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    // difficulty = mantissa × 2^(scale − 1075); subnormal numbers have no hidden bit.
    let (mantissa, scale) =
        if exponent == 0 { (fraction, 1) } else { (fraction | 1 << 52, exponent) };
    let easiest = BigUint::from(0xffff_u32) << 208;
    let value = (easiest << 1075) / (BigUint::from(mantissa) << scale);
    Target::within(&value, &Target::max())
}

/// The target that a share is held to where it was told `target`: easier by one part in a million.
pub fn tolerant(target: &Target) -> Target {
    let value = target.value();
    let wider = &value + (&value >> TOLERANCE_BITS);
    Target::within(&wider, &Target::max())
}

/// The exponent of the greatest power of two that is at most `value`, a positive number.
pub(super) fn floor_log2(value: f64) -> i32 {
    // The exponent of a double is just that; 11 bits fit. Numbers below 2^-1022 are nobody's difficulty.
    ((value.to_bits() >> 52) & 0x7ff) as i32 - 1023
}

/// 2 to this power, within what a double holds.
pub(super) fn power_of_two(exponent: i32) -> f64 {
    2f64.powi(exponent)
}
