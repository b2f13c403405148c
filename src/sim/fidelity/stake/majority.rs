//! A majority of stake against a majority of hashes, on a chain of both.
//!
//! An attacker with the share x of the stake and y of the hash rate builds a branch of its own for a while, cut off, and shows
//! it. It rewrites everything since if its branch has more trust. With work and stake at one block in T each, the others' branch
//! gets (1 − x) D ⁄ T blocks by stake and (1 − y) D ⁄ T of work in a time D, the attacker's the rest, all of them independent:
//! so the numbers are Poisson's, and targets do not move here. Under relative trust what counts is their sum; under Peercoin's
//! it is the blocks by stake, and work breaks ties. [`theory`] adds that up; of branches that are equal in all of that one or
//! the other is better by chance.

use super::super::super::options::{NodeOptions, freeze, operator};
use super::renewal::{Ages, Cycle, bits_for, coin_day};
use super::{Account, begin, spec, stake_of, stakers};
use crate::sim::random::Dice;
use crate::sim::{Micros, Sim};

/// Coins of all together.
const COINS: usize = 400;

/// Tries that a block of work takes on average.
const TRIES: u32 = 32;

/// Seconds between blocks of each kind.
pub const SPACING: u64 = 20;

const AGES: Ages = Ages { min: 300, max: 20_000 };

/// How soon everybody has what the attacker shows.
const TRAVEL: Micros = Micros::seconds(2000);

const HONEST: usize = 0;
const ATTACKER: usize = 1;

/// An attack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attack {
    /// Whether trust is Peercoin's; relative otherwise.
    pub peercoin: bool,
    /// The share of the stake.
    pub stake: f64,
    /// The share of the hash rate.
    pub work: f64,
    /// For how many block times of a kind it builds.
    pub lasts: u64,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewritten {
    /// Whether the others followed.
    pub success: bool,
    /// Blocks that they left behind, or would have.
    pub depth: u64,
}

/// An attempt.
///
/// # Panics
///
/// If the simulator refuses what is done to it, which cannot happen.
pub fn attempt(attack: &Attack, seed: u64) -> Rewritten {
    let trust = if attack.peercoin { "peercoin" } else { "relative" };
    let amounts = vec![100.0; COINS];
    let bits = bits_for(&amounts, SPACING as f64, AGES);
    let cycle = Cycle::new(100.0, coin_day(bits), AGES);
    let mut dice = Dice::new(seed, "ages");
    let accounts: Vec<Account> =
        (0..COINS).map(|_| Account { amount: 100, age: cycle.draw_age(&mut dice) }).collect();
    let rule = format!(
        "[issuance]\nmaturity = 0\n[consensus]\nengine = \"hybrid\"\n\
         [pow]\nblock_time = \"{SPACING}s\"\n\
         [pos]\nblock_time = \"{SPACING}s\"\nretarget_window = 100000\ninitial_bits = \"{:08x}\"\n\
         min_age = \"{}s\"\nmax_age = \"{}s\"\ninterest = \"0%\"\ngenesis_coins = 1\n\
         [hybrid]\ntrust = \"{trust}\"\nwork_window = 100000\nfinality_depth = 4096",
        bits.0, AGES.min, AGES.max
    );
    let spec = freeze(spec(&accounts, &rule), TRIES);
    let first = spec.consensus().pow().expect("work is part of it").initial_bits;
    let rate = first.work().to_f64() / SPACING as f64;
    let bought = (attack.stake * COINS as f64).round() as usize; // a share of a list
    let stakes = vec![stake_of(bought..COINS), stake_of(0..bought)];
    let mut options = stakers(seed, spec, stakes);
    for (node, share) in [(HONEST, 1.0 - attack.work), (ATTACKER, attack.work)] {
        let mines = share > 0.0;
        options.nodes[node] = NodeOptions {
            payout: mines.then(|| operator(COINS + node).address()),
            hash_rate: rate * share,
            ..options.nodes[node].clone()
        };
    }
    let mut sim = begin(options);
    let possible = "an act on a node that is there and runs";
    let cut = sim.cut(&[ATTACKER], &[HONEST], false).expect(possible);
    sim.run(Micros::seconds(attack.lasts * SPACING));
    for node in [HONEST, ATTACKER] {
        sim.set_hash_rate(node, 0.0).expect(possible);
        sim.set_stake(node, None).expect(possible);
    }
    let tip = |sim: &Sim, node: usize| sim.replica(node).expect("it runs").tree().head().id;
    let (theirs, depth) = (tip(&sim, ATTACKER), sim.height(HONEST).map_or(0, |height| height.0));
    sim.heal(cut).expect("it was not healed before");
    sim.run_while(TRAVEL, Micros::seconds(1), |sim| !sim.agree());
    Rewritten { success: tip(&sim, HONEST) == theirs && depth > 0, depth }
}

/// Blocks that the others make meanwhile, on average: what a success undoes.
pub fn depth(attack: &Attack) -> f64 {
    (2.0 - attack.stake - attack.work) * attack.lasts as f64
}

/// The chance of success.
pub fn theory(attack: &Attack) -> f64 {
    let lasts = attack.lasts as f64;
    let own = (attack.stake * lasts, attack.work * lasts);
    let theirs = ((1.0 - attack.stake) * lasts, (1.0 - attack.work) * lasts);
    match attack.peercoin {
        false => ahead(own.0 + own.1, theirs.0 + theirs.1, 0.5),
        true => ahead(own.0, theirs.0, ahead(own.1, theirs.1, 0.5)),
    }
}

/// The chance that one Poisson-distributed number is greater than another; equal ones count that much.
fn ahead(mean: f64, other: f64, equal: f64) -> f64 {
    let (of, of_other) = (poisson(mean), poisson(other));
    let mut below = 0.0;
    let mut chance = 0.0;
    for (own, other) in of.iter().zip(&of_other) {
        chance += own * (below + other * equal);
        below += other;
    }
    chance
}

/// The chances of 0, 1, 2 …, as far as they matter to means of some hundreds.
fn poisson(mean: f64) -> Vec<f64> {
    const MOST: u32 = 1000;
    let mut chances = vec![(-mean).exp()];
    for n in 1..MOST {
        let last = chances[chances.len() - 1];
        chances.push(last * mean / f64::from(n));
    }
    chances
}
