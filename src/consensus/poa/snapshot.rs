//! Clique's snapshot: who may sign after a block, and the votes about who else shall (EIP-225).

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::types::canary::{Bug, planted};

/// Who may sign the next block, and what has been voted.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Snapshot<A: Ord> {
    /// The authorities, in order.
    pub signers: BTreeSet<A>,
    /// Who signed which of the last blocks: whoever is here may not sign the next one.
    pub recents: BTreeMap<u64, A>,
    /// Votes since the last epoch, in the order in which they were cast.
    pub votes: Vec<Vote<A>>,
}

/// A vote of a signer that somebody become an authority or cease to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vote<A> {
    /// Whose.
    pub by: A,
    /// About whom.
    pub about: A,
    /// For it, or against it.
    pub add: bool,
}

/// Why somebody may not sign a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFault {
    /// It is no authority.
    #[error("its signer is no authority")]
    Unauthorised,
    /// It signed one of the last blocks.
    #[error("its signer signed one of the last blocks: each signs one of {limit} in a row")]
    SignedRecently {
        /// Blocks in a row of which a signer signs one.
        limit: u64,
    },
}

impl<A: Ord + Clone> Snapshot<A> {
    /// The snapshot of a genesis block.
    pub fn new(signers: BTreeSet<A>) -> Self {
        Self { signers, recents: BTreeMap::new(), votes: Vec::new() }
    }

    /// Of so many blocks in a row each authority may sign one: ⌊n ÷ 2⌋ + 1.
    pub fn limit(&self) -> u64 {
        self.signers.len() as u64 / 2 + 1 // a length fits 64 bits
    }

    /// The place of an authority among all, in order.
    pub fn place(&self, signer: &A) -> Option<u64> {
        let place = self.signers.iter().position(|other| other == signer)?;
        Some(place as u64) // as above
    }

    /// Whose turn a block of this number is.
    pub fn in_turn(&self, number: u64) -> Option<&A> {
        let place = number.checked_rem(self.signers.len() as u64)?;
        self.signers.iter().nth(usize::try_from(place).ok()?)
    }

    /// Whether somebody may sign the block of this number, which follows this snapshot.
    pub fn may_sign(&self, number: u64, signer: &A) -> Result<(), SnapshotFault> {
        if !self.signers.contains(signer) {
            return Err(SnapshotFault::Unauthorised);
        }
        let limit = self.limit();
        // The block `limit` before this one is just out of the way.
        let recent = |(at, by): (&u64, &A)| by == signer && at + limit > number;
        match self.recents.iter().any(recent) {
            true => Err(SnapshotFault::SignedRecently { limit }),
            false => Ok(()),
        }
    }

    /// Whether a vote could change anything: it is about an authority to drop, or somebody else to add.
    pub fn is_meaningful(&self, about: &A, add: bool) -> bool {
        self.signers.contains(about) != add
    }
}

/// The snapshot after a block: number `number`, by `signer`, with its vote about somebody (`true`: add), on a chain whose
/// votes are forgotten every `epoch` blocks. The steps are those of EIP-225, in its order.
///
/// # Errors
///
/// Whoever may not sign did.
pub fn step<A: Ord + Clone>(
    before: &Snapshot<A>,
    number: u64,
    signer: &A,
    vote: Option<(A, bool)>,
    epoch: u64,
) -> Result<Snapshot<A>, SnapshotFault> {
    let mut after = before.clone();
    // Recents are kept: a border between epochs lets nobody sign twice.
    if number.is_multiple_of(epoch.max(1)) {
        after.votes.clear();
        if planted(Bug::RecentsForgotten) {
            after.recents.clear();
        }
    }
    if let Some(old) = number.checked_sub(after.limit()) {
        after.recents.remove(&old);
    }
    if !after.signers.contains(signer) {
        return Err(SnapshotFault::Unauthorised);
    }
    if after.recents.values().any(|recent| recent == signer) {
        return Err(SnapshotFault::SignedRecently { limit: after.limit() });
    }
    after.recents.insert(number, signer.clone());
    let Some((about, add)) = vote else { return Ok(after) };
    after.votes.retain(|vote| vote.by != *signer || vote.about != about);
    if after.is_meaningful(&about, add) {
        after.votes.push(Vote { by: signer.clone(), about: about.clone(), add });
    }
    let tally = after.votes.iter().filter(|vote| vote.about == about && vote.add == add).count();
    if tally <= after.signers.len() / 2 {
        return Ok(after);
    }
    if add {
        after.signers.insert(about.clone());
    } else {
        after.signers.remove(&about);
        // There are fewer now, so one block less is in the way.
        if let Some(old) = number.checked_sub(after.limit()) {
            after.recents.remove(&old);
        }
        after.votes.retain(|vote| vote.by != about);
    }
    // Only whom the block is about may change: other votes that would be enough by now wait for another.
    after.votes.retain(|vote| vote.about != about);
    Ok(after)
}
