//! Pending transactions, bounded.
//!
//! The pool holds transactions that could stand in the next block, their signatures verified. A transaction may spend
//! coins that another pending one creates. First come, first served: a second transaction that spends the same coin
//! is refused until a block decides. When the pool is full, the lowest fee rates go first.

mod admit;
mod select;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use admit::{AdmitError, Place};

use crate::ledger::{Coin, CoinKind, CoinView, Params, ReadFailed, State};
use crate::types::{
    Address, Amount, CoinId, Hash, Hashed, Height, Time, Transaction, TransactionId,
};

/// Pending transactions that a pending transaction may stand on, in the longest line: a block that takes it must take
/// all of them.
pub const ANCESTORS_MAX: usize = 25;

/// A pending transaction.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The transaction.
    pub transaction: Arc<Transaction>,
    /// The coins that it spends, in the order of its inputs.
    pub spends: Vec<Coin>,
    /// The hash of its witnesses: another copy with other witnesses is another signature check.
    pub witnesses: Hash,
    /// Its encoded size in bytes.
    pub size: usize,
    /// What it pays.
    pub fee: Amount,
    /// The same in thousandths of a base unit per byte.
    pub rate: u64,
    /// The order of arrival.
    pub arrival: u64,
    /// When it arrived, by the local clock.
    pub since: Time,
    /// Pending transactions in the longest line that ends with it.
    depth: usize,
}

/// The fee rate of a transaction of so many bytes, in thousandths of a base unit per byte.
pub fn rate(fee: Amount, bytes: usize) -> u64 {
    fee.0.saturating_mul(1000) / (bytes as u64).max(1)
}

impl Pending {
    /// The hashes that a block's body commits to, of the transaction with this id.
    pub fn hashed(&self, id: &TransactionId) -> Hashed {
        Hashed { id: *id, witnesses: self.witnesses }
    }

    /// Whether everything that it spends is on the chain.
    pub fn stands_alone(&self) -> bool {
        self.depth <= 1
    }

    /// Everybody whose coins it spends or creates.
    fn owners(&self) -> BTreeSet<Address> {
        let spends = self.spends.iter().map(|coin| coin.owner);
        spends.chain(self.transaction.outputs.iter().map(|output| output.to)).collect()
    }
}

/// The pool. A copy shares the transactions.
#[derive(Debug, Clone)]
pub struct Mempool {
    params: Params,
    bytes_max: usize,
    pending: BTreeMap<TransactionId, Pending>,
    /// Which pending transaction spends a coin.
    spent: BTreeMap<CoinId, TransactionId>,
    /// Coins that pending transactions create, and which does.
    created: BTreeMap<CoinId, (Coin, TransactionId)>,
    /// Which pending transactions spend or create coins of an owner.
    by_owner: BTreeSet<(Address, TransactionId)>,
    /// By fee rate, the lowest first; among equals the latest first.
    by_rate: BTreeSet<(u64, std::cmp::Reverse<u64>, TransactionId)>,
    bytes: usize,
    arrivals: u64,
    /// What joined or left since somebody asked.
    touched: Vec<TransactionId>,
}

impl Mempool {
    /// An empty pool of at most `bytes_max` encoded bytes.
    pub fn new(params: Params, bytes_max: usize) -> Self {
        Self {
            params,
            bytes_max,
            pending: BTreeMap::new(),
            spent: BTreeMap::new(),
            created: BTreeMap::new(),
            by_owner: BTreeSet::new(),
            by_rate: BTreeSet::new(),
            bytes: 0,
            arrivals: 0,
            touched: Vec::new(),
        }
    }

    /// How many transactions are pending.
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Encoded bytes of pending transactions at most.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Encoded bytes of all pending transactions.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// A pending transaction.
    pub fn get(&self, id: &TransactionId) -> Option<&Pending> {
        self.pending.get(id)
    }

