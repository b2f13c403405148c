//! Why a call failed, as JSON-RPC has it.

use jsonrpsee_types::{ErrorObject, ErrorObjectOwned};

use super::Stopped;
use crate::api::RpcCode;
use crate::ledger::ReadFailed;
use crate::store::StoreError;

/// Parameters that make no sense (JSON-RPC 2.0, section 5.1).
const INVALID_PARAMS: i32 = -32602;

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
