//! Going over a stored chain from its first block on, as if it had come from a stranger.
//!
//! Every block is imported again into a chain that begins at genesis: header, seal, body, execution, state root. On the
//! way the supply identity is counted by hand, block by block, and what the store keeps beside the blocks is compared:
//! heights, places of transactions, payouts, and the index of histories where there is one. At the end the state as it
//! lies in the store is hashed anew and compared with the root in the final block's header. Whoever drives the audit
//! checks the signatures.

use std::sync::Arc;

use super::cold::{ColdChain, StateOnly};
use super::history::{Coins, Owned, tell};
use super::index::Mark;
use super::schema::{Final, StoredChain};
use super::{Index, Store, StoreError, Table};
use crate::chain::{ImportError, Rules};
use crate::ledger::{Coin, CoinView, Delta, Key, LtHash, Params, State, Supply};
use crate::types::{Block, BlockId, CoinId, Height, StateRoot, Time, decode};

/// Entries of the state read at once.
const PAGE: usize = 1024;

/// What an audit says of a chain that is not as it should be, or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// Something that should hold does not.
    #[error("at height {height}: {what}")]
    Violated {
        /// The height.
        height: Height,
        /// What does not hold.
        what: String,
    },
    /// The store failed; says nothing about the chain.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

impl From<crate::ledger::ReadFailed> for AuditError {
    fn from(error: crate::ledger::ReadFailed) -> Self {
        Self::Failed(error.into())
    }
}

/// What has been gone over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Audited {
    /// Blocks, the first one not counted.
    pub blocks: u64,
    /// Transactions in them.
    pub transactions: u64,
    /// The final height.
    pub final_height: Height,
    /// The height of the head.
    pub height: Height,
    /// The head.
    pub head: BlockId,
    /// The state root after it.
    pub state_root: StateRoot,
}

/// An audit under way.
pub struct Audit<S, K> {
    store: Arc<S>,
    stored: StoredChain<S>,
    again: ColdChain<StateOnly<K>>,
    index: Mark,
    last: Final,
    /// The next final block.
    next: Height,
    /// Blocks that are not final, in order of arrival, the last one first.
    unfinal: Vec<Block>,
    total: u64,
    done: Audited,
}

impl<S: Store, K: Store> Audit<S, K> {
    /// Begins; `scratch` is empty and takes the state.
    pub fn begin(
        store: Arc<S>,
        scratch: K,
        params: Params,
        rules: Arc<dyn Rules>,
        genesis: Block,
        state: (Delta, LtHash),
    ) -> Result<Self, AuditError> {
        let stored = StoredChain::open(store.clone(), params.chain, &genesis, || state.clone())?;
        let height = genesis.header.height;
        let violated = |what: &str| AuditError::Violated { height, what: what.into() };
        if stored.final_id(height)? != Some(genesis.id(&params.chain)) {
            return Err(violated("the first block is not the one that the spec makes"));
        }
        let last = stored.mark()?;
        let (mut unfinal, _) = stored.unfinal()?;
        unfinal.reverse();
        let index = Index::of(store.clone()).mark()?;
        let scratch = Arc::new(StateOnly(scratch));
        let again = ColdChain::start_over(scratch, params, rules, genesis, state)?;
        let total = last.height.0 + unfinal.len() as u64; // lengths fit 64 bits
        let done = Audited { final_height: last.height, ..Audited::default() };
        Ok(Self { store, stored, again, index, last, next: Height(1), unfinal, total, done })
    }

    /// How many blocks there are to go over, the first one not counted.
    pub fn blocks(&self) -> u64 {
        self.total
    }

