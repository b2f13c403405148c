//! The network between simulated nodes: connections, messages, questions and answers.
//!
//! A cut line is silent: nobody is told. Over a stream, what is sent meanwhile arrives when the line is whole again, up to
//! what the buffers of both ends hold; a datagram is gone. A connection that ends because a process dies or parts with a
//! peer is noticed at the other end when word of it gets there, and whoever opened it tries again, later each time.

use std::sync::Arc;

use super::gossip::MessageId;
use super::host::{Event, Sim};
use super::link::{LinkModel, Mode};
use super::node::PeerLink;
use super::time::Micros;
use crate::consensus::{AuthorityId, Message};
use crate::replica::standing::{Offence, Sentence, Standing};
use crate::replica::wire::{Gossip, Request, Response};
use crate::replica::{GossipVerdict, Input, Peer, RequestId};
use crate::types::encode;

/// No answer after so long is none, as in the node.
const TIMEOUT: Micros = Micros::seconds(10);

/// A peer that was banned is kept away for so long, as in the node the first time.
const BANNED_FOR: Micros = Micros::seconds(600);

/// How soon a lost connection is opened again; twice as long after each attempt that fails.
const REDIAL_MIN: Micros = Micros::seconds(1);

/// And how late at most.
const REDIAL_MAX: Micros = Micros::seconds(30);

/// Bytes that a cut stream holds back: the buffers of its two ends.
const HELD_MAX: u64 = 1 << 20;

/// How long after a cut line is whole again the sender tries again.
const RESUME: Micros = Micros::millis(200);

/// Whether nothing but a dead end keeps something from arriving. Word of a closed connection is repeated until it is heard:
/// where it got lost, an end would hold on to a connection that the other one has not, and never open another.
fn must_arrive(parcel: &Parcel, mode: Mode) -> bool {
    mode == Mode::Stream || matches!(parcel, Parcel::Close)
}

/// A gossip message, encoded and named once.
#[derive(Debug)]
pub struct Packet {
    pub(super) id: MessageId,
    pub(super) bytes: u64,
    pub(super) gossip: Gossip,
}

impl Packet {
    fn new(gossip: Gossip) -> Self {
        let bytes = encode(&gossip);
        let hash = blake3::hash(&bytes);
        let id = hash.as_bytes().first_chunk().expect("a hash has 32 bytes");
        Self { id: MessageId::from_le_bytes(*id), bytes: bytes.len() as u64, gossip }
    }
}

/// What travels between nodes.
#[derive(Debug, Clone)]
pub enum Parcel {
    /// A gossip message.
    Gossip(Arc<Packet>),
    /// A question.
    Question {
        /// The asker's number for it.
        id: RequestId,
        /// What is asked.
        request: Arc<Request>,
    },
    /// An answer.
    Answer {
        /// The asker's number for its question.
        id: RequestId,
        /// What is answered.
        response: Arc<Response>,
    },
    /// An authority says something to another one. The simulator stands in for the stream that its key authenticates.
    Message {
        /// Who says it.
        from: AuthorityId,
        /// What.
        message: Arc<Message>,
    },
    /// The other end closed the connection.
    Close,
}

impl Parcel {
    /// Its size on the wire.
    fn bytes(&self) -> u64 {
        let length = match self {
            Self::Gossip(packet) => return packet.bytes,
            Self::Question { request, .. } => borsh::object_length(&**request),
            Self::Answer { response, .. } => borsh::object_length(&**response),
            Self::Message { message, .. } => Ok(message.0.len()),
            Self::Close => return 0,
        };
        length.expect("every message encodes") as u64
    }
}

/// A cut between two sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    /// For each node: whether it is on the first side, and on the second.
    pub(super) sides: Vec<(bool, bool)>,
    /// Whether only what the first side sends to the second is lost.
    pub(super) one_way: bool,
}

impl Cut {
    fn holds(&self, from: usize, to: usize) -> bool {
        let side = |node: usize| self.sides.get(node).copied().unwrap_or_default();
        let ((from_first, from_second), (to_first, to_second)) = (side(from), side(to));
        from_first && to_second || !self.one_way && from_second && to_first
    }
}

impl Sim {
    fn is_cut(&self, from: usize, to: usize) -> bool {
        self.cuts.values().any(|cut| cut.holds(from, to))
    }

