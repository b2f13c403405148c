//! The judging half of proof of work.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use super::PowParams;
use crate::chain::{BlockRef, Finality, Rank, Rules, Verdict};
use crate::consensus::retarget::{History, Past, Schedule};
use crate::consensus::schedule::RecentTimes;
use crate::ledger::{
    CoinKind, Movements, Payment, ReadFailed, Refused, Rewards, State, Supply, System, SystemKey,
    Transition,
};
use crate::types::canary::{Bug, planted};
use crate::types::target::{Bits, Work};
use crate::types::work::{VERSION_ROLLING_MASK, WORK_VERSION};
use crate::types::{Address, Amount, Claim, Draft, Header, Height, Operation, Seal, Time};

/// The rules of proof of work.
#[derive(Debug)]
pub struct PowRules {
    params: PowParams,
    schedule: Schedule,
}

/// The summed work of the branch, as the ledger keeps it.
fn total_key() -> SystemKey {
    SystemKey::new("work/total")
}

/// The [`History`] that retargeting reads, as the ledger keeps it; absent where nothing is remembered.
fn history_key() -> SystemKey {
    SystemKey::new("work/history")
}

impl PowRules {
    /// The rules under these parameters.
    ///
    /// # Panics
    ///
    /// If the block time is nothing, which no chain spec allows.
    pub fn new(params: PowParams) -> Self {
        let spacing = NonZeroU64::new(params.block_time.0);
        let schedule = Schedule {
            spacing: spacing.expect("a spec refuses a block time of nothing"),
            initial: params.initial_bits,
            limit: params.limit,
        };
        Self { params, schedule }
    }

    /// The parameters.
    pub fn params(&self) -> &PowParams {
        &self.params
    }

    /// The target that a child by work must claim of a block at this height with this state.
    pub fn next_bits(&self, parent: &State, height: Height) -> Result<Bits, ReadFailed> {
        let history: History = parent.system(&history_key())?.unwrap_or_default();
        let between = history.tip().map_or(0, |last| height.0.saturating_sub(last.height));
        let spacing = self.schedule.spacing.saturating_mul(NonZeroU64::MIN.saturating_add(between));
        let most = NonZeroU64::new(self.params.spacing_max.0).unwrap_or(self.schedule.spacing);
        let spacing = spacing.min(most).max(self.schedule.spacing);
        let retarget = self.params.retarget.stretched(self.schedule.spacing, spacing);
        Ok(retarget.required(&history, &Schedule { spacing, ..self.schedule }))
    }

    /// The earliest time that a child of `parent` may carry: after the median of the last blocks, and for the first
    /// block after the genesis block's own time.
    pub fn earliest_time(&self, parent: BlockRef<'_>) -> Result<Time, ReadFailed> {
        let median = RecentTimes::after(parent.state)?.median();
        Ok(Time(median.unwrap_or(parent.header.time).0.saturating_add(1)))
    }

    /// The summed work of the branch that ends in `state`.
    pub fn total_work(&self, state: &State) -> Result<Work, ReadFailed> {
        Ok(state.system(&total_key())?.unwrap_or_default())
    }

    fn judge_header(&self, header: &Header, parent: BlockRef<'_>) -> Result<Bits, Verdict> {
        let Claim::Work { bits } = header.claim else { return Err(no_work(header)) };
        let expected = self.next_bits(parent.state, parent.header.height)?;
        if bits != expected {
            return Err(Verdict::Header(format!("its target is {bits} where {expected} is due")));
        }
        let earliest = self.earliest_time(parent)?;
        if header.time < earliest {
            let given = header.time;
            return Err(Verdict::Header(format!(
                "its time {given} is not after the median of the last blocks, {earliest} at least"
            )));
        }
        Ok(bits)
    }

