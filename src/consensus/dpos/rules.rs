//! The judging half of delegated proof of stake.

use std::collections::BTreeSet;

use super::delegates::{Standing, change, delegate, reweigh};
use super::round::Progress;
use super::{DposParams, Round, ballots, commitment, operations, secrets};
use crate::chain::{BlockRef, Finality, Rank, Rules, Verdict};
use crate::consensus::implied::{Voted, Votes};
use crate::ledger::{
    CoinKind, Movements, Offence, Payment, ReadFailed, Refused, Rewards, State, Supply, System,
    SystemKey, SystemView, Transition,
};
use crate::types::canary::{Bug, planted};
use crate::types::{
    Address, Amount, BlockId, Claim, Draft, Hash, Header, Height, Operation, Seal, Time, tagged,
};

/// The rules of delegated proof of stake.
#[derive(Debug)]
pub struct DposRules {
    params: DposParams,
}

fn votes_key() -> SystemKey {
    SystemKey::new("dpos/votes")
}

impl DposRules {
    /// The rules under these parameters.
    pub fn new(params: DposParams) -> Self {
        Self { params }
    }

    /// The parameters.
    pub fn params(&self) -> &DposParams {
        &self.params
    }

    /// The votes that blocks implied, after a block.
    pub fn votes(&self, state: &impl SystemView) -> Result<Votes, ReadFailed> {
        Ok(state.entry(&votes_key())?.unwrap_or_default())
    }

    /// The slot of the last block; 0 before the first one.
    pub fn slot(&self, state: &State) -> Result<u64, ReadFailed> {
        Ok(Progress::after(state, &self.params)?.slot)
    }

    /// The schedule of the round that a slot lies in, for a block on the one after which the state is.
    pub fn round(&self, state: &impl SystemView, slot: u64) -> Result<Round, ReadFailed> {
        self.round_above(state, slot, self.votes(state)?.final_height())
    }

    /// The same for whoever has read what is final.
    fn round_above(
        &self,
        state: &impl SystemView,
        slot: u64,
        final_height: Height,
    ) -> Result<Round, ReadFailed> {
        Round::upcoming(state, self.params.round_of(slot), final_height, &self.params)
    }

    fn judge_header(&self, header: &Header, parent: BlockRef<'_>) -> Result<(), Verdict> {
        let Claim::Slot { reveal, prior, .. } = header.claim else {
            let given = header.claim.kind();
            let reason = format!("it claims by {given:?}; this chain's rule is delegates in slots");
            return Err(Verdict::Header(reason));
        };
        let (time, slot) = (header.time, self.params.slot_at(header.time));
        if self.params.start_of(slot) != time {
            let span = self.params.slot;
            return Err(Verdict::Header(format!(
                "its time {time} is no start of a slot of {span}"
            )));
        }
        let last = Progress::after(parent.state, &self.params)?.slot;
        if slot <= last {
            let reason = format!("its slot {slot} is not after slot {last} of its parent");
            return Err(Verdict::Header(reason));
        }
        let votes = self.votes(parent.state)?;
        let round = self.round_above(parent.state, slot, votes.final_height())?;
        let due = round.due(slot, &self.params) == Some(&header.producer);
        if !due && !planted(Bug::SlotUnchecked) {
            return Err(Verdict::Header(format!("slot {slot} is another delegate's")));
        }
        let promised = delegate(parent.state, &header.producer, &self.params)?;
        self.judge_reveal(&reveal, promised.and_then(|delegate| delegate.commit))?;
        let signed = votes.signed(&header.producer);
        if prior < signed {
            let reason = format!("its delegate signed at height {signed}, not at {prior} at most");
            return Err(Verdict::Header(reason));
        }
        Ok(())
    }

    fn judge_reveal(&self, reveal: &Hash, promised: Option<Hash>) -> Result<(), Verdict> {
        let kept = match promised {
            Some(promised) => commitment(reveal, &self.params.chain) == promised,
            None => *reveal == Hash::default(),
        };
        match kept {
            true => Ok(()),
            false => {
                Err(Verdict::Header("it reveals another secret than its delegate promised".into()))
            }
        }
    }

    /// Counts the slots between two blocks against whose they were; nothing where a whole round went by, or before the
    /// first block.
    fn count_missed(
        &self,
        state: &mut System<'_, '_>,
        slots: std::ops::Range<u64>,
        rounds: [&Round; 2],
        height: Height,
    ) -> Result<(), ReadFailed> {
        let params = &self.params;
        let is_gap = slots.start <= 1 || slots.end - slots.start >= params.seats;
        if is_gap || planted(Bug::MissedUncounted) {
            return Ok(());
        }
        for slot in slots {
            let number = params.round_of(slot);
            let round = rounds.iter().find(|round| round.number == number);
            let Some(absent) = round.and_then(|round| round.due(slot, params)) else { continue };
            change(state, absent, params, |delegate| {
                delegate.missed += 1;
                delegate.missed_in_row += 1;
                let too_often = delegate.missed_in_row >= params.inactive_after;
                if too_often && delegate.standing == Standing::Active {
                    delegate.standing = Standing::Suspended(height);
                }
            })?;
        }
        Ok(())
    }

