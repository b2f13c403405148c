//! Transactions that a branch made void, by taking or spending their coins or by what its operations did: they are pending
//! again if its head leaves and nothing else stands in their way.
//!
//! Whoever stakes a coin that a pending payment spends takes it away from under the payment; so does another payment of the
//! same coin, and a vote falls with the delegate that was suspended. None of that need stand on the branch that wins. What was
//! accepted here was promised, so it is forgotten only when the head under which it became void is final.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Replica;
use crate::mempool::AdmitError;
use crate::store::Store;
use crate::types::canary::{Bug, planted};
use crate::types::{BlockId, CoinId, Transaction, TransactionId};

/// Transactions that are kept at most; further ones are forgotten as they are displaced.
const DISPLACED_MAX: usize = 1000;

/// A transaction and its id.
pub(super) type Identified = (TransactionId, Arc<Transaction>);

/// What fell under each head of the branch.
#[derive(Debug, Default)]
pub(super) struct Displaced {
    by: BTreeMap<BlockId, Vec<Identified>>,
    ids: BTreeSet<TransactionId>,
}

impl Displaced {
    pub(super) fn keep(&mut self, head: BlockId, displaced: Vec<Identified>) {
        for (id, transaction) in displaced {
            if self.ids.len() < DISPLACED_MAX && self.ids.insert(id) {
                self.by.entry(head).or_default().push((id, transaction));
            }
        }
    }

    /// A head left the branch, or is final: what had fallen under it.
    pub(super) fn take(&mut self, block: &BlockId) -> Vec<Identified> {
        let displaced = self.by.remove(block).unwrap_or_default();
        for (id, _) in &displaced {
            self.ids.remove(id);
        }
        displaced
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Those that spend one of these coins.
    fn take_spending(&mut self, coins: &BTreeSet<CoinId>) -> Vec<Identified> {
        let spends = |(_, it): &mut Identified| it.inputs.iter().any(|coin| coins.contains(coin));
        let waiting = self.by.values_mut();
        let taken: Vec<_> = waiting.flat_map(|fallen| fallen.extract_if(.., spends)).collect();
        self.by.retain(|_, fallen| !fallen.is_empty());
        for (id, _) in &taken {
            self.ids.remove(id);
        }
        taken
    }

    /// Whether a transaction waits for what becomes of a head.
    pub(super) fn has(&self, id: &TransactionId) -> bool {
        self.ids.contains(id)
    }
}

impl<S: Store> Replica<S> {
    /// Takes into the pool again what blocks displaced that left the branch, and then what they carried; gives what still cannot
    /// stand.
    ///
    /// What was displaced was here before the block that displaced it, and the first one stays.
    pub(super) fn take_back(
        &mut self,
        displaced: Vec<Identified>,
        returned: Vec<Identified>,
    ) -> Vec<Identified> {
        if planted(Bug::ReturnedForgotten) {
            return Vec::new();
        }
        let waiting = self.take_in(displaced);
        let mut void = self.take_in(returned);
        // It may stand on what a block carried.
        void.extend(self.take_in(waiting));
        void
    }

    /// Gives what fell with the transactions that created these coins its turn, and then what stood on it: the coins are there
    /// again under the head that undid them.
    pub(super) fn wake_displaced(&mut self, created: &BTreeSet<CoinId>) {
        let mut ready = self.displaced.take_spending(created);
        while !ready.is_empty() {
            let created = ready.iter().flat_map(|(id, it)| self.creates(id, it)).collect();
            let void = self.take_in(ready);
            self.displaced.keep(self.tree.head().id, void);
            ready = self.displaced.take_spending(&created);
        }
    }

    /// Gives what is not valid now; what else is refused lost to others that are pending.
    fn take_in(&mut self, transactions: Vec<Identified>) -> Vec<Identified> {
        let mut void = Vec::new();
        for (id, transaction) in transactions {
            if self.included.contains_key(&id) {
                continue;
            }
            match self.admit(id, transaction.clone()) {
                Ok(()) | Err(AdmitError::Known) => self.tell_soon(&id),
                Err(AdmitError::Invalid(_)) => void.push((id, transaction)),
                // After a restart it must not come before the one that is kept.
                Err(AdmitError::Conflict { .. }) => self.forget(&[id]),
                Err(_) => {}
            }
        }
        void
    }

    /// At start: what no longer stands waits for what becomes of the head, unless that is final. Gives what is void for good.
    pub(super) fn recall_displaced(&mut self, lost: Vec<Identified>) -> Vec<TransactionId> {
        let head = self.tree.head().id;
        let ids = lost.iter().map(|(id, _)| *id).collect();
        if head == self.tree.root().id {
            return ids;
        }
        self.displaced.keep(head, lost);
        let (kept, void) = ids.into_iter().partition(|id| self.displaced.has(id));
        let kept: Vec<TransactionId> = kept;
        kept.into_iter().for_each(|id| self.transactions.promise(id));
        void
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
        displaced.keep(block(1), vec![payment(1)]);
        displaced.keep(block(2), vec![payment(2)]);
        let coins = |output| BTreeSet::from([genesis_coin_id(output, &params())]);
        assert_eq!(displaced.take_spending(&coins(1)), []);
        assert_eq!(displaced.take_spending(&coins(0)), [payment(1), payment(2)]);
        assert!(displaced.is_empty() && displaced.by.is_empty());
        for fee in 0..DISPLACED_MAX as u64 + 10 {
            displaced.keep(block(3), vec![payment(fee)]);
        }
        assert_eq!(displaced.take(&block(3)).len(), DISPLACED_MAX);
    }
}
