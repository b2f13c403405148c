//! Writing a recording while the node runs: `--record`.
//!
//! The loop makes the entries and never waits for them: a thread of its own writes them to the file. What waits for that
//! thread has a bound. Where the disk is too slow, or full, the recording ends there and says why, in the log and, if it can,
//! in the file; the node goes on.
//!
//! A file that is there already is gone on with, if it is a recording of the same chain by the same version. A process that
//! was killed has left it cut in an entry at most.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use super::host::NodeReplica;
use crate::replica::record::{
    Entry, Head, RecordError, RecordReader, RecordWriter, Recorder, Start, lost, write_store,
};
use crate::replica::{Input, Output, Replica};
use crate::spec::FrozenSpec;
use crate::store::Store;
use crate::types::{Time, encode};

/// Bytes of entries that wait to be written, for a disk that stands still for a moment. Then the recording ends.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// Why a node does not record.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file cannot be opened, or is none that can be gone on with.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Another process writes to it.
    #[error("another node is recording into it")]
    InUse,
}

impl From<io::Error> for RecordingError {
    fn from(error: io::Error) -> Self {
        Self::Record(error.into())
    }
}

impl RecordingError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::InUse => "give each node a file of its own",
            Self::Record(RecordError::TooLarge { .. }) => {
                "record with a new --datadir: the node fetches the chain from its peers, and that is recorded too"
            }
            Self::Record(RecordError::Io(_) | RecordError::Store(_)) => {
                "name a file in a directory that exists and is yours to write"
            }
            Self::Record(RecordError::NoRecording) => "name a file that does not exist yet",
            Self::Record(_) => "name another file, or move this one away",
        }
    }
}

/// The replica as the loop has it, with the recording of it, if there is one: no input and no output passes by.
pub(super) struct Recorded {
    replica: NodeReplica,
    recording: Option<Recording>,
}

impl Recorded {
    pub(super) fn new(replica: NodeReplica, recording: Option<Recording>) -> Self {
        Self { replica, recording }
    }

    /// [`Replica::handle`].
    pub(super) fn handle(&mut self, now: Time, input: Input) {
        if let Some(recording) = &mut self.recording {
            recording.goes_in(now, &input);
        }
        self.replica.handle(now, input);
    }

    /// [`Replica::take_outputs`].
    pub(super) fn take_outputs(&mut self) -> Vec<Output> {
        let outputs = self.replica.take_outputs();
        if let Some(recording) = &mut self.recording {
            recording.came_out(&outputs, &self.replica);
        }
        outputs
    }

    /// Nothing is put in any more. What still came out nobody performs, but the recording has it.
    pub(super) fn end(&mut self) {
        self.take_outputs();
        if let Some(recording) = &mut self.recording {
            recording.end(&self.replica);
        }
    }
}

/// To look at it.
impl Deref for Recorded {
    type Target = NodeReplica;

    fn deref(&self) -> &NodeReplica {
        &self.replica
    }
}

/// A recording of which the beginning is written: what the store holds.
pub(super) struct Begun {
    writer: RecordWriter<BufWriter<File>>,
    entries: u64,
}

impl Begun {
    /// Begins a file, or goes on with one.
    pub(super) fn begin(
        path: &Path,
        spec: &FrozenSpec,
        start: Start,
        store: &impl Store,
    ) -> Result<Self, RecordingError> {
        let mut writer = open(path, Head::new(spec.genesis_id(), spec.to_toml()))?;
        writer.put(&encode(&Entry::<Input>::Start(start)))?;
        let entries = write_store(store, &mut writer)?;
        Ok(Self { writer, entries })
    }

    /// Goes on with the replica that is about to be opened at this moment.
    pub(super) fn open(mut self, now: Time) -> Result<Recording, RecordingError> {
        let entries = self.entries;
        self.writer.put(&encode(&Entry::<Input>::Open { now, entries }))?;
        self.writer.get_mut().flush()?;
        let (sender, entries) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let theirs = waiting.clone();
        let run = move || work(self.writer, &entries, &theirs, cut_back);
        let thread = std::thread::Builder::new().name("record".into()).spawn(run)?;
        let way = Some((sender, thread));
        Ok(Recording { recorder: Recorder::open(now), way, waiting })
    }
}

