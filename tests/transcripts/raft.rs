//! Raft on the stage.
//!
//! | line | what happens |
//! |---|---|
//! | `nodes S1 S2 S3` | these run and vote; `learners S4` run and do not |
//! | `log S1 1 1 \| 2` | S1 has entries of these terms, those before the bar sealed; at its start |
//! | `term S1 4 [S2]` | S1 is in term 4 and voted for nobody there, or for S2; at its start |
//! | `lead S1` | S1 is elected, and its first entry is decided everywhere; only what came of it is told |
//! | `elapse S1` | what S1 waits for does not come: its election clock runs out |
//! | `beat S1` | S1 sends heartbeats |
//! | `propose S1 [+S4 \| -S4]` | S1 puts an entry on its log, which adds or removes a voter |
//! | `deliver S1->S2 [last \| only]` | what is in flight on this way arrives, all, the newest or the oldest of it |
//! | `deliver all` | everything arrives, and whatever is said about it |
//! | `drop S1->S2 [last \| only]`, `double S1->S2` | is lost; the oldest comes twice |
//! | `cut S1 S2 \| S3`, `heal` | only those within a part hear each other |
//! | `crash S1`, `restart S1` | a crash forgets what was not kept; its disk is quick again |
//! | `slow S1`, `flush S1 [n]` | S1's disk writes nothing until it is told; n things, or all |
//! | `read S1`, `transfer S1 S2`, `fetch S2 from S1` | a read begins; S1 hands over; S2 fetches sealed blocks |
//! | `show`, `flight` | all machines; everything in flight |
//! | `expect S1 WORDS`, `expect not S1 WORDS` | whether its line has these words |
//!
//! After each line the safety of the paper's figure 3 is looked at.

#[path = "raft/words.rs"]
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use assay::types::decode;

use super::group::{Block, Body, Group, Letter, Note, Parcel, above, first};
use super::*;

/// The machines, and what was written about them last.
pub(crate) struct Stage {
    group: Group,
    lines: BTreeMap<AuthorityId, String>,
    terms: BTreeMap<BlockId, u64>,
    /// Sent since the last line.
    sent: Vec<Letter>,
    reads: u64,
    /// What can be answered as soon as so much is sealed.
    answers: Vec<(AuthorityId, u64, Height)>,
}

type Outcome = Result<Vec<String>, String>;

/// A machine by its name: names are short, and ids have room for them.
fn id(name: &str) -> Result<AuthorityId, String> {
    let mut bytes = [0; 21];
    let fits = !name.is_empty() && name.len() <= 20 && name.chars().all(char::is_alphanumeric);
    if !fits {
        return Err(format!("`{name}` is no name of a machine"));
    }
    bytes[1..=name.len()].copy_from_slice(name.as_bytes());
    decode(&bytes).map_err(|error| error.to_string())
}

fn name(id: AuthorityId) -> String {
    let bytes = encode(&id);
    let text = bytes.get(1..).unwrap_or_default().iter().take_while(|byte| **byte != 0);
    text.map(|byte| char::from(*byte)).collect()
}

fn way(text: &str) -> Result<(AuthorityId, AuthorityId), String> {
    let (from, to) = text.split_once("->").ok_or("a way is written FROM->TO")?;
    Ok((id(from)?, id(to)?))
}

