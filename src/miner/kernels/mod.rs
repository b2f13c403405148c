//! Kernels: the inner loop that hashes headers which differ in the nonce, or in nonce and version, alone.
//!
//! SHA-256 reads a work header as two blocks of 64 bytes. The nonce is in the second, so the state after the first, the
//! *midstate*, is computed once for 2^32 tries; what remains of the header is the *tail* of 16 bytes. Per try a kernel
//! compresses twice: the second block of the first hash, and the only block of the second hash.
//!
//! A kernel compares only the most significant word of the hash with that of the target. What passes is a candidate and
//! is judged by others. So a kernel may skip whatever does not feed that word, and all kernels agree to the bit on which
//! tries are candidates.
//!
//! # Version rolling
//!
//! The version is in the first block, so headers that differ in it have other midstates and the same second block, whose
//! message schedule is half of the work of a compression. A kernel that rolls the version computes that schedule once
//! for all versions of a nonce. It tries 2^32 headers under an extra nonce as well: the low [`Kernel::version_bits`] of a
//! try's number are the version's and the others are the nonce; see [`version_and_nonce`].
//!
//! A new kernel is one file here and one entry in [`ALL`]; the tests of this module then hold for it.

mod choice;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod rounds;
#[cfg(target_arch = "x86_64")]
mod sha_ni;
#[cfg(target_arch = "x86_64")]
mod walk;

mod portable;
mod schedule;

use schedule::Schedule;

use crate::types::sha256::{State, midstate};
use crate::types::target::Target;
use crate::types::work::{VERSION_ROLLING_MASK, WorkHeader};

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::{Avx512, Avx512Rolling};
pub use choice::{KernelError, available, calibrate, find};
pub use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub use sha_ni::ShaNi;

/// Every kernel of this architecture, usually the slowest first. Which of them run on this processor only the processor
/// knows: see [`available`].
pub const ALL: &[&dyn Kernel] = &[
    &Portable,
    #[cfg(target_arch = "x86_64")]
    &Avx2,
    #[cfg(target_arch = "x86_64")]
    &ShaNi,
    #[cfg(target_arch = "x86_64")]
    &Avx512,
    #[cfg(target_arch = "x86_64")]
    &Avx512Rolling,
];

/// A work header, prepared for tries that differ in the nonce, or in nonce and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The states of SHA-256 after the first 64 bytes, one for each version; the header's own comes first.
    pub midstates: Vec<State>,
    /// What is known of the second block's rounds under each version.
    schedules: Vec<Schedule>,
    /// The last 16 bytes: end of the merkle root, time, bits, and zeros for the nonce, which kernels fill in.
    pub tail: [u8; 16],
    /// The most significant word of the target.
    pub top_word: u32,
}

impl Prepared {
    /// Compresses the first 64 bytes under each of the 2^`version_bits` versions. The header's own nonce leaves no trace.
    ///
    /// # Panics
    ///
    /// If more version bits are rolled than the 16 that are free.
    pub fn new(header: &WorkHeader, target: &Target, version_bits: u32) -> Self {
        assert!(
            version_bits <= VERSION_ROLLING_MASK.count_ones(),
            "these version bits have meaning"
        );
        let encoded = |number| {
            let (version, nonce) = version_and_nonce(header.version, number, version_bits);
            WorkHeader { version, nonce, ..*header }.encode()
        };
        let midstates: Vec<State> = (0..1 << version_bits)
            .map(|number| midstate(encoded(number).first_chunk().expect("80 bytes hold 64")))
            .collect();
        let tail = *encoded(0).last_chunk().expect("80 bytes hold 16");
        let schedules = midstates.iter().map(|state| Schedule::new(*state, &tail)).collect();
        Self { midstates, schedules, tail, top_word: target.top_word() }
    }
}

/// The version and the nonce of a try: its low `version_bits` change the version, from bit 13 upwards, and the other bits
/// are the nonce. Without version bits, the number is the nonce.
pub fn version_and_nonce(version: i32, number: u32, version_bits: u32) -> (i32, u32) {
    let rolled = number & ((1 << version_bits) - 1);
    let lowest = VERSION_ROLLING_MASK.trailing_zeros();
    (version ^ (rolled << lowest).cast_signed(), number >> version_bits)
}

/// One way to hash headers that differ in the nonce, or in nonce and version. Stateless: threads share it.
pub trait Kernel: Send + Sync {
    /// The name by which people choose it and reports show it.
    fn name(&self) -> &'static str;

    /// What it needs and this processor does not have, by the names of Rust's target features.
    fn missing(&self) -> Option<&'static str> {
        None
    }

    /// Whether it runs on this processor.
    fn is_available(&self) -> bool {
        self.missing().is_none()
    }

    /// How many bits of the version it rolls; see [`version_and_nonce`].
    fn version_bits(&self) -> u32 {
        0
    }

    /// Prepares a header for [`Kernel::scan`].
    fn prepare(&self, header: &WorkHeader, target: &Target) -> Prepared {
        Prepared::new(header, target, self.version_bits())
    }

    /// Tries `first`, `first + 1`, … , at most `count` of them, and appends the candidates among them in rising order: all
    /// numbers whose hash has a most significant word of at most `work.top_word`. What a number stands for says
    /// [`version_and_nonce`]: for most kernels it is the nonce.
    ///
    /// Gives how many were tried. It may be less than `count` only if candidates were appended: a kernel stops after the
    /// group of tries, of whatever size it works in, that holds its first candidate, so that easy targets neither fill
    /// memory nor waste hashes. Numbers that were not tried are not appended.
    ///
    /// The caller keeps `first + count` within 2^32, and prepares `work` with this kernel.
    ///
    /// # Panics
    ///
    /// If this processor lacks what the kernel needs, or `work` was prepared for another number of version bits.
    fn scan(&self, work: &Prepared, first: u32, count: u32, candidates: &mut Vec<u32>) -> u32;
}

#[cfg(test)]
#[path = "kernels_tests.rs"]
mod tests;
