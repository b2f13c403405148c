//! A whole peer minus its I/O.
//!
//! A [`Replica`] holds the tree, the pool, the engine and what it knows of its peers. It turns [`Input`]s into
//! [`Output`]s; time is an argument; whatever must survive a crash is staged in the store before the [`Output::Sync`]
//! that stands in front of everything which depends on it. The node runs it on sockets and disks, a simulator on
//! queues, and nothing in here can tell which.
//!
//! - [`blocks`](self): announcements, rebuilding bodies from the pool, import, finality
//! - `incoming`: what is kept of blocks until they enter
//! - `transactions`: admission, submission, gossip in batches
//! - `sync`: where peers stand, catching up
//! - `actions`: performing what the engine wants
//! - `untold`: own blocks that the engine has not announced
//! - [`wire`]: what peers say to each other
//! - [`standing`]: what they do wrong, and what it costs them
//! - [`Input`], [`Output`]: all I/O as data
//! - [`record`]: inputs in a file, to be handled again

mod actions;
mod blocks;
mod bounded;
mod displaced;
mod incoming;
mod input;
pub mod record;
pub mod standing;
mod sync;
mod transactions;
mod untold;
mod view;
pub mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use imbl::OrdMap;

use self::standing::Offence;

pub use bounded::Held;
pub use input::{GossipVerdict, Input, Output, Peer, Report, RequestId};
pub use sync::{FinalityConflict, Progress};
pub use view::View;

use crate::chain::{Executions, Finality, Rules, SIDE_BLOCKS_MAX, Tree, UNFINAL_BLOCKS_MAX};
use crate::consensus::{Context, Engine, Event, OrderId, Outbox, Record, Timer};
use crate::ledger::{Delta, LtHash, Params};
use crate::mempool::Mempool;
use crate::spec::FrozenSpec;
use crate::store::{Store, StoreError, StoredChain, Table};
use crate::types::{
    Block, BlockId, Bounded, GenesisId, Hash, Height, Span, Time, TransactionId, decode,
};

/// Adopted blocks whose announcement may still come by: it follows within seconds, and there are some hundred a second at
/// most.
const UNHEARD_MAX: usize = 1024;

/// What a replica needs to know of its chain.
#[derive(Clone)]
pub struct Chain {
    /// The parameters of execution, the genesis id among them.
    pub params: Params,
    /// The judging half of the rule.
    pub rules: Arc<dyn Rules>,
    /// The first block.
    pub genesis: Block,
    /// Encoded bytes of pending transactions at most.
    pub pool_bytes_max: usize,
    /// How old a head may be and still count as the present: only there does depth make blocks final.
    pub present: Span,
    /// The interval at which blocks are due.
    pub block_time: Span,
    /// Which block belongs at a height, by the operator's word.
    pub checkpoint: Option<(Height, BlockId)>,
}

impl Chain {
    /// The chain of a spec, without a checkpoint.
    pub fn of(spec: &FrozenSpec) -> Self {
        Self {
            params: spec.ledger_params(),
            rules: spec.rules(),
            genesis: spec.genesis_block(),
            pool_bytes_max: spec.pool_bytes(),
            present: spec.present(),
            block_time: spec.consensus().block_time(),
            checkpoint: None,
        }
    }
}

/// A peer minus its I/O.
pub struct Replica<S> {
    chain: GenesisId,
    stored: StoredChain<S>,
    tree: Tree,
    pool: Mempool,
    engine: Box<dyn Engine>,
    /// The latest time seen; never goes back.
    now: Time,
    outputs: Vec<Output>,
    /// What the engine has not been told yet.
    events: VecDeque<Event>,
    timers: BTreeMap<Timer, Time>,
    /// Where transactions of non-final blocks of the best branch are.
    included: OrdMap<TransactionId, BlockId>,
    blocks: incoming::Incoming,
    /// Payments that blocks of the branch made void.
    displaced: displaced::Displaced,
    untold: untold::Untold,
    /// Blocks that entered before anybody announced them here, with the hashes of the seals that they came with.
    unheard: bounded::Recent<BlockId, Hash>,
    transactions: transactions::Incoming,
    peers: sync::Peers,
    sync: sync::Sync,
    /// When the next peer is to be asked where it stands, if all that is to be done about peers is to wait for that.
    quiet: Option<Option<Time>>,
    present: Span,
    /// The interval at which blocks are due.
    block_time: Span,
    /// Numbers of verification orders and requests.
    numbers: u64,
    /// What waits for its signatures to be checked.
    verifying: BTreeMap<u64, Verifying>,
    /// Blocks entered since finality was looked at.
    finality_due: bool,
    /// The store failed: the replica does nothing more.
    failed: bool,
}

/// What waits for signatures.
enum Verifying {
    /// Blocks, lowest first, with the places of their checks in the batch.
    Blocks(blocks::Checking),
    /// Blocks of a branch that is being caught up with; they wait for their turn afterwards.
    Range(blocks::Checking),
    /// Transactions.
    Transactions(transactions::Checking),
    /// A draft that the engine asked about under its own number.
    Draft { order: OrderId, ids: Vec<TransactionId> },
}

