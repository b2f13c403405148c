//! Blocks that are refused, each by the name of what is wrong.

use super::bench::{Bench, key_of, who};
use super::*;
use crate::ledger::testkit::PEOPLE;
use crate::types::testkit::key;
use crate::types::{Block, Claim, Hash, Height, Seal};

/// A bench in its third round, so that everybody has promised something, and a good block for its next slot.
fn good() -> (Bench, Block) {
    let mut bench = Bench::new();
    bench.run_to(9);
    let head = bench.head();
    let block = bench.seal(bench.complete(bench.bare(head, 10, vec![]), head).unwrap());
    (bench, block)
}

/// The verdict about the good block with one change, signed again.
fn spoiled(spoil: impl FnOnce(&Bench, &mut Block)) -> String {
    let (bench, mut block) = good();
    assert_eq!(bench.verdict(&block), "nothing");
    spoil(&bench, &mut block);
    let by = key_of(&block.header.producer);
    let id = block.id(&bench.params().chain);
    block.seal = Seal::signed(&id, &by, &bench.params().chain);
    bench.verdict(&block)
}

fn claim(block: &mut Block, change: impl FnOnce(&mut Hash, &mut Height)) {
    let Claim::Slot { reveal, prior, .. } = &mut block.draft.header.claim else { unreachable!() };
    change(reveal, prior);
}

#[test]
fn a_block_stands_at_the_start_of_a_slot() {
    let early = spoiled(|_, block| block.draft.header.time.0 -= 1);
    assert!(early.contains("is no start of a slot of 1s"), "{early}");
    let late = spoiled(|_, block| block.draft.header.time.0 += 1);
    assert!(late.contains("is no start of a slot"), "{late}");
}

#[test]
fn a_block_is_of_whose_slot_it_is() {
    let another = spoiled(|bench, block| {
        let due = block.header.producer;
        let other = (1..=4).map(who).find(|other| *other != due).unwrap();
        block.draft.header.producer = other;
        block.draft.header.claim = bench.claim(bench.head(), 10, &other);
    });
    assert_eq!(another, "slot 10 is another delegate's");
    let nobody = spoiled(|bench, block| {
        block.draft.header.producer = who(PEOPLE);
        block.draft.header.claim = bench.claim(bench.head(), 10, &who(PEOPLE));
    });
    assert_eq!(nobody, "slot 10 is another delegate's");
}

#[test]
fn a_block_is_in_a_later_slot_than_its_parent() {
    for slot in [0, 4, 9] {
        let given = spoiled(|bench, block| block.draft.header.time = bench.params().start_of(slot));
        assert_eq!(given, format!("its slot {slot} is not after slot 9 of its parent"));
    }
}

#[test]
fn a_block_reveals_what_its_delegate_promised() {
    let expected = "it reveals another secret than its delegate promised";
    assert_eq!(spoiled(|_, block| claim(block, |reveal, _| *reveal = Hash([7; 32]))), expected);
    assert_eq!(spoiled(|_, block| claim(block, |reveal, _| *reveal = Hash::default())), expected);
}

#[test]
fn a_first_block_reveals_nothing() {
    let bench = Bench::new();
    let head = bench.head();
    let mut block = bench.seal(bench.complete(bench.bare(head, 1, vec![]), head).unwrap());
    assert_eq!(bench.verdict(&block), "nothing");
    claim(&mut block, |reveal, _| *reveal = Hash([7; 32]));
    assert_eq!(bench.verdict(&block), "it reveals another secret than its delegate promised");
}

/// No block says that its delegate signed less than the branch itself shows; it may say that it signed more elsewhere.
#[test]
fn a_prior_is_no_less_than_what_the_branch_knows() {
    let (_, block) = good();
    let Claim::Slot { prior, .. } = block.header.claim else { unreachable!() };
    assert!(prior > Height(0));
    let lower = spoiled(|_, block| claim(block, |_, prior| *prior = prior.back(1)));
    let below = prior.back(1);
    assert_eq!(lower, format!("its delegate signed at height {prior}, not at {below} at most"));
    assert_eq!(spoiled(|_, block| claim(block, |_, prior| *prior = Height(1000))), "nothing");
}

#[test]
fn a_block_is_signed_by_its_delegate() {
    let (bench, block) = good();
    let chain = bench.params().chain;
    let other = (1..=4).find(|person| who(*person) != block.header.producer).unwrap();
    let forged = Block { seal: Seal::signed(&block.id(&chain), &key(other), &chain), ..block };
    assert_ne!(bench.verdict(&forged), "nothing");
    let unsigned = Block { seal: Seal::Genesis, ..forged };
    assert_ne!(bench.verdict(&unsigned), "nothing");
}

#[test]
fn a_block_claims_by_a_slot() {
    let other = spoiled(|_, block| block.draft.header.claim = Claim::Round { round: 1 });
    assert!(other.contains("this chain's rule is delegates in slots"), "{other}");
}

/// It is no fault of a block to come early; it has to wait.
#[test]
fn a_block_may_come_before_its_time_by_the_drift() {
    let (bench, block) = good();
    let rules: &dyn crate::chain::Rules = &*bench.rules;
    assert_eq!(rules.not_before(&block.header), Time(block.header.time.0 - 5000));
}
