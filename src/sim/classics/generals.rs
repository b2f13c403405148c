//! The Byzantine generals, with messages that are not signed.
//!
//! After Lamport, Shostak and Pease, *The Byzantine Generals Problem* (1982), sections 2 and 3. A commander orders to
//! attack or to retreat; he or some lieutenants are traitors and say to each what they like. Wanted is
//!
//! - **IC1**: all loyal lieutenants obey the same order;
//! - **IC2**: if the commander is loyal, they obey his.
//!
//! The algorithm OM(m): the commander tells everybody his order. In OM(0) that is what a lieutenant goes by. In OM(m) each
//! lieutenant passes on what he was told, as the commander of an OM(m − 1) among the others; then he goes by the majority
//! of what came to him: the order itself, and what each of these OM(m − 1) gave. A tie means to retreat.
//!
//! With more than 3m generals, OM(m) bears m traitors. Three generals bear not even one: a lieutenant who hears "attack"
//! from the commander and "he said retreat" from the other one cannot know which of the two lies, and whatever he makes of
//! it, one of the two cases goes wrong. [`no_rule_for_three`] tries everything that he could make of it.
//!
//! What it costs: (n−1) + (n−1)(n−2) + … + (n−1)(n−2)…(n−m−1) messages, which [`messages`] counts.
//!
//! | line of a story | what happens |
//! |---|---|
//! | `generals C L1 L2 L3` | the commander first |
//! | `traitors L3` | these say what they like; without `lie`, the truth |
//! | `rounds 1` | m of OM(m) |
//! | `order attack` | what the commander is to say |
//! | `tie retreat` | what a lieutenant does on a tie: `retreat`, `attack`, or as the `commander` told him |
//! | `lie C>L3>L1 retreat` | L3, when he tells L1 what C told him, says this |
//! | `run` | every message, what everybody goes by, and whether IC1 and IC2 hold |
//! | `exhaust`, `exhaust others` | every lie that the traitors can tell, with either order; or whoever the traitors are |
//! | `draw 1000 seed 7` | so many lies, drawn |
//! | `three` | all that a lieutenant of three can go by |
//! | `table 4..10 0..3` | messages by generals and rounds |
//! | `expect IC1 holds`, `expect IC2 fails` | of what was run, exhausted or drawn last |

use std::collections::{BTreeMap, BTreeSet};

use super::{Outcome, Story, number, range};
use crate::sim::random::Dice;

/// Generals at most: OM(3) among ten sends 3609 messages.
const GENERALS_MAX: usize = 10;
/// Rounds at most, for the same reason.
const ROUNDS_MAX: usize = 3;
/// Messages of traitors at most of which every lie is tried: two to the power of it are run.
const EXHAUSTED_MAX: usize = 16;
/// Messages that one line sends at most, over all its runs: a few seconds.
const WORK_MAX: u64 = 20_000_000;

/// Attack or retreat: `true` is attack.
type Order = bool;

fn word(order: Order) -> &'static str {
    if order { "attack" } else { "retreat" }
}

/// What a lieutenant does when as many say attack as say retreat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tie {
    /// As in the paper.
    #[default]
    Retreat,
    /// The other way round.
    Attack,
    /// As the commander told him. With an even number of voices, loyal lieutenants may then part.
    Commander,
}

/// One run: who says what to whom.
///
/// Generals are numbers here, the commander of the whole is 0.
pub struct Run<'a> {
    /// What a general says to another at the end of a way, where the truth would be the third argument.
    pub says: &'a mut dyn FnMut(&[usize], usize, Order) -> Order,
    /// On a tie.
    pub tie: Tie,
    /// Messages so far.
    pub messages: u64,
}

