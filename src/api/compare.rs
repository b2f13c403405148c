//! What `assay bench compare` prints with `--json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BenchLoad, BenchMax, BenchTimes};
use crate::types::{Height, Time};

/// Several rules under one load, side by side.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchCompare {
    /// Where it was measured: `devnet` or `sim`.
    #[serde(rename = "where")]
    pub place: String,
    /// The version of the program.
    pub version: String,
    /// The commit that it was built from, where the build was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When it began, where that matters; a simulation has a time of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Time>,
    /// The machine, where one was measured; nothing of it matters in a simulation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<BenchMachine>,
    /// What every rule was offered.
    pub workload: BenchWorkload,
    /// Where arrivals, accounts and amounts come from; the runs of one rule have this and the following seeds.
    pub seed: u64,
    /// Runs of each rule.
    pub repeat: u64,
    /// Whether a signal ended it before its time.
    pub partial: bool,
    /// The rules, in the order in which they were asked for.
    pub rules: Vec<BenchRule>,
}

/// A machine, as far as figures depend on it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchMachine {
    /// What its processor calls itself.
    pub processor: String,
    /// Processors that may be used.
    pub processors: u64,
    /// The operating system and the kind of processor.
    pub system: String,
}

impl BenchMachine {
    /// In one line.
    pub fn shown(&self) -> String {
        format!("{} processors {}, {}", self.processors, self.processor, self.system)
    }
}

/// A load.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchWorkload {
    /// Payments per second, at the moments of a Poisson process.
    pub rate: f64,
    /// For so many seconds.
    pub seconds: f64,
    /// Accounts that pay each other.
    pub accounts: u64,
    /// Bytes by which payments are larger than ordinary ones.
    pub payload: u64,
    /// Milliseconds from node to node, one way; on a devnet nothing but the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
}

/// A rule, and what came of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchRule {
    /// The chain spec.
    pub spec: String,
    /// What it says, as `assay spec show` prints it; empty where only nodes that ran already are known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub toml: String,
    /// The rule.
    pub engine: String,
    /// Its nodes.
    pub nodes: u64,
    /// Blocks on top of one that is final, where it is they that make it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finality_depth: Option<u64>,
    /// The share of the producers that may lie without two final blocks contradicting each other, where their votes make blocks final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liars: Option<f64>,
    /// Why there are fewer runs than were asked for, if there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What makes figures of it say less.
    pub warnings: Vec<String>,
    /// Figures by name, over all runs.
    pub figures: BTreeMap<String, BenchInterval>,
    /// What makes a payment safe.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub safety: Vec<BenchSafety>,
    /// Each run.
    pub runs: Vec<BenchRun>,
}

/// How long to wait for a payment.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchSafety {
    /// An attacker's share of the power or the stake.
    pub share: f64,
    /// The chance of being taken back that is borne.
    pub risk: f64,
    /// The fewest confirmations for that, where blocks on top make a payment final; nothing where no number does.
    pub confirmations: Option<u64>,
    /// How long these take at the measured interval; or until 99 of 100 payments were final, where votes make them so. Nothing where
    /// waiting does not help.
    pub seconds: Option<f64>,
}

/// A figure.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchInterval {
    /// The median over runs.
    pub value: f64,
    /// Between this …
    pub low: f64,
    /// … and this it comes out nineteen times of twenty when it is measured once more in the same way; the value itself, where nothing is
    /// known of that.
    pub high: f64,
    /// How many values that is drawn from: runs or, of one run, its parts.
    pub of: u64,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchRun {
    /// Its seed.
    pub seed: u64,
    /// The payments.
    pub load: BenchLoad,
    /// The blocks.
    pub chain: BenchChain,
    /// The blocks of each part of equal length.
    pub chain_parts: Vec<BenchChain>,
    /// The blocks one by one, as many as fit.
    pub heights: Vec<BenchHeight>,
    /// What a partition did to it, if it was parted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<BenchPartition>,
    /// What the death of a node did to it, if one was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash: Option<BenchCrash>,
}

