//! Several reports as one: what may be put together, and what may not.
//!
//! Runs of the same build on the same machine under the same load are runs of one measurement, whoever took them when. Runs of another
//! build are another point of a trend. Runs under another load, on other nodes or another machine say nothing about either: there is no
//! report of both.

use crate::api::{BenchCompare, BenchMachine, BenchMax, BenchRule, BenchWorkload};

/// A report, and the file that it came from.
#[derive(Debug, Clone)]
pub struct Named<T = BenchCompare> {
    /// The file.
    pub file: String,
    /// What it says.
    pub report: T,
}

/// Why two reports are not put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{first} and {other} cannot be compared: {what} differs, {ours} and {theirs}")]
pub struct Mixed {
    /// A file.
    pub first: String,
    /// The one that it does not go with.
    pub other: String,
    /// In what they differ.
    pub what: String,
    /// How it is in the first.
    pub ours: String,
    /// And in the other.
    pub theirs: String,
}

/// What has to be the same in all, as text.
fn terms(report: &BenchCompare) -> Vec<(&'static str, String)> {
    let BenchWorkload { rate, seconds, accounts, payload, latency_ms } = &report.workload;
    let machine = report.machine.as_ref().map(BenchMachine::shown);
    let latency = latency_ms.map(|ms| format!("{ms} ms"));
    vec![
        ("where it was measured", report.place.clone()),
        ("the machine", machine.unwrap_or_else(|| "none".into())),
        ("the rate", format!("{rate} payments per second")),
        ("the duration", format!("{seconds} s")),
        ("the number of accounts", accounts.to_string()),
        ("the payload", format!("{payload} bytes")),
        ("the latency", latency.unwrap_or_else(|| "that of the machine".into())),
    ]
}

/// The same of a search for the highest rate.
fn terms_of_max(max: &BenchMax) -> Vec<(&'static str, String)> {
    vec![
        ("the machine", max.machine.shown()),
        ("the duration", format!("{} s", max.seconds)),
        ("the number of accounts", max.accounts.to_string()),
        ("the payload", format!("{} bytes", max.payload)),
        ("the number of nodes", max.nodes.to_string()),
    ]
}

