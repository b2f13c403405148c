//! What a rule asks of a block beyond what every rule asks, in the plainest words.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use imbl::OrdMap;
use num_bigint::BigUint;

use super::difficulty::{Difficulty, Place, target};
use super::slot::Slots;
use super::stake::{Pair, StakeLaw, earned, modified, pace_of_work};
use super::turn::Turns;
use crate::ledger::{Coin, CoinKind};
use crate::spec::{Consensus, DposSpec, FrozenSpec, HybridSpec, PoaSpec};
use crate::types::signatures::verify_single;
use crate::types::target::Bits;
use crate::types::{
    Address, Ballot, BlockId, Claim, CoinId, GenesisId, Hash, Header, Height, Operation, Seal,
    Span, Time, encode, sha256d, tagged,
};

/// Blocks whose times have a say in the earliest time of the next (BIP 113).
const MEDIAN_BLOCKS: usize = 11;

/// The rule of a chain: what it asks of each kind of block that it has.
#[derive(Debug)]
pub(super) struct Law {
    work: Option<Difficulty>,
    stake: Option<StakeLaw>,
    /// Where both make blocks.
    both: Option<HybridSpec>,
    leaders: bool,
    /// Where a quorum of authorities signs.
    quorums: bool,
    /// Where delegates have slots, and when the chain began.
    slots: Option<(DposSpec, Time)>,
    /// Where authorities take turns.
    turns: Option<PoaSpec>,
    future_limit: Option<Span>,
}

/// A block as a law is asked about it, and where it stands.
pub(super) struct Case<'a> {
    pub(super) id: &'a BlockId,
    pub(super) header: &'a Header,
    pub(super) seal: &'a Seal,
    pub(super) parent: &'a Header,
    pub(super) past: &'a Past,
    /// The coins after the parent.
    pub(super) coins: &'a OrdMap<CoinId, Coin>,
}

/// What a rule looks at of the branch below a block.
#[derive(Debug, Clone)]
pub(super) struct Past {
    /// The times of the last blocks, oldest first.
    times: Vec<Time>,
    /// Height, time and bits of the first block after the genesis block.
    first: Option<(Height, Time, Bits)>,
    /// The last two blocks of work, and by stake.
    works: Pair,
    stakes: Pair,
    last_work: Option<Height>,
    turns: Turns,
    slots: Option<Slots>,
    modifier: Hash,
    members: BTreeSet<Address>,
    /// Who wants what done about whom.
    wishes: BTreeMap<(Address, Address), Ballot>,
}

impl Law {
    pub(super) fn of(spec: &FrozenSpec) -> Self {
        let consensus = spec.consensus();
        let drift = consensus.pos().map(|pos| pos.max_drift);
        let limit = consensus.pow().map(|pow| pow.future_limit);
        let stake = consensus
            .pos()
            .map(|pos| StakeLaw::of(pos, pos.first_bits(spec), spec.issuance.maturity));
        let both = match consensus {
            Consensus::Hybrid(hybrid) => Some(hybrid.clone()),
            _ => None,
        };
        let turns = match consensus {
            Consensus::Poa(poa) => Some(poa.clone()),
            _ => None,
        };
        let slots = match consensus {
            Consensus::Dpos(dpos) => Some((dpos.clone(), spec.genesis_time())),
            _ => None,
        };
        let late = turns.as_ref().map(|poa| poa.max_drift);
        let late = late.or(slots.as_ref().map(|(dpos, _)| dpos.max_drift));
        Self {
            work: consensus.pow().map(Difficulty::of),
            stake,
            both,
            leaders: matches!(consensus, Consensus::Raft(_) | Consensus::Paxos(_)),
            quorums: matches!(consensus, Consensus::Pbft(_)),
            slots,
            turns,
            future_limit: drift.into_iter().chain(limit).chain(late).min(),
        }
    }

    /// How far ahead of a node's clock a block may be; as far as it likes, where whoever sealed it answers for that.
    pub(super) fn future_limit(&self) -> Option<Span> {
        self.future_limit
    }

    /// Goes on with the past after a block that took these coins and left those.
    pub(super) fn push(
        &self,
        past: &mut Past,
        chain: &GenesisId,
        header: &Header,
        taken: &[(CoinId, Coin)],
        coins: &OrdMap<CoinId, Coin>,
    ) {
        past.push(chain, header, taken);
        if let Some(poa) = &self.turns {
            past.turns.push(poa, header);
        }
        if let Some((dpos, genesis)) = &self.slots
            && let Some(slots) = &mut past.slots
        {
            slots.push(dpos, chain, *genesis, header, coins);
        }
    }

