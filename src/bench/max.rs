//! The highest rate that a chain sustains: which rate to try next, and whether one held.
//!
//! A rate holds if everything that was offered became final, soon enough, and the way into a block did not become longer and
//! longer. The last is what tells a rate that is too high from one that is only busy: a queue into which more flows than out of it
//! grows for as long as one looks. At a capacity of `c` and a rate of `r` whoever comes one second later waits `r/c - 1` seconds
//! longer, so the slope of the waiting time over the time of arrival is the excess itself, whatever the length of the run.

use crate::api::{BenchLoad, BenchProbe};

/// What a queue may grow by: so much is chance, where blocks come at random.
pub const GROWTH_MAX: f64 = 0.1;

/// Where no bound is given: the 99th percentile may be so many times that of the first rate that held …
pub const BOUND_TIMES: f64 = 3.0;

/// … and need not be less than this, in milliseconds.
pub const BOUND_MIN_MS: f64 = 1000.0;

/// Fewer parts than these have no slope.
const PARTS_MIN: usize = 3;

/// The search by doubling, then by bisection on a logarithmic scale.
#[derive(Debug, Clone)]
pub struct Search {
    held: Option<f64>,
    failed: Option<f64>,
    first: f64,
    least: f64,
    most: f64,
    precision: f64,
}

impl Search {
    /// Begins at a rate, and stays between two others. It ends when the rate that held and the one that did not are closer than the
    /// precision, a share.
    pub fn new(first: f64, (least, most): (f64, f64), precision: f64) -> Self {
        let first = first.clamp(least, most);
        Self { held: None, failed: None, first, least, most, precision }
    }

    /// The next rate to try; nothing when it has ended.
    pub fn next(&self) -> Option<f64> {
        match (self.held, self.failed) {
            (None, None) => Some(self.first),
            (Some(held), None) => (held < self.most).then(|| (held * 2.0).min(self.most)),
            (None, Some(failed)) => (failed > self.least).then(|| (failed / 2.0).max(self.least)),
            (Some(held), Some(failed)) => {
                (failed / held > 1.0 + self.precision).then(|| (held * failed).sqrt())
            }
        }
    }

    /// A rate held, or did not.
    pub fn tell(&mut self, rate: f64, held: bool) {
        match held {
            true => self.held = Some(self.held.map_or(rate, |most| most.max(rate))),
            false => self.failed = Some(self.failed.map_or(rate, |least| least.min(rate))),
        }
    }

    /// The highest that held, and the lowest that did not.
    pub fn found(&self) -> (Option<f64>, Option<f64>) {
        (self.held, self.failed)
    }
}

/// The bound, in milliseconds, where none is given: by the 99th percentile of the first rate that held.
pub fn bound_of(first: &BenchLoad) -> Option<f64> {
    first.final_ms.map(|times| (times.p99 * BOUND_TIMES).max(BOUND_MIN_MS))
}

/// By how many seconds each second of load makes the way into a block longer: the slope of the line with the least squares through the
/// medians of the parts of a run.
pub fn growth(load: &BenchLoad) -> Option<f64> {
    let count = load.parts.len() as f64; // a few
    let at = |part: usize| load.offered_seconds * (part as f64 + 0.5) / count;
    let medians = load.parts.iter().enumerate();
    let points: Vec<(f64, f64)> = medians
        .filter_map(|(part, it)| Some((at(part), it.included_ms.as_ref()?.p50 / 1e3)))
        .collect();
    if points.len() < PARTS_MIN {
        return None;
    }
    let many = points.len() as f64; // the same
    let middle = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / many;
    let (x, y) = (middle(|it| it.0), middle(|it| it.1));
    let across = points.iter().map(|it| (it.0 - x).powi(2)).sum::<f64>();
    let along = points.iter().map(|it| (it.0 - x) * (it.1 - y)).sum::<f64>();
    (across > 0.0).then(|| along / across)
}

