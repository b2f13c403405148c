//! `mining_*`: what this node's search for blocks is doing.

use serde::{Deserialize, Serialize};

use crate::types::target::Bits;
use crate::types::{Amount, BlockId, Height, Time};

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

/// What `mining_template` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct TemplateParams {
    /// Whom the block pays; whom this node's own blocks pay if it is left out.
    #[serde(default)]
    pub address: Option<String>,
}

/// What `mining_template` answers: a block that lacks its proof, as a miner needs it.
///
/// The work header is version ‖ parent ‖ SHA256d(coinbase) ‖ time in seconds ‖ bits ‖ nonce, in Bitcoin's byte order;
/// the coinbase is prefix ‖ extra nonce, big-endian ‖ suffix. Its SHA-256d, as a little-endian number, must be at most
/// the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct MiningTemplate {
    /// Names the template: the id that the block will have.
    pub template: BlockId,
    /// The block's height.
    pub height: Height,
    /// Its parent, which is the head: when the head moves, the template is stale.
    pub parent: BlockId,
    /// Whom it pays.
    pub payout: String,
    /// How much, fees excluded.
    pub reward: Amount,
    /// The version of the work header, hexadecimal.
    pub version: String,
    /// The bits of it that a miner may change, hexadecimal.
    pub version_mask: String,
    /// The target in compact form.
    pub bits: Bits,
    /// The target as a number of 64 hexadecimal digits.
    pub target: String,
    /// How many times harder than Bitcoin's easiest target.
    pub difficulty: f64,
    /// The coinbase before the extra nonce, hexadecimal.
    pub coinbase_prefix: String,
    /// Bytes of the extra nonce.
    pub extra_nonce_bytes: u64,
    /// The coinbase after the extra nonce, hexadecimal.
    pub coinbase_suffix: String,
    /// The least time that the work header may have; its unit is the second, so the milliseconds count for nothing.
    pub time: Time,
    /// The greatest.
    pub time_max: Time,
    /// How many transactions the block carries.
    pub transactions: u64,
}

/// What `mining_submit` is asked with: the fields of a work header that a miner chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct SealParams {
    /// The template.
    pub template: BlockId,
    /// The version, hexadecimal.
    pub version: String,
    /// The extra nonce, 16 hexadecimal digits.
    pub extra_nonce: String,
    /// The time; the milliseconds count for nothing.
    pub time: Time,
    /// The nonce.
    pub nonce: u32,
}

/// What `mining_submit` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct Sealed {
    /// The block, which is the head now.
    pub id: BlockId,
    /// Its height.
    pub height: Height,
}
