//! Checking signatures beside the loop, all that has queued up in one batch.
//!
//! The loop hands over orders and goes on; a thread of its own gathers what came in meanwhile, checks it together
//! (sixteen signatures in a batch already pay) on as many cores as there are, and answers each order. Blocks do not wait
//! for transactions, of which there may be many, forged ones among them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use rayon::prelude::*;

use crate::replica::Input;
use crate::types::signatures::{SignatureCheck, verify_batch};

/// Signatures gathered into one round, unless one order has more; what is left waits for the next. A block that comes
/// during a round waits for its end.
const ROUND_MAX: usize = 2048;

/// Signatures that one core checks together: larger batches gain little.
const CHUNK: usize = 256;

/// Below this a round is not worth other threads.
const PARALLEL_FROM: usize = 64;

type Order = (u64, Vec<SignatureCheck>);

/// Orders that wait for their round.
#[derive(Debug, Default)]
struct Waiting {
    urgent: VecDeque<Order>,
    others: VecDeque<Order>,
}

impl Waiting {
    fn put(&mut self, (order, batch, urgent): (u64, Vec<SignatureCheck>, bool)) {
        let queue = if urgent { &mut self.urgent } else { &mut self.others };
        queue.push_back((order, batch));
    }

    fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.others.is_empty()
    }

    /// The orders of the next round: the urgent ones first.
    fn round(&mut self) -> Vec<Order> {
        let mut orders = Vec::new();
        let mut size = 0;
        while size < ROUND_MAX
            && let Some(order) = self.urgent.pop_front().or_else(|| self.others.pop_front())
        {
            size += order.1.len();
            orders.push(order);
        }
        orders
    }
}

/// The thread that checks signatures.
#[derive(Debug)]
pub(crate) struct Verifier {
    orders: Sender<(u64, Vec<SignatureCheck>, bool)>,
}

impl Verifier {
    /// Starts the thread, which passes answers to `answer`; it ends when this handle is dropped.
    pub(crate) fn start(answer: impl Fn(Input) + Send + 'static) -> std::io::Result<Self> {
        Self::start_timed(Arc::default(), answer)
    }

    /// [`Self::start`], with a clock of the nanoseconds that checking took.
    pub(crate) fn start_timed(
        clock: Arc<AtomicU64>,
        answer: impl Fn(Input) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (orders, incoming) = channel();
        let run = move || work(&incoming, &clock, &answer);
        std::thread::Builder::new().name("verify".into()).spawn(run)?;
        Ok(Self { orders })
    }

    /// Checks a batch, before others if it is urgent; the answer comes as [`Input::Verified`].
    pub(crate) fn verify(&self, order: u64, batch: Vec<SignatureCheck>, urgent: bool) {
        // The thread lives as long as this handle.
        let _ = self.orders.send((order, batch, urgent));
    }
}

fn work(
    incoming: &Receiver<(u64, Vec<SignatureCheck>, bool)>,
    clock: &AtomicU64,
    answer: &impl Fn(Input),
) {
    // Threads of its own: the loop shares out work too, and would wait behind whole rounds of signatures. They start with
    // the first round that is worth it.
    let mut pool = None;
    let mut waiting = Waiting::default();
    loop {
        if waiting.is_empty() {
            let Ok(first) = incoming.recv() else { return };
            waiting.put(first);
        }
        while let Ok(order) = incoming.try_recv() {
            waiting.put(order);
        }
        let orders = waiting.round();
        let all: Vec<SignatureCheck> =
            orders.iter().flat_map(|(_, batch)| batch.iter().copied()).collect();
        let started = Instant::now();
        let bad = match all.len() < PARALLEL_FROM {
            true => verify_batch(&all),
            false => beside(&mut pool, || check(&all)),
        };
        let elapsed = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        clock.fetch_add(elapsed, Ordering::Relaxed);
        let mut from = 0;
        for (order, batch) in orders {
            let to = from + batch.len();
            let mine = bad.iter().filter(|place| (from..to).contains(*place));
            // A batch holds far fewer than 2^32 signatures.
            let bad = mine.map(|place| (place - from) as u32).collect();
            answer(Input::Verified { order, bad });
            from = to;
        }
    }
}

/// Works on a pool of threads, which is made at the first call; on the common one where the system gives no threads.
fn beside<T: Send>(pool: &mut Option<rayon::ThreadPool>, work: impl FnOnce() -> T + Send) -> T {
    if pool.is_none() {
        let name = |thread| format!("verify-{thread}");
        *pool = rayon::ThreadPoolBuilder::new().thread_name(name).build().ok();
    }
    match pool {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// The places of bad signatures, found on all cores.
pub(crate) fn check(all: &[SignatureCheck]) -> Vec<usize> {
    if all.len() < PARALLEL_FROM {
        return verify_batch(all);
    }
    let chunk = |(number, chunk): (usize, &[SignatureCheck])| {
        let bad = verify_batch(chunk);
        bad.into_iter().map(move |place| number * CHUNK + place).collect::<Vec<_>>()
    };
    all.par_chunks(CHUNK).enumerate().flat_map_iter(chunk).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(number: usize) -> Vec<SignatureCheck> {
        vec![SignatureCheck { key: [0; 32], message: [0; 32], signature: [0; 64] }; number]
    }

    #[test]
    fn blocks_overtake_transactions_and_a_round_ends() {
        let mut waiting = Waiting::default();
        for order in 0..4 {
            waiting.put((order, checks(ROUND_MAX / 2), false));
        }
        waiting.put((10, checks(5), true));
        let numbers = |orders: Vec<Order>| orders.iter().map(|(n, _)| *n).collect::<Vec<_>>();
        assert_eq!(numbers(waiting.round()), [10, 0, 1]);
        waiting.put((11, checks(5), true));
        assert_eq!(numbers(waiting.round()), [11, 2, 3]);
        assert!(waiting.is_empty());
        assert_eq!(numbers(waiting.round()), Vec::<u64>::new());
    }
}
