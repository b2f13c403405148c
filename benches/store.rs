//! The store on disk: how long a synced batch takes, and how fast values are read back.

#![cfg(feature = "node")]

use std::hint::black_box;

use assay::node::store::RocksStore;
use assay::store::{Batch, Store, Table};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn batch(round: u64, entries: u64) -> Batch {
    let mut batch = Batch::default();
    for n in 0..entries {
        let key = blake3::hash(&(round * entries + n).to_le_bytes());
        batch.put(Table::State, *key.as_bytes(), vec![7; 46]);
    }
    batch
}

fn synced(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory for the database");
    let store = RocksStore::open(directory.path()).expect("the database opens");
    let mut group = criterion.benchmark_group("synced_batch");
    for entries in [1, 100, 2000] {
        group.throughput(Throughput::Elements(entries));
        let mut round = 0;
        group.bench_function(BenchmarkId::from_parameter(format!("entries={entries}")), |b| {
            b.iter(|| {
                round += 1;
                store.stage(batch(round, entries)).expect("it is written");
                store.sync().expect("it is synced");
            });
        });
    }
    group.finish();
}

fn reads(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory for the database");
    let store = RocksStore::open(directory.path()).expect("the database opens");
    const ENTRIES: u64 = 200_000;
    for round in 0..200 {
        store.stage(batch(round, ENTRIES / 200)).expect("it is written");
    }
    store.sync().expect("it is synced");
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(1));
    for (name, offset) in [("there", 0), ("missing", ENTRIES)] {
        let mut n = 0;
        group.bench_function(BenchmarkId::from_parameter(format!("entries=200000/{name}")), |b| {
            b.iter(|| {
                n = (n + 7919) % ENTRIES;
                let key = blake3::hash(&(n + offset).to_le_bytes());
                store.get(Table::State, black_box(key.as_bytes())).expect("it is read")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, synced, reads);
criterion_main!(benches);
