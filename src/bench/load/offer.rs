//! Payments leave: when they are due, or when others are done.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::Progress;
use super::fund::CALL_BYTES_MAX;
use super::run::{Shared, Target};
use crate::api::{SUBMIT_MAX, SubmitResult};
use crate::bench::payments::{Coin, Payer, Signed};
use crate::bench::schedule::{Deals, Micros, PAYMENTS_MAX};
use crate::bench::views::Number;
use crate::wallet::client::Client;

/// Calls leave at least so far apart: together with what else is asked, they stay below what a node takes of one address.
const SPACING: Duration = Duration::from_millis(2);

/// Calls to one node without an answer at most. Beyond, payments wait for the next call and go together.
const CALLS_MAX: usize = 32;

/// How long to wait where all nodes have so many.
const HELD: Duration = Duration::from_millis(1);

/// How often progress is told.
const TELL: Duration = Duration::from_millis(200);

/// How long a place in a closed loop stays empty after a payment that was not taken.
const PAUSE: Duration = Duration::from_millis(100);

/// What became of a payment at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Taken,
    Refused,
    Failed,
}

/// Hands payments to a node, and enters what it says into the books.
async fn post<T: AsRef<[u8]>>(
    shared: &Shared,
    client: &Client,
    numbers: &[Number],
    payments: impl IntoIterator<Item = T>,
) -> Vec<Outcome> {
    let answer = client.mempool_submit_encoded(payments).await;
    let now = shared.now();
    shared.with(|books| match answer {
        Ok(results) => numbers
            .iter()
            .zip(results)
            .map(|(number, result)| match result {
                SubmitResult::Accepted { .. } => {
                    books.acknowledged(*number, now);
                    Outcome::Taken
                }
                SubmitResult::Refused { error } => {
                    books.tally.refused(*number, &error.message);
                    Outcome::Refused
                }
            })
            .collect(),
        Err(error) => {
            // A length fits.
            books.tally.failed(numbers.len() as u64, error.name());
            vec![Outcome::Failed; numbers.len()]
        }
    })
}

/// How long it is offered, and tells about it from time to time.
struct Teller<'a> {
    shared: &'a Shared,
    progress: &'a (dyn Fn(Progress) + Sync),
    begun: Instant,
    of: Duration,
    told: Instant,
}

impl<'a> Teller<'a> {
    fn new(shared: &'a Shared, of: Duration, progress: &'a (dyn Fn(Progress) + Sync)) -> Self {
        let begun = Instant::now();
        Self { shared, progress, begun, of, told: begun }
    }

    fn tell(&mut self) {
        if self.told.elapsed() < TELL {
            return;
        }
        self.told = Instant::now();
        let (elapsed, of) = (self.begun.elapsed().min(self.of), self.of);
        let ((sent, acknowledged), settled) =
            self.shared.with(|books| (books.tally.so_far(), books.settled));
        (self.progress)(Progress::Offering { elapsed, of, sent, acknowledged, settled });
    }
}

/// A place among the unanswered calls of a node, beginning with the one whose turn it is.
fn place(slots: &[Arc<Semaphore>], turn: usize) -> Option<(usize, OwnedSemaphorePermit)> {
    (0..slots.len()).map(|step| (turn + step) % slots.len()).find_map(|node| {
        let permit = slots[node].clone().try_acquire_owned().ok()?;
        Some((node, permit))
    })
}

