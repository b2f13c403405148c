//! Nothing at stake: what it is worth that others sign on every branch.
//!
//! # The attack
//!
//! A merchant is paid in the first block of the public branch and delivers after z confirmations. The attacker, with the share
//! α of the stake, builds a branch without the payment from the block before it, in the open. Cheaters with the share β sign
//! on every branch ([`EveryFork`]); the rest, honest, on the best one only. So the public branch grows by 1 − α of the stake.
//! The attacker's begins with a block of its own, by α, and grows by α + β from then on: Rosenfeld's race for
//! q = (α + β) ⁄ (1 + β). Since the attacker's branch is public, everybody follows it as soon as it is longer, before z
//! confirmations too; then the merchant has not delivered. [`success`] is that race, exactly, for coins without memory
//! ([`FLAT`]). With coin age ([`GROWING`]) the branch that is behind has the older coins, and so gains on the other.
//!
//! # What evidence is good for
//!
//! A chain that punishes burns a coin that sealed two blocks in one second. Branches have stake modifiers of their own, so
//! signing on both is hardly ever the same coin in the same second: [`Attempt::proofs`] counts how often it was.

use std::sync::Arc;

use super::super::super::attackers::{Branches, EveryFork};
use super::super::super::metrics::{Metric, Part, Recorder};
use super::super::chain::line;
use super::chain_of;
use super::renewal::Ages;
use super::share::{FIXED, Holding, Plan, Running};
use crate::sim::options::{Decorate, NodeOptions, Options};
use crate::sim::{Micros, Moment, Sim};
use crate::types::{BlockId, Height};

/// Coins of all together.
const COINS: usize = 1000;

/// Seconds between blocks.
pub const SPACING: u64 = 20;

/// Coins that have all their weight at once.
pub const FLAT: Ages = Ages { min: 0, max: 1 };

/// Coins whose weight grows for as long as they wait.
pub const GROWING: Ages = Ages { min: 300, max: 30_000 };

/// An attempt that has not ended by then would be an error of the experiment.
const PATIENCE: Moment = Moment(1_000_000_000_000);

/// Cheaters leave a branch alone that is shorter than the best by more than so many blocks.
const BEHIND: u64 = 3;

const MERCHANT: usize = 0;
const CHEATERS: usize = 1;
const ATTACKER: usize = 2;

/// An attack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attack {
    /// When coins have weight.
    pub ages: Ages,
    /// Coins of the attacker, of a thousand.
    pub attacker: usize,
    /// Coins of those who sign on every branch.
    pub cheaters: usize,
    /// Confirmations that the merchant waits for, the block with the payment included.
    pub confirmations: u64,
    /// The attacker gives up when its branch is shorter by so many blocks.
    pub give_up: u64,
    /// For how many blocks evidence is good; none: nobody is punished.
    pub evidence: u64,
}

