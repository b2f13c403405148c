//! What happened in a run, and the figures made of it.
//!
//! A [`Recorder`] watches; what it wrote down is a [`Record`]: every block with its parent, who made it, and when each
//! node had it. Times are the simulation's own, which no node's clock knows.
//!
//! Blocks are *seen* by correct nodes only: what an attacker keeps to itself is in the record once it made the block, and
//! reaches others when it says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::leading::Leading;
use super::market::Sample;
use super::time::{Micros, Moment};
use super::watch::{Scene, Watch};
use crate::replica::{Output, Report};
use crate::types::concentration::Producers;
use crate::types::{Address, Amount, BlockId, Height, Seal, TransactionId};

/// Blocks that are recorded at most: 50 MB of them.
const BLOCKS_MAX: usize = 1 << 19;

/// Arrivals that are recorded at most, 8 bytes each: a thousand blocks at eight thousand nodes.
const ARRIVALS_MAX: usize = 1 << 23;

/// Looks at the market that are recorded at most: 60 MB of them.
const SAMPLES_MAX: usize = 1 << 20;

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
    /// When its draft was made, under a rule with authorities.
    pub drafted_at: Option<Moment>,
    /// The term in which it was sealed; 0 where the rule has none.
    pub sealed_in: u64,
    /// Offences that it proves.
    pub proofs: usize,
    /// New coins up to here on its branch, its own among them.
    pub issued: Amount,
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

/// More is final than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Moment,
    /// Up to here.
    pub height: Height,
    /// Messages between authorities until then.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
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
    /// Who led.
    pub leading: Leading,
    /// Each time that a greater height was final somewhere.
    pub steps: Vec<Step>,
    /// What the market was like each time that farms looked.
    pub market: Vec<Sample>,
    /// When the run ended.
    pub ended_at: Moment,
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
        let Some(known) = tree.and_then(|tree| tree.get(&id)) else { return };
        let block = &known.block;
        let header = &block.header;
        // What a replica has just executed is in memory.
        let issued = known.state.supply().map(|supply| supply.issued).unwrap_or_default();
        let sealed_in = match block.seal {
            Seal::Leader { round, .. } | Seal::Quorum { round, .. } => round,
            _ => 0,
        };
        let drafted_at = self.leading.drafted(&id);
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
            drafted_at,
            sealed_in,
            proofs: block.body.evidence.len(),
            issued,
            made_at: now,
            made_by: node,
            arrivals,
            final_at: None,
        });
    }

    /// Farms looked at the market.
    pub(super) fn traded(&mut self, sample: Sample) {
        if self.market.len() < SAMPLES_MAX {
            self.market.push(sample);
        }
    }

    /// New coins of a block.
    fn reward(&self, seen: &Seen) -> Amount {
        let before = seen.parent.map_or(Amount::ZERO, |parent| self.blocks[parent].issued);
        seen.issued.minus(before).unwrap_or_default()
    }

    fn finalised(&mut self, now: Moment, height: Height, id: &BlockId) {
        if height > self.final_height && self.steps.len() < BLOCKS_MAX {
            let Leading { messages, bytes, .. } = self.leading;
            self.steps.push(Step { at: now, height, messages, bytes });
        }
        self.final_height = self.final_height.max(height);
        let mut next = self.find(id);
        while let Some(place) = next.filter(|place| self.blocks[*place].final_at.is_none()) {
            self.blocks[place].final_at = Some(now);
            self.leading.finalised(now, self.blocks[place].sealed_in);
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
        let correct = scene.is_correct(node);
        let mut record = self.record();
        let report = match output {
            Output::Report(report) => report,
            Output::Send { message, .. } => {
                record.leading.sent(1, message.0.len());
                return Ok(());
            }
            Output::Broadcast(message) => {
                let seats = scene.options().nodes.iter().filter(|node| node.key.is_some());
                let others = seats.count().saturating_sub(1) as u64;
                record.leading.sent(others, message.0.len());
                return Ok(());
            }
            _ => return Ok(()),
        };
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
                let tree = scene.replica(node).map(|replica| replica.tree());
                if let Some(tree) = tree.filter(|_| record.leading.term().is_some())
                    && record.final_height == *height
                    && let Ok(members) = tree.rules().authorities(&tree.head().state)
                {
                    record.leading.governed(members);
                }
            }
            Report::Engine(report) if correct => record.leading.said(scene, node, report),
            Report::FinalityConflict(_) if correct => record.finality_conflicts += 1,
            _ => {}
        }
        Ok(())
    }

    fn dies(&mut self, scene: &Scene<'_>, node: usize) -> Result<(), String> {
        self.record().leading.died(scene.now(), node);
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
        self.holds(seen.made_at)
    }

    fn holds(&self, at: Moment) -> bool {
        (self.from..self.until).contains(&at)
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
    /// The longest of them, in seconds; from the last block before the part, and to its end.
    IntervalMax,
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
    /// The share of the main chain's new coins that they get.
    CoinShare,
    /// Gini's coefficient over those who made blocks of the main chain.
    Gini,
    /// The fewest who made more than half of them.
    Nakamoto,
    /// The share of all machines that is on, on average.
    HashRate,
    /// What a block brings, on average: price × reward.
    BlockReward,
    /// What it costs to make a block's hashes once more, on average, on the dearest machine that is on.
    BlockCost,
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
    /// Seconds without a new final block, at most.
    FinalGap,
    /// Seconds without a leader, at most.
    Leaderless,
    /// Terms.
    Terms,
    /// Those in which somebody led.
    Elections,
    /// How often a leader said that it leads no more.
    StepDowns,
    /// Blocks that a leader made final when one of a later term led already.
    DeposedFinals,
    /// Seconds from a leader's crash until a new block is final, at most.
    Recovery,
    /// How often the set of authorities changed.
    AuthorityChanges,
    /// Milliseconds from a draft until it is final somewhere, the median.
    DecisionP50,
    /// The same for all but one in a hundred.
    DecisionP99,
    /// Offences that blocks of the main chain prove.
    Proofs,
    /// Authorities that correct ones can prove to have said two things.
    Liars,
    /// Messages between authorities for each final block.
    Messages,
    /// Their bytes.
    MessageBytes,
}

