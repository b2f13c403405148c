//! The authorities of a chain, as the ledger keeps them, and how they change.
//!
//! The spec names the first ones. From then on each authority has standing wishes that another one be added or removed,
//! and when more than half of the authorities wish the same, it happens with that very operation: the block that carries
//! it is still judged by the set before it, everything above by the set after it. A block changes the set at most once,
//! so that two sets in a row differ by one member and their majorities meet (single-server changes, Raft thesis 4.1).
//!
//! Whoever stands behind an authority may say so; that moves nothing.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::ledger::{ReadFailed, Refused, State, System, SystemKey};
use crate::types::{Address, Ballot, Height, OPERATION_NAME_MAX, Operation, Text};

/// Authorities of a chain at most: as many as a quorum's votes have room for.
pub const AUTHORITIES_MAX: usize = crate::types::VOTES_MAX;

/// Wishes of one authority that may stand at a time.
pub const WISHES_MAX: usize = 16;

/// The authorities in force, in order of address.
pub type Authorities = BTreeSet<Address>;

/// What changes by operations.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
struct Council {
    members: Authorities,
    /// What each wants done about whom.
    wishes: BTreeMap<Address, BTreeMap<Address, Wish>>,
    /// The height of the block that changed the members last.
    changed: Height,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
enum Wish {
    Add,
    Remove,
}

/// Who stands behind an authority, by its own word.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Identity {
    /// The authority's name.
    pub name: Text<OPERATION_NAME_MAX>,
    /// The organisation that runs it.
    pub organisation: Text<OPERATION_NAME_MAX>,
    /// How to reach it.
    pub contact: Text<OPERATION_NAME_MAX>,
}

fn council_key() -> SystemKey {
    SystemKey::new("authority/council")
}

fn identity_key(of: &Address) -> SystemKey {
    SystemKey::member("authority/identity", of.as_bytes())
}

/// The authorities in force for whatever stands on a state; `first` are those of the spec, in force until they change.
pub fn in_force(state: &State, first: &Authorities) -> Result<Authorities, ReadFailed> {
    let council: Option<Council> = state.system(&council_key())?;
    Ok(council.map_or_else(|| first.clone(), |council| council.members))
}

/// Wishes that stand: who wants whom added or removed.
pub fn wishes(state: &State) -> Result<Vec<(Address, Address, Ballot)>, ReadFailed> {
    let council: Council = state.system(&council_key())?.unwrap_or_default();
    let of = |(by, wishes): (Address, BTreeMap<Address, Wish>)| {
        let ballot = |wish| match wish {
            Wish::Add => Ballot::Add,
            Wish::Remove => Ballot::Remove,
        };
        wishes.into_iter().map(move |(whom, wish)| (by, whom, ballot(wish)))
    };
    let mut wishes: Vec<_> = council.wishes.into_iter().flat_map(of).collect();
    // Under a rule whose blocks cast them as votes they stand in another place.
    wishes.extend(super::poa::standing(state)?);
    Ok(wishes)
}

/// The height of the block that changed the authorities last; nothing while those of the spec are in force.
pub fn changed(state: &State) -> Result<Option<Height>, ReadFailed> {
    let council: Option<Council> = state.system(&council_key())?;
    // Under a rule whose blocks vote it stands in another place.
    let voted = super::poa::Changes::of(state)?.changed;
    let changed = council.map_or(voted, |council| council.changed.max(voted));
    Ok(Some(changed).filter(|height| height.0 > 0))
}

/// Who stands behind an authority.
pub fn identity(state: &State, of: &Address) -> Result<Option<Identity>, ReadFailed> {
    state.system(&identity_key(of))
}

