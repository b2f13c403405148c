//! What coin age earns.

use crate::types::{Amount, Span};

/// A rate of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Millionths of an amount that it earns in a period.
    pub parts_per_million: u32,
    /// The period.
    pub period: Span,
}

/// What a coin of this age has earned: amount × age × rate ÷ period, rounded down. Two parts of a coin never earn more than
/// the whole. At most all the money there can be.
pub fn interest(amount: Amount, age: Span, rate: &Rate) -> Amount {
    let weight = u128::from(amount.0) * u128::from(age.0);
    let whole = u128::from(rate.period.0.max(1)) * 1_000_000;
    let parts = u128::from(rate.parts_per_million);
    // The product may leave 128 bits, so the quotient and the remainder are multiplied apart.
    let (quotient, rest) = (weight / whole, weight % whole);
    let earned = quotient.saturating_mul(parts).saturating_add(rest.saturating_mul(parts) / whole);
    Amount(u64::try_from(earned).unwrap_or(u64::MAX))
}
