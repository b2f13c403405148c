//! What a search works on.

use std::num::{NonZeroU32, NonZeroU64};

use super::kernels::version_and_nonce;
use crate::types::target::{Bits, BitsError, Target};
use crate::types::work::{
    CoinbaseParts, WORK_VERSION, WorkHeader, WorkProof, coinbase_parts, merkle_root,
};

/// The extra nonces of a job: `first`, `first + stride`, … , `count` of them, modulo 2^64.
///
/// Miners that share one block take disjoint ones: the same stride and different firsts below it, or ranges side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtraNonces {
    /// The first one.
    pub first: u64,
    /// The distance to the next.
    pub stride: NonZeroU64,
    /// How many there are; each stands for 2^32 tries.
    pub count: NonZeroU32,
}

impl Default for ExtraNonces {
    /// 0, 1, 2, … as many as a job can have.
    fn default() -> Self {
        Self { first: 0, stride: NonZeroU64::MIN, count: NonZeroU32::MAX }
    }
}

/// A block to be proven, as the search sees it: its work header but for merkle root and nonce, and its coinbase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    version: i32,
    previous: [u8; 32],
    coinbase: CoinbaseParts,
    time: u32,
    bits: Bits,
    target: Target,
    extra_nonces: ExtraNonces,
}

impl Job {
    /// A job over all extra nonces. `previous` is the parent's id, `time` is in seconds.
    ///
    /// # Errors
    ///
    /// Bits that encode no target: they would make the search endless.
    pub fn new(
        version: i32,
        previous: [u8; 32],
        coinbase: CoinbaseParts,
        time: u32,
        bits: Bits,
    ) -> Result<Self, BitsError> {
        let target = bits.target()?;
        let extra_nonces = ExtraNonces::default();
        Ok(Self { version, previous, coinbase, time, bits, target, extra_nonces })
    }

    /// The job of proving the block `block_id` at `height`, child of `previous`, that claims `bits`; see
    /// [`crate::types::work`]. Its proofs are those that [`WorkProof::header`] accepts for the same block.
    ///
    /// # Errors
    ///
    /// As [`Job::new`].
    pub fn for_block(
        height: u64,
        block_id: &[u8; 32],
        previous: [u8; 32],
        time: u32,
        bits: Bits,
    ) -> Result<Self, BitsError> {
        Self::new(WORK_VERSION, previous, coinbase_parts(height, block_id), time, bits)
    }

    /// The same job over these extra nonces only.
    pub fn with_extra_nonces(self, extra_nonces: ExtraNonces) -> Self {
        Self { extra_nonces, ..self }
    }

    /// The target that a hash must meet.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How many tries there are: 2^32 for each extra nonce.
    pub fn tries(&self) -> u64 {
        u64::from(self.extra_nonces.count.get()) << 32
    }

    /// The free fields of the try with this number, for a search that leaves the version alone.
    pub fn proof(&self, number: u64) -> WorkProof {
        self.rolled_proof(number, 0)
    }

    /// The free fields of the try with this number, for a search by a kernel that rolls so many bits of the version: the
    /// high half of the number counts extra nonces, the low half is version and nonce as [`version_and_nonce`] says.
    ///
    /// The chain leaves those bits to miners (BIP 320), so these are proofs as good as others.
    pub fn rolled_proof(&self, number: u64, version_bits: u32) -> WorkProof {
        let ExtraNonces { first, stride, .. } = self.extra_nonces;
        let low = number as u32; // the low half, by definition
        let (version, nonce) = version_and_nonce(self.version, low, version_bits);
        WorkProof {
            version,
            extra_nonce: first.wrapping_add((number >> 32).wrapping_mul(stride.get())),
            time: self.time,
            nonce,
        }
    }

    /// The work header of a proof of this job.
    pub fn header(&self, proof: &WorkProof) -> WorkHeader {
        WorkHeader {
            version: proof.version,
            previous: self.previous,
            merkle_root: merkle_root(&self.coinbase.with(proof.extra_nonce), &[]),
            time: proof.time,
            bits: self.bits,
            nonce: proof.nonce,
        }
    }
}