    /// Sends something over the connection of two nodes, if there is one.
    pub(super) fn send(&mut self, from: usize, to: usize, parcel: Parcel) {
        let Some(link) = self.nodes[from].process.peers.get_mut(&(to as u32)) else { return };
        let epoch = link.epoch;
        let mut line = link.line;
        self.carry(&mut line, from, to, epoch, parcel);
        if let Some(link) = self.nodes[from].process.peers.get_mut(&(to as u32)) {
            link.line = line;
        }
    }

    /// Sends a message of a node's authority to another one, or to all others.
    pub(super) fn send_message(&mut self, from: usize, to: Option<AuthorityId>, message: Message) {
        let Some(author) = self.nodes[from].authority else { return };
        let message = Arc::new(message);
        let wanted = |id: AuthorityId| to.map_or(id != author, |to| to == id);
        let seats = self.nodes.iter().map(|node| node.authority).enumerate();
        let to: Vec<usize> =
            seats.filter(|(_, id)| id.is_some_and(wanted)).map(|(node, _)| node).collect();
        for to in to {
            let message = message.clone();
            self.send(from, to, Parcel::Message { from: author, message });
        }
    }

    fn carry(
        &mut self,
        line: &mut super::link::Line,
        from: usize,
        to: usize,
        epoch: u64,
        parcel: Parcel,
    ) {
        let regions = (self.nodes[from].options.region, self.nodes[to].options.region);
        let own = self.nodes[from].options.link.or(self.nodes[to].options.link);
        let mode = self.options.link.mode;
        let mut model = own.map_or(self.options.link, |own| LinkModel { mode, ..own });
        if must_arrive(&parcel, mode) && mode == Mode::Datagram {
            model.loss = 0.0;
        }
        if let Some((messages, bytes)) = &mut self.traffic {
            *messages += 1;
            *bytes += parcel.bytes();
        }
        let bytes = || parcel.bytes();
        let arrivals = line.carry(&model, regions, bytes, self.now, &mut self.link_dice);
        let (from, to) = (from as u32, to as u32);
        for at in arrivals {
            self.queue.push(at, Event::Arrives { from, to, epoch, parcel: parcel.clone() });
        }
    }

    /// Something reaches the other end.
    pub(super) fn arrives(&mut self, from: u32, to: u32, epoch: u64, parcel: Parcel) {
        let (now, mode) = (self.now, self.options.link.mode);
        let cut = !self.cuts.is_empty() && self.is_cut(from as usize, to as usize);
        let Some(link) = self.nodes[to as usize].process.peers.get_mut(&from) else { return };
        if link.epoch != epoch {
            return;
        }
        if cut {
            let bytes = parcel.bytes();
            if must_arrive(&parcel, mode) && link.held_bytes + bytes <= HELD_MAX {
                link.held_bytes += bytes;
                link.held.push_back(parcel);
            }
            return;
        }
        if mode == Mode::Stream && now < link.silent_until {
            let at = link.silent_until;
            return self.queue.push(at, Event::Arrives { from, to, epoch, parcel });
        }
        self.receive(from, to as usize, parcel);
    }

    fn receive(&mut self, from: u32, to: usize, parcel: Parcel) {
        let peer = Peer(u64::from(from));
        match parcel {
            Parcel::Gossip(packet) => {
                let now = self.now;
                if !self.nodes[to].process.seen.insert(packet.id, now) {
                    return;
                }
                let message = self.number();
                let gossip = packet.gossip.clone();
                self.nodes[to].process.judged.insert(message, (from, packet));
                self.deliver(to, Input::Gossip { from: peer, message, gossip });
            }
            Parcel::Question { id, request } => {
                let number = self.number();
                self.nodes[to].process.questions.insert(number, (from, id));
                let request = Arc::unwrap_or_clone(request);
                self.deliver(to, Input::Request { from: peer, id: number, request });
            }
            Parcel::Answer { id, response } => {
                // Who did not ask this peer, or gave up, does not listen.
                let asked = &mut self.nodes[to].process.asked;
                if asked.get(&id) == Some(&from) {
                    asked.remove(&id);
                    let response = Arc::unwrap_or_clone(response);
                    self.deliver(to, Input::Response { from: peer, id, response });
                }
            }
            Parcel::Message { from, message } => {
                let message = Arc::unwrap_or_clone(message);
                self.deliver(to, Input::Received { from, message });
            }
            Parcel::Close => self.lost(to, from as usize),
        }
    }

