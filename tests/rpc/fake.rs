//! A node that exists only for the tests of its port.

use std::collections::BTreeMap;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use assay::api::{
    Direction, ForkInfo, ForkStatus, LinkShape, MiningStatus, NodeLinks, PeerInfo, Reply,
};
use assay::chain::Rank;
use assay::consensus::Stake;
use assay::consensus::pow::{PowParams, PowRules};
use assay::consensus::retarget::{Asert, Retarget};
use assay::consensus::schedule::Issuance;
use assay::ledger::{Base, Coin, CoinKind, Key, LtHash, Params, ReadFailed, State, Supply};
use assay::miner::Throttle;
use assay::node::feed::{Feed, Item, Topic};
use assay::node::rpc::{Agreement, Answer, Backend, Facts, P2p, PendingInfo, PoolCoins, Rule};
use assay::node::staking::{StakeConfig, StakeError};
use assay::node::work::{SealError, Template};
use assay::replica::View;
use assay::store::{Cause, HistoryEntry, HistoryError, HistoryPage, Place, StoreError};
use assay::types::target::{Bits, Target};
use assay::types::work::WorkProof;
use assay::types::{
    Address, Amount, Block, BlockId, Body, Bounded, Claim, CoinId, Draft, GenesisId,
    HEADER_VERSION, Hash, Header, Height, Keypair, Output, Prefix, Seal, Span, StateRoot, Time,
    Transaction, TransactionId, encode,
};
use futures::FutureExt;
use imbl::OrdMap;
use tokio::sync::broadcast;

/// The height of the fake's head.
pub(super) const HEAD: u64 = 8;

/// Its final height.
pub(super) const FINAL: u64 = 5;

/// Blocks until a reward matures.
const MATURITY: u64 = 20;

/// Who owns the fake's coins.
pub(super) fn owner() -> Keypair {
    Keypair::from_secret(&[7; 32])
}

/// With this reserve the fake says that another node stakes.
pub(super) const HELD: Amount = Amount(77);

/// The same under coin-age stake, with the rule of `pos-dev` but a target that a coin-day hits once in 2^12 seconds.
pub(super) fn staking_facts(datadir: &Path) -> Facts {
    let text = assay::spec::find("pos-dev").unwrap();
    let text = text.replace("[pos]", "[pos]\ninitial_bits = \"1f100000\"");
    let spec = assay::spec::Spec::parse("pos-dev", &text).unwrap();
    let frozen = spec.freeze(Time(1_700_000_000_000), || Bits(0));
    Facts { rule: Rule::of(&frozen), ..facts(datadir) }
}

/// The same under delegated proof of stake, with the rule of `dpos-dev`.
pub(super) fn electing_facts(datadir: &Path) -> Facts {
    let spec = assay::spec::find("dpos-dev").unwrap();
    let spec = assay::spec::Spec::parse("dpos-dev", spec).unwrap();
    let frozen = spec.freeze(Time(1_700_000_000_000), || Bits(0));
    Facts { rule: Rule::of(&frozen), ..facts(datadir) }
}

pub(super) fn prefix() -> Prefix {
    Prefix::new("assay").unwrap()
}

pub(super) fn chain() -> GenesisId {
    GenesisId(Hash([0xab; 32]))
}

fn rules() -> PowRules {
    PowRules::new(PowParams {
        chain: chain(),
        block_time: Span::seconds(2),
        retarget: Retarget::Asert(Asert { half_life: NonZeroU64::new(60_000).unwrap() }),
        spacing_max: Span::seconds(2),
        initial_bits: Bits(0x2000_ffff),
        limit: Target::max(),
        finality_depth: HEAD - FINAL,
        future_limit: Span::seconds(30),
        seal_window: Span::seconds(30),
        issuance: Issuance {
            initial_reward: Amount(50),
            halving_interval: 100,
            tail_reward: Amount(1),
            supply_max: Amount(1 << 52),
        },
    })
}

