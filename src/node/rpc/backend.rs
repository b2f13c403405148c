//! What the port asks of the host.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::broadcast;

use super::rule::Agreement;
use crate::api::{ForkInfo, MiningStatus, NodeLinks, PeerInfo, Reply};
use crate::consensus::Stake;
use crate::ledger::Coin;
use crate::miner::Throttle;
use crate::node::feed::{Item, Topic};
use crate::node::staking::{StakeConfig, StakeError};
use crate::node::work::{SealError, Template};
use crate::replica::View;
use crate::spec::LinkShape;
use crate::store::{HistoryEntry, HistoryError, HistoryPage, Place, StoreError};
use crate::types::work::WorkProof;
use crate::types::{
    Address, Amount, Block, BlockId, CoinId, Header, Height, Time, Transaction, TransactionId,
};

/// A pending transaction.
#[derive(Debug, Clone)]
pub struct PendingInfo {
    /// The transaction.
    pub transaction: Arc<Transaction>,
    /// When it arrived.
    pub since: Time,
    /// What it pays, where the host knows.
    pub fee: Option<Amount>,
}

/// What pending transactions do to the coins of one owner.
#[derive(Debug, Clone, Default)]
pub struct PoolCoins {
    /// Coins of the owner that they spend, and which does.
    pub spent: BTreeMap<CoinId, TransactionId>,
    /// Coins of the owner that they create and none of them spends, with the transaction that creates each.
    pub created: Vec<(CoinId, Coin, TransactionId)>,
}

/// Where the node meets its peers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct P2p {
    /// Its peer id.
    pub peer_id: String,
    /// Where it listens, as multiaddrs that end in the peer id.
    pub listen: Vec<String>,
}

/// The host loop has ended: no answer will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the node is stopping")]
pub struct Stopped;

/// What the host's loop answers. The future ends early with [`Stopped`] when the loop does.
pub type Answer<T> = BoxFuture<'static, Result<T, Stopped>>;

/// The node behind the port.
///
/// The first group answers from memory or from the store, on the caller's thread, without the host loop. The second
/// group goes through it.
pub trait Backend: Send + Sync + 'static {
    /// The published head.
    fn view(&self) -> Arc<View>;

    /// A block that the store holds, final or not, on any branch.
    fn block(&self, id: &BlockId) -> Result<Option<Block>, StoreError>;

    /// The header of such a block. Whoever keeps headers apart need not read the block.
    fn header(&self, id: &BlockId) -> Result<Option<Header>, StoreError> {
        Ok(self.block(id)?.map(|block| block.draft.header))
    }

    /// The final block at a height. Heights above the final one are found in [`View::branch`].
    fn block_at(&self, height: Height) -> Result<Option<BlockId>, StoreError>;

    /// The final block that carries a transaction. The others are found in [`View::included`].
    fn block_of(&self, id: &TransactionId) -> Result<Option<BlockId>, StoreError>;

    /// Up to `limit` entries of the history of an address before a place, the latest first, and the head that they were
    /// read after.
    fn history(
        &self,
        owner: &Address,
        before: Option<Place>,
        limit: usize,
    ) -> Result<(HistoryPage, Arc<View>), HistoryError>;

    /// What the node's search for blocks is doing.
    fn mining(&self) -> MiningStatus;

    /// Changes how many threads search, and how fast; what is not given stays.
    fn set_search(&self, threads: Option<NonZeroUsize>, throttle: Option<Throttle>);

    /// What the node knows of the agreement of its chain's authorities, if there are any.
    fn agreement(&self) -> Agreement;

    /// The word of the authority that the node acts for that a transaction is final in a block; nothing if it acts for none.
    fn reply(&self, id: &TransactionId, block: BlockId, height: Height) -> Option<Reply>;

    /// Where the node meets its peers.
    fn p2p(&self) -> P2p;

    /// Lets blocks pay this address from now on, or makes none.
    fn set_payout(&self, payout: Option<Address>);

    /// Whose coins the node stakes, and how much of them it leaves alone.
    fn staking(&self) -> Option<Stake>;

    /// Stakes the coins of these keys from now on, or nobody's.
    fn stake(&self, stake: Option<StakeConfig>) -> Result<(), StakeError>;

    /// A block to be proven that pays this address, or whomever the node's own blocks pay; says why there is none.
    fn template(&self, payout: Option<Address>) -> Answer<Result<Template, String>>;

    /// A template that was handed out and is kept.
    fn kept_template(&self, id: &BlockId) -> Option<Template>;

    /// Takes the proof of a template. On success its block is durable and announced.
    fn seal(&self, template: BlockId, proof: WorkProof) -> Answer<Result<(), SealError>>;

    /// Makes so many blocks at once, with at most `tries` hashes; gives those that it made.
    fn generate(
        &self,
        blocks: usize,
        payout: Address,
        tries: u64,
    ) -> Answer<Result<Vec<BlockId>, String>>;

    /// What happens from now on.
    fn listen(&self, topic: Topic) -> broadcast::Receiver<Item>;

    /// Shapes the link to a peer, or all links; says how links are treated then, or why this one cannot be.
    fn shape_link(&self, peer: Option<&str>, shape: LinkShape) -> Result<NodeLinks, String>;

    /// Blocks these peers and no others; says how links are treated then, or why they cannot be.
    fn block_peers(&self, peers: &[String]) -> Result<NodeLinks, String>;

    /// Stops the node, soon.
    fn stop(&self);

    /// Admits transactions to the pool in their order: per transaction its id, or why it was refused. An accepted one
    /// is durable by the time of the answer.
    fn submit(&self, transactions: Vec<Transaction>) -> Answer<Vec<Result<TransactionId, String>>>;

    /// Waits until [`Self::view`] shows whatever was final anywhere when this was asked; says why nobody can tell.
    fn read(&self) -> Answer<Result<(), String>>;

    /// A pending transaction.
    fn pending(&self, id: TransactionId) -> Answer<Option<PendingInfo>>;

    /// The first `limit` ids of pending transactions, in order.
    fn pool_ids(&self, limit: usize) -> Answer<Vec<TransactionId>>;

    /// The first `limit` pending transactions, in order of their ids.
    fn pool_entries(&self, limit: usize) -> Answer<Vec<(TransactionId, PendingInfo)>>;

    /// What pending transactions do to the coins of `owner`.
    fn pool_of(&self, owner: Address) -> Answer<PoolCoins>;

    /// What pending transactions would write into the history of `owner`, the latest first, up to `limit` of them.
    fn pool_history(&self, owner: Address, limit: usize) -> Answer<Vec<HistoryEntry>>;

    /// The ends of all branches, the best first.
    fn forks(&self) -> Answer<Vec<ForkInfo>>;

    /// The connected peers.
    fn peers(&self) -> Answer<Vec<PeerInfo>>;

    /// Dials a peer; says why its address cannot be dialled. Whether anybody answers there shows among the peers.
    fn connect(&self, address: String) -> Answer<Result<(), String>>;
}
