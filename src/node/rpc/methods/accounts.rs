//! `coins_list` and `address_balance`.
//!
//! Both ask the pool first and read the coins after it: what a block takes out of the pool in between is found among
//! the coins then, and is not counted twice.

use super::{Access, Call, Table, blocking};
use crate::api::{
    Balance, BalanceParams, COINS_PAGE_DEFAULT, COINS_PAGE_MAX, CoinInfo, CoinPage, CoinStake,
    CoinsParams, Read, RpcCode,
};
use crate::consensus::pos::footings;
use crate::ledger::{Coin, CoinKind, CoinView};
use crate::node::host::wall_clock;
use crate::node::rpc::PoolCoins;
use crate::node::rpc::fault::Fault;
use crate::types::{Address, Amount, CoinId};

/// Coins that one balance adds up at most.
const BALANCE_COINS_MAX: u64 = 200_000;

/// Coins that are read at a time.
const CHUNK: usize = 1000;

pub(super) fn register(table: &mut Table) {
    table.ask(
        "coins_list",
        Access::Open,
        "the coins of an address, by pages",
        |call, params: CoinsParams| async move {
            let owner = call.context.address(&params.address)?;
            let limit = params.limit.unwrap_or(COINS_PAGE_DEFAULT);
            if !(1..=COINS_PAGE_MAX).contains(&limit) {
                let range = format!("limit {limit} is not in 1 to {COINS_PAGE_MAX}");
                return Err(Fault::params(range));
            }
            call.catch_up(params.read).await?;
            let pool = call.backend.pool_of(owner).await?;
            let call = Call::new(&call.context)?;
            blocking(move || page(&call, owner, &params, limit, &pool)).await
        },
    );
    table.ask(
        "address_balance",
        Access::Open,
        "what an address owns",
        |call, params: BalanceParams| async move {
            let owner = call.context.address(&params.address)?;
            call.catch_up(params.read).await?;
            let pool = call.backend.pool_of(owner).await?;
            let call = Call::new(&call.context)?;
            blocking(move || balance(&call, owner, &pool)).await
        },
    );
}

impl Call {
    /// Waits until the node shows what a read has to see.
    pub(super) async fn catch_up(&self, read: Read) -> Result<(), Fault> {
        if read == Read::Local {
            return Ok(());
        }
        self.backend.read().await?.map_err(|reason| {
            Fault::new(RpcCode::NotCurrent, reason)
                .help("ask again, or read what this node has: it may be out of date")
        })
    }
}

fn page(
    call: &Call,
    owner: Address,
    params: &CoinsParams,
    limit: u32,
    pool: &PoolCoins,
) -> Result<CoinPage, Fault> {
    let (view, facts) = (&call.view, &call.context.facts);
    let next = view.header.height.next();
    let address = owner.encode(&facts.prefix);
    // A page has at most COINS_PAGE_MAX coins.
    let found = view.state.coins_of(&owner, params.after, limit as usize)?;
    let cursor = if found.len() < limit as usize { None } else { found.last().map(|(id, _)| *id) };
    let mut stakes = stakes(call, &found)?.into_iter();
    let coins = found
        .into_iter()
        .map(|(id, coin)| {
            let mut info = CoinInfo::of(id, &coin, address.clone(), next, facts.params.maturity);
            info.spent_by = pool.spent.get(&id).copied();
            info.spendable &= info.spent_by.is_none();
            info.stake = stakes.next();
            info
        })
        .collect();
    let mut pending = Vec::new();
    if params.after.is_none() {
        for (id, coin, by) in pool.created.iter().take(COINS_PAGE_MAX as usize) {
            if view.state.coin(id)?.is_some() {
                continue;
            }
            let mut info = CoinInfo::of(*id, coin, address.clone(), next, facts.params.maturity);
            info.created_by = Some(*by);
            pending.push(info);
        }
    }
    Ok(CoinPage { head: view.head, height: view.header.height, coins, pending, next: cursor })
}

/// What each of these coins is good for in the next block; nothing where coins make none.
fn stakes(call: &Call, coins: &[(CoinId, Coin)]) -> Result<Vec<CoinStake>, Fault> {
    let Some(rules) = call.context.facts.rule.stake() else { return Ok(Vec::new()) };
    let (height, now) = (call.view.header.height.next(), wall_clock());
    let target = rules.front(&call.view.state)?.target;
    let footings = footings(rules, coins, Amount::ZERO, height, now);
    let stake =
        |((_, coin), footing): (&(_, Coin), _)| CoinStake::of(coin.amount, footing, &target);
    Ok(coins.iter().zip(footings).map(stake).collect())
}

fn balance(call: &Call, owner: Address, pool: &PoolCoins) -> Result<Balance, Fault> {
    let (view, facts) = (&call.view, &call.context.facts);
    let next = view.header.height.next();
    let mut balance = Balance {
        address: owner.encode(&facts.prefix),
        spendable: Amount::ZERO,
        immature: Amount::ZERO,
        staking: Amount::ZERO,
        bonded: Amount::ZERO,
        pending: Amount::ZERO,
        coins: 0,
        height: view.header.height,
    };
    let mut after = None;
    loop {
        let coins = view.state.coins_of(&owner, after, CHUNK)?;
        balance.coins += coins.len() as u64; // at most CHUNK
        if balance.coins > BALANCE_COINS_MAX {
            let reason = format!("the address owns more than {BALANCE_COINS_MAX} coins");
            return Err(Fault::new(RpcCode::TooMuch, reason).help("add up the pages of coins_list"));
        }
        for (_, coin) in coins.iter().filter(|(id, _)| !pool.spent.contains_key(id)) {
            let mature = coin.spendable_from(facts.params.maturity).is_some_and(|at| at <= next);
            let sum = match coin.kind {
                _ if mature => &mut balance.spendable,
                CoinKind::Transfer | CoinKind::Reward => &mut balance.immature,
                CoinKind::Stake | CoinKind::Bond => &mut balance.staking,
            };
            *sum = sum.plus(coin.amount).ok_or_else(overflow)?;
            if coin.kind == CoinKind::Bond {
                balance.bonded = balance.bonded.plus(coin.amount).ok_or_else(overflow)?;
            }
        }
        after = coins.last().map(|(id, _)| *id);
        if coins.len() < CHUNK {
            break;
        }
    }
    for (id, coin, _) in &pool.created {
        if view.state.coin(id)?.is_none() {
            balance.pending = balance.pending.plus(coin.amount).ok_or_else(overflow)?;
        }
    }
    Ok(balance)
}

fn overflow() -> Fault {
    Fault::new(RpcCode::Failed, "the coins of this address add up to more than can exist")
}
