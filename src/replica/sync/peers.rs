//! Where peers stand, and what we asked them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::standing::Offence;
use super::super::wire::{Request, Response, Status};
use super::super::{Output, Peer, Replica, RequestId};
use super::is_held;
use super::skeleton::Skeleton;
use crate::store::Store;
use crate::types::{BlockId, Height, Span, Time};

/// How often to ask a peer whose head is not ours.
const STATUS_WHILE_DIFFERENT: Span = Span::seconds(2);

/// How often in a block time to ask one that is ahead, if that is more often. Who asks less often than blocks come is told
/// of each when the next one is there, and stays behind for good.
const LOOKS_PER_BLOCK: u64 = 4;

/// But no sooner than after this.
const LOOK_AFTER: Span = Span(250);

/// How often to ask a peer whose head is ours, at most …
const STATUS_WHILE_EQUAL: Span = Span::seconds(10);

/// … and how often in a block time: who waits ten minutes for a block asks no six times a minute whether it is there.
const STATUSES_PER_BLOCK: u64 = 5;

/// How often the engine may want everybody to be asked.
const SEEK_AT_MOST_EVERY: Span = Span(250);

/// How long a peer is left alone that promised a better branch and brought none; twice as long each further time.
const PAUSE: Span = Span::seconds(2);

/// How often that doubles: the longest pause is about four minutes.
const PAUSE_DOUBLINGS: u32 = 7;

/// What one look at all peers tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glance {
    /// When the next of them is to be asked where it stands.
    pub(super) due: Option<Time>,
    /// Whether one has something better than we have, or may have.
    pub(super) lively: bool,
}

/// What we know of our peers.
#[derive(Debug, Default)]
pub(in super::super) struct Peers {
    pub(super) peers: BTreeMap<Peer, PeerState>,
    pub(super) asked: BTreeMap<RequestId, Question>,
    /// When the engine last wanted everybody to be asked.
    sought: Time,
}

#[derive(Debug, Default)]
pub(super) struct PeerState {
    /// Apart, so that looking at all peers touches little memory.
    pub(super) status: Option<Box<Status>>,
    /// When to ask where it stands.
    pub(super) due: Time,
    /// It has, or says it has, a better branch than ours.
    pub(super) ahead: bool,
    /// What its headers showed of that branch.
    pub(super) skeleton: Option<Arc<Skeleton>>,
    /// Since when it is being asked for headers, one answer after the other.
    pub(super) heard_since: Option<Time>,
    /// Not to be asked for headers before this moment.
    pub(super) pause_until: Time,
    /// How often in a row it promised a better branch and brought none.
    failures: u32,
}

impl PeerState {
    /// Whether it offers a better branch that it has not been heard out about.
    pub(super) fn is_promising(&self, now: Time) -> bool {
        let heard = self.skeleton.as_ref().is_some_and(|skeleton| skeleton.complete);
        self.ahead && !heard && self.pause_until <= now
    }
}

/// A question without an answer yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) of: Peer,
    pub(super) asked: Asked,
    pub(super) since: Time,
}

/// What a request asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Status,
    Headers,
    Blocks { after: BlockId, count: u32 },
    Body(BlockId),
}

impl Peers {
    pub(in super::super) fn len(&self) -> usize {
        self.peers.len()
    }

    pub(in super::super) fn best_height(&self) -> Option<Height> {
        self.peers.values().filter_map(|peer| peer.status.as_ref()).map(|s| s.height).max()
    }

    /// Questions without an answer yet.
    #[cfg(test)]
    pub(in super::super) fn asked_len(&self) -> usize {
        self.asked.len()
    }

    /// Looks at all peers once.
    pub(super) fn glance(&self) -> Glance {
        let mut glance = Glance { due: None, lively: false };
        for state in self.peers.values() {
            glance.due = Some(glance.due.map_or(state.due, |due| due.min(state.due)));
            glance.lively |= state.ahead || state.skeleton.is_some();
        }
        glance
    }

