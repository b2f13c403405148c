//! What a partition and the death of a node do to a simulated network, once its load is final.

use std::collections::BTreeSet;

use super::simulated::branch;
use crate::api::{BenchCrash, BenchPartition};
use crate::sim::{Micros, Sim};
use crate::types::{BlockId, Height};

/// For how long a part of the nodes hears nothing of the others.
const PARTED: Micros = Micros::seconds(10);

/// For how long a node is dead, at most: it is started as soon as the others go on.
const DEAD: Micros = Micros::seconds(30);

/// How long it may take until all have one head again.
const PATIENCE: Micros = Micros::seconds(60);

/// How often that is looked at.
const LOOK: Micros = Micros::millis(10);

/// The greatest height that one of these has, and that one of them takes for final.
fn reach(sim: &Sim, nodes: &[usize]) -> (Height, Height) {
    let trees = nodes.iter().filter_map(|node| sim.replica(*node)).map(|replica| replica.tree());
    let heights = trees.map(|tree| (tree.head().height(), tree.root().height()));
    heights.fold((Height(0), Height(0)), |(head, settled), (one, other)| {
        (head.max(one), settled.max(other))
    })
}

/// Runs until something is so; says after how many seconds that was, or that it took too long.
fn until(sim: &mut Sim, most: Micros, done: impl Fn(&Sim) -> bool) -> Option<f64> {
    let (begun, end) = (sim.now(), sim.now().after(most));
    while !done(sim) {
        if sim.now() >= end {
            return None;
        }
        sim.run(LOOK);
    }
    Some(sim.now().since(begun).as_seconds())
}

/// Parts a third of the nodes, less one where it is a multiple of three, from the others: so many may fail under every rule.
pub(super) fn part(sim: &mut Sim) -> Option<BenchPartition> {
    let all: Vec<usize> = (0..sim.nodes()).collect();
    let smaller = (all.len().checked_sub(1)? / 3).max(1);
    let (most, few) =
        all.split_at_checked(all.len() - smaller).filter(|(most, _)| !most.is_empty())?;
    let before = [reach(sim, most), reach(sim, few)];
    let cut = sim.cut(most, few, false).ok()?;
    sim.run(PARTED);
    let after = [reach(sim, most), reach(sim, few)];
    let fork = before[0].0.min(before[1].0);
    let alone: BTreeSet<BlockId> = few
        .iter()
        .filter_map(|node| sim.replica(*node))
        .flat_map(|replica| branch(replica, fork.next()))
        .map(|block| block.header.id(&sim.options().spec.genesis_id()))
        .collect();
    sim.heal(cut).ok()?;
    let healed_s = until(sim, PATIENCE, Sim::agree);
    let kept: BTreeSet<BlockId> = sim
        .replica(most[0])
        .map(|replica| branch(replica, fork.next()))
        .unwrap_or_default()
        .iter()
        .map(|block| block.header.id(&sim.options().spec.genesis_id()))
        .collect();
    let rose = |side: usize, of: fn((Height, Height)) -> Height| {
        of(after[side]).0.saturating_sub(of(before[side]).0)
    };
    // Lengths and counts fit.
    Some(BenchPartition {
        sides: [most.len() as u64, few.len() as u64],
        seconds: PARTED.as_seconds(),
        blocks: [0, 1].map(|side| rose(side, |(head, _)| head)),
        finalised: [0, 1].map(|side| rose(side, |(_, settled)| settled)),
        undone: alone.difference(&kept).count() as u64,
        healed_s,
    })
}

/// Kills the node that leads, or the first one where nobody does, and starts it again once the others have gone on.
pub(super) fn crash(sim: &mut Sim, leader: Option<usize>) -> Option<BenchCrash> {
    let node = leader.unwrap_or(0);
    let others: Vec<usize> = (0..sim.nodes()).filter(|other| *other != node).collect();
    if others.is_empty() {
        return None;
    }
    let (_, settled) = reach(sim, &others);
    sim.crash(node).ok()?;
    let recovered_s = until(sim, DEAD, |sim| reach(sim, &others).1 > settled);
    sim.restart(node).ok()?;
    let rejoined_s = until(sim, PATIENCE, Sim::agree);
    Some(BenchCrash { leader: leader.is_some(), recovered_s, rejoined_s })
}
