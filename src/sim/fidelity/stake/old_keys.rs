//! Long-range attacks: a history rewritten with keys that own nothing any more.
//!
//! At the beginning six coins in ten are sold to somebody who does not stake them. The sellers keep the old keys and build,
//! apart from everybody, a chain on which they never sold; the four in ten that stake in public make the public one. Theirs
//! weighs less: what decides is not who owns the chain but whose coins of the beginning stake. When the sellers show their
//! branch,
//!
//! - whoever was *online* follows it only if it parts above what is final for them;
//! - whoever is *new* sees two histories and follows the one that weighs more;
//! - whoever is new and was told which block belongs at some height (a *checkpoint*) follows the one with that block.

use super::super::super::load::pay;
use super::super::super::options::{NodeOptions, operator};
use super::renewal::Ages;
use super::share::{FIXED, Holding, Plan, Running};
use super::stake_of;
use crate::sim::Micros;
use crate::types::{Amount, Height};

/// A block is final with so many on top of it.
pub const FINALITY_DEPTH: u64 = 10;

/// Seconds between blocks, if everybody staked.
const SPACING: u64 = 20;

const AGES: Ages = Ages { min: 300, max: 6000 };

/// Coins that stake in public, and coins that were sold.
const COINS: [usize; 2] = [40, 60];

/// How soon everybody has what is shown: nodes that were apart tell each other where they stand every few seconds, and may
/// keep each other away for ten minutes.
const TRAVEL: Micros = Micros::seconds(2000);

const PUBLIC: usize = 0;
const SELLERS: usize = 1;
const ONLINE: usize = 2;
const NEW: usize = 3;
const TOLD: usize = 4;

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewrite {
    /// Height of the public chain when the other one is shown.
    pub public: u64,
    /// Whether the sellers' chain weighs more then.
    pub heavier: bool,
    /// Whether a node that was online follows it.
    pub online: bool,
    /// Whether a new node follows it.
    pub new: bool,
    /// Whether a new node with a checkpoint does.
    pub told: bool,
}

/// An attempt with a branch of so many block times.
///
/// # Panics
///
/// If the simulator refuses what is done to it, which cannot happen.
pub fn attempt(block_times: u64, seed: u64) -> Rewrite {
    let holder = |coins: usize| Holding { coins, each: 100, awake: true };
    let holders = COINS.map(holder).to_vec();
    let plan = Plan { holders, ages: AGES, spacing: SPACING, interest: 0, rest: 0, window: FIXED };
    let more = format!("finality_depth = {FINALITY_DEPTH}");
    let mut running: Running = plan.begin_with(seed, &more, |options| {
        options.nodes.extend([0; 3].map(|_| NodeOptions::default()));
    });
    let possible = "an act on a node that is there";
    let sold = COINS[0]..COINS[0] + COINS[1];
    let sim = running.sim();
    let cut = sim.cut(&[SELLERS], &[PUBLIC, ONLINE, NEW, TOLD], false).expect(possible);
    sim.crash(NEW).expect(possible);
    sim.crash(TOLD).expect(possible);
    // Sold to somebody whose coins sleep, in public.
    let (params, buyer) = (sim.options().spec.ledger_params(), operator(sold.end).address());
    let state = sim.replica(PUBLIC).expect("it runs").tree().head().state.clone();
    let sales = sold.map(|account| {
        let coins = state.coins_of(&operator(account).address(), None, 2).expect("in memory");
        let (id, coin) = coins[0];
        pay(&params, &operator(account), id, coin.amount, None, |left| vec![(buyer, Amount(left))])
            .expect("a hundred coins pay the fee")
    });
    let sales = sales.collect();
    sim.submit(PUBLIC, sales);
    sim.run(Micros::seconds(block_times * SPACING));

    let rank = |sim: &crate::sim::Sim, node: usize| {
        sim.replica(node).expect("it runs").tree().head().rank.clone()
    };
    let tip = |sim: &crate::sim::Sim, node: usize| {
        let head = sim.replica(node).expect("it runs").tree().head();
        (head.height(), head.id)
    };
    let (public, sellers) = (tip(sim, PUBLIC), tip(sim, SELLERS));
    let heavier = rank(sim, SELLERS) > rank(sim, PUBLIC);
    // Nobody makes blocks while what is shown travels.
    for node in [PUBLIC, SELLERS] {
        sim.set_stake(node, Some(stake_of([]))).expect(possible);
    }
    // The operator of one new node heard which block is in the middle of the public chain.
    let replica = sim.replica(PUBLIC).expect("it runs");
    let middle = Height(public.0.0 / 2);
    let block = super::id_at(replica, middle).expect("the chain has a block at each height");
    sim.set_checkpoint(TOLD, (middle, block)).expect(possible);
    sim.heal(cut).expect(possible);
    sim.restart(NEW).expect(possible);
    sim.restart(TOLD).expect(possible);
    sim.run(TRAVEL);
    let follows = |node: usize| tip(sim, node) == sellers;
    Rewrite {
        public: public.0.0,
        heavier,
        online: follows(ONLINE),
        new: follows(NEW),
        told: follows(TOLD),
    }
}
