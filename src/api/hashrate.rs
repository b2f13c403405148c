//! What `assay bench hashrate` prints with `--json`.

use serde::{Deserialize, Serialize};

/// How fast a machine searches, by kernel and number of threads.
///
/// Nothing is known where a field is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchHashrate {
    /// The processor.
    pub cpu: String,
    /// How many processors this process may use.
    pub cores: u64,
    /// The version of this program, and how it was built.
    pub version: String,
    /// How long each run lasted, in seconds.
    pub seconds: f64,
    /// The share of a core that each thread took, above 0 and at most 1.
    pub pace: f64,
    /// Whether it was ended before all rounds were done.
    pub partial: bool,
    /// By kernel, then by threads.
    pub results: Vec<HashrateResult>,
    /// What one core of this processor could do at most, of hashes that differ in the nonce: counted operations over what it
    /// issues, at the measured clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_hashes_per_second: Option<f64>,
    /// The same in cycles per hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_cycles_per_hash: Option<f64>,
    /// The limit of hashes that differ in the version as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_rolling_hashes_per_second: Option<f64>,
    /// The same in cycles per hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_rolling_cycles_per_hash: Option<f64>,
    /// Cycles per second of the processor, over the runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_hz: Option<HashrateSpread>,
    /// How that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_by: Option<String>,
    /// The load average of the last minute before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_average: Option<f64>,
    /// How many processors' worth of time other processes used meanwhile, over the runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<HashrateSpread>,
    /// The share of the processors' time that other machines on the same hardware took, over the runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steal_share: Option<HashrateSpread>,
    /// What makes the figures say less than they seem to.
    pub warnings: Vec<String>,
    /// The devnet that worked meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devnet: Option<HashrateDevnet>,
    /// The other miner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<HashrateRival>,
}

/// One kernel on so many threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct HashrateResult {
    /// The kernel.
    pub kernel: String,
    /// Whether it rolls the version, which fewer can make use of than the nonce alone.
    pub version_rolling: bool,
    /// How many threads.
    pub threads: u64,
    /// Of all threads together.
    pub hashes_per_second: HashrateSpread,
    /// How many runs.
    pub runs: u64,
    /// The rate over that of one thread of the same kernel, per thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<f64>,
    /// Cycles of one processor per hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycles_per_hash: Option<f64>,
    /// The rate over the other miner's: the ratio of the medians, and the least and greatest of the rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<HashrateSpread>,
}

/// The median of some values, and between which they lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct HashrateSpread {
    /// The median.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

/// A devnet that worked while the search was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct HashrateDevnet {
    /// Its spec, as it was given.
    pub spec: String,
    /// How many nodes.
    pub nodes: u64,
}

/// Another miner's benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct HashrateRival {
    /// Its command.
    pub command: String,
    /// What it said.
    pub hashes_per_second: HashrateSpread,
    /// How many runs.
    pub runs: u64,
}
