//! What a checker remembers of blocks.

use std::collections::{BTreeMap, BTreeSet};

use crate::types::{BlockId, Height};

/// Heights below the highest at which books are kept of blocks: no tree goes as deep in practice.
const KEPT: u64 = 4096;

/// An entry for each block that was seen, but for those far below the highest.
#[derive(Debug)]
pub(super) struct Books<T> {
    entries: BTreeMap<BlockId, (Height, T)>,
    /// The lowest first.
    heights: BTreeSet<(Height, BlockId)>,
}

impl<T> Default for Books<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), heights: BTreeSet::new() }
    }
}

impl<T> Books<T> {
    /// Books that begin with the genesis block.
    pub(super) fn from(genesis: BlockId, entry: T) -> Self {
        let mut books = Self::default();
        books.insert(genesis, Height(0), entry);
        books
    }

    /// What is remembered of a block.
    pub(super) fn get(&self, id: &BlockId) -> Option<&T> {
        self.entries.get(id).map(|(_, entry)| entry)
    }

    /// The height of a block that is remembered.
    pub(super) fn height(&self, id: &BlockId) -> Option<Height> {
        self.entries.get(id).map(|(height, _)| *height)
    }

    /// Whether anything is remembered of a block.
    pub(super) fn has(&self, id: &BlockId) -> bool {
        self.entries.contains_key(id)
    }

    /// Remembers something of a block, and forgets what is far below the highest.
    pub(super) fn insert(&mut self, id: BlockId, height: Height, entry: T) {
        self.entries.insert(id, (height, entry));
        self.heights.insert((height, id));
        let highest = self.heights.last().map_or(height, |(highest, _)| *highest);
        while let Some((lowest, id)) = self.heights.first().copied()
            && lowest < highest.back(KEPT)
        {
            self.heights.pop_first();
            self.entries.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Hash;

    #[test]
    fn only_what_is_far_below_is_forgotten() {
        let id = |height: u64| {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&height.to_le_bytes());
            BlockId(Hash(hash))
        };
        let mut books = Books::from(id(0), 0);
        (1..=KEPT).for_each(|height| books.insert(id(height), Height(height), height));
        assert!(books.has(&id(0)) && books.height(&id(0)) == Some(Height(0)));
        books.insert(id(KEPT + 1), Height(KEPT + 1), 7);
        assert!(!books.has(&id(0)) && books.height(&id(0)).is_none());
        assert_eq!((books.get(&id(1)), books.get(&id(KEPT + 1))), (Some(&1), Some(&7)));
    }
}
