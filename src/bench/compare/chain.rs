//! What blocks say of who made them, how regularly, and at which cost: the same code for devnets and for the simulator.

use std::collections::{BTreeMap, BTreeSet};

use super::PARTS;
use crate::api::{BenchChain, BenchHeight, BenchLoad, BenchRun};
use crate::bench::views::Views;
use crate::types::concentration::{fewest, gini};
use crate::types::{Address, Block, BlockId, Claim, GenesisId, Height, Seal, Span, Time};

/// Blocks that are told of one by one.
const HEIGHTS_MAX: usize = 2000;

/// What a Nakamoto coefficient counts here: the fewest who made more than this share.
const DECIDES: f64 = 0.5;

/// A block, as far as figures are made of it.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Made {
    pub(in super::super) id: BlockId,
    pub(in super::super) height: Height,
    time: Time,
    producer: Address,
    transactions: u64,
    /// Hashes that its proof took on average, by its target.
    hashes: f64,
    signatures: u64,
    bytes: u64,
}

impl Made {
    pub(in super::super) fn of(block: &Block, chain: &GenesisId) -> Self {
        let header = &block.header;
        let hashes = match header.claim {
            Claim::Work { bits } => bits.work().to_f64(),
            _ => 0.0,
        };
        let seal = match &block.seal {
            Seal::Signature { .. } | Seal::Leader { .. } => 1,
            Seal::Quorum { votes, .. } => votes.len(),
            _ => 0,
        };
        let witnesses = block.body.transactions.iter().map(|it| it.witnesses.len());
        // Lengths fit.
        Self {
            id: header.id(chain),
            height: header.height,
            time: header.time,
            producer: header.producer,
            transactions: block.body.transactions.len() as u64,
            hashes,
            signatures: (seal + witnesses.sum::<usize>()) as u64,
            bytes: borsh::object_length(block).map_or(0, |length| length as u64),
        }
    }
}

/// The figures of a part of a chain, lowest block first, of which a number of nodes could each have made some.
fn look(blocks: &[Made], nodes: usize) -> BenchChain {
    let mut made: BTreeMap<Address, u64> = BTreeMap::new();
    for block in blocks {
        *made.entry(block.producer).or_default() += 1;
    }
    let mut holds: Vec<f64> = made.values().map(|blocks| *blocks as f64).collect(); // far below 2^53
    holds.resize(holds.len().max(nodes), 0.0);
    let any = !blocks.is_empty();
    let even = blocks.len() as f64 / holds.len().max(1) as f64;
    let elsewhere = holds.iter().map(|blocks| (blocks - even).max(0.0)).sum::<f64>();
    let seconds = |(one, next): (&Made, &Made)| next.time.since(one.time).0 as f64 / 1000.0;
    let gaps: Vec<f64> = blocks.iter().zip(blocks.iter().skip(1)).map(seconds).collect();
    let (interval_s, interval_cv) = spread(&gaps);
    BenchChain {
        blocks: blocks.len() as u64,
        stale: 0,
        reorganisations: Vec::new(),
        transactions: blocks.iter().map(|block| block.transactions).sum(),
        interval_s,
        interval_cv,
        producers: made.len() as u64,
        gini: any.then(|| gini(&holds)),
        nakamoto: any.then(|| fewest(&holds, DECIDES) as u64),
        unfairness: any.then(|| elsewhere / blocks.len() as f64),
        hashes: blocks.iter().map(|block| block.hashes).sum(),
        signatures: blocks.iter().map(|block| block.signatures).sum(),
        bytes: blocks.iter().map(|block| block.bytes).sum(),
    }
}

/// The same for the blocks of each part of a time.
fn look_at_parts(
    blocks: &[Made],
    (from, length): (Time, Span),
    parts: usize,
    nodes: usize,
) -> Vec<BenchChain> {
    let at = |part: usize| from.after(Span(length.0 * part as u64 / parts.max(1) as u64)); // few
    let place = |time: Time| blocks.partition_point(|block| block.time < time);
    (0..parts).map(|part| look(&blocks[place(at(part))..place(at(part + 1))], nodes)).collect()
}

/// A run: its payments, and the blocks of the chain in the end, from when payments came on and for how long.
pub(in super::super) fn run_of(
    load: BenchLoad,
    views: &Views,
    blocks: &[Made],
    time: (Time, Span),
) -> BenchRun {
    let nodes = usize::try_from(load.nodes).unwrap_or(usize::MAX);
    let main: BTreeSet<BlockId> = blocks.iter().map(|block| block.id).collect();
    let mut chain = look(blocks, nodes);
    chain.stale = views.seen().filter(|id| !main.contains(id)).count() as u64; // a count fits
    chain.reorganisations = views.reorganisations().to_vec();
    let chain_parts = look_at_parts(blocks, time, PARTS, nodes);
    let height = |block: &Made| BenchHeight {
        height: block.height,
        seconds: block.time.since(time.0).0 as f64 / 1000.0, // far below 2^53
        transactions: block.transactions,
        bytes: block.bytes,
    };
    let heights = blocks.iter().take(HEIGHTS_MAX).map(height).collect();
    BenchRun { seed: load.seed, load, chain, chain_parts, heights, partition: None, crash: None }
}

/// The mean, and the standard deviation over it.
fn spread(values: &[f64]) -> (Option<f64>, Option<f64>) {
    let count = values.len() as f64;
    if values.len() < 2 {
        return (None, None);
    }
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (Some(mean), (mean > 0.0).then(|| variance.sqrt() / mean))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Hash;

    fn made(height: u64, time: u64, by: u8) -> Made {
        Made {
            id: BlockId(Hash([height as u8; 32])),
            height: Height(height),
            time: Time(time),
            producer: crate::sim::operator(usize::from(by)).address(),
            transactions: 2,
            hashes: 10.0,
            signatures: 3,
            bytes: 500,
        }
    }

    #[test]
    fn whoever_made_no_block_counts_as_well() {
        // Three of one node, one of another, and two nodes without any.
        let blocks: Vec<Made> =
            [0, 0, 1, 0].iter().zip(1..).map(|(by, at)| made(at, 1000 * at, *by)).collect();
        let seen = look(&blocks, 4);
        assert_eq!((seen.blocks, seen.producers, seen.nakamoto), (4, 2, Some(1)));
        // Two of the first one's three should be others'.
        assert_eq!((seen.unfairness, seen.gini), (Some(0.5), Some(gini(&[0.0, 0.0, 1.0, 3.0]))));
        assert_eq!((seen.interval_s, seen.interval_cv), (Some(1.0), Some(0.0)));
        assert_eq!((seen.hashes, seen.signatures, seen.bytes), (40.0, 12, 2000));
        assert_eq!(look(&blocks, 2).unfairness, Some(0.25));
        let none = look(&[], 4);
        assert_eq!((none.gini, none.unfairness, none.interval_s), (None, None, None));
    }

    #[test]
    fn parts_hold_each_block_once() {
        let blocks: Vec<Made> = (1..=10).map(|at| made(at, 1000 * at, 0)).collect();
        let parts = look_at_parts(&blocks, (Time(1000), Span(10_000)), 5, 1);
        assert_eq!(parts.iter().map(|part| part.blocks).collect::<Vec<_>>(), [2; 5]);
        assert!(parts.iter().all(|part| part.interval_s.is_none()), "one gap has no spread");
    }
}
