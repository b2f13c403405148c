//! What authorities say to each other under Raft.

use borsh::{BorshDeserialize, BorshSerialize};

use super::core::{Point, Ref};
use crate::consensus::log::{Brought, DRAFTS_MAX, Fits, LogMessage, name};
use crate::types::{Draft, GenesisId, Height};

/// The end of a log (Raft 5.4.1). The later term is the more up to date, and in one term the longer log.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Last {
    /// The term of its last entry.
    pub term: u64,
    /// The height of its last entry.
    pub height: Height,
}

/// A message of the protocol. `D` is a draft on the wire, and its name in the core.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Message<D> {
    /// Would you vote for me in this term, which is not mine yet? (thesis 9.6)
    PreVote {
        /// The term.
        term: u64,
        /// The end of my log.
        last: Last,
    },
    /// RequestVote (Raft 5.2).
    Vote {
        /// The term.
        term: u64,
        /// The end of my log.
        last: Last,
        /// The leader wants it so (thesis 3.10).
        transfer: bool,
    },
    /// The answer to both: in the first case nothing was promised.
    Voted {
        /// The term that was asked for, or a later one.
        term: u64,
        /// To which of them.
        before: bool,
        /// Whether the vote is given.
        granted: bool,
    },
    /// AppendEntries (Raft 5.3); a heartbeat without drafts.
    Append {
        /// The leader's term.
        term: u64,
        /// The number of the last heartbeat.
        round: u64,
        /// What the first draft stands on.
        prev: Point,
        /// Drafts, lowest first.
        drafts: Vec<D>,
        /// The leader's sealed head.
        committed: Point,
    },
    /// The answer, once at once and once more for each draft that is durable.
    Appended {
        /// The follower's term.
        term: u64,
        /// The heartbeat that it answers; 0 if it answers none.
        round: u64,
        /// Where its log is the leader's; nothing if it lacks what it was told to stand before.
        matched: Option<Height>,
        /// What it has been sent, and may still be looking at.
        holds: Height,
        /// Its sealed head.
        sealed: Point,
    },
    /// Start an election at once (thesis 3.10).
    TimeoutNow {
        /// The leader's term.
        term: u64,
    },
    /// What does a read have to see that begins now? (thesis 6.4)
    ReadIndex {
        /// The reader's number for it.
        number: u64,
    },
    /// This much.
    ReadReady {
        /// The reader's number.
        number: u64,
        /// Everything up to here.
        height: Height,
    },
}

impl<D> Message<D> {
    fn map<E>(self, draft: impl FnMut(D) -> Option<E>) -> Option<Message<E>> {
        Some(match self {
            Self::PreVote { term, last } => Message::PreVote { term, last },
            Self::Vote { term, last, transfer } => Message::Vote { term, last, transfer },
            Self::Voted { term, before, granted } => Message::Voted { term, before, granted },
            Self::Append { term, round, prev, drafts, committed } => {
                let drafts = drafts.into_iter().map(draft).collect::<Option<Vec<E>>>()?;
                Message::Append { term, round, prev, drafts, committed }
            }
            Self::Appended { term, round, matched, holds, sealed } => {
                Message::Appended { term, round, matched, holds, sealed }
            }
            Self::TimeoutNow { term } => Message::TimeoutNow { term },
            Self::ReadIndex { number } => Message::ReadIndex { number },
            Self::ReadReady { number, height } => Message::ReadReady { number, height },
        })
    }
}

impl<D> Fits for Message<D> {
    fn fits(&self) -> bool {
        match self {
            Self::Append { drafts, .. } => drafts.len() <= DRAFTS_MAX,
            _ => true,
        }
    }
}

impl LogMessage for Message<Ref> {
    type Sent<'a> = Message<&'a Draft>;
    type Arrived = Message<Draft>;

    fn with<'a>(self, body: impl Fn(&Ref) -> Option<&'a Draft>) -> Option<Message<&'a Draft>> {
        self.map(|draft| body(&draft))
    }

    fn named(arrived: Message<Draft>, chain: &GenesisId) -> Option<(Self, Brought)> {
        let mut brought = Brought::new();
        let named = arrived.map(|draft| name(draft, chain, &mut brought))?;
        Some((named, brought))
    }

    fn halves(self) -> Option<(Self, Self)> {
        let Self::Append { term, round, prev, mut drafts, committed } = self else { return None };
        let rest = drafts.split_off(drafts.len() / 2);
        let between = drafts.last()?.at;
        let first = Self::Append { term, round, prev, drafts, committed };
        Some((first, Self::Append { term, round, prev: between, drafts: rest, committed }))
    }
}

/// What travels.
pub type Wire<D> = crate::consensus::log::Wire<Message<D>>;
