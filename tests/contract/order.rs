//! The order of arrival decides nothing but between equals: whether a block is valid, what state follows from it, how
//! strong it is and what it makes final are the same however blocks came. And finality never goes back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assay::chain::{ImportError, Rank};
use assay::replica::{Output, Report};
use assay::store::ColdChain;
use assay::types::{Block, BlockId, Hash, Height, StateRoot, Time};

use super::subject::Subject;
use super::world::{Dice, World};

/// In any order blocks come often enough to find every place.
const ORDERS: u64 = 24;

const LATER: Time = Time(u64::MAX);

/// All blocks that any node ever had, parents before children. Half of them come from a time when nobody heard the
/// others, so that a rule whose branches can part has many.
pub fn forked(subject: &Subject, seed: u64) -> Vec<Arc<Block>> {
    let mut world = World::new(subject, seed, 4, 0);
    let mut blocks: BTreeMap<(Height, BlockId), Arc<Block>> = BTreeMap::new();
    let mut gather = |world: &World<'_>| {
        for node in &world.nodes {
            let Some(replica) = &node.replica else { continue };
            for node in replica.tree().nodes().filter(|node| node.height() > Height(0)) {
                blocks.entry((node.height(), node.id)).or_insert_with(|| node.block.clone());
            }
        }
        false
    };
    world.until("three blocks", |world| gather(world) || world.height(0).0 >= 3);
    world.partition(&[&[0, 1], &[2], &[3]]);
    let apart = world.now;
    let block_time = subject.block_time();
    world.until("a while apart", |world| {
        gather(world) || world.now.since(apart).0 > 12 * block_time.0
    });
    world.heal();
    world.until("all agree again and something is final", |world| {
        gather(world) || world.agree() && world.replica(0).tree().root().height().0 >= 3
    });
    let imported = |output: &Output| match output {
        Output::Report(Report::Imported { imported, .. }) => Some((imported.height, imported.id)),
        _ => None,
    };
    let seen = world.nodes.iter().flat_map(|node| node.outputs.iter().filter_map(imported));
    assert!(seen.clone().count() > 0 && seen.into_iter().all(|it| blocks.contains_key(&it)));
    blocks.into_values().collect()
}

/// What can be said of a block wherever it is.
type Known = (StateRoot, Rank, Height);

/// Brings blocks to a chain in an order, those again later whose parents were not there; finality advances every
/// `every` blocks. Gives what is known of each block, and why those were refused that were.
fn arrive(
    subject: &Subject,
    blocks: &[Arc<Block>],
    every: usize,
) -> (ColdChain<assay::store::MemStore>, BTreeMap<BlockId, Known>, BTreeMap<Hash, ImportError>) {
    let chain = subject.params().chain;
    let mut cold = subject.cold();
    let (mut known, mut refused) = (BTreeMap::new(), BTreeMap::new());
    let mut waiting: Vec<Arc<Block>> = blocks.to_vec();
    let mut arrivals = 0;
    let mut root = Height(0);
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|block| match cold.import(block.clone(), LATER) {
            Ok(imported) => {
                let node = cold.tree().get(&imported.id).expect("it entered");
                let finality = cold.tree().rules().final_height(node.as_ref()).unwrap();
                let rank = cold.tree().rules().rank(node.as_ref()).unwrap();
                known.insert(imported.id, (node.state.root(), rank, finality));
                arrivals += 1;
                if arrivals % every == 0 {
                    cold.settle().unwrap();
                    assert!(cold.tree().root().height() >= root, "finality went back");
                    root = cold.tree().root().height();
                }
                false
            }
            Err(ImportError::Orphan { parent }) => {
                assert_eq!(parent, block.header.parent);
                true
            }
            Err(error) => {
                refused.insert(assay::types::tagged("copy", &chain, &[&encode(block)]), error);
                false
            }
        });
        assert!(waiting.len() < before, "{} blocks never find a parent", waiting.len());
    }
    cold.settle().unwrap();
    (cold, known, refused)
}

fn encode(block: &Arc<Block>) -> Vec<u8> {
    assay::types::encode(&**block)
}

/// Blocks that are not valid in any order: their states are others than they claim.
fn spoilt(blocks: &[Arc<Block>], dice: &mut Dice) -> Vec<Arc<Block>> {
    let spoil = |block: &Arc<Block>| {
        let mut block = (**block).clone();
        block.draft.header.state_root = StateRoot(Hash(dice.bytes()));
        Arc::new(block)
    };
    blocks.iter().step_by(3).map(spoil).collect()
}

pub fn check(subject: &Subject) {
    let blocks = forked(subject, 21);
    assert!(blocks.len() > 10, "{} blocks", blocks.len());
    let heights: BTreeSet<Height> = blocks.iter().map(|block| block.header.height).collect();
    println!("{} blocks at {} heights", blocks.len(), heights.len());
    let mut dice = Dice::new(1);
    let mut all = blocks.clone();
    all.extend(spoilt(&blocks, &mut dice));
    let (first, known, refused) = arrive(subject, &all, usize::MAX);
    assert_eq!(known.len(), blocks.len(), "all that came from nodes is valid");
    assert_eq!(refused.len(), all.len() - blocks.len(), "and nothing else is");
    for order in 0..ORDERS {
        for place in (1..all.len()).rev() {
            all.swap(place, dice.index(place + 1));
        }
        let every = [1, 2, 5, usize::MAX][dice.index(4)];
        let (cold, again, refused_again) = arrive(subject, &all, every);
        for (id, what) in &again {
            assert_eq!(Some(what), known.get(id), "block {id}, order {order}");
        }
        let lost = |error: &ImportError| matches!(error, ImportError::BelowFinal { .. });
        assert_eq!(again.len() + refused_again.len(), all.len(), "order {order}");
        for (copy, error) in &refused_again {
            let same = refused.get(copy) == Some(error);
            assert!(
                same || lost(error),
                "{error} in order {order}, {:?} before",
                refused.get(copy)
            );
        }
        let (head, best) = (cold.tree().head(), first.tree().head());
        assert_eq!(head.rank, best.rank, "order {order}: heads differ only where ranks do not");
        assert!(known.values().all(|(_, rank, _)| *rank <= head.rank), "order {order}");
        let root = cold.tree().root();
        assert_eq!(root.id, first.tree().root().id, "what is final, order {order}");
        for height in 0..root.height().0 {
            assert_eq!(cold.at(Height(height)), first.at(Height(height)), "order {order}");
        }
    }
}

pub fn check_finality(subject: &Subject) {
    let mut cold = subject.cold();
    let mut finality = BTreeMap::from([(cold.tree().root().id, Height(0))]);
    for block in forked(subject, 22) {
        let imported = cold.import(block.clone(), LATER).unwrap();
        let node = cold.tree().get(&imported.id).expect("it entered");
        let height = cold.tree().rules().final_height(node.as_ref()).unwrap();
        let parent = finality[&block.header.parent];
        assert!(
            height >= parent,
            "block {} makes {height} final, its parent {parent}",
            imported.id
        );
        assert!(height <= imported.height, "block {} is not there yet", imported.id);
        finality.insert(imported.id, height);
    }
    // And as a node goes on: the watch looks after every step.
    let mut world = World::new(subject, 23, 3, 1);
    world.until("something is final everywhere", |world| {
        (0..4).all(|node| world.replica(node).tree().root().height().0 >= 3)
    });
    let root = world.replica(0).tree().root().height();
    world.go_on(4);
    assert!(world.replica(0).tree().root().height() > root, "and more becomes final");
}
