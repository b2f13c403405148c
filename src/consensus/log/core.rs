//! What a protocol is asked.

use borsh::{BorshDeserialize, BorshSerialize};

use super::{Effect, Entry, Log, LogMessage, Wait};
use crate::consensus::{AuthorityId, Point};
use crate::types::Height;

/// Which leader sealed a block; nobody of the first one of a chain, before the first round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Sealer {
    /// Its term, or the round of its ballot.
    pub round: u64,
    /// Who it was.
    pub leader: AuthorityId,
}

/// A protocol that decides on drafts in a line. It knows them by height and id; time-outs are events.
pub trait LogCore: Sized + Send {
    /// The name of its rule, which its records begin with.
    const RULE: &'static str;
    /// What it calls a round.
    const ROUND: &'static str;
    /// The key in its spec of the shortest time without a word of the leader after which somebody else tries to lead.
    const PATIENCE: &'static str;

    /// What is said.
    type Message: LogMessage;
    /// What has to survive besides drafts.
    type Kept: BorshSerialize + BorshDeserialize + Default;
    /// What has to survive with a draft.
    type Mark: BorshSerialize + BorshDeserialize;

    /// As it is after a start: with what it kept, the marks of the log's drafts with it. The first thing to do is to wait.
    fn start(me: AuthorityId, kept: Self::Kept, log: Log, marks: Vec<Self::Mark>) -> (Self, Wait);

    /// Whose seal the head carries that is here from before the start.
    fn heard_of(&mut self, by: Sealer, out: &mut Vec<Effect<Self::Message>>);

    /// What has to survive besides drafts.
    fn kept(&self) -> Self::Kept;

    /// What has to survive with the draft at a height; nothing if there is none.
    fn mark(&self, height: Height) -> Option<Self::Mark>;

    /// Whose it is.
    fn me(&self) -> AuthorityId;

    /// The term, or the round of the ballot: what drafts of a leader claim by, and what it seals in.
    fn term(&self) -> u64;

    /// The sealed head, and the drafts above it.
    fn log(&self) -> &Log;

    /// Whom it follows; itself if it leads.
    fn leader(&self) -> Option<AuthorityId>;

    /// Whether it may put a draft on the log.
    fn may_draft(&self) -> bool;

    /// A message came from somebody whose key proves who it is.
    fn receive(
        &mut self,
        from: AuthorityId,
        message: Self::Message,
        out: &mut Vec<Effect<Self::Message>>,
    );

    /// The wait of the first clock is over.
    fn elapsed(&mut self, out: &mut Vec<Effect<Self::Message>>);

    /// It is time for a heartbeat.
    fn beat(&mut self, out: &mut Vec<Effect<Self::Message>>);

    /// A leader adds a draft of its own to the end of the log.
    fn propose(&mut self, entry: Entry, out: &mut Vec<Effect<Self::Message>>);

    /// A draft that came with a message of this term is sound and stands on this parent. Says whether it joined the log.
    fn examined(
        &mut self,
        from: AuthorityId,
        term: u64,
        parent: Point,
        entry: Entry,
        out: &mut Vec<Effect<Self::Message>>,
    ) -> bool;

    /// A block of the tree was sealed, by this one or another: the log begins above it.
    fn sealed(&mut self, entry: Entry, by: Sealer, out: &mut Vec<Effect<Self::Message>>);

    /// Somebody here wants to read.
    fn read(&mut self, number: u64, out: &mut Vec<Effect<Self::Message>>);
}
