//! The file of a recording.
//!
//! ```text
//! magic    8 bytes   "assayrec"
//! format   u32       3
//! then the head, and each entry
//! length   u32       never zero, and the value in its encoding
//! check    8 bytes
//! ```
//!
//! Numbers are little-endian. Each check is the beginning of the BLAKE3 hash of the check before it (of magic and format
//! for the first), the length and the value. A file only grows, so one whose writer was killed is whole up to some entry
//! and ends in the next: it is cut, which is no fault, and goes on from there. Any other check that does not fit is damage.
//! The checks find accidents, not forgers.

use std::io::{self, Read, Write};

use borsh::{BorshDeserialize, BorshSerialize};

use super::Entry;
use crate::store::StoreError;
use crate::types::{GenesisId, decode, encode};

/// The first bytes of a file.
pub const MAGIC: [u8; 8] = *b"assayrec";

/// The format that this software writes.
pub const RECORD_FORMAT: u32 = 3;

/// Bytes of a file at most: days of a busy node. Then it grows no more.
pub const RECORD_BYTES_MAX: u64 = 16 << 30;

/// Bytes of an entry at most: several times the largest message and the largest request.
pub const ENTRY_BYTES_MAX: u32 = 64 << 20;

/// This program's version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Whose recording it is.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Head {
    /// The version of the program that writes it: another one's replica may behave in another way.
    pub version: String,
    /// The chain.
    pub genesis: GenesisId,
    /// Its frozen spec.
    pub spec: String,
}

impl Head {
    /// The head of a recording by this program.
    pub fn new(genesis: GenesisId, spec: String) -> Self {
        Self { version: VERSION.into(), genesis, spec }
    }
}

/// Why a recording is not written or read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is something else.
    #[error("it is no recording of a node: it does not begin like one")]
    NoRecording,
    /// It was written by other software.
    #[error("the recording has format {found}, and this version reads {RECORD_FORMAT}")]
    Format {
        /// Its format.
        found: u32,
    },
    /// Another version wrote it.
    #[error(
        "the recording is of version {given}, and this is version {VERSION}: its nodes may behave in another way"
    )]
    Version {
        /// Its version.
        given: String,
    },
    /// Its beginning is cut or altered.
    #[error("its beginning, which holds the chain spec, is damaged: {0}")]
    Head(&'static str),
    /// It holds another chain.
    #[error("the recording is of chain {found}, and this is chain {expected}")]
    OtherChain {
        /// The chain in the file.
        found: GenesisId,
        /// This one.
        expected: GenesisId,
    },
    /// It was begun with other settings of the same chain.
    #[error("the recording was begun with another chain spec of the same chain")]
    OtherSpec,
    /// An entry was altered, or stands where none of its kind can.
    #[error("it is damaged at byte {offset}: {reason}")]
    Damaged {
        /// Where the entry begins.
        offset: u64,
        /// What was found.
        reason: String,
    },
    /// The store is too large to be carried.
    #[error(
        "the stored chain has more than {max} bytes, and a recording has to carry it: it begins with what the node knows"
    )]
    TooLarge {
        /// What it may have.
        max: u64,
    },
    /// The file is as large as it may be.
    #[error("it has {RECORD_BYTES_MAX} bytes, and grows no more")]
    Full,
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Reading or writing failed.
    #[error("{0}")]
    Io(String),
}

impl From<io::Error> for RecordError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

fn check(before: &[u8], length: [u8; 4], bytes: &[u8]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before).update(&length).update(bytes);
    *hasher.finalize().as_bytes().first_chunk().expect("a hash has more than eight bytes")
}

fn opening() -> Vec<u8> {
    let mut opening = MAGIC.to_vec();
    opening.extend(RECORD_FORMAT.to_le_bytes());
    opening
}

/// Where a file ends as far as it is whole: what is written next goes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// The bytes up to there.
    pub bytes: u64,
    /// Bytes after it: the beginning of an entry that was never finished.
    pub cut: u64,
    check: [u8; 8],
}

/// Writes a file.
#[derive(Debug)]
pub struct RecordWriter<W> {
    out: W,
    bytes: u64,
    check: [u8; 8],
}

impl<W: Write> RecordWriter<W> {
    /// Begins a file.
    pub fn begin(mut out: W, head: &Head) -> Result<Self, RecordError> {
        let (opening, head) = (opening(), encode(head));
        let length = u32::try_from(head.len()).map_err(|_| RecordError::Head("it is too long"))?;
        let check = check(&opening, length.to_le_bytes(), &head);
        // In one piece: a file that has been begun has its head.
        let all = [&opening[..], &length.to_le_bytes(), &head, &check].concat();
        out.write_all(&all)?;
        Ok(Self { out, bytes: all.len() as u64, check })
    }

    /// Goes on with a file. `out` writes where it ends.
    pub fn resume(out: W, tail: Tail) -> Self {
        Self { out, bytes: tail.bytes, check: tail.check }
    }

