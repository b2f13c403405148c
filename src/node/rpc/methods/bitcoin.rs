//! The names that Bitcoin's scripts use, as far as they read the chain.
//!
//! They answer in Bitcoin's shapes ([`crate::api::bitcoin`]) and fail with Bitcoin's codes, so that a script which
//! was written for `bitcoin-cli` or for the wire works here. What makes blocks is in `work`.

use super::{Access, Call, None as NoParams, Table};
use crate::api::bitcoin::{
    BitcoinPeer, BlockAnswer, BlockHeader, BlockTransaction, BlockchainInfo, ChainTip, Coins, Fees,
    FullBlock, GetBlockParams, GetHeaderParams, HashRateParams, HeaderAnswer, HeightParams,
    HelpParams, Input, MiningInfo, Output, RawMempool, RawMempoolEntry, RawMempoolParams, Script,
    Verbosity, WholeTransaction,
};
use crate::api::{Direction, ForkStatus, POOL_IDS_MAX, PeerInfo};
use crate::consensus::schedule::{MEDIAN_BLOCKS, RecentTimes};
use crate::node::host::wall_clock;
use crate::node::rpc::PendingInfo;
use crate::node::rpc::fault::{BitcoinCode, Fault};
use crate::types::target::Bits;
use crate::types::work::WorkProof;
use crate::types::{
    Block, BlockId, Claim, Header, Height, Seal, Time, Transaction, TransactionId, encode,
};

/// Blocks that a hash rate is estimated over at most, and if nothing is said.
const RATE_BLOCKS_MAX: u64 = 120;

pub(super) fn register(table: &mut Table) {
    let open = Access::Open;
    table.read("getblockchaininfo", open, "where the chain stands", |call, _: NoParams| {
        chain_info(call)
    });
    table.now("getblockcount", open, "the height of the head", |call, _: NoParams| {
        Ok(call.view.header.height)
    });
    table.now("getbestblockhash", open, "the id of the head", |call, _: NoParams| {
        Ok(call.view.head)
    });
    table.read(
        "getblockhash",
        open,
        "the id of the block at a height",
        |call, params: HeightParams| call.at(params.height)?.ok_or_else(out_of_range),
    );
    table.read("getblock", open, "a block", block);
    table.read("getblockheader", open, "the header of a block", header);
    table.ask("getrawmempool", open, "pending transactions", mempool);
    table.ask("getpeerinfo", open, "the connected peers", |call, _: NoParams| async move {
        let peers = call.backend.peers().await?;
        Ok(peers.into_iter().zip(0..).map(|(info, id)| peer(info, id)).collect::<Vec<_>>())
    });
    table.read("getmininginfo", open, "what mining is up against", |call, _: NoParams| {
        let difficulty = difficulty(&call.view.header);
        Ok(MiningInfo {
            blocks: call.view.header.height,
            difficulty,
            networkhashps: hash_rate(call, HashRateParams { nblocks: None, height: None })?,
            pooledtx: call.view.pool_len as u64, // a count fits 64 bits
            chain: call.context.facts.chain.clone(),
            warnings: String::new(),
        })
    });
    table.read("getnetworkhashps", open, "hashes per second, estimated", hash_rate);
    table.ask("getchaintips", open, "the ends of all branches", |call, _: NoParams| async move {
        let tip = |fork: crate::api::ForkInfo| ChainTip {
            height: fork.height,
            hash: fork.head,
            branchlen: fork.length,
            status: match fork.status {
                ForkStatus::Best => "active".into(),
                ForkStatus::Side => "valid-fork".into(),
            },
        };
        Ok(call.backend.forks().await?.into_iter().map(tip).collect::<Vec<_>>())
    });
    table.now("uptime", open, "seconds since the node started", |call, _: NoParams| {
        Ok(wall_clock().since(call.context.facts.started).0 / 1000)
    });
    table.read("help", open, "what there is to call", help);
    table.now("stop", Access::Token, "stop the node", |call, _: NoParams| {
        call.backend.stop();
        Ok("Assay stopping".to_owned())
    });
}

fn out_of_range() -> Fault {
    Fault::bitcoin(BitcoinCode::InvalidParameter, "Block height out of range")
}

/// The block that a parameter of 64 digits names.
fn named(call: &Call, text: &str) -> Result<(BlockId, Block), Fault> {
    let id: BlockId = text.parse().map_err(|_| {
        let shown: String = text.chars().take(80).collect();
        let reason = format!("blockhash must be of length 64 and hexadecimal (not '{shown}')");
        Fault::bitcoin(BitcoinCode::InvalidParameter, reason)
    })?;
    let block = call.backend.block(&id)?;
    let unknown = || Fault::bitcoin(BitcoinCode::InvalidAddressOrKey, "Block not found");
    Ok((id, block.ok_or_else(unknown)?))
}

