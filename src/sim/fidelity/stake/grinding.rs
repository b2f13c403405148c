//! Stake grinding: what a staker gains that chooses among its own wins ([`Grind`]).
//!
//! Theory is the same choice on ideal dice ([`ideal`]): own wins come by chance at the attacker's share of the rate, each leads
//! to a state with wins of its own, and so do the others' blocks. That is what the kernels are if coins have no memory; with
//! coin age the attacker's coins get younger the more blocks it makes, which takes from it what grinding gave.

use std::sync::Arc;

use super::super::super::attackers::{CHOICES_MAX, Grind, Grinder};
use super::renewal::Ages;
use super::share::{FIXED, Holding, Plan};
use crate::sim::Micros;
use crate::sim::random::Dice;

/// Coins of all together.
const COINS: usize = 100;

/// Seconds between blocks.
pub const SPACING: u64 = 60;

/// Weight that is all there within moments, and weight that grows for as long as a coin waits.
pub const AGES: [(&str, Ages); 2] =
    [("none", Ages { min: 0, max: 1 }), ("coin age", Ages { min: 600, max: 12_000 })];

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ground {
    /// Blocks of the attacker.
    pub own: u64,
    /// All blocks of the chain.
    pub all: u64,
}

/// How an attacker with so many of a hundred coins looks ahead.
pub fn grinder(coins: usize, depth: u32) -> Grinder {
    let share = coins as f64 / COINS as f64;
    Grinder { depth, others: (1.0 - share) / SPACING as f64, share }
}

/// A run of so many block times.
///
/// # Panics
///
/// If there are no coins for others.
pub fn run(coins: usize, depth: u32, ages: Ages, block_times: u64, seed: u64) -> Ground {
    let holder = |coins| Holding { coins, each: 100, awake: true };
    let holders = vec![holder(coins), holder(COINS - coins)];
    let plan = Plan { holders, ages, spacing: SPACING, interest: 0, rest: 0, window: FIXED };
    let mut running = plan.begin_with(seed, "", |options| {
        let spec = &options.spec;
        let pos = spec.consensus().pos().expect("the chain is one of stake");
        let rules = pos.rules(spec.genesis_id(), spec);
        let stake = options.nodes[0].stake.take().expect("it is a staker");
        let grinder = grinder(coins, depth);
        options.nodes[0].decorate = Some(Arc::new(move |engine| {
            Grind::around(engine, rules.clone(), stake.clone(), grinder)
        }));
    });
    running.sim().run(Micros::seconds(block_times * SPACING));
    let blocks = running.blocks();
    let own = blocks.iter().filter(|(_, owner, _)| *owner == 0).count() as u64;
    Ground { own, all: blocks.len() as u64 }
}

/// A state of the ideal chain: the own wins that it has, each with the state that it leads to, by what the dice of its
/// number say.
#[derive(Debug, Clone, Copy)]
struct Ideal(u64);

impl Ideal {
    /// Seconds from here to its wins, in order, each with the state after it.
    fn wins(self, grinder: &Grinder) -> Vec<(u64, Self)> {
        let mut dice = Dice::new(self.0, "grinding");
        let mean = SPACING as f64 / grinder.share;
        let (mut at, mut wins) = (0.0, Vec::new());
        for _ in 0..CHOICES_MAX {
            at += dice.exponential(mean);
            wins.push((1 + at as u64, Self(dice.number()))); // the next whole second
        }
        wins
    }

    /// The best win and what it is worth.
    fn best(self, grinder: &Grinder, depth: u32) -> (f64, Option<(u64, Self)>) {
        if depth == 0 {
            return (grinder.unseen(), None);
        }
        let mut best = (0.0, None);
        for (second, next) in self.wins(grinder) {
            if second as f64 > 3.0 / grinder.others {
                break;
            }
            let after = if depth == 1 { grinder.unseen() } else { next.best(grinder, depth - 1).0 };
            let worth = grinder.worth(second, after);
            if worth > best.0 {
                best = (worth, Some((second, next)));
            }
            if depth == 1 {
                break;
            }
        }
        best
    }
}

/// The share of the blocks that the same choice gets on ideal dice.
pub fn ideal(coins: usize, depth: u32, blocks: u64, seed: u64) -> f64 {
    let grinder = grinder(coins, depth);
    let mut dice = Dice::new(seed, "grinding, others");
    let (mut own, mut state) = (0_u64, Ideal(dice.number()));
    for _ in 0..blocks {
        let theirs = 1 + dice.exponential(1.0 / grinder.others) as u64; // the next whole second
        let chosen = match state.best(&grinder, depth).1 {
            Some(chosen) => Some(chosen),
            // Nothing near: the first one that there is.
            None => state.wins(&grinder).first().copied(),
        };
        state = match chosen {
            Some((second, next)) if second < theirs || (second == theirs && dice.chance(0.5)) => {
                own += 1;
                next
            }
            _ => Ideal(dice.number()),
        };
    }
    own as f64 / blocks as f64
}