/// Performs an operation about authorities in the block at `height`; everything else is refused as not active.
/// `members_min` is how many have to stay.
pub fn operate(
    operation: &Operation,
    actor: Address,
    height: Height,
    (first, members_min): (&Authorities, usize),
    state: &mut System<'_, '_>,
) -> Result<(), Refused> {
    let stored: Option<Council> = state.get(&council_key())?;
    let mut council =
        stored.unwrap_or_else(|| Council { members: first.clone(), ..Council::default() });
    if !council.members.contains(&actor) {
        let reason = "its sender is no authority, and only authorities have a say about them";
        return match operation {
            Operation::RegisterAuthority { .. }
            | Operation::ProposeAuthority { .. }
            | Operation::WithdrawProposal { .. } => Err(Refused::Invalid(reason.into())),
            other => Err(Refused::operation(other)),
        };
    }
    match operation {
        Operation::RegisterAuthority { .. } => return identify(operation, &actor, state),
        Operation::ProposeAuthority { address, ballot } => {
            council.wish(actor, *address, *ballot)?;
            council.settle(*address, height, members_min)?;
        }
        Operation::WithdrawProposal { address } => {
            let wishes = council.wishes.get_mut(&actor);
            if wishes.and_then(|wishes| wishes.remove(address)).is_none() {
                return Err(Refused::Invalid("there is no such proposal of its sender".into()));
            }
            council.wishes.retain(|_, wishes| !wishes.is_empty());
        }
        other => return Err(Refused::operation(other)),
    }
    state.put(&council_key(), &council);
    Ok(())
}

/// Writes down who stands behind an authority.
pub fn identify(
    operation: &Operation,
    actor: &Address,
    state: &mut System<'_, '_>,
) -> Result<(), Refused> {
    let Operation::RegisterAuthority { name, organisation, contact } = operation else {
        return Err(Refused::operation(operation));
    };
    let (name, organisation, contact) = (name.clone(), organisation.clone(), contact.clone());
    state.put(&identity_key(actor), &Identity { name, organisation, contact });
    Ok(())
}

impl Council {
    fn wish(&mut self, by: Address, whom: Address, ballot: Ballot) -> Result<(), Refused> {
        let (wish, there) = match ballot {
            Ballot::Add => (Wish::Add, self.members.contains(&whom)),
            Ballot::Remove => (Wish::Remove, !self.members.contains(&whom)),
        };
        if there {
            let is = if wish == Wish::Add { "an authority already" } else { "no authority" };
            return Err(Refused::Invalid(format!("whom it is about is {is}")));
        }
        let wishes = self.wishes.entry(by).or_default();
        if wishes.len() >= WISHES_MAX && !wishes.contains_key(&whom) {
            let reason = format!("its sender has {WISHES_MAX} proposals already: withdraw one");
            return Err(Refused::Invalid(reason));
        }
        wishes.insert(whom, wish);
        Ok(())
    }

    /// Does what more than half want to be done about somebody.
    fn settle(&mut self, whom: Address, height: Height, members_min: usize) -> Result<(), Refused> {
        let for_it = |members: &Authorities,
                      wishes: &BTreeMap<Address, BTreeMap<Address, Wish>>| {
            let voiced = |member: &&Address| {
                wishes.get(*member).is_some_and(|wishes| wishes.contains_key(&whom))
            };
            members.iter().filter(voiced).count()
        };
        if for_it(&self.members, &self.wishes) < super::quorum::majority(self.members.len()) {
            return Ok(());
        }
        if self.changed == height && height.0 > 0 {
            // Left out of this block, it is decided in one of the next.
            return Err(Refused::Invalid("this block has changed the authorities already".into()));
        }
        if !self.members.remove(&whom) {
            if self.members.len() >= AUTHORITIES_MAX {
                let reason = format!("there are {AUTHORITIES_MAX} authorities already");
                return Err(Refused::Invalid(reason));
            }
            self.members.insert(whom);
        } else if self.members.len() < members_min {
            let reason = format!("this rule needs {members_min} authorities at least");
            return Err(Refused::Invalid(reason));
        }
        self.changed = height;
        // Whoever is gone has no say, and what was wanted is done.
        let members = &self.members;
        self.wishes.retain(|by, _| members.contains(by));
        for wishes in self.wishes.values_mut() {
            wishes.remove(&whom);
        }
        self.wishes.retain(|_, wishes| !wishes.is_empty());
        Ok(())
    }
}

#[cfg(test)]
#[path = "authorities_tests.rs"]
mod tests;
