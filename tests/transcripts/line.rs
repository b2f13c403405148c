//! Protocols on the stage that put drafts in a line: Raft and Multi-Paxos.
//!
//! | line | what happens |
//! |---|---|
//! | `nodes S1 S2 S3` | these run and vote; `learners S4` run and do not |
//! | `lead S1` | S1 is elected, and everything arrives that is said then; only what came of it is told |
//! | `elapse S1` | what S1 waits for does not come: its first clock runs out |
//! | `beat S1` | S1 sends heartbeats |
//! | `propose S1 WHAT [+S4 \| -S4]` | S1 puts a draft on its log, which adds or removes a voter; what is said of it is the protocol's |
//! | `deliver S1->S2 [last \| only]` | what is in flight on this way arrives, all, the newest or the oldest of it |
//! | `deliver all` | everything arrives, and whatever is said about it |
//! | `drop S1->S2 [last \| only]`, `double S1->S2` | is lost; the oldest comes twice |
//! | `cut S1 S2 \| S3`, `heal` | only those within a part hear each other |
//! | `crash S1`, `restart S1` | a crash forgets what was not kept; its disk is quick again |
//! | `slow S1`, `flush S1 [n]` | S1's disk writes nothing until it is told; n things, or all |
//! | `read S1`, `fetch S2 from S1` | a read begins; S2 fetches sealed blocks |
//! | `show`, `flight` | all machines; everything in flight |
//! | `expect S1 WORDS`, `expect not S1 WORDS` | whether its line has these words |
//!
//! After each line what must hold always of the protocol is looked at.

use std::collections::BTreeMap;

use assay::consensus::authorities::Authorities;
use assay::consensus::log::{Effect, Entry, Log, LogCore, Ref, Sealer};
use assay::consensus::{AuthorityId, DropReason, Point};
use assay::types::{BlockId, Hash, Height, decode, encode, sha256d};

#[path = "../../src/consensus/log/tests/group.rs"]
#[allow(dead_code, reason = "model checkers use more of it")]
pub(crate) mod group;
#[path = "line/telling.rs"]
mod telling;

use self::group::{Group, Node, Note, Protocol};
pub(crate) use self::telling::Names;
use crate::runner;

pub(crate) type Outcome = Result<Vec<String>, String>;
type Letter<C> = group::Letter<<C as LogCore>::Message>;

/// How a protocol speaks, and what only it can do.
pub(crate) trait Words: Protocol {
    /// What it calls decided.
    const DECIDED: &'static str;
    /// What it calls the message that tells of sealed blocks.
    const SEALED: &'static str;

    /// What an entry is called, if that follows from what it is.
    fn called(entry: &Entry) -> Option<String>;

    /// A message.
    fn message(names: &Names, message: &Self::Message) -> String;

    /// What it promised, as it is kept.
    fn kept_words(kept: &Self::Kept) -> String;

    /// What is kept with a draft.
    fn mark_words(mark: &Self::Mark) -> String;

    /// What somebody does who hears that these are decided.
    fn decided(points: &str, by: &Sealer) -> String;

    /// What it is and whom it follows; all that its line says but its log.
    fn state(&self) -> String;

    /// A leader proposes what the line says, with this change of voters; nothing if it may not.
    fn put(
        stage: &mut Stage<Self>,
        of: AuthorityId,
        words: &[&str],
        voters: Option<Authorities>,
    ) -> Result<bool, String>;

    /// A line that means something to this protocol alone; nothing if it does not.
    fn act(stage: &mut Stage<Self>, verb: &str, rest: &[&str]) -> Option<Outcome>;
}

/// The machines, and what was written about them last.
pub(crate) struct Stage<C: Words> {
    pub(crate) group: Group<C>,
    pub(crate) names: Names,
    lines: BTreeMap<AuthorityId, String>,
    /// Sent since the last line.
    sent: Vec<Letter<C>>,
    reads: u64,
    /// What can be answered as soon as so much is sealed.
    answers: Vec<(AuthorityId, u64, Height)>,
}

/// A machine by its name: names are short, and ids have room for them.
pub(crate) fn id(name: &str) -> Result<AuthorityId, String> {
    let mut bytes = [0; 21];
    let fits = !name.is_empty() && name.len() <= 20 && name.chars().all(char::is_alphanumeric);
    if !fits {
        return Err(format!("`{name}` is no name of a machine"));
    }
    bytes[1..=name.len()].copy_from_slice(name.as_bytes());
    decode(&bytes).map_err(|error| error.to_string())
}

pub(crate) fn name(id: AuthorityId) -> String {
    let bytes = encode(&id);
    let text = bytes.get(1..).unwrap_or_default().iter().take_while(|byte| **byte != 0);
    text.map(|byte| char::from(*byte)).collect()
}

fn way(text: &str) -> Result<(AuthorityId, AuthorityId), String> {
    let (from, to) = text.split_once("->").ok_or("a way is written FROM->TO")?;
    Ok((id(from)?, id(to)?))
}

