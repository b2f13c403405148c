//! `net_*`: the peers.

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
}

/// What `net_connect` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct ConnectParams {
    /// Where the peer listens, as a multiaddr such as `/ip4/127.0.0.1/tcp/4001`.
    pub address: String,
}
