//! What is told of a run.

use std::time::Duration;

use crate::api::{SimExpect, SimRun, SimViolation};
use crate::cli::error::CliError;
use crate::cli::output::{self, Table};
use crate::sim::Violation;
use crate::sim::scenario::{Judged, Outcome, Scenario, shrink};
use crate::types::Span;

/// Violations that are told in full.
const VIOLATIONS_MAX: usize = 8;

pub(super) fn violation(violation: &Violation) -> SimViolation {
    let Violation { at, node, watcher, what } = violation;
    SimViolation { at_us: at.0, node: *node, checker: (*watcher).into(), what: what.clone() }
}

pub(super) fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

/// A run of a scenario.
pub(super) fn of(scenario: &Scenario, outcome: &Outcome, took: Duration) -> SimRun {
    let expect = |judged: &Judged| {
        let Judged { what, ok, value, why } = judged.clone();
        SimExpect { what, ok, value, why }
    };
    SimRun {
        scenario: scenario.name.clone(),
        seed: outcome.seed,
        digest: outcome.digest.to_hex().to_string(),
        events: outcome.events,
        virtual_ms: outcome.lasted.0 / 1000,
        wall_ms: millis(took),
        outside: outcome.outside,
        violations: outcome.violations.iter().map(violation).collect(),
        expect: outcome.expect.iter().map(expect).collect(),
        metrics: outcome.metrics.iter().map(|(name, value)| ((*name).into(), *value)).collect(),
    }
}

/// A run, or a row of a table, as one line of JSON, on terminals too.
pub(super) fn line(run: &impl serde::Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string(run);
    output::line(text.map_err(|error| CliError::failed(format!("the result is no JSON: {error}")))?)
}

/// A figure with as many digits as anybody reads.
pub(super) fn figure(value: Option<f64>) -> String {
    match value {
        None => "–".into(),
        Some(value) if value.fract() == 0.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.3}"),
    }
}

/// What a person wants to know of one run.
pub(super) fn table(run: &SimRun) -> Table {
    let mut table = Table::pairs();
    table.pair("scenario", &run.scenario);
    table.pair("seed", run.seed);
    let (lasted, took) = (Span(run.virtual_ms), Span(run.wall_ms));
    let (lasted, took) = (output::duration(lasted), output::duration(took));
    let events = output::count(run.events);
    table.pair("lasted", format!("{lasted} simulated in {took}, {events} events"));
    for (name, value) in &run.metrics {
        table.pair(name, figure(*value));
    }
    if run.outside {
        table.pair("model", "outside: a cut lasts, or clocks make blocks wait, longer than a quarter of the final depth, so agreement is not judged");
    }
    table.pair("digest", &run.digest);
    table
}

/// What was expected, and what came.
pub(super) fn expectations(run: &SimRun) -> Result<(), CliError> {
    for SimExpect { what, ok, value, why } in &run.expect {
        let verdict = if *ok { "ok    " } else { "FAILED" };
        let found = match (value, why) {
            (_, Some(why)) => format!(": {}", output::plain(why)),
            (Some(value), None) => format!(": {}", figure(Some(*value))),
            (None, None) => String::new(),
        };
        output::line(format!("{verdict} {}{found}", output::plain(what)))?;
    }
    Ok(())
}

/// What is needed to see a failure again: violations, seed, options, the events that are enough, and the command.
pub(super) fn failure(given: &str, scenario: &Scenario, outcome: &Outcome) {
    let seed = outcome.seed;
    output::note(format!("seed {seed} fails"));
    for violation in outcome.violations.iter().take(VIOLATIONS_MAX) {
        output::note(format!("  {violation}"));
    }
    for judged in outcome.expect.iter().filter(|judged| !judged.ok) {
        output::note(format!("  expected {}, found {}", judged.what, figure(judged.value)));
    }
    let options = scenario.options(seed);
    let (nodes, topology) = (options.nodes.len(), &options.topology);
    output::note(format!("{nodes} nodes, {topology:?}, {:?}, {:?}", options.link, options.costs));
    if !outcome.violations.is_empty() && !scenario.events.is_empty() {
        let enough = shrink(scenario, outcome);
        let (all, few) = (scenario.events.len(), enough.len());
        output::note(format!("of {all} events these {few} are enough:"));
        enough.iter().for_each(|event| output::note(format!("  {event}")));
    }
    output::note(format!("to see it again: assay sim run {given} --seed {seed}"));
}
