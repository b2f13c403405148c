//! `mining_*`: what this node's search for blocks is doing.

use serde::{Deserialize, Serialize};

use crate::types::target::Bits;
use crate::types::{Amount, BlockId, GenesisId, Height, Time};

/// What `mining_status` answers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct MiningStatus {
    /// Whether the node makes blocks.
    pub mining: bool,
    /// Whether it searches at this moment: not while it catches up, or cannot draft a block.
    #[serde(default)]
    pub searching: bool,
    /// Whom its blocks pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<String>,
    /// Threads that search.
    pub threads: u32,
    /// The share of those threads' time that they search, above 0 and at most 1.
    pub throttle: f64,
    /// The hash function in use.
    pub kernel: String,
    /// Hashes per second, over the last second or two.
    pub hash_rate: f64,
    /// Hashes since the node started.
    pub hashes: u64,
    /// Blocks that this search found since the node started.
    pub blocks_found: u64,
    /// Blocks of this node whose proofs others found and handed in here.
    #[serde(default)]
    pub blocks_taken: u64,
    /// The height that is being searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<Height>,
    /// The miners that this node serves over Stratum, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stratum: Option<StratumStatus>,
}

/// Those who mine over Stratum.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct StratumStatus {
    /// Where they connect, such as `stratum+tcp://127.0.0.1:3333`.
    pub url: String,
    /// Open connections.
    pub connections: u64,
    /// Connections that were turned away since the node started, because too many were open.
    pub turned_away: u64,
    /// Addresses that are mined for. Each has a draft of its own.
    pub payouts: u64,
    /// Hashes per second of all workers, over the last minute or two, as their shares let guess.
    pub hash_rate: f64,
    /// Shares that counted since the node started.
    pub accepted: u64,
    /// Shares of jobs that a block had made stale, or that were not known.
    pub stale: u64,
    /// Shares sent twice.
    pub duplicate: u64,
    /// Shares whose hash missed their target.
    pub low: u64,
    /// Shares refused for their version bits or time, or of those who had not subscribed or authorized.
    pub refused: u64,
    /// Blocks found over Stratum since the node started.
    pub blocks: u64,
    /// The workers, by name.
    pub workers: Vec<WorkerStatus>,
}

/// A worker: all connections under one user name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct WorkerStatus {
    /// The user name: an address, or one with a name behind a dot.
    pub name: String,
    /// Whom its blocks pay.
    pub payout: String,
    /// The program, as it calls itself.
    pub agent: String,
    /// Open connections.
    pub connections: u32,
    /// The share difficulty that one of them was told last.
    pub difficulty: f64,
    /// Hashes per second, over the last minute or two, as its shares let guess.
    pub hash_rate: f64,
    /// Shares that counted.
    pub accepted: u64,
    /// Shares of jobs that a block had made stale, or that were not known.
    pub stale: u64,
    /// Shares sent twice.
    pub duplicate: u64,
    /// Shares whose hash missed their target.
    pub low: u64,
    /// Shares refused for their version bits or time.
    pub refused: u64,
    /// Blocks.
    pub blocks: u64,
    /// The greatest difficulty that a share met.
    pub best: f64,
    /// When its last share that counted came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_share: Option<Time>,
}

/// What `mining_set` is asked with: what is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct MiningParams {
    /// How many threads search, from 1 to 1024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// The share of a core that each of them takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Share>,
}

/// A share of a core, from 0.1 % to 100 %.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a share of a core such as \"10%\" or 0.1")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum Share {
    /// As a number from 0.001 to 1.
    Part(f64),
    /// In percent, such as `10%`.
    Percent(String),
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
    /// The first of 2^32 extra nonces that only this caller was given, 16 hexadecimal digits: others may search the same
    /// template.
    #[serde(default)]
    pub extra_nonce_first: String,
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

/// What `assay mine` prints with `--json` when it has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct MineResult {
    /// The chain's name.
    pub chain: String,
    /// Names the chain.
    pub genesis: GenesisId,
    /// Whom the blocks pay.
    pub payout: String,
    /// The node that served last.
    pub node: String,
    /// Threads that searched.
    pub threads: u32,
    /// The share of a core that each of them took, above 0 and at most 1.
    pub throttle: f64,
    /// How they hashed.
    pub kernel: String,
    /// How long it went on, in seconds.
    pub seconds: f64,
    /// Hashes that were tried.
    pub hashes: u64,
    /// Hashes per second over all that time.
    pub hash_rate: f64,
    /// Blocks that nodes took.
    pub blocks: u64,
    /// The last of them, 1000 at most.
    pub ids: Vec<BlockId>,
    /// Proofs that came after another block.
    pub stale: u64,
    /// Proofs that a node found wrong.
    pub refused: u64,
    /// Proofs that could not be handed in.
    pub lost: u64,
    /// Templates that were searched.
    pub templates: u64,
    /// How often another node was turned to.
    pub switches: u64,
}
