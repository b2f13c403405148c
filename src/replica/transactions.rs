//! Transactions on their way into the pool, and out to others in batches.
//!
//! A gossip message is passed on only if every signature in it is known to verify: whoever passes a forged one on is
//! banned for it, so what this node skipped, because it was known, late or too cheap here, must not travel under its
//! name. What is good in such a message goes out again in a batch of our own.
//!
//! A transaction is recognised by its id and its witnesses together: anybody can put other witnesses to an id, and such
//! a copy must not keep the genuine one out while it is being checked.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::bounded::{Capacity, Held, Room};
use super::wire::{BATCH_MAX, GOSSIP_BYTES_MAX, Gossip};
use super::{GossipVerdict, Output, Peer, Replica, Verifying};
use crate::consensus::Event;
use crate::ledger::{TransactionError, signature_checks};
use crate::mempool::{AdmitError, Place};
use crate::store::{Batch, Store, Table};
use crate::types::canary::{Bug, planted};
use crate::types::signatures::SignatureCheck;
use crate::types::{
    BlockId, Bounded, CoinId, Hash, Span, Time, Transaction, TransactionId, encode,
};

/// Transactions that spend a coin nobody has heard of yet: the one that creates it may be on its way.
const WAITING_MAX: usize = 1000;

/// Their encoded bytes: a peer's share, a quarter, holds the largest transaction that a spec allows.
const WAITING_BYTES_MAX: usize = 8 << 20;

/// Encoded bytes of transactions whose signatures are being checked, beyond which gossip is ignored and submissions
/// are refused. Little enough in tests to be reached.
pub(super) const CHECKING_BYTES_MAX: usize = if cfg!(test) { 1 << 20 } else { 32 << 20 };

/// One of how many parts of that a single peer's gossip may fill: forged signatures are found out only by checking
/// them, and those of one peer must not keep everybody else's waiting.
pub(super) const CHECKING_PARTS: usize = 8;

/// Transactions accepted here are gathered for so long before they are gossiped where they come in crowds: one message
/// per transaction costs ten times the work of a batch.
const GATHER: Span = Span(12);

/// A batch of so many is one of a crowd; where they come one by one, each is told with little delay.
const CROWD: usize = 4;

/// The delay of one that comes alone.
const GATHER_LONE: Span = Span(1);

/// What was accepted here and is still pending is told again this often, for peers that joined since.
const TELL_AGAIN: Span = Span::seconds(90);

/// But so soon after a peer came or a branch lost that held them: connections need a moment to carry gossip.
const TELL_SOON: Span = Span::seconds(5);

/// Transactions told again at once; the others have their turn the next time.
const TOLD_AGAIN_MAX: usize = 1000;

/// Tells copies of one transaction apart: its id and the hash of its witnesses.
type CopyKey = (TransactionId, Hash);

/// Transactions that are not in the pool yet, or have to be told.
#[derive(Debug)]
pub(super) struct Incoming {
    /// Spends a coin that does not exist yet.
    waiting: Room<CopyKey, (CoinId, Arc<Transaction>)>,
    /// Their signatures are being checked.
    checking: BTreeSet<CopyKey>,
    checking_bytes: usize,
    /// The same of each peer whose gossip is being checked.
    checking_of: BTreeMap<Peer, usize>,
    /// Accepted here and not yet told.
    outgoing: Vec<Arc<Transaction>>,
    flush: Option<Time>,
    /// How many were told the last time.
    flushed: usize,
    /// Accepted here and not final: pending, or in a block of the best branch.
    own: BTreeSet<TransactionId>,
    tell_again: Option<Time>,
    /// The last one told again.
    told: Option<TransactionId>,
    /// How many joined the pool since the start.
    pub(super) accepted: u64,
    /// How many were refused that were not known already.
    pub(super) refused: u64,
}

impl Default for Incoming {
    fn default() -> Self {
        Self {
            waiting: Room::new(Capacity {
                entries: WAITING_MAX,
                bytes: WAITING_BYTES_MAX,
                parts: 4,
            }),
            checking: BTreeSet::new(),
            checking_bytes: 0,
            checking_of: BTreeMap::new(),
            outgoing: Vec::new(),
            flush: None,
            flushed: 0,
            own: BTreeSet::new(),
            tell_again: None,
            told: None,
            accepted: 0,
            refused: 0,
        }
    }
}

