//! Selfish mining: what share of the chain does a miner get that shows its blocks late?
//!
//! Ittay Eyal and Emin Gün Sirer, *Majority is not enough: Bitcoin mining is vulnerable* (2014). The attacker is
//! [`Withhold`]; it has the share α of the hash rate, and during a race the share γ of the others mines on its branch.
//!
//! # Gamma
//!
//! Everybody mines on what arrived first, and who found a block saw it first. So of n equal honest miners all but the
//! finder can be won over, and γ is at most 1 − 1 ⁄ n. Here it is exactly that where the attacker's lines are a quarter as
//! long as those among the others, and exactly 0 where they are four times as long: see [`Position`]. It
//! passes nothing on, or it would itself tell of what it races against before it shows its own.
//!
//! # What is counted
//!
//! The blocks of the honest miners' best branch when the run has as many as asked for and nothing is secret: the attacker's
//! and all. The rate of finding is constant (no retargeting), as in the paper.

use super::super::attackers::Withhold;
use super::super::options::operator;
use super::super::{Micros, Moment, Sim};
use super::chain::{chain, line, miners};

/// Tries that a block takes on average.
const TRIES: u32 = 64;

const NEAR: Micros = Micros(100);
const FAR: Micros = Micros(400);

/// A run that has not ended by then would be an error of the experiment.
const PATIENCE: Moment = Moment(1_000_000_000_000);

/// Where the attacker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Its lines to two honest miners are longer than the one between these: γ = 0.
    Behind,
    /// Its lines to so many honest miners are shorter than those between them: γ = 1 − 1 ⁄ n.
    Before(usize),
}

impl Position {
    /// How many honest miners there are.
    fn others(self) -> usize {
        match self {
            Self::Behind => 2,
            Self::Before(others) => others,
        }
    }

    /// The share of the others that mines on the attacker's branch during a race.
    pub fn gamma(self) -> f64 {
        match self {
            Self::Behind => 0.0,
            Self::Before(others) => 1.0 - 1.0 / others as f64,
        }
    }
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revenue {
    /// Blocks of the attacker in the chain.
    pub own: u64,
    /// Blocks in the chain.
    pub all: u64,
}

/// Runs until the chain has so many blocks, at most 4000.
///
/// # Panics
///
/// If that does not come to an end.
pub fn run(alpha: f64, position: Position, blocks: u64, seed: u64) -> Revenue {
    let rate = f64::from(TRIES);
    let others = position.others();
    let mut rates = vec![rate * (1.0 - alpha) / others as f64; others];
    rates.push(rate * alpha);
    let attacker = others;
    let (among, to_attacker) = match position {
        Position::Behind => (NEAR, FAR),
        Position::Before(_) => (FAR, NEAR),
    };
    let mut options = miners(seed, chain("retarget = \"fixed\"", TRIES), &rates, among);
    options.nodes[attacker].decorate = Some(std::sync::Arc::new(Withhold::around));
    options.nodes[attacker].link = Some(line(to_attacker));
    options.nodes[attacker].relays = false;
    let mut sim = Sim::new(options).expect("an empty store opens");
    let goes_on = |sim: &Sim| sim.height(0).is_none_or(|it| it.0 < blocks) || !sim.agree();
    while goes_on(&sim) {
        assert!(sim.step(PATIENCE), "no end of {alpha} {position:?}, seed {seed}");
    }
    let tree = sim.replica(0).expect("nobody crashes").tree();
    let chain = tree.branch().values().filter_map(|id| tree.get(id)).skip(1);
    let whom = operator(attacker).address();
    let all = tree.head().height().0;
    Revenue { own: chain.filter(|node| node.block.header.producer == whom).count() as u64, all }
}

/// Equation (8) of the paper: the attacker's share of the chain.
pub fn revenue(alpha: f64, gamma: f64) -> f64 {
    let honest = 1.0 - alpha;
    let gain = alpha * honest * honest * (4.0 * alpha + gamma * (1.0 - 2.0 * alpha));
    (gain - alpha.powi(3)) / (1.0 - alpha * (1.0 + (2.0 - alpha) * alpha))
}

/// Above this share selfish mining pays (the paper's equation (9)).
pub fn threshold(gamma: f64) -> f64 {
    (1.0 - gamma) / (3.0 - 2.0 * gamma)
}
