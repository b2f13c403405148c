//! `system_*`: the node itself, and what a wallet must know of its chain.

use serde::{Deserialize, Serialize};

use crate::types::{GenesisId, Time};

/// What `system_info` answers: nothing of it changes while the node runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct SystemInfo {
    /// The software, `assay`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// When it started.
    pub started: Time,
    /// The data directory.
    pub datadir: String,
    /// Where it answers requests, as a URL.
    pub rpc: String,
    /// Its peer id.
    pub peer_id: String,
    /// Where it listens for peers, as multiaddrs that end in its peer id.
    pub p2p: Vec<String>,
    /// The chain's name.
    pub chain: String,
    /// Names the chain; every transaction id and signature depends on it.
    pub genesis: GenesisId,
    /// The rule that makes blocks.
    pub engine: String,
    /// The human-readable part of addresses.
    pub address_prefix: String,
    /// What a coin is called.
    pub symbol: String,
    /// Whether the chain lists the public development accounts, whose keys everybody knows.
    pub dev: bool,
    /// The least fee, in base units per encoded byte of a transaction.
    pub fee_per_byte_min: u64,
    /// Encoded bytes of a transaction at most.
    pub transaction_bytes_max: u64,
    /// Blocks on top of a reward or stake coin before it may be spent.
    pub maturity: u64,
    /// Blocks on top of a block before it counts as final; absent where finality does not follow from depth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finality_depth: Option<u64>,
}
