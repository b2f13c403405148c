//! `assay mine`: blocks that a node drafts, proven on this machine.
//!
//! The node decides what a block holds; this command searches for its proof and says whom it pays. Which nodes are asked,
//! and in which order, is settled here; the mining itself is [`wallet::mining`](crate::wallet::mining).

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

use super::connect::explain;
use super::error::CliError;
use super::locate::{self, Here, Node};
use super::node::PAYOUT_DEFAULT;
use super::node::settings::throttle;
use super::signals::Signals;
use super::time::time;
use super::wallet::options::WALLET_DEFAULT;
use super::{Globals, block_on, log, output};
use crate::api::{Exit, MineResult, RpcCode};
use crate::miner::{Miner, THREADS_MAX, Throttle};
use crate::node::config::KernelChoice;
use crate::node::lowest_priority;
use crate::spec::{DEV_WARNING, DevAccount, is_dev_key, nearest};
use crate::types::{Address, Span};
use crate::wallet::client::Client;
use crate::wallet::keystore::{Wallet, WalletDirectory, WalletName};
use crate::wallet::mining::{self, MineError, Mined, Order, Place, Told};
use crate::wallet::node::Chain;

/// How often the line of progress is drawn anew.
const DRAW: Duration = Duration::from_millis(500);

/// How often it is written where no line can be drawn.
const WRITE: Duration = Duration::from_secs(10);

/// Nodes in the order at most.
const NODES_MAX: usize = 64;

const EXAMPLES: &str = "\
Examples:
  assay mine                                   for the only devnet that runs, until Ctrl-C
  assay mine --threads 2 --throttle 50%        half of two cores
  assay mine --dir pow-dev:1 --fallback pow-dev:2,pow-dev:3
  assay mine --rpc http://127.0.0.1:18545 --token-file rpc.token --address ADDRESS
  assay mine --blocks 5 --json                 for a script

A devnet without a node's name means all its nodes, the first one first. What is mined pays --address,
else the wallet's account, else, on a development chain, alice.";

/// What `assay mine` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// How many threads search
    #[arg(long, value_name = "N", default_value = "1", value_parser = threads)]
    threads: NonZeroUsize,
    /// The share of a core that each thread takes, such as 20% or 0.2
    #[arg(long, value_name = "SHARE", default_value = "100%", value_parser = throttle)]
    throttle: Throttle,
    /// How threads hash: auto, or the name of a kernel as in `assay bench hashrate`
    #[arg(long, value_name = "NAME", default_value = "auto")]
    kernel: KernelChoice,
    /// Whom blocks pay: an address, or a development account such as alice
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// The wallet whose account blocks pay unless --address names somebody
    #[arg(short, long, value_name = "NAME", conflicts_with = "address")]
    wallet: Option<WalletName>,
    /// That account, by its number or its label
    #[arg(short, long, value_name = "ACCOUNT", default_value = "0", conflicts_with = "address")]
    account: String,
    /// Nodes to turn to, in this order, while the one that is meant does not serve: URLs, or DEVNET[:NODE]
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    fallback: Vec<String>,
    /// A file with the token of nodes that are given by their URL
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Stop after so many blocks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    blocks: Option<u64>,
    /// Give up when no node has served for so long
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = time)]
    patience: Duration,
}

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let threads = text.parse::<NonZeroUsize>().ok().filter(|threads| threads.get() <= THREADS_MAX);
    threads.ok_or_else(|| format!("expected a number of threads from 1 to {THREADS_MAX}"))
}

/// Runs `assay mine`.
pub fn run(args: Args, globals: &Globals) -> Result<Exit, CliError> {
    log::start(globals.log_format.unwrap_or_default(), globals.verbose, false)?;
    let nodes = nodes(&args, globals)?;
    let wallet = wallet(&args)?;
    block_on(async {
        // From here on a signal ends the search, and what there is by then is told.
        let mut signals = Signals::new()?;
        let chain = tokio::select! {
            chain = first_chain(&nodes, args.token_file.as_deref()) => chain?,
            exit = signals.next() => return Ok(exit),
        };
        let payout = payout(&args, wallet, &chain)?;
        mine(&args, globals, &nodes, &chain, payout, &mut signals).await
    })
}

