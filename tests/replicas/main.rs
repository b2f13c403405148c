//! Several replicas on one queue: agreement, partitions, late joiners, crashes at any point, liars.
//!
//! A failing run of [`crashes`] names its seed; `ASSAY_SEED=N cargo test --no-default-features --test replicas` runs
//! only that one.

#![allow(clippy::disallowed_methods, reason = "the seed of a failing run comes from outside")]

mod host;

use assay::replica::wire::{Announce, Gossip, Response};
use assay::replica::{Input, Peer};
use assay::spec::dev_account;
use assay::store::{Store, Table};
use assay::types::work::WorkProof;
use assay::types::{
    Bounded, Claim, HEADER_VERSION, Hash, Header, Height, Seal, Signature, StateRoot, Time, Witness,
};

use host::{World, fortune, miner, payment};

#[test]
fn four_miners_agree_on_one_chain_and_one_state() {
    let mut world = World::new(4);
    world.run(120_000);
    world.rest();
    world.run(10_000);
    assert_eq!(world.heads().len(), 1);
    assert!(world.height(0) > 20, "{}", world.height(0));
    let roots: std::collections::BTreeSet<_> =
        (0..4).map(|node| world.replica(node).tree().head().state.root()).collect();
    assert_eq!(roots.len(), 1);
    assert!(world.nodes.iter().all(|node| node.banned.is_empty()));
    let supply = world.replica(0).tree().head().state.supply().unwrap();
    let spec = host::spec();
    let expected = spec.issuance.initial_reward.0 * world.height(0);
    assert_eq!(supply.issued.0, expected);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let mut world = World::new(3);
        world.run(60_000);
        world.digest()
    };
    assert_eq!(run(), run());
}

#[test]
fn a_payment_and_one_that_stands_on_it_reach_every_node() {
    let mut world = World::new(3);
    world.run(5_000);
    let (alice, bob) = (dev_account("alice").unwrap(), dev_account("bob").unwrap());
    let first = payment(&world, &alice, fortune(&world, 0), bob.address(), 150_000_000);
    let id = first.id(&world.spec.genesis_id());
    let change = (
        assay::types::Transaction::coin_id(&id, 1, &world.spec.genesis_id()),
        first.outputs[1].amount,
    );
    let second = payment(&world, &alice, change, miner(0), 5);
    let second_id = second.id(&world.spec.genesis_id());
    world.input(1, Input::Submit { ticket: 1, transactions: vec![first, second] });
    world.run(40_000);
    assert_eq!(world.nodes[1].acknowledged, [id, second_id], "{:?}", world.nodes[1].refusals);
    for node in 0..3 {
        assert!(world.has(node, &id) && world.has(node, &second_id), "node {node}");
        assert!(world.replica(node).pool().is_empty(), "node {node}");
    }
}

#[test]
fn halves_that_healed_have_one_chain_and_every_payment() {
    let mut world = World::new(4);
    world.run(20_000);
    for (a, b) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
        world.link(a, b, false);
    }
    let (alice, bob) = (dev_account("alice").unwrap(), dev_account("bob").unwrap());
    let left = payment(&world, &alice, fortune(&world, 0), bob.address(), 1_000_000);
    let right = payment(&world, &bob, fortune(&world, 1), alice.address(), 2_000_000);
    let ids = [left.id(&world.spec.genesis_id()), right.id(&world.spec.genesis_id())];
    world.input(0, Input::Submit { ticket: 1, transactions: vec![left] });
    world.input(2, Input::Submit { ticket: 1, transactions: vec![right] });
    world.run(25_000);
    assert!(world.heads().len() > 1, "the halves cannot know of each other");
    assert!(world.has(0, &ids[0]) && !world.has(2, &ids[0]));
    for (a, b) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
        world.link(a, b, true);
    }
    // What one half's pool lost is told again by its node within 90 seconds.
    world.run(150_000);
    world.rest();
    world.run(10_000);
    assert_eq!(world.heads().len(), 1);
    for node in 0..4 {
        assert!(ids.iter().all(|id| world.has(node, id)), "node {node}");
    }
    assert!(world.nodes.iter().all(|node| node.banned.is_empty()));
}

#[test]
fn a_late_node_catches_up_beyond_what_is_final() {
    let mut world = World::new(3);
    world.run(400_000);
    assert!(world.replica(0).tree().root().height() > Height(50));
    world.join();
    world.run(5_000);
    world.rest();
    world.run(20_000);
    assert_eq!(world.heads().len(), 1);
    assert!(world.nodes[3].banned.is_empty());
}

