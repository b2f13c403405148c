//! The stake kernel: a hash that every coin has in every second, and whether the coin wins by it.
//!
//! ```text
//! kernel hash = SHA256d(tag ‖ modifier ‖ created ‖ coin id ‖ second)
//! wins when     kernel hash, as a little-endian integer, ≤ target × coin-days
//! ```
//!
//! The tag is a hash of a name and the genesis id; `created` is the coin's time in milliseconds; it and the second since the
//! epoch are 64 bits, least significant byte first. Tag and modifier are together one block of SHA-256, so its work is done
//! once per modifier and a try costs two compressions. Nothing that a staker can vary for another try is in it.
//!
//! A coin that is held for a day beyond the minimum age has one coin-day. Coin-days are not rounded: what is compared is
//! hash × one coin × one day with target × amount × age.

use num_bigint::BigUint;

use crate::types::canary::{Bug, planted};
use crate::types::sha256::{self, compressed, hashed_again, last_block};
use crate::types::target::Target;
use crate::types::{Amount, COIN, CoinId, GenesisId, Hash, Span, Time, tagged};

/// One coin-day in base units times milliseconds.
pub(super) const COIN_DAY: u64 = COIN * 86_400_000;

/// Where the second stands in the last block of a kernel's message.
const SECOND_AT: usize = 40;

/// Bytes of a kernel's message, and those of them that are in its last block.
const MESSAGE_BYTES: u16 = 112;
const LAST_BYTES: usize = 48;

/// From when to when the weight of a coin grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// A coin has weight when it is older than this.
    pub min_age: Span,
    /// From this age on its weight grows no more.
    pub max_age: Span,
}

impl Ages {
    /// The age that counts at a moment: min(age, maximum) − minimum. Nothing for a coin that is not older than the minimum,
    /// or was created later.
    pub fn weighted(&self, created: Time, at: Time) -> Span {
        let age = at.since(created).min(self.max_age);
        let least = if planted(Bug::MinAgeIgnored) { 0 } else { self.min_age.0 };
        Span(age.0.saturating_sub(least))
    }
}

/// The kernel hash under one stake modifier, all but coin and second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    midstate: sha256::State,
}

impl Kernel {
    /// The kernel of a chain under this modifier.
    pub fn new(chain: &GenesisId, modifier: &Hash) -> Self {
        let mut first = [0; 64];
        first[..32].copy_from_slice(&tagged("assay/stake-kernel", chain, &[]).0);
        first[32..].copy_from_slice(&modifier.0);
        Self { midstate: sha256::midstate(&first) }
    }

    /// The hash of a coin in a second since the epoch.
    pub fn hash(&self, created: Time, coin: &CoinId, second: u64) -> Hash {
        let block = last_of(created, coin, second);
        Hash(sha256::bytes_of(self.words(&block)))
    }

    /// The hash by its last block, as the words of SHA-256.
    #[inline]
    pub(super) fn words(&self, last: &[u8; 64]) -> sha256::State {
        hashed_again(compressed(self.midstate, last))
    }
}

/// The last block of a kernel's message.
#[inline]
pub(super) fn last_of(created: Time, coin: &CoinId, second: u64) -> [u8; 64] {
    let mut block = const { last_block(LAST_BYTES, MESSAGE_BYTES) };
    block[..8].copy_from_slice(&created.0.to_le_bytes());
    block[8..SECOND_AT].copy_from_slice(coin.as_bytes());
    block[SECOND_AT..LAST_BYTES].copy_from_slice(&second.to_le_bytes());
    block
}

/// Whether a coin of this amount and [weighted age](Ages::weighted) wins by its kernel hash. Exact.
pub fn hits(hash: &Hash, target: &Target, amount: Amount, age: Span) -> bool {
    let weight = u128::from(amount.0) * u128::from(age.0);
    lies_within(hash, target, weight, COIN_DAY)
}

/// Whether hash × `unit` ≤ target × `weight`, the hash as a little-endian integer. The products have at most 384 bits, which
/// Peercoin's descendants with integers of 256 bits get wrong for easy targets.
pub(super) fn lies_within(hash: &Hash, target: &Target, weight: u128, unit: u64) -> bool {
    BigUint::from_bytes_le(&hash.0) * unit <= target.value() * weight
}

#[cfg(test)]
#[path = "tests/kernel.rs"]
mod tests;
