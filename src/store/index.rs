//! The index of the history of addresses, kept where somebody wants it.
//!
//! It is a function of the final blocks up to a mark: the entries of [`Table::History`], and the owners of the coins
//! that exist at the mark, without which nobody could say whose money the next block spends. A block that becomes final
//! is indexed in the batch that makes it final, if the index has come that far; an index that lags behind, because it was
//! off or is new, catches up from its mark, in steps that each end with a mark of their own. So it has no holes, whatever
//! interrupts it.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::history::{Coins, HistoryEntry, HistoryError, Owned, Place, tell};
use super::{Batch, Store, StoreError, Table};
use crate::ledger::Own;
use crate::types::{Address, Block, BlockId, CoinId, GenesisId, Height, decode, encode};

/// Blocks that one step of catching up takes at most.
const STEP_BLOCKS: usize = 256;

/// Encoded bytes of blocks after which a step ends: what it writes is a small multiple of them.
const STEP_BYTES: usize = 2 << 20;

/// The key of the mark.
const MARK: &[u8] = b"index";

/// How far the index has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Mark {
    /// Whether blocks that become final are indexed.
    pub on: bool,
    /// The first height that is not indexed.
    pub next: Height,
}

/// What a step of catching up has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The first height that is not indexed.
    pub next: Height,
    /// The final height.
    pub final_height: Height,
}

impl Progress {
    /// Whether nothing is missing.
    pub fn is_done(&self) -> bool {
        self.next > self.final_height
    }
}

/// The index in a store.
#[derive(Debug)]
pub struct Index<S>(Arc<S>);

impl<S> Clone for Index<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

fn damaged(what: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(what.to_string())
}

/// Whether an entry belongs to the index, which follows from all others.
pub fn is_index(table: Table, key: &[u8]) -> bool {
    match table {
        Table::Owners | Table::History => true,
        Table::Meta => key == MARK,
        _ => false,
    }
}

pub(super) fn mark<S: Store>(store: &S) -> Result<Mark, StoreError> {
    let bytes = store.get(Table::Meta, MARK)?;
    Ok(bytes.map(|bytes| decode(&bytes).map_err(damaged)).transpose()?.unwrap_or_default())
}

fn put_mark(batch: &mut Batch, mark: Mark) {
    batch.put(Table::Meta, MARK, encode(&mark));
}

fn key(owner: &Address, place: Place) -> Vec<u8> {
    let mut key = owner.as_bytes().to_vec();
    // Counted from the end, so that a scan meets the latest first.
    key.extend((u64::MAX - place.height.0).to_be_bytes());
    key.extend((u32::MAX - place.position).to_be_bytes());
    key
}

fn place(key: &[u8], owner: &Address) -> Option<Place> {
    let (height, position) = key.strip_prefix(owner.as_bytes())?.split_first_chunk::<8>()?;
    let position = u32::from_be_bytes(position.try_into().ok()?);
    let height = Height(u64::MAX - u64::from_be_bytes(*height));
    Some(Place { height, position: u32::MAX - position })
}

impl<S: Store> Index<S> {
    /// The index in `store`, whether or not there is one.
    pub fn of(store: Arc<S>) -> Self {
        Self(store)
    }

    /// How far it has come.
    pub fn mark(&self) -> Result<Mark, StoreError> {
        mark(&*self.0)
    }

    /// Turns it on or off from now on. What was indexed stays.
    pub fn turn(&self, on: bool) -> Result<(), StoreError> {
        let before = self.mark()?;
        if before.on == on {
            return Ok(());
        }
        let mut batch = Batch::default();
        put_mark(&mut batch, Mark { on, ..before });
        self.0.stage(batch)?;
        self.0.sync()
    }

