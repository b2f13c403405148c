//! `GET /health`.

use serde::{Deserialize, Serialize};

use crate::types::{BlockId, Height};

/// Whether a node works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum HealthStatus {
    /// It does. HTTP status 200.
    Ok,
    /// It opens its store. HTTP status 503.
    WarmingUp,
    /// It stops. HTTP status 503.
    Stopping,
}

/// What `GET /health` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct Health {
    /// Whether the node works.
    pub status: HealthStatus,
    /// The version of the software.
    pub version: String,
    /// The height of the head, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<Height>,
    /// The head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<BlockId>,
    /// The final height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_height: Option<Height>,
    /// Connected peers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<u64>,
}