impl Attack {
    /// The share of the attacker's branch in all blocks that are made on either, once there are two.
    pub fn share(&self) -> f64 {
        let of = |coins: usize| coins as f64 / COINS as f64;
        (of(self.attacker) + of(self.cheaters)) / (1.0 + of(self.cheaters))
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The payment had its confirmations and was undone.
    Success,
    /// It was undone before: the merchant has not delivered.
    TooEarly,
    /// The attacker gave up.
    GivenUp,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// How it ended.
    pub ending: Ending,
    /// Offences that are proven on the merchant's chain.
    pub proofs: u64,
}

/// An engine that does what honest ones do beside signing on these branches.
fn forks(options: &Options, node: usize, branches: Branches) -> Decorate {
    let spec = &options.spec;
    let pos = spec.consensus().pos().expect("the chain is one of stake");
    let rules = pos.rules(spec.genesis_id(), spec);
    let stake = options.nodes[node].stake.clone().unwrap_or_default();
    Arc::new(move |engine| EveryFork::around(engine, rules.clone(), stake.clone(), branches))
}

fn set_forks(options: &mut Options, node: usize, branches: Branches) {
    options.nodes[node].decorate = Some(forks(options, node, branches));
    options.nodes[node].stake = None;
}

fn plan(coins: &[usize], ages: Ages) -> Plan {
    let holder = |coins: &usize| Holding { coins: *coins, each: 100, awake: true };
    let holders = coins.iter().map(holder).collect();
    Plan { holders, ages, spacing: SPACING, interest: 0, rest: 20, window: FIXED }
}

/// One attempt.
///
/// # Panics
///
/// If it does not come to an end.
pub fn attempt(attack: &Attack, seed: u64) -> Attempt {
    let honest = COINS - attack.attacker - attack.cheaters;
    let plan = plan(&[honest, attack.cheaters, attack.attacker], attack.ages);
    let more = format!("finality_depth = 4096\nevidence_window = {}", attack.evidence);
    let mut running = plan.begin_with(seed, &more, |options| {
        set_forks(options, CHEATERS, Branches::Every(attack.give_up));
        set_forks(options, ATTACKER, Branches::Own(Height(1)));
    });
    let attacker = running.stake(ATTACKER).owners;
    let sim = running.sim();
    let mut delivered = false;
    let mut known = 0;
    let ending = loop {
        assert!(sim.step(PATIENCE), "no end of {attack:?}, seed {seed}");
        let tree = sim.replica(MERCHANT).expect("nobody crashes").tree();
        if tree.len() == known {
            continue;
        }
        known = tree.len();
        let first = |mut id: BlockId| loop {
            let node = tree.get(&id)?;
            match node.height().0 {
                0 => return None,
                1 => return Some(attacker.contains(&node.block.header.producer)),
                _ => id = node.block.header.parent,
            }
        };
        let head = tree.head();
        match first(head.id) {
            None => continue,
            Some(true) if delivered => break Ending::Success,
            Some(true) => break Ending::TooEarly,
            Some(false) => {}
        }
        let public = head.height().0;
        delivered |= public >= attack.confirmations;
        let theirs = tree.leaves().filter(|leaf| first(leaf.id) == Some(true));
        let longest = theirs.map(|leaf| leaf.height().0).max().unwrap_or(0);
        if public >= longest + attack.give_up {
            break Ending::GivenUp;
        }
    };
    Attempt { ending, proofs: proofs(sim, MERCHANT) }
}

/// Offences that are proven on a node's chain.
fn proofs(sim: &Sim, node: usize) -> u64 {
    chain_of(sim, node).iter().map(|block| block.body.evidence.len() as u64).sum()
}

/// The chance of success.
pub fn success(attack: &Attack) -> f64 {
    raced(attack, 0, 0)
}

/// The same from so many public and so many of the attacker's blocks.
fn raced(attack: &Attack, public: u64, own: u64) -> f64 {
    if own > public {
        return f64::from(u8::from(public >= attack.confirmations));
    }
    if public >= own + attack.give_up {
        return 0.0;
    }
    let q = match own {
        0 => attack.attacker as f64 / COINS as f64,
        _ => attack.share(),
    };
    if public >= attack.confirmations && own > 0 {
        // The gambler's ruin: up to one ahead before down to giving up.
        let odds = (1.0 - q) / q;
        let behind = public - own;
        let power = |steps: u64| odds.powi(steps as i32) - 1.0; // a deficit of a few blocks
        let (up, down) = (behind + 1, attack.give_up - behind);
        return match (odds - 1.0).abs() < 1e-12 {
            true => down as f64 / (up + down) as f64,
            false => power(down) / power(up + down),
        };
    }
    q * raced(attack, public, own + 1) + (1.0 - q) * raced(attack, public + 1, own)
}

/// What a chain came to on which nobody attacks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quiet {
    /// Blocks that the watcher has and that are not in its best chain.
    pub stale: u64,
    /// Blocks that the watcher has. It forgets side branches beyond a thousand blocks.
    pub all: u64,
    /// How often a node that watches left blocks behind.
    pub reorganisations: f64,
    /// How many at once, at most.
    pub deepest: f64,
    /// Offences that were proven.
    pub proofs: u64,
}

/// Eight equal stakers, of whom so many sign on every branch, a watcher, and lines of this latency, for so many block
/// times.
///
/// # Panics
///
/// If the simulator refuses what is done to it, which cannot happen.
pub fn quiet(
    cheaters: usize,
    latency: Micros,
    block_times: u64,
    evidence: u64,
    seed: u64,
) -> Quiet {
    const STAKERS: usize = 8;
    let recorder = Recorder::default();
    let more = format!("finality_depth = 4096\nevidence_window = {evidence}");
    let plan = plan(&[COINS / STAKERS; STAKERS], GROWING);
    let mut running: Running = plan.begin_with(seed, &more, |options| {
        (0..cheaters).for_each(|node| set_forks(options, node, Branches::Every(BEHIND)));
        options.nodes.push(NodeOptions::default());
        options.link = line(latency);
    });
    running.sim().watch(Box::new(recorder.clone()));
    running.sim().run(Micros::seconds(block_times * SPACING));
    let sim = running.sim();
    let tree = sim.replica(STAKERS).expect("nobody crashes").tree();
    let head = tree.head();
    let all = tree.len() as u64 - 1; // the first block was made by nobody
    let record = recorder.record().clone();
    let whole = Part { from: Moment(0), until: Moment::NEVER, producers: &[] };
    let figure = |metric: Metric| metric.measure(&record, &head.id, &whole).unwrap_or(0.0);
    Quiet {
        stale: all - head.height().0,
        all,
        reorganisations: figure(Metric::Reorganisations),
        deepest: figure(Metric::ReorganisationDepth),
        proofs: proofs(sim, STAKERS),
    }
}
