//! What authorities say to each other under Multi-Paxos.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::consensus::log::{Brought, DRAFTS_MAX, Fits, LogMessage, Ref, name};
use crate::consensus::{AuthorityId, Point};
use crate::types::{Draft, GenesisId, Height};

/// Votes in one promise: an acceptor accepts no more above what it knows to be decided, since it has to tell all of them.
pub const VOTES_MAX: usize = 256;

/// A ballot: rounds are compared first, and in one round proposers. A proposer is an address and not a place among the
/// authorities, so that no two ever share a ballot, however the set changes. The zeroth is nobody's.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct Ballot {
    /// The round: what drafts that are made in it claim by, and what its seals carry.
    pub round: u64,
    /// Whose it is.
    pub proposer: AuthorityId,
}

/// A draft that an acceptor accepted, and the highest ballot in which it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// Which.
    pub draft: Ref,
    /// In which ballot.
    pub ballot: Ballot,
}

/// What an acceptor has accepted: one draft upon the other, from right above its sealed head.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Accepts {
    /// Its sealed head: what stands up to there is chosen.
    pub sealed: Point,
    /// Lowest first.
    pub votes: Vec<Vote>,
}

impl Accepts {
    /// Whether the votes are for a line of drafts.
    pub fn stand(&self) -> bool {
        let heights = (self.sealed.height.0 + 1)..;
        self.votes.len() <= VOTES_MAX
            && self.votes.iter().zip(heights).all(|(vote, height)| vote.draft.at.height.0 == height)
    }

    /// The vote for what stands on a block or draft, if there is one.
    pub fn above(&self, below: &Point) -> Option<&Vote> {
        let place = below.height.0.checked_sub(self.sealed.height.0)?;
        let place = usize::try_from(place).ok()?;
        let under = match place.checked_sub(1) {
            None => self.sealed,
            Some(place) => self.votes.get(place)?.draft.at,
        };
        self.votes.get(place).filter(|_| under == *below)
    }
}

/// A message of the protocol. `D` is a draft on the wire, and its name in the core.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Message<D> {
    /// 1a: promise to accept nothing in lower ballots.
    Prepare {
        /// The ballot.
        ballot: Ballot,
        /// My sealed head.
        sealed: Point,
    },
    /// 1b: promised; and what was accepted so far.
    Promise {
        /// The ballot.
        ballot: Ballot,
        /// My sealed head.
        sealed: Point,
        /// What I accepted above it, lowest first.
        votes: Vec<Vote>,
    },
    /// A ballot is too low, or comes while a leader is heard.
    Refused {
        /// The ballot that was promised.
        ballot: Ballot,
    },
    /// What others accepted has to be proposed again: send me these, which I lack.
    Want {
        /// My ballot.
        ballot: Ballot,
        /// Which, lowest first.
        drafts: Vec<Ref>,
    },
    /// Here they are.
    Bring {
        /// The ballot of whoever wants them.
        ballot: Ballot,
        /// Those that are here.
        drafts: Vec<D>,
    },
    /// 2a, for one height after the other; a heartbeat without drafts.
    Accept {
        /// The ballot.
        ballot: Ballot,
        /// The number of the last heartbeat.
        beat: u64,
        /// What the first draft stands on: accepted in this ballot too, or sealed.
        prev: Point,
        /// Drafts, lowest first.
        drafts: Vec<D>,
        /// The leader's sealed head.
        sealed: Point,
    },
    /// 2b, once at once and once more for each draft that is durable.
    Accepted {
        /// The ballot.
        ballot: Ballot,
        /// The heartbeat that it answers; 0 if it answers none.
        beat: u64,
        /// Everything up to here is accepted in this ballot or sealed; nothing if that does not reach to where it was told
        /// to go on.
        upto: Option<Height>,
        /// What it has been sent, and may still be looking at.
        holds: Height,
        /// Its sealed head.
        sealed: Point,
    },
    /// What does a read have to see that begins now?
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
            Self::Prepare { ballot, sealed } => Message::Prepare { ballot, sealed },
            Self::Promise { ballot, sealed, votes } => Message::Promise { ballot, sealed, votes },
            Self::Refused { ballot } => Message::Refused { ballot },
            Self::Want { ballot, drafts } => Message::Want { ballot, drafts },
            Self::Bring { ballot, drafts } => {
                let drafts = drafts.into_iter().map(draft).collect::<Option<Vec<E>>>()?;
                Message::Bring { ballot, drafts }
            }
            Self::Accept { ballot, beat, prev, drafts, sealed } => {
                let drafts = drafts.into_iter().map(draft).collect::<Option<Vec<E>>>()?;
                Message::Accept { ballot, beat, prev, drafts, sealed }
            }
            Self::Accepted { ballot, beat, upto, holds, sealed } => {
                Message::Accepted { ballot, beat, upto, holds, sealed }
            }
            Self::ReadIndex { number } => Message::ReadIndex { number },
            Self::ReadReady { number, height } => Message::ReadReady { number, height },
        })
    }
}

impl<D> Fits for Message<D> {
    fn fits(&self) -> bool {
        match self {
            Self::Accept { drafts, .. } | Self::Bring { drafts, .. } => drafts.len() <= DRAFTS_MAX,
            Self::Want { drafts, .. } => drafts.len() <= DRAFTS_MAX,
            Self::Promise { votes, .. } => votes.len() <= VOTES_MAX,
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
        match self {
            Self::Accept { ballot, beat, prev, mut drafts, sealed } => {
                let rest = drafts.split_off(drafts.len() / 2);
                let between = drafts.last()?.at;
                let first = Self::Accept { ballot, beat, prev, drafts, sealed };
                Some((first, Self::Accept { ballot, beat, prev: between, drafts: rest, sealed }))
            }
            Self::Bring { ballot, mut drafts } => {
                let rest = drafts.split_off(drafts.len() / 2);
                drafts.last()?;
                Some((Self::Bring { ballot, drafts }, Self::Bring { ballot, drafts: rest }))
            }
            _ => None,
        }
    }
}

/// What travels.
pub type Wire<D> = crate::consensus::log::Wire<Message<D>>;
