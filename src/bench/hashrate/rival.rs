//! Another miner's benchmark beside ours: its command is run for a while, and the hash rates that it prints are read.
//!
//! The command is run as it is, without a shell; what is ended afterwards is the process that was started and no other.
//! Miners print rates as `25.41 MH/s`, `25412 khash/s` and the like, some for each thread and some in all: where lines say
//! `total`, only those count. The median of what one run prints is its result.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::summary::median;

/// How long it may take until it prints a rate.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Rates that are remembered of one run.
const FIGURES_MAX: usize = 10_000;

/// Bytes of a line that are read at once.
const LINE_BYTES_MAX: u64 = 4096;

/// Lines that an error shows.
const SHOWN_MAX: usize = 3;

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum RivalError {
    /// The command makes no sense.
    #[error(
        "the command `{0}` cannot be read: a quotation mark has no other end, or there is nothing in it"
    )]
    Command(String),
    /// It does not start.
    #[error("`{command}` cannot be started: {error}")]
    Start {
        /// The program.
        command: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// It printed no hash rate.
    #[error("`{command}` printed no hash rate such as 25.4 MH/s{printed}")]
    Silent {
        /// The program.
        command: String,
        /// The end of what it printed instead.
        printed: String,
    },
}

/// A command in words, as a shell reads it: white space parts them, quotation marks and backslashes keep it.
///
/// # Errors
///
/// An open quotation mark, or nothing at all.
pub fn words(text: &str) -> Result<Vec<String>, RivalError> {
    let refused = || RivalError::Command(text.chars().take(80).collect());
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(mark), letter) if letter == mark => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => {
                let next = letters.next().ok_or_else(refused)?;
                word.get_or_insert_default().push(next);
            }
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    match quote {
        None if words.first().is_some_and(|program| !program.is_empty()) => Ok(words),
        _ => Err(refused()),
    }
}

/// What it has printed.
#[derive(Debug, Default)]
struct Printed {
    /// Rates, and whether their line says that they are total.
    figures: Vec<(f64, bool)>,
    /// The last lines.
    lines: Vec<String>,
}

impl Printed {
    fn take(&mut self, line: &str) {
        if self.figures.len() < FIGURES_MAX {
            let total = line.to_ascii_lowercase().contains("total");
            self.figures.extend(figure(line).map(|rate| (rate, total)));
        }
        if self.lines.len() >= SHOWN_MAX {
            self.lines.remove(0);
        }
        let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        self.lines.push(line.chars().take(160).map(plain).collect());
    }

    /// The result of the run.
    fn rate(&self) -> Option<f64> {
        let totals: Vec<f64> =
            self.figures.iter().filter(|(_, total)| *total).map(|(rate, _)| *rate).collect();
        match totals.is_empty() {
            true => median(&self.figures.iter().map(|(rate, _)| *rate).collect::<Vec<_>>()),
            false => median(&totals),
        }
    }
}

/// The other miner, running.
#[derive(Debug)]
pub struct Rival {
    program: String,
    process: Child,
    printed: Arc<Mutex<Printed>>,
}

impl Rival {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn start(words: &[String]) -> Result<Self, RivalError> {
        let (program, arguments) =
            words.split_first().ok_or_else(|| RivalError::Command(String::new()))?;
        let started = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut process =
            started.map_err(|error| RivalError::Start { command: program.clone(), error })?;
        let printed = Arc::new(Mutex::new(Printed::default()));
        if let Some(stdout) = process.stdout.take() {
            listen(stdout, printed.clone());
        }
        if let Some(stderr) = process.stderr.take() {
            listen(stderr, printed.clone());
        }
        Ok(Self { program: program.clone(), process, printed })
    }

    /// Lets it run for so long, and longer if it has printed nothing yet, and ends it; nothing if it was broken off.
    ///
    /// # Errors
    ///
    /// It ended, or took too long, without a figure.
    pub fn measure(
        mut self,
        length: Duration,
        going: &AtomicBool,
    ) -> Result<Option<f64>, RivalError> {
        let began = Instant::now();
        let mut ended = false;
        loop {
            if !going.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let rate = lock(&self.printed).rate();
            let waited = began.elapsed();
            match rate {
                Some(rate) if ended || waited >= length => return Ok(Some(rate)),
                None if ended || waited >= PATIENCE.max(length) => break,
                _ => {}
            }
            std::thread::sleep(LOOK);
            // What it printed last is read in the next round.
            ended = !matches!(self.process.try_wait(), Ok(None));
        }
        let lines = lock(&self.printed).lines.join(" | ");
        let printed = match lines.is_empty() {
            true => ", or anything at all".to_owned(),
            false => format!("; it printed: {lines}"),
        };
        Err(RivalError::Silent { command: self.program.clone(), printed })
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads lines until there are no more, on a thread of its own.
fn listen(stream: impl Read + Send + 'static, printed: Arc<Mutex<Printed>>) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            match reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => lock(&printed).take(String::from_utf8_lossy(&line).trim()),
            }
        }
    });
}

