//! Canaries: each of these bugs is found by a checker in runs that are named here, and nothing is found in the same runs
//! without it. A checker that no bug can make object would be worth nothing.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::checks::{NAMES, all};
use super::load::{Load, pay};
use super::raft::{OUTAGES, storm};
use super::stake::twins;
use super::swarm::{draw, run};
use super::*;
use crate::consensus::dpos::{commitment, delegate, secret};
use crate::ledger::{Coin, CoinKind};
use crate::miner::{Job, search_slice};
use crate::replica::wire::Gossip;
use crate::replica::{Input, Peer};
use crate::spec::{Consensus, DevAccount};
use crate::types::canary::{Bug, plant};
use crate::types::{
    Address, Amount, Block, Body, Bounded, Claim, CoinId, Draft, HEADER_VERSION, Hash, Header,
    Height, Keypair, Output, Seal, StateRoot, Time, Transaction, TransactionId, body_root,
};

/// Who objects to a run.
pub(super) type Objections = BTreeSet<&'static str>;

/// A bug, who finds it, and runs of which one at least shows it. The first that does is enough; which one that is may
/// change with everything that moves a draw.
struct Canary {
    bug: Bug,
    checker: &'static str,
    seeds: Range<u64>,
    run: fn(u64) -> Objections,
}

fn canaries() -> Vec<Canary> {
    let canary = |bug, checker, seeds, run| Canary { bug, checker, seeds, run };
    vec![
        canary(Bug::SealUnchecked, "validity", 0..1, |seed| forged(seed, Flaw::Unproven)),
        canary(Bug::StateRootUnchecked, "equal states", 0..1, |seed| forged(seed, Flaw::StateRoot)),
        canary(Bug::SpentTwice, "validity", 0..1, |seed| forged(seed, Flaw::SpendsTwice)),
        canary(Bug::MaturityOneShort, "validity", 0..1, |seed| forged(seed, Flaw::SpendsTooEarly)),
        canary(Bug::RewardOneAhead, "supply identity", 0..1, busy),
        canary(Bug::FeesTwice, "supply identity", 0..1, paid),
        canary(Bug::MedianOneBelow, "validity", 4..20, swarm),
        canary(Bug::FutureAccepted, "validity", 0..1, skewed),
        canary(Bug::EarlyIsALie, "honour", 0..1, skewed),
        canary(Bug::RoomsUnbounded, "bounded memory", 0..1, flooded),
        canary(Bug::RetargetOneOff, "validity", 0..16, swarm),
        canary(Bug::TieToTheLatest, "fork choice", 0..16, swarm),
        canary(Bug::FinalOneEarly, "fork choice", 0..16, swarm),
        canary(Bug::FinalUnsynced, "consistent prefixes", 4..20, swarm),
        canary(Bug::AcceptedUnsynced, "durability", 14..30, swarm),
        canary(Bug::AnnouncedUnsynced, "durability", 4..20, swarm),
        canary(Bug::ReturnedForgotten, "durability", 0..1, abandoned),
        canary(Bug::NeverCatchesUp, "agreement", 0..16, swarm),
        canary(Bug::QuorumOneShort, "election safety", 0..12, |seed| storm(seed, OUTAGES)),
        canary(Bug::QuorumOneShort, "agreement", 32..96, |seed| storm(seed, OUTAGES)),
        canary(Bug::EvidenceForgotten, "equivocation", 0..6, contradicted),
        canary(Bug::RecentsForgotten, "validity", 0..1, turns),
        canary(Bug::AlwaysInTurn, "validity", 0..1, turns),
        canary(Bug::ChangeAtOnce, "validity", 0..16, turns_swarm),
        canary(Bug::KernelUnchecked, "validity", 0..1, stakers),
        canary(Bug::InterestTwice, "supply identity", 0..1, stakers),
        canary(Bug::StakeNeverRests, "validity", 0..1, stakers),
        canary(Bug::MinAgeIgnored, "validity", 0..1, stakers),
        canary(Bug::SlotUnchecked, "validity", 0..1, usurped),
        canary(Bug::WeightsStandStill, "validity", 0..24, elections),
        canary(Bug::SuspendedStay, "validity", 0..1, absent),
        canary(Bug::DecidedBeforeFinal, "validity", 0..1, absent),
        canary(Bug::RevealsIgnored, "validity", 0..1, absent),
        canary(Bug::MissedUncounted, "validity", 0..1, absent),
        canary(Bug::EvidenceForgotten, "equivocation", 0..4, doubled),
        canary(Bug::DraftUnkept, "agreement", 0..1, power_cut),
        canary(Bug::VoteUnkept, "honour", 0..40, a_primary_dies_speaking),
    ]
}

