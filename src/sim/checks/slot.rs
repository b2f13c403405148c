//! What delegates in slots ask of a block, in the plainest words.
//!
//! Everything is made anew from what is plainly there: what a vote weighs is the sum of its voter's coins, counted one by one
//! at each border. Only what is final is counted by the rule's own count of votes, which has models of its own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use imbl::OrdMap;
use sha2::{Digest, Sha256};

use super::signed_by;
use crate::consensus::dpos::shuffle::{Round, Shuffle};
use crate::consensus::implied::{Voted, Votes};
use crate::ledger::{Coin, CoinKind};
use crate::spec::{DposSpec, FrozenSpec};
use crate::types::{
    Address, BlockId, Claim, CoinId, GenesisId, Hash, Header, Height, Operation, Seal, Time, tagged,
};

/// How a delegate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Active,
    Suspended,
    Resigned,
    Banned,
}

/// A delegate.
#[derive(Debug, Clone)]
struct Delegate {
    name: String,
    standing: Standing,
    /// Slots of its own without a block since its last one.
    missed: u64,
    /// What its last block committed to.
    commit: Option<Hash>,
    bond: Option<CoinId>,
}

/// What decides about slots along a branch.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    delegates: BTreeMap<Address, Delegate>,
    approvals: BTreeMap<Address, BTreeSet<Address>>,
    /// Deposits that will be returned, and when.
    leaving: VecDeque<(u64, Address)>,
    /// The slot of the last block, and its round; both 0 before the first.
    slot: u64,
    round: u64,
    seed: Hash,
    /// Who is in force, by rank; and in the order of the turns.
    set: Vec<Address>,
    turns: Vec<Address>,
    /// Who will be in force, and where that was decided.
    decided: Option<(Height, Vec<Address>)>,
    votes: Votes,
}

/// A round as a block meets it.
struct Schedule {
    round: u64,
    set: Vec<Address>,
    turns: Vec<Address>,
    decided: Option<(Height, Vec<Address>)>,
}

impl Schedule {
    fn due(&self, spec: &DposSpec, slot: u64) -> Option<Address> {
        let turn = (slot - 1) % spec.delegates;
        let turns = self.turns.len() as u64; // a length fits 64 bits
        let place = usize::try_from(turn.checked_rem(turns)?).ok()?;
        self.turns.get(place).copied()
    }
}

impl Slots {
    pub(super) fn begin(spec: &FrozenSpec, dpos: &DposSpec) -> Self {
        let mut held: BTreeMap<Address, u64> = BTreeMap::new();
        for account in spec.genesis_accounts() {
            *held.entry(account.owner).or_default() += account.amount.0;
        }
        let delegate = |name: String| Delegate {
            name,
            standing: Standing::Active,
            missed: 0,
            commit: None,
            bond: None,
        };
        let names = dpos.names();
        let delegates: BTreeMap<Address, Delegate> =
            names.iter().map(|(of, name)| (*of, delegate(name.as_str().to_owned()))).collect();
        let mut set: Vec<Address> = delegates.keys().copied().collect();
        set.sort_by_key(|of| (Reverse(held.get(of).copied().unwrap_or_default()), *of));
        set.truncate(count(dpos.delegates));
        Self {
            approvals: delegates.keys().map(|of| (*of, BTreeSet::from([*of]))).collect(),
            delegates,
            leaving: VecDeque::new(),
            slot: 0,
            round: 0,
            seed: tagged("assay/first-seed", &spec.genesis_id(), &[]),
            set,
            turns: Vec::new(),
            decided: None,
            votes: Votes::default(),
        }
    }

    /// The round of a slot that is still to come.
    fn schedule(&self, spec: &DposSpec, chain: &GenesisId, genesis: Time, slot: u64) -> Schedule {
        let round = (slot - 1) / spec.delegates + 1;
        let (mut set, mut decided) = (self.set.clone(), self.decided.clone());
        if round == self.round {
            return Schedule { round, set, turns: self.turns.clone(), decided };
        }
        if let Some((_, next)) = decided.take_if(|(at, _)| *at <= self.votes.final_height()) {
            set = next;
        }
        let seed = tagged("assay/turns-seed", chain, &[&self.seed.0, &round.to_le_bytes()]);
        let turns = match spec.shuffle {
            Shuffle::Assay => {
                let place = |index: usize| {
                    let mut bytes = b"assay/turns".to_vec();
                    bytes.extend(seed.0);
                    bytes.extend((index as u64).to_le_bytes()); // an index fits 64 bits
                    (<[u8; 32]>::from(Sha256::digest(&bytes)), set[index])
                };
                let places: BTreeMap<[u8; 32], Address> = (0..set.len()).map(place).collect();
                places.into_values().collect()
            }
            shuffle => {
                if shuffle == Shuffle::Graphene {
                    set.sort_unstable();
                }
                let time = Time(genesis.0 + self.slot * spec.slot_time.0);
                let order = shuffle.order(set.len(), &Round { number: round, time, seed });
                order.into_iter().map(|place| set[place]).collect()
            }
        };
        Schedule { round, set, turns, decided }
    }

