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
    /// A message of an authority to another.
    Authority,
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
            Self::Authority => "authority",
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

/// The label of a figure that only tells the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WayLabels {
    /// The direction.
    pub way: Way,
}

/// What became of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It counted.
    Accepted,
    /// Its job was stale, or not known.
    Stale,
    /// It was sent twice.
    Duplicate,
    /// Its hash missed the target.
    Low,
    /// It was refused for its version bits or time, or came from somebody unknown.
    Refused,
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(match self {
            Self::Accepted => "accepted",
            Self::Stale => "stale",
            Self::Duplicate => "duplicate",
            Self::Low => "low",
            Self::Refused => "refused",
        })
    }
}

/// The label of shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ShareLabels {
    /// What became of them.
    pub outcome: Outcome,
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
    /// Transactions that became final.
    pub chain_final_transactions: Counter,
    /// How long an import took, from the first check to the new head, in seconds. Blocks that came together share their
    /// time evenly; signatures are checked before, beside the loop.
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
    /// Everything that went over the wire, framing and pings included, before encryption.
    pub net_wire_bytes: Family<WayLabels, Counter>,
    /// Peers that were banned.
    pub net_bans: Counter,
    /// Requests of this node that got no answer.
    pub net_requests_failed: Counter,
    /// Attempts of this node to connect that failed.
    pub net_dials_failed: Counter,
    /// Peers of other chains that were turned away.
    pub net_foreign_peers: Counter,
    /// Messages of peers that were dropped unjudged because too many waited.
    pub net_shed: Counter,

    /// Authorities that there are streams to.
    pub net_authorities: Gauge,
    /// Messages to authorities that had to go because their receivers took them too slowly.
    pub net_authority_dropped: Counter,
    /// Messages to authorities that there was no stream to.
    pub net_authority_unsent: Counter,
    /// Messages of those who proved a key, but are no authorities.
    pub net_authority_strange: Counter,

    /// Messages of authorities that the rule dropped.
    pub consensus_dropped: Counter,

    /// Hashes that the search tried.
    pub miner_hashes: Counter,
    /// Hashes per second, lately.
    pub miner_hash_rate: FloatGauge,
    /// Blocks that the search found.
    pub miner_blocks: Counter,

    /// Open connections of miners.
    pub stratum_connections: Gauge,
    /// Connections of miners that were turned away because too many were open.
    pub stratum_refused: Counter,
    /// Shares of miners.
    pub stratum_shares: Family<ShareLabels, Counter>,
    /// Blocks that miners found.
    pub stratum_blocks: Counter,
    /// Lines of miners that made no sense.
    pub stratum_nonsense: Counter,
    /// Hashes per second of all miners, as their shares let guess.
    pub stratum_hash_rate: FloatGauge,

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
            chain_final_transactions: Counter::default(),
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
            net_wire_bytes: Family::default(),
            net_bans: Counter::default(),
            net_requests_failed: Counter::default(),
            net_dials_failed: Counter::default(),
            net_foreign_peers: Counter::default(),
            net_shed: Counter::default(),
            net_authorities: Gauge::default(),
            net_authority_dropped: Counter::default(),
            net_authority_unsent: Counter::default(),
            net_authority_strange: Counter::default(),
            consensus_dropped: Counter::default(),
            miner_hashes: Counter::default(),
            miner_hash_rate: FloatGauge::default(),
            miner_blocks: Counter::default(),
            stratum_connections: Gauge::default(),
            stratum_refused: Counter::default(),
            stratum_shares: Family::default(),
            stratum_blocks: Counter::default(),
            stratum_nonsense: Counter::default(),
            stratum_hash_rate: FloatGauge::default(),
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
        chain.register(
            "final_transactions",
            "Transactions that became final",
            self.chain_final_transactions.clone(),
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
            bytes.clone(),
            self.net_bytes.clone(),
        );
        net.register_with_unit(
            "wire",
            "Everything that went over the wire, before encryption",
            bytes,
            self.net_wire_bytes.clone(),
        );
        net.register("bans", "Peers that were banned", self.net_bans.clone());
        net.register(
            "requests_failed",
            "Requests of this node that got no answer",
            self.net_requests_failed.clone(),
        );
        net.register(
            "dials_failed",
            "Attempts of this node to connect that failed",
            self.net_dials_failed.clone(),
        );
        net.register(
            "foreign_peers",
            "Peers of other chains that were turned away",
            self.net_foreign_peers.clone(),
        );
        net.register(
            "shed_messages",
            "Messages of peers that were dropped unjudged because too many waited",
            self.net_shed.clone(),
        );

        net.register(
            "authorities",
            "Authorities that there are streams to",
            self.net_authorities.clone(),
        );
        net.register(
            "authority_dropped",
            "Messages to authorities that took them too slowly",
            self.net_authority_dropped.clone(),
        );
        net.register(
            "authority_unsent",
            "Messages to authorities that there was no stream to",
            self.net_authority_unsent.clone(),
        );
        net.register(
            "authority_strange",
            "Messages of those who proved a key, but are no authorities",
            self.net_authority_strange.clone(),
        );

        self.registry.sub_registry_with_prefix("consensus").register(
            "dropped",
            "Messages of authorities that the rule dropped",
            self.consensus_dropped.clone(),
        );

        let miner = self.registry.sub_registry_with_prefix("miner");
        miner.register("hashes", "Hashes that the search tried", self.miner_hashes.clone());
        miner.register(
            "hashes_per_second",
            "Hashes per second, lately",
            self.miner_hash_rate.clone(),
        );
        miner.register(
            "blocks",
            "Blocks made here, whoever found the proof",
            self.miner_blocks.clone(),
        );

        let stratum = self.registry.sub_registry_with_prefix("stratum");
        stratum.register(
            "connections",
            "Open connections of miners",
            self.stratum_connections.clone(),
        );
        stratum.register(
            "refused_connections",
            "Connections of miners turned away because too many were open",
            self.stratum_refused.clone(),
        );
        stratum.register("shares", "Shares of miners", self.stratum_shares.clone());
        stratum.register("blocks", "Blocks that miners found", self.stratum_blocks.clone());
        stratum.register(
            "nonsense_lines",
            "Lines of miners that made no sense",
            self.stratum_nonsense.clone(),
        );
        stratum.register(
            "hashes_per_second",
            "Hashes per second of all miners, as their shares let guess",
            self.stratum_hash_rate.clone(),
        );

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
    }

    /// What `docs/metrics.md` lists: name, type and labels of each figure.
    fn documented() -> Vec<(String, String, Vec<String>)> {
        let bare = |cell: &str| cell.trim().trim_matches('`').to_owned();
        let rows = include_str!("../../docs/metrics.md")
            .lines()
            .filter(|row| row.starts_with("| `assay_"));
        let row = |row: &str| {
            let cells: Vec<&str> = row.split('|').collect();
            let labels = cells[3].split(',').map(bare).filter(|label| !label.is_empty()).collect();
            (bare(cells[1]), cells[2].trim().to_owned(), labels)
        };
        rows.map(row).collect()
    }

    #[test]
    fn the_documentation_lists_every_figure_and_no_other() {
        let mut metrics = Metrics::new();
        metrics.identify("pow-dev", "00ff", "pow");
        // What has labels shows itself with the first use only.
        let labels = MessageLabels { way: Way::Out, kind: MessageKind::Request };
        metrics.net_messages.get_or_create(&labels).inc();
        metrics.net_bytes.get_or_create(&labels).inc();
        metrics.net_wire_bytes.get_or_create(&WayLabels { way: Way::In }).inc();
        metrics.stratum_shares.get_or_create(&ShareLabels { outcome: Outcome::Stale }).inc();
        metrics.called("chain_info", false);
        let text = metrics.encode();
        let mut registered = Vec::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            registered.push(match kind {
                "counter" => (format!("{name}_total"), kind.to_owned()),
                // The suffix of a metric of this type belongs to its name.
                "info" => (format!("{name}_info"), kind.to_owned()),
                kind => (name.to_owned(), kind.to_owned()),
            });
        }
        let mut listed: Vec<_> =
            documented().into_iter().map(|(name, kind, _)| (name, kind)).collect();
        registered.sort();
        listed.sort();
        assert_eq!(listed, registered);
        assert!(registered.iter().all(|(name, _)| name.starts_with("assay_")), "{registered:?}");
        registered.dedup();
        assert_eq!(registered.len(), listed.len(), "no name is used twice");
        for (name, _, labels) in documented() {
            let series = text.lines().find(|line| line.starts_with(&format!("{name}{{")));
            for label in &labels {
                let series = series.unwrap_or_else(|| panic!("{name} has no labels"));
                assert!(series.contains(&format!("{label}=\"")), "{label} is not in {series}");
            }
            assert_eq!(series.is_some(), !labels.is_empty(), "{name}");
        }
    }
}
