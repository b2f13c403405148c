//! Two generals who can only send messengers through the enemy's valley.
//!
//! After Akkoyunlu, Ekanadham and Huber, *Some Constraints and Tradeoffs in the Design of Network Communications* (1975),
//! and Gray, *Notes on Data Base Operating Systems* (1978). A wants both to attack at dawn and writes so to B; B
//! acknowledges, A acknowledges the acknowledgement, and so on: k + 1 messengers with k acknowledgements, each of whom only
//! sets out when the one before arrived. Any may be caught. Neither attacks alone and lives.
//!
//! No k is enough. Take a run in which all is well, and catch the last messenger in it. Who sent him sees no difference, so
//! he attacks; if all is to be well, the other has to attack as well, without this message. So that messenger was not
//! needed, and the same holds of the one before, and of the first: either both attack whatever is heard, even where no
//! order was, or nobody ever attacks. [`rules_that_agree`] tries every rule by which both could go, for each k.
//!
//! What can be had is a small chance of disaster, for a price:
//!
//! - *Acknowledged*: both wait for all that they should hear. One attacks alone if just the last messenger is caught, with
//!   chance p (1 − p)^k: it falls with k, but only because the attack as a whole gets rare, (1 − p)^(k + 1).
//! - *Couriers*: A sends k + 1 with the same letter and attacks; B attacks if one arrives. A attacks alone with chance
//!   p^(k + 1), and the attack gets ever more likely.
//!
//! | line of a story | what happens |
//! |---|---|
//! | `acknowledgements 3` | k |
//! | `run`, `run 2` | all messengers arrive; the second, counted from 0 for the order, is caught |
//! | `patterns` | every pattern of losses: who attacks |
//! | `rules 0..8` | every pair of rules by which the two could go: how many never part them |
//! | `chance 0.1 runs 100000 seed 1` | how often one attacks alone, for k = 0 … 8, measured beside the formulas |
//! | `expect alone`, `expect together`, `expect nobody` | how the last run ended |

use super::{Outcome, Story, number, range};
use crate::sim::random::Dice;

/// Acknowledgements at most: two to the power of one more are the patterns of losses.
const ACKNOWLEDGEMENTS_MAX: usize = 12;
/// Acknowledgements at most for which all rules are tried; the two have 2^(k + 3) pairs of them.
const RULES_MAX: usize = 12;
/// Drawn runs at most: a few seconds.
const RUNS_MAX: u64 = 1_000_000;

/// Who attacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dawn {
    /// A, who had the idea.
    pub a: bool,
    /// B.
    pub b: bool,
}

/// How many messages each of the two has received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Acknowledgements 1, 3, 5 …
    pub a: usize,
    /// The order, and acknowledgements 2, 4 …
    pub b: usize,
}

/// Sends messengers 0 … `acknowledgements` one after another; `caught` says of each who sets out whether he is caught.
pub fn send(acknowledgements: usize, mut caught: impl FnMut(usize) -> bool) -> Heard {
    let mut heard = Heard { a: 0, b: 0 };
    for messenger in 0..=acknowledgements {
        if caught(messenger) {
            break;
        }
        match messenger % 2 {
            0 => heard.b += 1,
            _ => heard.a += 1,
        }
    }
    heard
}

/// What the two do who wait for all that they should hear.
pub fn acknowledged(acknowledgements: usize, caught: impl FnMut(usize) -> bool) -> Dawn {
    let due = send(acknowledgements, |_| false);
    let heard = send(acknowledgements, caught);
    Dawn { a: heard.a == due.a, b: heard.b == due.b }
}

/// How many pairs of rules there are for so many acknowledgements, and those that part the two in no pattern of losses.
///
/// A rule says for each number of messages that one may have received whether he attacks then: nothing else differs from
/// run to run, as who receives the third message knows all before it.
pub fn rules_that_agree(acknowledgements: usize) -> (usize, Vec<(usize, usize)>) {
    let due = send(acknowledgements, |_| false);
    let runs: Vec<Heard> = (0..=acknowledgements + 1)
        .map(|lost| send(acknowledgements, |messenger| messenger == lost))
        .collect();
    let (rules_a, rules_b) = (1 << (due.a + 1), 1 << (due.b + 1));
    let pairs = (0..rules_a).flat_map(|a| (0..rules_b).map(move |b| (a, b)));
    let agree =
        |(a, b): &(usize, usize)| runs.iter().all(|heard| a >> heard.a & 1 == b >> heard.b & 1);
    (rules_a * rules_b, pairs.filter(agree).collect())
}

/// A story of the two.
#[derive(Debug, Default)]
pub struct Valley {
    acknowledgements: usize,
    dawn: Option<Dawn>,
}

impl Valley {
    fn run(&mut self, lost: Option<usize>) -> Vec<String> {
        let mut told = Vec::new();
        let dawn = acknowledged(self.acknowledgements, |messenger| {
            let (from, to) = if messenger % 2 == 0 { ("A", "B") } else { ("B", "A") };
            let text = match messenger {
                0 => "attack at dawn".to_owned(),
                1 => "I heard of the attack".to_owned(),
                _ => format!("I heard your acknowledgement {}", messenger - 1),
            };
            let caught = lost == Some(messenger);
            told.push(format!(
                "{messenger}: {from} → {to}: {text}{}",
                if caught { " (caught)" } else { "" }
            ));
            caught
        });
        for (name, attacks) in [("A", dawn.a), ("B", dawn.b)] {
            let why = if attacks {
                "heard all that it waits for: attacks"
            } else {
                "waits for more: stays"
            };
            told.push(format!("{name} {why}"));
        }
        self.dawn = Some(dawn);
        told
    }

