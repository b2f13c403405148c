//! Two blocks in one slot.

use super::bench::{Bench, key_of, register, vote_for, who};
use super::*;
use crate::types::{Block, Evidence, Operation, Seal};

/// The contradiction of two blocks.
fn proof(bench: &Bench, one: &Block, other: &Block) -> Evidence {
    let chain = bench.params().chain;
    let mut both = [one, other];
    both.sort_by_key(|block| block.id(&chain));
    let [first, second] = both.map(|block| {
        let Seal::Signature { signature, .. } = block.seal else { unreachable!() };
        Box::new((block.header, signature))
    });
    Evidence::Headers { key: key_of(&one.header.producer).public(), first, second }
}

/// A bench in which person 5 is in force, and evidence that it sealed two blocks in its next slot, which is on the head.
fn caught() -> (Bench, Evidence) {
    let mut bench = Bench::new();
    bench.perform(5, register("eve"));
    bench.perform(5, vote_for(&[1, 2, 5]));
    let pay = bench.pay(4, &[(who(3), Amount(100_000_000))], None);
    bench.next(vec![pay]);
    while bench.due(bench.head(), bench.slot(bench.head()) + 1) != who(5) {
        bench.next(vec![]);
    }
    let (head, slot) = (bench.head(), bench.slot(bench.head()) + 1);
    let note = bench.pay(1, &[], None);
    let one = bench.seal(bench.complete(bench.bare(head, slot, vec![]), head).unwrap());
    let other = bench.seal(bench.complete(bench.bare(head, slot, vec![note]), head).unwrap());
    let evidence = proof(&bench, &one, &other);
    bench.import(one).unwrap();
    (bench, evidence)
}

#[test]
fn two_blocks_in_one_slot_burn_the_deposit_and_cost_the_seat_for_good() {
    let (mut bench, evidence) = caught();
    let of = bench.head().height();
    let before = bench.head().state.supply().unwrap();
    let held = bench.holds(5);
    let slot = bench.slot(bench.head()) + 1;
    let bond = bench.delegate(5).unwrap().bond.unwrap();
    bench.block_with(slot, vec![], vec![evidence.clone()]);
    let eve = bench.delegate(5).unwrap();
    assert_eq!((eve.standing, eve.bond), (Standing::Banned(of), None));
    let burned = bench.head().state.supply().unwrap().burned.0 - before.burned.0;
    assert_eq!(burned, bench.params().deposit.0);
    assert_eq!(bench.head().own.taken[0].0, bond);
    assert!(bench.coins(5, false).iter().all(|(id, _)| *id != bond));
    assert!(bench.holds(5) >= held);
    bench.assert_supply();
    for (operation, reason) in [
        (register("eve"), format!("its sender is banned since height {of}")),
        (Operation::ResignDelegate, format!("its sender is banned since height {of}")),
        (Operation::ReactivateDelegate, "its sender is not suspended".into()),
    ] {
        let refused = bench.refusal(5, operation);
        assert!(refused.contains(&reason), "{refused}");
    }
    let refused = bench.refusal(1, vote_for(&[5]));
    assert!(refused.contains(&format!("delegate eve is banned since height {of}")), "{refused}");
    // It counts once.
    let mut again = bench.bare(bench.head(), slot + 1, vec![]);
    again.body.evidence = crate::types::Bounded::truncated(vec![evidence]);
    let refused = bench.complete(again, bench.head()).unwrap_err().to_string();
    assert!(refused.contains("the offence was counted before"), "{refused}");
    // Its seat is gone at the border after this is final.
    bench.run_to(slot + 20);
    let members = bench.rules.round(&bench.head().state, slot + 21).unwrap().members();
    assert!(!members.contains(&who(5)) && members.len() == 4);
}

#[test]
fn a_deposit_burns_while_it_is_unbonding_too() {
    let (mut bench, evidence) = caught();
    bench.perform(5, Operation::ResignDelegate);
    let before = bench.head().state.supply().unwrap().burned.0;
    let slot = bench.slot(bench.head()) + 1;
    bench.block_with(slot, vec![], vec![evidence]);
    let eve = bench.delegate(5).unwrap();
    assert!(matches!(eve.standing, Standing::Banned(_)) && eve.bond.is_none());
    let burned = bench.head().state.supply().unwrap().burned.0 - before;
    assert_eq!(burned, bench.params().deposit.0);
    bench.run_to(slot + 12);
    assert_eq!(bench.head().state.supply().unwrap().burned.0 - before, burned, "nothing returns");
    bench.assert_supply();
}

/// One block in each of two slots is what everybody makes, on whatever branches.
#[test]
fn blocks_in_two_slots_contradict_nobody() {
    let (bench, _) = caught();
    let (head, slot) = (bench.head(), bench.slot(bench.head()));
    let due = bench.due(head, slot + 1);
    let next = (slot + 2..).find(|slot| bench.due(head, *slot) == due).unwrap();
    let made = |slot| {
        let draft = bench.complete(bench.bare(head, slot, vec![]), head).unwrap();
        bench.seal(draft)
    };
    let (one, other) = (made(slot + 1), made(next));
    let evidence = proof(&bench, &one, &other);
    let mut accusing = bench.bare(head, slot + 1, vec![]);
    accusing.body.evidence = crate::types::Bounded::truncated(vec![evidence]);
    let refused = bench.complete(accusing, head).unwrap_err().to_string();
    assert!(refused.contains("its headers do not contradict each other"), "{refused}");
}
