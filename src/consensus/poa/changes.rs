//! When the set of authorities may change: so that blocks of two branches are never both final because each branch counts
//! by a set of its own.
//!
//! In Clique the set changes with the block whose vote is the last one needed. Branches that part below that block count
//! votes by different sets then, and sets that differ enough have quorums that do not meet. Sets that differ by one member
//! have (for [majority](super::FinalityRule::Majority) and for two thirds), as in Raft's single-server changes.
//!
//! It is not enough to let one change wait until the last one is final. Let four authorities have two votes to add x and
//! two to add y: on one branch somebody casts the third vote for x, on another one somebody else the third one for y, and
//! both changes are the first ones there. The sets differ by two, {a, b, x} and {c, d, y} are three of five each, and both
//! branches go on alone. It is the gap that single-server changes of Raft had at first (a test here shows it).
//!
//! So a change is *agreed on* before it is decided. A block that would cast the last vote needed does not, but is written
//! down as the one that agreed on this change. The last vote may be cast above it as soon as that block is final on the
//! branch, for this change and no other.
//!
//! # Why that is enough
//!
//! Sets of two branches differ by one member at most wherever both count votes that matter. For let them part at some
//! block, up to which they have one set S. A branch that has another one has a final block that agreed on the change, and
//! by S: either it is at or below the parting, the same for both, or the other branch has nothing final above the parting
//! by S, nor by a neighbour of S, whose quorums meet those of S. And if the first change is the same on both, a second one
//! needs a final block above the first, by which the other branch has nothing final as long as it is behind.
//! A change that nobody decides may be replaced by another one at any time: that one needs a final block as well.

use borsh::{BorshDeserialize, BorshSerialize};

use super::snapshot::{Snapshot, step};
use crate::ledger::{ReadFailed, State, SystemKey};
use crate::types::canary::{Bug, planted};
use crate::types::{Address, Height};

/// A change that nobody decides gives way to another one after so many blocks for each authority. Meanwhile its block
/// becomes final, and everybody has signed.
const GIVES_WAY_AFTER: u64 = 4;

/// Where a branch stands with changes of its authorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Changes {
    /// The change that may be decided next.
    pub agreed: Option<Agreed>,
    /// The height of the block that decided the last one; 0 as long as there was none.
    pub changed: Height,
}

/// A change that enough authorities have asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Agreed {
    /// Whom it is about.
    pub about: Address,
    /// Whether it joins, or leaves.
    pub add: bool,
    /// The height of the block that would have decided it: it is decided when that block is final.
    pub at: Height,
}

/// A block that is about to vote.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voter<'a> {
    /// Its height.
    pub(super) height: Height,
    pub(super) signer: &'a Address,
    /// What is final after its parent.
    pub(super) final_height: Height,
    /// Votes are forgotten every so many blocks.
    pub(super) epoch: u64,
}

pub(super) fn key() -> SystemKey {
    SystemKey::new("poa/changes")
}

impl Changes {
    /// Where the branch of a state stands.
    pub fn of(state: &State) -> Result<Self, ReadFailed> {
        Ok(state.system(&key())?.unwrap_or_default())
    }

    /// The vote that a block casts: the first of these that changes nothing, or that may change something by now.
    pub(super) fn vote(
        &mut self,
        wanted: impl IntoIterator<Item = (Address, bool)>,
        by: Voter<'_>,
        before: &Snapshot<Address>,
    ) -> Option<(Address, bool)> {
        for (about, add) in wanted {
            let after = step(before, by.height.0, by.signer, Some((about, add)), by.epoch).ok()?;
            if after.signers == before.signers {
                return Some((about, add));
            }
            if self.is_due((about, add), by.final_height) {
                *self = Self { agreed: None, changed: by.height };
                return Some((about, add));
            }
            if self.gives_way(&by, before) {
                self.agreed = Some(Agreed { about, add, at: by.height });
            }
        }
        None
    }

    /// Whether a change may be decided: it is the one that was agreed on, by a block that is final.
    fn is_due(&self, change: (Address, bool), final_height: Height) -> bool {
        let is_this =
            |agreed: Agreed| (agreed.about, agreed.add) == change && agreed.at <= final_height;
        self.agreed.is_some_and(is_this) || planted(Bug::ChangeAtOnce)
    }

    /// Whether another change may be agreed on.
    fn gives_way(&self, by: &Voter<'_>, before: &Snapshot<Address>) -> bool {
        let Some(Agreed { at, .. }) = self.agreed else { return true };
        let patience = GIVES_WAY_AFTER * before.signers.len() as u64; // a length fits 64 bits
        at <= by.final_height && by.height.0 > at.0 + patience
    }
}
