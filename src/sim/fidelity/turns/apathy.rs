//! How many delegates a minority elects where others do not vote.
//!
//! Everybody may approve of any number of candidates, and each approval weighs all of the voter's stake; the top n by weight
//! make blocks. An attacker with the share x of all stake approves of n candidates of its own, and so each of them has the
//! weight x. The others turn out with the chance t, and vote in one of several [ways](Way):
//!
//! - All for the same n candidates: each of those weighs (1 − x)·t, and the attacker elects *all or none*: all if
//!   x > (1 − x)·t. Where one in ten turns out, a tenth of the stake is enough for everything.
//! - For some of 2n candidates who are ever less liked: candidate c is approved by the share p(c) = 1 − (2c − 1) ⁄ 4n. As many
//!   of them are elected as have (1 − x)·t·p(c) > x, so the attacker elects *a share* that grows from none at x = (1 − x)·t ⁄ 2
//!   to all at x = (1 − x)·t.
//! - For any n of 4n candidates, each alike: all or none again, but with the fourth part of the weight.
//!
//! That is with infinitely many voters. [`Contest::theory`] is exact for the voters there are; candidates of one way are
//! independent of each other when it is known how many turned out.

use crate::sim::random::{Dice, exp, ln};

/// How those vote who are not the attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// All for the same ones, as many as there are seats.
    Agreed,
    /// Each candidate by some voters, the first by nearly all, the last by next to none; as many as there are seats on average.
    Ranked,
    /// Each for a quarter of the candidates, by chance; as many as there are seats on average.
    Scattered,
}

/// An election.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contest {
    /// Delegates to be elected.
    pub seats: usize,
    /// Voters beside the attacker, with one unit of stake each.
    pub voters: u64,
    /// Stake of the attacker, in the same units.
    pub stake: u64,
    /// The chance that a voter votes.
    pub turnout: f64,
    /// How they vote.
    pub way: Way,
}

/// A vote: what it weighs, and the candidates that it approves of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ballot {
    /// Its weight.
    pub weight: u64,
    /// Whom it is for.
    pub approves: Vec<usize>,
}

/// Who is elected: the candidates with the most weight, and of equal ones those with the lower numbers.
pub fn elect(candidates: usize, seats: usize, ballots: &[Ballot]) -> Vec<usize> {
    let mut weights = vec![0_u64; candidates];
    for ballot in ballots {
        ballot.approves.iter().for_each(|of| weights[*of] += ballot.weight);
    }
    let mut ranked: Vec<usize> = (0..candidates).collect();
    ranked.sort_by_key(|of| (std::cmp::Reverse(weights[*of]), *of));
    ranked.truncate(seats);
    ranked
}

impl Contest {
    /// The attacker's share of all stake.
    pub fn share(&self) -> f64 {
        self.stake as f64 / (self.stake + self.voters) as f64
    }

    /// The chance that a voter who votes approves of each honest candidate.
    fn likings(&self) -> Vec<f64> {
        let n = self.seats;
        match self.way {
            Way::Agreed => vec![1.0; n],
            Way::Ranked => (1..=2 * n).map(|c| 1.0 - (2 * c - 1) as f64 / (4 * n) as f64).collect(),
            Way::Scattered => vec![0.25; 4 * n],
        }
    }

    /// Holds the election with voters drawn by the seed; gives how many seats the attacker's candidates have.
    pub fn hold(&self, seed: u64) -> usize {
        let mut dice = Dice::new(seed, "votes");
        let likings = self.likings();
        let honest = likings.len();
        let mut ballots = Vec::new();
        for _ in 0..self.voters {
            if dice.chance(self.turnout) {
                let approves = (0..honest).filter(|of| dice.chance(likings[*of])).collect();
                ballots.push(Ballot { weight: 1, approves });
            }
        }
        let own = (honest..honest + self.seats).collect();
        ballots.push(Ballot { weight: self.stake, approves: own });
        let elected = elect(honest + self.seats, self.seats, &ballots);
        elected.into_iter().filter(|of| *of >= honest).count()
    }

    /// The mean number of seats that the attacker's candidates have.
    pub fn theory(&self) -> f64 {
        let likings = self.likings();
        let turnouts = binomial(self.voters, self.turnout);
        let mean = |(came, chance): (u64, &f64)| {
            // What is rarer than this moves no figure that is shown.
            if *chance < 1e-12 { 0.0 } else { chance * self.seats_of(came, &likings) }
        };
        (0..).zip(&turnouts).map(mean).sum()
    }

    /// The same when it is known how many turned out.
    fn seats_of(&self, came: u64, likings: &[f64]) -> f64 {
        if self.way == Way::Agreed {
            return if came < self.stake { self.seats as f64 } else { 0.0 };
        }
        // The chances that so many honest candidates are not below the attacker's; all who have a seat are one number.
        let mut ahead = vec![0.0; self.seats + 1];
        ahead[0] = 1.0;
        let mut known = (f64::NAN, 0.0);
        for liking in likings {
            if known.0.total_cmp(liking).is_ne() {
                let below = binomial(came, *liking).into_iter().zip(0_u64..);
                let below = below.take_while(|(_, approvals)| *approvals < self.stake);
                known = (*liking, (1.0 - below.map(|(chance, _)| chance).sum::<f64>()).max(0.0));
            }
            let wins = known.1;
            for count in (0..=self.seats).rev() {
                let from = if count > 0 { ahead[count - 1] } else { 0.0 };
                let stays = if count == self.seats { 1.0 } else { 1.0 - wins };
                ahead[count] = ahead[count] * stays + from * wins;
            }
        }
        ahead.iter().enumerate().map(|(count, chance)| (self.seats - count) as f64 * chance).sum()
    }
}

/// The binomial distribution: the chance of each number of successes.
fn binomial(trials: u64, chance: f64) -> Vec<f64> {
    if chance >= 1.0 {
        let mut sure = vec![0.0; trials as usize];
        sure.push(1.0);
        return sure;
    }
    let (yes, no) = (ln(chance), ln(1.0 - chance));
    let mut coefficient = 0.0;
    let at = |successes: u64| {
        if successes > 0 {
            coefficient += ln((trials - successes + 1) as f64) - ln(successes as f64);
        }
        exp(coefficient + successes as f64 * yes + (trials - successes) as f64 * no)
    };
    (0..=trials).map(at).collect()
}
