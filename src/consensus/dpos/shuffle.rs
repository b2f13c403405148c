//! In which order the delegates of a round take their turns.
//!
//! - [`Shuffle::Graphene`] swaps each place with one further on, which a xorshift* generator picks from the time of the last
//!   block. That time is all there is of a seed: the last producer of a round can choose between two orders by missing its
//!   slot. The remainder that it takes favours low numbers by less
//!   than 2⁻⁵⁶, but one step of the generator does not mix such seeds well: orders are not even (docs/fidelity-turns.md).
//! - [`Shuffle::Ark`] (Lisk before version 2 has the same) swaps places with those that the bytes of a hash of the round's
//!   number name. Everybody knows all orders from the beginning. Every fifth index is never the first one of a swap, for a
//!   loop counts it twice, and a byte's remainder favours low numbers: the orders are far from equally frequent.
//! - [`Shuffle::Assay`] sorts the delegates by SHA-256(tag ‖ seed ‖ index), with a seed that many have a part in. To whoever
//!   does not know the seed the hashes are independent and uniform, and no two are equal, so each of the n! orders is as
//!   likely as any other. A Fisher-Yates shuffle on a generator's stream is as even, but only with the generator, the width
//!   of its draws and the way of refusing the uneven rest written down as well; here a hash and "sort" say everything.
//!
//! Lisk from version 2 on is as the last one, with addresses in the place of indices.
//!
//! Sources: bitshares-core `db_witness_schedule.cpp` (`update_witness_schedule`); ArkEcosystem core `round-state.ts`
//! (`shuffleDelegates`).

use sha2::{Digest, Sha256};

use crate::types::{Hash, Time};

/// The increment of the generator's state and the factor of its output (Graphene; Vigna, xorshift64*).
const XORSHIFT: u64 = 2_685_821_657_736_338_717;

/// Sets the hashes of an order apart from whatever else is hashed.
const TAG: &[u8] = b"assay/turns";

/// How the delegates of a round are put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shuffle {
    /// By the time of the last block before the round.
    Graphene,
    /// By the number of the round.
    Ark,
    /// By a seed.
    #[default]
    Assay,
}

/// What an order can depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// The number of the round; the first one is 1.
    pub number: u64,
    /// The time of the last block before it. Whole seconds count.
    pub time: Time,
    /// What nobody could choose alone.
    pub seed: Hash,
}

impl Shuffle {
    /// Their names in chain specs.
    pub const NAMES: [&str; 3] = ["graphene", "ark", "assay"];
    const ALL: [Self; 3] = [Self::Graphene, Self::Ark, Self::Assay];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Graphene => "graphene",
            Self::Ark => "ark",
            Self::Assay => "assay",
        }
    }

    /// The shuffle of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shuffle| shuffle.name() == name)
    }

    /// The places of so many delegates in a round: whose turn is the first one, whose the second. Delegates are numbered in
    /// the order that they had before: by id under Graphene, by votes under Ark. Each number comes once.
    pub fn order(self, delegates: usize, round: &Round) -> Vec<usize> {
        match self {
            Self::Graphene => graphene(delegates, round.time.seconds()),
            Self::Ark => ark(delegates, round.number),
            Self::Assay => by_hash(delegates, &round.seed),
        }
    }
}

/// `seconds` is the time of the head.
fn graphene(delegates: usize, seconds: u32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..delegates).collect();
    for place in 0..delegates {
        // A place fits 64 bits.
        let drawn = (u64::from(seconds) << 32).wrapping_add((place as u64).wrapping_mul(XORSHIFT));
        let left = delegates - place;
        // A remainder by a usize is one.
        let jump = (xorshift_star(drawn) % left as u64) as usize;
        order.swap(place, place + jump);
    }
    order
}

fn xorshift_star(mut state: u64) -> u64 {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    state.wrapping_mul(XORSHIFT)
}

fn ark(delegates: usize, round: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..delegates).collect();
    let mut seed: [u8; 32] = Sha256::digest(round.to_string()).into();
    let mut place = 0;
    while place < delegates {
        for byte in seed.iter().take(4) {
            if place == delegates {
                break;
            }
            order.swap(usize::from(*byte) % delegates, place);
            place += 1;
        }
        // The outer loop of the original counts as well, and so passes over a place.
        place += 1;
        seed = Sha256::digest(seed).into();
    }
    order
}

fn by_hash(delegates: usize, seed: &Hash) -> Vec<usize> {
    let hashed = |index: usize| -> ([u8; 32], usize) {
        let hasher = Sha256::new_with_prefix(TAG).chain_update(seed.0);
        (hasher.chain_update((index as u64).to_le_bytes()).finalize().into(), index) // an index fits 64 bits
    };
    let mut hashes: Vec<([u8; 32], usize)> = (0..delegates).map(hashed).collect();
    hashes.sort_unstable();
    hashes.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
#[path = "shuffle_tests.rs"]
mod tests;
