//! What the pool does, one story per test.

use super::*;
use crate::types::Bounded;

fn pool(ground: &Ground) -> Mempool {
    Mempool::new(ground.params.clone(), 100_000)
}

/// Transactions each of which spends the output of the one before.
fn line(ground: &Ground, first: (CoinId, Coin), length: usize, fee: u64) -> Vec<Transaction> {
    let mut line = vec![ground.pay(&[first], fee)];
    while line.len() < length {
        let coin = ground.output(line.last().unwrap(), 0);
        line.push(ground.pay(&[coin], fee));
    }
    line
}

#[test]
fn of_two_that_spend_one_coin_the_first_stays() {
    let ground = Ground::new();
    let mut pool = pool(&ground);
    let coin = ground.coins(1)[0];
    let (first, second) = (ground.pay(&[coin], 1_000), ground.pay(&[coin], 9_000));
    assert_eq!(ground.admit(&mut pool, &first), Ok(0));
    let by = ground.id(&first);
    let conflict = AdmitError::Conflict { coin: coin.0, by };
    assert_eq!(ground.admit(&mut pool, &second), Err(conflict));
    assert_eq!(ground.admit(&mut pool, &first), Err(AdmitError::Known));
    assert_eq!(pool.spender(&coin.0), Some(&by));
}

#[test]
fn other_witnesses_do_not_make_another_transaction() {
    let ground = Ground::new();
    let mut pool = pool(&ground);
    let genuine = ground.pay(&ground.coins(1), 1_000);
    let mut forged = genuine.clone();
    forged.sign(&ground.params.chain, &[key(2)]);
    ground.admit(&mut pool, &genuine).unwrap();
    let id = ground.id(&genuine);
    assert_eq!(ground.id(&forged), id);
    assert!(pool.has_verified(&id, &genuine.witness_hash(&ground.params.chain)));
    assert!(!pool.has_verified(&id, &forged.witness_hash(&ground.params.chain)));
}

#[test]
fn a_block_decides_between_conflicting_transactions_and_what_stands_on_them() {
    let mut ground = Ground::new();
    let mut pool = pool(&ground);
    let coin = ground.coins(1)[0];
    let losers = line(&ground, coin, 3, 1_000);
    for loser in &losers {
        ground.admit(&mut pool, loser).unwrap();
    }
    let bystander = ground.pay(&ground.coins(2), 1_000);
    ground.admit(&mut pool, &bystander).unwrap();
    let winner = ground.pay_to(&[coin], &[key(3).address()], 5_000, None);
    ground.block(1, vec![winner.clone()]);
    ground.confirm(&mut pool, &[winner]);
    assert_eq!(pool.len(), 1);
    assert!(pool.get(&ground.id(&bystander)).is_some());
}

#[test]
fn a_line_of_pending_transactions_is_bounded_and_grows_again_when_blocks_take_its_front() {
    let mut ground = Ground::new();
    let mut pool = pool(&ground);
    let mut line = line(&ground, ground.coins(1)[0], 3 * ANCESTORS_MAX, 1_000);
    for round in 0..2 {
        for transaction in &line[..ANCESTORS_MAX] {
            assert_eq!(ground.admit(&mut pool, transaction), Ok(0), "round {round}");
        }
        let next = &line[ANCESTORS_MAX];
        assert_eq!(ground.admit(&mut pool, next), Err(AdmitError::TooDeep), "round {round}");
        // All but the last are confirmed, so the line begins with that one.
        let taken: Vec<Transaction> = line.drain(..ANCESTORS_MAX - 1).collect();
        ground.block(1, taken.clone());
        ground.confirm(&mut pool, &taken);
        assert_eq!(pool.len(), 1);
        let left = pool.remove(&ground.id(&line[0]));
        assert_eq!(left.len(), 1);
        ground.admit(&mut pool, &line[0]).unwrap();
        pool.remove(&ground.id(&line[0]));
    }
}

/// As above, but the last one stays pending all the time: it must not count what blocks have taken.
#[test]
fn a_line_that_is_never_empty_never_gets_stuck() {
    let mut ground = Ground::new();
    let mut pool = pool(&ground);
    let line = line(&ground, ground.coins(1)[0], 60, 1_000);
    let mut confirmed = 0;
    for (index, transaction) in line.iter().enumerate() {
        assert_eq!(ground.admit(&mut pool, transaction), Ok(0), "number {index}");
        if index % 10 == 9 {
            let taken = line[confirmed..index].to_vec();
            confirmed = index;
            ground.block(1, taken.clone());
            ground.confirm(&mut pool, &taken);
        }
    }
}

