//! What a block does to coins itself, beside its transactions.

use std::io;

use borsh::{BorshDeserialize, BorshSerialize};

use super::Coin;
use crate::types::CoinId;

/// The coins that a block takes out of the state and puts into it without a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Own {
    /// What it takes, in order, as it was: a coin that is staked, or burned for what its owner did.
    pub taken: Vec<(CoinId, Coin)>,
    /// What it pays out.
    pub paid: Vec<(CoinId, Coin)>,
}

/// As stores have it: what is paid, and behind it what is taken, if anything is. Most rules take nothing, and stores
/// that were begun before any did are read alike.
impl BorshSerialize for Own {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        self.paid.serialize(writer)?;
        if self.taken.is_empty() { Ok(()) } else { self.taken.serialize(writer) }
    }
}

impl BorshDeserialize for Own {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let paid = BorshDeserialize::deserialize_reader(reader)?;
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest)?;
        let taken = if rest.is_empty() { Vec::new() } else { borsh::from_slice(&rest)? };
        Ok(Self { taken, paid })
    }
}
