//! Attackers among honest nodes, in whole simulated runs.

use std::sync::Arc;

use super::super::*;
use super::withhold::theory;
use crate::consensus::{Engine, Seat};
use crate::sim::{Latency, LinkModel, Load, Micros, NodeOptions, Options, Sim, checks, operator};
use crate::spec::{DevAccount, Spec, find};
use crate::store::{Store, Table};
use crate::types::{Block, BlockId, Height, Span, Time, decode};

/// An attacker, node 0, with a share of the hash rate, and five honest miners with the rest. Correct nodes are watched.
fn run(
    seed: u64,
    share: f64,
    attacker: impl FnOnce(&mut NodeOptions),
    attack: impl Fn(Box<dyn Engine>) -> Box<dyn Engine> + Send + Sync + 'static,
) -> Sim {
    let options = options(seed, share, attacker, attack);
    let watchers = checks::always(&options.spec);
    Sim::watched(options, watchers).unwrap()
}

fn options(
    seed: u64,
    share: f64,
    attacker: impl FnOnce(&mut NodeOptions),
    attack: impl Fn(Box<dyn Engine>) -> Box<dyn Engine> + Send + Sync + 'static,
) -> Options {
    let spec = Spec::parse("pow-dev", find("pow-dev").unwrap()).unwrap();
    let mut options = Options::miners(seed, spec, 6, 32);
    let all = 6.0 * options.nodes[0].hash_rate;
    for (place, node) in options.nodes.iter_mut().enumerate() {
        node.hash_rate = all * if place == 0 { share } else { (1.0 - share) / 5.0 };
    }
    options.nodes[0].decorate = Some(Arc::new(attack));
    attacker(&mut options.nodes[0]);
    println!("seed {seed}: {:?}", options.nodes[0]);
    options
}

/// The final blocks of an honest node, lowest first.
fn chain(sim: &Sim) -> Vec<Block> {
    let replica = sim.replica(1).expect("it is up");
    let block = |height: u64| {
        let id = replica.store().get(Table::Heights, &height.to_be_bytes()).unwrap()?;
        let id: BlockId = decode(&id).unwrap();
        let block = replica.store().get(Table::Blocks, id.as_bytes()).unwrap().unwrap();
        Some(decode(&block).unwrap())
    };
    (1..=replica.tree().root().height().0).filter_map(block).collect()
}

/// The attacker's share of the final blocks, and how many there are.
fn revenue(sim: &Sim) -> (f64, usize) {
    let chain = chain(sim);
    let its = chain.iter().filter(|block| block.header.producer == operator(0).address());
    (its.count() as f64 / chain.len() as f64, chain.len())
}

fn is_sound(sim: &Sim) {
    assert!(sim.violations().is_empty(), "{:?}", sim.violations());
}

/// With lines like everybody's it comes too late in every race; with fast ones, and passing no rival on, it is first
/// everywhere but at the finder. Over eight runs of 4000 blocks each the means were 0.481 and 0.552, where theory has
/// 0.484 and 0.551; one run's standard deviation was 0.018.
#[test]
fn a_selfish_miner_gets_what_its_place_in_the_network_gives() {
    for (fast, gamma) in [(false, 0.0), (true, 0.8)] {
        let place = |node: &mut NodeOptions| {
            let latency = Latency::Constant(Micros::millis(1));
            node.link = fast.then_some(LinkModel { latency, ..LinkModel::default() });
            node.relays = !fast;
        };
        let mut sim = Sim::new(options(1, 0.4, place, Withhold::around)).unwrap();
        sim.run(Micros::seconds(3000));
        let (drawn, blocks) = revenue(&sim);
        let expected = theory(0.4, gamma);
        println!("fast {fast}: {drawn:.4} of {blocks} blocks, {expected:.4} expected");
        assert!((drawn - expected).abs() < 0.06 && drawn > 0.42, "{drawn} against {expected}");
    }
}