impl Incoming {
    /// What is held, and how much of it may be.
    pub(super) fn held(&self) -> [Held; 3] {
        // What is being checked was begun below its bound: by a message, or by a submission of as much.
        let checking = CHECKING_BYTES_MAX + 2 * GOSSIP_BYTES_MAX;
        [
            Held::new("waiting transactions", self.waiting.len(), WAITING_MAX),
            Held::new("bytes of waiting transactions", self.waiting.bytes(), WAITING_BYTES_MAX),
            Held::new("bytes of transactions being checked", self.checking_bytes, checking),
        ]
    }

    /// How much waits for coins and for signatures, and the bytes of the latter.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        (self.waiting.iter().count(), self.checking.len(), self.checking_bytes)
    }

    /// Whether gossip of a peer may have its signatures checked now.
    fn has_room_for(&self, peer: Peer) -> bool {
        let mine = self.checking_of.get(&peer).copied().unwrap_or_default();
        self.checking_bytes < CHECKING_BYTES_MAX && mine < CHECKING_BYTES_MAX / CHECKING_PARTS
    }

    fn begin_checking(&mut self, source: Source, item: &Item) {
        let size = item.transaction.size();
        self.checking.insert(item.key);
        self.checking_bytes += size;
        if let Source::Gossip { from, .. } = source {
            *self.checking_of.entry(from).or_default() += size;
        }
    }

    fn end_checking(&mut self, source: Source, item: &Item) {
        let size = item.transaction.size();
        self.checking.remove(&item.key);
        self.checking_bytes -= size;
        if let Source::Gossip { from, .. } = source
            && let Some(mine) = self.checking_of.get_mut(&from)
        {
            *mine -= size;
            if *mine == 0 {
                self.checking_of.remove(&from);
            }
        }
    }

    /// What was accepted here and is not final.
    pub(super) fn promise(&mut self, id: TransactionId) {
        self.own.insert(id);
    }

    /// Something is to be told: with others that come until then.
    fn flush_soon(&mut self, now: Time) {
        let others = self.flushed.clamp(1, CROWD) - 1;
        let wait = GATHER.0 * others as u64 / (CROWD - 1) as u64;
        self.flush.get_or_insert(now.after(Span(wait).max(GATHER_LONE)));
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.flush.into_iter().chain(self.tell_again).min()
    }
}

/// Where transactions came from.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// A gossip message. `whole`: all of it is known to verify, or is being checked here.
    Gossip { from: Peer, message: u64, whole: bool },
    /// A submission on this side.
    Ticket(u64),
    /// Our own waiting room.
    Held,
}

/// Transactions whose signatures are being checked.
#[derive(Debug)]
pub(super) struct Checking {
    source: Source,
    transactions: Vec<Item>,
    /// For each check of the batch, the transaction it belongs to.
    owners: Vec<usize>,
    /// For a submission: what is known of each transaction in it; what is not is decided by the check.
    results: Vec<Submitted>,
}

/// A transaction whose signatures are being checked.
#[derive(Debug)]
struct Item {
    key: CopyKey,
    transaction: Arc<Transaction>,
    /// Its place in the submission.
    place: usize,
}

/// What is known of a submitted transaction.
#[derive(Debug)]
struct Submitted {
    id: TransactionId,
    outcome: Option<Result<(), String>>,
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

    fn copy_key(&self, transaction: &Transaction) -> CopyKey {
        (transaction.id(&self.chain), transaction.witness_hash(&self.chain))
    }

