//! Who acts when: the schedule of a round, which follows from the state after any block before it.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use super::shuffle::{self, Shuffle};
use super::{DposParams, delegates};
use crate::ledger::{ReadFailed, System, SystemKey, SystemView};
use crate::types::canary::{Bug, planted};
use crate::types::{Address, Hash, Height, tagged};

/// A round.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Round {
    /// Its number; the first one is 1.
    pub number: u64,
    /// The delegates in force, those with more votes first.
    pub set: Vec<Address>,
    /// Their places in the set, in the order of their turns.
    order: Vec<u16>,
    /// The next set, with the height of the block that decided it. It waits for that block to be final, and meanwhile nothing
    /// else is decided.
    decided: Option<(Height, Vec<Address>)>,
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
            None => (Self::founders(params), None),
        };
        // What nobody can leave any more is in force from here on.
        let is_ripe = |height: &Height| *height <= final_height || planted(Bug::DecidedBeforeFinal);
        let (set, decided) = match decided {
            Some((height, next)) if is_ripe(&height) => (next, None),
            decided => (set, decided),
        };
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
        self.decided.as_ref().is_some_and(|(_, set)| set.contains(of)) && !self.set.contains(of)
    }

    /// Begins the round with a block at this height, and decides who shall be in force later.
    pub(super) fn begin(
        mut self,
        height: Height,
        state: &mut System<'_, '_>,
        params: &DposParams,
    ) -> Result<(), ReadFailed> {
        if self.decided.is_none() {
            let elected = delegates::elected(state, params)?;
            let next = if elected.is_empty() { None } else { step(&self.set, &elected, params) };
            self.decided = next.map(|set| (height, set));
        }
        state.put(&round_key(), &self);
        Ok(())
    }
}

/// The next set on the way from the one in force to the one that was elected; `None` where that is the same one.
///
/// Of two branches one may know that a decision is final, and the other one not yet: they count votes by the new set and by
/// the old one. So as many delegates change at once as leave every quorum of the old set with a member in every quorum of the
/// new one: two of seven, 34 of 101 (under `two_thirds`). The rest change later.
pub(super) fn step(
    set: &[Address],
    elected: &[Address],
    params: &DposParams,
) -> Option<Vec<Address>> {
    let quorum = |members: usize| params.finality.quorum(members);
    let seats = usize::try_from(params.seats).unwrap_or(usize::MAX); // seats are few
    // Those who come, the one with the most votes first; and those who go, the last one first.
    let mut joins = elected.iter().filter(|of| !set.contains(of)).peekable();
    let mut leaves = set.iter().filter(|of| !elected.contains(of)).rev().peekable();
    let (mut next, mut joined) = (set.to_vec(), 0);
    while joins.peek().is_some() || leaves.peek().is_some() {
        let join = joins.peek().copied();
        // Who goes makes room for who comes.
        let makes_room = join.is_none() || next.len() >= seats;
        let leave = if makes_room { leaves.peek().copied() } else { None };
        let mut fewer = next.clone();
        fewer.retain(|of| Some(of) != leave);
        let mut changed = fewer.clone();
        changed.extend(join);
        let all = set.len() + joined + usize::from(join.is_some());
        let meet = quorum(set.len()) + quorum(changed.len()) > all;
        if !meet && !planted(Bug::QuorumsApart) {
            if next == set {
                // Not even one can take another's place: one goes first, unless nobody else is there.
                next = if fewer.is_empty() || leave.is_none() { changed } else { fewer };
            }
            break;
        }
        joined += usize::from(joins.next_if(|of| Some(*of) == join).is_some());
        leaves.next_if(|of| Some(*of) == leave);
        next = changed;
    }
    if next == set {
        return None;
    }
    // By votes, and last those who are yet to go.
    next.sort_by_key(|of| elected.iter().position(|it| it == of).unwrap_or(elected.len()));
    Some(next)
}
