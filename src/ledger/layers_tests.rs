use super::*;
use crate::ledger::{Coin, CoinKind};
use crate::types::testkit::{Dice, key};
use crate::types::{Amount, Hash, Time};

const PER_BLOCK: u64 = 10;

/// A block that creates coins of its own and spends one of an earlier block.
fn block(height: u64) -> Arc<Delta> {
    let owner = key(1).address();
    let kind = CoinKind::Transfer;
    let coin = |amount| Coin { owner, amount, height: Height(height), time: Time(0), kind };
    let mut coins: Vec<_> = (0..PER_BLOCK)
        .map(|n| (id(height, n), CoinChange::Created(coin(Amount(height + n)))))
        .collect();
    if height > 3 {
        coins.push((id(height - 3, 0), CoinChange::Spent(owner)));
    }
    coins.sort_by_key(|(id, _)| *id);
    Arc::new(Delta::new(coins, Vec::new()))
}

fn id(height: u64, n: u64) -> CoinId {
    let mut bytes = *blake3::hash(&[height.to_le_bytes(), n.to_le_bytes()].concat()).as_bytes();
    bytes[31] = 0;
    CoinId(Hash(bytes))
}

#[test]
fn many_blocks_make_few_layers_and_hold_little_more_than_what_is_not_final() {
    let depth = 20;
    let mut layers = Layers::default();
    for height in 1..=500u64 {
        let final_height = height.saturating_sub(depth + 1);
        layers = layers.with(Height(height), block(height), Height(final_height));
        assert!(layers.0.len() <= 6, "{} layers at {height}", layers.0.len());
        let held = layers.len() as u64;
        assert!(held <= 3 * (depth + 1) * (PER_BLOCK + 1), "{held} changes at {height}");
        for age in 0..=depth.min(height - 1) {
            let of = height - age;
            let spent = age >= 3;
            let found = layers.coin(&id(of, 0)).map(|change| change.coin().is_none());
            assert_eq!(found, Some(spent), "the coin of {of} at {height}");
            let whole = layers.coin(&id(of, 1)).and_then(CoinChange::coin);
            assert_eq!(whole.map(|coin| coin.amount), Some(Amount(of + 1)));
        }
    }
}

/// Branches share what they have in common, and neither sees the other's changes.
#[test]
fn branches_grow_apart() {
    for seed in 0..20 {
        let mut dice = Dice::new(seed);
        let mut trunk = Layers::default();
        let fork = 1 + dice.below(40);
        for height in 1..=fork {
            trunk = trunk.with(Height(height), block(height), Height(0));
        }
        let (mut left, mut right) = (trunk.clone(), trunk);
        for height in fork + 1..=fork + 1 + dice.below(40) {
            left = left.with(Height(height), block(height), Height(0));
            right = right.with(Height(height), block(height + 1000), Height(0));
            assert!(left.coin(&id(height, 1)).is_some() && right.coin(&id(height, 1)).is_none());
            assert!(right.coin(&id(height + 1000, 1)).is_some());
            assert!(left.coin(&id(height + 1000, 1)).is_none());
        }
        assert!(left.coin(&id(1, 1)).is_some() && right.coin(&id(1, 1)).is_some());
    }
}

#[test]
fn blocks_that_change_nothing_do_not_pile_up() {
    let mut layers = Layers::default();
    for height in 1..1000 {
        layers = layers.with(Height(height), Arc::default(), Height(0));
        assert_eq!(layers.0.len(), 1);
    }
}
