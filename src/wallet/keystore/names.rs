//! Names of wallets and labels of accounts: short, printable, and safe as part of a path.

use core::fmt;
use core::str::FromStr;

use borsh::BorshSerialize;
use serde::{Deserialize, Serialize};

use super::KeystoreError;

/// The most characters of a wallet's name.
pub const NAME_CHARS_MAX: usize = 32;

/// The most characters of an account's label.
pub const LABEL_CHARS_MAX: usize = 32;

/// A wallet's name: 1 to 32 of `a-z 0-9 _ -`. It is also the name of its file, on file systems that ignore case too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WalletName(String);

impl WalletName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WalletName {
    type Err = KeystoreError;

    fn from_str(text: &str) -> Result<Self, KeystoreError> {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        if (1..=NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeystoreError::Name { given: shortened(text) })
        }
    }
}

impl fmt::Display for WalletName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a person calls an account. At least one letter, so that it is never mistaken for an account's number; nothing
/// that could steer a terminal.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct AccountLabel(String);

impl AccountLabel {
    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountLabel {
    type Err = KeystoreError;

    fn from_str(text: &str) -> Result<Self, KeystoreError> {
        let fits = text.chars().count() <= LABEL_CHARS_MAX
            && text.chars().any(char::is_alphabetic)
            && text.chars().all(|c| c.is_alphanumeric() || " ._-".contains(c))
            && text.trim() == text;
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeystoreError::Label { given: shortened(text) })
        }
    }
}

impl TryFrom<String> for AccountLabel {
    type Error = KeystoreError;

    fn try_from(text: String) -> Result<Self, KeystoreError> {
        text.parse()
    }
}

impl fmt::Display for AccountLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first characters of foreign text: an error message must stay readable whatever was given.
pub(super) fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
