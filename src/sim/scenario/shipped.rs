//! The scenarios that come with the program.

use super::super::cap;
use super::super::swarm::SWARMS;
use super::Scenario;
use crate::spec::{nearest, shortened};

/// A scenario that needs no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// Its name.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

macro_rules! ships {
    ($($name:literal),*) => {
        [$(Shipped { name: $name, text: include_str!(concat!("../../../scenarios/", $name, ".toml")) }),*]
    };
}

static SHIPPED: [Shipped; 31] = ships![
    "partition",
    "selfish-mining",
    "double-spend",
    "eclipse",
    "hash-rate-step",
    "asic-visit",
    "fair-share",
    "mining-cost",
    "clock-skew",
    "raft-leader-crash",
    "raft-split-brain",
    "raft-slow-minority",
    "raft-membership",
    "paxos-leader-crash",
    "paxos-slow-minority",
    "pbft-primary-crash",
    "pbft-silent-primary",
    "pbft-two-faced-primary",
    "pbft-misnumbering-primary",
    "pbft-altering-primary",
    "pbft-censoring-primary",
    "pbft-late-primary",
    "pbft-traitors",
    "pbft-slow-minority",
    "stake-partition",
    "nothing-at-stake",
    "dpos-absent",
    "dpos-cartel",
    "dpos-censor",
    "aura-finality",
    "graphene-finality"
];

impl Shipped {
    /// The scenario.
    pub fn scenario(&self) -> Scenario {
        let specs = |name: &str| {
            crate::spec::find(name).map(str::to_owned).map_err(|error| error.to_string())
        };
        match Scenario::parse(self.name, self.text, &specs) {
            Ok(scenario) => scenario,
            Err(error) => unreachable!("a test reads every shipped scenario: {error}"),
        }
    }
}

/// All shipped scenarios. Swarm runs, which the seed draws, are none of them ([`super::super::swarm`]).
pub fn shipped() -> &'static [Shipped] {
    &SHIPPED
}

/// A name that no shipped scenario has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no shipped scenario is called `{given}`; {hint}")]
pub struct NotShipped {
    /// What was given, shortened.
    pub given: String,
    /// What it may have been meant to be.
    pub hint: String,
}

/// The shipped scenario with this name.
///
/// # Errors
///
/// There is none; swarm runs are proposed too.
pub fn find(name: &str) -> Result<&'static Shipped, NotShipped> {
    if let Some(found) = SHIPPED.iter().find(|shipped| shipped.name == name) {
        return Ok(found);
    }
    let others = || SWARMS.map(|(name, _)| name).into_iter().chain([cap::NAME]);
    let names = || SHIPPED.iter().map(|shipped| shipped.name).chain(others());
    let hint = match nearest(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let names: Vec<&str> = names().collect();
            format!("shipped are {}; a path ends in .toml", names.join(", "))
        }
    };
    Err(NotShipped { given: shortened(name), hint })
}
