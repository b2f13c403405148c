//! What the age of a coin earns.

use crate::types::{Amount, Span};

/// The whole of which a rate counts parts.
const MILLION: u128 = 1_000_000;

/// A rate of interest: simple, in proportion to age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Millionths of its amount that a coin earns in a period.
    pub parts_per_million: u32,
    /// The period; not nothing.
    pub period: Span,
}

/// What a coin of this age has earned: amount × age × rate ÷ period, rounded down, at most 2^64 − 1 base units.
///
/// Since only one division rounds, the parts of a coin never earn more than the whole, however it is split, and no more than
/// one base unit less for each part beyond the first.
///
/// # Panics
///
/// If the period is nothing, which no chain spec allows.
pub fn interest(amount: Amount, age: Span, rate: &Rate) -> Amount {
    assert!(rate.period > Span(0), "a spec refuses interest for a period of nothing");
    let (parts, whole) = (u128::from(rate.parts_per_million), u128::from(rate.period.0) * MILLION);
    let weight = u128::from(amount.0) * u128::from(age.0);
    // weight × parts may leave 128 bits. With weight = quotient × whole + rest the result is quotient × parts, exactly, and
    // what rest × parts, below 2^116, gives.
    let (quotient, rest) = (weight / whole, weight % whole);
    let earned = quotient.saturating_mul(parts).saturating_add(rest * parts / whole);
    Amount(u64::try_from(earned).unwrap_or(u64::MAX))
}

#[cfg(test)]
#[path = "tests/interest.rs"]
mod tests;
