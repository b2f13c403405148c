//! Who is connected, and the numbers the replica knows them by.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};

use super::address::{Place, is_loopback};
use super::rates::{ADDRESSES, ANSWER_BYTES, Allowance, OnceASecond, REQUESTS, TRANSACTIONS};
use crate::replica::wire::Request;
use crate::replica::{Peer, RequestId};
use crate::types::Time;

/// Numbers remembered. Far above the connections there can be, so that only the long gone are forgotten.
const NUMBERS_MAX: usize = 4096;

/// Addresses kept of what a peer says it listens on.
const LISTEN_MAX: usize = 4;

/// The numbers of peers. A peer keeps its number over reconnects; no number is given twice.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    by_peer: BTreeMap<PeerId, (Peer, Instant)>,
    by_number: BTreeMap<Peer, PeerId>,
    next: u64,
}

impl Numbers {
    /// The number of a peer, a new one if it has none. The one seen longest ago, of those that are not `connected`,
    /// is forgotten when there are too many.
    pub(super) fn number(
        &mut self,
        peer: PeerId,
        now: Instant,
        connected: impl Fn(&PeerId) -> bool,
    ) -> Peer {
        if let Some((number, seen)) = self.by_peer.get_mut(&peer) {
            *seen = now;
            return *number;
        }
        if self.by_peer.len() >= NUMBERS_MAX {
            let gone = self.by_peer.iter().filter(|(peer, _)| !connected(peer));
            let oldest = gone.min_by_key(|(_, (_, seen))| *seen).map(|(peer, _)| *peer);
            if let Some((number, _)) = oldest.and_then(|peer| self.by_peer.remove(&peer)) {
                self.by_number.remove(&number);
            }
        }
        self.next += 1;
        let number = Peer(self.next);
        self.by_peer.insert(peer, (number, now));
        self.by_number.insert(number, peer);
        number
    }

    /// Notes that a peer was here.
    pub(super) fn seen(&mut self, peer: &PeerId, now: Instant) {
        if let Some((_, seen)) = self.by_peer.get_mut(peer) {
            *seen = now;
        }
    }

    /// Who has this number.
    pub(super) fn peer(&self, number: Peer) -> Option<PeerId> {
        self.by_number.get(&number).copied()
    }
}

/// One connection to a peer.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// libp2p's name for it.
    pub(super) id: ConnectionId,
    /// Where the peer is.
    pub(super) address: Multiaddr,
    /// Whether this node opened it.
    pub(super) outbound: bool,
}

/// A connected peer.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// The number, once the peer proved to be of this chain.
    pub(super) number: Option<Peer>,
    /// Its connections, oldest first; at least one.
    pub(super) links: Vec<Link>,
    /// When the first was made.
    pub(super) opened: Instant,
    /// The same on the clock.
    pub(super) opened_at: Time,
    /// When it turned out to be of another chain.
    pub(super) foreign_since: Option<Instant>,
    /// What software it says it runs.
    pub(super) agent: String,
    /// Where it says it listens.
    pub(super) listens: Vec<Place>,
    /// The last round trip.
    pub(super) round_trip: Option<Duration>,
    /// Pings in a row that failed.
    pub(super) pings_failed: u32,
    /// Requests of its that are open here.
    pub(super) requests_open: usize,
    /// Those among them that wait until it may ask again, oldest first, by our number.
    pub(super) held: VecDeque<(RequestId, Request)>,
    /// Requests of ours that it has not answered.
    pub(super) asked: usize,
    /// What it may still send, and have sent to it.
    pub(super) gauge: Gauge,
}

/// What a peer may still send, and have sent to it. Its gossip is counted at the gate.
#[derive(Debug, Clone)]
pub(super) struct Gauge {
    pub(super) transactions: Allowance,
    pub(super) requests: Allowance,
    pub(super) answer_bytes: Allowance,
    pub(super) addresses: Allowance,
    pub(super) told: OnceASecond,
}

impl Gauge {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            transactions: Allowance::new(TRANSACTIONS, now),
            requests: Allowance::new(REQUESTS, now),
            answer_bytes: Allowance::new(ANSWER_BYTES, now),
            addresses: Allowance::new(ADDRESSES, now),
            told: OnceASecond::default(),
        }
    }

    /// How long the peer's next question has to wait.
    pub(super) fn wait(&mut self, now: Instant) -> Duration {
        self.requests.wait(now).max(self.answer_bytes.wait(now))
    }
}

impl Session {
    /// Whether the peer is on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        self.links.first().is_some_and(|link| is_loopback(&link.address))
    }

    /// Whether this node opened a connection to it.
    pub(super) fn is_outbound(&self) -> bool {
        self.links.iter().any(|link| link.outbound)
    }

    /// Notes where the peer says it listens, as far as that can be.
    pub(super) fn set_listens(&mut self, peer: PeerId, addresses: &[Multiaddr]) {
        let near = self.is_loopback();
        let places = addresses.iter().filter_map(Place::dialable);
        let sane = places.filter(|place| near || !place.socket.ip().is_loopback());
        self.listens =
            sane.map(|place| Place { peer: Some(peer), ..place }).take(LISTEN_MAX).collect();
    }

    /// Where others may find the peer: where we did, or where it says it listens.
    pub(super) fn places(&self, peer: PeerId) -> impl Iterator<Item = Place> {
        let outbound = self.links.iter().filter(|link| link.outbound);
        let dialed = outbound.filter_map(|link| Place::dialable(&link.address));
        dialed
            .chain(self.listens.iter().copied())
            .map(move |place| Place { peer: Some(peer), ..place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_last_over_reconnects_and_are_never_given_twice() {
        let mut numbers = Numbers::default();
        let start = Instant::now();
        let nobody = |_: &PeerId| false;
        let (first, second) = (PeerId::random(), PeerId::random());
        let one = numbers.number(first, start, nobody);
        let two = numbers.number(second, start, nobody);
        assert_ne!(one, two);
        let later = start + Duration::from_secs(1);
        assert_eq!(numbers.number(first, later, nobody), one);
        for _ in 2..NUMBERS_MAX {
            numbers.number(PeerId::random(), later, nobody);
        }
        let last = numbers.number(PeerId::random(), later, nobody);
        assert_eq!(numbers.peer(two), None);
        assert_eq!(numbers.peer(one), Some(first));
        let again = numbers.number(second, later, nobody);
        assert!(again > last);
        assert_eq!(numbers.by_peer.len(), NUMBERS_MAX);
        assert_eq!(numbers.by_number.len(), NUMBERS_MAX);
    }

    #[test]
    fn the_connected_are_never_forgotten() {
        let mut numbers = Numbers::default();
        let start = Instant::now();
        let here = PeerId::random();
        let number = numbers.number(here, start, |_| false);
        for n in 0..2 * NUMBERS_MAX as u64 {
            numbers.number(PeerId::random(), start + Duration::from_secs(n), |peer| *peer == here);
        }
        assert_eq!(numbers.peer(number), Some(here));
    }
}
