//! Who approves whom, and what that weighs: the coins of the voter, as they come and go.
//!
//! Nobody counts votes: each movement of coins changes the weights of those whom their owners approve, by as much. A
//! block adds its movements up first and writes each delegate once, however many voters it has.

use std::collections::BTreeMap;

use super::DposParams;
use crate::ledger::{Movements, ReadFailed, Refused, System, SystemKey, SystemView};
use crate::types::{Address, Amount};

fn holdings_key(of: &Address) -> SystemKey {
    SystemKey::member("dpos/holdings", of.as_bytes())
}

fn approvals_key(of: &Address) -> SystemKey {
    SystemKey::member("dpos/approvals", of.as_bytes())
}

/// What all voters hold together.
fn voting_key() -> SystemKey {
    SystemKey::new("dpos/voting")
}

/// What an address holds, deposits apart.
pub fn holdings(
    state: &impl SystemView,
    of: &Address,
    params: &DposParams,
) -> Result<Amount, ReadFailed> {
    let stored: Option<Amount> = state.entry(&holdings_key(of))?;
    Ok(stored.or_else(|| params.holdings.get(of).copied()).unwrap_or_default())
}

/// Whom an address approves, in order of address.
pub fn approvals(
    state: &impl SystemView,
    of: &Address,
    params: &DposParams,
) -> Result<Vec<Address>, ReadFailed> {
    let stored: Option<Vec<Address>> = state.entry(&approvals_key(of))?;
    let silent = || params.founders.contains_key(of).then_some(*of).into_iter().collect();
    Ok(stored.unwrap_or_else(silent))
}

/// What all who approve anybody hold together.
pub fn voting(state: &impl SystemView, params: &DposParams) -> Result<Amount, ReadFailed> {
    let founders =
        || Amount::total(params.founders.keys().filter_map(|of| params.holdings.get(of).copied()));
    Ok(state.entry(&voting_key())?.or_else(founders).unwrap_or_default())
}

/// Changes of weights that are still to be written.
#[derive(Debug, Default)]
pub(super) struct Weights(pub(super) BTreeMap<Address, i64>);

impl Weights {
    fn add(&mut self, whom: &[Address], units: i64) {
        for delegate in whom {
            let weight = self.0.entry(*delegate).or_default();
            *weight = weight.saturating_add(units);
        }
    }
}

/// An amount as a change; all money is far below 2^63.
fn units(amount: Amount) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}

/// The amount after a change. Nothing falls below zero: what leaves an address was there.
fn changed(amount: Amount, by: i64) -> Amount {
    Amount(amount.0.saturating_add_signed(by))
}

/// From now on an address approves these and no others. It weighs what it held before the block; what the block moves
/// counts at its end.
pub(super) fn approve(
    state: &mut System<'_, '_>,
    of: &Address,
    whom: Vec<Address>,
    params: &DposParams,
) -> Result<Weights, Refused> {
    let (before, held) = (approvals(state, of, params)?, units(holdings(state, of, params)?));
    let mut weights = Weights::default();
    weights.add(&before, -held);
    weights.add(&whom, held);
    let votes = i64::from(!whom.is_empty()) - i64::from(!before.is_empty());
    let all = voting(state, params)?;
    state.put(&voting_key(), &changed(all, votes.saturating_mul(held)));
    state.put(&approvals_key(of), &whom);
    Ok(weights)
}

/// Counts what a block moved, payments of its own with it, and what deposits took and gave.
pub(super) fn weigh(
    state: &mut System<'_, '_>,
    moved: &Movements,
    params: &DposParams,
) -> Result<Weights, ReadFailed> {
    let mut weights = Weights::default();
    let before = voting(state, params)?;
    let mut all = before;
    for (address, by) in moved.0.iter().filter(|(_, by)| **by != 0) {
        let held = holdings(state, address, params)?;
        state.put(&holdings_key(address), &changed(held, *by));
        let whom = approvals(state, address, params)?;
        if !whom.is_empty() {
            weights.add(&whom, *by);
            all = changed(all, *by);
        }
    }
    if all != before {
        state.put(&voting_key(), &all);
    }
    Ok(weights)
}
