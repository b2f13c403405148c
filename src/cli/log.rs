//! The log: lines on stderr, for people or for programs.
//!
//! `RUST_LOG` decides what is logged, where it is set; else `-v` does. A node tells what it does; a command that only
//! asks one stays silent unless something is wrong. A node may be given a file for its log, see
//! [`logfile`](crate::node::logfile).

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use super::error::CliError;
use super::output;
use crate::node::config::LogFormat;
use crate::node::logfile::LogFile;
use crate::node::report::SPOKEN;

/// Where `RUST_LOG` stands in the environment.
const VARIABLE: &str = "RUST_LOG";

/// Bytes of log lines that are held back at most; what is over it is lost, which only libraries gone mad reach.
const HELD_BYTES_MAX: usize = 64 * 1024;

/// The libraries that a peer can make warn.
const NETWORK_LIBRARIES: [&str; 7] = [
    "libp2p_core",
    "libp2p_gossipsub",
    "libp2p_identify",
    "libp2p_request_response",
    "libp2p_swarm",
    "libp2p_yamux",
    "yamux",
];

/// Starts the log on stderr. `verbosity` is how often `-v` was given.
///
/// # Errors
///
/// `RUST_LOG` cannot be understood.
pub(super) fn start(format: LogFormat, verbosity: u8, runs_a_node: bool) -> Result<(), CliError> {
    begin(format, verbosity, runs_a_node, None)
}

/// Starts the log of a node, in a file if one is named.
///
/// # Errors
///
/// `RUST_LOG` cannot be understood, or the file cannot be written.
pub(super) fn start_node(
    format: LogFormat,
    verbosity: u8,
    file: Option<&Path>,
) -> Result<(), CliError> {
    begin(format, verbosity, true, file)
}

fn begin(
    format: LogFormat,
    verbosity: u8,
    runs_a_node: bool,
    file: Option<&Path>,
) -> Result<(), CliError> {
    let wanted = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
    let directives = match &wanted {
        Some(value) => value.to_str().ok_or_else(|| refused("it is not text in UTF-8"))?,
        None => &default_directives(verbosity, runs_a_node),
    };
    let filter = EnvFilter::builder().parse(directives).map_err(refused)?;
    let writer = match file {
        Some(path) => {
            let file =
                LogFile::open(path).map_err(|error| CliError::file("write", path, &error))?;
            BoxMakeWriter::new(Mutex::new(file))
        }
        None => BoxMakeWriter::new(|| Stderr),
    };
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_timer(Utc);
    match format {
        LogFormat::Human => {
            // Where a line comes from matters only to those who asked for more lines.
            let targets = verbosity > 0 || wanted.is_some();
            let ansi = file.is_none() && output::coloured(&io::stderr());
            builder.with_target(targets).with_ansi(ansi).fmt_fields(debug_fn(write_field)).init();
        }
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}

/// Writes a part of a line for people: the message, then `name=value`. Lines that are written for people say everything
/// in their message already, and carry their fields for programs only.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() == "message" {
        return writer.write_str(&one_line(&format!("{value:?}")));
    }
    if SPOKEN.contains(&field.callsite().0.metadata().target()) {
        return Ok(());
    }
    let (name, value) = (field.name(), one_line(&format!("{value:?}")));
    match writer.has_ansi_escapes() {
        true => write!(writer, " \x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}"),
        false => write!(writer, " {name}={value}"),
    }
}

/// Text that may come from elsewhere, made fit for one line on a terminal.
fn one_line(text: &str) -> String {
    output::plain(&text.replace('\n', " "))
}

/// Lines for stderr that wait while somebody draws on the terminal.
static HELD: Mutex<Option<Vec<u8>>> = Mutex::new(None);

fn held() -> MutexGuard<'static, Option<Vec<u8>>> {
    // Nothing panics while it holds the lock, so what is inside is whole.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Standard error, unless lines are held back.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *held() {
            Some(lines) => {
                if lines.len() + bytes.len() <= HELD_BYTES_MAX {
                    lines.extend_from_slice(bytes);
                }
                Ok(bytes.len())
            }
            None => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Holds log lines for stderr back until it is dropped.
#[derive(Debug)]
pub(super) struct Held(());

/// Holds log lines for stderr back from now on.
pub(super) fn hold() -> Held {
    held().get_or_insert_default();
    Held(())
}

impl Drop for Held {
    fn drop(&mut self) {
        let lines = held().take().unwrap_or_default();
        // A terminal that is gone reads nothing.
        let _ = io::stderr().write_all(&lines);
    }
}

fn refused(reason: impl fmt::Display) -> CliError {
    CliError::usage(format!("{VARIABLE} cannot be understood: {reason}")).help(
        "set it to a level such as `debug`, or to levels by module such as `warn,assay=debug`",
    )
}

/// What is logged unless somebody says otherwise. Libraries speak up only when it matters; the network's warn of each
/// message that does not suit them, which is as often as a peer likes, so of them only errors are heard.
fn default_directives(verbosity: u8, runs_a_node: bool) -> String {
    let levels = match (runs_a_node, verbosity) {
        (false, 0) => "warn",
        (true, 0) | (false, 1) => "warn,assay=info",
        (true, 1) | (false, 2) => "warn,assay=debug",
        (true, 2) | (false, 3) => return "info,assay=trace".into(),
        _ => return "trace".into(),
    };
    NETWORK_LIBRARIES.iter().fold(levels.into(), |levels, name| format!("{levels},{name}=error"))
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

    /// What a line looks like to people.
    fn line(write: impl FnOnce()) -> String {
        #[derive(Clone, Default)]
        struct Taken(std::sync::Arc<Mutex<Vec<u8>>>);
        impl Write for Taken {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let taken = Taken::default();
        let writer = taken.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .without_time()
            .fmt_fields(debug_fn(write_field))
            .finish();
        tracing::subscriber::with_default(subscriber, write);
        let bytes = taken.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn fields_follow_the_message_unless_it_says_them() {
        let plain = line(|| tracing::info!(height = 7, block = "ab", "side block"));
        assert!(plain.ends_with(": side block height=7 block=\"ab\"\n"), "{plain}");
        let spoken = line(|| tracing::info!(target: SPOKEN[0], height = 7, "block 7 came"));
        assert!(spoken.ends_with(": block 7 came\n"), "{spoken}");
    }

    #[test]
    fn what_others_say_stays_on_one_line_and_moves_no_cursor() {
        let line =
            line(|| tracing::warn!(agent = %"x\n\x1b[2J", "a peer said \x1b[31mred\nand more"));
        assert_eq!(line.lines().count(), 1, "{line:?}");
        assert!(!line.contains('\x1b') && line.contains("red and more"), "{line:?}");
    }

    #[test]
    fn every_default_is_understood() {
        for runs_a_node in [false, true] {
            for verbosity in 0..=5 {
                let text = default_directives(verbosity, runs_a_node);
                assert!(EnvFilter::builder().parse(&text).is_ok(), "{text}");
            }
        }
    }
}
