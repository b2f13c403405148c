//! One payment at a time from the same keys.
//!
//! Coins are chosen by what the node says of them, so two commands that pay at the same moment choose the same coins. If
//! they also pay the same, they make the very same transaction, and since a node says "accepted" to what it has already,
//! each would take the other's for its own: two payments would be reported and one made. So whoever pays takes a turn,
//! from reading the coins until the transaction is accepted; then the node knows that they are spent, and the next one
//! reads that.
//!
//! The turn is a lock on a file beside the wallets. It holds between the commands of one machine; [`track`](super::track)
//! looks for twins that come from elsewhere.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;

use super::keystore::{WalletDirectory, WalletName};
use super::track::Clock;

/// How long other payments are waited for. One takes milliseconds, or as long as a node may keep a call waiting.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often it is asked whether the other one has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// The right to pay, until dropped.
#[derive(Debug)]
pub struct Turn {
    /// Closing the file releases the lock.
    _file: File,
}

/// Why it is nobody's turn.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// Others pay all the time, or one hangs.
    #[error("other commands are still paying with the same keys (one of them holds {})", path.display())]
    Busy {
        /// The file that is locked.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot lock {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Turn {
    /// Waits for the turn of a wallet.
    ///
    /// # Errors
    ///
    /// Others take very long, or the file cannot be locked.
    pub async fn of_wallet(
        directory: &WalletDirectory,
        wallet: &WalletName,
        clock: &dyn Clock,
    ) -> Result<Self, TurnError> {
        Self::take(directory.path().join(format!(".{wallet}.turn")), clock).await
    }

    /// Waits for the turn of the faucet, which has one for all development accounts.
    ///
    /// # Errors
    ///
    /// As [`Self::of_wallet`].
    pub async fn of_faucet(
        directory: &WalletDirectory,
        clock: &dyn Clock,
    ) -> Result<Self, TurnError> {
        // A wallet may be called so too; its own turn has one dot more.
        Self::take(directory.path().join(".faucet"), clock).await
    }

    async fn take(path: PathBuf, clock: &dyn Clock) -> Result<Self, TurnError> {
        let file = match open(&path) {
            Ok(file) => file,
            Err(source) => return Err(TurnError::Io { path, source }),
        };
        let start = clock.now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(source)) => return Err(TurnError::Io { path, source }),
                Err(TryLockError::WouldBlock) => {}
            }
            if clock.now().saturating_sub(start) > PATIENCE {
                return Err(TurnError::Busy { path });
            }
            clock.pause(PAUSE).await;
        }
    }
}

/// Opens the file, and makes it and the directory of wallets where they are missing.
fn open(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::wallet::fake::FakeClock;

    #[test]
    fn every_wallet_and_the_faucet_have_one_turn() {
        let home = tempfile::tempdir().unwrap();
        let directory = WalletDirectory::at(home.path().join("wallets"));
        let clock = FakeClock::default();
        let take =
            |wallet: &str| block_on(Turn::of_wallet(&directory, &wallet.parse().unwrap(), &clock));
        let first = take("faucet").unwrap();
        assert!(matches!(take("faucet"), Err(TurnError::Busy { .. })));
        let others = (take("savings").unwrap(), block_on(Turn::of_faucet(&directory, &clock)));
        assert!(others.1.is_ok());
        assert!(block_on(Turn::of_faucet(&directory, &clock)).is_err());
        drop(first);
        take("faucet").unwrap();
        assert_eq!(directory.names().unwrap(), []);
    }
}
