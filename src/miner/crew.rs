//! The search on many threads.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::Job;
use super::kernels::Kernel;
use super::pace::{Pace, Throttle};
use super::search::Scanner;
use crate::types::work::WorkProof;

/// Tries that a thread takes at once. Between batches it looks at the stop flag: this many take a few milliseconds on the
/// slowest machine worth mining on (0.5 MH/s) and 0.1 ms on a fast one, where handing them out still costs nothing. It
/// divides 2^32, so a batch has one extra nonce.
const BATCH: u64 = 1 << 12;

/// The most threads of a miner: more than any machine has cores, fewer than would hurt it.
pub const THREADS_MAX: usize = 1024;

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With a proof.
    Found(WorkProof),
    /// It was told to.
    Stopped,
    /// No try of the job is a proof.
    Exhausted,
}

/// Why a search did not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MinerError {
    /// More threads than [`THREADS_MAX`].
    #[error(
        "{0} threads for mining: at most {THREADS_MAX} are allowed, and more than there are cores gain nothing"
    )]
    TooMany(NonZeroUsize),
    /// The system gave no threads.
    #[error("cannot start {threads} threads for mining: {reason}; ask for fewer")]
    Threads {
        /// How many were asked for.
        threads: NonZeroUsize,
        /// What the system said.
        reason: String,
    },
}

/// A pool of threads that searches one job after the other.
///
/// There are no threads until the first job; from then on they stay, asleep between jobs. They are the miner's own, so
/// whatever else of the process runs on a pool is not held up.
pub struct Miner {
    kernel: &'static dyn Kernel,
    thread_start: Arc<dyn Fn() + Send + Sync>,
    /// How many threads there should be, and those there are.
    crew: Mutex<(NonZeroUsize, Option<Arc<Crew>>)>,
    /// A [`Throttle`] in one word.
    throttle: AtomicU32,
    hashes: AtomicU64,
}

/// Threads, each with its pace.
struct Crew {
    pool: ThreadPool,
    paces: Vec<Mutex<Pace>>,
}

impl fmt::Debug for Miner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Miner")
            .field("kernel", &self.kernel.name())
            .field("threads", &self.threads())
            .field("throttle", &self.throttle())
            .field("hashes", &self.hashes())
            .finish()
    }
}

