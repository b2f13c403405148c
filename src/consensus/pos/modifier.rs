//! The stake modifier: what keeps the luck of a coin unknown until it matters.
//!
//! It changes with every block by stake, by that block's kernel hash, and with nothing else. A kernel hash has no free part,
//! whereas the id of a block by work may be ground at will: were work to move the modifier, miners would choose it.

use crate::types::{GenesisId, Hash, tagged};

/// The modifier after a block by stake with this kernel hash: H(kernel hash ‖ modifier).
pub fn next(chain: &GenesisId, modifier: &Hash, kernel: &Hash) -> Hash {
    tagged("assay/stake-modifier", chain, &[&kernel.0, &modifier.0])
}

#[cfg(test)]
#[path = "tests/modifier.rs"]
mod tests;
