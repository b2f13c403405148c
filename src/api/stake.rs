//! What `consensus_status` says of stake, and `stake_*`: whose coins a node stakes, and what chances coins have.

use std::fmt;

use num_traits::ToPrimitive as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::block::difficulty;
use super::concentration::Concentration;
use super::consensus::{INTERVALS_MAX, PowStatus};
use crate::consensus::pos::{Footing, PosRules};
use crate::ledger::{Coin, ReadFailed, State};
use crate::types::target::{Bits, Target, Work};
use crate::types::{Amount, BlockId, COIN, Claim, Header, Height, Keypair, Prefix, Span, Time};

/// The state of coin-age stake after the head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct StakeStatus {
    /// The target of the last block by stake, for a coin-day, in compact form.
    pub bits: Bits,
    /// Its difficulty.
    pub difficulty: f64,
    /// The target that the next block by stake must claim.
    pub next_bits: Bits,
    /// Its difficulty.
    pub next_difficulty: f64,
    /// The interval between blocks by stake that their difficulty aims at, in ms.
    pub block_time_target_ms: Span,
    /// The mean interval between the last blocks by stake, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_time_mean_ms: Option<f64>,
    /// How many intervals that is the mean of.
    pub intervals: u64,
    /// The summed difficulty of the blocks by stake of the branch, hexadecimal.
    pub total: Work,
    /// A coin has weight when it is older than this, in ms.
    pub min_age_ms: Span,
    /// From this age on its weight grows no more, in ms.
    pub max_age_ms: Span,
    /// What a coin earns in `interest_period_ms`, in millionths of it.
    pub interest_ppm: u32,
    /// The period of the interest, in ms.
    pub interest_period_ms: Span,
    /// Blocks on top of a block before it counts as final.
    pub finality_depth: u64,
    /// Who made the last blocks by stake; absent before there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concentration: Option<Concentration>,
}

/// The state of the hybrid after the head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct HybridStatus {
    /// Blocks of work.
    pub work: PowStatus,
    /// Blocks by stake.
    pub stake: StakeStatus,
    /// The summed trust of the branch, hexadecimal.
    pub total_trust: Work,
    /// Blocks of any kind on top of a block before it counts as final.
    pub finality_depth: u64,
}

/// The status of stake after the block with the state `head`. `recent` are the headers of the last blocks of its branch,
/// oldest first, the head last.
pub fn stake_status(
    rules: &PosRules,
    head: &State,
    recent: &[Header],
    prefix: &Prefix,
) -> Result<StakeStatus, ReadFailed> {
    let params = rules.params();
    let next_bits = rules.next_bits(head)?;
    let staked = recent.iter().filter_map(|header| match header.claim {
        Claim::Stake { bits, .. } => Some((header.time, bits)),
        _ => None,
    });
    let staked: Vec<_> = staked.collect();
    let staked = &staked[staked.len().saturating_sub(INTERVALS_MAX + 1)..];
    let intervals = staked.len().saturating_sub(1);
    let mean = match (staked.first(), staked.last()) {
        // Milliseconds of any real chain are exact in a double.
        (Some((from, _)), Some((to, _))) if intervals > 0 => {
            Some(to.since(*from).0 as f64 / intervals as f64)
        }
        _ => None,
    };
    let bits = staked.last().map_or(params.initial_bits, |(_, bits)| *bits);
    Ok(StakeStatus {
        bits,
        difficulty: difficulty(bits),
        next_bits,
        next_difficulty: difficulty(next_bits),
        block_time_target_ms: params.block_time,
        block_time_mean_ms: mean,
        intervals: intervals as u64, // at most INTERVALS_MAX
        total: rules.total(head)?,
        min_age_ms: params.ages.min_age,
        max_age_ms: params.ages.max_age,
        interest_ppm: params.rate.parts_per_million,
        interest_period_ms: params.rate.period,
        finality_depth: params.finality_depth,
        concentration: Concentration::of(
            recent,
            |claim| matches!(claim, Claim::Stake { .. }),
            prefix,
        ),
    })
}

/// What `stake_status` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct StakingParams {
    /// Whose coins; of those who stake on this node if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<String>>,
}

/// What `stake_start` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct StakeParams {
    /// The keys of whoever stakes from now on, in place of those who did.
    pub keys: Vec<SecretKey>,
    /// Coins of at least this sum are left alone; none if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<Amount>,
}

/// A secret key on its way into a node: 64 hexadecimal digits. Never printed, and wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "node", schemars(with = "String"))]
pub struct SecretKey(Zeroizing<String>);

impl SecretKey {
    /// The key of these bytes.
    pub fn of(secret: &[u8; 32]) -> Self {
        Self(Zeroizing::new(hex::encode(secret)))
    }

    /// The key, if it is one.
    pub fn keypair(&self) -> Option<Keypair> {
        let mut secret = Zeroizing::new([0; 32]);
        hex::decode_to_slice(self.0.as_str(), &mut *secret).ok()?;
        Some(Keypair::from_secret(&secret))
    }
}

