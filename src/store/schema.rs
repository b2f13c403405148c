//! Which values lie where: the meaning of the tables.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::index::{self, Indexing};
use super::{Batch, Entry, Store, StoreError, Table};
use crate::chain::{Finalised, Node, Rank};
use crate::ledger::{Base, Delta, LtHash, Own, ReadFailed, State};
use crate::types::{
    Block, BlockId, GenesisId, Hash, Header, Height, Seal, Transaction, TransactionId, decode,
    encode,
};

/// The format that this software writes. Format 1, which it reads as well, has no table of headers: there they are
/// read out of the blocks, and ranks of final blocks are not known.
pub const FORMAT: u32 = 2;

/// Where a conflict is kept.
const CONFLICT: &[u8] = b"conflict";

/// Entries read from a table at once.
const PAGE: usize = 1024;

/// The final block, and the commitment to the state that lies in the store.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Final {
    /// Its id.
    pub id: BlockId,
    /// Its height.
    pub height: Height,
    /// The lanes of the [`LtHash`].
    commitment: Vec<u8>,
}

/// What there is of a block without its body.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StoredHeader {
    /// The header.
    pub header: Header,
    /// The proof.
    pub seal: Seal,
    /// The rank of the branch that ends here; none where an earlier format did not keep it.
    pub rank: Option<Rank>,
}

/// The final state in a store.
pub struct FinalBase<S>(pub Arc<S>);

impl<S: Store> Base for FinalBase<S> {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadFailed> {
        Ok(self.0.get(Table::State, key)?)
    }