/// A block.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchHeight {
    /// Its height.
    pub height: Height,
    /// Seconds from when payments came until it was made, by its own time.
    pub seconds: f64,
    /// Transactions in it.
    pub transactions: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// The blocks that were made while payments were offered and until they were final.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchChain {
    /// Blocks of the chain as it was in the end.
    pub blocks: u64,
    /// Blocks that were a node's head and are not in it.
    pub stale: u64,
    /// How often a node left blocks behind, and how many it left each time.
    pub reorganisations: Vec<u64>,
    /// Payments and other transactions in them.
    pub transactions: u64,
    /// Seconds between blocks.
    pub interval_s: Option<f64>,
    /// Their standard deviation over that: 1 where blocks come at random, 0 by the clock.
    pub interval_cv: Option<f64>,
    /// Whom they pay.
    pub producers: u64,
    /// Gini's coefficient over the nodes, those that made no block among them: 0 where all made as many.
    pub gini: Option<f64>,
    /// Nakamoto's coefficient: the fewest who made more than half.
    pub nakamoto: Option<u64>,
    /// How much of the blocks would have to be another node's for all to have made as many.
    pub unfairness: Option<f64>,
    /// Hashes that proving the blocks took, by their targets; 0 where nothing is proven by hashes.
    pub hashes: f64,
    /// Signatures that the blocks hold, in payments and seals.
    pub signatures: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl BenchChain {
    /// The share of all blocks that are stale.
    pub fn stale_rate(&self) -> Option<f64> {
        let all = self.blocks + self.stale;
        (all > 0).then(|| self.stale as f64 / all as f64) // far below 2^53
    }
}

/// What a partition did.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchPartition {
    /// Nodes of the larger side, and of the smaller.
    pub sides: [u64; 2],
    /// Seconds that it lasted.
    pub seconds: f64,
    /// Blocks that the head of each side rose by.
    pub blocks: [u64; 2],
    /// Blocks that became final on each side.
    pub finalised: [u64; 2],
    /// Blocks of the smaller side that were left behind afterwards.
    pub undone: u64,
    /// Seconds from the end of the partition until all nodes had one head; nothing if they never did.
    pub healed_s: Option<f64>,
}

/// What the death of a node did.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchCrash {
    /// Whether it was the one that led.
    pub leader: bool,
    /// Seconds until something new was final elsewhere; nothing if that did not happen before it was started again.
    pub recovered_s: Option<f64>,
    /// Seconds from its start until it had the head of the others; nothing if that took too long.
    pub rejoined_s: Option<f64>,
}

/// Reports of comparisons, merged.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchReport {
    /// The files that were read.
    pub files: Vec<String>,
    /// The files beside them that hold neither a comparison nor a search for the highest rate, and why.
    pub left_out: BTreeMap<String, String>,
    /// One for each build, the earliest first, with the runs of all its files.
    pub builds: Vec<BenchCompare>,
    /// What the last build has beside the first.
    pub changes: Vec<BenchChange>,
    /// Searches for the highest rate, by chain, the earliest first.
    pub rates: Vec<BenchMax>,
}

/// A figure in the first build and in the last.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchChange {
    /// The chain spec.
    pub spec: String,
    /// The rule.
    pub engine: String,
    /// The figure.
    pub figure: String,
    /// In the first build.
    pub from: BenchInterval,
    /// In the last.
    pub to: BenchInterval,
    /// The last value over the first.
    pub ratio: Option<f64>,
    /// Whether the intervals have nothing in common.
    pub apart: bool,
}

/// What is quoted of a chain's figures, beside what a chain with these figures does.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchQuoted {
    /// The chain spec.
    pub spec: String,
    /// The rule.
    pub engine: String,
    /// What people say.
    pub claim: String,
    /// Nodes, each of which makes blocks.
    pub nodes: u64,
    /// Milliseconds from node to node, one way.
    pub latency_ms: f64,
    /// What chance made of it.
    pub seed: u64,
    /// Blocks of the chain from when payments came until they were final.
    pub blocks: u64,
    /// Payments that were offered, …
    pub payments: u64,
    /// … and those that became final.
    #[serde(rename = "final")]
    pub settled: u64,
    /// Seconds between blocks.
    pub interval_s: BenchBeside,
    /// Their standard deviation over their mean: 1 where blocks come at random, 0 by the clock.
    pub interval_cv: Option<f64>,
    /// Confirmations after which a payment is trusted, as people say; its own block is the first.
    pub confirmations: u64,
    /// Seconds until then; half of the payments took at most so long.
    pub trusted_s: BenchBeside,
    /// The same, of 95 of 100 payments.
    pub trusted_p95_s: Option<f64>,
    /// Until the first confirmation.
    pub first_ms: Option<BenchTimes>,
    /// Until it was final by the rule of the spec.
    pub final_ms: Option<BenchTimes>,
    /// The share of blocks that were a node's head and did not stay in the chain.
    pub stale_rate: Option<f64>,
}

/// A figure, as it is quoted and as it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchBeside {
    /// What people say.
    pub quoted: f64,
    /// What came of it.
    pub measured: Option<f64>,
    /// What came of it over what people say.
    pub ratio: Option<f64>,
}