pub(super) fn facts(datadir: &Path) -> Facts {
    Facts {
        chain: "pow-<dev>".into(),
        symbol: "PYR".into(),
        prefix: prefix(),
        dev: true,
        params: Params {
            chain: chain(),
            block_bytes_max: 1 << 20,
            transactions_max: 1000,
            fee_per_byte_min: 2,
            maturity: MATURITY,
            evidence_window: 0,
            supply_max: Amount(1 << 52),
        },
        rule: Rule::pow(rules()),
        pool_bytes_max: 1 << 24,
        spec: "name = \"pow-dev\"\n".into(),
        datadir: datadir.to_owned(),
        started: Time(1_700_000_000_000),
    }
}

/// A state that lies in memory.
struct Entries(BTreeMap<Vec<u8>, Vec<u8>>);

impl Base for Entries {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadFailed> {
        Ok(self.0.get(key).cloned())
    }

    fn names(&self, prefix: &[u8], after: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, ReadFailed> {
        let names = self.0.keys().filter(|key| key.starts_with(prefix) && key.as_slice() > after);
        Ok(names.take(limit).cloned().collect())
    }
}

/// A transaction that differs from others by `mark`.
pub(super) fn transaction(mark: u8) -> Transaction {
    let output = Output { to: owner().address(), amount: Amount(u64::from(mark)) };
    let mut transaction = Transaction {
        inputs: Bounded::truncated(vec![coin_id(mark)]),
        outputs: Bounded::truncated(vec![output]),
        operation: None,
        witnesses: Bounded::default(),
    };
    transaction.sign(&chain(), &[owner()]);
    transaction
}

pub(super) fn coin_id(mark: u8) -> CoinId {
    CoinId(Hash([mark; 32]))
}

/// The node behind the port, as far as tests need one.
pub(super) struct Fake {
    view: Arc<View>,
    blocks: BTreeMap<BlockId, Block>,
    heights: BTreeMap<Height, BlockId>,
    finals: BTreeMap<TransactionId, BlockId>,
    pub(super) blocks_read: AtomicUsize,
    pub(super) stopped: AtomicBool,
    pub(super) payout: Mutex<Option<Address>>,
    pub(super) stake: Mutex<Option<StakeConfig>>,
    /// Threads of the search, and their throttle.
    pub(super) search: Mutex<(usize, f64)>,
    /// What was handed out last.
    pub(super) template: Mutex<Option<Template>>,
    /// What subscribers are told: tests tell it.
    pub(super) feed: Feed,
    pub(super) links: Mutex<NodeLinks>,
    /// Whether it keeps an index of histories.
    pub(super) index: AtomicBool,
    /// A block that lost its branch.
    pub(super) side: BlockId,
}

impl Fake {
    /// Nine blocks; the owner has a coin of 1000 that a pending transaction spends, one of 400, a fresh reward of 50
    /// and a bond of 30. Transaction 1 is final, 2 is included, 3 is pending.
    pub(super) fn new() -> Self {
        let mut entries = BTreeMap::new();
        let owned = owner().address();
        for (mark, amount, kind) in [
            (3, 1000, CoinKind::Transfer),
            (4, 400, CoinKind::Transfer),
            (5, 50, CoinKind::Reward),
            (6, 30, CoinKind::Bond),
        ] {
            let coin = Coin {
                owner: owned,
                amount: Amount(amount),
                height: Height(2),
                time: Time(0),
                kind,
            };
            entries.insert(Key::Coin(coin_id(mark)).to_bytes(), encode(&coin));
            entries.insert(Key::Owned(owned, coin_id(mark)).to_bytes(), Vec::new());
        }
        let supply = Supply { genesis: Amount(1400), issued: Amount(90), burned: Amount(10) };
        entries.insert(Key::System(Supply::key()).to_bytes(), encode(&supply));
        let state = State::at_rest(Arc::new(Entries(entries)), LtHash::default());

        let mut blocks = BTreeMap::new();
        let mut heights = BTreeMap::new();
        let mut finals = BTreeMap::new();
        let mut included = OrdMap::new();
        let mut parent = BlockId::default();
        let mut tip = None;
        for height in 0..=HEAD {
            let carried = match height {
                3 => vec![transaction(1)],
                7 => vec![transaction(2)],
                _ => Vec::new(),
            };
            let block = block(height, parent, 0, carried);
            let id = block.id(&chain());
            for carried in &block.body.transactions {
                let carried = carried.id(&chain());
                if height <= FINAL {
                    finals.insert(carried, id);
                } else {
                    included.insert(carried, id);
                }
            }
            heights.insert(Height(height), id);
            tip = Some((id, block.header));
            blocks.insert(id, block);
            parent = id;
        }
        let (head, header) = tip.unwrap();
        let lost = block(HEAD, header.parent, 1, Vec::new());
        let side = lost.id(&chain());
        blocks.insert(side, lost);
        let view = View {
            head,
            header,
            final_id: heights[&Height(FINAL)],
            final_height: Height(FINAL),
            rank: Rank::of_numbers(&[HEAD]),
            state,
            branch: heights.range(Height(FINAL)..).map(|(height, id)| (*height, *id)).collect(),
            included,
            tree_blocks: 5,
            best_peer_height: None,
            sync: None,
            conflict: None,
            pool_len: 1,
            pool_bytes: transaction(3).size(),
            pool_accepted: 0,
            pool_refused: 0,
            peers: 1,
        };
        Self {
            view: Arc::new(view),
            blocks,
            heights,
            finals,
            blocks_read: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            payout: Mutex::new(None),
            stake: Mutex::new(None),
            search: Mutex::new((1, 0.1)),
            template: Mutex::new(None),
            feed: Feed::new(prefix()),
            links: Mutex::default(),
            index: AtomicBool::new(true),
            side,
        }
    }
}

/// A block two seconds after its parent.
fn block(height: u64, parent: BlockId, offset: u64, carried: Vec<Transaction>) -> Block {
    let genesis = height == 0;
    let bits = Bits(0x2000_ffff);
    let header = Header {
        version: HEADER_VERSION,
        height: Height(height),
        parent,
        time: Time(1_700_000_000_000 + height * 2000 + offset),
        producer: owner().address(),
        claim: if genesis { Claim::Genesis } else { Claim::Work { bits } },
        body_root: Hash::default(),
        state_root: StateRoot(Hash([height as u8; 32])),
    };
    let body = Body { transactions: Bounded::truncated(carried), ..Body::default() };
    let proof = WorkProof { version: 0x2000_0000, extra_nonce: 1, time: 1_700_000_000, nonce: 2 };
    let seal = if genesis { Seal::Genesis } else { Seal::Work(proof) };
    Draft { header, body }.seal(seal)
}

fn entry(cause: Cause, received: u64, spent: u64) -> HistoryEntry {
    HistoryEntry {
        cause,
        time: Time(5),
        received: Amount(received),
        spent: Amount(spent),
        fee: Amount(if spent > 0 { 7 } else { 0 }),
        others: Bounded::default(),
        others_count: 0,
    }
}

fn now<T: Send + 'static>(answer: T) -> Answer<T> {
    std::future::ready(Ok(answer)).boxed()
}

