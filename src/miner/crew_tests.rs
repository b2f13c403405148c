use std::num::{NonZeroU32, NonZeroU64};
use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::miner::kernels::{self, Portable, Prepared};
use crate::miner::{ExtraNonces, search_slice};
use crate::types::target::Bits;
use crate::types::work::{VERSION_ROLLING_MASK, WORK_VERSION};

const ID: [u8; 32] = [7; 32];
const PARENT: [u8; 32] = [9; 32];

fn job(bits: u32) -> Job {
    Job::for_block(300, &ID, PARENT, 1_700_000_000, Bits(bits)).unwrap()
}

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

fn miner(kernel: &'static dyn Kernel, count: usize) -> Miner {
    Miner::new(kernel, threads(count), Throttle::FULL, || ())
}

fn running() -> AtomicBool {
    AtomicBool::new(false)
}

#[test]
fn many_threads_find_a_proof_that_holds() {
    let bits = Bits(0x1f03_ffff); // one in 2^14
    for count in [1, 2, 3] {
        let miner = miner(&Portable, count);
        let outcome = miner.search(&job(bits.0), &running()).unwrap();
        let Outcome::Found(proof) = outcome else { panic!("{outcome:?}") };
        assert_eq!(proof.header(300, &ID, PARENT, bits).is_proven(), Ok(true));
        assert!(miner.hashes() > 0);
    }
}

#[test]
fn every_kernel_finds_proofs_that_the_chain_accepts() {
    let bits = Bits(0x1f0f_ffff); // one in 2^12
    for kernel in kernels::available() {
        let miner = miner(kernel, 2);
        for _ in 0..3 {
            let outcome = miner.search(&job(bits.0), &running()).unwrap();
            let Outcome::Found(proof) = outcome else { panic!("{outcome:?}") };
            assert_eq!(proof.header(300, &ID, PARENT, bits).is_proven(), Ok(true));
            let changed = (proof.version ^ WORK_VERSION).cast_unsigned();
            assert_eq!(changed & !VERSION_ROLLING_MASK, 0, "{}", kernel.name());
        }
    }
}

#[test]
fn one_thread_finds_what_a_slice_finds() {
    let job = job(0x1f03_ffff);
    let (expected, used) = search_slice(&job, 0, u64::MAX).unwrap();
    let miner = miner(&Portable, 1);
    assert_eq!(miner.search(&job, &running()), Ok(Outcome::Found(expected)));
    assert_eq!(miner.hashes(), used, "the meter counts tries");
}

#[test]
fn a_throttled_search_finds_too() {
    let miner = Miner::new(&Portable, threads(2), "50%".parse().unwrap(), || ());
    assert!(matches!(miner.search(&job(0x1f00_ffff), &running()), Ok(Outcome::Found(_))));
    miner.set_throttle(Throttle::FULL);
    assert_eq!(miner.throttle(), Throttle::FULL);
    assert!(matches!(miner.search(&job(0x1f00_ffff), &running()), Ok(Outcome::Found(_))));
}

/// Finds nothing, records where it looked, and sets a flag after so many scans.
#[derive(Default)]
struct Recorder {
    scans: Mutex<Vec<(Prepared, u32, u32)>>,
    limit: usize,
    stop: AtomicBool,
    after_stop: AtomicUsize,
}

impl Recorder {
    fn stopping_after(limit: usize) -> &'static Self {
        Box::leak(Box::new(Self { limit, ..Self::default() }))
    }
}

impl Kernel for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn scan(&self, work: &Prepared, first: u32, count: u32, _: &mut Vec<u32>) -> u32 {
        if self.stop.load(Ordering::SeqCst) {
            self.after_stop.fetch_add(1, Ordering::SeqCst);
        }
        let mut scans = self.scans.lock().unwrap();
        scans.push((work.clone(), first, count));
        if scans.len() >= self.limit {
            self.stop.store(true, Ordering::SeqCst);
        }
        count
    }
}

#[test]
fn a_stopped_search_hashes_at_most_one_more_batch_per_thread() {
    for throttle in ["100%", "20%"] {
        let recorder = Recorder::stopping_after(50);
        let miner = Miner::new(recorder, threads(3), throttle.parse().unwrap(), || ());
        assert_eq!(miner.search(&job(0x1d00_ffff), &recorder.stop), Ok(Outcome::Stopped));
        let after = recorder.after_stop.load(Ordering::SeqCst);
        assert!(after <= 3, "{after} batches after the flag was set");
        // The flag is still set: nothing happens at all.
        let before = miner.hashes();
        assert_eq!(miner.search(&job(0x1d00_ffff), &recorder.stop), Ok(Outcome::Stopped));
        assert_eq!(miner.hashes(), before);
    }
}

