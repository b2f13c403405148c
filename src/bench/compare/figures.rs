//! The figures of a run, and how runs become one row of a table.

use super::interval::{again, by_chance, by_rank};
use crate::api::{BenchChain, BenchInterval, BenchRule, BenchRun, BenchTimes};
use crate::bench::hashrate::summary::median;
use crate::bench::reason::why_nothing;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// Seconds.
    Seconds,
    /// Payments in a second.
    PerSecond,
    /// A part of a whole.
    Share,
    /// Bytes.
    Bytes,
    /// Microseconds.
    Micros,
    /// How many.
    Count,
    /// Whatever it says.
    Number,
}

/// A figure: what it is called, and where it comes from.
pub struct Figure {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its name above a column.
    pub title: &'static str,
    /// What it counts.
    pub unit: Unit,
    of: fn(&BenchRun) -> Option<f64>,
    parts: fn(&BenchRun) -> Vec<Option<f64>>,
    /// Between which values a quantile may lie by the ranks of one run's payments.
    ranks: fn(&BenchRun) -> Option<[f64; 2]>,
    /// Whether it is made of waits for blocks.
    waits: bool,
}

/// A figure that a run has as a whole.
const fn whole(
    name: &'static str,
    title: &'static str,
    unit: Unit,
    of: fn(&BenchRun) -> Option<f64>,
) -> Figure {
    Figure { name, title, unit, of, parts: |_| Vec::new(), ranks: |_| None, waits: false }
}

/// Such a figure that is made of waits for blocks.
const fn waits(
    name: &'static str,
    title: &'static str,
    unit: Unit,
    of: fn(&BenchRun) -> Option<f64>,
) -> Figure {
    Figure { waits: true, ..whole(name, title, unit, of) }
}

macro_rules! latency {
    ($name:literal, $title:literal, ($stage:ident, $curve:ident), ($share:ident, $of:literal)) => {
        Figure {
            name: $name,
            title: $title,
            unit: Unit::Ms,
            of: |run| run.load.$stage.as_ref().map(|times: &BenchTimes| times.$share),
            parts: |run| {
                let parts = run.load.parts.iter();
                parts.map(|part| part.$stage.as_ref().map(|times| times.$share)).collect()
            },
            ranks: |run| by_rank(&run.load.$curve, run.load.$stage?.count, $of),
            waits: true,
        }
    };
}

macro_rules! chain {
    ($name:literal, $title:literal, $unit:expr, $waits:literal, $of:expr) => {
        Figure {
            name: $name,
            title: $title,
            unit: $unit,
            of: |run| {
                let of: fn(&BenchChain) -> Option<f64> = $of;
                of(&run.chain)
            },
            parts: |run| {
                let of: fn(&BenchChain) -> Option<f64> = $of;
                run.chain_parts.iter().map(of).collect()
            },
            ranks: |_| None,
            waits: $waits,
        }
    };
}

/// A cost of the blocks per payment or other transaction in them.
fn each(cost: f64, chain: &BenchChain) -> Option<f64> {
    (chain.transactions > 0).then(|| cost / chain.transactions as f64) // far below 2^53
}

