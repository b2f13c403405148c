//! How messages and machines are written: entries as *height/name*.

use std::collections::BTreeMap;
use std::sync::Arc;

use assay::consensus::authorities::Authorities;
use assay::consensus::log::Entry;
use assay::consensus::{AuthorityId, Point};
use assay::types::BlockId;

use super::group::{Node, Note, Parcel};
use super::{Letter, Stage, Words, name};

/// What drafts are called. Messages tell ids.
#[derive(Default)]
pub(crate) struct Names(pub(crate) BTreeMap<BlockId, String>);

impl Names {
    /// Where a draft stands, and what it is called.
    pub(crate) fn point(&self, at: &Point) -> String {
        match self.0.get(&at.id) {
            Some(name) => format!("{}/{name}", at.height),
            None => at.height.to_string(),
        }
    }

    fn points<'a>(&self, all: impl Iterator<Item = &'a Point>) -> String {
        all.map(|at| self.point(at)).collect::<Vec<String>>().join(" ")
    }
}

impl<C: Words> Stage<C> {
    /// Names what is in logs and in flight and has none yet.
    pub(super) fn learn_names(&mut self) {
        let logs = self.group.nodes.values().flat_map(|node| node.log());
        let flight = self.group.flight.iter().flat_map(|letter| match &letter.parcel {
            Parcel::Said { bodies, .. } => bodies.iter().map(|it| &it.entry).collect::<Vec<_>>(),
            Parcel::Sealed(blocks) => blocks.iter().map(|it| &it.entry).collect(),
        });
        let called = |entry: &Entry| Some((entry.at.id, C::called(entry)?));
        self.names.0.extend(logs.chain(flight).filter_map(called));
    }

    pub(super) fn letter(&self, letter: &Letter<C>) -> String {
        let what = match &letter.parcel {
            Parcel::Said { message, .. } => C::message(&self.names, message),
            Parcel::Sealed(blocks) => {
                let points = self.names.points(blocks.iter().map(|block| &block.entry.at));
                format!("{}({points})", C::SEALED)
            }
        };
        format!("{} → {}: {what}", name(letter.from), name(letter.to))
    }

    /// What happened, without what is in flight or arrives below. Things of a kind that happen one after the other to one
    /// machine are one line.
    pub(super) fn notes(&self, notes: &[Note<C>]) -> Vec<String> {
        let shown: Vec<&Note<C>> =
            notes.iter().filter(|note| !matches!(note, Note::Sent(_) | Note::Read(..))).collect();
        let mut told: Vec<String> =
            shown.chunk_by(|one, next| Self::alike(one, next)).map(|run| self.run(run)).collect();
        told.dedup();
        told
    }

    fn alike(one: &Note<C>, next: &Note<C>) -> bool {
        match (one, next) {
            (Note::KeptDraft(by, ..), Note::KeptDraft(other, ..)) => by == other,
            (Note::Sealed(by, block), Note::Sealed(other, next)) => {
                by == other && C::decided("", &block.by) == C::decided("", &next.by)
            }
            _ => false,
        }
    }

    fn run(&self, run: &[&Note<C>]) -> String {
        let points = run.iter().filter_map(|note| match note {
            Note::KeptDraft(_, entry, mark) => {
                Some(self.names.point(&entry.at) + &C::mark_words(mark))
            }
            Note::Sealed(_, block) => Some(self.names.point(&block.entry.at)),
            _ => None,
        });
        let points = points.collect::<Vec<String>>().join(" ");
        match run.first() {
            Some(Note::Lost(letter)) => format!("{} (lost)", self.letter(letter)),
            Some(Note::KeptVote(by, kept)) => {
                format!("{} keeps {}", name(*by), C::kept_words(kept))
            }
            Some(Note::KeptDraft(by, ..)) => format!("{} keeps {points}", name(*by)),
            Some(Note::Sealed(by, block)) => {
                format!("{} {}", name(*by), C::decided(&points, &block.by))
            }
            Some(Note::Seeks(by, height)) => {
                format!("{} looks for what is {} up to {height}", name(*by), C::DECIDED)
            }
            Some(Note::Dropped(by, from, reason)) => {
                let reason = format!("{reason:?}").to_lowercase();
                format!("{} drops it: what {} says is {reason}", name(*by), name(*from))
            }
            Some(Note::Sent(_) | Note::Read(..)) | None => String::new(),
        }
    }

    /// A machine as it is: what it promised, what it does, and its log, what is decided in brackets.
    pub(super) fn machine(&self, id: AuthorityId) -> String {
        let Some(node) = self.group.nodes.get(&id) else {
            return format!("{} is nobody", name(id));
        };
        let (own, log) = (name(id), self.log_words(node));
        let Some(core) = &node.core else {
            return format!("{own}: down, kept {}, log {log}", C::kept_words(&node.kept));
        };
        let tasks = if node.tasks.is_empty() { "" } else { ", disk busy" };
        format!("{own}: {}{tasks}, log {log}", core.state())
    }

    fn log_words(&self, node: &Node<C>) -> String {
        let log = node.log();
        let sealed = node.chain.len();
        let mut words = Vec::new();
        for (place, entry) in log.iter().enumerate().skip(1) {
            let called = self.names.0.get(&entry.at.id).cloned().unwrap_or_default();
            let mark = match &node.core {
                _ if place < sealed => None,
                Some(core) => core.mark(entry.at.height),
                None => node.drafts.get(&entry.at.height).map(|(_, mark)| mark.clone()),
            };
            let mark = mark.map_or(String::new(), |mark| C::mark_words(&mark));
            words.push(called + &change(&log[place - 1].voters, entry) + &mark);
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

/// Which voters an entry adds and removes.
fn change(below: &Arc<Authorities>, entry: &Entry) -> String {
    let added = entry.voters.difference(below).map(|id| format!("+{}", name(*id)));
    let removed = below.difference(&entry.voters).map(|id| format!("-{}", name(*id)));
    added.chain(removed).collect()
}
