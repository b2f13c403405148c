//! The nouns of the chain and their one encoding.
//!
//! Everything that is hashed or sent is borsh: one encoding per value, consumed exactly, with length caps
//! that hold before anything is allocated. Quantities are newtypes and there is no `From<u64>`: a height cannot
//! become an amount by accident. Every hash that means something carries a domain tag and the genesis id, so
//! nothing made for one chain or purpose replays on another.

mod address;
mod amount;
mod block;
mod body;
mod codec;
mod hash;
mod header;
mod keys;
mod quantity;
mod transaction;

pub mod concentration;
pub mod hd;
pub mod mnemonic;
pub mod sha256;
pub mod signatures;
pub mod target;
pub mod work;

pub(crate) mod canary;

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
pub(crate) mod testkit;
#[cfg(test)]
pub(crate) mod vectors;

pub use address::{Address, AddressError, Prefix};
pub use amount::{Amount, AmountError, COIN, MONEY_LIMIT};
pub use block::{Block, Draft};
pub use body::{
    Body, EVIDENCE_MAX, Evidence, Hashed, TRANSACTIONS_MAX, body_root, body_root_of, merkle_root,
};
pub use codec::{Bounded, CodecError, Text, decode, encode};
pub use hash::{BlockId, CoinId, GenesisId, Hash, StateRoot, TransactionId, sha256d, tagged};
pub use header::{Claim, HEADER_VERSION, Header, Kind, Seal, VOTES_MAX, Vote, signature_hash};
pub use keys::{Keypair, PublicKey, Signature};
pub use quantity::{Height, Span, Time};
pub use transaction::{
    Ballot, INPUTS_MAX, OPERATION_NAME_MAX, OUTPUTS_MAX, Operation, Output, Transaction, Witness,
};