/// The nodes in the order in which they are asked.
fn nodes(args: &Args, globals: &Globals) -> Result<Vec<Node>, CliError> {
    let mut nodes: Vec<Node> =
        locate::nodes(globals, &Here)?.into_iter().map(|(_, node)| node).collect();
    for given in &args.fallback {
        let (rpc, dir) = match given.contains("://") {
            true => (Some(given.clone()), None),
            false => (None, Some(given.clone())),
        };
        let meant = locate::nodes(&Globals { rpc, dir, ..globals.clone() }, &Here);
        match meant {
            Ok(meant) => nodes.extend(meant.into_iter().map(|(_, node)| node)),
            // A fall-back that is not there now is no reason not to begin.
            Err(error) if error.exit() == Exit::Unreachable => {
                output::note(format!(
                    "note: --fallback {}: {}",
                    output::plain(given),
                    error.message()
                ));
            }
            Err(error) => return Err(error),
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    nodes.retain(|node| seen.insert(node.url.clone()));
    if nodes.len() > NODES_MAX {
        let message = format!("{} nodes: at most {NODES_MAX} can be asked in turn", nodes.len());
        return Err(CliError::usage(message));
    }
    Ok(nodes)
}

/// The chain of the first node that tells it; where none does, why the first one did not.
async fn first_chain(nodes: &[Node], token_file: Option<&Path>) -> Result<Chain, CliError> {
    let mut first = None;
    for node in nodes {
        let token = token_file.filter(|_| node.cookie.is_none());
        let token = token.map(token_in).transpose()?;
        let asked = Client::new(&node.url, token.as_deref());
        let chain = match &asked {
            Ok(client) => Chain::of(client).await,
            Err(error) => Err(error.clone()),
        };
        match chain {
            Ok(chain) => return Ok(chain),
            Err(error) => first = first.or(Some(explain(node, error))),
        }
    }
    Err(first.unwrap_or_else(|| CliError::usage("there is no node to mine against")))
}

/// The token in a file that was named for it.
fn token_in(path: &Path) -> Result<String, CliError> {
    crate::node::rpc::read_token(path)
        .map_err(|error| CliError::new(Exit::Config, "bad_token_file", error.to_string()))
}

/// The wallet that may be paid: the one that is named, or the usual one if there is one.
fn wallet(args: &Args) -> Result<Option<Wallet>, CliError> {
    if args.address.is_some() {
        return Ok(None);
    }
    let directory = WalletDirectory::from_environment(|name| std::env::var_os(name));
    match &args.wallet {
        Some(name) => Ok(Some(Wallet::open(&directory?, name)?)),
        None => {
            let name: WalletName = WALLET_DEFAULT.parse()?;
            Ok(directory.ok().and_then(|directory| Wallet::open(&directory, &name).ok()))
        }
    }
}

/// Whom blocks pay.
fn payout(args: &Args, wallet: Option<Wallet>, chain: &Chain) -> Result<Address, CliError> {
    let Some(given) = &args.address else {
        return match wallet {
            Some(wallet) => Ok(wallet.account(&args.account)?.address()),
            None if chain.dev => {
                let alice = DevAccount::named(PAYOUT_DEFAULT);
                let alice = alice.ok_or_else(|| CliError::failed("there is no such account"))?;
                Ok(alice.address())
            }
            None => Err(CliError::usage(
                "it is not said whom blocks pay: there is no wallet, and this is no development chain",
            )
            .help("make a wallet with `assay wallet new`, or name an address: --address ADDRESS")),
        };
    };
    let address = match DevAccount::named(given) {
        Some(account) => account.address(),
        None => Address::parse(given.trim(), &chain.prefix).map_err(|error| {
            let near = nearest(given, DevAccount::names().iter().copied());
            CliError::usage(format!("--address: {error}")).help(match near {
                Some(name) => format!("did you mean the development account `{name}`?"),
                None => format!("addresses of this chain start with {}1", chain.prefix),
            })
        })?,
    };
    if !chain.dev && is_dev_key(&address) {
        return Err(CliError::usage(format!(
            "--address: {} is a development account: {DEV_WARNING}",
            output::plain(given)
        )));
    }
    Ok(address)
}

async fn mine(
    args: &Args,
    globals: &Globals,
    nodes: &[Node],
    chain: &Chain,
    payout: Address,
    signals: &mut Signals,
) -> Result<Exit, CliError> {
    let place = |node: &Node| Place {
        name: node.name.clone(),
        url: node.url.clone(),
        token_file: node.cookie.clone().or_else(|| args.token_file.clone()),
    };
    let order = Order {
        nodes: nodes.iter().map(place).collect(),
        genesis: chain.genesis,
        payout: payout.encode(&chain.prefix),
        blocks: args.blocks,
        patience: args.patience,
    };
    let kernel = args.kernel.kernel();
    let miner = Arc::new(Miner::new(kernel, args.threads, args.throttle, lowest_priority));
    let screen = Screen::new(miner.clone(), chain);
    screen.note(format!("mining {} for {}", output::plain(&chain.name), order.payout));
    let (kernel, threads) = (miner.kernel(), counted(args.threads.get(), "thread"));
    screen.note(format!("kernel {kernel}, {threads} at {}; Ctrl-C ends it", args.throttle));
    let (stop, stopped) = watch::channel(false);
    let mut mined = Mined::default();
    let tell = |told: Told<'_>| screen.tell(&told);
    let mut exit = Exit::Ok;
    let outcome = {
        let mut work = std::pin::pin!(mining::run(&order, &miner, stopped, &mut mined, &tell));
        let mut draw = tokio::time::interval(DRAW);
        loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                signal = signals.next() => {
                    exit = signal;
                    stop.send_replace(true);
                }
                _ = draw.tick() => screen.draw(),
            }
        }
    };
    screen.clear();
    let failed = outcome.err().map(|error| explained(error, nodes));
    let result = screen.result(&order, chain, args, &mined, nodes);
    match (failed, mined.node) {
        // There is nothing to tell of but the error.
        (Some(error), None) => return Err(error),
        (Some(error), Some(_)) if globals.json => return Err(error),
        (Some(error), Some(_)) => {
            summary(&result).print()?;
            return Err(error);
        }
        (None, _) if globals.json => output::json(&result)?,
        (None, _) => summary(&result).print()?,
    }
    Ok(exit)
}