impl<C: Words> runner::Stage for Stage<C> {
    fn new() -> Self {
        Self {
            group: Group::default(),
            names: Names::default(),
            lines: BTreeMap::new(),
            sent: Vec::new(),
            reads: 0,
            answers: Vec::new(),
        }
    }

    fn command(&mut self, line: &str) -> Outcome {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (verb, rest) = words.split_first().ok_or("nothing is said")?;
        let mut told = self.act(verb, rest)?;
        told.extend(self.changes());
        self.group.check()?;
        Ok(told)
    }
}

impl<C: Words> Stage<C> {
    fn act(&mut self, verb: &str, rest: &[&str]) -> Outcome {
        if let Some(outcome) = C::act(self, verb, rest) {
            let mut told = outcome?;
            told.extend(self.told());
            return Ok(told);
        }
        match (verb, rest) {
            ("nodes", names) => self.nodes(names)?,
            ("learners", names) => self.learners(names)?,
            ("lead", [of]) => {
                let of = self.up(of)?;
                self.group.step(of, C::elapsed);
                self.group.deliver_all();
                self.group.notes.clear();
            }
            ("elapse", [of]) => {
                let of = self.up(of)?;
                self.group.step(of, C::elapsed);
            }
            ("beat", [of]) => {
                let of = self.up(of)?;
                self.group.step(of, C::beat);
            }
            ("propose", [of, what @ ..]) => return self.propose(self.up(of)?, what),
            ("deliver", ["all"]) => return self.deliver_all(),
            ("deliver" | "drop", [on, which @ ..]) => {
                return self.move_letters(way(on)?, which, verb == "deliver");
            }
            ("double", [on]) => {
                let (from, to) = way(on)?;
                let found = self.group.flight.iter().find(|it| it.from == from && it.to == to);
                let copy = found.ok_or("nothing is in flight there")?.clone();
                self.group.flight.push(copy);
            }
            ("cut", parts) => self.cut(parts)?,
            ("heal", []) => self.group.parts.clear(),
            ("crash", [of]) => {
                let of = self.up(of)?;
                self.group.crash(of);
                self.answers.retain(|(by, ..)| *by != of);
            }
            ("restart", [of]) => match self.up(of) {
                Ok(_) => return Err("it is up".into()),
                Err(_) => self.restart(id(of)?),
            },
            ("slow", [of]) => self.anew(id(of)?, |node| node.slow = true)?,
            ("flush", [of]) => self.group.flush(id(of)?, usize::MAX),
            ("flush", [of, count]) => {
                let count = count.parse().map_err(|_| format!("`{count}` is no number"))?;
                self.group.flush(id(of)?, count);
            }
            ("read", [of]) => {
                self.reads += 1;
                let (of, number) = (self.up(of)?, self.reads);
                self.group.step(of, |core, out| core.read(number, out));
            }
            ("fetch", [to, "from", from]) => self.group.fetch(id(from)?, self.up(to)?),
            ("show", []) => self.lines.clear(),
            ("flight", []) => {
                self.learn_names();
                return Ok(self.group.flight.iter().map(|it| self.letter(it)).collect());
            }
            ("expect", ["not", of, words @ ..]) => self.expect(id(of)?, words, false)?,
            ("expect", [of, words @ ..]) => self.expect(id(of)?, words, true)?,
            _ => return Err("nobody knows what this means here".into()),
        }
        Ok(self.told())
    }

    pub(crate) fn up(&self, of: &str) -> Result<AuthorityId, String> {
        let id = id(of)?;
        self.group.core(id).map(|_| id).ok_or_else(|| format!("{of} is down"))
    }

    fn nodes(&mut self, names: &[&str]) -> Result<(), String> {
        let ids: Vec<AuthorityId> = names.iter().map(|name| id(name)).collect::<Result<_, _>>()?;
        self.group = Group::new(&ids, ids.iter().copied().collect());
        Ok(())
    }

    /// Its disk is quick again.
    fn restart(&mut self, of: AuthorityId) {
        if let Some(node) = self.group.nodes.get_mut(&of) {
            node.slow = false;
        }
        self.group.restart(of);
    }

    fn learners(&mut self, names: &[&str]) -> Result<(), String> {
        let voters = self.group.nodes.keys().copied().collect();
        let mut all: Vec<AuthorityId> = self.group.nodes.keys().copied().collect();
        for learner in names {
            all.push(id(learner)?);
        }
        self.group = Group::new(&all, voters);
        Ok(())
    }

    /// Starts a machine that was edited.
    pub(crate) fn anew(
        &mut self,
        of: AuthorityId,
        edit: impl FnOnce(&mut Node<C>),
    ) -> Result<(), String> {
        let node = self.group.nodes.get_mut(&of).ok_or("there is no such machine")?;
        edit(node);
        if !node.slow {
            self.group.crash(of);
            self.group.restart(of);
        }
        Ok(())
    }

