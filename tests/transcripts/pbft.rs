//! PBFT on the stage.
//!
//! | line | what happens |
//! |---|---|
//! | `nodes 4` | so many authorities, A the primary of view 0, B of view 1, and so on |
//! | `propose A 1` | A gives draft 1 the next height, if it may |
//! | `elapse A patience`, `change`, `beat` | a clock of A runs out |
//! | `suspect A` | somebody at A has reason to take the primary for faulty, such as a payment that it passes over |
//! | `slow A`, `look A`, `reject A 1.1` | A looks at drafts only when it is told; it does, and finds them sound, or this one not |
//! | `lie D -> A B: prepare 0 1.2` | D tells them so: `pre-prepare`, `prepare`, `commit` VIEW HEIGHT.DRAFT, or `view-change VIEW` |
//! | `deliver all`, `deliver A->B`, `deliver *->B`, `deliver KIND` | arrives; with whatever is said about it, or without |
//! | `drop …` | as `deliver`, and is lost |
//! | `cut A`, `heal A` | A hears nobody and is not heard; hears again |
//! | `crash A`, `restart A` | a crash forgets what was not kept |
//! | `expect A WORDS`, `expect not A WORDS`, `expect agreement`, `expect disagreement` | what has to hold |

use std::collections::BTreeMap;

use assay::consensus::authorities::Authorities;
use assay::consensus::pbft::core::{Core, Effect, Head, Kept, Said, Wait};
use assay::consensus::pbft::message::{Ballot, Message, NewView, Prepared, ViewChange};
use assay::consensus::quorum::byzantine;
use assay::consensus::{AuthorityId, Point};
use assay::types::{BlockId, Hash, Height, decode, encode, sha256d};

use super::runner;

#[path = "../../src/consensus/pbft/tests/group.rs"]
#[allow(dead_code, reason = "the model checker uses more of it")]
mod group;

use self::group::{Group, Letter, draft};

/// The authorities and what was written about them last.
pub(crate) struct Stage {
    group: Group,
    lines: BTreeMap<AuthorityId, String>,
}

type Outcome = Result<Vec<String>, String>;

fn id(number: u8) -> AuthorityId {
    let mut bytes = [0; 21];
    bytes[1] = number + 1;
    decode(&bytes).expect("an address is its version and 20 bytes")
}

fn number(name: &str) -> Result<u8, String> {
    match name.as_bytes() {
        [letter @ b'A'..=b'Z'] => Ok(letter - b'A'),
        _ => Err(format!("`{name}` is no authority: they are A, B, C, …")),
    }
}

fn name(id: AuthorityId) -> String {
    char::from(encode(&id)[1] - 1 + b'A').to_string()
}

/// Which draft it is; those of the stories have small numbers.
fn title(at: Point) -> String {
    let known = (0..=40).find(|number| draft(at.height.0, *number) == at);
    known.map_or("?".into(), |number| format!("{}.{number}", at.height.0))
}

fn point(text: &str) -> Result<Point, String> {
    let wrong = || format!("`{text}` is no draft: they are HEIGHT.NUMBER");
    let (height, number) = text.split_once('.').ok_or_else(wrong)?;
    Ok(draft(height.parse().map_err(|_| wrong())?, number.parse().map_err(|_| wrong())?))
}

fn certificate(prepared: Option<&Prepared<()>>) -> String {
    prepared.map_or("nothing prepared".into(), |it| {
        let by: String = it.by.keys().map(|id| name(*id)).collect();
        format!("prepared {} in view {} by {by}", title(it.ballot.at), it.ballot.view)
    })
}

fn phrase(said: &Said) -> String {
    match said {
        Message::PrePrepare { view, draft, .. } => {
            format!("PRE-PREPARE(view {view}, {})", title(*draft))
        }
        Message::Prepare(ballot, ()) => {
            format!("PREPARE(view {}, {})", ballot.view, title(ballot.at))
        }
        Message::Commit(ballot, ()) => {
            format!("COMMIT(view {}, {})", ballot.view, title(ballot.at))
        }
        Message::ViewChange(change, ()) => format!(
            "VIEW-CHANGE(view {}, sealed {}, {})",
            change.view,
            title(change.sealed),
            certificate(change.prepared.as_ref())
        ),
        Message::NewView(begun) => {
            let by: String = begun.changes.keys().map(|id| name(*id)).collect();
            format!("NEW-VIEW(view {}, wanted by {by})", begun.view)
        }
        Message::Beat { view, active, sealed } => {
            let waits = if *active { "" } else { ", waiting for it" };
            format!("beat(view {view}{waits}, sealed {})", title(*sealed))
        }
        Message::Ask { number } => format!("read {number}?"),
        Message::Stand { number, height } => format!("read {number}: {height}"),
    }
}

