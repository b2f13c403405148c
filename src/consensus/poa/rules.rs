//! The judging half of proof of authority.

use super::changes::{self, Changes, Voter};
use super::record::note;
use super::wishes::Wishes;
use super::{PoaParams, Snapshot, step};
use crate::chain::{BlockRef, Finality, Rank, Rules, Verdict};
use crate::consensus::authorities::{Authorities, identify};
use crate::consensus::implied::{Voted, Votes};
use crate::ledger::{
    CoinKind, Movements, Offence, Payment, ReadFailed, Refused, Rewards, State, System, SystemKey,
    Transition,
};
use crate::types::canary::{Bug, planted};
use crate::types::{
    Address, Amount, Ballot, BlockId, Claim, Draft, Hash, Header, Height, Operation, Seal, Time,
    tagged,
};

/// The rules of proof of authority.
#[derive(Debug)]
pub struct PoaRules {
    params: PoaParams,
}

/// Weight of a block in turn, and of one that is not.
const IN_TURN: u8 = 2;
const OUT_OF_TURN: u8 = 1;

fn snapshot_key() -> SystemKey {
    SystemKey::new("poa/snapshot")
}

/// The summed weights of the branch, and where the signer of the last block stands.
fn standing_key() -> SystemKey {
    SystemKey::new("poa/standing")
}

fn votes_key() -> SystemKey {
    SystemKey::new("poa/votes")
}

impl PoaRules {
    /// The rules under these parameters.
    pub fn new(params: PoaParams) -> Self {
        Self { params }
    }

    /// The parameters.
    pub fn params(&self) -> &PoaParams {
        &self.params
    }

    /// The snapshot after a block.
    pub fn snapshot(&self, state: &State) -> Result<Snapshot<Address>, ReadFailed> {
        let stored = state.system(&snapshot_key())?;
        Ok(stored.unwrap_or_else(|| Snapshot::new(self.params.authorities.clone())))
    }

    /// The weight of a block at a height by this signer, after this snapshot.
    pub fn weight(snapshot: &Snapshot<Address>, height: Height, signer: &Address) -> u8 {
        match snapshot.in_turn(height.0) == Some(signer) || planted(Bug::AlwaysInTurn) {
            true => IN_TURN,
            false => OUT_OF_TURN,
        }
    }

    /// The earliest time of a child of a block.
    pub fn earliest_time(&self, parent: &Header) -> Time {
        match parent.height {
            // The genesis block was nobody's turn.
            Height(0) => parent.time.after(crate::types::Span(1)),
            _ => parent.time.after(self.params.period),
        }
    }

    /// The votes that blocks implied, after a block.
    pub fn votes(&self, state: &State) -> Result<Votes, ReadFailed> {
        Ok(state.system(&votes_key())?.unwrap_or_default())
    }

    fn judge_header(&self, header: &Header, parent: BlockRef<'_>) -> Result<(), Verdict> {
        let Claim::Turn { weight, .. } = header.claim else {
            let given = header.claim.kind();
            let reason = format!("it claims by {given:?}; this chain's rule is authority");
            return Err(Verdict::Header(reason));
        };
        let snapshot = self.snapshot(parent.state)?;
        let (height, signer) = (header.height, &header.producer);
        let may = snapshot.may_sign(height.0, signer);
        may.map_err(|fault| Verdict::Header(fault.to_string()))?;
        let due = Self::weight(&snapshot, height, signer);
        if weight != due {
            return Err(Verdict::Header(format!("its weight is {weight} where {due} is due")));
        }
        let earliest = self.earliest_time(parent.header);
        if header.time < earliest {
            let given = header.time;
            let reason = format!("its time {given} is less than a period after its parent's");
            return Err(Verdict::Header(format!("{reason}: {earliest} at least")));
        }
        Ok(())
    }
}

impl Rules for PoaRules {
    fn verify(&self, header: &Header, seal: &Seal, parent: BlockRef<'_>) -> Result<(), Verdict> {
        self.judge_header(header, parent)?;
        let id = header.id(&self.params.chain);
        let signed = seal.is_signed_by(&header.producer, &id, &self.params.chain);
        signed.map_err(|reason| Verdict::Seal(reason.into()))
    }

    fn rank(&self, head: BlockRef<'_>) -> Result<Rank, ReadFailed> {
        let (weight, ago): (u64, u64) = head.state.system(&standing_key())?.unwrap_or_default();
        let prevoted = self.votes(head.state)?.prevoted();
        Ok(rank(prevoted, weight, head.header.height, ago, head.id))
    }

    fn rank_by_header(&self, _: &Header, _: &Seal, _: &Rank) -> Result<Option<Rank>, Verdict> {
        Ok(None)
    }

    fn final_height(&self, head: BlockRef<'_>) -> Result<Height, ReadFailed> {
        Ok(self.votes(head.state)?.final_height())
    }

    fn finality(&self) -> Finality {
        Finality::Proof
    }

    fn not_before(&self, header: &Header) -> Time {
        header.time.before(self.params.max_drift)
    }

    fn authorities(&self, state: &State) -> Result<Authorities, ReadFailed> {
        Ok(self.snapshot(state)?.signers)
    }
}

/// The branch of which more is prevoted, without which implied votes are not safe; then EIP-3436: more weight, then the
/// lower height, then whose turn was last, then the lower id.
fn rank(prevoted: Height, weight: u64, height: Height, ago: u64, id: &BlockId) -> Rank {
    let mut bytes = prevoted.0.to_be_bytes().to_vec();
    bytes.extend(weight.to_be_bytes());
    bytes.extend((u64::MAX - height.0).to_be_bytes());
    bytes.extend((u64::MAX - ago).to_be_bytes());
    bytes.extend(id.as_bytes().iter().map(|byte| !byte));
    Rank::of_bytes(bytes)
}

