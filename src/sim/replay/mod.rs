//! A node's recording, run again: the same replica over a store in memory, fed what the node was fed.
//!
//! Nothing is simulated here, neither clocks nor links: the recording holds what they brought. After each input the digest
//! of what came out is compared with the recorded one, so the first input that goes another way is known by its number.
//! It can then be looked at from the input before it: [`Options::until`] stops there, and whoever watches sees each input,
//! what came out, and the replica itself.

mod words;

use std::io::Read;
use std::sync::Arc;

pub use words::{input_words, mark_words, output_words};

use crate::replica::record::{
    Digest, Entry, Mark, RecordError, RecordReader, Start, Stored, differing,
};
use crate::replica::{Chain, Input, Output, Replica, Report};
use crate::spec::{DevAccount, FrozenSpec, SpecError};
use crate::store::{Batch, MemStore, Store, StoreError, Table};
use crate::types::{Address, Keypair, Time};

/// How far a recording is run again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// The number of the last input, counted from 1 over the whole file.
    pub until: Option<u64>,
}

/// What a replica just did.
pub struct Step<'a> {
    /// The number of the input, counted from 1 over the whole file; for the opening of a replica, of the one before.
    pub number: u64,
    /// The process, counted from 1.
    pub life: usize,
    /// When.
    pub now: Time,
    /// What happened; nothing when the replica was opened.
    pub input: Option<&'a Input>,
    /// What came out.
    pub outputs: &'a [Output],
    /// The replica after it.
    pub replica: &'a Replica<MemStore>,
}

/// How the recording of a process ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It was stopped.
    Stopped,
    /// It was killed, or the machine was, or it runs still.
    Killed,
    /// Not everything could be written.
    Lost(String),
    /// The replay went no further.
    Left,
}

/// A process, run again.
#[derive(Debug, Clone)]
pub struct Life {
    /// What its replica was told.
    pub start: Start,
    /// Entries of the store that it began with.
    pub stored: u64,
    /// How many entries of that store are not what the replay of the process before left; nothing for the first one.
    pub store_differs: Option<u64>,
    /// When it was opened.
    pub from: Time,
    /// When the last input came.
    pub until: Time,
    /// Blocks that entered its tree.
    pub blocks: u64,
    /// Inputs after which the digests were compared and found the same.
    pub compared: u64,
    /// How its recording ends.
    pub ending: Ending,
    /// Where the replica stands at the end.
    pub mark: Mark,
}

/// Where a replay went another way than the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parted {
    /// The process, counted from 1.
    pub life: usize,
    /// The number of the input, counted from 1 over the whole file; of the one before, if opening the replica went another
    /// way.
    pub input: u64,
    /// When it came.
    pub now: Time,
    /// What it was, in words.
    pub what: String,
    /// What was recorded of the state after it: the first digits of the digest, or all that a mark says.
    pub recorded: String,
    /// The same of this replay.
    pub replayed: String,
}

/// A recording, run again.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The processes.
    pub lives: Vec<Life>,
    /// Inputs handled.
    pub inputs: u64,
    /// Where it went another way; it goes no further then.
    pub parted: Option<Parted>,
    /// Bytes at the end of the file that are the beginning of an entry.
    pub cut: u64,
    /// Whether somebody interrupted it.
    pub interrupted: bool,
}

impl Replayed {
    /// A hash over the digests of all lives.
    pub fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_derive_key("assay replay v1");
        for life in &self.lives {
            hasher.update(life.mark.digest.to_hex().as_bytes());
        }
        hasher.finalize()
    }
}

/// Why a recording is not run again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file is at fault.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Its chain spec is refused.
    #[error("the chain spec in the recording is refused: {0}")]
    Spec(#[from] SpecError),
    /// Nobody brought the key that it signs with.
    #[error(
        "the node of process {life} signs for the authority {authority}, and its key is not here"
    )]
    NoKey {
        /// The process, counted from 1.
        life: usize,
        /// The authority.
        authority: String,
    },
    /// What it says of the store is refused.
    #[error("the replica of process {life} does not open: {error}")]
    Store {
        /// The process, counted from 1.
        life: usize,
        /// Why.
        error: StoreError,
    },
}

