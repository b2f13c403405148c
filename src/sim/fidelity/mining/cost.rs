//! What mining costs: miners leave when it does not pay, and come back when it does.
//!
//! Four farms ([`Farm`]) on one chain; the price of a coin falls, the reward halves, and the price rises ([`PHASES`]). Theory
//! is free entry ([`equilibrium`]): machines are on until the next one would not pay. The difficulty follows the hash rate, so
//! blocks come as often as before.
//!
//! # The price of an attack
//!
//! Whoever wants to rewrite the chain has to make the hashes of its blocks once more, and at least as fast as everybody else.
//! Whoever rents machines pays what their owners would earn with them: of a block, what it brings. Whoever owns as many pays
//! for energy, on the dearest machine that is on no more than that, and on the margin as much. So security is what is paid for
//! it, and half the reward buys half of it. It is less still where the machines that are on cost much less than those that
//! are off.

use super::super::super::market::{Farm, Market, Sample, equilibrium};
use super::super::super::{Micros, Moment, Sim};
use super::super::chain::miners;

/// Tries that a block takes on average if all machines are on.
const TRIES: u32 = 16;

/// A block time, in seconds.
const SPACING: f64 = 1.0;

/// How many block times it takes to switch all machines on or off.
const RAMP: u64 = 600;

/// The reward of the first blocks, in coins.
const REWARD: f64 = 50.0;

/// Blocks until it halves.
const HALVING: u64 = 4000;

/// A phase lasts so many block times.
pub const LASTS: u64 = 2000;

/// It is measured over so many at its end, when machines and target have settled.
pub const MEASURED: u64 = 1000;

/// A part of the run in which nothing changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Phase {
    /// What begins with it.
    pub name: &'static str,
    /// The price of a coin.
    pub price: f64,
    /// New coins in a block.
    pub reward: f64,
}

/// What happens, one after the other.
pub const PHASES: [Phase; 4] = [
    Phase { name: "the beginning", price: 1.0, reward: REWARD },
    Phase { name: "the price falls to 0.7", price: 0.7, reward: REWARD },
    Phase { name: "the reward halves", price: 0.7, reward: REWARD / 2.0 },
    Phase { name: "the price rises to 2", price: 2.0, reward: REWARD / 2.0 },
];

/// Who mines: a quarter of the power at each of four nodes. What as many hashes cost as a block takes when all is on, from
/// the cheapest machine of the quarter to the dearest.
pub type Miners = [(f64, f64); 4];

/// What was measured: names, and who mines.
pub const SYSTEMS: [(&str, Miners); 3] = [
    ("all alike", [(40.0, 40.0); 4]),
    ("from cheap to dear", [(10.0, 60.0); 4]),
    ("cheap ones and dear ones", [(15.0, 15.0), (15.0, 15.0), (45.0, 45.0), (45.0, 45.0)]),
];

/// What farms saw at a look, and how high the chain was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The market.
    pub sample: Sample,
    /// The chain's height.
    pub height: u64,
}

fn farms(who: &Miners) -> Vec<Farm> {
    let rate = f64::from(TRIES) / SPACING / 4.0;
    let hashes = f64::from(TRIES);
    let farm = |(node, (low, high)): (usize, &(f64, f64))| Farm {
        node,
        power: rate,
        cost: (low / hashes, high / hashes),
    };
    who.iter().enumerate().map(farm).collect()
}

/// All looks of a run of the first so many phases.
///
/// # Panics
///
/// Never: the specs and the nodes are there.
pub fn run(who: &Miners, phases: usize, seed: u64) -> Vec<Look> {
    let issuance = format!(
        "[issuance]\ninitial_reward = \"{REWARD}\"\nhalving_interval = {HALVING}\ntail_reward = \"0\""
    );
    let pow = "retarget = \"asert\"\nhalf_life = \"60s\"\nfinality_depth = 100";
    let spec = super::chain(&issuance, pow, TRIES);
    let farms = farms(who);
    let rates: Vec<f64> = farms.iter().map(|farm| farm.power).collect();
    let mut sim = Sim::new(miners(seed, spec, &rates, Micros(100))).expect("an empty store opens");
    let mut market = Market::new(PHASES[0].price, spacings(RAMP), farms, rates.iter().sum());
    let mut looks = Vec::new();
    for (place, phase) in (1..).zip(PHASES.iter().take(phases)) {
        market.set_price(phase.price);
        let end = Moment(0).after(spacings(LASTS * place));
        while market.next() < end {
            sim.run_until(market.next());
            let sample = market.look(&mut sim).expect("nodes run, and search");
            let height = sim.height(0).map_or(0, |height| height.0);
            looks.push(Look { sample, height });
        }
    }
    looks
}

fn spacings(count: u64) -> Micros {
    Micros::from_seconds(count as f64 * SPACING)
}

/// The looks of the end of a phase, when everything has settled.
pub fn settled(looks: &[Look], phase: usize) -> impl Iterator<Item = &Look> {
    let end = spacings(LASTS * (phase as u64 + 1));
    let begin = Micros(end.0 - spacings(MEASURED).0);
    looks.iter().filter(move |look| (begin.0..end.0).contains(&look.sample.at.0))
}

/// The mean interval between blocks in the first so many block times of a phase, in block times.
pub fn interval_at_first(looks: &[Look], phase: usize, lasts: u64) -> f64 {
    let begin = spacings(LASTS * phase as u64).0;
    let range = begin..begin + spacings(lasts).0;
    let within: Vec<&Look> = looks.iter().filter(|it| range.contains(&it.sample.at.0)).collect();
    let (Some(first), Some(last)) = (within.first(), within.last()) else { return f64::NAN };
    let elapsed = last.sample.at.since(first.sample.at).as_seconds() / SPACING;
    elapsed / (last.height - first.height).max(1) as f64
}

/// Free entry: the share of the machines that is on, and what the hashes of a block then cost on the dearest of them.
pub fn theory(who: &Miners, phase: &Phase) -> (f64, f64) {
    let farms = farms(who);
    let revenue = phase.price * phase.reward / SPACING;
    let installed: f64 = farms.iter().map(|farm| farm.power).sum();
    let hash_rate = equilibrium(&farms, revenue);
    let brings = revenue / hash_rate;
    // The machines on the margin bring what they cost, but for the last digit.
    let on = farms.iter().filter(|farm| farm.cost.0 <= brings * (1.0 + 1e-9));
    let dearest = on.map(|farm| farm.cost.1.min(brings)).fold(0.0, f64::max);
    (hash_rate / installed, dearest * hash_rate * SPACING)
}
