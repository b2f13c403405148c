//! Blocks on their way in: announcements, bodies rebuilt from the pool, signatures, import, finality.
//!
//! An announcement is judged as far as its parent's state allows, and passed on, before its body is complete: a
//! forged one costs its maker a proof, and an honest one travels at the speed of its header. The body is rebuilt from
//! the pool; what is missing is asked for, a tenth missing or a failed rebuild means the whole body. Neither
//! condemns the block or its bearer.
//!
//! Header and seal of an announcement are judged, its list of short ids is not: anybody can copy the former and garble
//! the latter. So a block that is coming remembers who else announced it and asks them in turn when the first does
//! not deliver. And whoever passed an announcement on may be asked for a body that it is still waiting for itself: the
//! question waits with the block.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::incoming::{Coming, CopyKey, INTERESTED_MAX, held_bytes};
use super::standing::Offence;
use super::wire::{Announce, Request, ShortId, short_id};
use super::{GossipVerdict, Output, Peer, Replica, Report, RequestId, Verifying};
use crate::chain::{
    Finality, HashedBlock, ImportError, Imported, Node, Saying, Verdict, import_hashed,
};
use crate::consensus::Event;
use crate::ledger::{Receipt, signature_checks};
use crate::mempool::Place;
use crate::store::Store;
use crate::types::canary::{Bug, planted};
use crate::types::signatures::SignatureCheck;
use crate::types::{
    Block, BlockId, Body, Bounded, Draft, Hashed, Header, Height, Time, Transaction,
};

/// So far below the final height a block that is announced may be late where blocks are final at once; below, whoever
/// announces it wastes our time.
const LATE_WITHIN: u64 = 4096;

/// Missing transactions below this are asked for one by one, however small the block.
const MISSING_ALWAYS_FETCHED: usize = 4;

/// Where a block came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Rebuilt from an announcement that this peer passed on: it vouches for header and seal only.
    Announced(Peer),
    /// This peer sent it whole when asked for its body, and vouches for all of it.
    Served(Peer),
    /// This peer sent it with others when asked what comes next, and vouches for all of it.
    Synced(Peer),
    /// Out of our own orphans or early blocks; nobody vouches any more.
    Held,
}

impl Source {
    pub(super) fn peer(self) -> Option<Peer> {
        match self {
            Self::Announced(peer) | Self::Served(peer) | Self::Synced(peer) => Some(peer),
            Self::Held => None,
        }
    }

    /// Who is to blame if the block is not what it seems.
    fn liable(self) -> Option<Peer> {
        match self {
            Self::Served(peer) | Self::Synced(peer) => Some(peer),
            Self::Announced(_) | Self::Held => None,
        }
    }
}

/// What became of a block on its way into the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// It is there now.
    New,
    /// It was there before.
    Known,
    /// Its time will come.
    Early,
    /// It is not there.
    Refused,
}

/// Blocks whose signatures are being checked.
#[derive(Debug)]
pub(super) struct Checking {
    blocks: Vec<HashedBlock>,
    /// For each check of the batch, the block it belongs to.
    owners: Vec<usize>,
    source: Source,
}

impl Checking {
    /// The place of the first block with a signature that does not verify; `bad` are places in the batch.
    pub(super) fn first_bad(&self, bad: &[u32]) -> Option<usize> {
        bad.iter().filter_map(|place| self.owners.get(*place as usize)).min().copied()
    }
}

impl<S: Store> Replica<S> {
    /// Tells everybody about a block of the tree.
    pub(super) fn announce(&mut self, id: &BlockId) {
        let Some(Node { block, receipts, .. }) = self.tree.get(id) else { return };
        let short = |receipt: &Receipt| short_id(id, &receipt.id);
        let announce = Announce {
            header: block.header,
            seal: block.seal.clone(),
            short_ids: Bounded::truncated(receipts.iter().map(short).collect()),
            evidence: block.body.evidence.clone(),
        };
        self.outputs.push(Output::Gossip(super::wire::Gossip::Announce(Box::new(announce))));
    }

