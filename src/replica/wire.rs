//! What peers say to each other.
//!
//! Gossip is the fast path: announcements of blocks, and transactions in batches. Everything else is a request with a
//! response. All of it is borsh under caps that hold before memory is taken.

use borsh::{BorshDeserialize, BorshSerialize};
use std::hash::Hasher;

use crate::chain::Rank;
use crate::types::{
    Block, BlockId, Bounded, EVIDENCE_MAX, Evidence, GenesisId, Header, Height, Seal,
    TRANSACTIONS_MAX, Transaction, TransactionId,
};

/// Bytes in a gossip message.
pub const GOSSIP_BYTES_MAX: usize = 1 << 20;

/// Bytes in a request: the longest names a tenth of the places in the fullest block; for more the block is asked for
/// whole.
pub const REQUEST_BYTES_MAX: usize = 64 << 10;

/// Bytes in a response.
pub const RESPONSE_BYTES_MAX: usize = 8 << 20;

/// Transactions in one gossip message: what a replica looks at without looking up.
pub const BATCH_MAX: usize = 512;

/// Block ids in a locator: the latest ten, then ever wider steps back to the final block.
pub const LOCATOR_MAX: usize = 64;

/// Headers in one response.
pub const HEADERS_MAX: usize = 512;

/// Blocks in one response.
pub const BLOCKS_MAX: usize = 64;

/// A number that recognises a transaction within one block: SipHash-2-4 of its id, keyed by the block id.
pub type ShortId = u64;

/// The short id of a transaction in a block.
pub fn short_id(block: &BlockId, transaction: &TransactionId) -> ShortId {
    let key = block.as_bytes().first_chunk::<16>().expect("an id has 32 bytes");
    let mut hasher = siphasher::sip::SipHasher24::new_with_key(key);
    hasher.write(transaction.as_bytes());
    hasher.finish()
}

/// A new block, its transactions named by short ids.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Announce {
    /// Its header.
    pub header: Header,
    /// The proof.
    pub seal: Seal,
    /// Its transactions in order.
    pub short_ids: Bounded<ShortId, TRANSACTIONS_MAX>,
    /// Its evidence.
    pub evidence: Bounded<Evidence, EVIDENCE_MAX>,
}

/// A block without its body.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SealedHeader {
    /// Its header.
    pub header: Header,
    /// The proof.
    pub seal: Seal,
}

/// What goes to everybody.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Gossip {
    /// A block.
    Announce(Box<Announce>),
    /// Transactions.
    Transactions(Bounded<Transaction, BATCH_MAX>),
}

/// Where a peer stands.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Status {
    /// Its chain.
    pub genesis: GenesisId,
    /// The end of its best branch.
    pub head: BlockId,
    /// The height of its head.
    pub height: Height,
    /// Its final block.
    pub final_id: BlockId,
    /// The height of its final block.
    pub final_height: Height,
    /// The rank of its best branch.
    pub rank: Rank,
}

/// A question to one peer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Request {
    /// Here I stand; where do you?
    Status(Status),
    /// Headers of your best branch after the first of these that lies on it, lowest first.
    Headers {
        /// Ids of branches that the asker knows, the best branch's last, each highest first.
        locator: Bounded<BlockId, LOCATOR_MAX>,
    },
    /// The blocks of your best branch after this one, lowest first.
    Blocks {
        /// A block of it.
        after: BlockId,
        /// How many.
        count: u32,
    },
    /// One block, whole.
    Block(BlockId),
    /// Transactions of a block that the asker lacks.
    Transactions {
        /// The block.
        block: BlockId,
        /// Their places in it, ascending.
        places: Bounded<u32, TRANSACTIONS_MAX>,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Response {
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::Headers`]: as many as fit, none if there are none.
    Headers(Bounded<SealedHeader, HEADERS_MAX>),
    /// To [`Request::Blocks`]: as many as fit, none if there are none.
    Blocks(Bounded<Block, BLOCKS_MAX>),
    /// To [`Request::Block`].
    Block(Option<Box<Block>>),
    /// To [`Request::Transactions`]: in the order asked for, or nothing if the block is not known.
    Transactions(Bounded<Transaction, TRANSACTIONS_MAX>),
}
