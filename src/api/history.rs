//! `address_history` and `wallet history`: what happened to an address.

use serde::{Deserialize, Serialize};

use super::TransactionStatus;
use crate::types::{Amount, BlockId, Height, Time, TransactionId};

/// Entries on a page unless the request says otherwise.
pub const HISTORY_PAGE_DEFAULT: u32 = 50;

/// Entries on a page at most.
pub const HISTORY_PAGE_MAX: u32 = 500;

/// What `address_history` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct HistoryParams {
    /// Whose history.
    pub address: String,
    /// The `next` of the page before; absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<HistoryCursor>,
    /// Entries on the page, at most [`HISTORY_PAGE_MAX`]; [`HISTORY_PAGE_DEFAULT`] if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A place in the history of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct HistoryCursor {
    /// The height of a block.
    pub height: Height,
    /// The place in the block.
    pub position: u32,
}

/// Why the holdings of an address changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum HistoryKind {
    /// It holds coins from the start of the chain.
    Genesis,
    /// A block paid it: rewards and fees.
    Reward,
    /// A transaction.
    Transaction,
    /// A block took coins from it for what it did.
    Burned,
}

/// One change of what an address holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct HistoryInfo {
    /// Why.
    pub kind: HistoryKind,
    /// How far it has come.
    pub status: TransactionStatus,
    /// The transaction, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<TransactionId>,
    /// The block, unless it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockId>,
    /// The height of that block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<Height>,
    /// The time of that block, or when this node first saw the pending transaction.
    pub time: Time,
    /// Blocks from that block to the head, both counted; 0 while pending.
    pub confirmations: u64,
    /// What came in, change of the address's own payment included.
    pub received: Amount,
    /// What the coins held that the address spent.
    pub spent: Amount,
    /// `received` less `spent`, in base units, with a sign where it is negative.
    pub net: String,
    /// The fee of the transaction, if the address spent coins in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Amount>,
    /// Whom the address paid, or who paid it: the first few of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
    /// How many there are.
    pub others_count: u32,
}

impl HistoryInfo {
    /// `received` less `spent`, as [`HistoryInfo::net`] has it.
    pub fn net(received: Amount, spent: Amount) -> String {
        match received.minus(spent) {
            Some(more) => more.0.to_string(),
            None => format!("-{}", spent.0 - received.0),
        }
    }
}

/// What `address_history` answers, the latest entry first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct HistoryPage {
    /// Whose history.
    pub address: String,
    /// The head that it was read after.
    pub head: BlockId,
    /// Its height.
    pub height: Height,
    /// What pending transactions would do, on the first page only, and no more of them than the page may have entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<HistoryInfo>,
    /// What blocks did.
    pub entries: Vec<HistoryInfo>,
    /// What to pass as `before` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<HistoryCursor>,
}
