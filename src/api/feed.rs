//! What subscriptions tell: `chain_subscribeHeads`, `chain_subscribeFinalized`, `chain_subscribeReorgs`,
//! `mempool_subscribe`, `consensus_subscribe`.

use serde::{Deserialize, Serialize};

use super::ConsensusStatus;
use crate::types::{Amount, BlockId, Height, Time, TransactionId};

/// Ids that each list of a [`ReorgItem`] holds at most.
pub const REORG_IDS_MAX: usize = 100;

/// What a subscription delivers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum Item<T> {
    /// The subscriber read too slowly: items were dropped. What follows is current again.
    Lagged {
        /// How many.
        lagged: u64,
    },
    /// What was subscribed to.
    News(T),
}

/// A new head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct HeadItem {
    /// Its id.
    pub id: BlockId,
    /// Its height.
    pub height: Height,
    /// Its parent.
    pub parent: BlockId,
    /// When it was drafted.
    pub time: Time,
    /// Whom rewards and fees went to.
    pub producer: String,
    /// How many transactions it carries.
    pub transactions: u64,
}

/// The chain can no longer change up to here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct FinalItem {
    /// The final height.
    pub height: Height,
    /// The final block.
    pub id: BlockId,
}

/// Another branch became the best.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct ReorgItem {
    /// The head before.
    pub from: BlockId,
    /// The head after.
    pub to: BlockId,
    /// The height of the head after.
    pub height: Height,
    /// The last block that both branches share.
    pub ancestor: BlockId,
    /// How many blocks left the best branch.
    pub left_count: u64,
    /// Those blocks, highest first, [`REORG_IDS_MAX`] at most.
    pub left: Vec<BlockId>,
    /// How many blocks joined it.
    pub joined_count: u64,
    /// Those blocks, lowest first, [`REORG_IDS_MAX`] at most.
    pub joined: Vec<BlockId>,
}

/// What happened to pending transactions. Several changes come as one item.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct PoolItem {
    /// Transactions that are pending now.
    pub added: Vec<PoolEntry>,
    /// Transactions that no longer are: in a block, overtaken by one, or pushed out.
    pub removed: Vec<TransactionId>,
}

/// A pending transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct PoolEntry {
    /// Its id.
    pub id: TransactionId,
    /// What it pays.
    pub fee: Amount,
    /// Size of the encoded transaction in bytes.
    pub size: u64,
}

/// What the rule is doing after a new head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct ConsensusItem {
    /// The height of the head.
    pub height: Height,
    /// The head.
    pub head: BlockId,
    /// What `consensus_status` answers after it.
    pub status: ConsensusStatus,
}

/// What a method that ends a subscription is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct UnsubscribeParams {
    /// What the method that began it answered.
    pub subscription: u64,
}
