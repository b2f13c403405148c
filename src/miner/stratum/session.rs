//! What is known of one connection.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::job::{Job, notification};
use super::line::Submission;
use super::server::JOBS_MAX;
use super::share::{Accepted, Seen, ShareError, Terms, judge};
use super::vardiff::{Vardiff, difficulty};
use crate::types::work::VERSION_ROLLING_MASK;
use crate::types::{Address, Time};

/// Bytes of the extra nonce that a miner fills.
const EXTRA_NONCE_2_BYTES: u32 = 4;

/// The least difficulty of whoever rolls versions: 2^0.
const FLOOR_ROLLING: i32 = 0;

/// A connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) address: IpAddr,
    pub(super) since: Time,
    extra_nonce_1: u32,
    pub(super) agent: String,
    pub(super) subscribed: bool,
    /// Whom its blocks pay, once a user is authorized.
    pub(super) payout: Option<Address>,
    /// The users that it authorized, as they were written, each with the name of its worker.
    pub(super) users: Vec<(String, String)>,
    /// Lines that made no sense.
    pub(super) strikes: u32,
    /// The version bits that it may roll.
    mask: u32,
    /// Whether it negotiated version rolling, as chips do.
    rolling: bool,
    /// The difficulty that it asked for last.
    wish: Option<f64>,
    vardiff: Vardiff,
    /// The exponent of the difficulty that it was told last.
    told: Option<i32>,
    /// What it works on, the latest last.
    jobs: VecDeque<(Arc<Job>, Terms)>,
    seen: Seen,
}

impl Session {
    pub(super) fn new(now: Time, address: IpAddr, extra_nonce_1: u32) -> Self {
        Self {
            address,
            since: now,
            extra_nonce_1,
            agent: String::new(),
            subscribed: false,
            payout: None,
            users: Vec::new(),
            strikes: 0,
            mask: 0,
            rolling: false,
            wish: None,
            vardiff: Vardiff::new(now),
            told: None,
            jobs: VecDeque::new(),
            seen: Seen::default(),
        }
    }

    /// What is answered to extensions: whether they are known, and on what terms.
    pub(super) fn configure(
        &mut self,
        now: Time,
        extensions: &[String],
        mask: Option<u32>,
        minimum: Option<f64>,
    ) -> Value {
        let mut answer = serde_json::Map::new();
        for extension in extensions {
            let known = match extension.as_str() {
                "version-rolling" => {
                    self.mask = mask.unwrap_or(u32::MAX) & VERSION_ROLLING_MASK;
                    if self.told.is_none() && self.wish.is_none() {
                        self.vardiff.begin_rolling();
                    }
                    self.rolling = true;
                    let mask = format!("{:08x}", self.mask);
                    answer.insert("version-rolling.mask".into(), mask.into());
                    true
                }
                "minimum-difficulty" => match minimum {
                    Some(minimum) if minimum > 0.0 => {
                        self.suggest(now, minimum);
                        true
                    }
                    _ => false,
                },
                // Extra nonces never change, and there is nothing to do about a description.
                "subscribe-extranonce" | "info" => true,
                _ => false,
            };
            answer.insert(extension.clone(), known.into());
        }
        Value::Object(answer)
    }

    /// Takes a wish for a difficulty; it is in force from the next job on.
    pub(super) fn suggest(&mut self, now: Time, difficulty: f64) {
        self.vardiff.begin_at(now, difficulty);
        self.wish = Some(difficulty);
    }

    /// The answer to `mining.subscribe`.
    pub(super) fn subscribe(&mut self, agent: String) -> Value {
        self.subscribed = true;
        if !agent.is_empty() {
            self.agent = agent;
        }
        let extra_nonce_1 = format!("{:08x}", self.extra_nonce_1);
        let subscription = |method: &str| json!([method, extra_nonce_1]);
        json!([
            [subscription("mining.set_difficulty"), subscription("mining.notify")],
            extra_nonce_1,
            EXTRA_NONCE_2_BYTES,
        ])
    }

    /// Whether there is any use in a job.
    pub(super) fn wants_jobs(&self) -> bool {
        self.subscribed && self.payout.is_some()
    }

    /// Whether it was told this job.
    pub(super) fn has(&self, job: u64) -> bool {
        self.jobs.iter().any(|(known, _)| known.number == job)
    }

    /// Takes a job up: what the miner is told, a new difficulty before it if there is one. Gives the difficulty too.
    pub(super) fn offer(&mut self, now: Time, job: &Arc<Job>) -> (Vec<String>, f64) {
        let parent = |(job, _): &(Arc<Job>, Terms)| job.template.parent;
        let clean = self.jobs.back().map(parent) != Some(job.template.parent);
        if clean {
            self.seen.clear();
        }
        // Whoever asks for a fraction can read one.
        let whole = self.rolling && self.wish.is_none_or(|wish| wish >= 1.0);
        let floor = whole.then_some(FLOOR_ROLLING);
        let exponent = self.vardiff.exponent(now, job.difficulty, floor);
        let difficulty = difficulty(exponent);
        let mut told = Vec::with_capacity(2);
        if self.told.replace(exponent) != Some(exponent) {
            told.push(notification("mining.set_difficulty", &json!([number(exponent)])));
        }
        told.push(job.line(clean).to_owned());
        if self.jobs.len() >= JOBS_MAX {
            self.jobs.pop_front();
        }
        self.jobs.push_back((job.clone(), Terms::new(difficulty)));
        (told, difficulty)
    }

    /// The name of the worker that sends as this user.
    pub(super) fn worker(&self, user: &str) -> Option<&str> {
        let found = self.users.iter().find(|(known, _)| known == user);
        found.map(|(_, name)| name.as_str())
    }

    /// Judges a share; `head` is the block on which jobs have to stand. Gives the job with it.
    pub(super) fn judge(
        &mut self,
        share: &Submission,
        head: Option<[u8; 32]>,
    ) -> Result<(Arc<Job>, Accepted), ShareError> {
        if !self.subscribed {
            return Err(ShareError::NotSubscribed);
        }
        if self.worker(&share.user).is_none() {
            return Err(ShareError::Unauthorized);
        }
        let found = self.jobs.iter().find(|(job, _)| job.number == share.job);
        let (job, terms) = found.ok_or(ShareError::UnknownJob)?;
        if Some(job.template.parent) != head {
            return Err(ShareError::Stale);
        }
        let accepted = judge(job, terms, self.extra_nonce_1, self.mask, share, &mut self.seen)?;
        self.vardiff.share(accepted.difficulty);
        Ok((job.clone(), accepted))
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> (usize, usize) {
        (self.jobs.len(), self.seen.len())
    }
}

/// A difficulty as JSON: a whole number wherever it is one, since some miners read no other.
fn number(exponent: i32) -> Value {
    match u32::try_from(exponent) {
        Ok(exponent @ 0..=62) => (1_u64 << exponent).into(),
        _ => difficulty(exponent).into(),
    }
}
