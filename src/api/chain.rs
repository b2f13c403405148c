//! `chain_*`: where the chain stands, its forks, its money.

use serde::{Deserialize, Serialize};

use super::BlockSelector;
use crate::types::{Amount, BlockId, GenesisId, Height, StateRoot, Time};

/// What `chain_info` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct ChainInfo {
    /// The chain's name.
    pub chain: String,
    /// The rule that makes blocks now.
    pub engine: String,
    /// Names the chain: the hash of every consensus field of its spec.
    pub genesis: GenesisId,
    /// The height of the head.
    pub height: Height,
    /// The end of the best branch.
    pub head: BlockId,
    /// The time of the head.
    pub time: Time,
    /// Up to where the chain can no longer change.
    pub final_height: Height,
    /// The block there.
    pub final_id: BlockId,
    /// Commits to the ledger after the head.
    pub state_root: StateRoot,
    /// What circulates after the head.
    pub supply: Amount,
    /// How many times harder than Bitcoin's easiest target the head was. Rules that search only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<f64>,
    /// The difficulty of the last block by stake, for a coin-day; absent where no block is made by stake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stake_difficulty: Option<f64>,
    /// Hashes per second of the whole network, estimated over the last blocks. Work only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_rate: Option<f64>,
    /// How far catching up is; absent when there is nothing to catch up with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncInfo>,
    /// A better branch that contradicts what is final here; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finality_conflict: Option<FinalityConflictInfo>,
}

/// How far catching up with peers is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct SyncInfo {
    /// What is being fetched.
    pub stage: SyncStage,
    /// The height of the branch that this node catches up with, as far as its headers were seen.
    pub target_height: Height,
    /// Peers that offer it.
    pub peers: u64,
}

/// What catching up fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum SyncStage {
    /// Headers, to see which branch is the heaviest.
    Headers,
    /// The blocks of that branch.
    Blocks,
}

/// A better branch that leaves the chain of this node below its final block. It is not followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct FinalityConflictInfo {
    /// Where the two part.
    pub height: Height,
    /// The final block there.
    pub ours: BlockId,
    /// The other branch's.
    pub theirs: BlockId,
    /// The end of the other branch, as far as it was seen.
    pub tip: BlockId,
    /// Its height.
    pub tip_height: Height,
    /// When it was seen first.
    pub since: Time,
}

/// What `chain_block` and `chain_header` are asked with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BlockParams {
    /// Which block; the head if it is left out.
    #[serde(default)]
    pub block: BlockSelector,
}

/// Blocks that `chain_blocks` answers at most.
pub const BLOCKS_PAGE_MAX: u32 = 1000;

/// Encoded bytes of blocks after which it stops: as hexadecimal text and with one more block, an answer still fits.
pub const BLOCKS_PAGE_BYTES: usize = 2 << 20;

/// What `chain_blocks` is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BlocksParams {
    /// The height of the first block.
    pub from: Height,
    /// How many blocks at most; fewer come where they are large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What `chain_blocks` answers: blocks of the best branch as they are encoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BlocksPage {
    /// The height of the head.
    pub height: Height,
    /// Up to where the chain can no longer change.
    pub final_height: Height,
    /// The blocks in order of height, in their encoding (borsh), as hexadecimal. None where the branch ends below.
    pub blocks: Vec<String>,
}

/// What `chain_spec` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct SpecInfo {
    /// Names the chain.
    pub genesis: GenesisId,
    /// The frozen spec, a TOML file.
    pub toml: String,
}

/// The end of a branch, one of those that `chain_forks` answers: the best first, then the others by height.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct ForkInfo {
    /// The last block of the branch.
    pub head: BlockId,
    /// Its height.
    pub height: Height,
    /// Blocks of the branch that are not on the best one; 0 for the best branch.
    pub length: u64,
    /// Where the branch leaves the best one; its own height for the best branch.
    pub fork_height: Height,
    /// How strong the branch is: greater text of the same length is stronger.
    pub rank: String,
    /// Whether it is the best.
    pub status: ForkStatus,
}

/// Whether a branch is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum ForkStatus {
    /// It is: its end is the head.
    Best,
    /// Another one is better.
    Side,
}

/// What `chain_supply` answers: genesis + issued − burned = circulating, after the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct SupplyInfo {
    /// The height of the head.
    pub height: Height,
    /// The head.
    pub head: BlockId,
    /// Created by the genesis block.
    pub genesis: Amount,
    /// Issued since.
    pub issued: Amount,
    /// Destroyed since.
    pub burned: Amount,
    /// What circulates.
    pub circulating: Amount,
}
