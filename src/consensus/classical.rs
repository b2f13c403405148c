//! The classical finality of rules whose producers take turns: a block is final when enough of them have built on it.
//!
//! Graphene takes the height that each active producer signed at last, in order, and the one at three tenths of them; Aura
//! (AuthorityRound) takes blocks from the front while enough distinct producers have signed from there on. That is one rule
//! with two numbers: the greatest height that a quorum has signed at or above.
//!
//! It is not safe, for any quorum, with nobody lying. A producer that built on a block may leave it for a longer branch,
//! and then counts for both. Both chains live with that, since honest networks seldom part for that long; they are here
//! to be seen failing beside [`super::implied`].
//!
//! Sources: bitshares-core `db_update.cpp` (`update_last_irreversible_block`); openethereum
//! `authority_round/finality.rs`.

use crate::types::Height;

/// How many have to build on a block under Graphene, which ignores the lowest three tenths, rounded down.
pub fn graphene_quorum(producers: usize) -> usize {
    producers - producers * 3 / 10
}

/// The greatest height that a quorum signed at or above; `signed` is the height that each producer in force signed at last,
/// 0 for none. 0 without a quorum, or if it is more than there are.
pub fn built_on(mut signed: Vec<Height>, quorum: usize) -> Height {
    signed.sort_unstable_by(|one, other| other.cmp(one));
    quorum.checked_sub(1).and_then(|index| signed.get(index)).copied().unwrap_or_default()
}

#[cfg(test)]
#[path = "classical_tests.rs"]
mod tests;