impl<S: Store> Replica<S> {
    /// Opens the chain in `store` and starts the engine. `genesis` gives the genesis state, asked for only when the
    /// store is empty.
    pub fn open(
        chain: Chain,
        genesis: impl FnOnce() -> (Delta, LtHash),
        engine: Box<dyn Engine>,
        store: Arc<S>,
        now: Time,
    ) -> Result<Self, StoreError> {
        let id = chain.params.chain;
        let stored = StoredChain::open(store, id, &chain.genesis, genesis)?;
        let (block, state) = stored.last_final()?;
        let mut tree = Tree::new(chain.rules, chain.params.clone(), block, state)?;
        if let Some((height, given)) = chain.checkpoint {
            match stored.final_id(height)? {
                Some(found) if found != given => {
                    return Err(StoreError::Checkpoint { height, given, found });
                }
                _ => tree.trust(height, given),
            }
        }
        let mut replica = Self {
            chain: id,
            stored,
            tree,
            pool: Mempool::new(chain.params, chain.pool_bytes_max),
            engine,
            now,
            outputs: Vec::new(),
            events: VecDeque::new(),
            timers: BTreeMap::new(),
            included: OrdMap::new(),
            blocks: incoming::Incoming::default(),
            displaced: displaced::Displaced::default(),
            untold: untold::Untold::default(),
            unheard: bounded::Recent::new(UNHEARD_MAX),
            transactions: transactions::Incoming::default(),
            peers: sync::Peers::default(),
            sync: sync::Sync::default(),
            quiet: None,
            present: chain.present,
            block_time: chain.block_time,
            numbers: 0,
            verifying: BTreeMap::new(),
            finality_due: false,
            failed: false,
        };
        replica.reload()?;
        Ok(replica)
    }

    /// Imports the non-final blocks again that the store remembers, fills the pool with what was accepted here, and
    /// wakes the engine.
    fn reload(&mut self) -> Result<(), StoreError> {
        let root = self.tree.root();
        self.stored.rank_root(&root.block, &root.id, &root.rank)?;
        self.recall_conflict()?;
        let (blocks, last) = self.stored.unfinal()?;
        self.tree.continue_arrivals(last);
        self.reimport(blocks);
        let pending = self.stored.pending()?;
        self.readmit(pending);
        let mut saved = Vec::new();
        for (name, value) in self.stored.all(Table::Records)? {
            let name: Bounded<u8, 64> =
                decode(&name).map_err(|error| StoreError::Damaged(error.to_string()))?;
            saved.push((Record(name), value));
        }
        self.events.push_back(Event::Start { saved });
        self.settle();
        Ok(())
    }

    /// Handles one input at a moment by the local clock.
    pub fn handle(&mut self, now: Time, input: Input) {
        self.now = self.now.max(now);
        self.due_finality();
        if self.failed {
            return;
        }
        match input {
            Input::Connected(peer) => self.connected(peer),
            Input::Disconnected(peer) => self.disconnected(peer),
            Input::Gossip { from, message, gossip } => match gossip {
                wire::Gossip::Announce(announce) => self.announced(from, message, *announce),
                wire::Gossip::Transactions(batch) => {
                    self.gossiped(from, message, batch.into_inner());
                }
            },
            Input::Request { from, id, request } => self.requested(from, id, request),
            Input::Response { from, id, response } => self.responded(from, id, response),
            Input::RequestFailed { from, id } => self.request_failed(from, id),
            Input::Verified { order, bad } => match self.verifying.remove(&order) {
                Some(Verifying::Blocks(checking)) => self.blocks_verified(checking, &bad),
                Some(Verifying::Range(checking)) => self.range_checked(order, &checking, &bad),
                Some(Verifying::Transactions(checking)) => {
                    self.transactions_verified(checking, &bad);
                }
                Some(Verifying::Draft { order, ids }) => {
                    let sound = bad.is_empty().then_some(ids);
                    self.events.push_back(Event::Verified { order, sound });
                }
                None => {}
            },
            Input::Found { order, seal } => self.events.push_back(Event::Found { order, seal }),
            Input::Sealed(block) => self.sealed(Arc::from(block)),
            Input::Received { from, message } => {
                self.events.push_back(Event::Received { from, message });
            }
            Input::Submit { ticket, transactions } => self.submitted(ticket, transactions),
            Input::Read { ticket } => self.events.push_back(Event::Read { ticket }),
            Input::Signed { order, seal } => self.events.push_back(Event::Signed { order, seal }),
            Input::Stake(stake) => self.events.push_back(Event::Stake(stake)),
            Input::Payout(payout) => self.events.push_back(Event::Payout(payout)),
            Input::Tick => {}
        }
        self.settle();
    }

