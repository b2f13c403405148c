//! Who can bias the order of the next round, and by how much.
//!
//! The seed of a round is a hash over the reveals of the blocks before it, each of which its maker was bound to a round
//! earlier: R′ = SHA-256(tag ‖ R ‖ reveal). Nobody chooses a reveal, but one may keep a block to oneself. That helps only
//! who knows all reveals that come after: a cartel that owns the last m slots of a round in a row. It can take each of their
//! reveals in or leave it out, and so choose one of 2^m orders. Under Graphene the order comes from the time of the last
//! block alone: the cartel chooses which of its blocks is the last one, m + 1 orders in all.
//!
//! In every order each delegate has one slot. So there are *no more slots* to be won, only places, and each block that is
//! withheld is lost. Places that are worth something are the last ones (the next choice is larger), and the first one.
//!
//! Theory: of N independent orders the best is beyond a level with the chance 1 − (1 − P)^N, where P is that of one order;
//! how many last slots one has is a Markov chain then ([`Cartel::theory`]). Below half of the delegates it stays near the honest
//! figure. At half of them 2^m orders bring m more slots on average, whatever m is, and there it takes over.

use sha2::{Digest, Sha256};

use super::shuffle::{SLOT, drawn};
use crate::consensus::dpos::shuffle::{Round, Shuffle};
use crate::sim::options::LAUNCH;
use crate::sim::random::Dice;
use crate::types::{Hash, Time};

/// Blocks of a round that a cartel considers to withhold, at most: each one more doubles the orders it has to try.
pub const WITHHELD_MAX: usize = 8;

/// Rounds before those that count: by then a cartel has as many last slots as in the long run.
const WARM: u64 = 50;

/// What sets the seeds of these experiments apart from whatever else is hashed.
const TAG: &[u8] = b"assay/turns-seed";

/// The seed after another block.
pub fn folded(seed: &Hash, reveal: &[u8; 32]) -> Hash {
    Hash(Sha256::new_with_prefix(TAG).chain_update(seed.0).chain_update(reveal).finalize().into())
}

/// What a cartel wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Nothing: all blocks are published.
    Honest,
    /// The first slot of the next round.
    First,
    /// As many of its last slots in a row as can be had.
    Last,
}

/// A cartel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cartel {
    /// How orders are made.
    pub shuffle: Shuffle,
    /// Delegates in a round.
    pub delegates: usize,
    /// Of whom so many are in the cartel: fewer than all.
    pub members: usize,
    /// What it wants.
    pub goal: Goal,
}

/// What came of it in a number of rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Course {
    /// How many.
    pub rounds: u64,
    /// Rounds whose first slot was the cartel's.
    pub first: u64,
    /// Last slots in a row that were its, in all rounds together.
    pub last: u64,
    /// Blocks that it withheld.
    pub withheld: u64,
}

/// What theory says of a round, in the long run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Theory {
    /// The chance that the first slot is the cartel's.
    pub first: f64,
    /// The mean number of last slots that are.
    pub last: f64,
}

/// An order, as far as a cartel is concerned.
struct Turns {
    first: bool,
    last: usize,
}

impl Cartel {
    fn turns(&self, order: &[usize], mine: &[bool]) -> Turns {
        let last = order.iter().rev().take_while(|who| mine[**who]).count();
        Turns { first: order.first().is_some_and(|who| mine[*who]), last }
    }

    /// How many orders there are to choose from with so many last slots.
    fn orders(&self, last: usize) -> usize {
        match (self.goal, self.shuffle) {
            (Goal::Honest, _) | (_, Shuffle::Ark) => 1,
            (_, Shuffle::Graphene) => 1 + last.min(WITHHELD_MAX),
            (_, Shuffle::Assay) => 1 << last.min(WITHHELD_MAX),
        }
    }

    fn worth(&self, turns: &Turns) -> usize {
        match self.goal {
            Goal::Honest => 0,
            Goal::First => usize::from(turns.first),
            Goal::Last => turns.last,
        }
    }

