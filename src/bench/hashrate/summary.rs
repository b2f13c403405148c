//! From runs to figures.

use super::machine::Times;
use super::{Contestant, Measured, Run};
use crate::miner::Throttle;

/// More than this of a processor used by others, and the machine counts as loaded.
pub const OTHERS_MAX: f64 = 0.05;

/// More than this share of the processors' time taken by other machines, and the figures say little.
pub const STEAL_MAX: f64 = 0.01;

/// A clock that falls below this share of the median run's, and the machine counts as throttled.
pub const CLOCK_MIN: f64 = 0.97;

/// Half of the values are at most this, and between which they lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of these values; nothing of none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let median = median(values)?;
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(Self { median, min, max })
    }
}

/// The middle of the values, or the mean of the two in the middle; nothing of none.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    match sorted.len() % 2 {
        0 => Some((sorted.get(sorted.len() / 2 - 1)? + upper) / 2.0),
        _ => Some(upper),
    }
}

impl Contestant {
    fn values(&self, value: impl Fn(&Run) -> Option<f64>) -> Vec<f64> {
        self.runs.iter().filter_map(value).collect()
    }

    /// Its hash rates.
    pub fn rate(&self) -> Option<Spread> {
        Spread::of(&self.values(|run| Some(run.rate)))
    }

    /// Cycles of a processor per hash, by the clock of each run; nothing where the clock is not known or the search rested.
    pub fn cycles_per_hash(&self, pace: Throttle) -> Option<f64> {
        if pace != Throttle::FULL {
            return None;
        }
        let threads = self.threads.get() as f64; // 1024 at most
        median(&self.values(|run| Some(run.clock_hz? * threads / run.rate)))
    }

    /// Its rates over those of another miner, round by round, and the ratio of the medians.
    pub fn ratio(&self, rival: &[f64]) -> Option<Spread> {
        let ours = self.rate()?.median;
        let pairs: Vec<f64> =
            self.runs.iter().zip(rival).map(|(run, rival)| run.rate / rival).collect();
        Some(Spread { median: ours / median(rival)?, ..Spread::of(&pairs)? })
    }
}

impl Measured {
    /// The rate of a contestant over that of one thread of the same kernel, per thread: 1 where threads do not hold each
    /// other up. Nothing for one thread, or where one thread was not measured.
    pub fn scaling(&self, of: &Contestant) -> Option<f64> {
        let single = |one: &&Contestant| one.kernel == of.kernel && one.threads.get() == 1;
        if of.threads.get() == 1 {
            return None;
        }
        let single = self.contestants.iter().find(single)?.rate()?.median;
        Some(of.rate()?.median / (single * of.threads.get() as f64)) // 1024 at most
    }

    fn values(&self, value: impl Fn(&Run) -> Option<f64>) -> Vec<f64> {
        self.contestants.iter().flat_map(|one| one.values(&value)).collect()
    }

    /// The clock.
    pub fn clock(&self) -> Option<Spread> {
        Spread::of(&self.values(|run| run.clock_hz))
    }

    /// How many processors' worth of time others used during a run.
    pub fn others(&self) -> Option<Spread> {
        Spread::of(&self.values(|run| run.others))
    }

    /// The share of the processors' time that another machine took during a run.
    pub fn steal(&self) -> Option<Spread> {
        Spread::of(&self.values(|run| run.steal))
    }

    /// What makes the figures say less than they seem to, in words.
    pub fn warnings(&self, optimised: bool) -> Vec<String> {
        let mut warnings = Vec::new();
        if !optimised {
            warnings.push("an unoptimised build: measure with a release build".to_owned());
        }
        if let Some(others) = self.others().filter(|others| others.median > OTHERS_MAX) {
            warnings.push(format!(
                "loaded: others used {:.2} processors in the median run, {:.2} at most",
                others.median, others.max
            ));
        }
        if let Some(steal) = self.steal().filter(|steal| steal.max > STEAL_MAX) {
            warnings.push(format!(
                "starved: other machines took up to {:.1} % of the processors",
                steal.max * 100.0
            ));
        }
        if let Some(clock) = self.clock().filter(|clock| clock.min < CLOCK_MIN * clock.median) {
            warnings.push(format!(
                "throttled: {:.2} GHz in the slowest run, {:.2} in the median one",
                clock.min / 1e9,
                clock.median / 1e9
            ));
        }
        if self.partial {
            warnings.push("ended before its time: only whole rounds count".to_owned());
        }
        if Times::now().is_none() {
            warnings.push("the system does not tell what else the machine did".to_owned());
        }
        warnings
    }