impl Run<'_> {
    /// OM(`rounds`): the last of `way` commands, knows `order`, and tells `lieutenants`; gives what each goes by.
    ///
    /// `way` is how the order came to him: the commander, whoever passed it on, and himself.
    pub fn om(
        &mut self,
        rounds: usize,
        way: &[usize],
        order: Order,
        lieutenants: &[usize],
    ) -> BTreeMap<usize, Order> {
        let mut told = BTreeMap::new();
        for &to in lieutenants {
            self.messages += 1;
            told.insert(to, (self.says)(way, to, order));
        }
        if rounds == 0 {
            return told;
        }
        let mut voices: BTreeMap<usize, Vec<Order>> =
            told.iter().map(|(id, order)| (*id, vec![*order])).collect();
        for (&by, &order) in &told {
            let others: Vec<usize> = lieutenants.iter().copied().filter(|id| *id != by).collect();
            let further = [way, &[by]].concat();
            for (to, order) in self.om(rounds - 1, &further, order, &others) {
                voices.entry(to).or_default().push(order);
            }
        }
        voices.into_iter().map(|(id, voices)| (id, self.majority(&voices))).collect()
    }

    /// The first voice is the commander's.
    fn majority(&self, voices: &[Order]) -> Order {
        let attack = voices.iter().filter(|attack| **attack).count();
        match attack.cmp(&(voices.len() - attack)) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => match self.tie {
                Tie::Retreat => false,
                Tie::Attack => true,
                Tie::Commander => voices.first().copied().unwrap_or_default(),
            },
        }
    }
}

/// Whether the loyal ones agree (IC1), and obey a loyal commander (IC2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// All loyal lieutenants go by the same order.
    pub ic1: bool,
    /// If the commander is loyal, by his.
    pub ic2: bool,
}

/// Judges what lieutenants go by.
pub fn judge(
    goes_by: &BTreeMap<usize, Order>,
    traitors: &BTreeSet<usize>,
    order: Order,
) -> Verdict {
    let loyal = goes_by.iter().filter(|(id, _)| !traitors.contains(id)).map(|(_, order)| *order);
    let orders: BTreeSet<Order> = loyal.collect();
    let obeyed = orders.iter().all(|it| *it == order);
    Verdict { ic1: orders.len() <= 1, ic2: traitors.contains(&0) || obeyed }
}

/// How many messages OM(`rounds`) takes among so many generals.
pub fn messages(generals: u64, rounds: u64) -> u64 {
    let mut sum = 0;
    let mut ways = 1;
    for hop in 1..=rounds.saturating_add(1).min(generals) {
        ways *= generals - hop;
        sum += ways;
    }
    sum
}

/// Whether three generals can bear one traitor with some rule. Gives how many pairs of rules there are, and how many hold.
///
/// A lieutenant of three hears two words, the commander's and the other's of what the commander said: so there are 16
/// rules, and 256 pairs for the two lieutenants. Each pair is tried with each general as the traitor, with all he can say.
pub fn no_rule_for_three() -> (usize, usize) {
    let obey = |rule: usize, own: Order, heard: Order| {
        rule >> (2 * usize::from(own) + usize::from(heard)) & 1 == 1
    };
    let holds = |rules: (usize, usize)| {
        let cases = (0..8).map(|bits| [bits & 1 == 1, bits & 2 == 2, bits & 4 == 4]);
        cases.into_iter().all(|[order, lie, told_second]| {
            // The commander is the traitor: he says `order` to the first and `told_second` to the second.
            let split = obey(rules.0, order, told_second) == obey(rules.1, told_second, order);
            // The second or the first lieutenant is, and passes on `lie`.
            split && obey(rules.0, order, lie) == order && obey(rules.1, order, lie) == order
        })
    };
    let pairs = (0..16).flat_map(|first| (0..16).map(move |second| (first, second)));
    (256, pairs.filter(|rules| holds(*rules)).count())
}

/// How many of some runs were as wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    /// All of them.
    pub runs: u64,
    /// In which loyal lieutenants parted.
    pub ic1_broken: u64,
    /// In which they did not obey a loyal commander.
    pub ic2_broken: u64,
}

impl Score {
    fn add(&mut self, verdict: Verdict) {
        self.runs += 1;
        self.ic1_broken += u64::from(!verdict.ic1);
        self.ic2_broken += u64::from(!verdict.ic2);
    }
}

