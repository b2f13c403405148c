//! Transactions on their way into the pool, and out to others in batches.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::bounded::Recent;
use super::wire::{BATCH_MAX, GOSSIP_BYTES_MAX, Gossip};
use super::{GossipVerdict, Output, Peer, Replica, Verifying};
use crate::consensus::Event;
use crate::ledger::{TransactionError, signature_checks};
use crate::mempool::{AdmitError, Place};
use crate::store::{Batch, Store, Table};
use crate::types::signatures::SignatureCheck;
use crate::types::{Bounded, CoinId, Span, Time, Transaction, TransactionId, encode};

/// Transactions that spend a coin nobody has heard of yet: the one that creates it may be on its way.
const WAITING_MAX: usize = 1000;

/// Transactions accepted here are gathered for so long before they are gossiped: one message per transaction costs
/// ten times the work of a batch.
const GATHER: Span = Span(12);

/// What was accepted here and is still pending is told again this often, for peers that joined since.
const TELL_AGAIN: Span = Span::seconds(90);

/// Transactions told again at once.
const TOLD_AGAIN_MAX: usize = 1000;

/// Transactions that are not in the pool yet, or have to be told.
#[derive(Debug)]
pub(super) struct Incoming {
    /// Spends a coin that does not exist yet.
    waiting: Recent<TransactionId, (CoinId, Arc<Transaction>)>,
    /// Their signatures are being checked.
    checking: BTreeSet<TransactionId>,
    /// Accepted here and not yet told.
    outgoing: Vec<Arc<Transaction>>,
    flush: Option<Time>,
    /// Accepted here.
    own: BTreeSet<TransactionId>,
    tell_again: Option<Time>,
}

impl Default for Incoming {
    fn default() -> Self {
        Self {
            waiting: Recent::new(WAITING_MAX),
            checking: BTreeSet::new(),
            outgoing: Vec::new(),
            flush: None,
            own: BTreeSet::new(),
            tell_again: None,
        }
    }
}

impl Incoming {
    pub(super) fn next_due(&self) -> Option<Time> {
        self.flush.into_iter().chain(self.tell_again).min()
    }
}

/// Where transactions came from.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// A gossip message.
    Gossip { from: Peer, message: u64 },
    /// A submission on this side.
    Ticket(u64),
    /// Our own waiting room.
    Held,
}

/// Transactions whose signatures are being checked.
#[derive(Debug)]
pub(super) struct Checking {
    source: Source,
    transactions: Vec<(TransactionId, Arc<Transaction>)>,
    /// For each check of the batch, the transaction it belongs to.
    owners: Vec<usize>,
    /// For a submission: what is known of each item; `None` is decided by the check.
    results: Vec<(TransactionId, Option<Result<(), String>>)>,
}

impl<S: Store> Replica<S> {
    /// Lets a transaction join the pool whose signatures are known to verify.
    pub(super) fn admit(
        &mut self,
        id: TransactionId,
        transaction: Arc<Transaction>,
    ) -> Result<(), AdmitError> {
        let head = self.tree.head();
        let height = head.height().next();
        let place = Place { state: &head.state, height, rule: self.tree.rules() };
        self.pool.admit(id, transaction, place, self.now).map(drop)
    }

    fn check(&self, id: &TransactionId, transaction: &Transaction) -> Result<(), AdmitError> {
        if self.included.contains_key(id) {
            return Err(AdmitError::Known);
        }
        let head = self.tree.head();
        let height = head.height().next();
        let place = Place { state: &head.state, height, rule: self.tree.rules() };
        self.pool.check(id, transaction, place)
    }

