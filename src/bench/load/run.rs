//! A run from its first call to its last.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;
use tokio::time::sleep;

use super::audit::audit;
use super::beside::observe;
use super::machine::{Clocks, Processors, Traffic, held, processor_time, syncs, wall};
use super::report::{Measured, report};
use super::{LoadError, Order, Pace, Progress, follow, fund, offer};
use crate::api::{BenchRun, RpcCode, SystemInfo};
use crate::bench::compare::PARTS;
use crate::bench::compare::chain::run_of;
use crate::bench::cores;
use crate::bench::histogram::Histogram;
use crate::bench::payments::{Coin, Payer, Signed, outputs_for};
use crate::bench::schedule::{Deals, Micros, PAYMENTS_MAX, arrivals};
use crate::bench::tally::Tally;
use crate::bench::views::{Number, Views};
use crate::types::{BlockId, Height, Span, TransactionId};
use crate::wallet::client::{Client, ClientError};

/// How long a call may take: a node that stands still is not waited for longer.
const CALL_WAIT: Duration = Duration::from_secs(10);

/// How long a node may take to open its store.
const WARM_UP: Duration = Duration::from_secs(60);

/// Coins of a closed loop for each node beside those on their way: a payment that got no answer takes one out of use.
const SPARE: usize = 64;

/// How often it is looked whether all is final.
const LOOK: Duration = Duration::from_millis(50);

/// The same where nodes are asked.
const ASK: Duration = Duration::from_millis(500);

/// How long the last nodes may take to say so after the homes of all payments have.
const STRAGGLE: Duration = Duration::from_secs(2);

/// Syncs before and after.
const SYNCS: usize = 100;

/// Payments that are signed between two looks whether to stop.
const SIGNED_AT_ONCE: usize = 1000;

/// A node as a command knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// How messages call it.
    pub name: String,
    /// The URL of its port.
    pub url: String,
}

/// A node that has answered.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) client: Client,
    pub(super) info: SystemInfo,
}

impl Target {
    pub(super) fn failed(&self, error: ClientError) -> LoadError {
        LoadError::Node { node: self.name.clone(), error }
    }
}

/// News that a node's subscription missed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gaps {
    pub(super) lagged: u64,
    pub(super) reconnects: u64,
}

/// What a run writes down.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) views: Views,
    pub(super) tally: Tally,
    /// From when a payment was due until it left, in microseconds.
    pub(super) lag: Histogram,
    /// From when it was due until a node acknowledged it.
    pub(super) accepted: Histogram,
    /// Payments that are final at home, and when the last one became so.
    pub(super) settled: u64,
    pub(super) settled_last: Micros,
    /// Those that were acknowledged and are not.
    open: u64,
    pub(super) gaps: Vec<Gaps>,
    /// How long nodes took to answer somebody who only asks.
    pub(super) read: Histogram,
    /// The most memory that a node used, in bytes.
    pub(super) memory: Option<u64>,
    /// Blocks that some task is reading.
    pub(super) reading: BTreeSet<BlockId>,
}

impl Books {
    /// A payment will be sent.
    pub(super) fn expect(&mut self, id: TransactionId, due: Micros) -> Number {
        self.tally.expect(id);
        self.views.expect(id, due)
    }

    /// It leaves now for a node, and was due then.
    pub(super) fn sent(&mut self, number: Number, node: usize, due: Micros, now: Micros) {
        self.views.send(number, node, due);
        self.tally.sent(number);
        self.lag.record(now.saturating_sub(due));
    }

    /// The node took it.
    pub(super) fn acknowledged(&mut self, number: Number, now: Micros) {
        self.tally.acknowledged(number);
        self.accepted.record(now.saturating_sub(self.views.due(number)));
        self.open += u64::from(!self.views.is_settled(number));
    }

    /// A node says that the chain is final up to this block. Gives the payments that are final at home now.
    pub(super) fn settle(
        &mut self,
        node: usize,
        block: (Height, BlockId),
        at: Micros,
    ) -> Vec<Number> {
        let settled = self.views.settled(node, block, at);
        for number in &settled {
            self.settled += 1;
            self.settled_last = at;
            self.open -= u64::from(self.tally.is_acknowledged(*number));
        }
        settled
    }
}

