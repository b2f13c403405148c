//! A log file that cannot fill the disk.
//!
//! A node runs for months and nobody looks after its log. So it turns the file over itself: at [`LOG_BYTES_MAX`] the file
//! becomes `FILE.1`, in the place of the one before, and a new one begins. Where standard output or standard error lead
//! into that very file, as a devnet sets it up so that the words of a panic are not lost, they are led into the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// Bytes of a log file, beyond which it is turned over. With the older one a node's log takes twice that, and a devnet
/// of a hundred nodes a few GB at the very most; it holds days of blocks that come every few seconds.
pub const LOG_BYTES_MAX: u64 = 16 << 20;

/// A log file, open to write at its end.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    /// Bytes in the file.
    length: u64,
    bytes_max: u64,
    /// Whether standard output and standard error lead into it.
    stdout: bool,
    stderr: bool,
}

impl LogFile {
    /// Opens a log file, and continues it if there is one.
    ///
    /// # Errors
    ///
    /// The file cannot be created or written.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::with_bound(path, LOG_BYTES_MAX)
    }

    fn with_bound(path: &Path, bytes_max: u64) -> io::Result<Self> {
        // The working directory may be another one later.
        let path = std::path::absolute(path)?;
        let file = append(&path)?;
        let length = file.metadata()?.len();
        let (stdout, stderr) = (same(&file, io::stdout())?, same(&file, io::stderr())?);
        Ok(Self { path, file, length, bytes_max, stdout, stderr })
    }

    fn turn_over(&mut self) -> io::Result<()> {
        let mut older = self.path.as_os_str().to_owned();
        older.push(".1");
        fs::rename(&self.path, older)?;
        let file = append(&self.path)?;
        // Both fail only where there is no such stream, and then nothing can be lost in it.
        if self.stdout {
            let _ = rustix::stdio::dup2_stdout(&file);
        }
        if self.stderr {
            let _ = rustix::stdio::dup2_stderr(&file);
        }
        (self.file, self.length) = (file, 0);
        Ok(())
    }
}

impl Write for LogFile {
    /// Writes a line, which is never divided between two files.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let bytes = line.len() as u64; // a length fits 64 bits
        if self.length > 0 && self.length.saturating_add(bytes) > self.bytes_max {
            // A log that goes on in the old file is better than none; it is tried again as much later.
            if self.turn_over().is_err() {
                self.length = 0;
            }
        }
        self.file.write_all(line)?;
        self.length = self.length.saturating_add(bytes);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    // Appending keeps lines apart where several parties write, as standard error does.
    OpenOptions::new().create(true).append(true).open(path)
}

/// Whether a stream leads into this file. One that is closed does not.
fn same(file: &File, stream: impl AsFd) -> io::Result<bool> {
    let Ok(theirs) = rustix::fs::fstat(stream) else { return Ok(false) };
    let ours = rustix::fs::fstat(file)?;
    Ok((ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_turned_over_and_one_older_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("node.log");
        fs::write(&path, "before\n").unwrap();
        let mut log = LogFile::with_bound(&path, 20).unwrap();
        for number in 0..5 {
            log.write_all(format!("line {number}\n").as_bytes()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(read("node.log"), "line 3\nline 4\n");
        assert_eq!(read("node.log.1"), "line 1\nline 2\n");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
        // A line longer than the bound stands whole in a file of its own.
        log.write_all(&[b'x'; 50]).unwrap();
        assert_eq!((read("node.log").len(), read("node.log.1")), (50, "line 3\nline 4\n".into()));
    }

    #[test]
    fn where_it_cannot_be_turned_over_the_log_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("node.log");
        let mut log = LogFile::with_bound(&path, 10).unwrap();
        // A directory stands where the older file would go, and a file never takes its place.
        fs::create_dir(directory.path().join("node.log.1")).unwrap();
        for _ in 0..4 {
            log.write_all(b"a line\n").unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "a line\n".repeat(4));
    }
}