    /// A peer passed transactions on.
    pub(super) fn gossiped(&mut self, from: Peer, message: u64, batch: Vec<Transaction>) {
        let mut fresh = Vec::new();
        for transaction in batch {
            let id = transaction.id(&self.chain);
            if self.transactions.checking.contains(&id) {
                continue;
            }
            match self.check(&id, &transaction) {
                Ok(()) => fresh.push((id, Arc::new(transaction))),
                Err(AdmitError::Invalid(TransactionError::NoSuchCoin(coin))) => {
                    self.transactions.waiting.insert(id, (coin, Arc::new(transaction)));
                }
                Err(AdmitError::Invalid(TransactionError::Failed(error))) => {
                    return self.fail(error.0);
                }
                // Known, too late, or refused by our pool: nobody is to blame for passing it on.
                Err(_) => {}
            }
        }
        if fresh.is_empty() {
            let verdict = GossipVerdict::Ignore;
            return self.outputs.push(Output::Verdict { message, verdict });
        }
        self.verify(Source::Gossip { from, message }, fresh, Vec::new());
    }

    /// Somebody on this side submits transactions.
    pub(super) fn submitted(&mut self, ticket: u64, transactions: Vec<Transaction>) {
        let mut results = Vec::with_capacity(transactions.len());
        let mut fresh = Vec::new();
        for transaction in transactions {
            let id = transaction.id(&self.chain);
            let known = self.pool.get(&id).is_some() || self.included.contains_key(&id);
            let decided = match self.check(&id, &transaction) {
                _ if known => Some(Ok(())),
                // It may stand on one that comes with it: decided when its turn comes.
                Ok(()) | Err(AdmitError::Invalid(TransactionError::NoSuchCoin(_))) => None,
                Err(error) => Some(Err(error.to_string())),
            };
            if decided.is_none() {
                fresh.push((id, Arc::new(transaction)));
            }
            results.push((id, decided));
        }
        self.verify(Source::Ticket(ticket), fresh, results);
    }

    fn verify(
        &mut self,
        source: Source,
        transactions: Vec<(TransactionId, Arc<Transaction>)>,
        results: Vec<(TransactionId, Option<Result<(), String>>)>,
    ) {
        let mut batch: Vec<SignatureCheck> = Vec::new();
        let mut owners = Vec::new();
        for (index, (id, transaction)) in transactions.iter().enumerate() {
            self.transactions.checking.insert(*id);
            let checks = signature_checks(transaction, &self.chain);
            owners.extend(checks.iter().map(|_| index));
            batch.extend(checks);
        }
        let checking = Checking { source, transactions, owners, results };
        if batch.is_empty() {
            return self.transactions_verified(checking, &[]);
        }
        let order = self.number();
        self.verifying.insert(order, Verifying::Transactions(checking));
        self.outputs.push(Output::Verify { order, batch });
    }

    /// The signatures of transactions were checked; `bad` are the places of those that do not verify.
    pub(super) fn transactions_verified(&mut self, checking: Checking, bad: &[u32]) {
        let Checking { source, transactions, owners, mut results } = checking;
        let forged: BTreeSet<usize> =
            bad.iter().filter_map(|place| owners.get(*place as usize).copied()).collect();
        let mut admitted = Vec::new();
        for (index, (id, transaction)) in transactions.into_iter().enumerate() {
            self.transactions.checking.remove(&id);
            let outcome = match forged.contains(&index) {
                true => Err(TransactionError::Signature.into()),
                false => self.admit(id, transaction.clone()),
            };
            if outcome.is_ok() {
                admitted.push((id, transaction));
            }
            let undecided =
                |(item, result): &&mut (TransactionId, Option<_>)| *item == id && result.is_none();
            if let Some((_, result)) = results.iter_mut().find(undecided) {
                *result = Some(outcome.map_err(|error| error.to_string()));
            }
        }
        match source {
            Source::Gossip { from, message } => {
                let verdict = match (forged.is_empty(), admitted.is_empty()) {
                    (false, _) => GossipVerdict::Reject,
                    (true, true) => GossipVerdict::Ignore,
                    (true, false) => GossipVerdict::Accept,
                };
                self.outputs.push(Output::Verdict { message, verdict });
                if !forged.is_empty() {
                    self.ban(from, "it passed on a transaction with a forged signature");
                }
            }
            Source::Ticket(ticket) => self.answer(ticket, &admitted, results),
            Source::Held => {}
        }
        if !admitted.is_empty() {
            self.events.push_back(Event::PoolFilled);
            self.wake_waiting(&admitted);
        }
    }

