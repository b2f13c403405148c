//! Where peers stand, and catching up with them.
//!
//! Peers tell each other their [`Status`] when they meet and every two seconds while their heads differ; gossip is only
//! the fast path. Whoever finds a peer on a better branch asks it for the blocks after the last common one, again and
//! again until nothing better is left.

use std::collections::BTreeMap;

use super::blocks::Source;
use super::wire::{BLOCKS_MAX, LOCATOR_MAX, RESPONSE_BYTES_MAX, Request, Response, Status};
use super::{Output, Peer, Replica, Report, RequestId};
use crate::store::{Store, StoreError};
use crate::types::{Block, BlockId, Bounded, Height, Span, Time, Transaction};

/// How often to ask a peer whose head is not ours.
const STATUS_WHILE_DIFFERENT: Span = Span::seconds(2);

/// How often to ask a peer whose head is ours.
const STATUS_WHILE_EQUAL: Span = Span::seconds(10);

/// Encoded blocks in one response at most, in bytes.
const BLOCKS_BYTES_MAX: usize = RESPONSE_BYTES_MAX / 2;

/// Ids of the best branch that a locator names one by one before its steps widen.
const LOCATOR_DENSE: usize = 10;

/// What we know of our peers.
#[derive(Debug, Default)]
pub(super) struct Peers {
    peers: BTreeMap<Peer, PeerState>,
    asked: BTreeMap<RequestId, (Peer, Asked)>,
    catching_up: Option<CatchingUp>,
}

#[derive(Debug, Default)]
struct PeerState {
    status: Option<Status>,
    /// When to ask where it stands.
    due: Time,
    /// It has, or says it has, a better branch than ours.
    ahead: bool,
}

/// What a request asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Status,
    Blocks,
    Body(BlockId),
}

/// The one peer that we are catching up with.
#[derive(Debug, Clone, Copy)]
struct CatchingUp {
    with: Peer,
    /// Our head when the request left: no progress means that there is nothing to gain.
    head: BlockId,
    blocks: usize,
}

impl Peers {
    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    pub(super) fn best_height(&self) -> Option<Height> {
        self.peers.values().filter_map(|peer| peer.status.as_ref()).map(|s| s.height).max()
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.peers.values().map(|peer| peer.due).min()
    }
}

impl<S: Store> Replica<S> {
    /// Where we stand.
    pub fn status(&self) -> Status {
        let (head, root) = (self.tree.head(), self.tree.root());
        Status {
            genesis: self.chain,
            head: head.id,
            height: head.height(),
            final_id: root.id,
            final_height: root.height(),
            rank: head.rank.clone(),
        }
    }

    /// Where peers stand, as far as they said.
    pub fn peer_statuses(&self) -> impl Iterator<Item = (Peer, Option<&Status>)> {
        self.peers.peers.iter().map(|(peer, state)| (*peer, state.status.as_ref()))
    }

    pub(super) fn connected(&mut self, peer: Peer) {
        self.peers.peers.insert(peer, PeerState { due: self.now, ..PeerState::default() });
    }

    pub(super) fn disconnected(&mut self, peer: Peer) {
        self.peers.peers.remove(&peer);
        let lost = |(id, (of, asked)): (&RequestId, &(Peer, Asked))| {
            (*of == peer).then_some((*id, *asked))
        };
        let lost: Vec<_> = self.peers.asked.iter().filter_map(lost).collect();
        for (id, asked) in lost {
            self.peers.asked.remove(&id);
            if let Asked::Body(block) = asked {
                self.body_failed(&block);
            }
        }
        if self.peers.catching_up.is_some_and(|with| with.with == peer) {
            self.peers.catching_up = None;
            self.catch_up();
        }
    }

    pub(super) fn ask(&mut self, peer: Peer, request: Request) {
        let asked = match &request {
            Request::Status(_) => Asked::Status,
            Request::Blocks { .. } => Asked::Blocks,
            Request::Block(id) | Request::Transactions { block: id, .. } => Asked::Body(*id),
        };
        if !self.peers.peers.contains_key(&peer) {
            if let Asked::Body(id) = asked {
                self.body_failed(&id);
            }
            return;
        }
        let id = self.number();
        self.peers.asked.insert(id, (peer, asked));
        self.outputs.push(Output::Request { to: peer, id, request });
    }