#[test]
fn threads_share_the_tries_without_gap_or_overlap() {
    let recorder = Recorder::stopping_after(3000);
    let miner = miner(recorder, 4);
    let job = job(0x1d00_ffff);
    assert_eq!(miner.search(&job, &recorder.stop), Ok(Outcome::Stopped));
    let mut scans = recorder.scans.lock().unwrap().clone();
    scans.sort_by_key(|(_, first, _)| *first);
    let work = Prepared::new(&job.header(&job.proof(0)), job.target(), 0);
    let mut next = 0;
    for (scanned, first, count) in scans {
        assert_eq!(first, next, "a gap or an overlap");
        assert_eq!(scanned, work, "3000 batches stay within the first extra nonce");
        next = first + count;
    }
    assert_eq!(miner.hashes(), u64::from(next));
}

#[test]
fn batches_never_cross_an_extra_nonce_and_end_with_the_job() {
    let tries = Tries { next: AtomicU64::new((1 << 32) - 2 * BATCH), end: (1 << 32) + BATCH };
    let batches: Vec<_> = std::iter::from_fn(|| tries.take()).collect();
    assert_eq!(batches.len(), 3);
    assert!(batches.iter().all(|batch| batch.start >> 32 == (batch.end - 1) >> 32));
    assert!(tries.take().is_none() && !tries.are_left());

    let end = u64::from(u32::MAX) << 32;
    let tries = Tries { next: AtomicU64::new(end - 1), end };
    assert_eq!(tries.take(), Some(end - 1..end));
    assert_eq!(tries.take(), None);
}

/// Finds nothing, at no cost.
struct Nothing;

impl Kernel for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn scan(&self, _: &Prepared, _: u32, count: u32, _: &mut Vec<u32>) -> u32 {
        count
    }
}

#[test]
fn a_job_without_a_proof_is_exhausted() {
    let extra_nonces = ExtraNonces { first: 0, stride: NonZeroU64::MIN, count: NonZeroU32::MIN };
    let miner = miner(&Nothing, 2);
    let job = job(0x1d00_ffff).with_extra_nonces(extra_nonces);
    assert_eq!(miner.search(&job, &running()), Ok(Outcome::Exhausted));
    assert_eq!(miner.hashes(), 1 << 32);
}

#[test]
fn there_are_no_threads_before_the_first_job_and_each_runs_the_hook_first() {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let hook = || {
        STARTED.fetch_add(1, Ordering::SeqCst);
    };
    let miner = Miner::new(&Portable, threads(2), Throttle::FULL, hook);
    assert_eq!(STARTED.load(Ordering::SeqCst), 0);
    let job = job(0x2000_ffff);
    miner.search(&job, &running()).unwrap();
    miner.search(&job, &running()).unwrap();
    assert_eq!(STARTED.load(Ordering::SeqCst), 2, "the threads stay");
    miner.set_threads(threads(3));
    assert_eq!(miner.threads(), threads(3));
    assert_eq!(STARTED.load(Ordering::SeqCst), 2);
    miner.search(&job, &running()).unwrap();
    assert_eq!(STARTED.load(Ordering::SeqCst), 5);
}

#[test]
fn the_hook_runs_on_the_thread_that_hashes() {
    static HOOKED: OnceLock<String> = OnceLock::new();
    let hook = || {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        HOOKED.get_or_init(|| name);
    };
    let miner = Miner::new(&Portable, threads(1), Throttle::FULL, hook);
    miner.search(&job(0x2000_ffff), &running()).unwrap();
    assert_eq!(HOOKED.get().map(String::as_str), Some("miner-0"));
}

#[test]
fn too_many_threads_are_refused_and_fewer_then_work() {
    let miner = miner(&Portable, THREADS_MAX + 1);
    let error = miner.search(&job(0x2000_ffff), &running()).unwrap_err();
    assert!(error.to_string().contains("1025 threads"), "{error}");
    miner.set_threads(threads(1));
    assert!(matches!(miner.search(&job(0x2000_ffff), &running()), Ok(Outcome::Found(_))));
}