#[test]
fn what_is_withheld_is_in_nobody_elses_tree() {
    let mut sim = run(2, 0.4, |_| {}, Withhold::around);
    let mut secrets = 0;
    for _ in 0..2000 {
        sim.run(Micros::millis(100));
        let replica = sim.replica(0).expect("it is up");
        let (head, told) = (replica.tree().head(), replica.told_head());
        if head.id != told.id {
            secrets += 1;
            for node in 1..sim.nodes() {
                let honest = sim.replica(node).expect("it is up");
                assert!(
                    honest.tree().get(&head.id).is_none(),
                    "at {} node {node} has it",
                    sim.now()
                );
            }
        }
    }
    assert!(secrets > 200, "it had a secret {secrets} times");
    is_sound(&sim);
}

#[test]
fn who_is_late_by_more_than_a_block_mines_for_little() {
    let mut sim = run(3, 0.3, |_| {}, |engine| Delay::around(engine, Span::seconds(6)));
    sim.run(Micros::seconds(1500));
    let (drawn, blocks) = revenue(&sim);
    println!("{drawn:.4} of {blocks} blocks");
    // It keeps those that it builds a lead of three on, as rarely as that happens.
    assert!(blocks > 400 && drawn < 0.2, "{drawn} of {blocks}");
    is_sound(&sim);
}

#[test]
fn the_others_go_on_without_who_is_silent() {
    let begin = crate::sim::options::LAUNCH;
    let during = begin.after(Span::seconds(100))..begin.after(Span::seconds(500));
    let span = during.clone();
    let mut sim = run(4, 0.3, |_| {}, move |engine| Silent::around(engine, span.clone()));
    sim.run(Micros::seconds(900));
    let made = |from: Time, until: Time| {
        let chain = chain(&sim);
        let its = chain.iter().filter(|block| block.header.producer == operator(0).address());
        its.filter(|block| (from..until).contains(&block.header.time)).count()
    };
    let in_time = during.start.after(Span::seconds(10));
    assert_eq!(made(in_time, during.end), 0);
    assert!(made(Time(0), during.start) > 0 && made(during.end, Time(u64::MAX)) > 20);
    assert!(sim.height(1) > Some(Height(300)));
    is_sound(&sim);
}

#[test]
fn rivals_split_the_others_for_a_moment_only() {
    let others = Vec::new();
    let second = Spec::parse("pow-dev", find("pow-dev").unwrap()).unwrap();
    let second = crate::sim::freeze(second, 32);
    let payout = Some(operator(0).address());
    let twin = move || second.engine(&Seat { payout, ..Seat::default() });
    let attack = move |engine| Equivocate::around(engine, twin(), others.clone());
    let mut sim = run(5, 0.4, |_| {}, attack);
    let mut rivals = 0;
    for _ in 0..600 {
        sim.run(Micros::seconds(1));
        let honest = sim.replica(1).expect("it is up").tree();
        let its = |height: Height| {
            let its = honest.nodes().filter(|node| node.height() == height);
            its.filter(|node| node.block.header.producer == operator(0).address()).count()
        };
        rivals += usize::from(its(honest.head().height()) > 1);
    }
    assert!(rivals > 5, "{rivals} rivals seen");
    let (drawn, blocks) = revenue(&sim);
    println!("{drawn:.4} of {blocks} blocks, rivals at {rivals} moments");
    assert!(drawn < 0.4, "it works twice for one block");
    is_sound(&sim);
}

#[test]
fn who_is_censored_by_some_waits_for_the_others() {
    let victim = DevAccount::all().next().expect("there is alice").address();
    let mut sim = run(6, 0.5, |_| {}, move |engine| Censor::around(engine, [victim]));
    let mut load = Load::new(6, 1.0, sim.now());
    for _ in 0..300 {
        load.pay(&mut sim);
        sim.run(Micros::seconds(1));
    }
    let mut theirs = [0, 0];
    let chain = chain(&sim);
    for block in &chain {
        let censors = block.header.producer == operator(0).address();
        for transaction in &block.body.transactions {
            let pays = transaction.outputs.iter().any(|output| output.to == victim);
            let spends =
                transaction.witnesses.iter().any(|it| crate::types::Address::of(&it.key) == victim);
            theirs[usize::from(!censors)] += usize::from(pays || spends);
        }
    }
    println!("{theirs:?} payments of the victim in {} blocks", chain.len());
    assert!(theirs[0] == 0 && theirs[1] > 20, "{theirs:?}");
    is_sound(&sim);
}
