//! Blocks on their way in: announcements, bodies rebuilt from the pool, signatures, import, finality.
//!
//! An announcement is judged as far as its parent's state allows, and passed on, before its body is complete: a
//! forged one costs its maker a proof, and an honest one travels at the speed of its header. The body is rebuilt from
//! the pool; what is missing is asked for, a tenth missing or a failed rebuild means the whole body. Neither
//! condemns the block or its bearer.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bounded::Recent;
use super::wire::{Announce, Request, ShortId, short_id};
use super::{GossipVerdict, Output, Peer, Replica, Report, Verifying};
use crate::chain::{ImportError, Imported, Verdict, import};
use crate::consensus::Event;
use crate::ledger::signature_checks;
use crate::store::Store;
use crate::types::signatures::SignatureCheck;
use crate::types::{
    Block, BlockId, Body, Bounded, Draft, Hash, Header, Time, Transaction, TransactionId, body_root,
};

/// Blocks whose parents are not known yet. Each is at most as large as a block may be.
const ORPHANS_MAX: usize = 64;

/// Blocks being rebuilt.
const REBUILDING_MAX: usize = 32;

/// Blocks ahead of the clock.
const EARLY_MAX: usize = 32;

/// Ids of blocks that no seal can save.
const INVALID_MAX: usize = 4096;

/// Missing transactions below this are asked for one by one, however small the block.
const MISSING_ALWAYS_FETCHED: usize = 4;

/// Where a block came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Rebuilt from an announcement that this peer passed on: it vouches for header and seal only.
    Announced(Peer),
    /// This peer sent it whole and vouches for all of it.
    Served(Peer),
    /// Out of our own orphans or early blocks; nobody vouches any more.
    Held,
}

impl Source {
    pub(super) fn peer(self) -> Option<Peer> {
        match self {
            Self::Announced(peer) | Self::Served(peer) => Some(peer),
            Self::Held => None,
        }
    }
}

/// Tells copies of one block apart.
type CopyKey = (BlockId, Hash);

/// Blocks that are not in the tree yet.
#[derive(Debug)]
pub(super) struct Incoming {
    orphans: Recent<CopyKey, Arc<Block>>,
    rebuilding: Recent<BlockId, Rebuilding>,
    early: Recent<CopyKey, (Time, Arc<Block>)>,
    invalid: Recent<BlockId, ()>,
}

impl Default for Incoming {
    fn default() -> Self {
        Self {
            orphans: Recent::new(ORPHANS_MAX),
            rebuilding: Recent::new(REBUILDING_MAX),
            early: Recent::new(EARLY_MAX),
            invalid: Recent::new(INVALID_MAX),
        }
    }
}

impl Incoming {
    pub(super) fn next_due(&self) -> Option<Time> {
        self.early.iter().map(|(_, (until, _))| *until).min()
    }
}

/// A block whose body is not complete.
#[derive(Debug)]
struct Rebuilding {
    announce: Announce,
    from: Peer,
    transactions: Vec<Option<Arc<Transaction>>>,
}

/// Blocks whose signatures are being checked.
#[derive(Debug)]
pub(super) struct Checking {
    blocks: Vec<Arc<Block>>,
    /// For each check of the batch, the block it belongs to.
    owners: Vec<usize>,
    source: Source,
}

impl<S: Store> Replica<S> {
    /// Tells everybody about a block of ours.
    pub(super) fn announce(&mut self, block: &Block) {
        let id = block.id(&self.chain);
        let short = |transaction: &Transaction| short_id(&id, &transaction.id(&self.chain));
        let announce = Announce {
            header: block.header,
            seal: block.seal.clone(),
            short_ids: Bounded::truncated(block.body.transactions.iter().map(short).collect()),
            evidence: block.body.evidence.clone(),
        };
        self.outputs.push(Output::Gossip(super::wire::Gossip::Announce(Box::new(announce))));
    }

