//! The stake modifier: what keeps the future of a coin unknown.

use crate::types::{GenesisId, Hash, tagged};

/// The modifier after a block by stake whose kernel hash is `kernel`: H(kernel ‖ modifier).
pub fn next(chain: &GenesisId, modifier: &Hash, kernel: &Hash) -> Hash {
    tagged("assay/stake-modifier", chain, &[&kernel.0, &modifier.0])
}
