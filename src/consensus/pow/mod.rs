//! Proof of work.
//!
//! A block claims its place by work: its claim names the target (`bits`), its seal the free fields of a Bitcoin work
//! header whose SHA-256d lies at or below that target ([`crate::types::work`]). The branch with the greatest summed
//! work is best; equal work leaves the first seen in place, never the lower id, which would be free to grind. A block
//! counts as final [`PowParams::finality_depth`] blocks below the head: a convention, not a proof.
//!
//! The target of each block follows from its parent's state alone ([`super::retarget`]). A block is later than the
//! median of the eleven before it, and not further ahead of the local clock than
//! [`PowParams::future_limit`]; being ahead means "try later".
//!
//! # Deviations from Bitcoin
//!
//! - The block id is the hash of our own header. The work header commits to it in its coinbase, so the proof is about
//!   the id, but the id is known before the proof: no sequentiality of work is claimed.
//! - Difficulty follows one of several algorithms, Bitcoin's own among them; none of them measures from the genesis block.
//! - The chain's time is the draft's, in milliseconds. The work header's time, which miners roll, must lie within
//!   [`PowParams::seal_window`] after it.
//! - The reward is not left to the producer to claim less of: the ledger pays it in full.
//!
//! # Properties
//!
//! Work is summed in 512 bits, since easy targets overflow 256. Targets are kept in compact form between blocks, as
//! Bitcoin does, so every implementation rounds alike.

mod draft;
mod engine;
mod rules;

pub use engine::PowEngine;
pub use rules::PowRules;

use super::retarget::Retarget;
use super::schedule::Issuance;
use crate::types::target::{Bits, Target};
use crate::types::{GenesisId, Span};

/// The parameters of proof of work, from the chain spec.
#[derive(Debug, Clone)]
pub struct PowParams {
    /// The chain, which every block id is tagged with.
    pub chain: GenesisId,
    /// The interval between blocks that retargeting aims at.
    pub block_time: Span,
    /// How the target follows the hash rate.
    pub retarget: Retarget,
    /// The interval grows with the blocks of other kinds since the last block of work, up to this; the block time itself
    /// where there are none.
    pub spacing_max: Span,
    /// The target of the first block.
    pub initial_bits: Bits,
    /// The easiest target allowed.
    pub limit: Target,
    /// Blocks on top of a block before it counts as final.
    pub finality_depth: u64,
    /// How far ahead of the local clock a block may be.
    pub future_limit: Span,
    /// How long after the draft's time the work header's time may be.
    pub seal_window: Span,
    /// New money.
    pub issuance: Issuance,
}

#[cfg(test)]
pub(crate) mod testkit;
#[cfg(test)]
mod tests;
