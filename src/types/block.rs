//! Drafts and blocks.

use std::ops::Deref;

use borsh::{BorshDeserialize, BorshSerialize};

use super::{BlockId, Body, GenesisId, Header, Seal};

/// A block that is complete but for its seal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Draft {
    /// What the id covers.
    pub header: Header,
    /// Transactions and evidence.
    pub body: Body,
}

impl Draft {
    /// The id that the block will have, whatever its seal.
    pub fn id(&self, chain: &GenesisId) -> BlockId {
        self.header.id(chain)
    }

    /// Completes the block.
    pub fn seal(self, seal: Seal) -> Block {
        Block { draft: self, seal }
    }
}

/// A sealed block. Reads like the draft that it seals.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// What was sealed.
    pub draft: Draft,
    /// The proof of the claim.
    pub seal: Seal,
}

impl Deref for Block {
    type Target = Draft;

    fn deref(&self) -> &Draft {
        &self.draft
    }
}