    /// Asks peers where they stand whose turn it is.
    pub(super) fn due_statuses(&mut self) {
        let head = self.tree.head().id;
        let mut due = Vec::new();
        for (peer, state) in &mut self.peers.peers {
            if state.due <= self.now {
                let equal = state.status.as_ref().is_some_and(|status| status.head == head);
                let wait = if equal { STATUS_WHILE_EQUAL } else { STATUS_WHILE_DIFFERENT };
                state.due = self.now.after(wait);
                due.push(*peer);
            }
        }
        for peer in due {
            // One question at a time: a slow peer gathers no pile of them.
            let waiting = |(of, asked): &(Peer, Asked)| *of == peer && *asked == Asked::Status;
            if !self.peers.asked.values().any(waiting) {
                let status = self.status();
                self.ask(peer, Request::Status(status));
            }
        }
    }

    fn stands(&mut self, peer: Peer, status: Status) {
        if status.genesis != self.chain {
            return self
                .ban(peer, format!("it is on chain {}, not {}", status.genesis, self.chain));
        }
        let better = status.rank > self.tree.head().rank && self.tree.get(&status.head).is_none();
        if let Some(state) = self.peers.peers.get_mut(&peer) {
            state.ahead = better;
            state.status = Some(status);
        }
        self.catch_up();
    }

    /// A peer knows a block that we cannot place.
    pub(super) fn peer_is_ahead(&mut self, peer: Peer, height: Height) {
        // A block further back is a side branch of its own; its status tells whether it matters.
        if height > self.tree.head().height() {
            if let Some(state) = self.peers.peers.get_mut(&peer) {
                state.ahead = true;
            }
            self.catch_up();
        }
    }

    /// Asks one peer that is ahead for blocks, unless one is being asked already.
    fn catch_up(&mut self) {
        if self.peers.catching_up.is_some() {
            return;
        }
        let ahead = self.peers.peers.iter().filter(|(_, state)| state.ahead);
        let best = ahead.max_by_key(|(_, state)| state.status.as_ref().map(|s| s.rank.clone()));
        let Some((peer, state)) = best else { return };
        let (peer, best) = (*peer, state.status.as_ref().map(|status| status.height));
        let locator = self.locator();
        let Some(locator) = self.stored(locator) else { return };
        let head = self.tree.head();
        let (height, id) = (head.height(), head.id);
        self.peers.catching_up = Some(CatchingUp { with: peer, head: id, blocks: self.tree.len() });
        if let Some(best) = best.filter(|best| best.0 > height.0 + 1) {
            self.report(Report::Syncing { height, best });
        }
        self.ask(peer, Request::Blocks { locator: Bounded::truncated(locator) });
    }

    /// Ids of the best branch, highest first: the latest one by one, then in steps that double, the genesis block
    /// last.
    fn locator(&self) -> Result<Vec<BlockId>, StoreError> {
        let mut ids = Vec::new();
        let mut height = self.tree.head().height();
        let mut step = 1;
        while ids.len() + 1 < LOCATOR_MAX {
            ids.extend(self.id_at(height)?);
            if height.0 == 0 {
                return Ok(ids);
            }
            if ids.len() >= LOCATOR_DENSE {
                step *= 2;
            }
            height = height.back(step);
        }
        ids.extend(self.id_at(Height(0))?);
        Ok(ids)
    }

    /// The block at a height of the best branch, final or not.
    fn id_at(&self, height: Height) -> Result<Option<BlockId>, StoreError> {
        match self.tree.branch().get(&height) {
            Some(id) => Ok(Some(*id)),
            None => self.stored.final_id(height),
        }
    }

    pub(super) fn request_failed(&mut self, from: Peer, id: RequestId) {
        let Some((_, asked)) = self.peers.asked.remove(&id) else { return };
        match asked {
            Asked::Status => {}
            Asked::Body(block) => {
                self.body_failed(&block);
                // Its status will tell whether the block is still missed.
                if let Some(state) = self.peers.peers.get_mut(&from) {
                    state.due = self.now;
                }
            }
            Asked::Blocks => self.caught_up(from),
        }
    }

    /// Nothing more is to be had from this peer for now.
    fn caught_up(&mut self, peer: Peer) {
        if let Some(state) = self.peers.peers.get_mut(&peer) {
            state.ahead = false;
        }
        if self.peers.catching_up.is_some_and(|with| with.with == peer) {
            self.peers.catching_up = None;
        }
        self.catch_up();
    }

