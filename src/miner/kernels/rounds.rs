//! SHA-256d over vectors: many tries at once, one in each lane.
//!
//! The algorithm is here, once; which instructions a vector has is said by a [`Machine`], one for each instruction set.
//! All functions are inlined into the one function of a kernel that is compiled for that instruction set. Numbers of
//! rounds are literals there, so what depends on them alone is computed by the compiler.
//!
//! Rounds that need all of the message's rule come in loops of eight, after which the state's words are back in their
//! places: a loop that is unrolled no further than that leaves room in the processor's cache of decoded instructions.
//!
//! # Source
//!
//! FIPS 180-4, section 6.2.2; the names of functions are its own, in words.

use super::schedule::{
    K, Schedule, big_sigma0, big_sigma1, choose, majority, small_sigma0, small_sigma1, sum,
};
use crate::types::sha256::INITIAL;

/// The instructions of a vector unit. A value of it exists only where the processor has them.
pub(super) trait Machine: Copy {
    /// A word in each lane.
    type Vector: Copy;
    /// How many lanes there are.
    const LANES: u32;

    /// This word in all lanes.
    fn splat(self, word: u32) -> Self::Vector;
    /// `first`, `first + 1`, … , modulo 2^32.
    fn rising(self, first: u32) -> Self::Vector;
    /// The sum, modulo 2^32.
    fn add(self, left: Self::Vector, right: Self::Vector) -> Self::Vector;
    /// The same words, of whose making the compiler knows nothing. It would reorder sums for its own ends and put what
    /// comes last first.
    fn settled(self, x: Self::Vector) -> Self::Vector;
    /// Rotated right by 2, 13 and 22, and added without carry.
    fn big_sigma0(self, x: Self::Vector) -> Self::Vector;
    /// Rotated right by 6, 11 and 25, and added without carry.
    fn big_sigma1(self, x: Self::Vector) -> Self::Vector;
    /// Rotated right by 7 and 18, shifted right by 3, and added without carry.
    fn small_sigma0(self, x: Self::Vector) -> Self::Vector;
    /// Rotated right by 17 and 19, shifted right by 10, and added without carry.
    fn small_sigma1(self, x: Self::Vector) -> Self::Vector;
    /// The bits of `f` where `e` has ones, those of `g` elsewhere.
    fn choose(self, e: Self::Vector, f: Self::Vector, g: Self::Vector) -> Self::Vector;
    /// The bits that two of three have.
    fn majority(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// The bytes of each word in the other order.
    fn swap_bytes(self, x: Self::Vector) -> Self::Vector;
    /// A bit for each lane, the lowest for the first: whether its word, as an unsigned number, is at most `limit`.
    fn at_most(self, x: Self::Vector, limit: u32) -> u64;
}

/// Two vectors side by side: while the instructions of one wait for each other, those of the other run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Two<M>(pub(super) M);

/// Methods of [`Two`] that do the same with both.
macro_rules! both {
    ($($name:ident($($x:ident)*))*) => {
        $(
            #[inline(always)]
            fn $name(self, $($x: Self::Vector),*) -> Self::Vector {
                [self.0.$name($($x[0]),*), self.0.$name($($x[1]),*)]
            }
        )*
    };
}

impl<M: Machine> Machine for Two<M> {
    type Vector = [M::Vector; 2];
    const LANES: u32 = 2 * M::LANES;

    both! {
        add(left right)
        settled(x)
        big_sigma0(x)
        big_sigma1(x)
        small_sigma0(x)
        small_sigma1(x)
        choose(e f g)
        majority(a b c)
        swap_bytes(x)
    }

    #[inline(always)]
    fn splat(self, word: u32) -> Self::Vector {
        [self.0.splat(word); 2]
    }

    #[inline(always)]
    fn rising(self, first: u32) -> Self::Vector {
        [self.0.rising(first), self.0.rising(first.wrapping_add(M::LANES))]
    }