/// All figures, in the order in which they are shown.
pub static FIGURES: [Figure; 33] = [
    whole("accepted_p50_ms", "accepted p50", Unit::Ms, |run| {
        run.load.accepted_ms.map(|times| times.p50)
    }),
    latency!("included_p50_ms", "included p50", (included_ms, included_curve), (p50, 0.5)),
    latency!("included_p95_ms", "included p95", (included_ms, included_curve), (p95, 0.95)),
    latency!("included_p99_ms", "included p99", (included_ms, included_curve), (p99, 0.99)),
    waits("everywhere_p50_ms", "seen by all p50", Unit::Ms, |run| {
        run.load.included_everywhere_ms.map(|times| times.p50)
    }),
    waits("confirmed_p50_ms", "confirmed p50", Unit::Ms, |run| {
        run.load.confirmations_ms.last().copied().flatten().map(|times| times.p50)
    }),
    latency!("final_p50_ms", "final p50", (final_ms, final_curve), (p50, 0.5)),
    latency!("final_p95_ms", "final p95", (final_ms, final_curve), (p95, 0.95)),
    latency!("final_p99_ms", "final p99", (final_ms, final_curve), (p99, 0.99)),
    waits("rate_final", "final per second", Unit::PerSecond, |run| run.load.rate_final),
    whole("lost", "lost", Unit::Count, |run| Some(run.load.lost as f64)),
    whole("stale_rate", "stale", Unit::Share, |run| run.chain.stale_rate()),
    whole("reorganisations", "reorganisations", Unit::Count, |run| {
        Some(run.chain.reorganisations.len() as f64)
    }),
    whole("reorganisation_depth_max", "deepest", Unit::Count, |run| {
        Some(run.chain.reorganisations.iter().max().map_or(0.0, |depth| *depth as f64))
    }),
    chain!("interval_s", "block every", Unit::Seconds, true, |chain| chain.interval_s),
    chain!("interval_cv", "irregularity", Unit::Number, false, |chain| chain.interval_cv),
    whole("messages_per_tx", "messages/payment", Unit::Number, |run| run.load.messages_per_tx),
    whole("bytes_per_tx", "bytes/payment", Unit::Bytes, |run| run.load.bytes_per_tx),
    waits("cpu_us_per_tx", "processor/payment", Unit::Micros, |run| run.load.cpu_us_per_tx),
    whole("cpu_us_per_block", "processor/block", Unit::Micros, |run| {
        let payments = (run.chain.blocks > 0).then_some(run.load.included as f64)?;
        Some(run.load.cpu_us_per_tx? * payments / run.chain.blocks as f64)
    }),
    chain!("hashes_per_tx", "hashes/payment", Unit::Number, true, |chain| each(
        chain.hashes,
        chain
    )),
    chain!("signatures_per_tx", "signatures/payment", Unit::Number, false, |chain| {
        each(chain.signatures as f64, chain)
    }),
    chain!("chain_bytes_per_tx", "chain bytes/payment", Unit::Bytes, false, |chain| {
        each(chain.bytes as f64, chain)
    }),
    whole("disk_bytes_per_tx", "disk bytes/payment", Unit::Bytes, |run| {
        let disk = run.load.disk_bytes? as f64;
        (run.load.included > 0).then(|| disk / run.load.included as f64)
    }),
    // Few blocks are never evenly made, so these are not looked at in parts.
    whole("gini", "Gini", Unit::Number, |run| run.chain.gini),
    whole("nakamoto", "Nakamoto", Unit::Count, |run| {
        run.chain.nakamoto.map(|fewest| fewest as f64)
    }),
    whole("unfairness", "unfairness", Unit::Share, |run| run.chain.unfairness),
    whole("partition_majority_final", "parted, majority: final", Unit::Count, |run| {
        run.partition.as_ref().map(|parted| parted.finalised[0] as f64)
    }),
    whole("partition_minority_final", "parted, minority: final", Unit::Count, |run| {
        run.partition.as_ref().map(|parted| parted.finalised[1] as f64)
    }),
    whole("partition_undone", "undone", Unit::Count, |run| {
        run.partition.as_ref().map(|parted| parted.undone as f64)
    }),
    whole("partition_healed_s", "healed in", Unit::Seconds, |run| run.partition.as_ref()?.healed_s),
    whole("crash_recovered_s", "final again in", Unit::Seconds, |run| {
        run.crash.as_ref()?.recovered_s
    }),
    whole("crash_rejoined_s", "rejoined in", Unit::Seconds, |run| run.crash.as_ref()?.rejoined_s),
];

/// The figure of this name.
pub fn figure(name: &str) -> Option<&'static Figure> {
    FIGURES.iter().find(|figure| figure.name == name)
}

