//! Coin-age proof of stake.
//!
//! A block claims its place by a coin whose *kernel* hits in a whole second: the hash of stake modifier, coin and second
//! lies at or below a target times the coin's coin-days ([`hits`]). Age counts from [`Ages::min_age`] and no further than
//! [`Ages::max_age`]. Each coin has one try in each second, so finding a block costs next to nothing, and nothing that its
//! maker could vary for another try enters the hash: no block, no transaction, no payout.
//!
//! The block is the coinstake. It takes the coin out of the ledger and pays it back to its owner as a coin of kind `stake`
//! with the interest that its coin-days earned ([`interest`]) and the fees of the block. So its age is consumed, and it
//! rests for the maturity of the chain. The owner signs the block.
//!
//! The *stake modifier* is kept in the ledger and changes with every block by stake: M' = H(kernel hash ‖ M). A kernel uses
//! the modifier of its parent's state.
//!
//! - Nobody knows the kernels of blocks after the next one by stake before that one is there, so a coin's luck cannot be
//!   computed ahead and bought.
//! - A staker can foresee its own luck on the present head for as long as no other block by stake comes: waiting costs it
//!   the block.
//! - What is left to grind is the choice between own coins that hit in one second, or in seconds before anybody else's: each
//!   leads to another modifier. `docs/fidelity-stake.md` says what that gives: next to nothing.
//! - Old keys rewrite history for free as far as nobody holds what they unlock now: the modifier of a rewritten branch is its
//!   own. Against that stands finality by depth, and a checkpoint for whoever joins.
//!
//! Difficulty follows Peercoin's exponential average over the last two blocks ([`super::retarget::Ema`]). The branch with the
//! greatest summed difficulty is best; a block counts as final [`PosParams::finality_depth`] blocks below the head: a
//! convention, not a proof.
//!
//! A block's time is a whole second, later than its parent's, and no more than [`PosParams::max_drift`] ahead of the local
//! clock. Were it allowed to be earlier than its parent, everybody would try past seconds again on every new head.
//!
//! One coin in one second seals one block. Two of them are evidence, with which the offender loses the coin
//! ([`crate::ledger::Offence`]); the second one is passed on, so that everybody can prove the offence, but nobody builds on
//! it. It counts as soon as somebody did: rank decides, and nobody can split the network with two blocks. A third one is
//! not passed on without a child.
//!
//! # Deviations from Peercoin
//!
//! - The kernel hashes the coin's id and its own creation time; there it hashes position and times of the block that holds the
//!   transaction, to save a lookup, and those are grindable a little.
//! - Coin-days are exact; there they are rounded down twice, to whole coin-seconds and coin-days.
//! - The modifier is the one of the parent (as in Blackcoin 3), 256 bits; there it is 64 bits from blocks of days ago.
//! - There is no coinstake transaction: the claim names the coin, the header's signature is its owner's consent, and what the
//!   block pays follows from both. So it cannot pay too much, cannot be malleated, and does not return to the pool when its
//!   branch loses. Coins are merged and split by ordinary transactions.
//! - Interest is exact and paid on the full age; there it is a multiple of a hundredth of a coin.
//! - Fees go to the producer; there they are destroyed.
//! - A coin seen twice is punished, not only ignored.
//! - No central checkpoints.
//!
//! # Source
//!
//! King and Nadal, *PPCoin: Peer-to-Peer Crypto-Currency with Proof-of-Stake* (2012); Peercoin's `kernel.cpp` and `pow.cpp`;
//! Vasin, *BlackCoin's Proof-of-Stake Protocol v2*.

mod coins;
mod engine;
mod footing;
mod interest;
mod kernel;
pub mod modifier;
mod params;
#[cfg(test)]
mod peercoin;
mod rules;
mod search;

pub use engine::PosEngine;
pub use footing::{Footing, footings};
pub use interest::{Rate, interest};
pub use kernel::{Ages, Kernel, hits};
pub use params::PosParams;
pub use rules::{Front, PosRules, StakeFault};
pub use search::{Stakes, search};

#[cfg(test)]
pub(crate) mod testkit;
#[cfg(test)]
mod tests;
