//! Recordings of runs: what is needed to run again, and digests to see whether it went the same way.
//!
//! A run follows from scenario, chain spec, seed and program. So a recording holds the first three, and names the version
//! of the fourth: another version's nodes behave in another way, and say so instead of failing without a reason. It is
//! text, one JSON value a line: a header, the files, and the digest at a hundred moments, so that the first difference is
//! known to a hundredth of the run.

use serde::{Deserialize, Serialize};

use super::super::time::{Micros, Moment};
use super::run::{Impossible, Outcome, run};
use super::{SCENARIO_BYTES_MAX, Scenario};
use crate::spec::{SPEC_BYTES_MAX, SpecError};

/// The format of recordings.
const FORMAT: u32 = 1;

/// This program's version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Bytes in a recording: both files with every character escaped, and the digests.
pub const RECORDING_BYTES_MAX: usize = 6 * (SCENARIO_BYTES_MAX + SPEC_BYTES_MAX) + (1 << 20);

/// The digest on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// When.
    pub at: Moment,
    /// Events so far.
    pub events: u64,
    /// Their digest.
    pub digest: blake3::Hash,
}

/// A recorded run.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The scenario.
    pub scenario: Scenario,
    /// The seed.
    pub seed: u64,
    /// Events that happened.
    pub events: u64,
    /// Their digest.
    pub digest: blake3::Hash,
    /// The digest on the way.
    pub checkpoints: Vec<Checkpoint>,
}

/// Why a text is no recording that can be replayed.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// Another program wrote it.
    #[error(
        "the recording is of version {given}, and this is version {VERSION}: its nodes may behave in another way"
    )]
    Version {
        /// Its version.
        given: String,
    },
    /// A later program wrote it.
    #[error("the recording has format {given}, and this version reads {FORMAT}")]
    Format {
        /// Its format.
        given: u32,
    },
    /// It is something else.
    #[error("line {line} is not what a recording has there: {why}")]
    Broken {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// Its scenario is refused.
    #[error("the scenario in the recording is refused: {0}")]
    Scenario(#[from] SpecError),
}

#[derive(Serialize, Deserialize)]
struct Header {
    assay_recording: u32,
    version: String,
    scenario: String,
    seed: u64,
    events: u64,
    digest: String,
}

#[derive(Serialize, Deserialize)]
struct Files {
    file: String,
    text: String,
    base: String,
    base_text: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    at_us: u64,
    events: u64,
    digest: String,
}

/// What became of a replay.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// What happened this time.
    pub outcome: Outcome,
    /// Between which moments the two runs parted, if they did.
    pub parted: Option<(Moment, Moment)>,
}

impl Recording {
    /// The recording of a run.
    pub fn of(scenario: &Scenario, outcome: &Outcome) -> Self {
        Self {
            scenario: scenario.clone(),
            seed: outcome.seed,
            events: outcome.events,
            digest: outcome.digest,
            checkpoints: outcome.checkpoints.clone(),
        }
    }

    /// The text of it.
    pub fn write(&self) -> String {
        let hex = |digest: &blake3::Hash| digest.to_hex().to_string();
        let header = Header {
            assay_recording: FORMAT,
            version: VERSION.into(),
            scenario: self.scenario.name.clone(),
            seed: self.seed,
            events: self.events,
            digest: hex(&self.digest),
        };
        let (base, base_text) = self.scenario.base.clone();
        let (file, text) = (self.scenario.file.clone(), self.scenario.text.clone());
        let mut lines = vec![written(&header), written(&Files { file, text, base, base_text })];
        for Checkpoint { at, events, digest } in &self.checkpoints {
            lines.push(written(&Line { at_us: at.0, events: *events, digest: hex(digest) }));
        }
        lines.join("\n") + "\n"
    }

    /// Reads a recording.
    ///
    /// # Errors
    ///
    /// It is none, or another version wrote it.
    pub fn read(text: &str) -> Result<Self, RecordingError> {
        let broken = |line, why: String| RecordingError::Broken { line, why };
        if text.len() > RECORDING_BYTES_MAX {
            return Err(broken(1, format!("it has more than {RECORDING_BYTES_MAX} bytes")));
        }
        let digest = |line, text: &str| {
            blake3::Hash::from_hex(text).map_err(|error| broken(line, error.to_string()))
        };
        let mut lines = (1..).zip(text.lines());
        let (line, first) = lines.next().unwrap_or((1, ""));
        let header: Header = parsed(line, first)?;
        if header.assay_recording != FORMAT {
            return Err(RecordingError::Format { given: header.assay_recording });
        }
        if header.version != VERSION {
            return Err(RecordingError::Version { given: crate::spec::shortened(&header.version) });
        }
        let (line, second) = lines.next().unwrap_or((2, ""));
        let files: Files = parsed(line, second)?;
        let base = |name: &str| match name == files.base {
            true => Ok(files.base_text.clone()),
            false => Err("it is not in the recording".to_owned()),
        };
        let scenario = Scenario::parse(&files.file, &files.text, &base)?;
        let mut checkpoints = Vec::new();
        for (line, text) in lines {
            let Line { at_us, events, digest: hex } = parsed(line, text)?;
            checkpoints.push(Checkpoint { at: Moment(at_us), events, digest: digest(line, &hex)? });
        }
        let Header { seed, events, .. } = header;
        Ok(Self { scenario, seed, events, digest: digest(1, &header.digest)?, checkpoints })
    }

    /// Runs it again.
    ///
    /// # Errors
    ///
    /// An event that is impossible, which it was not when it was recorded: then the file was changed.
    pub fn replay(&self) -> Result<Replayed, Impossible> {
        let outcome = run(&self.scenario, self.seed)?;
        let same = outcome.digest == self.digest && outcome.events == self.events;
        let parted = (!same).then(|| {
            let both = self.checkpoints.iter().zip(&outcome.checkpoints);
            let equal = both.take_while(|(old, new)| old == new).map(|(old, _)| old.at);
            let last = equal.last().unwrap_or_default();
            let next = outcome.checkpoints.iter().map(|checkpoint| checkpoint.at);
            let end = Moment(0).after(Micros(outcome.lasted.0));
            (last, next.filter(|at| *at > last).min().unwrap_or(end))
        });
        Ok(Replayed { outcome, parted })
    }
}

fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers are JSON")
}

fn parsed<'t, T: Deserialize<'t>>(line: usize, text: &'t str) -> Result<T, RecordingError> {
    serde_json::from_str(text)
        .map_err(|error| RecordingError::Broken { line, why: error.to_string() })
}
