//! `consensus_status`: what the rule is doing now.

use serde::{Deserialize, Serialize};

use super::block::difficulty;
use super::concentration::Concentration;
use super::slots::SlotStatus;
use super::stake::{HybridStatus, StakeStatus};
use super::turns::TurnStatus;
use crate::consensus::pow::PowRules;
use crate::ledger::{ReadFailed, State};
use crate::types::target::{Bits, Work};
use crate::types::{Amount, Claim, Header, Prefix, Span, Time};

/// Blocks that intervals and hash rate are estimated over, at most.
pub const INTERVALS_MAX: usize = 60;

/// What `consensus_status` answers; `engine` says which rule it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "lowercase")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum ConsensusStatus {
    /// Proof of work.
    Pow(PowStatus),
    /// Coin-age stake.
    Pos(StakeStatus),
    /// Work and stake on one chain.
    Hybrid(Box<HybridStatus>),
    /// Delegates in slots.
    Dpos(Box<SlotStatus>),
    /// Authorities in turn.
    Poa(TurnStatus),
    /// PBFT.
    Pbft(RoundStatus),
    /// Raft.
    Raft(RoundStatus),
    /// Paxos.
    Paxos(RoundStatus),
}

impl ConsensusStatus {
    /// What authorities that agree round by round are doing, where the rule has some.
    pub fn rounds(&self) -> Option<&RoundStatus> {
        match self {
            Self::Pbft(rounds) | Self::Raft(rounds) | Self::Paxos(rounds) => Some(rounds),
            Self::Pow(_) | Self::Pos(_) | Self::Hybrid(_) | Self::Dpos(_) | Self::Poa(_) => None,
        }
    }
}

/// What authorities that agree round by round are doing, as far as this node knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct RoundStatus {
    /// What this node does in it.
    pub role: Role,
    /// The authority that this node acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// The round (term, view, ballot) that this node is in; absent before it heard of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u64>,
    /// Who leads in it, if anybody is known to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// The authorities after the head, by address.
    pub authorities: Vec<AuthorityStatus>,
    /// Authorities of which this node holds proof that they signed two things where an honest one signs one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub liars: Vec<String>,
    /// The round in which the head was drafted; absent for the genesis block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_round: Option<u64>,
    /// When it was.
    pub head_time: Time,
}

/// What a node does in an agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub enum Role {
    /// It acts for the authority that leads.
    Leader,
    /// It acts for another authority.
    Follower,
    /// It acts for none.
    Observer,
}

/// One authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct AuthorityStatus {
    /// Its address.
    pub address: String,
    /// Whether this node has a stream to it, or acts for it.
    pub connected: bool,
}

/// The state of proof of work after the head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct PowStatus {
    /// The target of the head in compact form; of the first block where the head is the genesis block.
    pub bits: Bits,
    /// How many times harder than Bitcoin's easiest target it is.
    pub difficulty: f64,
    /// The target of the next block in compact form.
    pub next_bits: Bits,
    /// How many times harder than Bitcoin's easiest target that one is.
    pub next_difficulty: f64,
    /// How the target follows the hash rate.
    pub retarget: String,
    /// In how many blocks a target is due that may differ from the one before: 1 where every block is retargeted, counting
    /// down through a period under `bitcoin`, absent where the target never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retarget_in_blocks: Option<u64>,
    /// The interval between blocks that retargeting aims at.
    pub block_time_target_ms: Span,
    /// The mean of the last intervals; absent before there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_time_mean_ms: Option<f64>,
    /// How many intervals that mean and the hash rate are over, [`INTERVALS_MAX`] at most.
    pub intervals: u64,
    /// Hashes per second of the whole network, estimated from those intervals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_rate: Option<f64>,
    /// The summed work of the branch: the expected number of hashes behind it, hexadecimal.
    pub total_work: Work,
    /// Blocks on top of a block before it counts as final.
    pub finality_depth: u64,
    /// What the next block issues.
    pub next_reward: Amount,
    /// Who made the last blocks of work; absent before there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concentration: Option<Concentration>,
}

/// The status of proof of work after the block with the state `head`. `recent` are the headers of the last blocks of its
/// branch, oldest first, the head last: [`INTERVALS_MAX`] + 1 of them are enough for rates, and
/// [`super::PRODUCERS_BLOCKS_MAX`] for the concentration.
pub fn pow_status(
    rules: &PowRules,
    head: &State,
    recent: &[Header],
    prefix: &Prefix,
) -> Result<PowStatus, ReadFailed> {
    let params = rules.params();
    let height = recent.last().map(|header| header.height).unwrap_or_default();
    let next_bits = rules.next_bits(head, height)?;
    let work_of = |header: &Header| match header.claim {
        Claim::Work { bits } => Some(bits),
        _ => None,
    };
    let bits = recent.last().and_then(work_of).unwrap_or(params.initial_bits);
    // An interval starts at a block of work: the genesis block's time says nothing about the miners.
    let mined: Vec<(&Header, Bits)> =
        recent.iter().filter_map(|header| work_of(header).map(|bits| (header, bits))).collect();
    let spare = mined.len().saturating_sub(INTERVALS_MAX + 1);
    let mined = &mined[spare..];
    let mut mean = None;
    let mut hash_rate = None;
    let intervals = mined.len().saturating_sub(1);
    if let ([first, rest @ ..], true) = (mined, intervals > 0) {
        let last = rest.last().map_or(first.0.time, |last| last.0.time);
        // Times of blocks may go back a little: the span is at least a millisecond, so that no rate is infinite.
        let elapsed_ms = last.since(first.0.time).0.max(1) as f64; // milliseconds of any real chain are exact
        let work: f64 = rest.iter().map(|(_, bits)| bits.work().to_f64()).sum();
        mean = Some(elapsed_ms / intervals as f64);
        hash_rate = Some(work * 1000.0 / elapsed_ms);
    }
    let circulating = head.supply()?.circulating().unwrap_or_default();
    Ok(PowStatus {
        bits,
        difficulty: difficulty(bits),
        next_bits,
        next_difficulty: difficulty(next_bits),
        retarget: params.retarget.name().into(),
        retarget_in_blocks: params.retarget.changes_in(height.next().0),
        block_time_target_ms: params.block_time,
        block_time_mean_ms: mean,
        intervals: intervals as u64, // at most INTERVALS_MAX
        hash_rate,
        total_work: rules.total_work(head)?,
        finality_depth: params.finality_depth,
        next_reward: params.issuance.capped(height.next(), circulating),
        concentration: Concentration::of(
            recent,
            |claim| matches!(claim, Claim::Work { .. }),
            prefix,
        ),
    })
}
