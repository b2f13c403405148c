//! What a node is told, from four places: an option goes before an environment variable, that before the configuration
//! file, and that before the default.
//!
//! One struct describes what can be said in all of them, so a setting has one name: `--rpc-port`, `ASSAY_RPC_PORT`,
//! `rpc_port = …`. Options and environment are read by the argument parser, the file by serde, each value by the same
//! function.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use serde::{Deserialize, Deserializer};

use crate::api::Exit;
use crate::cli::error::{CliError, did_you_mean};
use crate::miner::{THREADS_MAX, Throttle};
use crate::node::config::{BOOTNODES_MAX, Checkpoint, KernelChoice, LogFormat};

/// The most bytes of a configuration file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What can be said about a node, each of it or not.
#[derive(Debug, Clone, Default, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The chain: a file, or the name of a shipped spec such as pow-dev; needed at the first start only
    #[arg(long, env = "ASSAY_CHAIN", hide_env = true, value_name = "SPEC")]
    pub chain: Option<String>,
    /// Where the node keeps its data [default: nodes/CHAIN in assay's home]
    #[arg(
        short,
        long,
        visible_alias = "base-path",
        env = "ASSAY_DATADIR",
        hide_env = true,
        value_name = "DIR"
    )]
    pub datadir: Option<PathBuf>,

    /// The address to listen on for peers [default: 127.0.0.1]
    #[arg(long, env = "ASSAY_LISTEN", hide_env = true, value_name = "IP", help_heading = "Peers")]
    pub listen: Option<IpAddr>,
    /// The port to listen on for peers; 0 for the one of the last start, or any [default: 18545]
    #[arg(short, long, env = "ASSAY_PORT", hide_env = true, help_heading = "Peers")]
    pub port: Option<u16>,
    /// Peers to connect to, separated by commas, such as /ip4/127.0.0.1/tcp/18545
    #[arg(
        long,
        env = "ASSAY_BOOTNODES",
        hide_env = true,
        value_name = "MULTIADDR",
        value_delimiter = ',',
        value_parser = bootnode,
        help_heading = "Peers"
    )]
    #[serde(deserialize_with = "bootnodes")]
    pub bootnodes: Option<Vec<Multiaddr>>,

    /// A block that you know belongs to the chain: another one at its height is refused, and so is a stored chain with one
    #[arg(
        long,
        env = "ASSAY_CHECKPOINT",
        hide_env = true,
        value_name = "HEIGHT:ID",
        help_heading = "Peers"
    )]
    #[serde(deserialize_with = "from_text")]
    pub checkpoint: Option<Checkpoint>,
    /// A JSON file that says how to slow, narrow or cut links from the start, as `net_link` answers it
    #[arg(long, env = "ASSAY_LINKS", hide_env = true, value_name = "FILE", help_heading = "Peers")]
    pub links: Option<PathBuf>,

    /// The address to answer requests on [default: 127.0.0.1]
    #[arg(
        long,
        env = "ASSAY_RPC_BIND",
        hide_env = true,
        value_name = "IP",
        help_heading = "Requests"
    )]
    pub rpc_bind: Option<IpAddr>,
    /// The port to answer requests on; 0 for the one of the last start, or any [default: 18544]
    #[arg(
        long,
        env = "ASSAY_RPC_PORT",
        hide_env = true,
        value_name = "PORT",
        help_heading = "Requests"
    )]
    pub rpc_port: Option<u16>,
    /// A file (0600) with the token that requests must carry; needed to serve other machines
    #[arg(
        long,
        env = "ASSAY_RPC_TOKEN_FILE",
        hide_env = true,
        value_name = "FILE",
        help_heading = "Requests"
    )]
    pub rpc_token_file: Option<PathBuf>,
    /// Names by which requests may reach the node, beside localhost and IP addresses, separated by commas
    #[arg(
        long,
        env = "ASSAY_RPC_ALLOW_HOST",
        hide_env = true,
        value_name = "HOST",
        value_delimiter = ',',
        help_heading = "Requests"
    )]
    pub rpc_allow_host: Option<Vec<String>>,
    /// Web pages that may send requests, by their origin, such as http://localhost:5173, separated by commas
    #[arg(
        long,
        env = "ASSAY_RPC_ALLOW_ORIGIN",
        hide_env = true,
        value_name = "ORIGIN",
        value_delimiter = ',',
        help_heading = "Requests"
    )]
    pub rpc_allow_origin: Option<Vec<String>>,

    /// Search for blocks
    #[arg(
        long,
        env = "ASSAY_MINE",
        hide_env = true,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = clap::builder::BoolishValueParser::new(),
        help_heading = "Mining"
    )]
    pub mine: Option<bool>,
    /// Whom blocks pay: an address, or a development account such as alice [default: the authority that the node acts for;
    /// with --mine, alice on a development chain]; also those that miners beside the node search for here
    #[arg(
        long,
        env = "ASSAY_PAYOUT",
        hide_env = true,
        value_name = "ADDRESS",
        help_heading = "Mining"
    )]
    pub payout: Option<String>,
    /// How many threads search [default: 1]
    #[arg(
        long,
        env = "ASSAY_MINER_THREADS",
        hide_env = true,
        value_name = "N",
        value_parser = miner_threads,
        help_heading = "Mining"
    )]
    #[serde(deserialize_with = "threads_of_file")]
    pub miner_threads: Option<NonZeroUsize>,
    /// The share of a core that each thread takes, such as 10% or 0.1 [default: 100%]
    #[arg(
        long,
        env = "ASSAY_THROTTLE",
        hide_env = true,
        value_name = "SHARE",
        value_parser = throttle,
        help_heading = "Mining"
    )]
    #[serde(deserialize_with = "throttle_of_file")]
    pub throttle: Option<Throttle>,
    /// How threads hash: auto, or the name of a kernel as in `assay version` [default: auto]
    #[arg(
        long,
        env = "ASSAY_KERNEL",
        hide_env = true,
        value_name = "NAME",
        help_heading = "Mining"
    )]
    #[serde(deserialize_with = "from_text")]
    pub kernel: Option<KernelChoice>,
    /// Let miners in on this port, over Stratum V1; 0 for the port of the last start, or any [default: nobody]
    #[arg(
        long,
        env = "ASSAY_STRATUM_PORT",
        hide_env = true,
        value_name = "PORT",
        help_heading = "Mining"
    )]
    pub stratum_port: Option<u16>,
    /// The address to let miners in on; 0.0.0.0 for those of other machines [default: 127.0.0.1]
    #[arg(
        long,
        env = "ASSAY_STRATUM_BIND",
        hide_env = true,
        value_name = "IP",
        help_heading = "Mining"
    )]
    pub stratum_bind: Option<IpAddr>,

    /// Act for the authority whose secret key is in this file (0600, 64 hexadecimal digits); one data directory per key
    #[arg(
        long,
        env = "ASSAY_AUTHORITY",
        hide_env = true,
        value_name = "KEYFILE",
        help_heading = "Authorities"
    )]
    pub authority: Option<PathBuf>,

    /// Stake the coins of these wallets from the start: a wallet by its name or its file, or on a development chain an
    /// account such as alice; several are separated by commas
    #[arg(
        long,
        env = "ASSAY_STAKE",
        hide_env = true,
        value_name = "WALLET",
        value_delimiter = ',',
        help_heading = "Staking"
    )]
    pub stake: Option<Vec<String>>,
    /// Leave coins of at least this sum alone, so that there is something to spend
    #[arg(
        long,
        env = "ASSAY_STAKE_RESERVE",
        hide_env = true,
        value_name = "AMOUNT",
        help_heading = "Staking"
    )]
    pub stake_reserve: Option<String>,
    /// Read the password of the wallets of --stake from this file, which only you may read (0600); also
    /// ASSAY_PASSWORD_FILE, else the terminal
    #[arg(long, value_name = "FILE", help_heading = "Staking")]
    pub password_file: Option<PathBuf>,
    /// The wallets of --stake have the empty password
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = clap::builder::BoolishValueParser::new(),
        help_heading = "Staking"
    )]
    pub no_password: Option<bool>,

    /// Keep an index of the history of addresses, which `assay wallet history` reads
    #[arg(
        long,
        env = "ASSAY_INDEX",
        hide_env = true,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub index: Option<bool>,

    /// Record what the node is fed in this file, which `assay sim replay` runs again; one that is there is gone on with
    #[arg(long, env = "ASSAY_RECORD", hide_env = true, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Write the log to this file and not to stderr; at 16 MiB it is turned over, and one older file is kept
    #[arg(long, env = "ASSAY_LOG_FILE", hide_env = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,

    /// How log lines look; the option is one of every command.
    #[arg(skip)]
    #[serde(deserialize_with = "from_text")]
    pub log_format: Option<LogFormat>,
}

