//! Passwords and mnemonics on their way from a person into the program.
//!
//! A secret comes from the terminal, where it is not shown, or from a file that only its owner may read. It is never
//! the value of an option or of an environment variable: both can be seen by other processes and stay in histories.
//!
//! The order is: `--password-file`, then the file named by `ASSAY_PASSWORD_FILE`, then the terminal. An empty password
//! has to be asked for with `--no-password`: a person who just presses Enter, or whose file is empty, most likely
//! meant something else. It is then hashed and used like any other, so anybody who reads the file can unlock it.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::keystore::files::{check_owner_only, read_bounded};
use super::keystore::{KeystoreError, WalletName};
use crate::types::mnemonic::Mnemonic;

/// Names a file that holds the password.
pub const PASSWORD_FILE_VARIABLE: &str = "ASSAY_PASSWORD_FILE";

/// The most bytes of a password.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// The most bytes of a file with a password or a mnemonic: room for spaces and line ends.
const SECRET_FILE_BYTES_MAX: u64 = 4 * 1024;

/// How often a new password is asked for until its repetition agrees.
const NEW_PASSWORD_ATTEMPTS: u32 = 3;

/// Asks a person for a secret. Tests answer by themselves.
pub trait Prompter {
    /// Shows the prompt and reads one line, which is not shown.
    fn ask(&mut self, prompt: &str) -> io::Result<SecretString>;
}

/// The controlling terminal, whatever standard input and output are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminal;

impl Prompter for Terminal {
    fn ask(&mut self, prompt: &str) -> io::Result<SecretString> {
        rpassword::prompt_password(prompt).map(SecretString::from)
    }
}

/// Where the password of a wallet comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// A person at the terminal.
    Terminal,
    /// A file, or a pipe such as the shell's `<(…)`, that only its owner may read.
    File(PathBuf),
    /// The empty password, asked for by name.
    Empty,
}

