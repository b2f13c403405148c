//! What an authority keeps across crashes: its term and vote, and the drafts of its log.

use std::collections::BTreeMap;

use crate::consensus::{Action, AuthorityId, Record};
use crate::types::canary::{Bug, planted};
use crate::types::{Bounded, Draft, Height, decode, encode};

const VOTE: &[u8] = b"raft/vote";
const DRAFT: &[u8] = b"raft/draft/";

fn record(name: &[u8], rest: &[u8]) -> Record {
    Record(Bounded::truncated([name, rest].concat()))
}

/// Makes term and vote durable.
pub(super) fn keep_vote(kept: &(u64, Option<AuthorityId>)) -> Action {
    Action::Persist { record: record(VOTE, &[]), bytes: encode(kept) }
}

/// Makes the draft at a height durable, in place of another one.
pub(super) fn keep_draft(height: Height, draft: &Draft) -> Option<Action> {
    let record = record(DRAFT, &height.0.to_be_bytes());
    let kept = Action::Persist { record, bytes: encode(draft) };
    (!planted(Bug::DraftUnkept)).then_some(kept)
}

/// Forgets the draft at a height.
pub(super) fn forget_draft(height: Height) -> Action {
    Action::Persist { record: record(DRAFT, &height.0.to_be_bytes()), bytes: Vec::new() }
}

/// What was kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) vote: (u64, Option<AuthorityId>),
    pub(super) drafts: BTreeMap<Height, Draft>,
}

impl Kept {
    /// Reads records; those of other rules mean nothing here. Gives the name of one that does not decode: whoever does not
    /// know what it promised must not speak.
    pub(super) fn read(saved: Vec<(Record, Vec<u8>)>) -> Result<Self, String> {
        let mut kept = Self::default();
        for (record, bytes) in saved {
            let name: &[u8] = &record.0;
            let unreadable = || String::from_utf8_lossy(name).into_owned();
            if name == VOTE {
                kept.vote = decode(&bytes).map_err(|_| unreadable())?;
            } else if let Some(height) = name.strip_prefix(DRAFT) {
                let height = <[u8; 8]>::try_from(height).map_err(|_| unreadable())?;
                let draft = decode(&bytes).map_err(|_| unreadable())?;
                kept.drafts.insert(Height(u64::from_be_bytes(height)), draft);
            }
        }
        Ok(kept)
    }
}
