//! What there is to know of an authority in public.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::ledger::{ReadFailed, State, System, SystemKey};
use crate::types::{Address, Height};

/// How an authority has served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Record {
    /// The height of the first block that it could sign.
    pub since: Height,
    /// Blocks that it signed,
    pub signed: u64,
    /// of them out of turn.
    pub out_of_turn: u64,
    /// Turns of its own that others took.
    pub missed: u64,
    /// Times that it was proven to have signed two blocks of one height.
    pub equivocated: u64,
    /// The height of the last block that it signed.
    pub last: Height,
}

fn key(of: &Address) -> SystemKey {
    SystemKey::member("poa/record", of.as_bytes())
}

/// How an authority has served up to a state; nothing of one that neither signed nor missed a turn.
pub fn record(state: &State, of: &Address) -> Result<Option<Record>, ReadFailed> {
    state.system(&key(of))
}

/// Changes the record of an authority. Whoever has none was an authority from the start; those who join get one.
pub(super) fn note(
    state: &mut System<'_, '_>,
    of: &Address,
    change: impl FnOnce(&mut Record),
) -> Result<(), ReadFailed> {
    let stored: Option<Record> = state.get(&key(of))?;
    let mut record = stored.unwrap_or(Record { since: Height(1), ..Record::default() });
    change(&mut record);
    state.put(&key(of), &record);
    Ok(())
}
