//! How messages travel.

use borsh::{BorshDeserialize, BorshSerialize};

use super::Ref;
use crate::consensus::{Message, Point};
use crate::types::{BlockId, Bounded, Draft, GenesisId, Seal, decode};

/// Seals in one message.
pub const SEALS_MAX: usize = 64;

/// A seal, and of which block.
pub type SealOf = (Point, Seal);

/// Drafts that a message brought, by their ids.
pub type Brought = Vec<(BlockId, Draft)>;

/// What travels: a protocol's messages with bodies, and seals for drafts that are there already.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Wire<M> {
    /// A message of the protocol.
    Said(M),
    /// These drafts are decided, lowest first.
    Sealed(Bounded<SealOf, SEALS_MAX>),
}

/// A message that may hold more than whoever speaks the protocol ever says at a time.
pub trait Fits {
    /// Whether it holds no more.
    fn fits(&self) -> bool;
}

impl<M: BorshSerialize> Wire<M> {
    /// For a stream; nothing if it is larger than streams carry.
    pub fn encode(&self) -> Option<Message> {
        Message::pack(self)
    }
}

impl<M: BorshDeserialize + Fits> Wire<M> {
    /// From a stream; nothing if it says nothing.
    pub fn decode(message: &Message) -> Option<Self> {
        let wire: Self = decode(&message.0).ok()?;
        let fits = match &wire {
            Self::Said(said) => said.fits(),
            Self::Sealed(_) => true,
        };
        fits.then_some(wire)
    }
}

/// A message between cores, in which drafts are names.
pub trait LogMessage: Sized + Clone {
    /// The same with the bodies of its drafts, on its way out.
    type Sent<'a>: BorshSerialize;
    /// And where it arrives.
    type Arrived: BorshDeserialize + Fits;

    /// With the bodies of its drafts; nothing if one of them is gone.
    fn with<'a>(self, body: impl Fn(&Ref) -> Option<&'a Draft>) -> Option<Self::Sent<'a>>;

    /// With names in place of drafts, and those drafts by their ids; nothing if one claims by no round.
    fn named(arrived: Self::Arrived, chain: &GenesisId) -> Option<(Self, Brought)>;

    /// Two messages that say the same one after the other; nothing if it has less than two drafts.
    fn halves(self) -> Option<(Self, Self)>;
}

/// Names a draft that a message brought, and puts it with the others.
pub fn name(draft: Draft, chain: &GenesisId, brought: &mut Brought) -> Option<Ref> {
    let name = Ref::of(&draft, chain)?;
    brought.push((name.at.id, draft));
    Some(name)
}
