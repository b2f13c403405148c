//! (room under construction)

pub mod config;
pub mod hashrate;

use crate::api::Exit;

/// PLACEHOLDER of the command line's branch, so that it compiles: the host brings its own.
#[derive(Debug, thiserror::Error)]
#[error("this build has no node: its host is on another branch")]
pub struct NodeError;

impl NodeError {
    /// The exit code of the command.
    pub fn exit(&self) -> Exit {
        Exit::Failed
    }

    /// The word that scripts can match.
    pub fn code(&self) -> &'static str {
        "no_node"
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        None
    }
}

/// PLACEHOLDER of the command line's branch. Runs a node until it is asked to stop: `Exit::Ok` by a request,
/// `Exit::Interrupted` by SIGINT, `Exit::Terminated` by SIGTERM, each after a clean stop.
pub fn run(config: config::NodeConfig) -> Result<Exit, NodeError> {
    drop(config);
    Err(NodeError)
}
