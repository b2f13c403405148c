//! `assay bench max`: the highest rate that a chain sustains here.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::compare::{commit, count_of, expect_dev, machine};
use super::load::{Payments, drive, measure, rate};
use super::own::{Own, Started, seated};
use crate::api::{BenchLoad, BenchMax, Exit};
use crate::bench::compare::figures::{Unit, digits, shown};
use crate::bench::load::{Order, RATE_MAX};
use crate::bench::max::{Search, bound_of, judge};
use crate::bench::schedule::PAYMENTS_MAX;
use crate::cli::error::CliError;
use crate::cli::output::{self, Table, plain};
use crate::cli::signals::Signals;
use crate::cli::specs::Given;
use crate::cli::time::time;
use crate::cli::{Globals, devnet};

/// The first rate.
const FIRST: f64 = 250.0;

/// Below this nobody looks: a payment a second.
const LEAST: f64 = 1.0;

/// How often a rate is tried before it counts as one that does not hold: a bad moment of the machine is no limit of the chain.
const TRIES: u64 = 2;

/// What `assay bench max` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Max {
    /// The chain: a file, or the name of a shipped spec such as raft-dev
    spec: String,
    /// A rate holds only if 99 of 100 payments are final after this [default: three times what the first rate that holds takes, at least 1s]
    #[arg(long, value_name = "TIME", value_parser = time)]
    p99: Option<Duration>,
    /// Begin with so many payments per second
    #[arg(long, value_name = "TPS", value_parser = rate, default_value_t = FIRST)]
    from: f64,
    /// Try no more than so many [default: as many as the duration allows]
    #[arg(long, value_name = "TPS", value_parser = rate)]
    to: Option<f64>,
    /// For how long each rate is offered
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    duration: Duration,
    /// End when the rate that holds and the one that does not are so close, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=100))]
    precision: u64,
    /// How many nodes to start, 1 to 128, each of them with a part [default: as the spec says]
    #[arg(long, value_parser = devnet::nodes)]
    nodes: Option<NonZeroUsize>,
    #[command(flatten)]
    payments: Payments,
    /// Where arrivals, accounts and amounts come from; each further try has the next one
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How long to wait for what was offered, each time
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = time)]
    settle: Duration,
    /// Where devnets lie while they last [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    temporary: Option<PathBuf>,
}

impl Max {
    /// Rates that can be tried.
    fn range(&self) -> Result<(f64, f64), CliError> {
        // A number of payments is exact.
        let most = (PAYMENTS_MAX as f64 / self.duration.as_secs_f64().max(1e-3)).min(RATE_MAX);
        let most = self.to.map_or(most, |to| to.min(most));
        let least = LEAST.min(self.from).max(4.0 / self.duration.as_secs_f64().max(1e-3));
        if self.from > most || least > most {
            return Err(CliError::usage(format!(
                "it cannot begin with {} payments per second: the most that is tried is {}",
                digits(self.from),
                digits(most)
            ))
            .help("take a lower --from, a higher --to, or a shorter --duration"));
        }
        Ok((least, most))
    }

    fn order(&self, rate: f64, seed: u64) -> Order {
        self.payments.order(rate, (self.duration, self.settle), seed)
    }
}

/// Runs `assay bench max`.
pub(super) fn max(args: &Max, globals: &Globals) -> Result<Exit, CliError> {
    globals.expect_no_node("assay bench max")?;
    let given = seated(&args.spec, args.nodes)?;
    expect_dev(&args.spec, &given.spec)?;
    let (least, most) = args.range()?;
    args.order(args.from, args.seed).check()?;
    let mut search = Search::new(args.from, (least, most), args.precision as f64 / 100.0);
    let mut found = begun(args, &given);
    let temporary = args.temporary.clone().unwrap_or_else(std::env::temp_dir);
    if cfg!(debug_assertions) {
        output::note("this is a debug build: its figures say little");
    }
    let exit = drive(async |signals| {
        let mut bound = args.p99.map(|time| time.as_secs_f64() * 1e3);
        let mut seed = args.seed;
        while let Some(rate) = search.next() {
            let mut held = false;
            for attempt in 1..=TRIES {
                output::note(format!("{} payments per second", digits(rate)));
                let order = args.order(rate, seed);
                let (load, exit) = match probe(args, &given, &order, &temporary, signals).await? {
                    Tried::Load(load, exit) => (load, exit),
                    Tried::Stopped(exit) => {
                        found.partial = true;
                        return Ok(exit);
                    }
                };
                if let Some(exit) = exit {
                    found.partial = true;
                    return Ok(exit);
                }
                seed = seed.wrapping_add(1);
                let probe = judge(rate, &load, bound);
                held = probe.held;
                output::note(match held {
                    true => "  held".to_owned(),
                    false => format!("  did not hold: {}", plain(&probe.reasons.join("; "))),
                });
                if held && bound.is_none() {
                    bound = bound_of(&load);
                }
                found.bound_ms = bound;
                found.probes.push(probe);
                if held || attempt == TRIES {
                    break;
                }
            }
            search.tell(rate, held);
        }
        Ok(Exit::Ok)
    })?;
    (found.rate, found.above) = search.found();
    let limit = found.probes.iter().rfind(|probe| Some(probe.rate) == found.above && !probe.held);
    found.limits = limit.map(|probe| probe.reasons.clone()).unwrap_or_default();
    match globals.json {
        true => output::json(&found)?,
        false => print(&found)?,
    }
    Ok(match found.rate {
        None if exit == Exit::Ok => Exit::Failed,
        _ => exit,
    })
}

