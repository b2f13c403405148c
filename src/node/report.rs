//! What the node says of itself while it works: log lines and metrics.
//!
//! Figures follow the replica at once, and those of network and miner within a second, so that whoever reads `/metrics`
//! reads the truth. The informant speaks every five seconds. What it and imports say is written for people, with the same
//! figures as fields for programs; see [`SPOKEN`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;

use super::host::wall_clock;
use super::informant::{Arrival, Pulse, short};
use super::metrics::{MessageKind, MessageLabels, Metrics, Way, WayLabels};
use super::net::{Counters, Flow};
use super::stopwatch::{Lap, Stopwatch};
use crate::chain::Imported;
use crate::consensus::Report as EngineReport;
use crate::miner::Miner;
use crate::replica::{FinalityConflict, Progress, Report, View};
use crate::spec::DevAccount;
use crate::store::StoreError;
use crate::types::{Address, Height, Prefix};

/// The targets of log lines whose message says everything; people are spared their fields.
pub const SPOKEN: [&str; 3] = [START, IMPORT, INFORMANT];

/// What runs here.
pub(super) const START: &str = "assay::start";

/// Blocks as they come.
pub(super) const IMPORT: &str = "assay::import";

/// How the node is.
pub(super) const INFORMANT: &str = "assay::informant";

/// How often the informant speaks.
const INFORM_EVERY: Duration = Duration::from_secs(5);

/// How often the figures of network and miner are read.
const FEED_EVERY: Duration = Duration::from_secs(1);

/// Blocks this far behind what there is to catch up with are imported without a line each.
const QUIET_BEHIND: u64 = 20;

/// Names of those whom blocks pay.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// The human-readable part of addresses.
    pub prefix: Prefix,
    /// Whether development accounts are called by their names.
    pub dev: bool,
}

impl Names {
    fn of(self, address: &Address) -> String {
        match self.dev.then(|| DevAccount::of(address)).flatten() {
            Some(account) => account.name().to_owned(),
            None => {
                let mut text = address.encode(&self.prefix);
                text.truncate(16); // an address is ASCII
                text + "…"
            }
        }
    }
}

/// Turns reports into log lines and metrics.
pub struct Reporter {
    metrics: Arc<Metrics>,
    counters: Arc<Counters>,
    stopwatch: Stopwatch,
    names: Names,
    fed: Instant,
    informed: Instant,
    /// Hashes when they were last read.
    hashes: u64,
    /// What the informant told of last.
    told: Told,
    /// Whether it was told that this node is catching up.
    told_syncing: bool,
    last_import: Instant,
    /// The height that there is to catch up with.
    target: Option<Height>,
}

