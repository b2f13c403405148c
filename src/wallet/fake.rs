//! A node that exists only for tests: a line of blocks in memory, with the ledger's own judgement of transactions.

mod shared;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::task::Poll;
use std::time::Duration;

use futures::future::BoxFuture;

use super::client::ClientError;
use super::node::NodeApi;
use super::track::Clock;
use crate::api::{
    AuthorityList, Balance, CoinInfo, CoinPage, DelegateStatus, DelegatesPage, Delegation,
    HistoryCursor, HistoryInfo, HistoryKind, HistoryPage, ReadPoint, Refusal, Replied, Reply,
    RpcCode, SecretKey, StakeParams, StakingStatus, SubmitResult, SystemInfo, TransactionInfo,
    TransactionStatus,
};
use crate::consensus::pos::Footing;
use crate::ledger::{Coin, CoinKind, CoinView, Params, ReadFailed, signature_checks, validate};
use crate::types::signatures::verify_batch;
use crate::types::target::Target;
use crate::types::{
    Address, Amount, BlockId, COIN, CoinId, GenesisId, Hash, Height, Keypair, Operation, Prefix,
    Span, Time, Transaction, TransactionId, sha256d,
};

/// Blocks until a reward matures.
pub(crate) const MATURITY: u64 = 10;

/// Blocks on top of a final one.
pub(crate) const FINALITY_DEPTH: u64 = 5;

/// The least fee per byte.
pub(crate) const FEE: u64 = 2;

/// Where it pretends to be.
const URL: &str = "http://127.0.0.1:1";

/// The height of a new fake's head.
pub(crate) const HEAD: u64 = 100;

/// What happens to the fake when it is asked for a transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// A block takes what is pending.
    Mine,
    /// The last block is undone; its transactions are pending again.
    Undo,
    /// The last block is undone and another takes its place, with the same transactions.
    Replace,
    /// The pool forgets everything.
    Forget,
    /// The next questions are not answered.
    Silence(usize),
}