/// Whether the terms of two files are the same.
fn same(
    (first, other): (&str, &str),
    ours: Vec<(&'static str, String)>,
    theirs: Vec<(&'static str, String)>,
) -> Result<(), Mixed> {
    let differ = ours.into_iter().zip(theirs).find(|((_, ours), (_, theirs))| ours != theirs);
    differ.map_or(Ok(()), |((what, ours), (_, theirs))| {
        let (first, other) = (first.to_owned(), other.to_owned());
        Err(Mixed { first, other, what: what.to_owned(), ours, theirs })
    })
}

/// Whether two reports are about the same; what they differ in if they are not.
fn agree(first: &Named, other: &Named) -> Result<(), Mixed> {
    let mixed = |what: String, ours: String, theirs: String| {
        let (first, other) = (first.file.clone(), other.file.clone());
        Err(Mixed { first, other, what, ours, theirs })
    };
    same((&first.file, &other.file), terms(&first.report), terms(&other.report))?;
    for rule in &first.report.rules {
        for same in other.report.rules.iter().filter(|other| other.spec == rule.spec) {
            if same.nodes != rule.nodes {
                let what = format!("the number of nodes of {}", rule.spec);
                return mixed(what, rule.nodes.to_string(), same.nodes.to_string());
            }
            if rule.toml != same.toml {
                let mut lines = rule.toml.lines().zip(same.toml.lines());
                let line = lines.find(|(ours, theirs)| ours != theirs);
                let (ours, theirs) = line.unwrap_or(("it is longer", "it is shorter"));
                let quoted = |line: &str| format!("`{}`", line.trim());
                return mixed(format!("the spec {}", rule.spec), quoted(ours), quoted(theirs));
            }
        }
    }
    Ok(())
}

/// Puts the runs of one build together.
fn join(into: &mut BenchCompare, from: BenchCompare) {
    into.partial |= from.partial;
    into.seed = into.seed.min(from.seed);
    into.taken = into.taken.max(from.taken);
    for rule in from.rules {
        let Some(same) = into.rules.iter_mut().find(|same| same.spec == rule.spec) else {
            into.rules.push(rule);
            continue;
        };
        let BenchRule { runs, failure, .. } = rule;
        // A simulation gives the same for a seed again: it is one run, however often it was done.
        let new = runs.into_iter().filter(|run| !same.runs.contains(run));
        same.runs.extend(new.collect::<Vec<_>>());
        same.failure = same.failure.take().or(failure);
    }
    into.repeat = into.rules.iter().map(|rule| rule.runs.len() as u64).max().unwrap_or(0); // a length fits
}

/// Merges reports: one for each build, the earliest first.
///
/// # Errors
///
/// Two of them are not about the same.
pub fn merge(mut reports: Vec<Named>) -> Result<Vec<BenchCompare>, Mixed> {
    reports.sort_by(|a, b| (a.report.taken, &a.file).cmp(&(b.report.taken, &b.file)));
    let Some((first, others)) = reports.split_first() else { return Ok(Vec::new()) };
    others.iter().try_for_each(|other| agree(first, other))?;
    let mut builds: Vec<BenchCompare> = Vec::new();
    for Named { report, .. } in reports {
        let of = |build: &BenchCompare| (build.version.clone(), build.commit.clone());
        match builds.iter_mut().find(|build| of(build) == of(&report)) {
            Some(build) => join(build, report),
            None => builds.push(report),
        }
    }
    for build in &mut builds {
        build.rules.iter_mut().for_each(super::figures::summarise);
    }
    Ok(builds)
}

/// Puts searches for the highest rate in order: by chain, the earliest first.
///
/// # Errors
///
/// Two searches on one chain were made on other terms.
pub fn line_up(mut found: Vec<Named<BenchMax>>) -> Result<Vec<BenchMax>, Mixed> {
    let key = |it: &Named<BenchMax>| (it.report.spec.clone(), it.report.taken, it.file.clone());
    found.sort_by_cached_key(key);
    for (one, next) in found.iter().zip(found.iter().skip(1)) {
        if one.report.spec == next.report.spec {
            let (ours, theirs) = (terms_of_max(&one.report), terms_of_max(&next.report));
            same((&one.file, &next.file), ours, theirs)?;
        }
    }
    Ok(found.into_iter().map(|named| named.report).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{BenchLoad, BenchRun, BenchTimes};
    use crate::types::Time;

    fn report(file: &str, commit: &str, taken: u64, p50: f64) -> Named {
        let included_ms = Some(BenchTimes { p50, p95: p50, p99: p50, max: p50, count: 10 });
        let load = BenchLoad { settled: 10, included_ms, ..BenchLoad::default() };
        let rule = BenchRule {
            spec: "compare-raft".into(),
            toml: "name = \"compare-raft\"\nnodes = 4\n".into(),
            nodes: 4,
            runs: vec![BenchRun { load, ..BenchRun::default() }],
            ..BenchRule::default()
        };
        let workload =
            BenchWorkload { rate: 50.0, seconds: 6.0, accounts: 9, ..BenchWorkload::default() };
        let report = BenchCompare {
            place: "devnet".into(),
            commit: Some(commit.into()),
            taken: Some(Time(taken)),
            machine: Some(BenchMachine { processors: 2, ..BenchMachine::default() }),
            workload,
            repeat: 1,
            rules: vec![rule],
            ..BenchCompare::default()
        };
        Named { file: file.into(), report }
    }

    #[test]
    fn runs_of_a_build_are_one_measurement_and_builds_are_a_trend() {
        let all = vec![
            report("c", "new", 30, 30.0),
            report("a", "old", 10, 10.0),
            report("b", "old", 20, 20.0),
        ];
        let builds = merge(all).unwrap();
        let commits: Vec<_> = builds.iter().filter_map(|it| it.commit.as_deref()).collect();
        assert_eq!(commits, ["old", "new"]);
        let of = |build: &BenchCompare| build.rules[0].figures["included_p50_ms"];
        let old = of(&builds[0]);
        assert_eq!((old.value, old.of), (15.0, 2));
        assert!(old.high > 20.0, "two runs say little: {old:?}");
        assert_eq!((builds[0].repeat, of(&builds[1]).value), (2, 30.0));
        assert!(merge(Vec::new()).unwrap().is_empty());
    }

    #[test]
    fn a_simulation_of_one_seed_is_one_run() {
        let builds = merge(vec![report("a", "x", 0, 1.0), report("b", "x", 0, 1.0)]).unwrap();
        assert_eq!(builds[0].rules[0].runs.len(), 1);
    }

    #[test]
    fn what_is_not_about_the_same_is_not_put_together() {
        let first = report("first", "x", 0, 1.0);
        let other = |change: fn(&mut BenchCompare)| {
            let mut other = report("other", "x", 1, 1.0);
            change(&mut other.report);
            merge(vec![first.clone(), other]).unwrap_err()
        };
        let rate = other(|it| it.workload.rate = 51.0);
        assert_eq!(
            rate.to_string(),
            "first and other cannot be compared: the rate differs, 50 payments per second and 51 payments per second"
        );
        assert_eq!(other(|it| it.place = "sim".into()).what, "where it was measured");
        assert_eq!(other(|it| it.machine = None).what, "the machine");
        assert_eq!(other(|it| it.workload.seconds = 7.0).what, "the duration");
        assert_eq!(other(|it| it.workload.payload = 7).what, "the payload");
        assert_eq!(other(|it| it.workload.latency_ms = Some(7.0)).what, "the latency");
        assert_eq!(other(|it| it.rules[0].nodes = 7).what, "the number of nodes of compare-raft");
        let spec = other(|it| it.rules[0].toml = "name = \"compare-raft\"\nnodes = 7\n".into());
        assert_eq!((spec.ours.as_str(), spec.theirs.as_str()), ("`nodes = 4`", "`nodes = 7`"));
    }

    #[test]
    fn searches_of_one_chain_are_lined_up_if_their_terms_are_the_same() {
        let found = |file: &str, spec: &str, taken: u64, nodes: u64| {
            let report =
                BenchMax { spec: spec.into(), taken: Time(taken), nodes, ..BenchMax::default() };
            Named { file: file.into(), report }
        };
        let all =
            vec![found("a", "raft", 9, 4), found("b", "pbft", 2, 7), found("c", "raft", 1, 4)];
        let order = line_up(all.clone()).unwrap();
        let order: Vec<_> = order.iter().map(|it| (it.spec.as_str(), it.taken.0)).collect();
        assert_eq!(order, [("pbft", 2), ("raft", 1), ("raft", 9)]);
        let more = [all, vec![found("d", "raft", 5, 7)]].concat();
        let error = line_up(more).unwrap_err();
        assert_eq!(
            error.to_string(),
            "c and d cannot be compared: the number of nodes differs, 4 and 7"
        );
    }
}
