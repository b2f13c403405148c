//! Rates of the hash that a proof of work is made of. Names are operation/key=value.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use assay::miner::kernels::{self, Prepared};
use assay::miner::{Job, search_slice};
use assay::types::sha256d;
use assay::types::target::Bits;
use assay::types::work::{WORK_VERSION, WorkHeader, coinbase_parts};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sha2::{Digest, Sha256};

/// Tries in one call of a kernel.
const TRIES: u32 = 1 << 14;

fn header() -> WorkHeader {
    WorkHeader {
        version: WORK_VERSION,
        previous: [1; 32],
        merkle_root: [2; 32],
        time: 1_700_000_000,
        bits: Bits(0x1d00_ffff),
        nonce: 0,
    }
}

fn sha256d_of_a_header(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sha256d");
    group.throughput(Throughput::Elements(1));
    let bytes = header().encode();
    group.bench_function("input=whole", |bencher| {
        bencher.iter(|| sha256d(black_box(&bytes)));
    });
    let mut midstate = Sha256::new();
    midstate.update(&bytes[..64]);
    group.bench_function("input=midstate", |bencher| {
        bencher.iter(|| {
            let mut hasher = midstate.clone();
            hasher.update(black_box(&bytes[64..]));
            Sha256::digest(hasher.finalize())
        });
    });
    group.finish();
}

fn kernels_per_nonce(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("nonce");
    group.throughput(Throughput::Elements(TRIES.into()));
    // No nonce meets a top word of zero by much chance: 2^14 of 2^32.
    let target = Bits(0x0101_0000).target().expect("the target 1");
    let prepared = Prepared::new(&header(), &target);
    let mut candidates = Vec::new();
    for kernel in kernels::ALL {
        group.bench_function(format!("kernel={}", kernel.name()), |bencher| {
            bencher.iter(|| {
                candidates.clear();
                kernel.scan(black_box(&prepared), 0, TRIES, &mut candidates)
            });
        });
    }
    group.finish();
}

fn slices(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("search_slice");
    group.throughput(Throughput::Elements(TRIES.into()));
    let coinbase = coinbase_parts(1, &[3; 32]);
    let job = Job::new(WORK_VERSION, [1; 32], coinbase, 1_700_000_000, Bits(0x0101_0000))
        .expect("the target 1");
    group.bench_function(format!("tries={TRIES}"), |bencher| {
        bencher.iter(|| search_slice(black_box(&job), 0, TRIES.into()));
    });
    group.finish();
}

criterion_group!(benches, sha256d_of_a_header, kernels_per_nonce, slices);
criterion_main!(benches);