    pub(in super::super) fn next_due(&self) -> Option<Time> {
        self.glance().due
    }

    /// Questions of a kind that wait for an answer.
    pub(super) fn open(&self, kind: impl Fn(&Asked) -> bool) -> impl Iterator<Item = &Question> {
        self.asked.values().filter(move |question| kind(&question.asked))
    }
}

impl<S: Store> Replica<S> {
    /// Where we stand, as others are told.
    pub fn status(&self) -> Status {
        let (head, root) = (self.told_head(), self.tree.root());
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
        self.peers.peers.iter().map(|(peer, state)| (*peer, state.status.as_deref()))
    }

    pub(in super::super) fn connected(&mut self, peer: Peer) {
        self.peers.peers.insert(peer, PeerState { due: self.now, ..PeerState::default() });
        self.tell_all_soon();
    }

    pub(in super::super) fn disconnected(&mut self, peer: Peer) {
        self.peers.peers.remove(&peer);
        let mut bodies = Vec::new();
        self.peers.asked.retain(|_, question| {
            if let (true, Asked::Body(block)) = (question.of == peer, question.asked) {
                bodies.push(block);
            }
            question.of != peer
        });
        for block in bodies {
            self.body_failed(peer, block);
        }
    }

    pub(in super::super) fn ask(&mut self, peer: Peer, request: Request) {
        let asked = match &request {
            Request::Status(_) => Asked::Status,
            Request::Headers { .. } => Asked::Headers,
            Request::Blocks { after, count } => Asked::Blocks { after: *after, count: *count },
            Request::Block(id) | Request::Transactions { block: id, .. } => Asked::Body(*id),
        };
        if !self.peers.peers.contains_key(&peer) {
            if let Asked::Body(id) = asked {
                self.body_failed(peer, id);
            }
            return;
        }
        let id = self.number();
        self.peers.asked.insert(id, Question { of: peer, asked, since: self.now });
        self.outputs.push(Output::Request { to: peer, id, request });
    }

    /// Asks peers where they stand whose turn it is.
    pub(in super::super) fn due_statuses(&mut self) {
        let head = self.tree.head().id;
        let calm = STATUS_WHILE_EQUAL.max(Span(self.block_time.0 / STATUSES_PER_BLOCK));
        let ahead = self.look_again();
        let mut due = Vec::new();
        for (peer, state) in &mut self.peers.peers {
            if state.due <= self.now {
                let equal = state.status.as_ref().is_some_and(|status| status.head == head);
                let wait = match (equal, state.ahead) {
                    (true, _) => calm,
                    (false, true) => ahead,
                    (false, false) => STATUS_WHILE_DIFFERENT,
                };
                state.due = self.now.after(wait);
                due.push(*peer);
            }
        }
        for peer in due {
            // One question at a time: a slow peer gathers no pile of them.
            let asked =
                |question: &&Question| question.of == peer && question.asked == Asked::Status;
            if !self.peers.asked.values().any(|question| asked(&question)) {
                let status = self.status();
                self.ask(peer, Request::Status(status));
            }
        }
    }

    /// After how long to ask a peer again that is ahead.
    fn look_again(&self) -> Span {
        Span(self.block_time.0 / LOOKS_PER_BLOCK).clamp(LOOK_AFTER, STATUS_WHILE_DIFFERENT)
    }

    pub(super) fn stands(&mut self, peer: Peer, status: Status) {
        if status.genesis != self.chain {
            return self
                .ban(peer, format!("it is on chain {}, not {}", status.genesis, self.chain));
        }
        let better = status.rank > self.tree.head().rank && self.tree.get(&status.head).is_none();
        let equal = status.head == self.tree.head().id;
        let soon = if better { self.look_again() } else { STATUS_WHILE_DIFFERENT };
        let soon = self.now.after(soon);
        if let Some(state) = self.peers.peers.get_mut(&peer) {
            if !equal {
                state.due = state.due.min(soon);
            }
            state.ahead = better;
            if let Some(known) = state.skeleton.as_mut().filter(|it| it.tip().id != status.head) {
                // It has more by now, or something else.
                Arc::make_mut(known).complete = false;
            }
            state.status = Some(Box::new(status));
        }
    }

