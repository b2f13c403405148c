//! PBFT: replicas order drafts though some of them lie (Castro and Liskov, *Practical Byzantine Fault Tolerance*, OSDI 1999).
//!
//! One of the authorities, the primary, gives drafts their place: the height is the sequence number. A quorum of PREPAREs says
//! that no other draft can have that place in this view, and a quorum of COMMITs that this is known to enough of them to
//! survive the primary; those COMMITs are the block's seal. Whoever is not content with the primary asks for the next view,
//! and with a quorum of requests its primary begins it, bound by what they say was prepared.
//!
//! # What it promises
//!
//! With fewer than a third of the authorities faulty, in whatever way, no two correct ones ever seal different blocks at one
//! height, however late or lost messages are; and blocks are made when messages arrive within the time-outs. With more it
//! promises nothing.
//!
//! # Where it differs from the paper
//!
//! - *A block is the batch, and one height is decided at a time*: a sealed block is the stable checkpoint and its seal the proof
//!   (4.3), so the window between the watermarks is one. Ordinary block sync is the state transfer.
//! - *The quorum is ⌈(n + f + 1) ÷ 2⌉* for any n (2 f + 1 is its value for n = 3 f + 1 and too little otherwise).
//! - *VIEW-CHANGEs count only together with those that stand on the same sealed block or below*: a replica that sealed more makes
//!   the others fetch it first. So nothing that was prepared above is passed over.
//! - *A seal tells its view*: whoever imports one knows that a quorum took part in that view, and takes part too.
//! - *An idle primary beats*, so that its crash is noticed before somebody has something to order. With the beat everybody says
//!   again what it last said: streams may lose what they carry.
//! - *Time-outs double up to a cap* (4.5.2 has none).
//!
//! # Parts
//!
//! - [`core`]: the protocol, without bodies, keys, clocks and disks
//! - [`message`]: what is said
//! - `engine`: bodies, timers, pacing, reads, and the watch over a primary that leaves transactions out
//! - `wire`: what travels, and its signatures
//! - `records`: what is kept
//! - `rules`: what is judged, and what the ledger keeps

pub mod core;
mod engine;
pub mod message;
mod records;
mod rules;
mod wire;

pub use engine::PbftEngine;
pub use records::Lie;
pub use rules::{PbftRules, certifies};
pub use wire::{Pen, Wire};

use super::authorities::Authorities;
use crate::types::{GenesisId, Span};

/// The parameters of PBFT, from the chain spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PbftParams {
    /// The chain, which everything that is signed is tagged with.
    pub chain: GenesisId,
    /// The first authorities.
    pub authorities: Authorities,
    /// A block with transactions leaves so long after the one before it at the earliest.
    pub block_time_min: Span,
    /// And an empty one when nothing was made for so long; never, if there is none.
    pub empty_block_after: Option<Span>,
    /// For so long a primary may be silent, and so long what it began may take; the first view change may as well.
    pub view_timeout: Span,
}

#[cfg(test)]
mod tests;
