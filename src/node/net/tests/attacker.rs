//! A peer that speaks the protocols of a node and means harm: it sends bytes as they are given, as often as it likes.
//!
//! This file knows libp2p only, so that the flood bench can include it as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fmt, io};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity, MessageId, ValidationMode};
use libp2p::multiaddr::Protocol;
use libp2p::request_response::{self, Message, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, identify, noise, tcp, yamux};

/// No attack waits longer for anything. Far above what a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an attacker writes.
#[derive(Clone)]
pub(crate) enum Raw {
    /// These bytes, with no length before them.
    Once(Vec<u8>),
    /// The bytes that this gives for one number after the other, until the stream is closed.
    Endless(Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>),
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Endless(_) => f.write_str("bytes without end"),
        }
    }
}

/// Writes what it is given, and reads whatever comes.
#[derive(Clone, Default)]
pub(crate) struct RawCodec;

async fn read_all<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

impl request_response::Codec for RawCodec {
    type Protocol = StreamProtocol;
    type Request = Raw;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Raw> {
        read_all(io).await.map(Raw::Once)
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        read_all(io).await
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        raw: Raw,
    ) -> io::Result<()> {
        let make = match raw {
            Raw::Once(bytes) => return io.write_all(&bytes).await,
            Raw::Endless(make) => make,
        };
        for number in 0.. {
            io.write_all(&make(number)).await?;
        }
        Ok(())
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        io.write_all(&bytes).await
    }
}

#[derive(NetworkBehaviour)]
pub(crate) struct Protocols {
    pub(crate) identify: identify::Behaviour,
    pub(crate) gossip: gossipsub::Behaviour,
    pub(crate) sync: request_response::Behaviour<RawCodec>,
    pub(crate) exchange: request_response::Behaviour<RawCodec>,
    /// The streams of authorities.
    pub(crate) authority: request_response::Behaviour<RawCodec>,
    /// Gossipsub's protocol without gossipsub: see [`rpc`].
    pub(crate) wire: request_response::Behaviour<RawCodec>,
}

/// What an attacker does when it gets the chance.
#[derive(Clone, Default)]
pub(crate) struct Plan {
    /// Publishes this.
    pub(crate) gossip: Option<(IdentTopic, Vec<u8>)>,
    /// Answers every request with this.
    pub(crate) answer: Vec<u8>,
    /// Answers every question for addresses with this.
    pub(crate) places: Option<Vec<u8>>,
}

/// What happened to the connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Greeted,
    Closed,
    /// A request of ours was answered, or will not be.
    Answered,
    Other,
}

pub(crate) struct Attacker {
    pub(crate) swarm: Swarm<Protocols>,
    pub(crate) node: PeerId,
    address: Multiaddr,
    plan: Plan,
}

/// Gives each message another name, so that the attacker's own gossipsub lets repetitions pass.
fn another_name(_: &gossipsub::Message) -> MessageId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    MessageId::new(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes())
}

