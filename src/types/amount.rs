//! Amounts of money.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// Base units in one coin.
pub const COIN: u64 = 100_000_000;

/// No supply may reach this many base units, so that tools which read JSON numbers as doubles stay exact.
pub const MONEY_LIMIT: u64 = 1 << 53;

/// An amount in base units; one coin is [`COIN`] of them. JSON carries it as a decimal string of base units.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct Amount(pub u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum, unless it overflows.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, unless it is negative.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The sum of many, unless it overflows.
    pub fn total(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::plus)
    }

    /// Reads what a person types: `1.5`, `1.5 PYR`, `1_000`, `150000000u` (base units). `symbol` is the chain's.
    pub fn parse(text: &str, symbol: &str) -> Result<Self, AmountError> {
        let refuse = |reason| Err(AmountError { given: text.chars().take(60).collect(), reason });
        let mut rest = text.trim();
        if rest.is_empty() {
            return refuse("it is empty");
        }
        if rest.starts_with('-') {
            return refuse("it is negative");
        }
        if let Some(units) = rest.strip_suffix('u') {
            return match digits(units) {
                Some(value) => Ok(Self(value)),
                None => refuse("base units are whole numbers below 2^64"),
            };
        }
        if let Some(number) = rest.strip_suffix(symbol).filter(|_| !symbol.is_empty()) {
            rest = number.trim_end();
        }
        if rest.contains(['e', 'E']) && rest.starts_with(|c: char| c.is_ascii_digit()) {
            return refuse("exponents are not read: write the number out");
        }
        let (whole, fraction) = rest.split_once('.').unwrap_or((rest, "0"));
        if fraction.len() > 8 {
            return refuse("it has more than 8 decimals: one coin is 100000000 base units");
        }
        let (Some(whole), Some(parts)) = (digits(whole), digits(fraction)) else {
            return refuse("it is not a number like 1.5");
        };
        if fraction.contains('_') {
            return refuse("underscores may group only the digits before the point");
        }
        // The fraction has at most 8 digits, so the power is at most 10^8 and the product below 2^64.
        let parts = parts * 10u64.pow(8 - u32::try_from(fraction.len()).unwrap_or(8));
        match whole.checked_mul(COIN).and_then(|whole| whole.checked_add(parts)) {
            Some(value) => Ok(Self(value)),
            None => refuse("it is more than any chain can hold"),
        }
    }
}

/// Digits, grouped by single underscores at will, as a number.
fn digits(text: &str) -> Option<u64> {
    let grouped = !text.starts_with('_') && !text.ends_with('_') && !text.contains("__");
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    let numeric = !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit());
    if grouped && numeric { plain.parse().ok() } else { None }
}

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not an amount: {reason}")]
pub struct AmountError {
    given: String,
    reason: &'static str,
}

impl AmountError {
    /// The reason alone.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for Amount {
    /// Coins with as many decimals as are needed: `1.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, parts) = (self.0 / COIN, self.0 % COIN);
        if parts == 0 {
            return f.pad(&whole.to_string());
        }
        let text = format!("{whole}.{parts:08}");
        f.pad(text.trim_end_matches('0'))
    }
}

impl serde::Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| {
            serde::de::Error::custom(format!("`{text}` is not a decimal string of base units"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_read() {
        for (text, units) in [
            ("1.5", 150_000_000),
            ("1.5 PYR", 150_000_000),
            ("1.5PYR", 150_000_000),
            ("150000000u", 150_000_000),
            ("0.00000001", 1),
            ("1_000_000", 100_000_000_000_000),
            (" 7 ", 700_000_000),
            ("0", 0),
        ] {
            assert_eq!(Amount::parse(text, "PYR"), Ok(Amount(units)), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "empty"),
            ("  ", "empty"),
            ("-1", "negative"),
            ("1e9", "exponents"),
            ("1.123456789", "8 decimals"),
            ("1,5", "not a number"),
            (".5", "not a number"),
            ("5.", "not a number"),
            ("1.2.3", "not a number"),
            ("1.5 BTC", "not a number"),
            ("1.5u", "whole numbers"),
            ("_1", "not a number"),
            ("0.1_0", "underscores"),
            ("184467440738", "more than any chain"),
            ("+1", "not a number"),
        ] {
            let error = Amount::parse(text, "PYR").unwrap_err();
            assert!(error.to_string().contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn amounts_print_as_they_are_read() {
        for units in [0, 1, 10, COIN, COIN + 1, 150_000_000, MONEY_LIMIT - 1] {
            let text = Amount(units).to_string();
            assert_eq!(Amount::parse(&text, "PYR"), Ok(Amount(units)), "{text}");
        }
    }
}