    /// A node's process hears that a connection is gone.
    fn lost(&mut self, node: usize, peer: usize) {
        let process = &mut self.nodes[node].process;
        if process.peers.remove(&(peer as u32)).is_none() {
            return;
        }
        let gone = peer as u32;
        let questions: Vec<RequestId> =
            process.asked.iter().filter(|(_, of)| **of == gone).map(|(id, _)| *id).collect();
        for id in &questions {
            process.asked.remove(id);
        }
        process.questions.retain(|_, (asker, _)| *asker != gone);
        let peer_number = Peer(u64::from(gone));
        for id in questions {
            self.deliver(node, Input::RequestFailed { from: peer_number, id });
        }
        self.deliver(node, Input::Disconnected(peer_number));
        self.mend_mesh(node);
        for (from, to) in [(node, peer), (peer, node)] {
            if self.nodes[from].opens.contains(&(to as u32)) {
                self.queue.push(self.now.after(REDIAL_MIN), Event::Dial { from, to, attempt: 0 });
            }
        }
    }

    /// A process closes a connection.
    fn close(&mut self, node: usize, peer: usize) {
        self.send(node, peer, Parcel::Close);
        self.lost(node, peer);
    }

    /// The operating system closes what a dead process leaves behind.
    pub(super) fn close_all(&mut self, node: usize) {
        let peers: Vec<u32> = self.nodes[node].process.peers.keys().copied().collect();
        for peer in peers {
            self.send(node, peer as usize, Parcel::Close);
        }
    }

    /// A node tries to open a connection that it should have.
    pub(super) fn dial(&mut self, from: usize, to: usize, attempt: u32) {
        let connected = self.nodes[from].process.peers.contains_key(&(to as u32));
        if !self.nodes[from].is_up() || connected {
            return;
        }
        if self.connect(from, to) {
            self.mend_mesh(from);
            self.mend_mesh(to);
            return;
        }
        let wait = Micros(REDIAL_MIN.0 << attempt.min(5)).min(REDIAL_MAX);
        let attempt = attempt.saturating_add(1);
        self.queue.push(self.now.after(wait), Event::Dial { from, to, attempt });
    }

    /// Connects two nodes if both can; says whether they are connected.
    pub(super) fn connect(&mut self, a: usize, b: usize) -> bool {
        let now = self.now;
        let refuses = |node: usize, peer: usize| {
            let node = &self.nodes[node];
            let until = node.process.banned.get(&(peer as u32));
            !node.is_up() || node.paused || until.is_some_and(|until| now < *until)
        };
        if refuses(a, b) || refuses(b, a) || self.is_cut(a, b) || self.is_cut(b, a) {
            return false;
        }
        // One end may not have heard yet that an older connection is gone.
        for (node, peer) in [(a, b), (b, a)] {
            if self.nodes[node].process.peers.contains_key(&(peer as u32)) {
                self.lost(node, peer);
            }
        }
        let epoch = self.number();
        for (node, peer) in [(a, b), (b, a)] {
            let link = PeerLink { epoch, ..PeerLink::default() };
            self.nodes[node].process.peers.insert(peer as u32, link);
        }
        for (node, peer) in [(a, b), (b, a)] {
            self.deliver(node, Input::Connected(Peer(peer as u64)));
        }
        true
    }

    /// A node publishes a message of its own: it goes to all peers.
    pub(super) fn publish(&mut self, node: usize, gossip: Gossip) {
        let packet = Arc::new(Packet::new(gossip));
        let now = self.now;
        let process = &mut self.nodes[node].process;
        // As in gossipsub: what was published or passed on within a minute is not published again.
        if !process.seen.insert(packet.id, now) {
            return;
        }
        let peers: Vec<u32> = process.peers.keys().copied().collect();
        for peer in peers {
            self.send(node, peer as usize, Parcel::Gossip(packet.clone()));
        }
    }

    /// A node has judged a message: what it accepts goes on to its mesh.
    pub(super) fn verdict(&mut self, node: usize, message: u64, verdict: GossipVerdict) {
        let Some((from, packet)) = self.nodes[node].process.judged.remove(&message) else { return };
        if verdict != GossipVerdict::Accept || !self.nodes[node].options.relays {
            return;
        }
        let peers = self.nodes[node].process.peers.iter();
        let mesh = peers.filter(|(peer, link)| link.mesh && **peer != from);
        let mesh: Vec<u32> = mesh.map(|(peer, _)| *peer).collect();
        for peer in mesh {
            self.send(node, peer as usize, Parcel::Gossip(packet.clone()));
        }
    }

