//! What `consensus_status` says of who makes the blocks.

use serde::{Deserialize, Serialize};

use crate::types::concentration::Producers;
use crate::types::{Claim, Header, Prefix};

/// Blocks that concentration is counted over, at most: enough that a share of a tenth is known to some two hundredths, and
/// read once after a node's start.
pub const PRODUCERS_BLOCKS_MAX: usize = 200;

/// What a Nakamoto coefficient counts here: the fewest who made more than this share. So much decides under work and stake.
const DECIDES: f64 = 0.5;

/// How concentrated the making of the last blocks was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct Concentration {
    /// How many blocks are counted, the last ones: [`PRODUCERS_BLOCKS_MAX`] at most.
    pub blocks: u64,
    /// How many addresses they pay. One miner may have several, and a pool one.
    pub producers: u64,
    /// Gini's coefficient over these: 0 where all made as many, close to 1 where one of many made nearly all.
    pub gini: f64,
    /// Nakamoto's coefficient: the fewest who made more than half of the blocks together.
    pub nakamoto: u64,
    /// Who made most.
    pub largest: String,
    /// What share of the blocks that is.
    pub largest_share: f64,
}

impl Concentration {
    /// The concentration of the last blocks with a claim of this kind; nothing where there is none. `recent` are the headers
    /// of a branch, oldest first.
    pub(super) fn of(
        recent: &[Header],
        is_of_the_kind: fn(&Claim) -> bool,
        prefix: &Prefix,
    ) -> Option<Self> {
        let made = recent.iter().rev().filter(|header| is_of_the_kind(&header.claim));
        let made = made.take(PRODUCERS_BLOCKS_MAX);
        let producers: Producers = made.map(|header| header.producer).collect();
        let (largest, most) = producers.first()?;
        let blocks = producers.blocks();
        Some(Self {
            blocks,
            producers: producers.count() as u64, // no more than blocks
            gini: producers.gini()?,
            nakamoto: producers.nakamoto(DECIDES)? as u64, // no more than producers
            largest: largest.encode(prefix),
            largest_share: most as f64 / blocks as f64, // counts are far below 2^53
        })
    }
}
