//! Payments that a block made void by taking their coin, or by paying it to others: they are pending again if it leaves the
//! branch and nothing else spends the coin.
//!
//! Whoever stakes a coin that a pending payment spends takes it away from under the payment; so does another payment of the
//! same coin, and that one need not stand on the branch that wins. What was accepted here was
//! promised, so it is forgotten only when the block is final.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Replica;
use crate::chain::Node;
use crate::store::Store;
use crate::types::{BlockId, CoinId, Transaction, TransactionId};

/// Payments that are kept at most; further ones are forgotten as they are displaced.
const DISPLACED_MAX: usize = 1000;

/// A transaction and its id.
pub(super) type Identified = (TransactionId, Arc<Transaction>);

/// What blocks of the branch displaced.
#[derive(Debug, Default)]
pub(super) struct Displaced {
    by: BTreeMap<BlockId, Vec<Identified>>,
    ids: BTreeSet<TransactionId>,
}

impl Displaced {
    pub(super) fn keep(&mut self, block: BlockId, displaced: Vec<Identified>) {
        for (id, transaction) in displaced {
            if self.ids.len() < DISPLACED_MAX && self.ids.insert(id) {
                self.by.entry(block).or_default().push((id, transaction));
            }
        }
    }

    /// A block left the branch, or is final: what it displaced.
    pub(super) fn take(&mut self, block: &BlockId) -> Vec<Identified> {
        let displaced = self.by.remove(block).unwrap_or_default();
        for (id, _) in &displaced {
            self.ids.remove(id);
        }
        displaced
    }

    /// Whether a transaction waits for what becomes of a block.
    pub(super) fn has(&self, id: &TransactionId) -> bool {
        self.ids.contains(id)
    }
}

impl<S: Store> Replica<S> {
    /// A block joined the branch that takes this coin itself.
    pub(super) fn displace(&mut self, block: BlockId, coin: &CoinId) {
        let displaced = self.pool.lose(coin);
        self.displaced.keep(block, displaced);
    }

    /// At start: of transactions that no longer stand, those that a block displaced which is not final.
    pub(super) fn recall_displaced(&mut self, lost: Vec<Identified>) -> Vec<TransactionId> {
        let mut takers: BTreeMap<CoinId, BlockId> = BTreeMap::new();
        let branch = self.tree.branch().values().filter_map(|id| self.tree.get(id));
        for Node { id, own, block, .. } in branch {
            takers.extend(own.taken.iter().map(|(coin, _)| (*coin, *id)));
            let spent = block.body.transactions.iter().flat_map(|it| it.inputs.iter());
            takers.extend(spent.map(|coin| (*coin, *id)));
        }
        let mut forgotten = Vec::new();
        for (id, transaction) in lost {
            match transaction.inputs.iter().find_map(|coin| takers.get(coin)) {
                Some(&block) => {
                    // What stands on it waits with it.
                    for output in 0..transaction.outputs.len() {
                        takers.insert(Transaction::coin_id(&id, output, &self.chain), block);
                    }
                    self.displaced.keep(block, vec![(id, transaction)]);
                    self.transactions.promise(id);
                }
                None => forgotten.push(id),
            }
        }
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testkit::transaction;
    use crate::ledger::testkit::{FORTUNE, params};
    use crate::ledger::{Coin, CoinKind, genesis_coin_id};
    use crate::types::testkit::key;
    use crate::types::{Amount, Hash, Height, Time};

    #[test]
    fn a_payment_comes_back_when_the_block_that_took_its_coin_leaves() {
        let block = |number: u8| BlockId(Hash([number; 32]));
        let owner = key(1).address();
        let (amount, kind) = (FORTUNE, CoinKind::Transfer);
        let coin = Coin { owner, amount, height: Height(0), time: Time(0), kind };
        let payment = |fee: u64| {
            let outputs = [(key(2).address(), Amount(FORTUNE.0 - fee))];
            let coins = [(genesis_coin_id(0, &params()), coin)];
            let payment = transaction(&coins, &outputs, None, &params());
            (payment.id(&params().chain), Arc::new(payment))
        };
        let mut displaced = Displaced::default();
        displaced.keep(block(1), vec![payment(1), payment(2)]);
        // Once is enough, whoever displaces it again.
        displaced.keep(block(2), vec![payment(2), payment(3)]);
        assert!([1, 2, 3].iter().all(|fee| displaced.has(&payment(*fee).0)));
        assert_eq!(displaced.take(&block(2)), [payment(3)]);
        assert!(!displaced.has(&payment(3).0));
        assert_eq!(displaced.take(&block(1)), [payment(1), payment(2)]);
        assert_eq!(displaced.take(&block(1)), []);
        for fee in 0..DISPLACED_MAX as u64 + 10 {
            displaced.keep(block(3), vec![payment(fee)]);
        }
        assert_eq!(displaced.take(&block(3)).len(), DISPLACED_MAX);
    }
}