    #[inline(always)]
    fn at_most(self, x: Self::Vector, limit: u32) -> u64 {
        self.0.at_most(x[0], limit) | self.0.at_most(x[1], limit) << M::LANES
    }
}

/// The state of eight words. They do not move: in round `t` the word that FIPS 180-4 calls `a` is at `-t` modulo 8.
type Words<M> = [<M as Machine>::Vector; 8];

/// All message words of a block.
pub(super) type Message<M> = [<M as Machine>::Vector; 64];

/// Where in the state a letter is, `a` being 0, in round `t`.
#[inline(always)]
const fn at(t: usize, letter: usize) -> usize {
    (letter + 64 - t) % 8
}

/// Repeats a block for each of the numbers, as a constant.
macro_rules! each {
    ($t:ident in $($number:literal)* $block:block) => {
        $({
            const $t: usize = $number;
            $block
        })*
    };
}

pub(super) use each;

/// Each of these words in all lanes. (Closures would be compiled for themselves, and not always inlined.)
#[inline(always)]
fn all<M: Machine>(m: M, words: [u32; 8]) -> Words<M> {
    let mut vectors = [m.splat(words[0]); 8];
    each!(I in 1 2 3 4 5 6 7 { vectors[I] = m.splat(words[I]); });
    vectors
}

/// A round. `fed` is the sum of `h`, the round's constant and its message word.
#[inline(always)]
fn round<M: Machine>(m: M, s: &mut Words<M>, t: usize, fed: M::Vector) {
    let [a, b, c] = [s[at(t, 0)], s[at(t, 1)], s[at(t, 2)]];
    let t1 = t1(m, s, t, fed);
    s[at(t, 3)] = m.add(s[at(t, 3)], t1);
    s[at(t, 7)] = m.add(t1, m.add(m.big_sigma0(a), m.majority(a, b, c)));
}

/// A round of which only `e` is used later.
#[inline(always)]
fn half_round<M: Machine>(m: M, s: &mut Words<M>, t: usize, fed: M::Vector) {
    s[at(t, 3)] = m.add(s[at(t, 3)], t1(m, s, t, fed));
}

/// What a round adds to `d`, and to make `a`. The rest of the round waits for `e` of the round before, which needs the
/// longest to pass through its rotations: so that term comes last.
#[inline(always)]
fn t1<M: Machine>(m: M, s: &Words<M>, t: usize, fed: M::Vector) -> M::Vector {
    let [e, f, g] = [s[at(t, 4)], s[at(t, 5)], s[at(t, 6)]];
    let early = m.settled(m.add(m.settled(fed), m.choose(e, f, g)));
    m.add(early, m.big_sigma1(e))
}

/// `h` and a constant.
#[inline(always)]
fn fed<M: Machine>(m: M, s: &Words<M>, t: usize, constant: u32) -> M::Vector {
    m.add(s[at(t, 7)], m.splat(constant))
}

/// Eight rounds and their message words, by the full rule.
#[inline(always)]
fn eight_rounds<M: Machine>(m: M, s: &mut Words<M>, w: &mut Message<M>, first: usize) {
    let w: &mut [M::Vector; 24] = w[first - 16..].first_chunk_mut().expect("rounds 16 to 63");
    let k: &[u32; 8] = K[first..].first_chunk().expect("rounds 16 to 63");
    each!(T in 0 1 2 3 4 5 6 7 {
        let older = m.add(w[T], w[T + 9]);
        let newer = m.add(m.small_sigma0(w[T + 1]), m.small_sigma1(w[T + 14]));
        w[T + 16] = m.add(older, newer);
        let fed = m.add(fed(m, s, T, k[T]), w[T + 16]);
        round(m, s, T, fed);
    });
}

/// The message word `t`, by the full rule.
#[inline(always)]
fn extend<M: Machine>(m: M, w: &mut Message<M>, t: usize) -> M::Vector {
    let older = m.add(w[t - 16], w[t - 7]);
    let newer = m.add(m.small_sigma0(w[t - 15]), m.small_sigma1(w[t - 2]));
    w[t] = m.add(older, newer);
    w[t]
}

/// The state after round 6 of the first hash. `nonce` is as SHA-256 reads it, the first byte the most significant.
#[inline(always)]
fn rounds_to_6<M: Machine>(m: M, schedule: &Schedule, nonce: M::Vector) -> Words<M> {
    let mut s = all(m, schedule.start);
    s[at(3, 3)] = m.add(m.splat(schedule.e3), nonce);
    s[at(3, 7)] = m.add(m.splat(schedule.a3), nonce);
    each!(T in 4 5 6 { round(m, &mut s, T, m.splat(schedule.fed[T - 4])); });
    s
}

/// The state and what it was before the block: the hash.
#[inline(always)]
fn added<M: Machine>(m: M, mut s: Words<M>, schedule: &Schedule) -> Words<M> {
    each!(I in 0 1 2 3 4 5 6 7 { s[I] = m.add(s[I], m.splat(schedule.midstate[I])); });
    s
}

/// The first hash of headers with these nonces. `w` is scratch.
#[inline(always)]
pub(super) fn first_hash<M: Machine>(
    m: M,
    schedule: &Schedule,
    nonces: M::Vector,
    w: &mut Message<M>,
) -> Words<M> {
    let nonce = m.swap_bytes(nonces);
    let mut s = rounds_to_6(m, schedule, nonce);
    each!(T in 7 8 9 10 11 12 13 14 15 16 17 {
        let fed = fed(m, &s, T, schedule.constants[T - 7]);
        round(m, &mut s, T, fed);
    });

    w[16] = m.splat(schedule.w16);
    w[17] = m.splat(schedule.w17);
    w[18] = m.add(m.small_sigma0(nonce), m.splat(schedule.w18));
    w[19] = m.add(nonce, m.splat(schedule.w19));
    w[20] = m.add(m.small_sigma1(w[18]), m.splat(0x8000_0000));
    w[21] = m.small_sigma1(w[19]);
    w[22] = m.add(m.small_sigma1(w[20]), m.splat(640));
    w[23] = m.add(m.small_sigma1(w[21]), m.splat(schedule.w16));
    w[24] = m.add(m.small_sigma1(w[22]), m.splat(schedule.w17));
    each!(T in 25 26 27 28 29 { w[T] = m.add(m.small_sigma1(w[T - 2]), w[T - 7]); });
    w[30] = m.add(m.add(m.small_sigma1(w[28]), w[23]), m.splat(schedule.w30));
    w[31] = m.add(m.add(m.small_sigma1(w[29]), w[24]), m.splat(schedule.w31));
    each!(T in 18 19 20 21 22 23 24 25 26 27 28 29 30 31 {
        let fed = m.add(fed(m, &s, T, K[T]), w[T]);
        round(m, &mut s, T, fed);
    });
    for first in [32, 40, 48, 56] {
        eight_rounds(m, &mut s, w, first);
    }
    added(m, s, schedule)
}

/// The most significant words, as numbers, of the hashes of these first hashes. `w` is scratch.
///
/// That word is `e` of round 60 and what the state began with: rounds 61 to 63 and their message words are for others, and
/// so is what rounds 57 to 60 make of `a`.
#[inline(always)]
pub(super) fn second_hash<M: Machine>(m: M, first: &Words<M>, w: &mut Message<M>) -> M::Vector {
    each!(I in 0 1 2 3 4 5 6 7 { w[I] = first[I]; });
    let mut s = all(m, INITIAL);
    // Round 0 adds the first word to what is known.
    let [a, b, c, d, e, f, g, h] = INITIAL;
    let t1 = sum([h, K[0], big_sigma1(e), choose(e, f, g)]);
    s[at(0, 3)] = m.add(m.splat(d.wrapping_add(t1)), w[0]);
    s[at(0, 7)] = m.add(m.splat(sum([t1, big_sigma0(a), majority(a, b, c)])), w[0]);
    each!(T in 1 2 3 {
        let fed = m.add(m.splat(K[T].wrapping_add(INITIAL[7 - T])), w[T]);
        round(m, &mut s, T, fed);
    });
    each!(T in 4 5 6 7 {
        let fed = m.add(fed(m, &s, T, K[T]), w[T]);
        round(m, &mut s, T, fed);
    });
    let fed8 = fed(m, &s, 8, K[8].wrapping_add(0x8000_0000));
    round(m, &mut s, 8, fed8);
    each!(T in 9 10 11 12 13 14 {
        let fed = fed(m, &s, T, K[T]);
        round(m, &mut s, T, fed);
    });
    let fed15 = fed(m, &s, 15, K[15].wrapping_add(256));
    round(m, &mut s, 15, fed15);
    let (s0, s1) = (|x| m.small_sigma0(x), |x| m.small_sigma1(x));
    w[16] = m.add(s0(w[1]), w[0]);
    w[17] = m.add(m.add(s0(w[2]), w[1]), m.splat(const { small_sigma1(256) }));
    w[18] = m.add(m.add(s0(w[3]), w[2]), s1(w[16]));
    w[19] = m.add(m.add(s0(w[4]), w[3]), s1(w[17]));
    w[20] = m.add(m.add(s0(w[5]), w[4]), s1(w[18]));
    w[21] = m.add(m.add(s0(w[6]), w[5]), s1(w[19]));
    w[22] = m.add(m.add(s0(w[7]), w[6]), m.add(s1(w[20]), m.splat(256)));
    w[23] =
        m.add(m.add(m.splat(const { small_sigma0(0x8000_0000) }), w[7]), m.add(s1(w[21]), w[16]));
    w[24] = m.add(m.add(m.splat(0x8000_0000), w[17]), s1(w[22]));
    each!(T in 25 26 27 28 29 { w[T] = m.add(s1(w[T - 2]), w[T - 7]); });
    w[30] = m.add(m.add(s1(w[28]), w[23]), m.splat(const { small_sigma0(256) }));
    w[31] = m.add(m.add(s1(w[29]), w[24]), m.add(s0(w[16]), m.splat(256)));
    each!(T in 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 {
        let fed = m.add(fed(m, &s, T, K[T]), w[T]);
        round(m, &mut s, T, fed);
    });
    for first in [32, 40, 48] {
        eight_rounds(m, &mut s, w, first);
    }
    let fed56 = m.add(fed(m, &s, 56, K[56]), extend(m, w, 56));
    round(m, &mut s, 56, fed56);
    each!(T in 57 58 59 60 {
        let fed = m.add(fed(m, &s, T, K[T]), extend(m, w, T));
        half_round(m, &mut s, T, fed);
    });
    m.swap_bytes(m.add(s[at(60, 3)], m.splat(INITIAL[7])))
}

/// What the rounds of the first hash are fed besides `h`: message words and round constants, for headers with these
/// nonces under any version. In place of that of round 3 it is the nonce. `w` is scratch.
#[inline(always)]
pub(super) fn shared_message<M: Machine>(
    m: M,
    schedule: &Schedule,
    nonces: M::Vector,
    w: &mut Message<M>,
    fed: &mut Message<M>,
) {
    let nonce = m.swap_bytes(nonces);
    for (word, known) in w.iter_mut().zip(schedule.message) {
        *word = m.splat(known);
    }
    w[3] = nonce;
    for t in 16..64 {
        extend(m, w, t);
    }
    fed[3] = nonce;
    for t in 4..64 {
        fed[t] = m.add(w[t], m.splat(K[t]));
    }
}

/// The first hash of headers under one version, from what all versions share.
#[inline(always)]
pub(super) fn first_hash_shared<M: Machine>(
    m: M,
    schedule: &Schedule,
    shared: &Message<M>,
) -> Words<M> {
    let mut s = rounds_to_6(m, schedule, shared[3]);
    let fed = m.add(s[at(7, 7)], shared[7]);
    round(m, &mut s, 7, fed);
    for first in [8, 16, 24, 32, 40, 48, 56] {
        let shared: &[M::Vector; 8] = shared[first..].first_chunk().expect("rounds 8 to 63");
        each!(T in 0 1 2 3 4 5 6 7 {
            let fed = m.add(s[at(T, 7)], shared[T]);
            round(m, &mut s, T, fed);
        });
    }
    added(m, s, schedule)
}

#[cfg(test)]
#[path = "rounds_tests.rs"]
mod tests;
