//! Delegated proof of stake: delegates whom coins have elected take turns in slots.
//!
//! Delegates register with a name and a deposit. Whoever has coins approves up to so many of them, and a vote weighs what
//! its voter holds, as coins come and go. Time is cut into slots, and so many slots make a round. At each round's border
//! the delegates with the most votes are decided, and who of them acts in which slot of the round ([`shuffle`]). A block
//! stands exactly at the start of its slot and is signed by the delegate whose slot it is; each slot has one delegate, and
//! a delegate may seal one block in it.
//!
//! Slots that go by without a block are held against whose slots they were; after so many in a row a delegate is suspended
//! until it says that it is back. A gap as long as a round is held against nobody: then it was not the delegates.
//!
//! A block is final by *implied votes* ([`super::implied`]) of more than two thirds of the delegates in force. What is
//! decided at a border takes effect at the first border at which the block that decided it is final: usually two rounds
//! later, and never while finality stands still. Nothing else is decided meanwhile.
//!
//! Whether a decision is final one branch may know at a border and another one not. They count votes by the new set and by
//! the old one then, and if these were far enough apart, each could make blocks final with nobody having lied (a test here
//! shows it). So no more delegates change at once than leave each quorum of the old set with a member in each quorum of the
//! new one; whoever else was elected or voted out comes or goes at a later border. What two sides of such a change have in
//! common may be a single delegate: while a change is under way and the network is parted, fewer liars are borne than the
//! third that they may be otherwise.
//!
//! # The seed
//!
//! Each block carries the hash of a secret and the secret that its delegate's last block on the branch committed to. The
//! seed of a round is a hash of all secrets revealed before its border. Nobody can choose it: a secret is fixed before the
//! others are known. But whoever has the last slots of a round sees all but its own, and may leave them empty: of m slots in
//! a row at the end of a round it picks the best of 2ᵐ orders, at the price of the rewards it forgoes and of being counted
//! absent. A delegate that reveals nothing new (its first block) adds nothing.
//!
//! # Deviations from others
//!
//! - A vote weighs all that its voter holds, deposits apart, from the block on that moved it; in BitShares and EOS once in
//!   a while, in EOS less and less with age.
//! - A round is counted in slots and not in blocks (Graphene, Lisk): who is due when follows from the clock, whatever was
//!   missed.
//! - Graphene's shuffle has the time of the last block for a seed and Ark's the number of the round, as they have there.
//! - Suspension lets a set shrink below the number that the spec says, but not below `min_delegates`.
//!
//! # Sources
//!
//! bitshares-core (`db_witness_schedule.cpp`, `db_update.cpp`), Lisk LIP 0014 and 0022, ArkEcosystem core.

mod ballots;
mod delegates;
mod engine;
mod operations;
mod round;
mod rules;
mod secrets;
pub mod shuffle;

use std::collections::BTreeMap;

use self::shuffle::Shuffle;
use super::implied::FinalityRule;
use super::schedule::Issuance;
use crate::types::{Address, Amount, GenesisId, Height, OPERATION_NAME_MAX, Span, Text, Time};

pub use ballots::{approvals, holdings, voting};
pub use delegates::{Delegate, Standing, delegate, delegates, named, ranked};
pub use engine::DposEngine;
pub use operations::is_name;
pub use round::Round;
pub use rules::DposRules;
pub use secrets::{commitment, secret};

/// Delegates of a chain at most, standing or not.
pub const DELEGATES_MAX: usize = 10_000;

/// The parameters of delegated proof of stake, from the chain spec.
#[derive(Debug, Clone)]
pub struct DposParams {
    /// The chain, which every block id is tagged with.
    pub chain: GenesisId,
    /// When the chain starts: slot 0 begins there.
    pub genesis: Time,
    /// How long a slot is.
    pub slot: Span,
    /// Slots of a round, and delegates in force at most.
    pub seats: u64,
    /// Delegates from the start, with their names, who have no deposit. They approve themselves until they vote.
    pub founders: BTreeMap<Address, Text<OPERATION_NAME_MAX>>,
    /// What each address holds from the start.
    pub holdings: BTreeMap<Address, Amount>,
    /// Delegates whom one may approve.
    pub votes_max: usize,
    /// What registering locks.
    pub deposit: Amount,
    /// Blocks between a resignation and the return of the deposit.
    pub unbonding: u64,
    /// Slots missed in a row after which a delegate is suspended.
    pub inactive_after: u64,
    /// So many stay in force whoever is suspended, if there are as many.
    pub seats_min: u64,
    /// How turns are ordered.
    pub shuffle: Shuffle,
    /// What makes a block final.
    pub finality: FinalityRule,
    /// How far ahead of the local clock a block may be.
    pub max_drift: Span,
    /// New money.
    pub issuance: Issuance,
}

impl DposParams {
    /// The slot that a moment lies in; 0 before the chain's second one.
    pub fn slot_at(&self, time: Time) -> u64 {
        time.0.saturating_sub(self.genesis.0) / self.slot.0.max(1)
    }

    /// When a slot begins.
    pub fn start_of(&self, slot: u64) -> Time {
        self.genesis.after(self.slot.times(slot))
    }

    /// The height of the block that returns the deposit of a delegate that the block at `resigned` let go.
    pub fn deposit_returns(&self, resigned: Height) -> Height {
        Height(resigned.0.saturating_add(self.unbonding.max(1)))
    }

    /// The round of a slot, both counted from 1.
    pub fn round_of(&self, slot: u64) -> u64 {
        slot.saturating_sub(1) / self.seats.max(1) + 1
    }

    /// The first slot of a round.
    pub fn first_slot(&self, round: u64) -> u64 {
        round.saturating_sub(1).saturating_mul(self.seats) + 1
    }
}

#[cfg(test)]
mod tests;
