//! Reads that see everything that was final when they were asked for.
//!
//! Whoever reads asks everybody up to where it committed. What was sealed by then, a quorum had committed to, and it shares an
//! honest member with any quorum that says that it committed to nothing above some height; so nothing above that was
//! sealed. A liar may say what it likes: too high a word is not needed, and too low a one alone is not enough.

use std::collections::BTreeMap;

use super::{Core, Effect, Message};
use crate::consensus::AuthorityId;
use crate::consensus::pbft::message::Signer;
use crate::types::Height;

/// Reads that are asked about at a time; the oldest go.
const ASKED_MAX: usize = 1024;

/// What was answered, by the number of the question.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Reads(BTreeMap<u64, BTreeMap<AuthorityId, Height>>);

impl<K: Signer> Core<K> {
    /// Somebody on this side wants to read: [`Effect::Read`] tells from which height on it sees enough.
    pub fn read(&mut self, number: u64, out: &mut Vec<Effect<K::Signature>>) {
        if !self.reads.0.contains_key(&number) && self.reads.0.len() >= ASKED_MAX {
            self.reads.0.pop_first();
        }
        self.reads.0.entry(number).or_default();
        out.push(Effect::Tell(Message::Ask { number }));
        if self.is_voter() {
            self.answered(self.me(), number, self.stand(), out);
        }
    }

    /// The highest that this one committed to.
    fn stand(&self) -> Height {
        match self.kept.prepared {
            Some(_) => self.height(),
            None => self.sealed.at.height,
        }
    }

    pub(super) fn asked(
        &self,
        from: AuthorityId,
        number: u64,
        out: &mut Vec<Effect<K::Signature>>,
    ) {
        if self.is_voter() {
            out.push(Effect::Send(from, Message::Stand { number, height: self.stand() }));
        }
    }

    /// Somebody answered. Its first word counts: a later one may say more, which nobody has to see.
    pub(super) fn answered(
        &mut self,
        from: AuthorityId,
        number: u64,
        height: Height,
        out: &mut Vec<Effect<K::Signature>>,
    ) {
        if let Some(answers) = self.reads.0.get_mut(&number) {
            answers.entry(from).or_insert(height);
            self.look_at_reads(out);
        }
    }

    /// Whoever has a quorum that committed to nothing above the blocks that are here sees enough.
    pub(super) fn look_at_reads(&mut self, out: &mut Vec<Effect<K::Signature>>) {
        let (here, quorum) = (self.sealed.at.height, self.quorum());
        let voters = &self.sealed.voters;
        self.reads.0.retain(|number, answers| {
            let counts =
                |(of, stand): &(&AuthorityId, &Height)| voters.contains(of) && **stand <= here;
            let enough = answers.iter().filter(counts).count() >= quorum;
            if enough {
                out.push(Effect::Read(*number, here));
            }
            !enough
        });
    }
}
