//! Figures for Prometheus: one registry for the node, named `assay_<subsystem>_<unit>` in base units.
//!
//! Every figure is an atomic that is cheap to update from any thread. The host feeds them; `/metrics` writes them out.

use std::fmt::{self, Write};
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// A rate or the like.
pub type FloatGauge = Gauge<f64, AtomicU64>;

/// Which way something went over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// From a peer.
    In,
    /// To a peer.
    Out,
}

/// What a message on the network was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// A block in short form.
    Announce,
    /// A batch of transactions.
    Transactions,
    /// A request.
    Request,
    /// A response.
    Response,
    /// A message between authorities.
    Consensus,
}

impl EncodeLabelValue for Way {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(match self {
            Self::In => "in",
            Self::Out => "out",
        })
    }
}

impl EncodeLabelValue for MessageKind {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(match self {
            Self::Announce => "announce",
            Self::Transactions => "transactions",
            Self::Request => "request",
            Self::Response => "response",
            Self::Consensus => "consensus",
        })
    }
}

/// The labels of a network figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct MessageLabels {
    /// The direction.
    pub way: Way,
    /// The kind.
    pub kind: MessageKind,
}

/// The labels of the calls of a method. Only methods that exist are counted, so there are few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CallLabels {
    /// The method.
    pub method: &'static str,
    /// `ok` or `error`.
    pub outcome: &'static str,
}

