//! What is said of coins is what the engine does with them.

use std::collections::BTreeSet;

use super::super::coins::Coins;
use super::*;
use crate::consensus::Stake;
use crate::types::testkit::key;
use crate::types::{Amount, CoinId, Height, Span, Time};

#[test]
fn coins_stand_as_the_engine_takes_them() {
    let mut mint = Mint::new();
    mint.next(1);
    mint.next(2);
    let head = mint.tree.head();
    let (height, now) = (head.height().next(), head.block.header.time);
    let people = 1..=5;
    let all: Vec<_> = people.clone().flat_map(|person| mint.coins(head, person)).collect();
    assert!(all.len() > 3);
    let sum: u64 = all.iter().map(|(_, coin)| coin.amount.0).sum();
    let owners: BTreeSet<_> = people.map(|person| key(person).address()).collect();
    for reserve in [0, 1, sum / 3, sum / 2, sum - 1, sum, sum + 1].map(Amount) {
        let mut coins = Coins::default();
        coins.follow(&Stake { owners: owners.clone(), reserve }, &mint.tree, None).unwrap();
        let tried = coins.stakes(&mint.rules, height, reserve);
        let tried: BTreeSet<CoinId> = tried.iter().map(|(id, ..)| *id).collect();
        let footings = footings(&mint.rules, &all, reserve, height, now);
        let said = all
            .iter()
            .zip(&footings)
            .filter(|(_, footing)| matches!(footing, Footing::Staked(_) | Footing::Young(_)));
        assert_eq!(said.map(|((id, _), _)| *id).collect::<BTreeSet<_>>(), tried, "{reserve}");
        let kept = all.iter().zip(&footings).filter(|(_, it)| **it == Footing::Reserved);
        let kept: u64 = kept.map(|((_, coin), _)| coin.amount.0).sum();
        let free: u64 = sum - resting(&all, &footings);
        assert!(kept >= reserve.0.min(free), "{kept} of {reserve}");
    }
}

fn resting(coins: &[(CoinId, crate::ledger::Coin)], footings: &[Footing]) -> u64 {
    let rests = coins.iter().zip(footings).filter(|(_, it)| matches!(it, Footing::Resting(_)));
    rests.map(|((_, coin), _)| coin.amount.0).sum()
}

#[test]
fn each_coin_is_told_what_it_waits_for() {
    let mut mint = Mint::new();
    let first = mint.next(1);
    let head = mint.tree.head();
    assert_eq!(first.height, head.height());
    let staked = mint.coins(head, 1);
    let at =
        |time: Time, height: Height| footings(&mint.rules, &staked, Amount::ZERO, height, time);
    let (now, maturity) = (head.block.header.time, mint.rules.params().maturity);
    let place = staked.iter().position(|(_, coin)| coin.height == head.height()).unwrap();
    let made = staked[place].1;
    // It rests first, is too young then, and is tried at last.
    assert_eq!(
        at(now, head.height().next())[place],
        Footing::Resting(Height(made.height.0 + maturity))
    );
    let rested = Height(made.height.0 + maturity);
    let least = mint.rules.params().ages.min_age;
    assert_eq!(at(now, rested)[place], Footing::Young(made.time.after(least)));
    assert_eq!(at(made.time.after(least), rested)[place], Footing::Young(made.time.after(least)));
    let old = made.time.after(Span(least.0 + 1000));
    assert_eq!(at(old, rested)[place], Footing::Staked(Span(1000)));
}
