//! What coins are good for in the next block by stake: which are tried, and why the others are not.

use std::cmp::Reverse;

use super::{PosRules, StakeFault};
use crate::ledger::Coin;
use crate::types::{Amount, CoinId, Height, Span, Time};

/// What a coin does for the next block by stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footing {
    /// It is tried, with this weighted age.
    Staked(Span),
    /// It will be tried once it is older than the minimum age, which is after this time.
    Young(Time),
    /// It rests before this height.
    Resting(Height),
    /// It is left alone, to be spent.
    Reserved,
    /// It is a deposit, which stakes nothing.
    Bonded,
}

/// What each of these coins, all that some owners have, does for a block at this height and time; `reserve` is left alone.
pub fn footings(
    rules: &PosRules,
    coins: &[(CoinId, Coin)],
    reserve: Amount,
    height: Height,
    time: Time,
) -> Vec<Footing> {
    let usable: Vec<_> = coins
        .iter()
        .filter(|(_, coin)| {
            coin.spendable_from(rules.params().maturity).is_some_and(|from| from <= height)
        })
        .map(|(id, coin)| (id, coin))
        .collect();
    let mut kept: Vec<CoinId> = reserved(&usable, reserve).into_iter().copied().collect();
    kept.sort_unstable();
    let footing = |(id, coin): &(CoinId, Coin)| match rules.judge_coin((id, coin), height, time) {
        Err(StakeFault::Immature { from, .. }) => Footing::Resting(from),
        Err(StakeFault::Bonded(_)) => Footing::Bonded,
        _ if kept.binary_search(id).is_ok() => Footing::Reserved,
        Ok(weighted) => Footing::Staked(weighted),
        // What remains is that it is too young.
        Err(_) => Footing::Young(coin.time.after(rules.params().ages.min_age)),
    };
    coins.iter().map(footing).collect()
}

/// The coins among those that may be spent that make up a reserve: the youngest first, since they have the least chance,
/// until they hold as much.
pub(super) fn reserved<'a>(usable: &[(&'a CoinId, &Coin)], reserve: Amount) -> Vec<&'a CoinId> {
    if reserve == Amount::ZERO {
        return Vec::new();
    }
    let mut youngest: Vec<_> =
        usable.iter().map(|(id, coin)| (Reverse(coin.time), *id, coin.amount)).collect();
    youngest.sort_unstable();
    let mut kept = Amount::ZERO;
    let enough = youngest.iter().position(|(.., amount)| {
        let enough = kept >= reserve;
        kept = kept.plus(*amount).unwrap_or(Amount(u64::MAX));
        enough
    });
    youngest.truncate(enough.unwrap_or(youngest.len()));
    youngest.into_iter().map(|(_, id, _)| id).collect()
}
