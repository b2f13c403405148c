//! What happened in a run, and the figures made of it.
//!
//! A [`Recorder`] watches; what it wrote down is a [`Record`]: every block with its parent, who made it, and when each
//! node had it. Times are the simulation's own, which no node's clock knows.
//!
//! Blocks are *seen* by correct nodes only: what an attacker keeps to itself is in the record once it made the block, and
//! reaches others when it says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::time::{Micros, Moment};
use super::watch::{Scene, Watch};
use crate::replica::{Output, Report};
use crate::types::{Address, BlockId, Height, TransactionId};

/// Blocks that are recorded at most: 50 MB of them.
const BLOCKS_MAX: usize = 1 << 19;

/// Arrivals that are recorded at most, 8 bytes each: a thousand blocks at eight thousand nodes.
const ARRIVALS_MAX: usize = 1 << 23;

/// A block.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its id.
    pub id: BlockId,
    /// Its place among the record's blocks; `None` below the first block.
    pub parent: Option<usize>,
    /// Its height.
    pub height: Height,
    /// Whom it pays.
    pub producer: Address,
    /// When its maker had it.
    pub made_at: Moment,
    /// Who that was.
    pub made_by: usize,
    /// When each node had it, [`Moment::NEVER`] for those that never did. Empty where the record was full.
    pub arrivals: Vec<Moment>,
    /// When the first correct node took it for final.
    pub final_at: Option<Moment>,
}

/// A coin that is spent twice: to a merchant, and back.
#[derive(Debug, Clone)]
pub struct DoubleSpend {
    /// The merchant's node.
    pub node: usize,
    /// What the merchant is paid with.
    pub payment: TransactionId,
    /// What takes that back.
    pub rival: TransactionId,
    /// Confirmations after which the merchant delivers.
    pub wanted: u64,
    /// The most that there were.
    pub confirmations: u64,
    /// When the merchant delivered.
    pub delivered_at: Option<Moment>,
    /// Whether the merchant's node now holds the rival for paid.
    pub reversed: bool,
}

impl DoubleSpend {
    /// Whether the merchant delivered and was not paid.
    pub fn succeeded(&self) -> bool {
        self.delivered_at.is_some() && self.reversed
    }
}

/// What happened.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// All blocks, in the order in which they were made.
    pub blocks: Vec<Seen>,
    index: BTreeMap<BlockId, usize>,
    /// How many blocks correct nodes left behind, each time that one of them changed branches.
    pub reorganisations: Vec<u64>,
    /// Better branches that contradicted what was final, at correct nodes.
    pub finality_conflicts: u64,
    /// The greatest height that a correct node took for final.
    pub final_height: Height,
    /// Coins that are spent twice.
    pub double_spends: Vec<DoubleSpend>,
    arrivals: usize,
    /// Blocks that did not fit.
    pub unrecorded: u64,
}

impl Record {
    /// The place of a block.
    pub fn find(&self, id: &BlockId) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// The branch that ends in a block, lowest first: places.
    pub fn branch(&self, end: &BlockId) -> Vec<usize> {
        let mut branch = Vec::new();
        let mut next = self.find(end);
        while let Some(place) = next {
            branch.push(place);
            next = self.blocks[place].parent;
        }
        branch.reverse();
        branch
    }

    fn imported(&mut self, scene: &Scene<'_>, node: usize, id: BlockId, producer: Address) {
        let now = scene.now();
        if let Some(place) = self.find(&id) {
            if let Some(at) = self.blocks[place].arrivals.get_mut(node) {
                *at = now.min(*at);
            }
            return;
        }
        let tree = scene.replica(node).map(|replica| replica.tree());
        let Some(header) = tree.and_then(|tree| tree.get(&id)).map(|node| &node.block.header)
        else {
            return;
        };
        if self.blocks.len() >= BLOCKS_MAX {
            self.unrecorded += 1;
            return;
        }
        let mut arrivals = Vec::new();
        if self.arrivals + scene.nodes() <= ARRIVALS_MAX {
            self.arrivals += scene.nodes();
            arrivals = vec![Moment::NEVER; scene.nodes()];
            arrivals[node] = now;
        }
        self.index.insert(id, self.blocks.len());
        self.blocks.push(Seen {
            id,
            parent: self.find(&header.parent),
            height: header.height,
            producer,
            made_at: now,
            made_by: node,
            arrivals,
            final_at: None,
        });
    }

