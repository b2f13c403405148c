//! AVX-512: sixteen lanes, and two vectors side by side. It has rotations and any function of three bits as one instruction
//! each, and registers enough for two states.

#![allow(unsafe_code, reason = "the instructions of one processor")]

use std::arch::asm;
use std::arch::x86_64::*;

use super::rounds::{Machine, Two};
use super::{Kernel, Prepared, walk};

/// The kernel that tries nonces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Avx512;

/// The kernel that tries each nonce under 32 versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Avx512Rolling;

/// Double vectors in a group: with 1 KiB each, what is between the phases fills two thirds of a cache of 48 KiB. Half as
/// many cost 2 % there.
const BLOCKS: usize = 32;

/// As many versions, for the same reason.
const VERSION_BITS: u32 = 5;

impl Kernel for Avx512 {
    fn name(&self) -> &'static str {
        "avx512"
    }

    fn missing(&self) -> Option<&'static str> {
        missing()
    }

    fn scan(&self, work: &Prepared, first: u32, count: u32, candidates: &mut Vec<u32>) -> u32 {
        let lanes = Lanes::new();
        // SAFETY: there are `Lanes` only where the processor has the features.
        unsafe { nonces(lanes, work, first, count, candidates) }
    }
}

impl Kernel for Avx512Rolling {
    fn name(&self) -> &'static str {
        "avx512-rolling"
    }

    fn missing(&self) -> Option<&'static str> {
        missing()
    }

    fn version_bits(&self) -> u32 {
        VERSION_BITS
    }

    fn scan(&self, work: &Prepared, first: u32, count: u32, candidates: &mut Vec<u32>) -> u32 {
        let lanes = Lanes::new();
        // SAFETY: there are `Lanes` only where the processor has the features.
        unsafe { versions(lanes, work, first, count, candidates) }
    }
}

fn missing() -> Option<&'static str> {
    if !is_x86_feature_detected!("avx512f") {
        return Some("avx512f");
    }
    (!is_x86_feature_detected!("avx512bw")).then_some("avx512bw")
}

#[target_feature(enable = "avx512f,avx512bw")]
fn nonces(m: Lanes, work: &Prepared, first: u32, count: u32, candidates: &mut Vec<u32>) -> u32 {
    walk::nonces::<_, BLOCKS>(Two(m), work, first, count, candidates)
}

#[target_feature(enable = "avx512f,avx512bw")]
fn versions(m: Lanes, work: &Prepared, first: u32, count: u32, candidates: &mut Vec<u32>) -> u32 {
    walk::versions::<_, VERSION_BITS, { 1 << VERSION_BITS }>(Two(m), work, first, count, candidates)
}

/// Sixteen lanes. One exists only where the processor has `avx512f` and `avx512bw`, and its methods need nothing else.
#[derive(Debug, Clone, Copy)]
struct Lanes(());

impl Lanes {
    /// # Panics
    ///
    /// If the processor lacks a feature.
    fn new() -> Self {
        if let Some(feature) = missing() {
            panic!("this processor has no {feature}");
        }
        Self(())
    }
}

/// Methods of [`Lanes`], each an expression of instructions.
macro_rules! instructions {
    ($($name:ident($($x:ident: $type:ty),*) -> $result:ty { $value:expr })*) => {
        $(
            #[inline(always)]
            fn $name(self, $($x: $type),*) -> $result {
                // SAFETY: these instructions need `avx512f` and `avx512bw`, without which there are no `Lanes`; none of
                // them reads or writes memory.
                unsafe { $value }
            }
        )*
    };
}

/// The immediate of `vpternlogd` lists its results for the bits 000 to 111 of its three inputs, the lowest first.
const XOR: i32 = 0b1001_0110;
const CHOOSE: i32 = 0b1100_1010;
const MAJORITY: i32 = 0b1110_1000;

impl Machine for Lanes {
    type Vector = __m512i;
    const LANES: u32 = 16;

    instructions! {
        splat(word: u32) -> __m512i { _mm512_set1_epi32(word.cast_signed()) }
        rising(first: u32) -> __m512i {
            _mm512_add_epi32(
                _mm512_set1_epi32(first.cast_signed()),
                _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
            )
        }
        add(left: __m512i, right: __m512i) -> __m512i { _mm512_add_epi32(left, right) }
        settled(x: __m512i) -> __m512i { settled(x) }
        big_sigma0(x: __m512i) -> __m512i {
            _mm512_ternarylogic_epi32::<XOR>(
                _mm512_ror_epi32::<2>(x), _mm512_ror_epi32::<13>(x), _mm512_ror_epi32::<22>(x),
            )
        }
        big_sigma1(x: __m512i) -> __m512i {
            _mm512_ternarylogic_epi32::<XOR>(
                _mm512_ror_epi32::<6>(x), _mm512_ror_epi32::<11>(x), _mm512_ror_epi32::<25>(x),
            )
        }
        small_sigma0(x: __m512i) -> __m512i {
            _mm512_ternarylogic_epi32::<XOR>(
                _mm512_ror_epi32::<7>(x), _mm512_ror_epi32::<18>(x), _mm512_srli_epi32::<3>(x),
            )
        }
        small_sigma1(x: __m512i) -> __m512i {
            _mm512_ternarylogic_epi32::<XOR>(
                _mm512_ror_epi32::<17>(x), _mm512_ror_epi32::<19>(x), _mm512_srli_epi32::<10>(x),
            )
        }
        choose(e: __m512i, f: __m512i, g: __m512i) -> __m512i {
            _mm512_ternarylogic_epi32::<CHOOSE>(e, f, g)
        }
        majority(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
            _mm512_ternarylogic_epi32::<MAJORITY>(a, b, c)
        }
        swap_bytes(x: __m512i) -> __m512i {
            _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(
                _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12),
            ))
        }
        at_most(x: __m512i, limit: u32) -> u64 {
            _mm512_cmple_epu32_mask(x, _mm512_set1_epi32(limit.cast_signed())).into()
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn settled(mut x: __m512i) -> __m512i {
    // SAFETY: no instruction at all: a comment that names a register.
    unsafe { asm!("/* {0} */", inout(zmm_reg) x, options(pure, nomem, nostack, preserves_flags)) };
    x
}