fn letter(letter: &Letter) -> String {
    format!("{} → {}: {}", name(letter.from), name(letter.to), phrase(&letter.said))
}

fn kind(said: &Said) -> &'static str {
    match said {
        Message::PrePrepare { .. } => "pre-prepare",
        Message::Prepare(..) => "prepare",
        Message::Commit(..) => "commit",
        Message::ViewChange(..) => "view-change",
        Message::NewView(_) => "new-view",
        Message::Beat { .. } => "beat",
        Message::Ask { .. } | Message::Stand { .. } => "read",
    }
}

/// Whether a line means a letter.
type Meant = Box<dyn Fn(&Letter) -> bool>;

/// Which letters a line means.
fn means(which: &[&str]) -> Result<Meant, String> {
    match which {
        ["all"] => Ok(Box::new(|_| true)),
        [way] if way.contains("->") => {
            let (from, to) = way.split_once("->").unwrap_or_default();
            let end = |text: &str| match text {
                "*" => Ok(None),
                text => number(text).map(|number| Some(id(number))),
            };
            let (from, to) = (end(from)?, end(to)?);
            Ok(Box::new(move |letter| {
                from.is_none_or(|from| letter.from == from) && to.is_none_or(|to| letter.to == to)
            }))
        }
        [wanted] => {
            let wanted = (*wanted).to_owned();
            Ok(Box::new(move |letter| kind(&letter.said) == wanted))
        }
        [way, wanted] => {
            let (way, wanted) = (means(&[way])?, means(&[wanted])?);
            Ok(Box::new(move |letter| way(letter) && wanted(letter)))
        }
        _ => Err("it is `all`, A->B, a kind of message, or both of these".into()),
    }
}

impl runner::Stage for Stage {
    fn new() -> Self {
        Self { group: Group::new(4), lines: BTreeMap::new() }
    }

    fn command(&mut self, line: &str) -> Outcome {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (verb, rest) = words.split_first().ok_or("nothing is said")?;
        let before = self.group.conflicts.len();
        let flight = self.group.flight.clone();
        let mut told = self.act(verb, rest)?;
        if !matches!(*verb, "deliver" | "drop") {
            let fresh = self.group.flight.iter().filter(|it| !flight.contains(it));
            told.extend(fresh.map(|it| format!("in flight: {}", letter(it))));
        }
        for (by, whose) in self.group.conflicts.iter().skip(before) {
            told.push(format!("{} holds two votes of {}", name(*by), name(*whose)));
        }
        told.extend(self.changes());
        Ok(told)
    }
}

impl Stage {
    fn act(&mut self, verb: &str, rest: &[&str]) -> Outcome {
        match (verb, rest) {
            ("nodes", [count]) => {
                let count = count.parse().map_err(|_| format!("`{count}` is no number"))?;
                self.group = Group::new(count);
                self.group.flight.clear();
                self.lines.clear();
            }
            ("propose", [of, draft]) => {
                let (of, draft) = (number(of)?, draft.parse());
                let draft = draft.map_err(|_| "a draft is a small number")?;
                if !self.group.core(of).may_propose() {
                    return Ok(vec!["it may not".into()]);
                }
                self.group.propose(of, draft);
            }
            ("elapse", [of, what]) => {
                let wait = match *what {
                    "patience" => Wait::Patience,
                    "change" => Wait::Change { doublings: 0 },
                    "beat" => Wait::Beat,
                    _ => return Err("clocks are patience, change and beat".into()),
                };
                self.group.elapse(number(of)?, wait);
            }
            ("suspect", [of]) => self.group.step(id(number(of)?), Core::suspect),
            ("slow", [of]) => self.node(of)?.slow = true,
            ("look", [of]) => self.group.read(number(of)?),
            ("reject", [of, at]) => {
                let at = point(at)?;
                self.group.step(id(number(of)?), |core, out| core.examined(at, false, out));
            }
            ("lie", [of, "->", rest @ ..]) => self.lie(of, rest)?,
            ("deliver", ["all"]) => self.group.deliver_all(),
            ("deliver", which) => {
                let wanted = means(which)?;
                let mut told = Vec::new();
                // Those that are in flight now; what is said about them waits.
                let due = self.group.flight.iter().filter(|it| wanted(it)).cloned();
                for due in due.collect::<Vec<_>>() {
                    let place = self.group.flight.iter().position(|it| *it == due);
                    told.push(letter(&due));
                    place.into_iter().for_each(|place| self.group.deliver(place));
                }
                return Ok(told);
            }
            ("drop", which) => {
                let wanted = means(which)?;
                let (lost, left) = self.group.flight.drain(..).partition(|it| wanted(it));
                self.group.flight = left;
                let lost: Vec<Letter> = lost;
                return Ok(lost.iter().map(|it| format!("{} (lost)", letter(it))).collect());
            }
            ("cut", [of]) => drop(self.group.deaf.insert(id(number(of)?))),
            ("heal", [of]) => drop(self.group.deaf.remove(&id(number(of)?))),
            ("crash", [of]) => self.group.crash(id(number(of)?)),
            ("restart", [of]) => self.group.restart(id(number(of)?)),
            ("expect", ["agreement"]) if self.group.agree() => {}
            ("expect", ["agreement"]) => return Err("they disagree".into()),
            ("expect", ["disagreement"]) if !self.group.agree() => {}
            ("expect", ["disagreement"]) => return Err("they agree".into()),
            ("expect", ["not", of, words @ ..]) => self.expect(of, words, false)?,
            ("expect", [of, words @ ..]) => self.expect(of, words, true)?,
            _ => return Err("nobody knows what this means here".into()),
        }
        Ok(Vec::new())
    }

