//! What the node says of itself while it works: log lines and metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::host::NodeReplica;
use super::metrics::Metrics;
use crate::chain::Imported;
use crate::consensus::Report as EngineReport;
use crate::miner::Miner;
use crate::replica::{FinalityConflict, Progress, Report};
use crate::store::StoreError;
use crate::types::{BlockId, Height};

/// How often the informant speaks.
const INFORM_EVERY: Duration = Duration::from_secs(5);

/// Blocks this far behind the best peer are imported without a line each.
const QUIET_BEHIND: u64 = 20;

/// Turns reports into log lines and metrics.
pub struct Reporter {
    metrics: Arc<Metrics>,
    informed: Instant,
    /// Hashes that the counter knows.
    hashes: u64,
    /// Hashes when the informant last spoke.
    informed_hashes: u64,
    best: Height,
    told_syncing: Instant,
    last_import: Instant,
}

/// The first bytes of an id, for people.
pub(super) fn short(id: &BlockId) -> String {
    id.to_string()[..12].to_owned()
}

impl Reporter {
    /// A reporter that feeds these metrics.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        let now = Instant::now();
        Self {
            metrics,
            informed: now,
            hashes: 0,
            informed_hashes: 0,
            best: Height(0),
            told_syncing: now,
            last_import: now,
        }
    }

    /// Runs a sync of the store and measures it.
    pub(super) fn sync(&self, sync: impl FnOnce() -> Result<(), StoreError>) -> Result<(), String> {
        let before = Instant::now();
        sync().map_err(|error| error.to_string())?;
        self.metrics.store_sync_seconds.observe(before.elapsed().as_secs_f64());
        Ok(())
    }

    /// One fact.
    pub(super) fn report(&mut self, report: &Report, miner: &Miner) {
        match report {
            Report::Imported { imported, transactions, own } => {
                self.imported(imported, *transactions, *own);
            }
            Report::Refused { block, height, reason } => {
                self.metrics.chain_refused.inc();
                tracing::warn!(%height, block = short(block), "refused a block: {reason}");
            }
            Report::Final { height, id, receipts } => {
                self.metrics.chain_final_height.set(whole(height.0));
                self.metrics.chain_transactions.inc_by(receipts.len() as u64);
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
                self.count_hashes(miner);
            }
            Report::Engine(EngineReport::DraftFailed(reason)) => {
                tracing::warn!("no block can be drafted: {reason}");
            }
            Report::Engine(EngineReport::TooManyUnfinal { blocks }) => {
                tracing::error!(blocks, "too many blocks are not final: making no more");
            }
            // Gauges tell how full the pool is.
            Report::PoolChanged(_) => {}
            Report::StoreFailed(reason) => tracing::error!("the store failed: {reason}"),
        }
    }

    /// Catching up goes in slices, of which there may be hundreds in a second.
    fn syncing(&mut self, progress: &Progress) {
        let Progress { height, target, peers, .. } = progress;
        let news = self.best != *target;
        self.best = *target;
        if news || self.told_syncing.elapsed() >= INFORM_EVERY {
            self.told_syncing = Instant::now();
            tracing::info!(%height, %target, peers, "catching up");
        }
    }

    fn imported(&mut self, imported: &Imported, transactions: usize, own: bool) {
        let Imported { id, height, moved } = imported;
        self.metrics.chain_imports.inc();
        self.last_import = Instant::now();
        if own {
            self.metrics.miner_blocks.inc();
        }
        let Some(moved) = moved else {
            tracing::info!(%height, block = short(id), transactions, "side block");
            return;
        };
        if !moved.left.is_empty() {
            self.metrics.chain_reorgs.inc();
            self.metrics.chain_reorged_blocks.inc_by(moved.left.len() as u64);
            let left = moved.left.len();
            tracing::info!(%height, block = short(id), left, "another branch is better");
        }
        let word = if own { "mined" } else { "imported" };
        if height.0 + QUIET_BEHIND < self.best.0 {
            tracing::debug!(%height, block = short(id), transactions, "{word}");
        } else {
            tracing::info!(%height, block = short(id), transactions, "{word}");
        }
    }

    /// Feeds the gauges, and every few seconds speaks a line.
    pub(super) fn inform(&mut self, replica: &NodeReplica, miner: &Miner) {
        let elapsed = self.informed.elapsed();
        if elapsed < INFORM_EVERY {
            return;
        }
        self.informed = Instant::now();
        let view = replica.view();
        self.count_hashes(miner);
        let hashes = self.hashes - self.informed_hashes;
        self.informed_hashes = self.hashes;
        let metrics = &self.metrics;
        metrics.chain_height.set(whole(view.header.height.0));
        metrics.chain_final_height.set(whole(view.final_height.0));
        metrics.chain_unfinal_blocks.set(whole(view.tree_blocks as u64));
        metrics.mempool_transactions.set(whole(view.pool_len as u64));
        metrics.mempool_bytes.set(whole(view.pool_bytes as u64));
        metrics.net_peers.set(whole(view.peers as u64));
        // A rate needs no more than a double holds.
        let rate = hashes as f64 / elapsed.as_secs_f64();
        metrics.miner_hash_rate.set(rate);
        tracing::info!(
            height = view.header.height.0,
            final_height = view.final_height.0,
            peers = view.peers,
            pool = view.pool_len,
            hashes_per_second = rate.round(),
            "idle for {} s",
            self.last_import.elapsed().as_secs()
        );
    }

    /// Counts the hashes since the last time.
    fn count_hashes(&mut self, miner: &Miner) {
        let all = miner.hashes();
        let more = all.saturating_sub(self.hashes);
        self.hashes = all;
        self.metrics.miner_hashes.inc_by(more);
    }
}

/// A gauge holds signed numbers; none of ours comes near their end.
fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
