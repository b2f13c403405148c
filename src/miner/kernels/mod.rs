//! Kernels: the inner loop that hashes headers which differ in the nonce alone.
//!
//! SHA-256 reads a work header as two blocks of 64 bytes. The nonce is in the second, so the state after the first, the
//! *midstate*, is computed once for 2^32 tries; what remains of the header is the *tail* of 16 bytes. Per try a kernel
//! compresses twice: the second block of the first hash, and the only block of the second hash.
//!
//! A kernel compares only the most significant word of the hash with that of the target. What passes is a candidate and
//! is judged by others. So a kernel may skip whatever does not feed that word, and all kernels agree to the bit on which
//! nonces are candidates.
//!
//! A new kernel is one file here and one entry in [`ALL`]; the tests of this module then hold for it.

mod portable;

use crate::types::sha256::{State, midstate};
use crate::types::target::Target;
use crate::types::work::WorkHeader;

pub use portable::Portable;

/// Every kernel that can run here, the slowest first.
pub const ALL: &[&dyn Kernel] = &[&Portable];

/// A work header, prepared for tries that differ in the nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepared {
    /// The state of SHA-256 after the first 64 bytes.
    pub midstate: State,
    /// The last 16 bytes: end of the merkle root, time, bits, and zeros for the nonce, which kernels fill in.
    pub tail: [u8; 16],
    /// The most significant word of the target.
    pub top_word: u32,
}

impl Prepared {
    /// Compresses the first 64 bytes. The header's own nonce leaves no trace.
    pub fn new(header: &WorkHeader, target: &Target) -> Self {
        let bytes = WorkHeader { nonce: 0, ..*header }.encode();
        let (first, tail) = bytes.split_first_chunk::<64>().expect("80 bytes hold 64");
        let tail = *tail.first_chunk().expect("80 bytes less 64 are 16");
        Self { midstate: midstate(first), tail, top_word: target.top_word() }
    }
}

/// One way to hash headers that differ in the nonce. Stateless: threads share it.
pub trait Kernel: Send + Sync {
    /// The name by which people choose it and reports show it.
    fn name(&self) -> &'static str;

    /// Tries the nonces `first`, `first + 1`, … , at most `count` of them, and appends the candidates among them in
    /// rising order: all nonces whose hash has a most significant word of at most `work.top_word`.
    ///
    /// Gives the number of nonces tried. It may be less than `count` only if candidates were appended: a kernel stops
    /// after the group of nonces, of whatever size it works in, that holds its first candidate, so that easy targets
    /// neither fill memory nor waste hashes. Nonces that were not tried are not appended.
    ///
    /// The caller keeps `first + count` within 2^32.
    fn scan(&self, work: &Prepared, first: u32, count: u32, candidates: &mut Vec<u32>) -> u32;
}

#[cfg(test)]
#[path = "kernels_tests.rs"]
mod tests;
