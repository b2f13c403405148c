//! LtHash16: a hash of a set that grows and shrinks with it.
//!
//! Each entry expands to 1024 lanes of 16 bits (BLAKE3 in its extendable mode), and the hash of the set is the
//! lane-wise sum modulo 2^16 (Bellare & Micciancio 1997; Lewi et al. 2019). Adding and removing entries commute, so a
//! block costs one expansion for each coin that it creates or spends, whatever the size of the state. Finding another set
//! with the same hash is a short-vector problem of about 200 bits. A *multi*set could overflow a lane's meaning; ours is
//! a set, since keys are unique.

use std::sync::Arc;

use rayon::prelude::*;

use super::{Coin, Key, SystemKey};
use crate::types::{CoinId, Hash, StateRoot};

/// Lanes in the sum, of 16 bits each.
const LANES: usize = 1024;

/// Lanes are kept four to a word, the first in the low bits.
const WORDS: usize = LANES / 4;

/// The top bit of each lane of a word.
const TOPS: u64 = 0x8000_8000_8000_8000;

/// Below this many expansions, handing work to other threads costs more than it saves.
const PARALLEL_FROM: usize = 128;

/// The sum of all entries of a state. Clones share it until one of them changes.
#[derive(Clone, PartialEq, Eq)]
pub struct LtHash(Arc<[u64; WORDS]>);

impl Default for LtHash {
    fn default() -> Self {
        Self(Arc::new([0; WORDS]))
    }
}

/// Lane-wise a + b: the top bits are added apart, so that no carry leaves its lane.
fn plus(a: u64, b: u64) -> u64 {
    ((a & !TOPS) + (b & !TOPS)) ^ ((a ^ b) & TOPS)
}

/// Lane-wise a − b: the top bits are lent to each lane beforehand, so that none borrows from its neighbour.
fn minus(a: u64, b: u64) -> u64 {
    ((a | TOPS) - (b & !TOPS)) ^ ((a ^ !b) & TOPS)
}

impl std::fmt::Debug for LtHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LtHash({:?})", self.root())
    }
}

/// An entry to put into the set or to take out of it.
pub(crate) enum Term {
    /// A coin.
    Coin { id: CoinId, coin: Coin, add: bool },
    /// An entry of a rule.
    Entry { key: SystemKey, value: Arc<[u8]>, add: bool },
}

