//! Log files of nodes: turned over at each start, read from the end, followed while they grow.
//!
//! A node writes to a file that it inherits, so it logs even where nobody supervises it, and is told the file's name, so
//! that it can [turn the file over](crate::node::logfile) when it has grown. A start turns it over as well. One older file
//! is kept, so a node's logs have a bound, however long it runs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::directory::beside;

/// How much is read at once on the way back from the end.
const CHUNK_BYTES: usize = 64 * 1024;

/// The most of a log that is quoted in a message.
const QUOTE_BYTES_MAX: u64 = 4 * 1024;

/// The most of a log whose last lines are shown on a screen.
const SCREEN_BYTES_MAX: u64 = 64 * 1024;

/// How often a followed file is looked at.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(100);

/// Begins a new log and keeps the one before as `FILE.1`; the one before that goes. Returns the new file twice over: for
/// standard output and standard error.
pub(super) fn turn_over(path: &Path) -> io::Result<(File, File)> {
    match fs::rename(path, beside(path, ".1")) {
        Ok(()) => (),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (),
        Err(error) => return Err(error),
    }
    // Appending keeps both ends of the process, and lines of different threads, from overwriting each other.
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let again = file.try_clone()?;
    Ok((file, again))
}

/// The last lines of a log as a message quotes them: few, short, and without control characters. Empty where there is no
/// log.
pub(super) fn quote(path: &Path, lines: usize) -> Vec<String> {
    end_of(path, lines, QUOTE_BYTES_MAX)
}

/// The last lines of a log for a screen, without control characters. Empty where there is no log.
pub fn last_lines(path: &Path, lines: usize) -> Vec<String> {
    end_of(path, lines, SCREEN_BYTES_MAX)
}

fn end_of(path: &Path, lines: usize, bytes_max: u64) -> Vec<String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let (start, _) = start_of_last_lines(&mut file, length, lines)?;
        file.seek(SeekFrom::Start(start.max(length.saturating_sub(bytes_max))))?;
        let mut bytes = Vec::new();
        file.take(bytes_max).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(|line| line.chars().filter(|c| !c.is_control()).collect()).collect()
}

/// Where the last `lines` lines among the first `length` bytes of a file begin, and how many there are too few. A last
/// line without an end counts.
fn start_of_last_lines(file: &mut File, length: u64, lines: usize) -> io::Result<(u64, usize)> {
    if lines == 0 || length == 0 {
        return Ok((length, lines));
    }
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut ends_seen = 0;
    let mut position = length;
    while position > 0 {
        let size = position.min(CHUNK_BYTES as u64);
        position -= size;
        let part = &mut chunk[..size as usize]; // at most a chunk
        file.seek(SeekFrom::Start(position))?;
        file.read_exact(part)?;
        for (index, _) in part.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            let after = position + index as u64 + 1;
            // The end of the last line does not separate it from anything.
            if after == length {
                continue;
            }
            ends_seen += 1;
            if ends_seen == lines {
                return Ok((after, 0));
            }
        }
    }
    Ok((0, lines - ends_seen - 1)) // the first line has no end before it
}

/// A log that is read from the end on.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    /// The end of the older file, where the log itself has fewer lines than were wanted.
    older: Option<io::Take<File>>,
    file: File,
    /// Bytes from where it is read to where the file ended when it was opened.
    first: u64,
}

impl Tail {
    /// Opens a log so that its last `lines` lines come first. Where it was turned over a few lines ago, the older file
    /// has the rest.
    pub fn open(path: &Path, lines: usize) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let (start, missing) = start_of_last_lines(&mut file, length, lines)?;
        file.seek(SeekFrom::Start(start))?;
        let older = match missing {
            0 => None,
            _ => end_of_older(path, missing, &file)?,
        };
        Ok(Self { path: path.to_owned(), older, file, first: length - start })
    }

    /// Writes the lines that there were when the log was opened, and no later ones.
    pub fn print(mut self, out: &mut impl Write) -> io::Result<()> {
        if let Some(mut older) = self.older.take() {
            io::copy(&mut older, out)?;
        }
        io::copy(&mut self.file.take(self.first), out)?;
        out.flush()
    }

    /// Writes what there is.
    fn copy_to(&mut self, out: &mut impl Write) -> io::Result<()> {
        if let Some(mut older) = self.older.take() {
            io::copy(&mut older, out)?;
        }
        io::copy(&mut self.file, out)?;
        out.flush()
    }

    /// Writes what there is and then what comes, over restarts of the node, for as long as `out` takes it. Returns only
    /// with an error.
    pub async fn follow(&mut self, out: &mut impl Write) -> io::Result<std::convert::Infallible> {
        loop {
            self.copy_to(out)?;
            if let Some(newer) = self.newer()? {
                // What was written between the last look and the turn still lies in the old file.
                self.copy_to(out)?;
                self.file = newer;
                continue;
            }
            tokio::time::sleep(FOLLOW_INTERVAL).await;
        }
    }

    /// The file that has taken the place of the one that is open, if one has.
    fn newer(&self) -> io::Result<Option<File>> {
        let newer = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let (old, new) = (self.file.metadata()?, newer.metadata()?);
        Ok(if same_file(&old, &new) { None } else { Some(newer) })
    }
}

/// The last lines of the file that a log was before it was turned over, if there is one.
fn end_of_older(path: &Path, lines: usize, newer: &File) -> io::Result<Option<io::Take<File>>> {
    let mut file = match File::open(beside(path, ".1")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    // Turned over between the two looks, the log itself is the older file by now.
    if same_file(&metadata, &newer.metadata()?) {
        return Ok(None);
    }
    let length = metadata.len();
    let (start, _) = start_of_last_lines(&mut file, length, lines)?;
    file.seek(SeekFrom::Start(start))?;
    Ok(Some(file.take(length - start)))
}

#[cfg(unix)]
fn same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(test)]
#[path = "logs_tests.rs"]
mod tests;
