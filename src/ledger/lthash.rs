//! LtHash16: a hash of a set that grows and shrinks with it.
//!
//! Each entry expands to 1024 lanes of 16 bits (BLAKE3 in its extendable mode), and the hash of the set is the
//! lane-wise sum modulo 2^16 (Bellare & Micciancio 1997; Lewi et al. 2019). Adding and removing entries commute, so
//! a block costs two expansions per changed entry whatever the size of the state. Finding another set with the same
//! hash is a short-vector problem of about 200 bits. A *multi*set could overflow a lane's meaning; ours is a set,
//! since keys are unique.

use rayon::prelude::*;

use crate::types::{Hash, StateRoot};

/// Lanes in the sum.
const LANES: usize = 1024;

/// Below this many expansions, handing work to other threads costs more than it saves.
const PARALLEL_FROM: usize = 128;

/// The sum of all entries of a state.
#[derive(Clone, PartialEq, Eq)]
pub struct LtHash(Box<[u16; LANES]>);

impl Default for LtHash {
    fn default() -> Self {
        Self(Box::new([0; LANES]))
    }
}

impl std::fmt::Debug for LtHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LtHash({:?})", self.root())
    }
}

/// An entry to put into the set or to take out of it.
pub(crate) struct Entry<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) add: bool,
}

impl LtHash {
    /// The 2048 bytes of the sum, lanes little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|lane| lane.to_le_bytes()).collect()
    }

    /// Reads [`Self::to_bytes`] back; `None` if there are not exactly 2048 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != 2 * LANES {
            return None;
        }
        let mut sum = Self::default();
        for (lane, pair) in sum.0.iter_mut().zip(bytes.chunks_exact(2)) {
            *lane = u16::from_le_bytes([pair[0], pair[1]]);
        }
        Some(sum)
    }

    /// The root that a header carries: BLAKE3 of the lanes.
    pub fn root(&self) -> StateRoot {
        StateRoot(Hash(*blake3::hash(&self.to_bytes()).as_bytes()))
    }

    /// Puts an entry into the set.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.apply(&Entry { key, value, add: true });
    }

    /// Takes an entry out of the set.
    pub fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.apply(&Entry { key, value, add: false });
    }

    /// Applies many changes. Addition commutes, so the result does not depend on how threads share the work.
    pub(crate) fn apply_all(&mut self, entries: &[Entry<'_>]) {
        if entries.len() < PARALLEL_FROM {
            entries.iter().for_each(|entry| self.apply(entry));
            return;
        }
        let sum = entries
            .par_chunks(PARALLEL_FROM / 2)
            .map(|chunk| {
                let mut sum = Self::default();
                chunk.iter().for_each(|entry| sum.apply(entry));
                sum
            })
            .reduce(Self::default, |mut left, right| {
                left.merge(&right);
                left
            });
        self.merge(&sum);
    }

    fn merge(&mut self, other: &Self) {
        for (lane, more) in self.0.iter_mut().zip(other.0.iter()) {
            *lane = lane.wrapping_add(*more);
        }
    }

    fn apply(&mut self, entry: &Entry<'_>) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(entry.key.len() as u64).to_le_bytes()); // a length fits 64 bits
        hasher.update(entry.key);
        hasher.update(entry.value);
        let mut bytes = [0; 2 * LANES];
        hasher.finalize_xof().fill(&mut bytes);
        for (lane, pair) in self.0.iter_mut().zip(bytes.chunks_exact(2)) {
            let part = u16::from_le_bytes([pair[0], pair[1]]);
            *lane = if entry.add { lane.wrapping_add(part) } else { lane.wrapping_sub(part) };
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

    #[test]
    fn threads_change_nothing() {
        let keys: Vec<[u8; 2]> = (0..1000u16).map(u16::to_le_bytes).collect();
        let entry = |key: &'_ [u8; 2], add| (key.to_vec(), add);
        let changes: Vec<_> = keys.iter().map(|key| entry(key, key[0] % 3 != 0)).collect();
        let entries: Vec<_> =
            changes.iter().map(|(key, add)| Entry { key, value: b"v", add: *add }).collect();
        let mut parallel = LtHash::default();
        parallel.apply_all(&entries);
        let mut single = LtHash::default();
        entries.iter().for_each(|entry| single.apply(entry));
        assert_eq!(parallel, single);
        assert_eq!(LtHash::from_bytes(&parallel.to_bytes()), Some(parallel));
    }
}