/// A group of generals, and how its traitors lie.
#[derive(Debug, Default)]
pub struct Army {
    names: Vec<String>,
    traitors: BTreeSet<usize>,
    rounds: usize,
    order: Order,
    tie: Tie,
    lies: BTreeMap<Vec<usize>, Order>,
    score: Option<Score>,
}

impl Army {
    /// So many generals, of whom these are traitors, who run OM(`rounds`).
    pub fn new(generals: usize, traitors: &[usize], rounds: usize) -> Self {
        let lieutenant = |id: usize| if id == 0 { "C".to_owned() } else { format!("L{id}") };
        let names = (0..generals).map(lieutenant).collect();
        let traitors = traitors.iter().copied().collect();
        Self { names, traitors, rounds, ..Self::default() }
    }

    /// Runs it once. What a traitor says comes from `lie`, which is given the way, the receiver, and the truth.
    pub fn run(
        &self,
        order: Order,
        lie: &mut dyn FnMut(&[usize], usize, Order) -> Order,
    ) -> (BTreeMap<usize, Order>, u64) {
        let lieutenants: Vec<usize> = (1..self.names.len()).collect();
        let mut says = |way: &[usize], to: usize, truth: Order| {
            let by = way.last().is_some_and(|by| self.traitors.contains(by));
            if by { lie(way, to, truth) } else { truth }
        };
        let mut run = Run { says: &mut says, tie: self.tie, messages: 0 };
        let goes_by = run.om(self.rounds, &[0], order, &lieutenants);
        (goes_by, run.messages)
    }

    fn verdict(
        &self,
        order: Order,
        lie: &mut dyn FnMut(&[usize], usize, Order) -> Order,
    ) -> Verdict {
        judge(&self.run(order, lie).0, &self.traitors, order)
    }

    /// How many messages so many runs take.
    fn work(&self, runs: u64) -> u64 {
        runs.saturating_mul(messages(self.names.len() as u64, self.rounds as u64))
    }

    /// How many messages the traitors send.
    fn lies_told(&self) -> usize {
        let mut told = 0;
        self.run(true, &mut |_, _, truth| {
            told += 1;
            truth
        });
        told
    }

    /// Every lie with either order.
    ///
    /// # Errors
    /// There are too many.
    pub fn exhaust(&self) -> Result<Score, String> {
        let told = self.lies_told();
        if told > EXHAUSTED_MAX || self.work(2 << told) > WORK_MAX {
            return Err(format!(
                "the traitors send {told} messages, and what they could say is too much to exhaust: `draw` lies instead"
            ));
        }
        let mut score = Score::default();
        for order in [true, false] {
            for lies in 0..1_u32 << told {
                let mut next = 0;
                score.add(self.verdict(order, &mut |_, _, _| {
                    next += 1;
                    lies >> (next - 1) & 1 == 1
                }));
            }
        }
        Ok(score)
    }

    /// Lies that are drawn: each traitor's message is a coin of its own.
    pub fn draw(&self, runs: u64, seed: u64) -> Score {
        let mut dice = Dice::new(seed, "lies of generals");
        let mut score = Score::default();
        for _ in 0..runs {
            let order = dice.below(2) == 1;
            score.add(self.verdict(order, &mut |_, _, _| dice.below(2) == 1));
        }
        score
    }

    fn name(&self, id: usize) -> &str {
        self.names.get(id).map_or("?", String::as_str)
    }

    fn id(&self, name: &str) -> Result<usize, String> {
        let found = self.names.iter().position(|it| it == name);
        found.ok_or_else(|| format!("there is no general `{name}`"))
    }

    /// Exactly who lies on a way may lie: its last but one.
    fn lie(&mut self, way: &str, order: &str) -> Result<(), String> {
        let ids = way.split('>').map(|name| self.id(name)).collect::<Result<Vec<usize>, _>>()?;
        let by = ids.iter().rev().nth(1).ok_or("a way has a sender and a receiver, as in C>L1")?;
        if !self.traitors.contains(by) {
            return Err(format!("{} is loyal", self.name(*by)));
        }
        let distinct: BTreeSet<&usize> = ids.iter().collect();
        if ids.first() != Some(&0) || distinct.len() != ids.len() || ids.len() > self.rounds + 2 {
            return Err(format!("in OM({}) nothing goes on the way {way}", self.rounds));
        }
        self.lies.insert(ids, parse(order)?);
        Ok(())
    }