    /// The next block, whose signatures are to be checked before it is given to [`Self::check`]; nothing at the end.
    #[expect(clippy::should_implement_trait, reason = "it can fail, and ends with finish")]
    pub fn next(&mut self) -> Result<Option<Arc<Block>>, AuditError> {
        if self.next > self.last.height {
            return Ok(self.unfinal.pop().map(Arc::new));
        }
        let height = self.next;
        let violated = |what: String| AuditError::Violated { height, what };
        let id = self.stored.final_id(height)?;
        let id = id.ok_or_else(|| violated("no block is stored as the final one".into()))?;
        let block = match self.stored.block(&id) {
            Ok(Some(block)) => block,
            Ok(None) => return Err(violated(format!("block {id} is missing"))),
            Err(StoreError::Damaged(reason)) => {
                return Err(violated(format!("block {id} cannot be read: {reason}")));
            }
            Err(error) => return Err(error.into()),
        };
        let found = block.id(&self.again.tree().params().chain);
        if found != id || block.header.height != height {
            return Err(violated(format!("under block {id} another one is stored, {found}")));
        }
        self.next = height.next();
        Ok(Some(Arc::new(block)))
    }

    /// Goes over a block whose signatures verify.
    pub fn check(&mut self, block: &Arc<Block>) -> Result<(), AuditError> {
        let height = block.header.height;
        let violated = |what: String| AuditError::Violated { height, what };
        let imported = match self.again.import(block.clone(), Time(u64::MAX)) {
            Ok(imported) => imported,
            Err(ImportError::Failed(failed)) => return Err(AuditError::Failed(failed.into())),
            // A side branch may have lost for good meanwhile: here finality follows each block.
            Err(ImportError::BelowFinal { .. } | ImportError::Orphan { .. })
                if height > self.last.height =>
            {
                self.done.blocks += 1;
                return Ok(());
            }
            Err(error) => return Err(violated(error.to_string())),
        };
        self.count_money(&imported.id)?;
        if height <= self.last.height {
            self.compare_final(&imported.id)?;
        }
        self.again.settle().map_err(|error| violated(error.to_string()))?;
        self.done.blocks += 1;
        self.done.transactions += block.body.transactions.len() as u64; // lengths fit 64 bits
        Ok(())
    }

    /// The supply identity by hand: what the coins that a block changes hold more than before is what it issued less
    /// what it burned.
    fn count_money(&self, id: &BlockId) -> Result<(), AuditError> {
        let tree = self.again.tree();
        let Some(node) = tree.get(id) else { return Ok(()) };
        let Some(parent) = tree.get(&node.block.header.parent) else { return Ok(()) };
        let (mut more, mut less) = (0u128, 0u128);
        for (coin, change) in node.delta.coins() {
            if change.coin().is_some() {
                more += holds(&node.state, coin)?;
            }
            less += holds(&parent.state, coin)?;
        }
        let [before, after] = [&parent.state, &node.state].map(State::supply);
        let (before, after) = (before?, after?);
        let came = u128::from(after.issued.0) + u128::from(before.burned.0);
        let went = u128::from(before.issued.0) + u128::from(after.burned.0);
        if more + went == less + came && after.genesis == before.genesis {
            return Ok(());
        }
        let what = format!(
            "its coins hold {more} base units where {less} were before, and it says {before:?} before and {after:?} after"
        );
        Err(AuditError::Violated { height: node.height(), what })
    }

    /// What the store keeps beside a final block.
    fn compare_final(&self, id: &BlockId) -> Result<(), AuditError> {
        let tree = self.again.tree();
        let Some(node) = tree.get(id) else { return Ok(()) };
        let violated = |what: String| AuditError::Violated { height: node.height(), what };
        for receipt in &*node.receipts {
            if self.stored.block_of(&receipt.id)? != Some(*id) {
                let what = format!("transaction {} is not found in its block", receipt.id);
                return Err(violated(what));
            }
        }
        let own = self.stored.own(id)?;
        if own.is_some_and(|own| own != *node.own) {
            return Err(violated("what it did to coins itself is stored otherwise".into()));
        }
        if node.height() >= self.index.next {
            return Ok(());
        }
        let Some(parent) = tree.get(&node.block.header.parent) else { return Ok(()) };
        let before = |coin: &CoinId| Ok(parent.state.coin(coin)?.as_ref().map(Owned::from));
        let chain = tree.params().chain;
        let told = tell(&node.block, &chain, &node.own, &mut Coins::new(before));
        let told = told.map_err(|error| violated(error.to_string()))?;
        let index = Index::of(self.store.clone());
        for (owner, place, entry) in told {
            let above = super::Place { position: place.position.saturating_add(1), ..place };
            let found = index.page(&owner, Some(above), 1)?;
            if found.first() != Some(&(place, entry)) {
                let what = format!("the index of histories lacks entry {}", place.position);
                return Err(violated(what));
            }
        }
        Ok(())
    }

