//! The synod: Paxos for one value.
//!
//! After Lamport, *Paxos Made Simple* (2001), section 2, and the specifications `Voting.tla` and `Paxos.tla`.
//! *Proposers* want a value, *acceptors* vote, a *learner* counts. A proposer opens a *ballot*, of which it alone has the
//! number, in two phases:
//!
//! 1. It asks the acceptors to *promise* that they take part in no lower ballot from now on. Each says what it accepted
//!    last. A majority of promises is needed.
//! 2. If none of these accepted anything, the proposer may ask for its own value; otherwise it has to ask for the value
//!    of the highest ballot among those that they named. An acceptor *accepts* unless it promised a higher ballot since.
//!
//! What a majority accepts in one ballot is *chosen*, and every higher ballot asks for the same: two majorities have an
//! acceptor in common, and it would have told. Lectures put it as bribery: a number is a bribe, an officer takes any that
//! is higher than the last one, and honour demands that he names the order that he was last paid for.
//!
//! Promises and votes are kept on disk before they are spoken of. A machine here is a function of its state and a
//! message; [`Synod`] carries messages between them in any order, loses and doubles them, and looks after each step whether
//! what the specification promises still holds.
//!
//! Deviation: an acceptor that promised a higher ballot says so (the paper's section 2.2 recommends it), and a proposer's
//! next ballot is above all that it heard of.
//!
//! | line of a story | what happens |
//! |---|---|
//! | `acceptors A1 A2 A3` | these vote |
//! | `proposer P1 red` | P1 wants the value red |
//! | `prepare P1` | P1 opens its next ballot |
//! | `deliver A1,A2->P1`, `deliver all` | what is in flight from these to those arrives, oldest first; everything, and what is answered |
//! | `drop P1->A3`, `double P1->A1` | is lost; is on its way twice |
//! | `crash A1`, `restart A1`, `restart A1 empty` | an acceptor stops; comes back with what it kept; without it |
//! | `show`, `flight` | the machines; what is on its way |
//! | `expect chosen red`, `expect nothing chosen`, `expect broken`, `expect sound` | of the learner; of the specification |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Outcome, Story};

/// Machines in a story at most: it is there to be read.
const MACHINES_MAX: usize = 9;
/// Messages in flight at most, so that a story of many ballots stays one of a moment.
const FLIGHT_MAX: usize = 1000;
/// Ballots that one proposer opens at most: every step looks at all votes of all ballots again.
const ROUNDS_MAX: u32 = 50;

/// The learner's name.
const LEARNER: &str = "L";

/// What number a ballot has. No two proposers have the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ballot {
    /// Compared first.
    pub round: u32,
    /// Whose it is.
    pub proposer: String,
}

impl fmt::Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.round, self.proposer)
    }
}

/// A value in a ballot: asked for, or accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// Where.
    pub ballot: Ballot,
    /// What for.
    pub value: String,
}

impl fmt::Display for Vote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.value, self.ballot)
    }
}

/// What machines say. The names in brackets are those of `Paxos.tla`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Take part in this ballot and in none below (1a).
    Prepare(Ballot),
    /// I do, and this is what I accepted last (1b).
    Promise(Ballot, Option<Vote>),
    /// Accept this (2a).
    Accept(Vote),
    /// I did (2b).
    Accepted(Vote),
    /// Not in the first one: I promised the second.
    Refuse(Ballot, Ballot),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prepare(ballot) => write!(f, "prepare {ballot}"),
            Self::Promise(ballot, None) => write!(f, "promise {ballot}, accepted nothing"),
            Self::Promise(ballot, Some(vote)) => write!(f, "promise {ballot}, accepted {vote}"),
            Self::Accept(vote) => write!(f, "accept {vote}"),
            Self::Accepted(vote) => write!(f, "accepted {vote}"),
            Self::Refuse(ballot, promised) => write!(f, "not {ballot}: promised {promised}"),
        }
    }
}

/// Votes. All of its state is on disk before it answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acceptor {
    /// The highest ballot it takes part in (`maxBal`).
    pub promised: Option<Ballot>,
    /// What it accepted last (`maxVBal`, `maxVal`).
    pub accepted: Option<Vote>,
}

