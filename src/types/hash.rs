//! Hashes: SHA-256d for blocks, transactions and work, always under a domain tag and the genesis id.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256};

/// SHA-256 applied twice, the hash of Bitcoin's headers.
pub fn sha256d(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(Sha256::digest(bytes)).into()
}

/// SHA-256d of `tag`, the genesis id and the parts, each length-prefixed so that no two lists of parts collide.
pub fn tagged(tag: &str, chain: &GenesisId, parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    let mut absorb = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_le_bytes()); // usize is at most 64 bits wide here
        hasher.update(bytes);
    };
    absorb(tag.as_bytes());
    absorb(&chain.0.0);
    for part in parts {
        absorb(part);
    }
    Hash(Sha256::digest(hasher.finalize()).into())
}

/// 32 bytes out of a hash function; shown as lower-case hex in storage order.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize,
)]
pub struct Hash(pub [u8; 32]);

/// Why a text is not a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a hash: expected 64 hexadecimal digits")]
pub struct HashError {
    given: String,
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", hex::encode(&self.0[..4]))
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| HashError { given: text.chars().take(80).collect() })?;
        Ok(Self(bytes))
    }
}

impl serde::Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default,
            BorshSerialize, BorshDeserialize, serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub Hash);

        impl $name {
            /// The 32 bytes.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = HashError;

            fn from_str(text: &str) -> Result<Self, HashError> {
                text.parse().map(Self)
            }
        }
    };
}

id!(
    /// Names a chain: the hash of every consensus field of its frozen spec.
    GenesisId
);
id!(
    /// Names a block: the hash of its header, which covers the claim and never the seal.
    BlockId
);
id!(
    /// Names a transaction: the hash of everything but its witnesses.
    TransactionId
);
id!(
    /// Names a coin (an unspent output).
    CoinId
);
id!(
    /// Commits to the whole ledger state; see [`crate::ledger`].
    StateRoot
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_refuses_other_texts() {
        let hash = Hash(sha256d(b"assay"));
        assert_eq!(hash.to_string().parse::<Hash>().unwrap(), hash);
        for bad in ["", "00", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65)] {
            assert!(bad.parse::<Hash>().is_err(), "{bad}");
        }
    }

    #[test]
    fn tags_chains_and_the_borders_of_parts_separate_hashes() {
        let chain = GenesisId::default();
        let other = GenesisId(Hash([1; 32]));
        let hashes = [
            tagged("a", &chain, &[b"xy"]),
            tagged("b", &chain, &[b"xy"]),
            tagged("a", &other, &[b"xy"]),
            tagged("a", &chain, &[b"x", b"y"]),
            tagged("ax", &chain, &[b"y"]),
        ];
        for (i, a) in hashes.iter().enumerate() {
            assert!(hashes[i + 1..].iter().all(|b| a != b));
        }
    }
}
