//! The nonce search beside the loop: one thread that always works on the latest order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::host::Inbox;
use crate::consensus::{OrderId, SearchOrder};
use crate::miner::{Job, Miner, Outcome};
use crate::replica::Input;
use crate::types::work::WORK_VERSION;
use crate::types::{BlockId, Claim, Seal};

/// The searcher: a miner and the thread that runs it.
#[derive(Debug)]
pub(super) struct Searcher {
    shared: Arc<Shared>,
    miner: Arc<Miner>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    next: Option<(OrderId, BlockId, Job)>,
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
        Ok(Self { shared, miner })
    }

    /// Searches for this order instead of whatever is being searched for.
    pub(super) fn search(&self, order: &SearchOrder) {
        let header = &order.header;
        // Only an order of work is searched for.
        let Claim::Work { bits } = header.claim else { return };
        let (id, parent) = (*order.block.as_bytes(), *header.parent.as_bytes());
        let job = Job::for_block(header.height.0, &id, parent, header.time.seconds(), bits);
        match job {
            Ok(job) => self.replace(Some((order.order, order.block, job))),
            Err(error) => tracing::error!(%bits, "no search for these bits: {error}"),
        }
    }

    /// Stops searching.
    pub(super) fn stop(&self) {
        self.replace(None);
    }

    /// The miner, for its counters and controls.
    pub(super) fn miner(&self) -> &Arc<Miner> {
        &self.miner
    }

    fn replace(&self, next: Option<(OrderId, BlockId, Job)>) {
        let mut state = self.shared.state();
        state.stop.store(true, Ordering::Relaxed);
        state.stop = Arc::default();
        state.next = next;
        drop(state);
        self.shared.changed.notify_one();
    }
}

impl Drop for Searcher {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.replace(None);
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
        let Some((order, block, job)) = state.next.take() else { continue };
        let stop = state.stop.clone();
        drop(state);
        match miner.search(&job, &stop) {
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
