//! Peers that speak the protocols and mean harm. Each is thrown out, and the honest go on.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::gossipsub::{self, MessageAuthenticity, ValidationMode};
use libp2p::request_response::{self, Message, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, identify, noise, tcp, yamux};

use super::super::NetEvent;
use super::super::address::Place;
use super::super::names::Names;
use super::support::{Node, PATIENCE, batch, genesis, question, start, still_talk};
use crate::replica::wire::{GOSSIP_BYTES_MAX, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, Response};
use crate::types::encode;

/// Writes what it is given, with no length before it.
#[derive(Clone, Default)]
struct RawCodec;

async fn read_all<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

impl request_response::Codec for RawCodec {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        read_all(io).await
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
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        io.write_all(&bytes).await
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
struct Protocols {
    identify: identify::Behaviour,
    gossip: gossipsub::Behaviour,
    sync: request_response::Behaviour<RawCodec>,
    exchange: request_response::Behaviour<RawCodec>,
}

/// What a hostile peer does when it gets the chance.
#[derive(Clone, Default)]
struct Plan {
    /// Publishes this.
    gossip: Option<(gossipsub::IdentTopic, Vec<u8>)>,
    /// Answers every request with this.
    answer: Vec<u8>,
    /// Answers every question for addresses with this.
    places: Option<Vec<u8>>,
}

/// What happened to the connection.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Greeted,
    Closed,
    Other,
}

struct Hostile {
    swarm: Swarm<Protocols>,
    node: PeerId,
    address: Multiaddr,
    plan: Plan,
}

fn names() -> Names {
    Names::new(&genesis()).unwrap()
}

