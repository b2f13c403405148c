//! SHA-256 by its compression function, for hashing many messages that begin alike.
//!
//! SHA-256 reads blocks of 64 bytes. What a message's first block does to the state, its *midstate*, is computed once for
//! all messages that share that block. `sha2` chooses the instructions of the CPU at run time.
//!
//! # Source
//!
//! FIPS 180-4, sections 5.1.1 (padding), 5.3.3 (initial state) and 6.2.

use sha2::block_api::compress256;

/// The state of SHA-256: between two blocks, or at the end as the words of the hash.
pub type State = [u32; 8];

/// The state before the first block of a message.
pub(crate) const INITIAL: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The state after a message's first block.
pub fn midstate(first: &[u8; 64]) -> State {
    compressed(INITIAL, first)
}

/// The state after one more block.
#[inline]
pub fn compressed(mut state: State, block: &[u8; 64]) -> State {
    compress256(&mut state, std::slice::from_ref(block));
    state
}

/// A last block that holds nothing yet but its padding: `used` bytes of zeros for the end of a message of `message` bytes,
/// the mark of the end, zeros, and the length.
///
/// # Panics
///
/// If more than 55 bytes are used, which leave no room for the padding, or the length in bits leaves 16 bits.
pub const fn last_block(used: usize, message: u16) -> [u8; 64] {
    assert!(used <= 55 && message < 1 << 13, "the padding does not fit");
    let mut block = [0; 64];
    block[used] = 0x80;
    [block[62], block[63]] = (8 * message).to_be_bytes();
    block
}

/// The second hash of SHA-256d, from the words of the first.
#[inline]
pub fn hashed_again(first: State) -> State {
    let mut block = const { last_block(32, 32) };
    block[..32].copy_from_slice(&bytes_of(first));
    compressed(INITIAL, &block)
}

/// The hash whose words these are.
#[inline]
pub fn bytes_of(words: State) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
        *bytes = word.to_be_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::sha256d;

    #[test]
    fn pieces_make_the_hash_of_the_whole() {
        for length in [64, 65, 80, 112, 119] {
            let message: Vec<u8> = (0..length).collect();
            let (first, rest) = message.split_first_chunk::<64>().unwrap();
            let mut last = last_block(rest.len(), length.into());
            last[..rest.len()].copy_from_slice(rest);
            let state = hashed_again(compressed(midstate(first), &last));
            assert_eq!(bytes_of(state), sha256d(&message), "{length}");
        }
    }

    #[test]
    #[should_panic(expected = "the padding does not fit")]
    fn a_block_without_room_for_its_padding_is_refused() {
        last_block(56, 120);
    }
}