impl Settings {
    /// What is said here, and otherwise there.
    pub fn or(self, other: Self) -> Self {
        Self {
            chain: self.chain.or(other.chain),
            datadir: self.datadir.or(other.datadir),
            listen: self.listen.or(other.listen),
            port: self.port.or(other.port),
            bootnodes: self.bootnodes.or(other.bootnodes),
            checkpoint: self.checkpoint.or(other.checkpoint),
            links: self.links.or(other.links),
            rpc_bind: self.rpc_bind.or(other.rpc_bind),
            rpc_port: self.rpc_port.or(other.rpc_port),
            rpc_token_file: self.rpc_token_file.or(other.rpc_token_file),
            rpc_allow_host: self.rpc_allow_host.or(other.rpc_allow_host),
            rpc_allow_origin: self.rpc_allow_origin.or(other.rpc_allow_origin),
            mine: self.mine.or(other.mine),
            payout: self.payout.or(other.payout),
            miner_threads: self.miner_threads.or(other.miner_threads),
            throttle: self.throttle.or(other.throttle),
            kernel: self.kernel.or(other.kernel),
            stratum_port: self.stratum_port.or(other.stratum_port),
            stratum_bind: self.stratum_bind.or(other.stratum_bind),
            authority: self.authority.or(other.authority),
            stake: self.stake.or(other.stake),
            stake_reserve: self.stake_reserve.or(other.stake_reserve),
            password_file: self.password_file.or(other.password_file),
            no_password: self.no_password.or(other.no_password),
            index: self.index.or(other.index),
            record: self.record.or(other.record),
            log_file: self.log_file.or(other.log_file),
            log_format: self.log_format.or(other.log_format),
        }
    }

