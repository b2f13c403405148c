//! `devnet status --json`.

use serde::{Deserialize, Serialize};

use super::{LinkShape, Role};
use crate::types::{BlockId, GenesisId, Height, StateRoot};

/// What `devnet status --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct DevnetStatus {
    /// The devnet's directory.
    pub dir: String,
    /// The chain's name.
    pub chain: String,
    /// Names the chain.
    pub genesis: GenesisId,
    /// The rule that makes blocks.
    pub engine: String,
    /// The nodes in order of their index.
    pub nodes: Vec<DevnetNode>,
    /// The groups of nodes between which nothing passes; absent while there is no partition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition: Vec<Vec<String>>,
}

/// How the nodes of a devnet are connected: what `devnet link`, `partition` and `heal` print with `--json`, and what the
/// devnet's directory keeps.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct DevnetLinks {
    /// The links that have no shape of their own.
    pub all: LinkShape,
    /// The links that have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<PairLink>,
    /// The groups of nodes between which nothing passes; absent while there is no partition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition: Vec<Vec<String>>,
}

/// The link between two nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct PairLink {
    /// The two, in order of their index.
    pub nodes: [String; 2],
    /// What each does to what it sends to the other.
    pub link: LinkShape,
}

/// Whether a node's process works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum NodeState {
    /// It runs.
    Running,
    /// It is suspended.
    Paused,
    /// There is no process.
    Stopped,
}

/// A node of a devnet. What only the node itself knows is `null` while it does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct DevnetNode {
    /// Its name.
    pub name: String,
    /// Its process, while it has one.
    pub pid: Option<u32>,
    /// Whether the process works.
    pub state: NodeState,
    /// Where it answers requests, as a URL.
    pub rpc: Option<String>,
    /// Where it listens for peers, as a multiaddr.
    pub p2p: Option<String>,
    /// Where it lets miners in, as a URL; absent where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stratum: Option<String>,
    /// The height of its head.
    pub height: Option<Height>,
    /// Its head.
    pub head: Option<BlockId>,
    /// Its final height.
    pub final_height: Option<Height>,
    /// The block there.
    pub final_id: Option<BlockId>,
    /// Commits to the ledger after its head.
    pub state_root: Option<StateRoot>,
    /// Its connected peers.
    pub peers: Option<u64>,
    /// Its pending transactions.
    pub mempool: Option<u64>,
    /// What it does in the agreement of authorities; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The address of the authority that it acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// The round (term, view, ballot) that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u64>,
    /// The addresses whose coins it stakes; absent where it stakes none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stakes: Vec<String>,
}
