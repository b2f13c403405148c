//! What a node is told about itself, not about its chain: where it keeps its data, where it listens, whether it mines.
//!
//! The chain's parameters are the chain spec's business; two nodes of one chain share that and differ in this. A
//! configuration is complete: whoever builds one has already decided between options, environment, file and defaults, and
//! every value has passed its own check. What can only be found out by trying, such as whether a port is free, is left to
//! the start of the node.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Instant;

use libp2p::Multiaddr;

use super::net::LinkSettings;
use super::staking::StakeConfig;
use crate::api::files::{CHAIN_FILE_NAME, P2P_PORT_DEFAULT, RPC_PORT_DEFAULT};
use crate::miner::Throttle;
use crate::miner::kernels::{self, Kernel, KernelError};
use crate::types::{Address, BlockId, Height};

/// Bootnodes that a configuration lists at most: a node needs one that answers, and dials them all at start.
pub const BOOTNODES_MAX: usize = 64;

/// The address on which a node listens for peers and for requests unless it is told otherwise: this machine only.
pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What a node is told about itself.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// The data directory, an absolute path. It holds the frozen spec of the chain.
    pub datadir: PathBuf,
    /// Whether the chain was made for this start, so that nobody else knows it yet: once the node listens it says how to
    /// start [a second node](NodeConfig::second_node).
    pub first_start: bool,
    /// Where to listen for peers. Port 0 means the port of the last start, which the data directory remembers, or any
    /// free one.
    pub p2p: SocketAddr,
    /// Where to answer requests over HTTP. Port 0 as above.
    pub rpc: SocketAddr,
    /// A file with the token that every request must carry. Without one only this machine may be served.
    pub rpc_token_file: Option<PathBuf>,
    /// Host names by which requests may reach this node beside `localhost` and IP addresses.
    pub rpc_hosts: Vec<String>,
    /// Origins of web pages that may send requests beside the node's own.
    pub rpc_origins: Vec<String>,
    /// Peers to connect to at start, and again whenever there are none.
    pub bootnodes: Vec<Multiaddr>,
    /// How to treat links to peers from the start: a testbed slows and cuts them.
    pub links: LinkSettings,
    /// How to search for blocks; `None` to make none.
    pub mining: Option<MiningConfig>,
    /// Whom blocks pay that others search for here without saying whom.
    pub template_payout: Option<Address>,
    /// Where to let miners in over Stratum; `None` for nowhere. Port 0 as above.
    pub stratum: Option<SocketAddr>,
    /// The file of the key of the authority that the node acts for; `None` if it acts for none.
    pub authority: Option<PathBuf>,
    /// Whom the blocks of that authority pay; itself if nobody is named.
    pub authority_payout: Option<Address>,
    /// Whether the operator knows that what this key signed elsewhere is over.
    pub authority_moved: bool,
    /// Whose coins to stake from the start; `None` for nobody's.
    pub stake: Option<StakeConfig>,
    /// Where all nodes of this user keep the locks of those who stake, so that no two stake with one key.
    pub stake_locks: PathBuf,
    /// Whether to keep an index of the history of addresses. One that is turned on for a chain that is there already is
    /// made before the node answers.
    pub index: bool,
    /// Whether to throw the stored chain away, but not the keys and the record of what was signed, and to fetch it anew.
    pub resync: bool,
    /// Which block belongs at a height, by the operator's word.
    pub checkpoint: Option<Checkpoint>,
    /// Where to write down what the node is fed, for `assay sim replay`.
    pub record: Option<PathBuf>,
    /// How to log. The log is started by whoever starts the node; here it stands so that one file configures both.
    pub log_format: LogFormat,
}

impl NodeConfig {
    /// The usual configuration of a node with this data directory: default ports on this machine, no peers, no mining.
    pub fn new(datadir: impl Into<PathBuf>) -> Self {
        let datadir = datadir.into();
        Self {
            stake_locks: datadir.join("staking"),
            datadir,
            first_start: false,
            p2p: SocketAddr::new(LOOPBACK, P2P_PORT_DEFAULT),
            rpc: SocketAddr::new(LOOPBACK, RPC_PORT_DEFAULT),
            rpc_token_file: None,
            rpc_hosts: Vec::new(),
            rpc_origins: Vec::new(),
            bootnodes: Vec::new(),
            links: LinkSettings::default(),
            mining: None,
            template_payout: None,
            stratum: None,
            authority: None,
            authority_payout: None,
            authority_moved: false,
            stake: None,
            index: false,
            resync: false,
            checkpoint: None,
            record: None,
            log_format: LogFormat::default(),
        }
    }

    /// The command that starts a second node of this chain on this machine; `p2p` is where this one listens for peers.
    pub fn second_node(&self, p2p: &Multiaddr) -> String {
        let mut beside = self.datadir.as_os_str().to_owned();
        beside.push("-2");
        format!(
            "assay node run --chain {} --datadir {} --port 0 --rpc-port 0 --bootnodes {p2p}",
            shell(&self.datadir.join(CHAIN_FILE_NAME)),
            shell(Path::new(&beside)),
        )
    }
}