/// A small generator for the choice of crashes (SplitMix64).
fn dice(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One run with crashes of node 1 at random places of its output lists, keeping a random number of staged batches.
fn crashes(seed: u64) {
    let mut state = seed;
    let mut world = World::new(3);
    let (alice, bob) = (dev_account("alice").unwrap(), dev_account("bob").unwrap());
    let mut coin = fortune(&world, 0);
    for _ in 0..6 {
        let payment = payment(&world, &alice, coin, bob.address(), 1_000_000);
        let id = payment.id(&world.spec.genesis_id());
        coin = (
            assay::types::Transaction::coin_id(&id, 1, &world.spec.genesis_id()),
            payment.outputs[1].amount,
        );
        let (outputs, survivors) = (dice(&mut state) % 40, dice(&mut state) % 4);
        world.crash = Some((1, outputs as usize, survivors as usize));
        world.input(1, Input::Submit { ticket: 1, transactions: vec![payment.clone()] });
        for _ in 0..100 {
            world.run(500);
            if world.nodes[1].replica.is_none() {
                break;
            }
        }
        world.crash = None;
        if world.nodes[1].replica.is_none() {
            world.run(dice(&mut state) % 8_000);
            let known: Vec<_> = world.nodes[1].announced.clone();
            world.start(1);
            for id in known {
                let kept = world.nodes[1].store.get(Table::Blocks, id.as_bytes()).unwrap();
                let replica = world.replica(1);
                let lost_for_good = replica.tree().root().height() > Height(0);
                assert!(
                    kept.is_some() || lost_for_good,
                    "seed {seed}: announced block {id} is gone"
                );
            }
        }
        // Whoever was not answered asks again; so does this wallet, and the answer is the same id.
        world.input(1, Input::Submit { ticket: 2, transactions: vec![payment] });
        world.run(60_000);
        assert!(world.has(1, &id), "seed {seed}: payment {id} is lost");
    }
    world.rest();
    world.run(20_000);
    assert_eq!(world.heads().len(), 1, "seed {seed}");
    for id in world.nodes[1].acknowledged.clone() {
        assert!(world.has(0, &id) || world.has(2, &id), "seed {seed}: acknowledged {id} is lost");
    }
    let banned: Vec<_> = world.nodes.iter().flat_map(|node| &node.banned).collect();
    assert!(banned.is_empty(), "seed {seed}: {banned:?}");
}

#[test]
fn a_crash_at_any_point_loses_nothing_that_was_acknowledged() {
    let seeds = match std::env::var("ASSAY_SEED") {
        Ok(seed) => vec![seed.parse().expect("ASSAY_SEED is a number")],
        Err(_) => (0..8).collect(),
    };
    for seed in seeds {
        let run = std::panic::catch_unwind(|| crashes(seed));
        if let Err(panic) = run {
            eprintln!(
                "again with: ASSAY_SEED={seed} cargo test --no-default-features --test replicas"
            );
            std::panic::resume_unwind(panic);
        }
    }
}

fn header(world: &World, claim: Claim) -> Header {
    let parent = world.replica(0).tree().head();
    Header {
        version: HEADER_VERSION,
        height: parent.height().next(),
        parent: parent.id,
        time: Time(world.now),
        producer: miner(3),
        claim,
        body_root: Hash([1; 32]),
        state_root: StateRoot::default(),
    }
}

fn announce(header: Header) -> Gossip {
    let proof =
        WorkProof { version: 0x2000_0000, extra_nonce: 0, time: header.time.seconds(), nonce: 0 };
    Gossip::Announce(Box::new(Announce {
        header,
        seal: Seal::Work(proof),
        short_ids: Bounded::default(),
        evidence: Bounded::default(),
    }))
}

/// Each row is a lie; the node throws its teller out and goes on.
#[test]
fn liars_are_thrown_out_and_the_node_goes_on() {
    let liar = Peer(99);
    type Lie = (&'static str, Box<dyn Fn(&mut World)>);
    let gossip = |make: fn(&World) -> Gossip| -> Box<dyn Fn(&mut World)> {
        Box::new(move |world| {
            let gossip = make(world);
            world.input(0, Input::Gossip { from: Peer(99), message: 1, gossip });
        })
    };
    let lies: Vec<Lie> = vec![
        (
            "a target that is not due",
            gossip(|world| {
                announce(header(
                    world,
                    Claim::Work { bits: assay::types::target::Bits(0x1d00_ffff) },
                ))
            }),
        ),
        (
            "a claim of another rule",
            gossip(|world| announce(header(world, Claim::Round { round: 1 }))),
        ),
        (
            "a time before the median",
            gossip(|world| {
                let bits = assay::types::target::Bits(0x2003_ffff);
                announce(Header { time: Time(host::LAUNCH), ..header(world, Claim::Work { bits }) })
            }),
        ),
        (
            "a forged signature",
            gossip(|world| {
                let alice = dev_account("alice").unwrap();
                let mut forged = payment(world, &alice, fortune(world, 0), miner(0), 5);
                let witness = Witness { key: alice.public(), signature: Signature([7; 64]) };
                forged.witnesses = Bounded::new(vec![witness]).unwrap();
                Gossip::Transactions(Bounded::new(vec![forged]).unwrap())
            }),
        ),
        (
            "an answer that does not fit the question",
            Box::new(|world| {
                for id in 0..10_000 {
                    let response = Response::Block(None);
                    world.input(0, Input::Response { from: Peer(99), id, response });
                }
            }),
        ),
    ];
    for (lie, tell) in lies {
        let mut world = World::new(2);
        world.run(30_000);
        world.input(0, Input::Connected(liar));
        tell(&mut world);
        world.run(1_000);
        let banned: Vec<_> = world.nodes[0].banned.iter().map(|(peer, _)| *peer).collect();
        assert_eq!(banned, [liar], "{lie}");
        let before = world.height(0);
        world.run(60_000);
        assert!(world.height(0) > before, "{lie}: the node stands still");
    }
}
