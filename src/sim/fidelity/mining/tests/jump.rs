use super::super::jump::*;

const ASERT: &str = "retarget = \"asert\"\nhalf_life = \"30s\"";
const LWMA: &str = "retarget = \"lwma\"\nretarget_window = 60";

fn found(expected: f64, took: f64) -> Found {
    Found { expected, took }
}

#[test]
fn a_leg_is_summed_up() {
    let leg = [found(0.1, 0.1), found(0.5, 0.2), found(0.9, 3.0), found(1.5, 1.0)];
    let summary = Summary::of(&leg);
    assert_eq!((summary.blocks, summary.longest, summary.overshoot), (Some(2), 3.0, 1.5));
    let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
    assert!(near(summary.times, 0.3) && near(summary.ahead, 1.7) && near(summary.rest, 2.0));
    let never = Summary::of(&leg[..2]);
    assert_eq!((never.blocks, never.rest), (None, 0.0));
    assert!(near(never.times, 0.3));
}

/// Under `asert` the target halves for each thirty blocks ahead of the schedule: half a thousand of them for 10⁵. A debug build
/// hashes too slowly for that, and does with less.
#[test]
fn a_machine_that_is_very_much_faster_is_followed() {
    let factor = if cfg!(debug_assertions) { 3000.0 } else { FACTOR };
    for (pow, most) in [(ASERT, 30.0 * f64::log2(factor) + 110.0), (LWMA, 260.0)] {
        let leg = up(pow, factor, 1);
        let summary = Summary::of(&leg);
        println!("{pow}: {summary:?}");
        assert!((0.4..2.5).contains(&(leg[0].expected * factor)), "{pow}: it had settled");
        assert!(summary.blocks.is_some_and(|it| (it as f64) < most), "{pow}: {summary:?}");
        assert!(summary.times < 110.0, "{pow}: a few blocks' time: {summary:?}");
        assert!((0.5..1.8).contains(&summary.rest), "{pow}: {summary:?}");
    }
}

/// A fall is waited for once under `asert`, and then made up for; `lwma` waits several times and makes up for nothing.
#[test]
fn a_fall_is_followed() {
    let factor = 300.0;
    let (_, down) = legs(ASERT, factor, 2);
    let summary = Summary::of(&down);
    println!("asert: {summary:?}");
    assert!((0.3..3.0).contains(&(down[0].expected / factor)), "{summary:?}");
    assert!(down[1].expected < down[0].expected / 3.0, "one long wait makes it easy at once");
    assert!(summary.blocks.is_some() && (0.5..1.8).contains(&summary.rest), "{summary:?}");

    let (_, down) = legs(LWMA, factor, 2);
    let summary = Summary::of(&down);
    println!("lwma: {summary:?}");
    assert!(down[1].expected > down[0].expected / 2.0, "a wait counts for six blocks at most");
    assert!(summary.blocks.is_some_and(|it| it < 130) && summary.times > factor, "{summary:?}");
    assert!(summary.rest < 3.0, "{summary:?}");
}

/// At a hundred blocks in a millisecond it is their times that bound blocks, where the target does not.
#[test]
fn times_bound_the_rate_of_blocks() {
    for (limit, lasts) in [(20, 100), (100, 100)] {
        let (blocks, most) = (burst(limit, lasts, 1), blocks_at_most(limit, lasts));
        println!("{blocks} blocks in {lasts} ms, {limit} ms ahead at most: {most} at most");
        assert!((5 * limit..=most).contains(&blocks), "{blocks} of {most}");
    }
}
