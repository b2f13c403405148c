//! One process per data directory.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::api::files::LOCK_FILE_NAME;

/// The lock on a data directory. The system releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct DirectoryLock(#[expect(dead_code, reason = "held, never read")] File);

/// Why the data directory is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process uses it.
    #[error("the data directory {directory} is in use by process {holder}")]
    Held {
        /// The directory.
        directory: String,
        /// The process that the lock file names.
        holder: String,
    },
    /// It cannot be written.
    #[error("the data directory {directory} cannot be used: {error}")]
    Unusable {
        /// The directory.
        directory: String,
        /// What the system says.
        error: std::io::Error,
    },
}

impl DirectoryLock {
    /// Takes the lock of a directory that exists, and names this process in it.
    pub fn take(directory: &Path) -> Result<Self, LockError> {
        let shown = || directory.display().to_string();
        let unusable = |error| LockError::Unusable { directory: shown(), error };
        let path = directory.join(LOCK_FILE_NAME);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(unusable)?;
        if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(unusable(error.into()));
            }
            let mut holder = String::new();
            // The name only helps to find the process.
            let _ = file.read_to_string(&mut holder);
            let holder = holder.trim().to_owned();
            let holder = if holder.is_empty() { "unknown".into() } else { holder };
            return Err(LockError::Held { directory: shown(), holder });
        }
        let named = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        named.map_err(unusable)?;
        Ok(Self(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_user_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let first = DirectoryLock::take(directory.path()).unwrap();
        let error = DirectoryLock::take(directory.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        DirectoryLock::take(directory.path()).unwrap();
    }
}
