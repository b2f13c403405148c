//! What blocks promise and reveal, and the seed that comes of it.

use super::super::round::Progress;
use super::bench::{Bench, key_of};
use super::*;
use crate::types::testkit::key;
use crate::types::{Claim, Hash};

#[test]
fn a_secret_belongs_to_a_key_a_slot_and_a_chain() {
    let chain = Bench::new().params().chain;
    let one = secret(&key(1), 1, &chain);
    assert_eq!(secret(&key(1), 1, &chain), one);
    assert_ne!(secret(&key(1), 2, &chain), one);
    assert_ne!(secret(&key(2), 1, &chain), one);
    assert_ne!(secret(&key(1), 1, &GenesisId(Hash([1; 32]))), one);
    assert_ne!(commitment(&one, &chain), one);
}

/// A first block reveals nothing and leaves the seed as it is; each later one reveals what its delegate's last block
/// promised, and changes the seed.
#[test]
fn each_block_reveals_what_its_delegate_last_promised() {
    let mut bench = Bench::new();
    let chain = bench.params().chain;
    let mut promised = BTreeMap::new();
    let mut seeds = vec![Progress::after(&bench.head().state, bench.params()).unwrap().seed];
    for slot in 1..=40 {
        bench.next(vec![]);
        let header = bench.head().block.header;
        let Claim::Slot { reveal, commit, .. } = header.claim else { unreachable!() };
        let last = promised.insert(header.producer, (slot, commit));
        let seed = Progress::after(&bench.head().state, bench.params()).unwrap().seed;
        match last {
            None => {
                assert_eq!(reveal, Hash::default());
                assert_eq!(Some(&seed), seeds.last());
            }
            Some((slot, commit)) => {
                assert_eq!(reveal, secret(&key_of(&header.producer), slot, &chain));
                assert_eq!(commitment(&reveal, &chain), commit);
                assert!(!seeds.contains(&seed));
            }
        }
        seeds.push(seed);
    }
    assert_eq!(promised.len(), 4);
}

/// The turns of a round depend on what was revealed before it: whoever withholds a block changes them.
#[test]
fn turns_follow_from_what_was_revealed() {
    let (mut all, mut without) = (Bench::new(), Bench::new());
    all.run_to(8);
    without.run_to(7);
    let turns = |bench: &Bench| -> Vec<Address> {
        (9..=108).map(|slot| bench.due(bench.head(), slot)).collect()
    };
    // One round's orders may be equal by chance, those of 25 rounds are not.
    assert_ne!(turns(&all), turns(&without));
}
