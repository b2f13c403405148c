//! What commands print on stdout: JSON for scripts, plain aligned text for people.
//!
//! Text that comes from a node is foreign: control characters in it are replaced before a terminal sees them. A reader
//! that goes away early, such as `head`, ends a command quietly.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write as _};

use serde::Serialize;

use super::error::CliError;
use crate::node::words::digits;
use crate::types::{Amount, Height, Time};

pub use crate::node::words::{duration, hash_rate};

/// Writes text to stdout as it is.
pub fn text(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(CliError::reader_gone()),
        Err(error) => Err(CliError::failed(format!("cannot write the result: {error}"))),
    }
}

/// Writes one line to stdout.
pub fn line(content: impl fmt::Display) -> Result<(), CliError> {
    text(&format!("{content}\n"))
}

/// Writes a value as JSON to stdout: on one line for scripts, indented on a terminal.
pub fn json(value: &impl Serialize) -> Result<(), CliError> {
    let written = if io::stdout().is_terminal() {
        serde_json::to_string_pretty(value)
    } else {
        serde_json::to_string(value)
    };
    line(written.map_err(|error| CliError::failed(format!("the result is no JSON: {error}")))?)
}

/// Writes a note for the person to stderr: progress, hints, warnings. Nobody is told if that fails.
pub fn note(content: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{content}");
}

/// Whether text on this stream may be coloured: it is a terminal, and `NO_COLOR` is unset or empty.
pub fn coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Text of the argument parser, coloured where the stream takes that.
pub(super) fn styled(text: &clap::builder::StyledStr, stream: &impl IsTerminal) -> String {
    if coloured(stream) { text.ansi().to_string() } else { text.to_string() }
}

/// Foreign text made fit for a terminal: control characters, which could move the cursor or hide text, become `�`.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Rows of text in aligned columns, two spaces apart.
#[derive(Debug, Clone, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<usize>,
}

impl Table {
    /// A table with a line of titles.
    pub fn new(titles: &[&str]) -> Self {
        Self { rows: vec![titles.iter().map(|title| (*title).to_owned()).collect()], right: vec![] }
    }

    /// A table of names and values, without titles.
    pub fn pairs() -> Self {
        Self::default()
    }

    /// Aligns these columns, counted from 0, to the right, as numbers are.
    pub fn right(mut self, columns: &[usize]) -> Self {
        self.right = columns.to_vec();
        self
    }

    /// Adds a row.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(|cell| plain(cell.as_ref())).collect());
    }

    /// Adds a name and a value.
    pub fn pair(&mut self, name: &str, value: impl fmt::Display) {
        self.row([name.to_owned(), value.to_string()]);
    }

    /// Writes the table to stdout.
    pub fn print(&self) -> Result<(), CliError> {
        text(&self.to_string())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                let width = cell.chars().count();
                match widths.get_mut(column) {
                    Some(widest) => *widest = width.max(*widest),
                    None => widths.push(width),
                }
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column]; // every column has been measured above
                if column > 0 {
                    line.push_str("  ");
                }
                if self.right.contains(&column) {
                    write!(line, "{cell:>width$}")?;
                } else {
                    write!(line, "{cell:<width$}")?;
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// An amount with the name of its unit: `1.5 PYR`.
pub fn amount(amount: Amount, symbol: &str) -> String {
    format!("{amount} {}", plain(symbol))
}

/// A number of whole things, its digits grouped by threes: `12 345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// How many times harder than the easiest target: three significant digits, the whole number where it is larger.
pub fn difficulty(difficulty: f64) -> String {
    if difficulty >= 1000.0 { format!("{difficulty:.0}") } else { digits(difficulty) }
}

/// How long ago something was, or how far it lies ahead, clocks of nodes being what they are.
pub fn ago(time: Time, now: Time) -> String {
    if time > now {
        format!("in {}", duration(time.since(now)))
    } else {
        format!("{} ago", duration(now.since(time)))
    }
}

/// A moment in universal time for people: `2026-01-31 12:00:00 UTC`.
pub fn moment(time: Time) -> String {
    let (date, clock) = date_and_clock(time);
    format!("{date} {clock} UTC")
}

/// A moment in universal time for logs, as RFC 3339 writes it: `2026-01-31T12:00:00.000Z`.
pub fn timestamp(time: Time) -> String {
    let (date, clock) = date_and_clock(time);
    format!("{date}T{clock}.{:03}Z", time.0 % 1000)
}

fn date_and_clock(time: Time) -> (String, String) {
    let seconds = time.0 / 1000;
    let (year, month, day) = civil(seconds / 86_400);
    let second = seconds % 86_400;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    (format!("{year:04}-{month:02}-{day:02}"), format!("{hour:02}:{minute:02}:{second:02}"))
}

/// Year, month and day in the Gregorian calendar of the day with this number after 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    // Counted in years that begin in March, the leap day comes last, and months follow a pattern of 153 days in five.
    // 719 468 days lie between 0000-03-01 and 1970-01-01; an era of 400 years has 146 097 days.
    let days = days.saturating_add(719_468);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, month, day_of_month)
}

/// The system's clock, for ages; a clock before 1970 reads as 1970.
pub fn now() -> Time {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Time(elapsed.map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)))
}

/// The start of an id, enough to tell it from its neighbours in a table.
pub fn short(id: impl fmt::Display) -> String {
    let text = plain(&id.to_string());
    match text.char_indices().nth(12) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A height, with how far it lies below the head where that matters.
pub fn depth(height: Height, head: Height) -> String {
    match head.0.saturating_sub(height.0) {
        0 => height.to_string(),
        below => format!("{height} ({} below the head)", count(below)),
    }
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