impl Transition for PoaRules {
    fn operation(
        &self,
        operation: &Operation,
        actor: Address,
        _: Height,
        state: &mut System<'_, '_>,
    ) -> Result<(), Refused> {
        let (address, change) = match operation {
            Operation::Note { .. } => return Ok(()),
            Operation::RegisterAuthority { .. } => (None, None),
            Operation::ProposeAuthority { address, ballot } => (Some(address), Some(ballot)),
            Operation::WithdrawProposal { address } => (Some(address), None),
            other => return Err(Refused::operation(other)),
        };
        let stored: Option<Snapshot<Address>> = state.get(&snapshot_key())?;
        let snapshot = stored.unwrap_or_else(|| Snapshot::new(self.params.authorities.clone()));
        if !snapshot.signers.contains(&actor) {
            let reason = "its sender is no authority, and only authorities have a say about them";
            return Err(Refused::Invalid(reason.into()));
        }
        let Some(address) = address else { return identify(operation, &actor, state) };
        let mut wishes = Wishes::read(state)?;
        match change {
            Some(ballot) => {
                let add = *ballot == Ballot::Add;
                if !snapshot.is_meaningful(address, add) {
                    let is = if add { "an authority already" } else { "no authority" };
                    return Err(Refused::Invalid(format!("whom it is about is {is}")));
                }
                wishes.wish(actor, *address, add)?;
            }
            None => wishes.withdraw(actor, *address)?,
        }
        wishes.write(state);
        Ok(())
    }

    fn statement(&self, header: &Header) -> Option<Hash> {
        let Claim::Turn { prior, .. } = header.claim else { return None };
        let (chain, height) = (&self.params.chain, header.height.0.to_le_bytes());
        let producer = header.producer;
        if prior < header.height {
            return Some(tagged("assay/turn-statement", chain, &[producer.as_bytes(), &height]));
        }
        // Its signer was as high on another branch, says so, and votes for nothing here: once on each parent.
        let (parent, prior) = (header.parent.as_bytes(), prior.0.to_le_bytes());
        let parts: [&[u8]; 3] = [producer.as_bytes(), parent, &prior];
        Some(tagged("assay/late-turn-statement", chain, &parts))
    }

    /// Two blocks of one height are written down; the others may vote whoever signed them out.
    fn sentence(&self, offence: &Offence<'_>, state: &mut System<'_, '_>) -> Result<(), Refused> {
        Ok(note(state, &offence.by, |record| record.equivocated += 1)?)
    }

    /// Nobody has to be paid for work or stake here: fees go to whoever signed.
    fn after(
        &self,
        block: &Draft,
        fees: Amount,
        _: &Movements,
        state: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused> {
        let header = &block.header;
        let (height, signer) = (header.height, header.producer);
        let Claim::Turn { weight, prior } = header.claim else {
            return Err(Refused::Invalid("a block of this chain claims by a turn".into()));
        };
        let stored: Option<Snapshot<Address>> = state.get(&snapshot_key())?;
        let before = stored.unwrap_or_else(|| Snapshot::new(self.params.authorities.clone()));
        let mut wishes = Wishes::read(state)?;
        let mut votes: Votes = state.get(&votes_key())?.unwrap_or_default();
        let mut changes: Changes = state.get(&changes::key())?.unwrap_or_default();
        let (final_height, epoch) = (votes.final_height(), self.params.epoch);
        let voter = Voter { height, signer: &signer, final_height, epoch };
        let (agreed, wanted) = (changes, wishes.wanted(&signer, &before));
        let vote = changes.vote(wanted, voter, &before);
        if changes != agreed {
            state.put(&changes::key(), &changes);
        }
        let after = step(&before, height.0, &signer, vote, self.params.epoch);
        let after = after.map_err(|fault| Refused::Invalid(fault.to_string()))?;
        if after.signers != before.signers {
            wishes.tidy(&after);
            wishes.write(state);
            for joined in after.signers.difference(&before.signers) {
                note(state, joined, |record| record.since = height.next())?;
            }
        }
        state.put(&snapshot_key(), &after);
        note(state, &signer, |record| {
            record.signed += 1;
            record.out_of_turn += u64::from(weight == OUT_OF_TURN);
            record.last = height;
        })?;
        if let Some(missed) = before.in_turn(height.0).filter(|due| **due != signer) {
            note(state, missed, |record| record.missed += 1)?;
        }
        let (sum, _): (u64, u64) = state.get(&standing_key())?.unwrap_or_default();
        let members = before.signers.len() as u64; // a length fits 64 bits
        let place = before.place(&signer).unwrap_or_default();
        // How many blocks ago it was its turn.
        let ago = (height.0 % members.max(1) + members - place) % members.max(1);
        state.put(&standing_key(), &(sum + u64::from(weight), ago));
        let voted = Voted { height, producer: signer, prior };
        votes.push(&self.params.finality, voted, &before.signers);
        state.put(&votes_key(), &votes);
        let payment = Payment { to: signer, amount: fees, kind: CoinKind::Reward };
        let payments = if fees == Amount::ZERO { Vec::new() } else { vec![payment] };
        Ok(Rewards { issued: Amount::ZERO, payments })
    }
}
