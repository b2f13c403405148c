//! `net_*`: the peers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::types::{BlockId, Height, Time};

/// Who opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum Direction {
    /// The peer.
    Inbound,
    /// This node.
    Outbound,
}

/// A connected peer, one of those that `net_peers` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct PeerInfo {
    /// Its peer id.
    pub id: String,
    /// Its address as a multiaddr.
    pub address: String,
    /// Who opened the connection.
    pub direction: Direction,
    /// What it says that it runs, once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// When the connection was opened.
    pub since: Time,
    /// The height of its head as it last said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<Height>,
    /// Its head as it last said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<BlockId>,
    /// Its final height as it last said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_height: Option<Height>,
    /// The round trip of the last ping in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// Its score: zero, or below for offences that are not forgiven yet. At -50 it is disconnected, at -100 banned.
    #[serde(default)]
    pub score: i32,
    /// What this node does to what it sends to the peer.
    #[serde(default)]
    pub link: LinkShape,
    /// Whether this node neither sends to the peer nor listens to it.
    #[serde(default)]
    pub blocked: bool,
}

/// What a node does to everything that it sends to a peer. A shape that says nothing leaves everything as it is.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct LinkShape {
    /// How long it takes on its way, in ms, one way; at most 60 000.
    #[serde(default)]
    pub latency_ms: u64,
    /// How far single segments are from that at most, in ms, either side; not over the latency. Their order stays.
    #[serde(default)]
    pub jitter_ms: u64,
    /// The share of segments that are lost, from 0 to below 1. What is lost is sent again after a pause, as TCP does.
    #[serde(default)]
    pub loss: f64,
    /// What passes in a second, in bits, from 1 000 to 100 000 000 000; no limit where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_bits_per_second: Option<u64>,
}

/// What `net_link` is asked with: a whole shape. What is left out is not shaped.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct LinkParams {
    /// The peer whose link is meant, by its id, connected or not. Without one, all links get this shape, those that had
    /// one of their own included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// As in the shape of a link.
    #[serde(default)]
    pub latency_ms: u64,
    /// As in the shape of a link.
    #[serde(default)]
    pub jitter_ms: u64,
    /// As in the shape of a link.
    #[serde(default)]
    pub loss: f64,
    /// As in the shape of a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_bits_per_second: Option<u64>,
}

impl LinkParams {
    /// Asks for the shape of one link, or of all.
    pub fn new(peer: Option<String>, shape: LinkShape) -> Self {
        let LinkShape { latency_ms, jitter_ms, loss, bandwidth_bits_per_second } = shape;
        Self { peer, latency_ms, jitter_ms, loss, bandwidth_bits_per_second }
    }

    /// The shape that is asked for.
    pub fn shape(&self) -> LinkShape {
        let &Self { latency_ms, jitter_ms, loss, bandwidth_bits_per_second, .. } = self;
        LinkShape { latency_ms, jitter_ms, loss, bandwidth_bits_per_second }
    }
}

/// What `net_block` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct NetBlockParams {
    /// The ids of all peers that are blocked from now on; a peer that is not among them no longer is. Nothing is sent to
    /// a blocked peer and nothing heard of it, but a connection to it stays.
    pub peers: Vec<String>,
}

/// How a node treats its links: what `net_link` and `net_block` answer, and what a node may be started with.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct NodeLinks {
    /// The links that have no shape of their own.
    #[serde(default)]
    pub all: LinkShape,
    /// The links that have, by the peer's id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub peers: BTreeMap<String, LinkShape>,
    /// The ids of the blocked peers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
}

/// What `net_connect` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct ConnectParams {
    /// Where the peer listens, as a multiaddr such as `/ip4/127.0.0.1/tcp/4001`.
    pub address: String,
}