fn lock(printed: &Mutex<Printed>) -> MutexGuard<'_, Printed> {
    // A thread that panicked meanwhile has added a line or not.
    printed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last hash rate in a line, in hashes per second.
fn figure(line: &str) -> Option<f64> {
    let line = plain(line).to_ascii_lowercase();
    let mut found = None;
    for (at, _) in line.match_indices("/s") {
        let before = line[..at].trim_end();
        let unit_at = before
            .rfind(|c: char| !c.is_ascii_alphabetic())
            .map_or(0, |last| last + before[last..].chars().next().map_or(1, char::len_utf8));
        let unit = &before[unit_at..];
        let prefix = ["hashes", "hash", "h"].iter().find_map(|word| unit.strip_suffix(word));
        let Some(factor) = prefix.and_then(factor) else { continue };
        let number = before[..unit_at].trim_end();
        let is_digit = |c: char| c.is_ascii_digit() || c == '.';
        let number = &number[number.trim_end_matches(is_digit).len()..];
        if let Ok(number) = number.parse::<f64>() {
            found = Some(number * factor).filter(|rate| rate.is_finite() && *rate > 0.0).or(found);
        }
    }
    found
}

/// What a prefix of a unit stands for.
fn factor(prefix: &str) -> Option<f64> {
    Some(match prefix {
        "" => 1.0,
        "k" => 1e3,
        "m" => 1e6,
        "g" => 1e9,
        "t" => 1e12,
        "p" => 1e15,
        _ => return None,
    })
}

/// A line without the sequences by which terminals are told to colour it.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter != '\u{1b}' {
            text.push(letter);
            continue;
        }
        // CSI: up to the first letter.
        for letter in letters.by_ref() {
            if letter.is_ascii_alphabetic() {
                break;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_miners_print_them() {
        for (line, rate) in [
            ("[2026-01-01 00:00:00] Total: 25.41 MH/s", Some(25.41e6)),
            ("\u{1b}[01;37m[00:00] 25.41\u{1b}[0m Mh/s\u{1b}[0m", Some(25.41e6)),
            ("thread 0: 2097152 hashes, 1234.5 khash/s", Some(1_234_500.0)),
            ("CPU T0: 4.2 Gh, 31.2 kH/s", Some(31_200.0)),
            ("accepted: 1/1 (100%), 7 H/s yes!", Some(7.0)),
            ("avx512  1  34.1 MH/s  33.9 – 34.2 MH/s", Some(34.2e6)),
            ("500 hashes/s", Some(500.0)),
            ("3 TH/s", Some(3e12)),
            ("12 MB/s", None),
            ("MH/s", None),
            ("0.00 H/s", None),
            ("-1 widths/s", None),
            ("ü/s", None),
            ("", None),
        ] {
            assert_eq!(figure(line), rate, "{line}");
        }
    }

    #[test]
    fn totals_go_before_threads_and_the_median_counts() {
        let mut printed = Printed::default();
        for line in ["T0: 1 H/s", "T1: 3 H/s", "T0: 100 H/s"] {
            printed.take(line);
        }
        assert_eq!(printed.rate(), Some(3.0));
        printed.take("Total: 5 H/s");
        assert_eq!(printed.rate(), Some(5.0));
        assert_eq!(printed.lines.len(), SHOWN_MAX);
    }

    #[test]
    fn a_command_is_read_in_words() {
        let read = |text| words(text).map_err(|error| error.to_string());
        assert_eq!(read("a -b  c").unwrap(), ["a", "-b", "c"]);
        assert_eq!(read(r#"'a b' "c\"d" e\ f '' "#).unwrap(), ["a b", "c\"d", "e f", ""]);
        for bad in ["", "  ", "'a", "\"a", "a\\", "''"] {
            assert!(read(bad).unwrap_err().contains("cannot be read"), "{bad}");
        }
    }

    #[test]
    fn it_is_ended_when_it_has_said_enough_and_told_when_it_says_nothing() {
        let going = AtomicBool::new(true);
        let run = |script: &str, ms| {
            let words = ["sh", "-c", script].map(str::to_owned);
            Rival::start(&words).unwrap().measure(Duration::from_millis(ms), &going)
        };
        // It would go on for an hour.
        assert_eq!(run("echo 5 kH/s; exec sleep 3600", 1).unwrap(), Some(5000.0));
        assert_eq!(run("echo 5 kH/s; echo 7 kH/s >&2", 3_600_000).unwrap(), Some(6000.0));
        let error = run("echo no such algorithm", 10).unwrap_err().to_string();
        assert!(
            error.contains("`sh` printed no hash rate") && error.contains("no such algorithm"),
            "{error}"
        );
        going.store(false, Ordering::Relaxed);
        assert_eq!(run("sleep 3600", 10).unwrap(), None);
    }
}