/// All figures. Those that end in a total only grow while the node runs.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,

    /// The height of the head.
    pub chain_height: Gauge,
    /// The final height.
    pub chain_final_height: Gauge,
    /// Blocks above the final one, side branches included.
    pub chain_unfinal_blocks: Gauge,
    /// Blocks that entered the tree.
    pub chain_imports: Counter,
    /// Blocks that were refused.
    pub chain_refused: Counter,
    /// Transactions in blocks that entered the tree.
    pub chain_transactions: Counter,
    /// How long an import took, from the first check to the new head, in seconds.
    pub chain_import_seconds: Histogram,
    /// Times that the head moved to another branch.
    pub chain_reorgs: Counter,
    /// Blocks that left the best branch.
    pub chain_reorged_blocks: Counter,
    /// Proofs seen of another block at a final height.
    pub chain_finality_conflicts: Counter,

    /// Pending transactions.
    pub mempool_transactions: Gauge,
    /// Their encoded size in bytes.
    pub mempool_bytes: Gauge,
    /// Transactions that joined the pool.
    pub mempool_accepted: Counter,
    /// Transactions that were refused.
    pub mempool_refused: Counter,

    /// Connected peers.
    pub net_peers: Gauge,
    /// Messages.
    pub net_messages: Family<MessageLabels, Counter>,
    /// Encoded bytes of messages.
    pub net_bytes: Family<MessageLabels, Counter>,
    /// Peers that were banned.
    pub net_bans: Counter,

    /// Hashes that the search tried.
    pub miner_hashes: Counter,
    /// Hashes per second, lately.
    pub miner_hash_rate: FloatGauge,
    /// Blocks that the search found.
    pub miner_blocks: Counter,

    /// How long a synced write took, in seconds.
    pub store_sync_seconds: Histogram,
    /// Signatures that were checked.
    pub signatures_checked: Counter,

    /// Open connections to the port.
    pub rpc_connections: Gauge,
    /// Connections that were refused because too many were open.
    pub rpc_refused: Counter,
    /// Calls, by method and outcome.
    pub rpc_calls: Family<CallLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All figures at zero.
    pub fn new() -> Self {
        // From 50 µs to 26 s: an empty block on an idle machine up to a full one on a busy one.
        let seconds = || Histogram::new(exponential_buckets(0.000_05, 2.0, 20));
        let mut metrics = Self {
            registry: Registry::with_prefix("assay"),
            chain_height: Gauge::default(),
            chain_final_height: Gauge::default(),
            chain_unfinal_blocks: Gauge::default(),
            chain_imports: Counter::default(),
            chain_refused: Counter::default(),
            chain_transactions: Counter::default(),
            chain_import_seconds: seconds(),
            chain_reorgs: Counter::default(),
            chain_reorged_blocks: Counter::default(),
            chain_finality_conflicts: Counter::default(),
            mempool_transactions: Gauge::default(),
            mempool_bytes: Gauge::default(),
            mempool_accepted: Counter::default(),
            mempool_refused: Counter::default(),
            net_peers: Gauge::default(),
            net_messages: Family::default(),
            net_bytes: Family::default(),
            net_bans: Counter::default(),
            miner_hashes: Counter::default(),
            miner_hash_rate: FloatGauge::default(),
            miner_blocks: Counter::default(),
            store_sync_seconds: seconds(),
            signatures_checked: Counter::default(),
            rpc_connections: Gauge::default(),
            rpc_refused: Counter::default(),
            rpc_calls: Family::default(),
        };
        metrics.register();
        metrics
    }

    /// Says which node this is: the labels of `assay_node_info`. Once, before the figures are shared.
    pub fn identify(&mut self, chain: &str, genesis: &str, engine: &str) {
        let labels = vec![
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("chain", chain.to_owned()),
            ("genesis", genesis.to_owned()),
            ("engine", engine.to_owned()),
        ];
        self.registry.register("node", "Which node this is", Info::new(labels));
    }

    /// The registry, for libraries that bring figures of their own. Before the figures are shared.
    pub fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// Everything as OpenMetrics text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }

    /// Counts a call of a method.
    pub(super) fn called(&self, method: &'static str, ok: bool) {
        let outcome = if ok { "ok" } else { "error" };
        self.rpc_calls.get_or_create(&CallLabels { method, outcome }).inc();
    }

    fn register(&mut self) {
        let bytes = Unit::Bytes;
        let chain = self.registry.sub_registry_with_prefix("chain");
        chain.register("height", "The height of the head", self.chain_height.clone());
        chain.register("final_height", "The final height", self.chain_final_height.clone());
        chain.register(
            "unfinal_blocks",
            "Blocks above the final one, side branches included",
            self.chain_unfinal_blocks.clone(),
        );
        chain.register("imports", "Blocks that entered the tree", self.chain_imports.clone());
        chain.register("refused", "Blocks that were refused", self.chain_refused.clone());
        chain.register(
            "transactions",
            "Transactions in blocks that entered the tree",
            self.chain_transactions.clone(),
        );
        chain.register_with_unit(
            "import",
            "How long an import took",
            Unit::Seconds,
            self.chain_import_seconds.clone(),
        );
        chain.register(
            "reorgs",
            "Times that the head moved to another branch",
            self.chain_reorgs.clone(),
        );
        chain.register(
            "reorged_blocks",
            "Blocks that left the best branch",
            self.chain_reorged_blocks.clone(),
        );
        chain.register(
            "finality_conflicts",
            "Proofs seen of another block at a final height",
            self.chain_finality_conflicts.clone(),
        );

        let mempool = self.registry.sub_registry_with_prefix("mempool");
        mempool.register("transactions", "Pending transactions", self.mempool_transactions.clone());
        mempool.register_with_unit(
            "pending",
            "Encoded size of the pending transactions",
            bytes.clone(),
            self.mempool_bytes.clone(),
        );
        mempool.register(
            "accepted",
            "Transactions that joined the pool",
            self.mempool_accepted.clone(),
        );
        mempool.register("refused", "Transactions that were refused", self.mempool_refused.clone());

        let net = self.registry.sub_registry_with_prefix("net");
        net.register("peers", "Connected peers", self.net_peers.clone());
        net.register("messages", "Messages", self.net_messages.clone());
        net.register_with_unit(
            "messages",
            "Encoded size of messages",
            bytes,
            self.net_bytes.clone(),
        );
        net.register("bans", "Peers that were banned", self.net_bans.clone());

        let miner = self.registry.sub_registry_with_prefix("miner");
        miner.register("hashes", "Hashes that the search tried", self.miner_hashes.clone());
        miner.register(
            "hashes_per_second",
            "Hashes per second, lately",
            self.miner_hash_rate.clone(),
        );
        miner.register("blocks", "Blocks that the search found", self.miner_blocks.clone());

        self.registry.register(
            "signatures_checked",
            "Signatures that were checked",
            self.signatures_checked.clone(),
        );
        self.registry.sub_registry_with_prefix("store").register_with_unit(
            "sync",
            "How long a synced write took",
            Unit::Seconds,
            self.store_sync_seconds.clone(),
        );

        let rpc = self.registry.sub_registry_with_prefix("rpc");
        rpc.register("connections", "Open connections to the port", self.rpc_connections.clone());
        rpc.register(
            "refused_connections",
            "Connections refused because too many were open",
            self.rpc_refused.clone(),
        );
        rpc.register("calls", "Calls, by method and outcome", self.rpc_calls.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_names_that_dashboards_use() {
        let mut metrics = Metrics::new();
        metrics.identify("pow-dev", "00ff", "pow");
        metrics.chain_height.set(7);
        metrics.chain_import_seconds.observe(0.002);
        metrics.miner_hashes.inc_by(1000);
        metrics.miner_hash_rate.set(12.5);
        let labels = MessageLabels { way: Way::In, kind: MessageKind::Announce };
        metrics.net_messages.get_or_create(&labels).inc();
        metrics.net_bytes.get_or_create(&labels).inc_by(321);
        metrics.called("chain_info", true);
        let text = metrics.encode();
        for line in [
            "assay_chain_height 7\n",
            "assay_chain_import_seconds_count 1\n",
            "assay_miner_hashes_total 1000\n",
            "assay_miner_hashes_per_second 12.5\n",
            "assay_mempool_pending_bytes 0\n",
            "assay_net_messages_total{way=\"in\",kind=\"announce\"} 1\n",
            "assay_net_messages_bytes_total{way=\"in\",kind=\"announce\"} 321\n",
            "assay_rpc_calls_total{method=\"chain_info\",outcome=\"ok\"} 1\n",
            "assay_node_info{",
            "engine=\"pow\"",
            "# EOF\n",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        let mut names: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .filter_map(|rest| rest.split(' ').next())
            .collect();
        assert!(names.iter().all(|name| name.starts_with("assay_")), "{names:?}");
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "no name is used twice");
    }
}
