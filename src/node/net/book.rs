//! The address book: where peers may be, and when to try them next.
//!
//! Addresses come from the operator, who means them, and from peers, who may lie: the former stay, the latter go after
//! a few failures or when the book is full. Failed attempts wait twice as long each time, from one second to half a
//! minute, give or take a quarter: the quarter differs per node and attempt, so that a net that starts together does
//! not knock together. A peer whose link is free again is tried at once. Of two nodes that know each other the one with the greater id lets the other knock first,
//! which spares most pairs a second connection.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::swarm::ConnectionId;

use super::address::Place;

/// Addresses in the book.
const ADDRESSES_MAX: usize = 512;

/// Failures in a row after which an address that a peer told is dropped.
const FAILURES_MAX: u32 = 6;

/// The wait after a first failure, and after a connection was lost.
const WAIT_MIN: Duration = Duration::from_secs(1);

/// No wait is longer, but for a quarter.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// How long the one with the greater id waits at first.
const POLITENESS: Duration = Duration::from_millis(250);

/// How an address came into the book; the later, the more it is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// A peer told.
    Learned,
    /// The operator gave it to start with.
    Bootnode,
    /// The operator wants this connection, whatever else there is.
    Wanted,
}

/// How an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nobody answered, or not for long.
    Unreachable,
    /// Somebody else answered.
    SomebodyElse,
    /// We answered.
    Ourselves,
}

#[derive(Debug, Clone)]
struct Entry {
    peer: Option<PeerId>,
    /// Whether the operator named the peer.
    pinned: bool,
    origin: Origin,
    failures: u32,
    next: Instant,
    dialing: Option<ConnectionId>,
}

/// The address book of one node.
#[derive(Debug)]
pub(super) struct Book {
    local: PeerId,
    entries: BTreeMap<SocketAddr, Entry>,
}

impl Book {
    /// The empty book of a node.
    pub(super) fn new(local: PeerId) -> Self {
        Self { local, entries: BTreeMap::new() }
    }

    /// Writes an address in. Says whether it is in the book now.
    pub(super) fn add(&mut self, place: Place, origin: Origin, now: Instant) -> bool {
        if place.peer == Some(self.local) {
            return false;
        }
        let meant = origin > Origin::Learned;
        if let Some(entry) = self.entries.get_mut(&place.socket) {
            entry.origin = entry.origin.max(origin);
            if meant {
                entry.next = entry.next.min(now);
                if place.peer.is_some() {
                    (entry.peer, entry.pinned) = (place.peer, true);
                }
            }
            return true;
        }
        if self.entries.len() >= ADDRESSES_MAX && !self.make_room() {
            return false;
        }
        let polite = place.peer.is_some_and(|peer| self.local > peer);
        let next = if polite { now + POLITENESS } else { now };
        let pinned = meant && place.peer.is_some();
        let entry = Entry { peer: place.peer, pinned, origin, failures: 0, next, dialing: None };
        self.entries.insert(place.socket, entry);
        true
    }

    /// Drops the learned address that failed most.
    fn make_room(&mut self) -> bool {
        let idle = |entry: &Entry| entry.origin == Origin::Learned && entry.dialing.is_none();
        let spare = self.entries.iter().filter(|(_, entry)| idle(entry));
        let worst = spare.max_by_key(|(_, entry)| entry.failures).map(|(socket, _)| *socket);
        worst.and_then(|socket| self.entries.remove(&socket)).is_some()
    }

    /// Where to knock now: all wanted places, and as many others as there are `slots`. `busy` says whom not to try,
    /// connected or banned.
    pub(super) fn due(
        &self,
        now: Instant,
        slots: usize,
        busy: impl Fn(&PeerId) -> bool,
    ) -> Vec<Place> {
        let idle = |entry: &Entry| entry.dialing.is_none() && entry.next <= now;
        let mut due: Vec<_> = self.entries.iter().filter(|(_, entry)| idle(entry)).collect();
        due.sort_by_key(|(socket, entry)| {
            (std::cmp::Reverse(entry.origin), entry.failures, self.lot(socket, 0))
        });
        let dialing = self.entries.values().filter(|entry| entry.dialing.is_some());
        let mut taken: BTreeSet<PeerId> = dialing.filter_map(|entry| entry.peer).collect();
        let mut slots = slots;
        let mut places = Vec::new();
        for (&socket, entry) in due {
            if entry.peer.is_some_and(|peer| busy(&peer) || taken.contains(&peer)) {
                continue;
            }
            if entry.origin < Origin::Wanted {
                if slots == 0 {
                    break;
                }
                slots -= 1;
            }
            taken.extend(entry.peer);
            places.push(Place { socket, peer: entry.peer });
        }
        places
    }

