//! How fast this machine searches: every kernel on so many threads, one after the other, several times.
//!
//! Machines drift: their clock falls when they get warm, and other programs come and go. So runs alternate: a round
//! measures each contestant once, and the medians of several rounds are compared. Another miner's benchmark can take part
//! in every round ([`rival`]); the ratio to it is taken round by round as well, and its spread is told.
//!
//! A figure is worth what the machine was meanwhile. Each run notes how much of the processors others used or another
//! machine took ([`machine`]), and how fast the clock ran ([`clock`]), which also gives the cycles per hash. What a
//! processor could do at most is counted, not measured ([`limit`]).
//!
//! Searching goes through [`Miner`] on a job that nobody can prove, so what is measured is what a node does.

pub mod clock;
pub mod limit;
pub mod machine;
pub mod picture;
pub mod rival;
pub mod summary;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::miner::kernels::Kernel;
use crate::miner::{Job, Miner, MinerError, Throttle};
use crate::types::target::Bits;
use clock::clock_hz;
use machine::Times;
use rival::{Rival, RivalError};

/// Rounds at most.
pub const RUNS_MAX: usize = 1000;

/// Contestants at most.
pub const CONTESTANTS_MAX: usize = 256;

/// How long a contestant warms up before the first round, at most: threads start, caches fill, the clock settles.
const WARM_UP: Duration = Duration::from_millis(500);

/// Between two looks at whether to go on.
const LOOK: Duration = Duration::from_millis(20);

/// How long a search runs before it is counted.
const SETTLE: Duration = Duration::from_millis(10);

/// What is to be measured.
#[derive(Clone)]
pub struct Order {
    /// The kernels; each must run on this processor.
    pub kernels: Vec<&'static dyn Kernel>,
    /// How many threads, each number by itself.
    pub threads: Vec<NonZeroUsize>,
    /// How many rounds.
    pub runs: usize,
    /// How long each run lasts.
    pub length: Duration,
    /// The share of a core that each thread takes.
    pub pace: Throttle,
    /// Another miner's command, already in words.
    pub rival: Option<Vec<String>>,
}

/// One run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// Hashes per second.
    pub rate: f64,
    /// Cycles per second of the processor, right before and after.
    pub clock_hz: Option<f64>,
    /// How many processors' worth of time others used meanwhile.
    pub others: Option<f64>,
    /// The share of the processors' time that another machine took.
    pub steal: Option<f64>,
}

/// A kernel on so many threads, and what it did in each round.
#[derive(Debug, Clone, PartialEq)]
pub struct Contestant {
    /// The kernel's name.
    pub kernel: &'static str,
    /// Whether it rolls the version, which is another kind of search.
    pub rolls: bool,
    /// How many threads.
    pub threads: NonZeroUsize,
    /// Round by round.
    pub runs: Vec<Run>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// In the order of kernels, then of threads.
    pub contestants: Vec<Contestant>,
    /// Hashes per second of the other miner, round by round.
    pub rival: Vec<f64>,
    /// The load average of the last minute before it began.
    pub load_before: Option<f64>,
    /// Whether it was ended before its time.
    pub partial: bool,
}

/// Why nothing is measured.
#[derive(Debug, thiserror::Error)]
pub enum HashrateError {
    /// More contestants than [`CONTESTANTS_MAX`].
    #[error(
        "{0} kernels and numbers of threads are more than the {CONTESTANTS_MAX} that one comparison takes"
    )]
    TooMany(usize),
    /// Threads cannot be started.
    #[error(transparent)]
    Threads(#[from] MinerError),
    /// The other miner.
    #[error(transparent)]
    Rival(#[from] RivalError),
}

/// What is about to be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next<'a> {
    /// Runs that are done.
    pub done: usize,
    /// Runs in all.
    pub of: usize,
    /// What comes next.
    pub what: &'a str,
}

/// Measures until all rounds are done or `going` is false; at least the rounds that were whole count.
///
/// # Errors
///
/// Threads that cannot be started, another miner that cannot be started or tells no figures.
pub fn measure(
    order: &Order,
    going: &AtomicBool,
    tell: &dyn Fn(Next<'_>),
) -> Result<Measured, HashrateError> {
    let load_before = machine::load_average();
    let mut racers: Vec<Racer> = Vec::new();
    for kernel in &order.kernels {
        racers
            .extend(order.threads.iter().map(|threads| Racer::new(*kernel, *threads, order.pace)));
    }
    if racers.len() > CONTESTANTS_MAX {
        return Err(HashrateError::TooMany(racers.len()));
    }
    let of = (racers.len() + usize::from(order.rival.is_some())) * order.runs;
    tell(Next { done: 0, of, what: "warming up" });
    for racer in &racers {
        racer.run(WARM_UP.min(order.length), going)?;
    }
    let mut rival_rates = Vec::new();
    let mut done = 0;
    'rounds: for round in 0..order.runs {
        let mut runs = vec![None; racers.len()];
        // Each round begins with another one, so that what comes with a place in the round is shared out.
        for place in 0..racers.len() {
            let index = (round + place) % racers.len();
            let racer = &racers[index];
            tell(Next { done, of, what: &racer.name });
            runs[index] = racer.run(order.length, going)?;
            done += 1;
        }
        if let Some(command) = &order.rival {
            tell(Next { done, of, what: "the other miner" });
            match Rival::start(command)?.measure(order.length, going)? {
                Some(rate) => rival_rates.push(rate),
                None => break 'rounds,
            }
            done += 1;
        }
        // A round that was broken off compares nothing.
        let Some(runs) = runs.into_iter().collect::<Option<Vec<Run>>>() else { break };
        for (racer, run) in racers.iter_mut().zip(runs) {
            racer.contestant.runs.push(run);
        }
    }
    let contestants: Vec<Contestant> = racers.into_iter().map(|racer| racer.contestant).collect();
    let whole = contestants.first().map_or(0, |first| first.runs.len());
    rival_rates.truncate(whole);
    let partial = whole < order.runs;
    Ok(Measured { contestants, rival: rival_rates, load_before, partial })
}