#[test]
fn every_planted_bug_is_found_by_its_checker_and_nothing_without_it() {
    for Canary { bug, checker, seeds, run } in canaries() {
        let planted = plant(bug);
        let found = seeds.clone().find(|seed| run(*seed).contains(checker));
        drop(planted);
        println!("{bug:?}: {checker} in {found:?} of {seeds:?}");
        let found = found.unwrap_or_else(|| panic!("{checker} does not see {bug:?} in {seeds:?}"));
        for seed in seeds.start..=found {
            assert_eq!(run(seed), Objections::new(), "seed {seed} without {bug:?}");
        }
    }
}

/// Whoever objects to something was seen to object to a bug.
#[test]
fn every_checker_has_a_bug_to_find() {
    let canaries = canaries();
    // Nobody seals twice without leading twice in one term, which is seen first.
    for name in NAMES.into_iter().filter(|name| !["store", "one seal"].contains(name)) {
        assert!(canaries.iter().any(|canary| canary.checker == name), "{name}");
    }
}

pub(super) fn objections(sim: &mut Sim) -> Objections {
    sim.look();
    sim.violations().iter().map(|violation| violation.watcher).collect()
}

/// A swarm run.
fn swarm(seed: u64) -> Objections {
    run(&draw("pow", seed)).violations.iter().map(|violation| violation.watcher).collect()
}

/// A swarm run of authorities in turn.
fn turns_swarm(seed: u64) -> Objections {
    run(&draw("poa", seed)).violations.iter().map(|violation| violation.watcher).collect()
}

/// Authorities in turn, one of whom is away for a while, under all checkers; votes are forgotten every few blocks.
fn turns(seed: u64) -> Objections {
    let text = find("poa-dev").unwrap().replacen("period = ", "epoch = 5\nperiod = ", 1);
    let options = Options::seated(seed, Spec::parse("canary", &text).unwrap(), 4, 24);
    let watchers = all(&options.spec, false);
    let mut sim = Sim::watched(options, watchers).unwrap();
    sim.run(Micros::seconds(20));
    sim.crash(3).unwrap();
    sim.run(Micros::seconds(20));
    sim.restart(3).unwrap();
    sim.run(Micros::seconds(20));
    objections(&mut sim)
}

/// The power fails when a leader has sealed what the others had told it to have, and it comes back last.
fn power_cut(seed: u64) -> Objections {
    let options = super::raft::options(seed, "raft-dev", 5);
    let watchers = all(&options.spec, false);
    let mut sim = Sim::watched(options, watchers).unwrap();
    sim.run(Micros::seconds(3));
    let sealed = sim.height(0).unwrap().next();
    pay_at(&mut sim, seed);
    let first = |sim: &Sim| (0..5).find(|node| sim.height(*node) == Some(sealed));
    while first(&sim).is_none() && sim.step(Moment(60_000_000)) {}
    let leader = first(&sim).unwrap();
    // What it sealed is durable there.
    sim.run(Micros(400));
    (0..5).for_each(|node| sim.crash(node).unwrap());
    (0..5).filter(|node| *node != leader).for_each(|node| sim.restart(node).unwrap());
    sim.run(Micros::seconds(20));
    sim.restart(leader).unwrap();
    sim.run(Micros::seconds(20));
    objections(&mut sim)
}