/// Runs a recording again, and shows every step; whoever watches says whether to go on. `keys` are those of authorities
/// that the node signs for; those of development accounts are known.
///
/// # Errors
///
/// A key is missing, or the file is damaged, or holds a spec or a store that no node of this version wrote. That a replay
/// goes another way is no error: [`Replayed::parted`] says it.
pub fn replay<R: Read>(
    reader: &mut RecordReader<R>,
    options: Options,
    keys: &[Keypair],
    watch: impl FnMut(&Step<'_>) -> bool,
) -> Result<Replayed, ReplayError> {
    let spec = FrozenSpec::parse("the recording", &reader.head().spec)?;
    let mut player = Player {
        spec,
        keys,
        watch,
        lives: Vec::new(),
        left: None,
        inputs: 0,
        opening: None,
        running: None,
        interrupted: false,
    };
    let mut parted = None;
    while let Some(entry) = reader.next()? {
        if let Entry::Input { check, .. } = &entry
            && options.until == Some(player.inputs)
        {
            // The next input knows what came of the last one.
            parted = player.differs(*check);
            player.close(Ending::Left);
            break;
        }
        match player.take(entry)? {
            Taken::Fits if player.interrupted => break,
            Taken::Fits => {}
            Taken::Misplaced(reason) => return Err(reader.damaged(reason).into()),
            Taken::Parted(found) => {
                parted = Some(found);
                break;
            }
        }
    }
    let whole = parted.is_none() && !player.interrupted;
    player.close(if whole { Ending::Killed } else { Ending::Left });
    let Player { lives, inputs, interrupted, .. } = player;
    Ok(Replayed { lives, inputs, parted, cut: reader.tail().cut, interrupted })
}

/// What a life is opened with, until it is.
struct Opening {
    start: Start,
    store: MemStore,
    entries: u64,
}

/// A process that is being run again.
struct Running {
    life: Life,
    replica: Replica<MemStore>,
    digest: Digest,
    /// Inputs of this life.
    inputs: u64,
    /// The last input; nothing after opening.
    last: Option<Input>,
}

impl Running {
    fn mark(&self) -> Mark {
        Mark::of(&self.replica, self.inputs, self.digest)
    }
}

/// What became of an entry.
enum Taken {
    Fits,
    /// None of its kind can stand there.
    Misplaced(&'static str),
    Parted(Parted),
}

struct Player<'a, W> {
    spec: FrozenSpec,
    keys: &'a [Keypair],
    watch: W,
    lives: Vec<Life>,
    /// The store that the last of them left.
    left: Option<Arc<MemStore>>,
    inputs: u64,
    opening: Option<Opening>,
    running: Option<Running>,
    interrupted: bool,
}

impl<W: FnMut(&Step<'_>) -> bool> Player<'_, W> {
    fn take(&mut self, entry: Entry) -> Result<Taken, ReplayError> {
        Ok(match entry {
            Entry::Start(start) => {
                self.close(Ending::Killed);
                let store = MemStore::default();
                self.opening = Some(Opening { start, store, entries: 0 });
                Taken::Fits
            }
            Entry::Stored(piece) => self.stored(piece)?,
            Entry::Open { now, entries } => match self.opening.take() {
                Some(opening) if opening.entries == entries => self.open(opening, now)?,
                _ => Taken::Misplaced("a replica is opened, and its store is not all there"),
            },
            Entry::Input { now, check, input } => self.input(now, check, input),
            Entry::Mark(mark) => self.compare(&mark),
            Entry::End(mark) => {
                let taken = self.compare(&mark);
                if matches!(taken, Taken::Fits) {
                    self.close(Ending::Stopped);
                }
                taken
            }
            Entry::Lost(reason) => {
                self.close(Ending::Lost(reason));
                Taken::Fits
            }
        })
    }

    fn stored(&mut self, piece: Vec<Stored>) -> Result<Taken, ReplayError> {
        let Some(opening) = &mut self.opening else {
            return Ok(Taken::Misplaced("a part of a store belongs to no beginning"));
        };
        opening.entries += piece.len() as u64;
        let mut batch = Batch::default();
        for Stored { table, key, value } in piece {
            let Some(table) = Table::ALL.get(usize::from(table)) else {
                return Ok(Taken::Misplaced("there is no such table"));
            };
            batch.put(*table, key, value);
        }
        let life = self.lives.len() + 1;
        let stored = opening.store.stage(batch).and_then(|()| opening.store.sync());
        stored.map(|()| Taken::Fits).map_err(|error| ReplayError::Store { life, error })
    }

    fn open(&mut self, opening: Opening, now: Time) -> Result<Taken, ReplayError> {
        let number = self.lives.len() + 1;
        let failed = |error| ReplayError::Store { life: number, error };
        let Opening { start, store, entries } = opening;
        let left = self.left.take();
        let differs = left.map(|left| differing(&*left, &store)).transpose().map_err(failed)?;
        let chain = Chain { checkpoint: start.checkpoint, ..Chain::of(&self.spec) };
        let seat = start.seat(|authority| self.key(authority)).ok_or_else(|| {
            let authority = start.authority.unwrap_or_default().encode(&self.spec.prefix);
            ReplayError::NoKey { life: number, authority }
        })?;
        let engine = self.spec.engine(&seat);
        let genesis = || self.spec.genesis_state();
        let replica =
            Replica::open(chain, genesis, engine, Arc::new(store), now).map_err(failed)?;
        let digest = Digest::default();
        let life = Life {
            start,
            stored: entries,
            store_differs: differs,
            from: now,
            until: now,
            blocks: 0,
            compared: 0,
            ending: Ending::Left,
            mark: Mark::of(&replica, 0, digest),
        };
        self.running = Some(Running { life, replica, digest, inputs: 0, last: None });
        self.came_out(now, None);
        Ok(Taken::Fits)
    }

    /// The key of an authority.
    fn key(&self, authority: &Address) -> Option<Keypair> {
        let given = self.keys.iter().find(|key| key.address() == *authority).cloned();
        let known = || DevAccount::of(authority).filter(|_| self.spec.dev);
        given.or_else(|| known().map(DevAccount::keypair))
    }

    fn input(&mut self, now: Time, check: u64, input: Input) -> Taken {
        if let Some(parted) = self.differs(check) {
            return Taken::Parted(parted);
        }
        let Some(running) = &mut self.running else {
            return Taken::Misplaced("an input comes before a replica is open");
        };
        running.life.until = now;
        running.inputs += 1;
        self.inputs += 1;
        running.replica.handle(now, input.clone());
        self.came_out(now, Some(&input));
        if let Some(running) = &mut self.running {
            running.last = Some(input);
        }
        Taken::Fits
    }

    /// Compares what came out so far; says where it is not what was recorded.
    fn differs(&mut self, check: u64) -> Option<Parted> {
        let running = self.running.as_mut()?;
        let found = running.digest.check();
        if found == check {
            running.life.compared = running.inputs;
            return None;
        }
        let digits = |check: u64| hex::encode(check.to_le_bytes()) + "…";
        self.parted(digits(check), digits(found))
    }

    /// Takes note of what came out, as the node's host does.
    fn came_out(&mut self, now: Time, input: Option<&Input>) {
        let Some(running) = &mut self.running else { return };
        let outputs = running.replica.take_outputs();
        running.digest.add(now, &outputs);
        let import = |output: &&Output| matches!(output, Output::Report(Report::Imported { .. }));
        running.life.blocks += outputs.iter().filter(import).count() as u64;
        if outputs.contains(&Output::Sync) {
            // A store in memory does not fail.
            let _ = running.replica.store().sync();
        }
        let (number, life, replica) = (self.inputs, self.lives.len() + 1, &running.replica);
        let step = Step { number, life, now, input, outputs: &outputs, replica };
        self.interrupted |= !(self.watch)(&step);
    }

    fn compare(&mut self, recorded: &Mark) -> Taken {
        let Some(running) = &mut self.running else {
            return Taken::Misplaced("a mark belongs to no replica");
        };
        if recorded.inputs != running.inputs {
            return Taken::Misplaced("a mark counts other inputs than there are");
        }
        let replayed = running.mark();
        if replayed == *recorded {
            running.life.compared = running.inputs;
            return Taken::Fits;
        }
        let parted = self.parted(mark_words(recorded), mark_words(&replayed));
        parted.map_or(Taken::Fits, Taken::Parted)
    }

    fn parted(&self, recorded: String, replayed: String) -> Option<Parted> {
        let Running { life, last, .. } = self.running.as_ref()?;
        Some(Parted {
            life: self.lives.len() + 1,
            input: self.inputs,
            now: life.until,
            what: input_words(last.as_ref()),
            recorded,
            replayed,
        })
    }

    /// Ends what runs, if something does.
    fn close(&mut self, ending: Ending) {
        self.opening = None;
        let Some(running) = self.running.take() else { return };
        let mark = running.mark();
        self.left = Some(running.replica.store().clone());
        self.lives.push(Life { ending, mark, ..running.life });
    }
}

#[cfg(test)]
mod tests;
