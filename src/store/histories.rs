//! The history of addresses up to the head: the index, and what the blocks above it say.
//!
//! Blocks that are not final are read each once, whoever asks, and kept in memory as long as they are on the best
//! branch and not final; that is about as much again as the tree holds of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imbl::OrdMap;

use super::history::{Coins, HistoryEntry, HistoryError, Owned, Place, tell};
use super::index::{Index, own};
use super::{Store, StoreError, Table};
use crate::types::{Address, Block, BlockId, CoinId, GenesisId, Height, decode};

/// What one block says.
#[derive(Debug)]
struct Told {
    entries: BTreeMap<Address, Vec<(Place, HistoryEntry)>>,
    coins: BTreeMap<CoinId, Option<Owned>>,
}

/// A page of a history, the latest entry first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// The entries.
    pub entries: Vec<(Place, HistoryEntry)>,
    /// The first height whose entries may still change.
    pub unfinal_from: Height,
    /// Whether there are older entries.
    pub more: bool,
}

/// Reads histories from a store that somebody else writes.
#[derive(Debug)]
pub struct Histories<S> {
    store: Arc<S>,
    index: Index<S>,
    chain: GenesisId,
    told: Mutex<BTreeMap<BlockId, Arc<Told>>>,
}

impl<S: Store> Histories<S> {
    /// The histories in the store of this chain.
    pub fn of(store: Arc<S>, chain: GenesisId) -> Self {
        Self { index: Index::of(store.clone()), store, chain, told: Mutex::default() }
    }

    /// Up to `limit` entries of `owner` before `before`, as of the end of `branch`: the best branch by height, from the
    /// final block to the head, as it is now or was a moment ago.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Moved`] asks to be called again with the branch as it is by then.
    pub fn page(
        &self,
        branch: &OrdMap<Height, BlockId>,
        owner: &Address,
        before: Option<Place>,
        limit: usize,
    ) -> Result<HistoryPage, HistoryError> {
        let mark = self.index.mark()?;
        if !mark.on {
            return Err(HistoryError::NoIndex);
        }
        let mut entries = Vec::new();
        for told in self.unfinal(branch, mark.next)?.iter().rev() {
            let theirs = told.entries.get(owner).into_iter().flatten().rev();
            let theirs = theirs.filter(|(place, _)| before.is_none_or(|before| *place < before));
            entries.extend(theirs.cloned());
            if entries.len() > limit {
                break;
            }
        }
        let first = Place { height: mark.next, position: 0 };
        let before = before.map_or(first, |before| before.min(first));
        if let Some(left) = (limit + 1).checked_sub(entries.len()) {
            entries.extend(self.index.page(owner, Some(before), left)?);
        }
        let more = entries.len() > limit;
        entries.truncate(limit);
        Ok(HistoryPage { entries, unfinal_from: mark.next, more })
    }

    /// What the blocks of the branch from a height on say, lowest first.
    fn unfinal(
        &self,
        branch: &OrdMap<Height, BlockId>,
        from: Height,
    ) -> Result<Vec<Arc<Told>>, HistoryError> {
        let Some((lowest, _)) = branch.get_min() else { return Ok(Vec::new()) };
        if *lowest > from {
            return Err(HistoryError::Behind { next: from });
        }
        if let Some(below) = branch.get(&from.back(1)).filter(|_| from > Height(0)) {
            let id = self.store.get(Table::Heights, &from.back(1).0.to_be_bytes())?;
            if id.as_deref() != Some(below.as_bytes()) {
                return Err(HistoryError::Moved);
            }
        }
        let known = self.told().clone();
        let mut told: BTreeMap<BlockId, Arc<Told>> = BTreeMap::new();
        let mut line: Vec<Arc<Told>> = Vec::new();
        for (_, id) in branch.range(from..) {
            let one = match known.get(id) {
                Some(one) => one.clone(),
                None => Arc::new(self.read(id, &line)?),
            };
            told.insert(*id, one.clone());
            line.push(one);
        }
        *self.told() = told;
        Ok(line)
    }

    /// What a block says that stands on these.
    fn read(&self, id: &BlockId, line: &[Arc<Told>]) -> Result<Told, HistoryError> {
        let damaged = |error: crate::types::CodecError| StoreError::Damaged(error.to_string());
        let block = self.store.get(Table::Blocks, id.as_bytes())?.ok_or(HistoryError::Moved)?;
        let block: Block = decode(&block).map_err(damaged)?;
        let height = block.header.height;
        let own = own(&*self.store, id)?.ok_or(StoreError::NoPayouts { height })?;
        let mut coins = Coins::new(|coin: &CoinId| {
            match line.iter().rev().find_map(|told| told.coins.get(coin)) {
                Some(change) => Ok(*change),
                None => self.index.coin(coin),
            }
        });
        let all = tell(&block, &self.chain, &own, &mut coins).map_err(|error| match error {
            // It was spent by a block that has become final since.
            HistoryError::UnknownCoin(_) => HistoryError::Moved,
            error => error,
        })?;
        let mut entries: BTreeMap<Address, Vec<_>> = BTreeMap::new();
        for (owner, place, entry) in all {
            entries.entry(owner).or_default().push((place, entry));
        }
        Ok(Told { entries, coins: coins.into_changes() })
    }

    fn told(&self) -> MutexGuard<'_, BTreeMap<BlockId, Arc<Told>>> {
        // What is inside is replaced as a whole.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
