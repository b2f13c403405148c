//! How fast a node takes in a chain of payments, against checking its signatures and nothing else.
//!
//! The chain is served by one replica and taken in by another, as it is between two nodes, without the sockets: every
//! answer is encoded and decoded on the way. The one that takes it in has what a node has: a database on disk, a loop that
//! syncs it before anything leaves, and signatures checked beside the loop on all cores. The yardstick is taken before and
//! after: the same signatures in batches on all cores, and nothing else.
//!
//! Both are done for a small and a large set of coins. What a block costs should not depend on it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::timed::{Clocks, Timed};
use super::workload::{Size, Workload};
use super::{BenchError, cores};
use crate::ledger::LtHash;
use crate::node::store::RocksStore;
use crate::node::verify::{Verifier, check};
use crate::replica::wire::Response;
use crate::replica::{Input, Output, Peer, Replica};
use crate::store::Store;
use crate::types::{Span, Time, decode, encode};

/// What either replica calls the other.
const OTHER: Peer = Peer(1);

/// Inputs handled before their outputs are performed, as a node does.
const ROUND_MAX: usize = 256;

/// If nothing happens for so long, nothing will.
const PATIENCE: Duration = Duration::from_secs(120);

/// What to measure.
#[derive(Debug, Clone)]
pub struct Order {
    /// Blocks in the chain.
    pub blocks: usize,
    /// Payments in each.
    pub transactions: usize,
    /// Coins in the state, for each run.
    pub coins: Vec<usize>,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Cores that both sides of the comparison could use.
    pub cores: usize,
    /// One for each set of coins.
    pub runs: Vec<Run>,
    /// What a block costs in the last run against the first, by the time of the whole import.
    pub cost_ratio: f64,
}

/// One import.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// Coins in the genesis state.
    pub coins: usize,
    /// Blocks imported.
    pub blocks: usize,
    /// Payments imported.
    pub transactions: usize,
    /// Signatures checked per second with nothing beside, the mean of before and after.
    pub verify_rate: f64,
    /// Payments imported per second.
    pub import_rate: f64,
    /// The second of these over the first.
    pub ratio: f64,
    /// Where the time of the import went, in microseconds per payment.
    pub us_per_transaction: Breakdown,
}

/// Where the time of an import went, in microseconds per payment. The loop runs beside the checks of signatures: their
/// times overlap.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Breakdown {
    /// The import as a whole.
    pub whole: f64,
    /// The thread that has signatures checked, busy.
    pub verification: f64,
    /// The loop, busy: the sum of the four below.
    pub r#loop: f64,
    /// Of it, executing blocks; measured when the chain was made, with nothing beside.
    pub execution: f64,
    /// Of the execution, the state commitment; measured apart, on one thread.
    pub commitment: f64,
    /// Of the loop, reading the store.
    pub store_read: f64,
    /// Of the loop, writing to the store.
    pub store_write: f64,
    /// Of the loop, waiting for the disk.
    pub store_sync: f64,
    /// Of the loop, what is left: hashes, finality, bookkeeping.
    pub rest: f64,
}

/// Measures, with temporary databases in `directory`. `progress` is told what is being done.
pub fn run(
    order: &Order,
    directory: &Path,
    progress: impl Fn(String),
) -> Result<Report, BenchError> {
    let mut runs = Vec::new();
    for coins in &order.coins {
        let Order { blocks, transactions, .. } = *order;
        let size = Size { coins: *coins, blocks, transactions };
        runs.push(measure(size, directory, &progress)?);
    }
    let cost = |run: Option<&Run>| run.map_or(f64::NAN, |run| run.us_per_transaction.whole);
    let cost_ratio = cost(runs.last()) / cost(runs.first());
    Ok(Report { cores: cores(), runs, cost_ratio })
}

