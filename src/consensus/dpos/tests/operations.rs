//! What people may do, and by what name it is refused.

use super::bench::{Bench, register, vote_for, who};
use super::*;
use crate::ledger::CoinKind;
use crate::types::{Bounded, Height, Operation};

#[track_caller]
fn assert_refused(bench: &Bench, person: u8, operation: Operation, reason: &str) {
    let given = bench.refusal(person, operation.clone());
    assert!(given.contains(reason), "{operation:?}: {given}");
}

#[test]
fn a_delegate_registers_with_a_name_and_a_deposit() {
    let mut bench = Bench::new();
    assert_eq!(bench.delegate(5), None);
    let held = bench.holds(5);
    bench.perform(5, register("eve"));
    let eve = bench.delegate(5).unwrap();
    assert_eq!((eve.name.as_str(), eve.standing), ("eve", Standing::Active));
    assert_eq!((eve.since, eve.weight), (Height(1), Amount(0)));
    assert_eq!(named(&bench.head().state, "eve", bench.params()).unwrap(), Some(who(5)));
    let bonds: Vec<_> = bench.coins(5, false);
    let bond = bonds.iter().find(|(_, coin)| coin.kind == CoinKind::Bond).unwrap();
    assert_eq!((Some(bond.0), bond.1.amount), (eve.bond, bench.params().deposit));
    let fee = super::bench::FEE;
    assert_eq!(bench.holds(5).0 + bench.params().deposit.0 + fee, held.0);
    assert_eq!(holdings(&bench.head().state, &who(5), bench.params()).unwrap(), bench.holds(5));
    bench.assert_supply();
}

#[test]
fn registrations_are_refused_by_name() {
    let mut bench = Bench::new();
    let reason = "its name is not one of lower-case letters";
    for name in ["Eve", "e v e", "", "éve", "eve!"] {
        assert_refused(&bench, 5, register(name), reason);
    }
    assert_refused(&bench, 5, register("person-1"), "the name person-1 is taken");
    assert_refused(&bench, 1, register("other"), "its sender is a delegate already");
    // A deposit that is a little smaller or larger, or somebody else's, is none.
    for (to, units) in [(5, 999_999), (5, 1_000_001), (4, 1_000_000)] {
        let pay = bench.pay(5, &[(who(to), Amount(units))], Some(register("eve")));
        let refused = bench.try_out(vec![pay]).unwrap_err().to_string();
        assert!(refused.contains("takes an output of its deposit to the sender"), "{refused}");
    }
    bench.perform(5, register("eve"));
    assert_refused(&bench, 5, register("eve"), "its sender is a delegate already");
    assert_refused(&bench, 5, register("adam"), "its sender is a delegate already");
    bench.perform(1, Operation::ResignDelegate);
    assert_refused(&bench, 1, register("eve"), "the name eve is taken");
}

#[test]
fn votes_are_refused_by_name() {
    let mut bench = Bench::with(|params| params.seats = 8);
    assert_refused(&bench, 5, vote_for(&[1, 5]), "one whom it approves is no delegate");
    assert_refused(
        &bench,
        5,
        vote_for(&[1, 2, 3, 4]),
        "it approves 4 delegates where 3 may be approved",
    );
    assert_refused(&bench, 5, vote_for(&[1, 1]), "it approves a delegate twice");
    assert_refused(&bench, 5, vote_for(&[]), "it approves nobody");
    assert_refused(&bench, 5, Operation::Unvote, "its sender approves nobody");
    bench.perform(3, Operation::ResignDelegate);
    assert_refused(&bench, 5, vote_for(&[1, 3]), "delegate person-3 resigned at height 1");
    bench.run_without(6, &[2]);
    while bench.delegate(2).unwrap().standing == Standing::Active {
        let slot = bench.slot(bench.head()) + 6;
        bench.run_without(slot, &[2]);
    }
    let Standing::Suspended(at) = bench.delegate(2).unwrap().standing else { panic!() };
    assert_refused(
        &bench,
        5,
        vote_for(&[2]),
        &format!("delegate person-2 is suspended since height {at}"),
    );
}

/// Whoever votes anew approves those and nobody else.
#[test]
fn a_vote_replaces_the_one_before() {
    let mut bench = Bench::new();
    let approved = |bench: &Bench, person| {
        approvals(&bench.head().state, &who(person), bench.params()).unwrap()
    };
    assert_eq!(approved(&bench, 1), [who(1)], "founders approve themselves");
    assert_eq!(approved(&bench, 5), []);
    bench.perform(5, vote_for(&[2, 1]));
    let mut both = vec![who(1), who(2)];
    both.sort_unstable();
    assert_eq!(approved(&bench, 5), both);
    bench.perform(5, vote_for(&[3]));
    assert_eq!(approved(&bench, 5), [who(3)]);
    bench.perform(5, Operation::Unvote);
    assert_eq!(approved(&bench, 5), []);
    bench.perform(1, Operation::Unvote);
    assert_eq!(approved(&bench, 1), []);
    assert_refused(&bench, 1, Operation::Unvote, "its sender approves nobody");
}