fn bits(header: &Header) -> Option<Bits> {
    match header.claim {
        Claim::Work { bits } => Some(bits),
        _ => None,
    }
}

fn difficulty(header: &Header) -> f64 {
    bits(header).and_then(|bits| bits.target().ok()).map_or(0.0, |target| target.difficulty())
}

fn proof(block: &Block) -> Option<WorkProof> {
    match block.seal {
        Seal::Work(proof) => Some(proof),
        _ => None,
    }
}

fn chain_work(call: &Call) -> Result<String, Fault> {
    let Some(rules) = call.context.facts.rule.search() else {
        return Ok("0".repeat(64)); // as bitcoind writes no work at all
    };
    Ok(rules.total_work(&call.view.state)?.to_string())
}

fn chain_info(call: &Call) -> Result<BlockchainInfo, Fault> {
    let view = &call.view;
    let height = view.header.height;
    let best = view.best_peer_height.unwrap_or(height).max(height);
    let median = RecentTimes::after(&view.state)?.median().unwrap_or(view.header.time);
    Ok(BlockchainInfo {
        chain: call.context.facts.chain.clone(),
        blocks: height,
        headers: best,
        bestblockhash: view.head,
        difficulty: difficulty(&view.header),
        time: view.header.time.into(),
        mediantime: median.into(),
        // Heights of any real chain are exact in a double.
        verificationprogress: if best.0 == 0 { 1.0 } else { height.0 as f64 / best.0 as f64 },
        initialblockdownload: view.sync.is_some(),
        chainwork: chain_work(call)?,
        pruned: false,
        warnings: String::new(),
    })
}

/// The times of a block and of those before it, this one first.
fn median_time(call: &Call, block: &Block) -> Result<Time, Fault> {
    let mut times = vec![block.header.time];
    let mut parent = block.header.parent;
    while times.len() < MEDIAN_BLOCKS {
        let Some(before) = call.backend.block(&parent)? else { break };
        // The genesis block's time says nothing about the chain's clock.
        if before.header.height.0 == 0 {
            break;
        }
        times.push(before.header.time);
        parent = before.header.parent;
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

fn header_of(call: &Call, id: BlockId, block: &Block) -> Result<BlockHeader, Fault> {
    let header = &block.header;
    let head = call.view.header.height;
    let best = call.at(header.height)? == Some(id);
    let confirmations = head.0.saturating_sub(header.height.0).saturating_add(1);
    let proof = proof(block);
    let is_head = id == call.view.head;
    Ok(BlockHeader {
        hash: id,
        confirmations: if best { i64::try_from(confirmations).unwrap_or(i64::MAX) } else { -1 },
        height: header.height,
        version: proof.map(|proof| proof.version),
        version_hex: proof.map(|proof| format!("{:08x}", proof.version)),
        merkleroot: header.body_root,
        time: header.time.into(),
        mediantime: median_time(call, block)?.into(),
        nonce: proof.map(|proof| proof.nonce),
        bits: bits(header),
        difficulty: difficulty(header),
        chainwork: if is_head { Some(chain_work(call)?) } else { None },
        transaction_count: block.body.transactions.len() as u64, // a count fits 64 bits
        previousblockhash: (header.height.0 > 0).then_some(header.parent),
        nextblockhash: if best { call.at(header.height.next())? } else { None },
    })
}

fn header(call: &Call, params: GetHeaderParams) -> Result<HeaderAnswer, Fault> {
    let (id, block) = named(call, &params.blockhash)?;
    if params.verbose.unwrap_or(true) {
        return Ok(HeaderAnswer::Verbose(Box::new(header_of(call, id, &block)?)));
    }
    let (Some(proof), Some(bits)) = (proof(&block), bits(&block.header)) else {
        let reason = "the genesis block was not mined: it has no work header";
        return Err(Fault::bitcoin(BitcoinCode::Misc, reason));
    };
    let header = &block.header;
    let parent = *header.parent.as_bytes();
    let work = proof.header(header.height.0, id.as_bytes(), parent, bits);
    Ok(HeaderAnswer::Bytes(hex::encode(work.encode())))
}

fn block(call: &Call, params: GetBlockParams) -> Result<BlockAnswer, Fault> {
    let (id, block) = named(call, &params.blockhash)?;
    let level = params.verbosity.map_or(1, Verbosity::level);
    if level == 0 {
        return Ok(BlockAnswer::Bytes(hex::encode(encode(&block))));
    }
    let facts = &call.context.facts;
    let tx = |transaction: &Transaction| {
        let id = transaction.id(&facts.params.chain);
        match level {
            1 => BlockTransaction::Id(id),
            _ => BlockTransaction::Whole(Box::new(whole(call, id, transaction))),
        }
    };
    Ok(BlockAnswer::Verbose(Box::new(FullBlock {
        header: header_of(call, id, &block)?,
        // Lengths fit 64 bits.
        size: borsh::object_length(&block).expect("every block encodes") as u64,
        tx: block.body.transactions.iter().map(tx).collect(),
    })))
}

fn whole(call: &Call, txid: TransactionId, transaction: &Transaction) -> WholeTransaction {
    let facts = &call.context.facts;
    let output = |(n, output): (usize, &crate::types::Output)| Output {
        value: Coins::from(output.amount),
        n: n as u64, // a place fits 64 bits
        script: Script { address: output.to.encode(&facts.prefix) },
        coin: Transaction::coin_id(&txid, n, &facts.params.chain),
    };
    WholeTransaction {
        txid,
        size: transaction.size() as u64, // a length fits 64 bits
        vin: transaction.inputs.iter().map(|coin| Input { coin: *coin }).collect(),
        vout: transaction.outputs.iter().enumerate().map(output).collect(),
        hex: hex::encode(encode(transaction)),
    }
}

async fn mempool(call: Call, params: RawMempoolParams) -> Result<RawMempool, Fault> {
    if !params.verbose.unwrap_or(false) {
        return Ok(RawMempool::Ids(call.backend.pool_ids(POOL_IDS_MAX).await?));
    }
    let entry = |info: PendingInfo| RawMempoolEntry {
        vsize: info.transaction.size() as u64, // a length fits 64 bits
        time: info.since.into(),
        fees: Fees { base: info.fee.unwrap_or_default().into() },
    };
    let entries = call.backend.pool_entries(POOL_IDS_MAX).await?;
    Ok(RawMempool::Entries(entries.into_iter().map(|(id, info)| (id, entry(info))).collect()))
}

fn peer(info: PeerInfo, id: u64) -> BitcoinPeer {
    let height = info.height.map_or(-1, |height| i64::try_from(height.0).unwrap_or(i64::MAX));
    let inbound = info.direction == Direction::Inbound;
    BitcoinPeer {
        id,
        addr: host_and_port(&info.address),
        conntime: info.since.into(),
        pingtime: info.latency_ms.map(|latency| latency / 1000.0),
        subver: info.agent.unwrap_or_default(),
        inbound,
        synced_headers: height,
        synced_blocks: height,
        connection_type: if inbound { "inbound".into() } else { "outbound-full-relay".into() },
        peer_id: info.id,
    }
}

/// `/ip4/127.0.0.1/tcp/5` as `127.0.0.1:5`; anything else as it is.
fn host_and_port(multiaddr: &str) -> String {
    let mut parts = multiaddr.split('/').skip(1);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("ip4"), Some(host), Some("tcp"), Some(port)) => format!("{host}:{port}"),
        (Some("ip6"), Some(host), Some("tcp"), Some(port)) => format!("[{host}]:{port}"),
        _ => multiaddr.to_owned(),
    }
}