impl LtHash {
    /// The 2048 bytes of the sum, lanes little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 * WORDS);
        self.0.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        bytes
    }

    /// Reads [`Self::to_bytes`] back; `None` if there are not exactly 2048 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, []) = bytes.as_chunks() else { return None };
        let words: &[[u8; 8]; WORDS] = words.try_into().ok()?;
        Some(Self(Arc::new(words.map(u64::from_le_bytes))))
    }

    /// The root that a header carries: BLAKE3 of the lanes.
    pub fn root(&self) -> StateRoot {
        StateRoot(Hash(*blake3::hash(&self.to_bytes()).as_bytes()))
    }

    /// Puts an entry into the set.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.combine(key, value, true);
    }

    /// Takes an entry out of the set.
    pub fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.combine(key, value, false);
    }

    /// Applies many changes. Addition commutes, so the result does not depend on how threads share the work.
    pub(crate) fn apply_all(&mut self, terms: &[Term]) {
        if terms.len() < PARALLEL_FROM {
            terms.iter().for_each(|term| self.apply(term));
            return;
        }
        let sum = terms
            .par_chunks(PARALLEL_FROM / 2)
            .map(|chunk| {
                let mut sum = Self::default();
                chunk.iter().for_each(|term| sum.apply(term));
                sum
            })
            .reduce(Self::default, |mut left, right| {
                left.merge(&right);
                left
            });
        self.merge(&sum);
    }

    fn merge(&mut self, other: &Self) {
        for (word, more) in Arc::make_mut(&mut self.0).iter_mut().zip(other.0.iter()) {
            *word = plus(*word, *more);
        }
    }

    fn apply(&mut self, term: &Term) {
        match term {
            Term::Coin { id, coin, add } => {
                self.combine(&Key::Coin(*id).to_bytes(), &coin.to_bytes(), *add);
            }
            Term::Entry { key, value, add } => {
                self.combine(&Key::System(key.clone()).to_bytes(), value, *add);
            }
        }
    }

    fn combine(&mut self, key: &[u8], value: &[u8], add: bool) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(key.len() as u64).to_le_bytes()); // a length fits 64 bits
        hasher.update(key);
        hasher.update(value);
        let mut bytes = [0; 8 * WORDS];
        hasher.finalize_xof().fill(&mut bytes);
        let (parts, _) = bytes.as_chunks();
        let combine = if add { plus } else { minus };
        for (word, part) in Arc::make_mut(&mut self.0).iter_mut().zip(parts) {
            *word = combine(*word, u64::from_le_bytes(*part));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_removal_undoes() {
        let mut forward = LtHash::default();
        let mut backward = LtHash::default();
        for n in 0..50u8 {
            forward.add(&[n], b"value");
            backward.add(&[49 - n], b"value");
        }
        assert_eq!(forward, backward);
        assert_ne!(forward.root(), LtHash::default().root());
        for n in 0..50u8 {
            forward.remove(&[n], b"value");
        }
        assert_eq!(forward, LtHash::default());
    }

    #[test]
    fn the_border_between_key_and_value_counts() {
        let (mut a, mut b) = (LtHash::default(), LtHash::default());
        a.add(b"ab", b"c");
        b.add(b"a", b"bc");
        assert_ne!(a.root(), b.root());
    }

    /// Four lanes in a word behave as four numbers of 16 bits.
    #[test]
    fn lanes_do_not_touch_each_other() {
        let mut dice = crate::types::testkit::Dice::new(1);
        let edges = [0, 1, 0x7fff, 0x8000, 0xffff];
        for _ in 0..2000 {
            let mut lane = || match dice.percent(50) {
                true => edges[dice.index(edges.len())],
                false => dice.next() as u16,
            };
            let (a, b): ([u16; 4], [u16; 4]) = ([(); 4].map(|()| lane()), [(); 4].map(|()| lane()));
            let word = |lanes: [u16; 4]| lanes.iter().rev().fold(0, |w, l| w << 16 | u64::from(*l));
            let each =
                |combine: fn(u16, u16) -> u16| word([0, 1, 2, 3].map(|n| combine(a[n], b[n])));
            assert_eq!(plus(word(a), word(b)), each(u16::wrapping_add), "{a:x?} + {b:x?}");
            assert_eq!(minus(word(a), word(b)), each(u16::wrapping_sub), "{a:x?} - {b:x?}");
        }
    }

    /// The root of a small set, which no reader of another version may compute otherwise.
    #[test]
    fn the_root_is_the_pinned_one() {
        let mut set = LtHash::default();
        let empty = set.root().to_string();
        assert_eq!(empty, "be2a8de3dcf46c94ce85cdc8e07ac308f4d8a95490d956c38d780fd610db0813");
        set.add(b"key", b"value");
        set.add(b"another key", b"");
        set.remove(b"gone", b"once");
        assert_eq!(
            set.root().to_string(),
            "2bd95ee758d4faedfeae5bdc7d32e8810a246cc11c08957f66e2b52a9f30b1d1"
        );
    }

    #[test]
    fn threads_change_nothing() {
        let keys: Vec<[u8; 2]> = (0..1000u16).map(u16::to_le_bytes).collect();
        let value: Arc<[u8]> = Arc::from(*b"v");
        let term = |key: &[u8; 2]| Term::Entry {
            key: SystemKey::member("x", key),
            value: value.clone(),
            add: !key[0].is_multiple_of(3),
        };
        let terms: Vec<_> = keys.iter().map(term).collect();
        let mut parallel = LtHash::default();
        parallel.apply_all(&terms);
        let mut single = LtHash::default();
        terms.iter().for_each(|term| single.apply(term));
        assert_eq!(parallel, single);
        assert_eq!(LtHash::from_bytes(&parallel.to_bytes()), Some(parallel));
    }
}
