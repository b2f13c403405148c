//! What people do about delegates: register, resign, come back, vote.

use std::collections::{BTreeSet, VecDeque};

use borsh::{BorshDeserialize, BorshSerialize};

use super::delegates::{self, Delegate, Standing, change, delegate, named, reweigh};
use super::{DELEGATES_MAX, DposParams, ballots};
use crate::ledger::{CoinKind, Movements, Payment, ReadFailed, Refused, System, SystemKey};
use crate::types::{Address, Amount, Height, OPERATION_NAME_MAX, Operation, Text};

/// Deposits that will be returned, by the height at which they will, the earliest first.
#[derive(Debug, Default, BorshSerialize, BorshDeserialize)]
struct Unbonding(VecDeque<(Height, Address)>);

fn unbonding_key() -> SystemKey {
    SystemKey::new("dpos/unbonding")
}

/// What the operations of a block moved between what people hold and deposits, until the block's end.
fn locked_key() -> SystemKey {
    SystemKey::new("dpos/locked")
}

fn invalid(reason: impl Into<String>) -> Refused {
    Refused::Invalid(reason.into())
}

/// Performs an operation of `actor` in the block at a height.
pub(super) fn operate(
    operation: &Operation,
    actor: Address,
    height: Height,
    state: &mut System<'_, '_>,
    params: &DposParams,
) -> Result<(), Refused> {
    match operation {
        Operation::Note { .. } => Ok(()),
        Operation::RegisterDelegate { name } => register(name, actor, height, state, params),
        Operation::ResignDelegate => resign(actor, height, state, params),
        Operation::ReactivateDelegate => reactivate(actor, state, params),
        Operation::Vote { delegates } => vote(delegates, actor, state, params),
        Operation::Unvote => {
            if ballots::approvals(state, &actor, params)?.is_empty() {
                return Err(invalid("its sender approves nobody"));
            }
            let weights = ballots::approve(state, &actor, Vec::new(), params)?;
            Ok(reweigh(state, &weights, params)?)
        }
        other => Err(Refused::operation(other)),
    }
}

/// Whether a delegate may be called this, if it is short enough: lower-case letters, digits, dots, dashes, underscores.
pub fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    !text.is_empty() && text.chars().all(plain)
}

fn register(
    name: &Text<OPERATION_NAME_MAX>,
    actor: Address,
    height: Height,
    state: &mut System<'_, '_>,
    params: &DposParams,
) -> Result<(), Refused> {
    let text = name.as_str();
    if !is_name(text) {
        let reason =
            "its name is not one of lower-case letters, digits, dots, dashes and underscores";
        return Err(invalid(reason));
    }
    let before = delegate(state, &actor, params)?;
    match before.as_ref().map(|before| before.standing) {
        None => {}
        Some(Standing::Resigned(_)) if before.as_ref().is_some_and(|old| old.bond.is_none()) => {}
        Some(Standing::Resigned(_)) => {
            return Err(invalid("its sender resigned, and its deposit has not returned yet"));
        }
        Some(Standing::Banned(at)) => {
            return Err(invalid(format!("its sender is banned since height {at}")));
        }
        Some(Standing::Active | Standing::Suspended(_)) => {
            return Err(invalid("its sender is a delegate already"));
        }
    }
    if named(state, text, params)?.is_some_and(|other| other != actor) {
        return Err(invalid(format!("the name {text} is taken")));
    }
    if before.is_none() && delegates::number(state, params)? >= DELEGATES_MAX {
        return Err(invalid(format!("there are {DELEGATES_MAX} delegates already")));
    }
    let bond = match params.deposit {
        Amount::ZERO => None,
        deposit => Some(state.lock(&actor, deposit).ok_or_else(|| {
            let reason = "registering takes an output of its deposit to the sender";
            invalid(format!("{reason}, {deposit} exactly, which becomes a bond"))
        })?),
    };
    move_locked(state, &actor, params.deposit, false)?;
    let weight = before.map_or(Amount::ZERO, |before| before.weight);
    let delegate = Delegate {
        name: name.clone(),
        since: height,
        weight,
        standing: Standing::Active,
        bond,
        produced: 0,
        missed: 0,
        missed_in_row: 0,
        slot: 0,
        commit: None,
    };
    Ok(delegates::register(state, &actor, &delegate, params)?)
}

/// The standing of a delegate, if its sender is one.
fn standing(
    state: &System<'_, '_>,
    of: &Address,
    params: &DposParams,
) -> Result<Standing, Refused> {
    let found = delegate(state, of, params)?;
    found.map(|found| found.standing).ok_or_else(|| invalid("its sender is no delegate"))
}