/// A contestant and what it searches with.
struct Racer {
    contestant: Contestant,
    miner: Miner,
    /// What progress calls it.
    name: String,
}

impl Racer {
    fn new(kernel: &'static dyn Kernel, threads: NonZeroUsize, pace: Throttle) -> Self {
        let name = format!("{} × {threads}", kernel.name());
        let rolls = kernel.version_bits() > 0;
        let contestant = Contestant { kernel: kernel.name(), rolls, threads, runs: Vec::new() };
        Self { contestant, miner: Miner::new(kernel, threads, pace, || {}), name }
    }

    /// Searches for so long; nothing if it was broken off.
    fn run(&self, length: Duration, going: &AtomicBool) -> Result<Option<Run>, MinerError> {
        // The hardest target there is: nothing is found, as in all but a vanishing part of a search.
        let job = Job::for_block(1, &[1; 32], [2; 32], 3, Bits(0x0101_0000))
            .expect("the hardest bits are a target");
        let stop = AtomicBool::new(false);
        let (clock_before, times_before) = (clock_hz(), Times::now());
        let searched = std::thread::scope(|scope| {
            let search = scope.spawn(|| self.miner.search(&job, &stop));
            let counted = self.count(length, going, || search.is_finished());
            stop.store(true, Ordering::Relaxed);
            match search.join() {
                Ok(Ok(_)) => Ok(counted),
                Ok(Err(error)) => Err(error),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })?;
        let times = Times::now().zip(times_before).and_then(|(now, then)| now.since(&then));
        let clock = clock_before.zip(clock_hz()).map(|(before, after)| (before + after) / 2.0);
        Ok(searched.map(|rate| Run {
            rate,
            clock_hz: clock,
            others: times.map(|times| times.others),
            steal: times.map(|times| times.steal),
        }))
    }

    /// Counts what the running search does: hashes per second.
    fn count(&self, length: Duration, going: &AtomicBool, ended: impl Fn() -> bool) -> Option<f64> {
        std::thread::sleep(SETTLE);
        let (began, before) = (Instant::now(), self.miner.hashes());
        loop {
            let left = length.saturating_sub(began.elapsed());
            if left.is_zero() {
                break;
            }
            if !going.load(Ordering::Relaxed) || ended() {
                return None;
            }
            std::thread::sleep(left.min(LOOK));
        }
        let hashes = self.miner.hashes().saturating_sub(before);
        Some(hashes as f64 / began.elapsed().as_secs_f64()) // far below 2^53
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::miner::kernels::Portable;

    fn order(threads: &[usize], runs: usize) -> Order {
        Order {
            kernels: vec![&Portable],
            threads: threads.iter().map(|n| NonZeroUsize::new(*n).unwrap()).collect(),
            runs,
            length: Duration::from_millis(30),
            pace: Throttle::FULL,
            rival: None,
        }
    }

    #[test]
    fn each_contestant_runs_once_in_every_round() {
        let going = AtomicBool::new(true);
        let told = std::cell::RefCell::new(Vec::new());
        let tell = |next: Next<'_>| told.borrow_mut().push((next.done, next.what.to_owned()));
        let measured = measure(&order(&[1, 2], 3), &going, &tell).unwrap();
        assert!(!measured.partial);
        for contestant in &measured.contestants {
            assert_eq!((contestant.kernel, contestant.rolls), ("portable", false));
            assert_eq!(contestant.runs.len(), 3);
            assert!(contestant.runs.iter().all(|run| run.rate > 1000.0), "{contestant:?}");
        }
        let names: Vec<String> =
            told.borrow().iter().skip(1).map(|(_, what)| what.clone()).collect();
        let (one, two) = ("portable × 1", "portable × 2");
        assert_eq!(names, [one, two, two, one, one, two]);
        assert_eq!(told.borrow().last().unwrap().0, 5);
    }

    #[test]
    fn what_is_broken_off_counts_its_whole_rounds() {
        let going = AtomicBool::new(true);
        let tell = |next: Next<'_>| going.store(next.done < 3, Ordering::Relaxed);
        let measured = measure(&order(&[1, 2], 3), &going, &tell).unwrap();
        assert!(measured.partial);
        assert!(measured.contestants.iter().all(|one| one.runs.len() == 1), "{measured:?}");
    }

    #[test]
    fn another_miner_takes_part_in_every_round() {
        let mut order = order(&[1], 2);
        order.rival = Some(["sh", "-c", "echo 2.5 kH/s; sleep 60"].map(str::to_owned).to_vec());
        let measured = measure(&order, &AtomicBool::new(true), &|_| {}).unwrap();
        assert_eq!(measured.rival, [2500.0, 2500.0]);
        order.rival = Some(vec!["no-such-miner".into()]);
        let error = measure(&order, &AtomicBool::new(true), &|_| {}).unwrap_err().to_string();
        assert!(error.contains("no-such-miner"), "{error}");
    }
}
