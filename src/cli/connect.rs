//! From the node that a command means to a connection, and from what goes wrong there to what a person is told.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::Globals;
use super::error::CliError;
use super::locate::{self, Here, Node};
use crate::api::{Exit, RpcCode};
use crate::wallet::client::{Client, ClientError};

/// The most bytes of a cookie file.
const COOKIE_BYTES_MAX: u64 = 1024;

/// A node, and the way to speak to it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The way to speak to it. Its errors should pass [`Connection::explain`].
    pub client: Client,
    node: Node,
}

/// A connection to the node that the options, or else the surroundings, mean; nothing is sent yet.
///
/// # Errors
///
/// As [`locate::node`].
pub fn connect(globals: &Globals) -> Result<Connection, CliError> {
    let node = locate::node(globals, &Here)?;
    // Most methods need no token. Where it matters, the node says that it is missing.
    let token = node.cookie.as_deref().and_then(token);
    let client = Client::new(&node.url, token.as_deref())?;
    Ok(Connection { client, node })
}

/// The token in a cookie file, if it can be read.
fn token(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(COOKIE_BYTES_MAX).read_to_string(&mut text).ok()?;
    let token = text.trim();
    (!token.is_empty()).then(|| token.to_owned())
}

impl Connection {
    /// The node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// A failed call in words that say which node it was, and how it was found.
    pub fn explain(&self, error: ClientError) -> CliError {
        explain(&self.node, error)
    }
}

/// A call of a node that failed, in words that say which node it was, and how it was found.
pub(super) fn explain(node: &Node, error: ClientError) -> CliError {
    let unreachable = matches!(error, ClientError::Unreachable { .. });
    let unauthorised = error.code() == Some(RpcCode::Unauthorized);
    let told = CliError::from(error);
    match (node, unreachable, unauthorised) {
            (node, true, _) => {
                let message = format!("{} does not answer: {}", node.name, told.message());
                CliError::new(Exit::Unreachable, "unreachable", message).help(node.found_by)
            }
            (Node { cookie: None, .. }, _, true) => told.help(
                "the token lies in the node's data directory: say --dir DEVNET[:NODE] or --dir DATADIR in place of a URL",
            ),
            (Node { cookie: Some(path), .. }, _, true) => told.help(format!(
                "the token is in {}: run the command as the user who runs the node",
                path.display()
            )),
            _ => told,
        }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        Self::new(error.exit(), error.name(), error.to_string()).maybe_help(error.help())
    }
}