/// Totals at one moment.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    hashes: u64,
    blocks: u64,
    transactions: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl Reporter {
    /// A reporter that feeds these metrics, from the counters of the network among others. The stopwatch is around the
    /// engine.
    pub(super) fn new(
        metrics: Arc<Metrics>,
        counters: Arc<Counters>,
        stopwatch: Stopwatch,
        names: Names,
    ) -> Self {
        let now = Instant::now();
        Self {
            metrics,
            counters,
            stopwatch,
            names,
            fed: now,
            informed: now,
            hashes: 0,
            told: Told::default(),
            told_syncing: false,
            last_import: now,
            target: None,
        }
    }

    /// Starts to measure what the replica does.
    pub(super) fn lap(&self) -> Lap {
        self.stopwatch.lap()
    }

    /// How long the replica took, without what the engine did meanwhile.
    pub(super) fn end(&self, lap: &Lap) -> Duration {
        self.stopwatch.end(lap)
    }

    /// Runs a sync of the store and measures it.
    pub(super) fn sync(&self, sync: impl FnOnce() -> Result<(), StoreError>) -> Result<(), String> {
        let before = Instant::now();
        sync().map_err(|error| error.to_string())?;
        self.metrics.store_sync_seconds.observe(before.elapsed().as_secs_f64());
        Ok(())
    }

    /// So many signatures are being checked.
    pub(super) fn checking(&self, signatures: usize) {
        self.metrics.signatures_checked.inc_by(signatures as u64); // a length fits 64 bits
    }

    /// One fact. `took` is how long an import took, if it is one.
    pub(super) fn report(&mut self, report: &Report, took: Duration) {
        match report {
            Report::Imported { imported, transactions, bytes, producer, time, own } => {
                let (word, height) = (if *own { "made" } else { "imported" }, imported.height);
                let arrival = Arrival {
                    word: if imported.moved.is_some() { word } else { "side block" },
                    height,
                    id: imported.id,
                    producer: self.names.of(producer),
                    transactions: *transactions,
                    bytes: *bytes,
                    took,
                    age: wall_clock().since(*time),
                };
                self.imported(imported, &arrival, *own);
            }
            Report::Refused { block, height, reason } => {
                self.metrics.chain_refused.inc();
                tracing::warn!(%height, block = short(block), "refused a block: {reason}");
            }
            Report::Final { height, id, receipts } => {
                self.metrics.chain_final_transactions.inc_by(receipts.len() as u64);
                tracing::debug!(%height, block = short(id), "final");
            }
            Report::Syncing(progress) => self.syncing(progress),
            Report::FinalityConflict(conflict) => {
                self.metrics.chain_finality_conflicts.inc();
                let FinalityConflict { height, ours, theirs, tip, tip_height, .. } = conflict;
                tracing::error!(
                    %height, %ours, %theirs, %tip, %tip_height,
                    "peers have a better branch that leaves ours below the final block: it is not followed; \
                     if theirs is the right one, start again with --resync"
                );
            }
            Report::Engine(EngineReport::Drafted { block, transactions }) => {
                tracing::debug!(block = short(block), transactions, "searching");
            }
            Report::Engine(EngineReport::DraftFailed(reason)) => {
                tracing::warn!("no block can be drafted: {reason}");
            }
            Report::Engine(EngineReport::TooManyUnfinal { blocks }) => {
                tracing::error!(blocks, "too many blocks are not final: making no more");
            }
            Report::Engine(EngineReport::Round { round, leader }) => {
                let leader = leader.map(|leader| self.names.of(&leader));
                let leader = leader.as_deref().unwrap_or("nobody so far");
                tracing::info!(round, "round {round}: {leader} leads");
            }
            Report::Engine(EngineReport::DraftRefused { block, from, reason }) => {
                let from = self.names.of(from);
                tracing::warn!(block = short(block), "refused a draft that {from} sent: {reason}");
            }
            Report::Engine(EngineReport::Lied { by, round, height }) => {
                let by = self.names.of(by);
                tracing::error!(
                    round, %height,
                    "{by} signed two votes for different blocks of one height in one round: the proof is kept"
                );
            }
            Report::Engine(EngineReport::Dropped { from, reason }) => {
                self.metrics.consensus_dropped.inc();
                let from = self.names.of(from);
                tracing::debug!("a message of {from} is dropped: {reason:?}");
            }
            Report::Engine(EngineReport::Unreadable { record }) => {
                tracing::error!(
                    record,
                    "what was promised before the last stop cannot be read: this node takes no part; \
                     was it written by a newer version?"
                );
            }
            // Gauges tell how full the pool is.
            Report::PoolChanged(_) => {}
            Report::StoreFailed(reason) => tracing::error!("the store failed: {reason}"),
        }
    }

    /// Catching up goes in slices, of which there may be hundreds in a second: it is told once, and the informant goes on.
    fn syncing(&mut self, progress: &Progress) {
        let Progress { height, target, peers, .. } = progress;
        if !std::mem::replace(&mut self.told_syncing, true) {
            tracing::info!(%height, %target, peers, "catching up");
        }
    }

    fn imported(&mut self, imported: &Imported, arrival: &Arrival, own: bool) {
        let metrics = &self.metrics;
        metrics.chain_imports.inc();
        metrics.chain_transactions.inc_by(arrival.transactions as u64);
        metrics.chain_import_seconds.observe(arrival.took.as_secs_f64());
        self.last_import = Instant::now();
        if own {
            metrics.miner_blocks.inc();
        }
        if let Some(moved) = imported.moved.as_ref().filter(|moved| !moved.left.is_empty()) {
            metrics.chain_reorgs.inc();
            metrics.chain_reorged_blocks.inc_by(moved.left.len() as u64);
            let (left, joined) = (moved.left.len(), moved.joined.len());
            tracing::info!(
                target: IMPORT,
                height = arrival.height.0,
                block = %arrival.id,
                left,
                joined,
                "another branch is better: {left} blocks left, {joined} joined · height {} · {}",
                arrival.height,
                short(&arrival.id)
            );
        }
        // Whoever catches up imports hundreds a second: the informant tells how it goes.
        let quiet = self.target.is_some_and(|best| arrival.height.0 + QUIET_BEHIND < best.0);
        macro_rules! say {
            ($level:ident) => {
                tracing::$level!(
                    target: IMPORT,
                    height = arrival.height.0,
                    block = %arrival.id,
                    producer = arrival.producer,
                    transactions = arrival.transactions,
                    bytes = arrival.bytes,
                    took_ms = arrival.took.as_secs_f64() * 1000.0,
                    age_ms = arrival.age.0,
                    best = imported.moved.is_some(),
                    own,
                    "{arrival}"
                )
            };
        }
        if quiet { say!(debug) } else { say!(info) }
    }

    /// Feeds what the replica shows of itself.
    pub(super) fn observe(&mut self, view: &View) {
        let metrics = &self.metrics;
        metrics.chain_height.set(whole(view.header.height.0));
        metrics.chain_final_height.set(whole(view.final_height.0));
        metrics.chain_unfinal_blocks.set(whole(view.tree_blocks.saturating_sub(1) as u64));
        metrics.mempool_transactions.set(whole(view.pool_len as u64));
        metrics.mempool_bytes.set(whole(view.pool_bytes as u64));
        set(&metrics.mempool_accepted, view.pool_accepted);
        set(&metrics.mempool_refused, view.pool_refused);
        metrics.net_peers.set(whole(view.peers as u64));
        let behind = |target: &Height| view.header.height.0 + QUIET_BEHIND < target.0;
        self.target = view.sync.as_ref().map(|progress| progress.target).filter(behind);
        self.told_syncing &= view.sync.is_some();
    }

    /// Reads the figures of network and miner when it is time, and now and then speaks a line.
    pub(super) fn inform(&mut self, view: &View, miner: &Miner) {
        let elapsed = self.fed.elapsed();
        if elapsed < FEED_EVERY {
            return;
        }
        self.fed = Instant::now();
        let hashes = miner.hashes();
        // A rate needs no more than a double holds.
        let rate = hashes.saturating_sub(self.hashes) as f64 / elapsed.as_secs_f64();
        self.hashes = hashes;
        set(&self.metrics.miner_hashes, hashes);
        self.metrics.miner_hash_rate.set(rate);
        feed_net(&self.metrics, &self.counters);
        if self.informed.elapsed() >= INFORM_EVERY {
            self.speak(view);
        }
    }

    fn speak(&mut self, view: &View) {
        let now = Told {
            hashes: self.hashes,
            blocks: self.metrics.chain_imports.get(),
            transactions: self.metrics.chain_transactions.get(),
            bytes_in: self.counters.wire_in.bytes(),
            bytes_out: self.counters.wire_out.bytes(),
        };
        let (told, elapsed) = (std::mem::replace(&mut self.told, now), self.informed.elapsed());
        self.informed = Instant::now();
        let mut pulse = Pulse {
            elapsed,
            height: view.header.height,
            final_height: view.final_height,
            target: self.target,
            peers: view.peers,
            pool: view.pool_len,
            pool_bytes: view.pool_bytes,
            blocks: now.blocks - told.blocks,
            transactions: now.transactions - told.transactions,
            idle: self.last_import.elapsed(),
            hash_rate: None,
            bytes_in: now.bytes_in - told.bytes_in,
            bytes_out: now.bytes_out - told.bytes_out,
        };
        let hash_rate = pulse.per_second(now.hashes - told.hashes);
        pulse.hash_rate = (hash_rate > 0.0).then_some(hash_rate);
        tracing::info!(
            target: INFORMANT,
            doing = pulse.doing(),
            height = pulse.height.0,
            target_height = pulse.target.map(|target| target.0),
            final_height = pulse.final_height.0,
            peers = pulse.peers,
            pool = pulse.pool,
            pool_bytes = pulse.pool_bytes,
            blocks_per_second = pulse.per_second(pulse.blocks),
            transactions_per_second = pulse.per_second(pulse.transactions),
            hashes_per_second = hash_rate.round(),
            bytes_in_per_second = pulse.per_second(pulse.bytes_in).round(),
            bytes_out_per_second = pulse.per_second(pulse.bytes_out).round(),
            "{pulse}"
        );
    }
}

