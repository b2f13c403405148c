//! Keys from one seed: SLIP-0010 for ed25519.
//!
//! A seed (64 bytes from a [`Mnemonic`]) gives a master key, and a path of numbered steps leads from it to one key per
//! account: `m/44'/1'/ACCOUNT'`. Whoever keeps the mnemonic keeps every account.
//!
//! Ed25519 has no derivation that works from a public key alone, so SLIP-0010 defines only *hardened* steps, marked
//! with an apostrophe. A path therefore stores the bare numbers, and an unhardened step cannot be written down.
//!
//! The coin type of the path is 1, which SLIP-0044 registers for the test networks of all coins: money here is test
//! money, and a mnemonic that also holds real coins elsewhere keeps them at other keys.
//!
//! Nothing here needs entropy or the clock: development accounts are derived while a chain spec is read. Drawing a new
//! mnemonic is the wallet's part.

use core::fmt;
use core::str::FromStr;

use ed25519_dalek::SigningKey;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use zeroize::{Zeroize, Zeroizing};

use super::mnemonic::Mnemonic;

/// The first step of every account path (BIP-44).
pub const PURPOSE: u32 = 44;

/// The second step: "testnet, all coins" in the register of SLIP-0044.
pub const COIN_TYPE: u32 = 1;

/// Added to the number of a hardened step when it is hashed; bare numbers lie below it (BIP-32).
pub const HARDENED_OFFSET: u32 = 1 << 31;

/// The most steps a path may have: BIP-32 counts depth in one byte.
pub const PATH_STEPS_MAX: usize = 255;

/// The fewest bytes a seed may have (SLIP-0010: 128 bits).
pub const SEED_BYTES_MIN: usize = 16;

/// The most bytes a seed may have (SLIP-0010: 512 bits, which is what BIP-39 yields).
pub const SEED_BYTES_MAX: usize = 64;

/// The HMAC key that makes the master key of this curve and no other (SLIP-0010, "Master key generation").
const MASTER_KEY: &[u8] = b"ed25519 seed";

/// The bytes that all keys of one owner come from. Wiped when dropped, never printed.
pub struct Seed(Zeroizing<Vec<u8>>);

impl Seed {
    /// Takes raw seed bytes, of which SLIP-0010 allows 16 to 64.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SeedError> {
        if (SEED_BYTES_MIN..=SEED_BYTES_MAX).contains(&bytes.len()) {
            Ok(Self(Zeroizing::new(bytes.to_vec())))
        } else {
            Err(SeedError { bytes: bytes.len() })
        }
    }

    /// The 64 bytes that BIP-39 makes of a mnemonic and its passphrase (empty for none).
    pub fn from_mnemonic(mnemonic: &Mnemonic, passphrase: &str) -> Self {
        Self(Zeroizing::new(mnemonic.seed_bytes(passphrase).to_vec()))
    }

    /// The raw bytes: secret.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(secret)")
    }
}

/// Raw seed bytes of a length SLIP-0010 does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the seed has {bytes} bytes, but must have {SEED_BYTES_MIN} to {SEED_BYTES_MAX}")]
pub struct SeedError {
    /// How many bytes were given.
    pub bytes: usize,
}

/// A private key and the chain code its children are derived with. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct ExtendedKey {
    /// The private key: an ed25519 seed as of RFC 8032.
    pub secret: Zeroizing<[u8; 32]>,
    /// The other half of the hash, without which no child can be derived.
    pub chain_code: Zeroizing<[u8; 32]>,
}

impl ExtendedKey {
    /// The key at `m` (SLIP-0010, "Master key generation").
    pub fn master(seed: &Seed) -> Self {
        Self::from_hmac(MASTER_KEY, &[seed.expose()])
    }

    /// The hardened child with this bare number (SLIP-0010, "Private parent key → private child key").
    fn child(&self, number: u32) -> Self {
        debug_assert!(number < HARDENED_OFFSET, "a path holds bare numbers");
        let hardened = (number | HARDENED_OFFSET).to_be_bytes();
        Self::from_hmac(&*self.chain_code, &[&[0], &*self.secret, &hardened])
    }

