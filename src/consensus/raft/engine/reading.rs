//! Reads that wait: for the leader's word, and for the blocks that it names.

use std::collections::BTreeMap;

use super::{READING, RaftEngine};
use crate::consensus::{Action, Context, Outbox};
use crate::types::{Height, Span, Time};

/// After so long nobody says any more what a read has to see.
const PATIENCE: Span = Span::seconds(5);

/// Reads that wait at a time.
const READS_MAX: usize = 1024;

/// Reads of people on this side.
#[derive(Debug)]
pub(super) struct Reads {
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
    pub(super) fn new(seed: u64) -> Self {
        Self { waiting: BTreeMap::new(), number: seed }
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
            out.push(Action::SetTimer { timer: READING, at: now });
        }
    }
}

impl RaftEngine {
    /// Somebody here wants to read.
    pub(super) fn read(&mut self, ticket: u64, cx: &Context<'_>, out: &mut Outbox) {
        let refused = match (&self.core, self.reads.waiting.len()) {
            (None, _) => Some("this node is no authority: ask one that is, or read what is here"),
            (_, READS_MAX..) => Some("too many reads wait for an answer: try again"),
            _ => None,
        };
        if let Some(reason) = refused {
            let outcome = Err(reason.into());
            return out.push(Action::Answer { ticket, outcome });
        }
        self.reads.number = self.reads.number.wrapping_add(1);
        let (number, until) = (self.reads.number, cx.now.after(PATIENCE));
        self.reads.waiting.insert(number, Waiting { ticket, until, height: None });
        self.step(cx, out, |core, effects| core.read(number, effects));
        self.look_again(cx, out);
    }

    /// Asks again for those that nobody answered, and gives up on those that waited too long.
    pub(super) fn read_again(&mut self, cx: &Context<'_>, out: &mut Outbox) {
        let leader = self.core.as_ref().and_then(|core| core.leader());
        self.reads.waiting.retain(|_, waiting| {
            let over = waiting.until <= cx.now;
            if over {
                let who = if leader.is_some() { "a leader" } else { "nobody" };
                let reason = format!(
                    "no majority of the authorities confirmed within {PATIENCE} what has to be seen ({who} leads as far \
                     as this node knows): try again, or read what is here"
                );
                out.push(Action::Answer { ticket: waiting.ticket, outcome: Err(reason) });
            }
            !over
        });
        let unknown =
            |(number, waiting): (&u64, &Waiting)| waiting.height.is_none().then_some(*number);
        let unknown: Vec<u64> = self.reads.waiting.iter().filter_map(unknown).collect();
        for number in unknown {
            self.step(cx, out, |core, effects| core.read(number, effects));
        }
        self.look_again(cx, out);
    }

    fn look_again(&self, cx: &Context<'_>, out: &mut Outbox) {
        if !self.reads.waiting.is_empty() {
            let at = cx.now.after(self.params().election_timeout);
            out.push(Action::SetTimer { timer: READING, at });
        }
    }
}
