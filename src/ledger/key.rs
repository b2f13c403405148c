//! The names of state entries.

use std::fmt;

use crate::types::{Address, CoinId, Hash};

/// The name of an entry of the system section: a path like `work/total`, perhaps followed by bytes such as an
/// address. Rules choose their own; the first component is the owner.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemKey(Vec<u8>);

impl SystemKey {
    /// The entry at a fixed path.
    pub fn new(path: &str) -> Self {
        Self(path.as_bytes().to_vec())
    }

    /// One entry of a family: the path, a zero byte, and what tells the members apart.
    pub fn member(path: &str, member: &[u8]) -> Self {
        let mut bytes = path.as_bytes().to_vec();
        bytes.push(0);
        bytes.extend(member);
        Self(bytes)
    }

    /// Bytes of the name.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for SystemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", String::from_utf8_lossy(&self.0))
    }
}

/// The name of a state entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A coin.
    Coin(CoinId),
    /// The empty mark that an owner has a coin. It follows from the coin, so the state root does not cover it.
    Owned(Address, CoinId),
    /// An entry that a rule keeps.
    System(SystemKey),
}

impl Key {
    /// The name as bytes; no two keys share them, and the marks of one owner lie side by side.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Coin(id) => tagged(b'c', &[id.as_bytes()]),
            Self::Owned(owner, id) => tagged(b'o', &[owner.as_bytes(), id.as_bytes()]),
            Self::System(key) => tagged(b's', &[&key.0]),
        }
    }

    /// The common start of the names of all marks of `owner`.
    pub fn owned_prefix(owner: &Address) -> Vec<u8> {
        tagged(b'o', &[owner.as_bytes()])
    }

    /// The coin that the name of a mark ends in.
    pub fn coin_of_owned(bytes: &[u8]) -> Option<CoinId> {
        let id = bytes.strip_prefix(b"o")?.get(21..)?;
        Some(CoinId(Hash(id.try_into().ok()?)))
    }

    /// The coin that this is the name of.
    pub fn coin_of_coin(bytes: &[u8]) -> Option<CoinId> {
        let id = bytes.strip_prefix(b"c")?;
        Some(CoinId(Hash(id.try_into().ok()?)))
    }

    /// Whether the state root covers this entry.
    pub fn is_committed(&self) -> bool {
        !matches!(self, Self::Owned(..))
    }
}

fn tagged(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![tag];
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}
