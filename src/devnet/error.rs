//! Why the devnet does not do what it was told.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use crate::api::Exit;
use crate::types::GenesisId;

/// The most devnets that a message lists.
const LISTED_MAX: usize = 10;

/// Differences between chains that a message names at most.
const DIFFERENCES_MAX: usize = 5;

/// Why a command on a devnet was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum DevnetError {
    /// A file or process could not be handled.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, such as "read".
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file of the directory does not say what it should.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A directory with other people's files, where a new devnet was to live.
    #[error("{} is not empty and holds no devnet", .0.display())]
    NotEmpty(PathBuf),
    /// A directory without a devnet.
    #[error("there is no devnet in {}", .0.display())]
    NoDevnet(PathBuf),
    /// No devnet in the usual place.
    #[error("there is no devnet in {}", .0.display())]
    NoneFound(PathBuf),
    /// More than one devnet, and none was named.
    #[error(
        "{} devnets {}, and it is not said which one is meant",
        found.len(),
        if *running { "are running" } else { "are here, none of them running" }
    )]
    Several {
        /// Whether those are the ones that run.
        running: bool,
        /// Their names and places.
        found: Vec<(String, PathBuf)>,
    },
    /// A devnet that another version wrote.
    #[error("the devnet in {} was written in format {format}, and this version reads format {expected}", path.display())]
    Format {
        /// Where.
        path: PathBuf,
        /// What it says.
        format: u32,
        /// What this version writes.
        expected: u32,
    },
    /// Another command works on the directory.
    #[error("another command is at work on the devnet in {}", .0.display())]
    Busy(PathBuf),
    /// Nodes run where none may.
    #[error("the devnet in {} is running: {}", path.display(), running.join(", "))]
    Running {
        /// Where.
        path: PathBuf,
        /// The nodes that run.
        running: Vec<String>,
    },
    /// The directory holds another chain.
    #[error(transparent)]
    OtherChain(Box<OtherChain>),
    /// No node has this name.
    #[error("there is no node `{given}`: this devnet has {}", range(*.nodes))]
    NoSuchNode {
        /// What was asked for.
        given: String,
        /// How many nodes there are.
        nodes: usize,
    },
    /// A number of nodes that cannot be.
    #[error("{given} nodes: a devnet has 1 to {max}")]
    NodeCount {
        /// What was asked for.
        given: usize,
        /// The most there may be.
        max: usize,
    },
    /// A name that cannot be a directory's.
    #[error(
        "`{0}` cannot name a devnet: use up to 64 letters, digits, `-`, `_` and `.`, and begin with a letter or digit"
    )]
    Name(String),
    /// The node is not running.
    #[error("{0} is not running")]
    NotRunning(String),
    /// The node ended while it was starting.
    #[error("{node} ended while starting: {}", describe(status.as_ref()))]
    StartFailed {
        /// Which node.
        node: String,
        /// How it ended, where that is known.
        status: Option<ExitStatus>,
        /// The end of its log.
        log: Vec<String>,
        /// Its log.
        log_path: PathBuf,
    },
    /// The node did not say where it listens.
    #[error("{node} has not said within {} s where it listens", waited.as_secs())]
    StartTimeout {
        /// Which node.
        node: String,
        /// For how long it was waited for.
        waited: Duration,
        /// Its log.
        log_path: PathBuf,
    },
    /// The node is paused already.
    #[error("{0} is paused already")]
    Paused(String),
    /// The node runs and is not paused.
    #[error("{0} is not paused")]
    NotPaused(String),
    /// A link of a node to itself.
    #[error("a link has two ends, and both are to be {0}")]
    OneEnd(String),
    /// A node that cannot be on two sides.
    #[error("{0} is in two groups")]
    TwoGroups(String),
    /// A partition with one side.
    #[error("all nodes are in one group: there is nothing to part")]
    OneGroup,
    /// Nodes that could not be told how to treat their links.
    #[error("{} could not be told about the links: {reason}", nodes.join(", "))]
    Untold {
        /// Which nodes.
        nodes: Vec<String>,
        /// What the first of them said, or why it said nothing.
        reason: String,
    },
    /// No node runs where one is to join others.
    #[error("no node of the devnet in {} is running", .0.display())]
    Idle(PathBuf),
    /// A node was to act for an authority, and there are none.
    #[error("under the rule {engine} nobody is an authority")]
    NoAuthorities {
        /// The rule.
        engine: String,
    },
    /// A node was to act for an authority, and no key is left.
    #[error("no development account is left for one more authority")]
    NoSpareAccount,
    /// The node has never been started, so nobody knows how.
    #[error("{0} has never been started")]
    NeverStarted(String),
    /// A process that even a kill does not end.
    #[error("{node}, process {pid}, does not end although it was killed")]
    Undying {
        /// Which node.
        node: String,
        /// Its process.
        pid: u32,
    },
    /// Every node has ended, and nobody asked for that.
    #[error("no node is running any more")]
    AllEnded,
}

