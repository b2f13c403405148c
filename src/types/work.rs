//! The Bitcoin work header, so that real SHA-256d miners can mine here.
//!
//! A block of ours is proven by the hash of an 80-byte Bitcoin header. Of that header only four fields are free, the
//! [`WorkProof`]; the rest follows from the block:
//!
//! ```text
//! coinbase    = a Bitcoin coinbase transaction whose input script pushes height, block id and extra nonce
//! work header = version ‖ parent id ‖ SHA256d(coinbase) ‖ time in seconds ‖ bits ‖ nonce
//! valid when    SHA256d(work header), as a little-endian integer, is at most target(bits)
//! ```
//!
//! The block id is hashed into the coinbase, so the proof commits to every byte of the block, and a miner sees nothing
//! but an ordinary job: a coinbase with a hole for the extra nonce, no merkle branch, a header.
//!
//! # Deviations from Bitcoin
//!
//! - The header is never stored or sent: its free fields are the seal and the rest is derived.
//! - The hash of the work header is not the block id, and `previous` is our parent id, which is known before the
//!   parent's own proof. So no sequentiality of work is claimed.
//! - The coinbase is version 1, has no witness, pays nothing, and repeats the block id in an `OP_RETURN` output for
//!   people who look at it with Bitcoin's tools.
//!
//! # Source
//!
//! Bitcoin Core's `primitives/block.h` and `script.h`, BIP 34 (height in the coinbase), BIP 320 (version bits 13–28 are
//! free for miners to roll).

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::sha256d;
use super::target::{Bits, BitsError};

/// Bytes in a work header.
pub const WORK_HEADER_BYTES: usize = 80;

/// The version of a job: top bits 001 (BIP 9), nothing signalled, the bits that miners roll clear.
pub const WORK_VERSION: i32 = 0x2000_0000;

/// Version bits 13–28: without meaning, free for miners to roll (BIP 320).
pub const VERSION_ROLLING_MASK: u32 = 0x1fff_e000;

/// Bytes of the extra nonce.
pub const EXTRA_NONCE_BYTES: usize = 8;

/// `OP_RETURN`: an output that nobody can spend.
const OP_RETURN: u8 = 0x6a;

/// `OP_1`; the opcodes of 2 to 16 follow it.
const OP_1: u8 = 0x51;

/// Pushes the 32 bytes that follow.
const PUSH_32: u8 = 32;

/// Pushes the eight bytes of the extra nonce that follow.
const PUSH_EXTRA_NONCE: u8 = 8;

/// The fields of a Bitcoin header; hashes are in the order of the hash function's output ("internal order").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WorkHeader {
    /// The version; bits 13–28 carry no meaning.
    pub version: i32,
    /// The parent's block id.
    pub previous: [u8; 32],
    /// The root over the coinbase, which is its hash; see [`merkle_root`].
    pub merkle_root: [u8; 32],
    /// Seconds since the Unix epoch.
    pub time: u32,
    /// The target.
    pub bits: Bits,
    /// The nonce.
    pub nonce: u32,
}

impl WorkHeader {
    /// The 80 bytes that are hashed.
    pub fn encode(&self) -> [u8; WORK_HEADER_BYTES] {
        let mut bytes = [0; WORK_HEADER_BYTES];
        bytes[0..4].copy_from_slice(&self.version.to_le_bytes());
        bytes[4..36].copy_from_slice(&self.previous);
        bytes[36..68].copy_from_slice(&self.merkle_root);
        bytes[68..72].copy_from_slice(&self.time.to_le_bytes());
        bytes[72..76].copy_from_slice(&self.bits.0.to_le_bytes());
        bytes[76..80].copy_from_slice(&self.nonce.to_le_bytes());
        bytes
    }

    /// The header of these 80 bytes; all of them mean one.
    pub fn decode(bytes: &[u8; WORK_HEADER_BYTES]) -> Self {
        Self {
            version: i32::from_le_bytes(field(bytes, 0)),
            previous: field(bytes, 4),
            merkle_root: field(bytes, 36),
            time: u32::from_le_bytes(field(bytes, 68)),
            bits: Bits(u32::from_le_bytes(field(bytes, 72))),
            nonce: u32::from_le_bytes(field(bytes, 76)),
        }
    }

    /// SHA-256d of the 80 bytes; people read it reversed, with its zeros in front.
    pub fn hash(&self) -> [u8; 32] {
        sha256d(&self.encode())
    }

    /// Whether the hash meets the target of the header's own bits. Whether these bits are the required ones is another
    /// question.
    ///
    /// # Errors
    ///
    /// Bits that encode no target.
    pub fn is_proven(&self) -> Result<bool, BitsError> {
        Ok(self.bits.target()?.is_met_by(&self.hash()))
    }
}

/// `N` bytes from `start`; both are constants of the layout above.
fn field<const N: usize>(bytes: &[u8; WORK_HEADER_BYTES], start: usize) -> [u8; N] {
    std::array::from_fn(|index| bytes[start + index])
}