    /// An operation of a block's transaction, whose outputs are among the coins by now; a deposit becomes a bond.
    pub(super) fn operate(
        &self,
        past: &mut Past,
        header: &Header,
        actor: Address,
        operation: &Operation,
        outputs: &[CoinId],
        coins: &mut OrdMap<CoinId, Coin>,
    ) -> Result<(), String> {
        past.operate(actor, operation);
        let Some((dpos, _)) = &self.slots else { return Ok(()) };
        let Some(slots) = &mut past.slots else { return Ok(()) };
        let is_deposit = |id: &&CoinId| {
            coins.get(*id).is_some_and(|it| (it.owner, it.amount) == (actor, dpos.deposit))
        };
        let bond = outputs.iter().find(is_deposit).copied();
        let bond = slots.operate(dpos, header.height, actor, operation, bond)?;
        if let Some(coin) = bond.and_then(|bond| coins.get_mut(&bond)) {
            coin.kind = CoinKind::Bond;
        }
        Ok(())
    }

    /// What a block takes where deposits are: those of whoever the evidence is about, and those that it returns.
    pub(super) fn takes(
        &self,
        past: &mut Past,
        header: &Header,
        accused: &[Address],
    ) -> Option<[Vec<CoinId>; 2]> {
        let slots = past.slots.as_mut()?;
        let burned = accused.iter().filter_map(|by| slots.convict(by)).collect();
        Some([burned, slots.returned(header.height)])
    }

    /// Whether a block may stand on its parent.
    pub(super) fn judge(&self, chain: &GenesisId, case: &Case<'_>) -> Result<(), String> {
        let Case { id, header, seal, parent, past, coins } = *case;
        match header.claim {
            Claim::Work { bits } if self.work.is_some() => {
                let mut times = past.times.clone();
                times.sort_unstable();
                let median = times.get(times.len() / 2).copied().unwrap_or(parent.time);
                if header.time <= median {
                    let time = header.time;
                    return Err(format!("its time {time} is not after the median {median}"));
                }
                self.is_due(bits, parent, past)?;
                proven(header, bits, seal, id)
            }
            Claim::Stake { bits, coin } if let Some(stake) = &self.stake => {
                let sealed = (id, header, seal);
                let before = (&past.stakes, &past.modifier);
                stake.judge(chain, sealed, (bits, &coin), parent, before, coins)
            }
            Claim::Turn { weight, .. } if let Some(poa) = &self.turns => {
                past.turns.judge(poa, chain, (id, header, seal), weight, parent)
            }
            Claim::Slot { .. }
                if let (Some((dpos, genesis)), Some(slots)) = (&self.slots, &past.slots) =>
            {
                slots.judge(dpos, chain, *genesis, (id, header, seal))
            }
            Claim::Round { round } if self.leaders || self.quorums => {
                if header.time <= parent.time {
                    return Err(format!("its time {} is not after its parent's", header.time));
                }
                match parent.claim {
                    Claim::Round { round: below } if below > round => {
                        Err(format!("its round is {round}, and its parent's {below}"))
                    }
                    _ if self.quorums => {
                        let at = (header.height, *id);
                        sealed_by_a_quorum(chain, at, seal, round, &past.members)
                    }
                    _ => sealed_by_a_leader(chain, id, seal, round, &past.members),
                }
            }
            claim => Err(format!("it claims by {:?}", claim.kind())),
        }
    }

    fn is_due(&self, bits: Bits, parent: &Header, past: &Past) -> Result<(), String> {
        if let Some(both) = &self.both {
            let last = past.last_work.map_or(parent.height, |height| height);
            let pace = pace_of_work(both, parent.height.0 - last.0);
            let ends = (both.pow.initial_bits, both.pow.limit_bits);
            return past.works.leads_to(bits, ends, pace);
        }
        let place = past.first.map(|first| {
            let parent = (parent.height, parent.time);
            Place { first, parent }
        });
        self.work.as_ref().map_or(Ok(()), |difficulty| difficulty.is_due(bits, place))
    }

    /// What a block may pay itself for these fees: to whom, as what, and how much at least.
    pub(super) fn pays(
        &self,
        header: &Header,
        taken: &[(CoinId, Coin)],
        fees: u64,
    ) -> (CoinKind, RangeInclusive<u64>) {
        match (header.claim, &self.stake, taken.first()) {
            (Claim::Stake { .. }, Some(stake), Some((_, coin))) => {
                let least = coin.amount.0 + fees;
                (CoinKind::Stake, least..=least + earned(&stake.spec, header, coin))
            }
            _ => (CoinKind::Reward, fees..=u64::MAX),
        }
    }
}

