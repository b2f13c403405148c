use super::super::stale::*;
use super::super::statistics::{exponential_fit, mean, ratio};
use crate::sim::Micros;

#[test]
fn blocks_go_stale_as_often_as_theory_says() {
    let latency = Micros::millis(100);
    let runs: Vec<(f64, f64)> = (0..6)
        .map(|seed| run(4, latency, 150, seed))
        .map(|found| (found.stale as f64, found.all as f64))
        .collect();
    let (share, interval) = ratio(&runs);
    println!("{share:.4} {interval:?}, theory {:.4}", stale(4, latency));
    assert!(interval.widened(1.7).holds(stale(4, latency)), "{share} {interval:?}");
    assert_eq!(run(4, Micros(10), 60, 1).stale, 0, "what travels for no time leaves nothing stale");
}

#[test]
fn the_theories_agree_where_little_is_stale() {
    let latency = Micros::millis(10);
    let (first, second) = (stale(8, latency), stale_at_most(8, latency));
    assert!((first - 0.00871).abs() < 1e-5 && (first - second).abs() < 5e-5, "{first} {second}");
    assert_eq!(stale(1, latency), 0.0, "a lone miner hears of its own blocks at once");
}

#[test]
fn the_time_between_blocks_is_exponential() {
    let mut seconds = intervals(600, 1);
    let (average, interval) = mean(&seconds);
    assert!(interval.widened(1.7).holds(SPACING), "{average} {interval:?}");
    let (distance, chance) = exponential_fit(&mut seconds, SPACING);
    assert!(chance > 0.001, "{distance} {chance}");
}