fn measure(size: Size, directory: &Path, progress: &impl Fn(String)) -> Result<Run, BenchError> {
    let Size { coins, blocks, transactions } = size;
    let home = tempfile::Builder::new().prefix("assay-bench-").tempdir_in(directory)?;
    progress(format!("{coins} coins: making {blocks} blocks of {transactions} payments"));
    let served = Arc::new(RocksStore::open(&home.path().join("served"))?);
    let workload = Workload::make(size, served.clone())?;
    let server = workload.open(served)?;
    let (store, clocks) = Timed::new(RocksStore::open(&home.path().join("imported"))?);
    let client = workload.open(Arc::new(store))?;

    progress(format!("{coins} coins: importing"));
    let before = bare(&workload);
    let imported = import(&workload, client, server, &clocks)?;
    let after = bare(&workload);

    let count = workload.checks.len();
    let per_payment = |time: Duration| time.as_secs_f64() * 1e6 / count as f64; // a count of payments is exact
    let [read, write, sync] = imported.store.map(per_payment);
    let execution = per_payment(workload.executed);
    let busy = per_payment(imported.busy);
    let us_per_transaction = Breakdown {
        whole: per_payment(imported.whole),
        verification: per_payment(imported.verifying),
        r#loop: busy,
        execution,
        commitment: commitment(),
        store_read: read,
        store_write: write,
        store_sync: sync,
        rest: (busy - execution - read - write - sync).max(0.0),
    };
    let verify_rate = 2e6 / (per_payment(before) + per_payment(after));
    let import_rate = 1e6 / us_per_transaction.whole;
    let ratio = import_rate / verify_rate;
    Ok(Run {
        coins,
        blocks,
        transactions: count,
        verify_rate,
        import_rate,
        ratio,
        us_per_transaction,
    })
}

/// The yardstick: all signatures, on all cores, and nothing else.
fn bare(workload: &Workload) -> Duration {
    let started = Instant::now();
    let bad = check(&workload.checks);
    assert!(bad.is_empty(), "the workload is signed");
    started.elapsed()
}

/// What the state commitment costs for one payment, in microseconds: three entries of the size of coins.
fn commitment() -> f64 {
    const PAYMENTS: u32 = 2000;
    let mut sum = LtHash::default();
    let started = Instant::now();
    for payment in 0..PAYMENTS {
        for entry in 0..3u32 {
            let mut key = [0; 33];
            key[..4].copy_from_slice(&payment.to_le_bytes());
            key[4..8].copy_from_slice(&entry.to_le_bytes());
            sum.add(&key, &[0; 46]);
        }
    }
    std::hint::black_box(&sum);
    started.elapsed().as_secs_f64() * 1e6 / f64::from(PAYMENTS)
}

/// How an import went.
struct Imported {
    whole: Duration,
    /// The loop, handling inputs and performing outputs.
    busy: Duration,
    verifying: Duration,
    /// Reading, writing, syncing.
    store: [Duration; 3],
}

