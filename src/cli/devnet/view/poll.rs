//! Asking the nodes how they are, each by itself: one that is slow, or gone, holds up nobody and nothing.
//!
//! A node is asked once a second, in one round trip, where its chain stands and two more things, which take turns: three
//! small calls, and sometimes a fourth where coins make blocks: whose it stakes. A head that nobody has told of before costs one more, for its header, and a head whose parent is unknown
//! one batch for the blocks below it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::blocks::Block;
use super::model::{Answer, Sample, Standing};
use crate::api::{
    BlockParams, BlockSelector, ChainInfo, ForkInfo, HeaderInfo, MempoolInfo, MiningStatus,
    NodeFile, PeerInfo, StakingStatus,
};
use crate::devnet::{NodeDirectory, ProcessState};
use crate::types::{BlockId, Height};
use crate::wallet::client::{Client, ClientError};

/// How often a node is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long a node may take to answer before it counts as silent.
const PATIENCE: Duration = Duration::from_secs(2);

/// Blocks below an unknown head that are asked for at once; below 50, which is how many calls a node takes in a batch.
const BACK_MAX: u64 = 40;

/// Ids of blocks that are remembered as told. Beyond, all are forgotten, which costs asking for some again.
const KNOWN_MAX: usize = 4096;

/// The blocks whose headers have been read, from any node.
#[derive(Debug, Default)]
pub(super) struct Known(RefCell<BTreeSet<BlockId>>);

impl Known {
    fn has(&self, id: &BlockId) -> bool {
        self.0.borrow().contains(id)
    }

    /// Takes note of a block; says whether it was unknown.
    fn learn(&self, id: BlockId) -> bool {
        let mut known = self.0.borrow_mut();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(id)
    }
}

/// Looks at a node again and again for as long as somebody listens. `lead` spreads many nodes over the interval.
pub(super) async fn look_at(
    node: NodeDirectory,
    lead: Duration,
    known: &Known,
    stakes: bool,
    samples: Sender<Sample>,
) {
    sleep(lead).await;
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut client: Option<Client> = None;
    for turn in 0_u64.. {
        ticks.tick().await;
        // A file that is being replaced is there at the next look.
        let run = node.run().ok().flatten();
        let process = run.as_ref().map_or(ProcessState::Stopped, |run| run.process.state());
        let mut answer = None;
        if process == ProcessState::Running
            && let Ok(Some(at)) = node.addresses()
            && run.is_some_and(|run| run.process.pid == at.pid)
        {
            answer = ask(&mut client, &at, turn, (known, stakes)).await.ok();
        }
        if samples.send(Sample { node: node.index, process, answer }).await.is_err() {
            return;
        }
    }
}

async fn ask(
    client: &mut Option<Client>,
    at: &NodeFile,
    turn: u64,
    (known, stakes): (&Known, bool),
) -> Result<Answer, ClientError> {
    let client = match client {
        Some(client) if client.url() == at.rpc => client,
        _ => client.insert(Client::with_timeout(&at.rpc, None, PATIENCE)?),
    };
    let nothing = || json!([]);
    let even = turn.is_multiple_of(2);
    let [one, other] = match even {
        true => [("net_peers", nothing()), ("mining_status", nothing())],
        false => [("mempool_info", nothing()), ("chain_forks", nothing())],
    };
    let mut calls = vec![("chain_info", nothing()), one, other];
    calls.extend((even && stakes).then(|| ("stake_status", nothing())));
    let answers = client.batch(&calls).await?;
    let mut answers = answers.into_iter();
    let mut next = || match answers.next() {
        Some(answer) => answer,
        None => Err(garbled(at, "it answers fewer calls than were asked")),
    };
    let chain: ChainInfo = read(at, next()?)?;
    let chain =
        Standing { height: chain.height, head: chain.head, final_height: chain.final_height };
    let mut answer = Answer {
        chain,
        peers: None,
        mempool: None,
        hash_rate: None,
        stakers: None,
        forks: None,
        blocks: Vec::new(),
    };
    if even {
        answer.peers = Some(read::<Vec<PeerInfo>>(at, next()?)?.len() as u64); // a length fits 64 bits
        let mining: MiningStatus = read(at, next()?)?;
        answer.hash_rate = Some(mining.mining.then_some(mining.hash_rate));
        if stakes {
            answer.stakers = Some(read::<StakingStatus>(at, next()?)?.stakers);
        }
    } else {
        answer.mempool = Some(read::<MempoolInfo>(at, next()?)?.transactions);
        answer.forks = Some(read::<Vec<ForkInfo>>(at, next()?)?);
    }
    // Without its blocks a node still says where it stands.
    answer.blocks = unknown_blocks(client, at, &chain, known).await.unwrap_or_default();
    Ok(answer)
}

/// The head and the blocks below it, as far as nobody has told of them.
async fn unknown_blocks(
    client: &Client,
    at: &NodeFile,
    chain: &Standing,
    known: &Known,
) -> Result<Vec<Block>, ClientError> {
    if known.has(&chain.head) {
        return Ok(Vec::new());
    }
    let head: Block = client.chain_header(BlockSelector::Id(chain.head)).await?.into();
    let mut blocks = Vec::new();
    if head.height > Height(0) && !known.has(&head.parent) {
        let lowest = head.height.back(BACK_MAX);
        let calls: Vec<(&str, Value)> = (lowest.0..head.height.0)
            .map(|height| {
                let params = BlockParams { block: BlockSelector::Height(Height(height)) };
                ("chain_header", json!(params))
            })
            .collect();
        for answer in client.batch(&calls).await? {
            blocks.push(read::<HeaderInfo>(at, answer?)?.into());
        }
    }
    blocks.push(head);
    blocks.retain(|block: &Block| known.learn(block.id));
    Ok(blocks)
}

fn read<T: DeserializeOwned>(at: &NodeFile, answer: Value) -> Result<T, ClientError> {
    serde_json::from_value(answer).map_err(|error| garbled(at, error))
}

fn garbled(at: &NodeFile, reason: impl std::fmt::Display) -> ClientError {
    ClientError::Garbled { url: at.rpc.clone(), reason: reason.to_string() }
}
