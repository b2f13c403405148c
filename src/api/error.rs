//! Errors: the codes of the remote procedure calls, the exit codes of commands, and the shape of an error as JSON.

use serde::{Deserialize, Serialize};

/// The codes that this node answers beside the standard ones of JSON-RPC 2.0 (−32700 and −32600 to −32603).
///
/// −32005 to −32011 belong to the server library: batches and subscriptions refused, a request or answer too large
/// (−32007, −32008), a busy server (−32009), a batch too large (−32010, −32011).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RpcCode {
    /// The store is being opened: ask again soon.
    WarmingUp,
    /// The node stops.
    Stopping,
    /// The method needs the token of the cookie file.
    Unauthorized,
    /// Subscriptions need a WebSocket.
    NeedsWebSocket,
    /// The address asks too often.
    TooOften,
    /// The bytes are no transaction.
    BadTransaction,
    /// The transaction may not join the pool.
    TransactionRefused,
    /// The node knows no such block.
    UnknownBlock,
    /// The node knows no such transaction, neither pending nor in a block of the best branch.
    UnknownTransaction,
    /// The text is no address of this chain.
    BadAddress,
    /// The peer's address cannot be dialled.
    BadPeer,
    /// There is more than one answer can hold.
    TooMuch,
    /// No block can be drafted.
    NoTemplate,
    /// The template is stale or was never handed out.
    StaleTemplate,
    /// The proof does not prove the block.
    BadProof,
    /// The node keeps no index of the history of addresses.
    NoIndex,
    /// Nobody can say now what was final everywhere.
    NotCurrent,
    /// The rule has no authorities.
    NoAuthorities,
    /// The rule has no stake.
    NoStake,
    /// The node may not stake with these keys.
    StakeRefused,
    /// The rule has no work.
    NoWork,
    /// The store or the node itself failed.
    Failed,
}

impl RpcCode {
    /// Every code.
    pub const ALL: [Self; 22] = [
        Self::WarmingUp,
        Self::Stopping,
        Self::Unauthorized,
        Self::NeedsWebSocket,
        Self::TooOften,
        Self::BadTransaction,
        Self::TransactionRefused,
        Self::UnknownBlock,
        Self::UnknownTransaction,
        Self::BadAddress,
        Self::BadPeer,
        Self::TooMuch,
        Self::NoTemplate,
        Self::StaleTemplate,
        Self::BadProof,
        Self::NoIndex,
        Self::NotCurrent,
        Self::NoAuthorities,
        Self::NoStake,
        Self::StakeRefused,
        Self::NoWork,
        Self::Failed,
    ];

    /// The number on the wire.
    pub const fn code(self) -> i32 {
        match self {
            Self::WarmingUp => -32020,
            Self::Stopping => -32021,
            Self::Unauthorized => -32022,
            Self::NeedsWebSocket => -32023,
            Self::TooOften => -32024,
            Self::BadTransaction => -32030,
            Self::TransactionRefused => -32031,
            Self::UnknownBlock => -32040,
            Self::UnknownTransaction => -32041,
            Self::BadAddress => -32042,
            Self::BadPeer => -32043,
            Self::TooMuch => -32044,
            Self::NoTemplate => -32045,
            Self::StaleTemplate => -32046,
            Self::BadProof => -32047,
            Self::NoIndex => -32048,
            Self::NotCurrent => -32049,
            Self::Failed => -32050,
            Self::NoAuthorities => -32051,
            Self::NoStake => -32052,
            Self::StakeRefused => -32053,
            Self::NoWork => -32054,
        }
    }

    /// The code with this number.
    pub fn of(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }

    /// Its name, as the `code` of an error in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WarmingUp => "warming_up",
            Self::Stopping => "stopping",
            Self::Unauthorized => "unauthorized",
            Self::NeedsWebSocket => "needs_websocket",
            Self::TooOften => "too_often",
            Self::BadTransaction => "bad_transaction",
            Self::TransactionRefused => "transaction_refused",
            Self::UnknownBlock => "unknown_block",
            Self::UnknownTransaction => "unknown_transaction",
            Self::BadAddress => "bad_address",
            Self::BadPeer => "bad_peer",
            Self::TooMuch => "too_much",
            Self::NoTemplate => "no_template",
            Self::StaleTemplate => "stale_template",
            Self::BadProof => "bad_proof",
            Self::NoIndex => "no_index",
            Self::NotCurrent => "not_current",
            Self::NoAuthorities => "no_authorities",
            Self::NoStake => "no_stake",
            Self::StakeRefused => "stake_refused",
            Self::NoWork => "no_work",
            Self::Failed => "failed",
        }
    }
}

impl RpcCode {
    /// What it means, for documents.
    pub const fn about(self) -> &'static str {
        match self {
            Self::WarmingUp => "the node opens its store; ask again soon",
            Self::Stopping => "the node stops",
            Self::Unauthorized => "the method needs the token of the node's cookie file",
            Self::NeedsWebSocket => "subscriptions need a WebSocket and a message of their own",
            Self::TooOften => "the address asks too often; wait a second",
            Self::BadTransaction => "the bytes are no transaction",
            Self::TransactionRefused => "the transaction may not join the pool",
            Self::UnknownBlock => "the node knows no such block",
            Self::UnknownTransaction => "the node knows no such transaction",
            Self::BadAddress => "the text is no address of this chain",
            Self::BadPeer => "the peer's address cannot be dialled",
            Self::TooMuch => "there is more than one answer can hold",
            Self::NoTemplate => "no block can be drafted",
            Self::StaleTemplate => "the head moved since the template was made, or it never was",
            Self::BadProof => "the proof does not prove the block",
            Self::NoIndex => "the node keeps no index of the history of addresses",
            Self::NotCurrent => {
                "nobody can say now what is final: a linearizable read has no answer"
            }
            Self::NoAuthorities => "under the rule of this chain nobody is an authority",
            Self::NoStake => "under the rule of this chain nobody's coins make blocks",
            Self::StakeRefused => "the node may not stake with these keys",
            Self::NoWork => "under the rule of this chain nobody searches for blocks",
            Self::Failed => "the store or the node itself failed",
        }
    }
}

/// What a command's exit code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// It worked.
    Ok = 0,
    /// It failed for a reason that has no code of its own.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The spec or the configuration is bad.
    Config = 3,
    /// The other side is on another chain.
    WrongChain = 4,
    /// The database is locked, corrupt, full, or newer than this software.
    Database = 5,
    /// A port or an address cannot be bound.
    Bind = 6,
    /// The keystore or the password.
    Keystore = 7,
    /// The node is unreachable or did not answer in time.
    Unreachable = 8,
    /// The node refused.
    Refused = 9,
    /// A property that was checked is violated.
    Violated = 10,
    /// Stopped by SIGINT, cleanly.
    Interrupted = 130,
    /// Stopped by SIGTERM, cleanly.
    Terminated = 143,
}

impl Exit {
    /// The number that the process ends with.
    pub const fn code(self) -> u8 {
        self as u8 // the discriminants are the codes
    }
}

/// What a command with `--json` prints on stdout when it fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct ErrorReport {
    /// The error.
    pub error: ErrorBody,
}

/// An error as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "node", derive(schemars::JsonSchema))]
pub struct ErrorBody {
    /// A word that scripts can match, such as `unreachable` or [`RpcCode::name`].
    pub code: String,
    /// The exit code of the command.
    pub exit: u8,
    /// What was given and why it is refused.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}
