//! What readers outside the loop see: the state of the replica at one moment, cheap to take and to hold.

use imbl::OrdMap;

use super::{FinalityConflict, Progress};
use crate::chain::Rank;
use crate::ledger::State;
use crate::types::{BlockId, Header, Height, TransactionId};

/// The replica at one moment. It shares everything with the replica's own structures. Readers look into the view
/// before the store: what they find may be newer than the view's head, never older.
#[derive(Debug, Clone)]
pub struct View {
    /// The end of the best branch.
    pub head: BlockId,
    /// Its header.
    pub header: Header,
    /// The final block.
    pub final_id: BlockId,
    /// Its height.
    pub final_height: Height,
    /// The rank of the best branch.
    pub rank: Rank,
    /// The ledger after the head.
    pub state: State,
    /// The best branch by height, from the final block to the head.
    pub branch: OrdMap<Height, BlockId>,
    /// Where transactions of non-final blocks of the best branch are.
    pub included: OrdMap<TransactionId, BlockId>,
    /// Blocks in the tree, the final one included.
    pub tree_blocks: usize,
    /// Pending transactions.
    pub pool_len: usize,
    /// Their encoded bytes.
    pub pool_bytes: usize,
    /// Transactions that joined the pool since the start, whether they came by gossip or were submitted here.
    pub pool_accepted: u64,
    /// Transactions that were refused since the start; those that were known already are not counted.
    pub pool_refused: u64,
    /// Peers of this chain.
    pub peers: usize,
    /// The greatest height that a peer offers.
    pub best_peer_height: Option<Height>,
    /// How far catching up is, while there is something to catch up with.
    pub sync: Option<Progress>,
    /// A better branch that contradicts what is final here.
    pub conflict: Option<FinalityConflict>,
}
