//! What delegates in slots ask of a block, in the plainest words.

use crate::spec::DposSpec;
use crate::types::signatures::verify_single;
use crate::types::{Address, BlockId, GenesisId, Header, Seal, Time, tagged};

/// Whether a block may stand on its parent, on a chain that began at this time.
pub(super) fn judge(
    spec: &DposSpec,
    chain: &GenesisId,
    genesis: Time,
    (id, header, seal): (&BlockId, &Header, &Seal),
    parent: &Header,
) -> Result<(), String> {
    let since = header.time.0 - genesis.0;
    if !since.is_multiple_of(spec.slot_time.0) || header.time <= parent.time {
        return Err(format!("its time is {}, after {}", header.time, parent.time));
    }
    let Seal::Signature { key, signature } = seal else {
        return Err("its producer did not sign it".into());
    };
    let message = tagged("assay/seal-signature", chain, &[id.as_bytes()]);
    match verify_single(&key.0, &message.0, &signature.0) && Address::of(key) == header.producer {
        true => Ok(()),
        false => Err(format!("its signature by {key} proves nothing")),
    }
}