impl Metric {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 35] = [
        ("blocks", Self::Blocks),
        ("stale_rate", Self::StaleRate),
        ("interval_mean_s", Self::IntervalMean),
        ("interval_cv", Self::IntervalCv),
        ("interval_max_s", Self::IntervalMax),
        ("reorgs", Self::Reorganisations),
        ("reorg_depth_max", Self::ReorganisationDepth),
        ("propagation_p50_ms", Self::PropagationP50),
        ("propagation_p99_ms", Self::PropagationP99),
        ("revenue_share", Self::RevenueShare),
        ("coin_share", Self::CoinShare),
        ("producers_gini", Self::Gini),
        ("producers_nakamoto", Self::Nakamoto),
        ("hash_rate", Self::HashRate),
        ("block_reward", Self::BlockReward),
        ("block_cost", Self::BlockCost),
        ("double_spent", Self::DoubleSpent),
        ("confirmations", Self::Confirmations),
        ("final_height", Self::FinalHeight),
        ("finality_p50_s", Self::FinalityP50),
        ("finality_conflicts", Self::FinalityConflicts),
        ("final_gap_max_s", Self::FinalGap),
        ("leaderless_max_s", Self::Leaderless),
        ("terms", Self::Terms),
        ("elections", Self::Elections),
        ("step_downs", Self::StepDowns),
        ("deposed_finals", Self::DeposedFinals),
        ("recovery_max_s", Self::Recovery),
        ("authority_changes", Self::AuthorityChanges),
        ("decision_p50_ms", Self::DecisionP50),
        ("decision_p99_ms", Self::DecisionP99),
        ("proofs", Self::Proofs),
        ("liars", Self::Liars),
        ("messages_per_block", Self::Messages),
        ("message_bytes_per_block", Self::MessageBytes),
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
        let more = [Proofs, FinalGap, DecisionP50, DecisionP99, Messages, MessageBytes];
        parts.contains(&self)
            || more.contains(&self)
            || matches!(self, PropagationP50 | PropagationP99)
            || matches!(self, IntervalMax | CoinShare | Gini | Nakamoto)
            || matches!(self, HashRate | BlockReward | BlockCost)
    }

    /// Whether it is somebody's.
    pub fn is_of_somebody(self) -> bool {
        matches!(self, Self::RevenueShare | Self::CoinShare)
    }

    /// Its value, if it is about leaders and the rule has some.
    fn of_leaders(self, record: &Record) -> Option<f64> {
        let leading = &record.leading;
        // Counts are far below 2^53.
        let term = leading.term()? as f64;
        match self {
            Self::Terms => Some(term),
            Self::Leaderless => Some(leading.leaderless(record.ended_at).as_seconds()),
            Self::Elections => Some(leading.elections as f64),
            Self::StepDowns => Some(leading.step_downs as f64),
            Self::DeposedFinals => Some(leading.deposed as f64),
            Self::Recovery => leading.recovery(record.ended_at).map(Micros::as_seconds),
            Self::AuthorityChanges => Some(leading.changes as f64),
            Self::Liars => Some(leading.liars.len() as f64),
            _ => None,
        }
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
            Self::IntervalMax => longest_interval(chain(), record.ended_at, part),
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
            Self::CoinShare => {
                let (mut theirs, mut all) = (0, 0);
                for seen in main() {
                    let reward = record.reward(seen).0;
                    all += reward;
                    theirs += if part.producers.contains(&seen.producer) { reward } else { 0 };
                }
                (all > 0).then(|| theirs as f64 / all as f64)
            }
            Self::Gini => main().map(|seen| seen.producer).collect::<Producers>().gini(),
            Self::Nakamoto => {
                let producers: Producers = main().map(|seen| seen.producer).collect();
                producers.nakamoto(0.5).map(|fewest| fewest as f64)
            }
            Self::HashRate => traded(record, part, |sample| sample.share),
            Self::BlockReward => traded(record, part, |sample| sample.reward),
            Self::BlockCost => traded(record, part, Sample::block_cost),
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
            Self::FinalGap => final_gap(record, part).map(Micros::as_seconds),
            Self::DecisionP50 => quantile(decisions(record, part), 0.5).map(|s| s * 1e3),
            Self::DecisionP99 => quantile(decisions(record, part), 0.99).map(|s| s * 1e3),
            Self::Proofs => count(main().map(|seen| seen.proofs).sum()),
            Self::Messages => per_block(record, part, |step| step.messages),
            Self::MessageBytes => per_block(record, part, |step| step.bytes),
            Self::Terms
            | Self::Leaderless
            | Self::Elections
            | Self::StepDowns
            | Self::DeposedFinals
            | Self::Recovery
            | Self::Liars
            | Self::AuthorityChanges => self.of_leaders(record),
        }
    }
}