impl Backend for Fake {
    fn view(&self) -> Arc<View> {
        self.view.clone()
    }

    fn block(&self, id: &BlockId) -> Result<Option<Block>, StoreError> {
        self.blocks_read.fetch_add(1, Ordering::Relaxed);
        Ok(self.blocks.get(id).cloned())
    }

    fn block_at(&self, height: Height) -> Result<Option<BlockId>, StoreError> {
        assert!(height <= Height(FINAL), "heights above the final one are in the view");
        Ok(self.heights.get(&height).copied())
    }

    fn block_of(&self, id: &TransactionId) -> Result<Option<BlockId>, StoreError> {
        Ok(self.finals.get(id).copied())
    }

    fn history(
        &self,
        owner: &Address,
        before: Option<Place>,
        limit: usize,
    ) -> Result<(HistoryPage, Arc<View>), HistoryError> {
        if !self.index.load(Ordering::Relaxed) {
            return Err(HistoryError::NoIndex);
        }
        assert_eq!(*owner, self::owner().address());
        let place = |height, position| Place { height: Height(height), position };
        let mut entries = vec![
            (place(7, 1), entry(Cause::Reward, 50, 0)),
            (place(7, 0), entry(Cause::Transaction(transaction(2).id(&chain())), 2, 1000)),
            (place(3, 0), entry(Cause::Transaction(transaction(1).id(&chain())), 1, 0)),
            (place(0, 0), entry(Cause::Genesis, 1400, 0)),
        ];
        entries.retain(|(place, _)| before.is_none_or(|before| *place < before));
        let more = entries.len() > limit;
        entries.truncate(limit);
        let page = HistoryPage { entries, unfinal_from: Height(FINAL + 1), more };
        Ok((page, self.view()))
    }

