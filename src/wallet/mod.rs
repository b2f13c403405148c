//! Keys and what people do with them.
//!
//! [`keystore`] keeps mnemonics in files under passwords and hands out the keys of their accounts; [`password`] brings
//! passwords from people to it. Keys never enter a node: whatever is sent there was signed here.
//!
//! [`client`] speaks to a node, and [`node`] says what of it the wallet needs. A payment goes through the other modules
//! in turn: [`coins`] reads what one owns, [`select`] chooses what pays, [`build`] makes and signs the transaction, and
//! [`track`] sends it and follows it until it is deep enough in the chain; meanwhile [`turn`] keeps other payments of
//! the wallet waiting. [`delegates`] reads who stands for election. [`faucet`] does the same from a development account. [`subscription`]
//! is for whoever wants to be told of every block as it comes; [`mining`] is: it searches for blocks that a node drafts.

pub mod build;
pub mod client;
pub mod coins;
pub mod delegates;
pub mod faucet;
pub mod keystore;
pub mod mining;
pub mod node;
pub mod password;
pub mod replies;
pub mod select;
pub mod subscription;
pub mod track;
pub mod turn;

#[cfg(test)]
pub(crate) mod fake;
