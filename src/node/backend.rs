//! The node as its port sees it.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::sync::broadcast;

use super::feed::{Item, Topic};
use super::host::{Host, wall_clock};
use super::links::{LinksError, peer_id, peer_ids};
use super::metrics::Metrics;
use super::net::NetHandle;
use super::rpc::{Agreement, Answer, Backend, P2p, PendingInfo, PoolCoins, Stopped};
use super::staking::{StakeConfig, StakeError, Staking};
use super::store::RocksStore;
use super::stratum::Hub;
use super::work::{SealError, Template, Work};
use crate::api::{Direction, ForkInfo, ForkStatus, MiningStatus, NodeLinks, PeerInfo, Reply};
use crate::chain::Tree;
use crate::consensus::{AuthorityId, Stake};
use crate::mempool::Pending;
use crate::miner::Throttle;
use crate::replica::{Input, View};
use crate::spec::LinkShape;
use crate::store::{
    Cause, Histories, HistoryEntry, HistoryError, HistoryPage, Owned, Place, Store, StoreError,
    StoredHeader, Table, tell_transaction,
};
use crate::types::work::WorkProof;
use crate::types::{
    Address, Block, BlockId, GenesisId, Header, Height, Keypair, Prefix, Transaction,
    TransactionId, decode,
};

/// Branch ends listed at most.
const FORKS_MAX: usize = 256;

/// Pending coins of one owner listed at most.
const POOL_COINS_MAX: usize = 10_000;

/// Pending transactions of one owner that are looked at for its history at most.
const POOL_HISTORY_MAX: usize = 1000;

/// How often a history is read again because the chain moved on meanwhile. Blocks come far more slowly than they are
/// read, so the second time is nearly always enough.
const HISTORY_READS_MAX: usize = 5;

/// The node behind its port.
pub(super) struct NodeBackend {
    pub(super) host: Host,
    pub(super) work: Arc<Work>,
    /// The miners that it serves.
    pub(super) stratum: Option<Arc<Hub>>,
    pub(super) net: NetHandle,
    pub(super) metrics: Arc<Metrics>,
    pub(super) prefix: Prefix,
    pub(super) histories: Histories<RocksStore>,
    /// The authority that the node acts for.
    pub(super) authority: Option<AuthorityId>,
    /// Its key.
    pub(super) authority_key: Option<Keypair>,
    /// The chain.
    pub(super) chain: GenesisId,
    pub(super) staking: Arc<Staking>,
    pub(super) payout: arc_swap::ArcSwapOption<Address>,
    /// Whom templates pay where neither their asker nor the search says.
    pub(super) template_payout: Option<Address>,
    pub(super) stop: tokio::sync::mpsc::Sender<()>,
}

fn damaged(error: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(error.to_string())
}

impl NodeBackend {
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&super::host::NodeReplica) -> T + Send + 'static,
    ) -> Answer<T> {
        let host = self.host.clone();
        Box::pin(async move { host.query(question).await.map_err(|_| Stopped) })
    }
}

impl Backend for NodeBackend {
    fn view(&self) -> Arc<View> {
        self.host.view()
    }

    fn block(&self, id: &BlockId) -> Result<Option<Block>, StoreError> {
        let bytes = self.host.store().get(Table::Blocks, id.as_bytes())?;
        bytes.map(|bytes| decode(&bytes).map_err(damaged)).transpose()
    }

    fn header(&self, id: &BlockId) -> Result<Option<Header>, StoreError> {
        match self.host.store().get(Table::Headers, id.as_bytes())? {
            Some(bytes) => Ok(Some(decode::<StoredHeader>(&bytes).map_err(damaged)?.header)),
            // An earlier format did not keep it apart.
            None => Ok(self.block(id)?.map(|block| block.draft.header)),
        }
    }

    fn block_at(&self, height: Height) -> Result<Option<BlockId>, StoreError> {
        let bytes = self.host.store().get(Table::Heights, &height.0.to_be_bytes())?;
        bytes.map(|bytes| decode(&bytes).map_err(damaged)).transpose()
    }

    fn block_of(&self, id: &TransactionId) -> Result<Option<BlockId>, StoreError> {
        let bytes = self.host.store().get(Table::Transactions, id.as_bytes())?;
        bytes.map(|bytes| decode(&bytes).map_err(damaged)).transpose()
    }

    fn history(
        &self,
        owner: &Address,
        before: Option<Place>,
        limit: usize,
    ) -> Result<(HistoryPage, Arc<View>), HistoryError> {
        let mut read = Err(HistoryError::Moved);
        for _ in 0..HISTORY_READS_MAX {
            let view = self.view();
            read = self.histories.page(&view.branch, owner, before, limit).map(|page| (page, view));
            if !matches!(read, Err(HistoryError::Moved)) {
                break;
            }
        }
        read
    }

