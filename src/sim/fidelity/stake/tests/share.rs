use super::super::renewal::Ages;
use super::super::share::*;
use crate::sim::fidelity::statistics::{mean, ratio};

fn holder(coins: usize, each: u64) -> Holding {
    Holding { coins, each, awake: true }
}

fn plan(holders: Vec<Holding>) -> Plan {
    Plan {
        holders,
        ages: Ages { min: 60, max: 1200 },
        spacing: 20,
        interest: 10,
        rest: 0,
        window: FIXED,
    }
}

/// With coins of one size the share is the stake's; one coin of three times the amount makes fewer blocks than its stake,
/// as many as theory says.
#[test]
fn blocks_are_shared_as_theory_says() {
    for (holders, even) in [
        (vec![holder(20, 100), holder(60, 100)], true),
        (vec![holder(1, 9000), holder(30, 100)], false),
    ] {
        let plan = plan(holders);
        let (theory, stake) = (plan.share(0), plan.stake(0));
        let runs: Vec<(f64, f64)> = (0..6)
            .map(|seed| plan.run(100, seed))
            .map(|earned| (earned.blocks[0] as f64, earned.all as f64))
            .collect();
        let (share, interval) = ratio(&runs);
        println!("{share:.4} {interval:?}, theory {theory:.4}, stake {stake:.4}");
        assert!(interval.widened(1.7).holds(theory), "{share} {interval:?} against {theory}");
        match even {
            true => assert!((theory - stake).abs() < 1e-9, "{theory} {stake}"),
            false => assert!(stake > 0.7 && theory < 0.5, "{theory} {stake}"),
        }
    }
}

/// All age is paid for, at the rate, to those who stake; the ledger's sum is that of all coins.
#[test]
fn interest_is_the_rate_on_what_is_staked() {
    let mut plan = plan(vec![holder(30, 100), holder(30, 100)]);
    plan.holders[1].awake = false;
    let year: Vec<f64> = (0..6)
        .map(|seed| {
            let earned = plan.run(100, seed);
            assert_eq!(earned.circulating, earned.held);
            assert_eq!(earned.circulating - earned.genesis, earned.interest[0]);
            assert_eq!(earned.interest[1], 0, "who sleeps earns nothing");
            let days = earned.seconds as f64 / 86_400.0;
            earned.interest[0] as f64 / earned.genesis as f64 / days
        })
        .collect();
    let (rate, interval) = mean(&year);
    println!("{rate:.5} {interval:?}");
    assert!(interval.widened(1.7).holds(0.05), "{rate} {interval:?}: ten per cent of a half");
}
