//! Work and stake on one chain.
//!
//! Every block is made either by work, exactly as under [`super::pow`], or by stake, exactly as under [`super::pos`]. Each
//! kind has a difficulty of its own, by Peercoin's exponential average over the last two blocks of the kind, so neither
//! can take the other's place: where one kind stops, the other goes on at its own pace. Work issues coins by the schedule
//! of the chain, stake pays interest.
//!
//! Branches are ranked by the summed *trust* of their blocks ([`Trust`]). A block counts as final
//! [`HybridParams::finality_depth`] blocks below the head: a convention, not a proof.
//!
//! The interval that work aims at may grow with the blocks by stake since the last block of work, up to
//! [`HybridParams::work_spacing_max`]: Peercoin's rule, by which work yields where stake is busy.
//!
//! # Deviations from Peercoin
//!
//! - Trust is relative to the first difficulty of each kind unless the chain says `peercoin`. There a block by stake adds
//!   its difficulty and a block of work adds one, so that work only breaks ties and a majority of stake alone rewrites the
//!   chain.
//! - Work is not further ahead of the clock than stake may be: a block of work that is would keep stake, whose time must be
//!   later than its parent's, from following it.
//! - The reward of work follows the schedule of the chain, not the fourth root of the difficulty.
//! - What [`super::pos`] lists.
//!
//! # Properties
//!
//! Under relative trust an attacker needs to outdo the sum of both kinds, each measured by its own beginning. The one that
//! is cheaper to buy is the one to attack: a chain whose stakers are asleep is as strong as its work alone.

mod engine;
mod rules;

use std::num::NonZeroU32;

use num_bigint::BigUint;

use super::pos::PosParams;
use super::pow::PowParams;
use crate::types::Span;
use crate::types::target::{Bits, Work};

pub use engine::HybridEngine;
pub use rules::HybridRules;

/// The parameters of the hybrid, from the chain spec.
#[derive(Debug, Clone)]
pub struct HybridParams {
    /// Work; its retarget and its final depth are not used.
    pub work: PowParams,
    /// Stake; its final depth is not used.
    pub stake: PosParams,
    /// Blocks of work that the difficulty of work averages over.
    pub work_window: NonZeroU32,
    /// The interval of work grows with the blocks by stake since the last block of work, up to this.
    pub work_spacing_max: Span,
    /// What a block adds to the trust of its branch.
    pub trust: Trust,
    /// Blocks on top of a block before it counts as final.
    pub finality_depth: u64,
}

/// What a block adds to the trust of its branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A factor for its kind, times its difficulty over the first difficulty of its kind.
    Relative {
        /// The factor of work.
        work: u64,
        /// The factor of stake.
        stake: u64,
    },
    /// Its difficulty by stake, one by work.
    Peercoin,
}

/// Relative trust counts in so many parts of the first block's.
const PARTS: u64 = 1 << 32;

impl Trust {
    /// The trust of a block of work with these bits on a chain that began with `first`.
    pub fn of_work(&self, bits: Bits, first: Bits) -> Work {
        match self {
            Self::Relative { work, .. } => relative(*work, bits, first),
            Self::Peercoin => Work::of(BigUint::from(1u32)),
        }
    }

    /// The trust of a block by stake.
    pub fn of_stake(&self, bits: Bits, first: Bits) -> Work {
        match self {
            Self::Relative { stake, .. } => relative(*stake, bits, first),
            Self::Peercoin => bits.work(),
        }
    }
}

fn relative(factor: u64, bits: Bits, first: Bits) -> Work {
    // The hardest target there is took at least one hash.
    let first = first.work().value().max(&BigUint::from(1u32)).clone();
    Work::of(BigUint::from(factor) * PARTS * bits.work().value() / first)
}

#[cfg(test)]
mod tests;
