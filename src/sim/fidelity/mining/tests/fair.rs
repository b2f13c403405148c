use super::super::fair::*;
use crate::sim::fidelity::statistics::{Tally, ratio};

#[test]
fn chi_squares_are_those_of_the_textbook() {
    // Ninety throws of a die: (15 − x)² ⁄ 15, summed.
    let thrown = [12, 18, 15, 15, 10, 20];
    let expected = (9.0 + 9.0 + 25.0 + 25.0) / 15.0;
    assert!((chi_square(&thrown, &[1.0 / 6.0; 6]) - expected).abs() < 1e-9);
    assert!(chi_square(&[10, 20, 50], &[0.125, 0.25, 0.625]).abs() < 1e-12);
}

/// Blocks by the hash rate, coins as well, and as many coins as the schedule says.
#[test]
fn miners_earn_in_proportion_across_halvings() {
    const BLOCKS: u64 = 300;
    let runs: Vec<_> = (0..3).map(|seed| run(&[1.0, 2.0, 5.0], BLOCKS, seed)).collect();
    for (miner, share) in [0.125, 0.25, 0.625].into_iter().enumerate() {
        let blocks = runs.iter().map(|run| run[miner].blocks).sum();
        let tally = Tally { successes: blocks, trials: BLOCKS * 3 };
        assert!(tally.interval().widened(1.8).holds(share), "{miner}: {tally:?}");
    }
    for run in &runs {
        assert_eq!(run.iter().map(|it| it.blocks).sum::<u64>(), BLOCKS);
        // The reward is 50 up to the block before the halving, and 25 from there on.
        let coins: f64 = run.iter().map(|it| it.coins).sum();
        let expected = 50.0 * (HALVING - 1) as f64 + 25.0 * (BLOCKS - HALVING + 1) as f64;
        assert!((coins - expected).abs() < 1e-6, "{coins} of {expected}");
    }
    let coins = |miner: usize| {
        let of = |run: &Vec<Earned>| (run[miner].coins, run.iter().map(|it| it.coins).sum());
        ratio(&runs.iter().map(of).collect::<Vec<_>>()).0
    };
    assert!((0.52..0.73).contains(&coins(2)) && (0.06..0.19).contains(&coins(0)));
}
