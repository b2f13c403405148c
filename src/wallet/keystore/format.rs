//! The wallet file: JSON, of which only the ciphertext is secret.
//!
//! ```json
//! {
//!   "version": 1,
//!   "created_ms": 1767225600000,
//!   "kdf": { "name": "argon2id", "m_kib": 65536, "t": 3, "p": 1, "salt": "…32 hex digits…" },
//!   "cipher": { "name": "xchacha20-poly1305", "nonce": "…48 hex digits…" },
//!   "accounts": [ { "index": 0, "label": "main", "public_key": "…64 hex digits…" } ],
//!   "ciphertext": "…hex digits…"
//! }
//! ```
//!
//! - The key is Argon2id (RFC 9106, version 0x13) of the password; an empty password is hashed like any other.
//! - The ciphertext is XChaCha20-Poly1305 over the borsh encoding of (entropy of the mnemonic, BIP-39 passphrase).
//! - Every other field is bound to it as associated data: borsh of a tag and the fields in the order above. Changing
//!   one byte of them makes the file refuse its password, while their layout in JSON is free.
//! - Labels and public keys stand in clear, so that listing accounts and receiving money need no password. Whoever reads
//!   the file learns which addresses belong together, and nothing that spends.
//!
//! A file is foreign input: its size, the cost of its password hash and the number of accounts are bounded, unknown
//! fields and other versions are refused.

use std::path::Path;

use borsh::{BorshDeserialize, BorshSerialize};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::hexadecimal::{Hex, HexBytes};
use super::key::{Key, PasswordCost, SALT_BYTES};
use super::{ACCOUNTS_MAX, AccountLabel, KeystoreError, PASSPHRASE_BYTES_MAX};
use crate::types::{Address, PublicKey};

/// The format this program writes, and the newest it reads.
pub const VERSION: u32 = 1;

/// Keeps the associated data apart from every other use of the same key.
const TAG: &str = "assay wallet";

const KDF_NAME: &str = "argon2id";
const CIPHER_NAME: &str = "xchacha20-poly1305";

const NONCE_BYTES: usize = 24;

/// Room for the encoded secret: two length prefixes, 32 bytes of entropy, the passphrase. Reserved at once, for a
/// growing buffer would leave unwiped copies behind.
const SECRET_BYTES_MAX: usize = 2 * 4 + 32 + PASSPHRASE_BYTES_MAX;

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    name: String,
    m_kib: u32,
    t: u32,
    p: u32,
    salt: Hex<SALT_BYTES>,
}

impl Kdf {
    fn new(cost: PasswordCost, salt: [u8; SALT_BYTES]) -> Self {
        let (m_kib, t, p) = (cost.m_kib(), cost.t(), cost.p());
        Self { name: KDF_NAME.to_owned(), m_kib, t, p, salt: Hex(salt) }
    }

    fn cost(&self) -> Result<PasswordCost, KeystoreError> {
        PasswordCost::new(self.m_kib, self.t, self.p)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cipher {
    name: String,
    nonce: Hex<NONCE_BYTES>,
}

/// One account as the file shows it to anybody.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The last step of its derivation path; also its place in the list.
    pub index: u16,
    /// What its owner calls it.
    pub label: AccountLabel,
    /// Its ed25519 public key.
    pub public_key: PublicKey,
}

impl Account {
    /// Where it receives money.
    pub fn address(&self) -> Address {
        Address::of(&self.public_key)
    }
}

/// What the password protects. Wiped when dropped.
#[derive(BorshSerialize, BorshDeserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct Secret {
    /// The entropy of the mnemonic.
    pub entropy: Vec<u8>,
    /// The BIP-39 passphrase, empty for none.
    pub passphrase: String,
}

impl Secret {
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX));
        borsh::to_writer(&mut *bytes, self).expect("writing to memory does not fail");
        bytes
    }
}

/// The parts of a file that are chosen anew each time it is encrypted under a password.
pub(super) struct Fresh {
    pub salt: [u8; SALT_BYTES],
    pub nonce: [u8; NONCE_BYTES],
}

/// A wallet file, read or about to be written. Always within the bounds of the format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope {
    version: u32,
    created_ms: u64,
    kdf: Kdf,
    cipher: Cipher,
    accounts: Vec<Account>,
    ciphertext: HexBytes,
}

impl Envelope {
    /// Encrypts a secret under a password; gives the key too, for later changes.
    pub(super) fn seal(
        created_ms: u64,
        accounts: Vec<Account>,
        secret: &Secret,
        password: &SecretString,
        cost: PasswordCost,
        fresh: Fresh,
    ) -> Result<(Self, Key), KeystoreError> {
        let kdf = Kdf::new(cost, fresh.salt);
        let key = Key::derive(password, &fresh.salt, cost)?;
        let cipher = Cipher { name: CIPHER_NAME.to_owned(), nonce: Hex(fresh.nonce) };
        let ciphertext = HexBytes(Vec::new());
        let mut envelope = Self { version: VERSION, created_ms, kdf, cipher, accounts, ciphertext };
        envelope.encrypt(secret, &key);
        Ok((envelope, key))
    }