    /// A peer passed an announcement on.
    pub(super) fn announced(&mut self, from: Peer, message: u64, announce: Announce) {
        let id = announce.header.id(&self.chain);
        let entered = self.tree.get(&id).is_some() || self.unheard.contains(&id);
        let verdict = match entered {
            true => self.judge_known(&id, &announce),
            false => self.judge_announce(from, &id, &announce),
        };
        self.outputs.push(Output::Verdict { message, verdict });
        if verdict == GossipVerdict::Accept && !entered {
            self.rebuild(from, id, announce);
        }
    }

    fn judge_announce(&mut self, from: Peer, id: &BlockId, announce: &Announce) -> GossipVerdict {
        let header = &announce.header;
        if let Some(coming) = self.blocks.coming.get_mut(id) {
            let known = coming.from == from || coming.others.contains(&from);
            if !known && coming.others.len() < INTERESTED_MAX {
                coming.others.push(from);
            }
            return GossipVerdict::Ignore;
        }
        if self.blocks.invalid.contains(id) {
            // Whoever passed it on may have done so before it executed the block.
            return GossipVerdict::Ignore;
        }
        if header.height <= self.tree.root().height() {
            self.look_for_another_end(header, &announce.seal, *id);
            if !self.may_be_late(header.height) {
                self.blame(from, Offence::Stale);
            }
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
            if planted(Bug::EarlyIsALie) {
                self.ban(from, format!("it announced block {id} ahead of time"));
            }
            // It comes whole, with whatever else that peer has, and waits among the early blocks.
            self.peer_is_ahead(from, header.height);
            return GossipVerdict::Ignore;
        }
        if self.tree.would_say(id, header) == Saying::Worn {
            // Two blocks of one statement are proof enough; a third is fetched when somebody built on it.
            return GossipVerdict::Ignore;
        }
        GossipVerdict::Accept
    }

    /// The announcement of a block that entered already: news for others if nobody had announced it here by then.
    fn judge_known(&mut self, id: &BlockId, announce: &Announce) -> GossipVerdict {
        // That copy was judged when it entered.
        match self.unheard.get(id) == Some(&announce.seal.hash(&self.chain)) {
            true => {
                self.unheard.remove(id);
                GossipVerdict::Accept
            }
            false => GossipVerdict::Ignore,
        }
    }

    /// Whether a block that is announced below the final height may just be late: where blocks are final at once, the
    /// announcement of one that others have by now comes by after the next one.
    fn may_be_late(&self, height: Height) -> bool {
        let final_height = self.tree.root().height();
        self.tree.rules().finality() == Finality::Proof && height.0 + LATE_WITHIN > final_height.0
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
        let many =
            missing.len() > MISSING_ALWAYS_FETCHED && missing.len() * 10 > transactions.len();
        let (others, askers) = (Vec::new(), Vec::new());
        let transactions = (!many).then_some(transactions);
        let coming = Box::new(Coming { announce, from, transactions, others, askers });
        let bytes = coming.bytes();
        for forgotten in self.blocks.coming.insert(id, Some(from), bytes, coming) {
            self.answer_askers(forgotten.askers);
        }
        if missing.is_empty() {
            self.rebuilt(id);
        } else if many {
            self.ask(from, Request::Block(id));
        } else {
            self.ask(
                from,
                Request::Transactions { block: id, places: Bounded::truncated(missing) },
            );
        }
    }

    /// Every place of the body is filled: if it is the one that the header names, the block goes on, otherwise it is
    /// fetched whole.
    fn rebuilt(&mut self, id: BlockId) {
        let Some(coming) = self.blocks.coming.get_mut(&id) else { return };
        let from = coming.from;
        let transactions = coming.transactions.take().unwrap_or_default();
        let Announce { header, seal, evidence, .. } = coming.announce.clone();
        let transactions =
            transactions.into_iter().flatten().map(|transaction| (*transaction).clone()).collect();
        let body = Body { transactions: Bounded::truncated(transactions), evidence };
        let block = Arc::new(Draft { header, body }.seal(seal));
        let block = HashedBlock::new(block, &self.chain);
        if !block.is_whole(&self.chain) {
            return self.ask(from, Request::Block(id));
        }
        self.enter_hashed(vec![block], Source::Announced(from));
    }