    pub(super) fn creates<'t>(
        &self,
        id: &TransactionId,
        transaction: &'t Transaction,
    ) -> impl Iterator<Item = CoinId> + use<'t, S> {
        let (id, chain) = (*id, self.chain);
        (0..transaction.outputs.len()).map(move |n| Transaction::coin_id(&id, n, &chain))
    }

    /// A peer passed transactions on.
    pub(super) fn gossiped(&mut self, from: Peer, message: u64, batch: Vec<Transaction>) {
        let mut fresh = Vec::new();
        let mut created = BTreeSet::new();
        let mut whole = self.transactions.has_room_for(from);
        let batch = if whole { batch } else { Vec::new() };
        for transaction in batch {
            let key = self.copy_key(&transaction);
            if self.pool.has_verified(&key.0, &key.1) {
                continue;
            }
            if self.transactions.checking.contains(&key) {
                whole = false;
                continue;
            }
            match self.check(&key.0, &transaction) {
                Ok(()) => {}
                // It stands on one that comes with it.
                Err(AdmitError::Invalid(TransactionError::NoSuchCoin(coin)))
                    if created.contains(&coin) => {}
                Err(AdmitError::Invalid(TransactionError::NoSuchCoin(coin))) => {
                    let (bytes, waiting) = (transaction.size(), (coin, Arc::new(transaction)));
                    self.transactions.waiting.insert(key, Some(from), bytes, waiting);
                    whole = false;
                    continue;
                }
                Err(AdmitError::Invalid(TransactionError::Failed(error))) => {
                    return self.fail(error.0);
                }
                // Known, too late, or refused by our pool: nobody is to blame for passing it on.
                Err(error) => {
                    self.transactions.refused += u64::from(error != AdmitError::Known);
                    whole = false;
                    continue;
                }
            }
            created.extend(self.creates(&key.0, &transaction));
            fresh.push(Item { key, transaction: Arc::new(transaction), place: 0 });
        }
        if fresh.is_empty() {
            let verdict = GossipVerdict::Ignore;
            return self.outputs.push(Output::Verdict { message, verdict });
        }
        self.verify(Source::Gossip { from, message, whole }, fresh, Vec::new());
    }

    /// Somebody on this side submits transactions.
    pub(super) fn submitted(&mut self, ticket: u64, transactions: Vec<Transaction>) {
        let mut results = Vec::with_capacity(transactions.len());
        let mut fresh = Vec::new();
        let busy = self.transactions.checking_bytes >= CHECKING_BYTES_MAX;
        for (place, transaction) in transactions.into_iter().enumerate() {
            let key = self.copy_key(&transaction);
            let outcome = match self.check(&key.0, &transaction) {
                _ if self.is_here(&key.0) => Some(Ok(())),
                _ if busy => Some(Err("the node is busy checking signatures; try again".into())),
                // It may stand on one that comes with it: decided when its turn comes.
                Ok(()) | Err(AdmitError::Invalid(TransactionError::NoSuchCoin(_))) => None,
                Err(error) => Some(Err(error.to_string())),
            };
            self.transactions.refused += u64::from(matches!(outcome, Some(Err(_))));
            if outcome.is_none() {
                fresh.push(Item { key, transaction: Arc::new(transaction), place });
            }
            results.push(Submitted { id: key.0, outcome });
        }
        self.verify(Source::Ticket(ticket), fresh, results);
    }

    /// Whether a transaction is pending, or in a block of the best branch, final or not.
    fn is_here(&mut self, id: &TransactionId) -> bool {
        if self.pool.get(id).is_some() || self.included.contains_key(id) {
            return true;
        }
        let block = self.stored.block_of(id);
        self.stored(block).flatten().is_some()
    }

    fn verify(&mut self, source: Source, transactions: Vec<Item>, results: Vec<Submitted>) {
        let mut batch: Vec<SignatureCheck> = Vec::new();
        let mut owners = Vec::new();
        for (index, item) in transactions.iter().enumerate() {
            self.transactions.begin_checking(source, item);
            let checks = signature_checks(&item.key.0, &item.transaction, &self.chain);
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
        for (index, item) in transactions.into_iter().enumerate() {
            self.transactions.end_checking(source, &item);
            let Item { key, transaction, place } = item;
            let outcome = match forged.contains(&index) {
                true => Err(TransactionError::Signature.into()),
                false => self.admit(key.0, transaction.clone()),
            };
            match &outcome {
                Ok(()) => {
                    self.transactions.accepted += 1;
                    admitted.push((key.0, transaction));
                }
                Err(AdmitError::Known) => {}
                Err(_) => self.transactions.refused += 1,
            }
            if let Some(result) = results.get_mut(place) {
                result.outcome = Some(match outcome {
                    // It came by another way while its signatures were being checked.
                    Err(AdmitError::Known) => Ok(()),
                    outcome => outcome.map_err(|error| error.to_string()),
                });
            }
        }
        match source {
            Source::Gossip { from, message, whole } => {
                let verdict = match (forged.is_empty(), whole && !admitted.is_empty()) {
                    (false, _) => GossipVerdict::Reject,
                    (true, true) => GossipVerdict::Accept,
                    (true, false) => GossipVerdict::Ignore,
                };
                self.outputs.push(Output::Verdict { message, verdict });
                if verdict != GossipVerdict::Accept {
                    self.pass_on(&admitted);
                }
                if !forged.is_empty() {
                    self.ban(from, "it passed on a transaction with a forged signature");
                }
            }
            Source::Ticket(ticket) => self.answer(ticket, results),
            Source::Held => self.pass_on(&admitted),
        }
        if !admitted.is_empty() {
            self.events.push_back(Event::PoolFilled);
            self.wake_waiting(&admitted);
        }
    }

    /// Tells others of transactions with the next batch.
    fn pass_on(&mut self, admitted: &[(TransactionId, Arc<Transaction>)]) {
        if !admitted.is_empty() {
            let transactions = admitted.iter().map(|(_, transaction)| transaction.clone());
            self.transactions.outgoing.extend(transactions);
            self.transactions.flush_soon(self.now);
        }
    }

    /// A transaction that is pending, or in a block of the best branch that is not final.
    fn held(&self, id: &TransactionId) -> Option<Arc<Transaction>> {
        if let Some(pending) = self.pool.get(id) {
            return Some(pending.transaction.clone());
        }
        let node = self.tree.get(self.included.get(id)?)?;
        let place = node.receipts.iter().position(|receipt| receipt.id == *id)?;
        node.block.body.transactions.get(place).cloned().map(Arc::new)
    }

    /// Makes what was accepted durable, and only then answers and tells others.
    fn answer(&mut self, ticket: u64, results: Vec<Submitted>) {
        let mut batch = Batch::default();
        let mut answers = Vec::with_capacity(results.len());
        for Submitted { id, outcome } in results {
            let outcome = outcome.unwrap_or_else(|| Err("it was not checked".into()));
            let accepted = match outcome {
                Err(reason) => Err(reason),
                Ok(()) => match self.held(&id) {
                    Some(transaction) => {
                        self.keep_below(&transaction, &mut batch);
                        batch.put(Table::Pending, *id.as_bytes(), encode(&*transaction));
                        if self.transactions.own.insert(id) && self.pool.get(&id).is_some() {
                            self.transactions.outgoing.push(transaction);
                        }
                        Ok(id)
                    }
                    None if self.is_here(&id) => Ok(id),
                    None => Err("the pool is full of better ones".into()),
                },
            };
            answers.push(accepted);
        }
        if answers.iter().any(Result::is_ok) {
            let staged = self.store().stage(batch);
            if self.stored(staged).is_none() {
                return;
            }
            if !planted(Bug::AcceptedUnsynced) {
                self.outputs.push(Output::Sync);
            }
            self.transactions.flush_soon(self.now);
            self.transactions.tell_again.get_or_insert(self.now.after(TELL_AGAIN));
        }
        self.outputs.push(Output::Submitted { ticket, results: answers });
    }

    /// Keeps the pending transactions that one stands on: without them it would not be what was promised.
    fn keep_below(&mut self, transaction: &Transaction, batch: &mut Batch) {
        for id in self.pool.ancestors(transaction) {
            if let Some(pending) = self.pool.get(&id)
                && self.transactions.own.insert(id)
            {
                batch.put(Table::Pending, *id.as_bytes(), encode(&*pending.transaction));
            }
        }
    }

    /// Takes in again, at start, what was accepted here and is not final. What no longer stands was decided otherwise
    /// by a block and is forgotten.
    pub(super) fn readmit(&mut self, mut pending: Vec<Transaction>) {
        // They lie in order of id, so one may come before what it stands on.
        let mut left = pending.len() + 1;
        while pending.len() < left {
            left = pending.len();
            pending.retain(|transaction| {
                let id = transaction.id(&self.chain);
                // A block that left the best branch while the blocks were imported again may have returned it already.
                let here = self.included.contains_key(&id)
                    || matches!(
                        self.admit(id, Arc::new(transaction.clone())),
                        Ok(()) | Err(AdmitError::Known)
                    );
                if here {
                    self.transactions.own.insert(id);
                }
                !here
            });
        }
        let lost = pending.into_iter().map(|lost| (lost.id(&self.chain), Arc::new(lost)));
        let lost = self.recall_displaced(lost.collect());
        self.forget(&lost);
        if !self.transactions.own.is_empty() {
            self.transactions.tell_again = Some(self.now.after(TELL_AGAIN));
        }
    }

    /// Transactions of blocks that are being undone are kept like those that were accepted here: a promise may stand on
    /// them, and nobody else may have them any more.
    pub(super) fn keep_returning(&mut self, left: &[BlockId]) {
        let mut batch = Batch::default();
        for node in left.iter().filter_map(|id| self.tree.get(id)) {
            for (receipt, transaction) in node.receipts.iter().zip(&node.block.body.transactions) {
                if self.transactions.own.insert(receipt.id) {
                    batch.put(Table::Pending, *receipt.id.as_bytes(), encode(transaction));
                }
            }
        }
        if !batch.is_empty() {
            let staged = self.store().stage(batch);
            self.stored(staged);
            self.transactions.tell_again.get_or_insert(self.now.after(TELL_AGAIN));
        }
    }

    /// Forgets transactions that were accepted here and will not be in a block.
    pub(super) fn forget(&mut self, lost: &[TransactionId]) {
        let mut batch = Batch::default();
        for id in lost {
            self.transactions.own.remove(id);
            batch.delete(Table::Pending, *id.as_bytes());
        }
        if !batch.is_empty() {
            let staged = self.store().stage(batch);
            self.stored(staged);
        }
    }

    /// Whether anything waits for a coin.
    pub(super) fn awaits_coins(&self) -> bool {
        !self.transactions.waiting.is_empty() || !self.displaced.is_empty()
    }

    /// What waited for a coin that was just created gets its turn.
    pub(super) fn wake_waiting(&mut self, arrived: &[(TransactionId, Arc<Transaction>)]) {
        if !self.awaits_coins() {
            return;
        }
        let mut created = BTreeSet::new();
        for (id, transaction) in arrived {
            created.extend(self.creates(id, transaction));
        }
        self.wake_displaced(&created);
        let ready =
            |(key, (coin, _)): (&CopyKey, &(CoinId, _))| created.contains(coin).then_some(*key);
        let ready: Vec<CopyKey> = self.transactions.waiting.iter().filter_map(ready).collect();
        let mut fresh = Vec::new();
        for key in ready {
            if let Some((_, transaction)) = self.transactions.waiting.remove(&key)
                && !self.transactions.checking.contains(&key)
            {
                fresh.push(Item { key, transaction, place: 0 });
            }
        }
        if !fresh.is_empty() {
            self.verify(Source::Held, fresh, Vec::new());
        }
    }

    /// A transaction is pending again, or may be news to somebody: if it is ours, it is told soon.
    pub(super) fn tell_soon(&mut self, id: &TransactionId) {
        if self.transactions.own.contains(id) {
            self.tell_all_soon();
        }
    }

    /// Somebody may not have heard what we told: our transactions are told again soon.
    pub(super) fn tell_all_soon(&mut self) {
        if let Some(due) = &mut self.transactions.tell_again {
            *due = self.now.after(TELL_SOON).min(*due);
            self.transactions.told = None;
        }
    }

    fn tell_again(&mut self) {
        let gone = |id: &&TransactionId| {
            self.pool.get(id).is_none()
                && !self.included.contains_key(*id)
                && !self.displaced.has(id)
        };
        // Those that are final are no longer in the store, where forgetting them does nothing.
        let gone: Vec<TransactionId> = self.transactions.own.iter().filter(gone).copied().collect();
        self.forget(&gone);
        let Incoming { own, outgoing, told, .. } = &mut self.transactions;
        let from = told.map_or(Bound::Unbounded, Bound::Excluded);
        let pool = &self.pool;
        let mut pending =
            own.range((from, Bound::Unbounded)).filter_map(|id| Some((id, pool.get(id)?)));
        *told = None;
        for (id, pending) in pending.by_ref().take(TOLD_AGAIN_MAX) {
            outgoing.push(pending.transaction.clone());
            *told = Some(*id);
        }
        *told = told.filter(|_| pending.next().is_some());
        self.transactions.flush = Some(self.now);
        let more = !self.transactions.own.is_empty();
        self.transactions.tell_again = more.then(|| self.now.after(TELL_AGAIN));
    }

    /// Tells others what is due.
    pub(super) fn due_gossip(&mut self) {
        if self.transactions.tell_again.is_some_and(|due| due <= self.now) {
            self.tell_again();
        }
        if self.transactions.flush.is_none_or(|due| due > self.now) {
            return;
        }
        self.transactions.flush = None;
        self.transactions.flushed = self.transactions.outgoing.len();
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