impl From<String> for SecretKey {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<SecretKey> for String {
    fn from(key: SecretKey) -> Self {
        key.0.as_str().to_owned()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// Some coins taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct CoinSum {
    /// How many.
    pub coins: u64,
    /// What they hold.
    pub amount: Amount,
}

impl CoinSum {
    fn add(&mut self, amount: Amount) {
        self.coins += 1;
        self.amount = self.amount.plus(amount).unwrap_or(Amount(u64::MAX));
    }
}

/// What `stake_status` answers, and what starting and stopping to stake answer. The sums do not overlap, and bonds are in
/// none of them. What `wallet stake status --json` prints.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct StakingStatus {
    /// Whose coins this node stakes.
    pub stakers: Vec<String>,
    /// Whether it stakes those of everybody whom the rest is about.
    pub staking: bool,
    /// Whose coins the rest is about.
    pub addresses: Vec<String>,
    /// Coins of at least this sum are left alone; 0 where this node does not stake.
    pub reserve: Amount,
    /// The head after which it is so.
    pub head: BlockId,
    /// Its height.
    pub height: Height,
    /// The second in which it is so.
    pub time: Time,
    /// Coins that are old enough, and are tried where the node stakes.
    pub old: CoinSum,
    /// Coins that are too young.
    pub young: CoinSum,
    /// When the first of them will be old enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub young_until: Option<Time>,
    /// Coins that rest because they were staked, or mature.
    pub resting: CoinSum,
    /// The first height at which one of them may be staked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resting_until: Option<Height>,
    /// Coins that are left alone.
    pub reserved: CoinSum,
    /// The weight of the coins that are old enough: their amounts times the age that counts.
    pub coin_days: f64,
    /// The chance that one of them makes a block in a second, on the present target.
    pub chance_per_second: f64,
    /// The mean time until one of them does, at that chance, in ms; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_ms: Option<f64>,
}

impl StakingStatus {
    /// Adds up coins under the target of the next block.
    pub fn add_up<'a>(
        &mut self,
        coins: impl Iterator<Item = (&'a Coin, Footing)>,
        target: &Target,
    ) {
        // The logarithm of the chance that none of them does.
        let mut none = 0.0_f64;
        for (coin, footing) in coins {
            let amount = coin.amount;
            match footing {
                Footing::Staked(age) => {
                    self.old.add(amount);
                    self.coin_days += coin_days(amount, age);
                    none += (-chance(target, amount, age)).ln_1p();
                }
                Footing::Young(until) => {
                    self.young.add(amount);
                    self.young_until = Some(self.young_until.map_or(until, |at| at.min(until)));
                }
                Footing::Resting(until) => {
                    self.resting.add(amount);
                    self.resting_until = Some(self.resting_until.map_or(until, |at| at.min(until)));
                }
                Footing::Reserved => self.reserved.add(amount),
                Footing::Bonded => {}
            }
        }
        self.chance_per_second = 0.0 - none.exp_m1();
        self.expected_ms = (self.chance_per_second > 0.0).then(|| 1000.0 / self.chance_per_second);
    }
}

/// What a coin is good for where coins make blocks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct CoinStake {
    /// Its weight: its amount times the age that counts. Nothing while it is too young, rests, or is a bond.
    pub coin_days: f64,
    /// The chance that it makes a block within an hour, if weight and target stay as they are.
    pub chance_per_hour: f64,
    /// When it will be old enough; absent if it is, or if something else stands in its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub young_until: Option<Time>,
}

impl CoinStake {
    /// What a coin on this footing is good for under the target of the next block.
    pub fn of(amount: Amount, footing: Footing, target: &Target) -> Self {
        let (age, young_until) = match footing {
            Footing::Staked(age) => (age, None),
            Footing::Young(until) => (Span(0), Some(until)),
            Footing::Resting(_) | Footing::Reserved | Footing::Bonded => (Span(0), None),
        };
        let none = (-chance(target, amount, age)).ln_1p();
        Self {
            coin_days: coin_days(amount, age),
            chance_per_hour: 0.0 - (none * SECONDS_PER_HOUR).exp_m1(),
            young_until,
        }
    }
}

const SECONDS_PER_HOUR: f64 = 3600.0;

/// Milliseconds of a day.
const DAY_MS: f64 = 86_400_000.0;

/// The weight of a coin. A double is exact enough for what is shown.
fn coin_days(amount: Amount, age: Span) -> f64 {
    amount.0 as f64 / COIN as f64 * (age.0 as f64 / DAY_MS)
}

/// The chance that a coin with this weighted age wins in a second: target × coin-days ÷ 2^256.
fn chance(target: &Target, amount: Amount, age: Span) -> f64 {
    let target = target.value().to_f64().unwrap_or(f64::MAX);
    (target / 256f64.exp2() * coin_days(amount, age)).min(1.0)
}

#[cfg(test)]
#[path = "stake_tests.rs"]
mod tests;
