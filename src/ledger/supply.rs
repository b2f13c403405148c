//! The supply identity: genesis + issued − burned = the sum of all coins.

use borsh::{BorshDeserialize, BorshSerialize};

use super::SystemKey;
use crate::types::Amount;

/// Where the money came from and where it went.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    BorshSerialize,
    BorshDeserialize,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Supply {
    /// Created by the genesis block.
    pub genesis: Amount,
    /// Issued since.
    pub issued: Amount,
    /// Destroyed since.
    pub burned: Amount,
}

impl Supply {
    /// Where the ledger keeps it.
    pub fn key() -> SystemKey {
        SystemKey::new("ledger/supply")
    }

    /// What circulates: genesis + issued − burned; `None` if the figures contradict themselves.
    pub fn circulating(&self) -> Option<Amount> {
        self.genesis.plus(self.issued)?.minus(self.burned)
    }
}