    /// A node asks a peer.
    pub(super) fn ask(&mut self, node: usize, to: Peer, id: RequestId, request: Request) {
        let due = self.now.after(TIMEOUT);
        let process = &mut self.nodes[node].process;
        let Some(peer) = known(to).filter(|peer| process.peers.contains_key(peer)) else {
            let life = self.nodes[node].life;
            let input = Box::new(Input::RequestFailed { from: to, id });
            return self.queue.push(self.now, Event::Input { node, life, input });
        };
        process.asked.insert(id, peer);
        process.due.push_back((due, id));
        if !std::mem::replace(&mut process.timeouts_set, true) {
            let life = self.nodes[node].life;
            self.queue.push(due, Event::Timeouts { node, life });
        }
        self.send(node, peer as usize, Parcel::Question { id, request: Arc::new(request) });
    }

    /// A node answers a peer.
    pub(super) fn answer(&mut self, node: usize, id: RequestId, response: Response) {
        if let Some((peer, id)) = self.nodes[node].process.questions.remove(&id) {
            let response = Arc::new(response);
            self.send(node, peer as usize, Parcel::Answer { id, response });
        }
    }

    /// Questions of a node whose answers are late have failed.
    pub(super) fn timeouts(&mut self, node: usize) {
        let now = self.now;
        let process = &mut self.nodes[node].process;
        let mut failed = Vec::new();
        while let Some((due, id)) = process.due.front().copied() {
            match process.asked.get(&id).copied() {
                Some(peer) if due <= now => {
                    process.asked.remove(&id);
                    failed.push((peer, id));
                }
                Some(_) => break,
                None => {}
            }
            process.due.pop_front();
        }
        let next = process.due.front().map(|(due, _)| *due);
        process.timeouts_set = next.is_some();
        if let Some(at) = next {
            let life = self.nodes[node].life;
            self.queue.push(at, Event::Timeouts { node, life });
        }
        for (peer, id) in failed {
            self.deliver(node, Input::RequestFailed { from: Peer(u64::from(peer)), id });
            self.blame(node, Peer(u64::from(peer)), Offence::Unanswered);
        }
    }

    /// A peer loses points with a node.
    pub(super) fn blame(&mut self, node: usize, peer: Peer, offence: Offence) {
        let Some(peer) = known(peer) else { return };
        let local = self.nodes[node].clock.read(self.now);
        let standings = &mut self.nodes[node].process.standings;
        let standing = standings.entry(peer).or_insert_with(|| Standing::new(local));
        match standing.offend(offence, local) {
            Sentence::Stay => {}
            Sentence::Disconnect => self.close(node, peer as usize),
            Sentence::Ban => self.ban(node, Peer(u64::from(peer))),
        }
    }

    /// A node keeps a peer away for a while.
    pub(super) fn ban(&mut self, node: usize, peer: Peer) {
        let Some(peer) = known(peer) else { return };
        let until = self.now.after(BANNED_FOR);
        self.nodes[node].process.banned.insert(peer, until);
        self.close(node, peer as usize);
    }

    /// What cut lines held back arrives where they are whole again.
    pub(super) fn release(&mut self) {
        let resumed = self.now.after(RESUME);
        for to in 0..self.nodes.len() {
            let peers: Vec<u32> = self.nodes[to].process.peers.keys().copied().collect();
            for from in peers {
                if self.is_cut(from as usize, to) {
                    continue;
                }
                let Some(link) = self.nodes[to].process.peers.get_mut(&from) else { continue };
                if link.held.is_empty() {
                    continue;
                }
                link.silent_until = resumed;
                link.held_bytes = 0;
                let epoch = link.epoch;
                for parcel in std::mem::take(&mut link.held) {
                    let to = to as u32; // as many nodes as that fit no machine
                    self.queue.push(resumed, Event::Arrives { from, to, epoch, parcel });
                }
            }
        }
    }

    /// Says whether two nodes are connected.
    pub fn are_connected(&self, a: usize, b: usize) -> bool {
        let knows = |node: usize, peer: usize| {
            let node = self.nodes.get(node);
            node.is_some_and(|node| node.process.peers.contains_key(&(peer as u32)))
        };
        knows(a, b) && knows(b, a)
    }
}

/// The node behind a peer's number: replicas are given the nodes' own.
fn known(peer: Peer) -> Option<u32> {
    u32::try_from(peer.0).ok()
}