#[test]
fn a_full_pool_takes_the_better_and_lets_the_cheapest_go() {
    let ground = Ground::new();
    let coins: Vec<_> = (1..=5).map(|person| ground.coins(person)[0]).collect();
    let size = ground.pay(&[coins[0]], 1_000).size();
    let mut pool = Mempool::new(ground.params.clone(), 3 * size);
    let pay = |n: usize, fee| ground.pay(&[coins[n]], fee);
    for (n, fee) in [(0, 3_000), (1, 1_000), (2, 2_000)] {
        assert_eq!(ground.admit(&mut pool, &pay(n, fee)), Ok(0));
    }
    let same = ground.admit(&mut pool, &pay(3, 1_000));
    assert!(matches!(same, Err(AdmitError::Full { .. })), "as cheap as the cheapest: {same:?}");
    assert_eq!(ground.admit(&mut pool, &pay(3, 1_500)), Ok(1));
    assert!(pool.get(&ground.id(&pay(1, 1_000))).is_none());
    assert_eq!((pool.len(), pool.bytes()), (3, 3 * size));
}

/// A large transaction may need the room of several: all of them must pay less than it does.
#[test]
fn what_is_admitted_is_in_the_pool() {
    let ground = Ground::new();
    let coins: Vec<_> = (1..=5).map(|person| ground.coins(person)[0]).collect();
    let size = ground.pay(&[coins[0]], 1_000).size();
    let mut pool = Mempool::new(ground.params.clone(), 3 * size);
    let rates = [1_000, 60_000, 70_000];
    for (coin, fee) in coins.iter().zip(rates) {
        ground.admit(&mut pool, &ground.pay(&[*coin], fee)).unwrap();
    }
    let wide = [key(1).address(); 10];
    let large = ground.pay_to(&coins[3..4], &wide, 30_000, None);
    assert!(large.size() > size);
    let refused = ground.admit(&mut pool, &large);
    assert!(matches!(refused, Err(AdmitError::Full { .. })), "{refused:?}");
    assert_eq!(pool.len(), 3, "a refusal costs nobody a place");
    let dear = ground.pay_to(&coins[3..4], &wide, 300_000, None);
    assert!(ground.admit(&mut pool, &dear).is_ok());
    assert!(pool.get(&ground.id(&dear)).is_some());
}

/// The cheapest transaction does not go for its own child: the child could not stand without it.
#[test]
fn a_child_does_not_push_its_parent_out() {
    let ground = Ground::new();
    let coins: Vec<_> = (1..=5).map(|person| ground.coins(person)[0]).collect();
    let size = ground.pay(&[coins[0]], 1_000).size();
    let mut pool = Mempool::new(ground.params.clone(), 2 * size);
    let parent = ground.pay(&[coins[0]], 1_000);
    let other = ground.pay(&[coins[1]], 2_000);
    let child = ground.pay(&[ground.output(&parent, 0)], 5_000);
    ground.admit(&mut pool, &parent).unwrap();
    ground.admit(&mut pool, &other).unwrap();
    assert_eq!(ground.admit(&mut pool, &child), Ok(1));
    assert!(pool.get(&ground.id(&parent)).is_some() && pool.get(&ground.id(&child)).is_some());
    assert!(pool.get(&ground.id(&other)).is_none());
    // Where only the line itself is left, there is no room for more of it.
    let grandchild = ground.pay(&[ground.output(&child, 0)], 50_000);
    let refused = ground.admit(&mut pool, &grandchild);
    assert!(matches!(refused, Err(AdmitError::Full { .. })), "{refused:?}");
    assert_eq!(pool.len(), 2);
}

#[test]
fn one_transaction_may_take_half_a_block() {
    let mut ground = Ground::new();
    let large = ground.pay_to(&ground.coins(1), &[key(1).address(); 200], 50_000, None);
    ground.params.block_bytes_max = 2 * large.size();
    assert_eq!(ground.admit(&mut pool(&ground), &large), Ok(0));
    ground.params.block_bytes_max -= 1;
    let refused = ground.admit(&mut pool(&ground), &large);
    assert!(matches!(refused, Err(AdmitError::TooLarge { .. })), "{refused:?}");
}

#[test]
fn an_operation_that_the_rule_refuses_does_not_join() {
    let ground = Ground::new();
    let unvote =
        ground.pay_to(&ground.coins(1), &[key(1).address()], 5_000, Some(Operation::Unvote));
    let refused = ground.admit(&mut pool(&ground), &unvote).unwrap_err().to_string();
    assert!(refused.contains("withdrawing a vote is not active"), "{refused}");
    let note = Operation::Note { bytes: Bounded::truncated(b"hi".to_vec()) };
    let noted = ground.pay_to(&ground.coins(1), &[key(1).address()], 5_000, Some(note));
    assert_eq!(ground.admit(&mut pool(&ground), &noted), Ok(0));
}