    /// Lets a cartel, drawn by the seed, choose for so many rounds; of choices that are worth as much it takes the one that
    /// withholds least. The first rounds do not count: nobody has chosen the first one.
    pub fn run(&self, rounds: u64, seed: u64) -> Course {
        let mut dice = Dice::new(seed, "seeds");
        let mut mine = vec![false; self.delegates];
        mine[..self.members].fill(true);
        dice.shuffle(&mut mine);
        let mut known = Hash(drawn(&mut dice));
        // Every seed lives in years of its own.
        let begin = seed * (WARM + rounds);
        let first = Round { number: begin + 1, time: LAUNCH, seed: known };
        let mut turns = self.turns(&self.shuffle.order(self.delegates, &first), &mine);
        let mut course = Course { rounds, ..Course::default() };
        for round in begin + 1..=begin + WARM + rounds {
            let reveals: Vec<[u8; 32]> = (0..self.delegates).map(|_| drawn(&mut dice)).collect();
            let orders = self.orders(turns.last);
            let open = turns.last.min(WITHHELD_MAX);
            let (fixed, choice) = reveals.split_at(self.delegates - open);
            let before = fixed.iter().fold(known, |seed, reveal| folded(&seed, reveal));
            let mut best: Option<(usize, u64, Turns, Hash)> = None;
            for chosen in 0..orders {
                let (seed, withheld, missing) = self.choose(&before, choice, chosen);
                // A number of delegates fits 64 bits.
                let slots = (round - begin) * self.delegates as u64 - missing;
                let time = Time(LAUNCH.0 + begin * self.delegates as u64 * SLOT + slots * SLOT);
                let next = Round { number: round + 1, time, seed };
                let turns = self.turns(&self.shuffle.order(self.delegates, &next), &mine);
                let worth = self.worth(&turns);
                let better = best.as_ref().is_none_or(|(most, cost, ..)| {
                    worth > *most || worth == *most && withheld < *cost
                });
                if better {
                    best = Some((worth, withheld, turns, seed));
                }
            }
            let (_, withheld, chosen, seed) = best.expect("there is one order at least");
            if round > begin + WARM {
                course.withheld += withheld;
                course.first += u64::from(chosen.first);
                course.last += chosen.last as u64; // as above
            }
            (turns, known) = (chosen, seed);
        }
        course
    }

    /// The seed under choice number `chosen`, how many blocks it withholds, and how many slots the last block comes early.
    fn choose(&self, before: &Hash, reveals: &[[u8; 32]], chosen: usize) -> (Hash, u64, u64) {
        let is_out = |at: usize| match self.shuffle {
            Shuffle::Graphene => at + chosen >= reveals.len(),
            _ => chosen >> at & 1 == 1,
        };
        let published = reveals.iter().enumerate().filter(|(at, _)| !is_out(*at));
        let seed = published.fold(*before, |seed, (_, reveal)| folded(&seed, reveal));
        // Few and fewer than a byte counts.
        let withheld = (0..reveals.len()).filter(|at| is_out(*at)).count() as u64;
        let missing = (0..reveals.len()).rev().take_while(|at| is_out(*at)).count() as u64;
        (seed, withheld, missing)
    }

    /// The long run, if all orders are equally likely and independent of each other.
    pub fn theory(&self) -> Theory {
        let (k, n) = (self.members, self.delegates);
        let honest = beyond(k, n);
        let share = k as f64 / n as f64;
        let mut chain = spread(&honest);
        let (mut first, mut last) = (0.0, 0.0);
        // Far more rounds than it takes to forget the first one.
        for _ in 0..400 {
            let mut next = vec![0.0; k + 1];
            first = 0.0;
            for (slots, chance) in chain.iter().enumerate() {
                let orders = i32::try_from(self.orders(slots)).expect("there are few");
                let best = |one: f64| 1.0 - (1.0 - one).powi(orders);
                let after = if self.goal == Goal::First {
                    let owned = best(share);
                    first += chance * owned;
                    // Whoever has the first slot has one less for the last ones.
                    let (with, without) = (beyond(k - 1, n - 1), beyond(k, n - 1));
                    let chances = |j: usize| {
                        let of = |levels: &[f64]| levels.get(j).copied().unwrap_or(0.0);
                        owned * of(&with) + (1.0 - owned) * of(&without)
                    };
                    spread(&(0..=k).map(chances).collect::<Vec<f64>>())
                } else {
                    spread(&honest.iter().map(|one| best(*one)).collect::<Vec<f64>>())
                };
                for (into, of) in next.iter_mut().zip(&after) {
                    *into += chance * of;
                }
            }
            last = next.iter().enumerate().map(|(slots, chance)| slots as f64 * chance).sum();
            chain = next;
        }
        if self.goal != Goal::First {
            // The place before the last slots is somebody else's, and all places before that one are alike.
            let of = |(slots, chance): (usize, &f64)| match k - slots {
                0 => 0.0,
                left => chance * left as f64 / (n - slots - 1) as f64,
            };
            first = chain.iter().enumerate().map(of).sum();
        }
        Theory { first, last }
    }
}

/// For every j the chance that the last j slots at least are the cartel's: of n slots in random order, k of which are its.
fn beyond(k: usize, n: usize) -> Vec<f64> {
    let mut levels = vec![1.0];
    for j in 0..k {
        let all = levels[j] * (k - j) as f64 / (n - j) as f64;
        levels.push(all);
    }
    levels
}

/// The distribution with these chances of j at least.
fn spread(levels: &[f64]) -> Vec<f64> {
    let next = levels.iter().skip(1).copied().chain([0.0]);
    levels.iter().zip(next).map(|(least, more)| least - more).collect()
}
