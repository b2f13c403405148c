//! SHA extensions: one instruction for two rounds. It gives its result after four cycles and can begin every second one, so
//! hashes that do not wait for each other are interleaved.
//!
//! The state is in two registers, which hold from the highest lane `a b e f` and `c d g h`; four message words are in one,
//! the first in the lowest lane.

#![allow(unsafe_code, reason = "the instructions of one processor")]
#![allow(
    clippy::needless_range_loop,
    reason = "each step is for all streams, whatever arrays it uses"
)]

use std::arch::asm;
use std::arch::x86_64::*;

use super::rounds::each;
use super::schedule::{K, round, small_sigma0};
use super::{Kernel, Prepared};
use crate::types::sha256::{INITIAL, State};

/// The kernel that tries nonces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShaNi;

/// Hashes that are interleaved. Two fill the instruction's pipe; more run out of registers.
const STREAMS: usize = 2;

impl Kernel for ShaNi {
    fn name(&self) -> &'static str {
        "sha-ni"
    }

    fn missing(&self) -> Option<&'static str> {
        missing()
    }

    fn scan(&self, work: &Prepared, first: u32, count: u32, candidates: &mut Vec<u32>) -> u32 {
        assert_eq!(missing(), None, "what this processor does not have");
        // SAFETY: the processor has all features, checked above.
        unsafe { nonces(work, first, count, candidates) }
    }
}

fn missing() -> Option<&'static str> {
    // Macros of the standard library take literals only.
    let features = [
        ("sha", is_x86_feature_detected!("sha")),
        ("sse4.1", is_x86_feature_detected!("sse4.1")),
        ("ssse3", is_x86_feature_detected!("ssse3")),
    ];
    features.into_iter().find(|(_, there)| !there).map(|(name, _)| name)
}

/// Four words of each stream.
type Quads = [__m128i; STREAMS];

/// [`Kernel::scan`], two nonces at once.
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn nonces(work: &Prepared, first: u32, count: u32, candidates: &mut Vec<u32>) -> u32 {
    let [schedule] = &work.schedules[..] else { panic!("prepared for version rolling") };
    let header = Header::new(schedule.midstate, &schedule.message);
    let before = candidates.len();
    let mut done = 0;
    while done < count && candidates.len() == before {
        let nonces = std::array::from_fn(|stream| (first + done).wrapping_add(stream as u32));
        let words = top_words(&header, nonces);
        for (word, nonce) in words.into_iter().zip(nonces).take((count - done) as usize) {
            if word <= work.top_word {
                candidates.push(nonce);
            }
        }
        done += (count - done).min(STREAMS as u32);
    }
    done
}

/// What all nonces of a header share.
struct Header {
    /// The state before the second block.
    midstate: [__m128i; 2],
    /// The state after its first two rounds.
    start: [__m128i; 2],
    /// Words 0 to 3, with zero for the nonce.
    words: __m128i,
    /// Words 20 to 23 but for what depends on words 16 to 19, less the newest sigmas.
    words20: __m128i,
    /// Of words 28 to 31, what words 12 to 16 add.
    words28: __m128i,
}

