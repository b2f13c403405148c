//! Admission: what may join the pool.

use std::sync::Arc;

use super::{ANCESTORS_MAX, Mempool, Pending};
use crate::ledger::{Accepted, Refused, State, TransactionError, Transition, Working, validate};
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
        let (fee, rate, size, depth) = self.judge(&id, &transaction, place)?;
        self.arrivals += 1;
        let pending = Pending {
            witnesses: transaction.witness_hash(&self.params.chain),
            transaction,
            size,
            fee,
            rate,
            arrival: self.arrivals,
            since: now,
            depth,
        };
        self.insert(id, pending, place.height);
        let mut gone = Vec::new();
        while self.bytes > self.bytes_max {
            let Some((_, _, cheapest)) = self.by_rate.first().copied() else { break };
            gone.extend(self.remove(&cheapest));
        }
        Ok(gone)
    }

    fn judge(
        &self,
        id: &TransactionId,
        transaction: &Transaction,
        place: Place<'_>,
    ) -> Result<(Amount, u64, usize, usize), AdmitError> {
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
        operation(transaction, &accepted, place)?;
        let depth = 1 + self.depth(transaction);
        if depth > ANCESTORS_MAX {
            return Err(AdmitError::TooDeep);
        }
        // A fee is below 2^53 and a size at least one byte, so this stays below 2^63.
        let rate = accepted.fee.0.saturating_mul(1000) / size as u64;
        if self.bytes + size > self.bytes_max {
            let cheapest = self.by_rate.first().map_or(u64::MAX, |(rate, ..)| *rate);
            if rate <= cheapest {
                return Err(AdmitError::Full { rate, cheapest });
            }
        }
        Ok((accepted.fee, rate, size, depth))
    }

    fn depth(&self, transaction: &Transaction) -> usize {
        let parents = transaction.inputs.iter().filter_map(|coin| self.created.get(coin));
        parents.filter_map(|(_, id)| self.pending.get(id)).map(|p| p.depth).max().unwrap_or(0)
    }
}

/// Whether the rule would perform the operation on the head's state.
fn operation(
    transaction: &Transaction,
    accepted: &Accepted,
    place: Place<'_>,
) -> Result<(), TransactionError> {
    let Some(operation) = &transaction.operation else { return Ok(()) };
    let mut scratch = Working::new(place.state);
    match place.rule.operation(operation, accepted.actor, &mut scratch.system()) {
        Ok(()) => Ok(()),
        Err(Refused::Failed(failed)) => Err(failed.into()),
        Err(refused) => Err(TransactionError::Operation(refused.to_string())),
    }
}