    /// Whether a block may stand on its parent.
    pub(super) fn judge(
        &self,
        spec: &DposSpec,
        chain: &GenesisId,
        genesis: Time,
        (id, header, seal): (&BlockId, &Header, &Seal),
    ) -> Result<(), String> {
        let Claim::Slot { reveal, prior, .. } = header.claim else {
            return Err("it claims no slot".into());
        };
        let since = header.time.0.saturating_sub(genesis.0);
        let slot = since / spec.slot_time.0;
        if !since.is_multiple_of(spec.slot_time.0) || slot <= self.slot {
            return Err(format!("its time is {}, after slot {}", header.time, self.slot));
        }
        let who = header.producer;
        let due = self.schedule(spec, chain, genesis, slot).due(spec, slot);
        if due != Some(who) {
            return Err(format!("it is by {who:?}, and slot {slot} is {due:?}'s"));
        }
        let promised = self.delegates.get(&who).and_then(|delegate| delegate.commit);
        let revealed = match promised {
            Some(promised) => tagged("assay/commitment", chain, &[&reveal.0]) == promised,
            None => reveal == Hash::default(),
        };
        if !revealed {
            return Err("it reveals another secret than was promised".into());
        }
        let signed = self.votes.signed(&who);
        if prior < signed {
            return Err(format!("its prior is {prior}, and its producer signed at {signed}"));
        }
        signed_by(&who, chain, id, seal)
    }

    /// An operation in the block at a height; `bond` is the first coin of the deposit that its transaction pays its sender.
    /// Gives the coin that becomes a bond.
    pub(super) fn operate(
        &mut self,
        spec: &DposSpec,
        height: Height,
        actor: Address,
        operation: &Operation,
        bond: Option<CoinId>,
    ) -> Result<Option<CoinId>, String> {
        let standing = self.delegates.get(&actor).map(|delegate| delegate.standing);
        let out_of_turn = || Err(format!("{actor:?}, who is {standing:?}, does {operation:?}"));
        match operation {
            Operation::RegisterDelegate { name } => {
                let is_taken = |(of, delegate): (&Address, &Delegate)| {
                    *of != actor && delegate.name == name.as_str()
                };
                let old = self.delegates.get(&actor);
                let is_free = match old {
                    None => true,
                    Some(old) => old.standing == Standing::Resigned && old.bond.is_none(),
                };
                let bond = bond.filter(|_| spec.deposit.0 > 0);
                if self.delegates.iter().any(is_taken)
                    || !is_free
                    || bond.is_none() && spec.deposit.0 > 0
                {
                    return out_of_turn();
                }
                let (name, standing) = (name.as_str().to_owned(), Standing::Active);
                let delegate = Delegate { name, standing, missed: 0, commit: None, bond };
                self.delegates.insert(actor, delegate);
                return Ok(bond);
            }
            Operation::ResignDelegate => match self.delegates.get_mut(&actor) {
                Some(delegate)
                    if matches!(delegate.standing, Standing::Active | Standing::Suspended) =>
                {
                    delegate.standing = Standing::Resigned;
                    if delegate.bond.is_some() {
                        self.leaving.push_back((height.0 + spec.unbonding.max(1), actor));
                    }
                }
                _ => return out_of_turn(),
            },
            Operation::ReactivateDelegate => match self.delegates.get_mut(&actor) {
                Some(delegate) if delegate.standing == Standing::Suspended => {
                    delegate.standing = Standing::Active;
                    delegate.missed = 0;
                }
                _ => return out_of_turn(),
            },
            Operation::Vote { delegates } => {
                let chosen: BTreeSet<Address> = delegates.iter().copied().collect();
                let active = |of: &Address| {
                    self.delegates.get(of).is_some_and(|it| it.standing == Standing::Active)
                };
                if chosen.is_empty()
                    || chosen.len() < delegates.len()
                    || chosen.len() > count(spec.votes_max)
                    || !chosen.iter().all(active)
                {
                    return out_of_turn();
                }
                self.approvals.insert(actor, chosen);
            }
            Operation::Unvote if self.approvals.remove(&actor).is_none() => return out_of_turn(),
            _ => {}
        }
        Ok(None)
    }

    /// Somebody is proven to have sealed two blocks in one slot; gives what is burned.
    pub(super) fn convict(&mut self, by: &Address) -> Option<CoinId> {
        let delegate = self.delegates.get_mut(by)?;
        delegate.standing = Standing::Banned;
        delegate.bond.take()
    }

