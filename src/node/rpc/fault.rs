//! Why a call failed, as JSON-RPC has it.

use jsonrpsee_types::{ErrorObject, ErrorObjectOwned};

use super::Stopped;
use crate::api::RpcCode;
use crate::ledger::ReadFailed;
use crate::store::StoreError;

/// Parameters that make no sense (JSON-RPC 2.0, section 5.1).
const INVALID_PARAMS: i32 = -32602;

/// The codes of Bitcoin that its names answer (`rpc/protocol.h` of Bitcoin Core).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum BitcoinCode {
    /// Anything else.
    Misc = -1,
    /// An address or an id that is not known.
    InvalidAddressOrKey = -5,
    /// Parameters that make no sense.
    InvalidParameter = -8,
    /// The node is catching up.
    InitialDownload = -10,
    /// The database failed.
    Database = -20,
    /// Bytes that mean nothing.
    Deserialization = -22,
    /// The node is opening its store.
    WarmingUp = -28,
}

/// An error that a call answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    code: i32,
    message: String,
    help: Option<String>,
}

impl Fault {
    /// An error of this node's own kind.
    pub fn new(code: RpcCode, message: impl Into<String>) -> Self {
        Self { code: code.code(), message: message.into(), help: None }
    }

    /// An error of one of Bitcoin's names.
    pub fn bitcoin(code: BitcoinCode, message: impl Into<String>) -> Self {
        Self { code: code as i32, message: message.into(), help: None }
    }

    /// The same error with the code that a script of Bitcoin's expects, where there is one.
    pub fn in_bitcoin(self) -> Self {
        let code = match RpcCode::of(self.code) {
            _ if self.code == INVALID_PARAMS => BitcoinCode::InvalidParameter,
            Some(RpcCode::WarmingUp) => BitcoinCode::WarmingUp,
            Some(RpcCode::BadAddress) => BitcoinCode::InvalidAddressOrKey,
            Some(RpcCode::Failed) => BitcoinCode::Database,
            _ => return self,
        };
        Self { code: code as i32, ..self }
    }

    /// Parameters that make no sense.
    pub fn params(reason: impl std::fmt::Display) -> Self {
        Self { code: INVALID_PARAMS, message: format!("bad parameters: {reason}"), help: None }
    }

    /// The same error with a word on what to do; it travels as `data.help`.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<Fault> for ErrorObjectOwned {
    fn from(fault: Fault) -> Self {
        let data = fault.help.map(|help| serde_json::json!({ "help": help }));
        ErrorObject::owned(fault.code, fault.message, data)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::new(RpcCode::Failed, error.to_string())
    }
}

impl From<ReadFailed> for Fault {
    fn from(error: ReadFailed) -> Self {
        Self::new(RpcCode::Failed, error.to_string())
    }
}

impl From<Stopped> for Fault {
    fn from(error: Stopped) -> Self {
        Self::new(RpcCode::Stopping, error.to_string())
    }
}
