//! `chain_*` and `consensus_status`.

use std::sync::Arc;

use super::{Access, Call, None as NoParams, Table, blocking};
use crate::api::{
    BLOCKS_PAGE_BYTES, BLOCKS_PAGE_MAX, BlockInfo, BlockParams, BlockSelector, BlocksPage,
    BlocksParams, ChainInfo, ConsensusStatus, FinalityConflictInfo, ForkInfo, HeaderInfo, Read,
    ReadPoint, Replied, RpcCode, SpecInfo, SupplyInfo, SyncInfo, SyncStage, TransactionInfo,
    TransactionParams, TransactionStatus,
};
use crate::ledger::{ReadFailed, Supply};
use crate::node::rpc::PendingInfo;
use crate::node::rpc::fault::Fault;
use crate::types::{Amount, Block, BlockId, Height, TransactionId, encode};

pub(super) fn register(table: &mut Table) {
    table.ask(
        "chain_info",
        Access::Open,
        "where the chain stands",
        |call, _: NoParams| async move { info(call).await },
    );
    table.read(
        "chain_block",
        Access::Open,
        "a block and its transactions' ids",
        |call, params: BlockParams| {
            let found = call.find(params.block)?;
            let (chain, prefix) = (&call.context.facts.params.chain, &call.context.facts.prefix);
            Ok(BlockInfo::of(&found.block, chain, prefix, found.is_final, found.best))
        },
    );
    table.read(
        "chain_header",
        Access::Open,
        "a block without its transactions",
        |call, params: BlockParams| {
            let found = call.find(params.block)?;
            let (chain, prefix) = (&call.context.facts.params.chain, &call.context.facts.prefix);
            Ok(HeaderInfo::of(&found.block, chain, prefix, found.is_final, found.best))
        },
    );
    table.read(
        "chain_blocks",
        Access::Open,
        "blocks of the best branch as they are encoded, from a height on",
        |call, params: BlocksParams| blocks(call, params),
    );
    table.now("chain_spec", Access::Open, "the frozen spec of the chain", |call, _: NoParams| {
        let facts = &call.context.facts;
        Ok(SpecInfo { genesis: facts.params.chain, toml: facts.spec.clone() })
    });
    table.ask(
        "chain_forks",
        Access::Open,
        "the ends of all branches, the best first",
        |call, _: NoParams| async move { Ok::<Vec<ForkInfo>, Fault>(call.backend.forks().await?) },
    );
    table.ask(
        "chain_transaction",
        Access::Open,
        "a transaction and how far it has come",
        |call, params: TransactionParams| transaction(call, params.id),
    );
    table.ask(
        "chain_reply",
        Access::Open,
        "an authority's signed word that a transaction is final",
        |call, params: TransactionParams| reply(call, params.id),
    );
    table.read("chain_supply", Access::Open, "how much money there is", |call, _: NoParams| {
        let supply = call.view.state.supply()?;
        Ok(SupplyInfo {
            height: call.view.header.height,
            head: call.view.head,
            genesis: supply.genesis,
            issued: supply.issued,
            burned: supply.burned,
            circulating: circulating(&supply)?,
        })
    });
    table.ask(
        "consensus_status",
        Access::Open,
        "what the rule is doing now",
        |call, _: NoParams| async move { Ok((*consensus(&Arc::new(call)).await?).clone()) },
    );
    table.ask(
        "consensus_read",
        Access::Open,
        "wait until this node shows whatever was final anywhere when this was asked",
        |call, _: NoParams| async move {
            call.catch_up(Read::Linearizable).await?;
            let view = call.backend.view();
            Ok(ReadPoint { head: view.head, height: view.header.height })
        },
    );
}

/// A block and its place in the chain.
struct Found {
    block: Block,
    is_final: bool,
    best: bool,
}

impl Call {
    /// The block of the best branch at a height.
    pub(super) fn at(&self, height: Height) -> Result<Option<BlockId>, Fault> {
        if let Some(id) = self.view.branch.get(&height) {
            return Ok(Some(*id));
        }
        if height > self.view.final_height {
            return Ok(None);
        }
        Ok(self.backend.block_at(height)?)
    }

    fn find(&self, selector: BlockSelector) -> Result<Found, Fault> {
        let unknown = |reason: String| Fault::new(RpcCode::UnknownBlock, reason);
        let id = match selector {
            BlockSelector::Head => self.view.head,
            BlockSelector::Final => self.view.final_id,
            BlockSelector::Height(height) => self.at(height)?.ok_or_else(|| {
                let head = self.view.header.height;
                unknown(format!("there is no block at height {height}: the head is at {head}"))
            })?,
            BlockSelector::Id(id) => id,
        };
        let block = self.backend.block(&id)?;
        let block = block.ok_or_else(|| unknown(format!("this node knows no block {id}")))?;
        let best = self.at(block.header.height)? == Some(id);
        let is_final = best && block.header.height <= self.view.final_height;
        Ok(Found { block, is_final, best })
    }
}

/// Blocks of the best branch as they are encoded, from a height on.
fn blocks(call: &Call, params: BlocksParams) -> Result<BlocksPage, Fault> {
    let limit = params.limit.unwrap_or(BLOCKS_PAGE_MAX);
    if !(1..=BLOCKS_PAGE_MAX).contains(&limit) {
        return Err(Fault::params(format!("limit {limit} is not in 1 to {BLOCKS_PAGE_MAX}")));
    }
    let (height, final_height) = (call.view.header.height, call.view.final_height);
    let (mut blocks, mut bytes) = (Vec::new(), 0);
    let mut next = params.from;
    while blocks.len() < limit as usize && bytes < BLOCKS_PAGE_BYTES && next <= height {
        let Some(id) = call.at(next)? else { break };
        // A block that just lost its branch may be gone: whoever asks goes on from there.
        let Some(block) = call.backend.block(&id)? else { break };
        let encoded = encode(&block);
        bytes += encoded.len();
        blocks.push(hex::encode(encoded));
        next = next.next();
    }
    Ok(BlocksPage { height, final_height, blocks })
}

