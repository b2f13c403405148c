//! The judging half of coin-age stake.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use super::{Kernel, PosParams, hits, interest, modifier};
use crate::chain::{BlockRef, Finality, Rank, Rules, Verdict};
use crate::consensus::retarget::{Ema, History, Past, Retarget, Schedule};
use crate::consensus::schedule::RecentTimes;
use crate::ledger::{
    Coin, CoinKind, CoinView, Movements, Offence, Payment, ReadFailed, Refused, Rewards, State,
    Supply, System, SystemKey, Transition, reward_coin_id,
};
use crate::types::canary::{Bug, planted};
use crate::types::target::{Bits, Target, Work};
use crate::types::{
    Address, Amount, Claim, CoinId, Draft, Hash, Header, Height, Operation, Seal, Span, Time,
    tagged,
};

/// The rules of coin-age stake.
#[derive(Debug)]
pub struct PosRules {
    params: PosParams,
    retarget: Retarget,
    schedule: Schedule,
}

/// Why a coin may not be staked for a block, by the name of the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StakeFault {
    /// There is none, or it was used already.
    #[error("unspent: coin {0} does not exist or is already spent")]
    NoSuchCoin(CoinId),
    /// It belongs to somebody else.
    #[error("owner: coin {coin} belongs to {owner:?}, not to the producer {producer:?}")]
    Foreign {
        /// The coin.
        coin: CoinId,
        /// Its owner.
        owner: Address,
        /// Who stakes it.
        producer: Address,
    },
    /// It is a deposit.
    #[error("bond: coin {0} is a bond, which stakes nothing")]
    Bonded(CoinId),
    /// It was made by a block a short while ago.
    #[error("maturity: coin {coin} may not be staked before height {from} (this is height {at})")]
    Immature {
        /// The coin.
        coin: CoinId,
        /// The first height at which it may.
        from: Height,
        /// The height asked for.
        at: Height,
    },
    /// It has no weight yet.
    #[error(
        "min_age: coin {coin} is {age} old, and no coin stakes before it is older than {least}"
    )]
    TooYoung {
        /// The coin.
        coin: CoinId,
        /// Its age.
        age: Span,
        /// The minimum age.
        least: Span,
    },
    /// It did not win in this second.
    #[error("kernel: coin {0} does not hit the target in this second")]
    Missed(CoinId),
    /// Stake counts in whole seconds.
    #[error("time: {0} is not a whole second")]
    NotAWholeSecond(Time),
    /// Time goes on.
    #[error("time: {given} is not after the parent's, {parent}")]
    NotAfterParent {
        /// The header's.
        given: Time,
        /// The parent's.
        parent: Time,
    },
    /// It claims another target than the one that is due.
    #[error("target: it claims {given} where {due} is due")]
    WrongBits {
        /// What it claims.
        given: Bits,
        /// What is due.
        due: Bits,
    },
}

impl From<StakeFault> for Verdict {
    fn from(fault: StakeFault) -> Self {
        Self::Header(fault.to_string())
    }
}

/// The last two blocks by stake, as the ledger keeps them.
fn history_key() -> SystemKey {
    SystemKey::new("stake/history")
}

/// The summed difficulty of the branch, as the ledger keeps it.
fn total_key() -> SystemKey {
    SystemKey::new("stake/total")
}

/// The stake modifier, as the ledger keeps it; absent before the first block by stake.
fn modifier_key() -> SystemKey {
    SystemKey::new("stake/modifier")
}

/// What a claim by stake is tried against on top of a block.
#[derive(Debug, Clone)]
pub struct Front {
    /// The target that the next block by stake must claim.
    pub bits: Bits,
    /// The same as a number.
    pub target: Target,
    /// The kernel of every coin, but for the coin.
    pub kernel: Kernel,
}

impl PosRules {
    /// The rules under these parameters.
    ///
    /// # Panics
    ///
    /// If the block time is nothing, which no chain spec allows.
    pub fn new(params: PosParams) -> Self {
        let spacing = NonZeroU64::new(params.block_time.0);
        let schedule = Schedule {
            spacing: spacing.expect("a spec refuses a block time of nothing"),
            initial: params.initial_bits,
            limit: params.limit,
        };
        Self { retarget: Retarget::Ema(Ema { window: params.window }), params, schedule }
    }