/// The chain that a directory holds, and the one that was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} holds the chain {theirs_name} with genesis {theirs}, and the given spec makes {ours_name} with genesis {ours}{}",
    path.display(),
    listed(differences)
)]
pub struct OtherChain {
    /// Where.
    pub path: PathBuf,
    /// The chain in the directory.
    pub theirs_name: String,
    /// Its id.
    pub theirs: GenesisId,
    /// The given chain.
    pub ours_name: String,
    /// Its id.
    pub ours: GenesisId,
    /// The lines of the spec that make the difference.
    pub differences: Vec<String>,
}

impl DevnetError {
    /// An I/O error with the file it is about.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NotEmpty(_) => "give --dir an empty or new directory".to_owned(),
            Self::NoDevnet(_) | Self::NoneFound(_) => {
                "start one with `assay devnet up pow-dev`, or name its directory with --dir".to_owned()
            }
            Self::Damaged { .. } | Self::Format { .. } => {
                "remove the directory by hand, then run `assay devnet up` again".to_owned()
            }
            Self::Several { found, .. } => {
                let mut help = "say which one with --dir:".to_owned();
                for (name, path) in found.iter().take(LISTED_MAX) {
                    help.push_str(&format!("\n  --dir {name}    {}", path.display()));
                }
                help
            }
            Self::NeverStarted(_) => {
                "start it with `assay devnet up` and as many --nodes as it takes".to_owned()
            }
            Self::Busy(_) => "wait until it is done, then try again".to_owned(),
            Self::Running { path, .. } => format!(
                "look at it with `assay devnet status --dir {0}`, stop it with `assay devnet stop --dir {0}`, or start a second \
                 devnet beside it with --name",
                path.display()
            ),
            Self::OtherChain(_) => {
                "begin anew with --fresh, which removes the old chain, or keep both: give the new one another --name".to_owned()
            }
            Self::Paused(node) => format!("`assay devnet resume {node}` lets it go on"),
            Self::NotPaused(_) => "`assay devnet status` says how the nodes are".to_owned(),
            Self::OneEnd(_) => "name two nodes, or none to shape all links".to_owned(),
            Self::TwoGroups(_) => "name each node once, as in `assay devnet partition 0,1 2,3`".to_owned(),
            Self::OneGroup => "name the nodes of one side only, as in `assay devnet partition 0,1`: the others are the other side"
                .to_owned(),
            Self::Untold { .. } => {
                "the others know; a node is told again when it is restarted or resumed, or when the command is repeated".to_owned()
            }
            Self::Idle(_) => "start them first; `assay devnet up SPEC --nodes N` starts more of them".to_owned(),
            Self::NoAuthorities { .. } => "leave --authority out: every node may make blocks".to_owned(),
            Self::NoSpareAccount => "run a node with a key of your own: `assay node run --authority KEYFILE` with this devnet's chain.toml and --bootnodes".to_owned(),
            Self::NotRunning(node) => format!("start it with `assay devnet restart {node}`"),
            Self::StartFailed { log, log_path, .. } => {
                let mut help = String::new();
                for line in log {
                    help.push_str(line);
                    help.push('\n');
                }
                help.push_str(&format!("its whole log is {}", log_path.display()));
                help
            }
            Self::StartTimeout { log_path, .. } => {
                format!("its log, {}, says how far it came", log_path.display())
            }
            Self::Undying { .. } => {
                "it hangs in the system, perhaps on a disk that does not answer".to_owned()
            }
            Self::AllEnded => "their logs say why: `assay devnet logs node0`".to_owned(),
            Self::Io { .. } | Self::NoSuchNode { .. } | Self::NodeCount { .. } | Self::Name(_) => {
                return None;
            }
        })
    }

    /// The exit code of the command.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoSuchNode { .. }
            | Self::NodeCount { .. }
            | Self::Name(_)
            | Self::OneEnd(_)
            | Self::TwoGroups(_)
            | Self::OneGroup => Exit::Usage,
            Self::OtherChain(_) => Exit::WrongChain,
            Self::Format { .. } => Exit::Database,
            Self::StartTimeout { .. }
            | Self::Untold { .. }
            | Self::Idle(_)
            | Self::NoDevnet(_)
            | Self::NoneFound(_)
            | Self::Several { .. } => Exit::Unreachable,
            // The node's own codes mean the same here.
            Self::StartFailed { status, .. } => match status.and_then(|status| status.code()) {
                Some(3) => Exit::Config,
                Some(4) => Exit::WrongChain,
                Some(5) => Exit::Database,
                Some(6) => Exit::Bind,
                Some(7) => Exit::Keystore,
                _ => Exit::Failed,
            },
            Self::Io { .. }
            | Self::Damaged { .. }
            | Self::NotEmpty(_)
            | Self::Busy(_)
            | Self::Running { .. }
            | Self::NotRunning(_)
            | Self::NoAuthorities { .. }
            | Self::NoSpareAccount
            | Self::Paused(_)
            | Self::NotPaused(_)
            | Self::NeverStarted(_)
            | Self::Undying { .. }
            | Self::AllEnded => Exit::Failed,
        }
    }

    /// The word that scripts can match.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "file",
            Self::Damaged { .. } => "devnet_damaged",
            Self::NotEmpty(_) => "not_empty",
            Self::NoDevnet(_) | Self::NoneFound(_) => "no_devnet",
            Self::Several { .. } => "several_devnets",
            Self::Format { .. } => "devnet_format",
            Self::Busy(_) => "busy",
            Self::Running { .. } => "already_running",
            Self::OtherChain(_) => "wrong_chain",
            Self::NoSuchNode { .. } => "no_such_node",
            Self::NodeCount { .. }
            | Self::Name(_)
            | Self::OneEnd(_)
            | Self::TwoGroups(_)
            | Self::OneGroup => "usage",
            Self::Paused(_) => "already_paused",
            Self::NotPaused(_) => "not_paused",
            Self::NoAuthorities { .. } => "no_authorities",
            Self::NoSpareAccount => "no_spare_account",
            Self::Untold { .. } => "untold",
            Self::Idle(_) => "not_running",
            Self::NotRunning(_) => "not_running",
            Self::NeverStarted(_) => "never_started",
            Self::StartFailed { .. } => "start_failed",
            Self::StartTimeout { .. } => "start_timeout",
            Self::Undying { .. } => "undying",
            Self::AllEnded => "all_ended",
        }
    }
}

/// The first few differences, in brackets.
fn listed(differences: &[String]) -> String {
    let shown = differences.iter().take(DIFFERENCES_MAX).cloned().collect::<Vec<_>>().join("; ");
    match differences.len().saturating_sub(DIFFERENCES_MAX) {
        _ if shown.is_empty() => String::new(),
        0 => format!(" ({shown})"),
        more => format!(" ({shown}; and {more} more)"),
    }
}

/// The names a node may have.
fn range(nodes: usize) -> String {
    match nodes {
        0 => "none".to_owned(),
        1 => "node0 only".to_owned(),
        _ => format!("node0 to node{}", nodes - 1),
    }
}

/// How a process ended, in words.
pub(super) fn describe(status: Option<&ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt;
    let Some(status) = status else { return "how is not known".to_owned() };
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => status.to_string(),
    }
}