impl Acceptor {
    /// Answers [`Message::Prepare`] and [`Message::Accept`]; nothing else, and no ballot that it promised already.
    pub fn hear(&mut self, message: &Message) -> Option<Message> {
        match message {
            Message::Prepare(ballot) if self.promised.as_ref() < Some(ballot) => {
                self.promised = Some(ballot.clone());
                Some(Message::Promise(ballot.clone(), self.accepted.clone()))
            }
            // Equal is good enough: the promise was to take part.
            Message::Accept(vote) if self.promised.as_ref() <= Some(&vote.ballot) => {
                self.promised = Some(vote.ballot.clone());
                self.accepted = Some(vote.clone());
                Some(Message::Accepted(vote.clone()))
            }
            Message::Prepare(ballot) | Message::Accept(Vote { ballot, .. }) => {
                let promised = self.promised.clone().filter(|promised| promised != ballot)?;
                Some(Message::Refuse(ballot.clone(), promised))
            }
            _ => None,
        }
    }
}

/// Wants a value, and asks for another one if it has to.
#[derive(Debug, Clone)]
pub struct Proposer {
    name: String,
    wants: String,
    /// The highest round it heard of. On disk: no number is ever used twice.
    round: u32,
    /// Its ballot, and who promised, having accepted what.
    ballot: Option<Ballot>,
    promises: BTreeMap<String, Option<Vote>>,
    /// What it asks for in its ballot.
    asks: Option<String>,
}

impl Proposer {
    /// One that wants a value.
    pub fn new(name: &str, wants: &str) -> Self {
        let (name, wants) = (name.to_owned(), wants.to_owned());
        Self { name, wants, round: 0, ballot: None, promises: BTreeMap::new(), asks: None }
    }

    /// Opens its next ballot: phase 1.
    pub fn prepare(&mut self) -> Message {
        self.round += 1;
        let ballot = Ballot { round: self.round, proposer: self.name.clone() };
        self.ballot = Some(ballot.clone());
        self.promises.clear();
        self.asks = None;
        Message::Prepare(ballot)
    }

    /// Counts promises. With a majority comes [`Message::Accept`], once a ballot: phase 2.
    pub fn hear(&mut self, from: &str, message: &Message, majority: usize) -> Option<Message> {
        match message {
            Message::Promise(ballot, accepted) if self.ballot.as_ref() == Some(ballot) => {
                self.promises.insert(from.to_owned(), accepted.clone());
                if self.promises.len() < majority || self.asks.is_some() {
                    return None;
                }
                let votes = self.promises.values().flatten();
                let highest = votes.max_by_key(|vote| &vote.ballot);
                let value = highest.map_or(&self.wants, |vote| &vote.value).clone();
                self.asks = Some(value.clone());
                Some(Message::Accept(Vote { ballot: ballot.clone(), value }))
            }
            Message::Refuse(_, promised) => {
                self.round = self.round.max(promised.round);
                None
            }
            _ => None,
        }
    }
}

/// Counts who accepted what, each ballot for itself.
#[derive(Debug, Clone, Default)]
pub struct Learner {
    votes: BTreeMap<Ballot, BTreeSet<String>>,
    /// What is chosen, as soon as it knows.
    pub chosen: Option<Vote>,
}

impl Learner {
    /// Counts; says what is chosen when it learns that.
    pub fn hear(&mut self, from: &str, message: &Message, majority: usize) -> Option<Vote> {
        let Message::Accepted(vote) = message else { return None };
        let voters = self.votes.entry(vote.ballot.clone()).or_default();
        voters.insert(from.to_owned());
        let news = voters.len() >= majority && self.chosen.is_none();
        news.then(|| self.chosen.insert(vote.clone()).clone())
    }
}

/// A message on its way.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Who says it.
    pub from: String,
    /// To whom.
    pub to: String,
    /// What.
    pub message: Message,
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}: {}", self.from, self.to, self.message)
    }
}

/// Proposers, acceptors, a learner, what lies between them, and all that was ever said.
#[derive(Debug, Default)]
pub struct Synod {
    proposers: BTreeMap<String, Proposer>,
    acceptors: BTreeMap<String, Acceptor>,
    /// Acceptors that are down.
    down: BTreeSet<String>,
    learner: Learner,
    /// What is on its way, oldest first.
    pub flight: Vec<Letter>,
    asked: Vec<Vote>,
    promises: Vec<(String, Ballot, Option<Vote>)>,
    votes: Vec<(String, Vote)>,
    /// What was found broken already.
    broken: BTreeSet<String>,
}