    /// All pending transactions, in order of id.
    pub fn iter(&self) -> impl Iterator<Item = (&TransactionId, &Pending)> {
        self.pending.iter()
    }

    /// The transactions that joined or left since the last call, in order.
    pub fn take_touched(&mut self) -> Vec<TransactionId> {
        std::mem::take(&mut self.touched)
    }

    /// Whether this very copy is pending, which means that its signatures are known to verify.
    pub fn has_verified(&self, id: &TransactionId, witnesses: &Hash) -> bool {
        self.pending.get(id).is_some_and(|pending| pending.witnesses == *witnesses)
    }

    /// The pending transaction that spends a coin.
    pub fn spender(&self, coin: &CoinId) -> Option<&TransactionId> {
        self.spent.get(coin)
    }

    /// The pending transactions that spend or create coins of `owner`, in order of id.
    pub fn of(&self, owner: &Address) -> impl Iterator<Item = (&TransactionId, &Pending)> {
        let from = (*owner, TransactionId::default());
        let theirs = self.by_owner.range(from..).take_while(move |(by, _)| *by == from.0);
        theirs.filter_map(|(_, id)| self.pending.get_key_value(id))
    }

    /// The coins of `owner` that a pending transaction creates, as the next transaction finds them.
    pub fn created_by(
        &self,
        id: &TransactionId,
        owner: &Address,
    ) -> impl Iterator<Item = (CoinId, Coin)> {
        let outputs = self.pending.get(id).map_or(0, |pending| pending.transaction.outputs.len());
        let coin = |index| {
            let id = Transaction::coin_id(id, index, &self.params.chain);
            self.created.get(&id).map(|(coin, _)| (id, *coin))
        };
        (0..outputs).filter_map(coin).filter(|(_, coin)| coin.owner == *owner)
    }

    /// The coins as the next transaction finds them: those of `state`, those that pending transactions create, and
    /// none that they spend.
    pub fn view<'a>(&'a self, state: &'a State) -> PoolView<'a> {
        PoolView { pool: self, state }
    }

    fn insert(&mut self, id: TransactionId, pending: Pending, locked: &[CoinId], height: Height) {
        let chain = self.params.chain;
        let mut children = Vec::new();
        for coin in &pending.transaction.inputs {
            self.spent.insert(*coin, id);
        }
        for (index, output) in pending.transaction.outputs.iter().enumerate() {
            let coin_id = Transaction::coin_id(&id, index, &chain);
            let (owner, amount, time) = (output.to, output.amount, pending.since);
            let kind = if locked.contains(&coin_id) { CoinKind::Bond } else { CoinKind::Transfer };
            let coin = Coin { owner, amount, height, time, kind };
            children.extend(self.spent.get(&coin_id));
            self.created.insert(coin_id, (coin, id));
        }
        self.touched.push(id);
        self.bytes += pending.size;
        self.by_owner.extend(pending.owners().into_iter().map(|owner| (owner, id)));
        self.by_rate.insert((pending.rate, std::cmp::Reverse(pending.arrival), id));
        self.pending.insert(id, pending);
        // A transaction that a lost block gives back may find what stands on it pending already.
        self.count_depths(children);
    }

    /// A coin that a pending transaction creates, as another finds it. Its height was a guess when its transaction
    /// joined and the head may have gone back since; what a payment creates may be spent at once at any height.
    fn pending_coin(&self, id: &CoinId) -> Option<Coin> {
        let (coin, _) = self.created.get(id)?;
        Some(Coin { height: Height::default(), ..*coin })
    }

    /// The pending transactions that create coins which this one spends.
    fn parents(&self, transaction: &Transaction) -> impl Iterator<Item = TransactionId> {
        transaction.inputs.iter().filter_map(|coin| self.created.get(coin)).map(|(_, id)| *id)
    }

