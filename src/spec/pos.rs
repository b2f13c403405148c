//! The parameters of coin-age stake in a chain spec.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use num_bigint::BigUint;
use num_traits::One;
use toml::de::DeValue;

use super::read::{Refusal, Section};
use super::schema::{default, range};
use super::settings::{Account, Entry, Settings, quoted};
use super::values;
use crate::consensus::Stake;
use crate::consensus::pos::{Ages, PosEngine, PosParams, PosRules, Rate};
use crate::types::target::{Bits, Target};
use crate::types::{COIN, GenesisId, Span, encode};

/// Milliseconds of a day, the other half of a coin-day.
const DAY_MS: u64 = 86_400_000;

/// The parameters of coin-age stake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PosSpec {
    /// The interval between blocks by stake that their difficulty aims at: whole seconds.
    pub block_time: Span,
    /// Blocks by stake that their difficulty averages over.
    pub retarget_window: NonZeroU32,
    /// The target of the first block by stake, for a coin-day.
    pub initial_bits: StakeBits,
    /// The easiest target allowed, in canonical bits.
    pub limit_bits: Bits,
    /// A coin has weight when it is older than this.
    pub min_age: Span,
    /// From this age on its weight grows no more.
    pub max_age: Span,
    /// What a coin earns in an [`Self::interest_period`], in millionths of it.
    pub interest: u32,
    /// The period of the interest.
    pub interest_period: Span,
    /// How far ahead of the local clock a block may be.
    pub max_drift: Span,
    /// Blocks on top of a block before it counts as final.
    pub finality_depth: u64,
    /// For so many blocks whoever sealed two blocks with one coin in one second is punished for it; none means never.
    pub evidence_window: u64,
    /// Every genesis account begins with so many equal coins.
    pub genesis_coins: u64,
}

/// The target of the first block by stake, as a spec states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StakeBits {
    /// The one at which the coins of the genesis block together make a block in each block time.
    Genesis,
    /// Known.
    Is(Bits),
}

impl fmt::Display for StakeBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Genesis => f.write_str("genesis"),
            Self::Is(bits) => bits.fmt(f),
        }
    }
}

impl PosSpec {
    /// Reads [pos] of a spec with so many genesis accounts. What may not go together with the settings of other sections is refused by [`Self::fits`].
    pub(super) fn read(mut section: Section<'_, '_>, accounts: usize, maturity: u64) -> Self {
        let pos = &mut section;
        let block_time = pos.read("block_time", read_seconds).unwrap_or(default::STAKE_BLOCK_TIME);
        let retarget_window = pos
            .read("retarget_window", |value| values::nonzero(value, range::WINDOW))
            .unwrap_or(default::WINDOW_EMA);
        let limit_bits = pos.read("limit_bits", values::bits).unwrap_or(default::STAKE_LIMIT_BITS);
        let initial_bits = pos
            .read("initial_bits", |value| read_bits(value, limit_bits))
            .unwrap_or(StakeBits::Genesis);
        let age = |value: &DeValue<'_>| values::span(value, range::AGE);
        let min_age = pos.read("min_age", age).unwrap_or(default::MIN_AGE);
        let max_age = pos.read("max_age", age).unwrap_or(default::MAX_AGE.max(min_age.times(2)));
        if max_age <= min_age {
            pos.refuse(
                "max_age",
                Refusal::new(
                    format!("is not more than pos.min_age, which is {min_age}: no coin would ever have weight"),
                    format!("write more than \"{min_age}\""),
                ),
            );
        }
        let interest = pos
            .read("interest", |value| values::percentage(value, range::INTEREST, default::INTEREST))
            .unwrap_or(default::INTEREST);
        let interest_period = pos
            .read("interest_period", |value| values::span(value, range::INTEREST_PERIOD))
            .unwrap_or(default::INTEREST_PERIOD);
        let max_drift = pos
            .read("max_drift", |value| values::span(value, range::MAX_DRIFT))
            .unwrap_or(default::MAX_DRIFT);
        let finality_depth = pos
            .read("finality_depth", |value| values::number(value, range::FINALITY_DEPTH))
            .unwrap_or(default::STAKE_FINALITY_DEPTH);
        let evidence_window = pos
            .read("evidence_window", |value| values::number(value, range::MATURITY))
            .unwrap_or(default::EVIDENCE_WINDOW);
        let genesis_coins = pos
            .read("genesis_coins", |value| values::number(value, range::GENESIS_COINS))
            .unwrap_or_else(|| {
                // Twice as many as rest at any time, as far as that goes.
                let each = maturity.saturating_mul(2) / (accounts as u64).max(1);
                each.clamp(default::GENESIS_COINS, *range::GENESIS_COINS.end())
            });
        section.finish();
        Self {
            block_time,
            retarget_window,
            initial_bits,
            limit_bits,
            min_age,
            max_age,
            interest,
            interest_period,
            max_drift,
            finality_depth,
            evidence_window,
            genesis_coins,
        }
    }

