//! `mining_*`: what this node's search for blocks is doing.

use serde::{Deserialize, Serialize};

use crate::types::Height;

/// What `mining_status` answers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct MiningStatus {
    /// Whether the node makes blocks.
    pub mining: bool,
    /// Whom its blocks pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<String>,
    /// Threads that search.
    pub threads: u32,
    /// The share of those threads' time that they search, above 0 and at most 1.
    pub throttle: f64,
    /// The hash function in use.
    pub kernel: String,
    /// Hashes per second, over the last seconds.
    pub hash_rate: f64,
    /// Hashes since the node started.
    pub hashes: u64,
    /// Blocks found since the node started.
    pub blocks_found: u64,
    /// The height that is being searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<Height>,
}

/// What `mining_start` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct PayoutParams {
    /// Whom blocks pay from now on.
    pub address: String,
}
