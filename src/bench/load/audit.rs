//! The chain as it is in the end, read block by block from the nodes, and what it holds of the load.

use crate::api::{BlockSelector, ChainInfo};
use crate::bench::compare::chain::Made;
use crate::bench::tally::Tally;
use crate::types::{Block, BlockId, Height, TransactionId, decode};
use crate::wallet::client::ClientError;

use super::fund::{BATCH, statuses};
use super::run::Target;

/// How often a chain is read anew because it changed while it was read.
const ATTEMPTS: usize = 5;

/// What the reading found beside payments.
#[derive(Debug, Default)]
pub(super) struct Audit {
    /// Up to where the chain that was read is final.
    pub(super) settled: Height,
    /// Pairs of nodes with different final blocks at one height.
    pub(super) conflicts: u64,
    /// Nodes that did not answer.
    pub(super) unread: Vec<String>,
    /// The blocks of the chain that was read, lowest first.
    pub(super) chain: Vec<Made>,
}

/// A block as far as it matters here.
struct Read {
    height: Height,
    id: BlockId,
    transactions: Vec<TransactionId>,
    made: Made,
}

/// Reads the chain from a height on and enters it into the books.
pub(super) async fn audit(targets: &[Target], from: Height, tally: &mut Tally) -> Audit {
    let mut audit = Audit::default();
    let mut there: Vec<(&Target, ChainInfo)> = Vec::new();
    for target in targets {
        match target.client.chain_info().await {
            Ok(info) => there.push((target, info)),
            Err(_) => audit.unread.push(target.name.clone()),
        }
    }
    there.sort_by_key(|(_, info)| std::cmp::Reverse((info.final_height, info.height)));
    let mut main: Option<(Vec<Read>, Height)> = None;
    for (target, info) in there {
        let read = match &main {
            None => match blocks(target, from, info.height).await {
                Ok(blocks) => {
                    for block in &blocks {
                        tally.read(block.height, block.transactions.iter().copied());
                    }
                    main = Some((blocks, info.final_height));
                    Ok(())
                }
                Err(error) => Err(error),
            },
            Some((main, settled)) => match beyond(target, &info, main, from).await {
                Ok((fork, blocks)) => {
                    audit.conflicts += u64::from(fork < info.final_height.min(*settled));
                    tally
                        .read_branch(fork, blocks.into_iter().flat_map(|block| block.transactions));
                    Ok(())
                }
                Err(error) => Err(error),
            },
        };
        if let Err(error) = read {
            tracing::debug!(%error, node = target.name, "a chain was not read");
            audit.unread.push(target.name.clone());
        }
    }
    if let Some((blocks, settled)) = main {
        audit.settled = settled;
        audit.chain = blocks.into_iter().map(|block| block.made).collect();
    }
    let missing = tally.missing();
    for target in targets {
        for ids in missing.chunks(BATCH) {
            let Ok(stands) = statuses(target, ids).await else { break };
            for (id, status) in ids.iter().zip(stands) {
                if status.is_some() {
                    tally.found(id);
                }
            }
        }
    }
    audit
}

/// What a node's chain has beside the one that was read: up to where both are one, and its blocks above.
async fn beyond(
    target: &Target,
    info: &ChainInfo,
    main: &[Read],
    from: Height,
) -> Result<(Height, Vec<Read>), ClientError> {
    let ours = |height: Height| main.iter().find(|block| block.height == height);
    let last = main.last().map_or(from.back(1), |block| block.height);
    let shared = last.min(info.height);
    if shared >= from {
        let header = target.client.chain_header(BlockSelector::Height(shared)).await?;
        if ours(shared).is_some_and(|block| block.id == header.id) {
            return Ok((shared, blocks(target, shared.next(), info.height).await?));
        }
    }
    let mut theirs = blocks(target, from, info.height).await?;
    let same = |(ours, theirs): &(&Read, &Read)| ours.id == theirs.id;
    let common = main.iter().zip(&theirs).take_while(same).count();
    let fork = Height(from.back(1).0 + common as u64); // a length fits
    Ok((fork, theirs.split_off(common)))
}

/// The blocks of a node's best branch between two heights, both included.
async fn blocks(target: &Target, from: Height, to: Height) -> Result<Vec<Read>, ClientError> {
    let mut read: Vec<Read> = Vec::new();
    let mut attempt = 1;
    let mut next = from;
    while next <= to {
        let page = target.client.chain_blocks(next).await?;
        if page.blocks.is_empty() {
            break;
        }
        for text in page.blocks {
            let garbled =
                |reason: String| ClientError::Garbled { url: target.client.url().into(), reason };
            let bytes = hex::decode(&text).map_err(|error| garbled(error.to_string()))?;
            let block: Block = decode(&bytes).map_err(|error| garbled(error.to_string()))?;
            let chain = &target.info.genesis;
            let below = read.last().map(|below| below.id);
            if below.is_some_and(|below| below != block.header.parent) {
                // The best branch is another one by now.
                if attempt == ATTEMPTS {
                    return Err(garbled("its chain changes while it is read".into()));
                }
                attempt += 1;
                read.clear();
                next = from;
                break;
            }
            let transactions = block.body.transactions.iter().map(|t| t.id(chain)).collect();
            next = block.header.height.next();
            read.push(Read {
                height: block.header.height,
                id: block.header.id(chain),
                transactions,
                made: Made::of(&block, chain),
            });
        }
    }
    read.retain(|block| block.height <= to);
    Ok(read)
}