    /// Runs what is due, until nothing is.
    fn settle(&mut self) {
        self.due_timers();
        self.due_blocks();
        self.due_gossip();
        self.look_at_peers();
        while let Some(event) = self.events.pop_front()
            && !self.failed
        {
            self.quiet = None;
            let mut outbox = Outbox::default();
            let behind = self.sync.behind();
            let cx = Context { now: self.now, tree: &self.tree, pool: &self.pool, behind };
            self.engine.handle(event, &cx, &mut outbox);
            for action in outbox.take() {
                self.perform(action);
            }
        }
        if self.tree.rules().finality() == Finality::Proof {
            // Nothing on top makes it final: it is written with the block itself, and one sync makes both durable.
            self.due_finality();
        }
        let touched = self.pool.take_touched();
        if !touched.is_empty() {
            self.report(Report::PoolChanged(touched));
        }
    }

    /// When to call [`Self::handle`] at the latest, with [`Input::Tick`] if nothing else happened.
    pub fn next_deadline(&self) -> Option<Time> {
        if self.failed {
            return None;
        }
        if self.finality_due {
            return Some(self.now);
        }
        let timers = self.timers.values().copied();
        let blocks = self.blocks.next_due();
        let gossip = self.transactions.next_due();
        let statuses = self.quiet.unwrap_or_else(|| self.peers.next_due());
        let sync = self.sync_due();
        timers.chain(blocks).chain(gossip).chain(statuses).chain(sync).min()
    }

    /// What to do, in order; the list is empty afterwards.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        let failure = |output: &Output| matches!(output, Output::Report(Report::StoreFailed(_)));
        if let Some(at) = self.outputs.iter().position(failure) {
            // A node that cannot remember must not speak: what came after may depend on what was not written.
            self.outputs.truncate(at + 1);
        }
        std::mem::take(&mut self.outputs)
    }

    /// Whether a block waits for this order of signatures, and not transactions only.
    pub fn is_urgent(&self, order: u64) -> bool {
        let verifying = self.verifying.get(&order);
        verifying.is_some_and(|it| !matches!(it, Verifying::Transactions(_)))
    }

    /// Shares what executing blocks gives with other replicas of this process, from now on.
    pub fn share(&mut self, executions: Arc<Executions>) {
        self.tree.share(executions);
    }

    /// The store. The host syncs it where it meets [`Output::Sync`].
    pub fn store(&self) -> &Arc<S> {
        self.stored.store()
    }

    /// The non-final blocks.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The pending transactions.
    pub fn pool(&self) -> &Mempool {
        &self.pool
    }

    /// What an engine may look at at this moment.
    pub fn context(&self) -> Context<'_> {
        let behind = self.sync.behind();
        Context { now: self.now, tree: &self.tree, pool: &self.pool, behind }
    }

    /// How much is held of what others can make it hold, beside the most that it may ever be.
    pub fn holdings(&self) -> Vec<Held> {
        // Nothing is made beyond the first of these, and the second is what others may have added.
        let tree = UNFINAL_BLOCKS_MAX + SIDE_BLOCKS_MAX + 1;
        let mut held = vec![
            Held::new("blocks that are not final", self.tree.len(), tree),
            Held::new("bytes of pending transactions", self.pool.bytes(), self.pool.bytes_max()),
        ];
        held.extend(self.blocks.held());
        held.extend(self.transactions.held());
        held
    }

    /// What readers see at this moment.
    pub fn view(&self) -> View {
        let (head, root) = (self.tree.head(), self.tree.root());
        View {
            head: head.id,
            header: head.block.header,
            final_id: root.id,
            final_height: root.height(),
            rank: head.rank.clone(),
            state: head.state.clone(),
            branch: self.tree.branch().clone(),
            included: self.included.clone(),
            tree_blocks: self.tree.len(),
            pool_len: self.pool.len(),
            pool_bytes: self.pool.bytes(),
            pool_accepted: self.transactions.accepted,
            pool_refused: self.transactions.refused,
            peers: self.peers.len(),
            best_peer_height: self.peers.best_height(),
            sync: self.sync_progress(),
            conflict: self.sync.conflict().cloned(),
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Stops everything if the store failed.
    fn stored<T>(&mut self, outcome: Result<T, StoreError>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                self.fail(error.to_string());
                None
            }
        }
    }

    fn fail(&mut self, reason: String) {
        if !self.failed {
            self.failed = true;
            self.outputs.push(Output::Report(Report::StoreFailed(reason)));
        }
    }

    fn ban(&mut self, peer: Peer, reason: impl Into<String>) {
        self.disconnected(peer);
        self.outputs.push(Output::Ban { peer, reason: reason.into() });
    }

    fn blame(&mut self, peer: Peer, offence: Offence) {
        self.outputs.push(Output::Blame { peer, offence });
    }

    fn report(&mut self, report: Report) {
        self.outputs.push(Output::Report(report));
    }
}

#[cfg(test)]
mod tests;