impl Figure {
    /// Over several runs: the median of the runs, and where it would lie another time.
    fn over(&self, rule: &BenchRule) -> Option<BenchInterval> {
        let runs = rule.runs.iter().filter_map(|run| Some((run, (self.of)(run)?)));
        let (runs, values): (Vec<&BenchRun>, Vec<f64>) = runs.unzip();
        let value = median(&values)?;
        let mut ranks = None;
        let (half, of) = match runs[..] {
            [run] => {
                let parts: Vec<f64> = (self.parts)(run).into_iter().flatten().collect();
                let chance = self.waits && rule.finality_depth.is_some();
                ranks = (self.ranks)(run);
                let chance = if chance { by_chance(&run.chain) * value } else { 0.0 };
                (again(&parts).hypot(chance), parts.len().max(1))
            }
            _ => (again(&values), values.len()),
        };
        let [least, most] = ranks.unwrap_or([value, value]);
        let (low, high) = ((value - half).max(0.0).min(least), (value + half).max(most));
        let (low, high) = match self.unit {
            Unit::Share => (low, high.min(1.0)),
            Unit::Count => (low.floor(), high.ceil()),
            _ => (low, high),
        };
        Some(BenchInterval { value, low, high, of: of as u64 }) // a count fits
    }
}

/// Makes the row of a rule from its runs.
pub fn summarise(rule: &mut BenchRule) {
    let named = |figure: &Figure| Some((figure.name.to_owned(), figure.over(rule)?));
    rule.figures = FIGURES.iter().filter_map(named).collect();
    rule.safety = super::safety::safety(rule);
    let mut warnings = Vec::new();
    let mut warn = |text: &str, is: fn(&BenchRun) -> bool| {
        let runs = rule.runs.iter().filter(|run| is(run)).count();
        if runs > 0 {
            warnings.push(format!("{text} (in {runs} of {} runs)", rule.runs.len()));
        }
    };
    warn("payments left late: the load was not the one that was asked for", |run| {
        run.load.generator_saturated
    });
    warn("processors were short: times include waiting for one", |run| run.load.cpu_starved);
    warn("payments were lost", |run| run.load.lost > 0);
    warn("payments are in the chain twice", |run| run.load.duplicates > 0);
    warn("nodes have final blocks that contradict each other", |run| run.load.conflicts > 0);
    warn("somebody set the clock of the machine", |run| run.load.clock_trouble);
    warn("nodes did not answer in the end", |run| !run.load.unread.is_empty());
    warn("it was stopped before its time", |run| run.load.partial);
    let nothing = |run: &BenchRun| Some((run.seed, why_nothing(&run.load)?));
    for (seed, why) in rule.runs.iter().filter_map(nothing) {
        warnings.push(format!("nothing became final with seed {seed}: {why}"));
    }
    rule.warnings = warnings;
}

/// What stands in which table.
pub const TABLES: [(&str, &[&str]); 6] = [
    (
        "Confirmation",
        &[
            "accepted_p50_ms",
            "included_p50_ms",
            "included_p95_ms",
            "included_p99_ms",
            "confirmed_p50_ms",
        ],
    ),
    ("Finality", &["final_p50_ms", "final_p95_ms", "final_p99_ms", "rate_final", "lost"]),
    (
        "Chain",
        &["interval_s", "interval_cv", "stale_rate", "reorganisations", "reorganisation_depth_max"],
    ),
    (
        "Costs",
        &[
            "messages_per_tx",
            "bytes_per_tx",
            "cpu_us_per_tx",
            "cpu_us_per_block",
            "disk_bytes_per_tx",
            "hashes_per_tx",
            "signatures_per_tx",
        ],
    ),
    ("Producers", &["gini", "nakamoto", "unfairness"]),
    (
        "Faults",
        &[
            "partition_majority_final",
            "partition_minority_final",
            "partition_undone",
            "partition_healed_s",
            "crash_recovered_s",
            "crash_rejoined_s",
        ],
    ),
];

/// A number with three significant digits.
pub fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A figure as people read it.
pub fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Ms if value >= 1000.0 => format!("{} s", digits(value / 1e3)),
        Unit::Ms => format!("{} ms", digits(value)),
        Unit::Seconds => format!("{} s", digits(value)),
        Unit::Share => format!("{} %", digits(value * 100.0)),
        Unit::Micros if value >= 1000.0 => format!("{} ms", digits(value / 1e3)),
        Unit::Micros => format!("{} µs", digits(value)),
        Unit::PerSecond => format!("{}/s", digits(value)),
        Unit::Count if value == value.trunc() => format!("{value:.0}"),
        Unit::Bytes | Unit::Number | Unit::Count => digits(value),
    }
}