    /// Whether the seal proves the header at the target that it claims.
    fn judge_seal(&self, header: &Header, seal: &Seal, bits: Bits) -> Result<(), Verdict> {
        let id = header.id(&self.params.chain);
        let Seal::Work(proof) = seal else {
            return Err(Verdict::Seal("it is not a proof of work".into()));
        };
        let version = proof.version.cast_unsigned();
        if version & !VERSION_ROLLING_MASK != WORK_VERSION.cast_unsigned() {
            let reason = format!("work version {version:08x}: only bits 13 to 28 are free");
            return Err(Verdict::Seal(reason));
        }
        let from = header.time.seconds();
        let to = header.time.after(self.params.seal_window).seconds();
        if proof.time < from || proof.time > to {
            return Err(Verdict::Seal(format!(
                "work time {} is not in {from} to {to}",
                proof.time
            )));
        }
        let work = proof.header(header.height.0, id.as_bytes(), *header.parent.as_bytes(), bits);
        let proven = work.is_proven().map_err(|error| Verdict::Header(error.to_string()))?;
        if !proven && !planted(Bug::SealUnchecked) {
            return Err(Verdict::Seal(format!("its hash does not reach target {bits}")));
        }
        Ok(())
    }
}

/// What is said of a header that claims by anything else.
fn no_work(header: &Header) -> Verdict {
    let given = header.claim.kind();
    Verdict::Header(format!("it claims by {given:?}; this chain's rule is work"))
}

impl Rules for PowRules {
    fn verify(&self, header: &Header, seal: &Seal, parent: BlockRef<'_>) -> Result<(), Verdict> {
        let bits = self.judge_header(header, parent)?;
        self.judge_seal(header, seal, bits)
    }

    fn rank_by_header(
        &self,
        header: &Header,
        seal: &Seal,
        parent: &Rank,
    ) -> Result<Option<Rank>, Verdict> {
        let Claim::Work { bits } = header.claim else { return Err(no_work(header)) };
        // Whether these bits were due, and what time may follow which, is for the state after the parent to say.
        match bits.target() {
            Ok(target) if target <= self.params.limit => {}
            _ => return Err(Verdict::Header(format!("its target {bits} is over the limit"))),
        }
        self.judge_seal(header, seal, bits)?;
        Ok(Some(Rank::of_work(&(parent.work() + bits.work()))))
    }
    fn rank(&self, head: BlockRef<'_>) -> Result<Rank, ReadFailed> {
        Ok(Rank::of_work(&self.total_work(head.state)?))
    }

    fn final_height(&self, head: BlockRef<'_>) -> Result<Height, ReadFailed> {
        let depth = self.params.finality_depth - u64::from(planted(Bug::FinalOneEarly));
        Ok(head.header.height.back(depth))
    }

    fn finality(&self) -> Finality {
        Finality::Depth
    }

    fn not_before(&self, header: &Header) -> Time {
        match planted(Bug::FutureAccepted) {
            true => Time(0),
            false => header.time.before(self.params.future_limit),
        }
    }

    fn authorities(&self, _: &State) -> Result<BTreeSet<Address>, ReadFailed> {
        Ok(BTreeSet::new())
    }
}

impl Transition for PowRules {
    fn operation(
        &self,
        operation: &Operation,
        _: Address,
        _: Height,
        _: &mut System<'_, '_>,
    ) -> Result<(), Refused> {
        match operation {
            Operation::Note { .. } => Ok(()),
            other => Err(Refused::operation(other)),
        }
    }

    fn after(
        &self,
        block: &Draft,
        fees: Amount,
        _: &Movements,
        state: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused> {
        let header = &block.header;
        let Claim::Work { bits } = header.claim else {
            return Err(Refused::Invalid("a block of this chain claims by work".into()));
        };
        let total: Work = state.get(&total_key())?.unwrap_or_default();
        state.put(&total_key(), &(total + bits.work()));
        RecentTimes::push(state, header.time)?;
        let mut history: History = state.get(&history_key())?.unwrap_or_default();
        let block = Past { height: header.height.0, time: header.time.0, bits };
        self.params.retarget.remember(&mut history, block);
        if history != History::default() {
            state.put(&history_key(), &history);
        }
        let supply: Supply = state.get(&Supply::key())?.unwrap_or_default();
        let circulating = supply.circulating().unwrap_or_default();
        let height = Height(header.height.0 + u64::from(planted(Bug::RewardOneAhead)));
        let issued = self.params.issuance.capped(height, circulating);
        let amount = issued.plus(fees).ok_or_else(|| Refused::Invalid("fees overflow".into()))?;
        let payment = Payment { to: header.producer, amount, kind: CoinKind::Reward };
        Ok(Rewards { issued, payments: vec![payment] })
    }
}
