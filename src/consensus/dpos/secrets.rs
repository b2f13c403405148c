//! The secrets that the seed of a round is made of.

use crate::types::{GenesisId, Hash, Keypair, tagged};

/// The secret of a delegate's block in a slot. It follows from the key, so nothing has to be kept; and since a slot is
/// signed once, it is never committed to twice.
pub fn secret(key: &Keypair, slot: u64, chain: &GenesisId) -> Hash {
    let signed = key.sign(&tagged("assay/slot-secret", chain, &[&slot.to_le_bytes()]));
    tagged("assay/secret", chain, &[&signed.0])
}

/// What a block says of a secret before it is revealed.
pub fn commitment(secret: &Hash, chain: &GenesisId) -> Hash {
    tagged("assay/commitment", chain, &[&secret.0])
}

/// The seed after another secret has been revealed.
pub(super) fn mixed(seed: &Hash, reveal: &Hash, chain: &GenesisId) -> Hash {
    tagged("assay/round-seed", chain, &[&seed.0, &reveal.0])
}