async fn info(call: Call) -> Result<ChainInfo, Fault> {
    let call = Arc::new(call);
    let status = consensus(&call).await?;
    let (difficulty, stake_difficulty, hash_rate) = match &*status {
        ConsensusStatus::Pow(pow) => (Some(pow.difficulty), None, pow.hash_rate),
        ConsensusStatus::Pos(stake) => (None, Some(stake.difficulty), None),
        ConsensusStatus::Hybrid(both) => {
            (Some(both.work.difficulty), Some(both.stake.difficulty), both.work.hash_rate)
        }
        ConsensusStatus::Dpos(_)
        | ConsensusStatus::Poa(_)
        | ConsensusStatus::Pbft(_)
        | ConsensusStatus::Raft(_)
        | ConsensusStatus::Paxos(_) => (None, None, None),
    };
    let view = &call.view;
    let facts = &call.context.facts;
    Ok(ChainInfo {
        chain: facts.chain.clone(),
        engine: facts.rule.name().into(),
        genesis: facts.params.chain,
        height: view.header.height,
        head: view.head,
        time: view.header.time,
        final_height: view.final_height,
        final_id: view.final_id,
        state_root: view.header.state_root,
        supply: circulating(&view.state.supply()?)?,
        difficulty,
        stake_difficulty,
        hash_rate,
        sync: view.sync.map(|progress| SyncInfo {
            stage: if progress.blocks { SyncStage::Blocks } else { SyncStage::Headers },
            target_height: progress.target,
            peers: progress.peers as u64, // usize is at most 64 bits wide here
        }),
        finality_conflict: view.conflict.as_ref().map(|conflict| FinalityConflictInfo {
            height: conflict.height,
            ours: conflict.ours,
            theirs: conflict.theirs,
            tip: conflict.tip,
            tip_height: conflict.tip_height,
            since: conflict.since,
        }),
    })
}

/// What the rule is doing; blocks only for the first question after a head.
async fn consensus(call: &Arc<Call>) -> Result<Arc<ConsensusStatus>, Fault> {
    if let Some(status) = call.context.known_consensus(&call.view.head) {
        return Ok(status);
    }
    let call = call.clone();
    blocking(move || call.context.consensus(&*call.backend, &call.view)).await
}

fn circulating(supply: &Supply) -> Result<Amount, Fault> {
    let contradiction = || ReadFailed(format!("the figures of the supply contradict: {supply:?}"));
    Ok(supply.circulating().ok_or_else(contradiction)?)
}

/// Looks for a transaction in the branch, the store and the pool.
async fn transaction(call: Call, id: TransactionId) -> Result<TransactionInfo, Fault> {
    let context = call.context.clone();
    let mut call = Some(call);
    // Twice: a transaction may move from the pool into a block between the two looks.
    for _ in 0..2 {
        let look = match call.take() {
            Some(call) => call,
            None => Call::new(&context)?,
        };
        let backend = look.backend.clone();
        if let Some(info) = blocking(move || look.in_chain(id)).await? {
            return Ok(info);
        }
        if let Some(PendingInfo { transaction, since, fee }) = backend.pending(id).await? {
            let facts = &context.facts;
            let mut info =
                TransactionInfo::pending(&transaction, &facts.params.chain, &facts.prefix, since);
            info.fee = fee;
            return Ok(info);
        }
    }
    Err(Fault::new(RpcCode::UnknownTransaction, format!("this node knows no transaction {id}"))
        .help("it was never accepted here, or a block spent its coins otherwise"))
}

/// The word of the authority that this node acts for; none while the transaction is not final.
async fn reply(call: Call, id: TransactionId) -> Result<Replied, Fault> {
    let backend = call.backend.clone();
    if backend.agreement().ours.is_none() {
        let reason = "this node acts for no authority, so its word is nobody's";
        return Err(Fault::new(RpcCode::NoAuthorities, reason)
            .help("ask a node that acts for one: authority_list says which are connected"));
    }
    let info = transaction(call, id).await?;
    let place = info.block.zip(info.height);
    let place = place.filter(|_| info.status == TransactionStatus::Final);
    let reply = place.and_then(|(block, height)| backend.reply(&id, block, height));
    Ok(Replied { reply })
}

impl Call {
    /// A transaction in a block of the best branch.
    fn in_chain(&self, id: TransactionId) -> Result<Option<TransactionInfo>, Fault> {
        let (block_id, status) = match self.view.included.get(&id) {
            Some(block) => (*block, TransactionStatus::Included),
            None => match self.backend.block_of(&id)? {
                Some(block) => (block, TransactionStatus::Final),
                None => return Ok(None),
            },
        };
        let Some(block) = self.backend.block(&block_id)? else { return Ok(None) };
        let (chain, prefix) = (&self.context.facts.params.chain, &self.context.facts.prefix);
        let mut transactions = block.body.transactions.iter();
        let Some(transaction) = transactions.find(|t| t.id(chain) == id) else { return Ok(None) };
        let mut info = TransactionInfo::pending(transaction, chain, prefix, block.header.time);
        let (height, head) = (block.header.height, self.view.header.height);
        let is_final = height <= self.view.final_height;
        info.status = if is_final { TransactionStatus::Final } else { status };
        info.block = Some(block_id);
        info.height = Some(height);
        // The store may be a block ahead of the view; a block confirms itself all the same.
        info.confirmations = (head.0.saturating_add(1)).saturating_sub(height.0).max(1);
        Ok(Some(info))
    }
}