/// The ends of an interval as people read them; nothing where they read like the value.
pub fn ends(it: &BenchInterval, unit: Unit) -> Option<[String; 2]> {
    let [low, value, high] = [it.low, it.value, it.high].map(|value| shown(value, unit));
    (low != value || high != value).then_some([low, high])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{BenchLoad, BenchPart};

    fn times(p50: f64) -> Option<BenchTimes> {
        Some(BenchTimes { p50, p95: p50, p99: p50, max: p50, count: 9 })
    }

    fn run(p50: f64, parts: &[f64]) -> BenchRun {
        let part = |p50: &f64| BenchPart { included_ms: times(*p50), final_ms: times(2.0 * p50) };
        let parts = parts.iter().map(part).collect();
        let load = BenchLoad { included_ms: times(p50), parts, settled: 1, ..BenchLoad::default() };
        BenchRun { load, ..BenchRun::default() }
    }

    #[test]
    fn a_row_is_the_median_of_runs_and_how_far_it_may_be_off() {
        let runs = vec![run(10.0, &[9.0, 12.0]), run(20.0, &[]), run(14.0, &[30.0])];
        let mut rule = BenchRule { runs, ..BenchRule::default() };
        summarise(&mut rule);
        let row = rule.figures["included_p50_ms"];
        let half = again(&[10.0, 14.0, 20.0]);
        assert!(half > 14.0, "{half}");
        assert_eq!((row.value, row.low, row.high, row.of), (14.0, 0.0, 14.0 + half, 3));
        assert!(!rule.figures.contains_key("final_p50_ms"), "no run has it, whatever parts say");
        rule.runs.pop();
        summarise(&mut rule);
        assert_eq!(rule.figures["included_p50_ms"].value, 15.0);
        assert!(rule.warnings.is_empty());
    }

    #[test]
    fn one_run_is_told_by_its_parts_and_by_what_blocks_leave_to_chance() {
        let mut rule = BenchRule {
            runs: vec![run(10.0, &[9.0, 10.0, 11.0, 10.0, 10.0])],
            ..BenchRule::default()
        };
        rule.runs[0].chain =
            BenchChain { blocks: 18, interval_cv: Some(1.0), ..BenchChain::default() };
        let half = |rule: &mut BenchRule, name: &str| {
            summarise(rule);
            let row = rule.figures[name];
            assert!((row.high - row.value - (row.value - row.low)).abs() < 1e-9);
            row.high - row.value
        };
        let parts = half(&mut rule, "included_p50_ms");
        assert!((parts - again(&[9.0, 10.0, 11.0, 10.0, 10.0])).abs() < 1e-9);
        // Depth makes it final: blocks by chance.
        rule.finality_depth = Some(12);
        let both = half(&mut rule, "included_p50_ms");
        assert!((both - parts.hypot(6.53)).abs() < 0.01, "{both}");
        assert_eq!(half(&mut rule, "lost"), 0.0);
        rule.runs.clear();
        summarise(&mut rule);
        assert!(rule.figures.is_empty());
    }

    #[test]
    fn an_interval_that_reads_like_its_value_is_not_shown() {
        let ends = |low, high| {
            let it = BenchInterval { value: 1.0, low, high, of: 3 };
            super::ends(&it, Unit::Seconds)
        };
        assert_eq!(ends(0.9998, 1.0002), None);
        assert_eq!(ends(0.5, 1.0), Some(["0.500 s".into(), "1.00 s".into()]));
    }

    #[test]
    fn what_spoils_a_figure_is_said() {
        let mut rule = BenchRule { runs: vec![run(1.0, &[])], ..BenchRule::default() };
        rule.runs[0].load.settled = 0;
        rule.runs[0].load.cpu_starved = true;
        summarise(&mut rule);
        assert_eq!(rule.warnings.len(), 2, "{:?}", rule.warnings);
        let nothing = "nothing became final with seed 0: no payment was sent";
        assert!(rule.warnings.iter().any(|it| it == nothing), "{:?}", rule.warnings);
    }

    #[test]
    fn names_are_names() {
        for (place, figure) in FIGURES.iter().enumerate() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(figure.name.chars().all(plain), "{}", figure.name);
            assert!(FIGURES[place + 1..].iter().all(|other| other.name != figure.name));
        }
    }
}
