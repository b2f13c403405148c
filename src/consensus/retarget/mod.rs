//! How hard the next block is: the required bits as a pure function of the past.
//!
//! Every algorithm is a struct of its parameters in a file of its own. All of them read the same [`History`], which holds
//! what the algorithm chose to remember and no more, and give the bits that the child of its tip must carry. They are
//! generic over the tick: whatever unit the times are in, spacing and half-life are in the same one. The chain passes
//! milliseconds, published vectors seconds.
//!
//! A retarget never fails and never leaves 1 … limit; arithmetic is wide enough that no parameter overflows. What comes
//! out is compact and therefore truncated: the truncated target is the one consensus knows (see
//! [`crate::types::target`]). A later tip never makes the next block harder.
//!
//! # Algorithms
//!
//! | name | what it compares with the schedule | every | remembers |
//! |---|---|---|---|
//! | [`Bitcoin`] | the time that a whole period took | period | its first block, the tip |
//! | [`Asert`] | the time since the first block | block | the first block, the tip |
//! | [`Lwma`] | the last intervals, newer ones weighing more | block | a window |
//! | [`Digishield`] | the last interval, damped | block | two blocks |
//! | [`Ema`] | the last interval, as one of many | block | two blocks |
//! | [`Dgw`] | the time that a window took | block | a window |
//! | `fixed` | nothing | never | nothing |
//!
//! How each answers a change of the hash rate is measured in `tests/steps.rs` and told in `docs/retargeting.md`.
//!
//! # The beginning
//!
//! The genesis block is not mined, and its time says nothing about miners: no algorithm reads it. A chain that is younger
//! than what an algorithm looks back at keeps its initial bits, or counts what is missing as having been on schedule; each
//! algorithm says which.

mod asert;
mod bitcoin;
mod dgw;
mod digishield;
mod ema;
mod lwma;

use std::num::{NonZeroU32, NonZeroU64};

use borsh::{BorshDeserialize, BorshSerialize};

pub use asert::{Anchor, Asert, asert};
pub use bitcoin::Bitcoin;
pub use dgw::Dgw;
pub use digishield::Digishield;
pub use ema::Ema;
pub use lwma::Lwma;

use crate::types::target::{Bits, Target};

/// A block of the past, as far as a retarget cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Past {
    /// Its height.
    pub height: u64,
    /// Its time in ticks.
    pub time: u64,
    /// Its bits.
    pub bits: Bits,
}

/// What of the chain a retarget remembers. The child of the last block of `window` is the one being judged.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct History {
    /// The block from which an algorithm measures, if it measures from one.
    pub anchor: Option<Past>,
    /// The latest blocks, oldest first: as many as the algorithm reads, fewer on a young chain.
    pub window: Vec<Past>,
}

impl History {
    /// Adds a block at the end of the window and keeps no more than `blocks` of them.
    fn slide(&mut self, block: Past, blocks: usize) {
        self.window.push(block);
        let spare = self.window.len().saturating_sub(blocks);
        self.window.drain(..spare);
    }

    /// The latest block.
    pub fn tip(&self) -> Option<&Past> {
        self.window.last()
    }

    /// The last two blocks, the older first.
    fn last_two(&self) -> Option<(&Past, &Past)> {
        match self.window.as_slice() {
            [.., before, tip] => Some((before, tip)),
            _ => None,
        }
    }
}

/// The retarget algorithm of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retarget {
    /// See [`Bitcoin`].
    Bitcoin(Bitcoin),
    /// See [`Asert`].
    Asert(Asert),
    /// See [`Lwma`].
    Lwma(Lwma),
    /// See [`Digishield`].
    Digishield(Digishield),
    /// See [`Ema`].
    Ema(Ema),
    /// See [`Dgw`].
    Dgw(Dgw),
    /// Bits that never change.
    Fixed,
}

/// What every algorithm shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The ideal time between blocks, in ticks.
    pub spacing: NonZeroU64,
    /// The bits of a block that has no past to be judged by.
    pub initial: Bits,
    /// The easiest target allowed.
    pub limit: Target,
}

impl Retarget {
    /// Its name, as chain specs write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bitcoin(_) => "bitcoin",
            Self::Asert(_) => "asert",
            Self::Lwma(_) => "lwma",
            Self::Digishield(_) => "digishield",
            Self::Ema(_) => "ema",
            Self::Dgw(_) => "dgw",
            Self::Fixed => "fixed",
        }
    }

    /// The same where blocks are to come every `now` ticks instead of every `before`: an average over a span of time
    /// counts fewer blocks in it (Peercoin's `nInterval`).
    pub fn stretched(self, before: NonZeroU64, now: NonZeroU64) -> Self {
        match self {
            Self::Ema(Ema { window }) if now != before => {
                let span = u64::from(window.get()).saturating_mul(before.get());
                let blocks = u32::try_from(span / now.get()).unwrap_or(u32::MAX);
                Self::Ema(Ema { window: NonZeroU32::new(blocks).unwrap_or(NonZeroU32::MIN) })
            }
            other => other,
        }
    }

    /// Notes the block that became the tip; what the algorithm does not need any more is forgotten.
    pub fn remember(&self, history: &mut History, block: Past) {
        match self {
            Self::Bitcoin(rule) => rule.remember(history, block),
            Self::Asert(rule) => rule.remember(history, block),
            Self::Lwma(rule) => rule.remember(history, block),
            Self::Digishield(rule) => rule.remember(history, block),
            Self::Ema(rule) => rule.remember(history, block),
            Self::Dgw(rule) => rule.remember(history, block),
            Self::Fixed => {}
        }
    }

    /// The bits that the child of the latest block must carry.
    pub fn required(&self, history: &History, schedule: &Schedule) -> Bits {
        let due = match self {
            Self::Bitcoin(rule) => rule.required(history, schedule),
            Self::Asert(rule) => rule.required(history, schedule),
            Self::Lwma(rule) => rule.required(history, schedule),
            Self::Digishield(rule) => rule.required(history, schedule),
            Self::Ema(rule) => rule.required(history, schedule),
            Self::Dgw(rule) => rule.required(history, schedule),
            Self::Fixed => None,
        };
        due.unwrap_or(schedule.initial)
    }

    /// In how many blocks a target is due that may differ from the one before, where the next block has height `next`:
    /// 1 for the next block itself; `None` where that never happens.
    pub fn changes_in(&self, next: u64) -> Option<u64> {
        match self {
            Self::Bitcoin(rule) => Some(rule.changes_in(next)),
            Self::Fixed => None,
            _ => Some(1),
        }
    }
}

/// The target behind bits that some block of the chain carried.
fn target_of(block: &Past) -> Option<Target> {
    block.bits.target().ok()
}

#[cfg(test)]
mod tests;
