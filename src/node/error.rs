//! Why a node does not run, or stopped.

use super::authority::AuthorityError;
use super::lock::LockError;
use super::net::NetError;
use super::record::RecordingError;
use super::rpc::StartError;
use super::staking::StakeError;
use super::stratum::StratumError;
use crate::api::Exit;
use crate::spec::SpecError;
use crate::store::StoreError;

/// Why a node does not run, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The data directory cannot be made or written.
    #[error("the data directory {directory} cannot be used: {error}")]
    Directory {
        /// The directory.
        directory: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// Another process uses the data directory, or it cannot be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The data directory holds no chain.
    #[error("the chain of this data directory, {file}, cannot be read: {error}")]
    NoChain {
        /// The file of the frozen spec.
        file: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The chain spec is bad.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The port for requests cannot be opened.
    #[error(transparent)]
    Rpc(#[from] StartError),
    /// The port for miners cannot be opened.
    #[error(transparent)]
    Stratum(#[from] StratumError),
    /// The network cannot be started.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The store cannot be opened, or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the node is fed cannot be recorded.
    #[error("cannot record in {file}: {error}")]
    Recording {
        /// The file.
        file: String,
        /// Why not.
        error: RecordingError,
    },
    /// The key of an authority cannot be used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// Coins cannot be staked.
    #[error(transparent)]
    Stake(#[from] StakeError),
    /// The system gives no thread, runtime or signal handler.
    #[error("the system refuses: {0}")]
    System(#[from] std::io::Error),
    /// The loop stopped by itself.
    #[error("the node stopped: {0}")]
    Stopped(String),
}

impl NodeError {
    /// The exit code of a node that ends for this reason.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Directory { .. } | Self::Lock(_) => Exit::Database,
            Self::NoChain { .. } | Self::Spec(_) | Self::Recording { .. } => Exit::Config,
            Self::Authority(AuthorityError::NoAuthorities(_)) => Exit::Config,
            Self::Authority(AuthorityError::Store(_)) => Exit::Database,
            Self::Authority(_) => Exit::Keystore,
            Self::Stake(StakeError::NoStake(_) | StakeError::TooMany { .. }) => Exit::Config,
            Self::Stake(_) => Exit::Keystore,
            Self::Rpc(error) => error.exit(),
            Self::Stratum(error) => error.exit(),
            Self::Net(NetError::Bind { .. }) => Exit::Bind,
            Self::Net(_) => Exit::Config,
            Self::Store(StoreError::OtherChain { .. } | StoreError::Checkpoint { .. }) => {
                Exit::WrongChain
            }
            Self::Store(_) | Self::Stopped(_) => Exit::Database,
            Self::System(_) => Exit::Failed,
        }
    }

    /// The stable name of the error in JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Directory { .. } | Self::Lock(LockError::Unusable { .. }) => "datadir_unusable",
            Self::Lock(LockError::Held { .. }) => "datadir_locked",
            Self::NoChain { .. } => "chain_missing",
            Self::Spec(_) => "bad_spec",
            Self::Rpc(_) => "rpc_failed",
            Self::Stratum(StratumError::Bind { .. }) => "cannot_bind",
            Self::Stratum(StratumError::NoSearch(_)) => "no_search",
            Self::Net(NetError::Bind { .. }) => "cannot_bind",
            Self::Net(_) => "network_failed",
            Self::Store(StoreError::OtherChain { .. }) => "wrong_chain",
            Self::Store(StoreError::Checkpoint { .. }) => "checkpoint_contradicted",
            Self::Store(StoreError::Newer { .. }) => "database_newer",
            Self::Store(StoreError::NoPayouts { .. }) => "database_older",
            Self::Store(StoreError::Damaged(_)) => "database_damaged",
            Self::Store(StoreError::Io(_)) => "database_failed",
            Self::Recording { .. } => "bad_recording",
            Self::Authority(AuthorityError::NoAuthorities(_)) => "no_authorities",
            Self::Authority(AuthorityError::Held { .. }) => "authority_locked",
            Self::Authority(AuthorityError::Elsewhere { .. }) => "authority_elsewhere",
            Self::Authority(_) => "bad_authority",
            Self::Stake(StakeError::NoStake(_)) => "no_stake",
            Self::Stake(StakeError::Held { .. }) => "stake_locked",
            Self::Stake(_) => "bad_stake",
            Self::System(_) => "system_refused",
            Self::Stopped(_) => "stopped",
        }
    }

    /// What to do about it, where the message does not say.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Directory { .. } | Self::Lock(LockError::Unusable { .. }) => {
                Some("check that it exists and is yours to write, or choose another --datadir")
            }
            Self::Lock(LockError::Held { .. }) => {
                Some("stop that node first, or choose another --datadir")
            }
            Self::NoChain { .. } => Some("name a chain with --chain"),
            Self::Recording { error, .. } => Some(error.help()),
            Self::Authority(error) => Some(error.help()),
            Self::Stake(error) => Some(error.help()),
            Self::Store(StoreError::Io(_)) => {
                Some("check the free space and the permissions of the data directory")
            }
            _ => None,
        }
    }
}