impl Past {
    /// At the genesis block.
    pub(super) fn begin(spec: &FrozenSpec) -> Self {
        let members = spec.consensus().authorities().map(|them| them.set()).unwrap_or_default();
        Self {
            times: Vec::new(),
            first: None,
            works: Pair::default(),
            stakes: Pair::default(),
            last_work: None,
            turns: Turns::begin(&members),
            slots: match spec.consensus() {
                Consensus::Dpos(dpos) => Some(Slots::begin(spec, dpos)),
                _ => None,
            },
            modifier: Hash::default(),
            members,
            wishes: BTreeMap::new(),
        }
    }

    /// After a block that took these coins.
    fn push(&mut self, chain: &GenesisId, header: &Header, taken: &[(CoinId, Coin)]) {
        self.times.push(header.time);
        if self.times.len() > MEDIAN_BLOCKS {
            self.times.remove(0);
        }
        match header.claim {
            Claim::Work { bits } => {
                self.first = self.first.or(Some((header.height, header.time, bits)));
                self.works.push(header.time, bits);
                self.last_work = Some(header.height);
            }
            Claim::Stake { bits, coin: id } => {
                self.stakes.push(header.time, bits);
                if let Some((_, coin)) = taken.iter().find(|(taken, _)| *taken == id) {
                    self.modifier = modified(chain, &self.modifier, (coin, &id), header.time);
                }
            }
            _ => {}
        }
    }

    /// An operation of a block. Whatever may not be done is not in a valid block, so nothing is refused here.
    fn operate(&mut self, actor: Address, operation: &Operation) {
        self.turns.operate(actor, operation);
        match operation {
            Operation::ProposeAuthority { address, ballot } => {
                self.wishes.insert((actor, *address), *ballot);
                let wants =
                    |member: &&Address| self.wishes.get(&(**member, *address)) == Some(ballot);
                if self.members.iter().filter(wants).count() * 2 <= self.members.len() {
                    return;
                }
                match ballot {
                    Ballot::Add => drop(self.members.insert(*address)),
                    Ballot::Remove => drop(self.members.remove(address)),
                }
                let members = &self.members;
                self.wishes.retain(|(by, whom), _| members.contains(by) && whom != address);
            }
            Operation::WithdrawProposal { address } => {
                self.wishes.remove(&(actor, *address));
            }
            _ => {}
        }
    }
}

/// Whether the seal is a proof, by hashing it and comparing numbers.
fn proven(header: &Header, bits: Bits, seal: &Seal, id: &BlockId) -> Result<(), String> {
    let Seal::Work(proof) = seal else { return Err("it has no proof of work".into()) };
    let work = proof.header(header.height.0, id.as_bytes(), *header.parent.as_bytes(), bits);
    let hash = BigUint::from_bytes_le(&sha256d(&work.encode()));
    let target = target(bits);
    match hash <= target {
        true => Ok(()),
        false => Err(format!("its hash {hash:x} is above its target {target:x}")),
    }
}

/// Whether a member signed the block, in the term in which it was made or later.
fn sealed_by_a_leader(
    chain: &GenesisId,
    id: &BlockId,
    seal: &Seal,
    made_in: u64,
    members: &BTreeSet<Address>,
) -> Result<(), String> {
    let Seal::Leader { round, leader, signature } = seal else {
        return Err("it has no seal of a leader".into());
    };
    let message = tagged("assay/leader-seal", chain, &[id.as_bytes(), &round.to_le_bytes()]);
    let good = verify_single(&leader.0, &message.0, &signature.0);
    match good && *round >= made_in && members.contains(&Address::of(leader)) {
        true => Ok(()),
        false => Err(format!("its seal of term {round} by {leader} proves nothing")),
    }
}

/// More than two thirds of them, and the more the others are not a multiple of three: two such sets share more than those
/// who may lie.
fn sealed_by_a_quorum(
    chain: &GenesisId,
    (height, id): (Height, BlockId),
    seal: &Seal,
    made_in: u64,
    members: &BTreeSet<Address>,
) -> Result<(), String> {
    let Seal::Quorum { round, votes } = seal else {
        return Err("it has no seal of a quorum".into());
    };
    let message = tagged("assay/pbft-commit", chain, &[&encode(&(*round, height, id))]);
    let good = votes.iter().filter(|vote| {
        let signed = verify_single(&vote.key.0, &message.0, &vote.signature.0);
        signed && members.contains(&Address::of(&vote.key))
    });
    let who: BTreeSet<Address> = good.map(|vote| Address::of(&vote.key)).collect();
    let liars = (members.len() - 1) / 3;
    match *round >= made_in && 2 * who.len() > members.len() + liars && who.len() == votes.len() {
        true => Ok(()),
        false => Err(format!(
            "its seal of view {round} with {} good votes of {} proves nothing",
            who.len(),
            members.len()
        )),
    }
}
