//! Those who stand for election, and what the chain knows of each.

use std::cmp::Reverse;

use borsh::{BorshDeserialize, BorshSerialize};

use super::ballots::Weights;
use super::{DposParams, Round};
use crate::ledger::{ReadFailed, State, System, SystemKey, SystemView};
use crate::types::canary::{Bug, planted};
use crate::types::{Address, Amount, CoinId, Hash, Height, OPERATION_NAME_MAX, Text};

/// Whether a delegate may be voted for and put into the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Standing {
    /// It may.
    Active,
    /// Since this height it may not, until it says that it is back: it missed too many slots in a row.
    Suspended(Height),
    /// Since this height it is no delegate any more.
    Resigned(Height),
    /// Since this height it is banned for good: it sealed two blocks in one slot.
    Banned(Height),
}

/// A delegate.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Delegate {
    /// Its name.
    pub name: Text<OPERATION_NAME_MAX>,
    /// The height of the block that registered it.
    pub since: Height,
    /// What those hold who approve it.
    pub weight: Amount,
    /// Whether it may act.
    pub standing: Standing,
    /// Its deposit; founders have none.
    pub bond: Option<CoinId>,
    /// Blocks that it made.
    pub produced: u64,
    /// Slots of its own without a block,
    pub missed: u64,
    /// of them since its last block.
    pub missed_in_row: u64,
    /// The slot of its last block.
    pub slot: u64,
    /// What its last block committed to.
    pub commit: Option<Hash>,
}

fn key(of: &Address) -> SystemKey {
    SystemKey::member("dpos/delegate", of.as_bytes())
}

fn name_key(name: &str) -> SystemKey {
    SystemKey::member("dpos/name", name.as_bytes())
}

/// All who ever registered, in that order.
fn registry_key() -> SystemKey {
    SystemKey::new("dpos/registry")
}

/// A delegate by address.
pub fn delegate(
    state: &impl SystemView,
    of: &Address,
    params: &DposParams,
) -> Result<Option<Delegate>, ReadFailed> {
    let founder = || {
        Some(Delegate {
            name: params.founders.get(of)?.clone(),
            since: Height(0),
            weight: params.holdings.get(of).copied().unwrap_or_default(),
            standing: Standing::Active,
            bond: None,
            produced: 0,
            missed: 0,
            missed_in_row: 0,
            slot: 0,
            commit: None,
        })
    };
    Ok(state.entry(&key(of))?.or_else(founder))
}

/// The delegate of a name.
pub fn named(
    state: &impl SystemView,
    name: &str,
    params: &DposParams,
) -> Result<Option<Address>, ReadFailed> {
    let founder = || params.founders.iter().find(|(_, of)| of.as_str() == name).map(|(at, _)| *at);
    Ok(state.entry(&name_key(name))?.or_else(founder))
}

/// The addresses of all delegates, in the order in which they registered.
fn registry(state: &impl SystemView, params: &DposParams) -> Result<Vec<Address>, ReadFailed> {
    let stored: Option<Vec<Address>> = state.entry(&registry_key())?;
    Ok(stored.unwrap_or_else(|| params.founders.keys().copied().collect()))
}

/// All delegates.
pub fn delegates(
    state: &impl SystemView,
    params: &DposParams,
) -> Result<Vec<(Address, Delegate)>, ReadFailed> {
    let mut all = Vec::new();
    for of in registry(state, params)? {
        all.extend(delegate(state, &of, params)?.map(|delegate| (of, delegate)));
    }
    Ok(all)
}

/// All delegates, those with more votes first, and of equals the one with the lower address.
pub fn ranked(state: &State, params: &DposParams) -> Result<Vec<(Address, Delegate)>, ReadFailed> {
    let mut all = delegates(state, params)?;
    all.sort_by_key(|(of, delegate)| (Reverse(delegate.weight), *of));
    Ok(all)
}

/// Changes a delegate that there is.
pub(super) fn change(
    state: &mut System<'_, '_>,
    of: &Address,
    params: &DposParams,
    change: impl FnOnce(&mut Delegate),
) -> Result<(), ReadFailed> {
    if let Some(mut delegate) = delegate(state, of, params)? {
        change(&mut delegate);
        state.put(&key(of), &delegate);
    }
    Ok(())
}

/// How many there are, standing or not.
pub(super) fn number(state: &System<'_, '_>, params: &DposParams) -> Result<usize, ReadFailed> {
    Ok(registry(state, params)?.len())
}

/// Writes a new delegate down.
pub(super) fn register(
    state: &mut System<'_, '_>,
    of: &Address,
    delegate: &Delegate,
    params: &DposParams,
) -> Result<(), ReadFailed> {
    let mut all = registry(state, params)?;
    if !all.contains(of) {
        all.push(*of);
        state.put(&registry_key(), &all);
    }
    state.put(&name_key(delegate.name.as_str()), of);
    state.put(&key(of), delegate);
    Ok(())
}

/// Writes changed weights down.
pub(super) fn reweigh(
    state: &mut System<'_, '_>,
    weights: &Weights,
    params: &DposParams,
) -> Result<(), ReadFailed> {
    for (of, by) in weights.0.iter().filter(|(_, by)| **by != 0) {
        change(state, of, params, |delegate| {
            delegate.weight = Amount(delegate.weight.0.saturating_add_signed(*by));
        })?;
    }
    Ok(())
}

/// Whom the votes put into the schedule now, the one with the most votes first. Suspended ones stand in where there would
/// be too few; nobody at all where there still would.
pub(super) fn elected(
    state: &System<'_, '_>,
    params: &DposParams,
) -> Result<Vec<Address>, ReadFailed> {
    let mut active = Vec::new();
    let mut suspended = Vec::new();
    for (of, delegate) in delegates(state, params)? {
        let place = (Reverse(delegate.weight), of);
        match delegate.standing {
            Standing::Active => active.push(place),
            Standing::Suspended(_) if planted(Bug::SuspendedStay) => active.push(place),
            Standing::Suspended(_) => suspended.push(place),
            Standing::Resigned(_) | Standing::Banned(_) => {}
        }
    }
    // Seats are few, so they fit any usize.
    let seats = |seats: u64| usize::try_from(seats).unwrap_or(usize::MAX);
    active.sort_unstable();
    active.truncate(seats(params.seats));
    suspended.sort_unstable();
    suspended.truncate(seats(params.seats_min).saturating_sub(active.len()));
    active.extend(suspended);
    active.sort_unstable();
    Ok(match active.len() < seats(params.seats_min.max(1)) {
        true => Vec::new(),
        false => active.into_iter().map(|(_, of)| of).collect(),
    })
}

impl Round {
    /// The first round's delegates: founders, by what they hold.
    pub(super) fn founders(params: &DposParams) -> Vec<Address> {
        let held = |of: &Address| params.holdings.get(of).copied().unwrap_or_default();
        let mut all: Vec<Address> = params.founders.keys().copied().collect();
        all.sort_by_key(|of| (Reverse(held(of)), *of));
        all.truncate(usize::try_from(params.seats).unwrap_or(usize::MAX)); // seats are few
        all
    }
}
