//! The nonce search beside the loop: one thread that always works on the latest order.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::host::Inbox;
use crate::consensus::{OrderId, SearchOrder};
use crate::miner::{ExtraNonces, Job, Miner, Outcome, Throttle};
use crate::replica::Input;
use crate::types::work::WORK_VERSION;
use crate::types::{BlockId, Claim, Height, Seal};

/// The searcher: a miner and the thread that runs it.
#[derive(Debug)]
pub(super) struct Searcher {
    control: SearchControl,
}

/// Looks at the search and changes it, from any thread.
#[derive(Debug, Clone)]
pub(super) struct SearchControl {
    shared: Arc<Shared>,
    miner: Arc<Miner>,
}

/// An order and what it is searched with.
#[derive(Debug, Clone)]
struct Work {
    order: OrderId,
    block: BlockId,
    height: Height,
    job: Job,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    next: Option<Work>,
    /// What is being searched, or is about to be.
    current: Option<Work>,
    /// How often the search for one order began anew; each time it takes other extra nonces.
    again: u32,
    /// Raised to end the search in progress.
    stop: Arc<AtomicBool>,
    ended: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, so what is inside is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Searcher {
    /// Starts the thread; it ends when this handle is dropped.
    pub(super) fn start(miner: Arc<Miner>, inbox: Inbox) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let (theirs, crew) = (shared.clone(), miner.clone());
        let run = move || work(&theirs, &crew, &inbox);
        std::thread::Builder::new().name("search".into()).spawn(run)?;
        Ok(Self { control: SearchControl { shared, miner } })
    }

    /// Searches for this order instead of whatever is being searched for.
    pub(super) fn search(&self, order: &SearchOrder) {
        let header = &order.header;
        // Only an order of work is searched for.
        let Claim::Work { bits } = header.claim else { return };
        let (id, parent) = (*order.block.as_bytes(), *header.parent.as_bytes());
        let job = Job::for_block(header.height.0, &id, parent, header.time.seconds(), bits);
        match job {
            Ok(job) => {
                let (order, block, height) = (order.order, order.block, header.height);
                self.control.shared.state().again = 0;
                self.control.shared.replace(Some(Work { order, block, height, job }));
            }
            Err(error) => tracing::error!(%bits, "no search for these bits: {error}"),
        }
    }

    /// Stops searching.
    pub(super) fn stop(&self) {
        self.control.shared.replace(None);
    }

    /// The way to look at the search and to change it.
    pub(super) fn control(&self) -> &SearchControl {
        &self.control
    }
}

impl SearchControl {
    /// The miner, for its counters.
    pub(super) fn miner(&self) -> &Miner {
        &self.miner
    }

    /// The height that is being searched for; nothing while there is no search.
    pub(super) fn height(&self) -> Option<Height> {
        self.shared.state().current.as_ref().map(|work| work.height)
    }

    /// Changes how fast threads search. What is not given stays; a search in progress goes on with the new ones.
    pub(super) fn set(&self, threads: Option<NonZeroUsize>, throttle: Option<Throttle>) {
        if let Some(throttle) = throttle {
            self.miner.set_throttle(throttle);
        }
        if let Some(threads) = threads.filter(|threads| *threads != self.miner.threads()) {
            self.miner.set_threads(threads);
            self.shared.again();
        }
    }
}

impl Shared {
    fn replace(&self, next: Option<Work>) {
        let mut state = self.state();
        state.stop.store(true, Ordering::Relaxed);
        state.stop = Arc::default();
        state.current.clone_from(&next);
        state.next = next;
        drop(state);
        self.changed.notify_one();
    }

    /// Begins the search in progress anew, over extra nonces that it has not tried.
    fn again(&self) {
        let mut state = self.state();
        let Some(work) = state.current.clone() else { return };
        state.again = state.again.wrapping_add(1);
        let first = u64::from(state.again) << 32;
        drop(state);
        let job = work.job.with_extra_nonces(ExtraNonces { first, ..ExtraNonces::default() });
        self.replace(Some(Work { job, ..work }));
    }
}

impl Drop for Searcher {
    fn drop(&mut self) {
        self.control.shared.state().ended = true;
        self.control.shared.replace(None);
    }
}

fn work(shared: &Shared, miner: &Miner, inbox: &Inbox) {
    loop {
        let mut state = shared.state();
        while state.next.is_none() && !state.ended {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.ended {
            return;
        }
        let Some(Work { order, block, job, .. }) = state.next.take() else { continue };
        let stop = state.stop.clone();
        drop(state);
        let outcome = miner.search(&job, &stop);
        let mut state = shared.state();
        // Whoever stopped it has said what comes next.
        if !stop.load(Ordering::Relaxed) {
            state.current = None;
        }
        drop(state);
        match outcome {
            Ok(Outcome::Found(proof)) => {
                debug_assert_eq!(proof.version & WORK_VERSION, WORK_VERSION);
                tracing::debug!(%block, "found");
                inbox.input(Input::Found { order, seal: Seal::Work(proof) });
            }
            Ok(Outcome::Stopped) => {}
            // The engine renews its draft every few seconds, which opens a new space.
            Ok(Outcome::Exhausted) => tracing::debug!("the nonce space is exhausted"),
            Err(error) => tracing::error!("the search failed: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::miner::kernels::Portable;
    use crate::types::Hash;
    use crate::types::target::Bits;

    /// A search that finds nothing for longer than any test waits.
    fn endless(order: u64) -> Work {
        let job = Job::for_block(7, &[1; 32], [2; 32], 3, Bits(0x0101_0000)).unwrap();
        Work { order: OrderId(order), block: BlockId(Hash([1; 32])), height: Height(7), job }
    }

    fn searcher() -> Searcher {
        let miner = Miner::new(&Portable, NonZeroUsize::MIN, Throttle::FULL, || {});
        let mailbox = crate::node::host::Mailbox::default();
        Searcher::start(Arc::new(miner), mailbox.inbox().clone()).unwrap()
    }

    /// Waits until the miner has tried more than before.
    fn goes_on(control: &SearchControl) {
        let before = control.miner().hashes();
        while control.miner().hashes() == before {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    #[test]
    fn a_running_search_goes_on_with_the_threads_and_the_pace_that_it_is_told() {
        let searcher = searcher();
        let control = searcher.control().clone();
        assert_eq!(control.height(), None);
        let two = NonZeroUsize::new(2).unwrap();
        control.set(Some(two), None);
        assert_eq!((control.height(), control.miner().threads()), (None, two));
        control.shared.replace(Some(endless(1)));
        goes_on(&control);
        assert_eq!(control.height(), Some(Height(7)));
        for threads in [NonZeroUsize::MIN, two, two] {
            control.set(Some(threads), Some("50%".parse().unwrap()));
            goes_on(&control);
            assert_eq!(control.miner().threads(), threads);
            assert_eq!(control.miner().throttle().to_string(), "50%");
            assert_eq!(control.height(), Some(Height(7)));
        }
        // Other extra nonces each time that the threads changed, and the same search otherwise.
        assert_eq!(control.shared.state().again, 2);
        let current = control.shared.state().current.clone().unwrap();
        assert_eq!(current.job.proof(5).extra_nonce, 2 << 32);
        searcher.stop();
        assert_eq!(control.height(), None);
    }
}
