//! Judging a share.

use std::collections::{BTreeSet, VecDeque};

use super::difficulty::tolerant;
use super::job::Job;
use super::line::Submission;
use crate::types::target::Target;
use crate::types::work::{WORK_VERSION, WorkProof};

/// Shares of a connection that are remembered, so that none counts twice; the oldest is forgotten. A miner sends some six a
/// minute, and a new block makes all before it stale.
pub(super) const SHARES_MAX: usize = 1024;

/// Why a share counts for nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ShareError {
    /// The connection has not subscribed.
    #[error("not subscribed: send mining.subscribe first")]
    NotSubscribed,
    /// The user was not authorized on this connection.
    #[error("unauthorized worker: send mining.authorize with this user name first")]
    Unauthorized,
    /// No such job, or too many came after it.
    #[error("job not found: it was never sent here, or too many came after it")]
    UnknownJob,
    /// Another block came first.
    #[error("stale share: another block came first")]
    Stale,
    /// The same share was sent before.
    #[error("duplicate share")]
    Duplicate,
    /// The hash is above the target.
    #[error("low difficulty share: it has {given:.6}, and {asked} is asked for")]
    LowDifficulty {
        /// The difficulty that its hash meets.
        given: f64,
        /// The one that it had to.
        asked: f64,
    },
    /// Version bits that were not negotiated.
    #[error("version bits {given:08x} are outside of the mask {mask:08x}")]
    VersionBits {
        /// Those sent.
        given: u32,
        /// Those allowed.
        mask: u32,
    },
    /// A time outside of the job's.
    #[error("ntime out of range: {given:08x} is not from {from:08x} to {to:08x}")]
    Time {
        /// The one sent.
        given: u32,
        /// The least.
        from: u32,
        /// The greatest.
        to: u32,
    },
}

impl ShareError {
    /// The number by which miners know it.
    pub fn code(&self) -> u32 {
        match self {
            Self::VersionBits { .. } | Self::Time { .. } => 20,
            Self::UnknownJob | Self::Stale => 21,
            Self::Duplicate => 22,
            Self::LowDifficulty { .. } => 23,
            Self::Unauthorized => 24,
            Self::NotSubscribed => 25,
        }
    }
}

/// A share that counts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Accepted {
    /// The difficulty that was asked for, which is what it counts for.
    pub(super) difficulty: f64,
    /// The difficulty that its hash meets.
    pub(super) met: f64,
    /// The proof, if it proves the block.
    pub(super) block: Option<WorkProof>,
}

/// What a share of one job is held to.
#[derive(Debug)]
pub(super) struct Terms {
    /// The difficulty that the miner was told.
    pub(super) difficulty: f64,
    /// Its target, and a little easier.
    target: Target,
}

impl Terms {
    pub(super) fn new(difficulty: f64) -> Self {
        Self { difficulty, target: tolerant(&super::share_target(difficulty)) }
    }
}

/// The fields of a share that its miner chose, with the number of its job.
type Key = (u64, u32, u32, u32, u32);

/// The shares of a connection that counted.
#[derive(Debug, Default)]
pub(super) struct Seen {
    known: BTreeSet<Key>,
    order: VecDeque<Key>,
}

impl Seen {
    fn note(&mut self, key: Key) {
        if self.order.len() >= SHARES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(key);
        self.known.insert(key);
    }

    /// Forgets all: the jobs they belong to are stale.
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.order.clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.known.len(), self.order.len());
        self.order.len()
    }
}

/// Judges a share of a job that is not stale; `mask` are the version bits that this miner may roll.
pub(super) fn judge(
    job: &Job,
    terms: &Terms,
    extra_nonce_1: u32,
    mask: u32,
    share: &Submission,
    seen: &mut Seen,
) -> Result<Accepted, ShareError> {
    if share.version_bits & !mask != 0 {
        return Err(ShareError::VersionBits { given: share.version_bits, mask });
    }
    let (from, to) = (job.template.time, job.template.time_max);
    if !(from..=to).contains(&share.time) {
        return Err(ShareError::Time { given: share.time, from, to });
    }
    let key = (job.number, share.extra_nonce_2, share.time, share.nonce, share.version_bits);
    if seen.known.contains(&key) {
        return Err(ShareError::Duplicate);
    }
    let proof = WorkProof {
        version: version(WORK_VERSION, mask, share.version_bits),
        extra_nonce: u64::from(extra_nonce_1) << 32 | u64::from(share.extra_nonce_2),
        time: share.time,
        nonce: share.nonce,
    };
    let hash = job.header(&proof).hash();
    let met = Target::from_le_hash(&hash);
    let proven = met <= job.target;
    // Where the block is easier than the share, which the floor for chips allows, a block is welcome all the same.
    if met > terms.target && !proven {
        let (given, asked) = (met.difficulty(), terms.difficulty);
        return Err(ShareError::LowDifficulty { given, asked });
    }
    seen.note(key);
    let block = proven.then_some(proof);
    Ok(Accepted { difficulty: terms.difficulty, met: met.difficulty(), block })
}

/// The version of a header whose miner rolled these bits (BIP 310).
pub(super) fn version(job: i32, mask: u32, bits: u32) -> i32 {
    ((job.cast_unsigned() & !mask) | (bits & mask)).cast_signed()
}
