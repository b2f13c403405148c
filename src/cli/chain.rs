//! `assay chain`: what a node says about the chain, and the chain in files and data directories.

mod certificate;
mod export;
mod import;
pub(super) mod place;
mod verify;

pub(super) use import::{failed as import_failed, refused as no_archive};

use clap::Subcommand;

use super::connect::{Connection, connect};
use super::error::CliError;
use super::output::{self, Table};
use super::{Globals, block_on, log};
use crate::api::{
    BlockInfo, BlockSelector, ChainInfo, ClaimInfo, Exit, ForkInfo, ForkStatus, OperationInfo,
    SealInfo, SupplyInfo, SyncStage, TransactionInfo, TransactionStatus,
};
use crate::types::TransactionId;

/// Ids of transactions that a block shows people; `--json` has them all.
const TRANSACTIONS_SHOWN: usize = 20;

const EXAMPLES: &str = "\
Examples:
  assay chain info                  head, final block, supply, difficulty
  assay chain block                 the head
  assay chain block final           the newest block that can no longer change
  assay chain block 17 --json
  assay chain block 17 --certificate > block.json    under pbft: the votes that prove it, …
  assay chain verify --certificate block.json --chain chain.toml    … checked without any node
  assay chain info --dir pow-dev:2  as the third node of a devnet sees it
  assay chain export chain.assay    the whole chain in a file, and elsewhere
  assay chain import chain.assay --datadir DIR
  assay chain verify --datadir DIR  all of it again, from the first block";

/// What `assay chain` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Ask(Question),
    /// Write the chain into a file, from a node or from a data directory
    Export(export::Export),
    /// Take the chain in a file into the data directory of a node that does not run
    Import(import::Import),
    /// Go over a stored chain from its first block: signatures, seals, state roots, money, what is stored beside
    Verify(verify::Verify),
}

/// What a node is asked.
#[derive(Debug, Subcommand)]
enum Question {
    /// Say where the chain stands
    Info,
    /// Show a block
    Block {
        /// Its height, its id, `head` or `final`
        #[arg(value_name = "HEIGHT|ID", default_value = "head")]
        block: BlockSelector,
        /// Print what proves it without this node, as JSON: its header and the votes of a quorum (pbft)
        #[arg(long)]
        certificate: bool,
    },
    /// Show a transaction, and how far it has come
    Tx {
        /// Its id
        id: TransactionId,
    },
    /// List the branches that the node knows, the best first
    Forks,
    /// Account for all money: genesis + issued − burned = circulating
    Supply,
}

/// Runs `assay chain`.
pub fn run(args: Args, globals: &Globals) -> Result<Exit, CliError> {
    log::start(globals.log_format.unwrap_or_default(), globals.verbose, false)?;
    let command = match args.command {
        Command::Export(args) => return export::run(args, globals),
        Command::Import(args) => return import::run(args, globals),
        Command::Verify(args) => return verify::run(args, globals),
        Command::Ask(command) => command,
    };
    let connection = connect(globals)?;
    block_on(answer(command, &connection, globals.json))?;
    Ok(Exit::Ok)
}

async fn answer(command: Question, connection: &Connection, json: bool) -> Result<(), CliError> {
    let client = &connection.client;
    let explain = |error| connection.explain(error);
    match command {
        Question::Info => {
            let chain = client.chain_info().await.map_err(explain)?;
            if json {
                return output::json(&chain);
            }
            info(&chain, &symbol(connection).await?).print()
        }
        Question::Block { block: selector, certificate: true } => {
            output::json(&certificate::of(selector, connection).await?)
        }
        Question::Block { block: selector, certificate: false } => {
            let found = client.chain_block(selector).await.map_err(explain)?;
            if json { output::json(&found) } else { block(&found).print() }
        }
        Question::Tx { id } => {
            let Some(found) = client.chain_transaction(id).await.map_err(explain)? else {
                return Err(unknown(id, connection));
            };
            if json {
                return output::json(&found);
            }
            transaction(&found, &symbol(connection).await?).print()
        }
        Question::Forks => {
            let found = client.chain_forks().await.map_err(explain)?;
            if json { output::json(&found) } else { forks(&found).print() }
        }
        Question::Supply => {
            let found = client.chain_supply().await.map_err(explain)?;
            if json {
                return output::json(&found);
            }
            supply(&found, &symbol(connection).await?).print()
        }
    }
}

