//! Where peers stand, and catching up with them.
//!
//! Peers tell each other their [`Status`] when they meet and every two seconds while their heads differ; gossip is only
//! the fast path. Whoever finds a peer on a better branch asks it for the blocks after the last common one, again and
//! again until nothing better is left.
//!
//! One peer is asked at a time, the one with the best branch first. Anybody can claim a great rank, so a peer that
//! promised more and brought nothing is left alone for a while, longer each time: it cannot keep us from the others.

use std::collections::BTreeMap;

use super::blocks::{Brought, Source};
use super::wire::{BLOCKS_MAX, LOCATOR_MAX, RESPONSE_BYTES_MAX, Request, Response, Status};
use super::{Output, Peer, Replica, Report, RequestId};
use crate::store::{Store, StoreError};
use crate::types::{Block, BlockId, Bounded, Height, Span, Time, Transaction};

/// How often to ask a peer whose head is not ours.
const STATUS_WHILE_DIFFERENT: Span = Span::seconds(2);

/// How often to ask a peer whose head is ours.
const STATUS_WHILE_EQUAL: Span = Span::seconds(10);

/// How long a peer is left alone that promised blocks and brought none; twice as long each further time.
const PAUSE: Span = Span::seconds(2);

/// How often that doubles: the longest pause is about four minutes.
const PAUSE_DOUBLINGS: u32 = 7;

/// Batches in a row of blocks that are all known, from a peer that may be leading up to a new one.
const IDLE_BATCHES_MAX: u32 = 16;

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
    /// The last block of its branch that it sent us: what it sends next begins there, although our best branch may
    /// be another one still.
    reached: Option<(Height, BlockId)>,
    /// Not to be asked for blocks before this moment.
    pause_until: Time,
    /// How often in a row it promised blocks and brought none.
    failures: u32,
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
    /// How high the batches of this time have brought us.
    at: Option<Height>,
    /// Batches in a row without a new block.
    idle: u32,
}

/// Why we stop catching up with a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// It has brought what it had, or the time of what it has will come.
    Content,
    /// It brought nothing.
    Empty,
}

impl Peers {
    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    pub(super) fn best_height(&self) -> Option<Height> {
        self.peers.values().filter_map(|peer| peer.status.as_ref()).map(|s| s.height).max()
    }

    /// Questions without an answer yet.
    #[cfg(test)]
    pub(super) fn asked_len(&self) -> usize {
        self.asked.len()
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
        self.tell_all_soon();
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
                self.body_failed(peer, block);
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
                self.body_failed(peer, id);
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
        let equal = status.head == self.tree.head().id;
        let soon = self.now.after(STATUS_WHILE_DIFFERENT);
        if let Some(state) = self.peers.peers.get_mut(&peer) {
            if !equal {
                state.due = state.due.min(soon);
            }
            state.ahead = better;
            state.status = Some(status);
        }
        self.catch_up();
    }

    /// A peer knows a block that we cannot place.
    pub(super) fn peer_is_ahead(&mut self, peer: Peer, height: Height) {
        // A block further back is a side branch of its own; its status tells whether it matters.
        if height > self.tree.head().height() {
            let soon = self.now.after(STATUS_WHILE_DIFFERENT);
            if let Some(state) = self.peers.peers.get_mut(&peer) {
                state.ahead = true;
                // It may have passed on what it does not hold yet itself: ask again where it stands.
                state.due = state.due.min(soon);
            }
            self.catch_up();
        }
    }

    /// Asks one peer that is ahead for blocks, unless one is being asked already.
    fn catch_up(&mut self) {
        if self.peers.catching_up.is_some() {
            return;
        }
        let ready = |(_, state): &(&Peer, &PeerState)| state.ahead && state.pause_until <= self.now;
        let ahead = self.peers.peers.iter().filter(ready);
        let best = ahead.max_by_key(|(_, state)| state.status.as_ref().map(|s| s.rank.clone()));
        let Some((peer, _)) = best else { return };
        self.ask_for_blocks(CatchingUp { with: *peer, at: None, idle: 0 });
    }

