//! What `consensus_status` says of stake.

use serde::{Deserialize, Serialize};

use super::block::difficulty;
use super::consensus::{INTERVALS_MAX, PowStatus};
use crate::consensus::pos::PosRules;
use crate::ledger::{ReadFailed, State};
use crate::types::target::{Bits, Work};
use crate::types::{Claim, Header, Span};

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
    })
}