    /// Reads a configuration file. Paths in it count from its directory.
    ///
    /// # Errors
    ///
    /// Exit code 3: the file cannot be read, is no TOML, has a key that means nothing or a value that is refused.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let unreadable = |error: std::io::Error| {
            let message = format!("cannot read the configuration {}: {error}", path.display());
            CliError::new(Exit::Config, "bad_config", message)
                .help("name a TOML file that you may read with --config or ASSAY_CONFIG")
        };
        let mut text = String::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
        let mut settings = Self::parse(&text, &path.display().to_string())?;
        let beside = path.parent().unwrap_or(Path::new("")).to_owned();
        settings.datadir = settings.datadir.map(|datadir| beside.join(datadir));
        settings.rpc_token_file = settings.rpc_token_file.map(|file| beside.join(file));
        settings.authority = settings.authority.map(|file| beside.join(file));
        settings.password_file = settings.password_file.map(|file| beside.join(file));
        settings.record = settings.record.map(|file| beside.join(file));
        settings.log_file = settings.log_file.map(|file| beside.join(file));
        settings.chain = settings.chain.map(|chain| {
            let is_path = chain.contains('/') || chain.ends_with(".toml");
            if is_path { beside.join(chain).to_string_lossy().into_owned() } else { chain }
        });
        Ok(settings)
    }

    /// Reads the text of a configuration file; `file` is what messages call it.
    fn parse(text: &str, file: &str) -> Result<Self, CliError> {
        toml::from_str(text).map_err(|error| {
            let place = error.span().map_or_else(String::new, |span| {
                let before = text.get(..span.start).unwrap_or(text);
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                format!(":{line}:{column}")
            });
            let message = format!("{file}{place}: {}", error.message());
            CliError::new(Exit::Config, "bad_config", message).maybe_help(advice(error.message()))
        })
    }
}