    /// A peer passed an announcement on.
    pub(super) fn announced(&mut self, from: Peer, message: u64, announce: Announce) {
        let id = announce.header.id(&self.chain);
        let verdict = self.judge_announce(from, &id, &announce);
        self.outputs.push(Output::Verdict { message, verdict });
        if verdict == GossipVerdict::Accept {
            self.rebuild(from, id, announce);
        }
    }

    fn judge_announce(&mut self, from: Peer, id: &BlockId, announce: &Announce) -> GossipVerdict {
        let header = &announce.header;
        if self.tree.get(id).is_some() || self.blocks.rebuilding.contains(id) {
            return GossipVerdict::Ignore;
        }
        if self.blocks.invalid.contains(id) {
            return GossipVerdict::Reject;
        }
        if header.height <= self.tree.root().height() {
            return GossipVerdict::Ignore;
        }
        let Some(parent) = self.tree.get(&header.parent) else {
            self.peer_is_ahead(from, header.height);
            return GossipVerdict::Ignore;
        };
        let judged = self.tree.rules().verify(header, &announce.seal, parent.as_ref());
        match judged {
            Ok(()) => {}
            Err(Verdict::Failed(error)) => {
                self.fail(error.0);
                return GossipVerdict::Ignore;
            }
            Err(verdict) => {
                self.refused(header, id, Source::Served(from), verdict.into());
                return GossipVerdict::Reject;
            }
        }
        if self.now < self.tree.rules().not_before(header) {
            // Ask for it when its time has come: nothing is kept for a clock that is ahead of ours.
            self.peer_is_ahead(from, header.height);
            return GossipVerdict::Ignore;
        }
        GossipVerdict::Accept
    }

    /// Completes the body from the pool as far as it goes.
    fn rebuild(&mut self, from: Peer, id: BlockId, announce: Announce) {
        let mut known: BTreeMap<ShortId, Option<Arc<Transaction>>> = BTreeMap::new();
        if !announce.short_ids.is_empty() {
            for (transaction, pending) in self.pool.iter() {
                let transaction = short_id(&id, transaction);
                // Two pending transactions with one short id: neither can be trusted to be meant.
                known
                    .entry(transaction)
                    .and_modify(|both| *both = None)
                    .or_insert_with(|| Some(pending.transaction.clone()));
            }
        }
        let found = |short: &ShortId| known.get(short).cloned().flatten();
        let transactions: Vec<_> = announce.short_ids.iter().map(found).collect();
        let missing: Vec<u32> =
            (0..).zip(&transactions).filter(|(_, t)| t.is_none()).map(|(n, _)| n).collect();
        let rebuilding = Rebuilding { announce, from, transactions };
        if missing.is_empty() {
            return self.rebuilt(id, rebuilding);
        }
        let many = missing.len() > MISSING_ALWAYS_FETCHED
            && missing.len() * 10 > rebuilding.transactions.len();
        let request = match many {
            true => Request::Block(id),
            false => Request::Transactions { block: id, places: Bounded::truncated(missing) },
        };
        self.blocks.rebuilding.insert(id, rebuilding);
        self.ask(from, request);
    }

    /// The body is complete: if it is the one that the header names, the block goes on, otherwise it is fetched whole.
    fn rebuilt(&mut self, id: BlockId, rebuilding: Rebuilding) {
        let Rebuilding { announce, from, transactions } = rebuilding;
        let transactions =
            transactions.into_iter().flatten().map(|transaction| (*transaction).clone()).collect();
        let body =
            Body { transactions: Bounded::truncated(transactions), evidence: announce.evidence };
        if body_root(&body, &self.chain) != announce.header.body_root {
            return self.ask(from, Request::Block(id));
        }
        let block = Draft { header: announce.header, body }.seal(announce.seal);
        self.enter(vec![Arc::new(block)], Source::Announced(from));
    }

    /// Transactions that were missing arrived, in the order in which they were asked for.
    pub(super) fn filled(&mut self, from: Peer, id: BlockId, transactions: Vec<Transaction>) {
        let Some(mut rebuilding) = self.blocks.rebuilding.remove(&id) else { return };
        let mut arrived = transactions.into_iter();
        for place in rebuilding.transactions.iter_mut().filter(|place| place.is_none()) {
            *place = arrived.next().map(Arc::new);
        }
        match rebuilding.transactions.iter().all(Option::is_some) {
            true => self.rebuilt(id, rebuilding),
            false => self.ask(from, Request::Block(id)),
        }
    }

