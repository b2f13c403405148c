//! What all tries of a work header share, computed once.

use crate::types::sha256::State;

/// The round constants of SHA-256.
pub(super) const K: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

pub(super) const fn big_sigma0(x: u32) -> u32 {
    x.rotate_right(2) ^ x.rotate_right(13) ^ x.rotate_right(22)
}

pub(super) const fn big_sigma1(x: u32) -> u32 {
    x.rotate_right(6) ^ x.rotate_right(11) ^ x.rotate_right(25)
}

pub(super) const fn small_sigma0(x: u32) -> u32 {
    x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3)
}

pub(super) const fn small_sigma1(x: u32) -> u32 {
    x.rotate_right(17) ^ x.rotate_right(19) ^ (x >> 10)
}

pub(super) const fn choose(e: u32, f: u32, g: u32) -> u32 {
    (e & f) ^ (!e & g)
}

pub(super) const fn majority(a: u32, b: u32, c: u32) -> u32 {
    (a & b) ^ (a & c) ^ (b & c)
}

/// The sum, modulo 2^32.
pub(super) const fn sum<const N: usize>(words: [u32; N]) -> u32 {
    let mut sum = 0u32;
    let mut index = 0;
    while index < N {
        sum = sum.wrapping_add(words[index]);
        index += 1;
    }
    sum
}

/// The state after one more round; `fed` is the round's constant and message word.
pub(super) const fn round([a, b, c, d, e, f, g, h]: State, fed: u32) -> State {
    let t1 = sum([h, big_sigma1(e), choose(e, f, g), fed]);
    let t2 = sum([big_sigma0(a), majority(a, b, c)]);
    [t1.wrapping_add(t2), a, b, c, d.wrapping_add(t1), e, f, g]
}

/// The second block of the first hash, as far as it does not depend on the nonce.
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "no kernel of vectors for this processor yet")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Schedule {
    /// The message, with zero for the nonce.
    pub(super) message: [u32; 16],
    /// The state before the block, which is added at the end.
    pub(super) midstate: State,
    /// The state before round 3, where [`rounds`](super::rounds) keeps its words.
    pub(super) start: State,
    /// `e` and `a` after round 3, less the nonce.
    pub(super) e3: u32,
    pub(super) a3: u32,
    /// Rounds 4, 5 and 6: `h`, constant and message word.
    pub(super) fed: [u32; 3],
    /// Rounds 7 to 17: constant and message word.
    pub(super) constants: [u32; 11],
    /// Message words, or what of them is known.
    pub(super) w16: u32,
    pub(super) w17: u32,
    pub(super) w18: u32,
    pub(super) w19: u32,
    pub(super) w30: u32,
    pub(super) w31: u32,
    pub(super) w32: u32,
}

impl Schedule {
    pub(super) fn new(midstate: State, tail: &[u8; 16]) -> Self {
        let tail = tail.as_chunks::<4>().0;
        let [w0, w1, w2] = [0, 1, 2].map(|index| u32::from_be_bytes(tail[index]));
        let mut state = midstate;
        for (k, w) in K.into_iter().zip([w0, w1, w2]) {
            state = round(state, k.wrapping_add(w));
        }
        let known = round(state, K[3]);
        let w16 = sum([small_sigma0(w1), w0]);
        let w17 = sum([small_sigma1(640), small_sigma0(w2), w1]);
        let w = |t| match t {
            4 => 0x8000_0000,
            15 => 640,
            16 => w16,
            17 => w17,
            _ => 0,
        };
        // In round 3 the word `x` is at `x - 3` modulo 8.
        let start = std::array::from_fn(|index| state[(index + 3) % 8]);
        let mut message = [0; 16];
        [message[0], message[1], message[2], message[4], message[15]] =
            [w0, w1, w2, 0x8000_0000, 640];
        Self {
            message,
            midstate,
            start,
            e3: known[4],
            a3: known[0],
            // In round 3 these are g, f and e.
            fed: std::array::from_fn(|index| sum([state[6 - index], K[4 + index], w(4 + index)])),
            constants: std::array::from_fn(|index| K[7 + index].wrapping_add(w(7 + index))),
            w16,
            w17,
            w18: sum([small_sigma1(w16), w2]),
            w19: sum([small_sigma1(w17), small_sigma0(0x8000_0000)]),
            w30: small_sigma0(640),
            w31: sum([small_sigma0(w16), 640]),
            w32: sum([small_sigma0(w17), w16]),
        }
    }
}
