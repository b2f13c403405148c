//! `stake_*`: whose coins this node stakes, and what chances coins have.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Access, Call, None as NoParams, Table, blocking};
use crate::api::{RpcCode, StakeParams, StakingParams, StakingStatus};
use crate::consensus::Stake;
use crate::consensus::pos::{PosRules, footings};
use crate::ledger::Coin;
use crate::node::host::wall_clock;
use crate::node::rpc::fault::Fault;
use crate::node::staking::{STAKERS_MAX, StakeConfig, StakeError};
use crate::types::{Address, Amount, CoinId, Time};

/// Coins that one status adds up at most.
const STATUS_COINS_MAX: usize = 200_000;

/// Coins that are read at a time.
const CHUNK: usize = 1000;

pub(super) fn register(table: &mut Table) {
    table.read(
        "stake_status",
        Access::Open,
        "whose coins this node stakes, and what chances they or others have",
        |call, params: StakingParams| {
            let asked = params.addresses.map(|given| addresses(call, &given)).transpose()?;
            status(call, asked)
        },
    );
    table.ask(
        "stake_start",
        Access::Token,
        "stake the coins of these keys, and of no others, until the node stops",
        |call, params: StakeParams| async move {
            let StakeParams { keys, reserve } = params;
            if keys.is_empty() {
                return Err(Fault::params("there is no key").help("stake_stop ends staking"));
            }
            let keys = keys.iter().map(|key| {
                // What was given is a secret, whatever is wrong with it.
                key.keypair().ok_or_else(|| Fault::params("a key is not 64 hexadecimal digits"))
            });
            let keys = keys.collect::<Result<Vec<_>, _>>()?;
            let reserve = reserve.unwrap_or(Amount::ZERO);
            call.backend.stake(Some(StakeConfig { keys, reserve }))?;
            blocking(move || status(&call, None)).await
        },
    );
    table.ask("stake_stop", Access::Token, "stake no coins", |call, _: NoParams| async move {
        rules(&call)?;
        call.backend.stake(None)?;
        blocking(move || status(&call, None)).await
    });
}

impl From<StakeError> for Fault {
    fn from(error: StakeError) -> Self {
        let code = match &error {
            StakeError::NoStake(_) => RpcCode::NoStake,
            StakeError::Lock { .. } => RpcCode::Failed,
            StakeError::TooMany { .. } | StakeError::Public { .. } | StakeError::Held { .. } => {
                RpcCode::StakeRefused
            }
        };
        Self::new(code, error.to_string()).help(error.help())
    }
}

fn rules(call: &Call) -> Result<&Arc<PosRules>, Fault> {
    let rule = &call.context.facts.rule;
    rule.stake().ok_or_else(|| StakeError::NoStake(rule.name()).into())
}

fn addresses(call: &Call, given: &[String]) -> Result<BTreeSet<Address>, Fault> {
    if given.len() > STAKERS_MAX {
        let asked = given.len();
        return Err(Fault::params(format!("{asked} addresses: one question takes {STAKERS_MAX}")));
    }
    given.iter().map(|text| call.context.address(text)).collect()
}

/// What the coins of these owners, or else of those who stake here, do for the next block.
fn status(call: &Call, asked: Option<BTreeSet<Address>>) -> Result<StakingStatus, Fault> {
    let rules = rules(call)?;
    let view = &call.view;
    let Stake { owners: stakers, reserve } = call.backend.staking().unwrap_or_default();
    let asked = asked.unwrap_or_else(|| stakers.clone());
    let staking = !asked.is_empty() && asked.is_subset(&stakers);
    // What is left alone is left of the coins of all who stake here.
    let (owners, reserve) = match staking {
        true => (&stakers, reserve),
        false => (&asked, Amount::ZERO),
    };
    let coins = coins(call, owners)?;
    let time = Time(wall_clock().0 / 1000 * 1000);
    let footings = footings(rules, &coins, reserve, view.header.height.next(), time);
    let names = |owners: &BTreeSet<Address>| {
        owners.iter().map(|owner| owner.encode(&call.context.facts.prefix)).collect()
    };
    let mut status = StakingStatus {
        stakers: names(&stakers),
        staking,
        addresses: names(&asked),
        reserve,
        head: view.head,
        height: view.header.height,
        time,
        ..StakingStatus::default()
    };
    let theirs = coins.iter().map(|(_, coin)| coin).zip(footings);
    let theirs = theirs.filter(|(coin, _)| asked.contains(&coin.owner));
    status.add_up(theirs, &rules.front(&view.state)?.target);
    Ok(status)
}

/// All coins of some owners.
fn coins(call: &Call, owners: &BTreeSet<Address>) -> Result<Vec<(CoinId, Coin)>, Fault> {
    let mut coins = Vec::new();
    for owner in owners {
        let mut after = None;
        loop {
            let page = call.view.state.coins_of(owner, after, CHUNK)?;
            after = page.last().map(|(id, _)| *id);
            let more = page.len() == CHUNK;
            coins.extend(page);
            if coins.len() > STATUS_COINS_MAX {
                let reason = format!("these addresses own more than {STATUS_COINS_MAX} coins");
                return Err(Fault::new(RpcCode::TooMuch, reason).help("ask about fewer addresses"));
            }
            if !more {
                break;
            }
        }
    }
    Ok(coins)
}
