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
use std::sync::Arc;

pub use events::{Act, Event};
pub use expect::{Bounds, Expect, Judged, What};
pub use recording::{Checkpoint, RECORDING_BYTES_MAX, Recording, RecordingError, Replayed};
pub use run::{Impossible, Outcome, run};
pub use schema::SCENARIO_BYTES_MAX;
pub use shipped::{NotShipped, Shipped, find, shipped};
pub use shrink::shrink;
pub use who::{Named, Who};

use super::attackers::{
    Branches, Censor, Delay, Equivocate, EveryFork, Falsehood, Lie, Silent, Withhold,
};
use super::market::{Farm, Market};
use super::mining::tries;
use super::options::{Decorate, NodeOptions, Options, operator};
use super::random::Dice;
use super::regions::Region;
use super::time::Micros;
use crate::consensus::pbft::Pen;
use crate::consensus::{Seat, Stake};
use crate::spec::{Consensus, DevAccount, FrozenSpec, SpecError};
use crate::types::{Address, Keypair, Span};

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

/// What an attacker does ([`super::attackers`]).
#[derive(Debug, Clone, PartialEq)]
pub enum Attack {
    /// Mines in secret.
    Withhold,
    /// Says everything late.
    Delay(Span),
    /// Is silent from and until these moments, by its own clock.
    Silent(Span, Span),
    /// Leaves out whatever concerns these.
    Censor(Vec<Address>),
    /// Finds two blocks of one height, or says one thing to one half of the authorities and another thing to the other; those of
    /// one group are accomplices.
    Equivocate,
    /// Signs what is not so, under PBFT: of these kinds, so often of all times that it could.
    Lie(Vec<Falsehood>, f64),
    /// Signs with its coins on every branch that is at most so much shorter than the best.
    EveryFork,
}

/// An attacker that signs on every branch leaves one alone that is shorter than the best by more blocks than this.
const FORKS_BEHIND: u64 = 6;

impl Attack {
    /// What is put around the engine of this node, one of a group with these keys.
    fn decorate(
        &self,
        spec: &FrozenSpec,
        (number, node): (usize, &NodeOptions),
        group: &BTreeSet<Address>,
    ) -> Decorate {
        match self.clone() {
            Self::Withhold => Arc::new(Withhold::around),
            Self::Delay(by) => Arc::new(move |engine| Delay::around(engine, by)),
            Self::Silent(from, until) => {
                let begin = spec.genesis_time();
                let during = begin.after(from)..begin.after(until);
                Arc::new(move |engine| Silent::around(engine, during.clone()))
            }
            Self::Censor(victims) => {
                Arc::new(move |engine| Censor::around(engine, victims.iter().copied()))
            }
            Self::Equivocate => {
                // Its second engine sits on the same seat, and draws other numbers.
                let (key, stake) = (node.key.clone(), node.stake.clone());
                let seat = Seat { payout: node.payout, key, stake, ..Seat::default() };
                let spec = spec.clone();
                let everybody = spec.consensus().authorities().map(|them| them.set());
                let mut others = everybody.unwrap_or_default();
                let mut accomplices = group.clone();
                if let Some(own) = seat.authority() {
                    others.remove(&own);
                    accomplices.remove(&own);
                }
                Arc::new(move |engine| {
                    let second = spec.engine(&seat);
                    let others = others.iter().copied();
                    Equivocate::among(engine, second, others, accomplices.clone())
                })
            }
            Self::Lie(about, share) => {
                let rules = match spec.consensus() {
                    Consensus::Pbft(pbft) => Some(pbft.rules(spec.genesis_id())),
                    _ => None,
                };
                let (key, seed) = (node.key.clone(), number as u64);
                Arc::new(move |engine| match (&rules, &key) {
                    (Some(rules), Some(key)) => {
                        let pen = Pen { key: key.clone(), rules: rules.clone() };
                        Lie::around(engine, pen, about.clone(), share, seed)
                    }
                    _ => engine,
                })
            }
            Self::EveryFork => {
                let (pos, stake) = (spec.consensus().pos(), node.stake.clone());
                let rules = pos.map(|pos| pos.rules(spec.genesis_id(), spec));
                Arc::new(move |engine| match (&rules, &stake) {
                    (Some(rules), Some(stake)) => {
                        let branches = Branches::Every(FORKS_BEHIND);
                        EveryFork::around(engine, rules.clone(), stake.clone(), branches)
                    }
                    _ => engine,
                })
            }
        }
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
    node.decorate = attack.map(|(attack, group)| attack.decorate(spec, (number, &node), group));
    node
}

#[cfg(test)]
mod tests;
