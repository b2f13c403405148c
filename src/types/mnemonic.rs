//! A secret that people can write down: the mnemonic of BIP-39, in English words.
//!
//! A mnemonic is entropy (128 to 256 bits) plus a short checksum, spelled as 12 to 24 words of a fixed list. Together
//! with an optional passphrase it makes the [`Seed`](super::hd::Seed) of all keys. A wallet draws 24 words; any length
//! that BIP-39 allows is restored.

use core::fmt;
use std::borrow::Cow;

use bip39::Language;
use zeroize::{Zeroize, Zeroizing};

/// The words a new wallet gets: 256 bits of entropy.
pub const NEW_MNEMONIC_WORDS: usize = 24;

/// The bytes of entropy behind [`NEW_MNEMONIC_WORDS`].
pub const NEW_MNEMONIC_ENTROPY_BYTES: usize = 32;

/// Words that hold all keys of a wallet. Wiped when dropped, never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Mnemonic(bip39::Mnemonic);

impl Mnemonic {
    /// Spells entropy of 16, 20, 24, 28 or 32 bytes.
    pub fn from_entropy(entropy: &[u8]) -> Result<Self, MnemonicError> {
        Ok(Self(bip39::Mnemonic::from_entropy_in(Language::English, entropy)?))
    }

    /// Spells 32 bytes of entropy in 24 words, which always works.
    pub fn from_full_entropy(entropy: &[u8; NEW_MNEMONIC_ENTROPY_BYTES]) -> Self {
        Self::from_entropy(entropy).expect("BIP-39 takes 32 bytes of entropy")
    }

    /// Reads words as a person types them: any white space between them, capital or small letters.
    pub fn parse(text: &str) -> Result<Self, MnemonicError> {
        let text = Zeroizing::new(text.to_ascii_lowercase());
        Ok(Self(bip39::Mnemonic::parse_in_normalized(Language::English, &text)?))
    }

    /// The words in order: secret.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.0.words()
    }

    /// The words with single spaces between them: secret.
    pub fn phrase(&self) -> Zeroizing<String> {
        // No English word is longer than 8 letters: growing the string would leave unwiped copies behind.
        let mut phrase = Zeroizing::new(String::with_capacity(NEW_MNEMONIC_WORDS * 9));
        for word in self.words() {
            if !phrase.is_empty() {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        phrase
    }

    /// The entropy the words spell: secret.
    pub fn entropy(&self) -> Zeroizing<Vec<u8>> {
        let (mut bytes, length) = self.0.to_entropy_array();
        let entropy = Zeroizing::new(bytes[..length].to_vec());
        bytes.zeroize();
        entropy
    }

    /// PBKDF2-HMAC-SHA512 over the words with 2048 rounds; the passphrase is brought into Unicode's form NFKD first
    /// (BIP-39, "From mnemonic to seed").
    pub(super) fn seed_bytes(&self, passphrase: &str) -> Zeroizing<[u8; 64]> {
        let mut normalized = Cow::Borrowed(passphrase);
        bip39::Mnemonic::normalize_utf8_cow(&mut normalized);
        let seed = Zeroizing::new(self.0.to_seed_normalized(&normalized));
        if let Cow::Owned(mut copy) = normalized {
            copy.zeroize();
        }
        seed
    }
}

impl fmt::Debug for Mnemonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mnemonic(secret)")
    }
}

/// Why words or entropy make no mnemonic. Never repeats a word: it may be nearly right, and messages end up in logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MnemonicError {
    /// The number of words is none of those BIP-39 knows.
    #[error(
        "{words} words were given, but a mnemonic has 12, 15, 18, 21 or 24: look for a missing or a doubled one"
    )]
    WordCount {
        /// How many were given.
        words: usize,
    },
    /// A word that the list lacks.
    #[error("word {position} is not in the English list of BIP-39: check its spelling")]
    UnknownWord {
        /// Counted from 1.
        position: usize,
    },
    /// All words are known, but they do not belong together.
    #[error("the words do not fit their checksum: one of them is wrong, or two changed places")]
    Checksum,
    /// Entropy of another length than BIP-39 knows.
    #[error("{bits} bits of entropy were given, but a mnemonic spells 128, 160, 192, 224 or 256")]
    EntropyLength {
        /// How many were given.
        bits: usize,
    },
}

impl From<bip39::Error> for MnemonicError {
    fn from(error: bip39::Error) -> Self {
        match error {
            bip39::Error::BadWordCount(words) => Self::WordCount { words },
            bip39::Error::UnknownWord(index) => Self::UnknownWord { position: index + 1 },
            bip39::Error::BadEntropyBitCount(bits) => Self::EntropyLength { bits },
            // Only one language is compiled in and it is always named, so no word list is ever ambiguous.
            bip39::Error::InvalidChecksum | bip39::Error::AmbiguousLanguages(_) => Self::Checksum,
        }
    }
}

#[cfg(test)]
#[path = "mnemonic_tests.rs"]
mod tests;