/// Whether a rate held, by what came of it.
pub fn judge(rate: f64, load: &BenchLoad, bound_ms: Option<f64>) -> BenchProbe {
    let mut reasons = Vec::new();
    let growth = growth(load);
    if load.generator_saturated {
        reasons.push("payments left late: it is the generator that cannot do more".to_owned());
    }
    let open = load.included.saturating_sub(load.settled);
    for (count, what, why) in [
        (load.refused, "were refused", load.refusals.keys().next()),
        (load.unanswered, "got no answer", load.failures.keys().next()),
        (load.lost, "were lost", None),
        (load.pending, "were still waiting in the end", None),
        (open, "were in a block and not final in the end", None),
    ] {
        if count > 0 {
            let why = why.map(|why| format!(", first: {why}")).unwrap_or_default();
            reasons.push(format!("{count} of {} payments {what}{why}", load.submitted));
        }
    }
    match (load.final_ms, bound_ms) {
        (None, _) => reasons.push("nothing became final".into()),
        (Some(times), Some(bound)) if times.p99 > bound => reasons.push(format!(
            "99 of 100 were final after {:.0} ms, more than {bound:.0} ms",
            times.p99
        )),
        _ => {}
    }
    if let Some(growth) = growth.filter(|growth| *growth > GROWTH_MAX) {
        reasons.push(format!(
            "the backlog grew: each second of load made the way into a block {growth:.2} s longer"
        ));
    }
    BenchProbe {
        rate,
        seed: load.seed,
        held: reasons.is_empty(),
        reasons,
        rate_offered: load.rate_offered,
        rate_final: load.rate_final,
        included_ms: load.included_ms,
        final_ms: load.final_ms,
        growth,
        idle_share: load.idle_share,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{BenchPart, BenchTimes};

    fn times(p50: f64, p99: f64) -> Option<BenchTimes> {
        Some(BenchTimes { p50, p95: p99, p99, max: p99, count: 100 })
    }

    /// A queue with a capacity, by the rate at which it is filled: what waits at the end of a part waits for those before it.
    fn queue(rate: f64, capacity: f64, seconds: f64) -> BenchLoad {
        let slope = (rate / capacity - 1.0).max(0.0);
        let wait = |part: usize| 500.0 + slope * seconds * (part as f64 + 0.5) / 5.0 * 1e3;
        let part = |part| BenchPart { included_ms: times(wait(part), wait(part)), final_ms: None };
        BenchLoad {
            offered_seconds: seconds,
            submitted: 1000,
            included: 1000,
            settled: 1000,
            parts: (0..5).map(part).collect(),
            final_ms: times(wait(2), wait(4)),
            ..BenchLoad::default()
        }
    }

    #[test]
    fn the_search_finds_a_capacity_wherever_it_begins() {
        for capacity in [3.0, 77.0, 100.0, 101.0, 4096.0, 90_000.0] {
            for first in [1.0, 100.0, 1e5] {
                let mut search = Search::new(first, (1.0, 1e6), 0.05);
                let mut tries = 0;
                while let Some(rate) = search.next() {
                    tries += 1;
                    assert!(tries < 30, "{capacity} from {first}");
                    search.tell(rate, rate <= capacity);
                }
                let (held, failed) = search.found();
                let (held, failed) = (held.unwrap(), failed.unwrap());
                assert!(held <= capacity && capacity < failed && failed / held <= 1.05);
            }
        }
    }

    #[test]
    fn the_search_ends_at_its_bounds() {
        let mut high = Search::new(10.0, (1.0, 30.0), 0.1);
        while let Some(rate) = high.next() {
            high.tell(rate, true);
        }
        assert_eq!(high.found(), (Some(30.0), None));
        let mut low = Search::new(10.0, (1.0, 30.0), 0.1);
        while let Some(rate) = low.next() {
            low.tell(rate, false);
        }
        assert_eq!(low.found(), (None, Some(1.0)));
    }

    /// The excess is read off the waiting times, however long the run: that is what finds the capacity.
    #[test]
    fn a_queue_that_grows_is_told_from_one_that_is_busy() {
        for seconds in [5.0, 60.0] {
            assert!(growth(&queue(99.0, 100.0, seconds)).unwrap().abs() < 1e-9);
            let over = growth(&queue(150.0, 100.0, seconds)).unwrap();
            assert!((over - 0.5).abs() < 1e-9, "{over}");
            let judged = |rate| judge(rate, &queue(rate, 100.0, seconds), None);
            assert!(judged(100.0).held && judged(105.0).held && !judged(120.0).held);
            assert!(judged(120.0).reasons[0].contains("0.20 s longer"));
        }
    }

    #[test]
    fn every_way_to_fail_is_named() {
        let good = queue(50.0, 100.0, 10.0);
        assert!(judge(50.0, &good, Some(500.0)).held, "at the bound is within it");
        let bound = bound_of(&good).unwrap();
        assert_eq!(bound, 1500.0);
        let reasons = |load: &BenchLoad, bound| judge(50.0, load, bound).reasons.join("; ");
        assert!(reasons(&good, Some(499.0)).contains("after 500 ms, more than 499 ms"));
        let refused = BenchLoad {
            refused: 3,
            refusals: [("the pool is full".to_owned(), 3)].into(),
            ..good.clone()
        };
        let text = reasons(&refused, None);
        assert_eq!(text, "3 of 1000 payments were refused, first: the pool is full");
        let late = BenchLoad { generator_saturated: true, ..good.clone() };
        assert!(reasons(&late, None).contains("generator"));
        let waiting = BenchLoad { pending: 1, settled: 998, ..good.clone() };
        assert_eq!(reasons(&waiting, None).matches(';').count(), 1, "pending, and not final");
        let none = BenchLoad { settled: 0, final_ms: None, ..good };
        assert!(reasons(&none, None).contains("nothing became final"));
    }
}