/// The free fields of a work header: what a nonce search finds and a seal of work holds.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
pub struct WorkProof {
    /// The version; bits 13–28 carry no meaning.
    pub version: i32,
    /// The extra nonce in the coinbase.
    pub extra_nonce: u64,
    /// Seconds since the Unix epoch.
    pub time: u32,
    /// The nonce.
    pub nonce: u32,
}

impl WorkProof {
    /// The work header of this proof for the block `block_id` at `height`, child of `previous`, that claims `bits`.
    pub fn header(
        &self,
        height: u64,
        block_id: &[u8; 32],
        previous: [u8; 32],
        bits: Bits,
    ) -> WorkHeader {
        WorkHeader {
            version: self.version,
            previous,
            merkle_root: merkle_root(&coinbase(height, block_id, self.extra_nonce), &[]),
            time: self.time,
            bits,
            nonce: self.nonce,
        }
    }
}

/// A coinbase around its hole: the bytes before and after the eight of the extra nonce.
///
/// A Stratum server hands out the two parts and lets server and client fill the hole, four bytes each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CoinbaseParts {
    /// The bytes before the extra nonce.
    pub prefix: Vec<u8>,
    /// The bytes after it.
    pub suffix: Vec<u8>,
}

impl CoinbaseParts {
    /// The transaction with this extra nonce, written big-endian so that its hexadecimal digits read as the number.
    pub fn with(&self, extra_nonce: u64) -> Vec<u8> {
        let mut bytes =
            Vec::with_capacity(self.prefix.len() + EXTRA_NONCE_BYTES + self.suffix.len());
        bytes.extend_from_slice(&self.prefix);
        bytes.extend_from_slice(&extra_nonce.to_be_bytes());
        bytes.extend_from_slice(&self.suffix);
        bytes
    }
}

/// The coinbase transaction of the block `block_id` at `height`, around its extra nonce.
///
/// Whole, it is 137 to 141 bytes up to height 2^31 − 1, and never more than 146.
pub fn coinbase_parts(height: u64, block_id: &[u8; 32]) -> CoinbaseParts {
    let height = push_number(height);
    let script_bytes = height.len() + 1 + block_id.len() + 1 + EXTRA_NONCE_BYTES;

    let mut prefix = Vec::with_capacity(128);
    prefix.extend_from_slice(&1u32.to_le_bytes()); // version
    prefix.push(1); // one input …
    prefix.extend_from_slice(&[0; 32]); // … that spends nothing: the null hash
    prefix.extend_from_slice(&u32::MAX.to_le_bytes()); // and the null index
    prefix.push(u8::try_from(script_bytes).expect("a script of at most 52 bytes"));
    prefix.extend_from_slice(&height);
    prefix.push(PUSH_32);
    prefix.extend_from_slice(block_id);
    prefix.push(PUSH_EXTRA_NONCE);

    let mut suffix = Vec::with_capacity(52);
    suffix.extend_from_slice(&u32::MAX.to_le_bytes()); // sequence
    suffix.push(1); // one output …
    suffix.extend_from_slice(&0u64.to_le_bytes()); // … of nothing
    suffix.push(2 + PUSH_32); // the length of its script
    suffix.push(OP_RETURN);
    suffix.push(PUSH_32);
    suffix.extend_from_slice(block_id);
    suffix.extend_from_slice(&0u32.to_le_bytes()); // lock time

    CoinbaseParts { prefix, suffix }
}

/// The coinbase transaction of the block `block_id` at `height` with this extra nonce; see [`coinbase_parts`].
pub fn coinbase(height: u64, block_id: &[u8; 32], extra_nonce: u64) -> Vec<u8> {
    coinbase_parts(height, block_id).with(extra_nonce)
}

/// The merkle root of a Bitcoin block from its coinbase and the branch beside it, from the leaves up.
///
/// Blocks of ours have an empty branch: the root is the coinbase's hash. Pools that serve real Bitcoin jobs do not.
pub fn merkle_root(coinbase: &[u8], branch: &[[u8; 32]]) -> [u8; 32] {
    branch.iter().fold(sha256d(coinbase), |left, right| {
        let mut pair = [0; 64];
        pair[..32].copy_from_slice(&left);
        pair[32..].copy_from_slice(right);
        sha256d(&pair)
    })
}

/// A number pushed as Bitcoin's script pushes it: `OP_0` to `OP_16`, else the fewest little-endian bytes that leave the
/// sign bit of the last one clear (BIP 34).
fn push_number(number: u64) -> Vec<u8> {
    match u8::try_from(number) {
        Ok(0) => return vec![0],
        Ok(small @ 1..=16) => return vec![OP_1 + small - 1],
        _ => {}
    }
    let used = (64 - number.leading_zeros()).div_ceil(8) as usize; // at most 8
    let mut digits = number.to_le_bytes()[..used].to_vec();
    if digits.last().is_some_and(|last| last & 0x80 != 0) {
        digits.push(0);
    }
    let mut push = vec![u8::try_from(digits.len()).expect("at most 9 bytes")];
    push.extend(digits);
    push
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
