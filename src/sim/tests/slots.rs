//! Delegates in slots in the simulator.

use std::sync::Arc;

use super::super::attackers::Censor;
use super::super::checks::all;
use super::super::faults::{Driver, Fault, Timed};
use super::super::load::{Load, pay};
use super::super::swarm::{draw, run, swarm};
use super::super::{Micros, Moment, Options, Sim};
use super::stake::proven;
use crate::consensus::dpos::{Standing, delegate};
use crate::ledger::CoinKind;
use crate::spec::{Consensus, DevAccount, Spec, find};
use crate::types::{Address, Amount, Bounded, COIN, Operation, Text};

fn options(seed: u64, nodes: usize) -> Options {
    let spec = Spec::parse("dpos-dev", find("dpos-dev").unwrap()).unwrap();
    Options::seated(seed, spec, nodes, 16)
}

#[test]
fn seven_delegates_make_a_block_in_each_slot_and_finalise_it() {
    let mut sim = Sim::new(options(1, 7)).unwrap();
    sim.run(Micros::millis(120_400));
    for node in 0..7 {
        let replica = sim.replica(node).unwrap();
        let (head, root) = (replica.tree().head().height(), replica.tree().root().height());
        assert!((118..=121).contains(&head.0), "{head}");
        assert!(root.0 + 16 > head.0, "{root} of {head} are final");
    }
    assert!(sim.agree());
}

/// Seven founders, and two nodes that do not know of each other and both act for heidi, who stands for election with the most
/// coins: one with the pool, one without. As long as somebody pays, their blocks of one slot differ.
pub(super) fn twins(seed: u64) -> Options {
    let mut options = options(seed, 9);
    let everybody: Vec<Address> = DevAccount::all().map(DevAccount::address).collect();
    let heidi = DevAccount::named("heidi").unwrap().keypair();
    options.nodes[7].key = Some(heidi.clone());
    options.nodes[8].key = Some(heidi);
    options.nodes[7].decorate = Some(Arc::new(|engine| engine));
    options.nodes[8].decorate =
        Some(Arc::new(move |engine| Censor::around(engine, everybody.clone())));
    options
}

/// Somebody does something and keeps all coins, one of them as large as a deposit.
fn perform(sim: &mut Sim, by: DevAccount, operation: Operation) {
    let (params, deposit) = (sim.options().spec.ledger_params(), Amount(1000 * COIN));
    let state = &sim.replica(0).unwrap().tree().head().state;
    let mut coins = state.coins_of(&by.address(), None, 100).unwrap();
    coins.retain(|(_, coin)| coin.kind == CoinKind::Transfer);
    let (id, coin) = coins.into_iter().max_by_key(|(_, coin)| coin.amount).unwrap();
    let give = |left| vec![(by.address(), deposit), (by.address(), Amount(left - deposit.0))];
    let transaction = pay(&params, &by.keypair(), id, coin.amount, Some(operation), give);
    sim.submit(0, vec![transaction.unwrap()]);
    sim.run(Micros::seconds(3));
}

/// Heidi stands and is elected; then people pay each other for a while.
pub(super) fn elect(sim: &mut Sim, seed: u64, seconds: u64) {
    let heidi = DevAccount::named("heidi").unwrap();
    sim.run(Micros::seconds(2));
    perform(sim, heidi, Operation::RegisterDelegate { name: Text::new("heidi").unwrap() });
    let delegates = Bounded::truncated(vec![heidi.address()]);
    perform(sim, heidi, Operation::Vote { delegates });
    let end = sim.now().after(Micros::seconds(seconds));
    Load::new(seed, 2.0, sim.now()).pay_until(sim, end);
}

/// A delegate that seals two blocks in its slots is told of within five blocks, and nobody else is; it loses its deposit and
/// its seat, and the others agree and go on.
#[test]
fn a_delegate_that_seals_two_blocks_in_one_slot_loses_its_deposit_and_its_seat() {
    let heidi = DevAccount::named("heidi").unwrap().address();
    for seed in 0..4 {
        let options = twins(seed);
        let rules = match options.spec.consensus() {
            Consensus::Dpos(dpos) => {
                let spec = &options.spec;
                dpos.rules(spec.genesis_id(), spec.genesis_time(), spec)
            }
            _ => unreachable!(),
        };
        let checks = all(&options.spec, false);
        let mut sim = Sim::watched(options, checks).unwrap();
        elect(&mut sim, seed, 90);
        assert!(sim.run_while(Micros::seconds(30), Micros::millis(50), |sim| !sim.agree()));
        assert!(sim.violations().is_empty(), "{seed}: {:?}", sim.violations());
        let proven = proven(&sim, 1);
        println!("{seed}: {proven:?}");
        assert!(!proven.is_empty(), "{seed}");
        for (by, of, at) in &proven {
            assert_eq!(*by, heidi, "{seed}");
            assert!(at.0 <= of.0 + 5, "{seed}: an offence of {of} is proven at {at}");
        }
        let (replica, params) = (sim.replica(1).unwrap(), rules.params());
        let head = replica.tree().head();
        let found = delegate(&head.state, &heidi, params).unwrap().unwrap();
        assert!(matches!(found.standing, Standing::Banned(_)) && found.bond.is_none());
        assert_eq!(head.state.supply().unwrap().burned, params.deposit, "{seed}");
        let slot = rules.slot(&head.state).unwrap() + 1;
        let members = rules.round(&head.state, slot).unwrap().members();
        assert!(!members.contains(&heidi) && members.len() == 7, "{seed}");
        assert!(head.height().0 > 90 && found.produced > 0, "{seed}");
    }
}

/// Whoever crashes and starts again, however often, contradicts nobody.
#[test]
fn restarts_are_no_offence() {
    for seed in 0..4 {
        let options = options(seed, 7);
        let checks = all(&options.spec, false);
        let mut sim = Sim::watched(options, checks).unwrap();
        let crash = |n: u64| Timed {
            at: Moment(700_000 * n),
            lasts: Micros(1 + 331_000 * (n % 9)),
            fault: Fault::Crash {
                node: usize::try_from(n % 7).unwrap(),
                outputs: Some(n * (seed + 3) % 23),
            },
        };
        let load = Load::new(seed, 2.0, Moment(0));
        let mut driver = Driver::new(&mut sim, (1..120).map(crash).collect(), Some(load));
        driver.run_until(Moment(90_000_000));
        driver.heal();
        sim.run(Micros::seconds(20));
        assert!(sim.violations().is_empty(), "{seed}: {:?}", sim.violations());
        assert_eq!(proven(&sim, 1), [], "{seed}");
        assert!(sim.height(1).unwrap().0 > 40, "{seed}: {:?}", sim.height(1));
    }
}

#[test]
fn swarms_find_nothing() {
    for seed in 0..40 {
        let outcome = swarm("dpos", seed).unwrap_or_else(|failure| panic!("{failure}"));
        println!("{seed}: {} events, height {}", outcome.events, outcome.height);
    }
}

#[test]
fn a_seed_is_one_history() {
    let (first, second) = (draw("dpos", 3), draw("dpos", 3));
    assert_eq!(run(&first).digest, run(&second).digest);
}

#[test]
fn seeds_that_failed_once_do_not_fail_again() {
    for seed in [1046, 1975, 241, 448] {
        swarm("dpos", seed).unwrap_or_else(|failure| panic!("{failure}"));
    }
}
