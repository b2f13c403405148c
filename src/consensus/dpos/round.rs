//! Who acts when: the schedule of a round, which follows from the state after any block before it.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use super::shuffle::{self, Shuffle};
use super::{DposParams, delegates};
use crate::ledger::{ReadFailed, System, SystemKey, SystemView};
use crate::types::canary::{Bug, planted};
use crate::types::{Address, Hash, Height, tagged};

/// Decisions that wait for their blocks to be final at most. There are two or three while all goes well.
const DECIDED_MAX: usize = 4;

/// A round.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Round {
    /// Its number; the first one is 1.
    pub number: u64,
    /// The delegates in force, those with more votes first.
    pub set: Vec<Address>,
    /// Their places in the set, in the order of their turns.
    order: Vec<u16>,
    /// Later sets, each with the height of the block that decided it, the oldest first.
    decided: Vec<(Height, Vec<Address>)>,
}

/// How far the branch has come.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Progress {
    /// The slot of the last block; 0 before the first one.
    pub(super) slot: u64,
    /// Of all secrets that were revealed.
    pub(super) seed: Hash,
}

fn round_key() -> SystemKey {
    SystemKey::new("dpos/round")
}

fn progress_key() -> SystemKey {
    SystemKey::new("dpos/progress")
}

impl Progress {
    /// After a block.
    pub(super) fn after(state: &impl SystemView, params: &DposParams) -> Result<Self, ReadFailed> {
        let first = || Self { slot: 0, seed: tagged("assay/first-seed", &params.chain, &[]) };
        Ok(state.entry(&progress_key())?.unwrap_or_else(first))
    }

    pub(super) fn write(&self, state: &mut System<'_, '_>) {
        state.put(&progress_key(), self);
    }
}

impl Round {
    /// The round of a number, for a block on the one after which the state is, of which what is final is known.
    pub fn upcoming(
        state: &impl SystemView,
        number: u64,
        final_height: Height,
        params: &DposParams,
    ) -> Result<Self, ReadFailed> {
        let stored: Option<Self> = state.entry(&round_key())?;
        let (set, decided) = match stored {
            Some(round) if round.number == number => return Ok(round),
            Some(round) => (round.set, round.decided),
            None => (Self::founders(params), Vec::new()),
        };
        // The newest decision that nobody can leave any more is in force from here on.
        let is_ripe = |height: &Height| *height <= final_height || planted(Bug::DecidedBeforeFinal);
        let ripe = decided.iter().filter(|(height, _)| is_ripe(height)).count();
        let mut decided = decided.into_iter();
        let set = decided.by_ref().take(ripe).last().map_or(set, |(_, set)| set);
        let decided = decided.collect();
        let set = match params.shuffle {
            // Graphene's delegates stand in order of their ids.
            Shuffle::Graphene => set.into_iter().collect::<BTreeSet<_>>().into_iter().collect(),
            Shuffle::Ark | Shuffle::Assay => set,
        };
        let progress = Progress::after(state, params)?;
        let turns = shuffle::Round {
            number,
            time: params.start_of(progress.slot),
            seed: tagged(
                "assay/turns-seed",
                &params.chain,
                &[&progress.seed.0, &number.to_le_bytes()],
            ),
        };
        let order = params.shuffle.order(set.len(), &turns);
        // A set has at most some hundred members.
        let order = order.into_iter().map(|place| u16::try_from(place).unwrap_or(u16::MAX));
        Ok(Self { number, order: order.collect(), set, decided })
    }

    /// Whose slot it is, of a slot of this round.
    pub fn due(&self, slot: u64, params: &DposParams) -> Option<&Address> {
        let turn = slot.saturating_sub(1) % params.seats.max(1);
        let turn = turn.checked_rem(self.order.len() as u64)?; // a length fits 64 bits
        let place = self.order.get(usize::try_from(turn).ok()?)?;
        self.set.get(usize::from(*place))
    }

    /// The delegates in force.
    pub fn members(&self) -> BTreeSet<Address> {
        self.set.iter().copied().collect()
    }

    /// Whether somebody will be in force in a later round, as far as that is decided.
    pub fn is_to_come(&self, of: &Address) -> bool {
        self.decided.last().is_some_and(|(_, set)| set.contains(of)) && !self.set.contains(of)
    }

    /// Begins the round with a block at this height, and decides who shall be in force later.
    pub(super) fn begin(
        mut self,
        height: Height,
        state: &mut System<'_, '_>,
        params: &DposParams,
    ) -> Result<(), ReadFailed> {
        let elected = delegates::elected(state, params)?;
        let last = self.decided.last().map_or(&self.set, |(_, set)| set);
        let is_new = !elected.is_empty() && !same(last, &elected);
        if is_new && self.decided.len() < DECIDED_MAX {
            self.decided.push((height, elected));
        }
        state.put(&round_key(), &self);
        Ok(())
    }
}

/// Whether two sets have the same members, in whatever order.
fn same(one: &[Address], other: &[Address]) -> bool {
    one.iter().collect::<BTreeSet<_>>() == other.iter().collect::<BTreeSet<_>>()
}