    /// Makes what was accepted durable, and only then answers and tells others.
    fn answer(
        &mut self,
        ticket: u64,
        admitted: &[(TransactionId, Arc<Transaction>)],
        results: Vec<(TransactionId, Option<Result<(), String>>)>,
    ) {
        if !admitted.is_empty() {
            let mut batch = Batch::default();
            for (id, transaction) in admitted {
                batch.put(Table::Pending, *id.as_bytes(), encode(&**transaction));
                self.transactions.own.insert(*id);
                self.transactions.outgoing.push(transaction.clone());
            }
            let staged = self.store().stage(batch);
            if self.stored(staged).is_none() {
                return;
            }
            self.outputs.push(Output::Sync);
            self.transactions.flush.get_or_insert(self.now.after(GATHER));
            self.transactions.tell_again.get_or_insert(self.now.after(TELL_AGAIN));
        }
        let result = |(id, outcome): (TransactionId, Option<Result<(), String>>)| {
            outcome.unwrap_or_else(|| Err("it was not checked".into())).map(|()| id)
        };
        let results = results.into_iter().map(result).collect();
        self.outputs.push(Output::Submitted { ticket, results });
    }

    /// What waited for a coin that was just created gets its turn.
    fn wake_waiting(&mut self, admitted: &[(TransactionId, Arc<Transaction>)]) {
        let mut created = BTreeSet::new();
        for (id, transaction) in admitted {
            let outputs = 0..transaction.outputs.len();
            created.extend(outputs.map(|n| Transaction::coin_id(id, n, &self.chain)));
        }
        let ready =
            |(id, (coin, _)): (&TransactionId, &(CoinId, _))| created.contains(coin).then_some(*id);
        let ready: Vec<_> = self.transactions.waiting.iter().filter_map(ready).collect();
        let mut fresh = Vec::new();
        for id in ready {
            if let Some((_, transaction)) = self.transactions.waiting.remove(&id) {
                fresh.push((id, transaction));
            }
        }
        if !fresh.is_empty() {
            self.verify(Source::Held, fresh, Vec::new());
        }
    }

    /// Tells others what is due.
    pub(super) fn due_gossip(&mut self) {
        if self.transactions.tell_again.is_some_and(|due| due <= self.now) {
            let pool = &self.pool;
            self.transactions.own.retain(|id| pool.get(id).is_some());
            let own = self.transactions.own.iter().take(TOLD_AGAIN_MAX);
            let again = own.filter_map(|id| pool.get(id)).map(|p| p.transaction.clone());
            self.transactions.outgoing.extend(again);
            self.transactions.flush = Some(self.now);
            let more = !self.transactions.own.is_empty();
            self.transactions.tell_again = more.then(|| self.now.after(TELL_AGAIN));
        }
        if self.transactions.flush.is_none_or(|due| due > self.now) {
            return;
        }
        self.transactions.flush = None;
        let mut batch = Vec::new();
        let mut bytes = 0;
        for transaction in std::mem::take(&mut self.transactions.outgoing) {
            let size = transaction.size();
            if batch.len() == BATCH_MAX || bytes + size > GOSSIP_BYTES_MAX / 2 {
                self.tell(std::mem::take(&mut batch));
                bytes = 0;
            }
            bytes += size;
            batch.push((*transaction).clone());
        }
        self.tell(batch);
    }

    fn tell(&mut self, batch: Vec<Transaction>) {
        if !batch.is_empty() {
            let batch = Gossip::Transactions(Bounded::truncated(batch));
            self.outputs.push(Output::Gossip(batch));
        }
    }
}
