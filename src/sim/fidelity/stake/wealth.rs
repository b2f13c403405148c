//! Who owns the chain after many rounds of staking: do the rich get richer?
//!
//! Every staker stakes all it has, interest included, for as long as it takes. Interest is in proportion to amount and time, so
//! it leaves shares as they are; what moves them is
//!
//! - how often interest is compounded: a larger coin wins sooner, so its interest earns interest sooner;
//! - who does not stake: the others' interest dilutes it;
//! - luck, of which little is left after many rounds, since age that was not paid for is paid for next time.
//!
//! Theory ([`ideal`]) follows each coin's mean growth ([`Cycle::growth`]) at the target that the coins of the moment lead to.

use super::renewal::{Cycle, bits_for, coin_day};
use super::share::Plan;
use crate::sim::Micros;

/// What each holder holds, in coins, after each of so many rounds of so many block times; first of all, at the beginning.
pub fn run(plan: &Plan, rounds: usize, block_times: u64, seed: u64) -> Vec<Vec<f64>> {
    let mut running = plan.begin(seed);
    let coins = |holds: Vec<u64>| holds.iter().map(|units| *units as f64 / 1e8).collect();
    let mut course = vec![coins(running.holds())];
    for _ in 0..rounds {
        running.sim().run(Micros::seconds(block_times * plan.spacing));
        course.push(coins(running.holds()));
    }
    course
}

/// The same without chance.
pub fn ideal(plan: &Plan, rounds: usize, block_times: u64) -> Vec<Vec<f64>> {
    let interest = plan.interest as f64 / 100.0 / 86_400.0;
    let mut holds: Vec<f64> =
        plan.holders.iter().map(|holder| holder.coins as f64 * holder.each as f64).collect();
    let mut course = vec![holds.clone()];
    for _ in 0..rounds {
        let each: Vec<f64> =
            holds.iter().zip(&plan.holders).map(|(all, it)| all / it.coins as f64).collect();
        let awake = plan.holders.iter().zip(&each).filter(|(holder, _)| holder.awake);
        let coins: Vec<f64> = awake.flat_map(|(holder, each)| vec![*each; holder.coins]).collect();
        let chance = coin_day(bits_for(&coins, plan.spacing as f64, plan.ages));
        for (holder, (all, each)) in plan.holders.iter().zip(holds.iter_mut().zip(&each)) {
            if holder.awake {
                let growth = Cycle::new(*each, chance, plan.ages).growth(interest);
                *all *= (growth * (block_times * plan.spacing) as f64).exp();
            }
        }
        course.push(holds.clone());
    }
    course
}
