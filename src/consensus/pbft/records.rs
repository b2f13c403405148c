//! What an authority keeps across crashes: what it promised, how its view began, the bodies of the drafts that it agreed to,
//! and proofs of lies.

use std::collections::BTreeMap;

use super::core::{Kept, Step};
use super::message::{Ballot, NewView};
use crate::consensus::{Action, AuthorityId, Record};
use crate::types::{BlockId, Bounded, Draft, Vote, decode, encode};

const KEPT: &[u8] = b"pbft/kept";
const BEGUN: &[u8] = b"pbft/new-view";
const DRAFT: &[u8] = b"pbft/draft/";
const LIE: &[u8] = b"pbft/lie/";

fn record(name: &[u8], rest: &[u8]) -> Record {
    Record(Bounded::truncated([name, rest].concat()))
}

/// Makes what was promised durable.
pub(super) fn keep(kept: &Kept<Vote>) -> Action {
    Action::Persist { record: record(KEPT, &[]), bytes: encode(kept) }
}

/// Makes durable how a view began.
pub(super) fn keep_begun(begun: &NewView<Vote>) -> Action {
    Action::Persist { record: record(BEGUN, &[]), bytes: encode(begun) }
}

/// Makes the body of a draft durable.
pub(super) fn keep_draft(id: &BlockId, draft: &Draft) -> Action {
    Action::Persist { record: record(DRAFT, id.as_bytes()), bytes: encode(draft) }
}

/// Forgets a body.
pub(super) fn forget_draft(id: &BlockId) -> Action {
    Action::Persist { record: record(DRAFT, id.as_bytes()), bytes: Vec::new() }
}

/// Keeps the proof of a lie.
pub(super) fn keep_lie(by: &AuthorityId, lie: &Lie) -> Action {
    Action::Persist { record: record(LIE, &encode(by)), bytes: encode(lie) }
}

/// Two votes of one authority in one step of one view for different drafts at one height, signed by it: a proof to anybody.
#[derive(Debug, Clone, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Lie {
    /// Whether they are commitments; else they agree.
    pub commits: bool,
    /// The votes.
    pub votes: [(Ballot, Vote); 2],
}

impl Lie {
    pub(super) fn new(step: Step, votes: [(Ballot, Vote); 2]) -> Self {
        Self { commits: step == Step::Commit, votes }
    }
}

/// What was kept.
#[derive(Debug, Default)]
pub(super) struct Saved {
    pub(super) kept: Kept<Vote>,
    pub(super) begun: Option<NewView<Vote>>,
    pub(super) drafts: BTreeMap<BlockId, Draft>,
    pub(super) lies: BTreeMap<AuthorityId, Lie>,
}

impl Saved {
    /// Reads records; those of other rules mean nothing here. Gives the name of one that does not decode: whoever does not
    /// know what it promised must not speak.
    pub(super) fn read(
        records: Vec<(Record, Vec<u8>)>,
        id: impl Fn(&Draft) -> BlockId,
    ) -> Result<Self, String> {
        let mut saved = Self::default();
        for (record, bytes) in records {
            let name: &[u8] = &record.0;
            let unreadable = || String::from_utf8_lossy(name).into_owned();
            if name == KEPT {
                saved.kept = decode(&bytes).map_err(|_| unreadable())?;
            } else if name == BEGUN {
                saved.begun = Some(decode(&bytes).map_err(|_| unreadable())?);
            } else if name.starts_with(DRAFT) {
                let draft: Draft = decode(&bytes).map_err(|_| unreadable())?;
                saved.drafts.insert(id(&draft), draft);
            } else if let Some(by) = name.strip_prefix(LIE) {
                let by = decode(by).map_err(|_| unreadable())?;
                saved.lies.insert(by, decode(&bytes).map_err(|_| unreadable())?);
            }
        }
        Ok(saved)
    }
}