    /// Transactions that were missing arrived, in the order in which they were asked for.
    pub(super) fn filled(&mut self, from: Peer, id: BlockId, transactions: Vec<Transaction>) {
        let Some(coming) = self.blocks.coming.get_mut(&id) else { return };
        let Some(places) = coming.transactions.as_mut().filter(|_| coming.from == from) else {
            return;
        };
        let mut arrived = transactions.into_iter();
        for place in places.iter_mut().filter(|place| place.is_none()) {
            *place = arrived.next().map(Arc::new);
        }
        if places.iter().all(Option::is_some) {
            return self.rebuilt(id);
        }
        coming.transactions = None;
        self.ask(from, Request::Block(id));
    }

    /// A peer does not deliver a body: the next one who announced the block is asked for it.
    pub(super) fn body_failed(&mut self, from: Peer, id: BlockId) {
        let Some(coming) = self.blocks.coming.get_mut(&id) else { return };
        if coming.from != from {
            return;
        }
        coming.transactions = None;
        match coming.others.pop() {
            Some(other) => {
                coming.from = other;
                self.ask(other, Request::Block(id));
            }
            // Statuses will tell whether it is still missed.
            None => self.settled(&id),
        }
    }

    /// A coming block is in the tree, or will not be: whoever asked for it meanwhile gets an answer.
    fn settled(&mut self, id: &BlockId) {
        if let Some(coming) = self.blocks.coming.remove(id) {
            self.answer_askers(coming.askers);
        }
    }

    fn answer_askers(&mut self, askers: Vec<(Peer, RequestId, Request)>) {
        for (peer, id, request) in askers {
            self.requested(peer, id, request);
        }
    }

    /// Whether a peer's question about a block can wait until that block is here.
    pub(super) fn wait_for(
        &mut self,
        peer: Peer,
        id: RequestId,
        block: &BlockId,
        request: &Request,
    ) -> bool {
        let Some(coming) = self.blocks.coming.get_mut(block) else { return false };
        // Two that wait for each other would wait for good.
        if coming.from == peer || coming.askers.len() >= INTERESTED_MAX {
            return false;
        }
        coming.askers.push((peer, id, request.clone()));
        true
    }

    /// A peer sent a whole block that we asked for.
    pub(super) fn served(&mut self, from: Peer, block: Block) {
        self.enter(vec![Arc::new(block)], Source::Served(from));
    }

    /// The signatures of a transaction, unless the pool knows that they verify.
    pub(super) fn unverified(
        &self,
        hashed: &Hashed,
        transaction: &Transaction,
    ) -> Vec<SignatureCheck> {
        match self.pool.has_verified(&hashed.id, &hashed.witnesses) {
            true => Vec::new(),
            false => signature_checks(&hashed.id, transaction, &self.chain),
        }
    }

    /// The signatures of blocks that are not known to verify, and what is needed to make sense of the answer.
    pub(super) fn checks(
        &self,
        blocks: Vec<HashedBlock>,
        source: Source,
    ) -> (Checking, Vec<SignatureCheck>) {
        let mut batch: Vec<SignatureCheck> = Vec::new();
        let mut owners = Vec::new();
        for (index, block) in blocks.iter().enumerate() {
            for (hashed, transaction) in block.transactions() {
                let checks = self.unverified(hashed, transaction);
                owners.extend(checks.iter().map(|_| index));
                batch.extend(checks);
            }
        }
        (Checking { blocks, owners, source }, batch)
    }

    /// Whole blocks, lowest first, go on to have their signatures checked.
    pub(super) fn enter(&mut self, blocks: Vec<Arc<Block>>, source: Source) {
        let hashed = |block| HashedBlock::new(block, &self.chain);
        self.enter_hashed(blocks.into_iter().map(hashed).collect(), source);
    }

    fn enter_hashed(&mut self, blocks: Vec<HashedBlock>, source: Source) {
        let (checking, batch) = self.checks(blocks, source);
        if batch.is_empty() {
            return self.blocks_verified(checking, &[]);
        }
        let order = self.number();
        self.verifying.insert(order, Verifying::Blocks(checking));
        self.outputs.push(Output::Verify { order, batch });
    }

