//! What an authority keeps across crashes: what it promised, and the drafts of its log.

use std::collections::BTreeMap;

use super::LogCore;
use crate::consensus::{Action, Record};
use crate::types::canary::{Bug, planted};
use crate::types::{Bounded, Draft, Height, decode, encode};

const VOTE: &str = "vote";
const DRAFT: &str = "draft/";

fn record<C: LogCore>(name: &str, rest: &[u8]) -> Record {
    Record(Bounded::truncated([C::RULE.as_bytes(), b"/", name.as_bytes(), rest].concat()))
}

/// Makes durable what was promised.
pub(super) fn keep_vote<C: LogCore>(core: &C) -> Action {
    Action::Persist { record: record::<C>(VOTE, &[]), bytes: encode(&core.kept()) }
}

/// Makes the draft at a height durable, in place of another one, and what the core says of it.
pub(super) fn keep_draft<C: LogCore>(core: &C, height: Height, draft: &Draft) -> Option<Action> {
    let record = record::<C>(DRAFT, &height.0.to_be_bytes());
    let kept = Action::Persist { record, bytes: encode(&(draft, core.mark(height)?)) };
    (!planted(Bug::DraftUnkept)).then_some(kept)
}

/// Forgets the draft at a height.
pub(super) fn forget_draft<C: LogCore>(height: Height) -> Action {
    let record = record::<C>(DRAFT, &height.0.to_be_bytes());
    Action::Persist { record, bytes: Vec::new() }
}

/// What was kept.
pub(super) struct Kept<C: LogCore> {
    pub(super) vote: C::Kept,
    pub(super) drafts: BTreeMap<Height, (Draft, C::Mark)>,
}

impl<C: LogCore> Kept<C> {
    /// Reads records; those of other rules mean nothing here. Gives the name of one that does not decode: whoever does not
    /// know what it promised must not speak.
    pub(super) fn read(saved: Vec<(Record, Vec<u8>)>) -> Result<Self, String> {
        let mut kept = Self { vote: C::Kept::default(), drafts: BTreeMap::new() };
        for (record, bytes) in saved {
            let name: &[u8] = &record.0;
            let unreadable = || String::from_utf8_lossy(name).into_owned();
            let own = name.strip_prefix(C::RULE.as_bytes());
            let Some(own) = own.and_then(|rest| rest.strip_prefix(b"/")) else { continue };
            if own == VOTE.as_bytes() {
                kept.vote = decode(&bytes).map_err(|_| unreadable())?;
            } else if let Some(height) = own.strip_prefix(DRAFT.as_bytes()) {
                let height = <[u8; 8]>::try_from(height).map_err(|_| unreadable())?;
                let draft = decode(&bytes).map_err(|_| unreadable())?;
                kept.drafts.insert(Height(u64::from_be_bytes(height)), draft);
            }
        }
        Ok(kept)
    }
}