/// The power fails at a primary in the middle of what it says, a little later from seed to seed, and it comes back before anybody
/// asks for another one.
fn a_primary_dies_speaking(seed: u64) -> Objections {
    let options = super::raft::options(1, "pbft-dev", 4);
    let watchers = all(&options.spec, false);
    let mut sim = Sim::watched(options, watchers).unwrap();
    sim.run(Micros::seconds(3));
    let authorities = sim.options().spec.consensus().authorities().unwrap().set();
    let key = |node: &usize| sim.options().nodes[*node].key.as_ref().unwrap().address();
    let primary = (0..4).find(|node| authorities.first() == Some(&key(node))).unwrap();
    sim.crash_after(primary, seed).unwrap();
    pay_at(&mut sim, 1);
    sim.run(Micros::millis(400));
    if sim.replica(primary).is_none() {
        sim.restart(primary).unwrap();
    }
    sim.run(Micros::seconds(20));
    objections(&mut sim)
}

/// Stakers under all checkers.
fn stakers(seed: u64) -> Objections {
    // Few coins, so that each of them is tried again as soon as it may be.
    let text = find("pos-dev").unwrap().replacen("genesis_coins = 32", "genesis_coins = 2", 1);
    let text = text.replacen("maturity = 10 ", "maturity = 6 ", 1);
    let text = text.replacen("min_age = \"20s\"", "min_age = \"2s\"", 1);
    let options = Options::seated(seed, Spec::parse("canary", &text).unwrap(), 4, 24);
    let watchers = all(&options.spec, false);
    let mut sim = Sim::watched(options, watchers).unwrap();
    sim.run(Micros::seconds(400));
    objections(&mut sim)
}

/// Two stake one's coins without knowing of each other.
fn contradicted(seed: u64) -> Objections {
    let options = twins(seed, "pos-dev");
    let watchers = all(&options.spec, false);
    let mut sim = Sim::watched(options, watchers).unwrap();
    Load::new(seed, 1.0, Moment(0)).pay_until(&mut sim, Moment(0).after(Micros::seconds(200)));
    objections(&mut sim)
}

/// A swarm run of delegates.
fn elections(seed: u64) -> Objections {
    run(&draw("dpos", seed)).violations.iter().map(|violation| violation.watcher).collect()
}

/// Delegates under all checkers.
fn delegates(seed: u64, nodes: usize) -> Sim {
    let spec = Spec::parse("canary", find("dpos-dev").unwrap()).unwrap();
    let options = Options::seated(seed, spec, nodes, 24);
    let watchers = all(&options.spec, false);
    Sim::watched(options, watchers).unwrap()
}

/// One of seven delegates never comes, is suspended, and leaves the schedule.
fn absent(seed: u64) -> Objections {
    let mut sim = delegates(seed, 6);
    sim.run(Micros::seconds(90));
    objections(&mut sim)
}

/// Two nodes act for one delegate.
fn doubled(seed: u64) -> Objections {
    let options = super::slots::twins(seed);
    let watchers = all(&options.spec, false);
    let mut sim = Sim::watched(options, watchers).unwrap();
    super::slots::elect(&mut sim, seed, 60);
    objections(&mut sim)
}

/// Somebody hands node 0 a block for a slot in another delegate's name: its own, right in every other way.
fn usurped(seed: u64) -> Objections {
    let mut sim = delegates(seed, 7);
    sim.run(Micros::millis(30_500));
    let spec = sim.options().spec.clone();
    let (chain, Consensus::Dpos(dpos)) = (spec.genesis_id(), spec.consensus()) else {
        unreachable!()
    };
    let rules = dpos.rules(chain, spec.genesis_time(), &spec);
    let tree = sim.replica(0).unwrap().tree();
    let head = tree.head();
    let slot = rules.slot(&head.state).unwrap() + 1;
    let round = rules.round(&head.state, slot).unwrap();
    let keys = sim.options().nodes.iter().flat_map(|node| node.key.clone());
    let is_due = |key: &Keypair| round.due(slot, rules.params()) == Some(&key.address());
    let key = keys.into_iter().find(|key| !is_due(key)).unwrap();
    let own = delegate(&head.state, &key.address(), rules.params()).unwrap().unwrap();
    let reveal = secret(&key, own.slot, &chain);
    let commit = commitment(&secret(&key, slot, &chain), &chain);
    let body = Body::default();
    let header = Header {
        version: HEADER_VERSION,
        height: head.height().next(),
        parent: head.id,
        time: rules.params().start_of(slot),
        producer: key.address(),
        claim: Claim::Slot { reveal, commit, prior: head.height() },
        body_root: body_root(&body, &chain),
        state_root: StateRoot::default(),
    };
    let mut draft = Draft { header, body };
    draft.header.state_root = tree.execute(&draft, &head.state).unwrap().root();
    let block = draft.clone().seal(Seal::signed(&draft.id(&chain), &key, &chain));
    sim.run(Micros::millis(400));
    sim.deliver(0, Input::Sealed(Box::new(block)));
    sim.run(Micros::seconds(5));
    objections(&mut sim)
}

