//! What an engine wants done, in the imperative.

use borsh::BorshSerialize;

use super::{AuthorityId, Message, OrderId, Record, Timer};
use crate::ledger::Executed;
use crate::types::{Block, BlockId, Header, Time};

/// Something to do. The host performs actions strictly in list order: nothing that follows a [`Action::Persist`] may
/// leave the process before it is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Keep a value across crashes; an empty one removes the record.
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
    /// Search for a proof of work; replaces the search in progress.
    Search(Box<SearchOrder>),
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
    /// Tell whoever watches.
    Report(Report),
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
    /// Too many blocks are not final: this node makes no more.
    TooManyUnfinal {
        /// How many there are.
        blocks: usize,
    },
}

/// Where an engine puts its actions.
#[derive(Debug, Default)]
pub struct Outbox(Vec<Action>);

impl Outbox {
    /// Adds an action to the end of the list.
    pub fn push(&mut self, action: Action) {
        self.0.push(action);
    }

    /// The actions so far, in order; the list is empty afterwards.
    pub fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.0)
    }
}
