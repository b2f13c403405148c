//! Rates of the hash that proofs of work and stake are made of. Names are operation/key=value.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use assay::consensus::pos::{Ages, Kernel, Stakes, hits, search};
use assay::miner::kernels;
use assay::miner::{Job, search_slice};
use assay::types::sha256::{compressed, hashed_again, midstate};
use assay::types::target::{Bits, Target};
use assay::types::work::{WORK_VERSION, WorkHeader, coinbase_parts};
use assay::types::{Amount, COIN, CoinId, GenesisId, Hash, Span, Time, sha256d};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sha2::{Digest, Sha256};

/// Tries in one call of a kernel.
const TRIES: u32 = 1 << 14;

/// A moment in whole seconds since the epoch, and the milliseconds of a day.
const SECOND: u64 = 1_700_000_000;
const DAY: u64 = 86_400_000;

/// Whose weight counts when, as in Peercoin.
const AGES: Ages = Ages { min_age: Span(30 * DAY), max_age: Span(90 * DAY) };

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
    let mut candidates = Vec::new();
    for kernel in kernels::available() {
        let prepared = kernel.prepare(&header(), &target);
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

/// A coin of 60 to 140 days and up to a hundred coins of money.
fn coin(number: u64) -> (CoinId, Amount, Time) {
    let id = sha256d(&number.to_le_bytes());
    let age = 60 * DAY + number.wrapping_mul(0x9e37_79b9) % (80 * DAY);
    (CoinId(Hash(id)), Amount(COIN * (1 + number % 100)), Time(SECOND * 1000 - age))
}

fn stake_per_try(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stake");
    // What no search with two compressions a try can beat, one after the other.
    group.throughput(Throughput::Elements(TRIES.into()));
    group.bench_function("limit=two-compressions", |bencher| {
        let (start, block) = (midstate(&[1; 64]), [2; 64]);
        let tries = |start| {
            (0..TRIES).fold(0, |sum, _| {
                sum ^ hashed_again(compressed(black_box(start), black_box(&block)))[7]
            })
        };
        bencher.iter(|| tries(black_box(start)));
    });
    let kernel = Kernel::new(&GenesisId::default(), &Hash([1; 32]));
    for coins in [1000u64, 100_000] {
        let mut stakes = Stakes::default();
        for (id, amount, created) in (0..coins).map(coin) {
            stakes.insert(id, amount, created);
        }
        // All of them together win once in five seconds or so: 50 coins for 55 days each.
        let expected = Target::max().value() / (5 * coins * 50 * 55);
        let target = Target::from_value(&expected).expect("it is below 2^256");
        group.throughput(Throughput::Elements(coins));
        group.bench_function(format!("search/coins={coins}"), |bencher| {
            bencher.iter(|| search(black_box(&kernel), &target, &AGES, &stakes, SECOND));
        });
    }
    group.finish();
}

fn stake_set(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stake_set");
    let coins: Vec<_> = (0..100_000).map(coin).collect();
    group.throughput(Throughput::Elements(coins.len() as u64)); // a length fits 64 bits
    group.bench_function("insert/coins=100000", |bencher| {
        bencher.iter(|| {
            let mut stakes = Stakes::default();
            coins.iter().for_each(|(id, amount, created)| stakes.insert(*id, *amount, *created));
            stakes
        });
    });
    group.finish();
}

fn stake_of_a_header(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stake_header");
    let (id, amount, created) = coin(1);
    let target = Bits(0x1d00_ffff).target().expect("Bitcoin's easiest target");
    group.bench_function("verify", |bencher| {
        bencher.iter(|| {
            let kernel = Kernel::new(black_box(&GenesisId::default()), &Hash([1; 32]));
            let hash = kernel.hash(created, &id, SECOND);
            hits(&hash, &target, amount, AGES.weighted(created, Time(SECOND * 1000)))
        });
    });
    group.finish();
}

criterion_group!(
    benches,
    sha256d_of_a_header,
    kernels_per_nonce,
    slices,
    stake_per_try,
    stake_set,
    stake_of_a_header
);
criterion_main!(benches);