impl Synod {
    /// More than half of the acceptors.
    pub fn majority(&self) -> usize {
        self.acceptors.len() / 2 + 1
    }

    /// What the learner takes for chosen.
    pub fn chosen(&self) -> Option<&Vote> {
        self.learner.chosen.as_ref()
    }

    /// Lets a proposer open its next ballot.
    ///
    /// # Errors
    /// There is none of this name, or it tried often enough.
    pub fn prepare(&mut self, proposer: &str) -> Result<(), String> {
        let found = self.proposers.get_mut(proposer);
        let found = found.ok_or_else(|| unknown("proposer", proposer))?;
        if found.round >= ROUNDS_MAX {
            return Err(format!("{proposer} opened {ROUNDS_MAX} ballots: that is enough"));
        }
        let message = found.prepare();
        self.tell_acceptors(proposer, &message);
        Ok(())
    }

    /// Delivers one message of those in flight; gives what came of it, a line each.
    pub fn deliver(&mut self, place: usize) -> Vec<String> {
        let letter = self.flight.remove(place);
        let Letter { from, to, message } = &letter;
        let mut told = vec![letter.to_string()];
        let majority = self.majority();
        if self.down.contains(to) {
            told.push(format!("{to} is down"));
        } else if let Some(acceptor) = self.acceptors.get_mut(to) {
            match acceptor.hear(message) {
                Some(answer) => self.answer(to, from, answer),
                None => told.push(format!("{to} promised that already")),
            }
        } else if let Some(proposer) = self.proposers.get_mut(to) {
            let wants = proposer.wants.clone();
            match proposer.hear(from, message, majority) {
                Some(Message::Accept(vote)) if vote.value != wants => {
                    let adopts = format!("{to} wanted {wants} and has to adopt {}", vote.value);
                    told.push(adopts);
                    self.tell_acceptors(to, &Message::Accept(vote));
                }
                Some(answer) => {
                    told.push(format!("{to} may ask for what it wants: {wants}"));
                    self.tell_acceptors(to, &answer);
                }
                None => {}
            }
        } else if let Some(vote) = self.learner.hear(from, message, majority) {
            told.push(format!("chosen: {vote}"));
        }
        told
    }

    /// A crash stops an acceptor; its disk keeps what it promised and accepted.
    pub fn crash(&mut self, acceptor: &str) {
        self.down.insert(acceptor.to_owned());
    }

    /// Lets an acceptor go on with what it kept, or with an `empty` disk.
    pub fn restart(&mut self, acceptor: &str, empty: bool) {
        self.down.remove(acceptor);
        if let Some(acceptor) = self.acceptors.get_mut(acceptor).filter(|_| empty) {
            *acceptor = Acceptor::default();
        }
    }

    fn tell_acceptors(&mut self, from: &str, message: &Message) {
        if let Message::Accept(vote) = message {
            self.asked.push(vote.clone());
        }
        let letter = |to: &String| Letter {
            from: from.to_owned(),
            to: to.clone(),
            message: message.clone(),
        };
        self.flight.extend(self.acceptors.keys().map(letter));
    }

    /// An acceptor's answer is remembered for the checks. Votes go to the learner.
    fn answer(&mut self, by: &str, to: &str, message: Message) {
        let to = match &message {
            Message::Accepted(vote) => {
                let vote = (by.to_owned(), vote.clone());
                if !self.votes.contains(&vote) {
                    self.votes.push(vote);
                }
                LEARNER
            }
            Message::Promise(ballot, accepted) => {
                self.promises.push((by.to_owned(), ballot.clone(), accepted.clone()));
                to
            }
            _ => to,
        };
        self.flight.push(Letter { from: by.to_owned(), to: to.to_owned(), message });
    }

