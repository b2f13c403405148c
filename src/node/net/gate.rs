//! The gate in front of gossipsub: what a peer sends is counted before anything is made of it.
//!
//! Gossipsub drops a message that it has seen before without a word, keeps whatever ids a peer says it does not want, and
//! compares them with everything it is about to send. All of that costs something, and none of it reaches the network
//! task. So a peer's gossip passes here first, as it comes off the wire, and is dropped whole while the peer is over
//! one of its [rates](super::rates).

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::task::{Context, Poll};
use std::time::Instant;

use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::gossipsub::TopicHash;
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionId, FromSwarm, NetworkBehaviour, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{PeerId, gossipsub};

use super::gossip;
use super::rates::{
    ANNOUNCEMENTS, Allowance, GOSSIP_BYTES, GOSSIP_CONTROL_BYTES, GOSSIP_MESSAGES, OnceASecond,
};

/// What gossipsub's part of a connection tells its behaviour.
type FromHandler =
    <<gossip::Behaviour as NetworkBehaviour>::ConnectionHandler as ConnectionHandler>::ToBehaviour;

/// What the gate says.
#[derive(Debug)]
pub(super) enum Event {
    /// Gossipsub says something.
    Gossip(gossipsub::Event),
    /// A peer is over one of its rates. Said once a second for as long as it is.
    Over {
        /// Who.
        peer: PeerId,
        /// Which.
        what: &'static str,
    },
}

/// What a peer may still send.
#[derive(Debug)]
struct Gauge {
    messages: Allowance,
    bytes: Allowance,
    control_bytes: Allowance,
    announcements: Allowance,
    told: OnceASecond,
}

impl Gauge {
    fn new(now: Instant) -> Self {
        Self {
            messages: Allowance::new(GOSSIP_MESSAGES, now),
            bytes: Allowance::new(GOSSIP_BYTES, now),
            control_bytes: Allowance::new(GOSSIP_CONTROL_BYTES, now),
            announcements: Allowance::new(ANNOUNCEMENTS, now),
            told: OnceASecond::default(),
        }
    }

    /// Takes what a peer sent from its allowances. Says what it has too little of.
    fn take(&mut self, sent: Sent, now: Instant) -> Result<(), &'static str> {
        let Sent { messages, bytes, control_bytes, announcements } = sent;
        // The narrowest first, so that it is the one that is named.
        let checks = [
            (&mut self.announcements, announcements, "announcements"),
            (&mut self.messages, messages, "gossip messages"),
            (&mut self.bytes, bytes, "bytes of gossip"),
            (&mut self.control_bytes, control_bytes, "bytes about gossip"),
        ];
        for (allowance, amount, what) in checks {
            if !allowance.take(amount, now) {
                return Err(what);
            }
        }
        Ok(())
    }
}

/// What came off the wire at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sent {
    messages: usize,
    bytes: usize,
    control_bytes: usize,
    announcements: usize,
}

/// Gossipsub behind the gate. Reads like gossipsub itself.
pub(super) struct Gate {
    gossip: gossip::Behaviour,
    blocks: TopicHash,
    gauges: BTreeMap<PeerId, Gauge>,
    over: Option<Event>,
}

impl Gate {
    /// Puts a gate in front of gossipsub. `blocks` is the topic of announcements.
    pub(super) fn new(gossip: gossip::Behaviour, blocks: TopicHash) -> Self {
        Self { gossip, blocks, gauges: BTreeMap::new(), over: None }
    }

    /// Whether this may pass.
    fn passes(&mut self, peer: PeerId, event: &FromHandler, now: Instant) -> bool {
        let FromHandler::Message { rpc, invalid_messages } = event else { return true };
        let mut sent = Sent::default();
        let invalid = invalid_messages.iter().map(|(message, _)| message);
        for message in rpc.messages.iter().chain(invalid) {
            sent.messages += 1;
            sent.bytes += message.data.len();
            sent.announcements += usize::from(message.topic == self.blocks);
        }
        sent.control_bytes = size(&rpc.control_msgs) + size(&rpc.subscriptions);
        let gauge = self.gauges.entry(peer).or_insert_with(|| Gauge::new(now));
        let Err(what) = gauge.take(sent, now) else { return true };
        if gauge.told.now(now) {
            self.over = Some(Event::Over { peer, what });
        }
        false
    }
}

/// The bytes of something that does not tell its size, but hashes every byte of it.
fn size(what: &impl Hash) -> usize {
    let mut counter = Counter(0);
    what.hash(&mut counter);
    counter.0
}

/// Counts what it is to hash.
struct Counter(usize);

impl Hasher for Counter {
    fn write(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn finish(&self) -> u64 {
        self.0 as u64 // usize is at most 64 bits wide here
    }
}

impl Deref for Gate {
    type Target = gossip::Behaviour;

    fn deref(&self) -> &Self::Target {
        &self.gossip
    }
}

impl DerefMut for Gate {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.gossip
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = <gossip::Behaviour as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = Event;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.gossip.handle_pending_inbound_connection(id, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.gossip.handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.gossip.handle_pending_outbound_connection(id, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.gossip.handle_established_outbound_connection(id, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ConnectionClosed(closed) = &event
            && closed.remaining_established == 0
        {
            self.gauges.remove(&closed.peer_id);
        }
        self.gossip.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        if self.passes(peer, &event, Instant::now()) {
            self.gossip.on_connection_handler_event(peer, id, event);
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        // The swarm polls its behaviours after each event of a connection, so one place is enough.
        if let Some(over) = self.over.take() {
            return Poll::Ready(ToSwarm::GenerateEvent(over));
        }
        self.gossip.poll(cx).map(|event| event.map_out(Event::Gossip))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_rate_holds_for_itself() {
        let start = Instant::now();
        let bursts = [
            ("gossip messages", Sent { messages: 20_000, ..Sent::default() }),
            ("bytes of gossip", Sent { bytes: 32 << 20, ..Sent::default() }),
            ("bytes about gossip", Sent { control_bytes: 4 << 20, ..Sent::default() }),
            ("announcements", Sent { announcements: 5_000, ..Sent::default() }),
        ];
        let mut gauge = Gauge::new(start);
        for (what, burst) in bursts {
            assert_eq!(gauge.take(burst, start), Ok(()), "{what}");
            assert_eq!(gauge.take(burst, start), Err(what));
        }
        let later = start + Duration::from_secs(60);
        for (what, burst) in bursts {
            assert_eq!(gauge.take(burst, later), Ok(()), "{what}");
        }
    }

    #[test]
    fn sizes_count_every_byte() {
        assert_eq!(size(&[1u8, 2, 3]), size(&[0u8; 3]));
        let id = |length: usize| gossipsub::MessageId::new(&vec![7; length]);
        let many = |length| vec![id(length); 10];
        assert_eq!(size(&many(100_000)) - size(&many(0)), 1_000_000);
    }
}
