//! What a transaction pays: a rate, and the factor that people give.

use std::str::FromStr;

use crate::types::Amount;

/// How many times the least fee to pay, in thousandths: what `--fee-rate` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeeFactor(pub(super) u64);

impl FeeFactor {
    /// Exactly the least fee.
    pub const ONE: Self = Self(1000);

    /// More than a thousand times the least fee is a slip of the finger.
    pub(super) const MAX: Self = Self(1_000_000);
}

impl Default for FeeFactor {
    fn default() -> Self {
        Self::ONE
    }
}

impl FromStr for FeeFactor {
    type Err = FeeFactorError;

    fn from_str(text: &str) -> Result<Self, FeeFactorError> {
        let refuse = |reason| FeeFactorError { given: text.chars().take(40).collect(), reason };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 3 {
            return Err(refuse("write a number such as 2 or 1.5, with at most 3 decimals"));
        }
        let thousandths = format!("{whole}{decimals:0<3}").parse().map(Self);
        match thousandths {
            Ok(factor) if factor < Self::ONE => {
                Err(refuse("no node takes less than the least fee, which is 1"))
            }
            Ok(factor) if factor <= Self::MAX => Ok(factor),
            _ => Err(refuse("at most 1000 times the least fee is paid")),
        }
    }
}

/// Why a text is no factor of the fee.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no factor of the least fee: {reason}")]
pub struct FeeFactorError {
    given: String,
    reason: &'static str,
}

/// What a transaction pays per encoded byte, in thousandths of a base unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeRate(u128);

impl FeeRate {
    /// `factor` times the least fee of a chain, which is in base units per byte.
    pub fn new(fee_per_byte_min: u64, factor: FeeFactor) -> Self {
        Self(u128::from(fee_per_byte_min) * u128::from(factor.0))
    }

    /// What so many bytes cost, rounded up.
    pub fn fee(self, bytes: usize) -> Amount {
        // A rate is below 2^84 and a size below 2^44. What exceeds an amount exceeds all money too.
        let fee = (self.0 * bytes as u128).div_ceil(1000);
        Amount(u64::try_from(fee).unwrap_or(u64::MAX))
    }
}
