//! Coins for the load: one coin of a development account is split, level by level.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::run::Target;
use super::{LoadError, Progress};
use crate::api::{COINS_PAGE_MAX, SubmitResult, TransactionInfo, TransactionStatus};
use crate::bench::payments::{Coin, FanOut, Payer, Split};
use crate::ledger::CoinKind;
use crate::spec::DevAccount;
use crate::types::{Address, CoinId, Keypair, Prefix, TransactionId};
use crate::wallet::client::ClientError;

/// How long splits may take to get into a block of every node.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often nodes are asked for that.
const POLL: Duration = Duration::from_millis(100);

/// Calls in a batch at most, as nodes take them.
pub(super) const BATCH: usize = 50;

/// Encoded bytes in a call at most: half of what a node takes, written as hexadecimal.
pub(super) const CALL_BYTES_MAX: usize = 512 << 10;

/// Pages of coins that are looked through for each account.
const PAGES_MAX: usize = 4;

/// What is split first.
struct Source {
    key: Keypair,
    coin: CoinId,
    amount: u64,
}

/// The largest coin that a development account can spend.
async fn source(target: &Target) -> Result<Option<Source>, LoadError> {
    let failed = |error| target.failed(error);
    let prefix = Prefix::new(&target.info.address_prefix)
        .map_err(|error| LoadError::Refused(error.to_string()))?;
    let mut best: Option<Source> = None;
    // Where coins stake, the first accounts do: theirs may be gone before they are spent.
    let mut accounts: Vec<DevAccount> = DevAccount::all().collect();
    accounts.reverse();
    for account in accounts {
        let address = account.address().encode(&prefix);
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let page = target.client.coins_list(&address, after, COINS_PAGE_MAX).await;
            let page = page.map_err(failed)?;
            for coin in page.coins {
                let free = coin.spendable && coin.kind == CoinKind::Transfer;
                let free = free && coin.spent_by.is_none();
                if free && best.as_ref().is_none_or(|best| coin.amount.0 > best.amount) {
                    let (coin, amount) = (coin.id, coin.amount.0);
                    best = Some(Source { key: account.keypair(), coin, amount });
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(best)
}

/// Makes so many coins of this amount for the accounts in turn, and waits until every node has them in a block. Nothing if
/// it was stopped meanwhile.
pub(super) async fn coins(
    targets: &[Target],
    payer: &Payer,
    (count, amount): (usize, u64),
    stop: &mut watch::Receiver<bool>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Option<Vec<Coin>>, LoadError> {
    let first = &targets[0];
    let (per_byte, chain) = (first.info.fee_per_byte_min, first.info.genesis);
    let beyond = LoadError::Money { needed: u64::MAX, found: 0 };
    let width = width(first.info.transaction_bytes_max);
    let plan = FanOut::plan(count, amount, width, per_byte).ok_or(beyond)?;
    let source = source(first).await?;
    let found = source.as_ref().map_or(0, |source| source.amount);
    let Some(source) = source.filter(|source| source.amount >= plan.cost) else {
        return Err(LoadError::Money { needed: plan.cost, found });
    };
    let mut above = vec![(source.coin, source.amount)];
    let mut done = 0;
    let total: usize = plan.levels.iter().map(|level| level.coins).sum();
    for (number, level) in plan.levels.iter().enumerate() {
        let leaf = number + 1 == plan.levels.len();
        let owner = |place| if leaf { payer.address(place) } else { source.key.address() };
        let owners: Vec<Address> = (0..level.coins).map(owner).collect();
        let mut made = Vec::with_capacity(level.coins);
        let splits: Vec<Split> = owners
            .chunks(level.width)
            .zip(&above)
            .map(|(owners, coin)| level.split(*coin, owners, &source.key, &chain))
            .collect();
        let mut rest = &splits[..];
        while !rest.is_empty() {
            let window = window(targets, rest).await?;
            let (now, later) = rest.split_at(window);
            submit(targets, now).await?;
            tokio::select! {
                waited = included(targets, now) => waited?,
                _ = stop.wait_for(|stop| *stop) => return Ok(None),
            }
            rest = later;
            done += now.iter().map(|split| split.coins.len()).sum::<usize>();
            progress(Progress::Funding(done as u64, total as u64)); // they fit
        }
        for split in splits {
            made.extend(split.coins.into_iter().map(|id| (id, level.amount)));
        }
        above = made;
    }
    let coin = |(owner, (id, amount)): (usize, (CoinId, u64))| Coin { id, owner, amount };
    Ok(Some(above.into_iter().enumerate().map(coin).collect()))
}

/// How many coins one split can make where a transaction has so many bytes at most.
fn width(bytes_max: u64) -> usize {
    use crate::bench::payments::{SPLIT_MAX, size};
    (1..=SPLIT_MAX).rev().find(|width| size(width + 1) as u64 <= bytes_max).unwrap_or(1)
}

/// How many of these splits fill a quarter of the smallest pool.
async fn window(targets: &[Target], splits: &[Split]) -> Result<usize, LoadError> {
    let mut room = u64::MAX;
    for target in targets {
        let pool = target.client.mempool_info(false).await.map_err(|e| target.failed(e))?;
        room = room.min(pool.bytes_max / 4);
    }
    let mut bytes = 0;
    let fits = |split: &&Split| {
        bytes += split.signed.bytes.len() as u64; // it fits
        bytes <= room
    };
    Ok(splits.iter().take_while(fits).count().max(1))
}

/// Hands splits to the nodes in turn, a call after the other.
async fn submit(targets: &[Target], splits: &[Split]) -> Result<(), LoadError> {
    let size = splits.first().map_or(1, |split| split.signed.bytes.len().max(1));
    for (turn, splits) in splits.chunks((CALL_BYTES_MAX / size).max(1)).enumerate() {
        let target = &targets[turn % targets.len()];
        let bytes = splits.iter().map(|split| &split.signed.bytes);
        let results = target.client.mempool_submit_encoded(bytes).await;
        for result in results.map_err(|error| target.failed(error))? {
            if let SubmitResult::Refused { error } = result {
                return Err(LoadError::Refused(error.message));
            }
        }
    }
    Ok(())
}

/// Waits until every node has these in a block of its best branch.
async fn included(targets: &[Target], splits: &[Split]) -> Result<(), LoadError> {
    let ids: Vec<TransactionId> = splits.iter().map(|split| split.signed.id).collect();
    for target in targets {
        let (mut place, started) = (0, Instant::now());
        while place < ids.len() {
            let asked = &ids[place..ids.len().min(place + BATCH)];
            let stands = statuses(target, asked).await.map_err(|e| target.failed(e))?;
            let done = |status: &&Option<TransactionStatus>| {
                status.is_some_and(|status| status >= TransactionStatus::Included)
            };
            place += stands.iter().take_while(done).count();
            if stands.iter().all(|status| done(&status)) {
                continue;
            }
            let info = target.client.chain_info().await.map_err(|error| target.failed(error))?;
            if info.finality_conflict.is_some() {
                return Err(LoadError::Parted(target.name.clone()));
            }
            if started.elapsed() >= PATIENCE {
                return Err(LoadError::Stuck { node: target.name.clone(), after: PATIENCE });
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}

/// How a node sees these transactions, [`BATCH`] at most; nothing where it does not know one.
pub(super) async fn statuses(
    target: &Target,
    ids: &[TransactionId],
) -> Result<Vec<Option<TransactionStatus>>, ClientError> {
    let calls: Vec<(&str, Value)> =
        ids.iter().map(|id| ("chain_transaction", json!({ "id": id }))).collect();
    let answers = target.client.batch(&calls).await?;
    let status = |answer: Result<Value, ClientError>| {
        let info = serde_json::from_value::<TransactionInfo>(answer.ok()?).ok()?;
        Some(info.status)
    };
    Ok(answers.into_iter().map(status).collect())
}
