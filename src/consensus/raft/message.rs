//! What authorities say to each other under Raft.

use borsh::{BorshDeserialize, BorshSerialize};

use super::core::{Point, Ref};
use crate::consensus::log::{
    Brought, DRAFTS_MAX, Heard, LogMessage, Packed, SEALS_MAX, SealOf, pack,
};
use crate::types::{Bounded, Claim, Draft, GenesisId, Height, decode};

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

impl Message<Ref> {
    /// The message with the bodies of its drafts; nothing if one of them is gone.
    pub fn with<D>(self, body: impl Fn(&Ref) -> Option<D>) -> Option<Message<D>> {
        self.map(|draft| body(&draft))
    }

    /// Two messages that say the same one after the other; nothing if it has less than two drafts.
    pub fn halves(self) -> Option<(Self, Self)> {
        let Self::Append { term, round, prev, mut drafts, committed } = self else { return None };
        let rest = drafts.split_off(drafts.len() / 2);
        let between = drafts.last()?.at;
        let first = Self::Append { term, round, prev, drafts, committed };
        Some((first, Self::Append { term, round, prev: between, drafts: rest, committed }))
    }
}

impl Message<Draft> {
    /// The message with names in place of drafts, and those drafts by their ids; nothing if one claims by no term.
    pub fn named(self, chain: &GenesisId) -> Option<(Message<Ref>, Brought)> {
        let mut bodies = Vec::new();
        let named = self.map(|draft: Draft| {
            let Claim::Round { round } = draft.header.claim else { return None };
            let id = draft.id(chain);
            let at = Point { height: draft.header.height, id };
            bodies.push((id, draft));
            Some(Ref { at, term: round })
        });
        named.map(|named| (named, bodies))
    }
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

impl LogMessage for Message<Ref> {
    fn packed<'a>(self, body: impl Fn(&Ref) -> Option<&'a Draft>) -> Option<Packed> {
        self.with(body).map(|full| Wire::Raft(full).encode())
    }

    fn unpacked(message: &crate::consensus::Message, chain: &GenesisId) -> Option<Heard<Self>> {
        match Wire::<Draft>::decode(message)? {
            Wire::Raft(message) => {
                message.named(chain).map(|(said, drafts)| Heard::Said(said, drafts))
            }
            Wire::Sealed(seals) => Some(Heard::Sealed(seals.into_inner())),
        }
    }

    fn sealed(seals: Vec<SealOf>) -> Packed {
        Wire::<Draft>::Sealed(Bounded::truncated(seals)).encode()
    }

    fn halves(self) -> Option<(Self, Self)> {
        self.halves()
    }
}

/// What travels: the protocol's messages with bodies, and seals for drafts that are there already.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Wire<D> {
    /// A message of the protocol.
    Raft(Message<D>),
    /// These drafts are decided, lowest first.
    Sealed(Bounded<SealOf, SEALS_MAX>),
}

impl<D: BorshSerialize> Wire<D> {
    /// For a stream; nothing if it is larger than streams carry.
    pub fn encode(&self) -> Packed {
        pack(self)
    }
}

impl<D: BorshDeserialize> Wire<D> {
    /// From a stream; nothing if it says nothing.
    pub fn decode(message: &crate::consensus::Message) -> Option<Self> {
        let wire: Self = decode(&message.0).ok()?;
        match &wire {
            Self::Raft(Message::Append { drafts, .. }) if drafts.len() > DRAFTS_MAX => None,
            _ => Some(wire),
        }
    }
}