/// Three miners under all checkers, on the chain for development with one line of its spec replaced, and the third node `change`d.
fn watched(seed: u64, line: Option<[&str; 2]>, change: impl Fn(&mut NodeOptions)) -> Sim {
    let mut text = find("pow-dev").unwrap().to_owned();
    if let Some([from, to]) = line {
        assert!(text.contains(from), "the spec says it otherwise now");
        text = text.replacen(from, to, 1);
    }
    let spec = Spec::parse("canary", &text).unwrap();
    let mut options = Options::miners(seed, spec, 3, 24);
    change(&mut options.nodes[2]);
    let watchers = all(&options.spec, false);
    Sim::watched(options, watchers).unwrap()
}

/// Rewards halve early.
fn busy(seed: u64) -> Objections {
    let early = ["halving_interval = 1000", "halving_interval = 10"];
    let mut sim = watched(seed, Some(early), |_| {});
    sim.run(Micros::seconds(60));
    objections(&mut sim)
}

/// Somebody pays, long before the coins are counted.
fn paid(seed: u64) -> Objections {
    let mut sim = watched(seed, None, |_| {});
    sim.run(Micros::seconds(5));
    pay_at(&mut sim, seed);
    let uncounted = |sim: &Sim| sim.replica(0).unwrap().tree().root().height() < Height(20);
    assert!(sim.run_while(Micros::seconds(900), Micros::seconds(1), uncounted));
    objections(&mut sim)
}

/// Submits a payment to node 0.
fn pay_at(sim: &mut Sim, seed: u64) -> TransactionId {
    let mut load = Load::new(seed, 1.0, sim.now());
    let payment = (0..50).find_map(|_| load.payment(sim, 0)).unwrap();
    let id = payment.id(&sim.options().spec.genesis_id());
    sim.submit(0, vec![payment]);
    id
}

/// The clock of one node is an hour ahead. Nobody takes its blocks; that must not go on until they are final.
fn skewed(seed: u64) -> Objections {
    let mut sim = watched(seed, None, |node| node.skew.offset_ms = 3_600_000);
    sim.run(Micros::seconds(40));
    objections(&mut sim)
}

/// A node that is cut off takes a payment into a block, and the others' branch wins.
fn abandoned(seed: u64) -> Objections {
    let mut sim = watched(seed, None, |_| {});
    sim.run(Micros::seconds(20));
    let cut = sim.cut(&[0], &[1, 2], false).unwrap();
    let id = pay_at(&mut sim, seed);
    let wait = |sim: &mut Sim, goes_on: &dyn Fn(&Sim) -> bool| {
        assert!(sim.run_while(Micros::seconds(60), Micros::millis(10), goes_on));
    };
    wait(&mut sim, &|sim| !sim.replica(0).unwrap().view().included.contains_key(&id));
    sim.set_hash_rate(0, 0.0).unwrap();
    wait(&mut sim, &|sim| sim.height(1) <= sim.height(0).map(|height| height.next()));
    sim.heal(cut).unwrap();
    wait(&mut sim, &|sim| !sim.agree());
    objections(&mut sim)
}

