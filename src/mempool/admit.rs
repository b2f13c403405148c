//! Admission: what may join the pool, and what may stay when the head moved.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{ANCESTORS_MAX, Mempool, Pending};
use crate::ledger::{
    Accepted, Coin, CoinKind, CoinView, Params, ReadFailed, Refused, State, TransactionError,
    Transition, Working, outputs_of, validate,
};
use crate::types::{Amount, CoinId, Height, Time, Transaction, TransactionId};

/// Why a transaction may not join the pool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmitError {
    /// It is pending already.
    #[error("the transaction is already pending")]
    Known,
    /// Another pending transaction was faster.
    #[error("coin {coin} is already spent by pending transaction {by}")]
    Conflict {
        /// The coin.
        coin: CoinId,
        /// The faster one.
        by: TransactionId,
    },
    /// It stands on too many others.
    #[error("it stands on a line of {ANCESTORS_MAX} pending transactions; wait for a block")]
    TooDeep,
    /// The pool is full of better ones.
    #[error(
        "the pool is full: it pays {rate} thousandths of a base unit per byte, the cheapest pending one {cheapest}"
    )]
    Full {
        /// What it pays.
        rate: u64,
        /// What the cheapest pending one pays.
        cheapest: u64,
    },
    /// It is larger than the share of a block that one transaction may take.
    #[error("it has {size} bytes; one transaction may have {allowed}")]
    TooLarge {
        /// Its size.
        size: usize,
        /// What is allowed.
        allowed: usize,
    },
    /// It could not stand in the next block.
    #[error("the transaction is invalid: {0}")]
    Invalid(#[from] TransactionError),
}

/// Where pending transactions would stand: in a child of the head.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The state after the head.
    pub state: &'a State,
    /// The height of the child.
    pub height: Height,
    /// The rule, which judges operations.
    pub rule: &'a dyn Transition,
}

impl Mempool {
    /// Whether the transaction could join now, its signatures aside.
    pub fn check(
        &self,
        id: &TransactionId,
        transaction: &Transaction,
        place: Place<'_>,
    ) -> Result<(), AdmitError> {
        self.judge(id, transaction, place).map(drop)
    }

    /// Lets a transaction join whose signatures are known to verify; gives the ids that had to go for it.
    pub fn admit(
        &mut self,
        id: TransactionId,
        transaction: Arc<Transaction>,
        place: Place<'_>,
        now: Time,
    ) -> Result<Vec<TransactionId>, AdmitError> {
        let Judged { spends, fee, rate, size, depth, victims, locked } =
            self.judge(&id, &transaction, place)?;
        self.arrivals += 1;
        let pending = Pending {
            witnesses: transaction.witness_hash(&self.params.chain),
            transaction,
            spends,
            size,
            fee,
            rate,
            arrival: self.arrivals,
            since: now,
            depth,
        };
        let gone = victims.iter().flat_map(|victim| self.remove(victim)).collect();
        self.insert(id, pending, &locked, place.height);
        Ok(gone)
    }

    fn judge(
        &self,
        id: &TransactionId,
        transaction: &Transaction,
        place: Place<'_>,
    ) -> Result<Judged, AdmitError> {
        if self.pending.contains_key(id) {
            return Err(AdmitError::Known);
        }
        let size = transaction.size();
        let allowed = self.params.block_bytes_max / 2;
        if size > allowed {
            return Err(AdmitError::TooLarge { size, allowed });
        }
        for coin in &transaction.inputs {
            if let Some(by) = self.spent.get(coin) {
                return Err(AdmitError::Conflict { coin: *coin, by: *by });
            }
        }
        let view = self.view(place.state);
        let accepted = validate(transaction, size, &view, place.height, &self.params)?;
        let locked = operation((id, transaction), &accepted, place, &self.params)?;
        let depth = 1 + self.depth(transaction);
        if depth > ANCESTORS_MAX {
            return Err(AdmitError::TooDeep);
        }
        // A fee is below 2^53 and a size at least one byte, so this stays below 2^63.
        let rate = super::rate(accepted.fee, size);
        let victims = self.victims(transaction, size, rate)?;
        let spends = accepted.spends.into_iter().map(|(_, coin)| coin).collect();
        Ok(Judged { spends, fee: accepted.fee, rate, size, depth, victims, locked })
    }