#[test]
fn resigning_and_coming_back_are_refused_by_name() {
    let mut bench = Bench::new();
    assert_refused(&bench, 5, Operation::ResignDelegate, "its sender is no delegate");
    assert_refused(&bench, 5, Operation::ReactivateDelegate, "its sender is no delegate");
    assert_refused(&bench, 1, Operation::ReactivateDelegate, "its sender is not suspended");
    bench.perform(1, Operation::ResignDelegate);
    assert_refused(&bench, 1, Operation::ResignDelegate, "its sender resigned at height 1");
    assert_refused(&bench, 1, Operation::ReactivateDelegate, "its sender is not suspended");
}

#[test]
fn operations_of_other_rules_are_refused() {
    let bench = Bench::new();
    let other = Operation::WithdrawProposal { address: who(1) };
    assert_refused(&bench, 1, other, "withdrawing a proposal is not active under this rule");
    let note = Operation::Note { bytes: Bounded::default() };
    assert_eq!(bench.refusal(1, note), "nothing");
}

#[test]
fn a_deposit_returns_after_the_unbonding_period() {
    let mut bench = Bench::new();
    bench.perform(5, register("eve"));
    bench.perform(5, Operation::ResignDelegate);
    let at = bench.head().height().0;
    assert_refused(&bench, 5, register("eve"), "its deposit has not returned yet");
    let held = bench.holds(5);
    let bond = bench.delegate(5).unwrap().bond;
    while bench.head().height().0 < at + 5 {
        bench.next(vec![]);
        assert_eq!((bench.delegate(5).unwrap().bond, bench.holds(5)), (bond, held));
    }
    bench.next(vec![]);
    assert_eq!(bench.delegate(5).unwrap().bond, None);
    assert_eq!(bench.holds(5).0, held.0 + bench.params().deposit.0);
    let returned = &bench.head().own;
    assert_eq!(returned.taken.len(), 1);
    let coin = returned.paid.iter().find(|(_, coin)| coin.owner == who(5)).unwrap().1;
    assert_eq!((coin.kind, coin.amount), (CoinKind::Transfer, bench.params().deposit));
    assert_eq!(holdings(&bench.head().state, &who(5), bench.params()).unwrap(), bench.holds(5));
    bench.assert_supply();
    // The name stays its own, and it may begin anew.
    assert_refused(&bench, 1, register("eve"), "its sender is a delegate already");
    bench.perform(5, register("eve"));
    assert_eq!(bench.delegate(5).unwrap().standing, Standing::Active);
}

/// A founder has no deposit that could return. What it locks when it registers again stays locked.
#[test]
fn a_founder_that_comes_back_keeps_its_deposit_locked() {
    let mut bench = Bench::new();
    bench.perform(1, Operation::ResignDelegate);
    bench.perform(1, register("person-1"));
    let bond = bench.delegate(1).unwrap().bond;
    assert!(bond.is_some());
    for _ in 0..10 {
        bench.next(vec![]);
        assert_eq!(bench.delegate(1).unwrap().bond, bond);
    }
    assert_eq!(bench.coins(1, false).iter().filter(|(id, _)| Some(*id) == bond).count(), 1);
    bench.assert_supply();
}

/// Whoever comes back has the votes that it had.
#[test]
fn votes_wait_for_a_delegate_that_resigned() {
    let mut bench = Bench::new();
    bench.perform(5, vote_for(&[1]));
    bench.perform(1, Operation::ResignDelegate);
    bench.perform(1, register("person-1"));
    let (own, other) = (bench.holds(1), bench.holds(5));
    assert_eq!(bench.delegate(1).unwrap().weight, own.plus(other).unwrap());
}

#[test]
fn a_chain_without_deposits_locks_nothing() {
    let mut bench = Bench::with(|params| params.deposit = Amount(0));
    let transaction = bench.pay(5, &[], Some(register("eve")));
    bench.next(vec![transaction]);
    assert_eq!(bench.delegate(5).unwrap().bond, None);
    let transaction = bench.pay(5, &[], Some(Operation::ResignDelegate));
    bench.next(vec![transaction]);
    bench.run_to(12);
    assert_eq!(bench.coins(5, false).len(), 1);
    bench.assert_supply();
}
