//! `assay node run`: from what was typed, and what stands in the environment and in files, to a node that runs.
//!
//! What a node is told about itself comes from `settings`, what chain it runs from `chain`. Both are settled and checked
//! here; the rest is [`node::run`](crate::node::run).

pub(super) mod chain;
pub(super) mod settings;
mod stake;

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::error::CliError;
use super::{Globals, log, output, specs};
use crate::api::Exit;
use crate::api::files::{self, P2P_PORT_DEFAULT, RPC_PORT_DEFAULT};
use crate::miner::Throttle;
use crate::node::NodeError;
use crate::node::config::{LOOPBACK, MiningConfig, NodeConfig};
use crate::node::links::{self, LinksError};
use crate::node::rpc::Rule;
use crate::spec::{DEV_WARNING, DevAccount, FrozenSpec, is_dev_key, nearest};
use crate::types::Address;
use crate::wallet::password::{Prompter, Terminal};

use settings::Settings;

/// The account that blocks pay on a development chain unless somebody else is named.
pub(super) const PAYOUT_DEFAULT: &str = "alice";

const EXAMPLES: &str = "\
Examples:
  assay node run --chain pow-dev --mine        a chain of your own: the first start freezes the spec
  assay node run --chain chain.toml -d DIR --bootnodes /ip4/127.0.0.1/tcp/18545
  assay node run -d DIR                        again: the chain is in the data directory
  assay node run --chain pos-dev --stake alice  stake a development account's coins, or those of a wallet of yours
  assay node run --chain pow-dev --stratum-port 3333  let miners in: cpuminer -o stratum+tcp://127.0.0.1:3333 -u alice
  assay node run --config node.toml            all of it in a file

Each setting has one name in three forms: --rpc-port 1, ASSAY_RPC_PORT=1, and in the configuration
file rpc_port = 1. An option goes before the environment, and that before the file.";

/// What `assay node` takes.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a node until Ctrl-C, SIGTERM, or `assay rpc system_stop`
    #[command(after_help = EXAMPLES)]
    Run(Box<RunArgs>),
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    #[command(flatten)]
    settings: Settings,
    /// Read settings from this TOML file
    #[arg(long, env = "ASSAY_CONFIG", hide_env = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Throw the stored chain away and fetch it anew from peers; keys and the record of what was signed stay
    #[arg(long)]
    resync: bool,
    /// Let the key of --authority sign here although what it signed is not remembered here: only if none of that matters
    /// any more, since an authority that forgets its votes can vote twice
    #[arg(long, help_heading = "Authorities")]
    authority_moved: bool,
}

/// Runs `assay node`.
pub fn run(args: Args, globals: &Globals) -> Result<Exit, CliError> {
    let Command::Run(args) = args.command;
    globals.expect_no_node("assay node run").map_err(|error| match globals.dir {
        Some(_) => error.help("the directory of a node's data is --datadir"),
        None => error.help("the port for requests is --rpc-port, its address --rpc-bind"),
    })?;
    let file = match &args.config {
        Some(path) => Settings::read(path)?,
        None => Settings::default(),
    };
    let settings = args.settings.or(file);
    let log_format = globals.log_format.or(settings.log_format).unwrap_or_default();
    log::start_node(log_format, globals.verbose, settings.log_file.as_deref())?;
    let home = specs::home();
    let ask = |name: &str| std::env::var_os(name);
    let prepared = prepare(settings, args.resync, home.as_deref(), &ask, &mut Terminal)?;
    let authority_moved = args.authority_moved;
    crate::node::run(&NodeConfig { log_format, authority_moved, ..prepared })
        .map_err(CliError::from)
}

