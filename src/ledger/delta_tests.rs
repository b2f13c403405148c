use std::collections::BTreeMap;

use super::*;
use crate::ledger::CoinKind;
use crate::types::testkit::{Dice, key};
use crate::types::{Amount, Hash, Height, Time};

fn coin(owner: u8, amount: u64) -> Coin {
    let (owner, amount) = (key(owner).address(), Amount(amount));
    Coin { owner, amount, height: Height(1), time: Time(1), kind: CoinKind::Transfer }
}

/// Ids that crowd: `spread` of 256 first bytes are used.
fn id(dice: &mut Dice, spread: u64) -> CoinId {
    let mut bytes = [0; 32];
    bytes[0] = (dice.below(spread) * 255 / spread.max(1)) as u8;
    bytes[5] = dice.below(4) as u8;
    bytes[31] = dice.below(64) as u8;
    CoinId(Hash(bytes))
}

type Flat = BTreeMap<CoinId, CoinChange>;

fn random(dice: &mut Dice, spread: u64) -> (Flat, Delta) {
    let mut flat = Flat::new();
    for _ in 0..dice.below(120) {
        let owner = 1 + dice.below(3) as u8;
        let change = match dice.percent(50) {
            true => CoinChange::Created(coin(owner, 1 + dice.below(1000))),
            false => CoinChange::Spent(key(owner).address()),
        };
        flat.insert(id(dice, spread), change);
    }
    let delta = Delta::new(flat.iter().map(|(id, change)| (*id, *change)).collect(), Vec::new());
    (flat, delta)
}

fn agree(dice: &mut Dice, spread: u64, flat: &Flat, delta: &Delta) {
    assert_eq!(delta.coins().len(), flat.len());
    for (id, change) in flat {
        assert_eq!(delta.coin(id), Some(change));
    }
    for _ in 0..50 {
        let id = id(dice, spread);
        assert_eq!(delta.coin(&id), flat.get(&id));
        let owner = key(1 + dice.below(4) as u8).address();
        let of = |(at, change): &(&CoinId, &CoinChange)| change.owner() == owner && **at >= id;
        let expected: Vec<_> = flat.iter().filter(of).map(|(id, change)| (*id, *change)).collect();
        let found: Vec<_> = delta.coins_of(&owner, &id).copied().collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn coins_are_found_however_their_ids_lie() {
    for seed in 0..60 {
        println!("seed {seed}");
        let mut dice = Dice::new(seed);
        let spread = [1, 2, 16, 256][dice.below(4) as usize];
        let (flat, delta) = random(&mut dice, spread);
        agree(&mut dice, spread, &flat, &delta);
        let (more, later) = random(&mut dice, spread);
        let mut both = flat;
        both.extend(more);
        agree(&mut dice, spread, &both, &delta.then(&later));
    }
}

#[test]
fn of_an_entry_of_a_rule_the_later_value_counts() {
    let entry = |name: &str, value: Option<u8>| {
        (SystemKey::new(name), value.map(|value| Arc::from([value])))
    };
    let first = Delta::new(Vec::new(), vec![entry("a", Some(1)), entry("b", Some(2))]);
    let second = Delta::new(Vec::new(), vec![entry("b", None), entry("c", Some(3))]);
    let both = first.then(&second);
    let value = |name: &str| both.system(&SystemKey::new(name)).map(|value| value.as_deref());
    assert_eq!(value("a"), Some(Some(&[1][..])));
    assert_eq!(value("b"), Some(None));
    assert_eq!(value("c"), Some(Some(&[3][..])));
    assert_eq!(value("d"), None);
    assert_eq!(both.len(), 3);
}

#[test]
fn a_coin_comes_with_the_mark_of_its_owner() {
    let (there, gone) = (CoinId(Hash([1; 32])), CoinId(Hash([2; 32])));
    let (one, two) = (key(1).address(), key(2).address());
    let changes = vec![(there, CoinChange::Created(coin(1, 5))), (gone, CoinChange::Spent(two))];
    let entries: Vec<_> = Delta::new(changes, Vec::new()).entries().collect();
    let value = Some(coin(1, 5).to_bytes().to_vec());
    let expected = [
        (Key::Coin(there), value),
        (Key::Owned(one, there), Some(Vec::new())),
        (Key::Coin(gone), None),
        (Key::Owned(two, gone), None),
    ];
    assert_eq!(entries, expected);
}
