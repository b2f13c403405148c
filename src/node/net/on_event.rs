//! What the swarm says, and what the network task makes of it.

use std::collections::VecDeque;
use std::time::Instant;

use libp2p::core::ConnectedPoint;
use libp2p::gossipsub::{self, MessageAcceptance, MessageId};
use libp2p::request_response::{self, InboundRequestId, OutboundRequestId, ResponseChannel};
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, identify, ping};

use super::address::{Place, harmless};
use super::authority::{self, Wrong};
use super::behaviour::BehaviourEvent;
use super::book::{Failure, Origin};
use super::codec::{Frame, Malformed};
use super::counters::bump;
use super::event::NetEvent;
use super::exchange;
use super::gate;
use super::names::{Topic, chain_of};
use super::peers::{Gauge, Link, Session};
use super::task::{OpenRequest, Task, clock};
use crate::replica::standing::Offence;
use crate::replica::wire::{GOSSIP_BYTES_MAX, Gossip, Request, Response};
use crate::replica::{Peer, RequestId};
use crate::types::decode;

/// Requests of one peer that may be open here.
pub(super) const REQUESTS_PER_PEER_MAX: usize = 16;

/// Requests of all peers that may be open here.
const REQUESTS_IN_MAX: usize = 256;

/// Pings in a row that may fail: a minute and a half of silence at least. Silence that the operator wants, by blocking the
/// peer, may last as long as it pleases.
const PINGS_FAILED_MAX: u32 = 6;

type SyncEvent = request_response::Event<Frame, Frame>;

