//! Raft on the stage: its words are the paper's, an entry is called by its term.
//!
//! Besides the lines of [`line`](super::line):
//!
//! | line | what happens |
//! |---|---|
//! | `log S1 1 1 \| 2` | S1 has entries of these terms, those before the bar sealed; at its start |
//! | `term S1 4 [S2]` | S1 is in term 4 and voted for nobody there, or for S2; at its start |
//! | `transfer S1 S2` | S1 hands over to S2 |

use assay::consensus::AuthorityId;
use assay::consensus::authorities::Authorities;
use assay::consensus::log::Sealer;
use assay::consensus::raft::core::{Core, Entry, Ref, Role};
use assay::consensus::raft::message::{Last, Message};

use super::line::group::{self as shared, Block};
use super::line::{self, Names, Outcome, Words, id, name};

#[path = "../../src/consensus/raft/tests/group.rs"]
#[allow(dead_code, reason = "unit tests use more of it")]
mod group;

pub(crate) type Stage = line::Stage<Core>;

fn last(last: &Last) -> String {
    format!("log ends with {}/{}", last.height, last.term)
}

fn yes(granted: bool) -> &'static str {
    if granted { "granted" } else { "refused" }
}

fn heartbeat(round: u64) -> String {
    if round > 0 { format!(", heartbeat {round}") } else { String::new() }
}

impl Words for Core {
    const DECIDED: &'static str = "decided";
    const SEALED: &'static str = "Sealed";

    fn called(entry: &Entry) -> Option<String> {
        Some(entry.term.to_string())
    }

    fn message(names: &Names, message: &Message<Ref>) -> String {
        match message {
            Message::PreVote { term, last: log } => format!("PreVote(term {term}, {})", last(log)),
            Message::Vote { term, last: log, transfer } => {
                let why = if *transfer { ", by transfer" } else { "" };
                format!("RequestVote(term {term}, {}{why})", last(log))
            }
            Message::Voted { term, before, granted } => {
                let which = if *before { "PreVote" } else { "RequestVote" };
                format!("{which} {}(term {term})", yes(*granted))
            }
            Message::Append { term, round, prev, drafts, committed } => {
                let drafts: String = drafts
                    .iter()
                    .map(|draft| format!(" {}/{}", draft.at.height, draft.term))
                    .collect();
                let what = match drafts.is_empty() {
                    true => heartbeat(*round),
                    false => format!(" send{drafts}"),
                };
                let (prev, committed) = (names.point(prev), names.point(committed));
                format!("AppendEntries(term {term}, after {prev}{what}; decided {committed})")
            }
            Message::Appended { term, round, matched, sealed, .. } => {
                let matched = match matched {
                    Some(height) => format!("has up to {height}"),
                    None => "lacks what stands before".to_owned(),
                };
                let (round, sealed) = (heartbeat(*round), names.point(sealed));
                format!("Appended(term {term}, {matched}{round}; decided {sealed})")
            }
            Message::TimeoutNow { term } => format!("TimeoutNow(term {term})"),
            Message::ReadIndex { number } => format!("ReadIndex(read {number})"),
            Message::ReadReady { number, height } => {
                format!("ReadReady(read {number} sees {height})")
            }
        }
    }

    fn kept_words((term, vote): &(u64, Option<AuthorityId>)) -> String {
        let vote = vote.map_or(String::new(), |vote| format!(", vote for {}", name(vote)));
        format!("term {term}{vote}")
    }

    fn mark_words((): &()) -> String {
        String::new()
    }

    fn decided(points: &str, by: &Sealer) -> String {
        format!("takes {points} for decided, by the leader of term {}", by.round)
    }

    fn state(&self) -> String {
        let role = match self.role() {
            Role::Follower { lease } => {
                let of = self.leader().map_or(String::new(), |of| format!(" of {}", name(of)));
                let lease = if *lease { ", heard it lately" } else { "" };
                format!("follower{of}{lease}")
            }
            Role::PreCandidate { .. } => "pre-candidate".into(),
            Role::Candidate { .. } => "candidate".into(),
            Role::Leader(lead) => match lead.transfer {
                Some(to) => format!("leader, hands over to {}", name(to)),
                None => "leader".into(),
            },
        };
        let vote = self.kept().1.map_or(String::new(), |vote| format!(", voted {}", name(vote)));
        let voter = if self.is_voter() { "" } else { ", no voter" };
        format!("term {}, {role}{vote}{voter}", self.term())
    }

    fn put(
        stage: &mut Stage,
        of: AuthorityId,
        words: &[&str],
        voters: Option<Authorities>,
    ) -> Result<bool, String> {
        match words {
            [] => Ok(stage.group.propose(of, voters)),
            _ => Err("a change is written +WHO or -WHO".into()),
        }
    }

    fn act(stage: &mut Stage, verb: &str, rest: &[&str]) -> Option<Outcome> {
        match (verb, rest) {
            ("log", [of, terms @ ..]) => Some(log(stage, of, terms)),
            ("term", [of, term, vote @ ..]) => Some(set_term(stage, of, term, vote)),
            ("transfer", [of, to]) => Some(transfer(stage, of, to)),
            _ => None,
        }
    }
}

fn number(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("`{word}` is no term"))
}

fn set_term(stage: &mut Stage, of: &str, term: &str, vote: &[&str]) -> Outcome {
    let (term, vote) = (number(term)?, vote.first().map(|vote| id(vote)).transpose()?);
    stage.anew(id(of)?, |node| node.kept = (term, vote)).map(|()| Vec::new())
}

fn transfer(stage: &mut Stage, of: &str, to: &str) -> Outcome {
    let (of, to, mut possible) = (stage.up(of)?, id(to)?, false);
    stage.group.step(of, |core, out| possible = core.transfer(to, out));
    let refused = (!possible).then(|| "that is not possible".to_owned());
    Ok(refused.into_iter().collect())
}

fn log(stage: &mut Stage, of: &str, terms: &[&str]) -> Outcome {
    let of = id(of)?;
    let bar = terms.iter().position(|word| *word == "|").unwrap_or_default();
    let numbers = terms.iter().filter(|word| **word != "|");
    let numbers: Vec<u64> = numbers.map(|word| number(word)).collect::<Result<_, String>>()?;
    let voters = stage.group.nodes.get(&of).ok_or("there is no such machine")?;
    let voters = voters.chain[0].entry.voters.clone();
    let edited = stage.anew(of, |node| {
        node.chain.truncate(1);
        node.drafts.clear();
        let mut below = shared::first((*voters).clone());
        for (place, term) in numbers.iter().enumerate() {
            let body = group::above(&below, *term, voters.clone());
            below = body.entry.clone();
            let by = Sealer { round: *term, ..Sealer::default() };
            match place < bar {
                true => node.chain.push(Block { entry: body.entry, by }),
                false => drop(node.drafts.insert(below.at.height, (body, ()))),
            }
        }
        node.kept = (node.kept.0.max(numbers.last().copied().unwrap_or_default()), None);
    });
    edited.map(|()| Vec::new())
}
