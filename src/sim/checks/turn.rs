//! What authorities in turn ask of a block, in the plainest words.

use std::collections::BTreeSet;

use crate::spec::PoaSpec;
use crate::types::signatures::verify_single;
use crate::types::{Address, Ballot, BlockId, GenesisId, Header, Operation, Seal, tagged};

/// What decides about turns along a branch.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    members: Vec<Address>,
    /// Who signed, from the first block on.
    signers: Vec<Address>,
    /// Who wants what done about whom, the oldest first.
    wishes: Vec<(Address, Address, bool)>,
    /// What has been cast of that since the last epoch.
    votes: Vec<(Address, Address, bool)>,
}

impl Turns {
    pub(super) fn begin(members: &BTreeSet<Address>) -> Self {
        let members = members.iter().copied().collect();
        Self { members, signers: Vec::new(), wishes: Vec::new(), votes: Vec::new() }
    }

    /// Whether a block may stand on its parent.
    pub(super) fn judge(
        &self,
        spec: &PoaSpec,
        chain: &GenesisId,
        (id, header, seal): (&BlockId, &Header, &Seal),
        weight: u8,
        parent: &Header,
    ) -> Result<(), String> {
        let who = header.producer;
        let place = self.members.iter().position(|member| *member == who);
        let Some(place) = place else { return Err(format!("{who:?} is no authority")) };
        let members = self.members.len();
        let rest = members / 2;
        if self.signers.iter().rev().take(rest).any(|signer| *signer == who) {
            return Err(format!("{who:?} signed one of the last {rest} blocks"));
        }
        let due = if header.height.0 % members as u64 == place as u64 { 2 } else { 1 };
        if weight != due {
            return Err(format!("its weight is {weight} where {due} is due"));
        }
        let least = if parent.height.0 == 0 { 1 } else { spec.period.0 };
        if header.time.0 < parent.time.0 + least {
            return Err(format!("its time is {} after {}", header.time, parent.time));
        }
        let Seal::Signature { key, signature } = seal else {
            return Err("its producer did not sign it".into());
        };
        let message = tagged("assay/seal-signature", chain, &[id.as_bytes()]);
        match verify_single(&key.0, &message.0, &signature.0) && Address::of(key) == who {
            true => Ok(()),
            false => Err(format!("its signature by {key} proves nothing")),
        }
    }

    pub(super) fn operate(&mut self, actor: Address, operation: &Operation) {
        let (about, add) = match operation {
            Operation::ProposeAuthority { address, ballot } => {
                (*address, Some(*ballot == Ballot::Add))
            }
            Operation::WithdrawProposal { address } => (*address, None),
            _ => return,
        };
        self.wishes.retain(|(by, whom, _)| (*by, *whom) != (actor, about));
        self.wishes.extend(add.map(|add| (actor, about, add)));
    }

    /// After a block.
    pub(super) fn push(&mut self, spec: &PoaSpec, header: &Header) {
        let who = header.producer;
        self.signers.push(who);
        let alone = self.members.len() == 1;
        let would = |about: &Address, add: bool| self.members.contains(about) != add;
        let vote = self.wishes.iter().find(|(by, about, add)| {
            *by == who
                && would(about, *add)
                && (*add || !alone)
                && !self.votes.contains(&(*by, *about, *add))
        });
        let vote = vote.copied();
        if header.height.0.is_multiple_of(spec.epoch) {
            self.votes.clear();
        }
        let Some((by, about, add)) = vote else { return };
        self.votes.retain(|(other, whom, _)| (*other, *whom) != (by, about));
        self.votes.push((by, about, add));
        let for_it = self.votes.iter().filter(|(_, whom, _)| *whom == about).count();
        if for_it * 2 <= self.members.len() {
            return;
        }
        match add {
            true => {
                self.members.push(about);
                self.members.sort_unstable();
            }
            false => {
                self.members.retain(|member| *member != about);
                self.votes.retain(|(by, ..)| *by != about);
            }
        }
        self.votes.retain(|(_, whom, _)| *whom != about);
        let members = &self.members;
        self.wishes
            .retain(|(by, whom, add)| members.contains(by) && members.contains(whom) != *add);
    }
}