/// Lets `client` take in what `server` has.
fn import<S: Store, T: Store>(
    workload: &Workload,
    mut client: Replica<S>,
    server: Replica<T>,
    clocks: &Clocks,
) -> Result<Imported, BenchError> {
    let (inbox, inputs) = channel();
    let (questions, asked) = channel();
    let end = workload.end();
    let answers = inbox.clone();
    let serving = std::thread::Builder::new()
        .name("serve".into())
        .spawn(move || serve(server, end, &asked, &answers))?;
    let verifying = Arc::new(AtomicU64::new(0));
    let verifier = Verifier::start_timed(verifying.clone(), move |input| {
        // The loop ends before its inbox.
        let _ = inbox.send(input);
    })?;

    clocks.take();
    let started = Instant::now();
    let mut busy = Duration::ZERO;
    let mut first = VecDeque::from([Input::Connected(OTHER)]);
    let goal = workload.size.blocks as u64; // a number of blocks fits
    let stopped = |height: u64, reason: &str| BenchError::Stopped {
        height,
        of: goal,
        reason: reason.to_owned(),
    };
    while client.tree().head().height().0 < goal {
        let height = client.tree().head().height().0;
        let now = end.after(elapsed(started));
        let input = match first.pop_front() {
            Some(input) => input,
            None => wait(&inputs, client.next_deadline(), now)
                .map_err(|reason| stopped(height, reason))?,
        };
        let working = Instant::now();
        client.handle(now, input);
        for _ in 1..ROUND_MAX {
            let Ok(input) = inputs.try_recv() else { break };
            client.handle(now, input);
        }
        let mut synced = false;
        for output in client.take_outputs() {
            match output {
                Output::Sync if !synced => {
                    client.store().sync()?;
                    synced = true;
                }
                Output::Verify { order, batch } => verifier.verify(order, batch, true),
                Output::Request { id, request, .. } => {
                    let _ = questions.send(Input::Request { from: OTHER, id, request });
                }
                Output::Respond { id, response, .. } => {
                    let _ = questions.send(Input::Response { from: OTHER, id, response });
                }
                Output::Ban { reason, .. } => return Err(stopped(height, &reason)),
                _ => {}
            }
        }
        busy += working.elapsed();
    }
    client.store().sync()?;
    let whole = started.elapsed();
    drop(questions);
    if serving.join().is_err() {
        return Err(stopped(goal, "the side that serves the chain panicked"));
    }
    let verifying = Duration::from_nanos(verifying.load(Ordering::Relaxed));
    Ok(Imported { whole, busy, verifying, store: clocks.take() })
}

/// Milliseconds since a moment.
fn elapsed(since: Instant) -> Span {
    Span(u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// The next input, or a tick at the deadline.
fn wait(
    inputs: &Receiver<Input>,
    deadline: Option<Time>,
    now: Time,
) -> Result<Input, &'static str> {
    let wait = deadline.map_or(PATIENCE, |at| Duration::from_millis(at.since(now).0));
    match inputs.recv_timeout(wait.min(PATIENCE)) {
        Ok(input) => Ok(input),
        Err(RecvTimeoutError::Timeout) if wait < PATIENCE => Ok(Input::Tick),
        Err(RecvTimeoutError::Timeout) => Err("nothing happened for two minutes"),
        Err(RecvTimeoutError::Disconnected) => Err("the side that serves the chain ended"),
    }
}

/// Answers questions until nobody asks any more. Answers travel encoded, as they do between nodes.
fn serve<S: Store>(
    mut server: Replica<S>,
    end: Time,
    asked: &Receiver<Input>,
    answers: &Sender<Input>,
) {
    let started = Instant::now();
    server.handle(end, Input::Connected(OTHER));
    loop {
        for output in server.take_outputs() {
            let input = match output {
                Output::Respond { id, response, .. } => {
                    let Ok(response) = decode::<Response>(&encode(&response)) else { return };
                    Input::Response { from: OTHER, id, response }
                }
                Output::Request { id, request, .. } => Input::Request { from: OTHER, id, request },
                _ => continue,
            };
            // Whoever asked may have all it wanted.
            let _ = answers.send(input);
        }
        let now = end.after(elapsed(started));
        match wait(asked, server.next_deadline(), now) {
            Ok(input) => server.handle(now, input),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_chain_is_imported_whatever_the_number_of_coins() {
        let home = tempfile::tempdir().unwrap();
        let order = Order { blocks: 9, transactions: 20, coins: vec![30, 500] };
        let report = run(&order, home.path(), |_| {}).unwrap();
        let counts: Vec<_> = report.runs.iter().map(|run| (run.coins, run.transactions)).collect();
        assert_eq!(counts, [(30, 180), (500, 180)]);
        assert!(report.runs.iter().all(|run| run.ratio > 0.0 && run.verify_rate > 0.0));
        assert!(report.cost_ratio > 0.0);
        assert_eq!(home.path().read_dir().unwrap().count(), 0, "it cleans up");
    }
}
