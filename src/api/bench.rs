//! What `assay bench load` and `assay bench confirm` print with `--json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::types::GenesisId;

/// Payments that were offered to nodes, and what became of them.
///
/// Latencies are counted from the moment at which a payment was due. Where the text says *home*, the node is meant that
/// the payment was handed to. Nothing was measured where a value is `null`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchLoad {
    /// The chain's name.
    pub chain: String,
    /// Names the chain.
    pub genesis: GenesisId,
    /// The rule that makes blocks.
    pub engine: String,
    /// How many nodes were offered payments and watched.
    pub nodes: u64,
    /// Whether a signal ended the run before its time.
    pub partial: bool,
    /// Where arrivals, accounts and amounts come from.
    pub seed: u64,
    /// Accounts that pay each other.
    pub accounts: u64,
    /// Payments that were to be on their way at any time; absent where they arrived by a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u64>,
    /// Encoded bytes of a payment.
    pub payment_bytes: u64,
    /// Seconds from the first payment until no more were offered.
    pub offered_seconds: f64,
    /// Payments per second that were offered.
    pub rate_offered: f64,
    /// Payments per second that became final, from the first one offered to the last one final.
    pub rate_final: Option<f64>,
    /// Payments that were sent.
    pub submitted: u64,
    /// Those that a node acknowledged.
    pub accepted: u64,
    /// Those that a node refused.
    pub refused: u64,
    /// Those whose call got no answer; they may have arrived.
    pub unanswered: u64,
    /// Those in a block of the chain as it was read in the end.
    pub included: u64,
    /// Those in a final block of it.
    #[serde(rename = "final")]
    pub settled: u64,
    /// Those that were acknowledged and were pending in the end.
    pub pending: u64,
    /// Those that were acknowledged and in the end were in no node's chain or pool.
    pub lost: u64,
    /// Those that one chain holds twice.
    pub duplicates: u64,
    /// Pairs of nodes whose final blocks contradict each other.
    pub conflicts: u64,
    /// Those whose block left the best branch of their home.
    pub reorganised: u64,
    /// The nodes that did not answer when the chain was read in the end.
    pub unread: Vec<String>,
    /// Why payments were refused, with how many.
    pub refusals: BTreeMap<String, u64>,
    /// Why calls got no answer, with how many payments.
    pub failures: BTreeMap<String, u64>,
    /// Until the node acknowledged it.
    pub accepted_ms: Option<BenchTimes>,
    /// Until it was on the best branch of its home.
    pub included_ms: Option<BenchTimes>,
    /// Until it was final at its home.
    pub final_ms: Option<BenchTimes>,
    /// Milliseconds by which a share of them was on that branch, and the share.
    #[serde(default)]
    pub included_curve: Vec<[f64; 2]>,
    /// The same for final at home.
    #[serde(default)]
    pub final_curve: Vec<[f64; 2]>,
    /// Until it was on the best branch of every node.
    pub included_everywhere_ms: Option<BenchTimes>,
    /// Until it was final at every node.
    pub final_everywhere_ms: Option<BenchTimes>,
    /// Until it had 1, 2, … confirmations at its home.
    pub confirmations_ms: Vec<Option<BenchTimes>>,
    /// The same for payments that were due in each part of equal length.
    #[serde(default)]
    pub parts: Vec<BenchPart>,
    /// What each node said, of all payments.
    pub per_node: Vec<BenchNode>,
    /// Syncs of 4 KiB to the disk that the nodes write to, alone, before and after.
    pub fsync_ms: Option<BenchTimes>,
    /// How long nodes took to answer `chain_info` meanwhile.
    pub read_ms: Option<BenchTimes>,
    /// The most memory that one of the nodes used, as far as they run on this machine.
    pub node_memory_bytes: Option<u64>,
    /// Bytes that all nodes sent to each other, per payment in a block.
    pub bytes_per_tx: Option<f64>,
    /// Messages that they sent to each other, the same.
    pub messages_per_tx: Option<f64>,
    /// Processor time of all nodes, the same.
    pub cpu_us_per_tx: Option<f64>,
    /// Bytes by which the nodes' directories grew, all together, as far as they are on this machine.
    #[serde(default)]
    pub disk_bytes: Option<u64>,
    /// How much later than due payments left here.
    pub lag_ms: Option<BenchTimes>,
    /// Whether they left so late that the load was not the one that was asked for.
    pub generator_saturated: bool,
    /// The share of the processors that was idle.
    pub idle_share: Option<f64>,
    /// The share that another machine on the same hardware took.
    pub steal_share: Option<f64>,
    /// Whether so little was left that latencies include waiting for a processor.
    pub cpu_starved: bool,
    /// Milliseconds by which the machine's clock went further than time did, or less far if below nothing.
    #[serde(default)]
    pub clock_ms: Option<f64>,
    /// Whether it was set meanwhile: blocks bear its times, and nodes judge them by it.
    #[serde(default)]
    pub clock_trouble: bool,
    /// The share of the processors that measuring itself took, from the first payment until all were final.
    #[serde(default)]
    pub measuring_share: Option<f64>,
    /// Payments that one core signed per second, ahead of the load.
    pub signed_per_second: Option<f64>,
}

/// Percentiles of a latency, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchTimes {
    /// Half took at most so long.
    pub p50: f64,
    /// 95 of 100 took at most so long.
    pub p95: f64,
    /// 99 of 100 took at most so long.
    pub p99: f64,
    /// The longest.
    pub max: f64,
    /// How many there were.
    pub count: u64,
}

/// Payments that were due in one part of a run, at their homes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchPart {
    /// Until they were on the best branch.
    pub included_ms: Option<BenchTimes>,
    /// Until they were final.
    pub final_ms: Option<BenchTimes>,
}

/// What one node said of all payments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BenchNode {
    /// The node.
    pub name: String,
    /// Until they were on its best branch.
    pub included_ms: Option<BenchTimes>,
    /// Until they were final there.
    pub final_ms: Option<BenchTimes>,
    /// News that were lost because they were read too slowly; what they told was learnt from the next.
    pub lagged: u64,
    /// How often the subscription broke and was opened again.
    pub reconnects: u64,
}
