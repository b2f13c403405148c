//! Walking the tries of a job, and the search without threads or clock.

use std::ops::Range;

use super::Job;
use super::kernels::{Kernel, Portable, Prepared};
use crate::types::work::WorkProof;

/// Tries one kernel over ranges of one job. It keeps the midstate while the extra nonce stays the same.
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
            let prepared = self.prepare(next);
            let first = next as u32; // the nonce is the low half of the number
            let left_of_nonces = (1 << 32) - u64::from(first);
            let left = (numbers.end - next).min(left_of_nonces);
            let count = u32::try_from(left).unwrap_or(u32::MAX);
            self.candidates.clear();
            let tried = self.kernel.scan(&prepared, first, count, &mut self.candidates);
            for nonce in &self.candidates {
                let number = next - u64::from(first) + u64::from(*nonce);
                let proof = self.job.proof(number);
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

    /// The header of the try `number`, computed when the extra nonce changes.
    fn prepare(&mut self, number: u64) -> Prepared {
        let extra_nonce = number >> 32;
        match self.prepared {
            Some((current, prepared)) if current == extra_nonce => prepared,
            _ => {
                let header = self.job.header(&self.job.proof(number));
                let prepared = Prepared::new(&header, self.job.target());
                self.prepared = Some((extra_nonce, prepared));
                prepared
            }
        }
    }
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