impl Attacker {
    /// A new peer, connected to a node as one of its chain.
    pub(crate) async fn connect(address: Multiaddr, genesis: &str, plan: Plan) -> Self {
        let config = gossipsub::ConfigBuilder::default()
            .validation_mode(ValidationMode::Anonymous)
            .max_transmit_size(8 << 20)
            .message_id_fn(another_name)
            .build()
            .unwrap();
        let mut gossip = gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, config).unwrap();
        for topic in ["blocks", "transactions"] {
            let topic = IdentTopic::new(format!("assay/{genesis}/{topic}"));
            gossip.subscribe(&topic).unwrap();
        }
        let raw = |protocol: String, support| {
            let protocol = StreamProtocol::try_from_owned(protocol).unwrap();
            let settings = request_response::Config::default()
                .with_max_concurrent_streams(1000)
                .with_request_timeout(10 * PATIENCE);
            request_response::Behaviour::new([(protocol, support)], settings)
        };
        let Some(Protocol::P2p(node)) = address.iter().last() else {
            panic!("{address} of nobody")
        };
        let full = ProtocolSupport::Full;
        let mut attacker = Self {
            swarm: SwarmBuilder::with_new_identity()
                .with_tokio()
                .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
                .unwrap()
                .with_behaviour(|key| {
                    let greeting = identify::Config::new(format!("assay/{genesis}"), key.public());
                    Protocols {
                        identify: identify::Behaviour::new(greeting),
                        gossip,
                        sync: raw(format!("/assay/{genesis}/sync/1"), full.clone()),
                        exchange: raw(format!("/assay/{genesis}/peers/1"), full.clone()),
                        authority: raw(format!("/assay/{genesis}/authority/1"), full),
                        wire: raw("/meshsub/1.1.0".into(), ProtocolSupport::Outbound),
                    }
                })
                .unwrap()
                .build(),
            node,
            address,
            plan,
        };
        attacker.swarm.dial(attacker.address.clone()).unwrap();
        // Harm done early may leave no time for a greeting.
        let greeted =
            async { while !matches!(attacker.step().await, Step::Greeted | Step::Closed) {} };
        tokio::time::timeout(PATIENCE, greeted).await.expect("to connect");
        attacker
    }

    /// Waits for the next event and does what is planned for it. Says what happened to the connection.
    pub(crate) async fn step(&mut self) -> Step {
        match self.swarm.select_next_some().await {
            SwarmEvent::Behaviour(event) => self.on_protocol(event),
            SwarmEvent::ConnectionClosed { .. } | SwarmEvent::OutgoingConnectionError { .. } => {
                Step::Closed
            }
            _ => Step::Other,
        }
    }

    fn on_protocol(&mut self, event: ProtocolsEvent) -> Step {
        use request_response::Event;
        let protocols = self.swarm.behaviour_mut();
        let answer =
            |behaviour: &mut request_response::Behaviour<RawCodec>, event, bytes| match event {
                Event::Message { message: Message::Request { channel, .. }, .. } => {
                    let _ = behaviour.send_response(channel, bytes); // it may be closed by now
                    Step::Other
                }
                Event::Message { .. } | Event::OutboundFailure { .. } => Step::Answered,
                _ => Step::Other,
            };
        match event {
            ProtocolsEvent::Identify(identify::Event::Received { .. }) => return Step::Greeted,
            ProtocolsEvent::Identify(identify::Event::Pushed { .. }) => return Step::Answered,
            ProtocolsEvent::Gossip(gossipsub::Event::Subscribed { topic, .. }) => {
                if let Some((wanted, bytes)) = &self.plan.gossip
                    && wanted.hash() == topic
                {
                    protocols.gossip.publish(topic, bytes.clone()).unwrap();
                }
            }
            ProtocolsEvent::Sync(event) => {
                return answer(&mut protocols.sync, event, self.plan.answer.clone());
            }
            ProtocolsEvent::Exchange(event) => {
                let places = self.plan.places.clone().unwrap_or_else(|| frame(&[0; 4]));
                return answer(&mut protocols.exchange, event, places);
            }
            ProtocolsEvent::Authority(Event::OutboundFailure { .. } | Event::Message { .. }) => {
                return Step::Answered;
            }
            ProtocolsEvent::Wire(Event::OutboundFailure { .. } | Event::Message { .. }) => {
                return Step::Answered;
            }
            _ => {}
        }
        Step::Other
    }

    /// Sends bytes as a request.
    pub(crate) fn ask(&mut self, bytes: Vec<u8>) {
        let node = self.node;
        self.swarm.behaviour_mut().sync.send_request(&node, Raw::Once(bytes));
    }

    /// Sends bytes as a question for addresses.
    pub(crate) fn ask_for_places(&mut self, bytes: Vec<u8>) {
        let node = self.node;
        self.swarm.behaviour_mut().exchange.send_request(&node, Raw::Once(bytes));
    }

    /// Sends bytes over a stream of authorities.
    pub(crate) fn claim(&mut self, bytes: Vec<u8>) {
        let node = self.node;
        self.swarm.behaviour_mut().authority.send_request(&node, Raw::Once(bytes));
    }

    /// Greets the node again.
    pub(crate) fn greet(&mut self) {
        let node = self.node;
        self.swarm.behaviour_mut().identify.push([node]);
    }

    /// Sends these bytes for one number after the other in a stream of gossipsub, without end.
    pub(crate) fn gossip(&mut self, make: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static) {
        let node = self.node;
        self.swarm.behaviour_mut().wire.send_request(&node, Raw::Endless(Arc::new(make)));
    }

    /// Whether the node still talks to us.
    pub(crate) fn is_connected(&self) -> bool {
        self.swarm.is_connected(&self.node)
    }

    /// Acts as planned while something else is waited for.
    pub(crate) async fn while_<T>(&mut self, wait: impl Future<Output = T>) -> T {
        tokio::pin!(wait);
        loop {
            tokio::select! {
                done = &mut wait => return done,
                _ = self.step() => {}
            }
        }
    }

    /// Knocks again; says whether it was let in.
    pub(crate) async fn knock(&mut self) -> bool {
        let _ = self.swarm.dial(self.address.clone()); // it may be connected
        loop {
            match self.step().await {
                Step::Closed => return false,
                Step::Greeted => return true,
                Step::Answered | Step::Other => {}
            }
        }
    }

    /// Runs until the node closes the connection, and finds itself shut out.
    pub(crate) async fn thrown_out(&mut self) {
        let closed = async {
            while self.is_connected() {
                self.step().await;
            }
            assert!(!self.knock().await, "let in again");
        };
        tokio::time::timeout(PATIENCE, closed).await.expect("to be thrown out");
    }

    /// Does something so many times, and again whenever that had an effect. Knocks when it was disconnected, until it is
    /// shut out.
    pub(crate) async fn flood(&mut self, times: usize, mut harm: impl FnMut(&mut Self)) {
        loop {
            (0..times).for_each(|_| harm(self));
            while self.is_connected() {
                if self.step().await == Step::Answered && self.is_connected() {
                    harm(self);
                }
            }
            if !self.knock().await {
                return;
            }
        }
    }
}

