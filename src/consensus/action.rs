//! What an engine wants done, in the imperative.

use std::sync::Arc;

use borsh::BorshSerialize;

use super::{AuthorityId, Message, OrderId, Record, Timer};
use crate::ledger::{Executed, ReadFailed};
use crate::types::{
    Address, Block, BlockId, Draft, GenesisId, Header, Height, Keypair, Seal, Time,
};

/// Something to do. The host performs actions strictly in list order: nothing that follows a [`Action::Persist`] may
/// leave the process before it is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Keep a value across crashes; an empty one removes the record, which nothing has to wait for.
    Persist {
        /// Its name.
        record: Record,
        /// The value.
        bytes: Vec<u8>,
    },
    /// Send a message to one authority.
    Send {
        /// To whom.
        to: AuthorityId,
        /// What.
        message: Message,
    },
    /// Send a message to all other authorities.
    Broadcast(Message),
    /// Take a block of our own making into the tree. Until it is announced nobody hears of it, not even who asks where
    /// we stand, and no depth makes it final.
    Import {
        /// The block.
        block: Box<Block>,
        /// What executing it gave: whoever made it need not execute it again.
        executed: Box<Executed>,
    },
    /// Tell everybody of a block of the tree, and before it of those below that nobody was told of. Nothing if it is not
    /// there: its import failed, or its branch lost.
    Announce(BlockId),
    /// Take a block into the tree that another authority sealed and tells everybody of. When its announcement comes by
    /// here it is passed on.
    Adopt {
        /// The block.
        block: Box<Block>,
        /// What executing it gave.
        executed: Box<Executed>,
    },
    /// Look whether the body of somebody's draft is the one that its header names and whether every signature in it
    /// verifies; the answer is [`super::Event::Verified`].
    Verify {
        /// The number that the answer carries.
        order: OrderId,
        /// The draft.
        draft: Arc<Draft>,
    },
    /// There are sealed blocks up to this height: find them.
    Seek(Height),
    /// Answer [`super::Event::Read`]: nothing that was final when it was asked is above this height of the tree's head,
    /// or why nobody can say.
    Answer {
        /// The number of the question.
        ticket: u64,
        /// The height, or the reason.
        outcome: Result<Height, String>,
    },
    /// Search for a proof of work; replaces the search in progress.
    Search(Box<SearchOrder>),
    /// Have a block signed by somebody whose key the host holds; the answer is [`super::Event::Signed`], whatever it is.
    /// Whatever keeps this from being asked twice for one claim must be durable: it is asked after what came before it.
    Sign(SignOrder),
    /// Stop searching.
    StopSearch,
    /// Wake me at a moment.
    SetTimer {
        /// As what.
        timer: Timer,
        /// When.
        at: Time,
    },
    /// Do not wake me.
    StopTimer(Timer),
    /// The state could not be read. That says nothing about a block or a draft: the node stops, as whenever its store
    /// fails, and nothing that follows is performed.
    Fail(ReadFailed),
    /// Tell whoever watches.
    Report(Report),
}

impl Action {
    /// Says that a message is not looked at.
    pub(super) fn dropped(from: AuthorityId, reason: DropReason) -> Self {
        Self::Report(Report::Dropped { from, reason })
    }

    /// Says that a draft does not stand.
    pub(super) fn refused(block: BlockId, from: AuthorityId, reason: impl Into<String>) -> Self {
        Self::Report(Report::DraftRefused { block, from, reason: reason.into() })
    }
}

/// A proof of work to find.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub struct SearchOrder {
    /// The number that the result carries.
    pub order: OrderId,
    /// The block to prove.
    pub block: BlockId,
    /// Its header, whose claim holds the target.
    pub header: Header,
}

/// A block to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize)]
pub struct SignOrder {
    /// The number that the result carries.
    pub order: OrderId,
    /// The block.
    pub block: BlockId,
    /// Who signs it.
    pub by: Address,
}

/// A fact for metrics, traces, the log and the simulator's checkers.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub enum Report {
    /// A draft is being sealed.
    Drafted {
        /// Its id.
        block: BlockId,
        /// Transactions in it.
        transactions: usize,
    },
    /// No draft could be made.
    DraftFailed(String),
    /// What was promised before the last stop cannot be read: this node takes no part.
    Unreadable {
        /// The record.
        record: String,
    },
    /// Somebody's draft does not stand.
    DraftRefused {
        /// Its id.
        block: BlockId,
        /// Whose message it came with.
        from: AuthorityId,
        /// Why.
        reason: String,
    },
    /// Too many blocks are not final: this node makes no more.
    TooManyUnfinal {
        /// How many there are.
        blocks: usize,
    },
    /// The protocol went on to another view, term or ballot, or somebody leads in it now.
    Round {
        /// Its number.
        round: u64,
        /// Who leads, as far as it is known.
        leader: Option<AuthorityId>,
    },
    /// An authority said two things where an honest one says one, and signed both: the proof is kept.
    Lied {
        /// Who.
        by: AuthorityId,
        /// In which round.
        round: u64,
        /// About which height.
        height: Height,
    },
    /// A message was dropped.
    Dropped {
        /// Whose.
        from: AuthorityId,
        /// Why.
        reason: DropReason,
    },
}

/// Why a message of an authority is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub enum DropReason {
    /// Its sender is no authority.
    Stranger,
    /// It does not decode.
    Malformed,
    /// It is of a round that is over.
    Stale,
    /// There is no room to keep it.
    Full,
}

/// Where an engine puts its actions.
#[derive(Debug, Default)]
pub struct Outbox(Vec<Action>);

impl Outbox {
    /// Adds an action to the end of the list.
    pub fn push(&mut self, action: Action) {
        self.0.push(action);
    }

    /// Adds actions to the end of the list.
    pub fn extend(&mut self, actions: impl IntoIterator<Item = Action>) {
        self.0.extend(actions);
    }

    /// Seals a draft of our own with a signature, imports it and announces it. What the signature promises is to be kept by an
    /// action before.
    pub fn sign(&mut self, draft: Draft, executed: Executed, key: &Keypair, chain: &GenesisId) {
        let (block, transactions) = (draft.id(chain), draft.body.transactions.len());
        self.push(Action::Report(Report::Drafted { block, transactions }));
        let sealed = Box::new(draft.seal(Seal::signed(&block, key, chain)));
        self.push(Action::Import { block: sealed, executed: Box::new(executed) });
        self.push(Action::Announce(block));
    }

    /// The actions so far, in order; the list is empty afterwards.
    pub fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.0)
    }
}
