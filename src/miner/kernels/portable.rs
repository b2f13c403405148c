//! The kernel for every machine: two calls of the compression function of `sha2` per try.
//!
//! `sha2` chooses the instructions of the CPU at run time, so this is a fair speed wherever there are SHA extensions. It
//! is also the yardstick: other kernels are only worth having if they beat it.

use sha2::block_api::compress256;

use super::{INITIAL, Kernel, Prepared};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portable;

impl Kernel for Portable {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn scan(&self, work: &Prepared, first: u32, count: u32, candidates: &mut Vec<u32>) -> u32 {
        let mut header_end = padded(640);
        header_end[..16].copy_from_slice(&work.tail);
        header_end[16] = 0x80;
        let mut digest = padded(256);
        digest[32] = 0x80;

        for index in 0..count {
            let nonce = first.wrapping_add(index);
            header_end[12..16].copy_from_slice(&nonce.to_le_bytes());
            let mut state = work.midstate;
            compress256(&mut state, &[header_end]);

            for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
                bytes.copy_from_slice(&word.to_be_bytes());
            }
            let mut state = INITIAL;
            compress256(&mut state, &[digest]);

            // The hash is a little-endian number, so its last word, byte-swapped, is the most significant.
            if state[7].swap_bytes() <= work.top_word {
                candidates.push(nonce);
                return index + 1;
            }
        }
        count
    }
}

/// A last block of zeros that ends in the length of the message in bits (FIPS 180-4, 5.1.1).
const fn padded(message_bits: u16) -> [u8; 64] {
    let mut block = [0; 64];
    [block[62], block[63]] = message_bits.to_be_bytes();
    block
}
