//! Many seeds, on all cores.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use super::report;
use crate::api::{Exit, SimRun};
use crate::cli::error::CliError;
use crate::cli::long;
use crate::cli::output::{self, Table};
use crate::sim::scenario::{self, Impossible, Outcome, Scenario};
use crate::sim::swarm;

/// Seeds that run before their results are printed, in order: of a range that fails early, the first lines come early.
const BATCH: u64 = 256;

/// Failures that are told in full.
const FAILURES_MAX: usize = 5;

/// What is run.
pub(super) enum Subject {
    /// What the seed draws, under the rule with this name.
    Swarm(&'static str),
    /// A scenario.
    Scenario(Box<Scenario>),
}

/// A run, and what to tell if it failed.
struct Done {
    run: SimRun,
    good: bool,
    failure: Option<Failure>,
}

enum Failure {
    Swarm(Box<swarm::Failure>),
    Scenario(Box<Outcome>),
}

fn run(subject: &Subject, seed: u64) -> Result<Done, Impossible> {
    let started = Instant::now();
    match subject {
        Subject::Scenario(scenario) => {
            let outcome = scenario::run(scenario, seed)?;
            let run = report::of(scenario, &outcome, started.elapsed());
            let good = outcome.is_good();
            let failure = (!good).then(|| Failure::Scenario(Box::new(outcome)));
            Ok(Done { run, good, failure })
        }
        Subject::Swarm(engine) => {
            let drawn = swarm::draw(engine, seed);
            let outcome = swarm::run(&drawn);
            let took = started.elapsed();
            let good = outcome.violations.is_empty();
            let run = SimRun {
                scenario: drawn.name.into(),
                seed,
                digest: outcome.digest.to_hex().to_string(),
                events: outcome.events,
                virtual_ms: outcome.lasted.0 / 1000,
                wall_ms: report::millis(took),
                outside: outcome.outside,
                violations: outcome.violations.iter().map(report::violation).collect(),
                expect: Vec::new(),
                // Below 2^53.
                metrics: BTreeMap::from([("blocks".into(), Some(outcome.height as f64))]),
            };
            let failure = (!good).then(|| {
                let run = |draw: &swarm::Draw| swarm::run(draw).violations;
                Failure::Swarm(Box::new(swarm::shrink(drawn, outcome.violations, run)))
            });
            Ok(Done { run, good, failure })
        }
    }
}

/// What is known of all runs.
#[derive(Default)]
struct Sum {
    runs: u64,
    failed: u64,
    outside: u64,
    events: u64,
    virtual_ms: u64,
    wall_ms: u64,
    /// By name: the least, the sum and the greatest, and how many.
    figures: BTreeMap<String, (f64, f64, f64, u64)>,
}

impl Sum {
    fn add(&mut self, done: &Done) {
        let run = &done.run;
        self.runs += 1;
        self.failed += u64::from(!done.good);
        self.outside += u64::from(run.outside);
        self.events += run.events;
        self.virtual_ms += run.virtual_ms;
        self.wall_ms += run.wall_ms;
        for (name, value) in &run.metrics {
            let Some(value) = *value else { continue };
            let figure = self.figures.entry(name.clone());
            let (least, sum, most, count) = figure.or_insert((value, 0.0, value, 0));
            (*least, *most) = (least.min(value), most.max(value));
            (*sum, *count) = (*sum + value, *count + 1);
        }
    }

    fn print(&self) -> Result<(), CliError> {
        let mut table = Table::new(&["figure", "least", "mean", "most"]).right(&[1, 2, 3]);
        for (name, (least, sum, most, count)) in &self.figures {
            let mean = sum / *count as f64; // far below 2^53
            let figures = [*least, mean, *most].map(|value| report::figure(Some(value)));
            table.row([name].into_iter().chain(&figures));
        }
        table.print()?;
        let (runs, failed) = (output::count(self.runs), output::count(self.failed));
        output::line(format!("{runs} runs, {failed} of them failed"))?;
        if self.outside > 0 {
            let outside = output::count(self.outside);
            output::line(format!("{outside} of them outside the model: agreement not judged"))?;
        }
        if self.failed == 0 && self.runs > 1 {
            // (1 − p)^n = 0.05: the greatest p that would let n runs pass in one of twenty cases.
            let bound = 1.0 - 0.05_f64.powf(1.0 / self.runs as f64);
            let bound = bound * 100.0;
            output::line(format!(
                "fewer than {bound:.3} % of all seeds fail, with 95 % confidence"
            ))?;
        }
        let cpu = self.wall_ms.max(1) as f64 / 1000.0;
        output::line(format!(
            "{:.0} runs and {:.0} events per second and core, {:.0} times as fast as life",
            self.runs as f64 / cpu,
            self.events as f64 / cpu,
            self.virtual_ms as f64 / 1000.0 / cpu,
        ))
    }
}

/// Runs all seeds from the first to the last.
pub(super) fn many(
    given: String,
    subject: Subject,
    (first, last): (u64, u64),
    json: bool,
) -> Result<Exit, CliError> {
    let work = move |going: &AtomicBool| -> Result<Sum, CliError> {
        let total = last.saturating_sub(first).saturating_add(1);
        let bar = long::bar(total, "runs");
        let mut sum = Sum::default();
        let mut from = first;
        while going.load(Ordering::Relaxed) {
            let to = last.min(from.saturating_add(BATCH - 1));
            let seeds = (from..=to).into_par_iter().filter_map(|seed| {
                let done = going.load(Ordering::Relaxed).then(|| run(&subject, seed));
                bar.inc(1);
                done
            });
            let batch: Vec<Result<Done, Impossible>> = seeds.collect();
            for done in batch {
                let done = done?;
                sum.add(&done);
                bar.suspend(|| tell(&given, &subject, &done, &sum, json))?;
            }
            if to == last {
                break;
            }
            from = to + 1;
        }
        bar.finish_and_clear();
        Ok(sum)
    };
    let (sum, signal) = long::interruptible(work)?;
    let sum = sum?;
    if !json {
        sum.print()?;
    }
    Ok(match (signal, sum.failed) {
        (Some(exit), _) => exit,
        (None, 0) => Exit::Ok,
        (None, _) => Exit::Violated,
    })
}

fn tell(
    given: &str,
    subject: &Subject,
    done: &Done,
    sum: &Sum,
    json: bool,
) -> Result<(), CliError> {
    if json {
        report::line(&done.run)?;
    }
    let Some(failure) = &done.failure else { return Ok(()) };
    if sum.failed > FAILURES_MAX as u64 {
        if sum.failed == FAILURES_MAX as u64 + 1 {
            output::note("further failures are counted only");
        }
        return Ok(());
    }
    match (failure, subject) {
        (Failure::Scenario(outcome), Subject::Scenario(scenario)) => {
            report::failure(given, scenario, outcome);
        }
        (Failure::Swarm(failure), _) => output::note(failure),
        (Failure::Scenario(_), Subject::Swarm(_)) => {}
    }
    Ok(())
}
