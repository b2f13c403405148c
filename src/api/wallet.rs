//! `wallet send --json`. `wallet balance --json` is a [`Balance`](super::Balance).

use serde::{Deserialize, Serialize};

use crate::types::{Height, TransactionId};

/// How far a sent transaction came before the command returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum SendStatus {
    /// The node took it into its pool.
    Accepted,
    /// A block carries it.
    Included,
    /// As many blocks as were asked for stand on it.
    Confirmed,
    /// The rule says that it can no longer be undone.
    Final,
}

/// What `wallet send --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct SendReport {
    /// The transaction.
    pub id: TransactionId,
    /// How far it came.
    pub status: SendStatus,
    /// The height of the block that carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<Height>,
    /// Blocks from that block to the head, both counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmations: Option<u64>,
    /// How long each step took, counted from the start of the submission.
    pub latency_ms: SendLatency,
}

/// Milliseconds from the start of the submission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct SendLatency {
    /// Until the node took it.
    pub accepted: f64,
    /// Until a block carried it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub included: Option<f64>,
    /// Until it was final.
    #[serde(rename = "final", default, skip_serializing_if = "Option::is_none")]
    pub is_final: Option<f64>,
}