impl runner::Stage for Stage {
    fn new() -> Self {
        Self {
            group: Group::default(),
            lines: BTreeMap::new(),
            terms: BTreeMap::new(),
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

impl Stage {
    fn act(&mut self, verb: &str, rest: &[&str]) -> Outcome {
        match (verb, rest) {
            ("nodes", names) => self.nodes(names)?,
            ("learners", names) => self.learners(names)?,
            ("log", [of, log @ ..]) => self.log(id(of)?, log)?,
            ("term", [of, term, vote @ ..]) => {
                let term = term.parse().map_err(|_| format!("`{term}` is no term"))?;
                let vote = vote.first().map(|vote| id(vote)).transpose()?;
                self.anew(id(of)?, |node| node.vote = (term, vote))?;
            }
            ("lead", [of]) => {
                let of = self.up(of)?;
                self.group.step(of, Core::elapsed);
                self.group.deliver_all();
                self.group.notes.clear();
            }
            ("elapse", [of]) => {
                let of = self.up(of)?;
                self.group.step(of, Core::elapsed);
            }
            ("beat", [of]) => {
                let of = self.up(of)?;
                self.group.step(of, Core::beat);
            }
            ("propose", [of, change @ ..]) => return self.propose(self.up(of)?, change),
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
            ("transfer", [of, to]) => {
                let (of, to, mut possible) = (self.up(of)?, id(to)?, false);
                self.group.step(of, |core, out| possible = core.transfer(to, out));
                if !possible {
                    return Ok(vec!["that is not possible".into()]);
                }
            }
            ("fetch", [to, "from", from]) => self.group.fetch(id(from)?, self.up(to)?),
            ("show", []) => self.lines.clear(),
            ("flight", []) => {
                let flight = self.group.flight.clone();
                self.learn_terms();
                return Ok(flight.iter().map(|letter| self.letter(letter)).collect());
            }
            ("expect", ["not", of, words @ ..]) => self.expect(id(of)?, words, false)?,
            ("expect", [of, words @ ..]) => self.expect(id(of)?, words, true)?,
            _ => return Err("nobody knows what this means here".into()),
        }
        Ok(self.told())
    }

    fn up(&self, of: &str) -> Result<AuthorityId, String> {
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
    fn anew(
        &mut self,
        of: AuthorityId,
        edit: impl FnOnce(&mut super::group::Node),
    ) -> Result<(), String> {
        let node = self.group.nodes.get_mut(&of).ok_or("there is no such machine")?;
        edit(node);
        if !node.slow {
            self.group.crash(of);
            self.group.restart(of);
        }
        Ok(())
    }

    fn log(&mut self, of: AuthorityId, terms: &[&str]) -> Result<(), String> {
        let bar = terms.iter().position(|word| *word == "|").unwrap_or_default();
        let numbers = terms.iter().filter(|word| **word != "|");
        let numbers: Vec<u64> = numbers
            .map(|word| word.parse().map_err(|_| format!("`{word}` is no term")))
            .collect::<Result<_, String>>()?;
        let voters = self.group.nodes.get(&of).ok_or("there is no such machine")?;
        let voters = voters.chain[0].entry.voters.clone();
        self.anew(of, |node| {
            node.chain.truncate(1);
            node.drafts.clear();
            let mut below = first((*voters).clone());
            for (place, term) in numbers.iter().enumerate() {
                let Body { parent, entry } = above(&below, *term, voters.clone());
                below = entry.clone();
                match place < bar {
                    true => node.chain.push(Block { entry, by: *term }),
                    false => drop(node.drafts.insert(entry.at.height, Body { parent, entry })),
                }
            }
            node.vote = (node.vote.0.max(numbers.last().copied().unwrap_or_default()), None);
        })
    }

    fn propose(&mut self, of: AuthorityId, change: &[&str]) -> Outcome {
        let mut voters = None;
        for change in change {
            let core = self.group.core(of).ok_or("it is down")?;
            let set = voters.get_or_insert_with(|| (*core.log().last().voters).clone());
            match change.split_at_checked(1) {
                Some(("+", who)) => drop(set.insert(id(who)?)),
                Some(("-", who)) => drop(set.remove(&id(who)?)),
                _ => return Err("a change is written +WHO or -WHO".into()),
            }
        }
        match self.group.propose(of, voters) {
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
        self.learn_terms();
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
        let on_it = |letter: &Letter| letter.from == from && letter.to == to;
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
        self.learn_terms();
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
        let lost = |letter: &Letter| !group.connected(letter.from, letter.to);
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
        self.learn_terms();
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
        self.learn_terms();
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

    /// Messages name entries by id; who reads wants their terms.
    fn learn_terms(&mut self) {
        let logs = self.group.nodes.values().flat_map(|node| node.log());
        let flight = self.group.flight.iter().flat_map(|letter| match &letter.parcel {
            Parcel::Raft { bodies, .. } => bodies.iter().map(|it| &it.entry).collect::<Vec<_>>(),
            Parcel::Sealed(blocks) => blocks.iter().map(|it| &it.entry).collect(),
        });
        self.terms.extend(logs.chain(flight).map(|entry| (entry.at.id, entry.term)));
    }

    /// Which voters an entry adds and removes.
    fn change(below: &Arc<Authorities>, entry: &Entry) -> String {
        let added = entry.voters.difference(below).map(|id| format!("+{}", name(*id)));
        let removed = below.difference(&entry.voters).map(|id| format!("-{}", name(*id)));
        added.chain(removed).collect()
    }
}
