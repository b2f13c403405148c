//! `coins_list` and `address_balance`: who owns what.

use serde::{Deserialize, Serialize};

use super::CoinStake;
use crate::ledger::{Coin, CoinKind};
use crate::types::{Amount, BlockId, CoinId, Height, Time, TransactionId};

/// Coins on a page unless the request says otherwise.
pub const COINS_PAGE_DEFAULT: u32 = 100;

/// Coins on a page at most.
pub const COINS_PAGE_MAX: u32 = 1000;

/// What `coins_list` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct CoinsParams {
    /// Whose coins.
    pub address: String,
    /// The `next` of the page before; absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<CoinId>,
    /// Coins on the page, at most [`COINS_PAGE_MAX`]; [`COINS_PAGE_DEFAULT`] if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// What the answer has to see.
    #[serde(default)]
    pub read: Read,
}

/// What a read has to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema, clap::ValueEnum))]
pub enum Read {
    /// What this node has, which may be a little behind
    #[default]
    Local,
    /// Whatever was final anywhere when it was asked, or nothing
    Linearizable,
}

/// What `consensus_read` answers: from now on this node's answers are at least as new as what was final anywhere when it
/// was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct ReadPoint {
    /// The head of this node by now.
    pub head: BlockId,
    /// Its height.
    pub height: Height,
}

/// What `address_balance` is asked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct BalanceParams {
    /// Whose.
    pub address: String,
    /// What the answer has to see.
    #[serde(default)]
    pub read: Read,
}

/// What `coins_list` answers. Pages are read after the head of their moment, so a block between two of them may show
/// in one and not in the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct CoinPage {
    /// The head that the page was read after.
    pub head: BlockId,
    /// Its height.
    pub height: Height,
    /// Coins in blocks, in order of id.
    pub coins: Vec<CoinInfo>,
    /// Coins that pending transactions would create, on the first page only; those that pending transactions spend
    /// already are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<CoinInfo>,
    /// What to pass as `after` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<CoinId>,
}

/// A coin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct CoinInfo {
    /// Its id.
    pub id: CoinId,
    /// Who owns it.
    pub address: String,
    /// How much it holds.
    pub amount: Amount,
    /// The height of the block that created it; of the next block for a pending one.
    pub height: Height,
    /// The time of that block, from which its age counts; of its arrival for a pending one.
    pub time: Time,
    /// How it came to be.
    pub kind: CoinKind,
    /// Whether a transaction in the next block may spend it.
    pub spendable: bool,
    /// The first height at which it may be spent; absent for a bond, which no height alone frees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spendable_from: Option<Height>,
    /// The pending transaction that spends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent_by: Option<TransactionId>,
    /// The pending transaction that would create it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<TransactionId>,
    /// What it is good for where coins make blocks; absent elsewhere, and for a pending one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stake: Option<CoinStake>,
}

impl CoinInfo {
    /// A coin of `address` as the block at `next` finds it, spent by no pending transaction.
    pub fn of(id: CoinId, coin: &Coin, address: String, next: Height, maturity: u64) -> Self {
        let spendable_from = coin.spendable_from(maturity);
        Self {
            id,
            address,
            amount: coin.amount,
            height: coin.height,
            time: coin.time,
            kind: coin.kind,
            spendable: spendable_from.is_some_and(|from| from <= next),
            spendable_from,
            spent_by: None,
            created_by: None,
            stake: None,
        }
    }
}

/// What `address_balance` and `wallet balance --json` answer. The first four never overlap: together they are what the
/// address owns after the head and what pending transactions would bring, less what they spend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct Balance {
    /// Whose.
    pub address: String,
    /// What may be spent in the next block and no pending transaction spends.
    pub spendable: Amount,
    /// Rewards that still mature.
    pub immature: Amount,
    /// Bonds, and stake coins that still mature.
    pub staking: Amount,
    /// The part of it in bonds: deposits, which no height alone frees.
    #[serde(default)]
    pub bonded: Amount,
    /// What pending transactions would bring, change included.
    pub pending: Amount,
    /// Coins in blocks.
    pub coins: u64,
    /// The height of the head that it was read after.
    pub height: Height,
}
