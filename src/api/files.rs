//! Files by which processes find each other: what a running node says of itself in its data directory, and what lives
//! in the directory of a devnet. Here are their shapes and names; who reads and writes them does so elsewhere.
//!
//! ```text
//! HOME/devnets/NAME/devnet.json    a devnet: [`DevnetFile`]
//! HOME/nodes/CHAIN/                the data directory of a node that was told none, and in every data directory
//!   chain.toml                       the frozen spec
//!   node.json                        where the node listens, or did last: [`NodeFile`]
//!   node.lock                        locked for as long as a node uses the directory
//!   rpc.cookie                       the token of unsafe methods, new at each start
//! HOME/staking/                    locked files, one for each address that a node stakes for
//! ```
//!
//! HOME is `$ASSAY_HOME`, else `$XDG_DATA_HOME/assay`, else `~/.local/share/assay`; see [`home`].

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::types::{GenesisId, Time};

/// The port of the node's HTTP interface unless it is told otherwise, on loopback.
pub const RPC_PORT_DEFAULT: u16 = 18544;

/// The port on which a node listens for peers unless it is told otherwise.
pub const P2P_PORT_DEFAULT: u16 = 18545;

/// What a running node says of itself, in its data directory. The file stays when the node ends: the next start binds the
/// same ports, and whoever reads it asks whether anybody answers there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFile {
    /// The process that wrote it.
    pub pid: u32,
    /// When that process started.
    pub started: Time,
    /// The chain's name.
    pub chain: String,
    /// Names the chain.
    pub genesis: GenesisId,
    /// Where it answers requests, as a URL such as `http://127.0.0.1:18544`.
    pub rpc: String,
    /// Where it listens for peers, as multiaddrs that end in its peer id.
    pub p2p: Vec<String>,
    /// Its peer id.
    pub peer_id: String,
    /// Where miners connect, as a URL such as `stratum+tcp://127.0.0.1:3333`, if it serves any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stratum: Option<String>,
}

impl NodeFile {
    /// The file's name in the data directory.
    pub const NAME: &'static str = "node.json";
}

/// The name of the frozen spec, in a data directory and in the directory of a devnet.
pub const CHAIN_FILE_NAME: &str = "chain.toml";

/// The name of the file that holds the token of unsafe methods, in a data directory.
pub const COOKIE_FILE_NAME: &str = "rpc.cookie";

/// The name of the file that a node keeps locked, in a data directory.
pub const LOCK_FILE_NAME: &str = "node.lock";

/// What lives in the directory of a devnet. The nodes' data directories lie beside the file and are called as the nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevnetFile {
    /// The format of the directory, [`DevnetFile::FORMAT`].
    pub format: u32,
    /// The chain's name.
    pub chain: String,
    /// Names the chain.
    pub genesis: GenesisId,
    /// The rule that makes blocks.
    pub engine: String,
    /// When the devnet was made.
    pub created: Time,
    /// The names of its nodes in order of their index.
    pub nodes: Vec<String>,
}

impl DevnetFile {
    /// The file's name in the directory of the devnet.
    pub const NAME: &'static str = "devnet.json";

    /// The format that this version reads and writes.
    pub const FORMAT: u32 = 1;
}

/// Where devnets and nodes live unless they are told another place: `$ASSAY_HOME`, else `$XDG_DATA_HOME/assay`, else
/// `~/.local/share/assay`. `variable` looks an environment variable up. Empty variables count as unset, and so does a
/// relative `XDG_DATA_HOME`, as the XDG base directory specification demands. `None` if no variable is set.
pub fn home(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("ASSAY_HOME")
        .or_else(|| set("XDG_DATA_HOME").filter(|path| path.is_absolute()).map(|p| p.join("assay")))
        .or_else(|| set("HOME").map(|path| path.join(".local/share/assay")))
}

/// The directory of devnets that were told no place, one directory each, below [`home`].
pub fn devnets(home: &Path) -> PathBuf {
    home.join("devnets")
}

/// The directory of the locks of those who stake, below [`home`]: one file for each address and chain.
pub fn stakers(home: &Path) -> PathBuf {
    home.join("staking")
}

/// The directory of data directories of nodes that were told no place, one directory each, below [`home`].
pub fn nodes(home: &Path) -> PathBuf {
    home.join("nodes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_follows_the_environment() {
        let from = |pairs: &[(&str, &str)]| {
            home(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
        };
        let all = [("ASSAY_HOME", "/a"), ("XDG_DATA_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(from(&all), Some("/a".into()));
        assert_eq!(from(&all[1..]), Some("/x/assay".into()));
        assert_eq!(from(&all[2..]), Some("/h/.local/share/assay".into()));
        assert_eq!(from(&[]), None);
        assert_eq!(
            from(&[("ASSAY_HOME", ""), ("XDG_DATA_HOME", "relative"), ("HOME", "/h")]),
            Some("/h/.local/share/assay".into())
        );
    }

    #[test]
    fn files_of_newer_versions_with_more_fields_are_read() {
        let text = r#"{"pid":7,"started":1,"chain":"pow-dev","genesis":"0000000000000000000000000000000000000000000000000000000000000000",
            "rpc":"http://127.0.0.1:18544","p2p":["/ip4/127.0.0.1/tcp/1"],"peer_id":"12D3","colour":"red"}"#;
        let file: NodeFile = serde_json::from_str(text).unwrap();
        assert_eq!((file.pid, file.p2p.len()), (7, 1));
    }
}