    /// Every run as lines of comma-separated values, under a line of names.
    pub fn csv(&self) -> String {
        let mut text = String::from(
            "kernel,version_rolling,threads,round,hashes_per_second,clock_hz,others,steal\n",
        );
        let shown = |value: Option<f64>, digits: usize| {
            value.map_or_else(String::new, |value| format!("{value:.digits$}"))
        };
        for one in &self.contestants {
            for (round, run) in one.runs.iter().enumerate() {
                text.push_str(&format!(
                    "{},{},{},{},{:.0},{},{},{}\n",
                    one.kernel,
                    one.rolls,
                    one.threads,
                    round + 1,
                    run.rate,
                    shown(run.clock_hz, 0),
                    shown(run.others, 4),
                    shown(run.steal, 4),
                ));
            }
        }
        for (round, rate) in self.rival.iter().enumerate() {
            text.push_str(&format!("other,,,{},{rate:.0},,,\n", round + 1));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroUsize;

    fn contestant(threads: usize, rates: &[f64]) -> Contestant {
        let run = |rate: &f64| Run {
            rate: *rate,
            clock_hz: Some(2e9),
            others: Some(0.01),
            steal: Some(0.0),
        };
        Contestant {
            kernel: "portable",
            rolls: false,
            threads: NonZeroUsize::new(threads).unwrap(),
            runs: rates.iter().map(run).collect(),
        }
    }

    fn measured() -> Measured {
        Measured {
            contestants: vec![
                contestant(1, &[10e6, 12e6, 8e6]),
                contestant(2, &[19e6, 20e6, 15e6]),
            ],
            rival: vec![5e6, 6e6, 2e6],
            load_before: Some(0.1),
            partial: false,
        }
    }

    #[test]
    fn medians_are_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        let spread = Spread::of(&[3.0, 1.0, 2.0]).unwrap();
        assert_eq!(spread, Spread { median: 2.0, min: 1.0, max: 3.0 });
    }

    #[test]
    fn figures_follow_from_runs() {
        let measured = measured();
        let [one, two] = &measured.contestants[..] else { panic!() };
        assert_eq!((measured.scaling(one), measured.scaling(two)), (None, Some(0.95)));
        assert_eq!(one.cycles_per_hash(Throttle::FULL), Some(200.0));
        assert_eq!(two.cycles_per_hash(Throttle::FULL), Some(4e9 / 19e6));
        assert_eq!(one.cycles_per_hash("50%".parse().unwrap()), None);
        // The medians' ratio, and the rounds' least and greatest.
        assert_eq!(one.ratio(&measured.rival), Some(Spread { median: 2.0, min: 2.0, max: 4.0 }));
        assert_eq!(one.ratio(&[]), None);
    }

    #[test]
    fn what_spoils_the_figures_is_said() {
        let mut measured = measured();
        assert_eq!(measured.warnings(true).len(), usize::from(Times::now().is_none()));
        let run = &mut measured.contestants[0].runs[1];
        (run.clock_hz, run.steal) = (Some(1.5e9), Some(0.2));
        for one in &mut measured.contestants {
            one.runs.iter_mut().for_each(|run| run.others = Some(0.5));
        }
        measured.partial = true;
        let text = measured.warnings(false).join("\n");
        for words in [
            "unoptimised",
            "0.50 processors",
            "20.0 %",
            "1.50 GHz in the slowest",
            "before its time",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn every_run_is_a_line_of_the_table() {
        let csv = measured().csv();
        assert_eq!(csv.lines().count(), 1 + 6 + 3);
        assert!(csv.contains("\nportable,false,2,3,15000000,2000000000,0.0100,0.0000\n"), "{csv}");
        assert!(csv.ends_with("other,,,3,2000000,,,\n"), "{csv}");
    }
}