    /// The signatures of blocks were checked; `bad` are the places of those that do not verify.
    pub(super) fn blocks_verified(&mut self, checking: Checking, bad: &[u32]) {
        let first_bad = checking.first_bad(bad);
        for (index, block) in checking.blocks.into_iter().enumerate() {
            let forged = Some(index) == first_bad;
            match self.import_checked(block, forged, checking.source) {
                Entry::New | Entry::Known => {}
                Entry::Early | Entry::Refused => return,
            }
        }
    }

    /// Imports a block whose signatures were checked; `forged`: one of them does not verify.
    pub(super) fn import_checked(
        &mut self,
        block: HashedBlock,
        forged: bool,
        source: Source,
    ) -> Entry {
        if !forged {
            return self.try_import(block, source);
        }
        // The header fixes the witnesses: if these are the ones it names, no copy of the block can be valid.
        let error = match block.is_whole(&self.chain) {
            true => ImportError::Invalid("a signature in it does not verify".into()),
            false => ImportError::Copy("its body is not the one that the header names".into()),
        };
        self.refused(&block.block().header, &block.id(), source, error);
        Entry::Refused
    }

    /// Whether a block is known to be invalid in every copy.
    pub(super) fn is_invalid(&self, id: &BlockId) -> bool {
        self.blocks.invalid.contains(id)
    }

    /// Imports one block and whatever waited for it.
    fn try_import(&mut self, hashed: HashedBlock, source: Source) -> Entry {
        let (id, block) = (hashed.id(), hashed.block().clone());
        let outcome = match self.blocks.invalid.contains(&id) {
            true => Err(ImportError::Invalid("it was found invalid before".into())),
            false => import_hashed(&mut self.tree, hashed, self.now),
        };
        let entry = match outcome {
            Ok(imported) => {
                self.entered(imported, false);
                self.adopt_orphans(id);
                Entry::New
            }
            Err(ImportError::Known) => Entry::Known,
            Err(ImportError::BelowFinal { height, .. }) if self.is_final(height, &id) => {
                Entry::Known
            }
            Err(ImportError::Orphan { .. }) => {
                let key = (id, block.seal.hash(&self.chain));
                let height = block.header.height;
                let bytes = held_bytes(&block);
                self.blocks.orphans.insert(key, source.peer(), bytes, block);
                if let Some(peer) = source.liable() {
                    // Its batch was to begin at a block of ours, and a body was asked for because its parent is here.
                    self.blame(peer, Offence::Orphan);
                }
                if let Some(peer) = source.peer() {
                    self.peer_is_ahead(peer, height);
                }
                Entry::Refused
            }
            Err(ImportError::Early { until }) => {
                let key = (id, block.seal.hash(&self.chain));
                let bytes = held_bytes(&block);
                self.blocks.early.insert(key, source.peer(), bytes, (until, block));
                Entry::Early
            }
            Err(ImportError::Failed(error)) => {
                self.fail(error.0);
                Entry::Refused
            }
            Err(error) => {
                self.refused(&block.header, &id, source, error);
                return Entry::Refused;
            }
        };
        self.settled(&id);
        entry
    }

    fn is_final(&mut self, height: Height, id: &BlockId) -> bool {
        let there = self.stored.final_id(height);
        self.stored(there).flatten().is_some_and(|there| there == *id)
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
        let copy = matches!(error, ImportError::Copy(_));
        if matches!(error, ImportError::Invalid(_)) {
            self.blocks.invalid.insert(*id, ());
        }
        let (height, reason) = (header.height, error.to_string());
        let liable = source.liable();
        if let Some(peer) = liable
            // A block below the final height is another opinion, not a lie; so is one that an operator does not want.
            && !matches!(error, ImportError::BelowFinal { .. } | ImportError::Checkpoint { .. })
        {
            self.ban(peer, format!("it sent block {id} at height {height}: {reason}"));
        }
        match liable.filter(|_| copy) {
            Some(peer) => self.body_failed(peer, *id),
            None => self.settled(id),
        }
        self.report(Report::Refused { block: *id, height, reason });
    }

