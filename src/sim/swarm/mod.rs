//! Swarm runs: a seed draws the whole simulation, what goes wrong in it and how badly.
//!
//! A run has two phases. In the first everything in the script happens, and the [checkers](super::checks) look on:
//! safety under faults. Then all is healed, and the net must come to life again: within a bound all nodes are on one head
//! that has grown since.
//!
//! A run that fails is made smaller: faults are left out one by one as long as it still fails.

mod draw;

use std::fmt;

pub use draw::{Draw, NODES, SWARMS, draw};

use super::checks::all;
use super::faults::{Driver, Script};
use super::host::Sim;
use super::load::Load;
use super::time::{Micros, Moment, Skew};
use super::watch::Violation;
use crate::types::Height;

/// After everything was healed, all nodes are on one head that grew within this.
const LIVELY_WITHIN: Micros = Micros::seconds(150);

/// How much it grows at least.
const GROWS_BY: u64 = 3;

/// Runs made to make a failing script smaller, at most.
const SHRINKING_MAX: usize = 200;

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What must never have happened and did.
    pub violations: Vec<Violation>,
    /// Whether the network was parted for longer than the model allows a rule whose finality is depth. Then nobody judged
    /// agreement and liveness.
    pub outside: bool,
    /// Events that happened.
    pub events: u64,
    /// How long it lasted.
    pub lasted: Micros,
    /// The greatest height that was reached.
    pub height: u64,
    /// The digest of all events.
    pub digest: blake3::Hash,
}

/// A run that failed, as small as it could be made.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What it drew, with the smaller script.
    pub draw: Draw,
    /// How many faults there were before.
    pub faults: usize,
    /// What was violated.
    pub violations: Vec<Violation>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, draw, faults, violations } = self;
        writeln!(f, "seed {seed} fails")?;
        for violation in violations {
            writeln!(f, "  {violation}")?;
        }
        writeln!(f, "it drew {draw}")?;
        writeln!(f, "of {faults} faults these {} are enough:", draw.script.len())?;
        for timed in &draw.script {
            writeln!(f, "  {timed}")?;
        }
        write!(f, "to see it again: assay sim run {} --seed {seed}", draw.name)
    }
}

/// Runs what was drawn.
pub fn run(draw: &Draw) -> Outcome {
    let watchers = all(&draw.options.spec, draw.outside);
    let mut sim = match Sim::watched(draw.options.clone(), watchers) {
        Ok(sim) => sim,
        Err(error) => unreachable!("a store that is empty and in memory opens: {error}"),
    };
    let load = Load::new(draw.options.seed, draw.payments_per_second, Moment(0))
        .with_council(draw.council.clone())
        .with_candidates(draw.candidates.clone(), &draw.options.spec);
    let script: Script = draw.script.clone();
    let mut driver = Driver::new(&mut sim, script, Some(load));
    driver.run_until(draw.heals_at);
    driver.heal();
    sim.set_links(draw.healed);
    if !draw.outside {
        demand_liveness(&mut sim, draw);
    }
    sim.look();
    let heights = (0..sim.nodes()).filter_map(|node| sim.height(node));
    Outcome {
        violations: sim.violations().to_vec(),
        outside: draw.outside,
        events: sim.events(),
        lasted: sim.now().since(Moment(0)),
        height: heights.max().unwrap_or_default().0,
        digest: sim.digest(),
    }
}

fn demand_liveness(sim: &mut Sim, draw: &Draw) {
    let highest = (0..sim.nodes()).filter_map(|node| sim.height(node)).max();
    let goal = Height(highest.unwrap_or_default().0 + GROWS_BY);
    // Whoever was elected has a node here, and clocks that go right: so finality has to come to life as well.
    let on_time = draw.options.nodes.iter().all(|node| node.skew == Skew::default());
    let finalises = !draw.candidates.is_empty() && on_time;
    come_back(sim, draw);
    let is_final = |sim: &Sim| {
        sim.replica(0).is_some_and(|replica| replica.tree().root().height() >= goal) || !finalises
    };
    let lively = |sim: &Sim| sim.agree() && sim.height(0) >= Some(goal) && is_final(sim);
    if !sim.run_while(LIVELY_WITHIN, Micros::millis(200), |sim| !lively(sim)) {
        let heights: Vec<_> = (0..sim.nodes()).map(|node| sim.height(node)).collect();
        let what = format!(
            "{LIVELY_WITHIN} after everything was healed not all nodes are on one head at {goal} or above: {heights:?}"
        );
        sim.violate(0, "liveness", what);
    }
}

/// Delegates that were suspended say that they are back.
fn come_back(sim: &mut Sim, draw: &Draw) {
    let mut load = Load::new(draw.options.seed, 0.0, Moment(0))
        .with_candidates(draw.candidates.clone(), &draw.options.spec);
    for (node, of) in draw.candidates.iter().enumerate() {
        if let Some(comeback) = load.comeback(sim, node, *of) {
            sim.submit(node, vec![comeback]);
        }
    }
}

/// Runs a seed under a rule.
///
/// # Errors
///
/// What was violated, with a script that was made as small as it could be.
///
/// # Panics
///
/// If this version has no such rule.
pub fn swarm(engine: &str, seed: u64) -> Result<Outcome, Box<Failure>> {
    let drawn = draw(engine, seed);
    let outcome = run(&drawn);
    match outcome.violations.is_empty() {
        true => Ok(outcome),
        false => Err(Box::new(shrink(drawn, outcome.violations, |draw| run(draw).violations))),
    }
}

/// Leaves faults out as long as the run still fails, whatever it fails by.
pub fn shrink(
    draw: Draw,
    violations: Vec<Violation>,
    run: impl Fn(&Draw) -> Vec<Violation>,
) -> Failure {
    let (seed, faults) = (draw.options.seed, draw.script.len());
    let mut last = violations;
    let script = smallest(draw.script.clone(), |script| {
        let violations = run(&Draw { script: script.to_vec(), ..draw.clone() });
        let fails = !violations.is_empty();
        if fails {
            last = violations;
        }
        fails
    });
    Failure { seed, draw: Draw { script, ..draw }, faults, violations: last }
}

/// Leaves items out as long as what remains still fails. The whole is taken to fail.
pub fn smallest<T: Clone>(items: Vec<T>, mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut smallest = items;
    let mut runs = 0;
    // Halves first, then quarters, down to single items; and again while that helps.
    let mut size = smallest.len().div_ceil(2);
    while size > 0 && runs < SHRINKING_MAX {
        let mut begin = 0;
        let mut helped = false;
        while begin < smallest.len() && runs < SHRINKING_MAX {
            let mut fewer = smallest.clone();
            let end = (begin + size).min(fewer.len());
            fewer.drain(begin..end);
            runs += 1;
            if fails(&fewer) {
                smallest = fewer;
                helped = true;
            } else {
                begin = end;
            }
        }
        if !(helped && size == 1) {
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }
    smallest
}