    /// Why a chain with these accounts and this maturity would not live under the rule, and what to do.
    pub(super) fn fits(&self, accounts: &[Account], maturity: u64) -> Result<(), Refusal> {
        if accounts.is_empty() {
            return Err(Refusal::new(
                "nobody can make the first block: no account holds a coin to stake",
                "list some below [genesis]: accounts = [ { dev = \"alice\", amount = \"1_000_000\" } ]",
            ));
        }
        let coins = self.genesis_coins.saturating_mul(accounts.len() as u64); // a length fits 64 bits
        if coins <= maturity {
            let least = maturity / (accounts.len() as u64) + 1;
            return Err(Refusal::new(
                format!(
                    "pos.genesis_coins gives the {} accounts {coins} coins in all, and a staked coin rests for \
                     issuance.maturity = {maturity} blocks: when all of them rest, nobody can make the next block",
                    accounts.len()
                ),
                format!(
                    "write genesis_coins = {least} or more below [pos], or a lower maturity below [issuance]"
                ),
            ));
        }
        if accounts.iter().any(|account| account.amount.0 < self.genesis_coins) {
            return Err(Refusal::new(
                "pos.genesis_coins splits an account into more coins than it has base units",
                "write a lower genesis_coins below [pos], or larger amounts",
            ));
        }
        Ok(())
    }

    /// How many blocks evidence is good for: no longer than what a staked coin rests.
    pub fn evidence_window(&self, settings: &Settings) -> u64 {
        self.evidence_window.min(settings.issuance.maturity)
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        let entry = |key, value, about| Entry::new("pos", key, value, about);
        vec![
            entry("block_time", quoted(self.block_time), "between blocks by stake, on average"),
            entry("retarget_window", self.retarget_window.to_string(), "blocks averaged over"),
            entry("initial_bits", quoted(self.initial_bits), "the first target, for a coin-day"),
            entry("limit_bits", quoted(self.limit_bits), "the easiest target allowed"),
            entry("min_age", quoted(self.min_age), "a coin stakes when it is older"),
            entry("max_age", quoted(self.max_age), "and weighs no more beyond this age"),
            entry("interest", quoted(values::percent(self.interest)), "of a coin in each …"),
            entry("interest_period", quoted(self.interest_period), "… period, when it is staked"),
            entry("max_drift", quoted(self.max_drift), "how far ahead of the clock"),
            entry(
                "finality_depth",
                self.finality_depth.to_string(),
                "final when this many blocks lie on top",
            ),
            entry(
                "evidence_window",
                self.evidence_window.to_string(),
                "blocks in which two seals of one coin and second burn it; 0: never",
            ),
            entry("genesis_coins", self.genesis_coins.to_string(), "coins of each first account"),
        ]
    }