impl Header {
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn new(midstate: State, message: &[u32; 16]) -> Self {
        let [w0, w1, w2] = [message[0], message[1], message[2]];
        let state = round(round(midstate, K[0].wrapping_add(w0)), K[1].wrapping_add(w1));
        let w16 = small_sigma0(w1).wrapping_add(w0);
        Self {
            midstate: registers(midstate),
            start: registers(state),
            words: quad([w0, w1, w2, 0]),
            words20: quad([0x8000_0000, 0, 640, w16]),
            words28: quad([0, 0, small_sigma0(640), small_sigma0(w16).wrapping_add(640)]),
        }
    }
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn quad(words: [u32; 4]) -> __m128i {
    let [a, b, c, d] = words.map(u32::cast_signed);
    _mm_setr_epi32(a, b, c, d)
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn registers([a, b, c, d, e, f, g, h]: State) -> [__m128i; 2] {
    [quad([f, e, b, a]), quad([h, g, d, c])]
}

/// The most significant words of the hashes, as numbers.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn top_words(header: &Header, nonces: [u32; STREAMS]) -> [u32; STREAMS] {
    let zero = _mm_setzero_si128();
    let mut w = [[zero; STREAMS]; 4];
    for (word, nonce) in w[0].iter_mut().zip(nonces) {
        *word = _mm_insert_epi32::<3>(header.words, nonce.swap_bytes().cast_signed());
    }
    let mut abef = [header.start[0]; STREAMS];
    let mut cdgh = [header.start[1]; STREAMS];
    // Rounds 2 and 3, which leave the halves in each other's places.
    let fed = plus(w[0], constants(0));
    for i in 0..STREAMS {
        cdgh[i] = _mm_sha256rnds2_epu32(cdgh[i], abef[i], _mm_shuffle_epi32::<0x0e>(fed[i]));
    }
    std::mem::swap(&mut abef, &mut cdgh);
    four_rounds(&mut abef, &mut cdgh, [known(4, [0x8000_0000, 0, 0, 0]); STREAMS]);
    four_rounds(&mut abef, &mut cdgh, [known(8, [0; 4]); STREAMS]);
    four_rounds(&mut abef, &mut cdgh, [known(12, [0, 0, 0, 640]); STREAMS]);
    let [mark, length] = [quad([0x8000_0000, 0, 0, 0]), quad([0, 0, 0, 640])];
    for i in 0..STREAMS {
        w[0][i] = _mm_sha256msg2_epu32(_mm_sha256msg1_epu32(w[0][i], mark), length);
    }
    four_rounds(&mut abef, &mut cdgh, plus(w[0], constants(16)));
    for i in 0..STREAMS {
        w[1][i] = _mm_sha256msg2_epu32(header.words20, w[0][i]);
    }
    four_rounds(&mut abef, &mut cdgh, plus(w[1], constants(20)));
    for i in 0..STREAMS {
        w[2][i] = _mm_sha256msg2_epu32(_mm_alignr_epi8::<4>(w[1][i], w[0][i]), w[1][i]);
    }
    four_rounds(&mut abef, &mut cdgh, plus(w[2], constants(24)));
    for i in 0..STREAMS {
        let older = _mm_add_epi32(header.words28, _mm_alignr_epi8::<4>(w[2][i], w[1][i]));
        w[3][i] = _mm_sha256msg2_epu32(older, w[2][i]);
    }
    four_rounds(&mut abef, &mut cdgh, plus(w[3], constants(28)));
    each!(T in 8 9 10 11 12 13 14 15 {
        extend(&mut w, T);
        four_rounds(&mut abef, &mut cdgh, plus(w[T % 4], constants(4 * T)));
    });

    for i in 0..STREAMS {
        abef[i] = _mm_add_epi32(abef[i], header.midstate[0]);
        cdgh[i] = _mm_add_epi32(cdgh[i], header.midstate[1]);
        let abef = _mm_shuffle_epi32::<0x1b>(abef[i]);
        let cdgh = _mm_shuffle_epi32::<0xb1>(cdgh[i]);
        w[0][i] = _mm_blend_epi16::<0xf0>(abef, cdgh);
        w[1][i] = _mm_alignr_epi8::<8>(cdgh, abef);
    }
    let start = registers(INITIAL);
    (abef, cdgh) = ([start[0]; STREAMS], [start[1]; STREAMS]);
    four_rounds(&mut abef, &mut cdgh, plus(w[0], constants(0)));
    four_rounds(&mut abef, &mut cdgh, plus(w[1], constants(4)));
    four_rounds(&mut abef, &mut cdgh, [known(8, [0x8000_0000, 0, 0, 0]); STREAMS]);
    four_rounds(&mut abef, &mut cdgh, [known(12, [0, 0, 0, 256]); STREAMS]);
    let length = quad([0, 0, 0, 256]);
    for i in 0..STREAMS {
        w[0][i] = _mm_sha256msg2_epu32(_mm_sha256msg1_epu32(w[0][i], w[1][i]), length);
    }
    four_rounds(&mut abef, &mut cdgh, plus(w[0], constants(16)));
    for i in 0..STREAMS {
        let older = _mm_add_epi32(
            _mm_sha256msg1_epu32(w[1][i], mark),
            _mm_alignr_epi8::<4>(w[0][i], length),
        );
        w[1][i] = _mm_sha256msg2_epu32(older, w[0][i]);
    }
    four_rounds(&mut abef, &mut cdgh, plus(w[1], constants(20)));
    for i in 0..STREAMS {
        let older = _mm_add_epi32(mark, _mm_alignr_epi8::<4>(w[1][i], w[0][i]));
        w[2][i] = _mm_sha256msg2_epu32(older, w[1][i]);
    }
    four_rounds(&mut abef, &mut cdgh, plus(w[2], constants(24)));
    w[3] = [length; STREAMS];
    extend(&mut w, 7);
    four_rounds(&mut abef, &mut cdgh, plus(w[3], constants(28)));
    each!(T in 8 9 10 11 12 13 14 {
        extend(&mut w, T);
        four_rounds(&mut abef, &mut cdgh, plus(w[T % 4], constants(4 * T)));
    });
    extend(&mut w, 15);
    // Rounds 60 and 61; `e` of round 60 is now `f`.
    let fed = plus(w[3], constants(60));
    let mut top = [0; STREAMS];
    for i in 0..STREAMS {
        let abef = _mm_sha256rnds2_epu32(cdgh[i], abef[i], fed[i]);
        let word = _mm_cvtsi128_si32(abef).cast_unsigned();
        top[i] = word.wrapping_add(INITIAL[7]).swap_bytes();
    }
    top
}

/// Four rounds, fed with sums of message words and round constants.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn four_rounds(abef: &mut Quads, cdgh: &mut Quads, fed: Quads) {
    for i in 0..STREAMS {
        cdgh[i] = _mm_sha256rnds2_epu32(cdgh[i], abef[i], fed[i]);
    }
    for i in 0..STREAMS {
        abef[i] = _mm_sha256rnds2_epu32(abef[i], cdgh[i], _mm_shuffle_epi32::<0x0e>(fed[i]));
    }
    abreast(abef);
}

