//! Proof of authority: Clique's rules (EIP-225), with a finality that is proven and a branch choice that cannot tie.
//!
//! The authorities take turns: block number n is the turn of the authority at place n mod their number, in order of
//! address. Whoever is in turn signs as soon as a period has passed since the parent (weight 2); whoever is not waits for a
//! while of its own, the *wiggle*, and signs then if nobody did (weight 1). Each authority signs at most one of ⌊n ÷ 2⌋ + 1
//! blocks in a row, so a minority cannot go on alone.
//!
//! Authorities have standing wishes about each other, set by operations on chain. Each block casts the oldest wish of its
//! signer that could change something as a vote; more than half of the authorities decide. The step from one snapshot to
//! the next is one pure function, [`step`]. Votes are forgotten at every epoch, and cast again from the wishes.
//!
//! Branches are compared by how far they are prevoted (see below), and then as in EIP-3436: summed weights, then the lower height, then whose signer's turn was last, then the
//! lower id. Were equals left to the order of arrival, three of four authorities could each wait for the others on
//! branches of their own for good.
//!
//! A block is final by *implied votes* ([`super::implied`]): its claim says up to which height its signer has signed on any
//! branch, so it votes for what is above on its own, and more than half of the authorities (or two thirds) decide twice.
//!
//! # Deviations from Clique
//!
//! - Votes are cast from wishes that stand on chain, not chosen by whoever seals; so they are seen, withdrawn, and not lost
//!   by an epoch.
//! - No checkpoint blocks: the ledger's state holds the snapshot.
//! - A block that would leave nobody who may sign casts no vote.
//! - A branch that is prevoted further is better, whatever it weighs: honest authorities who left it could finalise two.
//! - The vote that would change the set of authorities waits: until a block that agreed on this change is final on the
//!   branch ([`Changes`]). Sets whose votes count beside each other differ by one member then, and their quorums share as many
//!   members as quorums of one of the two sets do, with more than half as with two thirds: what is promised of one set
//!   holds of sets that change. Where less than a quorum runs nothing is final, and so nobody is voted out: with two
//!   thirds a chain may go on for longer than its authorities can change.
//! - Who signed at a height on one branch may sign at it again on another, as there; but its claim says so, and the block votes
//!   for nothing. The best branch can be several blocks shorter than another on which all have signed who may sign next,
//!   since what is prevoted comes first: if none of them could sign again, they would stand still for good. Two blocks of
//!   one height of which both claim to be the first, or both stand on one parent, are an offence.
//! - The weight is called what it is; there it is a difficulty.
//! - Finality; there is none there. With more than half it is safe against crashes and delay, not against lies; with two
//!   thirds it is safe against a third who lie.
//!
//! # Source
//!
//! EIP-225, EIP-3436; go-ethereum's `consensus/clique`.

mod changes;
mod engine;
mod record;
mod rules;
mod snapshot;
mod wishes;

use super::authorities::Authorities;
use super::implied::FinalityRule;
use crate::types::{GenesisId, Span};

pub use changes::{Agreed, Changes};
pub use engine::PoaEngine;
pub use record::{Record, record};
pub use rules::PoaRules;
pub use snapshot::{Snapshot, SnapshotFault, Vote, step};
pub use wishes::standing;

/// The parameters of proof of authority, from the chain spec.
#[derive(Debug, Clone)]
pub struct PoaParams {
    /// The chain, which every block id is tagged with.
    pub chain: GenesisId,
    /// The first authorities.
    pub authorities: Authorities,
    /// The time between two blocks at least.
    pub period: Span,
    /// Whoever is not in turn waits for up to this, times half their number and one.
    pub wiggle: Span,
    /// Votes are forgotten every so many blocks.
    pub epoch: u64,
    /// What makes a block final.
    pub finality: FinalityRule,
    /// How far ahead of the local clock a block may be.
    pub max_drift: Span,
}

#[cfg(test)]
mod tests;
