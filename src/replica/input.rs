//! What goes into a replica and what comes out: all of its I/O, as data.

use borsh::{BorshDeserialize, BorshSerialize};

use super::standing::Offence;
use super::wire::{Gossip, Request, Response};
use super::{FinalityConflict, Progress};
use crate::chain::Imported;
use crate::consensus::{AuthorityId, Message, OrderId, SearchOrder, SignOrder, Stake};
use crate::ledger::Receipt;
use crate::types::signatures::SignatureCheck;
use crate::types::{Address, Block, BlockId, Height, Seal, Time, Transaction, TransactionId};

/// A connected peer. The host numbers peers as it meets them; a peer keeps its number while the host lives.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Peer(pub u64);

/// The number of a request, unique per host and direction.
pub type RequestId = u64;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Input {
    /// A peer of this chain is connected.
    Connected(Peer),
    /// The last connection to a peer closed.
    Disconnected(Peer),
    /// A peer passed a gossip message on. `message` is the host's number for it, to be answered by
    /// [`Output::Verdict`].
    Gossip {
        /// Who passed it on.
        from: Peer,
        /// The host's number for it.
        message: u64,
        /// What it says.
        gossip: Gossip,
    },
    /// A peer asks.
    Request {
        /// Who.
        from: Peer,
        /// The number that the answer carries.
        id: RequestId,
        /// What.
        request: Request,
    },
    /// A peer answers.
    Response {
        /// Who.
        from: Peer,
        /// The number of our request.
        id: RequestId,
        /// The answer.
        response: Response,
    },
    /// No answer will come: time-out, refusal, or the peer is gone.
    RequestFailed {
        /// Who did not answer.
        from: Peer,
        /// The number of our request.
        id: RequestId,
    },
    /// The signatures of [`Output::Verify`] were checked.
    Verified {
        /// Which.
        order: u64,
        /// Indices of those that do not verify.
        bad: Vec<u32>,
    },
    /// The search of [`Output::Search`] ended.
    Found {
        /// Which.
        order: OrderId,
        /// The proof.
        seal: Seal,
    },
    /// Somebody on this side submits transactions.
    Submit {
        /// The number that [`Output::Submitted`] carries.
        ticket: u64,
        /// The transactions.
        transactions: Vec<Transaction>,
    },
    /// The operator wants blocks paid to this address, or none made.
    Payout(Option<Address>),
    /// A deadline passed, or nothing in particular.
    Tick,
    /// Somebody on this side sealed a draft of this node's, whose transactions came from its pool.
    Sealed(Box<Block>),
    /// An authority sent a message over a stream that its key authenticates.
    Received {
        /// The sender.
        from: AuthorityId,
        /// The message.
        message: Message,
    },
    /// The block of [`Output::Sign`] was signed, or whoever should have signed it is not here.
    Signed {
        /// Which request.
        order: OrderId,
        /// The signature.
        seal: Option<Seal>,
    },
    /// The operator wants the coins of these owners staked, or none.
    Stake(Option<Stake>),
    /// Somebody on this side wants to read what was final anywhere by now.
    Read {
        /// The number that [`Output::Answered`] carries.
        ticket: u64,
    },
}

/// What a gossip message deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum GossipVerdict {
    /// Pass it on.
    Accept,
    /// Do not, but nobody is to blame.
    Ignore,
    /// Do not, and whoever passed it on is to blame.
    Reject,
}

/// Something to do, strictly in list order.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub enum Output {
    /// Nothing that follows may leave the process before everything staged in the store is durable.
    Sync,
    /// Tell everybody.
    Gossip(Gossip),
    /// Answer for a gossip message.
    Verdict {
        /// The host's number for it.
        message: u64,
        /// What it deserves.
        verdict: GossipVerdict,
    },
    /// Ask a peer.
    Request {
        /// Whom.
        to: Peer,
        /// The number that the answer must carry.
        id: RequestId,
        /// What.
        request: Request,
    },
    /// Answer a peer.
    Respond {
        /// Whom.
        to: Peer,
        /// The number of its request.
        id: RequestId,
        /// The answer.
        response: Response,
    },
    /// Check signatures, all of a batch together.
    Verify {
        /// The number that [`Input::Verified`] carries.
        order: u64,
        /// What to check.
        batch: Vec<SignatureCheck>,
    },
    /// Search for a proof of work; replaces the search in progress.
    Search(Box<SearchOrder>),
    /// Have a block signed; the answer is [`Input::Signed`], whatever it is.
    Sign(SignOrder),
    /// Stop searching.
    StopSearch,
    /// What became of submitted transactions.
    Submitted {
        /// The number of the [`Input::Submit`].
        ticket: u64,
        /// Per transaction: its id, or why it was refused.
        results: Vec<Result<TransactionId, String>>,
    },
    /// What became of a [`Input::Read`].
    Answered {
        /// Its number.
        ticket: u64,
        /// From which height of the head on a view may be read, or why nobody can say.
        outcome: Result<Height, String>,
    },
    /// Send to one authority.
    Send {
        /// Whom.
        to: AuthorityId,
        /// What.
        message: Message,
    },
    /// Send to all other authorities.
    Broadcast(Message),
    /// Close the connection to a peer and do not let it back for a while: a [`Offence::Lie`].
    Ban {
        /// Whom.
        peer: Peer,
        /// Why, for the log.
        reason: String,
    },
    /// Take points from a peer.
    Blame {
        /// Whom.
        peer: Peer,
        /// For what.
        offence: Offence,
    },
    /// Tell whoever watches.
    Report(Report),
}

/// A fact about this node, for log, metrics, subscribers and checkers.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub enum Report {
    /// A block entered the tree.
    Imported {
        /// Which, and how the head moved.
        imported: Imported,
        /// Transactions in it.
        transactions: usize,
        /// Its encoded bytes.
        bytes: usize,
        /// Whom it pays.
        producer: Address,
        /// When it was drafted.
        time: Time,
        /// Whether this node made it.
        own: bool,
    },
    /// A block was refused.
    Refused {
        /// Which.
        block: BlockId,
        /// Its height.
        height: Height,
        /// Why.
        reason: String,
    },
    /// Blocks became final up to here.
    Final {
        /// The final height.
        height: Height,
        /// The final block.
        id: BlockId,
        /// What became of the transactions.
        receipts: Vec<Receipt>,
    },
    /// Transactions joined the pool or left it; the pool says which of them are pending now.
    PoolChanged(Vec<TransactionId>),
    /// The chain is further than we are.
    Syncing(Progress),
    /// A better branch contradicts what is final here; it is not followed.
    FinalityConflict(FinalityConflict),
    /// The engine says something.
    Engine(crate::consensus::Report),
    /// The store failed: the host must stop.
    StoreFailed(String),
}
