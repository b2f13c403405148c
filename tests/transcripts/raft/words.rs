//! How Raft's messages and machines are written: names of the paper, entries as *index/term*.

use assay::consensus::raft::core::{Point, Ref, Role};
use assay::consensus::raft::message::{Last, Message};

use super::super::group::{Letter, Note, Parcel};
use super::{Stage, name};

impl Stage {
    fn point(&self, at: &Point) -> String {
        match self.terms.get(&at.id) {
            Some(term) => format!("{}/{term}", at.height),
            None => at.height.to_string(),
        }
    }

    fn last(last: &Last) -> String {
        format!("log ends with {}/{}", last.height, last.term)
    }

    fn yes(granted: bool) -> &'static str {
        if granted { "granted" } else { "refused" }
    }

    fn round(round: u64) -> String {
        if round > 0 { format!(", heartbeat {round}") } else { String::new() }
    }

    fn message(&self, message: &Message<Ref>) -> String {
        match message {
            Message::PreVote { term, last } => {
                format!("PreVote(term {term}, {})", Self::last(last))
            }
            Message::Vote { term, last, transfer } => {
                let why = if *transfer { ", by transfer" } else { "" };
                format!("RequestVote(term {term}, {}{why})", Self::last(last))
            }
            Message::Voted { term, before, granted } => {
                let which = if *before { "PreVote" } else { "RequestVote" };
                format!("{which} {}(term {term})", Self::yes(*granted))
            }
            Message::Append { term, round, prev, drafts, committed } => {
                let drafts: String = drafts
                    .iter()
                    .map(|draft| format!(" {}/{}", draft.at.height, draft.term))
                    .collect();
                let what = match drafts.is_empty() {
                    true => Self::round(*round),
                    false => format!(" send{drafts}"),
                };
                let (prev, committed) = (self.point(prev), self.point(committed));
                format!("AppendEntries(term {term}, after {prev}{what}; decided {committed})")
            }
            Message::Appended { term, round, matched, sealed, .. } => {
                let matched = match matched {
                    Some(height) => format!("has up to {height}"),
                    None => "lacks what stands before".to_owned(),
                };
                let (round, sealed) = (Self::round(*round), self.point(sealed));
                format!("Appended(term {term}, {matched}{round}; decided {sealed})")
            }
            Message::TimeoutNow { term } => format!("TimeoutNow(term {term})"),
            Message::ReadIndex { number } => format!("ReadIndex(read {number})"),
            Message::ReadReady { number, height } => {
                format!("ReadReady(read {number} sees {height})")
            }
        }
    }

    pub(super) fn letter(&self, letter: &Letter) -> String {
        let what = match &letter.parcel {
            Parcel::Raft { message, .. } => self.message(message),
            Parcel::Sealed(blocks) => {
                let blocks = blocks.iter().map(|block| self.point(&block.entry.at));
                format!("Sealed({})", blocks.collect::<Vec<String>>().join(" "))
            }
        };
        format!("{} → {}: {what}", name(letter.from), name(letter.to))
    }

    /// What happened, without what is in flight or arrives below. Things of a kind that happen one after the other to one
    /// machine are one line.
    pub(super) fn notes(&self, notes: &[Note]) -> Vec<String> {
        let shown: Vec<&Note> =
            notes.iter().filter(|note| !matches!(note, Note::Sent(_) | Note::Read(..))).collect();
        let mut told: Vec<String> =
            shown.chunk_by(|one, next| Self::alike(one, next)).map(|run| self.run(run)).collect();
        told.dedup();
        told
    }

    fn alike(one: &Note, next: &Note) -> bool {
        match (one, next) {
            (Note::KeptDraft(by, _), Note::KeptDraft(other, _)) => by == other,
            (Note::Sealed(by, block), Note::Sealed(other, next)) => {
                by == other && block.by == next.by
            }
            _ => false,
        }
    }

    fn run(&self, run: &[&Note]) -> String {
        let points: Vec<String> = run
            .iter()
            .filter_map(|note| match note {
                Note::KeptDraft(_, entry) => Some(self.point(&entry.at)),
                Note::Sealed(_, block) => Some(self.point(&block.entry.at)),
                _ => None,
            })
            .collect();
        let points = points.join(" ");
        match run.first() {
            Some(Note::Lost(letter)) => format!("{} (lost)", self.letter(letter)),
            Some(Note::KeptVote(by, term, Some(vote))) => {
                format!("{} keeps term {term}, vote for {}", name(*by), name(*vote))
            }
            Some(Note::KeptVote(by, term, None)) => format!("{} keeps term {term}", name(*by)),
            Some(Note::KeptDraft(by, _)) => format!("{} keeps {points}", name(*by)),
            Some(Note::Sealed(by, block)) => {
                let (by, term) = (name(*by), block.by);
                format!("{by} takes {points} for decided, by the leader of term {term}")
            }
            Some(Note::Seeks(by, height)) => {
                format!("{} looks for what is decided up to {height}", name(*by))
            }
            Some(Note::Dropped(by, from, reason)) => {
                let reason = format!("{reason:?}").to_lowercase();
                format!("{} drops it: what {} says is {reason}", name(*by), name(*from))
            }
            Some(Note::Sent(_) | Note::Read(..)) | None => String::new(),
        }
    }

    /// A machine as it is: term, role, vote, and its log by terms, what is decided in brackets.
    pub(super) fn machine(&self, id: super::AuthorityId) -> String {
        let Some(node) = self.group.nodes.get(&id) else {
            return format!("{} is nobody", name(id));
        };
        let own = name(id);
        let log = self.log_words(node);
        let Some(core) = &node.core else {
            let (term, vote) = node.vote;
            let vote = vote.map_or(String::new(), |vote| format!(", vote for {}", name(vote)));
            return format!("{own}: down, kept term {term}{vote}, log {log}");
        };
        let role = match core.role() {
            Role::Follower { lease } => {
                let of = core.leader().map_or(String::new(), |of| format!(" of {}", name(of)));
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
        let vote = core.kept().1.map_or(String::new(), |vote| format!(", voted {}", name(vote)));
        let voter = if core.is_voter() { "" } else { ", no voter" };
        let tasks = if node.tasks.is_empty() { "" } else { ", disk busy" };
        format!("{own}: term {}, {role}{vote}{voter}{tasks}, log {log}", core.term())
    }

    fn log_words(&self, node: &super::super::group::Node) -> String {
        let log = node.log();
        let sealed = node.chain.len();
        let mut words = Vec::new();
        for (place, entry) in log.iter().enumerate().skip(1) {
            let below = &log[place - 1].voters;
            words.push(format!("{}{}", entry.term, Self::change(below, entry)));
        }
        let drafts = words.split_off((sealed - 1).min(words.len()));
        let mut text = format!("[{}]", words.join(" "));
        for draft in drafts {
            text.push(' ');
            text.push_str(&draft);
        }
        text
    }
}
