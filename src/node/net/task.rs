//! The network task: owns the swarm, carries out orders, keeps connections.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::StreamExt;
use libp2p::gossipsub::{MessageAcceptance, PublishError};
use libp2p::request_response::{InboundRequestId, OutboundRequestId, ResponseChannel};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{self, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::address::{Place, multiaddr, with_peer};
use super::authority::Hub;
use super::bans::Bans;
use super::behaviour::Behaviour;
use super::book::{Book, Failure, Origin};
use super::codec::Frame;
use super::config::{NetConfig, NetError};
use super::counters::{Counters, bump};
use super::event::{Command, NetEvent, PeerInfo};
use super::names::{Names, Topic};
use super::peers::{Numbers, Session};
use super::rates::{Allowance, Rate};
use super::scores::Scores;
use super::shape::Links;
use super::waiting::WaitingRoom;
use super::{Events, Shared, key, transport};
use crate::replica::standing::{Offence, Sentence};
use crate::replica::wire::{GOSSIP_BYTES_MAX, Gossip, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX};
use crate::replica::wire::{Request, Response};
use crate::replica::{GossipVerdict, Peer, RequestId};
use crate::types::{GenesisId, Time, encode};

/// Time between two looks at what is overdue.
const TICK: Duration = Duration::from_millis(500);

/// How long a peer may leave open which chain it is of.
const GREETING_MAX: Duration = Duration::from_secs(10);

/// How long a peer of another chain is kept so that it hears which chain this is.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// Time between two questions for addresses, while there are too few connections.
const ASK_EVERY: Duration = Duration::from_secs(30);

/// Requests of ours without an answer.
const REQUESTS_OUT_MAX: usize = 1024;

/// Bytes of answers in transit to peers.
const ANSWER_BYTES_MAX: usize = 128 << 20;

/// Reports of foreign chains in the log, of all peers together.
const FOREIGN_REPORTS: Rate = Rate { per_second: 1, burst: 10 };

/// Requests of ours that one peer has not answered. It lets us leave a few more open, and hears later than we that one
/// of them is closed.
const REQUESTS_OUT_PER_PEER_MAX: usize = 12;

/// Connections never close for being quiet. (A year: more overflows some clocks.)
const IDLE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A request of a peer.
pub(super) struct OpenRequest {
    pub(super) peer: PeerId,
    /// Where the answer goes; gone once it went.
    pub(super) channel: Option<ResponseChannel<Frame>>,
    /// Bytes of the answer.
    pub(super) bytes: usize,
}

/// Everything about the network.
pub(super) struct Task {
    pub(super) genesis: GenesisId,
    pub(super) names: Names,
    pub(super) local: PeerId,
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) shared: Arc<Shared>,
    pub(super) counters: Arc<Counters>,
    pub(super) links: Arc<Links>,
    pub(super) peers_max: usize,
    pub(super) outbound_target: usize,
    pub(super) sessions: BTreeMap<PeerId, Session>,
    pub(super) numbers: Numbers,
    pub(super) book: Book,
    pub(super) bans: Bans,
    pub(super) scores: Scores,
    pub(super) waiting: WaitingRoom,
    /// Requests of peers, by our number for them.
    pub(super) requests_in: BTreeMap<RequestId, OpenRequest>,
    pub(super) request_numbers: BTreeMap<InboundRequestId, RequestId>,
    pub(super) next_request: RequestId,
    pub(super) answer_bytes: usize,
    /// Requests of ours, by libp2p's name for them.
    pub(super) requests_out: BTreeMap<OutboundRequestId, (Peer, RequestId)>,
    pub(super) foreign_reports: Allowance,
    pub(super) asked: Instant,
    /// Whether the published list of peers is out of date.
    pub(super) stale: bool,
}

