//! What `assay sim` prints with `--json`: one object per seed, a line each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::types::{BlockId, Height};

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

/// The replay of a recorded run.
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

/// A node's recording, run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReplay {
    /// The chain's name.
    pub chain: String,
    /// Inputs handled.
    pub inputs: u64,
    /// Inputs after which digests were compared and found the same.
    pub compared: u64,
    /// Blocks that entered the tree.
    pub blocks: u64,
    /// Milliseconds that the recording covers, of all processes together.
    pub virtual_ms: u64,
    /// Milliseconds that it took.
    pub wall_ms: u64,
    /// Bytes at the end of the file that are the beginning of an entry.
    pub cut_bytes: u64,
    /// A hash over the digests of all processes.
    pub digest: String,
    /// Whether all went as it was recorded.
    pub same: bool,
    /// Where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parted: Option<NodeParted>,
    /// The processes.
    pub lives: Vec<NodeLife>,
    /// The last input, if the replay was told where to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<NodeStep>,
}

/// Where a replay went another way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeParted {
    /// The process, counted from 1.
    pub life: usize,
    /// The number of the input, counted from 1 over the whole file.
    pub input: u64,
    /// When it came, in milliseconds since 1970.
    pub time: u64,
    /// What it was.
    pub what: String,
    /// What was recorded of the state after it.
    pub recorded: String,
    /// The same of this replay.
    pub replayed: String,
}

/// A process of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeLife {
    /// When it began, in milliseconds since 1970.
    pub from: u64,
    /// When its last input came.
    pub until: u64,
    /// Its inputs.
    pub inputs: u64,
    /// Blocks that entered its tree.
    pub blocks: u64,
    /// Entries of the store with which it began.
    pub stored: u64,
    /// How many of them are not what the replay of the process before left; not there for the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_differs: Option<u64>,
    /// How its recording ends: `stopped`, `killed`, `lost` or `left`.
    pub ending: String,
    /// Why it was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The digest of what came out.
    pub digest: String,
    /// The end of the best branch.
    pub head: BlockId,
    /// Its height.
    pub height: Height,
    /// The height of the final block.
    pub final_height: Height,
    /// Pending transactions.
    pub pending: u64,
    /// Peers.
    pub peers: u64,
}

/// An input and what came out of it: a line of what `assay sim replay --trace` writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStep {
    /// The process, counted from 1.
    pub life: usize,
    /// The number of the input, counted from 1 over the whole file; of the one before where the replica was opened.
    pub input: u64,
    /// When it came, in milliseconds since 1970.
    pub time: u64,
    /// What it was.
    pub what: String,
    /// What came out.
    pub outputs: Vec<String>,
    /// The end of the best branch after it.
    pub head: BlockId,
    /// Its height.
    pub height: Height,
    /// The height of the final block.
    pub final_height: Height,
    /// Pending transactions.
    pub pending: usize,
}