    fn finalised(&mut self, now: Moment, height: Height, id: &BlockId) {
        self.final_height = self.final_height.max(height);
        let mut next = self.find(id);
        while let Some(place) = next.filter(|place| self.blocks[*place].final_at.is_none()) {
            self.blocks[place].final_at = Some(now);
            next = self.blocks[place].parent;
        }
    }

    /// The head of some node moved.
    fn look_at_double_spends(&mut self, scene: &Scene<'_>, node: usize) {
        for spend in self.double_spends.iter_mut().filter(|spend| spend.node == node) {
            let Some(view) = scene.replica(node).map(|replica| replica.view()) else { continue };
            let block = view.included.get(&spend.payment).and_then(|id| self.index.get(id));
            let height = block.map(|place| self.blocks[*place].height);
            let confirmations =
                height.map_or(0, |it| view.header.height.0.saturating_sub(it.0) + 1);
            spend.confirmations = spend.confirmations.max(confirmations);
            if confirmations >= spend.wanted && spend.delivered_at.is_none() {
                spend.delivered_at = Some(scene.now());
            }
            spend.reversed =
                view.included.contains_key(&spend.rival) || spend.reversed && confirmations == 0;
        }
    }
}

/// Writes down what happens.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Mutex<Record>>);

impl Recorder {
    /// What was written down so far.
    pub fn record(&self) -> MutexGuard<'_, Record> {
        // Nothing panics while it holds the lock, so what is inside is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Recorder {
    fn name(&self) -> &'static str {
        "record"
    }

    fn performs(&mut self, scene: &Scene<'_>, node: usize, output: &Output) -> Result<(), String> {
        let Output::Report(report) = output else { return Ok(()) };
        let correct = scene.is_correct(node);
        let mut record = self.record();
        match report {
            Report::Imported { imported, producer, .. } => {
                record.imported(scene, node, imported.id, *producer);
                if let Some(moved) = &imported.moved {
                    if correct && !moved.left.is_empty() {
                        record.reorganisations.push(moved.left.len() as u64);
                    }
                    record.look_at_double_spends(scene, node);
                }
            }
            Report::Final { height, id, .. } if correct => {
                record.finalised(scene.now(), *height, id);
            }
            Report::FinalityConflict(_) if correct => record.finality_conflicts += 1,
            _ => {}
        }
        Ok(())
    }
}

/// A part of a run, and those whose blocks are counted.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Blocks made from here on …
    pub from: Moment,
    /// … and before this.
    pub until: Moment,
    /// Whose share is wanted.
    pub producers: &'a [Address],
}

impl Part<'_> {
    fn has(&self, seen: &Seen) -> bool {
        (self.from..self.until).contains(&seen.made_at)
    }
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Blocks of the main chain.
    Blocks,
    /// The share of all blocks that are not in the main chain.
    StaleRate,
    /// Seconds between blocks of the main chain, on average.
    IntervalMean,
    /// Their standard deviation over their mean: 1 if they are exponential.
    IntervalCv,
    /// How often correct nodes left blocks behind.
    Reorganisations,
    /// How many blocks at once, at most.
    ReorganisationDepth,
    /// Milliseconds until a block is at half of the nodes that it reaches, the median over blocks and nodes.
    PropagationP50,
    /// The same for all but one in a hundred.
    PropagationP99,
    /// The share of the main chain's blocks that pay these producers.
    RevenueShare,
    /// How many merchants delivered and were not paid.
    DoubleSpent,
    /// The most confirmations of a payment that was spent twice.
    Confirmations,
    /// The greatest final height.
    FinalHeight,
    /// Seconds from a block until it is final, the median.
    FinalityP50,
    /// Better branches that contradicted what was final.
    FinalityConflicts,
}

