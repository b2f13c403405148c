//! What authorities want done about each other, in the order in which they said so.

use borsh::{BorshDeserialize, BorshSerialize};

use super::snapshot::Snapshot;
use crate::consensus::authorities::WISHES_MAX;
use crate::ledger::{ReadFailed, Refused, State, System, SystemKey};
use crate::types::{Address, Ballot};

/// Wishes that stand: by whom, about whom, and whether it is to be added.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub(super) struct Wishes(Vec<(Address, Address, bool)>);

fn key() -> SystemKey {
    SystemKey::new("authority/standing")
}

/// Wishes that stand after a block, the oldest first.
pub fn standing(state: &State) -> Result<Vec<(Address, Address, Ballot)>, ReadFailed> {
    let wishes: Wishes = state.system(&key())?.unwrap_or_default();
    let ballot = |add| if add { Ballot::Add } else { Ballot::Remove };
    Ok(wishes.0.into_iter().map(|(by, about, add)| (by, about, ballot(add))).collect())
}

impl Wishes {
    pub(super) fn read(state: &System<'_, '_>) -> Result<Self, ReadFailed> {
        Ok(state.get(&key())?.unwrap_or_default())
    }

    pub(super) fn write(&self, state: &mut System<'_, '_>) {
        state.put(&key(), self);
    }

    /// Somebody wants something done; what it wanted about the same address before is forgotten.
    pub(super) fn wish(&mut self, by: Address, about: Address, add: bool) -> Result<(), Refused> {
        self.0.retain(|(other, whom, _)| (*other, *whom) != (by, about));
        if self.0.iter().filter(|(other, ..)| *other == by).count() >= WISHES_MAX {
            let reason = format!("its sender has {WISHES_MAX} proposals already: withdraw one");
            return Err(Refused::Invalid(reason));
        }
        self.0.push((by, about, add));
        Ok(())
    }

    /// Somebody wants it no more.
    pub(super) fn withdraw(&mut self, by: Address, about: Address) -> Result<(), Refused> {
        let before = self.0.len();
        self.0.retain(|(other, whom, _)| (*other, *whom) != (by, about));
        match self.0.len() < before {
            true => Ok(()),
            false => Err(Refused::Invalid("there is no such proposal of its sender".into())),
        }
    }

    /// What a signer wants that could change something, leaves somebody to sign, and is not voted for yet: the oldest first.
    pub(super) fn wanted<'a>(
        &'a self,
        by: &'a Address,
        snapshot: &'a Snapshot<Address>,
    ) -> impl Iterator<Item = (Address, bool)> + 'a {
        let open = move |(other, about, add): &&(Address, Address, bool)| {
            other == by
                && snapshot.is_meaningful(about, *add)
                && (*add || snapshot.signers.len() > 1)
                && !snapshot
                    .votes
                    .iter()
                    .any(|vote| vote.by == *by && vote.about == *about && vote.add == *add)
        };
        self.0.iter().filter(open).map(|(_, about, add)| (*about, *add))
    }

    /// Forgets what is done, and what those want who are no authorities any more.
    pub(super) fn tidy(&mut self, snapshot: &Snapshot<Address>) {
        self.0.retain(|(by, about, add)| {
            snapshot.signers.contains(by) && snapshot.is_meaningful(about, *add)
        });
    }
}
