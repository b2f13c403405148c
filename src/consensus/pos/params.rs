//! The parameters of coin-age stake.

use std::num::NonZeroU32;

use super::{Ages, Rate};
use crate::types::target::{Bits, Target};
use crate::types::{Amount, GenesisId, Span};

/// The parameters of coin-age stake, from the chain spec.
#[derive(Debug, Clone)]
pub struct PosParams {
    /// The chain, which every block id is tagged with.
    pub chain: GenesisId,
    /// The interval between blocks by stake that their difficulty aims at.
    pub block_time: Span,
    /// Blocks by stake that their difficulty averages over.
    pub window: NonZeroU32,
    /// The target of the first block by stake, for a coin-day.
    pub initial_bits: Bits,
    /// The easiest target allowed.
    pub limit: Target,
    /// From when to when the weight of a coin grows.
    pub ages: Ages,
    /// What coin age earns.
    pub rate: Rate,
    /// How far ahead of the local clock a block may be.
    pub max_drift: Span,
    /// Blocks on top of a block before it counts as final.
    pub finality_depth: u64,
    /// Blocks on top of a staked coin before it may be staked or spent again.
    pub maturity: u64,
    /// Interest stops when this much circulates.
    pub supply_max: Amount,
}
