//! Attackers: engines that misbehave.
//!
//! Each wraps an honest engine, of whatever rule, and edits what it hears and what it wants done. An attacker is a node
//! like all others but for its engine: its replica judges, stores and serves what an honest one would. So what it can do
//! is what anybody could do who changes nothing but the producer of blocks:
//!
//! | attacker | vice |
//! |---|---|
//! | [`Silent`] | makes and says nothing for a while |
//! | [`Delay`] | says everything late |
//! | [`Censor`] | leaves out whatever concerns certain addresses |
//! | [`Withhold`] | mines in secret and shows its blocks when that costs the others most |
//! | [`EveryFork`] | stakes on every branch, or on one of its own |
//! | [`Grind`] | chooses among its own wins by stake the one that leads to the most of them |
//! | [`Equivocate`] | says one thing to one half of the others and another thing to the other half |
//! | [`Lie`] | signs what is not so, under PBFT |
//!
//! They can be stacked, such as a censor that withholds. At most one of a stack may use [`Timer::Held`], which is
//! [`Delay`]'s.
//!
//! [`Timer::Held`]: crate::consensus::Timer::Held

mod attack;
mod censor;
mod delay;
mod equivocate;
mod every_fork;
mod grind;
mod lie;
mod silent;
mod withhold;

pub use attack::Attack;
pub use censor::Censor;
pub use delay::Delay;
pub use equivocate::Equivocate;
pub use every_fork::{Branches, EveryFork};
pub use grind::{CHOICES_MAX, Grind, Grinder};
pub use lie::{Falsehood, Lie};
pub use silent::Silent;
pub use withhold::Withhold;

#[cfg(test)]
mod tests;