    /// Adds an encoded entry.
    ///
    /// # Errors
    ///
    /// Writing fails, and the file may end in the entry; or it would become too large, and ends before it.
    pub fn put(&mut self, entry: &[u8]) -> Result<(), RecordError> {
        let length = u32::try_from(entry.len()).ok().filter(|length| *length <= ENTRY_BYTES_MAX);
        let bytes = self.bytes + entry.len() as u64 + 12; // both lengths fit 64 bits
        let length = length.filter(|_| bytes <= RECORD_BYTES_MAX).ok_or(RecordError::Full)?;
        let length = length.to_le_bytes();
        let check = check(&self.check, length, entry);
        self.out.write_all(&length)?;
        self.out.write_all(entry)?;
        self.out.write_all(&check)?;
        self.check = check;
        self.bytes = bytes;
        Ok(())
    }

    /// Where the file ends.
    pub fn tail(&self) -> Tail {
        Tail { bytes: self.bytes, cut: 0, check: self.check }
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// What is written to.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }
}

/// Reads a file.
#[derive(Debug)]
pub struct RecordReader<R> {
    input: R,
    tail: Tail,
    head: Head,
    ended: bool,
}

/// The next `length` bytes, or fewer where the input ends. Memory is taken as they arrive.
fn take(input: &mut impl Read, length: u32) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.by_ref().take(u64::from(length)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What comes next in a file.
enum Piece {
    /// A value, and the check behind it.
    Whole(Vec<u8>, [u8; 8]),
    /// The end, after so many bytes of a value that is not whole.
    Cut(u64),
    /// Nothing that was ever written.
    Altered(&'static str),
}

fn piece(input: &mut impl Read, before: &[u8]) -> io::Result<Piece> {
    let length = take(input, 4)?;
    let Ok(length) = <[u8; 4]>::try_from(&length[..]) else {
        return Ok(Piece::Cut(length.len() as u64));
    };
    let number = u32::from_le_bytes(length);
    if number == 0 || number > ENTRY_BYTES_MAX {
        return Ok(Piece::Altered("its length is impossible"));
    }
    let bytes = take(input, number)?;
    let given = take(input, 8)?;
    if given.len() < 8 {
        return Ok(Piece::Cut(4 + bytes.len() as u64 + given.len() as u64));
    }
    let expected = check(before, length, &bytes);
    Ok(match given == expected {
        true => Piece::Whole(bytes, expected),
        false => Piece::Altered("its check does not fit it"),
    })
}

impl<R: Read> RecordReader<R> {
    /// Reads the beginning of a file.
    ///
    /// # Errors
    ///
    /// It is no recording, not one of this format and version, or its beginning is damaged.
    pub fn begin(mut input: R) -> Result<Self, RecordError> {
        let magic = take(&mut input, 8)?;
        if magic != MAGIC {
            return Err(RecordError::NoRecording);
        }
        let format = take(&mut input, 4)?;
        let format = format.try_into().map_err(|_| RecordError::Head("the file ends in it"))?;
        let found = u32::from_le_bytes(format);
        if found != RECORD_FORMAT {
            return Err(RecordError::Format { found });
        }
        let opening = opening();
        let (bytes, check) = match piece(&mut input, &opening)? {
            Piece::Whole(bytes, check) => (bytes, check),
            Piece::Cut(_) => return Err(RecordError::Head("the file ends in it")),
            Piece::Altered(reason) => return Err(RecordError::Head(reason)),
        };
        let head: Head = decode(&bytes).map_err(|_| RecordError::Head("it says something else"))?;
        if head.version != VERSION {
            return Err(RecordError::Version { given: crate::spec::shortened(&head.version) });
        }
        let bytes = (opening.len() + 4 + bytes.len() + 8) as u64;
        Ok(Self { input, tail: Tail { bytes, cut: 0, check }, head, ended: false })
    }

    /// Whose recording it is.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The next entry; nothing at the end of what is whole.
    ///
    /// # Errors
    ///
    /// The file is altered. Every entry before was as it was written.
    #[expect(clippy::should_implement_trait, reason = "it can fail, and ends with the file")]
    pub fn next(&mut self) -> Result<Option<Entry>, RecordError> {
        let begins = self.tail;
        let Some(bytes) = self.whole()? else { return Ok(None) };
        let entry = decode(&bytes).map_err(|error| {
            self.tail = begins;
            self.damaged(&error.to_string())
        })?;
        Ok(Some(entry))
    }

    /// Goes to the end of what is whole by the checks alone, whatever the entries say.
    ///
    /// # Errors
    ///
    /// The file is altered.
    pub fn into_end(mut self) -> Result<Tail, RecordError> {
        while self.whole()?.is_some() {}
        Ok(self.tail)
    }

    /// The encoding of the next entry, if that is whole.
    fn whole(&mut self) -> Result<Option<Vec<u8>>, RecordError> {
        if self.ended {
            return Ok(None);
        }
        match piece(&mut self.input, &self.tail.check)? {
            Piece::Cut(cut) => {
                self.ended = true;
                self.tail.cut = cut;
                Ok(None)
            }
            Piece::Altered(reason) => Err(self.damaged(reason)),
            Piece::Whole(bytes, check) => {
                self.tail.check = check;
                self.tail.bytes += bytes.len() as u64 + 12;
                Ok(Some(bytes))
            }
        }
    }

    /// That what stands at this place cannot stand there.
    pub fn damaged(&self, reason: &str) -> RecordError {
        RecordError::Damaged { offset: self.tail.bytes, reason: reason.into() }
    }

    /// Where what was read so far ends.
    pub fn tail(&self) -> Tail {
        self.tail
    }
}
