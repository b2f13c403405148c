use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Mutex;

use super::*;
use crate::miner::ExtraNonces;
use crate::types::target::Bits;
use crate::types::work::{VERSION_ROLLING_MASK, WORK_VERSION, coinbase_parts};

const ID: [u8; 32] = [7; 32];
const PARENT: [u8; 32] = [9; 32];

fn job(bits: u32) -> Job {
    Job::for_block(300, &ID, PARENT, 1_700_000_000, Bits(bits)).unwrap()
}

/// The numbers of all proofs in a range, by hashing every header whole.
fn by_hand(job: &Job, numbers: Range<u64>) -> Vec<u64> {
    numbers.filter(|number| job.header(&job.proof(*number)).is_proven().unwrap()).collect()
}

#[test]
fn a_slice_finds_the_first_proof_and_counts_its_tries() {
    let job = job(0x2000_ffff); // one in 257
    let proofs = by_hand(&job, 0..3000);
    assert!(proofs.len() > 4);
    let mut from = 0;
    for number in proofs {
        let (proof, used) = search_slice(&job, from, 3000).unwrap();
        assert_eq!((proof, from + used), (job.proof(number), number + 1));
        // One try fewer and it is not there.
        assert_eq!(search_slice(&job, from, used - 1), None);
        let header = proof.header(300, &ID, PARENT, Bits(0x2000_ffff));
        assert_eq!(header, job.header(&proof));
        assert_eq!(header.is_proven(), Ok(true));
        from += used;
    }
}

#[test]
fn a_slice_goes_on_with_the_next_extra_nonce() {
    let extra_nonces = ExtraNonces {
        first: u64::MAX - 1,
        stride: NonZeroU64::new(3).unwrap(),
        count: NonZeroU32::new(2).unwrap(),
    };
    let job = job(0x2000_ffff).with_extra_nonces(extra_nonces);
    let border = 1 << 32;
    assert_eq!(job.proof(border - 1).extra_nonce, u64::MAX - 1);
    assert_eq!(job.proof(border - 1).nonce, u32::MAX);
    assert_eq!(job.proof(border).extra_nonce, 1, "firsts and strides wrap");
    assert_eq!(job.proof(border).nonce, 0);

    let proofs = by_hand(&job, border - 2000..border + 2000);
    assert!(proofs.iter().any(|number| *number < border));
    assert!(proofs.iter().any(|number| *number >= border));
    let mut from = border - 2000;
    for number in proofs {
        let (proof, used) = search_slice(&job, from, 4000).unwrap();
        assert_eq!((proof, from + used), (job.proof(number), number + 1));
        from += used;
    }

    assert_eq!(job.tries(), 2 * border);
    let last = by_hand(&job, job.tries() - 1000..job.tries()).into_iter().next_back().unwrap();
    assert_eq!(search_slice(&job, last + 1, u64::MAX), None, "the job ends");
    assert_eq!(search_slice(&job, u64::MAX, u64::MAX), None);
}

#[test]
fn bits_without_a_target_make_no_job() {
    for bits in [0, 0x0400_0000, 0x0492_3456, 0xff12_3456] {
        assert!(Job::new(1, PARENT, coinbase_parts(1, &ID), 0, Bits(bits)).is_err());
    }
}

/// Records what it is asked and finds nothing.
struct Recorder(Mutex<Vec<(Prepared, u32, u32)>>);

impl Kernel for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn scan(&self, work: &Prepared, first: u32, count: u32, _: &mut Vec<u32>) -> u32 {
        self.0.lock().unwrap().push((work.clone(), first, count));
        count
    }
}

#[test]
fn a_long_walk_covers_every_nonce_of_every_extra_nonce_once() {
    let job = job(0x1d00_ffff);
    let recorder = Recorder(Mutex::default());
    let range = (1 << 32) - 10..(3 << 32) + 5;
    let (proof, tried) = Scanner::new(&job, &recorder).scan(range.clone());
    assert_eq!((proof, tried), (None, range.end - range.start));
    let mut next = range.start;
    for (work, first, count) in recorder.0.into_inner().unwrap() {
        assert_eq!(first, next as u32);
        assert!(u64::from(first) + u64::from(count) <= 1 << 32);
        assert_eq!(work, Prepared::new(&job.header(&job.proof(next)), job.target(), 0));
        next += u64::from(count);
    }
    assert_eq!(next, range.end);
}

/// Calls every nonce a candidate, in groups of seven.
struct Liar;

impl Kernel for Liar {
    fn name(&self) -> &'static str {
        "liar"
    }

    fn scan(&self, _: &Prepared, first: u32, count: u32, candidates: &mut Vec<u32>) -> u32 {
        let tried = count.min(7);
        candidates.extend(first..first + tried);
        tried
    }
}

#[test]
fn candidates_are_judged_anew_and_the_group_size_does_not_show() {
    let job = job(0x2000_ffff);
    let all = 0..1000;
    assert!(!by_hand(&job, all.clone()).is_empty());
    let portable = Scanner::new(&job, &Portable).scan(all.clone());
    assert_eq!(Scanner::new(&job, &Liar).scan(all), portable);
}

/// Rolls three bits of the version, one try after the other.
struct Rolling;

impl Kernel for Rolling {
    fn name(&self) -> &'static str {
        "rolling"
    }

    fn version_bits(&self) -> u32 {
        3
    }

    fn scan(&self, work: &Prepared, first: u32, count: u32, candidates: &mut Vec<u32>) -> u32 {
        assert_eq!(work.midstates.len(), 8);
        let count = count.min(100);
        candidates.extend((0..count).map(|index| first + index));
        count
    }
}

#[test]
fn proofs_under_rolled_versions_are_those_of_their_headers() {
    let bits = Bits(0x2000_ffff);
    let job = job(bits.0);
    // Over the border between two extra nonces.
    let mut next = (1 << 32) - 5000;
    let mut versions = std::collections::BTreeSet::new();
    while next < (1 << 32) + 5000 {
        let (proof, used) = Scanner::new(&job, &Rolling).scan(next..u64::MAX);
        let (proof, number) = (proof.unwrap(), next + used - 1);
        assert_eq!(proof, job.rolled_proof(number, 3));
        assert_eq!(proof.extra_nonce, number >> 32);
        assert_eq!(proof.nonce, (number as u32) >> 3);
        assert_eq!(proof.header(300, &ID, PARENT, bits).is_proven(), Ok(true));
        let rolled = (proof.version ^ WORK_VERSION).cast_unsigned();
        assert_eq!(rolled & !VERSION_ROLLING_MASK, 0);
        versions.insert(rolled);
        next += used;
    }
    assert_eq!(versions.len(), 8, "{versions:x?}");
}