/// Copies what the network has counted.
fn feed_net(metrics: &Metrics, counters: &Counters) {
    use MessageKind::{Announce, Authority, Request, Response, Transactions};
    let flows = [
        (Way::In, Announce, &counters.blocks_in),
        (Way::Out, Announce, &counters.blocks_out),
        (Way::In, Transactions, &counters.transactions_in),
        (Way::Out, Transactions, &counters.transactions_out),
        (Way::In, Request, &counters.requests_in),
        (Way::Out, Request, &counters.requests_out),
        (Way::In, Response, &counters.responses_in),
        (Way::Out, Response, &counters.responses_out),
        (Way::In, Authority, &counters.authority_in),
        (Way::Out, Authority, &counters.authority_out),
    ];
    for (way, kind, flow) in flows {
        let labels = MessageLabels { way, kind };
        set(&metrics.net_messages.get_or_create(&labels), flow.messages());
        set(&metrics.net_bytes.get_or_create(&labels), flow.bytes());
    }
    let wire = |way, flow: &Flow| {
        set(&metrics.net_wire_bytes.get_or_create(&WayLabels { way }), flow.bytes());
    };
    wire(Way::In, &counters.wire_in);
    wire(Way::Out, &counters.wire_out);
    let load = |counter: &AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    set(&metrics.net_bans, load(&counters.bans));
    set(&metrics.net_requests_failed, load(&counters.requests_failed));
    set(&metrics.net_dials_failed, load(&counters.dials_failed));
    set(&metrics.net_foreign_peers, load(&counters.wrong_chain));
    set(&metrics.net_authority_dropped, load(&counters.authority_dropped));
    set(&metrics.net_authority_unsent, load(&counters.authority_unsent));
    set(&metrics.net_authority_strange, load(&counters.authority_strange));
    metrics.net_authorities.set(whole(load(&counters.authorities)));
    let shed = [&counters.gossip_shed, &counters.gossip_expired, &counters.requests_refused];
    set(&metrics.net_shed, shed.into_iter().map(load).sum());
}

/// Brings a counter to a total that is counted elsewhere and only grows.
fn set(counter: &Counter, total: u64) {
    counter.inner().store(total, Ordering::Relaxed);
}

/// A gauge holds signed numbers; none of ours comes near their end.
fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