    fn read_all(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, ReadFailed> {
        Ok(self.0.get_all(Table::State, keys)?)
    }

    fn names(&self, prefix: &[u8], after: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, ReadFailed> {
        let entries = self.0.scan(Table::State, prefix, after, limit)?;
        Ok(entries.into_iter().map(|(name, _)| name).collect())
    }
}

/// What a store that belongs to a chain holds.
pub struct StoredChain<S> {
    store: Arc<S>,
    chain: GenesisId,
}

fn stored_header(block: &Block, rank: &Rank) -> StoredHeader {
    let (header, seal) = (block.draft.header, block.seal.clone());
    StoredHeader { header, seal, rank: Some(rank.clone()) }
}

fn damaged(what: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(what.to_string())
}

impl<S: Store> StoredChain<S> {
    /// Opens the chain in a store, which starts with the genesis block and its state if the store is empty.
    pub fn open(
        store: Arc<S>,
        chain: GenesisId,
        genesis: &Block,
        state: impl FnOnce() -> (Delta, LtHash),
    ) -> Result<Self, StoreError> {
        match store.get(Table::Meta, b"format")? {
            Some(bytes) => check(&*store, &bytes, chain)?,
            None => begin(&*store, chain, genesis, state())?,
        }
        Ok(Self { store, chain })
    }

    /// The format of what a store holds, if it holds anything.
    pub fn format(store: &S) -> Result<Option<u32>, StoreError> {
        let bytes = store.get(Table::Meta, b"format")?;
        bytes.map(|bytes| decode(&bytes).map_err(damaged)).transpose()
    }

    /// The store.
    pub fn store(&self) -> &Arc<S> {
        &self.store
    }

    /// Which block is final, and the commitment to the state after it.
    pub fn mark(&self) -> Result<Final, StoreError> {
        let bytes = self.store.get(Table::Meta, b"final")?;
        let bytes = bytes.ok_or_else(|| damaged("the final block is not named"))?;
        decode(&bytes).map_err(damaged)
    }

    /// The final block and the state after it.
    pub fn last_final(&self) -> Result<(Arc<Block>, State), StoreError> {
        let last = self.mark()?;
        let block = self.block(&last.id)?.ok_or_else(|| damaged("the final block is missing"))?;
        let commitment = LtHash::from_bytes(&last.commitment)
            .ok_or_else(|| damaged("the state commitment has the wrong size"))?;
        let base = Arc::new(FinalBase(self.store.clone()));
        let state = State::at_rest(base, commitment);
        if state.root() != block.header.state_root {
            return Err(damaged("the final block has another state root than the state"));
        }
        Ok((Arc::new(block), state))
    }

    /// A block, final or not.
    pub fn block(&self, id: &BlockId) -> Result<Option<Block>, StoreError> {
        let bytes = self.store.get(Table::Blocks, id.as_bytes())?;
        bytes.map(|bytes| decode(&bytes).map_err(damaged)).transpose()
    }

    /// Header, seal and rank of a block, final or not.
    pub fn header(&self, id: &BlockId) -> Result<Option<StoredHeader>, StoreError> {
        if let Some(bytes) = self.store.get(Table::Headers, id.as_bytes())? {
            return Ok(Some(decode(&bytes).map_err(damaged)?));
        }
        let block = self.block(id)?;
        Ok(block.map(|block| StoredHeader {
            header: block.draft.header,
            seal: block.seal,
            rank: None,
        }))
    }

    /// Keeps the rank of the final block where there is none yet, so that branches can be weighed that leave it.
    pub fn rank_root(&self, block: &Block, id: &BlockId, rank: &Rank) -> Result<(), StoreError> {
        if self.store.get(Table::Headers, id.as_bytes())?.is_some() {
            return Ok(());
        }
        let mut batch = Batch::default();
        batch.put(Table::Headers, *id.as_bytes(), encode(&stored_header(block, rank)));
        self.store.stage(batch)
    }

    /// What was kept of a branch that contradicts the final chain.
    pub fn conflict(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(Table::Meta, CONFLICT)
    }

    /// Keeps what contradicts the final chain, for whoever looks into the matter.
    pub fn keep_conflict(&self, conflict: Vec<u8>) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.put(Table::Meta, CONFLICT, conflict);
        self.store.stage(batch)
    }

    /// The id of the final block at a height.
    pub fn final_id(&self, height: Height) -> Result<Option<BlockId>, StoreError> {
        let bytes = self.store.get(Table::Heights, &height.0.to_be_bytes())?;
        bytes.map(|bytes| decode(&bytes).map_err(damaged)).transpose()
    }

    /// The final block that holds a transaction.
    pub fn block_of(&self, transaction: &TransactionId) -> Result<Option<BlockId>, StoreError> {
        let bytes = self.store.get(Table::Transactions, transaction.as_bytes())?;
        bytes.map(|bytes| decode(&bytes).map_err(damaged)).transpose()
    }

    /// What a block did to coins itself; nothing where the store was begun by a version that did not keep it.
    pub fn own(&self, id: &BlockId) -> Result<Option<Own>, StoreError> {
        index::own(&*self.store, id)
    }

    /// The non-final blocks in order of arrival, and the greatest number of arrival.
    pub fn unfinal(&self) -> Result<(Vec<Block>, u64), StoreError> {
        let mut arrivals: Vec<(u64, Vec<u8>)> = Vec::new();
        for (id, number) in self.all(Table::Arrivals)? {
            arrivals.push((decode(&number).map_err(damaged)?, id));
        }
        arrivals.sort_unstable();
        let last = arrivals.last().map_or(0, |(number, _)| *number);
        let mut blocks = Vec::with_capacity(arrivals.len());
        for (_, id) in arrivals {
            let id = BlockId(Hash(id.try_into().map_err(|_| damaged("a block id is cut"))?));
            blocks.push(self.block(&id)?.ok_or_else(|| damaged(format!("block {id} is missing")))?);
        }
        Ok((blocks, last))
    }

    /// Transactions that were accepted here and are not final.
    pub fn pending(&self) -> Result<Vec<Transaction>, StoreError> {
        let entries = self.all(Table::Pending)?;
        entries.iter().map(|(_, bytes)| decode(bytes).map_err(damaged)).collect()
    }

    /// Every entry of a table.
    pub fn all(&self, table: Table) -> Result<Vec<Entry>, StoreError> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map_or(&[][..], |(key, _)| key);
            let page = self.store.scan(table, &[], after, PAGE)?;
            let full = page.len() == PAGE;
            entries.extend(page);
            if !full {
                return Ok(entries);
            }
        }
    }

    /// Keeps a block that entered the tree.
    pub fn imported(&self, node: &Node) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.put(Table::Blocks, *node.id.as_bytes(), encode(&*node.block));
        let header = stored_header(&node.block, &node.rank);
        batch.put(Table::Headers, *node.id.as_bytes(), encode(&header));
        batch.put(Table::Arrivals, *node.id.as_bytes(), encode(&node.arrival));
        batch.put(Table::Payouts, *node.id.as_bytes(), encode(&*node.own));
        self.store.stage(batch)
    }

    /// Writes what became final: states, places, the end of side branches, histories where they are indexed, all in one
    /// batch.
    pub fn finalised(&self, finalised: &Finalised) -> Result<(), StoreError> {
        let ends = (finalised.blocks.first(), finalised.blocks.last());
        let (Some(first), Some(last)) = ends else { return Ok(()) };
        let mark = index::mark(&*self.store)?;
        // An index that lags behind catches up by itself.
        let follows = mark.on && mark.next == first.height();
        let mut indexing = follows.then(|| Indexing::new(&*self.store, self.chain));
        let mut batch = Batch::default();
        for node in &finalised.blocks {
            batch.put(Table::Heights, node.height().0.to_be_bytes(), encode(&node.id));
            batch.delete(Table::Arrivals, *node.id.as_bytes());
            put_changes(&mut batch, &node.delta);
            for receipt in &*node.receipts {
                batch.put(Table::Transactions, *receipt.id.as_bytes(), encode(&node.id));
                batch.delete(Table::Pending, *receipt.id.as_bytes());
            }
            if let Some(indexing) = &mut indexing {
                indexing.add(&node.block, &node.own, &mut batch)?;
            }
        }
        if let Some(indexing) = indexing {
            indexing.finish(mark, &mut batch);
        }
        let commitment = last.state.commitment().to_bytes();
        let mark = Final { id: last.id, height: last.height(), commitment };
        batch.put(Table::Meta, *b"final", encode(&mark));
        self.forget(&finalised.dropped, &mut batch);
        self.store.stage(batch)
    }

    /// Forgets blocks that left the tree.
    pub fn dropped(&self, ids: &[BlockId]) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        self.forget(ids, &mut batch);
        if batch.is_empty() { Ok(()) } else { self.store.stage(batch) }
    }

    fn forget(&self, ids: &[BlockId], batch: &mut Batch) {
        for id in ids {
            batch.delete(Table::Blocks, *id.as_bytes());
            batch.delete(Table::Headers, *id.as_bytes());
            batch.delete(Table::Arrivals, *id.as_bytes());
            batch.delete(Table::Payouts, *id.as_bytes());
        }
    }
}

