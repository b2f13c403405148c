//! The command as scripts and people meet it: arguments go in, and an exit code, stdout and stderr come out.
//!
//! Every test runs the built program in a home directory of its own, with none of the caller's `ASSAY_*` variables.

#![allow(clippy::disallowed_methods, reason = "a test starts processes")]

mod bad_input;
mod bench;
mod chain;
mod data;
mod fake_node;
mod node;
mod sim;
mod spec;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A directory of its own for a test, which is home and working directory of the commands.
struct Stage {
    directory: TempDir,
}

/// How a command ended.
#[derive(Debug)]
struct Ended {
    #[expect(dead_code, reason = "a failing test shows it")]
    line: String,
    exit: i32,
    stdout: String,
    stderr: String,
}

impl Stage {
    fn new() -> Self {
        Self { directory: TempDir::new().expect("a temporary directory can be made") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        let parent = path.parent().expect("it lies in the stage's directory");
        std::fs::create_dir_all(parent).expect("a directory can be made");
        std::fs::write(path, text).expect("a file can be written");
    }

    /// A command that runs here.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("ASSAY_") || name.starts_with("RUST_") || name.starts_with("XDG_") {
                command.env_remove(name);
            }
        }
        let home: &Path = self.directory.path();
        command.env("HOME", home).env("ASSAY_HOME", home.join("assay")).current_dir(home);
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments), arguments)
    }

    /// Runs a command line without quotes in it.
    fn line(&self, line: &str) -> Ended {
        self.run(&line.split_whitespace().collect::<Vec<_>>())
    }
}

impl Ended {
    fn of(mut command: Command, arguments: &[&str]) -> Self {
        let output = command.output().expect("the program can be run");
        Self {
            line: format!("assay {}", arguments.join(" ")),
            exit: output.status.code().expect("no signal ended it"),
            stdout: String::from_utf8(output.stdout).expect("stdout is text"),
            stderr: String::from_utf8(output.stderr).expect("stderr is text"),
        }
    }

    /// What it printed as JSON.
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// It worked.
    #[track_caller]
    fn ok(self) -> Self {
        assert_eq!(self.exit, 0, "{self:#?}");
        self
    }
}

#[test]
fn help_and_version_are_results() {
    let stage = Stage::new();
    for (line, part) in [
        ("--help", "Exit codes:"),
        ("-h", "devnet up pow-dev"),
        ("help chain", "assay chain info"),
        ("chain block --help", "HEIGHT|ID"),
        ("node run --help", "--miner-threads"),
        ("mine --help", "--fallback"),
        ("bench hashrate --help", "--against"),
        ("--version", env!("CARGO_PKG_VERSION")),
        ("version", env!("CARGO_PKG_VERSION")),
    ] {
        let ended = stage.line(line).ok();
        assert!(ended.stdout.contains(part) && ended.stderr.is_empty(), "{ended:#?}");
    }
    let version = stage.line("version --json").ok().json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(version["kernels"].as_array().is_some_and(|kernels| !kernels.is_empty()));
}

#[test]
fn hash_rates_are_measured_drawn_and_compared() {
    let stage = Stage::new();
    // Another miner, as far as this command can tell.
    stage.write("miner", "#!/bin/sh\necho 'CPU: 1.5 kH/s'\nexec sleep 600\n");
    let line = "bench hashrate --kernel portable --threads 1,2 --runs 2 --seconds 30ms --csv runs.csv --svg rates.svg --json";
    let mut arguments: Vec<&str> = line.split(' ').collect();
    arguments.extend(["--against", "sh miner"]);
    let report = stage.run(&arguments).ok().json();
    let results = report["results"].as_array().unwrap();
    assert_eq!(results.len(), 2, "{report}");
    for (result, threads) in results.iter().zip([1, 2]) {
        assert_eq!(result["kernel"], "portable");
        assert_eq!((&result["threads"], &result["runs"]), (&threads.into(), &2.into()));
        let rate = result["hashes_per_second"]["median"].as_f64().unwrap();
        assert!(rate > 1000.0, "{report}");
        let ratio = result["ratio"]["median"].as_f64().unwrap();
        assert!((ratio - rate / 1500.0).abs() < 1e-6 * ratio, "{report}");
        assert_eq!(result["scaling"].is_null(), threads == 1, "{report}");
    }
    assert_eq!(report["against"]["hashes_per_second"]["max"], 1500.0, "{report}");
    let read = |name: &str| std::fs::read_to_string(stage.path(name)).unwrap();
    assert_eq!(read("runs.csv").lines().count(), 1 + 4 + 2);
    assert!(read("rates.svg").contains("portable × 2"));
}

#[test]
fn no_arguments_at_all_show_how_to_begin() {
    let ended = Stage::new().run(&[]);
    assert_eq!(ended.exit, 2);
    assert!(ended.stdout.is_empty() && ended.stderr.contains("Start here:"), "{ended:#?}");
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let stage = Stage::new();
    let mut command = stage.command(&["spec", "show", "pow-dev"]);
    let (reader, writer) = std::io::pipe().expect("a pipe can be made");
    drop(reader);
    let child = command.stdout(writer).stderr(Stdio::piped()).spawn().expect("it runs");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