/// Sends each payment when it is due, in microseconds from now. Gives how long that took.
pub(super) async fn open(
    shared: &Shared,
    targets: &[Target],
    (due, signed): (&[Micros], &Arc<Vec<Signed>>),
    of: Duration,
    stop: &mut watch::Receiver<bool>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Duration {
    let slots: Vec<_> = targets.iter().map(|_| Arc::new(Semaphore::new(CALLS_MAX))).collect();
    let size = signed.first().map_or(1, |signed| signed.bytes.len().max(1));
    let most = (CALL_BYTES_MAX / size).clamp(1, SUBMIT_MAX);
    let mut calls = JoinSet::new();
    let mut teller = Teller::new(shared, of, progress);
    let begun = shared.now();
    let start = Instant::now();
    let (mut next, mut turn) = (0, 0);
    while next < due.len() && !*stop.borrow() {
        teller.tell();
        let now = shared.now();
        let ready = due[next..].partition_point(|at| begun + at <= now).min(most);
        let wake = if ready == 0 {
            start + Duration::from_micros(due[next]).min(start.elapsed() + TELL)
        } else if let Some((node, permit)) = place(&slots, turn) {
            let numbers: Vec<Number> = (next..next + ready).collect();
            shared.with(|books| {
                numbers.iter().for_each(|n| books.sent(*n, node, begun + due[*n], now));
            });
            let (shared, client, signed) =
                (shared.clone(), targets[node].client.clone(), signed.clone());
            calls.spawn(async move {
                let payments = numbers.iter().map(|number| &signed[*number].bytes);
                post(&shared, &client, &numbers, payments).await;
                drop(permit);
            });
            (next, turn) = (next + ready, node + 1);
            Instant::now() + SPACING
        } else {
            Instant::now() + HELD
        };
        tokio::select! {
            () = sleep_until(wake) => (),
            _ = stop.wait_for(|stop| *stop) => (),
        }
        while calls.try_join_next().is_some() {}
    }
    let (took, all) = (start.elapsed(), next == due.len());
    while calls.join_next().await.is_some() {}
    if all { took.max(of) } else { took }
}

/// Coins that are free to be spent, by the node that knows them, each to be spent there.
struct Purse {
    coins: Vec<VecDeque<Coin>>,
    turn: usize,
    /// Less than this pays nothing more.
    least: u64,
}

impl Purse {
    fn put(&mut self, node: usize, coin: Coin) {
        if coin.amount > self.least {
            self.coins[node].push_back(coin);
        }
    }

    /// A coin of the node whose turn it is, or of the next that has one.
    fn take(&mut self) -> Option<(usize, Coin)> {
        let nodes = self.coins.len();
        let order = (0..nodes).map(|step| (self.turn + step) % nodes);
        let node = order.into_iter().find(|node| !self.coins[*node].is_empty())?;
        self.turn = node + 1;
        Some((node, self.coins[node].pop_front()?))
    }
}

/// A payment on its way: its node, the coin that it spends, and its change.
type Flying = BTreeMap<Number, (usize, Coin, Coin)>;

/// Keeps so many payments on their way. `done` tells of those that are final at the node that they were handed to, where
/// the change is spent again. Gives how long it went on.
pub(super) async fn closed(
    shared: &Shared,
    targets: &[Target],
    (payer, coins, flight): (&Payer, Vec<Coin>, usize),
    (of, mut deals): (Duration, Deals),
    done: &mut UnboundedReceiver<Vec<Number>>,
    stop: &mut watch::Receiver<bool>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Duration {
    let least = payer.cost().unwrap_or(u64::MAX);
    let mut purse = Purse { coins: vec![VecDeque::new(); targets.len()], turn: 0, least };
    for (place, coin) in coins.into_iter().enumerate() {
        purse.put(place % targets.len(), coin);
    }
    let (told, mut answers) = unbounded_channel();
    let mut flying = Flying::new();
    let mut teller = Teller::new(shared, of, progress);
    let start = Instant::now();
    let (mut free, mut made) = (flight, 0);
    let mut round = start;
    while start.elapsed() < of && made < PAYMENTS_MAX && !*stop.borrow() {
        teller.tell();
        // What is due within the spacing leaves together. A lone payment takes longer than that to become final.
        sleep_until(round).await;
        round = Instant::now() + SPACING;
        let mut batches: BTreeMap<usize, Vec<(Number, Signed)>> = BTreeMap::new();
        while free > 0 && made < PAYMENTS_MAX {
            let Some((node, coin)) = purse.take() else { break };
            let (signed, change) = payer.pay(&coin, &deals.draw());
            let number = shared.with(|books| {
                let now = shared.now();
                let number = books.expect(signed.id, now);
                books.sent(number, node, now, now);
                number
            });
            flying.insert(number, (node, coin, change));
            batches.entry(node).or_default().push((number, signed));
            (free, made) = (free - 1, made + 1);
        }
        for (node, batch) in batches {
            dispatch(shared, &targets[node].client, batch, &told);
        }
        tokio::select! {
            Some(numbers) = done.recv() => {
                landed(&numbers, &mut flying, &mut purse, &mut free);
                while let Ok(numbers) = done.try_recv() {
                    landed(&numbers, &mut flying, &mut purse, &mut free);
                }
            }
            Some((number, outcome)) = answers.recv() => {
                // It may be final already: then it has made place for the next.
                if let Some((node, coin, _)) = flying.remove(&number) {
                    free += 1;
                    // A coin whose payment got no answer may be spent: it is left alone.
                    if outcome == Outcome::Refused {
                        purse.put(node, coin);
                    }
                }
            }
            () = sleep(TELL) => (),
            _ = stop.wait_for(|stop| *stop) => (),
        }
    }
    start.elapsed()
}

/// Payments are final: their change can be spent, and as many may leave.
fn landed(numbers: &[Number], flying: &mut Flying, purse: &mut Purse, free: &mut usize) {
    for number in numbers {
        if let Some((node, _, change)) = flying.remove(number) {
            purse.put(node, change);
            *free += 1;
        }
    }
}

/// Sends a batch, and tells which of its payments were not taken, after a pause.
fn dispatch(
    shared: &Shared,
    client: &Client,
    batch: Vec<(Number, Signed)>,
    told: &UnboundedSender<(Number, Outcome)>,
) {
    let size = batch.first().map_or(1, |(_, signed)| signed.bytes.len().max(1));
    let most = (CALL_BYTES_MAX / size).clamp(1, SUBMIT_MAX);
    let mut rest = batch;
    while !rest.is_empty() {
        let later = rest.split_off(rest.len().min(most));
        let (now, shared, client, told) =
            (std::mem::replace(&mut rest, later), shared.clone(), client.clone(), told.clone());
        tokio::spawn(async move {
            let numbers: Vec<Number> = now.iter().map(|(number, _)| *number).collect();
            let payments = now.iter().map(|(_, signed)| &signed.bytes);
            let outcomes = post(&shared, &client, &numbers, payments).await;
            let bad = |(_, outcome): &(Number, Outcome)| *outcome != Outcome::Taken;
            let bad: Vec<_> = numbers.into_iter().zip(outcomes).filter(bad).collect();
            if !bad.is_empty() {
                sleep(PAUSE).await;
            }
            // Nobody listens once the loop has ended.
            for one in bad {
                let _ = told.send(one);
            }
        });
    }
}