    /// What of the specification does not hold of all that was said so far; what was given before is not given again.
    pub fn violations(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        // OneValuePerBallot
        for (place, vote) in self.asked.iter().enumerate() {
            let mut before = self.asked[..place].iter();
            if let Some(other) =
                before.find(|it| it.ballot == vote.ballot && it.value != vote.value)
            {
                found.push(format!("two values in one ballot: {other}, {vote}"));
            }
        }
        // 1b is the truth: what it names was accepted, and nothing between that and the ballot of the promise.
        for (by, ballot, named) in &self.promises {
            let own = self.votes.iter().filter(|(voter, _)| voter == by).map(|(_, vote)| vote);
            let below = own.filter(|vote| vote.ballot < *ballot);
            let last = below.max_by_key(|vote| &vote.ballot);
            if last != named.as_ref()
                && let Some(last) = last
            {
                found.push(format!("{by} conceals from {ballot} that it accepted {last}"));
            }
        }
        // VotesSafe: no other value than a vote's can have been chosen below it, or will be.
        for (by, vote) in &self.votes {
            let ballots = self.promises.iter().map(|(_, ballot, _)| ballot);
            let below: BTreeSet<&Ballot> = ballots.filter(|it| **it < vote.ballot).collect();
            if let Some(below) = below.iter().find(|below| !self.settled(below, &vote.value)) {
                let text = format!("{by} accepted {vote}, while {below} could choose another");
                found.push(text);
            }
        }
        // Agreement, which follows from these.
        let chosen: BTreeSet<&str> = self.all_chosen().map(|vote| vote.value.as_str()).collect();
        if chosen.len() > 1 {
            let values: Vec<&str> = chosen.into_iter().collect();
            found.push(format!("several values are chosen: {}", values.join(" and ")));
        }
        found.retain(|text| self.broken.insert(text.clone()));
        found
    }

    /// `NoneOtherChoosableAt`: a majority voted for this value in the ballot, or did not vote there and never will.
    fn settled(&self, ballot: &Ballot, value: &str) -> bool {
        let fixed = self.acceptors.iter().filter(|(name, acceptor)| {
            let mut votes =
                self.votes.iter().filter(|(by, vote)| by == *name && vote.ballot == *ballot);
            match votes.next() {
                Some((_, vote)) => vote.value == value,
                None => acceptor.promised.as_ref() > Some(ballot),
            }
        });
        fixed.count() >= self.majority()
    }

    /// What is chosen, whoever knows.
    fn all_chosen(&self) -> impl Iterator<Item = &Vote> {
        self.votes.iter().map(|(_, vote)| vote).filter(|vote| {
            let voters = self.votes.iter().filter(|(_, other)| other == *vote);
            let voters: BTreeSet<&String> = voters.map(|(by, _)| by).collect();
            voters.len() >= self.majority()
        })
    }

    fn places(&self, ways: &[&str]) -> Result<Vec<usize>, String> {
        if ways.is_empty() {
            return Err("say which way: FROM->TO".into());
        }
        let mut places = BTreeSet::new();
        for way in ways {
            let (from, to) = way.split_once("->").ok_or("a way is written FROM->TO")?;
            let on = |names: &str, name: &str| names.split(',').any(|it| it == name);
            let matching = self
                .flight
                .iter()
                .enumerate()
                .filter(|(_, it)| on(from, &it.from) && on(to, &it.to));
            let found: Vec<usize> = matching.map(|(place, _)| place).collect();
            if found.is_empty() {
                return Err(format!("nothing is in flight on {way}"));
            }
            places.extend(found);
        }
        Ok(places.into_iter().collect())
    }

    fn join(&mut self, name: &str) -> Result<(), String> {
        let machines = self.proposers.len() + self.acceptors.len();
        if machines >= MACHINES_MAX {
            return Err(format!("a story has {MACHINES_MAX} machines at most"));
        }
        if name == LEARNER || self.proposers.contains_key(name) || self.acceptors.contains_key(name)
        {
            return Err(format!("there is a machine `{name}` already"));
        }
        Ok(())
    }

    fn known(&self, acceptor: &str) -> Result<(), String> {
        let known = self.acceptors.contains_key(acceptor);
        known.then_some(()).ok_or_else(|| unknown("acceptor", acceptor))
    }

