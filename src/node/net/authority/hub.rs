//! Where all streams of authorities meet: who can be sent to, who counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use libp2p::PeerId;

use super::super::Events;
use super::super::counters::{Counters, bump};
use super::super::event::NetEvent;
use super::queue::{Frame, PREFIX, Queue};
use super::stream::Room;
use crate::consensus::{AuthorityId, Message};
use crate::types::{GenesisId, Keypair};

/// Streams kept that bring messages of those who are no authorities: some that are to become one, or were.
pub(super) const STRANGERS_MAX: usize = 8;

/// Who proves itself here.
#[derive(Debug, Clone)]
pub(in crate::node::net) struct Identity {
    /// The chain.
    pub(in crate::node::net) genesis: GenesisId,
    /// This machine.
    pub(in crate::node::net) peer: PeerId,
    /// The authority's key.
    pub(in crate::node::net) key: Keypair,
}

/// What the streams share with each other and with the host.
pub(in crate::node::net) struct Hub {
    counters: Arc<Counters>,
    events: Arc<Events>,
    /// The authorities of the chain; nothing while everybody counts who proves a key.
    members: ArcSwapOption<BTreeSet<AuthorityId>>,
    ways: Mutex<Ways>,
}

#[derive(Default)]
struct Ways {
    /// Streams to authorities, by address, each list in the order in which they were proved.
    out: BTreeMap<AuthorityId, Vec<Route>>,
    /// Streams from authorities.
    into: BTreeMap<u64, AuthorityId>,
    /// Streams so far.
    count: u64,
}

/// A stream to an authority.
struct Route {
    number: u64,
    peer: PeerId,
    queue: Arc<Queue>,
}

impl Hub {
    /// A hub without streams.
    pub(in crate::node::net) fn new(counters: Arc<Counters>, events: Arc<Events>) -> Self {
        let (members, ways) = (ArcSwapOption::empty(), Mutex::default());
        Self { counters, events, members, ways }
    }

    /// What counts.
    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// From now on these are the authorities.
    pub(in crate::node::net) fn set_members(&self, members: BTreeSet<AuthorityId>) {
        let same = self.members.load().as_deref() == Some(&members);
        if !same {
            self.members.store(Some(Arc::new(members)));
            self.recount(&self.ways());
        }
    }

    /// Whether this is an authority.
    pub(super) fn is_member(&self, authority: &AuthorityId) -> bool {
        self.members.load().as_deref().is_none_or(|members| members.contains(authority))
    }

    /// Queues a message for one authority.
    pub(in crate::node::net) fn send(&self, to: &AuthorityId, message: &Message) {
        let frame = framed(&message.0);
        let ways = self.ways();
        let Some(route) = ways.out.get(to).and_then(|routes| routes.last()) else {
            bump(&self.counters.authority_unsent);
            return;
        };
        self.push(route, frame);
    }

    /// Queues a message for all authorities that there is a stream to.
    pub(in crate::node::net) fn broadcast(&self, message: &Message) {
        let frame = framed(&message.0);
        let ways = self.ways();
        let members = ways.out.iter().filter(|(authority, _)| self.is_member(authority));
        for route in members.filter_map(|(_, routes)| routes.last()) {
            self.push(route, frame.clone());
        }
    }

    fn push(&self, route: &Route, frame: Frame) {
        let gone = route.queue.push(frame);
        for _ in 0..gone {
            let dropped = bump(&self.counters.authority_dropped);
            // Ever more rarely: a log must not drown with the queue.
            if dropped.is_power_of_two() {
                tracing::warn!(peer = %route.peer, dropped, "an authority takes messages too slowly: the oldest are dropped");
            }
        }
    }

    /// Queues bytes as they are for one authority.
    #[cfg(test)]
    pub(in crate::node::net) fn send_raw(&self, to: &AuthorityId, bytes: &[u8]) {
        let ways = self.ways();
        self.push(ways.out[to].last().unwrap(), bytes.into());
    }

    /// Authorities that there is a stream to.
    pub(in crate::node::net) fn connected(&self) -> Vec<AuthorityId> {
        let ways = self.ways();
        ways.out.keys().filter(|authority| self.is_member(authority)).copied().collect()
    }

    /// Takes in a stream to an authority that has proved its key.
    pub(super) fn enter(self: &Arc<Self>, to: AuthorityId, peer: PeerId) -> (Outgoing, Arc<Queue>) {
        let queue = Arc::<Queue>::default();
        let mut ways = self.ways();
        ways.count += 1;
        let number = ways.count;
        let routes = ways.out.entry(to).or_default();
        match routes.iter().find(|route| route.peer != peer) {
            Some(other) => tracing::warn!(
                authority = ?to, %peer, other = %other.peer,
                "two peers prove one authority's key: messages go to the one that proved it last"
            ),
            None if routes.is_empty() => {
                tracing::info!(authority = ?to, %peer, "authority connected")
            }
            None => {}
        }
        routes.push(Route { number, peer, queue: queue.clone() });
        self.recount(&ways);
        drop(ways);
        (Outgoing { hub: self.clone(), to, number }, queue)
    }

    /// Takes in a stream from an authority that has proved its key, unless there are too many of those that are none.
    pub(super) fn admit(self: &Arc<Self>, from: AuthorityId) -> Option<Incoming> {
        let mut ways = self.ways();
        let stranger = |authority: &AuthorityId| !self.is_member(authority);
        let strangers = ways.into.values().filter(|other| stranger(other)).count();
        if stranger(&from) && strangers >= STRANGERS_MAX {
            return None;
        }
        ways.count += 1;
        let number = ways.count;
        ways.into.insert(number, from);
        drop(ways);
        Some(Incoming { hub: self.clone(), number })
    }

    /// Hands a message to the host.
    pub(super) fn received(&self, from: AuthorityId, message: Message, room: Room) {
        (self.events)(NetEvent::Received { from, message, room });
    }

    /// Counts the authorities that there are streams to.
    fn recount(&self, ways: &Ways) {
        let members = ways.out.keys().filter(|authority| self.is_member(authority)).count();
        self.counters.authorities.store(members as u64, Ordering::Relaxed); // usize is at most 64 bits wide here
    }

    fn ways(&self) -> MutexGuard<'_, Ways> {
        // Nothing in here is left half done by a thread that panicked.
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message with its length before it.
fn framed(message: &[u8]) -> Frame {
    let length = u32::try_from(message.len()).expect("a message is far below 4 GiB");
    let mut frame = Vec::with_capacity(PREFIX + message.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

/// A stream to an authority, for as long as it lives.
pub(super) struct Outgoing {
    hub: Arc<Hub>,
    to: AuthorityId,
    number: u64,
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let mut ways = self.hub.ways();
        let Some(routes) = ways.out.get_mut(&self.to) else { return };
        routes.retain(|route| route.number != self.number);
        if routes.is_empty() {
            ways.out.remove(&self.to);
            self.hub.recount(&ways);
            tracing::info!(authority = ?self.to, "authority disconnected");
        }
    }
}

/// A stream from an authority, for as long as it lives.
pub(super) struct Incoming {
    hub: Arc<Hub>,
    number: u64,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.hub.ways().into.remove(&self.number);
    }
}
