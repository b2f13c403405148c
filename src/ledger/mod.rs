//! The ledger: a set of coins and a section that rules keep for themselves, and what a block does to both.
//!
//! [`execute`] is a pure function from a draft and the state after its parent to the state after it. States are
//! persistent: each non-final block holds its own [`State`], which shares everything unchanged with its parent's and
//! falls through to the final state on disk. The whole state is committed to by a homomorphic hash ([`LtHash`]), so
//! a block costs what it changes, never what exists.
//!
//! What a rule does to state goes through one door, [`Transition`]: execution calls it without knowing the rule.

mod coin;
mod delta;
mod evidence;
mod execute;
mod genesis;
mod key;
mod layers;
mod lthash;
mod own;
mod state;
mod supply;
mod transition;
mod validate;
mod working;

pub use coin::{Coin, CoinKind};
pub use delta::{Change, CoinChange, Delta};
pub use evidence::{Counted, Offence, is_recent};
pub use execute::{
    ExecuteError, Executed, Receipt, execute, execute_known, outputs_of, reward_coin_id,
};
pub use genesis::{GenesisAccount, genesis_coin_id, genesis_state};
pub use key::{Key, SystemKey};
pub use lthash::LtHash;
pub use own::Own;
pub use state::{Base, EmptyBase, ReadFailed, State};
pub use supply::Supply;
pub use transition::{Around, Movements, Payment, Refused, Rewards, Transition};
pub use validate::{Accepted, CoinView, TransactionError, signature_checks, validate};
pub use working::{System, SystemView, Working};

use crate::types::{Amount, GenesisId};

/// The parameters of execution, from the chain spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    /// The chain, which every hash is tagged with.
    pub chain: GenesisId,
    /// Encoded size of a whole block at most, in bytes.
    pub block_bytes_max: usize,
    /// Transactions in a block at most.
    pub transactions_max: usize,
    /// Fee at least, in base units per encoded byte.
    pub fee_per_byte_min: u64,
    /// Blocks on top of a reward or stake coin before it may be spent.
    pub maturity: u64,
    /// For so many blocks an offence may be punished; none means that this chain knows no evidence.
    pub evidence_window: u64,
    /// Issuance stops here.
    pub supply_max: Amount,
}

#[cfg(test)]
pub(crate) mod testkit;
#[cfg(test)]
mod tests;