/// What a coin is called.
async fn symbol(connection: &Connection) -> Result<String, CliError> {
    let info = connection.client.system_info().await.map_err(|error| connection.explain(error))?;
    Ok(info.symbol)
}

fn unknown(id: TransactionId, connection: &Connection) -> CliError {
    let name = &connection.node().name;
    let message = format!(
        "{name} knows no transaction {id}: it is neither pending nor in a block of the best branch"
    );
    CliError::new(Exit::Refused, "unknown_transaction", message).help(
        "check the id, and that the node is on the chain and has caught up: `assay chain info`",
    )
}

fn info(chain: &ChainInfo, symbol: &str) -> Table {
    let mut table = Table::pairs();
    table.pair("chain", &chain.chain);
    table.pair("engine", &chain.engine);
    table.pair("genesis", chain.genesis);
    table.pair("height", chain.height);
    table.pair("head", chain.head);
    table.pair("time", when(chain.time));
    table.pair("final height", output::depth(chain.final_height, chain.height));
    table.pair("final block", chain.final_id);
    table.pair("state root", chain.state_root);
    table.pair("supply", output::amount(chain.supply, symbol));
    if let Some(difficulty) = chain.difficulty {
        table.pair("difficulty", output::difficulty(difficulty));
    }
    if let Some(difficulty) = chain.stake_difficulty {
        table.pair("of stake", output::difficulty(difficulty));
    }
    if let Some(rate) = chain.hash_rate {
        table.pair("hash rate", output::hash_rate(rate));
    }
    if let Some(sync) = &chain.sync {
        let what = match sync.stage {
            SyncStage::Headers => "looking at headers",
            SyncStage::Blocks => "fetching blocks",
        };
        let (to, peers) = (sync.target_height, sync.peers);
        table.pair("catching up", format!("{what} up to height {to}, from {peers} peers"));
    }
    if let Some(conflict) = &chain.finality_conflict {
        let text = format!(
            "from height {}: final here is {}, a better branch up to height {} has {}; start the node with --resync if \
             that is the right one",
            conflict.height, conflict.ours, conflict.tip_height, conflict.theirs
        );
        table.pair("CONFLICT", text);
    }
    table
}

fn block(block: &BlockInfo) -> Table {
    let header = &block.header;
    let mut table = Table::pairs();
    table.pair("block", header.id);
    table.pair("height", header.height);
    table.pair("parent", header.parent);
    table.pair("time", when(header.time));
    table.pair("producer", &header.producer);
    table.pair("claim", claim(&header.claim));
    table.pair("seal", seal(&header.seal));
    if let Some(hash) = &header.work_hash {
        table.pair("work hash", hash);
    }
    table.pair("state root", header.state_root);
    table.pair("body root", header.body_root);
    table.pair(
        "status",
        match (header.is_final, header.best) {
            (true, _) => "final",
            (false, true) => "on the best branch",
            (false, false) => "on a side branch",
        },
    );
    table.pair("size", format!("{} bytes", output::count(header.size)));
    table.pair("transactions", output::count(header.transaction_count));
    for id in block.transactions.iter().take(TRANSACTIONS_SHOWN) {
        table.pair("", id);
    }
    if let Some(more) =
        block.transactions.len().checked_sub(TRANSACTIONS_SHOWN).filter(|more| *more > 0)
    {
        table.pair("", format!("and {more} more, with --json"));
    }
    table
}

fn claim(claim: &ClaimInfo) -> String {
    match claim {
        ClaimInfo::Genesis => "none, the first block".into(),
        ClaimInfo::Work { bits, difficulty } => {
            format!("work: bits {bits}, difficulty {}", output::difficulty(*difficulty))
        }
        ClaimInfo::Stake { bits, coin } => format!("stake: bits {bits}, coin {coin}"),
        ClaimInfo::Slot { prior, .. } => format!("slot: prior height {prior}"),
        ClaimInfo::Turn { weight: 2, .. } => "turn: in turn".into(),
        ClaimInfo::Turn { .. } => "turn: out of turn".into(),
        ClaimInfo::Round { round } => format!("round {round}"),
    }
}

