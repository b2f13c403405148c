//! Multi-Paxos on the stage: its words are those of Paxos Made Simple, a draft is called by the value that the script gives it.
//!
//! Of the lines of [`line`](super::line), these have something to add:
//!
//! | line | what happens |
//! |---|---|
//! | `propose S1 red [+S4 \| -S4]` | S1 proposes the value red at the next height; eight letters at most |
//!
//! A ballot is written *round.proposer*. In a log the values in brackets are chosen; behind each other one stands the
//! highest ballot in which it was accepted here.

use assay::consensus::AuthorityId;
use assay::consensus::authorities::Authorities;
use assay::consensus::log::Sealer;
use assay::consensus::paxos::core::{self as paxos, Core, Entry, Kept, Point, Ref};
use assay::consensus::paxos::message::{Ballot, Message, Vote};
use assay::types::Height;

use super::line::group as shared;
use super::line::{self, Names, Outcome, Words, name};

#[path = "../../src/consensus/paxos/tests/group.rs"]
#[allow(dead_code, reason = "the model checker uses more of it")]
mod group;

pub(crate) type Stage = line::Stage<Core>;

fn written(ballot: Ballot) -> String {
    match ballot == Ballot::default() {
        true => "nothing".into(),
        false => format!("{}.{}", ballot.round, name(ballot.proposer)),
    }
}

fn heartbeat(beat: u64) -> String {
    if beat > 0 { format!(", heartbeat {beat}") } else { String::new() }
}

/// Drafts one after the other.
fn drafts(names: &Names, drafts: &[Ref]) -> String {
    let drafts: Vec<String> = drafts.iter().map(|draft| names.point(&draft.at)).collect();
    drafts.join(" ")
}

fn votes(names: &Names, votes: &[Vote]) -> String {
    let vote = |vote: &Vote| format!("{} in {}", names.point(&vote.draft.at), written(vote.ballot));
    match votes.is_empty() {
        true => "nothing".into(),
        false => votes.iter().map(vote).collect::<Vec<String>>().join(", "),
    }
}

impl Words for Core {
    const DECIDED: &'static str = "chosen";
    const SEALED: &'static str = "chosen";

    fn called(_: &Entry) -> Option<String> {
        None
    }

    fn message(names: &Names, message: &Message<Ref>) -> String {
        match message {
            Message::Prepare { ballot, sealed } => {
                format!("prepare({}; chosen {})", written(*ballot), names.point(sealed))
            }
            Message::Promise { ballot, sealed, votes: all } => {
                let (ballot, votes) = (written(*ballot), votes(names, all));
                format!("promise({ballot}, accepted {votes}; chosen {})", names.point(sealed))
            }
            Message::Refused { ballot } => format!("refused(promised {})", written(*ballot)),
            Message::Want { ballot, drafts: all } => {
                format!("want({}, {})", written(*ballot), drafts(names, all))
            }
            Message::Bring { ballot, drafts: all } => {
                format!("bring({}, {})", written(*ballot), drafts(names, all))
            }
            Message::Accept { ballot, beat, prev, drafts: all, sealed } => {
                let what = match all.is_empty() {
                    true => heartbeat(*beat),
                    false => format!(", {}", drafts(names, all)),
                };
                let (ballot, prev) = (written(*ballot), names.point(prev));
                format!("accept({ballot}{what} after {prev}; chosen {})", names.point(sealed))
            }
            Message::Accepted { ballot, beat, upto, sealed, .. } => {
                let upto = match upto {
                    Some(height) => format!("up to {height}"),
                    None => "lacks what stands before".to_owned(),
                };
                let (ballot, beat) = (written(*ballot), heartbeat(*beat));
                format!("accepted({ballot} {upto}{beat}; chosen {})", names.point(sealed))
            }
            Message::ReadIndex { number } => format!("read index(read {number})"),
            Message::ReadReady { number, height } => {
                format!("read ready(read {number} sees {height})")
            }
        }
    }

    fn kept_words((round, promised): &Kept) -> String {
        format!("round {round} of its own, promise {}", written(*promised))
    }

    fn mark_words(ballot: &Ballot) -> String {
        format!("({})", written(*ballot))
    }

    fn decided(points: &str, by: &Sealer) -> String {
        format!("learns that {points} is chosen in {}", written(Ballot::from(*by)))
    }

    fn state(&self) -> String {
        let doing = match self.stage() {
            paxos::Stage::Leading(lead) => {
                let ballot = written(lead.ballot);
                let again = if lead.begun.is_none() { ", still proposes again" } else { "" };
                format!("leads in {ballot}{again}")
            }
            paxos::Stage::Preparing { ballot, promises } => {
                let of: Vec<String> = promises.keys().map(|id| name(*id)).collect();
                let has = match of.is_empty() {
                    true => String::new(),
                    false => format!(", has that of {}", of.join(" ")),
                };
                format!("asks for promises in {}{has}", written(*ballot))
            }
            paxos::Stage::Idle => match self.leader() {
                Some(of) => format!("follows {}", name(of)),
                None => "idle".into(),
            },
        };
        let lease = if self.lease() { ", heard it lately" } else { "" };
        let voter = if self.may_stand() { "" } else { ", no acceptor" };
        format!("{doing}{lease}, promised {}{voter}", written(self.promised()))
    }

    fn put(
        stage: &mut Stage,
        of: AuthorityId,
        words: &[&str],
        voters: Option<Authorities>,
    ) -> Result<bool, String> {
        let [value] = words else { return Err("it is one value that is proposed".into()) };
        if value.len() > 8 {
            return Err(format!("`{value}` has more than eight letters"));
        }
        // Its letters are its number, so that two values are two drafts.
        let number = value.bytes().fold(0, |number, letter| number << 8 | u64::from(letter));
        let may = stage.group.propose_value(of, number, voters);
        if let Some(core) = stage.group.core(of).filter(|_| may) {
            // It may be sealed by now, where one alone is a majority.
            stage.names.0.insert(core.log().last().at.id, (*value).into());
        }
        Ok(may)
    }

    fn act(_: &mut Stage, _: &str, _: &[&str]) -> Option<Outcome> {
        None
    }
}
