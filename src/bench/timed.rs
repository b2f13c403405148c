//! A store that knows how long it was busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::store::{Batch, Entry, Store, StoreError, Table};

/// A store that adds up the time its callers spent in it.
#[derive(Debug)]
pub(super) struct Timed<S> {
    store: S,
    clocks: Arc<Clocks>,
}

/// Where the time went, in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    read: AtomicU64,
    write: AtomicU64,
    sync: AtomicU64,
}

impl Clocks {
    /// Reading, staging and syncing since the last call.
    pub(super) fn take(&self) -> [Duration; 3] {
        [&self.read, &self.write, &self.sync]
            .map(|clock| Duration::from_nanos(clock.swap(0, Ordering::Relaxed)))
    }
}

impl<S> Timed<S> {
    pub(super) fn new(store: S) -> (Self, Arc<Clocks>) {
        let clocks = Arc::new(Clocks::default());
        (Self { store, clocks: clocks.clone() }, clocks)
    }
}

/// Does the work and puts the time that it took on a clock.
fn timed<T>(clock: &AtomicU64, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let outcome = work();
    let elapsed = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    clock.fetch_add(elapsed, Ordering::Relaxed);
    outcome
}

impl<S: Store> Store for Timed<S> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        timed(&self.clocks.read, || self.store.get(table, key))
    }

    fn get_all(&self, table: Table, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        timed(&self.clocks.read, || self.store.get_all(table, keys))
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        timed(&self.clocks.read, || self.store.scan(table, prefix, after, limit))
    }

    fn stage(&self, batch: Batch) -> Result<(), StoreError> {
        timed(&self.clocks.write, || self.store.stage(batch))
    }

    fn sync(&self) -> Result<(), StoreError> {
        timed(&self.clocks.sync, || self.store.sync())
    }
}