impl Task {
    pub(super) fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Identify(event)) => self.on_identify(event),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => self.on_ping(event),
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.on_gossip(event),
            SwarmEvent::Behaviour(BehaviourEvent::Sync(event)) => self.on_sync(event),
            SwarmEvent::Behaviour(BehaviourEvent::Exchange(event)) => self.on_exchange(event),
            SwarmEvent::Behaviour(BehaviourEvent::Authority(event)) => self.on_authority(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_link(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed {
                peer_id, connection_id, num_established, cause, ..
            } => {
                tracing::debug!(%peer_id, ?cause, "a connection closed");
                self.on_link_closed(peer_id, connection_id, num_established);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                self.on_dial_error(connection_id, &error);
            }
            SwarmEvent::IncomingConnectionError { error, send_back_addr, .. } => {
                tracing::debug!(%send_back_addr, "a connection failed: {error}");
            }
            SwarmEvent::NewListenAddr { .. } | SwarmEvent::ExpiredListenAddr { .. } => {
                self.publish_listens();
            }
            SwarmEvent::ListenerClosed { reason, .. } => {
                tracing::error!("the listener closed: {reason:?}");
                self.publish_listens();
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!("listener: {error}"),
            _ => {}
        }
    }

    fn on_link(&mut self, peer: PeerId, id: ConnectionId, point: &ConnectedPoint) {
        self.book.answered(id, peer);
        let address = match point {
            ConnectedPoint::Dialer { address, .. } => address,
            ConnectedPoint::Listener { send_back_addr, .. } => send_back_addr,
        };
        let link = Link { id, address: address.clone(), outbound: point.is_dialer() };
        let now = Instant::now();
        let session = self.sessions.entry(peer).or_insert_with(|| Session {
            number: None,
            links: Vec::with_capacity(1),
            opened: now,
            opened_at: clock(),
            foreign_since: None,
            agent: String::new(),
            listens: Vec::new(),
            round_trip: None,
            pings_failed: 0,
            requests_open: 0,
            held: VecDeque::new(),
            asked: 0,
            gauge: Gauge::new(now),
        });
        session.links.push(link);
        self.stale |= session.number.is_some();
    }

    fn on_link_closed(&mut self, peer: PeerId, id: ConnectionId, left: u32) {
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        session.links.retain(|link| link.id != id);
        self.stale = true;
        if left > 0 {
            return;
        }
        let number = session.number;
        self.sessions.remove(&peer);
        let now = Instant::now();
        self.book.lost(&peer, number.is_none(), now);
        if let Some(number) = number {
            self.numbers.seen(&peer, now);
            tracing::info!(%peer, number = number.0, "peer disconnected");
            self.publish_peers(); // who hears of it finds the list up to date
            self.emit(NetEvent::Disconnected(number));
        }
    }

    fn on_dial_error(&mut self, connection: ConnectionId, error: &DialError) {
        let failure = match error {
            DialError::DialPeerConditionFalse(_) => return self.book.needless(connection),
            DialError::LocalPeerId { .. } => Failure::Ourselves,
            DialError::WrongPeerId { .. } => Failure::SomebodyElse,
            _ => Failure::Unreachable,
        };
        tracing::debug!("cannot connect: {error}");
        bump(&self.counters.dials_failed);
        self.book.failed(connection, failure, Instant::now());
    }

    /// Takes a peer for one of this chain. Gives its number, or nothing if it cannot stay.
    fn prove(&mut self, peer: PeerId) -> Option<Peer> {
        if self.bans.is_banned(&peer) {
            return None;
        }
        let known = self.sessions.values().filter(|session| session.number.is_some());
        let (known, outbound) = known.fold((0, 0), |(known, outbound), session| {
            (known + 1, outbound + usize::from(session.is_outbound()))
        });
        // Others cannot take the places of those that this node chose itself.
        let kept = self.outbound_target.min(self.peers_max / 2).saturating_sub(outbound);
        let session = self.sessions.get_mut(&peer)?;
        if session.number.is_some() || session.foreign_since.is_some() {
            return session.number.filter(|_| session.foreign_since.is_none());
        }
        let kept = if session.is_outbound() { 0 } else { kept };
        if known + kept >= self.peers_max {
            tracing::debug!(%peer, "turned away: {known} peers are enough");
            let _ = self.swarm.disconnect_peer_id(peer); // fails for the gone only
            return None;
        }
        let sessions = &self.sessions;
        let number =
            self.numbers.number(peer, Instant::now(), |other| sessions.contains_key(other));
        let session = self.sessions.get_mut(&peer)?;
        session.number = Some(number);
        let address = session.links.first().map(|link| link.address.to_string());
        tracing::info!(%peer, number = number.0, address, "peer connected");
        self.book.proved(&peer);
        self.publish_peers(); // who hears of it finds the list up to date
        self.emit(NetEvent::Connected(number));
        if self.free_slots() > 0 {
            self.ask(peer);
        }
        Some(number)
    }

    fn on_identify(&mut self, event: identify::Event) {
        match event {
            identify::Event::Received { peer_id: peer, info, .. } => {
                let Some(session) = self.sessions.get_mut(&peer) else { return };
                if info.protocol_version != self.names.version {
                    return self.on_foreign(peer, &info.protocol_version);
                }
                if session.number.is_some() && !session.gauge.addresses.take(1, Instant::now()) {
                    return self.over_rate(peer, "greetings");
                }
                session.agent = harmless(&info.agent_version);
                session.set_listens(peer, &info.listen_addrs);
                let listens = session.listens.clone();
                self.stale = true;
                if self.prove(peer).is_some() {
                    self.learn(listens);
                }
            }
            identify::Event::Error { peer_id, error, .. } => {
                tracing::debug!(%peer_id, "greeting failed: {error}");
            }
            identify::Event::Sent { .. } | identify::Event::Pushed { .. } => {}
        }
    }

    /// A peer turned out to be of another chain: report it. It stays a moment, so that it hears which chain this is.
    fn on_foreign(&mut self, peer: PeerId, version: &str) {
        let now = Instant::now();
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        if session.foreign_since.replace(now).is_some() {
            return;
        }
        let address = session.links.first().map(|link| link.address.clone());
        self.book.strike(&peer);
        bump(&self.counters.wrong_chain);
        if self.foreign_reports.take(1, now) {
            let (ours, theirs) = (self.genesis, harmless(chain_of(version)));
            let address = address.unwrap_or_else(Multiaddr::empty);
            tracing::debug!(%peer, %address, %ours, theirs, "turned away a node of another chain");
            self.emit(NetEvent::WrongChain { peer_id: peer.to_string(), address, ours, theirs });
        }
    }

    fn learn(&mut self, places: Vec<Place>) {
        let now = Instant::now();
        for place in places {
            self.book.add(place, Origin::Learned, now);
        }
        self.dial();
    }

    fn on_ping(&mut self, event: ping::Event) {
        let Some(session) = self.sessions.get_mut(&event.peer) else { return };
        match event.result {
            Ok(round_trip) => {
                session.round_trip = Some(round_trip);
                session.pings_failed = 0;
                self.stale |= session.number.is_some();
            }
            Err(ping::Failure::Unsupported) => {}
            Err(_) if self.links.of(&event.peer).blocked => {}
            Err(error) => {
                session.pings_failed += 1;
                if session.pings_failed >= PINGS_FAILED_MAX {
                    tracing::info!(peer = %event.peer, "silent for too long: {error}");
                    self.swarm.close_connection(event.connection);
                }
            }
        }
    }

    fn on_gossip(&mut self, event: gate::Event) {
        let event = match event {
            gate::Event::Gossip(event) => event,
            gate::Event::Over { peer, what } => return self.over_rate(peer, what),
        };
        let gossipsub::Event::Message { propagation_source, message_id, message } = event else {
            return;
        };
        let verdict = self.on_message(propagation_source, &message_id, &message);
        if let Err(acceptance) = verdict {
            self.swarm.behaviour_mut().gossip.report_message_validation_result(
                &message_id,
                &propagation_source,
                acceptance,
            );
        }
    }

    /// Hands a message to the replica, or says what becomes of it without the replica.
    fn on_message(
        &mut self,
        peer: PeerId,
        id: &MessageId,
        message: &gossipsub::Message,
    ) -> Result<(), MessageAcceptance> {
        let now = Instant::now();
        let from = self.prove(peer).ok_or(MessageAcceptance::Ignore)?;
        let topic = self.names.topic(&message.topic).ok_or(MessageAcceptance::Ignore)?;
        let length = message.data.len();
        match topic {
            Topic::Blocks => self.counters.blocks_in.count(length),
            Topic::Transactions => self.counters.transactions_in.count(length),
        }
        let gossip = read_gossip(topic, &message.data).map_err(|reason| {
            self.offended(peer, Offence::Malformed, &format!("gossip: {reason}"));
            MessageAcceptance::Reject
        })?;
        let session = self.sessions.get_mut(&peer).ok_or(MessageAcceptance::Ignore)?;
        if let Gossip::Transactions(batch) = &gossip
            && !session.gauge.transactions.take(batch.len(), now)
        {
            self.over_rate(peer, "transactions");
            return Err(MessageAcceptance::Ignore);
        }
        let Some(message) = self.waiting.enter(id.clone(), peer, topic, length, now) else {
            bump(&self.counters.gossip_shed);
            return Err(MessageAcceptance::Ignore);
        };
        self.emit(NetEvent::Gossip { from, message, gossip });
        Ok(())
    }

    fn on_sync(&mut self, event: SyncEvent) {
        match event {
            SyncEvent::Message { peer, message, .. } => match message {
                request_response::Message::Request { request_id, request, channel } => {
                    self.on_request(peer, request_id, request, channel);
                }
                request_response::Message::Response { request_id, response } => {
                    let Some((from, id)) = self.take_request(peer, &request_id) else { return };
                    let bytes = response.map_err(Fault::Frame);
                    let response = bytes.and_then(|bytes| {
                        decode::<Response>(&bytes)
                            .map_err(|error| Fault::Content(error.to_string()))
                    });
                    match response {
                        Ok(response) => self.emit(NetEvent::Response { from, id, response }),
                        Err(fault) => {
                            bump(&self.counters.requests_failed);
                            let reason = fault.to_string();
                            self.emit(NetEvent::RequestFailed { from, id, reason });
                            self.blame(peer, "answer", fault);
                        }
                    }
                }
            },
            SyncEvent::OutboundFailure { peer, request_id, error, .. } => {
                let Some((from, id)) = self.take_request(peer, &request_id) else { return };
                bump(&self.counters.requests_failed);
                // That one does not answer whom the operator blocks says nothing about it.
                let blocked = self.links.settings().blocked.contains(&peer);
                if matches!(error, request_response::OutboundFailure::Timeout) && !blocked {
                    self.offended(peer, Offence::Unanswered, Offence::Unanswered.name());
                }
                let reason = error.to_string();
                self.emit(NetEvent::RequestFailed { from, id, reason });
            }
            SyncEvent::InboundFailure { request_id, error, .. } => {
                tracing::debug!("a request went unanswered: {error}");
                self.close_request(request_id);
            }
            SyncEvent::ResponseSent { request_id, .. } => self.close_request(request_id),
        }
    }

    /// A request of ours is answered, or will not be.
    fn take_request(
        &mut self,
        peer: PeerId,
        name: &OutboundRequestId,
    ) -> Option<(Peer, RequestId)> {
        if let Some(session) = self.sessions.get_mut(&peer) {
            // A session younger than the request has not counted it.
            session.asked = session.asked.saturating_sub(1);
        }
        self.requests_out.remove(name)
    }

    fn on_request(
        &mut self,
        peer: PeerId,
        id: InboundRequestId,
        frame: Frame,
        channel: ResponseChannel<Frame>,
    ) {
        // From here on, dropping the channel tells the peer that no answer comes.
        let Some(from) = self.prove(peer) else { return };
        let bytes = match frame {
            Ok(bytes) => bytes,
            Err(malformed) => return self.blame(peer, "request", Fault::Frame(malformed)),
        };
        let request = match decode::<Request>(&bytes) {
            Ok(request) => request,
            Err(error) => return self.blame(peer, "request", Fault::Content(error.to_string())),
        };
        let now = Instant::now();
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        if session.requests_open >= REQUESTS_PER_PEER_MAX {
            bump(&self.counters.requests_refused);
            return self.over_rate(peer, "questions at once");
        }
        if self.requests_in.len() >= REQUESTS_IN_MAX {
            bump(&self.counters.requests_refused);
            return;
        }
        session.requests_open += 1;
        self.next_request += 1;
        let open = OpenRequest { peer, channel: Some(channel), bytes: 0 };
        self.requests_in.insert(self.next_request, open);
        self.request_numbers.insert(id, self.next_request);
        if !session.held.is_empty() || !session.gauge.wait(now).is_zero() {
            bump(&self.counters.requests_held);
            return session.held.push_back((self.next_request, request));
        }
        session.gauge.requests.owe(1, now);
        self.emit(NetEvent::Request { from, id: self.next_request, request });
    }

    /// A peer's request is answered, or cannot be any more.
    fn close_request(&mut self, id: InboundRequestId) {
        let Some(number) = self.request_numbers.remove(&id) else { return };
        let Some(open) = self.requests_in.remove(&number) else { return };
        self.answer_bytes -= open.bytes;
        if let Some(session) = self.sessions.get_mut(&open.peer) {
            // A session younger than the request has not counted it.
            session.requests_open = session.requests_open.saturating_sub(1);
        }
    }

    fn on_exchange(&mut self, event: SyncEvent) {
        let SyncEvent::Message { peer, message, .. } = event else { return };
        if self.prove(peer).is_none() {
            return;
        }
        let near = self.sessions.get(&peer).is_some_and(Session::is_loopback);
        match message {
            request_response::Message::Request { request, channel, .. } => match request {
                Ok(_) => {
                    let gauge = self.sessions.get_mut(&peer).map(|session| &mut session.gauge);
                    if !gauge.is_some_and(|gauge| gauge.addresses.take(1, Instant::now())) {
                        return self.over_rate(peer, "questions for addresses");
                    }
                    let known = self.sessions.iter().filter(|(_, other)| other.number.is_some());
                    let places = known.flat_map(|(id, other)| other.places(*id));
                    let answer = exchange::write(places, peer, near);
                    // It fails for the gone only.
                    let _ = self.swarm.behaviour_mut().exchange.send_response(channel, Ok(answer));
                }
                Err(malformed) => {
                    self.blame(peer, "request for addresses", Fault::Frame(malformed));
                }
            },
            request_response::Message::Response { response, .. } => {
                let bytes = response.map_err(Fault::Frame);
                match bytes.and_then(|bytes| exchange::read(&bytes, near).map_err(Fault::Content)) {
                    Ok(places) => self.learn(places),
                    Err(fault) => self.blame(peer, "list of addresses", fault),
                }
            }
        }
    }

    fn on_authority(&mut self, event: authority::Event) {
        match event.wrong {
            Wrong::Offence(offence, what) => self.offended(event.peer, offence, &what),
            Wrong::TooOften => self.over_rate(event.peer, "streams of authorities"),
        }
    }

    /// Takes points from a peer for a message that is none.
    fn blame(&mut self, peer: PeerId, what: &str, fault: Fault) {
        let offence = match fault {
            Fault::Frame(Malformed::Truncated { .. }) => Offence::CutOff,
            Fault::Frame(_) | Fault::Content(_) => Offence::Malformed,
        };
        self.offended(peer, offence, &format!("{what}: {fault}"));
    }
}

/// What is wrong with a message.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// Its frame.
    #[error(transparent)]
    Frame(Malformed),
    /// What is in the frame.
    #[error("{0}")]
    Content(String),
}

/// The message that bytes under a topic say.
fn read_gossip(topic: Topic, bytes: &[u8]) -> Result<Gossip, String> {
    if bytes.len() > GOSSIP_BYTES_MAX {
        return Err(format!("{} bytes where at most {GOSSIP_BYTES_MAX} are allowed", bytes.len()));
    }
    let gossip: Gossip = decode(bytes).map_err(|error| error.to_string())?;
    if Topic::of(&gossip) != topic {
        return Err("a message under the topic of another kind".into());
    }
    Ok(gossip)
}