    fn mining(&self) -> MiningStatus {
        let search = self.host.search();
        let (miner, height) = (search.miner(), search.height());
        let payout = self.payout.load();
        MiningStatus {
            mining: payout.is_some(),
            searching: height.is_some(),
            payout: payout.as_ref().map(|address| address.encode(&self.prefix)),
            threads: u32::try_from(miner.threads().get()).unwrap_or(u32::MAX),
            throttle: miner.throttle().share(),
            kernel: miner.kernel().into(),
            hash_rate: self.metrics.miner_hash_rate.get(),
            hashes: miner.hashes(),
            blocks_found: self.metrics.miner_blocks.get().saturating_sub(self.work.taken()),
            blocks_taken: self.work.taken(),
            height,
            stratum: self.stratum.as_ref().map(|hub| hub.status(wall_clock())),
        }
    }

    fn set_search(&self, threads: Option<NonZeroUsize>, throttle: Option<Throttle>) {
        self.host.search().set(threads, throttle);
    }

    fn agreement(&self) -> Agreement {
        let connected = self.net.authorities().into_iter().collect();
        let (round, liars) = (self.host.round(), (*self.host.liars()).clone());
        Agreement { ours: self.authority, round, connected, liars }
    }

    fn reply(&self, id: &TransactionId, block: BlockId, height: Height) -> Option<Reply> {
        let key = self.authority_key.as_ref()?;
        Some(Reply::sign(&self.chain, id, (block, height), key))
    }

    fn p2p(&self) -> P2p {
        let listen = self.net.listen_addresses();
        let listen = listen.iter().map(ToString::to_string).collect();
        P2p { peer_id: self.net.local_peer_id().to_owned(), listen }
    }

    fn set_payout(&self, payout: Option<Address>) {
        self.payout.store(payout.map(Arc::new));
        self.host.inbox().input(Input::Payout(payout));
    }

    fn staking(&self) -> Option<Stake> {
        self.host.staking()
    }

    fn stake(&self, stake: Option<StakeConfig>) -> Result<(), StakeError> {
        match stake {
            Some(stake) => self.staking.start(&self.host, stake),
            None => {
                self.staking.stop(&self.host);
                Ok(())
            }
        }
    }

    fn listen(&self, topic: Topic) -> broadcast::Receiver<Item> {
        self.host.feed().listen(topic)
    }

    fn shape_link(&self, peer: Option<&str>, shape: LinkShape) -> Result<NodeLinks, String> {
        let shaped = || -> Result<(), LinksError> {
            Ok(self.net.shape(peer.map(peer_id).transpose()?, shape)?)
        };
        shaped().map(|()| self.net.links().into()).map_err(|error| error.to_string())
    }

    fn block_peers(&self, peers: &[String]) -> Result<NodeLinks, String> {
        let blocked = || -> Result<(), LinksError> { Ok(self.net.block(peer_ids(peers)?)?) };
        blocked().map(|()| self.net.links().into()).map_err(|error| error.to_string())
    }

    fn stop(&self) {
        // A full channel means that the node is stopping already.
        let _ = self.stop.try_send(());
    }

    fn template(&self, payout: Option<Address>) -> Answer<Result<Template, String>> {
        let (work, own) = (self.work.clone(), self.payout.load_full());
        let Some(payout) = payout.or(own.map(|own| *own)).or(self.template_payout) else {
            let reason = "it is not said whom the block pays, and this node makes no blocks itself";
            return Box::pin(std::future::ready(Ok(Err(reason.to_owned()))));
        };
        Box::pin(async move { work.template(payout).await.map_err(|_| Stopped) })
    }

    fn kept_template(&self, id: &BlockId) -> Option<Template> {
        self.work.kept(id)
    }

    fn seal(&self, template: BlockId, proof: WorkProof) -> Answer<Result<(), SealError>> {
        let work = self.work.clone();
        Box::pin(async move { work.seal(template, proof).await.map_err(|_| Stopped) })
    }

    fn generate(
        &self,
        blocks: usize,
        payout: Address,
        tries: u64,
    ) -> Answer<Result<Vec<BlockId>, String>> {
        let work = self.work.clone();
        Box::pin(async move { work.generate(blocks, payout, tries).await.map_err(|_| Stopped) })
    }

    fn submit(&self, transactions: Vec<Transaction>) -> Answer<Vec<Result<TransactionId, String>>> {
        let host = self.host.clone();
        Box::pin(async move { host.submit(transactions).await.map_err(|_| Stopped) })
    }

    fn read(&self) -> Answer<Result<(), String>> {
        let host = self.host.clone();
        Box::pin(async move { host.read().await.map_err(|_| Stopped) })
    }

    fn pending(&self, id: TransactionId) -> Answer<Option<PendingInfo>> {
        self.ask(move |replica| replica.pool().get(&id).map(pending_info))
    }

