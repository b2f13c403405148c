//! Addresses: a version byte and the 20-byte hash of an ed25519 key, written in bech32m under the chain's prefix.

use std::fmt;

use bech32::Bech32m;
use bech32::Hrp;
use bech32::primitives::decode::CheckedHrpstring;
use borsh::{BorshDeserialize, BorshSerialize};

use super::{PublicKey, sha256d};

/// The only version so far: the hash of one ed25519 key.
const VERSION_KEY: u8 = 0;

/// Characters in an address at most: beyond that the checksum catches less (BIP 350).
const TEXT_MAX: usize = 90;

/// Who owns a coin.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize,
)]
pub struct Address([u8; 21]);

impl Address {
    /// The address of a key: version 0 and the first 20 bytes of SHA-256d(`"assay/address"` ‖ key).
    pub fn of(key: &PublicKey) -> Self {
        let mut preimage = b"assay/address".to_vec();
        preimage.extend(key.0);
        let mut bytes = [0; 21];
        bytes[0] = VERSION_KEY;
        bytes[1..].copy_from_slice(&sha256d(&preimage)[..20]);
        Self(bytes)
    }

    /// The version byte and the hash.
    pub fn as_bytes(&self) -> &[u8; 21] {
        &self.0
    }

    /// Writes the address under a chain's prefix.
    pub fn encode(&self, prefix: &Prefix) -> String {
        bech32::encode::<Bech32m>(prefix.0, &self.0).expect("21 bytes and a prefix fit bech32m")
    }

    /// Reads an address of the chain with this prefix.
    pub fn parse(text: &str, prefix: &Prefix) -> Result<Self, AddressError> {
        let shown = || text.chars().take(100).collect::<String>();
        if text.len() > TEXT_MAX {
            let reason = format!("it has more than {TEXT_MAX} characters");
            return Err(AddressError::Garbled { given: shown(), reason });
        }
        let parsed = CheckedHrpstring::new::<Bech32m>(text)
            .map_err(|error| AddressError::Garbled { given: shown(), reason: error.to_string() })?;
        let hrp = parsed.hrp().to_lowercase();
        if hrp != prefix.as_str() {
            return Err(AddressError::OtherChain {
                given: shown(),
                prefix: hrp,
                expected: prefix.to_string(),
            });
        }
        let bytes: Vec<u8> = parsed.byte_iter().collect();
        let bytes: [u8; 21] = bytes.try_into().map_err(|bytes: Vec<u8>| AddressError::Garbled {
            given: shown(),
            reason: format!("it carries {} bytes, not 21", bytes.len()),
        })?;
        if bytes[0] != VERSION_KEY {
            return Err(AddressError::Version { given: shown(), version: bytes[0] });
        }
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", hex::encode(&self.0[1..5]))
    }
}

/// The human-readable part of a chain's addresses: 1 to 16 lower-case letters or digits, a letter first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefix(Hrp);

impl Prefix {
    /// The prefix, or the reason why it is none.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !(1..=16).contains(&text.len()) {
            return Err("a prefix has 1 to 16 characters");
        }
        if !plain || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err("a prefix is lower-case letters and digits, a letter first");
        }
        Hrp::parse(text).map(Self).map_err(|_| "bech32 does not allow this prefix")
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is not an address of this chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not bech32m at all, or its checksum does not match.
    #[error("`{given}` is not an address: {reason}; check it for a typing error")]
    Garbled {
        /// What was given, cut to 100 characters.
        given: String,
        /// What the decoder says.
        reason: String,
    },
    /// An address of a chain with another prefix.
    #[error(
        "`{given}` is an address of another chain: its prefix is `{prefix}`, this chain's is `{expected}`"
    )]
    OtherChain {
        /// What was given.
        given: String,
        /// Its prefix.
        prefix: String,
        /// The prefix of this chain.
        expected: String,
    },
    /// A version that this software does not know.
    #[error("`{given}` has address version {version}; this software knows version 0")]
    Version {
        /// What was given.
        given: String,
        /// Its version byte.
        version: u8,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix() -> Prefix {
        Prefix::new("assay").unwrap()
    }

    #[test]
    fn an_address_reads_back_and_every_typing_error_is_caught() {
        let address = Address::of(&PublicKey([7; 32]));
        let text = address.encode(&prefix());
        assert!(text.starts_with("assay1"), "{text}");
        assert_eq!(Address::parse(&text, &prefix()), Ok(address));
        assert_eq!(Address::parse(&text.to_uppercase(), &prefix()), Ok(address));
        for at in 0..text.len() {
            let mut typo = text.clone().into_bytes();
            typo[at] = if typo[at] == b'q' { b'p' } else { b'q' };
            let typo = String::from_utf8(typo).unwrap();
            assert!(Address::parse(&typo, &prefix()).is_err(), "{typo}");
        }
    }

    #[test]
    fn an_address_of_another_chain_is_named_as_such() {
        let text = Address::default().encode(&Prefix::new("other").unwrap());
        let error = Address::parse(&text, &prefix()).unwrap_err().to_string();
        assert!(error.contains("its prefix is `other`, this chain's is `assay`"), "{error}");
    }

    #[test]
    fn prefixes_are_plain() {
        for bad in ["", "1abc", "Abc", "a b", "abcdefghijklmnopq", "a-b"] {
            assert!(Prefix::new(bad).is_err(), "{bad}");
        }
    }
}
