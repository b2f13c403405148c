use super::super::grinding::*;
use crate::sim::fidelity::statistics::ratio;

/// With a depth of one it is honest; looking further ahead gains, on ideal dice and in the simulator alike.
#[test]
fn choosing_among_wins_gains_as_much_as_on_ideal_dice() {
    let honest = ideal(45, 1, 20_000, 1);
    assert!((honest - 0.45).abs() < 0.015, "{honest}");
    let gains = ideal(45, 2, 20_000, 1);
    assert!(gains > honest + 0.003, "{gains} {honest}");
    let runs: Vec<(f64, f64)> = (0..4)
        .map(|seed| run(45, 2, AGES[0].1, 120, seed))
        .map(|ground| (ground.own as f64, ground.all as f64))
        .collect();
    let (share, interval) = ratio(&runs);
    println!("{share} {interval:?}, ideal {gains}");
    assert!(interval.widened(1.7).holds(gains), "{share} {interval:?} against {gains}");
}

#[test]
fn who_does_not_look_ahead_gets_its_share() {
    let runs: Vec<(f64, f64)> = (0..4)
        .map(|seed| run(30, 1, AGES[0].1, 120, seed))
        .map(|ground| (ground.own as f64, ground.all as f64))
        .collect();
    let (share, interval) = ratio(&runs);
    assert!(interval.widened(1.7).holds(0.3), "{share} {interval:?}");
}
