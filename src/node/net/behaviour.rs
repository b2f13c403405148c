//! The protocols of a node, put together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{StreamProtocol, identify, ping};

use super::authority::{self, Hub, Identity};
use super::codec::{FrameCodec, Purpose};
use super::config::{NetConfig, NetError};
use super::counters::Counters;
use super::door::Door;
use super::gate::Gate;
use super::names::Names;
use super::on_event::REQUESTS_PER_PEER_MAX;
use super::{exchange, gossip};
use crate::replica::wire::{REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX};

/// How long a request and its answer may take together.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Requests and answers in transit over one connection, both directions together: what each side may leave open.
const REQUEST_STREAMS_MAX: usize = 2 * REQUESTS_PER_PEER_MAX;

/// Connections to one peer: two nodes that knock at the same time get two.
const LINKS_PER_PEER_MAX: u32 = 2;

/// Connections being made, each direction.
const PENDING_MAX: u32 = 64;

/// What the node calls itself.
const AGENT: &str = concat!("assay/", env!("CARGO_PKG_VERSION"));

/// All protocols of a node. The first three say who may connect at all.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) door: Door,
    pub(super) limits: connection_limits::Behaviour,
    pub(super) blocked: allow_block_list::Behaviour<BlockedPeers>,
    pub(super) identify: identify::Behaviour,
    pub(super) ping: ping::Behaviour,
    pub(super) gossip: Gate,
    pub(super) sync: request_response::Behaviour<FrameCodec>,
    pub(super) exchange: request_response::Behaviour<FrameCodec>,
    pub(super) authority: Toggle<authority::Behaviour>,
}

impl Behaviour {
    /// The protocols of a node with this key.
    pub(super) fn new(
        config: &NetConfig,
        names: &Names,
        key: &Keypair,
        counters: &Arc<Counters>,
        hub: &Arc<Hub>,
    ) -> Result<Self, NetError> {
        let links_max = u32::try_from(config.peers_max).unwrap_or(u32::MAX / 4).min(u32::MAX / 4);
        let limits = ConnectionLimits::default()
            .with_max_pending_incoming(Some(PENDING_MAX))
            .with_max_pending_outgoing(Some(PENDING_MAX))
            .with_max_established_incoming(Some(links_max + links_max / 2))
            .with_max_established_outgoing(Some(links_max + links_max / 2))
            .with_max_established(Some(2 * links_max))
            .with_max_established_per_peer(Some(LINKS_PER_PEER_MAX));
        // Peers' claims about addresses go through the address book, not through a cache that dials by itself.
        let identify = identify::Config::new(names.version.clone(), key.public())
            .with_agent_version(AGENT.into())
            .with_cache_size(0);
        let frames = |protocol: &StreamProtocol, codec: FrameCodec, streams: usize| {
            let settings = request_response::Config::default()
                .with_request_timeout(REQUEST_TIMEOUT)
                .with_max_concurrent_streams(streams);
            let protocols = [(protocol.clone(), ProtocolSupport::Full)];
            request_response::Behaviour::with_codec(codec, protocols, settings)
        };
        let sync = FrameCodec {
            request_bytes_max: REQUEST_BYTES_MAX,
            response_bytes_max: RESPONSE_BYTES_MAX,
            purpose: Purpose::Sync,
            counters: counters.clone(),
        };
        let exchange = FrameCodec {
            request_bytes_max: 0,
            response_bytes_max: exchange::ANSWER_BYTES_MAX,
            purpose: Purpose::Peers,
            counters: counters.clone(),
        };
        let authority = config.authority.clone().map(|authority| {
            let peer = key.public().to_peer_id();
            let me = Identity { genesis: config.genesis, peer, key: authority };
            authority::Behaviour::new(names.authority.clone(), hub.clone(), me)
        });
        Ok(Self {
            door: Door::new(Instant::now()),
            limits: connection_limits::Behaviour::new(limits),
            blocked: allow_block_list::Behaviour::default(),
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping::Config::new()),
            gossip: Gate::new(gossip::build(names)?, names.blocks.hash()),
            sync: frames(&names.sync, sync, REQUEST_STREAMS_MAX),
            exchange: frames(&names.peers, exchange, 4),
            authority: authority.into(),
        })
    }
}
