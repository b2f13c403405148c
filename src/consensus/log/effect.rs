//! What a core wants done.

use super::Ref;
use crate::consensus::{AuthorityId, DropReason};
use crate::types::Height;

/// What to wait for. The first four share one clock: setting one replaces the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wait {
    /// The shortest election timeout: for so long after a leader was heard no other one is let through.
    Lease,
    /// What is left of a random election timeout after that.
    Chance,
    /// A whole random election timeout.
    Campaign,
    /// The shortest election timeout: a leader that no majority answered meanwhile steps down.
    Quorum,
    /// The time between two heartbeats; a clock of its own.
    Heartbeat,
}

/// What is to be done, in order. What stands behind a `Keep…` must not leave the process before that is durable. `M` is a
/// message of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect<M> {
    /// Make durable what was promised: term and vote, or ballots.
    KeepVote,
    /// Make the draft at this height durable, with what the core says of it.
    KeepDraft(Height),
    /// The drafts from the first to the last of these heights are of no use any more.
    Forget(Height, Height),
    /// Send a message.
    Send(AuthorityId, M),
    /// Look at drafts that came with a message of this term: those that are sound are [`LogCore::examined`], lowest first.
    ///
    /// [`LogCore::examined`]: super::LogCore::examined
    Examine {
        /// Whose.
        from: AuthorityId,
        /// The term of the message, or the round of its ballot.
        term: u64,
        /// Which.
        drafts: Vec<Ref>,
    },
    /// This one leads now: put an empty draft of the term on the log.
    Begin,
    /// Everything up to this height is decided: seal it.
    Commit(Height),
    /// Wake me.
    Wait(Wait),
    /// Do not wake me for heartbeats.
    Rest,
    /// There are sealed blocks up to here that this one lacks.
    Seek(Height),
    /// This one lacks the seals of blocks that it may hold as drafts; it has sealed up to here.
    Remind(AuthorityId, Height),
    /// What the read with this number has to see.
    Read(u64, Height),
    /// The term or its leader is another one.
    Round,
    /// A message was dropped.
    Dropped(AuthorityId, DropReason),
}
