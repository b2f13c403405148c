//! What a protocol is asked, and how its messages travel.

use borsh::{BorshDeserialize, BorshSerialize};

use super::{Effect, Entry, Log, Ref, Wait};
use crate::consensus::{AuthorityId, MESSAGE_BYTES_MAX, Message, Point};
use crate::types::{BlockId, Bounded, Draft, GenesisId, Height, Seal, encode};

/// Seals in one message.
pub const SEALS_MAX: usize = 64;

/// A seal, and of which block.
pub type SealOf = (Point, Seal);

/// Drafts that a message brought, by their ids.
pub type Brought = Vec<(BlockId, Draft)>;

/// Which leader sealed a block; nobody of the first one of a chain, before the first round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Sealer {
    /// Its term, or the round of its ballot.
    pub round: u64,
    /// Who it was.
    pub leader: AuthorityId,
}

/// A message ready for a stream; nothing if it is larger than streams carry.
pub type Packed = Option<Message>;

/// Packs what is to travel.
pub fn pack(wire: &impl BorshSerialize) -> Packed {
    let bytes = encode(wire);
    let fits = bytes.len() <= MESSAGE_BYTES_MAX;
    fits.then(|| Message(Bounded::truncated(bytes)))
}

/// What came over a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard<M> {
    /// A message of the protocol, and the bodies of its drafts.
    Said(M, Brought),
    /// These drafts are decided, lowest first.
    Sealed(Vec<SealOf>),
}

/// A message between cores, in which drafts are names.
pub trait LogMessage: Sized + Clone {
    /// With the bodies of its drafts; nothing if one of them is gone.
    fn packed<'a>(self, body: impl Fn(&Ref) -> Option<&'a Draft>) -> Option<Packed>;

    /// What came over a stream; nothing if it says nothing.
    fn unpacked(message: &Message, chain: &GenesisId) -> Option<Heard<Self>>;

    /// The news that these are decided.
    fn sealed(seals: Vec<SealOf>) -> Packed;

    /// Two messages that say the same one after the other; nothing if it has less than two drafts.
    fn halves(self) -> Option<(Self, Self)>;
}

/// A protocol that decides on drafts in a line. It knows them by height and id; time-outs are events.
pub trait LogCore: Sized + Send {
    /// The name of its rule, which its records begin with.
    const RULE: &'static str;
    /// What it calls a round.
    const ROUND: &'static str;

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