    /// A block is in the tree: remember it, follow the head, advance finality, tell the engine.
    pub(super) fn entered(&mut self, imported: Imported, own: bool) {
        let Some(node) = self.tree.get(&imported.id) else { return };
        let Header { producer, time, .. } = node.block.header;
        let (transactions, bytes) = (node.block.body.transactions.len(), node.block_bytes);
        // In front of the block that undoes them, or a crash between the two would forget them.
        let left = imported.moved.as_ref().map_or(&[][..], |moved| &moved.left);
        self.keep_returning(left);
        let Some(node) = self.tree.get(&imported.id) else { return };
        let staged = self.stored.imported(node);
        self.stored(staged);
        if let Some(moved) = &imported.moved {
            self.follow(&moved.left, &moved.joined);
        }
        let news = imported.clone();
        let report = Report::Imported { imported: news, transactions, bytes, producer, time, own };
        self.report(report);
        // When others have heard of the block: what becomes final can wait a moment, they cannot.
        self.finality_due = true;
        let gone = self.tree.trim();
        self.untold.retain(|id| self.tree.get(id).is_some());
        let staged = self.stored.dropped(&gone);
        self.stored(staged);
        self.events.push_back(Event::Imported(imported));
    }

    /// Brings pool and index in line with the head: what left the branch is pending again, what joined it is not.
    fn follow(&mut self, left: &[BlockId], joined: &[BlockId]) {
        let (mut displaced, mut returned) = (Vec::new(), Vec::new());
        for id in left.iter().rev() {
            let Some(node) = self.tree.get(id) else { continue };
            for (receipt, transaction) in node.receipts.iter().zip(&node.block.body.transactions) {
                self.included.remove(&receipt.id);
                returned.push((receipt.id, Arc::new(transaction.clone())));
            }
            displaced.extend(self.displaced.take(id));
        }
        let (mut void, mut taken, mut arrived) = (Vec::new(), Vec::new(), Vec::new());
        for id in joined {
            let Some(node) = self.tree.get(id) else { continue };
            let ids = node.receipts.iter().map(|receipt| &receipt.id);
            let transactions = ids.clone().zip(&node.block.body.transactions);
            self.included.extend(ids.map(|transaction| (*transaction, *id)));
            void.extend(self.pool.confirm(transactions.clone()));
            taken.extend(node.own.taken.iter().map(|(coin, _)| *coin));
            if self.awaits_coins() {
                arrived.extend(transactions.map(|(id, t)| (*id, Arc::new(t.clone()))));
            }
        }
        void.extend(taken.iter().flat_map(|coin| self.pool.lose(coin)));
        void.extend(self.take_back(displaced, returned));
        let head = self.tree.head();
        let (id, height) = (head.id, head.height().next());
        let place = Place { state: &head.state, height, rule: self.tree.rules() };
        match self.pool.revise(place, !left.is_empty()) {
            Ok(fallen) => void.extend(fallen),
            Err(error) => return self.fail(error.0),
        }
        self.displaced.keep(id, void);
        self.wake_waiting(&arrived);
    }

    /// Finality follows the blocks that entered since the last time.
    pub(super) fn due_finality(&mut self) {
        if std::mem::take(&mut self.finality_due) {
            self.advance();
        }
    }

    fn advance(&mut self) {
        let newly = match self.tree.newly_final(self.final_at_most()) {
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
        for id in newly.blocks.iter().map(|node| node.id).chain(newly.dropped.iter().copied()) {
            // What a final block made void is void.
            self.displaced.take(&id);
        }
        self.tree.advance(&newly);
        if !planted(Bug::FinalUnsynced) {
            self.outputs.push(Output::Sync);
        }
        self.report(Report::Final { height, id, receipts });
    }

    /// Imports the stored non-final blocks again at start: their signatures were checked before they were stored.
    /// Blocks that no longer enter, because their branch lost, are forgotten.
    pub(super) fn reimport(&mut self, blocks: Vec<Block>) {
        let mut lost = Vec::new();
        for block in blocks {
            let block = HashedBlock::new(Arc::new(block), &self.chain);
            let id = block.id();
            // It entered once, so its time had come by then, whatever the clock says now.
            match import_hashed(&mut self.tree, block, Time(u64::MAX)) {
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
