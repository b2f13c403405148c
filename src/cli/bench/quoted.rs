//! `assay bench quoted`: what people say of well-known chains, beside what chains with their figures do.

use crate::api::{BenchBeside, BenchQuoted, Exit};
use crate::bench::compare::figures::{Unit, shown};
use crate::bench::compare::quoted::{QUOTED, Quoted, measure};
use crate::bench::compare::simulated::TrialError;
use crate::cli::error::{CliError, did_you_mean};
use crate::cli::output::{self, Table};
use crate::cli::{Globals, long};

/// What `assay bench quoted` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Quote {
    /// The chains, by the names of their specs [default: all that something is quoted of]
    specs: Vec<String>,
    /// What chance makes of it: the same to the digit for a seed, on every machine
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// The claims about these chains.
fn claims(specs: &[String]) -> Result<Vec<&'static Quoted>, CliError> {
    if specs.is_empty() {
        return Ok(QUOTED.iter().collect());
    }
    let names = || QUOTED.iter().map(|quoted| quoted.spec);
    let claim = |spec: &String| {
        QUOTED.iter().find(|quoted| quoted.spec == spec).ok_or_else(|| {
            let advice = did_you_mean(spec, names()).unwrap_or_else(|| {
                format!("something is quoted of {}", names().collect::<Vec<_>>().join(", "))
            });
            CliError::usage(format!("nothing is quoted of a chain {spec}")).help(advice)
        })
    };
    specs.iter().map(claim).collect()
}

/// Runs `assay bench quoted`.
pub(super) fn quoted(args: &Quote, globals: &Globals) -> Result<Exit, CliError> {
    globals.expect_no_node("assay bench quoted")?;
    let (claims, seed) = (claims(&args.specs)?, args.seed);
    let (rows, signal) = long::interruptible(move |going| {
        let mut rows = Vec::new();
        for claim in claims {
            output::note(claim.spec);
            let bar = long::shares("payments");
            let row = measure(claim, seed, &mut |share| long::step(&bar, share, going));
            bar.finish_and_clear();
            if matches!(row, Err(TrialError::Stopped)) {
                break;
            }
            rows.push(row.map_err(|error| (claim.spec, error)));
        }
        rows
    })?;
    let rows: Vec<BenchQuoted> = rows
        .into_iter()
        .map(|row| row.map_err(|(spec, error)| CliError::failed(format!("{spec}: {error}"))))
        .collect::<Result<_, _>>()?;
    match globals.json {
        true => output::json(&rows)?,
        false => {
            if signal.is_some() {
                output::line("PARTIAL: a signal ended it before its time")?;
            }
            print(&rows)?;
        }
    }
    Ok(signal.unwrap_or(Exit::Ok))
}

fn print(rows: &[BenchQuoted]) -> Result<(), CliError> {
    let seconds = |value: Option<f64>| value.map_or("–".into(), |it| shown(it, Unit::Seconds));
    let ms = |value: Option<f64>| value.map_or("–".into(), |it| shown(it, Unit::Ms));
    let times = |it: &BenchBeside| it.ratio.map_or("–".into(), |ratio| format!("{ratio:.2}"));
    let mut table = Table::new(&[
        "chain",
        "nodes",
        "block every",
        "is",
        "times",
        "first p50",
        "trusted after",
        "said",
        "is p50",
        "p95",
        "times",
        "final p50",
        "stale",
    ]);
    for row in rows {
        table.row([
            row.spec.clone(),
            row.nodes.to_string(),
            seconds(Some(row.interval_s.quoted)),
            seconds(row.interval_s.measured),
            times(&row.interval_s),
            ms(row.first_ms.map(|it| it.p50)),
            row.confirmations.to_string(),
            seconds(Some(row.trusted_s.quoted)),
            seconds(row.trusted_s.measured),
            seconds(row.trusted_p95_s),
            times(&row.trusted_s),
            ms(row.final_ms.map(|it| it.p50)),
            row.stale_rate.map_or("–".into(), |share| shown(share, Unit::Share)),
        ]);
    }
    table.print()?;
    output::line("")?;
    for row in rows {
        output::line(format!("{}: {}", row.spec, row.claim))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_known_by_their_specs() {
        assert_eq!(claims(&[]).unwrap().len(), QUOTED.len());
        assert_eq!(claims(&["dpos-101".into()]).unwrap()[0].spec, "dpos-101");
        let error = claims(&["dpos-1o1".into()]).unwrap_err();
        assert!(error.advice().is_some_and(|advice| advice.contains("dpos-101")), "{error:?}");
    }
}