    /// A request for a body came to nothing.
    pub(super) fn body_failed(&mut self, id: &BlockId) {
        self.blocks.rebuilding.remove(id);
    }

    /// Whole blocks, lowest first, go on to have their signatures checked.
    pub(super) fn enter(&mut self, blocks: Vec<Arc<Block>>, source: Source) {
        let mut batch: Vec<SignatureCheck> = Vec::new();
        let mut owners = Vec::new();
        for (index, block) in blocks.iter().enumerate() {
            self.blocks.rebuilding.remove(&block.id(&self.chain));
            for transaction in &block.body.transactions {
                let id = transaction.id(&self.chain);
                let witnesses = transaction.witness_hash(&self.chain);
                if !self.pool.has_verified(&id, &witnesses) {
                    let checks = signature_checks(transaction, &self.chain);
                    owners.extend(checks.iter().map(|_| index));
                    batch.extend(checks);
                }
            }
        }
        let checking = Checking { blocks, owners, source };
        if batch.is_empty() {
            return self.blocks_verified(checking, &[]);
        }
        let order = self.number();
        self.verifying.insert(order, Verifying::Blocks(checking));
        self.outputs.push(Output::Verify { order, batch });
    }

    /// The signatures of blocks were checked; `bad` are the places of those that do not verify.
    pub(super) fn blocks_verified(&mut self, checking: Checking, bad: &[u32]) {
        let Checking { blocks, owners, source } = checking;
        let first_bad = bad.iter().filter_map(|place| owners.get(*place as usize)).min().copied();
        for (index, block) in blocks.into_iter().enumerate() {
            if Some(index) == first_bad {
                let id = block.id(&self.chain);
                let reason = "a signature in it does not verify".into();
                // The header fixes the witnesses, so no copy of this block can be valid.
                self.refused(&block.header, &id, source, ImportError::Invalid(reason));
                break;
            }
            if !self.try_import(block, source) {
                break;
            }
        }
        self.synced_a_batch(source);
    }

    /// Imports one block and whatever waited for it. Says whether a child of it can be imported.
    fn try_import(&mut self, block: Arc<Block>, source: Source) -> bool {
        let id = block.id(&self.chain);
        match import(&mut self.tree, block.clone(), self.now) {
            Ok(imported) => {
                self.entered(imported, false);
                self.adopt_orphans(id);
                true
            }
            Err(ImportError::Known) => true,
            Err(ImportError::Orphan { .. }) => {
                let key = (id, block.seal.hash(&self.chain));
                let height = block.header.height;
                self.blocks.orphans.insert(key, block);
                if let Some(peer) = source.peer() {
                    self.peer_is_ahead(peer, height);
                }
                false
            }
            Err(ImportError::Early { until }) => {
                let key = (id, block.seal.hash(&self.chain));
                self.blocks.early.insert(key, (until, block));
                false
            }
            Err(ImportError::Failed(error)) => {
                self.fail(error.0);
                false
            }
            Err(error) => {
                self.refused(&block.header, &id, source, error);
                false
            }
        }
    }

    fn adopt_orphans(&mut self, parent: BlockId) {
        let child =
            |(key, block): (&CopyKey, &Arc<Block>)| (block.header.parent == parent).then_some(*key);
        let children: Vec<CopyKey> = self.blocks.orphans.iter().filter_map(child).collect();
        for key in children {
            if let Some(block) = self.blocks.orphans.remove(&key) {
                self.enter(vec![block], Source::Held);
            }
        }
    }

    /// Imports blocks whose time has come.
    pub(super) fn due_blocks(&mut self) {
        let due = |(key, (until, _)): (&CopyKey, &(Time, _))| (*until <= self.now).then_some(*key);
        let due: Vec<CopyKey> = self.blocks.early.iter().filter_map(due).collect();
        for key in due {
            if let Some((_, block)) = self.blocks.early.remove(&key) {
                self.enter(vec![block], Source::Held);
            }
        }
    }

