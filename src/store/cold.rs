//! A stored chain without a peer around it: opened cold, to be extended from a file, read out, or gone over again.
//!
//! Blocks enter by the same [`import`] as everybody's, and what becomes final is written by the same [`StoredChain`]; what
//! lacks is the pool, the engine and the network. Signatures are the caller's business, who can check those of many blocks
//! at once.

use std::sync::Arc;

use super::schema::FinalBase;
use super::{Batch, Entry, Store, StoreError, StoredChain, Table};
use crate::chain::{ImportError, Imported, Rules, Tree, import};
use crate::ledger::{Delta, LtHash, Params, State};
use crate::types::{Block, BlockId, Height, Time};

/// A stored chain that no node runs.
pub struct ColdChain<S> {
    stored: StoredChain<S>,
    tree: Tree,
}

/// Whether a block was news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// It is there now.
    New,
    /// It was there before.
    Known,
}

impl<S: Store> ColdChain<S> {
    /// Opens the chain in `store`, which starts with the genesis block and its state if the store is empty. Blocks that
    /// are not final enter the tree again; nothing is written if there is a chain.
    pub fn open(
        store: Arc<S>,
        params: Params,
        rules: Arc<dyn Rules>,
        genesis: &Block,
        state: impl FnOnce() -> (Delta, LtHash),
    ) -> Result<Self, StoreError> {
        let stored = StoredChain::open(store, params.chain, genesis, state)?;
        let (block, state) = stored.last_final()?;
        let mut tree = Tree::new(rules, params, block, state)?;
        let (blocks, last) = stored.unfinal()?;
        tree.continue_arrivals(last);
        for block in blocks {
            // They entered once, so their time had come. One whose branch lost stays out.
            let outcome = import(&mut tree, Arc::new(block), Time(u64::MAX));
            if let Err(ImportError::Failed(error)) = outcome {
                return Err(error.into());
            }
        }
        Ok(Self { stored, tree })
    }

    /// Starts the chain again, in a store that needs to keep nothing but the state.
    pub fn start_over(
        store: Arc<S>,
        params: Params,
        rules: Arc<dyn Rules>,
        genesis: Block,
        state: (Delta, LtHash),
    ) -> Result<Self, StoreError> {
        let commitment = state.1.clone();
        let base = Arc::new(FinalBase(store.clone()));
        let stored = StoredChain::open(store, params.chain, &genesis, || state)?;
        let state = State::at_rest(base, commitment);
        let tree = Tree::new(rules, params, Arc::new(genesis), state)?;
        Ok(Self { stored, tree })
    }

    /// What is stored.
    pub fn stored(&self) -> &StoredChain<S> {
        &self.stored
    }

    /// The blocks that are not final.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The block of the best branch at a height.
    pub fn at(&self, height: Height) -> Result<Option<BlockId>, StoreError> {
        match self.tree.branch().get(&height) {
            Some(id) => Ok(Some(*id)),
            None if height < self.tree.root().height() => self.stored.final_id(height),
            None => Ok(None),
        }
    }

    /// Adds a block whose signatures are known to verify, and writes what becomes final by it.
    pub fn add(&mut self, block: Arc<Block>, now: Time) -> Result<Entered, ImportError> {
        let id = block.id(&self.tree.params().chain);
        match self.import(block, now) {
            Ok(_) => {}
            Err(ImportError::Known) => return Ok(Entered::Known),
            Err(ImportError::BelowFinal { height, .. }) if self.is_final(height, &id)? => {
                return Ok(Entered::Known);
            }
            Err(error) => return Err(error),
        }
        self.settle()?;
        Ok(Entered::New)
    }

    /// Adds a block to the tree alone; [`Self::settle`] writes what became final.
    pub fn import(&mut self, block: Arc<Block>, now: Time) -> Result<Imported, ImportError> {
        let imported = import(&mut self.tree, block, now)?;
        if let Some(node) = self.tree.get(&imported.id) {
            self.stored.imported(node).map_err(failed)?;
        }
        Ok(imported)
    }

    /// Writes what became final.
    pub fn settle(&mut self) -> Result<(), ImportError> {
        let newly = self.tree.newly_final(Height(u64::MAX))?;
        if !newly.blocks.is_empty() {
            self.stored.finalised(&newly).map_err(failed)?;
            self.tree.advance(&newly);
        }
        let gone = self.tree.trim();
        self.stored.dropped(&gone).map_err(failed)
    }

    fn is_final(&self, height: Height, id: &BlockId) -> Result<bool, ImportError> {
        Ok(self.stored.final_id(height).map_err(failed)? == Some(*id))
    }
}

fn failed(error: StoreError) -> ImportError {
    ImportError::Failed(error.into())
}

/// A store that keeps nothing but the state, for whoever goes over a chain that is stored elsewhere.
#[derive(Debug)]
pub struct StateOnly<S>(pub S);

impl<S: Store> Store for StateOnly<S> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.0.scan(table, prefix, after, limit)
    }

    fn stage(&self, mut batch: Batch) -> Result<(), StoreError> {
        batch.writes.retain(|(table, ..)| matches!(table, Table::Meta | Table::State));
        self.0.stage(batch)
    }

    fn sync(&self) -> Result<(), StoreError> {
        // Nothing of it is needed after a crash.
        Ok(())
    }
}
