//! Swarm runs.

use super::swarm::{Draw, draw, run, shrink, swarm};
use super::{Moment, Violation};

#[test]
fn a_range_of_seeds_is_safe_under_faults_and_lives_afterwards() {
    let (mut events, mut outside, mut blocks) = (0, 0, 0);
    // A debug build does a tenth of what a release build does in the time.
    let seeds: u64 = if cfg!(debug_assertions) { 40 } else { 400 };
    for seed in 0..seeds {
        let outcome = swarm("pow", seed).unwrap_or_else(|failure| panic!("{failure}"));
        events += outcome.events;
        blocks += outcome.height;
        outside += u64::from(outcome.outside);
    }
    println!("{events} events, {blocks} blocks, {outside} runs outside the model");
    assert!(blocks > seeds * 12 && outside < seeds / 5);
}

/// A node that starts again reads its blocks, makes some of them final, and lets go of its own one on another branch.
#[test]
fn a_seed_that_failed_once_does_not_fail_again() {
    swarm("pow", 1739).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_seed_draws_one_run() {
    for seed in [3, 77] {
        let (first, second) = (draw("pow", seed), draw("pow", seed));
        assert_eq!(first.script, second.script);
        assert_eq!(run(&first).digest, run(&second).digest);
    }
    assert_ne!(run(&draw("pow", 3)).digest, run(&draw("pow", 4)).digest);
}

/// A run that fails whenever two of its faults are there is made smaller until it has just these.
#[test]
fn a_failing_script_is_made_as_small_as_it_can_be() {
    let long = (0..).map(|seed| draw("pow", seed)).find(|draw| draw.script.len() >= 10).unwrap();
    let (first, last) = (long.script[1].clone(), long.script[long.script.len() - 2].clone());
    let fails = |draw: &Draw| {
        let both = draw.script.contains(&first) && draw.script.contains(&last);
        let what = "both are there".to_owned();
        let violation = Violation { at: Moment(1), node: 0, watcher: "test", what };
        if both { vec![violation] } else { Vec::new() }
    };
    let violations = fails(&long);
    let failure = shrink(long.clone(), violations, fails);
    assert_eq!(failure.draw.script, [first, last]);
    assert_eq!(failure.faults, long.script.len());
    let text = failure.to_string();
    let command = format!("assay sim run swarm --seed {}", long.options.seed);
    assert!(text.contains("both are there") && text.ends_with(&command), "{text}");
}