impl Metric {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 14] = [
        ("blocks", Self::Blocks),
        ("stale_rate", Self::StaleRate),
        ("interval_mean_s", Self::IntervalMean),
        ("interval_cv", Self::IntervalCv),
        ("reorgs", Self::Reorganisations),
        ("reorg_depth_max", Self::ReorganisationDepth),
        ("propagation_p50_ms", Self::PropagationP50),
        ("propagation_p99_ms", Self::PropagationP99),
        ("revenue_share", Self::RevenueShare),
        ("double_spent", Self::DoubleSpent),
        ("confirmations", Self::Confirmations),
        ("final_height", Self::FinalHeight),
        ("finality_p50_s", Self::FinalityP50),
        ("finality_conflicts", Self::FinalityConflicts),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        let named = Self::ALL.into_iter().find(|(_, metric)| *metric == self);
        named.map_or("", |(name, _)| name)
    }

    /// Whether it can be measured over a part of the run.
    pub fn has_parts(self) -> bool {
        use Metric::*;
        let parts = [Blocks, StaleRate, IntervalMean, IntervalCv, RevenueShare, FinalityP50];
        parts.contains(&self) || matches!(self, PropagationP50 | PropagationP99)
    }

    /// Its value in a part of a run whose main chain ends in `head`; `None` where there is nothing to measure.
    pub fn measure(self, record: &Record, head: &BlockId, part: &Part<'_>) -> Option<f64> {
        // Counts are far below 2^53.
        let count = |count: usize| Some(count as f64);
        let chain = || record.branch(head).into_iter().map(|place| &record.blocks[place]);
        let main = || chain().filter(|seen| part.has(seen));
        match self {
            Self::Blocks => count(main().count()),
            Self::StaleRate => {
                let all = record.blocks.iter().filter(|seen| part.has(seen)).count();
                (all > 0).then(|| 1.0 - main().count() as f64 / all as f64)
            }
            Self::IntervalMean => moments(&intervals(main())).map(|(mean, _)| mean),
            Self::IntervalCv => {
                moments(&intervals(main())).map(|(mean, deviation)| deviation / mean)
            }
            Self::Reorganisations => count(record.reorganisations.len()),
            Self::ReorganisationDepth => {
                Some(record.reorganisations.iter().max().copied().unwrap_or(0) as f64)
            }
            Self::PropagationP50 => quantile(delays(record, part), 0.5).map(|s| s * 1e3),
            Self::PropagationP99 => quantile(delays(record, part), 0.99).map(|s| s * 1e3),
            Self::RevenueShare => {
                let theirs = main().filter(|seen| part.producers.contains(&seen.producer)).count();
                let all = main().count();
                (all > 0).then(|| theirs as f64 / all as f64)
            }
            Self::DoubleSpent => {
                count(record.double_spends.iter().filter(|spend| spend.succeeded()).count())
            }
            Self::Confirmations => {
                let most = record.double_spends.iter().map(|spend| spend.confirmations).max();
                most.map(|most| most as f64)
            }
            Self::FinalHeight => Some(record.final_height.0 as f64),
            Self::FinalityP50 => {
                let waits = main().filter_map(|it| Some(it.final_at?.since(it.made_at)));
                quantile(waits.map(Micros::as_seconds).collect(), 0.5)
            }
            Self::FinalityConflicts => Some(record.finality_conflicts as f64),
        }
    }
}

fn intervals<'a>(chain: impl Iterator<Item = &'a Seen>) -> Vec<f64> {
    // A block that was kept secret for a while may stand before one that was made earlier.
    let times: Vec<f64> = chain.map(|seen| Micros(seen.made_at.0).as_seconds()).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Seconds from each block's making until each other node had it.
fn delays(record: &Record, part: &Part<'_>) -> Vec<f64> {
    let mut delays = Vec::new();
    for seen in record.blocks.iter().filter(|seen| part.has(seen)) {
        let others = seen.arrivals.iter().enumerate().filter(|(node, _)| *node != seen.made_by);
        let others = others.filter(|(_, at)| **at != Moment::NEVER);
        delays.extend(others.map(|(_, at)| at.since(seen.made_at).as_seconds()));
    }
    delays
}

/// Mean and standard deviation of at least two numbers.
fn moments(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    Some((mean, (squares / (count - 1.0)).sqrt()))
}

/// The number below which this share of them lies.
fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    // In range: a share is at most one.
    let place = (values.len().saturating_sub(1) as f64 * share + 0.5) as usize;
    values.get(place).copied()
}

#[cfg(test)]
#[path = "tests/metrics.rs"]
mod tests;