fn seal(seal: &SealInfo) -> String {
    match seal {
        SealInfo::Genesis => "none".into(),
        SealInfo::Work { version, extra_nonce, nonce, .. } => {
            format!("work: nonce {nonce}, extra nonce {extra_nonce}, version {version}")
        }
        SealInfo::Signature { .. } => "the producer's signature".into(),
        SealInfo::Quorum { round, votes } => format!("{} votes of round {round}", votes.len()),
        SealInfo::Leader { round, leader, .. } => format!("the leader {leader} of round {round}"),
    }
}

fn transaction(transaction: &TransactionInfo, symbol: &str) -> Table {
    let mut table = Table::pairs();
    table.pair("transaction", transaction.id);
    let confirmations = transaction.confirmations;
    table.pair(
        "status",
        match transaction.status {
            TransactionStatus::Pending => "pending, in no block yet".into(),
            TransactionStatus::Included => {
                format!("included, {} confirmations", output::count(confirmations))
            }
            TransactionStatus::Final => {
                format!("final, {} confirmations", output::count(confirmations))
            }
        },
    );
    if let (Some(block), Some(height)) = (transaction.block, transaction.height) {
        table.pair("block", format!("{block} at height {height}"));
    }
    table.pair("time", when(transaction.time));
    table.pair("size", format!("{} bytes", output::count(transaction.size)));
    if let Some(fee) = transaction.fee {
        table.pair("fee", output::amount(fee, symbol));
    }
    for (index, coin) in transaction.inputs.iter().enumerate() {
        table.pair(if index == 0 { "spends" } else { "" }, coin);
    }
    for (index, coin) in transaction.outputs.iter().enumerate() {
        let text = format!("{} to {}", output::amount(coin.amount, symbol), coin.to);
        table.pair(if index == 0 { "pays" } else { "" }, text);
    }
    if let Some(does) = &transaction.operation {
        table.pair("does", operation(does));
    }
    table
}

fn operation(operation: &OperationInfo) -> String {
    match operation {
        OperationInfo::RegisterDelegate { name } => format!("registers the delegate {name}"),
        OperationInfo::ResignDelegate => "resigns as a delegate".into(),
        OperationInfo::ReactivateDelegate => "returns as a delegate".into(),
        OperationInfo::Vote { delegates } => format!("votes for {}", delegates.join(", ")),
        OperationInfo::Unvote => "withdraws its votes".into(),
        OperationInfo::RegisterAuthority { name, organisation, .. } => {
            format!("registers the authority {name} of {organisation}")
        }
        OperationInfo::ProposeAuthority { address, ballot } => {
            format!("wishes to {ballot} the authority {address}")
        }
        OperationInfo::WithdrawProposal { address } => {
            format!("withdraws its wish about {address}")
        }
        OperationInfo::Note { bytes } => match hex::decode(bytes).map(String::from_utf8) {
            Ok(Ok(text)) => format!("notes: {text}"),
            _ => format!("notes the bytes {bytes}"),
        },
    }
}

fn forks(forks: &[ForkInfo]) -> Table {
    let mut table = Table::new(&["", "height", "head", "length", "leaves at"]).right(&[1, 3, 4]);
    for fork in forks {
        let (status, length, fork_height) = match fork.status {
            ForkStatus::Best => ("best", String::new(), String::new()),
            ForkStatus::Side => ("side", fork.length.to_string(), fork.fork_height.to_string()),
        };
        table.row([
            status,
            &fork.height.to_string(),
            &fork.head.to_string(),
            &length,
            &fork_height,
        ]);
    }
    table
}

fn supply(supply: &SupplyInfo, symbol: &str) -> Table {
    let mut table = Table::pairs();
    table.pair("height", supply.height);
    table.pair("head", supply.head);
    table.pair("genesis", output::amount(supply.genesis, symbol));
    table.pair("+ issued", output::amount(supply.issued, symbol));
    table.pair("- burned", output::amount(supply.burned, symbol));
    table.pair("= circulating", output::amount(supply.circulating, symbol));
    table
}

/// A moment, and how long ago it was.
fn when(time: crate::types::Time) -> String {
    format!("{}, {}", output::moment(time), output::ago(time, output::now()))
}
