use super::*;
use crate::bench::schedule::Deals;
use crate::types::{Hash, decode};
use std::collections::{BTreeMap, BTreeSet};

const CHAIN: GenesisId = GenesisId(Hash([7; 32]));

/// Coins by id: owner and amount.
type Coins = BTreeMap<CoinId, (Address, u64)>;

/// Checks a transaction as far as it is this room's business, and executes it.
fn execute(signed: &Signed, coins: &mut Coins, per_byte: u64) {
    let transaction: Transaction = decode(&signed.bytes).unwrap();
    assert_eq!(transaction.id(&CHAIN), signed.id);
    let (owner, amount) = coins.remove(&transaction.inputs[0]).expect("no coin is spent twice");
    let outputs: u64 = transaction.outputs.iter().map(|output| output.amount.0).sum();
    let floor = transaction.size() as u64 * per_byte;
    assert!(amount - outputs >= floor, "a fee of {} is below {floor}", amount - outputs);
    assert!(transaction.outputs.iter().all(|output| output.amount.0 > 0));
    let hash = Transaction::signing_hash(&signed.id, &CHAIN);
    let [witness] = &transaction.witnesses[..] else { panic!("one owner signs") };
    assert_eq!(Address::of(&witness.key), owner);
    let checks = crate::ledger::signature_checks(&signed.id, &transaction, &CHAIN);
    assert!(checks.iter().all(|check| check.message == hash.0 && check.is_valid()));
    for (place, output) in transaction.outputs.iter().enumerate() {
        let id = Transaction::coin_id(&signed.id, place, &CHAIN);
        coins.insert(id, (output.to, output.amount.0));
    }
}

#[test]
fn one_coin_becomes_many_and_each_pays_once() {
    let key = Keypair::from_secret(&[3; 32]);
    for (count, width, per_byte, extra) in [(1, 250, 1, 0), (17, 4, 3, 2), (1000, 30, 1, 0)] {
        let payer = Payer::new(5, 1, CHAIN, per_byte, extra).unwrap();
        let plan = FanOut::plan(count, payer.cost().unwrap() + 1, width, per_byte).unwrap();
        let mut coins = Coins::new();
        let mut above = vec![(CoinId::default(), plan.cost + 5)];
        coins.insert(above[0].0, (key.address(), above[0].1));
        for (number, level) in plan.levels.iter().enumerate() {
            let leaf = number + 1 == plan.levels.len();
            let owner = |place| if leaf { payer.address(place) } else { key.address() };
            let owners: Vec<Address> = (0..level.coins).map(owner).collect();
            assert_eq!(owners.len().div_ceil(level.width), above.len());
            let mut made = Vec::new();
            for (owners, coin) in owners.chunks(level.width).zip(&above) {
                let split = level.split(*coin, owners, &key, &CHAIN);
                execute(&split.signed, &mut coins, per_byte);
                made.extend(split.coins.into_iter().map(|id| (id, level.amount)));
            }
            above = made;
        }
        assert_eq!(above.len(), count);
        let mut deals = Deals::new(5, 1);
        let mut ids = BTreeSet::new();
        for (owner, (id, amount)) in above.into_iter().enumerate() {
            let (signed, change) = payer.pay(&Coin { id, owner, amount }, &deals.draw());
            execute(&signed, &mut coins, per_byte);
            assert_eq!(coins[&change.id], (payer.address(owner), change.amount));
            assert_eq!(signed.bytes.len(), payer.size());
            assert!(ids.insert(signed.id));
        }
    }
}

#[test]
fn a_payload_is_rounded_up_to_whole_outputs() {
    let (plain, one) = (size(2), size(3) - size(2));
    for (payload, extra) in
        [(0, 0), (1, 1), (one, 1), (one + 1, 2), (1000, 1000_usize.div_ceil(one))]
    {
        assert_eq!(outputs_for(payload), extra);
        assert_eq!(Payer::new(1, 1, CHAIN, 1, extra).unwrap().size(), plain + extra * one);
    }
}

#[test]
fn accounts_and_payments_follow_from_the_seed() {
    let coin = Coin { id: CoinId::default(), owner: 1, amount: 10_000 };
    let deal = Deal { to: 0, amount: 7 };
    let pay = |seed| Payer::new(3, seed, CHAIN, 1, 0).unwrap().pay(&coin, &deal);
    assert_eq!(pay(1), pay(1));
    assert_ne!(pay(1).0.id, pay(2).0.id);
}

#[test]
fn fees_beyond_all_money_are_noticed() {
    assert!(Payer::new(1, 1, CHAIN, u64::MAX, 0).is_none());
    assert!(FanOut::plan(1000, u64::MAX / 10, 250, 1).is_none());
}
