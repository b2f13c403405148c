//! What `assay sim` prints with `--json`: one object per seed, a line each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimRun {
    /// The scenario; `swarm` for a swarm run.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The digest of all events.
    pub digest: String,
    /// How many there were.
    pub events: u64,
    /// Simulated milliseconds.
    pub virtual_ms: u64,
    /// Milliseconds that it took.
    pub wall_ms: u64,
    /// Whether nodes were parted, by cuts or clocks, for longer than the model allows, so that nobody judged agreement.
    pub outside: bool,
    /// What must never have happened and did.
    pub violations: Vec<SimViolation>,
    /// What was expected.
    pub expect: Vec<SimExpect>,
    /// Figures of the run, by name; `null` where there was nothing to measure.
    pub metrics: BTreeMap<String, Option<f64>>,
}

/// Something that must never have happened and did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimViolation {
    /// Simulated microseconds since the beginning.
    pub at_us: u64,
    /// The node.
    pub node: usize,
    /// The checker.
    pub checker: String,
    /// What it says.
    pub what: String,
}

/// Something that was expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimExpect {
    /// What.
    pub what: String,
    /// Whether it came.
    pub ok: bool,
    /// The figure; `null` where there is none.
    pub value: Option<f64>,
    /// What was found instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A scenario that needs no file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimScenario {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// How many nodes it has.
    pub nodes: usize,
    /// Simulated milliseconds.
    pub virtual_ms: u64,
}

/// A replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimReplay {
    /// The scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The digest that was recorded.
    pub recorded: String,
    /// The digest of this run.
    pub digest: String,
    /// Whether they are the same.
    pub same: bool,
    /// Between which simulated microseconds the two runs parted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parted_us: Option<(u64, u64)>,
}