impl Task {
    /// Reads the key, listens, and waits until the listen address is known.
    pub(super) async fn new(
        config: NetConfig,
        events: Events,
    ) -> Result<(Self, Arc<Shared>), NetError> {
        let names = Names::new(&config.genesis)?;
        let listen = Place::parse(&config.listen)
            .ok_or_else(|| NetError::Address { address: config.listen.clone() })?;
        let key = key::load_or_create(&config.key_file)?;
        let local = key.public().to_peer_id();
        let now = Instant::now();
        let mut book = Book::new(local);
        for address in &config.bootnodes {
            let place = Place::dialable(address)
                .ok_or_else(|| NetError::Address { address: address.clone() })?;
            book.add(place, Origin::Bootnode, now);
        }
        let counters = Arc::new(Counters::default());
        let links = Arc::new(Links::new(local, config.links.clone()));
        let transport = transport::build(&key, counters.clone(), links.clone())?;
        let events = Arc::new(events);
        let hub = Arc::new(Hub::new(counters.clone(), events.clone()));
        let behaviour = Behaviour::new(&config, &names, &key, &counters, &hub)?;
        let settings = swarm::Config::with_tokio_executor().with_idle_connection_timeout(IDLE_MAX);
        let mut swarm = Swarm::new(transport, behaviour, local, settings);
        open(&mut swarm, multiaddr(listen.socket), listen).await?;
        let shared = Arc::new(Shared {
            peer_id: local.to_string(),
            listens: Default::default(),
            peers: Default::default(),
            counters: counters.clone(),
            links: links.clone(),
            hub,
            events,
        });
        let task = Self {
            genesis: config.genesis,
            names,
            local,
            swarm,
            shared: shared.clone(),
            counters,
            links,
            peers_max: config.peers_max,
            outbound_target: config.outbound_target,
            sessions: BTreeMap::new(),
            numbers: Numbers::default(),
            book,
            bans: Bans::default(),
            scores: Scores::new(now),
            waiting: WaitingRoom::default(),
            requests_in: BTreeMap::new(),
            request_numbers: BTreeMap::new(),
            next_request: 0,
            answer_bytes: 0,
            requests_out: BTreeMap::new(),
            foreign_reports: Allowance::new(FOREIGN_REPORTS, now),
            asked: now,
            stale: false,
        };
        task.publish_listens();
        Ok((task, shared))
    }

