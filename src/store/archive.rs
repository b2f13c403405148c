//! A chain in one file: the frozen spec, and the blocks of one branch in order of height.
//!
//! ```text
//! magic    8 bytes   "assaychn"
//! format   u32       1
//! first    u64       the height of the first block
//! length   u32       and the frozen spec, in UTF-8
//! check    32 bytes
//! then for each block
//! length   u32       never zero, and the block in its encoding
//! check    32 bytes
//! and at last
//! zero     u32
//! blocks   u64       how many there are
//! check    32 bytes
//! ```
//!
//! Numbers are little-endian. Each check is the BLAKE3 hash of the check before it (of nothing for the first) and of what
//! lies between: a chain, so a file that was cut, altered or spliced is found at the block where that happened, and
//! everything before it is known to be whole. It does not show who wrote the file; whoever reads a chain out of one
//! judges each block as if a stranger had sent it.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::types::{Block, Height, decode, encode};

/// The first bytes of a file.
pub const MAGIC: [u8; 8] = *b"assaychn";

/// The format that this software writes.
pub const ARCHIVE_FORMAT: u32 = 1;

/// Bytes of a spec at most, as in a spec's own file.
const SPEC_BYTES_MAX: u32 = 1 << 20;

/// Bytes of a block at most: four times what any spec allows.
const BLOCK_BYTES_MAX: u32 = 16 << 20;

