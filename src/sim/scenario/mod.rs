//! Scenarios: a run and what is expected of it, in one TOML file.
//!
//! A scenario names a chain, nodes with their roles, links and a load, says what happens when, and what must come of it.
//! With a seed it is one history ([`Scenario::options`], [`run`]). `docs/scenarios.md` lists all keys; the shipped
//! scenarios need no file ([`shipped`]).
//!
//! A file is read as strictly as a chain spec: what nobody knows is refused at its line. What cannot happen, such as the
//! restart of a node that runs, shows only in the run, which ends there ([`Impossible`]).

mod events;
mod expect;
mod model;
mod parse;
mod recording;
mod run;
mod schema;
mod shipped;
mod shrink;
mod spending;
mod who;

use std::collections::BTreeSet;

pub use super::attackers::Attack;
pub use events::{Act, Event};
pub use expect::{Bounds, Expect, Judged, What};
pub use recording::{Checkpoint, RECORDING_BYTES_MAX, Recording, RecordingError, Replayed};
pub use run::{Impossible, Outcome, run};
pub use schema::SCENARIO_BYTES_MAX;
pub use shipped::{NotShipped, Shipped, find, shipped};
pub use shrink::shrink;
pub use who::{Named, Who};

use super::market::{Farm, Market};
use super::mining::tries;
use super::options::{NodeOptions, Options, operator};
use super::random::Dice;
use super::regions::Region;
use super::time::Micros;
use crate::consensus::Stake;
use crate::spec::{DevAccount, FrozenSpec, SpecError};
use crate::types::{Address, Keypair};

/// A scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// How messages call the file.
    pub file: String,
    /// The file.
    pub text: String,
    /// The chain spec that it stands on: how it is called there, and its text.
    pub base: (String, String),
    /// Its name.
    pub name: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// How long it lasts.
    pub duration: Micros,
    /// The seeds it is meant for, first and last.
    pub seeds: (u64, u64),
    /// What happens, in order of time.
    pub events: Vec<Event>,
    /// What must come of it.
    pub expects: Vec<Expect>,
    /// Payments per second.
    pub payments_per_second: f64,
    /// Whose payments carry wishes about authorities ([`super::load::Load::with_council`]).
    pub council: Vec<DevAccount>,
    /// What a coin costs, and how soon miners follow what mining pays, if they look at that.
    pub market: Option<Terms>,
    /// Groups of nodes, in order.
    pub groups: Vec<Group>,
    /// Everything but what the seed draws.
    options: Options,
}

/// Seeds as people write them: `7`, or the first and the last one, `1..8`.
///
/// # Errors
///
/// It is no such range; what it is, and what to write.
pub fn parse_seeds(text: &str) -> Result<(u64, u64), String> {
    parse::seeds(text).map_err(|refusal| format!("it {}; {}", refusal.reason, refusal.fix))
}

/// Nodes that are alike.
#[derive(Debug, Clone)]
pub struct Group {
    /// What the scenario calls them.
    pub name: String,
    /// The first of them.
    pub first: usize,
    /// How many they are.
    pub count: usize,
    /// Where they stand; drawn for each of them where that is not said.
    pub region: Option<Region>,
    /// What they do that their rule does not say.
    pub attack: Option<Attack>,
    /// What as many hashes cost each of them as a block takes at the beginning, on the cheapest of its machines and on the
    /// dearest; nothing for those who search whatever it costs.
    pub cost: Option<(f64, f64)>,
}

/// The terms of a [`Market`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// What a coin costs at the beginning.
    pub price: f64,
    /// How long it takes to switch all machines of a miner on or off.
    pub ramp: Micros,
}

impl Group {
    /// Their numbers.
    pub fn nodes(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.count
    }
}

impl Scenario {
    /// Reads a scenario. `file` is how errors name the text; `specs` gives the chain spec that it names, or the reason
    /// why not.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, each with its place, reason and fix.
    pub fn parse(
        file: &str,
        text: &str,
        specs: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, SpecError> {
        parse::parse(file, text, specs)
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.options.nodes.len()
    }

    /// The chain.
    pub fn spec(&self) -> &FrozenSpec {
        &self.options.spec
    }

    /// The market at the beginning, if there is one.
    fn market(&self) -> Option<Market> {
        let Terms { price, ramp } = self.market?;
        let bits = self.options.spec.consensus().pow()?.initial_bits;
        let hashes = tries(bits);
        let rates = || self.options.nodes.iter().map(|node| node.hash_rate);
        let farms = self.groups.iter().filter_map(|group| Some((group.nodes(), group.cost?)));
        let farms = farms.flat_map(|(nodes, (low, high))| {
            let farm =
                move |(node, power)| Farm { node, power, cost: (low / hashes, high / hashes) };
            rates().enumerate().filter(move |(node, _)| nodes.contains(node)).map(farm)
        });
        Some(Market::new(price, ramp, farms.collect(), rates().sum()))
    }

    /// The simulation of a seed, without what happens to it.
    pub fn options(&self, seed: u64) -> Options {
        let mut options = Options { seed, ..self.options.clone() };
        let mut dice = Dice::new(seed, "regions");
        for group in &self.groups {
            for node in group.nodes() {
                options.nodes[node].region = match group.region {
                    Some(region) => region,
                    None => Region::draw(&mut dice),
                };
            }
        }
        options
    }
}

/// A node of a group.
fn node_options(
    number: usize,
    plain: NodeOptions,
    makes_blocks: bool,
    (key, stake): (Option<Keypair>, Option<Stake>),
    attack: Option<(&Attack, &BTreeSet<Address>)>,
    spec: &FrozenSpec,
) -> NodeOptions {
    let payout = makes_blocks.then_some(operator(number).address());
    let mut node = NodeOptions { payout, key, stake, ..plain };
    let seed = number as u64; // a node's number fits
    node.decorate = attack.map(|(attack, group)| attack.decorate(spec, &node, group, seed));
    node
}

#[cfg(test)]
mod tests;