    /// Indexes some final blocks that it lacks; what it wrote is durable with the next sync. Whoever calls it is the
    /// only writer.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoPayouts`] where the store was begun by a version that did not keep what an index is made of.
    pub fn catch_up(
        &self,
        chain: &GenesisId,
        final_height: Height,
    ) -> Result<Progress, StoreError> {
        let before = self.mark()?;
        let mut indexing = Indexing::new(&*self.0, *chain);
        let mut batch = Batch::default();
        let (mut next, mut bytes) = (before.next, 0);
        for _ in 0..STEP_BLOCKS {
            if next > final_height || bytes > STEP_BYTES {
                break;
            }
            let id = self.0.get(Table::Heights, &next.0.to_be_bytes())?;
            let id = id.ok_or_else(|| damaged(format!("no block is final at height {next}")))?;
            let id: BlockId = decode(&id).map_err(damaged)?;
            let block = self.0.get(Table::Blocks, id.as_bytes())?;
            let block = block.ok_or_else(|| damaged(format!("block {id} is missing")))?;
            bytes += block.len();
            let block: Block = decode(&block).map_err(damaged)?;
            let own = own(&*self.0, &id)?;
            let own = own.ok_or(StoreError::NoPayouts { height: next })?;
            indexing.add(&block, &own, &mut batch)?;
            next = next.next();
        }
        indexing.finish(before, &mut batch);
        self.0.stage(batch)?;
        Ok(Progress { next, final_height })
    }

    /// Up to `limit` entries of `owner` before `before`, the latest first.
    pub fn page(
        &self,
        owner: &Address,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(Place, HistoryEntry)>, StoreError> {
        let after = before.map_or(Vec::new(), |before| key(owner, before));
        let found = self.0.scan(Table::History, owner.as_bytes(), &after, limit)?;
        let read = |(key, value): (Vec<u8>, Vec<u8>)| {
            let place = place(&key, owner).ok_or_else(|| damaged("a name in the index is cut"))?;
            Ok((place, decode(&value).map_err(damaged)?))
        };
        found.into_iter().map(read).collect()
    }

    /// Who owns a coin that exists at the mark.
    pub(super) fn coin(&self, id: &CoinId) -> Result<Option<Owned>, StoreError> {
        coin(&*self.0, id)
    }
}

fn coin<S: Store>(store: &S, id: &CoinId) -> Result<Option<Owned>, StoreError> {
    let bytes = store.get(Table::Owners, id.as_bytes())?;
    bytes.map(|bytes| decode(&bytes).map_err(damaged)).transpose()
}

/// What a block did to coins itself, if the store knows.
pub(super) fn own<S: Store>(store: &S, id: &BlockId) -> Result<Option<Own>, StoreError> {
    let bytes = store.get(Table::Payouts, id.as_bytes())?;
    bytes.map(|bytes| decode(&bytes).map_err(damaged)).transpose()
}

type OnDisk<'a> = Box<dyn FnMut(&CoinId) -> Result<Option<Owned>, StoreError> + 'a>;

/// Blocks on their way into the index, lowest first, all in one batch.
pub(super) struct Indexing<'a> {
    chain: GenesisId,
    coins: Coins<OnDisk<'a>>,
    next: Option<Height>,
}

impl<'a> Indexing<'a> {
    pub(super) fn new<S: Store>(store: &'a S, chain: GenesisId) -> Self {
        let before: OnDisk<'a> = Box::new(move |id| coin(store, id));
        Self { chain, coins: Coins::new(before), next: None }
    }

    pub(super) fn add(
        &mut self,
        block: &Block,
        own: &Own,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let told = tell(block, &self.chain, own, &mut self.coins).map_err(|error| match error {
            HistoryError::Failed(error) => error,
            error => damaged(format!("the index does not fit the blocks: {error}")),
        })?;
        for (owner, place, entry) in told {
            batch.put(Table::History, key(&owner, place), encode(&entry));
        }
        self.next = Some(block.header.height.next());
        Ok(())
    }

    pub(super) fn finish(self, before: Mark, batch: &mut Batch) {
        let Some(next) = self.next else { return };
        for (id, change) in self.coins.into_changes() {
            match change {
                Some(owned) => batch.put(Table::Owners, *id.as_bytes(), encode(&owned)),
                None => batch.delete(Table::Owners, *id.as_bytes()),
            }
        }
        put_mark(batch, Mark { next, ..before });
    }
}