    /// The deposits that the block at a height returns.
    pub(super) fn returned(&mut self, height: Height) -> Vec<CoinId> {
        let mut returned = Vec::new();
        while self.leaving.front().is_some_and(|(at, _)| *at <= height.0) {
            let delegate = self.leaving.pop_front().and_then(|(_, of)| self.delegates.get_mut(&of));
            returned.extend(delegate.and_then(|delegate| delegate.bond.take()));
        }
        returned
    }

    /// After a block that left these coins.
    pub(super) fn push(
        &mut self,
        spec: &DposSpec,
        chain: &GenesisId,
        genesis: Time,
        header: &Header,
        coins: &OrdMap<CoinId, Coin>,
    ) {
        let Claim::Slot { reveal, commit, prior } = header.claim else { return };
        let (producer, height) = (header.producer, header.height);
        let slot = (header.time.0 - genesis.0) / spec.slot_time.0;
        let schedule = self.schedule(spec, chain, genesis, slot);
        let missed: Vec<u64> = (self.slot + 1..slot).collect();
        if self.slot > 0 && (missed.len() as u64) < spec.delegates {
            for slot in missed {
                let absent = self.schedule(spec, chain, genesis, slot).due(spec, slot);
                let Some(delegate) = absent.and_then(|of| self.delegates.get_mut(&of)) else {
                    continue;
                };
                delegate.missed += 1;
                let is_active = delegate.standing == Standing::Active;
                if is_active && delegate.missed >= spec.inactive_after {
                    delegate.standing = Standing::Suspended;
                }
            }
        }
        if let Some(delegate) = self.delegates.get_mut(&producer) {
            (delegate.missed, delegate.commit) = (0, Some(commit));
        }
        let members = schedule.set.iter().copied().collect();
        self.votes.push(&spec.finality, Voted { height, producer, prior }, &members);
        if reveal != Hash::default() {
            self.seed = tagged("assay/round-seed", chain, &[&self.seed.0, &reveal.0]);
        }
        self.slot = slot;
        if schedule.round != self.round {
            (self.round, self.set) = (schedule.round, schedule.set);
            (self.turns, self.decided) = (schedule.turns, schedule.decided);
            self.decide(spec, height, coins);
        }
    }

    /// Who shall be in force later.
    fn decide(&mut self, spec: &DposSpec, height: Height, coins: &OrdMap<CoinId, Coin>) {
        let mut held: BTreeMap<Address, u64> = BTreeMap::new();
        for coin in coins.values().filter(|coin| coin.kind != CoinKind::Bond) {
            *held.entry(coin.owner).or_default() += coin.amount.0;
        }
        let weight = |of: &Address| -> u64 {
            let voters = self.approvals.iter().filter(|(_, whom)| whom.contains(of));
            voters.map(|(voter, _)| held.get(voter).copied().unwrap_or_default()).sum()
        };
        let ranked = |standing: Standing, most: usize| {
            let of = self.delegates.iter().filter(|(_, it)| it.standing == standing);
            let mut places: Vec<(Reverse<u64>, Address)> =
                of.map(|(of, _)| (Reverse(weight(of)), *of)).collect();
            places.sort_unstable();
            places.truncate(most);
            places
        };
        let least = count(spec.min_delegates).max(1);
        let mut elected = ranked(Standing::Active, count(spec.delegates));
        elected.extend(ranked(Standing::Suspended, least.saturating_sub(elected.len())));
        elected.sort_unstable();
        if elected.len() < least || self.decided.is_some() {
            return;
        }
        let elected: Vec<Address> = elected.into_iter().map(|(_, of)| of).collect();
        let next = self.toward(spec, &elected);
        if next != self.set.iter().copied().collect() {
            let mut order: Vec<Address> = elected.iter().chain(&self.set).copied().collect();
            order.retain(|of| next.contains(of));
            let mut seen = BTreeSet::new();
            order.retain(|of| seen.insert(*of));
            self.decided = Some((height, order));
        }
    }

    /// As much of a change as leaves each two quorums of before and after with somebody in common.
    fn toward(&self, spec: &DposSpec, elected: &[Address]) -> BTreeSet<Address> {
        let before: BTreeSet<Address> = self.set.iter().copied().collect();
        let mut after = before.clone();
        loop {
            let join = elected.iter().find(|of| !after.contains(of)).copied();
            let is_free = after.len() < count(spec.delegates) && join.is_some();
            let out = |of: &&Address| after.contains(of) && !elected.contains(of);
            let leave = self.set.iter().rfind(out).copied().filter(|_| !is_free);
            let mut next = after.clone();
            next.retain(|of| Some(*of) != leave);
            let fewer = next.clone();
            next.extend(join);
            if next == after {
                return after;
            }
            let quorums = spec.finality.quorum(before.len()) + spec.finality.quorum(next.len());
            if quorums <= before.union(&next).count() {
                return match after == before && leave.is_some() {
                    true if fewer.is_empty() => next,
                    true => fewer,
                    false if after == before => next,
                    false => after,
                };
            }
            after = next;
        }
    }
}

/// A number that is small.
fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
