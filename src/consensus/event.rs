//! What happens to an engine, in the past tense.

use borsh::{BorshDeserialize, BorshSerialize};

use super::Stake;
use crate::chain::Imported;
use crate::types::{Address, Bounded, Seal, TransactionId, encode};

/// Bytes in a message between authorities: the largest draft that a spec allows, and what a rule says about it.
pub const MESSAGE_BYTES_MAX: usize = (4 << 20) + (16 << 10);

/// An authority, by the address of the key that authenticates its streams: the chain knows authorities by address.
pub type AuthorityId = Address;

/// A message between authorities, encoded by the rule that sends it: no transport reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Message(pub Bounded<u8, MESSAGE_BYTES_MAX>);

impl Message {
    /// What a rule says, encoded; nothing if it is larger than streams carry.
    pub fn pack(said: &impl BorshSerialize) -> Option<Self> {
        let bytes = encode(said);
        let fits = bytes.len() <= MESSAGE_BYTES_MAX;
        fits.then(|| Self(Bounded::truncated(bytes)))
    }
}

/// The name of a value that an engine keeps across crashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Record(pub Bounded<u8, 64>);

/// Something heavy that was asked for. Numbers are never used twice, so a result that comes too late is recognised.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct OrderId(pub u64);

/// What an engine can wait for. Setting a timer replaces it; a spurious wake does no harm.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Timer {
    /// Time to renew the draft that is being sealed.
    Draft,
    /// Time to say what a decorator of the engine holds back; no rule sets it.
    Held,
    /// Whatever the rule counts under this number.
    Own(u8),
}

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The node is up: the tree is loaded, and these are the records that were durable.
    Start {
        /// Names and values.
        saved: Vec<(Record, Vec<u8>)>,
    },
    /// A block entered the tree, ours or another's.
    Imported(Imported),
    /// An authority sent a message.
    Received {
        /// The sender, authenticated.
        from: AuthorityId,
        /// The message.
        message: Message,
    },
    /// A timer ran out.
    Elapsed(Timer),
    /// The search numbered `order` ended with a seal.
    Found {
        /// Which search.
        order: OrderId,
        /// The proof it found.
        seal: Seal,
    },
    /// The block of [`super::Action::Sign`] was signed, or whoever should have signed it is not here.
    Signed {
        /// Which request.
        order: OrderId,
        /// The signature.
        seal: Option<Seal>,
    },
    /// The draft of [`super::Action::Verify`] was looked at.
    Verified {
        /// Which.
        order: OrderId,
        /// The ids of its transactions, if its body is the one that its header names and every signature in it verifies.
        sound: Option<Vec<TransactionId>>,
    },
    /// The pool took in transactions.
    PoolFilled,
    /// Somebody on this side wants to read what everybody who reads from now on reads too: nothing that was final
    /// anywhere by now may be missing (Herlihy and Wing 1990). To be answered by [`super::Action::Answer`].
    Read {
        /// The number that the answer carries.
        ticket: u64,
    },
    /// The operator wants blocks paid to this address, or none made at all.
    Payout(Option<Address>),
    /// The operator wants the coins of these owners staked, or none at all.
    Stake(Option<Stake>),
}