impl Miner {
    /// A miner with this many threads of this speed.
    ///
    /// Each thread runs `thread_start` before anything else. The host lowers the thread's priority there: this room
    /// does not talk to the system.
    pub fn new(
        kernel: &'static dyn Kernel,
        threads: NonZeroUsize,
        throttle: Throttle,
        thread_start: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            kernel,
            thread_start: Arc::new(thread_start),
            crew: Mutex::new((threads, None)),
            throttle: AtomicU32::new(throttle.to_bits()),
            hashes: AtomicU64::new(0),
        }
    }

    /// Searches until a proof is found, `stop` is set, or no try is left; the caller waits, so call it from a thread that
    /// may. It ends within 50 ms of `stop`, throttled or not. A second search at the same time waits for the first, and
    /// looks at its own flag only then.
    ///
    /// Which of several proofs is found depends on the threads; that it is one does not.
    ///
    /// # Errors
    ///
    /// Threads that cannot be started. A later call tries again.
    pub fn search(&self, job: &Job, stop: &AtomicBool) -> Result<Outcome, MinerError> {
        if stop.load(Ordering::Relaxed) {
            return Ok(Outcome::Stopped);
        }
        let crew = self.crew()?;
        let search = Search {
            miner: self,
            job,
            tries: Tries::new(job.tries()),
            stop,
            ended: AtomicBool::new(false),
            found: Mutex::new(None),
        };
        crew.pool.broadcast(|thread| search.work(&crew.paces[thread.index()]));
        Ok(match lock(&search.found).take() {
            Some(proof) => Outcome::Found(proof),
            None if search.tries.are_left() => Outcome::Stopped,
            None => Outcome::Exhausted,
        })
    }

    /// Tries since the miner was made; a hash rate is the difference of two readings over the time between them.
    pub fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    /// The share of a core that each thread may use.
    pub fn throttle(&self) -> Throttle {
        Throttle::from_bits(self.throttle.load(Ordering::Relaxed))
    }

    /// Changes the speed of searches, running ones included.
    pub fn set_throttle(&self, throttle: Throttle) {
        self.throttle.store(throttle.to_bits(), Ordering::Relaxed);
    }

    /// How many threads search.
    pub fn threads(&self) -> NonZeroUsize {
        lock(&self.crew).0
    }

    /// Changes the number of threads from the next search on.
    pub fn set_threads(&self, threads: NonZeroUsize) {
        let mut crew = lock(&self.crew);
        if crew.0 != threads {
            *crew = (threads, None);
        }
    }

    /// The name of the kernel.
    pub fn kernel(&self) -> &'static str {
        self.kernel.name()
    }

    /// The threads, started if there are none.
    fn crew(&self) -> Result<Arc<Crew>, MinerError> {
        let mut slot = lock(&self.crew);
        if let Some(crew) = &slot.1 {
            return Ok(Arc::clone(crew));
        }
        let threads = slot.0;
        if threads.get() > THREADS_MAX {
            return Err(MinerError::TooMany(threads));
        }
        let thread_start = Arc::clone(&self.thread_start);
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .thread_name(|index| format!("miner-{index}"))
            .start_handler(move |_| thread_start())
            .build()
            .map_err(|error| MinerError::Threads { threads, reason: error.to_string() })?;
        let paces = (0..threads.get()).map(|_| Mutex::new(Pace::new())).collect();
        let crew = Arc::new(Crew { pool, paces });
        slot.1 = Some(Arc::clone(&crew));
        Ok(crew)
    }
}

/// One search, shared by the threads that work on it.
struct Search<'a> {
    miner: &'a Miner,
    job: &'a Job,
    tries: Tries,
    /// The caller wants it to end.
    stop: &'a AtomicBool,
    /// Some thread has found a proof.
    ended: AtomicBool,
    found: Mutex<Option<WorkProof>>,
}

impl Search<'_> {
    /// What each thread does.
    fn work(&self, pace: &Mutex<Pace>) {
        // Each thread has its own pace, so this never waits.
        let mut pace = lock(pace);
        pace.begin();
        let mut scanner = Scanner::new(self.job, self.miner.kernel);
        while !self.is_over() {
            let Some(batch) = self.tries.take() else { return };
            let (proof, tried) = scanner.scan(batch);
            self.miner.hashes.fetch_add(tried, Ordering::Relaxed);
            if let Some(proof) = proof {
                lock(&self.found).get_or_insert(proof);
                self.ended.store(true, Ordering::Relaxed);
            }
            let throttle = self.miner.throttle();
            pace.hashed(throttle, || self.is_over() || self.miner.throttle() != throttle);
        }
    }

    fn is_over(&self) -> bool {
        self.ended.load(Ordering::Relaxed) || self.stop.load(Ordering::Relaxed)
    }
}

/// Hands out the tries of a job in batches, each once.
struct Tries {
    next: AtomicU64,
    end: u64,
}

impl Tries {
    fn new(end: u64) -> Self {
        Self { next: AtomicU64::new(0), end }
    }

    fn take(&self) -> Option<Range<u64>> {
        let later = |next: u64| (next < self.end).then(|| next.saturating_add(BATCH).min(self.end));
        let start = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later).ok()?;
        Some(start..start.saturating_add(BATCH).min(self.end))
    }

    fn are_left(&self) -> bool {
        self.next.load(Ordering::Relaxed) < self.end
    }
}

/// The lock, whether or not somebody panicked under it: a kernel that panics leaves at worst a wrong debt behind.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "crew_tests.rs"]
mod tests;