    /// What the genesis id covers. The coins of the genesis block are covered as such.
    pub(super) fn identity(&self) -> Vec<u8> {
        let bits = match self.initial_bits {
            StakeBits::Genesis => None,
            StakeBits::Is(bits) => Some(bits),
        };
        encode(&(
            (self.block_time, self.retarget_window.get(), bits, self.limit_bits),
            (self.min_age, self.max_age, self.interest, self.interest_period),
            (self.max_drift, self.finality_depth, self.evidence_window),
        ))
    }

    fn ages(&self) -> Ages {
        Ages { min_age: self.min_age, max_age: self.max_age }
    }

    /// The target at which the genesis coins together make a block in each block time. Coins that are too young at the
    /// start count as if they had just come to some weight.
    fn genesis_bits(&self, settings: &Settings) -> Bits {
        let limit = self.limit();
        let young = self.min_age.times(2).max(Span(self.min_age.0.saturating_add(1000)));
        let weight: BigUint = settings
            .accounts
            .iter()
            .map(|account| {
                let age = account.age.max(young).min(self.max_age);
                BigUint::from(account.amount.0) * age.0.saturating_sub(self.min_age.0)
            })
            .sum();
        let seconds = self.block_time.0 / 1000;
        let per_second = weight * seconds;
        if per_second == BigUint::default() {
            return limit.to_bits();
        }
        let target = (BigUint::one() << 256u32) * COIN * DAY_MS / per_second;
        Target::within(&target, &limit).to_bits()
    }

    /// The target of the first block by stake on a chain with these settings.
    pub fn first_bits(&self, settings: &Settings) -> Bits {
        match self.initial_bits {
            StakeBits::Genesis => self.genesis_bits(settings),
            StakeBits::Is(bits) => bits,
        }
    }

    fn limit(&self) -> Target {
        self.limit_bits.target().expect("a spec holds only bits that encode a target")
    }

    pub(super) fn params(&self, chain: GenesisId, settings: &Settings) -> PosParams {
        PosParams {
            chain,
            block_time: self.block_time,
            window: self.retarget_window,
            initial_bits: self.first_bits(settings),
            limit: self.limit(),
            ages: self.ages(),
            rate: Rate { parts_per_million: self.interest, period: self.interest_period },
            max_drift: self.max_drift,
            finality_depth: self.finality_depth,
            maturity: settings.issuance.maturity,
            supply_max: settings.issuance.supply_cap,
        }
    }

    /// The judging half of the rule on the chain with this genesis id and these settings.
    pub fn rules(&self, chain: GenesisId, settings: &Settings) -> Arc<PosRules> {
        Arc::new(PosRules::new(self.params(chain, settings)))
    }

    pub(super) fn engine(
        &self,
        chain: GenesisId,
        settings: &Settings,
        stake: Option<Stake>,
    ) -> Box<PosEngine> {
        Box::new(PosEngine::new(self.rules(chain, settings), stake))
    }
}

/// A span of whole seconds.
fn read_seconds(value: &DeValue<'_>) -> Result<Span, Refusal> {
    let span = values::span(value, range::STAKE_BLOCK_TIME)?;
    if !span.0.is_multiple_of(1000) {
        let reason = "is no whole number of seconds, and a coin has one chance per second";
        return Err(Refusal::new(reason, "write a whole number of seconds, such as \"5s\""));
    }
    Ok(span)
}

fn read_bits(value: &DeValue<'_>, limit: Bits) -> Result<StakeBits, Refusal> {
    if values::text(value, "genesis")? == "genesis" {
        return Ok(StakeBits::Genesis);
    }
    let bits = values::bits(value).map_err(|refusal| {
        Refusal::new(refusal.reason, format!("{}, or \"genesis\"", refusal.fix))
    })?;
    if bits.target().ok() > limit.target().ok() {
        return Err(Refusal::new(
            format!("is easier than pos.limit_bits, which is {limit}"),
            format!("write \"{limit}\" or harder, or \"genesis\""),
        ));
    }
    Ok(StakeBits::Is(bits))
}