    fn mining(&self) -> MiningStatus {
        let payout = *self.payout.lock().unwrap();
        let (threads, throttle) = *self.search.lock().unwrap();
        MiningStatus {
            mining: payout.is_some(),
            payout: payout.map(|payout| payout.encode(&prefix())),
            throttle,
            threads: threads as u32,
            kernel: "portable".into(),
            ..MiningStatus::default()
        }
    }

    fn set_search(&self, threads: Option<NonZeroUsize>, throttle: Option<Throttle>) {
        let mut search = self.search.lock().unwrap();
        search.0 = threads.map_or(search.0, NonZeroUsize::get);
        search.1 = throttle.map_or(search.1, Throttle::share);
    }

    fn read(&self) -> Answer<Result<(), String>> {
        Box::pin(std::future::ready(Ok(Err("nobody leads".to_owned()))))
    }

    fn agreement(&self) -> Agreement {
        Agreement::default()
    }

    fn reply(&self, id: &TransactionId, block: BlockId, height: Height) -> Option<Reply> {
        Some(Reply::sign(&chain(), id, (block, height), &owner()))
    }

    fn p2p(&self) -> P2p {
        P2p { peer_id: "12D3".into(), listen: vec!["/ip4/127.0.0.1/tcp/1/p2p/12D3".into()] }
    }

    fn set_payout(&self, payout: Option<Address>) {
        *self.payout.lock().unwrap() = payout;
    }

    fn staking(&self) -> Option<Stake> {
        let stake = self.stake.lock().unwrap();
        stake.as_ref().map(|StakeConfig { keys, reserve }| Stake {
            owners: keys.iter().map(Keypair::address).collect(),
            reserve: *reserve,
        })
    }

    fn stake(&self, stake: Option<StakeConfig>) -> Result<(), StakeError> {
        if stake.as_ref().is_some_and(|stake| stake.reserve == HELD) {
            let (address, holder) = ("assay1x".into(), "process 7".into());
            return Err(StakeError::Held { address, holder });
        }
        *self.stake.lock().unwrap() = stake;
        Ok(())
    }

    fn template(&self, payout: Option<Address>) -> Answer<Result<Template, String>> {
        let Some(payout) = payout.or(*self.payout.lock().unwrap()) else {
            return now(Err("nobody is paid".into()));
        };
        let mut header = block(HEAD + 1, self.view.head, 0, Vec::new()).header;
        header.producer = payout;
        let template =
            Template { id: header.id(&chain()), header, transactions: 0, extra_nonce: 3 << 32 };
        *self.template.lock().unwrap() = Some(template);
        now(Ok(template))
    }

    fn kept_template(&self, id: &BlockId) -> Option<Template> {
        self.template.lock().unwrap().filter(|template| template.id == *id)
    }

    fn seal(&self, template: BlockId, proof: WorkProof) -> Answer<Result<(), SealError>> {
        let mut header = block(HEAD + 1, self.view.head, 0, Vec::new()).header;
        header.producer = owner().address();
        if header.id(&chain()) != template {
            return now(Err(SealError::Unknown(template)));
        }
        let parent = *header.parent.as_bytes();
        let work = proof.header(HEAD + 1, template.as_bytes(), parent, Bits(0x2000_ffff));
        now(match work.is_proven().unwrap() {
            true => Ok(()),
            false => Err(SealError::Proof("its hash does not reach the target".into())),
        })
    }

    fn generate(
        &self,
        blocks: usize,
        _: Address,
        tries: u64,
    ) -> Answer<Result<Vec<BlockId>, String>> {
        now(Ok(vec![self.view.head; if tries == 0 { 0 } else { blocks }]))
    }