    /// Runs until told to stop, or until nobody could tell.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut stopped: oneshot::Receiver<()>,
    ) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let held = self.next_held();
            let release = tokio::time::sleep(held.unwrap_or(TICK));
            tokio::select! {
                _ = &mut stopped => break,
                _ = release, if held.is_some() => self.release_held(),
                event = self.swarm.select_next_some() => self.on_event(event),
                Some(command) = commands.recv() => self.on_command(command),
                _ = tick.tick() => self.on_tick(),
            }
            if std::mem::take(&mut self.stale) {
                self.publish_peers();
            }
        }
        self.shared.peers.store(Arc::default());
        self.shared.listens.store(Arc::default());
    }

    pub(super) fn emit(&self, event: NetEvent) {
        (self.shared.events)(event);
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Publish(gossip) => self.publish(&gossip),
            Command::Request { to, id, request } => {
                if let Err(reason) = self.request(to, id, &request) {
                    bump(&self.counters.requests_failed);
                    self.emit(NetEvent::RequestFailed { from: to, id, reason });
                }
            }
            Command::Respond { to, id, response } => self.respond(to, id, &response),
            Command::Verdict { message, verdict } => self.verdict(message, verdict),
            Command::Ban { peer, reason } => {
                if let Some(peer_id) = self.numbers.peer(peer) {
                    self.ban(peer_id, reason);
                }
            }
            Command::Blame { peer, offence } => {
                if let Some(peer_id) = self.numbers.peer(peer) {
                    self.offended(peer_id, offence, offence.name());
                }
            }
            Command::Connect(address) => {
                let place = Place::dialable(&address)
                    .filter(|place| self.book.add(*place, Origin::Wanted, Instant::now()));
                match place {
                    Some(_) => self.dial(),
                    None => tracing::warn!("no room in the address book for {address}"),
                }
            }
            Command::Unblocked(peers) => {
                let now = Instant::now();
                for peer in peers {
                    if let Some(session) = self.sessions.get_mut(&peer) {
                        session.pings_failed = 0;
                    }
                    self.book.hurry(&peer, now);
                }
                self.dial();
            }
        }
    }

    fn publish(&mut self, gossip: &Gossip) {
        let (topic, bytes) = (Topic::of(gossip), encode(gossip));
        let length = bytes.len();
        if length > GOSSIP_BYTES_MAX {
            tracing::error!("a gossip message of {length} bytes is over {GOSSIP_BYTES_MAX}");
            return;
        }
        match self.swarm.behaviour_mut().gossip.publish(self.names.hash(topic), bytes) {
            Ok(_) => {
                let flow = match topic {
                    Topic::Blocks => &self.counters.blocks_out,
                    Topic::Transactions => &self.counters.transactions_out,
                };
                flow.count(length);
            }
            // Alone, or everybody has it, or everybody's queue is full: gossip is the fast path, never the only one.
            Err(
                PublishError::NoPeersSubscribedToTopic
                | PublishError::Duplicate
                | PublishError::AllQueuesFull(_),
            ) => {}
            Err(error) => tracing::error!("cannot publish {length} bytes: {error}"),
        }
    }

    fn request(&mut self, to: Peer, id: RequestId, request: &Request) -> Result<(), String> {
        let peer = self.numbers.peer(to);
        let session =
            |peer: &PeerId| self.sessions.get(peer).is_some_and(|it| it.number == Some(to));
        let peer = peer.filter(session).ok_or("not connected")?;
        if self.requests_out.len() >= REQUESTS_OUT_MAX {
            return Err(format!("{REQUESTS_OUT_MAX} requests are already waiting"));
        }
        let asked = self.sessions.get(&peer).map_or(0, |session| session.asked);
        if asked >= REQUESTS_OUT_PER_PEER_MAX {
            return Err(format!("{REQUESTS_OUT_PER_PEER_MAX} requests already wait for this peer"));
        }
        let bytes = encode(request);
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(format!("{} bytes are over {REQUEST_BYTES_MAX}", bytes.len()));
        }
        let name = self.swarm.behaviour_mut().sync.send_request(&peer, Ok(bytes));
        self.requests_out.insert(name, (to, id));
        if let Some(session) = self.sessions.get_mut(&peer) {
            session.asked += 1;
        }
        Ok(())
    }

    fn respond(&mut self, to: Peer, id: RequestId, response: &Response) {
        let Some(open) = self.requests_in.get_mut(&id) else { return };
        if self.numbers.peer(to) != Some(open.peer) {
            return;
        }
        let Some(channel) = open.channel.take() else { return };
        let bytes = encode(response);
        if bytes.len() > RESPONSE_BYTES_MAX {
            tracing::error!("an answer of {} bytes is over {RESPONSE_BYTES_MAX}", bytes.len());
            return;
        }
        if self.answer_bytes + bytes.len() > ANSWER_BYTES_MAX {
            bump(&self.counters.requests_refused);
            return; // dropping the channel tells the peer
        }
        open.bytes = bytes.len();
        self.answer_bytes += bytes.len();
        if let Some(session) = self.sessions.get_mut(&open.peer) {
            session.gauge.answer_bytes.owe(bytes.len(), Instant::now());
        }
        // Whether it goes or not, an event closes the request.
        let _ = self.swarm.behaviour_mut().sync.send_response(channel, Ok(bytes));
    }

    fn verdict(&mut self, message: u64, verdict: GossipVerdict) {
        let Some(waiting) = self.waiting.leave(message) else { return };
        let acceptance = match verdict {
            GossipVerdict::Accept => MessageAcceptance::Accept,
            GossipVerdict::Ignore => MessageAcceptance::Ignore,
            GossipVerdict::Reject => MessageAcceptance::Reject,
        };
        self.swarm.behaviour_mut().gossip.report_message_validation_result(
            &waiting.id,
            &waiting.source,
            acceptance,
        );
    }

    /// How long until a request that is held may go on, if one is.
    fn next_held(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let holding = self.sessions.values_mut().filter(|session| !session.held.is_empty());
        holding.map(|session| session.gauge.wait(now)).min()
    }

    /// Hands requests to the replica that were held until their peers may ask again.
    fn release_held(&mut self) {
        let now = Instant::now();
        let mut released = Vec::new();
        for session in self.sessions.values_mut() {
            let Some(from) = session.number else { continue };
            while !session.held.is_empty() && session.gauge.wait(now).is_zero() {
                session.gauge.requests.owe(1, now);
                released.extend(session.held.pop_front().map(|(id, request)| (from, id, request)));
            }
        }
        for (from, id, request) in released {
            // Whoever asked may have given up.
            if self.requests_in.contains_key(&id) {
                self.emit(NetEvent::Request { from, id, request });
            }
        }
    }

    /// Takes points from a peer, and acts on its score.
    pub(super) fn offended(&mut self, peer: PeerId, offence: Offence, what: &str) {
        if self.bans.is_banned(&peer) {
            return;
        }
        self.stale = true;
        match self.scores.offend(peer, offence, Instant::now()) {
            Sentence::Stay => tracing::debug!(%peer, "{}: {what}", offence.name()),
            Sentence::Disconnect => {
                tracing::info!(%peer, "disconnecting: {what}");
                let _ = self.swarm.disconnect_peer_id(peer); // fails for the gone only
            }
            Sentence::Ban => self.ban(peer, what.to_owned()),
        }
    }

    /// Notes that a peer is over one of its rates, once a second.
    pub(super) fn over_rate(&mut self, peer: PeerId, what: &str) {
        let told = self.sessions.get_mut(&peer).map(|session| &mut session.gauge.told);
        if told.is_some_and(|told| told.now(Instant::now())) {
            bump(&self.counters.over_rate);
            self.offended(peer, Offence::OverRate, &format!("too many {what}"));
        }
    }

    /// Throws a peer out.
    pub(super) fn ban(&mut self, peer: PeerId, reason: String) {
        if self.bans.is_banned(&peer) {
            return;
        }
        let (length, forgotten) = self.bans.ban(peer, Instant::now());
        let behaviour = self.swarm.behaviour_mut();
        if let Some(forgotten) = forgotten {
            behaviour.blocked.unblock_peer(forgotten);
        }
        behaviour.blocked.block_peer(peer);
        self.book.strike(&peer);
        bump(&self.counters.bans);
        let number = self.sessions.get(&peer).and_then(|session| session.number);
        tracing::debug!(%peer, "banned for {} s: {reason}", length.as_secs());
        self.emit(NetEvent::Banned {
            peer: number,
            peer_id: peer.to_string(),
            reason,
            seconds: length.as_secs(),
        });
    }

    fn on_tick(&mut self) {
        let now = Instant::now();
        self.stale |= self.scores.forgive(now);
        for peer in self.bans.lift(now) {
            self.swarm.behaviour_mut().blocked.unblock_peer(peer);
        }
        while let Some(waiting) = self.waiting.expire(now) {
            bump(&self.counters.gossip_expired);
            self.swarm.behaviour_mut().gossip.report_message_validation_result(
                &waiting.id,
                &waiting.source,
                MessageAcceptance::Ignore,
            );
        }
        let overdue = |session: &Session| match session.foreign_since {
            Some(since) => now.duration_since(since) > FAREWELL_MAX,
            None => session.number.is_none() && now.duration_since(session.opened) > GREETING_MAX,
        };
        let overdue: Vec<PeerId> = self
            .sessions
            .iter()
            .filter(|(_, session)| overdue(session))
            .map(|(peer, _)| *peer)
            .collect();
        for peer in overdue {
            let _ = self.swarm.disconnect_peer_id(peer); // fails for the gone only
        }
        if now.duration_since(self.asked) > ASK_EVERY && self.free_slots() > 0 {
            self.asked = now;
            let known: Vec<PeerId> = self
                .sessions
                .iter()
                .filter(|(_, session)| session.number.is_some())
                .map(|(peer, _)| *peer)
                .collect();
            known.into_iter().for_each(|peer| self.ask(peer));
        }
        self.dial();
    }

    /// Outbound connections that are still to be made.
    pub(super) fn free_slots(&self) -> usize {
        let outbound = self.sessions.values().filter(|session| session.is_outbound()).count();
        self.outbound_target.saturating_sub(outbound + self.book.dialing())
    }

    /// Asks a peer for addresses.
    pub(super) fn ask(&mut self, peer: PeerId) {
        if self.swarm.is_connected(&peer) {
            self.swarm.behaviour_mut().exchange.send_request(&peer, Ok(Vec::new()));
        }
    }

    /// Knocks wherever it is time to.
    pub(super) fn dial(&mut self) {
        let now = Instant::now();
        // Whoever has not proved to be of this chain, and knocked by itself, takes no place that is kept for others.
        let counts = |session: &&Session| session.number.is_some() || session.is_outbound();
        let taken = self.sessions.values().filter(counts).count() + self.book.dialing();
        let room = self.peers_max.saturating_sub(taken);
        let (sessions, bans) = (&self.sessions, &self.bans);
        // To call the blocked would be in vain: it ends in silence.
        let blocked = self.links.settings().blocked;
        let busy = |peer: &PeerId| {
            sessions.contains_key(peer) || bans.is_banned(peer) || blocked.contains(peer)
        };
        let due = self.book.due(now, self.free_slots(), busy);
        for place in due.into_iter().take(room) {
            let address = multiaddr(place.socket);
            // A port of its own: two nodes that dialled from their listening ports could meet in mid-air.
            let options = match place.peer {
                Some(peer) => DialOpts::peer_id(peer)
                    .condition(PeerCondition::DisconnectedAndNotDialing)
                    .addresses(vec![address])
                    .allocate_new_port()
                    .build(),
                None => DialOpts::unknown_peer_id().address(address).allocate_new_port().build(),
            };
            let connection = options.connection_id();
            self.book.began(&place.socket, connection);
            if let Err(error) = self.swarm.dial(options) {
                tracing::debug!("cannot dial {}: {error}", place.socket);
                self.book.failed(connection, Failure::Unreachable, now);
            }
        }
    }

    pub(super) fn publish_listens(&self) {
        let places = self.swarm.listeners().filter_map(Place::dialable);
        let addresses = places.map(|place| with_peer(place.socket, self.local)).collect();
        self.shared.listens.store(Arc::new(addresses));
    }

    pub(super) fn publish_peers(&self) {
        let now = Instant::now();
        let known = self.sessions.iter().filter_map(|(peer_id, session)| {
            let (peer, link) = (session.number?, session.links.first()?);
            Some(PeerInfo {
                peer,
                peer_id: peer_id.to_string(),
                address: link.address.clone(),
                outbound: link.outbound,
                agent: session.agent.clone(),
                connected_at: session.opened_at,
                round_trip_ms: session.round_trip.map(|it| it.as_secs_f64() * 1000.0),
                score: self.scores.score(peer_id, now),
            })
        });
        let mut peers: Vec<_> = known.collect();
        peers.sort_by_key(|info| info.peer);
        self.shared.peers.store(Arc::new(peers));
    }
}

/// Listens, and waits until the system says where.
async fn open(
    swarm: &mut Swarm<Behaviour>,
    address: Multiaddr,
    place: Place,
) -> Result<(), NetError> {
    let refuse = |reason: String| NetError::Bind { address: address.clone(), reason };
    // libp2p shares its port with whoever asks (SO_REUSEPORT), so two nodes on one port would both seem to listen.
    // A socket that does not share finds out.
    drop(TcpListener::bind(place.socket).map_err(|error| refuse(error.to_string()))?);
    swarm.listen_on(address.clone()).map_err(|error| refuse(error.to_string()))?;
    let known = async {
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { .. } => return Ok(()),
                SwarmEvent::ListenerClosed { reason: Err(error), .. }
                | SwarmEvent::ListenerError { error, .. } => return Err(error.to_string()),
                _ => {}
            }
        }
    };
    match tokio::time::timeout(Duration::from_secs(5), known).await {
        Ok(known) => known.map_err(refuse),
        Err(_) => Err(refuse("the system names no address to listen on".into())),
    }
}

/// The time on the clock.
pub(super) fn clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