/// Why a file is not read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It is something else.
    #[error("it is no chain file: it does not begin like one")]
    NoArchive,
    /// It was written by newer software.
    #[error("it has format {found}, and this software reads up to {ARCHIVE_FORMAT}")]
    Newer {
        /// The format.
        found: u32,
    },
    /// Its beginning, with the chain spec, is cut or altered.
    #[error("its beginning, which holds the chain spec, is damaged: {0}")]
    Spec(&'static str),
    /// It ends too early.
    #[error("it is cut: it ends in the block at height {height}")]
    Cut {
        /// The first block that is not whole.
        height: Height,
    },
    /// It ends between two blocks.
    #[error("it is cut: it ends before the block at height {height}, and without its last mark")]
    Unfinished {
        /// The block that would come next.
        height: Height,
    },
    /// A block was altered.
    #[error("it is damaged at height {height}: {reason}")]
    Damaged {
        /// The block, or the mark in its place.
        height: Height,
        /// What was found.
        reason: String,
    },
    /// It goes on after its end.
    #[error("it goes on after its end, which stands behind height {height}")]
    Trailing {
        /// The last block.
        height: Height,
    },
    /// Reading or writing failed.
    #[error("{0}")]
    Io(String),
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

/// The check after these bytes.
fn check(before: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before);
    for part in parts {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// A place in a file that is being written, to which it can be taken back.
#[derive(Debug, Clone, Copy)]
pub struct Spot {
    offset: u64,
    check: [u8; 32],
    blocks: u64,
}

/// Writes a file.
#[derive(Debug)]
pub struct ArchiveWriter<W> {
    out: W,
    check: [u8; 32],
    blocks: u64,
}

impl<W: Write + Seek> ArchiveWriter<W> {
    /// Begins a file that holds blocks from height `first` on.
    pub fn begin(mut out: W, spec: &str, first: Height) -> Result<Self, ArchiveError> {
        let length = u32::try_from(spec.len()).ok().filter(|length| *length <= SPEC_BYTES_MAX);
        let length = length.ok_or(ArchiveError::Spec("it is too long"))?;
        let mut head = MAGIC.to_vec();
        head.extend(ARCHIVE_FORMAT.to_le_bytes());
        head.extend(first.0.to_le_bytes());
        head.extend(length.to_le_bytes());
        head.extend(spec.as_bytes());
        let check = check(&[], &[&head]);
        out.write_all(&head)?;
        out.write_all(&check)?;
        Ok(Self { out, check, blocks: 0 })
    }

    /// Adds the next block.
    pub fn add(&mut self, block: &Block) -> Result<(), ArchiveError> {
        let bytes = encode(block);
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if length > BLOCK_BYTES_MAX {
            let reason = format!("the block has {} bytes", bytes.len());
            return Err(ArchiveError::Damaged { height: block.header.height, reason });
        }
        let length = length.to_le_bytes();
        self.check = check(&self.check, &[&length, &bytes]);
        self.out.write_all(&length)?;
        self.out.write_all(&bytes)?;
        self.out.write_all(&self.check)?;
        self.blocks += 1;
        Ok(())
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    /// This place, behind the last block.
    pub fn spot(&mut self) -> Result<Spot, ArchiveError> {
        let offset = self.out.stream_position()?;
        Ok(Spot { offset, check: self.check, blocks: self.blocks })
    }

    /// Goes on from an earlier place, over what was written after it.
    pub fn back_to(&mut self, spot: Spot) -> Result<(), ArchiveError> {
        self.out.seek(SeekFrom::Start(spot.offset))?;
        self.check = spot.check;
        self.blocks = spot.blocks;
        Ok(())
    }

    /// Ends the file; gives it back, and how many bytes of it count.
    pub fn end(mut self) -> Result<(W, u64), ArchiveError> {
        let (zero, blocks) = (0u32.to_le_bytes(), self.blocks.to_le_bytes());
        self.out.write_all(&zero)?;
        self.out.write_all(&blocks)?;
        self.out.write_all(&check(&self.check, &[&zero, &blocks]))?;
        self.out.flush()?;
        let bytes = self.out.stream_position()?;
        Ok((self.out, bytes))
    }
}

/// Reads a file.
#[derive(Debug)]
pub struct ArchiveReader<R> {
    input: R,
    check: [u8; 32],
    first: Height,
    blocks: u64,
    spec: String,
    ended: bool,
}

/// Fills `bytes` as far as the input goes; says how far.
fn fill(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match input.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The next `length` bytes, or fewer where the input ends. Memory is taken as they arrive.
fn take(input: &mut impl Read, length: u32) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.by_ref().take(u64::from(length)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl<R: Read> ArchiveReader<R> {
    /// Reads the beginning of a file.
    pub fn begin(mut input: R) -> Result<Self, ArchiveError> {
        let mut magic = [0; 8];
        if fill(&mut input, &mut magic)? < magic.len() || magic != MAGIC {
            return Err(ArchiveError::NoArchive);
        }
        let cut = || ArchiveError::Spec("the file ends in it");
        let mut format = [0; 4];
        if fill(&mut input, &mut format)? < format.len() {
            return Err(cut());
        }
        let found = u32::from_le_bytes(format);
        if found > ARCHIVE_FORMAT {
            return Err(ArchiveError::Newer { found });
        }
        let (mut first, mut length) = ([0; 8], [0; 4]);
        if fill(&mut input, &mut first)? < 8 || fill(&mut input, &mut length)? < 4 {
            return Err(cut());
        }
        if u32::from_le_bytes(length) > SPEC_BYTES_MAX {
            return Err(ArchiveError::Spec("its length is impossible"));
        }
        let spec = take(&mut input, u32::from_le_bytes(length))?;
        let mut given = [0; 32];
        if fill(&mut input, &mut given)? < given.len() {
            return Err(cut());
        }
        let expected = check(&[], &[&magic, &format, &first, &length, &spec]);
        let spec = String::from_utf8(spec).ok().filter(|_| given == expected && found > 0);
        let spec = spec.ok_or(ArchiveError::Spec("its check does not fit it"))?;
        let first = Height(u64::from_le_bytes(first));
        Ok(Self { input, check: expected, first, blocks: 0, spec, ended: false })
    }

    /// The frozen spec.
    pub fn spec(&self) -> &str {
        &self.spec
    }

    /// The height of the first block.
    pub fn first(&self) -> Height {
        self.first
    }

    /// The height of the block that comes next, or would.
    pub fn height(&self) -> Height {
        Height(self.first.0.saturating_add(self.blocks))
    }

    /// The next block; nothing at the end of the file, which is whole then.
    ///
    /// # Errors
    ///
    /// The file is cut or altered, at the height that the error names. Every block before it was as it was written.
    #[expect(clippy::should_implement_trait, reason = "it can fail, and ends with the file")]
    pub fn next(&mut self) -> Result<Option<Block>, ArchiveError> {
        if self.ended {
            return Ok(None);
        }
        let height = self.height();
        let damaged = |reason: &str| ArchiveError::Damaged { height, reason: reason.into() };
        let mut length = [0; 4];
        match fill(&mut self.input, &mut length)? {
            0 => return Err(ArchiveError::Unfinished { height }),
            4 => {}
            _ => return Err(ArchiveError::Cut { height }),
        }
        if length == [0; 4] {
            return self.finish(height).map(|()| None);
        }
        if u32::from_le_bytes(length) > BLOCK_BYTES_MAX {
            return Err(damaged("its length is impossible"));
        }
        let bytes = take(&mut self.input, u32::from_le_bytes(length))?;
        let mut given = [0; 32];
        if fill(&mut self.input, &mut given)? < given.len() {
            return Err(ArchiveError::Cut { height });
        }
        let expected = check(&self.check, &[&length, &bytes]);
        if given != expected {
            return Err(damaged("its check does not fit it"));
        }
        let block: Block = decode(&bytes).map_err(|error| damaged(&error.to_string()))?;
        if block.header.height != height {
            return Err(damaged(&format!("it says height {}", block.header.height)));
        }
        self.check = expected;
        self.blocks += 1;
        Ok(Some(block))
    }

    fn finish(&mut self, height: Height) -> Result<(), ArchiveError> {
        let damaged = |reason: &str| ArchiveError::Damaged { height, reason: reason.into() };
        let (mut blocks, mut given) = ([0; 8], [0; 32]);
        if fill(&mut self.input, &mut blocks)? < 8 || fill(&mut self.input, &mut given)? < 32 {
            return Err(ArchiveError::Unfinished { height });
        }
        let expected = check(&self.check, &[&[0; 4], &blocks]);
        if given != expected || u64::from_le_bytes(blocks) != self.blocks {
            return Err(damaged("the mark of the end is not the one of this file"));
        }
        if fill(&mut self.input, &mut [0])? > 0 {
            return Err(ArchiveError::Trailing { height: height.back(1) });
        }
        self.ended = true;
        Ok(())
    }
}