    fn ask_for_blocks(&mut self, catching_up: CatchingUp) {
        let peer = catching_up.with;
        let Some(state) = self.peers.peers.get(&peer) else { return };
        let (reached, best) = (state.reached, state.status.as_ref().map(|status| status.height));
        let locator = self.locator();
        let Some(mut locator) = self.stored(locator) else { return };
        if let Some((_, id)) = reached
            && self.tree.get(&id).is_some_and(|node| !self.tree.on_branch(node))
        {
            locator.insert(0, id);
        }
        self.peers.catching_up = Some(catching_up);
        let height = self.tree.head().height();
        if let Some(best) = best.filter(|best| best.0 > height.0.saturating_add(1)) {
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
        // One place is left for the genesis block and one for where we stand on the asked peer's branch.
        while ids.len() + 2 < LOCATOR_MAX {
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

    /// What we asked this peer under this number; nobody else can answer for it.
    fn take_asked(&mut self, from: Peer, id: RequestId) -> Option<Asked> {
        let (peer, _) = self.peers.asked.get(&id)?;
        if *peer != from {
            return None;
        }
        self.peers.asked.remove(&id).map(|(_, asked)| asked)
    }

    pub(super) fn request_failed(&mut self, from: Peer, id: RequestId) {
        match self.take_asked(from, id) {
            Some(Asked::Status) | None => {}
            Some(Asked::Body(block)) => {
                self.body_failed(from, block);
                // Its status will tell whether the block is still missed.
                if let Some(state) = self.peers.peers.get_mut(&from) {
                    state.due = self.now;
                }
            }
            Some(Asked::Blocks) => self.caught_up(from, Stop::Empty),
        }
    }

    /// Nothing more is to be had from this peer for now.
    fn caught_up(&mut self, peer: Peer, stop: Stop) {
        let head = self.tree.head().rank.clone();
        if let Some(state) = self.peers.peers.get_mut(&peer) {
            state.ahead = false;
            let promised = state.status.as_ref().is_some_and(|status| status.rank > head);
            if stop == Stop::Empty && promised {
                let pause = Span(PAUSE.0 << state.failures.min(PAUSE_DOUBLINGS));
                state.pause_until = self.now.after(pause);
                state.failures = state.failures.saturating_add(1);
            } else {
                state.failures = 0;
            }
        }
        if self.peers.catching_up.is_some_and(|with| with.with == peer) {
            self.peers.catching_up = None;
        }
        self.catch_up();
    }

    pub(super) fn responded(&mut self, from: Peer, id: RequestId, response: Response) {
        // An answer to nothing is one that came after its time.
        let Some(asked) = self.take_asked(from, id) else { return };
        match (asked, response) {
            (Asked::Status, Response::Status(status)) => self.stands(from, status),
            (Asked::Blocks, Response::Blocks(blocks)) if blocks.is_empty() => {
                self.caught_up(from, Stop::Empty);
            }
            (Asked::Blocks, Response::Blocks(blocks)) => {
                let blocks = blocks.into_inner().into_iter().map(std::sync::Arc::new).collect();
                self.enter(blocks, Source::Synced(from));
            }
            (Asked::Body(block), Response::Block(Some(whole))) => {
                if whole.id(&self.chain) != block {
                    self.ban(from, format!("asked for block {block}, it sent another"));
                    return self.body_failed(from, block);
                }
                self.enter(vec![(*whole).into()], Source::Served(from));
            }
            (Asked::Body(block), Response::Block(None)) => self.body_failed(from, block),
            (Asked::Body(block), Response::Transactions(transactions)) => {
                self.filled(from, block, transactions.into_inner());
            }
            (asked, _) => {
                self.ban(from, format!("its answer does not fit the question ({asked:?})"));
                if let Asked::Body(block) = asked {
                    self.body_failed(from, block);
                }
            }
        }
    }

    /// A batch of blocks is through that we asked a peer for to catch up: go on while it brings something.
    pub(super) fn synced(&mut self, peer: Peer, brought: Brought) {
        let Some(with) = self.peers.catching_up.filter(|with| with.with == peer) else { return };
        let head = self.tree.head().rank.clone();
        let Some(state) = self.peers.peers.get_mut(&peer) else { return };
        let at = brought.reached.map(|(height, _)| height);
        let progress = brought.fresh > 0 || at > with.at;
        if progress {
            state.reached = brought.reached;
        }
        let more = state.status.as_ref().is_none_or(|status| status.rank > head);
        let idle = if brought.fresh > 0 { 0 } else { with.idle + 1 };
        if brought.early || (brought.fresh > 0 && !more) {
            self.caught_up(peer, Stop::Content);
        } else if !progress || !more || idle > IDLE_BATCHES_MAX {
            self.caught_up(peer, Stop::Empty);
        } else {
            self.ask_for_blocks(CatchingUp { with: peer, at, idle });
        }
    }

    pub(super) fn requested(&mut self, from: Peer, id: RequestId, request: Request) {
        if let Request::Block(block) | Request::Transactions { block, .. } = &request
            && self.wait_for(from, id, block, &request)
        {
            return;
        }
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
                None => self.stored.header(id)?.map(|header| header.height),
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

/// The transactions at these places, or nothing if one of them does not exist or they do not ascend: asked for once
/// each, they are never more than the block.
fn pick(block: Option<Block>, places: &[u32]) -> Response {
    if !places.is_sorted_by(|one, next| one < next) {
        return Response::Transactions(Bounded::default());
    }
    let transactions = block.map(|block| block.draft.body.transactions).unwrap_or_default();
    let pick = |place: &u32| transactions.get(*place as usize).cloned();
    let picked: Option<Vec<Transaction>> = places.iter().map(pick).collect();
    Response::Transactions(Bounded::truncated(picked.unwrap_or_default()))
}
