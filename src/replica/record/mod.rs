//! Recordings of a replica: every input with its time, and a digest of what came out, in one file.
//!
//! A replica follows from what it was opened with and from its inputs. So whoever keeps both can run it again, elsewhere
//! and slowly, and see what it saw. A recording holds a *life* for each process that ran on the same data:
//!
//! ```text
//! Start    what the replica is told: for whom it signs, whom its blocks pay, which block its operator vouches for
//! Stored   what its store holds, in pieces
//! Open     the moment at which it is opened
//! Input    a moment, an input, and eight bytes of the digest of all that came out before it
//! Mark     now and then: the whole digest, and where the replica stands
//! End      the same, and nothing follows in this life; or
//! Lost     why no more could be written
//! ```
//!
//! An input is written before it is handled, so the one that brings a process down is in the file. A life that ends with
//! neither `End` nor `Lost` was killed. The next one brings its store along: after a crash only the store itself knows how
//! much of it survived, and it may know of inputs that never reached the file. So a crash takes the last few inputs of a
//! recording and nothing else, and every life can be replayed for itself.
//!
//! The index of histories is left out of the store: nothing that a replica says depends on it.
//!
//! - [`Recorder`]: the entries of a life as it goes
//! - [`Digest`], [`Mark`]: what is compared
//! - [`RecordWriter`], [`RecordReader`]: the file

mod file;
mod stored;

use borsh::{BorshDeserialize, BorshSerialize};

pub use file::{
    Head, MAGIC, RECORD_BYTES_MAX, RECORD_FORMAT, RecordError, RecordReader, RecordWriter, Tail,
};
pub use stored::{differing, write_store};

use super::{Input, Output, Replica, Report};
use crate::consensus::{Seat, Stake};
use crate::store::Store;
use crate::types::{Address, BlockId, Height, Keypair, Time, encode};

/// Inputs from one [`Mark`] to the next.
pub const MARK_EVERY: u64 = 256;

/// What a replica is told when it is opened, beside its chain and its store.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Start {
    /// The authority that it acts for. Its key is no recording's business: whoever replays has to bring it.
    pub authority: Option<Address>,
    /// Whom its blocks pay; `None` if it makes none.
    pub payout: Option<Address>,
    /// Whose coins it stakes.
    pub stake: Option<Stake>,
    /// What its engine draws its chances from.
    pub seed: u64,
    /// Which block belongs at a height, by the operator's word.
    pub checkpoint: Option<(Height, BlockId)>,
}

impl Start {
    /// What a replica is told whose engine has this seat.
    pub fn of(seat: &Seat, checkpoint: Option<(Height, BlockId)>) -> Self {
        let authority = seat.authority();
        let stake = seat.stake.clone();
        Self { authority, payout: seat.payout, stake, seed: seat.seed, checkpoint }
    }

    /// The seat of its engine; the key of the authority is asked of whoever has it, and there is no seat without.
    pub fn seat(&self, key: impl FnOnce(&Address) -> Option<Keypair>) -> Option<Seat> {
        let key = match &self.authority {
            Some(authority) => Some(key(authority)?),
            None => None,
        };
        let stake = self.stake.clone();
        Some(Seat { key, payout: self.payout, stake, seed: self.seed })
    }
}

/// An entry of a store.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Stored {
    /// The place of the table in [`Table::ALL`](crate::store::Table::ALL).
    pub table: u8,
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

/// A piece of a recording; `I` is the input or a reference to it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Entry<I = Input> {
    /// A life begins.
    Start(Start),
    /// A part of what its store holds.
    Stored(Vec<Stored>),
    /// The replica is opened.
    Open {
        /// When.
        now: Time,
        /// How many entries of the store were written.
        entries: u64,
    },
    /// Something happened.
    Input {
        /// When.
        now: Time,
        /// [`Digest::check`] of all that came out before.
        check: u64,
        /// What.
        input: I,
    },
    /// Where the replica stands.
    Mark(Mark),
    /// It was stopped.
    End(Mark),
    /// Why nothing more is written of this life.
    Lost(String),
}

