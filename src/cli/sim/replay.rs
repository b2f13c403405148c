//! `assay sim replay`: recordings of runs, and of nodes. The head of a file says which it is.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{files, report};
use crate::api::{Exit, NodeLife, NodeParted, NodeReplay, NodeStep, SimReplay};
use crate::cli::error::CliError;
use crate::cli::long;
use crate::cli::output::{self, Table};
use crate::node::secret;
use crate::replica::record::{MAGIC, Mark, RecordError, RecordReader};
use crate::sim::replay::{
    Ending, Life, Options, Parted, ReplayError, Replayed, Step, input_words, output_words, replay,
};
use crate::sim::scenario::{RECORDING_BYTES_MAX, Recording, RecordingError};
use crate::spec::FrozenSpec;
use crate::types::{Keypair, Span};

/// What `assay sim replay` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recording
    recording: PathBuf,
    /// Stop after this input and say what came of it; of a node's recording
    #[arg(long, value_name = "N")]
    until: Option<u64>,
    /// Write each input and what came of it to this file, a line of JSON each; of a node's recording
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// The key of the authority that the recorded node signed for (0600); those of development accounts are known
    #[arg(long, value_name = "KEYFILE")]
    authority: Vec<PathBuf>,
}

/// Runs `assay sim replay`.
pub(super) fn run(args: &Args, json: bool) -> Result<Exit, CliError> {
    let mut head = Vec::new();
    // What cannot be read is told by whoever reads all of it.
    if let Ok(file) = File::open(&args.recording) {
        let _ = file.take(MAGIC.len() as u64).read_to_end(&mut head);
    }
    if head == MAGIC {
        return node(args, json);
    }
    for (option, given) in [
        ("--until", args.until.is_some()),
        ("--trace", args.trace.is_some()),
        ("--authority", !args.authority.is_empty()),
    ] {
        if given {
            let message = format!(
                "`{option}` is for recordings of nodes, and {} is none",
                args.recording.display()
            );
            return Err(CliError::usage(message).help(format!("leave `{option}` out")));
        }
    }
    scenario(&args.recording, json)
}

/// A run of a scenario.
fn scenario(file: &Path, json: bool) -> Result<Exit, CliError> {
    let text = files::read(file, RECORDING_BYTES_MAX)?;
    let recording = Recording::read(&text)?;
    let name = recording.scenario.name.clone();
    let (replayed, signal) = {
        let recording = recording.clone();
        long::interruptible(move |_| recording.replay())?
    };
    if let Some(exit) = signal {
        return Ok(exit);
    }
    let replayed = replayed?;
    let report = SimReplay {
        scenario: name,
        seed: recording.seed,
        recorded: recording.digest.to_hex().to_string(),
        digest: replayed.outcome.digest.to_hex().to_string(),
        same: replayed.parted.is_none(),
        parted_us: replayed.parted.map(|(from, to)| (from.0, to.0)),
    };
    if json {
        output::json(&report)?;
    } else {
        let mut table = Table::pairs();
        table.pair("scenario", &report.scenario);
        table.pair("seed", report.seed);
        table.pair("recorded", &report.recorded);
        table.pair("digest", &report.digest);
        table.print()?;
        output::line(match replayed.parted {
            None => "the same history".to_owned(),
            Some((from, to)) => format!("another history: the two part between {from} and {to}"),
        })?;
    }
    Ok(if report.same { Exit::Ok } else { Exit::Violated })
}