/// A path as a POSIX shell reads it back.
fn shell(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+,:@".contains(c)) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// How a node searches for blocks.
#[derive(Debug, Clone)]
pub struct MiningConfig {
    /// Whom blocks pay.
    pub payout: Address,
    /// How many threads search.
    pub threads: NonZeroUsize,
    /// The share of a core that each of them takes.
    pub throttle: Throttle,
    /// How they hash.
    pub kernel: KernelChoice,
}

/// Which kernel hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KernelChoice {
    /// The fastest that runs on this processor.
    #[default]
    Auto,
    /// The one with this name, one of [`kernels::available`].
    Named(&'static str),
}

impl KernelChoice {
    /// The kernel itself. The fastest one is found by a trial of some milliseconds, once in the life of a process.
    pub fn kernel(self) -> &'static dyn Kernel {
        static FASTEST: OnceLock<&'static dyn Kernel> = OnceLock::new();
        let chosen = match self {
            Self::Named(name) => kernels::find(name).ok(),
            Self::Auto => {
                let began = Instant::now();
                let trial = || kernels::calibrate(kernels::available(), || began.elapsed());
                Some(*FASTEST.get_or_init(|| trial().unwrap_or(&kernels::Portable)))
            }
        };
        chosen.expect("names come from the list of those that run here")
    }
}

/// Why a text names no kernel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}, or auto for the fastest")]
pub struct KernelChoiceError(#[from] KernelError);

impl FromStr for KernelChoice {
    type Err = KernelChoiceError;

    fn from_str(text: &str) -> Result<Self, KernelChoiceError> {
        match text {
            "auto" => Ok(Self::Auto),
            name => Ok(Self::Named(kernels::find(name)?.name())),
        }
    }
}

impl fmt::Display for KernelChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// A block that an operator knows from elsewhere: a chain that has another one at its height is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its height.
    pub height: Height,
    /// Its id.
    pub id: BlockId,
}

/// Why a text is no checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` is no checkpoint: expected HEIGHT:ID, the height of a block above the first and its 64 hexadecimal \
     digits, as `assay chain block HEIGHT` shows them"
)]
pub struct CheckpointError {
    given: String,
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let refused = || CheckpointError { given: text.chars().take(90).collect() };
        let (height, id) = text.split_once(':').ok_or_else(refused)?;
        let height = height.parse().ok().filter(|height| *height > 0).ok_or_else(refused)?;
        let id = id.parse().map_err(|_| refused())?;
        Ok(Self { height: Height(height), id })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.height, self.id)
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Lines that people read.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// Why a text names no log format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no log format: choose human or json")]
pub struct LogFormatError {
    given: String,
}

impl FromStr for LogFormat {
    type Err = LogFormatError;

    fn from_str(text: &str) -> Result<Self, LogFormatError> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err(LogFormatError { given: text.chars().take(40).collect() }),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Human => "human",
            Self::Json => "json",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_node_is_started_by_a_command_that_can_be_pasted() {
        let p2p: Multiaddr = "/ip4/127.0.0.1/tcp/7".parse().unwrap();
        let command = NodeConfig::new("/srv/a").second_node(&p2p);
        assert_eq!(
            command,
            "assay node run --chain /srv/a/chain.toml --datadir /srv/a-2 --port 0 --rpc-port 0 --bootnodes \
             /ip4/127.0.0.1/tcp/7"
        );
        let command = NodeConfig::new("/it's here").second_node(&p2p);
        assert!(
            command.contains(r"--chain '/it'\''s here/chain.toml' --datadir '/it'\''s here-2'"),
            "{command}"
        );
    }

    #[test]
    fn checkpoints_are_read_as_they_are_written() {
        let text = format!("17:{}", "0a".repeat(32));
        assert_eq!(text.parse::<Checkpoint>().unwrap().to_string(), text);
        let id = "0a".repeat(32);
        for bad in ["", "17", "17:", ":", "17:0a", &format!("0:{id}"), &format!("-1:{id}"), &id] {
            let error = bad.parse::<Checkpoint>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{bad}`")) && error.contains("HEIGHT:ID"), "{error}");
        }
    }

    #[test]
    fn kernels_and_formats_are_read_as_they_are_written() {
        for name in kernels::available().map(Kernel::name) {
            let choice: KernelChoice = name.parse().unwrap();
            assert_eq!((choice.to_string().as_str(), choice.kernel().name()), (name, name));
        }
        let auto: KernelChoice = "auto".parse().unwrap();
        assert_eq!(auto.to_string(), "auto");
        let chosen = auto.kernel().name();
        assert!(kernels::available().any(|kernel| kernel.name() == chosen));
        assert_eq!(auto.kernel().name(), chosen, "it is chosen once");
        let error = "Quantum".parse::<KernelChoice>().unwrap_err().to_string();
        assert!(
            error.contains("`Quantum`") && error.contains("portable") && error.contains("or auto"),
            "{error}"
        );
        for text in ["human", "json"] {
            assert_eq!(text.parse::<LogFormat>().unwrap().to_string(), text);
        }
        assert!("xml".parse::<LogFormat>().is_err());
    }
}
