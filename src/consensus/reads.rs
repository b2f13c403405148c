//! Reads that wait: for the word of authorities about what has to be seen, and for the blocks that this names.
//!
//! Which word that is, is the protocol's: a read has a number, and whoever knows says from which height on it sees enough.

use std::collections::BTreeMap;

use super::{Action, Outbox, Timer};
use crate::types::{Height, Span, Time};

/// After so long nobody says any more what a read has to see.
const PATIENCE: Span = Span::seconds(5);

/// Reads that wait at a time.
const READS_MAX: usize = 1024;

/// Reads of people on this side.
#[derive(Debug)]
pub(super) struct Reads {
    /// The clock by which those that nobody answered are asked for again.
    timer: Timer,
    every: Span,
    waiting: BTreeMap<u64, Waiting>,
    /// The number of the last one. Each process begins somewhere else, so that no answer that an earlier one waited for is
    /// taken for a later one's.
    number: u64,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    until: Time,
    /// What it has to see, once that is known.
    height: Option<Height>,
}

impl Reads {
    /// None yet; those that nobody answers are asked for again so often, by this clock.
    pub(super) fn new(seed: u64, timer: Timer, every: Span) -> Self {
        Self { timer, every, waiting: BTreeMap::new(), number: seed }
    }

    /// Somebody wants to read: gives the number to ask under, unless there is nobody to ask or too many ask already.
    pub(super) fn begin(
        &mut self,
        ticket: u64,
        is_authority: bool,
        now: Time,
        out: &mut Outbox,
    ) -> Option<u64> {
        let refused = match (is_authority, self.waiting.len()) {
            (false, _) => Some("this node is no authority: ask one that is, or read what is here"),
            (_, READS_MAX..) => Some("too many reads wait for an answer: try again"),
            _ => None,
        };
        if let Some(reason) = refused {
            let outcome = Err(reason.into());
            out.push(Action::Answer { ticket, outcome });
            return None;
        }
        self.number = self.number.wrapping_add(1);
        let waiting = Waiting { ticket, until: now.after(PATIENCE), height: None };
        self.waiting.insert(self.number, waiting);
        Some(self.number)
    }

    /// It is known what a read has to see.
    pub(super) fn ready(&mut self, number: u64, height: Height) {
        if let Some(waiting) = self.waiting.get_mut(&number) {
            waiting.height.get_or_insert(height);
        }
    }

    /// Answers those that see what they have to.
    pub(super) fn answer(&mut self, head: Height, out: &mut Outbox) {
        self.waiting.retain(|_, waiting| match waiting.height {
            Some(height) if height <= head => {
                let (ticket, outcome) = (waiting.ticket, Ok(height));
                out.push(Action::Answer { ticket, outcome });
                false
            }
            _ => true,
        });
    }

    /// Somebody else leads: whoever waits is asked for anew, soon.
    pub(super) fn ask_again(&self, now: Time, out: &mut Outbox) {
        if !self.waiting.is_empty() {
            out.push(Action::SetTimer { timer: self.timer, at: now });
        }
    }

    /// Gives up on those that waited too long, because `why`; gives the numbers of those that nobody answered yet.
    pub(super) fn again(&mut self, why: &str, now: Time, out: &mut Outbox) -> Vec<u64> {
        self.waiting.retain(|_, waiting| {
            let over = waiting.until <= now;
            if over {
                let reason = format!("{why} within {PATIENCE}: try again, or read what is here");
                out.push(Action::Answer { ticket: waiting.ticket, outcome: Err(reason) });
            }
            !over
        });
        let unknown = self.waiting.iter().filter(|(_, waiting)| waiting.height.is_none());
        unknown.map(|(number, _)| *number).collect()
    }

    /// Wakes up while somebody waits.
    pub(super) fn look_again(&self, now: Time, out: &mut Outbox) {
        if !self.waiting.is_empty() {
            out.push(Action::SetTimer { timer: self.timer, at: now.after(self.every) });
        }
    }
}