    fn node(&mut self, of: &str) -> Result<&mut group::Node, String> {
        let of = id(number(of)?);
        self.group.nodes.get_mut(&of).ok_or_else(|| "there is no such authority".into())
    }

    fn lie(&mut self, of: &str, rest: &[&str]) -> Result<(), String> {
        let end = rest.iter().position(|word| word.ends_with(':')).ok_or("to whom?")?;
        let (to, what) = rest.split_at(end + 1);
        let to = to.iter().map(|to| number(to.trim_end_matches(':')));
        let to: Vec<u8> = to.collect::<Result<_, _>>()?;
        let view = |text: &str| text.parse().map_err(|_| format!("`{text}` is no view"));
        let said = match what {
            ["pre-prepare", of, at] => {
                Message::PrePrepare { view: view(of)?, draft: point(at)?, signature: () }
            }
            ["prepare", of, at] => Message::Prepare(Ballot { view: view(of)?, at: point(at)? }, ()),
            ["commit", of, at] => Message::Commit(Ballot { view: view(of)?, at: point(at)? }, ()),
            ["view-change", of] => {
                let sealed = self.group.nodes.values().next().map(|node| node.chain[0].0);
                let sealed = sealed.ok_or("nobody is there")?;
                Message::ViewChange(ViewChange { view: view(of)?, sealed, prepared: None }, ())
            }
            _ => return Err("it is a kind of message, a view, and a draft".into()),
        };
        self.group.lie(number(of)?, &to, &said);
        Ok(())
    }

    fn machine(&self, of: AuthorityId) -> String {
        let node = &self.group.nodes[&of];
        let chain =
            node.chain.iter().skip(1).map(|(at, view)| format!("{} (view {view})", title(*at)));
        let chain: Vec<String> = chain.collect();
        let chain = if chain.is_empty() { "none".into() } else { chain.join(", ") };
        let who = name(of);
        if self.group.liars.contains(&of) {
            return format!("{who}: lies");
        }
        let Some(core) = &node.core else { return format!("{who}: down, sealed {chain}") };
        let role = match (core.is_active(), core.leads()) {
            (false, _) => "wants it to begin",
            (true, true) => "primary",
            (true, false) => "backup",
        };
        let kept = core.kept();
        let agreed = kept.accepted.map_or(String::new(), |it| {
            format!(", agreed to {} in view {}", title(it.at), it.view)
        });
        let prepared = kept.prepared.as_ref();
        let prepared = prepared.map_or(String::new(), |it| format!(", {}", certificate(Some(it))));
        let due = core.due().map_or(String::new(), |at| format!(", bound to {}", title(at)));
        format!("{who}: view {}, {role}{agreed}{prepared}{due}, sealed {chain}", core.view())
    }

    fn changes(&mut self) -> Vec<String> {
        let ids: Vec<AuthorityId> = self.group.nodes.keys().copied().collect();
        let mut told = Vec::new();
        for id in ids {
            let line = self.machine(id);
            if self.lines.get(&id) != Some(&line) {
                told.push(line.clone());
                self.lines.insert(id, line);
            }
        }
        told
    }

    fn expect(&self, of: &str, words: &[&str], due: bool) -> Result<(), String> {
        let (line, words) = (self.machine(id(number(of)?)), words.join(" "));
        match line.contains(&words) == due {
            true => Ok(()),
            false => Err(format!("it is `{line}`")),
        }
    }
}
