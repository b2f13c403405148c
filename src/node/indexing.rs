//! Making the index of histories, where it is wanted, before the node answers.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::NodeError;
use super::store::RocksStore;
use crate::api::Exit;
use crate::spec::FrozenSpec;
use crate::store::{Index, Progress, Store, StoreError, StoredChain};

/// How often it says how far it is.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Turns the index on or off and, where it lags behind the final blocks, makes what is missing. Each step is durable
/// before the next, so that an end in between costs nothing. Says how the process ends if a signal came first.
///
/// # Errors
///
/// The store fails, or does not hold what an index is made of.
pub(super) async fn settle(
    wanted: bool,
    spec: &FrozenSpec,
    store: &Arc<RocksStore>,
    signal: impl Future<Output = Exit>,
) -> Result<Option<Exit>, NodeError> {
    let chain = spec.genesis_id();
    let state = || spec.genesis_state();
    let stored = StoredChain::open(store.clone(), chain, &spec.genesis_block(), state)?;
    let index = Index::of(store.clone());
    index.turn(wanted)?;
    if !wanted {
        return Ok(None);
    }
    let final_height = stored.mark()?.height;
    let stopped = Arc::new(AtomicBool::new(false));
    let (stop, store) = (stopped.clone(), store.clone());
    let work = move || -> Result<(), StoreError> {
        let mut pace = Pace::begin();
        while !stop.load(Ordering::Relaxed) {
            let progress = index.catch_up(&chain, final_height)?;
            store.sync()?;
            if progress.is_done() {
                return Ok(());
            }
            pace.tell(progress);
        }
        Ok(())
    };
    let mut work = tokio::task::spawn_blocking(work);
    let (done, ended) = tokio::select! {
        done = &mut work => (done, None),
        exit = signal => {
            stopped.store(true, Ordering::Relaxed);
            (work.await, Some(exit))
        }
    };
    match done {
        Ok(done) => done?,
        Err(_) => return Err(NodeError::Stopped("making the index panicked".into())),
    }
    Ok(ended)
}

/// Says from time to time how far it is.
struct Pace {
    started: Instant,
    told: Instant,
    /// The height at the beginning.
    first: Option<u64>,
}

impl Pace {
    fn begin() -> Self {
        let now = Instant::now();
        Self { started: now, told: now, first: None }
    }

    fn tell(&mut self, progress: Progress) {
        let (next, last) = (progress.next.0, progress.final_height.0);
        let first = *self.first.get_or_insert(next);
        if self.told.elapsed() < TELL_EVERY {
            return;
        }
        self.told = Instant::now();
        // A rate needs no more than a double holds.
        let rate = (next - first) as f64 / self.started.elapsed().as_secs_f64();
        let left = (last + 1 - next) as f64 / rate.max(1.0);
        tracing::info!(
            height = next,
            final_height = last,
            blocks_per_second = rate.round(),
            seconds_left = left.round(),
            "making the index of histories"
        );
    }
}
