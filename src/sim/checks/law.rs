//! What a rule asks of a block beyond what every rule asks, in the plainest words.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigUint;

use super::difficulty::{Difficulty, Place, target};
use crate::spec::{Consensus, FrozenSpec};
use crate::types::signatures::verify_single;
use crate::types::target::Bits;
use crate::types::{
    Address, Ballot, BlockId, Claim, GenesisId, Header, Height, Operation, Seal, Span, Time,
    sha256d, tagged,
};

/// Blocks whose times have a say in the earliest time of the next (BIP 113).
const MEDIAN_BLOCKS: usize = 11;

/// The rule of a chain.
#[derive(Debug)]
pub(super) enum Law {
    /// Proof of work.
    Work { difficulty: Difficulty, future_limit: Span },
    /// A leader's signature.
    Leader,
}

/// What a rule looks at of the branch below a block.
#[derive(Debug, Clone)]
pub(super) struct Past {
    /// The times of the last blocks, oldest first.
    times: Vec<Time>,
    /// Height, time and bits of the first block after the genesis block.
    first: Option<(Height, Time, Bits)>,
    members: BTreeSet<Address>,
    /// Who wants what done about whom.
    wishes: BTreeMap<(Address, Address), Ballot>,
}

impl Law {
    pub(super) fn of(spec: &FrozenSpec) -> Self {
        match spec.consensus() {
            Consensus::Pow(pow) => {
                Self::Work { difficulty: Difficulty::of(pow), future_limit: pow.future_limit }
            }
            Consensus::Raft(_) => Self::Leader,
        }
    }

    /// How far ahead of a node's clock a block may be; as far as it likes, where whoever sealed it answers for that.
    pub(super) fn future_limit(&self) -> Option<Span> {
        match self {
            Self::Work { future_limit, .. } => Some(*future_limit),
            Self::Leader => None,
        }
    }

    /// Whether a block may stand on its parent.
    pub(super) fn judge(
        &self,
        chain: &GenesisId,
        (id, header, seal): (&BlockId, &Header, &Seal),
        (parent, past): (&Header, &Past),
    ) -> Result<(), String> {
        match (self, header.claim) {
            (Self::Work { difficulty, .. }, Claim::Work { bits }) => {
                let mut times = past.times.clone();
                times.sort_unstable();
                let median = times.get(times.len() / 2).copied().unwrap_or(parent.time);
                if header.time <= median {
                    let time = header.time;
                    return Err(format!("its time {time} is not after the median {median}"));
                }
                let place = past.first.map(|first| {
                    let parent = (parent.height, parent.time);
                    Place { first, parent }
                });
                difficulty.is_due(bits, place)?;
                proven(header, bits, seal, id)
            }
            (Self::Leader, Claim::Round { round }) => {
                if header.time <= parent.time {
                    return Err(format!("its time {} is not after its parent's", header.time));
                }
                match parent.claim {
                    Claim::Round { round: below } if below > round => {
                        Err(format!("its term is {round}, and its parent's {below}"))
                    }
                    _ => sealed_by_a_leader(chain, id, seal, round, &past.members),
                }
            }
            (_, claim) => Err(format!("it claims by {:?}", claim.kind())),
        }
    }
}

impl Past {
    /// At the genesis block.
    pub(super) fn begin(spec: &FrozenSpec) -> Self {
        let members = spec.consensus().authorities().map(|them| them.set()).unwrap_or_default();
        Self { times: Vec::new(), first: None, members, wishes: BTreeMap::new() }
    }

    /// After a block.
    pub(super) fn push(&mut self, header: &Header) {
        self.times.push(header.time);
        if self.times.len() > MEDIAN_BLOCKS {
            self.times.remove(0);
        }
        if let (None, Claim::Work { bits }) = (self.first, header.claim) {
            self.first = Some((header.height, header.time, bits));
        }
    }

    /// An operation of a block. Whatever may not be done is not in a valid block, so nothing is refused here.
    pub(super) fn operate(&mut self, actor: Address, operation: &Operation) {
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