    /// Only the first loss matters, since nobody sets out after it; every pattern is run nevertheless.
    fn patterns(&self) -> Vec<String> {
        let messengers = self.acknowledgements + 1;
        let mut ends: Vec<Vec<Dawn>> = vec![Vec::new(); messengers + 1];
        for pattern in 0_u32..1 << messengers {
            let first = (pattern.trailing_zeros() as usize).min(messengers); // at most 32
            ends[first].push(acknowledged(self.acknowledgements, |it| pattern >> it & 1 == 1));
        }
        let mut told = Vec::new();
        for (first, dawns) in ends.iter().enumerate().rev() {
            let mut kinds: Vec<&str> = dawns.iter().map(|dawn| dawn.words()).collect();
            kinds.sort_unstable();
            kinds.dedup();
            let which = match first {
                first if first == messengers => "nobody caught".to_owned(),
                first => format!("first caught: {first}"),
            };
            let count = match dawns.len() {
                1 => "1 pattern".to_owned(),
                more => format!("{more} patterns"),
            };
            told.push(format!("{which}: {} in {count}", kinds.join(", or ")));
        }
        let all = ends.iter().flatten();
        let alone = all.filter(|dawn| dawn.a != dawn.b).count();
        told.push(format!("one attacks alone in {alone} of {} patterns", 1_u32 << messengers));
        told
    }
}

impl Dawn {
    /// How it ends.
    pub fn words(self) -> &'static str {
        match (self.a, self.b) {
            (true, true) => "both attack",
            (false, false) => "nobody attacks",
            (true, false) => "A attacks alone",
            (false, true) => "B attacks alone",
        }
    }
}

/// How often one attacks alone, and both do, in so many drawn runs.
pub fn measure(runs: u64, mut dawn: impl FnMut() -> Dawn) -> (f64, f64) {
    let (mut alone, mut together) = (0_u64, 0_u64);
    for _ in 0..runs {
        let dawn = dawn();
        alone += u64::from(dawn.a != dawn.b);
        together += u64::from(dawn.a && dawn.b);
    }
    (alone as f64 / runs as f64, together as f64 / runs as f64) // at most a million
}

fn power(base: f64, exponent: usize) -> f64 {
    (0..exponent).map(|_| base).product()
}

fn chance(loss: &str, runs: u64, seed: u64) -> Outcome {
    let p: f64 = loss.parse().map_err(|_| format!("`{loss}` is no chance"))?;
    if !(0.0..=1.0).contains(&p) {
        return Err(format!("`{loss}` is no chance: give a number from 0 to 1"));
    }
    let mut dice = Dice::new(seed, "messengers");
    let mut told = vec![
        "    |          acknowledged          |            couriers".to_owned(),
        "  k | alone    p(1−p)^k   together   | alone    p^(k+1)    together".to_owned(),
    ];
    for k in 0..=8 {
        let (alone, together) = measure(runs, || acknowledged(k, |_| dice.chance(p)));
        let (lonely, joint) = measure(runs, || {
            // All set out, whatever becomes of the others.
            let arrived = (0..=k).filter(|_| !dice.chance(p)).count();
            Dawn { a: true, b: arrived > 0 }
        });
        told.push(format!(
            "  {k} | {alone:.5}  {:.5}    {together:.5}    | {lonely:.5}  {:.5}    {joint:.5}",
            p * power(1.0 - p, k),
            power(p, k + 1)
        ));
    }
    Ok(told)
}

impl Story for Valley {
    fn act(&mut self, words: &[&str]) -> Outcome {
        match words {
            ["acknowledgements", k] => self.acknowledgements = number(k, 0, ACKNOWLEDGEMENTS_MAX)?,
            ["run"] => return Ok(self.run(None)),
            ["run", lost] => {
                let lost = number(lost, 0, self.acknowledgements)?;
                return Ok(self.run(Some(lost)));
            }
            ["patterns"] => return Ok(self.patterns()),
            ["rules", ks] => {
                let line = |k: u64| {
                    let k = k as usize; // at most RULES_MAX
                    let (pairs, agree) = rules_that_agree(k);
                    let all = |rule: usize, heard: usize| rule == (1 << (heard + 1)) - 1;
                    let due = send(k, |_| false);
                    let names = agree.iter().map(|(a, b)| match (a, b) {
                        (0, 0) => "never".to_owned(),
                        (a, b) if all(*a, due.a) && all(*b, due.b) => {
                            "always, order or not".to_owned()
                        }
                        (a, b) => format!("{a:b}/{b:b}"),
                    });
                    let names: Vec<String> = names.collect();
                    format!(
                        "k = {k}: {} of {pairs} pairs never part them: {}",
                        agree.len(),
                        names.join("; ")
                    )
                };
                return Ok(range(ks, 0, RULES_MAX as u64)?.map(line).collect());
            }
            ["chance", loss, "runs", runs, "seed", seed] => {
                return chance(loss, number(runs, 1, RUNS_MAX)?, number(seed, 0, u64::MAX)?);
            }
            ["expect", how] => {
                let dawn = self.dawn.ok_or("nothing was run yet")?;
                let holds = match *how {
                    "alone" => dawn.a != dawn.b,
                    "together" => dawn.a && dawn.b,
                    "nobody" => !dawn.a && !dawn.b,
                    _ => return Err("they attack `together`, one `alone`, or `nobody`".into()),
                };
                holds.then_some(()).ok_or_else(|| format!("it is {dawn:?}"))?;
            }
            _ => {
                return Err(
                    "no line of the two generals; they are listed in docs/classics.md".into()
                );
            }
        }
        Ok(Vec::new())
    }
}

#[cfg(test)]
#[path = "two_generals_tests.rs"]
mod tests;