    /// Runs the story's own lies, and tells every message.
    fn tell(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        let lies = &self.lies;
        let mut sent: Vec<(Vec<usize>, usize, Order)> = Vec::new();
        let lieutenants: Vec<usize> = (1..self.names.len()).collect();
        let mut says = |way: &[usize], to: usize, truth: Order| {
            let said = lies.get(&[way, &[to]].concat()).copied().unwrap_or(truth);
            sent.push((way.to_vec(), to, said));
            said
        };
        let mut run = Run { says: &mut says, tie: self.tie, messages: 0 };
        let goes_by = run.om(self.rounds, &[0], self.order, &lieutenants);
        let messages = run.messages;
        // By length of the way: first all orders, then all that is passed on.
        sent.sort_by_key(|(way, ..)| way.len());
        for (way, to, said) in &sent {
            let by = way.last().copied().unwrap_or_default();
            let about: Vec<&str> = way.iter().rev().skip(1).map(|id| self.name(*id)).collect();
            let about: Vec<String> = about.iter().map(|name| format!("{name} said ")).collect();
            let lie =
                if lies.contains_key(&[way.as_slice(), &[*to]].concat()) { " (a lie)" } else { "" };
            told.push(format!(
                "{} → {}: {}{}{lie}",
                self.name(by),
                self.name(*to),
                about.concat(),
                word(*said)
            ));
        }
        for (id, order) in &goes_by {
            match self.traitors.contains(id) {
                true => told.push(format!("{} is a traitor", self.name(*id))),
                false => told.push(format!("{} goes by: {}", self.name(*id), word(*order))),
            }
        }
        let verdict = judge(&goes_by, &self.traitors, self.order);
        let mut score = Score::default();
        score.add(verdict);
        self.score = Some(score);
        let says = |holds: bool| if holds { "holds" } else { "FAILS" };
        let ic2 = if self.traitors.contains(&0) { "has nothing to say" } else { says(verdict.ic2) };
        told.push(format!("{messages} messages; IC1 {}, IC2 {ic2}", says(verdict.ic1)));
        told
    }

    fn summary(&mut self, score: Score) -> String {
        self.score = Some(score);
        let Score { runs, ic1_broken, ic2_broken } = score;
        format!("{runs} runs: IC1 fails in {ic1_broken}, IC2 in {ic2_broken}")
    }

    /// Every set of as many traitors as there are now.
    fn exhaust_others(&mut self) -> Outcome {
        let mut told = Vec::new();
        let mut sum = Score::default();
        let own = self.traitors.clone();
        for set in 0_u32..1 << self.names.len() {
            if set.count_ones() as usize != own.len() {
                continue;
            }
            self.traitors = (0..self.names.len()).filter(|id| set >> id & 1 == 1).collect();
            let names: Vec<&str> = self.traitors.iter().map(|id| self.name(*id)).collect();
            let names = names.join(" ");
            let score = self.exhaust();
            let Ok(score) = score else {
                self.traitors = own;
                return Err(score.err().unwrap_or_default());
            };
            told.push(format!("traitors {names}: {}", self.summary(score)));
            if self.work(sum.runs + score.runs) > WORK_MAX {
                self.traitors = own;
                return Err("that is too much to exhaust: name the traitors".into());
            }
            sum.runs += score.runs;
            sum.ic1_broken += score.ic1_broken;
            sum.ic2_broken += score.ic2_broken;
        }
        self.traitors = own;
        self.score = Some(sum);
        Ok(told)
    }

