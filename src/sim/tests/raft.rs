//! Whole authorities in the simulator.

use std::collections::BTreeSet;

use super::super::checks::all;
use super::super::load::Load;
use super::super::random::Dice;
use super::super::swarm::{draw, run, swarm};
use super::super::{Latency, LinkModel, Micros, Mode, Options, Sim};
use super::canaries::objections;
use crate::spec::{Spec, find};

pub(super) fn options(seed: u64, name: &str, nodes: usize) -> Options {
    let spec = Spec::parse(name, find(name).unwrap()).unwrap();
    Options::seated(seed, spec, nodes, 16)
}

#[test]
fn five_authorities_make_blocks_and_agree() {
    let mut sim = Sim::new(options(1, "raft-dev", 5)).unwrap();
    sim.run(Micros::seconds(60));
    let heights: Vec<_> = (0..5).map(|node| sim.height(node).unwrap().0).collect();
    assert!(heights.iter().all(|height| *height >= 10), "{heights:?}");
    assert!(sim.agree(), "{heights:?}");
}

#[test]
fn swarms_find_nothing() {
    for seed in 0..40 {
        let outcome = swarm("raft", seed).unwrap_or_else(|failure| panic!("{failure}"));
        println!("{seed}: {} events, height {}", outcome.events, outcome.height);
    }
}

#[test]
fn a_seed_is_one_history() {
    let (first, second) = (draw("raft", 3), draw("raft", 3));
    assert_eq!(run(&first).digest, run(&second).digest);
}

/// A node that catches up reports blocks when it is further already: what they pay is known only then.
#[test]
fn a_seed_that_failed_once_does_not_fail_again() {
    swarm("raft", 163).unwrap_or_else(|failure| panic!("{failure}"));
    // A follower stood still while the others sealed what it was to be sent next.
    swarm("raft", 591).unwrap_or_else(|failure| panic!("{failure}"));
    // One led that was to vote from a block on which nobody had sealed, and its seals of the blocks below proved nothing.
    swarm("raft", 867).unwrap_or_else(|failure| panic!("{failure}"));
    // Announcements that a cut line had held came when others had told of their blocks, and their bearers were banned.
    swarm("raft", 508).unwrap_or_else(|failure| panic!("{failure}"));
    // The only one who had the draft that removed it did not stand for election any more.
    swarm("raft", 2328).unwrap_or_else(|failure| panic!("{failure}"));
    // Word that a connection had ended got lost, so that the last two authorities never had another.
    swarm("raft", 2705).unwrap_or_else(|failure| panic!("{failure}"));
    swarm("raft", 7065).unwrap_or_else(|failure| panic!("{failure}"));
}

/// How often processes die and come back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    /// So many moments …
    pub(super) steps: u64,
    /// … so far apart.
    pub(super) step: Micros,
    /// At each of them: the chance that nearly all die,
    pub(super) outages: f64,
    /// that one dies,
    pub(super) crashes: f64,
    /// and that one that is down comes back.
    pub(super) restarts: f64,
}

/// Power that fails, for some longer than for others.
pub(super) const OUTAGES: Weather =
    Weather { steps: 300, step: Micros::millis(100), outages: 0.1, crashes: 0.1, restarts: 0.3 };

/// Processes that die all the time and are back at once.
pub(super) const FLICKER: Weather =
    Weather { steps: 600, step: Micros::millis(30), outages: 0.0, crashes: 0.1, restarts: 0.9 };

/// Elections all the time: messages take as long as the patience of those who wait for them, some come twice or not at all,
/// processes die every moment and come back soon, and payments go on. Who objects to it.
pub(super) fn storm(seed: u64, weather: Weather) -> BTreeSet<&'static str> {
    let text = find("raft-dev").unwrap();
    let text =
        text.replace("\"500ms\"", "\"100ms\"").replace("\"100ms\"            #", "\"20ms\" #");
    let spec = Spec::parse("storm", &text).unwrap();
    let mut options = Options::seated(seed, spec, 5, 16);
    let latency = Latency::Uniform { from: Micros(0), to: Micros::millis(120) };
    options.link =
        LinkModel { latency, loss: 0.05, duplicate: 0.05, mode: Mode::Datagram, ..options.link };
    let watchers = all(&options.spec, false);
    let mut sim = Sim::watched(options, watchers).unwrap();
    let mut dice = Dice::new(seed, "storm");
    let mut load = Load::new(seed, 10.0, sim.now());
    for _ in 0..weather.steps {
        // Now and then the power fails, for some longer than for others.
        let outage = dice.chance(weather.outages);
        for node in 0..5 {
            match sim.replica(node).is_some() {
                true if outage && dice.chance(0.8) => sim.crash_after(node, dice.below(3)).unwrap(),
                true if dice.chance(weather.crashes) => {
                    sim.crash_after(node, dice.below(6)).unwrap()
                }
                false if dice.chance(weather.restarts) => sim.restart(node).unwrap(),
                _ => {}
            }
        }
        let until = sim.now().after(weather.step);
        load.pay_until(&mut sim, until);
        sim.run_until(until);
    }
    objections(&mut sim)
}

#[test]
fn a_storm_of_elections_breaks_nothing() {
    for seed in 0..4 {
        for weather in [OUTAGES, FLICKER] {
            assert_eq!(storm(seed, weather), BTreeSet::new(), "seed {seed}, {weather:?}");
        }
    }
}
