//! What `assay bench max` prints with `--json`.

use serde::{Deserialize, Serialize};

use super::{BenchMachine, BenchTimes};
use crate::types::Time;

/// The highest rate that a chain sustains here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchMax {
    /// The chain spec.
    pub spec: String,
    /// The rule.
    pub engine: String,
    /// Its nodes.
    pub nodes: u64,
    /// Blocks on top of one that is final, where it is they that make it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finality_depth: Option<u64>,
    /// The version of the program.
    pub version: String,
    /// The commit that it was built from, where the build was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The machine.
    pub machine: BenchMachine,
    /// When it began.
    pub taken: Time,
    /// Seconds that each rate was offered.
    pub seconds: f64,
    /// Accounts that pay each other.
    pub accounts: u64,
    /// Bytes by which payments are larger than ordinary ones.
    pub payload: u64,
    /// Where arrivals, accounts and amounts come from; each further try has the next seed.
    pub seed: u64,
    /// The bound on the 99th percentile of the time until a payment is final.
    pub bound_ms: Option<f64>,
    /// The highest rate that held, in payments per second.
    pub rate: Option<f64>,
    /// The lowest above it that did not.
    pub above: Option<f64>,
    /// Why that one did not.
    pub limits: Vec<String>,
    /// Whether a signal ended the search before its time.
    pub partial: bool,
    /// What was tried, in this order.
    pub probes: Vec<BenchProbe>,
}

/// A rate that was tried.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchProbe {
    /// Payments per second that were asked for.
    pub rate: f64,
    /// Its seed.
    pub seed: u64,
    /// Whether the chain held it.
    pub held: bool,
    /// Why not.
    pub reasons: Vec<String>,
    /// Payments per second that were offered.
    pub rate_offered: f64,
    /// Payments per second that became final.
    pub rate_final: Option<f64>,
    /// Until they were in a block.
    pub included_ms: Option<BenchTimes>,
    /// Until they were final.
    pub final_ms: Option<BenchTimes>,
    /// By how many seconds each further second of load made the way into a block longer; nothing where that could not be seen.
    pub growth: Option<f64>,
    /// The share of the processors that was idle.
    pub idle_share: Option<f64>,
}
