//! The kernel for every machine: two calls of the compression function of `sha2` per try.
//!
//! `sha2` chooses the instructions of the CPU at run time, so this is a fair speed wherever there are SHA extensions. It
//! is also the yardstick: other kernels are only worth having if they beat it.

use super::{Kernel, Prepared};
use crate::types::sha256::{compressed, hashed_again, last_block};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portable;

impl Kernel for Portable {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn scan(&self, work: &Prepared, first: u32, count: u32, candidates: &mut Vec<u32>) -> u32 {
        let [midstate] = work.midstates[..] else { panic!("prepared for version rolling") };
        let mut header_end = last_block(work.tail.len(), 80);
        header_end[..16].copy_from_slice(&work.tail);

        for index in 0..count {
            let nonce = first.wrapping_add(index);
            header_end[12..16].copy_from_slice(&nonce.to_le_bytes());
            let state = hashed_again(compressed(midstate, &header_end));
            // The hash is a little-endian number, so its last word, byte-swapped, is the most significant.
            if state[7].swap_bytes() <= work.top_word {
                candidates.push(nonce);
                return index + 1;
            }
        }
        count
    }
}