/// The mean of a figure of the market over a part of a run. Farms look at equal distances.
fn traded(record: &Record, part: &Part<'_>, figure: impl Fn(&Sample) -> f64) -> Option<f64> {
    let within = record.market.iter().filter(|sample| part.holds(sample.at));
    let (sum, count) = within.fold((0.0, 0.0), |(sum, n), it| (sum + figure(it), n + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// The longest time between two blocks that lies in a part of a run or reaches into it, in seconds: a block that does not come
/// counts for as long as it was waited for.
fn longest_interval<'a>(
    chain: impl Iterator<Item = &'a Seen>,
    ended_at: Moment,
    part: &Part<'_>,
) -> Option<f64> {
    let until = part.until.min(ended_at);
    let times = chain.map(|seen| seen.made_at).filter(|at| *at < until);
    let (mut longest, mut last) = (None, None);
    for at in times.chain([until]) {
        // A block that was kept secret for a while may stand before one that was made earlier.
        if let Some(last) = last.filter(|_| at >= part.from) {
            longest = longest.max(Some(at.since(last)));
        }
        last = last.max(Some(at));
    }
    longest.map(Micros::as_seconds)
}

/// The longest time in a part of a run in which nothing more became final; its ends count.
fn final_gap(record: &Record, part: &Part<'_>) -> Option<Micros> {
    let (from, until) = (part.from, part.until.min(record.ended_at));
    if until <= from || record.steps.is_empty() {
        return None;
    }
    let within = record.steps.iter().map(|step| step.at).filter(|at| part.holds(*at));
    let (mut longest, mut last) = (Micros(0), from);
    for at in within.chain([until]) {
        longest = longest.max(at.since(last));
        last = at;
    }
    Some(longest)
}

/// Seconds from each block's draft until it was final somewhere.
fn decisions(record: &Record, part: &Part<'_>) -> Vec<f64> {
    let blocks = record.blocks.iter().filter(|seen| part.has(seen));
    let waits = blocks.filter_map(|seen| Some(seen.final_at?.since(seen.drafted_at?)));
    waits.map(Micros::as_seconds).collect()
}

/// How much of something there was for each block, from the first to the last that became final in a part.
fn per_block(record: &Record, part: &Part<'_>, count: impl Fn(&Step) -> u64) -> Option<f64> {
    record.leading.term()?;
    let mut within = record.steps.iter().filter(|step| part.holds(step.at));
    let (first, last) = (within.next()?, within.next_back()?);
    // Counts are far below 2^53.
    let blocks = last.height.0 - first.height.0;
    Some((count(last) - count(first)) as f64 / blocks as f64)
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
