//! What changed from one build to another.

use super::figures::{FIGURES, Figure, figure};
use crate::api::{BenchChange, BenchCompare, BenchInterval, BenchRule};

/// The figures that are drawn over builds.
const DRAWN: [&str; 8] = [
    "included_p50_ms",
    "final_p50_ms",
    "final_p99_ms",
    "rate_final",
    "stale_rate",
    "bytes_per_tx",
    "cpu_us_per_tx",
    "interval_s",
];

/// A figure of a rule in each build.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// The rule's place in the last build.
    pub(super) place: usize,
    pub(super) engine: String,
    pub(super) points: Vec<Option<BenchInterval>>,
}

/// The figures that are drawn, as far as they were measured twice, with a line for each rule of the last build.
pub(super) fn lines(builds: &[BenchCompare]) -> Vec<(&'static Figure, Vec<Line>)> {
    let Some(last) = builds.last() else { return Vec::new() };
    let of = |build: &BenchCompare, spec: &str, name: &str| {
        let rule = build.rules.iter().find(|rule| rule.spec == spec)?;
        rule.figures.get(name).copied()
    };
    let mut all = Vec::new();
    for figure in DRAWN.iter().filter_map(|name| figure(name)) {
        let line = |(place, rule): (usize, &BenchRule)| Line {
            place,
            engine: rule.engine.clone(),
            points: builds.iter().map(|build| of(build, &rule.spec, figure.name)).collect(),
        };
        let twice = |line: &Line| line.points.iter().flatten().count() > 1;
        let lines: Vec<Line> = last.rules.iter().enumerate().map(line).filter(twice).collect();
        if !lines.is_empty() {
            all.push((figure, lines));
        }
    }
    all
}

/// Every figure of the last build beside that of the first; *apart* where each lies outside the interval of the other. A figure of one
/// value has no interval and is never apart, but in the simulator, which gives the same for the same build.
pub fn changes(builds: &[BenchCompare]) -> Vec<BenchChange> {
    let (Some(first), Some(last)) = (builds.first(), builds.last()) else { return Vec::new() };
    if builds.len() < 2 {
        return Vec::new();
    }
    let mut all = Vec::new();
    for rule in &last.rules {
        let Some(before) = first.rules.iter().find(|before| before.spec == rule.spec) else {
            continue;
        };
        for figure in &FIGURES {
            let of = |rule: &BenchRule| rule.figures.get(figure.name).copied();
            let (Some(from), Some(to)) = (of(before), of(rule)) else { continue };
            all.push(BenchChange {
                spec: rule.spec.clone(),
                engine: rule.engine.clone(),
                figure: figure.name.into(),
                from,
                to,
                ratio: (from.value > 0.0).then(|| to.value / from.value),
                apart: differ(&from, &to) && (known(&from, &to) || last.place == "sim"),
            });
        }
    }
    all
}

fn differ(from: &BenchInterval, to: &BenchInterval) -> bool {
    let inside = |value: f64, it: &BenchInterval| (it.low..=it.high).contains(&value);
    !inside(from.value, to) && !inside(to.value, from)
}

fn known(from: &BenchInterval, to: &BenchInterval) -> bool {
    from.of > 1 && to.of > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(spec: &str, low: f64, high: f64) -> BenchCompare {
        let it = BenchInterval { value: f64::midpoint(low, high), low, high, of: 3 };
        let figures = [("final_p50_ms".to_owned(), it), ("lost".to_owned(), it)].into();
        let rule = BenchRule { spec: spec.into(), figures, ..BenchRule::default() };
        BenchCompare { rules: vec![rule], ..BenchCompare::default() }
    }

    #[test]
    fn a_change_is_one_where_intervals_have_nothing_in_common() {
        let found = |from: BenchCompare, to| changes(&[from, to]);
        let faster = found(build("a", 10.0, 12.0), build("a", 4.0, 7.0));
        assert_eq!(faster.len(), 2);
        assert!(faster.iter().all(|it| it.apart && it.ratio == Some(0.5)));
        let slower = found(build("a", 4.0, 7.0), build("a", 10.0, 12.0));
        assert!(slower.iter().all(|it| it.apart));
        assert!(found(build("a", 4.0, 11.0), build("a", 10.0, 12.0)).iter().all(|it| !it.apart));
        // What was measured once is not known to have changed, if chance has a say in it.
        let once = |value: f64, place: &str| {
            let mut build = build("a", value, value);
            build.place = place.into();
            for figure in build.rules[0].figures.values_mut() {
                figure.of = 1;
            }
            build
        };
        assert!(found(once(1.0, "devnet"), once(2.0, "devnet")).iter().all(|it| !it.apart));
        assert!(found(once(1.0, "sim"), once(2.0, "sim")).iter().all(|it| it.apart));
        assert!(
            found(build("a", 0.0, 0.0), build("a", 0.0, 0.0)).iter().all(|it| it.ratio.is_none())
        );
        assert!(found(build("a", 1.0, 2.0), build("b", 1.0, 2.0)).is_empty());
        assert!(changes(&[build("a", 1.0, 2.0)]).is_empty());
    }

    #[test]
    fn what_was_measured_once_has_no_line() {
        let of = |builds: &[BenchCompare]| lines(builds).len();
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[build("a", 1.0, 2.0)]), 0);
        let twice = [build("a", 1.0, 2.0), build("b", 1.0, 2.0), build("a", 1.0, 2.0)];
        assert_eq!(of(&twice), 1, "of what is drawn, final_p50_ms alone is there");
        assert_eq!(lines(&twice)[0].1[0].points.iter().flatten().count(), 2);
        assert_eq!(of(&twice[..2]), 0);
    }
}
