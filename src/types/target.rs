//! Targets, their compact form, and the work they stand for, exactly as Bitcoin has them.
//!
//! A proof of work is a hash that, read as a 256-bit *little-endian* integer, is at most a target. A header carries the
//! target in a floating-point form of 32 bits, the [`Bits`]: one byte of size in bytes, one sign bit, 23 bits of word.
//! A branch is worth the sum of the [`Work`] of its blocks, the expected number of hashes behind each.
//!
//! Encoding a target keeps its top 16 to 23 bits and drops the rest. The *truncated* target is the one consensus knows:
//! never keep a target of full precision from one block to the next.
//!
//! # Deviations from Bitcoin
//!
//! - Work is 512 bits wide, because sums of easy targets leave 256 bits on chains with a limit near 2^256.
//! - The sign bit of compact bits is decoded only to be refused.
//!
//! # Source
//!
//! The behaviour of Bitcoin Core's `arith_uint256` (`SetCompact`, `GetCompact`) and `pow.cpp` (`CheckProofOfWork`), and
//! of `chain.cpp` (`GetBlockProof`).

use std::fmt;
use std::io::{self, Read, Write};
use std::ops::{Add, AddAssign};
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use num_bigint::BigUint;
use num_traits::{One, ToPrimitive, Zero};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The sign bit of compact bits.
const SIGN: u32 = 0x0080_0000;

/// The word of compact bits, without the sign.
const WORD: u32 = 0x007f_ffff;

/// Bytes in an encoded [`Work`]: 2^64 blocks of at most 2^256 hashes each need 320 bits.
const WORK_BYTES: usize = 64;

/// A target in compact form ("nBits"): eight hexadecimal digits in text, a little-endian `u32` in bytes.
///
/// Any 32 bits are a value of this type; [`Bits::target`] says whether they mean a target.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Bits(pub u32);

/// What compact bits say, before anybody judges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The magnitude, reduced modulo 2^256 if it overflows.
    pub value: BigUint,
    /// The sign bit is set and the magnitude is not zero.
    pub negative: bool,
    /// The magnitude does not fit 256 bits.
    pub overflow: bool,
}

/// Why compact bits are not a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BitsError {
    /// The sign bit is set.
    #[error("bits {0} encode a negative number; a target is positive, so clear bit 23 of the word")]
    Negative(Bits),
    /// The magnitude is zero, which no hash can meet.
    #[error("bits {0} encode zero, which no hash can meet; the least target is 01010000")]
    Zero(Bits),
    /// The magnitude leaves 256 bits.
    #[error("bits {0} encode a number over 256 bits; the greatest target is 2100ffff")]
    Overflow(Bits),
}

/// Why a text is not compact bits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not compact bits: expected eight hexadecimal digits, such as 1d00ffff")]
pub struct ParseBitsError {
    given: String,
}

impl Bits {
    /// The target that these bits encode; it may still be easier than a chain allows.
    ///
    /// # Errors
    ///
    /// What Bitcoin's proof-of-work check refuses: a negative number, zero, and more than 256 bits. Encodings that are
    /// not canonical (`05009234`) are accepted, as there.
    pub fn target(self) -> Result<Target, BitsError> {
        let Decoded { value, negative, overflow } = self.decode();
        if negative {
            return Err(BitsError::Negative(self));
        }
        if overflow {
            return Err(BitsError::Overflow(self));
        }
        if value.is_zero() {
            return Err(BitsError::Zero(self));
        }
        Target::from_value(&value).ok_or(BitsError::Overflow(self))
    }

    /// The work of a block with these bits; none for bits that encode no target, as `GetBlockProof` has it.
    pub fn work(self) -> Work {
        self.target().map_or_else(|_| Work::default(), |target| target.work())
    }

    /// The number behind the bits, with its defects named (`SetCompact`).
    pub fn decode(self) -> Decoded {
        let size = self.0 >> 24;
        // Bitcoin judges the sign and the overflow by the word that is left after a right shift.
        let word = if size <= 3 { (self.0 & WORD) >> (8 * (3 - size)) } else { self.0 & WORD };
        let value = BigUint::from(word) << (8 * size.saturating_sub(3));
        Decoded {
            value: value & Target::MAX.value(),
            negative: word != 0 && self.0 & SIGN != 0,
            overflow: word != 0
                && (size > 34 || (word > 0xff && size > 33) || (word > 0xffff && size > 32)),
        }
    }

    /// The bits nearest below a number of at most 256 bits (`GetCompact`).
    fn encode(value: &BigUint, negative: bool) -> Self {
        let mut size = value.bits().div_ceil(8);
        let top = if size <= 3 { value << (8 * (3 - size)) } else { value >> (8 * (size - 3)) };
        let mut word = top.to_u32().expect("three bytes fit four");
        if word & SIGN != 0 {
            word >>= 8;
            size += 1;
        }
        let size = u32::try_from(size).expect("256 bits are 32 bytes");
        Self(size << 24 | word | if negative && word != 0 { SIGN } else { 0 })
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bits({self})")
    }
}

impl FromStr for Bits {
    type Err = ParseBitsError;

    fn from_str(text: &str) -> Result<Self, ParseBitsError> {
        let mut bytes = [0; 4];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| ParseBitsError { given: text.chars().take(40).collect() })?;
        Ok(Self(u32::from_be_bytes(bytes)))
    }
}

impl Serialize for Bits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The greatest hash that proves a block, an integer below 2^256; shown as 64 hexadecimal digits.
///
/// Held as big-endian bytes, so that it is small, `Copy`, ordered as a number, and cannot leave its range.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target([u8; 32]);

impl Target {
    /// The target that every hash meets, 2^256 − 1.
    const MAX: Self = Self([0xff; 32]);