/// Bytes with their length before them.
pub(crate) fn frame(bytes: &[u8]) -> Vec<u8> {
    let mut frame = (bytes.len() as u32).to_le_bytes().to_vec();
    frame.extend(bytes);
    frame
}

/// Messages on the wire of gossipsub, field by field (protobuf).
pub(crate) mod rpc {
    fn varint(mut number: usize, out: &mut Vec<u8>) {
        while number >= 0x80 {
            out.push(number as u8 | 0x80); // the lowest seven bits
            number >>= 7;
        }
        out.push(number as u8); // below 128
    }

    /// A field of bytes.
    pub(crate) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2];
        varint(bytes.len(), &mut out);
        out.extend(bytes);
        out
    }

    /// A message with its length before it, as it stands in a stream.
    pub(crate) fn framed(rpc: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        varint(rpc.len(), &mut out);
        out.extend(rpc);
        out
    }

    /// One that publishes `data` under a topic.
    pub(crate) fn publish(topic: &str, data: &[u8]) -> Vec<u8> {
        framed(&field(2, &[field(2, data), field(4, topic.as_bytes())].concat()))
    }

    /// One that does not want messages of these names.
    pub(crate) fn do_not_want(names: &[Vec<u8>]) -> Vec<u8> {
        let names: Vec<u8> = names.iter().flat_map(|name| field(1, name)).collect();
        framed(&field(3, &field(5, &names)))
    }

    /// One that has messages of these names under a topic.
    pub(crate) fn have(topic: &str, names: &[Vec<u8>]) -> Vec<u8> {
        let names: Vec<u8> = names.iter().flat_map(|name| field(2, name)).collect();
        framed(&field(3, &field(1, &[field(1, topic.as_bytes()), names].concat())))
    }
}
