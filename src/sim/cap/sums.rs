//! Many splits, and the row that they make.

use super::super::fidelity::statistics::{Interval, Tally, mean, median};
use super::{Case, Count, Run, Side};

/// What came of several runs of a [`Case`].
#[derive(Debug, Clone, Default)]
pub struct Sums {
    runs: Vec<Run>,
}

/// The heads of the columns of a [row](Sums::cells).
pub const COLUMNS: [&str; 12] = [
    "rule",
    "split",
    "linearizable reads answered",
    "age of what is read, s",
    "blocks made",
    "payments in blocks",
    "payments final",
    "blocks undone",
    "payments taken back, and gone",
    "finals gone",
    "one head after, s",
    "goes on after, s",
];

impl Sums {
    /// All runs that were added.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Adds a run.
    pub fn add(&mut self, run: &Run) {
        self.runs.push(*run);
    }

    /// The share of something over all runs, and its interval (Wilson's) as if payments were independent.
    pub fn share(&self, count: impl Fn(&Run) -> Count) -> (f64, Interval) {
        let mut tally = Tally::default();
        for run in &self.runs {
            let Count { some, all } = count(run);
            (tally.successes, tally.trials) = (tally.successes + some, tally.trials + all);
        }
        (tally.share(), tally.interval())
    }

    fn sum(&self, count: impl Fn(&Run) -> u64) -> u64 {
        self.runs.iter().map(count).sum()
    }

    /// The mean of a number, with its interval (Student's) where there are several runs.
    fn number(&self, number: impl Fn(&Run) -> u64) -> String {
        // Far below 2^53.
        let numbers: Vec<f64> = self.runs.iter().map(|run| number(run) as f64).collect();
        match numbers[..] {
            [] => "–".into(),
            [only] => format!("{only:.0}"),
            _ => {
                let (value, Interval { low, high }) = mean(&numbers);
                format!("{value:.1} ({:.1} to {high:.1})", low.max(0.0))
            }
        }
    }

    /// The same on both sides, the greater one first.
    fn numbers(&self, number: impl Fn(&Side) -> u64) -> String {
        let [greater, smaller] = [0, 1].map(|side| self.number(|run| number(&run.sides[side])));
        format!("{greater} / {smaller}")
    }

    /// A share in percent, with its interval; a dash where there was nothing to count.
    fn percent(&self, count: impl Fn(&Run) -> Count) -> String {
        if self.sum(|run| count(run).all) == 0 {
            return "–".into();
        }
        let (value, Interval { low, high }) = self.share(count);
        format!("{:.0} % ({:.0} to {:.0})", value * 1e2, low * 1e2, high * 1e2)
    }

    /// The same on both sides, the greater one first.
    fn sides(&self, count: impl Fn(&Side) -> Count) -> String {
        let [greater, smaller] = [0, 1].map(|side| self.percent(|run| count(&run.sides[side])));
        format!("{greater} / {smaller}")
    }

    /// The row of a table: the greater side before the slash, the smaller one after it.
    pub fn cells(&self, case: &Case) -> Vec<String> {
        let linearizable = self.runs.iter().any(|run| run.linearizable);
        let reads = match linearizable {
            true => self.sides(|side| side.reads),
            false => "has none".into(),
        };
        let stale = |side: usize| {
            let mut ages: Vec<f64> = self.runs.iter().map(|run| run.sides[side].stale).collect();
            if ages.is_empty() { 0.0 } else { median(&mut ages).0 }
        };
        let finals = match self.sum(|run| run.finals_gone.all) {
            0 => "–".into(),
            all => format!("{} of {all}", self.sum(|run| run.finals_gone.some)),
        };
        vec![
            case.rule.into(),
            format!("{}/{}", case.sides[0], case.sides[1]),
            reads,
            format!("{:.1} / {:.1}", stale(0), stale(1)),
            self.numbers(|side| side.blocks),
            self.sides(|side| side.included),
            self.sides(|side| side.finals),
            self.numbers(|side| side.undone),
            format!("{}, {}", self.percent(|run| run.taken_back), self.sum(|run| run.gone)),
            finals,
            self.after(|run| run.healed),
            self.after(|run| run.goes_on),
        ]
    }

    /// The median of a span, and how often it was longer than anybody waited.
    fn after(&self, span: impl Fn(&Run) -> Option<f64>) -> String {
        let mut spans: Vec<f64> = self.runs.iter().filter_map(span).collect();
        let never = self.runs.len() - spans.len();
        let mut after = match spans.is_empty() {
            true => "–".into(),
            false => {
                let (value, Interval { low, high }) = median(&mut spans);
                format!("{value:.1} ({low:.1} to {high:.1})")
            }
        };
        if never > 0 {
            after += &format!(", {never} of {} not within two minutes", self.runs.len());
        }
        after
    }
}