    /// A block was refused for good, as this copy or altogether.
    fn refused(&mut self, header: &Header, id: &BlockId, source: Source, error: ImportError) {
        if matches!(error, ImportError::Invalid(_)) {
            self.blocks.invalid.insert(*id, ());
        }
        let (height, reason) = (header.height, error.to_string());
        if let Source::Served(peer) = source {
            // A block below the final height is another opinion, not a lie.
            if !matches!(error, ImportError::BelowFinal { .. }) {
                self.ban(peer, format!("it sent block {id} at height {height}: {reason}"));
            }
        }
        self.report(Report::Refused { block: *id, height, reason });
    }

    /// A block is in the tree: remember it, follow the head, advance finality, tell the engine.
    pub(super) fn entered(&mut self, imported: Imported, own: bool) {
        let Some(node) = self.tree.get(&imported.id) else { return };
        let transactions = node.block.body.transactions.len();
        let staged = self.stored.imported(node);
        self.stored(staged);
        if let Some(moved) = &imported.moved {
            self.follow(&moved.left, &moved.joined);
        }
        self.report(Report::Imported { imported: imported.clone(), transactions, own });
        self.advance();
        let gone = self.tree.trim();
        let staged = self.stored.dropped(&gone);
        self.stored(staged);
        self.events.push_back(Event::Imported(imported));
    }

    /// Brings pool and index in line with the head: what left the branch is pending again, what joined it is not.
    fn follow(&mut self, left: &[BlockId], joined: &[BlockId]) {
        let mut returned: Vec<(TransactionId, Arc<Transaction>)> = Vec::new();
        for id in left.iter().rev() {
            let Some(node) = self.tree.get(id) else { continue };
            for (receipt, transaction) in node.receipts.iter().zip(&node.block.body.transactions) {
                self.included.remove(&receipt.id);
                returned.push((receipt.id, Arc::new(transaction.clone())));
            }
        }
        for id in joined {
            let Some(node) = self.tree.get(id) else { continue };
            let ids = node.receipts.iter().map(|receipt| &receipt.id);
            self.included.extend(ids.clone().map(|transaction| (*transaction, *id)));
            self.pool.confirm(ids.zip(&node.block.body.transactions));
        }
        for (id, transaction) in returned {
            if !self.included.contains_key(&id) {
                // What no longer stands was decided otherwise by the branch that won.
                let _ = self.admit(id, transaction);
            }
        }
    }

    fn advance(&mut self) {
        let newly = match self.tree.newly_final() {
            Ok(newly) => newly,
            Err(error) => return self.fail(error.0),
        };
        let Some(last) = newly.blocks.last() else { return };
        let (height, id) = (last.height(), last.id);
        let staged = self.stored.finalised(&newly);
        if self.stored(staged).is_none() {
            return;
        }
        let receipts: Vec<_> =
            newly.blocks.iter().flat_map(|node| node.receipts.iter().copied()).collect();
        for receipt in &receipts {
            self.included.remove(&receipt.id);
        }
        self.tree.advance(&newly);
        self.outputs.push(Output::Sync);
        self.report(Report::Final { height, id, receipts });
    }

    /// Imports the stored non-final blocks again at start: their signatures were checked before they were stored.
    /// Blocks that no longer enter, because their branch lost, are forgotten.
    pub(super) fn reimport(&mut self, blocks: Vec<Block>) {
        let mut lost = Vec::new();
        for block in blocks {
            let id = block.id(&self.chain);
            match import(&mut self.tree, Arc::new(block), self.now) {
                Ok(Imported { moved: Some(moved), .. }) => self.follow(&moved.left, &moved.joined),
                Ok(_) | Err(ImportError::Known) => {}
                Err(ImportError::Failed(error)) => return self.fail(error.0),
                Err(_) => lost.push(id),
            }
        }
        let staged = self.stored.dropped(&lost);
        self.stored(staged);
        self.advance();
    }
}
