//! A store in memory, for tests and simulations: a crash forgets what was not synced.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Batch, Entry, Store, StoreError, Table};

type Tables = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// Tables in memory.
#[derive(Debug, Default)]
pub struct MemStore(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tables: Tables,
    /// Staged since the last sync, in order.
    staged: Vec<Batch>,
    durable: Tables,
}

fn apply(tables: &mut Tables, batch: &Batch) {
    for (table, key, value) in &batch.writes {
        match value {
            Some(value) => tables.insert((*table, key.clone()), value.clone()),
            None => tables.remove(&(*table, key.clone())),
        };
    }
}

impl MemStore {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds the lock, so what is inside is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store as a crash leaves it: synced batches, and the first `survivors` of the staged ones.
    pub fn crashed(&self, survivors: usize) -> Self {
        let inner = self.inner();
        let mut tables = inner.durable.clone();
        inner.staged.iter().take(survivors).for_each(|batch| apply(&mut tables, batch));
        Self(Mutex::new(Inner { durable: tables.clone(), tables, staged: Vec::new() }))
    }

    /// Batches that are not durable yet.
    pub fn staged(&self) -> usize {
        self.inner().staged.len()
    }
}

impl Store for MemStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.inner().tables.get(&(table, key.to_vec())).cloned())
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let inner = self.inner();
        let start = match after.is_empty() || after < prefix {
            true => Bound::Included((table, prefix.to_vec())),
            false => Bound::Excluded((table, after.to_vec())),
        };
        let found = inner.tables.range((start, Bound::Unbounded));
        let found = found.take_while(|((at, key), _)| *at == table && key.starts_with(prefix));
        Ok(found.take(limit).map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }

    fn stage(&self, batch: Batch) -> Result<(), StoreError> {
        let mut inner = self.inner();
        apply(&mut inner.tables, &batch);
        inner.staged.push(batch);
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        let mut inner = self.inner();
        let staged = std::mem::take(&mut inner.staged);
        staged.iter().for_each(|batch| apply(&mut inner.durable, batch));
        Ok(())
    }
}
