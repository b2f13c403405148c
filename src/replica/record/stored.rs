//! What a store holds when a life begins.

use std::io::Write;

use super::{Entry, RecordError, RecordWriter, Stored};
use crate::replica::Input;
use crate::store::{Store, StoreError, Table, is_index};
use crate::types::encode;

/// Bytes of a store's keys and values that a recording carries at most: a replay holds them in memory.
pub const STORE_BYTES_MAX: u64 = if cfg!(test) { 4 << 20 } else { 1 << 30 };

/// Bytes after which a piece ends.
const PIECE_BYTES: usize = 256 << 10;

/// Entries read at once: blocks are among them, of a few megabytes each.
const PAGE: usize = 32;

/// Goes through everything in a store but the index of histories.
fn each<E: From<StoreError>>(
    store: &impl Store,
    mut see: impl FnMut(Stored) -> Result<(), E>,
) -> Result<(), E> {
    for (place, table) in (0..).zip(Table::ALL) {
        let mut after = Vec::new();
        loop {
            let page = store.scan(table, &[], &after, PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            for (key, value) in page {
                if !is_index(table, &key) {
                    see(Stored { table: place, key, value })?;
                }
            }
        }
    }
    Ok(())
}

/// Writes what a store holds; says how many entries that are.
///
/// # Errors
///
/// It cannot be read or written, or is larger than `STORE_BYTES_MAX`.
pub fn write_store<W: Write>(
    store: &impl Store,
    writer: &mut RecordWriter<W>,
) -> Result<u64, RecordError> {
    let (mut piece, mut bytes, mut all, mut entries) = (Vec::new(), 0, 0, 0);
    each(store, |stored| {
        let length = stored.key.len() + stored.value.len();
        bytes += length;
        all += length as u64;
        entries += 1;
        piece.push(stored);
        if all > STORE_BYTES_MAX {
            return Err(RecordError::TooLarge { max: STORE_BYTES_MAX });
        }
        if bytes >= PIECE_BYTES {
            bytes = 0;
            writer.put(&encode(&Entry::<Input>::Stored(std::mem::take(&mut piece))))?;
        }
        Ok(())
    })?;
    if !piece.is_empty() {
        writer.put(&encode(&Entry::<Input>::Stored(piece)))?;
    }
    Ok(entries)
}

/// How many entries of two stores are not the same, the index of histories left out.
pub fn differing(one: &impl Store, other: &impl Store) -> Result<u64, StoreError> {
    let table = |stored: &Stored| Table::ALL[usize::from(stored.table)];
    let mut differ = 0;
    each(one, |stored| {
        let there = other.get(table(&stored), &stored.key)?;
        differ += u64::from(there != Some(stored.value));
        Ok::<(), StoreError>(())
    })?;
    // What both have was counted already.
    each(other, |stored| {
        let here = one.get(table(&stored), &stored.key)?;
        differ += u64::from(here.is_none());
        Ok::<(), StoreError>(())
    })?;
    Ok(differ)
}