    fn listen(&self, topic: Topic) -> broadcast::Receiver<Item> {
        self.feed.listen(topic)
    }

    fn shape_link(
        &self,
        peer: Option<&str>,
        shape: assay::spec::LinkShape,
    ) -> Result<NodeLinks, String> {
        let mut links = self.links.lock().unwrap();
        match peer {
            Some("nobody") => return Err("`nobody` is not a peer's id".into()),
            Some(peer) => drop(links.peers.insert(peer.into(), shape.into())),
            None => *links = NodeLinks { all: shape.into(), ..NodeLinks::default() },
        }
        Ok(links.clone())
    }

    fn block_peers(&self, peers: &[String]) -> Result<NodeLinks, String> {
        let mut links = self.links.lock().unwrap();
        links.blocked = peers.to_vec();
        Ok(links.clone())
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn submit(&self, transactions: Vec<Transaction>) -> Answer<Vec<Result<TransactionId, String>>> {
        let judge = |t: Transaction| match t.outputs[0].amount {
            Amount(9) => Err("coin 09… is already spent".into()),
            _ => Ok(t.id(&chain())),
        };
        now(transactions.into_iter().map(judge).collect())
    }

    fn pending(&self, id: TransactionId) -> Answer<Option<PendingInfo>> {
        let pending = transaction(3);
        now((pending.id(&chain()) == id).then(|| PendingInfo {
            transaction: Arc::new(pending),
            since: Time(5),
            fee: Some(Amount(997)),
        }))
    }

    fn pool_ids(&self, limit: usize) -> Answer<Vec<TransactionId>> {
        now(vec![transaction(3).id(&chain()); limit.min(1)])
    }

    fn pool_entries(&self, limit: usize) -> Answer<Vec<(TransactionId, PendingInfo)>> {
        let pending = transaction(3);
        let id = pending.id(&chain());
        let transaction = Arc::new(pending);
        let info = PendingInfo { transaction, since: Time(5000), fee: Some(Amount(997)) };
        now(vec![(id, info); limit.min(1)])
    }

    fn pool_of(&self, owner: Address) -> Answer<PoolCoins> {
        let pending = transaction(3);
        let by = pending.id(&chain());
        let created = |id, amount| {
            let coin = Coin {
                owner,
                amount: Amount(amount),
                height: Height(HEAD + 1),
                time: Time(5),
                kind: CoinKind::Transfer,
            };
            (id, coin, by)
        };
        now(PoolCoins {
            spent: BTreeMap::from([(coin_id(3), by)]),
            // The second is in a block by now: it must not be counted twice.
            created: vec![
                created(Transaction::coin_id(&by, 0, &chain()), 3),
                created(coin_id(4), 400),
            ],
        })
    }

    fn pool_history(&self, _: Address, limit: usize) -> Answer<Vec<HistoryEntry>> {
        // The second is in a block by now: it must not be told twice.
        let told = [3, 2].map(|mark| {
            let cause = Cause::Transaction(transaction(mark).id(&chain()));
            entry(cause, u64::from(mark), 1000)
        });
        now(told.into_iter().take(limit).collect())
    }

    fn forks(&self) -> Answer<Vec<ForkInfo>> {
        now(vec![ForkInfo {
            head: self.view.head,
            height: Height(HEAD),
            length: 0,
            fork_height: Height(HEAD),
            rank: hex::encode(self.view.rank.as_bytes()),
            status: ForkStatus::Best,
        }])
    }

    fn peers(&self) -> Answer<Vec<PeerInfo>> {
        now(vec![PeerInfo {
            id: "12D4".into(),
            address: "/ip4/127.0.0.1/tcp/2".into(),
            direction: Direction::Inbound,
            agent: None,
            since: Time(1),
            height: Some(Height(HEAD)),
            head: None,
            final_height: None,
            link: LinkShape::default(),
            blocked: false,
            latency_ms: Some(0.3),
            score: 0,
        }])
    }

    fn connect(&self, address: String) -> Answer<Result<(), String>> {
        now(if address.starts_with("/ip4/") {
            Ok(())
        } else {
            Err(format!("`{address}` is no multiaddr"))
        })
    }
}
