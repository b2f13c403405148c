//! Everything that can go wrong between a person and their keys.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::files::DIRECTORY_FORBIDDEN_BITS;
use super::names::{LABEL_CHARS_MAX, NAME_CHARS_MAX};
use super::{ACCOUNTS_MAX, PASSPHRASE_BYTES_MAX, WALLETS_MAX};
use crate::types::mnemonic::MnemonicError;
use crate::wallet::password::{PASSWORD_BYTES_MAX, PASSWORD_FILE_VARIABLE};

/// Why a wallet or a password is refused. Each message says what was given, why it will not do, and what to do; none
/// ever holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// No place for wallets can be derived from the environment.
    #[error(
        "there is no directory for wallets: none of ASSAY_WALLET_DIR, XDG_DATA_HOME (absolute) and HOME is set; set one of them"
    )]
    NoDirectory,
    /// The text is no name of a wallet.
    #[error(
        "{given:?} cannot name a wallet: use 1 to {NAME_CHARS_MAX} of the characters a-z, 0-9, _ and -"
    )]
    Name {
        /// The text, shortened.
        given: String,
    },
    /// The text is no label of an account.
    #[error(
        "{given:?} cannot label an account: use 1 to {LABEL_CHARS_MAX} letters, digits, spaces, dots, _ and -, with a letter among them and no space at either end"
    )]
    Label {
        /// The text, shortened.
        given: String,
    },
    /// Another account of this wallet has this label.
    #[error("wallet {wallet:?} already has an account {label:?}: choose another label")]
    LabelTaken {
        /// The wallet's name.
        wallet: String,
        /// The label.
        label: String,
    },
    /// A wallet is never overwritten.
    #[error(
        "there already is a wallet {wallet:?} at {}, and a wallet is never overwritten: choose another name, or move that file away",
        path.display()
    )]
    Exists {
        /// The wallet's name.
        wallet: String,
        /// Its file.
        path: PathBuf,
    },
    /// No file has this name.
    #[error("there is no wallet {wallet:?} in {}: {}", directory.display(), Known(known))]
    NotFound {
        /// The name that was asked for.
        wallet: String,
        /// Where it was looked for.
        directory: PathBuf,
        /// The wallets that are there.
        known: Vec<String>,
    },
    /// The directory holds [`WALLETS_MAX`] wallets.
    #[error("{} already holds {WALLETS_MAX} wallets, the most there may be: use another directory", directory.display())]
    TooManyWallets {
        /// The directory.
        directory: PathBuf,
    },
    /// No account of this wallet is meant.
    #[error("wallet {wallet:?} has no account {given:?}: it has {}", Accounts(labels))]
    NoAccount {
        /// The wallet's name.
        wallet: String,
        /// The index or label that was asked for.
        given: String,
        /// The labels of its accounts, in order.
        labels: Vec<String>,
    },
    /// The wallet has [`ACCOUNTS_MAX`] accounts.
    #[error(
        "wallet {wallet:?} already has {ACCOUNTS_MAX} accounts, the most there may be: use another wallet"
    )]
    TooManyAccounts {
        /// The wallet's name.
        wallet: String,
    },

    /// A file that others than its owner may read or write.
    #[error(
        "{} has mode {mode:04o}, so others than you may get at it: run `chmod 600 {}`",
        path.display(),
        Shell(path)
    )]
    LooseFile {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A directory in which others may replace files.
    #[error(
        "the directory {} has mode {mode:04o}, so others than you may replace what it holds (bits {DIRECTORY_FORBIDDEN_BITS:03o} must be clear): choose a directory of your own, or run `chmod 700 {}`",
        path.display(),
        Shell(path)
    )]
    LooseDirectory {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Something else than a plain file.
    #[error("{} is {what}, but must be a plain file: name the file itself", path.display())]
    NotPlain {
        /// The path.
        path: PathBuf,
        /// What it is, with an article.
        what: &'static str,
    },
    /// A file larger than any of its kind.
    #[error("{} is larger than {bytes_max} bytes, the most a file of this kind may have: name another file", path.display())]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// The bound, in bytes.
        bytes_max: u64,
    },
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, in the infinitive.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has been changing the wallet for long.
    #[error("another process is changing wallet {wallet:?} (it holds {}): wait for it to end, then try again", lock.display())]
    Busy {
        /// The wallet's name.
        wallet: String,
        /// The lock file.
        lock: PathBuf,
    },

    /// The file is not what this program writes.
    #[error("{} is not a wallet file of this program: {reason}; restore it from a copy, or restore the wallet from its words", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// The file comes from a later version of this program.
    #[error(
        "{} has wallet format {found}, but this program knows formats up to {known}: use the newer version that wrote it",
        path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// The version it names.
        found: u64,
        /// The newest version this program reads.
        known: u32,
    },
    /// Cost parameters out of their bounds, in a file or in a request.
    #[error(
        "a password hash with {name} = {given} is refused: {name} must lie between {min} and {max}"
    )]
    Cost {
        /// The parameter.
        name: &'static str,
        /// Its value.
        given: u32,
        /// The least it may be.
        min: u32,
        /// The most it may be.
        max: u32,
    },
    /// The password hash needs more memory than there is.
    #[error(
        "there is not enough memory to check the password: the wallet asks for {m_kib} KiB; close other programs"
    )]
    OutOfMemory {
        /// How much was asked for.
        m_kib: u32,
    },
    /// The authenticated cipher cannot tell these two apart.
    #[error("cannot unlock {}: wrong password, or the file was altered", path.display())]
    WrongPassword {
        /// The file.
        path: PathBuf,
    },
    /// The password fits, but what it protects makes no sense.
    #[error("{} was unlocked, but {what}: this is a defect of the program that wrote it; restore the wallet from its words", path.display())]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// Another process changed the password in the meantime.
    #[error(
        "wallet {wallet:?} got another password since it was unlocked here: unlock it again with the new one"
    )]
    PasswordChanged {
        /// The wallet's name.
        wallet: String,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes, and no key is made without them: {reason}")]
    Entropy {
        /// What it said.
        reason: String,
    },
    /// The BIP-39 passphrase is too long to be one.
    #[error(
        "the passphrase has {bytes} bytes, but may have {PASSPHRASE_BYTES_MAX}: choose a shorter one"
    )]
    PassphraseTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The words make no mnemonic.
    #[error("these words restore no wallet: {0}")]
    Mnemonic(#[from] MnemonicError),

    /// Nobody can be asked, and no file was named.
    #[error(
        "cannot ask for the {what}: there is no terminal ({reason}); put it in a file of mode 600 and name that with {option}"
    )]
    NoTerminal {
        /// What was to be asked.
        what: &'static str,
        /// What the system said.
        reason: String,
        /// The option or variable that names a file.
        option: &'static str,
    },
    /// The person pressed Ctrl-C, or the terminal went away.
    #[error("nothing was typed for the {what}: it was interrupted, and nothing was changed")]
    Interrupted {
        /// What was asked.
        what: &'static str,
    },
    /// The two passwords differed, several times.
    #[error(
        "the password and its repetition differed {attempts} times: start again, or use --password-file"
    )]
    Mismatch {
        /// How often it was asked.
        attempts: u32,
    },
    /// An empty password where none was asked for.
    #[error(
        "an empty password protects nothing: choose one, or say --no-password if that is what you want"
    )]
    EmptyPassword,
    /// A password file without a password.
    #[error("{} holds no password: write one into it, or say --no-password instead", path.display())]
    EmptyPasswordFile {
        /// The file.
        path: PathBuf,
    },
    /// A password of a length nobody means.
    #[error("the password has more than {PASSWORD_BYTES_MAX} bytes: choose a shorter one")]
    PasswordTooLong,
    /// A secret file that is no text, or one of several lines.
    #[error("{} does not hold a {what}: {reason}", path.display())]
    SecretFile {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why it does not.
        reason: &'static str,
    },
    /// Two sources of the password at once.
    #[error("--no-password and a password file ({}) contradict each other: drop the option, or unset {PASSWORD_FILE_VARIABLE}", path.display())]
    PasswordConflict {
        /// The file.
        path: PathBuf,
    },
}

impl KeystoreError {
    /// For `map_err`: an error of the system about one path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// The wallets of a directory, in a sentence.
struct Known<'a>(&'a [String]);

/// How many names a message lists before it stops.
const LISTED_MAX: usize = 10;

impl fmt::Display for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("it holds none; make one with `assay wallet new`"),
            names => write!(f, "it holds {}", listed(names)),
        }
    }
}

/// The accounts of a wallet, in a sentence.
struct Accounts<'a>(&'a [String]);

impl fmt::Display for Accounts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("none"),
            labels => write!(f, "0 to {} ({})", labels.len() - 1, listed(labels)),
        }
    }
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(LISTED_MAX) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

/// A path as a POSIX shell reads it back: what a message says to run must run.
struct Shell<'a>(&'a Path);

impl fmt::Display for Shell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@".contains(c);
        // A leading dash would be read as an option.
        if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
            f.write_str(&text)
        } else {
            let dash = if text.starts_with('-') { "./" } else { "" };
            write!(f, "'{dash}{}'", text.replace('\'', "'\\''"))
        }
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
