//! `mempool_*`: pending transactions.

use serde::{Deserialize, Serialize};

use crate::types::TransactionId;

/// Ids that `mempool_info` lists at most.
pub const POOL_IDS_MAX: usize = 10_000;

/// Transactions that one `mempool_submit` takes at most.
pub const SUBMIT_MAX: usize = 4096;

/// What `mempool_info` is asked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct MempoolParams {
    /// Whether to list the ids as well, [`POOL_IDS_MAX`] of them at most.
    #[serde(default)]
    pub ids: bool,
}

/// What `mempool_info` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct MempoolInfo {
    /// How many transactions are pending.
    pub transactions: u64,
    /// Their encoded size together, in bytes.
    pub bytes: u64,
    /// Where the pool is full, in bytes.
    pub bytes_max: u64,
    /// The least fee that is accepted, in base units per encoded byte.
    pub fee_per_byte_min: u64,
    /// The ids, in order, if they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<TransactionId>>,
}

/// What `mempool_submit` is asked with: transactions in their encoding (borsh), as hexadecimal.
///
/// By position one may pass the list (`[["…","…"]]`) or the transactions themselves (`["…","…"]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct SubmitParams {
    /// The transactions, in the order in which they are to be admitted.
    pub transactions: Vec<String>,
}

/// What became of one submitted transaction; `mempool_submit` answers a list in the order of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum SubmitResult {
    /// It is pending, and will not be forgotten by this node.
    Accepted {
        /// Its id.
        id: TransactionId,
    },
    /// It was refused.
    Refused {
        /// Why.
        error: Refusal,
    },
}

/// Why a transaction was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct Refusal {
    /// [`RpcCode::BadTransaction`](super::RpcCode) or [`RpcCode::TransactionRefused`](super::RpcCode) as a number.
    pub code: i32,
    /// The reason in words.
    pub message: String,
}
