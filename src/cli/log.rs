//! The log: lines on stderr, for people or for programs.
//!
//! `RUST_LOG` decides what is logged, where it is set; else `-v` does. A node tells what it does; a command that only
//! asks one stays silent unless something is wrong.

use std::fmt;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use super::error::CliError;
use super::output;
use crate::node::config::LogFormat;

/// Where `RUST_LOG` stands in the environment.
const VARIABLE: &str = "RUST_LOG";

/// Starts the log. `verbosity` is how often `-v` was given.
///
/// # Errors
///
/// `RUST_LOG` cannot be understood.
pub(super) fn start(format: LogFormat, verbosity: u8, runs_a_node: bool) -> Result<(), CliError> {
    let wanted = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
    let directives = match &wanted {
        Some(value) => value.to_str().ok_or_else(|| refused("it is not text in UTF-8"))?,
        None => default_directives(verbosity, runs_a_node),
    };
    let filter = EnvFilter::builder().parse(directives).map_err(refused)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_timer(Utc);
    match format {
        LogFormat::Human => {
            // Where a line comes from matters only to those who asked for more lines.
            let targets = verbosity > 0 || wanted.is_some();
            let ansi = output::coloured(&std::io::stderr());
            builder.with_target(targets).with_ansi(ansi).init();
        }
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}

fn refused(reason: impl fmt::Display) -> CliError {
    CliError::usage(format!("{VARIABLE} cannot be understood: {reason}")).help(
        "set it to a level such as `debug`, or to levels by module such as `warn,assay=debug`",
    )
}

/// What is logged unless somebody says otherwise. Libraries speak up only when it matters.
fn default_directives(verbosity: u8, runs_a_node: bool) -> &'static str {
    match (runs_a_node, verbosity) {
        (false, 0) => "warn",
        (true, 0) | (false, 1) => "warn,assay=info",
        (true, 1) | (false, 2) => "warn,assay=debug",
        (true, 2) | (false, 3) => "info,assay=trace",
        _ => "trace",
    }
}

/// Universal time, to the millisecond.
struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        writer.write_str(&output::timestamp(output::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_understood() {
        for runs_a_node in [false, true] {
            for verbosity in 0..=5 {
                let text = default_directives(verbosity, runs_a_node);
                assert!(EnvFilter::builder().parse(text).is_ok(), "{text}");
            }
        }
    }
}