/// A branch that lost takes its reward with it, and with that whatever spends it; the rest stays.
#[test]
fn a_reorganisation_takes_out_what_lost_its_coins() {
    let mut ground = Ground::new();
    let mut pool = pool(&ground);
    let before = ground.coins(1);
    ground.block(1, vec![]);
    for _ in 0..4 {
        ground.block(2, vec![]);
    }
    let reward = ground.coins(1).into_iter().find(|coin| !before.contains(coin)).unwrap();
    let spending = ground.pay(&[reward], 1_000);
    let child = ground.pay(&[ground.output(&spending, 0)], 1_000);
    let bystander = ground.pay(&ground.coins(3), 1_000);
    for transaction in [&spending, &child, &bystander] {
        ground.admit(&mut pool, transaction).unwrap();
    }
    assert_eq!(pool.revise(ground.place(), true), Ok(vec![]), "nothing is wrong yet");
    for _ in 0..5 {
        ground.undo();
    }
    for _ in 0..6 {
        ground.block(4, vec![]);
    }
    assert_eq!(pool.revise(ground.place(), false), Ok(vec![]), "coins were not looked at");
    let gone = pool.revise(ground.place(), true).unwrap().into_iter().map(|(id, _)| id);
    assert!(gone.eq([&spending, &child].map(|it| ground.id(it))), "each before its children");
    assert_eq!(pool.len(), 1);
    assert!(ground.try_block(1, pool_order(&pool)).is_ok());
}

/// A reward has the same id on both branches when they part at it, but another owner: existing is not enough.
#[test]
fn a_coin_of_the_same_name_may_belong_to_somebody_else() {
    let mut ground = Ground::new();
    let mut pool = pool(&ground);
    let before = ground.coins(1);
    let made = ground.made;
    ground.block(1, vec![]);
    for _ in 0..4 {
        ground.block(2, vec![]);
    }
    let reward = ground.coins(1).into_iter().find(|coin| !before.contains(coin)).unwrap();
    ground.admit(&mut pool, &ground.pay(&[reward], 1_000)).unwrap();
    for _ in 0..5 {
        ground.undo();
    }
    ground.made = made;
    ground.block(4, vec![]);
    for _ in 0..4 {
        ground.block(2, vec![]);
    }
    assert!(ground.coins(4).iter().any(|(id, _)| *id == reward.0), "the same name");
    assert_eq!(pool.revise(ground.place(), true).unwrap().len(), 1);
}

/// Immature again on the branch that won.
#[test]
fn a_shorter_branch_may_make_a_reward_immature_again() {
    let mut ground = Ground::new();
    let mut pool = pool(&ground);
    let before = ground.coins(1);
    ground.block(1, vec![]);
    for _ in 0..3 {
        ground.block(2, vec![]);
    }
    let reward = ground.coins(1).into_iter().find(|coin| !before.contains(coin)).unwrap();
    ground.admit(&mut pool, &ground.pay(&[reward], 1_000)).unwrap();
    ground.undo();
    ground.undo();
    assert_eq!(pool.revise(ground.place(), true).unwrap().len(), 1);
}

/// A transaction that a lost block gives back slips under its child, which then counts as deeper.
#[test]
fn what_a_lost_block_gives_back_goes_below_its_children() {
    let mut ground = Ground::new();
    let mut pool = pool(&ground);
    let line = line(&ground, ground.coins(1)[0], ANCESTORS_MAX + 1, 1_000);
    ground.block(1, line[..5].to_vec());
    for transaction in &line[5..ANCESTORS_MAX] {
        ground.admit(&mut pool, transaction).unwrap();
    }
    for transaction in ground.undo() {
        ground.admit(&mut pool, &transaction).unwrap();
    }
    assert_eq!(pool.revise(ground.place(), true), Ok(vec![]));
    let last = ground.admit(&mut pool, &line[ANCESTORS_MAX]);
    assert_eq!(last, Err(AdmitError::TooDeep));
    let order: Vec<TransactionId> = pool_order(&pool).iter().map(|t| ground.id(t)).collect();
    let expected: Vec<TransactionId> = line[..ANCESTORS_MAX].iter().map(|t| ground.id(t)).collect();
    assert_eq!(order, expected);
}

fn pool_order(pool: &Mempool) -> Vec<Transaction> {
    pool.select(usize::MAX, usize::MAX, &BTreeSet::new())
        .iter()
        .map(|(_, t)| (*t.transaction).clone())
        .collect()
}

#[test]
fn a_block_takes_the_best_rates_first_but_nothing_before_what_it_stands_on() {
    let ground = Ground::new();
    let mut pool = pool(&ground);
    let coins: Vec<_> = (1..=5).map(|person| ground.coins(person)[0]).collect();
    let cheap = ground.pay(&[coins[0]], 1_000);
    let dear_child = ground.pay(&[ground.output(&cheap, 0)], 90_000);
    let middle = ground.pay(&[coins[1]], 5_000);
    let dear = ground.pay(&[coins[2]], 8_000);
    for transaction in [&cheap, &dear_child, &middle, &dear] {
        ground.admit(&mut pool, transaction).unwrap();
    }
    let expected = [&dear, &middle, &cheap, &dear_child].map(Clone::clone);
    assert_eq!(pool_order(&pool), expected);
    let two = pool.select(usize::MAX, 2, &BTreeSet::new());
    assert_eq!(
        two.iter().map(|(_, t)| (*t.transaction).clone()).collect::<Vec<_>>(),
        expected[..2]
    );
    // What does not fit makes way for what does, but its children go with it.
    let room = dear.size() + middle.size();
    assert_eq!(pool.select(room, 10, &BTreeSet::new()).len(), 2);
    assert_eq!(pool.select(dear.size() - 1, 10, &BTreeSet::new()).len(), 0);
}
