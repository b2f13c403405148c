//! What authorities in turn ask of a block, in the plainest words.

use std::collections::BTreeSet;

use super::signed_by;
use crate::consensus::implied::{Voted, Votes};
use crate::spec::PoaSpec;
use crate::types::{Address, Ballot, BlockId, Claim, GenesisId, Header, Operation, Seal};

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
    /// The change that was agreed on, and at which height.
    agreed: Option<(Address, bool, u64)>,
    /// What is final. The votes of blocks are the rule's own, whose tests count them anew.
    implied: Votes,
}

impl Turns {
    pub(super) fn begin(members: &BTreeSet<Address>) -> Self {
        Self {
            members: members.iter().copied().collect(),
            signers: Vec::new(),
            wishes: Vec::new(),
            votes: Vec::new(),
            agreed: None,
            implied: Votes::default(),
        }
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
        signed_by(&who, chain, id, seal)
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
        let decided = self.implied.final_height().0;
        let set = self.members.iter().copied().collect();
        if let Claim::Turn { prior, .. } = header.claim {
            let voted = Voted { height: header.height, producer: who, prior };
            self.implied.push(&spec.finality, voted, &set);
        }
        let forgets = header.height.0.is_multiple_of(spec.epoch);
        let votes = if forgets { Vec::new() } else { self.votes.clone() };
        let vote = self.vote(header, &votes, decided);
        self.votes = votes;
        let Some((by, about, add)) = vote else { return };
        self.votes.push((by, about, add));
        if !self.is_enough(&self.votes, &about) {
            return;
        }
        self.agreed = None;
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

    fn is_enough(&self, votes: &[(Address, Address, bool)], about: &Address) -> bool {
        votes.iter().filter(|(_, whom, _)| whom == about).count() * 2 > self.members.len()
    }

    /// What a block votes for, where these votes count. The last vote needed waits until its change is agreed on by a
    /// block that is final.
    fn vote(
        &mut self,
        header: &Header,
        votes: &[(Address, Address, bool)],
        decided: u64,
    ) -> Option<(Address, Address, bool)> {
        let (who, height, members) = (header.producer, header.height.0, self.members.len());
        for (by, about, add) in self.wishes.clone() {
            let last = !add && members == 1;
            let would = self.members.contains(&about) != add && !last;
            if by != who || !would || self.votes.contains(&(by, about, add)) {
                continue;
            }
            let with = [votes, &[(by, about, add)]].concat();
            let due = |(whom, what, at)| (whom, what) == (about, add) && at <= decided;
            if !self.is_enough(&with, &about) || self.agreed.is_some_and(due) {
                return Some((by, about, add));
            }
            let stale = |(_, _, at)| at <= decided && height > at + 4 * members as u64;
            if self.agreed.is_none_or(stale) {
                self.agreed = Some((about, add, height));
            }
        }
        None
    }
}