/// The books, for all tasks of a run, and its clock.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    books: Arc<Mutex<Books>>,
    begun: Instant,
}

impl Shared {
    pub(super) fn now(&self) -> Micros {
        self.begun.elapsed().as_micros().try_into().unwrap_or(Micros::MAX)
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Books) -> T) -> T {
        look(&mut self.books.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Offers what was ordered to the nodes at these places, and tells what became of it. Once `stop` is true it ends soon,
/// with what there is by then.
///
/// # Errors
///
/// The order makes no sense, a node does not answer at the beginning, or there is no money for the load.
pub async fn run(
    order: &Order,
    places: &[Place],
    mut stop: watch::Receiver<bool>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<BenchRun, LoadError> {
    order.check()?;
    let targets = connect(places).await?;
    let shared = Shared { books: Arc::default(), begun: Instant::now() };
    let mut measured = Measured::default();
    if let Some(disk) = &order.disk {
        syncs(disk, SYNCS, &mut measured.syncs)?;
    }
    let load = prepare(order, &targets, &mut measured, &mut stop, progress).await?;

    let (done, mut finals) = unbounded_channel();
    let confirmations = order.confirmations;
    shared.with(|books| {
        books.views = Views::new(targets.len(), confirmations);
        books.gaps = vec![Gaps::default(); targets.len()];
    });
    let mut from = Height(u64::MAX);
    for target in &targets {
        let info = target.client.chain_info().await.map_err(|error| target.failed(error))?;
        from = from.min(info.final_height.next());
    }
    let follows = order.follow || matches!(order.pace, Pace::Closed(_));
    let following = match follows {
        true => Some(follow::begin(&shared, &targets, &done).await?),
        false => None,
    };
    let before = costs(&targets).await;
    let disk = order.disk.as_deref().map(held);
    let processors = Processors::now();
    let own = processor_time(std::process::id());
    let clocks = Clocks::now();
    let begun = shared.now();
    let since = wall();
    let length = Micros::try_from(order.duration.as_micros()).unwrap_or(Micros::MAX);
    shared.with(|books| books.views.divide(begun, length, PARTS));
    if let Some(load) = load {
        let of = order.duration;
        let beside = tokio::spawn(observe(targets.clone(), shared.clone()));
        measured.offered = match load {
            Load::Open { due, signed } => {
                shared.with(|books| {
                    for (signed, due) in signed.iter().zip(&due) {
                        books.expect(signed.id, begun + due);
                    }
                });
                offer::open(&shared, &targets, (&due, &signed), of, &mut stop, progress).await
            }
            Load::Closed { payer, coins, flight } => {
                let deals = Deals::new(order.accounts, order.seed);
                let (what, how) = ((&payer, coins, flight), (of, deals));
                let (finals, stop) = (&mut finals, &mut stop);
                offer::closed(&shared, &targets, what, how, finals, stop, progress).await
            }
        };
        drop(finals);
        tokio::select! {
            () = settle(&shared, &targets, follows, order.patience, progress) => (),
            _ = stop.wait_for(|stop| *stop) => (),
        }
        beside.abort();
    }
    measured.processors =
        Processors::now().zip(processors).and_then(|(now, before)| now.shares_since(&before));
    measured.clock_ms = Some(clocks.apart());
    let took = shared.now().saturating_sub(begun);
    measured.own = own.zip(processor_time(std::process::id())).and_then(|(before, now)| {
        let all = cores() as f64 * took as f64 / 1e6;
        (all > 0.0).then(|| now.saturating_sub(before).as_secs_f64() / all)
    });
    let after = costs(&targets).await;
    measured.costs = before.iter().zip(&after).map(|(before, now)| now.since(before)).sum();
    if let Some(mut following) = following {
        following.shutdown().await;
    }
    if let Some(disk) = &order.disk {
        syncs(disk, SYNCS, &mut measured.syncs)?;
    }
    progress(Progress::Reading);
    let mut tally = shared.with(|books| std::mem::take(&mut books.tally));
    measured.audit = audit(&targets, from, &mut tally).await;
    measured.partial = *stop.borrow();
    measured.begun = begun;
    let span = Span(u64::try_from(order.duration.as_millis()).unwrap_or(u64::MAX));
    measured.disk = disk.and_then(|before| held(order.disk.as_deref()?).checked_sub(before));
    Ok(shared.with(|books| {
        let load = report(order, &targets, books, &tally, &measured);
        run_of(load, &books.views, &measured.audit.chain, (since, span))
    }))
}

/// What is to be offered.
enum Load {
    Open { due: Vec<Micros>, signed: Arc<Vec<Signed>> },
    Closed { payer: Payer, coins: Vec<Coin>, flight: usize },
}

/// Asks each node who it is.
async fn connect(places: &[Place]) -> Result<Vec<Target>, LoadError> {
    let mut targets: Vec<Target> = Vec::new();
    for Place { name, url } in places {
        let failed = |error| LoadError::Node { node: name.clone(), error };
        let client = Client::with_timeout(url, None, CALL_WAIT).map_err(failed)?;
        let info = match client.system_info().await {
            Err(error) if error.code() == Some(RpcCode::WarmingUp) => {
                client.system_info_when_ready(WARM_UP).await
            }
            answer => answer,
        };
        let info = info.map_err(failed)?;
        if let Some(first) = targets.first()
            && first.info.genesis != info.genesis
        {
            return Err(LoadError::OtherChain {
                node: name.clone(),
                theirs: info.genesis,
                first: first.name.clone(),
                ours: first.info.genesis,
            });
        }
        if let Some(first) = targets.first()
            && first.info.version != info.version
        {
            return Err(LoadError::MixedVersions {
                node: name.clone(),
                theirs: info.version,
                first: first.name.clone(),
                ours: first.info.version.clone(),
            });
        }
        if !info.dev {
            return Err(LoadError::NotDev(info.chain));
        }
        targets.push(Target { name: name.clone(), client, info });
    }
    if targets.is_empty() {
        let (what, help) = ("no node is meant".into(), "name one with --rpc or --dir".into());
        return Err(LoadError::Order { what, help });
    }
    Ok(targets)
}

/// Makes coins and signs what can be signed ahead. Nothing if it was stopped meanwhile.
async fn prepare(
    order: &Order,
    targets: &[Target],
    measured: &mut Measured,
    stop: &mut watch::Receiver<bool>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Option<Load>, LoadError> {
    let (info, extra) = (&targets[0].info, outputs_for(order.payload));
    let per_byte = info.fee_per_byte_min;
    let beyond = || LoadError::Money { needed: u64::MAX, found: 0 };
    let payer = Payer::new(order.accounts, order.seed, info.genesis, per_byte, extra);
    let payer = payer.ok_or_else(beyond)?;
    let cost = payer.cost().ok_or_else(beyond)?;
    measured.payment_bytes = payer.size();
    if measured.payment_bytes as u64 > info.transaction_bytes_max {
        return Err(LoadError::Order {
            what: format!(
                "a payment with this payload has {} bytes, and a transaction of {} has at most {}",
                measured.payment_bytes, info.chain, info.transaction_bytes_max
            ),
            help: "take a smaller --payload".into(),
        });
    }
    let rate = match order.pace {
        Pace::Open(rate) => rate,
        Pace::Closed(flight) => {
            let count = (flight + SPARE) * targets.len();
            // All coins are used alike, so twice the mean is plenty; a number of coins fits.
            let uses = 2 * PAYMENTS_MAX / (count as u64) + SPARE as u64;
            let amount = cost.checked_mul(uses).ok_or_else(beyond)?;
            let coins = fund::coins(targets, &payer, (count, amount), stop, progress).await?;
            return Ok(coins.map(|coins| Load::Closed { payer, coins, flight }));
        }
    };
    let end = Micros::try_from(order.duration.as_micros()).unwrap_or(Micros::MAX);
    let due: Vec<Micros> = arrivals(rate, end, order.seed).collect();
    if due.is_empty() || due.len() < order.accounts {
        let (payments, accounts) = (due.len(), order.accounts);
        return Err(LoadError::Order {
            what: format!(
                "{accounts} accounts are more than the {payments} payments that fall into {} s with seed {}: some would \
                 have no coin",
                order.duration.as_secs_f64(),
                order.seed
            ),
            help: "take fewer --accounts, a higher --rate or a longer --duration".into(),
        });
    }
    let wanted = (due.len(), cost + 1);
    let Some(coins) = fund::coins(targets, &payer, wanted, stop, progress).await? else {
        return Ok(None);
    };
    let mut deals = Deals::new(order.accounts, order.seed);
    let mut signed = Vec::with_capacity(coins.len());
    let started = Instant::now();
    for coins in coins.chunks(SIGNED_AT_ONCE) {
        signed.extend(coins.iter().map(|coin| payer.pay(coin, &deals.draw()).0));
        progress(Progress::Signing(signed.len() as u64, due.len() as u64)); // they fit
        // Others have their turn, and may say that it is enough.
        tokio::task::yield_now().await;
        if *stop.borrow() {
            return Ok(None);
        }
    }
    measured.signed_per_second = Some(signed.len() as f64 / started.elapsed().as_secs_f64());
    Ok(Some(Load::Open { due, signed: Arc::new(signed) }))
}

/// Waits until what was acknowledged is final where it was handed in, and then a little for the other nodes. Where nodes
/// are not followed, until none has anything pending.
async fn settle(
    shared: &Shared,
    targets: &[Target],
    follows: bool,
    patience: Duration,
    progress: &(dyn Fn(Progress) + Sync),
) {
    let started = Instant::now();
    if !follows {
        while started.elapsed() < patience {
            let mut pending = 0;
            for target in targets {
                // A node that is down has nothing that could be waited for.
                let pool = target.client.mempool_info(false).await;
                pending += pool.map_or(0, |pool| pool.transactions);
            }
            if pending == 0 {
                return;
            }
            let (_, acknowledged) = shared.with(|books| books.tally.so_far());
            progress(Progress::Settling(acknowledged.saturating_sub(pending), acknowledged));
            sleep(ASK).await;
        }
        return;
    }
    let mut home_by = None;
    while started.elapsed() < patience {
        let (open, settled, everywhere) = shared
            .with(|books| (books.open, books.settled, books.views.everywhere().settled.count()));
        if open == 0 {
            let since = *home_by.get_or_insert_with(Instant::now);
            if everywhere >= settled || since.elapsed() >= STRAGGLE {
                return;
            }
        }
        progress(Progress::Settling(settled, settled + open));
        sleep(LOOK).await;
    }
}

/// What a node has cost since its process began.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Costs {
    pub(super) traffic: Option<Traffic>,
    pub(super) processor: Option<Duration>,
    pid: u32,
}

impl Costs {
    fn since(&self, before: &Self) -> Self {
        if self.pid != before.pid {
            // It was started anew, and what it had cost before is not known.
            return Self::default();
        }
        let traffic = self.traffic.zip(before.traffic).map(|(now, then)| now.since(&then));
        let processor = self.processor.zip(before.processor);
        let processor = processor.map(|(now, then)| now.saturating_sub(then));
        Self { traffic, processor, pid: self.pid }
    }
}

/// What all nodes have cost. One that does not tell leaves the sum unknown.
impl std::iter::Sum for Costs {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        let none =
            Self { traffic: Some(Traffic::default()), processor: Some(Duration::ZERO), pid: 0 };
        costs.fold(none, |sum, one| Self {
            traffic: sum.traffic.zip(one.traffic).map(|(a, b)| Traffic {
                bytes: a.bytes + b.bytes,
                messages: a.messages + b.messages,
            }),
            processor: sum.processor.zip(one.processor).map(|(a, b)| a + b),
            pid: 0,
        })
    }
}

/// Whether the node at a URL is a process of this machine.
pub(super) fn is_here(url: &str) -> bool {
    ["//127.", "//localhost", "//[::1]"].iter().any(|host| url.contains(host))
}

async fn costs(targets: &[Target]) -> Vec<Costs> {
    let mut all = Vec::new();
    for target in targets {
        // It may have been started anew, as another process.
        let info = target.client.system_info().await;
        let pid = info.map_or(target.info.pid, |info| info.pid);
        let url = target.client.url();
        let processor = if is_here(url) { processor_time(pid) } else { None };
        all.push(Costs { traffic: Traffic::of(url).await, processor, pid });
    }
    all
}