    /// Encrypts again under the same password, with other accounts.
    pub(super) fn reseal(
        &self,
        accounts: Vec<Account>,
        secret: &Secret,
        key: &Key,
        nonce: [u8; NONCE_BYTES],
    ) -> Self {
        let mut envelope = Self { accounts, ..self.clone() };
        envelope.cipher.nonce = Hex(nonce);
        envelope.encrypt(secret, key);
        envelope
    }

    fn encrypt(&mut self, secret: &Secret, key: &Key) {
        let plaintext = secret.encode();
        let payload = Payload { msg: &plaintext, aad: &self.associated_data() };
        self.ciphertext.0 = XChaCha20Poly1305::new(key.bytes().into())
            .encrypt((&self.cipher.nonce.0).into(), payload)
            .expect("a short message is within the cipher's limits");
    }

    /// Hashes the password and decrypts; `path` is for messages.
    pub(super) fn unseal(
        &self,
        password: &SecretString,
        path: &Path,
    ) -> Result<(Secret, Key), KeystoreError> {
        let key = Key::derive(password, &self.kdf.salt.0, self.kdf.cost()?)?;
        Ok((self.decrypt(&key, path)?, key))
    }

    /// Decrypts with a key derived earlier.
    pub(super) fn decrypt(&self, key: &Key, path: &Path) -> Result<Secret, KeystoreError> {
        let payload = Payload { msg: &self.ciphertext.0, aad: &self.associated_data() };
        let plaintext = XChaCha20Poly1305::new(key.bytes().into())
            .decrypt((&self.cipher.nonce.0).into(), payload)
            .map(Zeroizing::new)
            .map_err(|_| KeystoreError::WrongPassword { path: path.to_owned() })?;
        borsh::from_slice(&plaintext).map_err(|_| KeystoreError::Inconsistent {
            path: path.to_owned(),
            what: "what it protects is no mnemonic",
        })
    }

    /// Whether a key derived for `other` also fits this file: nobody changed the password in between.
    pub(super) fn same_password_as(&self, other: &Self) -> bool {
        self.kdf == other.kdf
    }

    /// Everything but the ciphertext, in one unambiguous encoding.
    fn associated_data(&self) -> Vec<u8> {
        let fields = (TAG, self.version, self.created_ms, &self.kdf, &self.cipher, &self.accounts);
        borsh::to_vec(&fields).expect("writing to memory does not fail")
    }

    pub(super) fn created_ms(&self) -> u64 {
        self.created_ms
    }

    pub(super) fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// The file's text.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("numbers, texts and lists are JSON");
        json.push(b'\n');
        json
    }

    /// Reads a file's text; `path` is for messages.
    pub(super) fn from_json(json: &[u8], path: &Path) -> Result<Self, KeystoreError> {
        let malformed = |reason: String| KeystoreError::Malformed {
            path: path.to_owned(),
            reason: tame(&reason),
        };
        // The version decides what the other fields may be, so it is read first and alone.
        let probe: Probe =
            serde_json::from_slice(json).map_err(|error| malformed(error.to_string()))?;
        if probe.version > u64::from(VERSION) {
            return Err(KeystoreError::NewerVersion {
                path: path.to_owned(),
                found: probe.version,
                known: VERSION,
            });
        }
        if probe.version < u64::from(VERSION) {
            return Err(malformed(format!("there is no format {}", probe.version)));
        }
        let envelope: Self =
            serde_json::from_slice(json).map_err(|error| malformed(error.to_string()))?;
        envelope.check().map_err(malformed)?;
        envelope.kdf.cost().map_err(|error| malformed(error.to_string()))?;
        Ok(envelope)
    }

    /// The rules of the format that the types of its fields do not express.
    fn check(&self) -> Result<(), String> {
        if self.kdf.name != KDF_NAME {
            return Err(format!("its kdf is {:?}, and only {KDF_NAME:?} is known", self.kdf.name));
        }
        if self.cipher.name != CIPHER_NAME {
            let given = &self.cipher.name;
            return Err(format!("its cipher is {given:?}, and only {CIPHER_NAME:?} is known"));
        }
        let count = self.accounts.len();
        if count == 0 || count > ACCOUNTS_MAX {
            return Err(format!("it has {count} accounts, but must have 1 to {ACCOUNTS_MAX}"));
        }
        for (place, account) in self.accounts.iter().enumerate() {
            if usize::from(account.index) != place {
                let index = account.index;
                return Err(format!("account {index} stands at place {place} of the list"));
            }
            if self.accounts[..place].iter().any(|earlier| earlier.label == account.label) {
                return Err(format!("two accounts have the label {:?}", account.label.as_str()));
            }
        }
        Ok(())
    }
}

/// The one field that every version has.
#[derive(Deserialize)]
struct Probe {
    version: u64,
}

/// A reason that quotes foreign text, made fit for a terminal and a line.
fn tame(reason: &str) -> String {
    const CHARS_MAX: usize = 200;
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(CHARS_MAX).collect()
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