    /// Ends the audit with the state that is stored.
    pub fn finish(mut self) -> Result<Audited, AuditError> {
        let height = self.last.height;
        let violated = |what: String| AuditError::Violated { height, what };
        if self.stored.final_id(height)? != Some(self.last.id) {
            return Err(violated("the final block is not the one at the final height".into()));
        }
        if let Some(above) = self.stored.final_id(height.next())? {
            return Err(violated(format!("block {above} stands as final above the final height")));
        }
        let header = self.stored.header(&self.last.id)?;
        let header = header.ok_or_else(|| violated("the final block is missing".into()))?.header;
        let root = self.hash_state(height)?;
        if root != header.state_root {
            return Err(violated(format!(
                "the stored state has root {root}, and the final block says {}",
                header.state_root
            )));
        }
        let head = self.again.tree().head();
        self.done.height = head.height();
        (self.done.head, self.done.state_root) = (head.id, head.state.root());
        Ok(self.done)
    }

    /// Hashes the stored state and counts its coins.
    fn hash_state(&self, height: Height) -> Result<StateRoot, AuditError> {
        let violated = |what: String| AuditError::Violated { height, what };
        let mut hash = LtHash::default();
        let (mut sum, mut coins, mut marks) = (0u128, 0u64, 0u64);
        let mut after: Vec<u8> = Vec::new();
        loop {
            let page = self.store.scan(Table::State, &[], &after, PAGE)?;
            let full = page.len() == PAGE;
            after = page.last().map(|(name, _)| name.clone()).unwrap_or_default();
            for (name, value) in page {
                if Key::coin_of_owned(&name).is_some() {
                    marks += 1;
                    continue;
                }
                hash.add(&name, &value);
                if let Some(id) = Key::coin_of_coin(&name) {
                    let coin: Coin = decode(&value)
                        .map_err(|error| violated(format!("coin {id} cannot be read: {error}")))?;
                    coins += 1;
                    sum += u128::from(coin.amount.0);
                    let mark = Key::Owned(coin.owner, id).to_bytes();
                    if self.store.get(Table::State, &mark)?.is_none() {
                        return Err(violated(format!("coin {id} is not listed under its owner")));
                    }
                }
            }
            if !full {
                break;
            }
        }
        if marks != coins {
            return Err(violated(format!("{marks} coins are listed by owner, and {coins} exist")));
        }
        let supply = Key::System(Supply::key()).to_bytes();
        let supply = self.store.get(Table::State, &supply)?;
        let supply = supply.map(|bytes| decode::<Supply>(&bytes)).transpose();
        let supply = supply.map_err(|error| violated(error.to_string()))?.unwrap_or_default();
        if supply.circulating().map(|all| u128::from(all.0)) != Some(sum) {
            let what = format!("all coins hold {sum} base units, and the supply is {supply:?}");
            return Err(violated(what));
        }
        Ok(hash.root())
    }
}

/// What a coin holds after a block, if it exists then.
fn holds(state: &State, coin: &CoinId) -> Result<u128, AuditError> {
    Ok(state.coin(coin)?.map_or(0, |coin| u128::from(coin.amount.0)))
}
