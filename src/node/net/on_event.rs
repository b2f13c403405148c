//! What the swarm says, and what the network task makes of it.

use std::time::{Duration, Instant};

use libp2p::core::ConnectedPoint;
use libp2p::gossipsub::{self, MessageAcceptance, MessageId};
use libp2p::request_response::{self, InboundRequestId, ResponseChannel};
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, identify, ping};

use super::address::{Place, harmless};
use super::behaviour::BehaviourEvent;
use super::book::{Failure, Origin};
use super::codec::{Frame, Malformed};
use super::counters::bump;
use super::event::NetEvent;
use super::exchange;
use super::names::{Topic, chain_of};
use super::peers::{Allowance, Link, Session};
use super::task::{OpenRequest, Task, clock};
use crate::replica::Peer;
use crate::replica::wire::{GOSSIP_BYTES_MAX, Gossip, Request, Response};
use crate::types::decode;

/// Requests of one peer that may be open here.
const REQUESTS_PER_PEER_MAX: usize = 16;

/// Requests of all peers that may be open here.
const REQUESTS_IN_MAX: usize = 256;

/// Messages of one peer that may be cut off before it goes.
const CUT_OFF_MAX: u32 = 3;

/// How long after the last one they are forgotten.
const CUT_OFF_FORGOTTEN: Duration = Duration::from_secs(10 * 60);

/// Pings in a row that may fail: a minute and a half of silence at least. Silence that the operator wants, by blocking the
/// peer, may last as long as it pleases.
const PINGS_FAILED_MAX: u32 = 6;

/// Gossip messages a peer may send at once, and per second from then on: a hundred times what a busy net needs.
const GOSSIP_BURST: u32 = 20_000;
const GOSSIP_PER_SECOND: u32 = 2_000;

type SyncEvent = request_response::Event<Frame, Frame>;

impl Task {
    pub(super) fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Identify(event)) => self.on_identify(event),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => self.on_ping(event),
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.on_gossip(event),
            SwarmEvent::Behaviour(BehaviourEvent::Sync(event)) => self.on_sync(event),
            SwarmEvent::Behaviour(BehaviourEvent::Exchange(event)) => self.on_exchange(event),
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
            cut_off: (0, now),
            gossip_left: Allowance::new(GOSSIP_BURST, GOSSIP_PER_SECOND, now),
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
        let known = self.sessions.values().filter(|session| session.number.is_some()).count();
        let session = self.sessions.get_mut(&peer)?;
        if session.number.is_some() || session.foreign_since.is_some() {
            return session.number.filter(|_| session.foreign_since.is_none());
        }
        if known >= self.peers_max {
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
        if self.foreign_reports.take(now) {
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

    fn on_gossip(&mut self, event: gossipsub::Event) {
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
        let session = self.sessions.get_mut(&peer).ok_or(MessageAcceptance::Ignore)?;
        if !session.gossip_left.take(now) {
            self.ban(peer, format!("over {GOSSIP_PER_SECOND} gossip messages a second"));
            return Err(MessageAcceptance::Ignore);
        }
        let gossip = read_gossip(topic, &message.data).map_err(|reason| {
            self.ban(peer, format!("gossip: {reason}"));
            MessageAcceptance::Reject
        })?;
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
                    let Some((from, id)) = self.requests_out.remove(&request_id) else { return };
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
            SyncEvent::OutboundFailure { request_id, error, .. } => {
                let Some((from, id)) = self.requests_out.remove(&request_id) else { return };
                bump(&self.counters.requests_failed);
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
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        if session.requests_open >= REQUESTS_PER_PEER_MAX
            || self.requests_in.len() >= REQUESTS_IN_MAX
        {
            bump(&self.counters.requests_refused);
            return;
        }
        session.requests_open += 1;
        self.next_request += 1;
        let open = OpenRequest { peer, channel: Some(channel), bytes: 0 };
        self.requests_in.insert(self.next_request, open);
        self.request_numbers.insert(id, self.next_request);
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

    /// Bans a peer for what no honest one does; being cut off counts only the third time.
    fn blame(&mut self, peer: PeerId, what: &str, fault: Fault) {
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        if let Fault::Frame(Malformed::Truncated { .. }) = fault {
            let now = Instant::now();
            let (times, last) = session.cut_off;
            let times = if now.duration_since(last) > CUT_OFF_FORGOTTEN { 1 } else { times + 1 };
            session.cut_off = (times, now);
            if times < CUT_OFF_MAX {
                tracing::debug!(%peer, "{what}: {fault}");
                return;
            }
        }
        self.ban(peer, format!("{what}: {fault}"));
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