impl PasswordSource {
    /// Decides by the options `--password-file` and `--no-password` and by the environment, in this order.
    /// `variable` looks one up: pass `|name| std::env::var_os(name)`.
    ///
    /// `--no-password` goes before the environment, which was set for other wallets; the two options together are
    /// refused.
    pub fn choose(
        file: Option<PathBuf>,
        no_password: bool,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, KeystoreError> {
        match (file, no_password) {
            (Some(path), true) => Err(KeystoreError::PasswordConflict { path }),
            (Some(path), false) => Ok(Self::File(path)),
            (None, true) => Ok(Self::Empty),
            (None, false) => Ok(variable(PASSWORD_FILE_VARIABLE)
                .filter(|value| !value.is_empty())
                .map_or(Self::Terminal, |value| Self::File(value.into()))),
        }
    }

    /// The password of a wallet that exists.
    pub fn existing(
        &self,
        wallet: &WalletName,
        prompter: &mut dyn Prompter,
    ) -> Result<SecretString, KeystoreError> {
        match self {
            Self::Terminal => checked(ask(prompter, &format!("Password of wallet {wallet}: "))?),
            Self::File(path) => read_password_file(path),
            Self::Empty => Ok(SecretString::default()),
        }
    }

    /// A password for a wallet that is being made, or that gets another one. A person types it twice.
    pub fn chosen(
        &self,
        wallet: &WalletName,
        prompter: &mut dyn Prompter,
    ) -> Result<SecretString, KeystoreError> {
        match self {
            Self::Terminal => ask_twice(wallet, prompter),
            Self::File(path) => read_password_file(path),
            Self::Empty => Ok(SecretString::default()),
        }
    }
}

/// The words of a wallet to restore: from a file that only its owner may read, or from a person. Words may stand on
/// several lines.
pub fn read_mnemonic(
    file: Option<&Path>,
    prompter: &mut dyn Prompter,
) -> Result<Mnemonic, KeystoreError> {
    const WHAT: &str = "mnemonic";
    let words = match file {
        Some(path) => read_secret_file(path, WHAT)?,
        None => prompter
            .ask("Words of the wallet (not shown): ")
            .map_err(|error| unanswered(error, WHAT, "--mnemonic-file"))?,
    };
    Ok(Mnemonic::parse(words.expose_secret())?)
}

/// The BIP-39 passphrase that belongs to words: from a file that only its owner may read, or from a person, where empty
/// means none.
pub fn read_passphrase(
    file: Option<&Path>,
    prompter: &mut dyn Prompter,
) -> Result<SecretString, KeystoreError> {
    const WHAT: &str = "passphrase";
    match file {
        Some(path) => one_line(read_secret_file(path, WHAT)?, path, WHAT),
        None => prompter
            .ask("BIP-39 passphrase of the words (empty for none): ")
            .map_err(|error| unanswered(error, WHAT, "--passphrase-file")),
    }
}

fn ask(prompter: &mut dyn Prompter, prompt: &str) -> Result<SecretString, KeystoreError> {
    prompter
        .ask(prompt)
        .map_err(|error| unanswered(error, "password", "--password-file or ASSAY_PASSWORD_FILE"))
}

fn ask_twice(
    wallet: &WalletName,
    prompter: &mut dyn Prompter,
) -> Result<SecretString, KeystoreError> {
    for attempt in 0..NEW_PASSWORD_ATTEMPTS {
        let again = if attempt == 0 { "" } else { "These differed. " };
        let first = checked(ask(prompter, &format!("{again}New password for wallet {wallet}: "))?)?;
        if first.expose_secret().is_empty() {
            return Err(KeystoreError::EmptyPassword);
        }
        let second = ask(prompter, "The same again: ")?;
        if first.expose_secret() == second.expose_secret() {
            return Ok(first);
        }
    }
    Err(KeystoreError::Mismatch { attempts: NEW_PASSWORD_ATTEMPTS })
}

fn unanswered(error: io::Error, what: &'static str, option: &'static str) -> KeystoreError {
    match error.kind() {
        io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof => {
            KeystoreError::Interrupted { what }
        }
        _ => KeystoreError::NoTerminal { what, reason: error.to_string(), option },
    }
}

fn checked(password: SecretString) -> Result<SecretString, KeystoreError> {
    if password.expose_secret().len() > PASSWORD_BYTES_MAX {
        return Err(KeystoreError::PasswordTooLong);
    }
    Ok(password)
}

fn read_password_file(path: &Path) -> Result<SecretString, KeystoreError> {
    const WHAT: &str = "password";
    let password = checked(one_line(read_secret_file(path, WHAT)?, path, WHAT)?)?;
    if password.expose_secret().is_empty() {
        return Err(KeystoreError::EmptyPasswordFile { path: path.to_owned() });
    }
    Ok(password)
}

/// The text of a file of mode 600 or stricter. Links are followed and pipes are read, unlike with wallets: both occur
/// in `<(…)` and in mounted secrets, and nothing is written back.
fn read_secret_file(path: &Path, what: &'static str) -> Result<SecretString, KeystoreError> {
    let file = File::open(path).map_err(KeystoreError::io("open", path))?;
    let kind = file.metadata().map_err(KeystoreError::io("examine", path))?.file_type();
    if kind.is_dir() {
        return Err(KeystoreError::NotPlain { path: path.to_owned(), what: "a directory" });
    }
    check_owner_only(&file, path)?;
    let bytes: Zeroizing<Vec<u8>> = read_bounded(file, path, SECRET_FILE_BYTES_MAX)?;
    match core::str::from_utf8(&bytes) {
        Ok(text) => Ok(SecretString::from(text)),
        Err(_) => Err(KeystoreError::SecretFile {
            path: path.to_owned(),
            what,
            reason: "it is not text in UTF-8",
        }),
    }
}

/// Strips the line end that editors leave; more than one line is most likely another file than was meant.
fn one_line(
    text: SecretString,
    path: &Path,
    what: &'static str,
) -> Result<SecretString, KeystoreError> {
    let line = text.expose_secret();
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains(['\n', '\r', '\0']) {
        return Err(KeystoreError::SecretFile {
            path: path.to_owned(),
            what,
            reason: "it has more than one line, or a control character",
        });
    }
    Ok(SecretString::from(line))
}

#[cfg(test)]
#[path = "password_tests.rs"]
mod tests;