    /// The parameters.
    pub fn params(&self) -> &PosParams {
        &self.params
    }

    /// The target that a child by stake of a block with this state must claim.
    pub fn next_bits(&self, parent: &State) -> Result<Bits, ReadFailed> {
        let history: History = parent.system(&history_key())?.unwrap_or_default();
        Ok(self.retarget.required(&history, &self.schedule))
    }

    /// What coins are tried against on top of a block with this state.
    ///
    /// # Panics
    ///
    /// Never: what a retarget gives is a target.
    pub fn front(&self, parent: &State) -> Result<Front, ReadFailed> {
        let bits = self.next_bits(parent)?;
        let target = bits.target().expect("a retarget gives bits that encode a target");
        let modifier = self.modifier(parent)?;
        Ok(Front { bits, target, kernel: Kernel::new(&self.params.chain, &modifier) })
    }

    /// The stake modifier after a block with this state.
    pub fn modifier(&self, state: &State) -> Result<Hash, ReadFailed> {
        Ok(state.system(&modifier_key())?.unwrap_or_default())
    }

    /// The summed difficulty of the branch that ends in `state`.
    pub fn total(&self, state: &State) -> Result<Work, ReadFailed> {
        Ok(state.system(&total_key())?.unwrap_or_default())
    }

    /// Whether a coin may be staked for a block at this height and time at all, hit or miss; gives the age that counts.
    pub fn judge_coin(
        &self,
        (id, coin): (&CoinId, &Coin),
        height: Height,
        time: Time,
    ) -> Result<Span, StakeFault> {
        match coin.spendable_from(self.params.maturity) {
            None => return Err(StakeFault::Bonded(*id)),
            Some(from) if from > height && !planted(Bug::StakeNeverRests) => {
                return Err(StakeFault::Immature { coin: *id, from, at: height });
            }
            Some(_) => {}
        }
        let weighted = self.params.ages.weighted(coin.time, time);
        if weighted == Span(0) {
            let (age, least) = (time.since(coin.time), self.params.ages.min_age);
            return Err(StakeFault::TooYoung { coin: *id, age, least });
        }
        Ok(weighted)
    }

    /// Whether `header` may stand on its parent, the seal aside.
    pub fn judge_header(&self, header: &Header, parent: BlockRef<'_>) -> Result<(), Verdict> {
        let Claim::Stake { bits, coin: id } = header.claim else {
            let given = header.claim.kind();
            let reason = format!("it claims by {given:?}; this chain's rule is stake");
            return Err(Verdict::Header(reason));
        };
        let front = self.front(parent.state)?;
        if bits != front.bits {
            return Err(StakeFault::WrongBits { given: bits, due: front.bits }.into());
        }
        let (given, below) = (header.time, parent.header.time);
        if given.0 % 1000 != 0 {
            return Err(StakeFault::NotAWholeSecond(given).into());
        }
        if given <= below {
            return Err(StakeFault::NotAfterParent { given, parent: below }.into());
        }
        let coin = parent.state.coin(&id)?.ok_or(StakeFault::NoSuchCoin(id))?;
        let (owner, producer) = (coin.owner, header.producer);
        if owner != producer {
            return Err(StakeFault::Foreign { coin: id, owner, producer }.into());
        }
        let age = self.judge_coin((&id, &coin), header.height, given)?;
        let hash = front.kernel.hash(coin.time, &id, given.0 / 1000);
        if !hits(&hash, &front.target, coin.amount, age) && !planted(Bug::KernelUnchecked) {
            return Err(StakeFault::Missed(id).into());
        }
        Ok(())
    }