fn hash_rate(call: &Call, params: HashRateParams) -> Result<f64, Fault> {
    let height = match params.height.map(u64::try_from) {
        Some(Ok(height)) => Height(height),
        _ => call.view.header.height,
    };
    let id = call.at(height)?.ok_or_else(out_of_range)?;
    let wanted = params.nblocks.and_then(|blocks| u64::try_from(blocks).ok());
    let wanted = wanted.filter(|blocks| *blocks > 0).unwrap_or(RATE_BLOCKS_MAX);
    let (mut work, mut above) = (0.0, 0.0);
    let mut times: Vec<Time> = Vec::new();
    let mut at = id;
    while let Some(block) = call.backend.block(&at)?
        && let Some(bits) = bits(&block.header)
    {
        // The oldest one only says when the first interval begins.
        work += above;
        above = bits.work().to_f64();
        times.push(block.header.time);
        if times.len() as u64 > wanted.min(RATE_BLOCKS_MAX) {
            break;
        }
        at = block.header.parent;
    }
    let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else {
        return Ok(0.0);
    };
    let elapsed_ms = last.since(*first).0;
    // Milliseconds of any real chain are exact in a double.
    Ok(if elapsed_ms == 0 { 0.0 } else { work * 1000.0 / elapsed_ms as f64 })
}

fn help(call: &Call, params: HelpParams) -> Result<String, Fault> {
    let catalog = call.context.catalog();
    let Some(name) = params.command else {
        let mut text = String::new();
        let mut namespace = "";
        let mut methods: Vec<_> = catalog.iter().collect();
        methods.sort_by_key(|method| (method.namespace(), method.name));
        for method in methods {
            if method.namespace() != namespace {
                namespace = method.namespace();
                let gap = if text.is_empty() { "" } else { "\n" };
                text.push_str(&format!("{gap}== {namespace} ==\n"));
            }
            text.push_str(&method.usage());
            text.push('\n');
        }
        return Ok(text.trim_end().to_owned());
    };
    match catalog.iter().find(|method| method.name == name) {
        Some(method) => Ok(format!("{}\n\n{}", method.usage(), method.about)),
        None => Ok(format!("help: unknown command: {name}")),
    }
}