/// A node.
fn node(args: &Args, json: bool) -> Result<Exit, CliError> {
    let file = &args.recording;
    let unreadable = |error: std::io::Error| CliError::file("read", file, &error);
    let input = File::open(file).map_err(unreadable)?;
    let bar = long::bytes_bar(input.metadata().map_err(unreadable)?.len());
    let mut reader = RecordReader::begin(BufReader::new(bar.wrap_read(input)))
        .map_err(|error| refused(file, error.into()))?;
    let chain = FrozenSpec::parse("the recording", &reader.head().spec)?.name.clone();
    let trace = args.trace.as_deref().map(File::create).transpose();
    let trace = trace.map_err(|error| {
        CliError::file("write", args.trace.as_deref().unwrap_or(Path::new("")), &error)
    })?;
    let mut trace = trace.map(BufWriter::new);
    let keys = args.authority.iter().map(|file| key(file)).collect::<Result<Vec<_>, _>>()?;
    let (until, started) = (args.until, Instant::now());
    let ((outcome, last, written), signal) = long::interruptible(move |going| {
        let (mut last, mut written) = (None, Ok(()));
        let outcome = replay(&mut reader, Options { until }, &keys, |step| {
            if let Some(trace) = &mut trace {
                // A line at a time: of a replica that panics, the inputs before are there.
                written = line(&told(step))
                    .and_then(|line| trace.write_all(line.as_bytes()))
                    .and_then(|()| trace.flush());
            }
            if until == Some(step.number) {
                last = Some(told(step));
            }
            written.is_ok() && going.load(Ordering::Relaxed)
        });
        (outcome, last, written)
    })?;
    bar.finish_and_clear();
    if let Some(exit) = signal {
        return Ok(exit);
    }
    let traced = args.trace.as_deref().unwrap_or(Path::new(""));
    written.map_err(|error| CliError::file("write", traced, &error))?;
    let replayed = outcome.map_err(|error| refused(file, error))?;
    let wall_ms = report::millis(started.elapsed());
    let report = of(chain, &replayed, wall_ms, last);
    if json {
        output::json(&report)?;
    } else {
        table(&report).print()?;
        tell(&report)?;
    }
    Ok(if report.same { Exit::Ok } else { Exit::Violated })
}

/// The key in a file.
fn key(path: &Path) -> Result<Keypair, CliError> {
    let mut file = File::open(path).map_err(|error| CliError::file("read", path, &error))?;
    let secret = secret::read(&mut file, path).map_err(|reason| {
        let message = format!("the authority key {} cannot be used: {reason}", path.display());
        CliError::new(Exit::Keystore, "bad_authority", message)
    })?;
    Ok(Keypair::from_secret(&secret))
}

fn line(step: &NodeStep) -> std::io::Result<String> {
    Ok(serde_json::to_string(step)? + "\n")
}

fn told(step: &Step<'_>) -> NodeStep {
    let (head, root) = (step.replica.tree().head(), step.replica.tree().root());
    NodeStep {
        life: step.life,
        input: step.number,
        time: step.now.0,
        what: input_words(step.input),
        outputs: step.outputs.iter().map(output_words).collect(),
        head: head.id,
        height: head.height(),
        final_height: root.height(),
        pending: step.replica.pool().len(),
    }
}

fn of(chain: String, replayed: &Replayed, wall_ms: u64, last: Option<NodeStep>) -> NodeReplay {
    let lives: Vec<NodeLife> = replayed.lives.iter().map(life).collect();
    let parted = |parted: Parted| NodeParted {
        life: parted.life,
        input: parted.input,
        time: parted.now.0,
        what: parted.what,
        recorded: parted.recorded,
        replayed: parted.replayed,
    };
    NodeReplay {
        chain,
        inputs: replayed.inputs,
        compared: replayed.lives.iter().map(|life| life.compared).sum(),
        blocks: lives.iter().map(|life| life.blocks).sum(),
        virtual_ms: lives.iter().map(|life| life.until - life.from).sum(),
        wall_ms,
        cut_bytes: replayed.cut,
        digest: replayed.digest().to_hex().to_string(),
        same: replayed.parted.is_none(),
        parted: replayed.parted.clone().map(parted),
        lives,
        last,
    }
}