/// What to do about a key that means nothing: serde names it, and the keys there are, in backticks.
fn advice(message: &str) -> Option<String> {
    let names = message.strip_prefix("unknown field ")?;
    let mut names = names.split('`').skip(1).step_by(2);
    did_you_mean(names.next()?, names)
}

/// Reads a share of a core: `10%` or `0.1`.
pub(in crate::cli) fn throttle(text: &str) -> Result<Throttle, String> {
    let parsed = text.parse::<Throttle>();
    match (&parsed, text.parse::<f64>()) {
        (Err(_), Ok(share)) if share <= 1.0 => {
            Throttle::new(share).map_err(|error| error.to_string())
        }
        // Ten threads at 1000 % is what nobody means by 10.
        (Err(error), Ok(_)) => Err(format!("{error}; did you mean `{text}%`?")),
        _ => parsed.map_err(|error| error.to_string()),
    }
}

fn miner_threads(text: &str) -> Result<NonZeroUsize, String> {
    let threads = text.parse::<NonZeroUsize>().ok().filter(|threads| threads.get() <= THREADS_MAX);
    threads.ok_or_else(|| {
        format!(
            "expected a number of threads from 1 to {THREADS_MAX}; leave --mine out to have none"
        )
    })
}

fn bootnode(text: &str) -> Result<Multiaddr, String> {
    let refused = |reason: String| {
        format!(
            "{reason}; expected a multiaddr such as /ip4/127.0.0.1/tcp/18545, as a node prints it at start"
        )
    };
    let address: Multiaddr = text.trim().parse().map_err(|error| refused(format!("{error}")))?;
    let parts: Vec<Protocol<'_>> = address.iter().collect();
    use Protocol::{Ip4, Ip6, P2p, Tcp};
    match parts.as_slice() {
        [Ip4(_) | Ip6(_), Tcp(_)] | [Ip4(_) | Ip6(_), Tcp(_), P2p(_)] => Ok(address),
        _ => Err(refused("a peer is found by its IP address and TCP port only".into())),
    }
}

/// Refuses a list longer than any node needs.
pub(super) fn check_bootnodes(bootnodes: &[Multiaddr]) -> Result<(), CliError> {
    if bootnodes.len() <= BOOTNODES_MAX {
        return Ok(());
    }
    let message = format!("{} bootnodes: a node takes at most {BOOTNODES_MAX}", bootnodes.len());
    Err(CliError::usage(message).help("one that answers is enough: it knows the others"))
}

/// A value of the file that is written as a string.
fn from_text<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

fn threads_of_file<'de, D: Deserializer<'de>>(d: D) -> Result<Option<NonZeroUsize>, D::Error> {
    let number = u64::deserialize(d)?;
    miner_threads(&number.to_string()).map(Some).map_err(serde::de::Error::custom)
}

fn throttle_of_file<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Throttle>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a share of a core such as \"10%\" or 0.1")]
    enum Share {
        Number(f64),
        Text(String),
    }
    let text = match Share::deserialize(d)? {
        Share::Number(share) => share.to_string(),
        Share::Text(text) => text,
    };
    throttle(&text).map(Some).map_err(serde::de::Error::custom)
}

fn bootnodes<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<Multiaddr>>, D::Error> {
    let texts = Vec::<String>::deserialize(d)?;
    let parsed: Result<Vec<_>, String> = texts.iter().map(|text| bootnode(text)).collect();
    parsed.map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