    /// What a block by stake does to the state after its transactions.
    pub(in crate::consensus) fn staked(
        &self,
        header: &Header,
        fees: Amount,
        state: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused> {
        let Claim::Stake { bits, coin: id } = header.claim else {
            return Err(Refused::Invalid("a block of this chain claims by stake".into()));
        };
        let coin = state.taken().find(|(at, _)| *at == id).map(|(_, coin)| *coin);
        let coin = coin.ok_or_else(|| Refused::Invalid(StakeFault::NoSuchCoin(id).to_string()))?;
        let total: Work = state.get(&total_key())?.unwrap_or_default();
        state.put(&total_key(), &(total + bits.work()));
        RecentTimes::push(state, header.time)?;
        let mut history: History = state.get(&history_key())?.unwrap_or_default();
        let block = Past { height: header.height.0, time: header.time.0, bits };
        self.retarget.remember(&mut history, block);
        state.put(&history_key(), &history);
        let modifier: Hash = state.get(&modifier_key())?.unwrap_or_default();
        let kernel = Kernel::new(&self.params.chain, &modifier);
        let kernel = kernel.hash(coin.time, &id, header.time.0 / 1000);
        state.put(&modifier_key(), &modifier::next(&self.params.chain, &modifier, &kernel));
        let supply: Supply = state.get(&Supply::key())?.unwrap_or_default();
        let room = self.params.supply_max.minus(supply.circulating().unwrap_or_default());
        let age = header.time.since(coin.time);
        let issued = interest(coin.amount, age, &self.params.rate).min(room.unwrap_or_default());
        let issued = match planted(Bug::InterestTwice) {
            true => issued.plus(issued).unwrap_or(issued),
            false => issued,
        };
        let amount = coin.amount.plus(issued).and_then(|amount| amount.plus(fees));
        let amount = amount.ok_or_else(|| Refused::Invalid("fees overflow".into()))?;
        let payment = Payment { to: coin.owner, amount, kind: CoinKind::Stake };
        Ok(Rewards { issued, payments: vec![payment] })
    }

    /// Takes the staked coin, so that no transaction of the block spends it.
    pub(in crate::consensus) fn take(
        &self,
        header: &Header,
        state: &mut System<'_, '_>,
    ) -> Result<(), Refused> {
        let Claim::Stake { coin, .. } = header.claim else {
            return Err(Refused::Invalid("a block of this chain claims by stake".into()));
        };
        match state.take(&coin)? {
            Some(_) => Ok(()),
            None => Err(Refused::Invalid(StakeFault::NoSuchCoin(coin).to_string())),
        }
    }
}

impl Rules for PosRules {
    fn verify(&self, header: &Header, seal: &Seal, parent: BlockRef<'_>) -> Result<(), Verdict> {
        self.judge_header(header, parent)?;
        let id = header.id(&self.params.chain);
        let signed = seal.is_signed_by(&header.producer, &id, &self.params.chain);
        signed.map_err(|reason| Verdict::Seal(reason.into()))
    }

    fn rank(&self, head: BlockRef<'_>) -> Result<Rank, ReadFailed> {
        Ok(Rank::of_work(&self.total(head.state)?))
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
        header.time.before(self.params.max_drift)
    }

    fn authorities(&self, _: &State) -> Result<BTreeSet<Address>, ReadFailed> {
        Ok(BTreeSet::new())
    }
}

impl Transition for PosRules {
    fn before(&self, block: &Draft, state: &mut System<'_, '_>) -> Result<(), Refused> {
        self.take(&block.header, state)
    }

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

    fn statement(&self, header: &Header) -> Option<Hash> {
        let Claim::Stake { coin, .. } = header.claim else { return None };
        let second = header.time.0.to_le_bytes();
        Some(tagged("assay/stake-statement", &self.params.chain, &[coin.as_bytes(), &second]))
    }

    /// Burns the coin, or what became of it in whichever of the two blocks lies on this branch: that one rests for longer
    /// than evidence is good for. Where the coin was spent otherwise, nothing is left to burn, and the offence counts.
    fn sentence(&self, offence: &Offence<'_>, state: &mut System<'_, '_>) -> Result<(), Refused> {
        for header in offence.headers {
            let Claim::Stake { coin, .. } = header.claim else { continue };
            state.take(&coin)?;
            state.take(&reward_coin_id(header, 0, &self.params.chain))?;
        }
        Ok(())
    }

    fn after(
        &self,
        block: &Draft,
        fees: Amount,
        _: &Movements,
        state: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused> {
        self.staked(&block.header, fees, state)
    }
}