    pub(super) fn responded(&mut self, from: Peer, id: RequestId, response: Response) {
        // Numbers are ours; an answer to nothing is one that came after its time.
        let Some((peer, asked)) = self.peers.asked.remove(&id) else { return };
        if peer != from {
            return;
        }
        match (asked, response) {
            (Asked::Status, Response::Status(status)) => self.stands(from, status),
            (Asked::Blocks, Response::Blocks(blocks)) if blocks.is_empty() => self.caught_up(from),
            (Asked::Blocks, Response::Blocks(blocks)) => {
                let blocks = blocks.into_inner().into_iter().map(std::sync::Arc::new).collect();
                self.enter(blocks, Source::Served(from));
            }
            (Asked::Body(block), Response::Block(Some(whole))) => {
                if whole.id(&self.chain) != block {
                    return self.ban(from, format!("asked for block {block}, it sent another"));
                }
                self.enter(vec![(*whole).into()], Source::Served(from));
            }
            (Asked::Body(block), Response::Block(None)) => self.body_failed(&block),
            (Asked::Body(block), Response::Transactions(transactions)) => {
                self.filled(from, block, transactions.into_inner());
            }
            (asked, _) => {
                self.ban(from, format!("its answer does not fit the question ({asked:?})"))
            }
        }
    }

    /// A batch of blocks from somewhere is through. If it was what we asked for to catch up, go on.
    pub(super) fn synced_a_batch(&mut self, source: Source) {
        let (Some(peer), Some(with)) = (source.peer(), self.peers.catching_up) else { return };
        let waiting =
            self.peers.asked.values().any(|(of, asked)| *of == peer && *asked == Asked::Blocks);
        if with.with != peer || waiting {
            return;
        }
        let progress = self.tree.head().id != with.head || self.tree.len() != with.blocks;
        let more = self.peers.peers.get(&peer).is_some_and(|state| {
            state.status.as_ref().is_none_or(|status| status.rank > self.tree.head().rank)
        });
        if !progress || !more {
            return self.caught_up(peer);
        }
        self.peers.catching_up = None;
        self.catch_up();
    }

    pub(super) fn requested(&mut self, from: Peer, id: RequestId, request: Request) {
        let response = match request {
            Request::Status(status) => {
                self.stands(from, status);
                Ok(Response::Status(self.status()))
            }
            Request::Blocks { locator } => self.blocks_after(&locator),
            Request::Block(id) => self.block(&id).map(|block| Response::Block(block.map(Box::new))),
            Request::Transactions { block, places } => {
                self.block(&block).map(|block| pick(block, &places))
            }
        };
        if let Some(response) = self.stored(response) {
            self.outputs.push(Output::Respond { to: from, id, response });
        }
    }

    fn block(&self, id: &BlockId) -> Result<Option<Block>, StoreError> {
        match self.tree.get(id) {
            Some(node) => Ok(Some((*node.block).clone())),
            None => self.stored.block(id),
        }
    }

    /// Blocks of the best branch after the first id of the locator that lies on it.
    fn blocks_after(&self, locator: &[BlockId]) -> Result<Response, StoreError> {
        let mut common = None;
        for id in locator {
            let height = match self.tree.get(id) {
                Some(node) => Some(node.height()),
                None => self.stored.block(id)?.map(|block| block.header.height),
            };
            if let Some(height) = height
                && self.id_at(height)? == Some(*id)
            {
                common = Some(height);
                break;
            }
        }
        let mut blocks = Vec::new();
        let mut bytes = 0;
        let mut height = common.map_or(Height(0), |height| height).next();
        while common.is_some() && blocks.len() < BLOCKS_MAX && bytes < BLOCKS_BYTES_MAX {
            let Some(id) = self.id_at(height)? else { break };
            let Some(block) = self.block(&id)? else { break };
            bytes += borsh::object_length(&block).unwrap_or(BLOCKS_BYTES_MAX);
            blocks.push(block);
            height = height.next();
        }
        Ok(Response::Blocks(Bounded::truncated(blocks)))
    }
}

/// The transactions at these places, or nothing if one of them does not exist.
fn pick(block: Option<Block>, places: &[u32]) -> Response {
    let transactions = block.map(|block| block.draft.body.transactions).unwrap_or_default();
    let pick = |place: &u32| transactions.get(*place as usize).cloned();
    let picked: Option<Vec<Transaction>> = places.iter().map(pick).collect();
    Response::Transactions(Bounded::truncated(picked.unwrap_or_default()))
}