    /// The target that every hash meets, 2^256 − 1.
    pub const fn max() -> Self {
        Self::MAX
    }

    /// The target of this value, if it is below 2^256.
    ///
    /// Zero is a target too, which only the zero hash would meet; no [`Bits`] decode to it.
    pub fn from_value(value: &BigUint) -> Option<Self> {
        let bytes = value.to_bytes_be();
        let start = 32usize.checked_sub(bytes.len())?;
        let mut target = [0; 32];
        target[start..].copy_from_slice(&bytes);
        Some(Self(target))
    }

    /// The outcome of a retarget: `value`, at least 1 and at most `limit`.
    pub fn within(value: &BigUint, limit: &Self) -> Self {
        if value.is_zero() {
            return Self::from_value(&BigUint::one()).expect("one is below 2^256");
        }
        Self::from_value(value).map_or(*limit, |target| target.min(*limit))
    }

    /// The hardest target that this hash meets: the hash itself as a little-endian integer.
    pub fn from_le_hash(hash: &[u8; 32]) -> Self {
        let mut bytes = *hash;
        bytes.reverse();
        Self(bytes)
    }

    /// Whether `hash`, read as a little-endian integer, is at most this target.
    pub fn is_met_by(&self, hash: &[u8; 32]) -> bool {
        Self::from_le_hash(hash) <= *self
    }

    /// The integer.
    pub fn value(&self) -> BigUint {
        BigUint::from_bytes_be(&self.0)
    }

    /// The integer as 32 big-endian bytes.
    pub const fn to_be_bytes(self) -> [u8; 32] {
        self.0
    }

    /// The most significant 32 bits: a hash whose own are greater cannot meet the target.
    pub const fn top_word(&self) -> u32 {
        u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])
    }

    /// The compact form; it keeps the top 16 to 23 bits, so the target it decodes to is at most this one.
    pub fn to_bits(&self) -> Bits {
        Bits::encode(&self.value(), false)
    }

    /// The expected number of hashes until one meets this target, ⌊2^256 ÷ (target + 1)⌋.
    pub fn work(&self) -> Work {
        Work((BigUint::one() << 256u32) / (self.value() + 1u32))
    }

    /// How many times harder than Bitcoin's easiest target, 0xffff × 2^208; for display, never for consensus.
    pub fn difficulty(&self) -> f64 {
        // Exact: 0xffff has 16 significant bits. Any 256-bit integer is within the range of a double.
        let easiest = f64::from(0xffff_u32) * 2f64.powi(208);
        easiest / self.value().to_f64().unwrap_or(f64::INFINITY)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

/// An expected number of hashes: of one block, or of a branch as the sum of its blocks.
///
/// Encoded as 64 big-endian bytes, so the order of encodings is the order of numbers. A block is at most 2^256 hashes
/// and heights are `u64`, so no sum of real blocks comes near 2^512; adding to a forged value stops at 2^512 − 1. In text: hexadecimal, at least 64 digits, as Bitcoin's `chainwork`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Work(BigUint);

/// Why a text is not an amount of work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not an amount of work: expected 1 to 128 hexadecimal digits")]
pub struct ParseWorkError {
    given: String,
}

impl Work {
    /// So many hashes, or whatever else is summed along a branch; cut to 512 bits.
    pub fn of(value: BigUint) -> Self {
        Self::saturated(value)
    }

    /// The number of hashes.
    pub fn value(&self) -> &BigUint {
        &self.0
    }

    /// The number as 64 big-endian bytes.
    pub fn to_be_bytes(&self) -> [u8; WORK_BYTES] {
        let digits = self.0.to_bytes_be();
        let mut bytes = [0; WORK_BYTES];
        let start = WORK_BYTES.checked_sub(digits.len()).expect("work never leaves 512 bits");
        bytes[start..].copy_from_slice(&digits);
        bytes
    }

    /// The number that 64 big-endian bytes hold.
    pub fn from_be_bytes(bytes: &[u8; WORK_BYTES]) -> Self {
        Self(BigUint::from_bytes_be(bytes))
    }

    /// The number as a double, for rates and displays.
    pub fn to_f64(&self) -> f64 {
        self.0.to_f64().unwrap_or(f64::INFINITY)
    }

    /// A number cut to 512 bits.
    fn saturated(value: BigUint) -> Self {
        if value.bits() > 8 * WORK_BYTES as u64 {
            return Self::from_be_bytes(&[0xff; WORK_BYTES]);
        }
        Self(value)
    }
}

impl Add for Work {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::saturated(self.0 + other.0)
    }
}

impl Add<&Self> for Work {
    type Output = Self;

    fn add(self, other: &Self) -> Self {
        Self::saturated(self.0 + &other.0)
    }
}

impl AddAssign<&Self> for Work {
    fn add_assign(&mut self, other: &Self) {
        *self = Self::saturated(&self.0 + &other.0);
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:064x}", self.0)
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Work({:x})", self.0)
    }
}

impl FromStr for Work {
    type Err = ParseWorkError;

    fn from_str(text: &str) -> Result<Self, ParseWorkError> {
        let refused = || ParseWorkError { given: text.chars().take(140).collect() };
        let plain = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !plain || text.len() > 2 * WORK_BYTES {
            return Err(refused());
        }
        BigUint::parse_bytes(text.as_bytes(), 16).map(Self).ok_or_else(refused)
    }
}

impl BorshSerialize for Work {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&self.to_be_bytes())
    }
}

impl BorshDeserialize for Work {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        <[u8; WORK_BYTES]>::deserialize_reader(reader).map(|bytes| Self::from_be_bytes(&bytes))
    }
}

impl Serialize for Work {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Work {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