/// An error of mining in words that say which node it was.
fn explained(error: MineError, nodes: &[Node]) -> CliError {
    let message = error.to_string();
    match error {
        MineError::Node { node, error } => match nodes.get(node) {
            Some(node) => explain(node, error),
            None => error.into(),
        },
        MineError::OtherChain { .. } => CliError::new(Exit::WrongChain, "wrong_chain", message)
            .help("name nodes of one chain with --rpc, --dir and --fallback"),
        MineError::Template { .. } => CliError::new(Exit::Refused, "bad_template", message)
            .help("is the node of another version? `assay rpc system_info` tells"),
        MineError::Patience { .. } => CliError::new(Exit::Unreachable, "timeout", message).help(
            "start a node again, name others with --fallback, or wait longer with --patience",
        ),
        MineError::NoNode => CliError::usage(message),
        MineError::Threads(_) => CliError::failed(message),
    }
}

/// So many of a thing.
fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// What is shown meanwhile: a line that is drawn anew on a terminal, and lines elsewhere.
struct Screen {
    bar: ProgressBar,
    miner: Arc<Miner>,
    symbol: String,
    began: Instant,
    /// Time and hashes at the last look, and the rate then.
    look: Cell<(Instant, u64, f64)>,
    written: Cell<Instant>,
    /// Height, blocks, stale proofs.
    state: Cell<(u64, u64, u64)>,
}

