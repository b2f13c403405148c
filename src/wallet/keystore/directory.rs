//! Where wallets live: one directory, one file each.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{check_directory, create_directory};
use super::{KeystoreError, WALLETS_MAX, WalletName};

/// Names the directory of wallets, before anything else does.
pub const DIRECTORY_VARIABLE: &str = "ASSAY_WALLET_DIR";

/// A directory of wallets, each in a file `NAME.json`. It need not exist until the first one is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletDirectory(PathBuf);

impl WalletDirectory {
    /// The directory at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// `$ASSAY_WALLET_DIR`, or `$XDG_DATA_HOME/assay/wallets`, or `$HOME/.local/share/assay/wallets`: the first whose
    /// variable is set and not empty. As the XDG base directory specification demands, a relative `XDG_DATA_HOME` is
    /// ignored. `variable` looks one up: pass `|name| std::env::var_os(name)`.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, KeystoreError> {
        let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        set(DIRECTORY_VARIABLE)
            .or_else(|| {
                set("XDG_DATA_HOME")
                    .filter(|path| path.is_absolute())
                    .map(|data| data.join("assay/wallets"))
            })
            .or_else(|| set("HOME").map(|home| home.join(".local/share/assay/wallets")))
            .map(Self)
            .ok_or(KeystoreError::NoDirectory)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The file of this wallet, whether there is one or not.
    pub fn file(&self, name: &WalletName) -> PathBuf {
        self.0.join(format!("{name}.json"))
    }

    /// The names of all wallets here, in order. Files that are no wallets by name are passed over.
    ///
    /// Fails where there are more than [`WALLETS_MAX`].
    pub fn names(&self) -> Result<Vec<WalletName>, KeystoreError> {
        self.check()?;
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(KeystoreError::io("read the directory", &self.0)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let file = entry.map_err(KeystoreError::io("read the directory", &self.0))?.file_name();
            let stem = file.to_str().and_then(|file| file.strip_suffix(".json"));
            if let Some(Ok(name)) = stem.map(str::parse) {
                if names.len() == WALLETS_MAX {
                    return Err(KeystoreError::TooManyWallets { directory: self.0.clone() });
                }
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Refuses a directory in which others may replace files.
    pub(super) fn check(&self) -> Result<(), KeystoreError> {
        check_directory(&self.0)
    }

    /// Makes the directory where it is missing.
    pub(super) fn create(&self) -> Result<(), KeystoreError> {
        create_directory(&self.0)
    }

    /// The error for a wallet that is not here.
    pub(super) fn not_found(&self, name: &WalletName) -> KeystoreError {
        KeystoreError::NotFound {
            wallet: name.to_string(),
            directory: self.0.clone(),
            // The names only help: where they cannot be read, the message does without.
            known: self.names().unwrap_or_default().iter().map(WalletName::to_string).collect(),
        }
    }
}