/// A result before anything was tried.
fn begun(args: &Max, given: &Given) -> BenchMax {
    let spec = &given.spec;
    BenchMax {
        spec: spec.name.clone(),
        engine: spec.consensus().engine().into(),
        nodes: count_of(spec, args.nodes),
        finality_depth: spec.consensus().finality_depth(),
        version: env!("CARGO_PKG_VERSION").into(),
        commit: commit(),
        machine: machine(),
        taken: output::now(),
        seconds: args.duration.as_secs_f64(),
        accounts: args.payments.accounts,
        payload: args.payments.payload as u64, // it fits
        seed: args.seed,
        bound_ms: args.p99.map(|time| time.as_secs_f64() * 1e3),
        ..BenchMax::default()
    }
}

/// What came of a try.
enum Tried {
    /// A result, and the signal that ended it, if one did.
    Load(Box<BenchLoad>, Option<Exit>),
    /// A signal came before there was anything.
    Stopped(Exit),
}

/// A rate on a devnet of its own: what the one before left behind is not waited for.
async fn probe(
    args: &Max,
    given: &Given,
    order: &Order,
    temporary: &Path,
    signals: &mut Signals,
) -> Result<Tried, CliError> {
    let own = match Own::start_in_step(given, args.nodes, temporary, signals).await? {
        Started::Up(own) => own,
        Started::Stopped(exit) => return Ok(Tried::Stopped(exit)),
    };
    let order = Order { disk: Some(own.disk()), ..order.clone() };
    let measured = match own.places() {
        Ok(places) => measure(&order, &places, signals).await,
        Err(error) => Err(error),
    };
    let ended = own.end(signals).await;
    let (run, exit) = measured?;
    ended?;
    Ok(Tried::Load(Box::new(run.load), exit))
}

fn print(found: &BenchMax) -> Result<(), CliError> {
    let mut table =
        Table::new(&["payments per second", "held", "final p50", "p99", "backlog", "idle"])
            .right(&[0, 2, 3, 4, 5]);
    for probe in &found.probes {
        let ms = |value: Option<f64>| value.map_or("–".into(), |value| shown(value, Unit::Ms));
        let growth = probe.growth.map_or("–".to_owned(), |growth| format!("{growth:+.2} s/s"));
        let idle = probe.idle_share.map_or("–".into(), |share| shown(share, Unit::Share));
        table.row([
            digits(probe.rate),
            if probe.held { "yes" } else { "no" }.to_owned(),
            ms(probe.final_ms.map(|times| times.p50)),
            ms(probe.final_ms.map(|times| times.p99)),
            growth,
            idle,
        ]);
    }
    table.print()?;
    output::line("")?;
    if found.partial {
        output::line("PARTIAL: a signal ended it before its time")?;
    }
    let bound = found.bound_ms.map(|ms| format!(" within {}", shown(ms, Unit::Ms)));
    let chain = format!("{} ({}, {} nodes)", plain(&found.spec), found.engine, found.nodes);
    match found.rate {
        Some(rate) => output::line(format!(
            "{chain} sustains {} payments per second, 99 of 100 final{}",
            digits(rate),
            bound.unwrap_or_default()
        ))?,
        None => output::line(format!("{chain}: no rate that was tried held"))?,
    }
    if let Some(above) = found.above {
        output::line(format!(
            "{} did not hold: {}",
            digits(above),
            plain(&found.limits.join("; "))
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        max: Max,
    }

    fn range(line: &str) -> Result<(f64, f64), CliError> {
        Line::try_parse_from(line.split(' ')).unwrap().max.range()
    }

    #[test]
    fn rates_stay_below_what_a_run_can_hold() {
        assert_eq!(range("max raft-dev").unwrap(), (1.0, 100_000.0));
        assert_eq!(range("max raft-dev --duration 1s").unwrap().0, 4.0, "a few payments at least");
        assert_eq!(range("max raft-dev --to 300").unwrap(), (1.0, 300.0));
        for line in ["max raft-dev --from 500 --to 300", "max raft-dev --from 2000 --duration 10m"]
        {
            assert!(range(line).unwrap_err().advice().is_some(), "{line}");
        }
    }
}