    fn show(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for (name, proposer) in &self.proposers {
            let ballot = proposer.ballot.as_ref().map_or("no ballot yet".into(), |it| {
                format!("ballot {it}, promised by {}", proposer.promises.len())
            });
            let asks = proposer.asks.as_ref().map(|value| format!(", asks for {value}"));
            lines.push(format!(
                "{name}: wants {}, {ballot}{}",
                proposer.wants,
                asks.unwrap_or_default()
            ));
        }
        for (name, Acceptor { promised, accepted }) in &self.acceptors {
            let promised = promised.as_ref().map_or("nothing".into(), Ballot::to_string);
            let accepted = accepted.as_ref().map_or("nothing".into(), Vote::to_string);
            let down = if self.down.contains(name) { " (down)" } else { "" };
            lines.push(format!("{name}: promised {promised}, accepted {accepted}{down}"));
        }
        let chosen = self.chosen().map_or("nothing chosen".into(), |vote| format!("chosen {vote}"));
        lines.push(format!("{LEARNER}: {chosen}"));
        lines
    }

    fn expect(&self, words: &[&str]) -> Result<(), String> {
        let chosen = self.chosen().map(|vote| vote.value.as_str());
        let holds = match words {
            ["chosen", value] => chosen == Some(value),
            ["nothing", "chosen"] => chosen.is_none(),
            ["broken"] => !self.broken.is_empty(),
            ["sound"] => self.broken.is_empty(),
            _ => return Err("expect `chosen VALUE`, `nothing chosen`, `broken` or `sound`".into()),
        };
        let broken = self.broken.iter().next().map_or("sound".to_owned(), String::clone);
        let is = format!("chosen is {}, and it is {broken}", chosen.unwrap_or("nothing"));
        holds.then_some(()).ok_or(is)
    }
}

fn unknown(kind: &str, name: &str) -> String {
    format!("there is no {kind} `{name}`")
}

impl Story for Synod {
    fn act(&mut self, words: &[&str]) -> Outcome {
        let mut told = Vec::new();
        match words {
            ["acceptors", names @ ..] => {
                for name in names {
                    self.join(name)?;
                    self.acceptors.insert((*name).to_owned(), Acceptor::default());
                }
            }
            ["proposer", name, value] => {
                self.join(name)?;
                self.proposers.insert((*name).to_owned(), Proposer::new(name, value));
            }
            ["prepare", proposer] => {
                let before = self.flight.len();
                self.prepare(proposer)?;
                told.extend(
                    self.flight[before..].iter().map(|letter| format!("in flight: {letter}")),
                );
            }
            ["deliver", "all"] => {
                while !self.flight.is_empty() {
                    told.extend(self.deliver(0));
                }
            }
            ["deliver", ways @ ..] => {
                for (gone, place) in self.places(ways)?.into_iter().enumerate() {
                    told.extend(self.deliver(place - gone));
                }
            }
            ["drop", ways @ ..] => {
                for (gone, place) in self.places(ways)?.into_iter().enumerate() {
                    told.push(format!("{} (lost)", self.flight.remove(place - gone)));
                }
            }
            ["double", ways @ ..] => {
                let copies = self.places(ways)?.into_iter().map(|place| self.flight[place].clone());
                let copies: Vec<Letter> = copies.collect();
                self.flight.extend(copies);
            }
            ["crash", acceptor] => {
                self.known(acceptor)?;
                self.crash(acceptor);
            }
            ["restart", acceptor, how @ ..] => {
                self.known(acceptor)?;
                let empty = match how {
                    [] => false,
                    ["empty"] => true,
                    _ => return Err("it restarts as it was, or `empty`".into()),
                };
                self.restart(acceptor, empty);
            }
            ["show"] => told.extend(self.show()),
            ["flight"] => told.extend(self.flight.iter().map(Letter::to_string)),
            ["expect", rest @ ..] => self.expect(rest)?,
            _ => return Err("no line of the synod; they are listed in docs/classics.md".into()),
        }
        if self.flight.len() > FLIGHT_MAX {
            return Err(format!("more than {FLIGHT_MAX} messages are in flight: deliver some"));
        }
        told.extend(self.violations().into_iter().map(|text| format!("BROKEN: {text}")));
        Ok(told)
    }
}

#[cfg(test)]
#[path = "synod_tests.rs"]
mod tests;