/// Checks settings, settles the chain, and makes the configuration of a node out of both.
fn prepare(
    settings: Settings,
    resync: bool,
    home: Option<&Path>,
    variable: &dyn Fn(&str) -> Option<OsString>,
    prompter: &mut dyn Prompter,
) -> Result<NodeConfig, CliError> {
    // Whatever can be refused is refused before anything is written.
    let bootnodes = settings.bootnodes.unwrap_or_default();
    settings::check_bootnodes(&bootnodes)?;
    let rpc = SocketAddr::new(
        settings.rpc_bind.unwrap_or(LOOPBACK),
        settings.rpc_port.unwrap_or(RPC_PORT_DEFAULT),
    );
    expect_guarded(rpc.ip(), settings.rpc_token_file.as_deref())?;
    let stratum = stratum(settings.stratum_port, settings.stratum_bind)?;
    let links = settings.links.as_deref().map(links::read).transpose()?.unwrap_or_default();
    let mine = settings.mine.unwrap_or(false);
    let staked = stake::Asked {
        wallets: settings.stake.unwrap_or_default(),
        reserve: settings.stake_reserve,
        password_file: settings.password_file,
        no_password: settings.no_password.unwrap_or(false),
    };
    let check = |spec: &FrozenSpec| {
        let rule = Rule::of(spec);
        if mine && rule.search().is_none() {
            return Err(CliError::usage(format!("--mine: {}", rule.no_search()))
                .help("leave --mine out, or run a chain of work such as pow-dev"));
        }
        let payout = payout(settings.payout.as_deref(), mine, spec)?;
        Ok((payout, staked.unlock(spec, variable, prompter)?))
    };
    let signs = settings.authority.is_some();

    let with_peers = !bootnodes.is_empty();
    let request =
        chain::Request { chain: settings.chain.as_deref(), datadir: settings.datadir, with_peers };
    let settled = chain::settle(request, home, check)?;
    let (payout, stake) = settled.checked;
    let mining = payout.filter(|_| mine).map(|payout| MiningConfig {
        payout,
        threads: settings.miner_threads.unwrap_or(NonZeroUsize::MIN),
        throttle: settings.throttle.unwrap_or(Throttle::FULL),
        kernel: settings.kernel.unwrap_or_default(),
    });
    let mut usual = NodeConfig::new(settled.datadir);
    if let Some(home) = home {
        usual.stake_locks = files::stakers(home);
    }
    Ok(NodeConfig {
        first_start: settled.frozen_now,
        p2p: SocketAddr::new(
            settings.listen.unwrap_or(LOOPBACK),
            settings.port.unwrap_or(P2P_PORT_DEFAULT),
        ),
        rpc,
        rpc_token_file: settings.rpc_token_file,
        rpc_hosts: settings.rpc_allow_host.unwrap_or_default(),
        rpc_origins: settings.rpc_allow_origin.unwrap_or_default(),
        bootnodes,
        links,
        mining,
        stratum,
        authority: settings.authority,
        authority_payout: payout.filter(|_| signs),
        template_payout: payout,
        stake,
        index: settings.index.unwrap_or(false),
        resync,
        checkpoint: settings.checkpoint,
        record: settings.record,
        ..usual
    })
}

/// Whom blocks pay, if that is said.
fn payout(given: Option<&str>, mine: bool, spec: &FrozenSpec) -> Result<Option<Address>, CliError> {
    let Some(given) = given.or((mine && spec.dev).then_some(PAYOUT_DEFAULT)) else {
        return if mine {
            Err(CliError::usage(
                "--mine: it is not said whom blocks pay, and this is no development chain",
            )
            .help("name an address of yours: --payout ADDRESS; `assay wallet address` prints one"))
        } else {
            Ok(None)
        };
    };
    let address = match DevAccount::named(given) {
        Some(account) => account.address(),
        None => Address::parse(given, &spec.prefix).map_err(|error| {
            let near = nearest(given, DevAccount::names().iter().copied());
            CliError::usage(format!("--payout: {error}")).help(match near {
                Some(name) => format!("did you mean the development account `{name}`?"),
                None => format!("addresses of this chain start with {}1", spec.prefix),
            })
        })?,
    };
    if !spec.dev && is_dev_key(&address) {
        return Err(CliError::usage(format!(
            "--payout: {} is a development account: {DEV_WARNING}",
            output::plain(given)
        ))
        .help("name an address of your own: `assay wallet address` prints one"));
    }
    Ok(Some(address))
}

/// Where miners are let in, if they are.
fn stratum(port: Option<u16>, bind: Option<IpAddr>) -> Result<Option<SocketAddr>, CliError> {
    match (port, bind) {
        (None, None) => Ok(None),
        (Some(port), bind) => Ok(Some(SocketAddr::new(bind.unwrap_or(LOOPBACK), port))),
        (None, Some(bind)) => {
            let message = format!("--stratum-bind {bind}: it is not said on which port");
            Err(CliError::usage(message).help("add --stratum-port 3333, or 0 for any free one"))
        }
    }
}

/// Refuses to serve other machines without a token: whoever reaches the port could stop the node.
fn expect_guarded(bind: IpAddr, token_file: Option<&Path>) -> Result<(), CliError> {
    if bind.is_loopback() || token_file.is_some() {
        return Ok(());
    }
    let message = format!(
        "--rpc-bind {bind} would serve other machines, without a token to keep strangers out"
    );
    Err(CliError::new(Exit::Config, "token_missing", message).help(
        "name a file (0600) that holds the token with --rpc-token-file, or leave --rpc-bind out to serve this machine only",
    ))
}

impl From<LinksError> for CliError {
    fn from(error: LinksError) -> Self {
        let help = match &error {
            LinksError::Shape(error) => Some(error.help().to_owned()),
            _ => None,
        };
        Self::new(Exit::Config, "bad_links", error.to_string()).maybe_help(help)
    }
}

impl From<NodeError> for CliError {
    fn from(error: NodeError) -> Self {
        match error {
            // A report with the lines at fault says more than its summary.
            NodeError::Spec(error) => error.into(),
            error => {
                Self::new(error.exit(), error.code(), error.to_string()).maybe_help(error.help())
            }
        }
    }
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