fn life(life: &Life) -> NodeLife {
    let Mark { inputs, digest, head, height, final_height, pending, peers } = life.mark;
    let (ending, why) = match &life.ending {
        Ending::Stopped => ("stopped", None),
        Ending::Killed => ("killed", None),
        Ending::Lost(reason) => ("lost", Some(reason.clone())),
        Ending::Left => ("left", None),
    };
    NodeLife {
        from: life.from.0,
        until: life.until.0.max(life.from.0),
        inputs,
        blocks: life.blocks,
        stored: life.stored,
        store_differs: life.store_differs,
        ending: ending.into(),
        why,
        digest: digest.to_hex(),
        head,
        height,
        final_height,
        pending,
        peers,
    }
}

fn table(report: &NodeReplay) -> Table {
    let mut table = Table::pairs();
    table.pair("chain", &report.chain);
    let (inputs, compared) = (output::count(report.inputs), output::count(report.compared));
    table.pair("inputs", format!("{inputs}, of which {compared} are compared"));
    table.pair("blocks", output::count(report.blocks));
    let (lasted, took) = (Span(report.virtual_ms), Span(report.wall_ms));
    let (lasted, took) = (output::duration(lasted), output::duration(took));
    table.pair("lasted", format!("{lasted}, run again in {took}"));
    for (number, life) in (1..).zip(&report.lives) {
        let began = match (life.stored, life.store_differs) {
            (0, _) => "from an empty store".into(),
            (stored, None) => format!("from a store of {} entries", output::count(stored)),
            (stored, Some(0)) => {
                format!("from a store of {} entries, as the replay left it", output::count(stored))
            }
            (stored, Some(differ)) => format!(
                "from a store of {} entries, {} other than the replay left it",
                output::count(stored),
                output::count(differ)
            ),
        };
        let ended = match (&*life.ending, &life.why) {
            ("lost", Some(why)) => format!("no more is written because {}", output::plain(why)),
            ("left", _) => "left here".into(),
            (ending, _) => ending.into(),
        };
        table.pair(
            &format!("process {number}"),
            format!("{began}; {} inputs; {ended}", output::count(life.inputs)),
        );
        table.pair(
            "",
            format!(
                "head {} at height {}, final height {}, {} pending, {} peers",
                life.head, life.height, life.final_height, life.pending, life.peers
            ),
        );
    }
    table.pair("digest", &report.digest);
    table
}

/// How it went, and the last step where the replay was told to stop.
fn tell(report: &NodeReplay) -> Result<(), CliError> {
    if let Some(last) = &report.last {
        output::line(format!("input {}, process {}: {}", last.input, last.life, last.what))?;
        for output in &last.outputs {
            output::line(format!("  {}", output::plain(output)))?;
        }
    }
    if report.cut_bytes > 0 {
        output::line(format!(
            "the file ends in an entry, of which {} bytes are there; it is left out",
            report.cut_bytes
        ))?;
    }
    output::line(match &report.parted {
        None => "the same history".to_owned(),
        Some(NodeParted { life, input, time, what, recorded, replayed }) => format!(
            "another history: the two part at input {input} of process {life}, at {time} ms: {what}\n  recorded: {recorded}\n  \
             now:      {replayed}"
        ),
    })
}

fn refused(file: &Path, error: ReplayError) -> CliError {
    let advice = match &error {
        ReplayError::Record(RecordError::Version { .. } | RecordError::Format { .. }) => {
            "replay it with the version that recorded it, or record again"
        }
        ReplayError::Record(RecordError::Damaged { .. }) => {
            "what comes before is whole: --until N with an input before it shows that"
        }
        ReplayError::NoKey { .. } => "name the file of its key with --authority KEYFILE",
        _ => "`assay node run --record FILE` records a node",
    };
    let message = format!("{}: {error}", file.display());
    CliError::new(Exit::Config, "bad_recording", message).help(advice)
}

impl From<RecordingError> for CliError {
    fn from(error: RecordingError) -> Self {
        let advice = match &error {
            RecordingError::Version { .. } | RecordingError::Format { .. } => {
                "replay it with the version that recorded it, or record the run again"
            }
            _ => "`assay sim run SCENARIO --seed S --trace FILE` records a run",
        };
        Self::new(Exit::Config, "bad_recording", error.to_string()).help(advice)
    }
}
