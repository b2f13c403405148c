//! The stake kernel: a hash that each coin has in each second, and whether the coin wins by it.

use num_bigint::BigUint;
use sha2::block_api::compress256;

use crate::types::target::Target;
use crate::types::{Amount, COIN, CoinId, GenesisId, Hash, Span, Time, tagged};

/// The state of SHA-256 before the first block (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// Where the second stands in a coin's block.
const SECOND_AT: usize = 40;

/// From when to when the weight of a coin grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// A coin has weight when it is older than this.
    pub min_age: Span,
    /// From this age on its weight grows no more.
    pub max_age: Span,
}

impl Ages {
    /// The age that counts at a moment: what a coin is older than the minimum, and no more than between minimum and
    /// maximum. Nothing for a coin that is too young or was created later.
    pub fn weighted(&self, created: Time, at: Time) -> Span {
        let age = at.since(created).min(self.max_age);
        Span(age.0.saturating_sub(self.min_age.0))
    }
}

/// The kernel hash of every coin in every second under one stake modifier, but for coin and second:
/// SHA-256d(tag ‖ modifier ‖ created ‖ coin ‖ second), where the tag is a hash of a name and the genesis id, `created` is
/// in milliseconds, and both numbers are 64 bits, least significant byte first. Tag and modifier fill exactly the first
/// block of SHA-256, so its work is done once, and a try costs two compressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    midstate: [u32; 8],
}

impl Kernel {
    /// The kernel of the chain under this modifier.
    pub fn new(chain: &GenesisId, modifier: &Hash) -> Self {
        let mut first = [0; 64];
        first[..32].copy_from_slice(&tagged("assay/stake-kernel", chain, &[]).0);
        first[32..].copy_from_slice(&modifier.0);
        let mut midstate = INITIAL;
        compress256(&mut midstate, &[first]);
        Self { midstate }
    }

    /// The hash of a coin in a second since the epoch. Read as a number it is little-endian, like a proof of work.
    pub fn hash(&self, created: Time, coin: &CoinId, second: u64) -> Hash {
        let mut block = coin_block(created, coin);
        let state = self.try_block(&mut block, second);
        let mut hash = [0; 32];
        for (bytes, word) in hash.chunks_exact_mut(4).zip(state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        Hash(hash)
    }

    /// The words of the hash of the coin that a block was prepared for.
    pub(super) fn try_block(&self, block: &mut [u8; 64], second: u64) -> [u32; 8] {
        block[SECOND_AT..SECOND_AT + 8].copy_from_slice(&second.to_le_bytes());
        let mut state = self.midstate;
        compress256(&mut state, &[*block]);
        let mut digest = [0; 64];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        digest[32] = 0x80;
        digest[62..].copy_from_slice(&256u16.to_be_bytes());
        let mut state = INITIAL;
        compress256(&mut state, &[digest]);
        state
    }
}

/// The second block of a coin's hash, in which only the second is open.
pub(super) fn coin_block(created: Time, coin: &CoinId) -> [u8; 64] {
    let mut block = [0; 64];
    block[..8].copy_from_slice(&created.0.to_le_bytes());
    block[8..SECOND_AT].copy_from_slice(coin.as_bytes());
    block[SECOND_AT + 8] = 0x80;
    // Two blocks less the padding of the second: 64 + 48 bytes.
    block[62..].copy_from_slice(&(8 * 112u16).to_be_bytes());
    block
}

/// Whether a coin of this amount and weighted age wins by its kernel hash: hash ≤ target × coin-days, exactly and without
/// rounding, in numbers as wide as it takes. One coin for one day is one coin-day.
pub fn hits(hash: &Hash, target: &Target, amount: Amount, age: Span) -> bool {
    let hash = BigUint::from_bytes_le(&hash.0);
    hash * COIN * DAY_MS <= target.value() * amount.0 * age.0
}

/// A bound on the top 64 bits of the hashes by which a coin wins: none above it does, and few at it do not.
pub(super) struct Bound(f64);

impl Bound {
    pub(super) fn new(target: &Target) -> Self {
        let top = target.to_be_bytes();
        let top = u64::from_be_bytes(*top.first_chunk().expect("32 bytes have 8"));
        // Rounded up, and by more than all roundings below together.
        Self((top as f64 + 1.0) / (COIN as f64 * DAY_MS as f64) * (1.0 + 1e-12))
    }

    pub(super) fn of(&self, amount: Amount, age: Span) -> u64 {
        // Amounts are below 2^53. A conversion that leaves 64 bits stops at the greatest number.
        let bound = self.0 * amount.0 as f64 * age.0 as f64 + 1.0;
        bound as u64
    }
}