impl Screen {
    fn new(miner: Arc<Miner>, chain: &Chain) -> Self {
        let style = ProgressStyle::with_template("{spinner} {wide_msg}");
        let bar = ProgressBar::new_spinner();
        let now = Instant::now();
        Self {
            bar: style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style)),
            miner,
            symbol: chain.symbol.clone(),
            began: now,
            look: Cell::new((now, 0, 0.0)),
            written: Cell::new(now),
            state: Cell::new((0, 0, 0)),
        }
    }

    fn note(&self, text: impl AsRef<str>) {
        self.bar.suspend(|| output::note(text.as_ref()));
    }

    fn tell(&self, told: &Told<'_>) {
        match told {
            Told::Serves(node) => self.note(format!("blocks come from {}", node.name)),
            Told::Block { height, id, reward } => {
                let (id, reward) = (output::short(id), output::amount(*reward, &self.symbol));
                self.note(format!("block {height} is ours: {id}, {reward}"));
            }
            Told::Worthless { height, why } if why.code() == Some(RpcCode::StaleTemplate) => {
                self.note(format!("a proof for block {height} came after another block"));
            }
            Told::Worthless { height, why } => {
                self.note(format!(
                    "a proof for block {height} is worth nothing:\n  {}",
                    plain(why)
                ));
            }
            Told::Away { node, why, pause } => {
                let (name, pause) = (&node.name, pause.as_secs());
                self.note(format!(
                    "{name} does not serve, and is asked again in {pause} s:\n  {}",
                    plain(why)
                ));
            }
            Told::Useless { node, why } => {
                self.note(format!("{} is of no use:\n  {}", node.name, plain(why)));
            }
            Told::Progress(mined) => {
                let height = mined.height.map_or(0, |height| height.0);
                self.state.set((height, mined.blocks, mined.stale));
            }
        }
    }

    /// Draws the line, or writes it now and then.
    fn draw(&self) {
        let (now, hashes) = (Instant::now(), self.miner.hashes());
        let (before, had, rate) = self.look.get();
        let elapsed = now.duration_since(before).as_secs_f64();
        let latest = hashes.saturating_sub(had) as f64 / elapsed.max(f64::EPSILON);
        // A few seconds are smoothed, so that one can read it.
        let rate = if had == 0 { latest } else { 0.7 * rate + 0.3 * latest };
        self.look.set((now, hashes, rate));
        let (height, blocks, stale) = self.state.get();
        let since = Span::seconds(self.began.elapsed().as_secs());
        let line = format!(
            "{} · height {height} · {} · {stale} stale · {}",
            output::hash_rate(rate),
            counted(usize::try_from(blocks).unwrap_or(usize::MAX), "block"),
            output::duration(since)
        );
        if self.bar.is_hidden() {
            if self.written.get().elapsed() >= WRITE {
                self.written.set(now);
                output::note(line);
            }
        } else {
            self.bar.set_message(line);
            self.bar.tick();
        }
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn result(
        &self,
        order: &Order,
        chain: &Chain,
        args: &Args,
        mined: &Mined,
        nodes: &[Node],
    ) -> MineResult {
        let (seconds, hashes) = (self.began.elapsed().as_secs_f64(), self.miner.hashes());
        let node = mined.node.and_then(|index| nodes.get(index));
        MineResult {
            chain: chain.name.clone(),
            genesis: chain.genesis,
            payout: order.payout.clone(),
            node: node.map(|node| node.name.clone()).unwrap_or_default(),
            threads: u32::try_from(args.threads.get()).unwrap_or(u32::MAX),
            throttle: args.throttle.share(),
            kernel: self.miner.kernel().into(),
            seconds,
            hashes,
            hash_rate: hashes as f64 / seconds.max(f64::EPSILON), // far below 2^53
            blocks: mined.blocks,
            ids: mined.ids.clone(),
            stale: mined.stale,
            refused: mined.refused,
            lost: mined.lost,
            templates: mined.templates,
            switches: mined.switches,
        }
    }
}

/// An error on one line, fit for a terminal.
fn plain(error: &impl std::fmt::Display) -> String {
    output::plain(&error.to_string())
}

fn summary(result: &MineResult) -> output::Table {
    let mut table = output::Table::pairs();
    table.pair("mined", format!("{}, with {}", result.chain, result.node));
    table.pair("paid", &result.payout);
    let seconds = Span((result.seconds * 1000.0) as u64); // it saturates
    table.pair(
        "hashes",
        format!(
            "{} in {}: {}",
            output::count(result.hashes),
            output::duration(seconds),
            output::hash_rate(result.hash_rate)
        ),
    );
    table.pair("blocks", output::count(result.blocks));
    table.pair("stale", output::count(result.stale));
    for (name, number) in
        [("refused", result.refused), ("lost", result.lost), ("switches", result.switches)]
    {
        if number > 0 {
            table.pair(name, output::count(number));
        }
    }
    table
}
