//! AVX2: eight lanes, and two vectors side by side. It has no rotations: one is two shifts and their sum without carry, so
//! a sigma is six shifts and five sums.

#![allow(unsafe_code, reason = "the instructions of one processor")]

use std::arch::asm;
use std::arch::x86_64::*;

use super::rounds::{Machine, Two};
use super::{Kernel, Prepared, walk};

/// The kernel that tries nonces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Avx2;

/// Double vectors in a group: with 512 bytes each, what is between the phases fills half of a cache of 32 KiB.
const BLOCKS: usize = 32;

impl Kernel for Avx2 {
    fn name(&self) -> &'static str {
        "avx2"
    }

    fn missing(&self) -> Option<&'static str> {
        missing()
    }

    fn scan(&self, work: &Prepared, first: u32, count: u32, candidates: &mut Vec<u32>) -> u32 {
        let lanes = Lanes::new();
        // SAFETY: there are `Lanes` only where the processor has the feature.
        unsafe { nonces(lanes, work, first, count, candidates) }
    }
}

fn missing() -> Option<&'static str> {
    (!is_x86_feature_detected!("avx2")).then_some("avx2")
}

#[target_feature(enable = "avx2")]
fn nonces(m: Lanes, work: &Prepared, first: u32, count: u32, candidates: &mut Vec<u32>) -> u32 {
    walk::nonces::<_, BLOCKS>(Two(m), work, first, count, candidates)
}

/// Eight lanes. One exists only where the processor has `avx2`, and its methods need nothing else.
#[derive(Debug, Clone, Copy)]
struct Lanes(());

impl Lanes {
    /// # Panics
    ///
    /// If the processor lacks the feature.
    fn new() -> Self {
        assert_eq!(missing(), None, "what this processor does not have");
        Self(())
    }
}

/// Methods of [`Lanes`], each an expression of instructions.
macro_rules! instructions {
    ($($name:ident($($x:ident: $type:ty),*) -> $result:ty { $value:expr })*) => {
        $(
            #[inline(always)]
            fn $name(self, $($x: $type),*) -> $result {
                // SAFETY: these instructions need `avx2`, without which there are no `Lanes`; none of them reads or writes
                // memory.
                unsafe { $value }
            }
        )*
    };
}

/// The sum without carry of rotations to the right by constants, the last of which may be a shift.
macro_rules! sigma {
    ($x:ident: $a:literal, $b:literal, $c:literal) => {
        xor(xor(rotated!($x, $a), rotated!($x, $b)), rotated!($x, $c))
    };
    ($x:ident: $a:literal, $b:literal; $c:literal) => {
        xor(xor(rotated!($x, $a), rotated!($x, $b)), _mm256_srli_epi32::<$c>($x))
    };
}

macro_rules! rotated {
    ($x:ident, $count:literal) => {
        xor(_mm256_srli_epi32::<$count>($x), _mm256_slli_epi32::<{ 32 - $count }>($x))
    };
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor(left: __m256i, right: __m256i) -> __m256i {
    _mm256_xor_si256(left, right)
}

impl Machine for Lanes {
    type Vector = __m256i;
    const LANES: u32 = 8;

    instructions! {
        splat(word: u32) -> __m256i { _mm256_set1_epi32(word.cast_signed()) }
        rising(first: u32) -> __m256i {
            _mm256_add_epi32(
                _mm256_set1_epi32(first.cast_signed()),
                _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
            )
        }
        add(left: __m256i, right: __m256i) -> __m256i { _mm256_add_epi32(left, right) }
        settled(x: __m256i) -> __m256i { settled(x) }
        big_sigma0(x: __m256i) -> __m256i { sigma!(x: 2, 13, 22) }
        big_sigma1(x: __m256i) -> __m256i { sigma!(x: 6, 11, 25) }
        small_sigma0(x: __m256i) -> __m256i { sigma!(x: 7, 18; 3) }
        small_sigma1(x: __m256i) -> __m256i { sigma!(x: 17, 19; 10) }
        choose(e: __m256i, f: __m256i, g: __m256i) -> __m256i {
            xor(g, _mm256_and_si256(e, xor(f, g)))
        }
        // `a ^ b` is `b ^ c` of the next round, so the compiler computes it once.
        majority(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
            xor(b, _mm256_and_si256(xor(a, b), xor(b, c)))
        }
        swap_bytes(x: __m256i) -> __m256i {
            _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(
                _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12),
            ))
        }
        at_most(x: __m256i, limit: u32) -> u64 {
            {
                let least = _mm256_min_epu32(x, _mm256_set1_epi32(limit.cast_signed()));
                let holds = _mm256_castsi256_ps(_mm256_cmpeq_epi32(least, x));
                _mm256_movemask_ps(holds).cast_unsigned().into()
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn settled(mut x: __m256i) -> __m256i {
    // SAFETY: no instruction at all: a comment that names a register.
    unsafe { asm!("/* {0} */", inout(ymm_reg) x, options(pure, nomem, nostack, preserves_flags)) };
    x
}
