//! Processes die at any output and come back: nothing that was promised is lost.

use std::collections::BTreeMap;

use super::host::World;
use super::lone::{fortune, pay};
use crate::types::{Span, TransactionId};

/// Miners are killed again and again while transactions keep coming; in the end everything promised is confirmed
/// everywhere. Finality is deeper than what a miner finds while all others are down: it could not leave that.
#[test]
fn what_was_promised_survives_crashes_at_any_moment() {
    for seed in 100..124 {
        let mut world = World::new(seed, 4, 3, 20);
        world.until("three blocks", |world| world.height(0) >= Some(3));
        let mut coins: Vec<_> = (1..=5).map(|n| fortune(&world.mine, n)).collect();
        // What was submitted to a node that died before it answered may be in its store: a rival that spends the same
        // coin could be promised elsewhere and lose. So it is submitted again, as a wallet does.
        let mut unanswered = BTreeMap::new();
        for round in 0..30 {
            let victim = world.dice.index(world.nodes());
            if !world.is_doomed(victim) {
                let outputs = world.dice.index(60);
                world.doom(victim, outputs);
            }
            let node = world.dice.index(world.nodes());
            let person = world.dice.index(coins.len());
            let payment = || pay(&world.mine, coins[person], 3_000 + round);
            let (transaction, next) = unanswered.entry(person).or_insert_with(payment).clone();
            let id = transaction.id(&world.mine.tree.params().chain);
            world.submit(node, vec![transaction]);
            world.run(Span(world.dice.clone().below(8_000)));
            if world.promised.contains_key(&id) {
                coins[person] = next;
                unanswered.remove(&person);
            }
        }
        assert!(world.crashes >= 5, "seed {seed}: {} crashes", world.crashes);
        for node in 0..world.nodes() {
            world.doom(node, usize::MAX);
        }
        world.until("all nodes are up", World::all_up);
        let promised: Vec<TransactionId> = world.promised.keys().copied().collect();
        assert!(promised.len() >= 10, "seed {seed}: {} promised", promised.len());
        world.until("all that was promised is confirmed everywhere", |world| {
            (0..4).all(|node| promised.iter().all(|id| world.confirmed(node, id)))
        });
        world.settle();
        assert_eq!(world.bans, Vec::<String>::new(), "seed {seed}");
    }
}

/// A node alone is killed at each of its first outputs in turn, and always comes back to where it was.
#[test]
fn a_lone_miner_survives_a_crash_at_every_output() {
    for outputs in 0..60 {
        let mut world = World::new(7, 1, 1, 3);
        world.run(Span::seconds(5));
        let (transaction, _) = pay(&world.mine, fortune(&world.mine, 1), 5_000);
        let id = transaction.id(&world.mine.tree.params().chain);
        world.doom(0, outputs);
        world.submit(0, vec![transaction.clone()]);
        world.run(Span::seconds(200));
        assert_eq!(world.crashes, 1);
        world.until("it is back", World::all_up);
        if !world.promised.contains_key(&id) {
            world.submit(0, vec![transaction]);
        }
        world.until("the transaction is confirmed", |world| world.confirmed(0, &id));
        world.settle();
    }
}