    fn propose(&mut self, of: AuthorityId, what: &[&str]) -> Outcome {
        let is_change = |word: &&&str| word.starts_with(['+', '-']);
        let words: Vec<&str> = what.iter().filter(|word| !is_change(word)).copied().collect();
        let mut voters = None;
        for change in what.iter().filter(is_change) {
            let core = self.group.core(of).ok_or("it is down")?;
            let set = voters.get_or_insert_with(|| (*core.log().last().voters).clone());
            match change.split_at_checked(1) {
                Some(("+", who)) => drop(set.insert(id(who)?)),
                Some((_, who)) => drop(set.remove(&id(who)?)),
                None => {}
            }
        }
        match C::put(self, of, &words, voters)? {
            true => Ok(self.told()),
            false => Ok(vec![format!("{} may not", name(of))]),
        }
    }

    fn deliver_all(&mut self) -> Outcome {
        let mut told = Vec::new();
        for _ in 0..10_000 {
            if self.group.flight.is_empty() {
                return Ok(told);
            }
            told.extend(self.deliver(0));
        }
        Err("this talk has no end".into())
    }

    /// Delivers one message; tells which and what came of it, but what was sent: that arrives as well.
    fn deliver(&mut self, place: usize) -> Vec<String> {
        self.learn_names();
        let letter = self.group.flight.remove(place);
        let mut told = vec![self.letter(&letter)];
        self.group.hand_over(letter);
        told.extend(self.told());
        told
    }

    fn move_letters(
        &mut self,
        (from, to): (AuthorityId, AuthorityId),
        which: &[&str],
        deliver: bool,
    ) -> Outcome {
        let on_it = |letter: &Letter<C>| letter.from == from && letter.to == to;
        let flight = &self.group.flight;
        let places = flight.iter().enumerate().filter(|(_, letter)| on_it(letter));
        let mut places: Vec<usize> = places.map(|(place, _)| place).collect();
        match which {
            [] => {}
            ["only"] => places.truncate(1),
            ["last"] => drop(places.drain(..places.len().saturating_sub(1))),
            _ => return Err("it is `last`, `only`, or all of them".into()),
        }
        if places.is_empty() {
            return Err("nothing is in flight there".into());
        }
        self.learn_names();
        let mut told = Vec::new();
        for (gone, place) in places.into_iter().enumerate() {
            match deliver {
                true => told.extend(self.deliver(place - gone)),
                false => {
                    let letter = self.group.flight.remove(place - gone);
                    told.push(format!("{} (lost)", self.letter(&letter)));
                }
            }
        }
        Ok(told)
    }

    fn cut(&mut self, parts: &[&str]) -> Result<(), String> {
        let parts = parts.split(|word| *word == "|");
        let ids = |part: &[&str]| part.iter().map(|name| id(name)).collect::<Result<_, _>>();
        self.group.parts = parts.map(ids).collect::<Result<_, String>>()?;
        let group = &self.group;
        let lost = |letter: &Letter<C>| !group.connected(letter.from, letter.to);
        let flight = group.flight.iter().filter(|letter| !lost(letter)).cloned().collect();
        self.group.flight = flight;
        Ok(())
    }

    fn expect(&mut self, of: AuthorityId, words: &[&str], due: bool) -> Result<(), String> {
        let (line, words) = (self.machine(of), words.join(" "));
        match line.contains(&words) == due {
            true => Ok(()),
            false => Err(format!("it is `{line}`")),
        }
    }

    /// What happened since it was asked last, without what was sent.
    fn told(&mut self) -> Vec<String> {
        self.learn_names();
        let notes = std::mem::take(&mut self.group.notes);
        let mut told = self.notes(&notes);
        for note in notes {
            match note {
                Note::Read(by, number, height) => self.answers.push((by, number, height)),
                Note::Sent(letter) => self.sent.push(letter),
                _ => {}
            }
        }
        let answers = std::mem::take(&mut self.answers);
        for (by, number, height) in answers {
            let sealed = self.group.core(by).map(|core| core.log().sealed().at.height);
            match sealed.is_some_and(|sealed| sealed >= height) {
                true => told.push(format!("{} answers read {number}: it sees {height}", name(by))),
                false => self.answers.push((by, number, height)),
            }
        }
        told
    }

    /// What is in flight that was not before, and machines that are not as they were.
    fn changes(&mut self) -> Vec<String> {
        self.learn_names();
        let sent = std::mem::take(&mut self.sent);
        let there = sent.iter().filter(|letter| self.group.flight.contains(letter));
        let mut told: Vec<String> =
            there.map(|letter| format!("in flight: {}", self.letter(letter))).collect();
        let ids: Vec<AuthorityId> = self.group.nodes.keys().copied().collect();
        for id in ids {
            let line = self.machine(id);
            if self.lines.get(&id) != Some(&line) {
                told.push(line.clone());
                self.lines.insert(id, line);
            }
        }
        told
    }
}
