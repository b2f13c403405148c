//! Walking the tries of a job, and the search without threads or clock.

use std::ops::Range;

use super::Job;
use super::kernels::{Kernel, Portable, Prepared};
use crate::types::work::WorkProof;

/// Tries one kernel over ranges of one job. It keeps the midstates while the extra nonce stays the same.
pub(super) struct Scanner<'a> {
    job: &'a Job,
    kernel: &'a dyn Kernel,
    /// The number of an extra nonce and its header.
    prepared: Option<(u64, Prepared)>,
    candidates: Vec<u32>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(job: &'a Job, kernel: &'a dyn Kernel) -> Self {
        Self { job, kernel, prepared: None, candidates: Vec::new() }
    }

    /// The first proof among the tries with these numbers, and how many it took up to and including it; without a proof,
    /// all of them.
    pub(super) fn scan(&mut self, numbers: Range<u64>) -> (Option<WorkProof>, u64) {
        let mut next = numbers.start;
        while next < numbers.end {
            let first = next as u32; // the low half of the number is the kernel's
            let left_of_half = (1 << 32) - u64::from(first);
            let left = (numbers.end - next).min(left_of_half);
            let count = u32::try_from(left).unwrap_or(u32::MAX);
            self.candidates.clear();
            let prepared = prepare(&mut self.prepared, self.job, self.kernel, next >> 32);
            let tried = self.kernel.scan(prepared, first, count, &mut self.candidates);
            for candidate in &self.candidates {
                let number = next - u64::from(first) + u64::from(*candidate);
                let proof = self.job.rolled_proof(number, self.kernel.version_bits());
                let hash = self.job.header(&proof).hash();
                if self.job.target().is_met_by(&hash) {
                    return (Some(proof), number - numbers.start + 1);
                }
            }
            // A kernel that tries nothing breaks its contract; the walk ends all the same.
            next += u64::from(tried.max(1));
        }
        (None, next.saturating_sub(numbers.start))
    }
}

/// The header under the extra nonce with this number, prepared anew when it is not the one of `slot`.
fn prepare<'a>(
    slot: &'a mut Option<(u64, Prepared)>,
    job: &Job,
    kernel: &dyn Kernel,
    extra_nonce: u64,
) -> &'a Prepared {
    if slot.as_ref().is_some_and(|(current, _)| *current != extra_nonce) {
        *slot = None;
    }
    let prepare = || {
        let header = job.header(&job.proof(extra_nonce << 32));
        (extra_nonce, kernel.prepare(&header, job.target()))
    };
    &slot.get_or_insert_with(prepare).1
}

/// Searches the tries `from`, `from + 1`, … , at most `tries` of them, on the caller's thread: the first proof and how
/// many tries it took, itself included.
///
/// It hashes for real, reads no clock and cannot be interrupted: choose a slice that fits the caller's patience. The same
/// arguments always give the same answer. Where a proof was found at `from + used − 1`, the search for another one goes
/// on at `from + used`. Tries beyond the end of the job are none.
pub fn search_slice(job: &Job, from: u64, tries: u64) -> Option<(WorkProof, u64)> {
    let end = from.saturating_add(tries).min(job.tries());
    let (proof, used) = Scanner::new(job, &Portable).scan(from..end);
    proof.map(|proof| (proof, used))
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
