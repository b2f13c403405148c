//! Files that hold secrets: who may read them, and how they are written so that a crash loses nothing.
//!
//! Reading opens the file first and judges what was opened, so nothing can be swapped in between. A link is not
//! followed: a rename would replace the link and leave the old file behind.
//!
//! Writing goes to a temporary file in the same directory, is synced, renamed over the old file, and the directory is
//! synced: after a crash there is either the old file or the new one, whole.
//!
//! A change reads the file, edits, and writes it back, which two processes must not do at once. They exclude each other
//! by an advisory lock on a file of its own beside the wallet: the wallet's own file is another one after every rename.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::{KeystoreError, WalletName};

/// The most bytes of a wallet file: a thousand accounts take a fifth of it.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// What is reserved to read any file into: more than a password or a mnemonic may have.
const SECRET_BYTES_RESERVED: usize = 8 * 1024;

/// Permission bits that a secret file must not have: anything for others than its owner.
const FILE_FORBIDDEN_BITS: u32 = 0o077;

/// Permission bits that a directory of wallets must not have: others could replace what it holds.
pub const DIRECTORY_FORBIDDEN_BITS: u32 = 0o022;

/// The permission bits of a mode, without the kind of file.
const PERMISSION_BITS: u32 = 0o7777;

/// How often a taken lock is tried again, and how long between: five seconds in all, far more than a change takes.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Reads a plain file that only its owner may read. `None` where there is none.
pub(crate) fn read_private(
    path: &Path,
    bytes_max: u64,
) -> Result<Option<Zeroizing<Vec<u8>>>, KeystoreError> {
    // Without NONBLOCK, opening a named pipe would wait for a writer.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
    {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            return Err(KeystoreError::NotPlain { path: path.to_owned(), what: "a symbolic link" });
        }
        Err(error) => return Err(KeystoreError::io("open", path)(error)),
    };
    let kind = file.metadata().map_err(KeystoreError::io("examine", path))?.file_type();
    if !kind.is_file() {
        let what = if kind.is_dir() { "a directory" } else { "a device, socket or pipe" };
        return Err(KeystoreError::NotPlain { path: path.to_owned(), what });
    }
    check_owner_only(&file, path)?;
    read_bounded(file, path, bytes_max).map(Some)
}

/// Refuses a file that others than its owner may get at.
pub(crate) fn check_owner_only(file: &File, path: &Path) -> Result<(), KeystoreError> {
    let mode =
        file.metadata().map_err(KeystoreError::io("examine", path))?.mode() & PERMISSION_BITS;
    if mode & FILE_FORBIDDEN_BITS == 0 {
        Ok(())
    } else {
        Err(KeystoreError::LooseFile { path: path.to_owned(), mode })
    }
}

/// Reads to the end, unless there is more than `bytes_max`.
pub(crate) fn read_bounded(
    file: File,
    path: &Path,
    bytes_max: u64,
) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
    // Reserved at once, for what a password needs: growing would leave unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_RESERVED));
    let read = file
        .take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(KeystoreError::io("read", path))?;
    if read as u64 > bytes_max {
        return Err(KeystoreError::FileTooLarge { path: path.to_owned(), bytes_max });
    }
    Ok(bytes)
}

/// Makes the directory, for its owner alone, with those above it that are missing.
pub(super) fn create_directory(path: &Path) -> Result<(), KeystoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(KeystoreError::io("create the directory", path))?;
    check_directory(path)
}

/// Refuses a directory in which others may replace files. One that is missing is fine: so are the files in it.
pub(super) fn check_directory(path: &Path) -> Result<(), KeystoreError> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(KeystoreError::io("examine the directory", path)(error)),
    };
    let mode = metadata.mode() & PERMISSION_BITS;
    if mode & DIRECTORY_FORBIDDEN_BITS == 0 {
        Ok(())
    } else {
        Err(KeystoreError::LooseDirectory { path: path.to_owned(), mode })
    }
}

/// Whether a file may take another's place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Replace {
    /// The file must be new; one that appears at the last moment is kept.
    No,
    /// The file takes the place of an older version.
    Yes,
}

/// Ends the name of a file that is being written.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Writes a file so that a crash leaves the old one or the new one. Says whether it was written: with
/// [`Replace::No`] it is not where there is one already. Whoever calls holds the [`Lock`].
pub(super) fn write_private(
    path: &Path,
    bytes: &[u8],
    replace: Replace,
) -> Result<bool, KeystoreError> {
    let directory = path.parent().expect("a wallet's path is a file name in a directory");
    let stem = path.file_stem().expect("a wallet's path is a file name in a directory");
    let prefix = format!(".{}", stem.to_string_lossy());
    // One name for each wallet, so that what a crash leaves behind is found here, and does not pile up. Under the lock
    // it can be nobody else's.
    let leftover = directory.join(format!("{prefix}{TEMPORARY_SUFFIX}"));
    match std::fs::remove_file(&leftover) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(KeystoreError::io("remove", &leftover)(error));
        }
        _ => {}
    }
    let mut temporary = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(TEMPORARY_SUFFIX)
        .rand_bytes(0)
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(directory)
        .map_err(KeystoreError::io("create a file in", directory))?;
    temporary.write_all(bytes).map_err(KeystoreError::io("write", temporary.path()))?;
    temporary.as_file().sync_all().map_err(KeystoreError::io("sync", temporary.path()))?;
    let renamed = match replace {
        Replace::Yes => temporary.persist(path),
        Replace::No => temporary.persist_noclobber(path),
    };
    match renamed {
        Ok(_) => {}
        Err(refused)
            if replace == Replace::No && refused.error.kind() == io::ErrorKind::AlreadyExists =>
        {
            return Ok(false);
        }
        Err(refused) => return Err(KeystoreError::io("write", path)(refused.error)),
    }
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(KeystoreError::io("sync the directory", directory))?;
    Ok(true)
}

/// The right to change a wallet, until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    /// Closing the file releases the lock.
    _file: File,
}

impl Lock {
    /// Waits a few seconds for the right to change this wallet.
    pub(super) fn acquire(directory: &Path, wallet: &WalletName) -> Result<Self, KeystoreError> {
        Self::acquire_within(directory, wallet, LOCK_TRIES)
    }

    fn acquire_within(
        directory: &Path,
        wallet: &WalletName,
        tries: u32,
    ) -> Result<Self, KeystoreError> {
        let path: PathBuf = directory.join(format!(".{wallet}.lock"));
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(KeystoreError::io("open the lock file", &path))?;
        for attempt in 0..tries {
            if attempt > 0 {
                thread::sleep(LOCK_PAUSE);
            }
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(KeystoreError::io("lock", &path)(error));
                }
            }
        }
        Err(KeystoreError::Busy { wallet: wallet.to_string(), lock: path })
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