    fn pool_entries(&self, limit: usize) -> Answer<Vec<(TransactionId, PendingInfo)>> {
        self.ask(move |replica| {
            let pool = replica.pool().iter().take(limit);
            pool.map(|(id, pending)| (*id, pending_info(pending))).collect()
        })
    }

    fn pool_ids(&self, limit: usize) -> Answer<Vec<TransactionId>> {
        self.ask(move |replica| replica.pool().iter().take(limit).map(|(id, _)| *id).collect())
    }

    fn pool_of(&self, owner: Address) -> Answer<PoolCoins> {
        self.ask(move |replica| {
            let pool = replica.pool();
            let mut coins = PoolCoins::default();
            for (id, pending) in pool.of(&owner) {
                for (coin, spends) in pending.transaction.inputs.iter().zip(&pending.spends) {
                    if spends.owner == owner && coins.spent.len() < POOL_COINS_MAX {
                        coins.spent.insert(*coin, *id);
                    }
                }
                let created = pool.created_by(id, &owner);
                let unspent = created.filter(|(coin, _)| pool.spender(coin).is_none());
                let room = POOL_COINS_MAX.saturating_sub(coins.created.len());
                coins.created.extend(unspent.take(room).map(|(coin, what)| (coin, what, *id)));
            }
            coins
        })
    }

    fn pool_history(&self, owner: Address, limit: usize) -> Answer<Vec<HistoryEntry>> {
        self.ask(move |replica| {
            let mut found = Vec::new();
            for (id, pending) in replica.pool().of(&owner).take(POOL_HISTORY_MAX) {
                let spends: Vec<Owned> = pending.spends.iter().map(Owned::from).collect();
                let cause = Cause::Transaction(*id);
                let mut told =
                    tell_transaction(&pending.transaction, &spends, cause, pending.since);
                found.extend(told.remove(&owner));
            }
            found.sort_by_key(|entry| std::cmp::Reverse(entry.time));
            found.truncate(limit);
            found
        })
    }

    fn forks(&self) -> Answer<Vec<ForkInfo>> {
        self.ask(|replica| forks(replica.tree()))
    }

    fn peers(&self) -> Answer<Vec<PeerInfo>> {
        let (peers, links) = (self.net.peers(), self.net.links());
        self.ask(move |replica| {
            let statuses: std::collections::BTreeMap<_, _> = replica.peer_statuses().collect();
            let peer = |peer: &super::net::PeerInfo| {
                let status = statuses.get(&peer.peer).copied().flatten();
                let link = peer_id(&peer.peer_id).map(|id| links.of(&id)).unwrap_or_default();
                PeerInfo {
                    id: peer.peer_id.clone(),
                    address: peer.address.to_string(),
                    direction: match peer.outbound {
                        true => Direction::Outbound,
                        false => Direction::Inbound,
                    },
                    agent: Some(peer.agent.clone()),
                    since: peer.connected_at,
                    height: status.map(|status| status.height),
                    head: status.map(|status| status.head),
                    final_height: status.map(|status| status.final_height),
                    latency_ms: peer.round_trip_ms,
                    score: peer.score,
                    link: link.shape.into(),
                    blocked: link.blocked,
                }
            };
            peers.iter().map(peer).collect()
        })
    }

    fn connect(&self, address: String) -> Answer<Result<(), String>> {
        let dialled = address
            .parse()
            .map_err(|error| format!("`{address}` is no multiaddr: {error}"))
            .and_then(|address| self.net.connect(address).map_err(|error| error.to_string()));
        Box::pin(async move { Ok(dialled) })
    }
}

fn pending_info(pending: &Pending) -> PendingInfo {
    let (transaction, since) = (pending.transaction.clone(), pending.since);
    PendingInfo { transaction, since, fee: Some(pending.fee) }
}

/// The ends of all branches, the best first, then by height.
fn forks(tree: &Tree) -> Vec<ForkInfo> {
    let head = tree.head();
    let mut leaves: Vec<_> = tree.leaves().filter(|node| node.id != head.id).collect();
    leaves.sort_by_key(|node| std::cmp::Reverse(node.height()));
    let leaves = std::iter::once(head).chain(leaves).take(FORKS_MAX);
    let info = |leaf: &crate::chain::Node| {
        let mut fork = leaf;
        while !tree.on_branch(fork) {
            let Some(parent) = tree.get(&fork.block.header.parent) else { break };
            fork = parent;
        }
        ForkInfo {
            head: leaf.id,
            height: leaf.height(),
            length: leaf.height().0 - fork.height().0,
            fork_height: fork.height(),
            rank: hex::encode(leaf.rank.as_bytes()),
            status: if leaf.id == head.id { ForkStatus::Best } else { ForkStatus::Side },
        }
    };
    leaves.map(info).collect()
}