impl Hostile {
    /// A new peer, connected to the node as one of its chain.
    async fn connect(node: &mut Node, plan: Plan) -> Self {
        let names = names();
        let config = gossipsub::ConfigBuilder::default()
            .validation_mode(ValidationMode::Anonymous)
            .max_transmit_size(8 << 20)
            .build()
            .unwrap();
        let mut gossip = gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, config).unwrap();
        for topic in [&names.blocks, &names.transactions] {
            gossip.subscribe(topic).unwrap();
        }
        let raw = |protocol| {
            let settings = request_response::Config::default();
            request_response::Behaviour::new([(protocol, ProtocolSupport::Full)], settings)
        };
        let address = node.address();
        let mut hostile = Self {
            swarm: SwarmBuilder::with_new_identity()
                .with_tokio()
                .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
                .unwrap()
                .with_behaviour(|key| {
                    let version = names.version.clone();
                    Protocols {
                        identify: identify::Behaviour::new(identify::Config::new(
                            version,
                            key.public(),
                        )),
                        gossip,
                        sync: raw(names.sync.clone()),
                        exchange: raw(names.peers.clone()),
                    }
                })
                .unwrap()
                .build(),
            node: Place::parse(&address).unwrap().peer.unwrap(),
            address,
            plan,
        };
        hostile.swarm.dial(hostile.address.clone()).unwrap();
        // Harm done early may leave no time for a greeting.
        let greeted = async { while hostile.step().await == Step::Other {} };
        tokio::time::timeout(PATIENCE, greeted).await.expect("to connect");
        hostile
    }

    /// Waits for the next event and does what is planned for it. Says what happened to the connection.
    async fn step(&mut self) -> Step {
        match self.swarm.select_next_some().await {
            SwarmEvent::Behaviour(event) => self.on_protocol(event),
            SwarmEvent::ConnectionClosed { .. } | SwarmEvent::OutgoingConnectionError { .. } => {
                Step::Closed
            }
            _ => Step::Other,
        }
    }

    fn on_protocol(&mut self, event: ProtocolsEvent) -> Step {
        let protocols = self.swarm.behaviour_mut();
        let answer = |behaviour: &mut request_response::Behaviour<RawCodec>, event, bytes| {
            if let request_response::Event::Message {
                message: Message::Request { channel, .. },
                ..
            } = event
            {
                let _ = behaviour.send_response(channel, bytes); // it may be closed by now
            }
        };
        match event {
            ProtocolsEvent::Identify(identify::Event::Received { .. }) => return Step::Greeted,
            ProtocolsEvent::Gossip(gossipsub::Event::Subscribed { topic, .. }) => {
                if let Some((wanted, bytes)) = &self.plan.gossip
                    && wanted.hash() == topic
                {
                    protocols.gossip.publish(topic, bytes.clone()).unwrap();
                }
            }
            ProtocolsEvent::Sync(event) => {
                answer(&mut protocols.sync, event, self.plan.answer.clone());
            }
            ProtocolsEvent::Exchange(event) => {
                let places = self.plan.places.clone().unwrap_or_else(|| frame(&[0; 4]));
                answer(&mut protocols.exchange, event, places);
            }
            _ => {}
        }
        Step::Other
    }

    /// Acts as planned while something else is waited for.
    async fn while_<T>(&mut self, wait: impl Future<Output = T>) -> T {
        tokio::pin!(wait);
        loop {
            tokio::select! {
                done = &mut wait => return done,
                _ = self.step() => {}
            }
        }
    }

    /// Runs until the node closes the connection, and finds itself shut out.
    async fn thrown_out(&mut self) {
        let closed = async {
            while self.swarm.is_connected(&self.node) {
                self.step().await;
            }
            self.swarm.dial(self.address.clone()).unwrap();
            loop {
                match self.step().await {
                    Step::Closed => break,
                    Step::Greeted => panic!("let in again"),
                    Step::Other => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.expect("to be thrown out");
    }
}

/// Two honest nodes that talk.
async fn pair() -> (Node, Node) {
    let mut a = start(&[]).await;
    let mut b = start(&[a.address()]).await;
    a.connected_to(&b).await;
    b.connected_to(&a).await;
    (a, b)
}

/// Lets a hostile peer do its thing: the node bans it, saying what, and goes on talking to the other.
async fn banned_for(a: &mut Node, b: &mut Node, hostile: &mut Hostile, why: &str) {
    let (reason, ()) = tokio::join!(a.banned(), hostile.thrown_out());
    assert!(reason.contains(why), "{reason}");
    still_talk(a, b, 1).await;
    assert_eq!(a.handle.peers().len(), 1);
}

fn frame(bytes: &[u8]) -> Vec<u8> {
    let mut frame = (bytes.len() as u32).to_le_bytes().to_vec();
    frame.extend(bytes);
    frame
}

#[tokio::test]
async fn bad_requests() {
    let (mut a, mut b) = pair().await;
    let mut spare = encode(&question(1));
    spare.push(0);
    let oversized = ((REQUEST_BYTES_MAX + 1) as u32).to_le_bytes().to_vec();
    let cases = [
        ("an oversized claim", oversized, "at most 524288 are allowed"),
        ("a claim of 4 GiB", vec![0xff; 4], "4294967295 bytes"),
        ("garbage in a frame", frame(&[0xee; 100]), "do not encode a Request"),
        ("nothing in a frame", frame(&[]), "do not encode a Request"),
        ("a spare byte", frame(&spare), "do not encode a Request"),
        ("a short content", frame(&spare[..20]), "do not encode a Request"),
        ("a list over its cap", frame(&[1, 65, 0, 0, 0]), "at most 64 are allowed"),
    ];
    for (what, bytes, why) in cases {
        println!("{what}");
        let mut hostile = Hostile::connect(&mut a, Plan::default()).await;
        let node = hostile.node;
        hostile.swarm.behaviour_mut().sync.send_request(&node, bytes);
        banned_for(&mut a, &mut b, &mut hostile, why).await;
    }
}

#[tokio::test]
async fn requests_cut_off_three_times() {
    let (mut a, mut b) = pair().await;
    let mut hostile = Hostile::connect(&mut a, Plan::default()).await;
    let node = hostile.node;
    let whole = frame(&encode(&question(1)));
    for bytes in [&whole[..2], &whole[..4], &whole[..whole.len() - 1]] {
        assert!(!a.unpicked().iter().any(|event| matches!(event, NetEvent::Banned { .. })));
        hostile.swarm.behaviour_mut().sync.send_request(&node, bytes.to_vec());
    }
    banned_for(&mut a, &mut b, &mut hostile, "cut off").await;
}

#[tokio::test]
async fn bad_answers() {
    let (mut a, mut b) = pair().await;
    let mut spare = encode(&Response::Block(None));
    spare.push(0);
    let oversized = ((RESPONSE_BYTES_MAX + 1) as u32).to_le_bytes().to_vec();
    let cases = [
        ("an oversized claim", oversized, "at most 8388608 are allowed"),
        ("garbage", frame(&[0xee; 1000]), "do not encode a Response"),
        ("a spare byte", frame(&spare), "do not encode a Response"),
    ];
    for (what, bytes, why) in cases {
        println!("{what}");
        let mut hostile = Hostile::connect(&mut a, Plan { answer: bytes, ..Plan::default() }).await;
        let id = hostile.swarm.local_peer_id().to_string();
        let peer = hostile.while_(a.connected_to_id(&id)).await;
        a.handle.request(peer, 7, question(1));
        banned_for(&mut a, &mut b, &mut hostile, why).await;
        assert!(a.outcome(7).await.unwrap_err().contains(why));
    }
}

#[tokio::test]
async fn bad_gossip() {
    let (mut a, mut b) = pair().await;
    let (blocks, transactions) = (names().blocks, names().transactions);
    let mut spare = encode(&batch(1));
    spare.push(0);
    let cases = [
        ("garbage", &transactions, vec![0xee; 100], "do not encode a Gossip"),
        ("nothing", &blocks, vec![], "do not encode a Gossip"),
        ("a spare byte", &transactions, spare, "do not encode a Gossip"),
        ("another kind", &blocks, encode(&batch(1)), "topic of another kind"),
        ("too much", &transactions, vec![1; GOSSIP_BYTES_MAX + 1], "1048577 bytes"),
    ];
    for (what, topic, bytes, why) in cases {
        println!("{what}");
        let plan = Plan { gossip: Some((topic.clone(), bytes)), ..Plan::default() };
        let mut hostile = Hostile::connect(&mut a, plan).await;
        banned_for(&mut a, &mut b, &mut hostile, why).await;
    }
    let (_, message) = a.publish_to(&mut b, &batch(7)).await;
    b.handle.verdict(message, crate::replica::GossipVerdict::Accept);
}

/// Far over the cap gossipsub cuts the stream off and does not say whose it was: no ban, and no harm.
#[tokio::test]
async fn gossip_of_several_megabytes() {
    let (mut a, mut b) = pair().await;
    let bytes = vec![1; 4 * GOSSIP_BYTES_MAX];
    let plan = Plan { gossip: Some((names().blocks, bytes)), ..Plan::default() };
    let mut hostile = Hostile::connect(&mut a, plan).await;
    hostile.while_(still_talk(&mut a, &mut b, 1)).await;
    let (_, message) = hostile.while_(a.publish_to(&mut b, &batch(7))).await;
    b.handle.verdict(message, crate::replica::GossipVerdict::Accept);
    assert_eq!(a.handle.counters().blocks_in.messages(), 0);
}

#[tokio::test]
async fn bad_exchange() {
    let (mut a, mut b) = pair().await;
    let mut hostile = Hostile::connect(&mut a, Plan::default()).await;
    let node = hostile.node;
    hostile.swarm.behaviour_mut().exchange.send_request(&node, frame(&[1]));
    banned_for(&mut a, &mut b, &mut hostile, "request for addresses").await;
    for places in [vec![0xff; 4], frame(&[0xff; 4]), frame(&[1, 0, 0, 0, 1, 0, 0, 0, 0xff])] {
        let plan = Plan { places: Some(places), ..Plan::default() };
        let mut hostile = Hostile::connect(&mut a, plan).await;
        banned_for(&mut a, &mut b, &mut hostile, "list of addresses").await;
    }
}

#[tokio::test]
async fn junk_on_the_port() {
    use tokio::io::AsyncWriteExt;
    let (mut a, mut b) = pair().await;
    let socket = Place::parse(&a.address()).unwrap().socket;
    for junk in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4096], &[]] {
        let mut stream = tokio::net::TcpStream::connect(socket).await.unwrap();
        let _ = stream.write_all(junk).await; // it may be closed on us half-way
    }
    still_talk(&mut a, &mut b, 1).await;
}