    /// `HMAC-SHA512(key, parts)`: the left half is the secret, the right half the chain code. Unlike on other curves,
    /// every left half is a valid ed25519 secret, so nothing is ever tried again.
    fn from_hmac(key: &[u8], parts: &[&[u8]]) -> Self {
        let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(part);
        }
        let mut hash = mac.finalize().into_bytes();
        let mut made =
            Self { secret: Zeroizing::new([0; 32]), chain_code: Zeroizing::new([0; 32]) };
        made.secret.copy_from_slice(&hash[..32]);
        made.chain_code.copy_from_slice(&hash[32..]);
        hash.as_mut_slice().zeroize();
        made
    }

    /// The key that signs.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.secret)
    }

    /// The public key, as it stands on the chain.
    pub fn public_key(&self) -> [u8; 32] {
        self.signing_key().verifying_key().to_bytes()
    }
}

impl fmt::Debug for ExtendedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExtendedKey(secret)")
    }
}

/// The key that `path` leads to from this seed.
pub fn derive(seed: &Seed, path: &DerivationPath) -> ExtendedKey {
    path.steps.iter().fold(ExtendedKey::master(seed), |parent, number| parent.child(*number))
}

/// The way from the master key to another: `m`, or `m/44'/1'/0'`. Every step is hardened.
///
/// ```
/// use assay::types::hd::DerivationPath;
///
/// assert_eq!("m/44'/1'/7'".parse(), Ok(DerivationPath::account(7)));
/// assert_eq!(DerivationPath::account(7).to_string(), "m/44'/1'/7'");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DerivationPath {
    /// Bare numbers, below [`HARDENED_OFFSET`].
    steps: Vec<u32>,
}

impl DerivationPath {
    /// The path of a wallet's account: `m/44'/1'/ACCOUNT'`.
    pub fn account(account: u16) -> Self {
        Self { steps: vec![PURPOSE, COIN_TYPE, u32::from(account)] }
    }
}

impl fmt::Display for DerivationPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("m")?;
        self.steps.iter().try_for_each(|number| write!(f, "/{number}'"))
    }
}

/// Why a text is no derivation path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with the master key.
    #[error("the derivation path {given:?} does not start with m: write it like m/44'/1'/0'")]
    NoMaster {
        /// The text, shortened.
        given: String,
    },
    /// A step has no hardened mark.
    #[error(
        "step {position} of the derivation path is {step:?}, which is not hardened: ed25519 keys derive through hardened steps only, write {step}'"
    )]
    NotHardened {
        /// Counted from 1.
        position: usize,
        /// The text of the step, shortened.
        step: String,
    },
    /// A step is no number.
    #[error(
        "step {position} of the derivation path is {step:?}, which is no number: write decimal digits and an apostrophe, like 0'"
    )]
    NotANumber {
        /// Counted from 1.
        position: usize,
        /// The text of the step, shortened.
        step: String,
    },
    /// A step's number is 2^31 or more.
    #[error(
        "step {position} of the derivation path is {step:?}, which is too large: the largest number is 2147483647'"
    )]
    TooLarge {
        /// Counted from 1.
        position: usize,
        /// The text of the step, shortened.
        step: String,
    },
    /// More than [`PATH_STEPS_MAX`] steps.
    #[error("the derivation path has more than {PATH_STEPS_MAX} steps: use a shorter one")]
    TooDeep,
}

impl FromStr for DerivationPath {
    type Err = PathError;

    /// Reads `m` or `m/0'/1'`; `h` and `H` stand for the apostrophe, as BIP-32 allows.
    fn from_str(text: &str) -> Result<Self, PathError> {
        let mut parts = text.split('/');
        if parts.next() != Some("m") {
            return Err(PathError::NoMaster { given: shortened(text) });
        }
        let mut steps = Vec::new();
        for (position, step) in (1..).zip(parts) {
            if position > PATH_STEPS_MAX {
                return Err(PathError::TooDeep);
            }
            steps.push(parse_step(position, step)?);
        }
        Ok(Self { steps })
    }
}

fn parse_step(position: usize, step: &str) -> Result<u32, PathError> {
    let bare = step.strip_suffix(['\'', 'h', 'H']);
    let digits = bare.unwrap_or(step);
    // `u32::from_str` would also take a plus sign.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PathError::NotANumber { position, step: shortened(step) });
    }
    if bare.is_none() {
        return Err(PathError::NotHardened { position, step: shortened(step) });
    }
    match digits.parse::<u32>() {
        Ok(number) if number < HARDENED_OFFSET => Ok(number),
        _ => Err(PathError::TooLarge { position, step: shortened(step) }),
    }
}

/// The first characters of foreign text: an error message must stay readable whatever was given.
fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "hd_tests.rs"]
mod tests;
