//! Double spending: does a payment with z confirmations stay?
//!
//! # The attack
//!
//! The attacker mines in secret from the block before the payment. It pays when its secret branch is one block ahead of
//! the public one; the next public block carries the payment and is its first confirmation. Once there are z, the attacker
//! shows its branch as soon as that is *longer* than the public one: a tie would not move anybody. It gives up when its
//! branch is shorter by a stated deficit.
//!
//! Meni Rosenfeld, *Analysis of hashrate-based double spending* (2014), computes just this race, without giving up
//! ([`rosenfeld`]); [`limited`] computes it with. Satoshi Nakamoto, *Bitcoin* (2008), section 11, takes the number of
//! blocks that the attacker finds meanwhile for Poisson-distributed and lets a tie count, which comes to almost the same
//! ([`nakamoto`]).
//!
//! # The experiment
//!
//! A merchant, an honest miner and the attacker, each a whole node. While the attacker mines in secret its lines are cut;
//! the merchant's own tree says how many confirmations there are. To show the branch is to mend the lines: the merchant's
//! replica hears of it, fetches, judges and follows it, and the attempt has succeeded when the merchant's head lies on it.
//! Two idealisations, neither of which changes the odds: until the attacker is one ahead the honest miner rests (the
//! attacker would wait for such a moment, at no cost to it); and all miners rest while the shown branch travels.

use super::super::options::operator;
use super::super::{Micros, Moment, Sim};
use super::chain::{chain, miners};
use crate::types::Height;

/// Tries that a block takes on average.
const TRIES: u32 = 64;

const MERCHANT: usize = 0;
const HONEST: usize = 1;
const ATTACKER: usize = 2;

/// An attempt that has not ended by then would be an error of the experiment.
const PATIENCE: Moment = Moment(1_000_000_000_000);

/// How soon everybody has what the attacker shows: nodes that were apart for long tell each other where they stand every few
/// seconds, and may keep each other away for ten minutes.
const TRAVEL: Micros = Micros::seconds(2000);

/// An attack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attack {
    /// The attacker's share of the hash rate.
    pub share: f64,
    /// Confirmations that the merchant waits for, the block with the payment included.
    pub confirmations: u64,
    /// It gives up when its branch is shorter by so many blocks.
    pub give_up: u64,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The payment was confirmed, and then it was not.
    Success,
    /// The attacker gave up.
    GivenUp,
    /// The attacker showed a longer branch and the merchant did not follow it: theory has no such thing.
    NotFollowed,
}

/// One attempt, with real replicas and real proofs.
///
/// # Panics
///
/// If it does not come to an end, or the simulator refuses what is done to it: neither can happen.
pub fn attempt(attack: &Attack, seed: u64) -> Outcome {
    let rate = f64::from(TRIES);
    let latency = Micros(100);
    let spec = chain("retarget = \"fixed\"", TRIES);
    let options = miners(seed, spec, &[0.0; 3], latency);
    let mut sim = Sim::new(options).expect("an empty store opens");
    let possible = "an act on a node that is there and runs";
    sim.set_payout(MERCHANT, None).expect(possible);
    sim.run(Micros::millis(10));
    let cut = sim.cut(&[ATTACKER], &[MERCHANT, HONEST], false).expect(possible);
    let height = |sim: &Sim, node: usize| sim.height(node).map_or(0, |height| height.0);
    let next = |sim: &mut Sim| assert!(sim.step(PATIENCE), "no end of {attack:?}, seed {seed}");

    sim.set_hash_rate(ATTACKER, rate * attack.share).expect(possible);
    while height(&sim, ATTACKER) == 0 {
        next(&mut sim);
    }
    sim.set_hash_rate(HONEST, rate * (1.0 - attack.share)).expect(possible);
    loop {
        let (public, secret) = (height(&sim, MERCHANT), height(&sim, ATTACKER));
        if public >= attack.confirmations && secret > public {
            break;
        }
        if public >= secret + attack.give_up {
            return Outcome::GivenUp;
        }
        next(&mut sim);
    }

    for miner in [HONEST, ATTACKER] {
        sim.set_hash_rate(miner, 0.0).expect(possible);
    }
    sim.heal(cut).expect("it was not healed before");
    let follows = |sim: &Sim| {
        let Some(replica) = sim.replica(MERCHANT) else { return false };
        let tree = replica.tree();
        let first = tree.branch().get(&Height(1)).and_then(|id| tree.get(id));
        first.is_some_and(|node| node.block.header.producer == operator(ATTACKER).address())
    };
    match sim.run_while(TRAVEL, Micros::millis(50), |sim| !follows(sim)) {
        true => Outcome::Success,
        false => Outcome::NotFollowed,
    }
}

/// Rosenfeld's probability of success against z confirmations for the share q.
pub fn rosenfeld(q: f64, z: u64) -> f64 {
    let p = 1.0 - q;
    if q >= p {
        return 1.0;
    }
    let mut ways = 1.0; // to find m blocks before the others find z
    let mut safe = 0.0;
    let confirmations = z as i32; // a few
    for m in 0..=z {
        if m > 0 {
            ways *= (m + z - 1) as f64 / m as f64;
        }
        let found = m as i32; // at most z
        safe +=
            ways * (p.powi(confirmations) * q.powi(found) - p.powi(found) * q.powi(confirmations));
    }
    1.0 - safe
}

/// Nakamoto's approximation of it.
pub fn nakamoto(q: f64, z: u64) -> f64 {
    let p = 1.0 - q;
    if q >= p {
        return 1.0;
    }
    let lambda = z as f64 * q / p;
    let mut poisson = (-lambda).exp();
    let mut safe = 0.0;
    for k in 0..=z {
        if k > 0 {
            poisson *= lambda / k as f64;
        }
        safe += poisson * (1.0 - (q / p).powi((z - k) as i32)); // at most z, a few
    }
    1.0 - safe
}

/// The same race with giving up, exactly.
pub fn limited(attack: &Attack) -> f64 {
    won(attack, 0, 1)
}

/// The chance to win from so many public and secret blocks after the last common one.
fn won(attack: &Attack, public: u64, secret: u64) -> f64 {
    let (z, q) = (attack.confirmations, attack.share);
    if public >= secret + attack.give_up {
        return 0.0;
    }
    if secret > public.max(z) || public >= z && secret > public {
        return 1.0;
    }
    if public < z {
        return q * won(attack, public, secret + 1) + (1.0 - q) * won(attack, public + 1, secret);
    }
    // The gambler's ruin: up to one ahead before down to giving up.
    let odds = (1.0 - q) / q;
    let behind = public - secret;
    let (up, down) = (behind + 1, attack.give_up - behind);
    if (odds - 1.0).abs() < 1e-12 {
        return down as f64 / (up + down) as f64;
    }
    let power = |steps: u64| odds.powi(steps as i32) - 1.0; // a deficit of a few blocks
    power(down) / power(up + down)
}