    /// A peer knows a block that we cannot place.
    pub(in super::super) fn peer_is_ahead(&mut self, peer: Peer, height: Height) {
        // A block further back is a side branch of its own; its status tells whether it matters.
        if height > self.tree.head().height() {
            let soon = self.now.after(self.look_again());
            if let Some(state) = self.peers.peers.get_mut(&peer) {
                state.ahead = true;
                // It may have passed on what it does not hold yet itself: ask again where it stands.
                state.due = state.due.min(soon);
            }
        }
    }

    /// There are blocks up to this height, by the engine's word: everybody is asked where they stand.
    pub(in super::super) fn seek(&mut self, height: Height) {
        if height <= self.tree.head().height()
            || self.now < self.peers.sought.after(SEEK_AT_MOST_EVERY)
        {
            return;
        }
        self.peers.sought = self.now;
        for state in self.peers.peers.values_mut() {
            state.due = state.due.min(self.now);
        }
        self.due_statuses();
    }

    /// Nothing more is to be had from this peer for now. Whoever promised more than it brought is left alone.
    pub(super) fn heard_out(&mut self, peer: Peer) {
        let head = self.tree.head().rank.clone();
        let Some(state) = self.peers.peers.get_mut(&peer) else { return };
        (state.ahead, state.skeleton, state.heard_since) = (false, None, None);
        let promises = |status: &Status| status.rank > head && !is_held(&self.tree, status);
        if state.status.as_deref().is_some_and(promises) {
            let pause = Span(PAUSE.0 << state.failures.min(PAUSE_DOUBLINGS));
            state.pause_until = self.now.after(pause);
            state.failures = state.failures.saturating_add(1);
            self.blame(peer, Offence::Useless);
        } else {
            state.failures = 0;
        }
    }

    /// It brought what it promised.
    pub(super) fn kept_its_word(&mut self, peer: Peer) {
        if let Some(state) = self.peers.peers.get_mut(&peer) {
            state.failures = 0;
        }
    }

    /// What we asked this peer under this number; nobody else can answer for it.
    fn take_asked(&mut self, from: Peer, id: RequestId) -> Option<Asked> {
        self.peers.asked.get(&id).filter(|question| question.of == from)?;
        self.peers.asked.remove(&id).map(|question| question.asked)
    }

    pub(in super::super) fn request_failed(&mut self, from: Peer, id: RequestId) {
        match self.take_asked(from, id) {
            Some(Asked::Status) | None => {}
            Some(Asked::Body(block)) => {
                self.body_failed(from, block);
                // Its status will tell whether the block is still missed.
                if let Some(state) = self.peers.peers.get_mut(&from) {
                    state.due = self.now;
                }
            }
            Some(Asked::Headers | Asked::Blocks { .. }) => self.heard_out(from),
        }
    }

    pub(in super::super) fn responded(&mut self, from: Peer, id: RequestId, response: Response) {
        // An answer to nothing is one that came after its time.
        let Some(asked) = self.take_asked(from, id) else { return };
        match (asked, response) {
            (Asked::Status, Response::Status(status)) => self.stands(from, status),
            (Asked::Headers, Response::Headers(headers)) => {
                self.headers(from, headers.into_inner());
            }
            (Asked::Blocks { after, count }, Response::Blocks(blocks)) => {
                self.range(from, &after, count, blocks.into_inner());
            }
            (Asked::Body(block), Response::Block(Some(whole))) => {
                if whole.id(&self.chain) != block {
                    self.ban(from, format!("asked for block {block}, it sent another"));
                    return self.body_failed(from, block);
                }
                self.served(from, *whole);
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
}
