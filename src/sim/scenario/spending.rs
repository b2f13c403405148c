//! Spending a coin twice.

use super::super::host::Sim;
use super::super::load::pay;
use super::super::metrics::DoubleSpend;
use crate::ledger::CoinKind;
use crate::spec::DevAccount;
use crate::types::{Amount, Transaction};

/// Coins of a payer that are looked at.
const COINS_MAX: usize = 64;

/// Makes the two payments: one to a merchant, and one of the same coin back to the payer. Nothing is submitted.
pub(super) fn twice(
    sim: &Sim,
    node: usize,
    rival: usize,
    wanted: u64,
) -> Result<(Transaction, Transaction, DoubleSpend), String> {
    let replica = sim.replica(node).ok_or_else(|| format!("node {node} does not run"))?;
    sim.replica(rival).ok_or_else(|| format!("node {rival} does not run"))?;
    let state = &replica.tree().head().state;
    let pending = |id: &crate::types::CoinId| replica.pool().spender(id).is_some();
    // The last account with a coin pays: those of a load are drawn from all.
    let accounts: Vec<DevAccount> = DevAccount::all().collect();
    let coin = accounts.iter().rev().find_map(|payer| {
        let coins = state.coins_of(&payer.address(), None, COINS_MAX).ok()?;
        let free =
            coins.into_iter().find(|(id, coin)| coin.kind == CoinKind::Transfer && !pending(id));
        free.map(|(id, coin)| (*payer, id, coin.amount))
    });
    let (payer, coin, amount) = coin.ok_or("no development account has a coin to spend")?;
    let merchant = accounts.iter().find(|account| **account != payer);
    let merchant = merchant.ok_or("there is no merchant")?.address();
    let params = sim.options().spec.ledger_params();
    let make = |to| {
        pay(&params, &payer.keypair(), coin, amount, None, |left| vec![(to, Amount(left))])
            .ok_or_else(|| format!("a coin of {amount} does not pay the fee"))
    };
    let (payment, back) = (make(merchant)?, make(payer.address())?);
    let watched = DoubleSpend {
        node,
        payment: payment.id(&params.chain),
        rival: back.id(&params.chain),
        wanted,
        confirmations: 0,
        delivered_at: None,
        reversed: false,
    };
    Ok((payment, back, watched))
}
