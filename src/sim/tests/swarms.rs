//! Swarm runs.

use super::swarm::{draw, run, swarm};

#[test]
fn a_range_of_seeds_is_safe_under_faults_and_lives_afterwards() {
    let (mut events, mut outside, mut blocks) = (0, 0, 0);
    // A debug build does a tenth of what a release build does in the time.
    let seeds: u64 = if cfg!(debug_assertions) { 40 } else { 400 };
    for seed in 0..seeds {
        let outcome = swarm(seed).unwrap_or_else(|failure| panic!("{failure}"));
        events += outcome.events;
        blocks += outcome.height;
        outside += u64::from(outcome.outside);
    }
    println!("{events} events, {blocks} blocks, {outside} runs outside the model");
    assert!(blocks > seeds * 12 && outside < seeds / 5);
}

#[test]
fn a_seed_draws_one_run() {
    for seed in [3, 77] {
        let (first, second) = (draw(seed), draw(seed));
        assert_eq!(first.script, second.script);
        assert_eq!(run(&first).digest, run(&second).digest);
    }
    assert_ne!(run(&draw(3)).digest, run(&draw(4)).digest);
}
