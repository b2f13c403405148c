//! Several replicas mine, trade and part, and come to agree.

use super::host::{Vice, World};
use super::lone::{fortune, pay, split};
use crate::types::{Height, Span, Transaction, TransactionId};

fn ids(world: &World, transactions: &[Transaction]) -> Vec<TransactionId> {
    let chain = world.mine.tree.params().chain;
    transactions.iter().map(|transaction| transaction.id(&chain)).collect()
}

#[test]
fn four_miners_agree() {
    for seed in 0..6 {
        let mut world = World::new(seed, 4, 4, 6);
        world.until("thirty blocks", |world| world.height(0) >= Some(30));
        world.settle();
        assert!(world.replica(0).tree().root().height() >= Height(20));
        assert_eq!(world.bans, Vec::<String>::new(), "seed {seed}");
    }
}

#[test]
fn what_is_submitted_at_one_is_confirmed_at_all() {
    for seed in 10..14 {
        let mut world = World::new(seed, 4, 2, 6);
        world.run(Span::seconds(20));
        let (splitting, parts) = split(&world.mine, fortune(&world.mine, 1), 20);
        let mut all = vec![splitting];
        all.extend(parts.into_iter().map(|coin| pay(&world.mine, coin, 5_000).0));
        // At a node that does not mine.
        world.submit(3, all.clone());
        let mut coin = fortune(&world.mine, 2);
        for n in 0..10 {
            let (transaction, next) = pay(&world.mine, coin, 4_000);
            coin = next;
            all.push(transaction.clone());
            world.submit(n % 4, vec![transaction]);
            world.run(Span::seconds(3));
        }
        assert_eq!(world.refused, Vec::<String>::new(), "seed {seed}");
        let ids = ids(&world, &all);
        world.until("all confirmed everywhere", |world| {
            (0..4).all(|node| ids.iter().all(|id| world.confirmed(node, id)))
        });
        world.settle();
        assert_eq!(world.bans, Vec::<String>::new(), "seed {seed}");
        let supply = world.replica(0).tree().head().state.supply().unwrap();
        let state = &world.replica(0).tree().head().state;
        let people = (1..=5).chain(50..54).map(|n| crate::types::testkit::key(n).address());
        let coins = people.flat_map(|owner| state.coins_of(&owner, None, 10_000).unwrap());
        let sum: u64 = coins.map(|(_, coin)| coin.amount.0).sum();
        assert_eq!(supply.circulating().unwrap().0, sum, "the supply identity");
    }
}

/// Two halves go on alone. When they meet again one chain wins, and what the other had confirmed is confirmed again.
#[test]
fn after_a_partition_one_chain_wins_and_transactions_return() {
    for seed in 20..26 {
        let mut world = World::new(seed, 4, 4, 100);
        world.until("five blocks", |world| world.height(0) >= Some(5));
        world.partition(&[&[0, 1], &[2, 3]]);
        // The second half works harder and will win.
        for node in [2, 3] {
            world.mining(node, Some(50 + node as u8), 12);
        }
        let (lost, _) = pay(&world.mine, fortune(&world.mine, 1), 5_000);
        let (kept, _) = pay(&world.mine, fortune(&world.mine, 2), 5_000);
        let (rival, _) = pay(&world.mine, fortune(&world.mine, 3), 5_000);
        let (winner, _) = pay(&world.mine, fortune(&world.mine, 3), 9_000);
        world.submit(0, vec![lost.clone(), rival.clone()]);
        world.submit(2, vec![kept.clone(), winner.clone()]);
        let all = ids(&world, &[lost, rival, kept, winner]);
        world.until("each half confirms its own", |world| {
            world.confirmed(1, &all[0])
                && world.confirmed(1, &all[1])
                && world.confirmed(3, &all[2])
                && world.confirmed(3, &all[3])
        });
        let better = |world: &World| {
            let rank = |node| world.replica(node).tree().head().rank.clone();
            rank(2) > rank(0)
        };
        world.until("the second half is ahead", better);
        for node in [0, 1] {
            world.mining(node, None, 0);
        }
        world.run(Span::seconds(30));
        world.heal();
        world.until("the first half follows", World::agree);
        world
            .until("what was lost is confirmed again, by those who had not heard of it", |world| {
                (0..4).all(|node| [0, 2, 3].iter().all(|n| world.confirmed(node, &all[*n])))
            });
        assert!(!world.confirmed(0, &all[1]), "its coin is spent by the one that won");
        world.settle();
        assert_eq!(world.bans, Vec::<String>::new(), "seed {seed}");
    }
}

#[test]
fn whoever_joins_late_syncs_from_the_genesis_block() {
    for seed in 30..33 {
        let mut world = World::new(seed, 3, 3, 6);
        world.until("forty blocks", |world| world.height(0) >= Some(40));
        let late = world.add(None);
        world.until("it has caught up", |world| world.agree());
        assert_eq!(late, 3);
        world.settle();
    }
}

/// Of the five peers of a fresh node two lie, one stalls and one keeps its blocks to itself: it costs seconds, and the
/// liars their place.
#[test]
fn a_fresh_node_syncs_among_liars_and_stallers() {
    for seed in 50..52 {
        let mut world = World::new(seed, 5, 5, 1000);
        world.until("a hundred blocks", |world| world.height(0) >= Some(100));
        let vices = [Vice::LiesAboutBlocks, Vice::LiesAboutHeaders, Vice::Stalls, Vice::Withholds];
        for (node, vice) in (1..).zip(vices) {
            world.corrupt(node, vice);
        }
        let late = world.add(None);
        let start = world.now;
        world.until("it has caught up", |world| {
            world.height(late) >= Some(95) && world.height(late) >= world.height(0)
        });
        let took = world.now.since(start);
        assert!(took < Span::seconds(60), "seed {seed}: {took}");
        let banned = |node: usize| {
            world.bans.iter().any(|it| it.starts_with(&format!("{late} bans {node}")))
        };
        assert!(!banned(0) && !banned(3) && !banned(4), "{:?}", world.bans);
        println!("seed {seed}: {took}; {:?}", world.bans);
    }
}

/// Away for a while, in the middle of which finality went on.
#[test]
fn whoever_was_away_syncs_from_where_it_was() {
    for seed in 40..43 {
        let mut world = World::new(seed, 4, 3, 5);
        world.until("ten blocks", |world| world.height(3) >= Some(10));
        world.partition(&[&[0, 1, 2], &[3]]);
        world.until("forty blocks", |world| world.height(0) >= Some(40));
        assert!(world.height(3) < Some(15));
        world.heal();
        world.until("it has caught up", |world| world.agree());
        world.settle();
    }
}

#[test]
fn a_seed_is_a_history() {
    let history = |seed| {
        let mut world = World::new(seed, 4, 3, 6);
        world.until("eight blocks", |world| world.height(0) >= Some(8));
        let (transaction, _) = pay(&world.mine, fortune(&world.mine, 1), 5_000);
        world.submit(3, vec![transaction]);
        world.doom(1, 40);
        world.partition(&[&[0, 1], &[2, 3]]);
        world.run(Span::seconds(60));
        world.heal();
        world.run(Span::seconds(60));
        world.digest()
    };
    assert_eq!(history(1), history(1));
    assert_ne!(history(1), history(2));
}
