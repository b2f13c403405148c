//! Coins: unspent outputs, because coin age is a property of a coin.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::types::{Address, Amount, Height, Time};

/// How a coin came to be, which decides when it may be spent.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum CoinKind {
    /// By a payment, or in the genesis block: at once.
    Transfer,
    /// By producing a block: after the maturity period.
    Reward,
    /// By staking a coin: after the maturity period.
    Stake,
    /// As a deposit: not before its owner resigned and the unbonding period passed.
    Bond,
}

/// An unspent output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Coin {
    /// Who may spend it.
    pub owner: Address,
    /// How much it holds.
    pub amount: Amount,
    /// The height of the block that created it.
    pub height: Height,
    /// The time of the block that created it; its age counts from here.
    pub time: Time,
    /// How it came to be.
    pub kind: CoinKind,
}

/// Bytes of an encoded coin: owner, amount, height, time, kind.
const BYTES: usize = 21 + 8 + 8 + 8 + 1;

impl Coin {
    /// The encoding, as the state holds it.
    pub(super) fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        self.serialize(&mut &mut bytes[..]).expect("a coin has a fixed size");
        bytes
    }

    /// The first height at which a transaction may spend it; `None` for a bond, which no height alone frees.
    pub fn spendable_from(&self, maturity: u64) -> Option<Height> {
        match self.kind {
            CoinKind::Transfer => Some(self.height),
            CoinKind::Reward | CoinKind::Stake => {
                Some(Height(self.height.0.saturating_add(maturity)))
            }
            CoinKind::Bond => None,
        }
    }
}