/// A hash over what came out of a replica, in order, with the times at which it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Digest([u8; 32]);

impl Default for Digest {
    fn default() -> Self {
        Self(*blake3::hash(b"").as_bytes())
    }
}

impl Digest {
    /// Adds what came out at a moment.
    pub fn add(&mut self, now: Time, outputs: &[Output]) {
        let mut hasher = blake3::Hasher::new_derive_key("assay recording v1");
        let parts = (self.0, now, outputs);
        borsh::to_writer(&mut hasher, &parts).expect("a hasher takes everything");
        self.0 = *hasher.finalize().as_bytes();
    }

    /// Eight bytes of it.
    pub fn check(&self) -> u64 {
        u64::from_le_bytes(*self.0.first_chunk().expect("a hash has more than eight bytes"))
    }

    /// All of it, in hexadecimal digits.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

/// Where a replica stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Mark {
    /// Inputs of this life so far.
    pub inputs: u64,
    /// The digest of what came out so far.
    pub digest: Digest,
    /// The end of the best branch.
    pub head: BlockId,
    /// Its height.
    pub height: Height,
    /// The height of the final block.
    pub final_height: Height,
    /// Pending transactions.
    pub pending: u64,
    /// Peers.
    pub peers: u64,
}

impl Mark {
    /// Where a replica stands after so many inputs.
    pub fn of<S: Store>(replica: &Replica<S>, inputs: u64, digest: Digest) -> Self {
        let (head, root) = (replica.tree().head(), replica.tree().root());
        Self {
            inputs,
            digest,
            head: head.id,
            height: head.height(),
            final_height: root.height(),
            pending: replica.pool().len() as u64,
            peers: replica.peers.len() as u64,
        }
    }
}

/// Makes the entries of a life, encoded: they are handed on as bytes.
#[derive(Debug)]
pub struct Recorder {
    digest: Digest,
    inputs: u64,
    /// The moment of what was put in and has not been answered.
    waits: Option<Time>,
}

impl Recorder {
    /// Begins with a replica that is opened at this moment.
    pub fn open(now: Time) -> Self {
        Self { digest: Digest::default(), inputs: 0, waits: Some(now) }
    }

    /// The entry for an input that is about to be handled.
    pub fn goes_in(&mut self, now: Time, input: &Input) -> Vec<u8> {
        self.inputs += 1;
        self.waits = Some(now);
        encode(&Entry::Input { now, check: self.digest.check(), input })
    }

    /// Takes note of what came out of opening the replica, or of the last input; gives the entry for a mark where one is
    /// due. A store that failed is no input: nothing can be replayed after it, and the entry says so.
    pub fn came_out<S: Store>(
        &mut self,
        outputs: &[Output],
        replica: &Replica<S>,
    ) -> Option<Vec<u8>> {
        let now = self.waits.take()?;
        let failed = outputs.iter().find_map(|output| match output {
            Output::Report(Report::StoreFailed(reason)) => Some(reason),
            _ => None,
        });
        if let Some(reason) = failed {
            return Some(lost(&format!("the store failed: {reason}")));
        }
        self.digest.add(now, outputs);
        let due = self.inputs.is_multiple_of(MARK_EVERY);
        due.then(|| encode(&Entry::<Input>::Mark(self.mark(replica))))
    }

    /// The entry that ends the life.
    pub fn end<S: Store>(&self, replica: &Replica<S>) -> Vec<u8> {
        encode(&Entry::<Input>::End(self.mark(replica)))
    }

    fn mark<S: Store>(&self, replica: &Replica<S>) -> Mark {
        Mark::of(replica, self.inputs, self.digest)
    }
}

/// The entry that says why nothing more is written.
pub fn lost(reason: &str) -> Vec<u8> {
    encode(&Entry::<Input>::Lost(reason.into()))
}

#[cfg(test)]
mod tests;