/// The file, ready for the next entry.
fn open(path: &Path, head: Head) -> Result<RecordWriter<BufWriter<File>>, RecordingError> {
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(RecordingError::InUse),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    if file.metadata()?.len() == 0 {
        return Ok(RecordWriter::begin(BufWriter::new(file), &head)?);
    }
    let reader = RecordReader::begin(BufReader::new(&file))?;
    let (found, expected) = (reader.head().genesis, head.genesis);
    if found != expected {
        return Err(RecordError::OtherChain { found, expected }.into());
    }
    if reader.head().spec != head.spec {
        return Err(RecordError::OtherSpec.into());
    }
    let tail = reader.into_end()?;
    if tail.cut > 0 {
        tracing::debug!(bytes = tail.cut, "the recording ended in an entry, which is left out");
    }
    file.set_len(tail.bytes)?;
    file.seek(SeekFrom::Start(tail.bytes))?;
    Ok(RecordWriter::resume(BufWriter::new(file), tail))
}

/// A recording in progress.
pub(super) struct Recording {
    recorder: Recorder,
    /// To whoever writes; nothing once the recording has ended.
    way: Option<(Sender<Vec<u8>>, JoinHandle<()>)>,
    /// Bytes that wait to be written.
    waiting: Arc<AtomicUsize>,
}

impl Recording {
    /// An input is about to be handled.
    pub(super) fn goes_in(&mut self, now: Time, input: &Input) {
        if self.way.is_some() {
            let entry = self.recorder.goes_in(now, input);
            self.send(entry);
        }
    }

    /// What came out of it, or of opening the replica.
    pub(super) fn came_out<S: Store>(&mut self, outputs: &[Output], replica: &Replica<S>) {
        if self.way.is_some()
            && let Some(entry) = self.recorder.came_out(outputs, replica)
        {
            self.send(entry);
        }
    }

    /// The node stops: writes what is left.
    pub(super) fn end<S: Store>(&mut self, replica: &Replica<S>) {
        if self.way.is_some() {
            let entry = self.recorder.end(replica);
            self.send(entry);
        }
        self.finish();
    }

    fn send(&mut self, entry: Vec<u8>) {
        let Some((way, _)) = &self.way else { return };
        let waiting = self.waiting.fetch_add(entry.len(), Ordering::Relaxed) + entry.len();
        if waiting <= WAITING_BYTES_MAX {
            if way.send(entry).is_err() {
                // Whoever writes has said why it does no more.
                self.way = None;
            }
            return;
        }
        let reason = format!("the disk is too slow: {waiting} bytes wait to be written");
        tracing::warn!("the recording ends here, and the node goes on: {reason}");
        self.waiting.fetch_add(lost(&reason).len(), Ordering::Relaxed);
        // It is written after what waits, and nothing comes after it. Nobody waits for that.
        let _ = way.send(lost(&reason));
        self.way = None;
    }

    fn finish(&mut self) {
        if let Some((way, thread)) = self.way.take() {
            drop(way);
            // It ends when everything is written, and panics nowhere.
            let _ = thread.join();
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Where entries are written to: a file, but in tests.
trait Medium: Write {
    /// Makes everything durable.
    fn settle(&mut self) -> io::Result<()>;
}

impl Medium for BufWriter<File> {
    fn settle(&mut self) -> io::Result<()> {
        self.flush()?;
        self.get_ref().sync_data()
    }
}

/// Takes a file back to so many bytes; what was not flushed is forgotten.
fn cut_back(writer: BufWriter<File>, bytes: u64) -> io::Result<BufWriter<File>> {
    let (mut file, _) = writer.into_parts();
    file.set_len(bytes)?;
    file.seek(SeekFrom::Start(bytes))?;
    Ok(BufWriter::new(file))
}

/// Writes entries until there come no more, or one cannot be written.
fn work<W: Medium>(
    mut writer: RecordWriter<W>,
    entries: &Receiver<Vec<u8>>,
    waiting: &AtomicUsize,
    cut_back: impl FnOnce(W, u64) -> io::Result<W>,
) {
    let mut whole = writer.tail();
    let mut write = || -> Result<(), RecordError> {
        loop {
            let entry = match entries.try_recv() {
                Ok(entry) => entry,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    writer.get_mut().flush()?;
                    whole = writer.tail();
                    let Ok(entry) = entries.recv() else { break };
                    entry
                }
            };
            writer.put(&entry)?;
            waiting.fetch_sub(entry.len(), Ordering::Relaxed);
        }
        Ok(writer.get_mut().settle()?)
    };
    let Err(error) = write() else { return };
    tracing::warn!("the recording ends here, and the node goes on: {error}");
    // A last word, where there is room for it: up to the last flush the file is whole.
    let last_word = || -> Result<(), RecordError> {
        let medium = cut_back(writer.into_inner(), whole.bytes)?;
        let mut writer = RecordWriter::resume(medium, whole);
        writer.put(&lost(&error.to_string()))?;
        Ok(writer.get_mut().settle()?)
    };
    if let Err(error) = last_word() {
        tracing::debug!("the recording does not say why it ends: {error}");
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
