//! Where money comes from and where it goes.

use std::sync::Arc;

use crate::ledger::testkit::{FORTUNE, MemBase, Plain, accounts, draft, params, transaction};
use crate::ledger::*;
use crate::types::testkit::key;
use crate::types::*;

/// Executes one block on the genesis state in which person 1 sends everything but `fee` to person 2.
fn one_payment(rule: &Plain, fee: u64) -> Executed {
    let params = params();
    let (delta, commitment) = genesis_state(&accounts(), &params);
    let base = Arc::new(MemBase::default());
    base.write(&delta);
    let state = State::at_rest(base, commitment);
    let id = genesis_coin_id(0, &params);
    let coin = state.coin(&id).unwrap().unwrap();
    let outputs = [(key(2).address(), Amount(FORTUNE.0 - fee))];
    let payment = transaction(&[(id, coin)], &outputs, None, &params);
    let draft = draft(BlockId::default(), Height(1), 3, vec![payment], &params);
    execute(&draft, &state, Height(0), &params, rule).unwrap()
}

fn holdings(state: &State, person: u8) -> u64 {
    let coins = state.coins_of(&key(person).address(), None, 100).unwrap();
    coins.iter().map(|(_, coin)| coin.amount.0).sum()
}

#[test]
fn fees_go_to_the_producer_and_what_it_leaves_is_burned() {
    for (fees_percent, kept, burned) in [(100, 10_000, 0), (40, 4_000, 6_000), (0, 0, 10_000)] {
        let executed = one_payment(&Plain::new(70, fees_percent), 10_000);
        assert_eq!(holdings(&executed.state, 1), 0);
        assert_eq!(holdings(&executed.state, 2), 2 * FORTUNE.0 - 10_000);
        assert_eq!(holdings(&executed.state, 3), FORTUNE.0 + 70 + kept);
        let supply = executed.state.supply().unwrap();
        assert_eq!((supply.issued, supply.burned), (Amount(70), Amount(burned)));
        assert_eq!(executed.receipts[0].fee, Amount(10_000));
    }
}

#[test]
fn a_block_that_pays_nothing_creates_no_coin() {
    let executed = one_payment(&Plain::new(0, 0), 10_000);
    let created = executed.delta.coins().iter().filter(|(_, change)| change.coin().is_some());
    assert_eq!(created.count(), 1, "the payment's output alone");
}

/// A coin that is created and spent within one block leaves no trace in the state.
#[test]
fn what_comes_and_goes_within_a_block_changes_nothing() {
    let params = params();
    let (delta, commitment) = genesis_state(&accounts(), &params);
    let base = Arc::new(MemBase::default());
    base.write(&delta);
    let state = State::at_rest(base, commitment);
    let id = genesis_coin_id(0, &params);
    let coin = state.coin(&id).unwrap().unwrap();
    let one = key(1).address();
    let first = transaction(&[(id, coin)], &[(one, Amount(FORTUNE.0 - 1_000))], None, &params);
    let between = Transaction::coin_id(&first.id(&params.chain), 0, &params.chain);
    let coin = Coin { amount: Amount(FORTUNE.0 - 1_000), ..coin };
    let second =
        transaction(&[(between, coin)], &[(one, Amount(FORTUNE.0 - 2_000))], None, &params);
    let draft = draft(BlockId::default(), Height(1), 3, vec![first, second], &params);
    let rule = Plain::new(70, 100);
    let executed = execute(&draft, &state, Height(0), &params, &rule).unwrap();
    assert_eq!(executed.delta.coin(&between), None);
    assert_eq!(executed.state.coin(&between), Ok(None));
    // Executing again gives the same, whatever was read before: nothing is kept between runs.
    let again = execute(&draft, &state, Height(0), &params, &rule).unwrap();
    assert_eq!((again.root(), &*again.delta), (executed.root(), &*executed.delta));
}

#[test]
fn the_parts_of_the_supply_cannot_contradict_each_other() {
    let supply = |genesis, issued, burned| Supply {
        genesis: Amount(genesis),
        issued: Amount(issued),
        burned: Amount(burned),
    };
    assert_eq!(supply(5, 3, 2).circulating(), Some(Amount(6)));
    assert_eq!(supply(5, 0, 6).circulating(), None, "more burned than there was");
    assert_eq!(supply(u64::MAX, 1, 0).circulating(), None);
}
