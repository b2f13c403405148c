//! A place in the chain.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::types::{BlockId, GenesisId, Header, Height};

/// A place in the chain: no two blocks with one id stand at different heights, so this is a block, or a draft of one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Point {
    /// The height, which is the index of a log and the sequence number of an order.
    pub height: Height,
    /// The block, or the draft.
    pub id: BlockId,
}

impl Point {
    /// Where a block with this header stands, or a draft.
    pub fn of(header: &Header, chain: &GenesisId) -> Self {
        Self { height: header.height, id: header.id(chain) }
    }
}