    /// The pending transactions that spend coins which this one creates.
    fn children(&self, id: &TransactionId) -> Vec<TransactionId> {
        let outputs = self.pending.get(id).map_or(0, |pending| pending.transaction.outputs.len());
        let coin = |index| Transaction::coin_id(id, index, &self.params.chain);
        (0..outputs).filter_map(|index| self.spent.get(&coin(index)).copied()).collect()
    }

    /// Counts again how deep these stand, and whatever stands on them.
    fn count_depths(&mut self, mut next: Vec<TransactionId>) {
        while let Some(id) = next.pop() {
            let Some(pending) = self.pending.get(&id) else { continue };
            let depth = 1 + self.depth(&pending.transaction);
            if depth != pending.depth {
                next.extend(self.children(&id));
                if let Some(pending) = self.pending.get_mut(&id) {
                    pending.depth = depth;
                }
            }
        }
    }

    /// Takes one transaction out; what stands on it is the caller's business.
    fn take(&mut self, id: &TransactionId) -> Option<Pending> {
        let pending = self.pending.remove(id)?;
        self.touched.push(*id);
        for coin in &pending.transaction.inputs {
            self.spent.remove(coin);
        }
        for index in 0..pending.transaction.outputs.len() {
            self.created.remove(&Transaction::coin_id(id, index, &self.params.chain));
        }
        self.bytes -= pending.size;
        for owner in pending.owners() {
            self.by_owner.remove(&(owner, *id));
        }
        self.by_rate.remove(&(pending.rate, std::cmp::Reverse(pending.arrival), *id));
        Some(pending)
    }

    /// Takes a transaction out with everything that stands on it; gives the ids that went.
    pub fn remove(&mut self, id: &TransactionId) -> Vec<TransactionId> {
        self.fell(vec![*id]).into_iter().map(|(id, _)| id).collect()
    }

    /// Takes out what can no longer stand because this coin is gone, and gives it, each before what stands on it.
    pub fn lose(&mut self, coin: &CoinId) -> Vec<(TransactionId, Arc<Transaction>)> {
        self.fell(self.spent.get(coin).copied().into_iter().collect())
    }

    /// Takes transactions out with everything that stands on them, and gives all that, each before what stands on it.
    fn fell(&mut self, roots: Vec<TransactionId>) -> Vec<(TransactionId, Arc<Transaction>)> {
        let (mut felled, mut next) = (Vec::new(), roots);
        while let Some(id) = next.pop() {
            next.extend(self.children(&id));
            if let Some(pending) = self.take(&id) {
                felled.push((pending.depth, id, pending.transaction));
            }
        }
        // What stands on another is deeper, wherever the two came to be here.
        felled.sort_by_key(|(depth, ..)| *depth);
        felled.into_iter().map(|(_, id, transaction)| (id, transaction)).collect()
    }

    /// Takes out what a block confirmed, and what can no longer stand because the block spends its coins; gives the latter, each
    /// before what stands on it.
    pub fn confirm<'t>(
        &mut self,
        transactions: impl IntoIterator<Item = (&'t TransactionId, &'t Transaction)>,
    ) -> Vec<(TransactionId, Arc<Transaction>)> {
        let (mut risen, mut lost) = (Vec::new(), Vec::new());
        for (id, transaction) in transactions {
            risen.extend(self.children(id));
            self.take(id);
            for coin in &transaction.inputs {
                lost.extend(self.lose(coin));
            }
        }
        self.count_depths(risen);
        lost
    }
}

/// The coins as the next transaction finds them.
pub struct PoolView<'a> {
    pool: &'a Mempool,
    state: &'a State,
}

impl CoinView for PoolView<'_> {
    fn coin(&self, id: &CoinId) -> Result<Option<Coin>, ReadFailed> {
        if self.pool.spent.contains_key(id) {
            return Ok(None);
        }
        match self.pool.pending_coin(id) {
            Some(coin) => Ok(Some(coin)),
            None => self.state.coin(id),
        }
    }
}

#[cfg(test)]
mod tests;
