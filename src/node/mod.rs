//! (room under construction)

pub mod config;
pub mod hashrate;
pub mod lock;

/// PLACEHOLDER of the command line's branch, so that it compiles: the host brings its own.
#[derive(Debug, thiserror::Error)]
#[error("this build has no node: its host is on another branch")]
pub struct NodeError;

/// PLACEHOLDER of the command line's branch.
pub fn run(_config: &config::NodeConfig) -> Result<Option<i32>, NodeError> {
    Err(NodeError)
}