    /// What a block pays: its delegate, and those whose deposits are due.
    fn pay(
        &self,
        header: &Header,
        fees: Amount,
        state: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused> {
        let supply: Supply = state.get(&Supply::key())?.unwrap_or_default();
        let circulating = supply.circulating().unwrap_or_default();
        let issued = self.params.issuance.capped(header.height, circulating);
        let amount = issued.plus(fees).ok_or_else(|| Refused::Invalid("fees overflow".into()))?;
        let mut payments = Vec::new();
        if amount > Amount::ZERO {
            payments.push(Payment { to: header.producer, amount, kind: CoinKind::Reward });
        }
        payments.extend(operations::return_deposits(header.height, state, &self.params)?);
        Ok(Rewards { issued, payments })
    }
}

impl Rules for DposRules {
    fn verify(&self, header: &Header, seal: &Seal, parent: BlockRef<'_>) -> Result<(), Verdict> {
        self.judge_header(header, parent)?;
        let id = header.id(&self.params.chain);
        let signed = seal.is_signed_by(&header.producer, &id, &self.params.chain);
        signed.map_err(|reason| Verdict::Seal(reason.into()))
    }

    fn rank(&self, head: BlockRef<'_>) -> Result<Rank, ReadFailed> {
        let prevoted = self.votes(head.state)?.prevoted();
        Ok(rank(prevoted, head.header.height, self.slot(head.state)?, head.id))
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

    /// Delegates say all that they have to say in blocks: nobody needs to reach them.
    fn authorities(&self, _: &State) -> Result<BTreeSet<Address>, ReadFailed> {
        Ok(BTreeSet::new())
    }
}

/// The branch of which more is prevoted, without which implied votes are not safe; then the longer one, the one whose last
/// slot was earlier, and the lower id.
fn rank(prevoted: Height, height: Height, slot: u64, id: &BlockId) -> Rank {
    let mut bytes = prevoted.0.to_be_bytes().to_vec();
    bytes.extend(height.0.to_be_bytes());
    bytes.extend((u64::MAX - slot).to_be_bytes());
    bytes.extend(id.as_bytes().iter().map(|byte| !byte));
    Rank::of_bytes(bytes)
}

impl Transition for DposRules {
    fn operation(
        &self,
        operation: &Operation,
        actor: Address,
        height: Height,
        state: &mut System<'_, '_>,
    ) -> Result<(), Refused> {
        operations::operate(operation, actor, height, state, &self.params)
    }

    fn statement(&self, header: &Header) -> Option<Hash> {
        let Claim::Slot { .. } = header.claim else { return None };
        let slot = self.params.slot_at(header.time).to_le_bytes();
        let parts = [header.producer.as_bytes(), &slot[..]];
        Some(tagged("assay/slot-statement", &self.params.chain, &parts))
    }

    /// Two blocks in one slot cost the deposit, which is burned, and the seat for good.
    fn sentence(&self, offence: &Offence<'_>, state: &mut System<'_, '_>) -> Result<(), Refused> {
        let found = delegate(state, &offence.by, &self.params)?;
        let height = offence.headers[0].height.max(offence.headers[1].height);
        if let Some(bond) = found.and_then(|delegate| delegate.bond) {
            state.take(&bond)?;
        }
        Ok(change(state, &offence.by, &self.params, |delegate| {
            delegate.bond = None;
            delegate.standing = Standing::Banned(height);
        })?)
    }

    fn after(
        &self,
        block: &Draft,
        fees: Amount,
        moved: &Movements,
        state: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused> {
        let (header, params) = (&block.header, &self.params);
        let Claim::Slot { reveal, commit, prior } = header.claim else {
            return Err(Refused::Invalid("a block of this chain claims by a slot".into()));
        };
        let (height, producer, slot) =
            (header.height, header.producer, params.slot_at(header.time));
        let mut progress = Progress::after(state, params)?;
        let mut votes = self.votes(state)?;
        let final_height = votes.final_height();
        let before = self.round_above(state, progress.slot, final_height)?;
        let round = self.round_above(state, slot, final_height)?;
        self.count_missed(state, progress.slot + 1..slot, [&before, &round], height)?;
        change(state, &producer, params, |delegate| {
            delegate.produced += 1;
            delegate.missed_in_row = 0;
            (delegate.slot, delegate.commit) = (slot, Some(commit));
        })?;
        let voted = Voted { height, producer, prior };
        votes.push(&params.finality, voted, &round.members());
        state.put(&votes_key(), &votes);

        let rewards = self.pay(header, fees, state)?;
        let mut moved = moved.clone();
        operations::count_locked(state, &mut moved)?;
        for payment in &rewards.payments {
            moved.count(payment.to, payment.amount, true);
        }
        if !planted(Bug::WeightsStandStill) {
            let weights = ballots::weigh(state, &moved, params)?;
            reweigh(state, &weights, params)?;
        }

        let is_border = progress.slot == 0 || before.number != round.number;
        progress.slot = slot;
        if reveal != Hash::default() && !planted(Bug::RevealsIgnored) {
            progress.seed = secrets::mixed(&progress.seed, &reveal, &params.chain);
        }
        progress.write(state);
        if is_border {
            round.begin(height, state, params)?;
        }
        Ok(rewards)
    }
}