fn resign(
    actor: Address,
    height: Height,
    state: &mut System<'_, '_>,
    params: &DposParams,
) -> Result<(), Refused> {
    match standing(state, &actor, params)? {
        Standing::Active | Standing::Suspended(_) => {}
        Standing::Resigned(at) => {
            return Err(invalid(format!("its sender resigned at height {at}")));
        }
        Standing::Banned(at) => {
            return Err(invalid(format!("its sender is banned since height {at}")));
        }
    }
    let mut bond = None;
    change(state, &actor, params, |delegate| {
        delegate.standing = Standing::Resigned(height);
        bond = delegate.bond;
    })?;
    if bond.is_none() {
        // A founder's first time: what it locks when it comes back stays locked.
        return Ok(());
    }
    let mut waiting: Unbonding = state.get(&unbonding_key())?.unwrap_or_default();
    waiting.0.push_back((params.deposit_returns(height), actor));
    state.put(&unbonding_key(), &waiting);
    Ok(())
}

fn reactivate(
    actor: Address,
    state: &mut System<'_, '_>,
    params: &DposParams,
) -> Result<(), Refused> {
    let Standing::Suspended(_) = standing(state, &actor, params)? else {
        return Err(invalid("its sender is not suspended"));
    };
    Ok(change(state, &actor, params, |delegate| {
        delegate.standing = Standing::Active;
        delegate.missed_in_row = 0;
    })?)
}

fn vote(
    whom: &[Address],
    actor: Address,
    state: &mut System<'_, '_>,
    params: &DposParams,
) -> Result<(), Refused> {
    let most = params.votes_max;
    if whom.is_empty() {
        return Err(invalid("it approves nobody: that is withdrawing a vote"));
    }
    if whom.len() > most {
        let given = whom.len();
        return Err(invalid(format!("it approves {given} delegates where {most} may be approved")));
    }
    let chosen: BTreeSet<Address> = whom.iter().copied().collect();
    if chosen.len() < whom.len() {
        return Err(invalid("it approves a delegate twice"));
    }
    for of in &chosen {
        let Some(found) = delegate(state, of, params)? else {
            return Err(invalid("one whom it approves is no delegate"));
        };
        let name = found.name.as_str();
        match found.standing {
            Standing::Active => {}
            Standing::Suspended(at) => {
                return Err(invalid(format!("delegate {name} is suspended since height {at}")));
            }
            Standing::Resigned(at) => {
                return Err(invalid(format!("delegate {name} resigned at height {at}")));
            }
            Standing::Banned(at) => {
                return Err(invalid(format!("delegate {name} is banned since height {at}")));
            }
        }
    }
    let weights = ballots::approve(state, &actor, chosen.into_iter().collect(), params)?;
    Ok(reweigh(state, &weights, params)?)
}

/// Remembers that a deposit left what somebody holds, or came back (`returned`), until the block's end.
fn move_locked(
    state: &mut System<'_, '_>,
    of: &Address,
    amount: Amount,
    returned: bool,
) -> Result<(), ReadFailed> {
    if amount == Amount::ZERO {
        return Ok(());
    }
    let mut locked: Vec<(Address, Amount, bool)> = state.get(&locked_key())?.unwrap_or_default();
    locked.push((*of, amount, returned));
    state.put(&locked_key(), &locked);
    Ok(())
}

/// Counts the deposits of a block among what it moved.
pub(super) fn count_locked(
    state: &mut System<'_, '_>,
    moved: &mut Movements,
) -> Result<(), ReadFailed> {
    let locked: Option<Vec<(Address, Amount, bool)>> = state.get(&locked_key())?;
    if let Some(locked) = locked {
        locked.iter().for_each(|(of, amount, returned)| moved.count(*of, *amount, *returned));
        state.remove(&locked_key());
    }
    Ok(())
}

/// Returns the deposits whose time has come in the block at a height.
pub(super) fn return_deposits(
    height: Height,
    state: &mut System<'_, '_>,
    params: &DposParams,
) -> Result<Vec<Payment>, ReadFailed> {
    let stored: Option<Unbonding> = state.get(&unbonding_key())?;
    let Some(mut waiting) = stored else { return Ok(Vec::new()) };
    let mut payments = Vec::new();
    while let Some((_, of)) = waiting.0.pop_front_if(|(due, _)| *due <= height) {
        let bond = delegate(state, &of, params)?.and_then(|delegate| delegate.bond);
        let Some(bond) = bond else { continue };
        change(state, &of, params, |delegate| delegate.bond = None)?;
        if let Some(coin) = state.take(&bond)? {
            payments.push(Payment { to: of, amount: coin.amount, kind: CoinKind::Transfer });
        }
    }
    if waiting.0.is_empty() {
        state.remove(&unbonding_key());
    } else {
        state.put(&unbonding_key(), &waiting);
    }
    Ok(payments)
}