/// Holds the streams together: the compiler would do one of them after the other, which saves registers and takes half as
/// long again.
#[inline]
#[target_feature(enable = "sse4.1")]
fn abreast([one, other]: &mut Quads) {
    // SAFETY: no instruction at all: a comment that names two registers.
    unsafe {
        asm!(
            "/* {0} {1} */",
            inout(xmm_reg) * one,
            inout(xmm_reg) * other,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
}

/// Message words `4 t` to `4 t + 3`, by the full rule. The words that are needed yet are at `t` modulo 4.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn extend(w: &mut [Quads; 4], t: usize) {
    for i in 0..STREAMS {
        let at = |distance: usize| w[(t + 4 - distance) % 4][i];
        let older =
            _mm_add_epi32(_mm_sha256msg1_epu32(at(4), at(3)), _mm_alignr_epi8::<4>(at(1), at(2)));
        w[t % 4][i] = _mm_sha256msg2_epu32(older, at(1));
    }
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn plus(mut words: Quads, right: __m128i) -> Quads {
    for i in 0..STREAMS {
        words[i] = _mm_add_epi32(words[i], right);
    }
    words
}

/// The constants of four rounds.
#[inline]
#[target_feature(enable = "sse4.1")]
fn constants(first: usize) -> __m128i {
    known(first, [0; 4])
}

/// The sums of the constants of four rounds and these words.
#[inline]
#[target_feature(enable = "sse4.1")]
fn known(first: usize, words: [u32; 4]) -> __m128i {
    let at = |index: usize| K[first + index].wrapping_add(words[index]);
    quad([at(0), at(1), at(2), at(3)])
}