    /// A number that differs per node, address and attempt.
    fn lot(&self, socket: &SocketAddr, attempt: u32) -> u16 {
        let text = format!("{} {socket} {attempt}", self.local);
        let hash = blake3::hash(text.as_bytes());
        u16::from_le_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
    }

    fn wait(&self, socket: &SocketAddr, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let wait = (WAIT_MIN * 2u32.pow(doublings)).min(WAIT_MAX);
        wait.mul_f64(0.75 + f64::from(self.lot(socket, failures)) / f64::from(u16::MAX) / 2.0)
    }

    /// Knocks in progress.
    pub(super) fn dialing(&self) -> usize {
        self.entries.values().filter(|entry| entry.dialing.is_some()).count()
    }

    /// A knock began.
    pub(super) fn began(&mut self, socket: &SocketAddr, connection: ConnectionId) {
        if let Some(entry) = self.entries.get_mut(socket) {
            entry.dialing = Some(connection);
        }
    }

    fn knock(&mut self, connection: ConnectionId) -> Option<(SocketAddr, &mut Entry)> {
        let mut entries = self.entries.iter_mut();
        let (socket, entry) = entries.find(|(_, entry)| entry.dialing == Some(connection))?;
        entry.dialing = None;
        Some((*socket, entry))
    }

    /// A knock was answered, by this peer.
    pub(super) fn answered(&mut self, connection: ConnectionId, peer: PeerId) {
        if let Some((_, entry)) = self.knock(connection) {
            entry.peer = Some(peer);
        }
    }

    /// A knock turned out needless: somebody was faster.
    pub(super) fn needless(&mut self, connection: ConnectionId) {
        self.knock(connection);
    }

    /// A knock failed.
    pub(super) fn failed(&mut self, connection: ConnectionId, failure: Failure, now: Instant) {
        let Some((socket, entry)) = self.knock(connection) else { return };
        entry.failures = entry.failures.saturating_add(1);
        let failures = entry.failures;
        let hopeless = match failure {
            Failure::Unreachable => entry.origin == Origin::Learned && failures >= FAILURES_MAX,
            Failure::SomebodyElse => {
                // Who moved in there may be of this chain; who must be there is the operator's word alone.
                entry.peer = entry.peer.filter(|_| entry.pinned);
                entry.origin == Origin::Learned
            }
            Failure::Ourselves => true,
        };
        if hopeless {
            self.entries.remove(&socket);
            return;
        }
        let next = now + self.wait(&socket, failures);
        self.entries.entry(socket).and_modify(|entry| entry.next = next);
    }

    /// A peer proved to be of this chain.
    pub(super) fn proved(&mut self, peer: &PeerId) {
        self.entries
            .values_mut()
            .filter(|entry| entry.peer.as_ref() == Some(peer))
            .for_each(|entry| entry.failures = 0);
    }

    /// The last connection to a peer closed; `failed` if it never proved to be of this chain.
    pub(super) fn lost(&mut self, peer: &PeerId, failed: bool, now: Instant) {
        let theirs = self.entries.iter().filter(|(_, entry)| entry.peer.as_ref() == Some(peer));
        let sockets: Vec<_> = theirs.map(|(socket, _)| *socket).collect();
        for socket in sockets {
            let Some(entry) = self.entries.get_mut(&socket) else { continue };
            entry.failures = entry.failures.saturating_add(u32::from(failed));
            let (origin, failures) = (entry.origin, entry.failures);
            if origin == Origin::Learned && failures >= FAILURES_MAX {
                self.entries.remove(&socket);
                continue;
            }
            let next = now + self.wait(&socket, failures);
            self.entries.entry(socket).and_modify(|entry| entry.next = next);
        }
    }

    /// A peer may be tried at once: what kept it silent is over.
    pub(super) fn hurry(&mut self, peer: &PeerId, now: Instant) {
        for entry in self.entries.values_mut().filter(|entry| entry.peer.as_ref() == Some(peer)) {
            (entry.next, entry.failures) = (entry.next.min(now), 0);
        }
    }

    /// Strikes what peers told about a peer.
    pub(super) fn strike(&mut self, peer: &PeerId) {
        self.entries
            .retain(|_, entry| entry.origin > Origin::Learned || entry.peer.as_ref() != Some(peer));
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
