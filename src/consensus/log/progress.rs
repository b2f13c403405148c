//! What a leader knows of a follower.

use crate::types::Height;

/// How far a follower is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Progress {
    /// Its log is the leader's up to here.
    pub matched: Height,
    /// What to send next.
    pub next: Height,
    /// What it has sealed, by its own word.
    pub sealed: Height,
    /// It lacks sealed blocks, which are not the leader's to send.
    pub behind: bool,
    /// The latest heartbeat that it answered.
    pub round: u64,
    /// The heartbeat before which drafts were last sent.
    pub sent: u64,
}

/// What a follower says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Answer {
    /// The heartbeat that it answers; 0 if it answers none.
    pub round: u64,
    /// Where its log is the leader's; nothing if it lacks what it was told to stand before.
    pub matched: Option<Height>,
    /// What it has been sent, and may still be looking at.
    pub holds: Height,
    /// What it has sealed of what the leader has.
    pub sealed: Height,
}

impl Progress {
    /// Nothing is known; drafts are sent from `next` on, after this heartbeat.
    pub fn new(next: Height, sent: u64) -> Self {
        let (matched, sealed) = (Height(0), Height(0));
        Self { matched, next, sealed, behind: false, round: 0, sent }
    }

    /// It answers a leader that has sealed up to `sealed` and whose log ends at `last`.
    pub fn answered(&mut self, answer: Answer, sealed: Height, last: Height) {
        let Answer { round, matched, holds, sealed: shared } = answer;
        self.round = self.round.max(round);
        self.sealed = self.sealed.max(shared);
        let known = matched.unwrap_or_default().max(shared).min(last);
        self.matched = self.matched.max(known);
        let has = self.matched.max(if matched.is_some() { holds.min(last) } else { shared });
        self.behind = matched.is_none() && shared < sealed;
        // An answer to what was sent after the last drafts: if they are not there, they are lost.
        if matched.is_none() || (round > self.sent && has.next() < self.next) {
            self.next = has.max(sealed).next().min(last.next());
        }
    }
}