fn check<S: Store>(store: &S, format: &[u8], chain: GenesisId) -> Result<(), StoreError> {
    let found: u32 = decode(format).map_err(damaged)?;
    if found > FORMAT {
        return Err(StoreError::Newer { found, known: FORMAT });
    }
    if found < FORMAT {
        let mut batch = Batch::default();
        batch.put(Table::Meta, *b"format", encode(&FORMAT));
        store.stage(batch)?;
    }
    let bytes = store.get(Table::Meta, b"genesis")?;
    let found = bytes.ok_or_else(|| damaged("the chain is not named"))?;
    let found: GenesisId = decode(&found).map_err(damaged)?;
    if found != chain {
        return Err(StoreError::OtherChain { found, expected: chain });
    }
    Ok(())
}

/// Writes what blocks changed into the final state.
fn put_changes(batch: &mut Batch, delta: &Delta) {
    let entries = delta.entries();
    batch.writes.extend(entries.map(|(key, value)| (Table::State, key.to_bytes(), value)));
}

fn begin<S: Store>(
    store: &S,
    chain: GenesisId,
    genesis: &Block,
    (delta, commitment): (Delta, LtHash),
) -> Result<(), StoreError> {
    let id = genesis.id(&chain);
    let mut batch = Batch::default();
    batch.put(Table::Meta, *b"format", encode(&FORMAT));
    batch.put(Table::Meta, *b"genesis", encode(&chain));
    batch.put(Table::Blocks, *id.as_bytes(), encode(genesis));
    batch.put(Table::Heights, genesis.header.height.0.to_be_bytes(), encode(&id));
    let paid = delta.coins().iter().filter_map(|(id, change)| Some((*id, change.coin()?)));
    let own = Own { taken: Vec::new(), paid: paid.collect() };
    put_changes(&mut batch, &delta);
    batch.put(Table::Payouts, *id.as_bytes(), encode(&own));
    let height = genesis.header.height;
    let mark = Final { id, height, commitment: commitment.to_bytes() };
    batch.put(Table::Meta, *b"final", encode(&mark));
    store.stage(batch)?;
    store.sync()
}
