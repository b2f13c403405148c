//! What protocols share that put drafts in a line, one at each height, and seal them when a majority has them: Raft and
//! Multi-Paxos.
//!
//! Such a protocol is a [`LogCore`]: who leads, what is in the log, what is decided; without bodies, keys, clocks and disks. What
//! happens to it is a call, and what it wants is a list of [`Effect`]s. Everything else is the [`LogEngine`]'s, once for
//! all of them: bodies and their signatures, timers, pace, records, seals, reads. So is the judging half: a sealed block carries the
//! signature of the leader that found it decided ([`LogRules`]).
//!
//! # Parts
//!
//! - `core`: what a protocol is asked
//! - `effect`: what it wants
//! - `entries`: the sealed head and the drafts above it
//! - `followers`: what a leader knows of those that follow it, and the reads that wait for their word
//! - `engine`: bodies, signatures, timers, pacing, reads
//! - `records`: what is kept
//! - `wire`: how messages travel
//! - `rules`: what is judged, and what the ledger keeps

mod core;
mod effect;
mod engine;
mod entries;
mod followers;
mod records;
mod rules;
mod wire;

pub use self::core::{LogCore, Sealer};
pub use effect::{Effect, Wait};
pub use engine::LogEngine;
pub use entries::{Entry, Log, Ref};
pub use followers::{Answer, DRAFTS_MAX, Followers, Progress, Queued, READS_MAX, Read};
pub use rules::{LogParams, LogRules};
pub use wire::{Brought, Fits, LogMessage, SEALS_MAX, SealOf, Wire, name};

#[cfg(test)]
pub(in crate::consensus) mod tests;
