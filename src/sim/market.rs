//! What mining pays and what it costs: machines that are switched off when it does not pay, and on again when it does.
//!
//! A [`Farm`] stands at a node and has machines whose costs run evenly from one figure to another. In a [`Market`] a coin has
//! a price. Every now and then each farm looks at the head of its own node, as `consensus_status` tells it to everybody: what
//! the next block brings, and how many hashes it takes on average. A machine pays if price × reward ÷ hashes is at least what
//! a hash costs it. A farm switches machines on or off, the cheapest ones first on, but never faster than all of them in the
//! time of a *ramp*: nobody moves a hall of machines in a moment, and if all looked at one number and followed it at once,
//! all would leave together, and without blocks no difficulty ever falls.
//!
//! What comes out is the supply of hashes; what it meets is the difficulty, which the chain's own rule sets.
//!
//! # Theory
//!
//! [`equilibrium`]: entry is free, so machines are on until the next one would not pay, and *hash rate × cost of a hash =
//! price × reward ÷ block time*. Where all cost the same, half the reward leaves half the hash rate; where they do not, the
//! hash rate falls to where the curve of supply meets the reward.
//!
//! # What is left out
//!
//! Fees, what machines themselves cost, and expectations of tomorrow's price. Whoever is off earns nothing and pays nothing.

use super::host::Sim;
use super::mining::tries;
use super::time::{Micros, Moment};
use crate::consensus::pow::PowRules;
use crate::types::COIN;

/// How often farms look within a ramp: often enough that a step of theirs hardly shows.
const LOOKS_PER_RAMP: u64 = 100;

/// The machines at a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Farm {
    /// Which node.
    pub node: usize,
    /// Hashes per second if all are on.
    pub power: f64,
    /// What a hash costs on the cheapest of them, and on the dearest.
    pub cost: (f64, f64),
}

impl Farm {
    /// The share of its machines that pay where a hash brings so much.
    pub fn paying(&self, revenue: f64) -> f64 {
        let (low, high) = self.cost;
        match high > low {
            true => ((revenue - low) / (high - low)).clamp(0.0, 1.0),
            false => f64::from(u8::from(revenue >= low)),
        }
    }

    /// What a hash costs on the dearest machine that is on, if this share of them is.
    fn dearest(&self, on: f64) -> f64 {
        self.cost.0 + on * (self.cost.1 - self.cost.0)
    }
}

/// What a market was like at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Moment,
    /// Hashes per second of all nodes, farms and others.
    pub hash_rate: f64,
    /// The same as a share of what there is.
    pub share: f64,
    /// What the next block brings: price × reward.
    pub reward: f64,
    /// What it takes on average, in hashes.
    pub work: f64,
    /// What a hash costs on the dearest machine that is on; nothing while none is.
    pub cost: f64,
}

impl Sample {
    /// What it costs to make the hashes of a block once more.
    pub fn block_cost(&self) -> f64 {
        self.work * self.cost
    }
}

/// Farms, and the price of a coin.
#[derive(Debug)]
pub struct Market {
    price: f64,
    ramp: Micros,
    /// Farms, and which share of each is on.
    farms: Vec<(Farm, f64)>,
    /// Hashes per second of everybody, if all is on.
    installed: f64,
    next: Moment,
}

impl Market {
    /// A market in which all machines are on at first. `installed` is what everybody has, in hashes per second, those who
    /// look at no price among them.
    pub fn new(price: f64, ramp: Micros, farms: Vec<Farm>, installed: f64) -> Self {
        let farms = farms.into_iter().map(|farm| (farm, 1.0)).collect();
        Self { price, ramp, farms, installed, next: Moment(0) }
    }

    /// When farms look next.
    pub fn next(&self) -> Moment {
        self.next
    }

    /// A coin costs so much from now on.
    pub fn set_price(&mut self, price: f64) {
        self.price = price;
    }

    /// All farms look at their nodes' heads, and follow. What is to be seen then; nothing if no node runs, or the chain's rule
    /// is not one of work.
    pub fn look(&mut self, sim: &mut Sim) -> Option<Sample> {
        let every = Micros((self.ramp.0 / LOOKS_PER_RAMP).max(1));
        self.next = sim.now().after(every);
        let spec = &sim.options().spec;
        let rules = spec.consensus().pow()?.rules(spec.genesis_id(), spec);
        let most = 1.0 / LOOKS_PER_RAMP as f64;
        for (farm, on) in &mut self.farms {
            // Whose node is down finds out nothing, and nothing is searched for there.
            let Some((reward, work)) = offered(&rules, sim, farm.node) else { continue };
            let wanted = farm.paying(self.price * reward / work);
            let turned = (wanted - *on).clamp(-most, most);
            if turned != 0.0 {
                *on += turned;
                // The node is there: it was looked at.
                let _ = sim.set_hash_rate(farm.node, farm.power * *on);
            }
        }
        let (reward, work) = (0..sim.nodes()).find_map(|node| offered(&rules, sim, node))?;
        let hash_rate = sim.hash_rate();
        let on = self.farms.iter().filter(|(_, on)| *on > 0.0);
        let dearest = on.map(|(farm, on)| farm.dearest(*on)).fold(0.0, f64::max);
        let share = hash_rate / self.installed;
        let reward = self.price * reward;
        Some(Sample { at: sim.now(), hash_rate, share, reward, work, cost: dearest })
    }
}

/// What the next block of a node's head brings, in new coins, and how many hashes it takes; nothing where the node is down.
fn offered(rules: &PowRules, sim: &Sim, node: usize) -> Option<(f64, f64)> {
    let head = sim.replica(node)?.tree().head();
    // What is above the last final block is in memory, and so is what a rule keeps for itself.
    let bits = rules.next_bits(&head.state, head.height()).ok()?;
    let circulating = head.state.supply().ok()?.circulating().unwrap_or_default();
    let reward = rules.params().issuance.capped(head.height().next(), circulating);
    Some((reward.0 as f64 / COIN as f64, tries(bits)))
}

/// The hash rate at which nobody gains by switching a machine on or off, where a second of the whole network brings
/// `revenue`: the one at which the supply of hashes, at what a hash then brings, is the hash rate itself.
pub fn equilibrium(farms: &[Farm], revenue: f64) -> f64 {
    let installed: f64 = farms.iter().map(|farm| farm.power).sum();
    let supply = |hash_rate: f64| -> f64 {
        farms.iter().map(|farm| farm.power * farm.paying(revenue / hash_rate)).sum()
    };
    // Supply falls where the hash rate rises, so they meet once: halve the interval until it is as small as a number allows.
    let (mut low, mut high) = (0.0, installed);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        match supply(middle) >= middle {
            true => low = middle,
            false => high = middle,
        }
    }
    high
}

#[cfg(test)]
#[path = "tests/market.rs"]
mod tests;
