//! One's own coins, read from a node, and the choice among them.

use std::collections::{BTreeMap, BTreeSet};

use super::client::ClientError;
use super::node::{Chain, NodeApi, garbled};
use super::select::{
    CoinState, FeeFactor, FeeRate, OwnCoin, Purpose, Request, SelectError, Selection, select,
};
use crate::api::{COINS_PAGE_MAX, CoinInfo};
use crate::ledger::CoinKind;
use crate::types::{Address, CoinId, Height, TransactionId};

/// Coins of one address at most: a node whose pages never end must not fill the memory.
pub const COINS_MAX: usize = 200_000;

/// Pending transactions that are looked at at most to find out whose they are.
const LOOKS_MAX: usize = 64;

/// The coins of one address.
#[derive(Debug, Clone, PartialEq)]
pub struct CoinList {
    /// The height of the head that the last page was read after.
    pub height: Height,
    /// Coins in blocks by id, and then those that pending transactions would create.
    pub coins: Vec<CoinInfo>,
}

/// Reads all coins of an address, page by page. A block between two pages may show in one and not in the other; a coin
/// that is gone by then is refused when it is spent.
///
/// # Errors
///
/// The node does not answer, or its answers make no sense.
pub async fn list(
    node: &impl NodeApi,
    chain: &Chain,
    owner: &Address,
) -> Result<CoinList, ClientError> {
    let address = owner.encode(&chain.prefix);
    let mut in_blocks: BTreeMap<CoinId, CoinInfo> = BTreeMap::new();
    let mut pending: BTreeMap<CoinId, CoinInfo> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = node.coins_list(&address, after, COINS_PAGE_MAX).await?;
        if page.coins.iter().chain(&page.pending).any(|coin| coin.address != address) {
            return Err(garbled(node, "it lists coins of another address"));
        }
        in_blocks.extend(page.coins.into_iter().map(|coin| (coin.id, coin)));
        pending.extend(page.pending.into_iter().map(|coin| (coin.id, coin)));
        if in_blocks.len() + pending.len() > COINS_MAX {
            return Err(garbled(node, "it lists more coins of one address than can be handled"));
        }
        match page.next {
            Some(next) if Some(next) > after => after = Some(next),
            Some(_) => return Err(garbled(node, "its list of coins does not end")),
            None => {
                pending.retain(|id, _| !in_blocks.contains_key(id));
                let coins = in_blocks.into_values().chain(pending.into_values()).collect();
                return Ok(CoinList { height: page.height, coins });
            }
        }
    }
}

/// Reads all coins of some addresses as far as spending needs them.
///
/// # Errors
///
/// As [`list`].
pub async fn own(
    node: &impl NodeApi,
    chain: &Chain,
    owners: &[Address],
) -> Result<Vec<OwnCoin>, ClientError> {
    let mut coins = Vec::new();
    for owner in owners {
        let listed = list(node, chain, owner).await?.coins;
        coins.extend(listed.iter().map(|coin| OwnCoin {
            id: coin.id,
            owner: *owner,
            amount: coin.amount,
            time: coin.time,
            state: state(coin),
        }));
    }
    Ok(coins)
}

/// What may be done with a coin. Whether a pending one is change is not known here.
pub fn state(coin: &CoinInfo) -> CoinState {
    match (coin.spent_by, coin.created_by, coin.spendable_from) {
        (Some(by), ..) => CoinState::Spending { by },
        // A pending registration makes one, and is no sooner in a block than it is locked.
        (None, Some(_), None) if coin.kind == CoinKind::Bond => CoinState::Bonded,
        (None, Some(by), _) => CoinState::Arriving { by },
        _ if coin.spendable => CoinState::Spendable,
        (.., Some(from)) => CoinState::Immature { from },
        (.., None) => CoinState::Bonded,
    }
}

/// A payment, or another thing to do, from one's own coins.
#[derive(Debug, Clone, Copy)]
pub struct Payment<'a> {
    /// Whose coins may pay.
    pub from: &'a [Address],
    /// What it is for.
    pub purpose: Purpose<'a>,
    /// Where the change goes.
    pub change_to: Address,
    /// How many times the least fee to pay.
    pub fee_factor: FeeFactor,
    /// Coins picked by hand; empty to choose.
    pub picked: &'a [CoinId],
}

/// Why no coins were chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChooseError {
    /// The node was asked and gave no answer that can be used.
    #[error(transparent)]
    Node(#[from] ClientError),
    /// The coins do not do.
    #[error(transparent)]
    Select(#[from] SelectError),
}

/// Chooses among coins that were read with [`own`]. Only if those in blocks do not suffice is the node asked once more,
/// which of the pending ones are change of one's own transactions.
///
/// # Errors
///
/// See [`ChooseError`].
pub async fn choose(
    node: &impl NodeApi,
    chain: &Chain,
    coins: &mut [OwnCoin],
    payment: &Payment<'_>,
) -> Result<Selection, ChooseError> {
    let attempt = |coins: &[OwnCoin]| {
        select(&Request {
            coins,
            picked: payment.picked,
            purpose: payment.purpose,
            change_to: payment.change_to,
            fee: FeeRate::new(chain.fee_per_byte_min, payment.fee_factor),
            bytes_max: chain.transaction_bytes_max,
        })
    };
    match attempt(coins) {
        Err(error) if wants_change(&error) => {
            if !recognise_change(node, chain, coins, payment.from).await? {
                return Err(error.into());
            }
            Ok(attempt(coins)?)
        }
        other => Ok(other?),
    }
}

/// Whether unconfirmed change could help.
fn wants_change(error: &SelectError) -> bool {
    matches!(
        error,
        SelectError::Insufficient(_)
            | SelectError::TooManyInputs { .. }
            | SelectError::PickedUnusable { state: CoinState::Arriving { .. }, .. }
    )
}

/// Finds out which pending coins are change: those of transactions that nobody but their owners signed. Says whether any
/// are.
async fn recognise_change(
    node: &impl NodeApi,
    chain: &Chain,
    coins: &mut [OwnCoin],
    own: &[Address],
) -> Result<bool, ClientError> {
    let own: BTreeSet<String> = own.iter().map(|address| address.encode(&chain.prefix)).collect();
    let arriving = coins.iter().filter_map(|coin| match coin.state {
        CoinState::Arriving { by } => Some(by),
        _ => None,
    });
    let arriving: BTreeSet<TransactionId> = arriving.take(COINS_MAX).collect();
    let mut ours = BTreeSet::new();
    for id in arriving.into_iter().take(LOOKS_MAX) {
        match node.chain_transaction(id).await {
            Ok(Some(info)) => {
                let signers = &info.signers;
                if !signers.is_empty() && signers.iter().all(|signer| own.contains(signer)) {
                    ours.insert(id);
                }
            }
            // It may have left the pool since.
            Ok(None) | Err(ClientError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    for coin in coins {
        if let CoinState::Arriving { by } = coin.state
            && ours.contains(&by)
        {
            coin.state = CoinState::Change { by };
        }
    }
    Ok(!ours.is_empty())
}

#[cfg(test)]
#[path = "coins_tests.rs"]
mod tests;