/// Somebody who is not one of the correct brings a crowd of transactions that spend coins nobody has heard of.
fn flooded(seed: u64) -> Objections {
    let mut sim = watched(seed, None, |node| node.decorate = Some(Arc::new(|engine| engine)));
    sim.run(Micros::seconds(5));
    let from_nowhere = |number: u16| {
        let mut coin = [0; 32];
        coin[..2].copy_from_slice(&number.to_le_bytes());
        let output = Output { to: operator(0).address(), amount: Amount(1) };
        Transaction {
            inputs: Bounded::truncated(vec![CoinId(Hash(coin))]),
            outputs: Bounded::truncated(vec![output]),
            operation: None,
            witnesses: Bounded::default(),
        }
    };
    for message in 0..3 {
        let batch = (0..500).map(|number| from_nowhere(message * 500 + number)).collect();
        let gossip = Gossip::Transactions(Bounded::truncated(batch));
        sim.deliver(0, Input::Gossip { from: Peer(2), message: message.into(), gossip });
    }
    objections(&mut sim)
}

/// What is wrong with a block.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flaw {
    Unproven,
    StateRoot,
    SpendsTwice,
    SpendsTooEarly,
}

/// A miner beside node 0 hands it a block with a flaw.
fn forged(seed: u64, flaw: Flaw) -> Objections {
    // So that the bits that are due are known.
    let fixed = ["retarget = \"asert\"", "retarget = \"fixed\""];
    let mut sim = watched(seed, Some(fixed), |_| {});
    sim.run(Micros::seconds(60));
    let block = forge(&sim, flaw);
    sim.deliver(0, Input::Sealed(Box::new(block)));
    sim.run(Micros::seconds(5));
    objections(&mut sim)
}

fn forge(sim: &Sim, flaw: Flaw) -> Block {
    let spec = &sim.options().spec;
    let (chain, pow) = (spec.genesis_id(), spec.consensus().pow().unwrap());
    let tree = sim.replica(0).unwrap().tree();
    let (head, bits) = (tree.head(), pow.initial_bits);
    let height = head.height().next();
    let transactions = match flaw {
        Flaw::SpendsTwice => {
            let payer = DevAccount::all().next().unwrap().keypair();
            let coins = head.state.coins_of(&payer.address(), None, 1).unwrap();
            (1..3).map(|to| spend(sim, &payer, coins[0], operator(to).address())).collect()
        }
        Flaw::SpendsTooEarly => {
            let maturity = spec.ledger_params().maturity;
            let ripe_next = |(_, coin): &(CoinId, Coin)| {
                coin.kind == CoinKind::Reward && coin.height.0 + maturity == height.0 + 1
            };
            let coin = |node| {
                let owner = operator(node);
                let coins = head.state.coins_of(&owner.address(), None, 1000).unwrap();
                Some((coins.into_iter().find(ripe_next)?, owner))
            };
            let (coin, owner) = (0..3).find_map(coin).unwrap();
            vec![spend(sim, &owner, coin, operator(9).address())]
        }
        Flaw::Unproven | Flaw::StateRoot => Vec::new(),
    };
    let body = Body { transactions: Bounded::truncated(transactions), ..Body::default() };
    let header = Header {
        version: HEADER_VERSION,
        height,
        parent: head.id,
        time: sim.local_time(0).unwrap().max(Time(head.block.header.time.0 + 1)),
        producer: operator(0).address(),
        claim: Claim::Work { bits },
        body_root: body_root(&body, &chain),
        state_root: StateRoot(Hash([7; 32])),
    };
    let mut draft = Draft { header, body };
    // One that does not execute has no root: it is refused for that before anybody compares.
    if let (true, Ok(executed)) = (flaw != Flaw::StateRoot, tree.execute(&draft, &head.state)) {
        draft.header.state_root = executed.root();
    }
    let (id, parent) = (draft.id(&chain), *head.id.as_bytes());
    let time = draft.header.time.seconds();
    let job = Job::for_block(height.0, id.as_bytes(), parent, time, bits).unwrap();
    let (mut proof, _) = search_slice(&job, 0, 100_000).unwrap();
    if flaw == Flaw::Unproven {
        proof.nonce ^= 1;
    }
    draft.seal(Seal::Work(proof))
}

fn spend(sim: &Sim, payer: &Keypair, (id, coin): (CoinId, Coin), to: Address) -> Transaction {
    let params = sim.options().spec.ledger_params();
    pay(&params, payer, id, coin.amount, None, |left| vec![(to, Amount(left))]).unwrap()
}