/// Lets every other task go on first, as a question over a socket does.
async fn others_first() {
    let mut waited = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

type Coins = BTreeMap<CoinId, Coin>;
type Carried = Vec<(TransactionId, Transaction)>;

struct Fake {
    info: SystemInfo,
    /// The state after each block above the start, with what the block carried.
    blocks: Vec<(BlockId, Carried, Coins)>,
    start: Coins,
    pool: Carried,
    page: usize,
    made: u64,
    looks: usize,
    events: Vec<(usize, Event)>,
    mines: bool,
    silent: usize,
    refusal: Option<String>,
    lies: bool,
    cuts: usize,
    submissions: usize,
    authorities: Option<AuthorityList>,
    /// The authority that it acts for, and the block that it says of all transactions to carry them.
    word: Option<(Keypair, BlockId)>,
    /// Who stands for election, and whom the first account that asks approves; nothing where nobody is a delegate.
    delegates: Option<(DelegatesPage, Vec<String>)>,
    /// Who stakes, and the reserve; nothing where the rule has no stake.
    stakers: Option<(Vec<String>, Amount)>,
    /// From which age on, in ms, coins are old enough.
    min_age: u64,
}

/// See the module.
pub(crate) struct FakeNode(RefCell<Fake>);

struct View(Coins);

impl CoinView for View {
    fn coin(&self, id: &CoinId) -> Result<Option<Coin>, ReadFailed> {
        Ok(self.0.get(id).copied())
    }
}

fn prefix() -> Prefix {
    Prefix::new("assay").unwrap()
}

impl Fake {
    fn height(&self) -> u64 {
        HEAD + self.blocks.len() as u64
    }

    fn coins(&self) -> &Coins {
        self.blocks.last().map_or(&self.start, |(.., coins)| coins)
    }

    fn chain(&self) -> GenesisId {
        self.info.genesis
    }

    fn apply(&self, coins: &mut Coins, carried: &Carried) {
        for (id, transaction) in carried {
            for input in &transaction.inputs {
                coins.remove(input);
            }
            for (index, output) in transaction.outputs.iter().enumerate() {
                let coin = Coin {
                    owner: output.to,
                    amount: output.amount,
                    height: Height(self.height() + 1),
                    time: Time((self.height() + 1) * 1000),
                    kind: CoinKind::Transfer,
                };
                coins.insert(Transaction::coin_id(id, index, &self.chain()), coin);
            }
        }
    }

    /// The coins as the next block finds them, what is pending counted.
    fn next_coins(&self) -> Coins {
        let mut coins = self.coins().clone();
        self.apply(&mut coins, &self.pool);
        coins
    }

    fn mine(&mut self) {
        let coins = self.next_coins();
        self.made += 1;
        let id = BlockId(Hash(sha256d(&self.made.to_le_bytes())));
        let carried = std::mem::take(&mut self.pool);
        self.blocks.push((id, carried, coins));
    }

    fn undo(&mut self) {
        let (_, mut carried, _) = self.blocks.pop().expect("there is a block to undo");
        carried.append(&mut self.pool);
        self.pool = carried;
    }

    /// What is to happen at this question about a transaction.
    fn happen(&mut self) {
        let look = self.looks;
        self.looks += 1;
        for (_, event) in self.events.clone().iter().filter(|(at, _)| *at == look) {
            match event {
                Event::Mine => self.mine(),
                Event::Undo => self.undo(),
                Event::Replace => {
                    self.undo();
                    self.mine();
                }
                Event::Forget => self.pool.clear(),
                Event::Silence(questions) => self.silent = *questions,
            }
        }
    }

    fn ask(&mut self) -> Result<(), ClientError> {
        if self.silent > 0 {
            self.silent -= 1;
            let (url, reason) = (URL.into(), "connection refused".into());
            return Err(ClientError::Unreachable { url, reason });
        }
        Ok(())
    }

    fn admit(&self, transaction: &Transaction) -> Result<TransactionId, String> {
        let chain = self.chain();
        let id = transaction.id(&chain);
        if let Some(reason) = &self.refusal {
            return Err(reason.clone());
        }
        let params = Params {
            chain,
            block_bytes_max: 1 << 20,
            transactions_max: 100,
            fee_per_byte_min: FEE,
            maturity: MATURITY,
            evidence_window: 0,
            supply_max: Amount(1 << 52),
        };
        let size = transaction.size();
        let next = Height(self.height() + 1);
        validate(transaction, size, &View(self.next_coins()), next, &params)
            .map_err(|error| format!("the transaction is invalid: {error}"))?;
        if !verify_batch(&signature_checks(&transaction.id(&chain), transaction, &chain)).is_empty()
        {
            return Err("a signature does not verify".into());
        }
        Ok(id)
    }
}

impl FakeNode {
    pub(crate) fn new() -> Self {
        let info = SystemInfo {
            name: "assay".into(),
            version: "0".into(),
            pid: 1,
            started: Time(0),
            datadir: String::new(),
            rpc: URL.into(),
            peer_id: String::new(),
            p2p: vec![],
            chain: "fake-dev".into(),
            genesis: GenesisId(Hash([0xab; 32])),
            engine: "pow".into(),
            address_prefix: "assay".into(),
            symbol: "PYR".into(),
            dev: true,
            fee_per_byte_min: FEE,
            transaction_bytes_max: 1 << 19,
            maturity: MATURITY,
            finality_depth: Some(FINALITY_DEPTH),
        };
        Self(RefCell::new(Fake {
            info,
            blocks: vec![],
            start: Coins::new(),
            pool: vec![],
            page: 1000,
            made: 0,
            looks: 0,
            events: vec![],
            mines: false,
            silent: 0,
            refusal: None,
            lies: false,
            cuts: 0,
            submissions: 0,
            authorities: None,
            word: None,
            delegates: None,
            stakers: None,
            min_age: 0,
        }))
    }

    /// A coin in the block at `height`.
    pub(crate) fn fund(&self, owner: Address, coins: u64, height: u64, kind: CoinKind) -> CoinId {
        self.fund_units(owner, coins * COIN, height, kind)
    }

    /// The same in base units.
    pub(crate) fn fund_units(
        &self,
        owner: Address,
        units: u64,
        height: u64,
        kind: CoinKind,
    ) -> CoinId {
        let mut fake = self.0.borrow_mut();
        fake.made += 1;
        let id = CoinId(Hash(sha256d(&[b"coin".as_slice(), &fake.made.to_le_bytes()].concat())));
        let (height, time) = (Height(height), Time(height * 1000));
        fake.start.insert(id, Coin { owner, amount: Amount(units), height, time, kind });
        id
    }

    pub(crate) fn with_info(self, change: impl FnOnce(&mut SystemInfo)) -> Self {
        change(&mut self.0.borrow_mut().info);
        self
    }

    /// A node that says in the name of this authority that a block carries every transaction.
    pub(crate) fn replying(self, key: Keypair, block: BlockId) -> Self {
        self.0.borrow_mut().word = Some((key, block));
        self
    }

    /// A node of a chain with authorities.
    pub(crate) fn with_authorities(self, list: AuthorityList) -> Self {
        self.0.borrow_mut().authorities = Some(list);
        self
    }

    /// A node of a chain with these delegates; whoever is asked about approves those with these names.
    pub(crate) fn with_delegates(self, page: DelegatesPage, approved: &[&str]) -> Self {
        let approved = approved.iter().map(|name| (*name).to_owned()).collect();
        self.0.borrow_mut().delegates = Some((page, approved));
        self
    }

    fn delegates(&self) -> Result<(DelegatesPage, Vec<String>), ClientError> {
        self.0.borrow().delegates.clone().ok_or_else(|| {
            let code = RpcCode::NoAuthorities.code();
            let message = "under the rule pow nobody is a delegate".into();
            ClientError::Refused { code, message, help: None }
        })
    }

    /// A node of a chain where coins make blocks that are older than so many blocks, a second each.
    pub(crate) fn with_stake(self, min_age: u64) -> Self {
        {
            let mut fake = self.0.borrow_mut();
            (fake.stakers, fake.min_age) = (Some((Vec::new(), Amount::ZERO)), min_age * 1000);
        }
        self
    }

    /// Who stakes on it.
    pub(crate) fn stakers(&self) -> Vec<String> {
        self.0.borrow().stakers.clone().unwrap_or_default().0
    }

    fn staking(&self, addresses: Option<Vec<String>>) -> Result<StakingStatus, ClientError> {
        let fake = self.0.borrow();
        let Some((stakers, reserve)) = fake.stakers.clone() else {
            let (code, help) = (RpcCode::NoStake.code(), Some("consensus_status".into()));
            let message = "rule pow has no stake".into();
            return Err(ClientError::Refused { code, message, help });
        };
        let addresses = addresses.unwrap_or_else(|| stakers.clone());
        let mut status = StakingStatus {
            staking: !addresses.is_empty() && addresses.iter().all(|it| stakers.contains(it)),
            height: Height(fake.height()),
            time: Time(fake.height() * 1000),
            stakers,
            reserve,
            addresses,
            ..StakingStatus::default()
        };
        let (next, now) = (Height(fake.height() + 1), status.time);
        let owns = |coin: &&Coin| status.addresses.contains(&coin.owner.encode(&prefix()));
        let footing = |coin: &Coin| match coin.spendable_from(MATURITY) {
            None => Footing::Bonded,
            Some(from) if from > next => Footing::Resting(from),
            Some(_) if now.since(coin.time).0 > fake.min_age => Footing::Staked(Span(86_400_000)),
            Some(_) => Footing::Young(Time(coin.time.0 + fake.min_age)),
        };
        let coins: Vec<_> =
            fake.coins().values().filter(owns).map(|it| (it, footing(it))).collect();
        status.add_up(coins.into_iter(), &Target::max());
        Ok(status)
    }

    /// The operations in its blocks and its pool, in order.
    pub(crate) fn operations(&self) -> Vec<Operation> {
        let fake = self.0.borrow();
        let carried = fake.blocks.iter().flat_map(|(_, carried, _)| carried);
        carried.chain(&fake.pool).filter_map(|(_, it)| it.operation.clone()).collect()
    }

    /// A block at each question about a transaction, after the events.
    pub(crate) fn mining(self) -> Self {
        self.0.borrow_mut().mines = true;
        self
    }

    /// At the question about a transaction with this number, from 0 after the first submission, this happens first.
    pub(crate) fn at(self, look: usize, event: Event) -> Self {
        self.0.borrow_mut().events.push((look, event));
        self
    }

    pub(crate) fn refusing(self, reason: &str) -> Self {
        self.0.borrow_mut().refusal = Some(reason.into());
        self
    }

    /// It computes ids on another chain than it names.
    pub(crate) fn lying(self) -> Self {
        self.0.borrow_mut().lies = true;
        self
    }

    /// It takes so many submissions without saying so.
    pub(crate) fn cutting_off(self, submissions: usize) -> Self {
        self.0.borrow_mut().cuts = submissions;
        self
    }

    pub(crate) fn with_page(self, coins: usize) -> Self {
        self.0.borrow_mut().page = coins;
        self
    }

    pub(crate) fn silent(self, questions: usize) -> Self {
        self.0.borrow_mut().silent = questions;
        self
    }

    pub(crate) fn mine(&self) {
        self.0.borrow_mut().mine();
    }

    pub(crate) fn set_refusal(&self, reason: Option<&str>) {
        self.0.borrow_mut().refusal = reason.map(str::to_owned);
    }

    /// How many transactions were submitted.
    pub(crate) fn submissions(&self) -> usize {
        self.0.borrow().submissions
    }

    /// What an address owns in blocks, in base units.
    pub(crate) fn owned(&self, owner: &Address) -> u64 {
        let fake = self.0.borrow();
        fake.coins().values().filter(|coin| coin.owner == *owner).map(|coin| coin.amount.0).sum()
    }
}

/// What a transaction does to an owner, if it touches him. `before` and `after` are the coins around it.
fn told(
    owner: &Address,
    id: &TransactionId,
    transaction: &Transaction,
    status: TransactionStatus,
    before: &Coins,
    after: &Coins,
) -> Option<HistoryInfo> {
    let spends = transaction.inputs.iter().filter_map(|coin| before.get(coin).or(after.get(coin)));
    let spends: Vec<&Coin> = spends.collect();
    let theirs = spends.iter().filter(|coin| coin.owner == *owner).map(|coin| coin.amount);
    let spent = Amount::total(theirs).unwrap();
    let outputs = transaction.outputs.iter();
    let to_them = outputs.clone().filter(|output| output.to == *owner).map(|output| output.amount);
    let received = Amount::total(to_them).unwrap();
    let paid = Amount::total(outputs.clone().map(|output| output.amount)).unwrap();
    let held = Amount::total(spends.iter().map(|coin| coin.amount)).unwrap();
    let others: Vec<String> = match spent {
        Amount::ZERO => spends.iter().map(|coin| coin.owner.encode(&prefix())).collect(),
        _ => outputs.filter(|o| o.to != *owner).map(|o| o.to.encode(&prefix())).collect(),
    };
    (spent.0 + received.0 > 0).then(|| HistoryInfo {
        kind: HistoryKind::Transaction,
        status,
        id: Some(*id),
        block: None,
        height: None,
        time: Time(0),
        confirmations: 1,
        received,
        spent,
        net: HistoryInfo::net(received, spent),
        fee: (spent > Amount::ZERO).then(|| held.minus(paid).unwrap()),
        others_count: others.len() as u32,
        others,
    })
}

impl NodeApi for FakeNode {
    fn url(&self) -> &str {
        URL
    }

    async fn system_info(&self) -> Result<SystemInfo, ClientError> {
        others_first().await;
        let mut fake = self.0.borrow_mut();
        fake.ask()?;
        Ok(fake.info.clone())
    }

    async fn coins_list(
        &self,
        address: &str,
        after: Option<CoinId>,
        limit: u32,
    ) -> Result<CoinPage, ClientError> {
        others_first().await;
        let mut fake = self.0.borrow_mut();
        fake.ask()?;
        let owner = Address::parse(address, &prefix()).unwrap();
        let next = Height(fake.height() + 1);
        let info = |id: CoinId, coin: &Coin| CoinInfo::of(id, coin, address.into(), next, MATURITY);
        let owned = |coins: &Coins| -> Vec<(CoinId, Coin)> {
            coins.iter().filter(|(_, coin)| coin.owner == owner).map(|(i, c)| (*i, *c)).collect()
        };
        let mut coins = Vec::new();
        for (id, coin) in owned(fake.coins()) {
            let mut info = info(id, &coin);
            let spends = |(_, pending): &&(_, Transaction)| pending.inputs.contains(&id);
            info.spent_by = fake.pool.iter().find(spends).map(|(by, _)| *by);
            info.spendable &= info.spent_by.is_none();
            coins.push(info);
        }
        let mut pending = Vec::new();
        for (id, coin) in owned(&fake.next_coins()) {
            if after.is_none() && !fake.coins().contains_key(&id) {
                let creates = |(by, transaction): &&(TransactionId, Transaction)| {
                    (0..transaction.outputs.len())
                        .any(|index| Transaction::coin_id(by, index, &fake.chain()) == id)
                };
                let by = fake.pool.iter().find(creates).map(|(by, _)| *by);
                pending.push(CoinInfo { created_by: by, ..info(id, &coin) });
            }
        }
        coins.retain(|coin| Some(coin.id) > after);
        let limit = fake.page.min(limit as usize);
        let more = coins.len() > limit;
        coins.truncate(limit);
        let next_page = coins.last().map(|coin| coin.id).filter(|_| more);
        let head = fake.blocks.last().map(|(id, ..)| *id).unwrap_or_default();
        Ok(CoinPage { head, height: Height(fake.height()), coins, pending, next: next_page })
    }

    async fn consensus_read(&self) -> Result<ReadPoint, ClientError> {
        others_first().await;
        let mut fake = self.0.borrow_mut();
        fake.ask()?;
        if let Some(message) = fake.refusal.clone() {
            let code = RpcCode::NotCurrent.code();
            return Err(ClientError::Refused { code, message, help: Some("ask again".into()) });
        }
        let head = fake.blocks.last().map(|(id, ..)| *id).unwrap_or_default();
        Ok(ReadPoint { head, height: Height(fake.height()) })
    }

    async fn address_balance(&self, address: &str) -> Result<Balance, ClientError> {
        let page = self.coins_list(address, None, 1000).await?;
        let sum = |wanted: &dyn Fn(&CoinInfo) -> bool| {
            let coins = page.coins.iter().filter(|coin| coin.spent_by.is_none() && wanted(coin));
            Amount::total(coins.map(|coin| coin.amount)).unwrap()
        };
        let stakes = |kind| matches!(kind, CoinKind::Stake | CoinKind::Bond);
        Ok(Balance {
            address: address.into(),
            spendable: sum(&|coin| coin.spendable),
            immature: sum(&|coin| !coin.spendable && !stakes(coin.kind)),
            staking: sum(&|coin| !coin.spendable && stakes(coin.kind)),
            bonded: sum(&|coin| coin.kind == CoinKind::Bond),
            pending: Amount::total(page.pending.iter().map(|coin| coin.amount)).unwrap(),
            coins: page.coins.len() as u64,
            height: page.height,
        })
    }

    async fn address_history(
        &self,
        address: &str,
        before: Option<HistoryCursor>,
        limit: u32,
    ) -> Result<HistoryPage, ClientError> {
        others_first().await;
        let mut fake = self.0.borrow_mut();
        fake.ask()?;
        if let Some(reason) = &fake.refusal {
            let (code, message) = (RpcCode::NoIndex.code(), reason.clone());
            return Err(ClientError::Refused { code, message, help: Some("--index".into()) });
        }
        let owner = Address::parse(address, &prefix()).unwrap();
        let mut all: Vec<HistoryInfo> = Vec::new();
        let mut found = fake.start.clone();
        for (height, (id, carried, coins)) in (HEAD + 1..).zip(&fake.blocks) {
            for (transaction_id, transaction) in carried {
                let status = TransactionStatus::Included;
                let entry = told(&owner, transaction_id, transaction, status, &found, coins);
                let height = Some(Height(height));
                all.extend(entry.map(|entry| HistoryInfo { block: Some(*id), height, ..entry }));
            }
            found = coins.clone();
        }
        all.reverse();
        all.retain(|entry| before.is_none_or(|before| entry.height < Some(before.height)));
        let next = fake.next_coins();
        let pending = fake.pool.iter().filter(|_| before.is_none()).filter_map(|(id, pending)| {
            told(&owner, id, pending, TransactionStatus::Pending, &found, &next)
        });
        let limit = fake.page.min(limit as usize);
        let more = all.len() > limit;
        all.truncate(limit);
        let cursor = |entry: &HistoryInfo| HistoryCursor {
            height: entry.height.unwrap_or_default(),
            position: 0,
        };
        Ok(HistoryPage {
            address: address.into(),
            head: fake.blocks.last().map(|(id, ..)| *id).unwrap_or_default(),
            height: Height(fake.height()),
            pending: pending.collect(),
            next: all.last().filter(|_| more).map(cursor),
            entries: all,
        })
    }

    async fn authority_list(&self) -> Result<AuthorityList, ClientError> {
        others_first().await;
        let mut fake = self.0.borrow_mut();
        fake.ask()?;
        fake.authorities.clone().ok_or_else(|| {
            let code = RpcCode::NoAuthorities.code();
            let message = "under the rule pow nobody is an authority".into();
            ClientError::Refused { code, message, help: None }
        })
    }

    async fn delegate_list(
        &self,
        after: Option<u64>,
        limit: u32,
    ) -> Result<DelegatesPage, ClientError> {
        others_first().await;
        self.0.borrow_mut().ask()?;
        let (mut page, _) = self.delegates()?;
        let limit = self.0.borrow().page.min(limit as usize);
        page.delegates.retain(|delegate| Some(delegate.rank) > after);
        let more = page.delegates.len() > limit;
        page.delegates.truncate(limit);
        page.next = page.delegates.last().map(|delegate| delegate.rank).filter(|_| more);
        Ok(page)
    }

    async fn delegate_votes(&self, address: &str) -> Result<Delegation, ClientError> {
        others_first().await;
        self.0.borrow_mut().ask()?;
        let (page, approved) = self.delegates()?;
        let owner = Address::parse(address, &prefix()).unwrap();
        let approves = |delegate: &DelegateStatus| approved.contains(&delegate.name);
        Ok(Delegation {
            head: page.head,
            height: page.height,
            address: address.into(),
            weight: Amount(self.owned(&owner)),
            share: self.owned(&owner) as f64 / page.circulating.0 as f64,
            delegates: page.delegates.into_iter().filter(approves).collect(),
        })
    }

    async fn stake_status(&self, addresses: Vec<String>) -> Result<StakingStatus, ClientError> {
        others_first().await;
        self.0.borrow_mut().ask()?;
        self.staking(Some(addresses))
    }

    async fn stake_start(&self, params: &StakeParams) -> Result<StakingStatus, ClientError> {
        others_first().await;
        self.staking(None)?;
        let owner = |key: &SecretKey| key.keypair().unwrap().address().encode(&prefix());
        let stakers = params.keys.iter().map(owner).collect();
        self.0.borrow_mut().stakers = Some((stakers, params.reserve.unwrap_or_default()));
        self.staking(None)
    }

    async fn stake_stop(&self) -> Result<StakingStatus, ClientError> {
        others_first().await;
        self.staking(None)?;
        self.0.borrow_mut().stakers = Some((Vec::new(), Amount::ZERO));
        self.staking(None)
    }

    async fn mempool_submit(
        &self,
        transactions: &[Transaction],
    ) -> Result<Vec<SubmitResult>, ClientError> {
        others_first().await;
        let mut fake = self.0.borrow_mut();
        fake.ask()?;
        let mut results = Vec::new();
        for transaction in transactions {
            fake.submissions += 1;
            let id = transaction.id(&fake.chain());
            // As a real node: what it knows already is accepted.
            let carried = fake.blocks.iter().flat_map(|(_, carried, _)| carried);
            let known = carried.chain(&fake.pool).any(|(known, _)| *known == id);
            let admitted = if known { Ok(id) } else { fake.admit(transaction) };
            results.push(match admitted {
                Ok(id) => {
                    if !known {
                        fake.pool.push((id, transaction.clone()));
                    }
                    let id = if fake.lies { TransactionId::default() } else { id };
                    SubmitResult::Accepted { id }
                }
                Err(message) => SubmitResult::Refused {
                    error: Refusal { code: RpcCode::TransactionRefused.code(), message },
                },
            });
        }
        if fake.cuts > 0 {
            fake.cuts -= 1;
            let (url, reason) = (URL.into(), "connection reset".into());
            return Err(ClientError::Unreachable { url, reason });
        }
        Ok(results)
    }

    async fn chain_reply(&self, id: TransactionId) -> Result<Replied, ClientError> {
        others_first().await;
        let mut fake = self.0.borrow_mut();
        fake.ask()?;
        let chain = fake.chain();
        let word = fake.word.as_ref();
        let sign = |(key, block): &(Keypair, BlockId)| {
            Reply::sign(&chain, &id, (*block, Height(HEAD)), key)
        };
        Ok(Replied { reply: word.map(sign) })
    }

    async fn chain_transaction(
        &self,
        id: TransactionId,
    ) -> Result<Option<TransactionInfo>, ClientError> {
        others_first().await;
        let mut fake = self.0.borrow_mut();
        if fake.submissions > 0 {
            fake.happen();
        }
        fake.ask()?;
        if fake.mines && fake.submissions > 0 {
            fake.mine();
        }
        let chain = fake.chain();
        if let Some((_, transaction)) = fake.pool.iter().find(|(pending, _)| *pending == id) {
            return Ok(Some(TransactionInfo::pending(transaction, &chain, &prefix(), Time(0))));
        }
        for (index, (block, carried, _)) in fake.blocks.iter().enumerate() {
            let Some((_, transaction)) = carried.iter().find(|(carried, _)| *carried == id) else {
                continue;
            };
            let mut info = TransactionInfo::pending(transaction, &chain, &prefix(), Time(0));
            info.confirmations = (fake.blocks.len() - index) as u64;
            info.block = Some(*block);
            info.height = Some(Height(HEAD + 1 + index as u64));
            info.status = if info.confirmations > FINALITY_DEPTH {
                TransactionStatus::Final
            } else {
                TransactionStatus::Included
            };
            return Ok(Some(info));
        }
        Ok(None)
    }
}

/// A clock that goes as far as it is asked to wait, at once.
#[derive(Debug, Default)]
pub(crate) struct FakeClock(Cell<Duration>);

impl Clock for FakeClock {
    fn now(&self) -> Duration {
        self.0.get()
    }

    fn pause(&self, time: Duration) -> BoxFuture<'_, ()> {
        self.0.set(self.0.get() + time);
        Box::pin(others_first())
    }
}
