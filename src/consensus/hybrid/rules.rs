//! The judging half of the hybrid.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::HybridParams;
use crate::chain::{BlockRef, Finality, Rank, Rules, Verdict};
use crate::consensus::pos::PosRules;
use crate::consensus::pow::{PowParams, PowRules};
use crate::consensus::retarget::{Ema, Retarget};
use crate::ledger::{
    Movements, Offence, ReadFailed, Refused, Rewards, State, System, SystemKey, Transition,
};
use crate::types::target::Work;
use crate::types::{Address, Amount, Claim, Draft, Hash, Header, Height, Operation, Seal, Time};

/// The rules of the hybrid: those of work and those of stake, each for its own blocks.
#[derive(Debug)]
pub struct HybridRules {
    work: Arc<PowRules>,
    stake: Arc<PosRules>,
    params: HybridParams,
}

/// The summed trust of the branch, as the ledger keeps it.
fn trust_key() -> SystemKey {
    SystemKey::new("hybrid/trust")
}

impl HybridRules {
    /// The rules under these parameters.
    ///
    /// # Panics
    ///
    /// If a block time is nothing, which no chain spec allows.
    pub fn new(params: HybridParams) -> Self {
        let drift = params.stake.max_drift;
        let work = PowParams {
            retarget: Retarget::Ema(Ema { window: params.work_window }),
            spacing_max: params.work_spacing_max,
            future_limit: params.work.future_limit.min(drift),
            ..params.work.clone()
        };
        let stake = Arc::new(PosRules::new(params.stake.clone()));
        Self { work: Arc::new(PowRules::new(work)), stake, params }
    }

    /// The rules of blocks of work.
    pub fn work(&self) -> &Arc<PowRules> {
        &self.work
    }

    /// The rules of blocks by stake.
    pub fn stake(&self) -> &Arc<PosRules> {
        &self.stake
    }

    /// The parameters.
    pub fn params(&self) -> &HybridParams {
        &self.params
    }

    /// The summed trust of the branch that ends in `state`.
    pub fn total_trust(&self, state: &State) -> Result<Work, ReadFailed> {
        Ok(state.system(&trust_key())?.unwrap_or_default())
    }

    fn of_neither(claim: &Claim) -> String {
        format!("it claims by {:?}; this chain's rules are work and stake", claim.kind())
    }
}

impl Rules for HybridRules {
    fn verify(&self, header: &Header, seal: &Seal, parent: BlockRef<'_>) -> Result<(), Verdict> {
        match header.claim {
            Claim::Work { .. } => self.work.verify(header, seal, parent),
            Claim::Stake { .. } => self.stake.verify(header, seal, parent),
            claim => Err(Verdict::Header(Self::of_neither(&claim))),
        }
    }

    fn rank(&self, head: BlockRef<'_>) -> Result<Rank, ReadFailed> {
        Ok(Rank::of_work(&self.total_trust(head.state)?))
    }

    fn rank_by_header(&self, _: &Header, _: &Seal, _: &Rank) -> Result<Option<Rank>, Verdict> {
        Ok(None)
    }

    fn final_height(&self, head: BlockRef<'_>) -> Result<Height, ReadFailed> {
        Ok(head.header.height.back(self.params.finality_depth))
    }

    fn finality(&self) -> Finality {
        Finality::Depth
    }

    fn not_before(&self, header: &Header) -> Time {
        match header.claim {
            Claim::Work { .. } => self.work.not_before(header),
            _ => self.stake.not_before(header),
        }
    }

    fn authorities(&self, _: &State) -> Result<BTreeSet<Address>, ReadFailed> {
        Ok(BTreeSet::new())
    }
}

impl Transition for HybridRules {
    fn before(&self, block: &Draft, state: &mut System<'_, '_>) -> Result<(), Refused> {
        match block.header.claim {
            Claim::Work { .. } => self.work.before(block, state),
            _ => self.stake.before(block, state),
        }
    }

    fn operation(
        &self,
        operation: &Operation,
        actor: Address,
        height: Height,
        state: &mut System<'_, '_>,
    ) -> Result<(), Refused> {
        self.work.operation(operation, actor, height, state)
    }

    fn statement(&self, header: &Header) -> Option<Hash> {
        self.stake.statement(header)
    }

    fn sentence(&self, offence: &Offence<'_>, state: &mut System<'_, '_>) -> Result<(), Refused> {
        self.stake.sentence(offence, state)
    }

    fn after(
        &self,
        block: &Draft,
        fees: Amount,
        moved: &Movements,
        state: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused> {
        let (work, stake) = (&self.params.work, &self.params.stake);
        let (rewards, trust) = match block.header.claim {
            Claim::Work { bits } => {
                let trust = self.params.trust.of_work(bits, work.initial_bits);
                (self.work.after(block, fees, moved, state)?, trust)
            }
            Claim::Stake { bits, .. } => {
                let trust = self.params.trust.of_stake(bits, stake.initial_bits);
                (self.stake.after(block, fees, moved, state)?, trust)
            }
            claim => return Err(Refused::Invalid(Self::of_neither(&claim))),
        };
        let total: Work = state.get(&trust_key())?.unwrap_or_default();
        state.put(&trust_key(), &(total + trust));
        Ok(rewards)
    }
}