    fn expect(&self, which: &str, holds: &str) -> Result<(), String> {
        let score = self.score.ok_or("nothing was run yet")?;
        let broken = match which {
            "IC1" => score.ic1_broken,
            "IC2" => score.ic2_broken,
            _ => return Err("it is IC1 or IC2".into()),
        };
        let due = match holds {
            "holds" => true,
            "fails" => false,
            _ => return Err("it `holds` or `fails`".into()),
        };
        let is = format!("{which} fails in {broken} of {} runs", score.runs);
        ((broken == 0) == due).then_some(()).ok_or(is)
    }
}

fn parse(order: &str) -> Result<Order, String> {
    match order {
        "attack" => Ok(true),
        "retreat" => Ok(false),
        _ => Err(format!("`{order}` is no order: attack or retreat")),
    }
}

fn table(generals: &str, rounds: &str) -> Outcome {
    let (generals, rounds) = (range(generals, 2, 40)?, range(rounds, 0, 6)?);
    let row = |cells: Vec<String>| {
        cells.into_iter().map(|cell| format!("{cell:>12}")).collect::<String>()
    };
    let titles = rounds.clone().map(|m| format!("OM({m})")).collect();
    let mut told = vec![format!("{:>4}{}", "n", row(titles))];
    for n in generals {
        // What does not bear its m traitors is in brackets.
        let cell = |m: u64| {
            let count = messages(n, m);
            if n > 3 * m { count.to_string() } else { format!("({count})") }
        };
        told.push(format!("{n:>4}{}", row(rounds.clone().map(cell).collect())));
    }
    Ok(told)
}

impl Story for Army {
    fn act(&mut self, words: &[&str]) -> Outcome {
        match words {
            ["generals", names @ ..] => {
                if !(2..=GENERALS_MAX).contains(&names.len()) {
                    return Err(format!("a story has 2 to {GENERALS_MAX} generals"));
                }
                let distinct: BTreeSet<&&str> = names.iter().collect();
                if distinct.len() != names.len() {
                    return Err("two generals have one name".into());
                }
                *self = Self {
                    names: names.iter().map(|it| (*it).to_owned()).collect(),
                    ..Self::default()
                };
            }
            ["traitors", names @ ..] => {
                self.traitors = names.iter().map(|name| self.id(name)).collect::<Result<_, _>>()?;
                self.lies.clear();
            }
            ["rounds", rounds] => {
                self.rounds = number(rounds, 0, ROUNDS_MAX)?;
                self.lies.clear();
            }
            ["order", order] => self.order = parse(order)?,
            ["tie", "retreat"] => self.tie = Tie::Retreat,
            ["tie", "attack"] => self.tie = Tie::Attack,
            ["tie", "commander"] => self.tie = Tie::Commander,
            ["lie", way, order] => self.lie(way, order)?,
            ["run"] => {
                self.somebody()?;
                return Ok(self.tell());
            }
            ["exhaust"] => {
                self.somebody()?;
                let score = self.exhaust()?;
                return Ok(vec![self.summary(score)]);
            }
            ["exhaust", "others"] => {
                self.somebody()?;
                return self.exhaust_others();
            }
            ["draw", runs, "seed", seed] => {
                self.somebody()?;
                let runs = number(runs, 1, WORK_MAX / self.work(1).max(1))?;
                let score = self.draw(runs, number(seed, 0, u64::MAX)?);
                return Ok(vec![self.summary(score)]);
            }
            ["three"] => {
                let (pairs, hold) = no_rule_for_three();
                return Ok(vec![format!(
                    "{pairs} pairs of rules for two lieutenants: {hold} bear every traitor"
                )]);
            }
            ["table", generals, rounds] => return table(generals, rounds),
            ["expect", which, holds] => self.expect(which, holds)?,
            _ => return Err("no line of the generals; they are listed in docs/classics.md".into()),
        }
        Ok(Vec::new())
    }
}

impl Army {
    fn somebody(&self) -> Result<(), String> {
        let there = !self.names.is_empty();
        there.then_some(()).ok_or_else(|| "there are no generals yet: `generals C L1 L2`".into())
    }
}

#[cfg(test)]
#[path = "generals_tests.rs"]
mod tests;