    /// Whose place a transaction takes in a full pool: the cheapest ones, with all that stands on them. Each must pay
    /// less than it does, and none may be what it stands on itself.
    fn victims(
        &self,
        transaction: &Transaction,
        size: usize,
        rate: u64,
    ) -> Result<Vec<TransactionId>, AdmitError> {
        let mut victims = Vec::new();
        let mut bytes = self.bytes + size;
        if bytes <= self.bytes_max {
            return Ok(victims);
        }
        let kept = self.ancestors(transaction);
        let mut gone = BTreeSet::new();
        for (cheapest, _, id) in &self.by_rate {
            if kept.contains(id) || gone.contains(id) {
                continue;
            }
            if *cheapest >= rate {
                return Err(AdmitError::Full { rate, cheapest: *cheapest });
            }
            victims.push(*id);
            let mut next = vec![*id];
            while let Some(id) = next.pop() {
                if gone.insert(id) {
                    bytes -= self.pending[&id].size;
                    next.extend(self.children(&id));
                }
            }
            if bytes <= self.bytes_max {
                return Ok(victims);
            }
        }
        Err(AdmitError::Full { rate, cheapest: u64::MAX })
    }

    /// All pending transactions that this one stands on.
    pub fn ancestors(&self, transaction: &Transaction) -> BTreeSet<TransactionId> {
        let mut ancestors = BTreeSet::new();
        let mut next: Vec<TransactionId> = self.parents(transaction).collect();
        while let Some(id) = next.pop() {
            if ancestors.insert(id) {
                next.extend(self.parents(&self.pending[&id].transaction));
            }
        }
        ancestors
    }

    /// Takes out what can no longer stand in a child of the head, with everything that stands on it; gives what went,
    /// each before what stands on it. The head's move may have undone coins that pending transactions spend (`coins`: whether it undid
    /// any block), and it may have changed what the rule says to an operation.
    pub fn revise(
        &mut self,
        place: Place<'_>,
        coins: bool,
    ) -> Result<Vec<(TransactionId, Arc<Transaction>)>, ReadFailed> {
        let mut fallen = Vec::new();
        for (id, pending) in &self.pending {
            let transaction = &*pending.transaction;
            if !coins && transaction.operation.is_none() {
                continue;
            }
            let below = Below { pool: self, state: place.state };
            let judged = validate(transaction, pending.size, &below, place.height, &self.params)
                .and_then(|accepted| operation((id, transaction), &accepted, place, &self.params));
            match judged {
                Ok(_) => {}
                Err(TransactionError::Failed(error)) => return Err(error),
                Err(_) => fallen.push(*id),
            }
        }
        Ok(self.fell(fallen))
    }

    pub(super) fn depth(&self, transaction: &Transaction) -> usize {
        let parents = self.parents(transaction).filter_map(|id| self.pending.get(&id));
        parents.map(|parent| parent.depth).max().unwrap_or(0)
    }
}

/// What admission finds out about a transaction that may join.
struct Judged {
    spends: Vec<Coin>,
    fee: Amount,
    rate: u64,
    size: usize,
    depth: usize,
    victims: Vec<TransactionId>,
    /// The coins that it creates and its operation locks.
    locked: Vec<CoinId>,
}

/// The coins as a pending transaction finds them: those of the state and those that pending transactions create.
struct Below<'a> {
    pool: &'a Mempool,
    state: &'a State,
}

impl CoinView for Below<'_> {
    fn coin(&self, id: &CoinId) -> Result<Option<Coin>, ReadFailed> {
        match self.pool.pending_coin(id) {
            Some(coin) => Ok(Some(coin)),
            None => self.state.coin(id),
        }
    }
}

/// Whether the rule would perform the operation on the head's state; gives the coins of the transaction that it locks.
fn operation(
    (id, transaction): (&TransactionId, &Transaction),
    accepted: &Accepted,
    place: Place<'_>,
    params: &Params,
) -> Result<Vec<CoinId>, TransactionError> {
    let Some(operation) = &transaction.operation else { return Ok(Vec::new()) };
    let mut scratch = Working::new(place.state);
    // Its time is that of a block to come, and matters to no operation.
    let born = (place.height, Time::default());
    let outputs: Vec<_> = outputs_of(transaction, id, born, &params.chain).collect();
    scratch.offer(outputs.iter().copied());
    match place.rule.operation(operation, accepted.actor, place.height, &mut scratch.system()) {
        Ok(()) => {}
        Err(Refused::Failed(failed)) => return Err(failed.into()),
        Err(refused) => return Err(TransactionError::Operation(refused.to_string())),
    }
    let mut locked = Vec::new();
    for (id, _) in outputs {
        if scratch.coin(&id)?.is_some_and(|coin| coin.kind == CoinKind::Bond) {
            locked.push(id);
        }
    }
    Ok(locked)
}
