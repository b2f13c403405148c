//! What each worker did.

use std::collections::BTreeMap;

use super::difficulty::power_of_two;
use super::share::ShareError;
use crate::types::{Address, Span, Time};

/// Workers that are remembered. Of those that are gone, the one whose last sign of life is oldest is forgotten first.
pub const WORKERS_MAX: usize = 2048;

/// A rate is measured over one to two of these: some dozen shares.
const WINDOW: Span = Span::seconds(60);

/// A worker: all connections that authorized one user name.
#[derive(Debug, Clone)]
pub struct Worker {
    /// Whom its blocks pay.
    pub payout: Address,
    /// The program, as it calls itself.
    pub agent: String,
    /// Connections.
    pub connections: u32,
    /// The share difficulty that one of them was told last.
    pub difficulty: f64,
    /// Shares that counted.
    pub accepted: u64,
    /// Shares of jobs that a block made stale, or that are not known any more.
    pub stale: u64,
    /// Shares sent twice.
    pub duplicate: u64,
    /// Shares whose hash missed the target.
    pub low: u64,
    /// Shares refused for their version bits or time.
    pub refused: u64,
    /// Blocks that came into the chain.
    pub blocks: u64,
    /// The greatest difficulty that a share of it met.
    pub best: f64,
    /// When it was last heard of.
    pub seen: Time,
    /// When its last share that counted came.
    pub last_share: Option<Time>,
    meter: Meter,
}

impl Worker {
    fn new(payout: Address, now: Time) -> Self {
        Self {
            payout,
            agent: String::new(),
            connections: 0,
            difficulty: 0.0,
            accepted: 0,
            stale: 0,
            duplicate: 0,
            low: 0,
            refused: 0,
            blocks: 0,
            best: 0.0,
            seen: now,
            last_share: None,
            meter: Meter::new(now),
        }
    }

    /// Hashes per second, over the last minute or two, as its shares let guess.
    pub fn hash_rate(&self, now: Time) -> f64 {
        self.meter.rate(now) * power_of_two(32)
    }

    pub(super) fn accepted(&mut self, now: Time, difficulty: f64, met: f64) {
        self.accepted += 1;
        self.best = self.best.max(met);
        (self.seen, self.last_share) = (now, Some(now));
        self.meter.add(now, difficulty);
    }

    pub(super) fn refused(&mut self, now: Time, error: &ShareError) {
        self.seen = now;
        let counter = match error {
            ShareError::UnknownJob | ShareError::Stale => &mut self.stale,
            ShareError::Duplicate => &mut self.duplicate,
            ShareError::LowDifficulty { .. } => &mut self.low,
            _ => &mut self.refused,
        };
        *counter += 1;
    }
}

/// Work in the minute that runs and in the one before it.
#[derive(Debug, Clone)]
struct Meter {
    begun: Time,
    since: Time,
    before: f64,
    work: f64,
}

impl Meter {
    fn new(now: Time) -> Self {
        Self { begun: now, since: now, before: 0.0, work: 0.0 }
    }

    /// The same at a later time.
    fn at(&self, now: Time) -> Self {
        let elapsed = now.since(self.since).0;
        match elapsed / WINDOW.0 {
            0 => self.clone(),
            1 => Self { since: self.since.after(WINDOW), before: self.work, work: 0.0, ..*self },
            windows => {
                let since = self.since.after(Span(windows * WINDOW.0));
                Self { since, before: 0.0, work: 0.0, ..*self }
            }
        }
    }

    fn add(&mut self, now: Time, work: f64) {
        *self = self.at(now);
        self.work += work;
    }

    /// Work per second.
    fn rate(&self, now: Time) -> f64 {
        let meter = self.at(now);
        let measured = now.since(meter.since).0 + WINDOW.0;
        let measured = measured.min(now.since(meter.begun).0).max(1000);
        // Milliseconds of minutes are exact as a double.
        (meter.before + meter.work) * 1000.0 / measured as f64
    }
}

/// The workers by name.
#[derive(Debug, Default)]
pub(super) struct Workers {
    by_name: BTreeMap<String, Worker>,
}

impl Workers {
    pub(super) fn get(&mut self, name: &str) -> Option<&mut Worker> {
        self.by_name.get_mut(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Worker)> {
        self.by_name.iter().map(|(name, worker)| (name.as_str(), worker))
    }

    /// A connection authorized this name; says whether there is room for it.
    pub(super) fn joined(&mut self, now: Time, name: &str, payout: Address, agent: &str) -> bool {
        if !self.by_name.contains_key(name) && self.by_name.len() >= WORKERS_MAX {
            let gone = self.by_name.iter().filter(|(_, worker)| worker.connections == 0);
            let oldest = gone.min_by_key(|(_, worker)| worker.seen).map(|(name, _)| name.clone());
            let Some(oldest) = oldest else { return false };
            self.by_name.remove(&oldest);
        }
        let fresh = || Worker::new(payout, now);
        let worker = self.by_name.entry(name.to_owned()).or_insert_with(fresh);
        worker.connections += 1;
        worker.seen = now;
        agent.clone_into(&mut worker.agent);
        true
    }

    /// A connection that had authorized it is gone.
    pub(super) fn left(&mut self, now: Time, name: &str) {
        if let Some(worker) = self.by_name.get_mut(name) {
            worker.connections = worker.connections.saturating_sub(1);
            worker.seen = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_minutes() {
        let mut meter = Meter::new(Time(5000));
        assert_eq!(meter.rate(Time(5000)), 0.0);
        for second in 5..305 {
            meter.add(Time(second * 1000), 3.0);
        }
        let rate = meter.rate(Time(305_000));
        assert!((rate - 3.0).abs() < 0.1, "{rate}");
        // Half of two minutes are silent, then all of them.
        assert!(meter.rate(Time(365_000)) < 2.1);
        assert_eq!(meter.rate(Time(500_000)), 0.0);
    }

    #[test]
    fn those_gone_the_longest_are_forgotten_first_and_those_who_work_never() {
        let mut workers = Workers::default();
        let payout = Address::default();
        workers.joined(Time(0), "stays", payout, "");
        for number in 0..3000_u64 {
            let name = format!("w{number}");
            workers.joined(Time(number), &name, payout, "");
            workers.left(Time(number), &name);
        }
        assert_eq!(workers.by_name.len(), WORKERS_MAX);
        assert!(workers.get("stays").is_some() && workers.get("w2999").is_some());
        assert!(workers.get("w900").is_none());
    }
}
