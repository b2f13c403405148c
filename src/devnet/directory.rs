//! The directory of a devnet: everything there is to know about it, so that no process need keep anything in mind.
//!
//! ```text
//! DIR/devnet.json           the marker: this directory is ours, and what lives in it
//! DIR/devnet.lock           locked while a command acts on the devnet
//! DIR/chain.toml            the frozen spec
//! DIR/payout.mnemonic       whom blocks pay, where development accounts are not allowed
//! DIR/links.json            how the nodes are connected: shapes and the partition
//! DIR/node0/                the data directory of a node, and in it
//! DIR/node0/node.json         where it listens, written by the node
//! DIR/node0/node.log          what it says, with the log of the start before as node.log.1
//! DIR/node0/process.json      its process, written by the command that started it
//! DIR/node0/authority.key     the secret key of the authority that it acts for, where the rule has some (0600)
//! DIR/node0/links.json        how it treats its links from its start, where that is not plain
//! ```
//!
//! Nothing is ever removed from a directory that does not carry the marker, and from one that does only what this list
//! names.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::DevnetError;
use super::process::{Process, ProcessState};
use crate::api::files::CHAIN_FILE_NAME;
use crate::api::{DevnetFile, DevnetLinks, NodeFile, NodeLinks};
use crate::node::secret;
use crate::spec::DevAccount;

/// The most nodes of a devnet: one more than the largest shipped set of delegates needs, with room.
pub const NODES_MAX: usize = 128;

/// The most bytes of a state file that are read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How long a command waits for another one to be done with the directory.
const LOCK_WAIT: Duration = Duration::from_secs(15);

/// How often it looks.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// The name of the file that is locked while a command acts.
const LOCK: &str = "devnet.lock";

/// The name of the file that says how nodes are connected, in the devnet's directory and in those of its nodes.
const LINKS: &str = "links.json";

/// Where a devnet lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// The directory at `path`, whether or not there is a devnet, or anything.
    ///
    /// # Errors
    ///
    /// A relative path while there is no working directory.
    pub fn at(path: &Path) -> Result<Self, DevnetError> {
        let root = std::path::absolute(path).map_err(DevnetError::io("find", path))?;
        Ok(Self { root })
    }

    /// The absolute path.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The file of the frozen spec.
    pub fn chain(&self) -> PathBuf {
        self.root.join(CHAIN_FILE_NAME)
    }

    /// The file of the mnemonic that blocks pay, where development accounts are not allowed.
    pub fn payout(&self) -> PathBuf {
        self.root.join("payout.mnemonic")
    }

    /// The data directory of the node with this index.
    pub fn node(&self, index: usize) -> NodeDirectory {
        let name = node_name(index);
        NodeDirectory { path: self.root.join(&name), name, index }
    }

    /// The data directories of the nodes that the marker names.
    pub fn nodes(&self, marker: &DevnetFile) -> Vec<NodeDirectory> {
        (0..marker.nodes.len()).map(|index| self.node(index)).collect()
    }

    /// What lives here; `None` where there is no devnet.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is damaged, or was written by a version with another format.
    pub fn marker(&self) -> Result<Option<DevnetFile>, DevnetError> {
        let path = self.root.join(DevnetFile::NAME);
        // The format first: another one may have other fields.
        let Some(Format { format }) = read_json(&path)? else { return Ok(None) };
        if format != DevnetFile::FORMAT {
            let expected = DevnetFile::FORMAT;
            return Err(DevnetError::Format { path: self.root.clone(), format, expected });
        }
        let Some(marker) = read_json::<DevnetFile>(&path)? else { return Ok(None) };
        let damaged = |reason: String| Err(DevnetError::Damaged { path: path.clone(), reason });
        if !(1..=NODES_MAX).contains(&marker.nodes.len()) {
            return damaged(format!("it lists {} nodes", marker.nodes.len()));
        }
        for (index, name) in marker.nodes.iter().enumerate() {
            // Names become paths that are removed: they are what this program gives, or nothing is done.
            if *name != node_name(index) {
                return damaged(format!("node {index} is called {name:?}"));
            }
        }
        Ok(Some(marker))
    }

    /// What lives here.
    ///
    /// # Errors
    ///
    /// As [`Directory::marker`], and if there is no devnet.
    pub fn existing(&self) -> Result<DevnetFile, DevnetError> {
        self.marker()?.ok_or_else(|| DevnetError::NoDevnet(self.root.clone()))
    }

    /// Says what lives here.
    pub(super) fn write_marker(&self, marker: &DevnetFile) -> Result<(), DevnetError> {
        write_json(&self.root.join(DevnetFile::NAME), marker)
    }

    /// How the nodes are connected; plainly where nothing is written down.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is damaged.
    pub fn links(&self) -> Result<DevnetLinks, DevnetError> {
        Ok(read_json(&self.root.join(LINKS))?.unwrap_or_default())
    }

    /// Writes down how the nodes are connected. Nodes that run are told by [`super::links::apply`].
    pub fn write_links(&self, links: &DevnetLinks, _lock: &Lock) -> Result<(), DevnetError> {
        write_json(&self.root.join(LINKS), links)
    }

    /// The names of the nodes that have a process, paused or not.
    pub fn running(&self, marker: &DevnetFile) -> Result<Vec<String>, DevnetError> {
        let mut running = Vec::new();
        for node in self.nodes(marker) {
            if node.state()? != ProcessState::Stopped {
                running.push(node.name);
            }
        }
        Ok(running)
    }

    /// The node that is meant by an index or a name.
    pub fn named(&self, marker: &DevnetFile, given: &str) -> Result<NodeDirectory, DevnetError> {
        let nodes = self.nodes(marker);
        let index = given.parse::<usize>().ok();
        let meant = |node: &NodeDirectory| node.name == given || Some(node.index) == index;
        nodes.iter().find(|node| meant(node)).cloned().ok_or_else(|| DevnetError::NoSuchNode {
            given: given.chars().take(40).collect(),
            nodes: nodes.len(),
        })
    }

    /// Creates the directory and the ones above it.
    pub(super) fn create(&self) -> Result<(), DevnetError> {
        // A link to a devnet that was removed by hand leads nowhere, and a directory cannot be made through it.
        if self.root.is_symlink() && !self.root.exists() {
            remove_file(&self.root)?;
        }
        fs::create_dir_all(&self.root).map_err(DevnetError::io("create", &self.root))
    }

    /// Makes sure that a devnet may be put here: the directory is empty but for its lock.
    pub(super) fn expect_empty(&self) -> Result<(), DevnetError> {
        let entries = fs::read_dir(&self.root).map_err(DevnetError::io("read", &self.root))?;
        for entry in entries {
            let entry = entry.map_err(DevnetError::io("read", &self.root))?;
            if entry.file_name() != LOCK {
                return Err(DevnetError::NotEmpty(self.root.clone()));
            }
        }
        Ok(())
    }

    /// Takes the directory for one command; another one waits until the lock is dropped, for a while.
    ///
    /// # Errors
    ///
    /// There is no directory, or another command keeps it for too long.
    pub fn lock(&self) -> Result<Lock, DevnetError> {
        self.lock_within(LOCK_WAIT)
    }

    fn lock_within(&self, wait: Duration) -> Result<Lock, DevnetError> {
        if !self.root.is_dir() {
            return Err(DevnetError::NoDevnet(self.root.clone()));
        }
        let path = self.root.join(LOCK);
        let deadline = Instant::now() + wait;
        loop {
            let file = OpenOptions::new().create(true).append(true).open(&path);
            let file = match file {
                Ok(file) => file,
                // Another command removed the directory.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(DevnetError::NoDevnet(self.root.clone()));
                }
                Err(error) => return Err(DevnetError::io("open", &path)(error)),
            };
            match file.try_lock() {
                // A lock on a file that has been removed meanwhile excludes nobody.
                Ok(()) if is_at(&file, &path) => return Ok(Lock { _file: file }),
                Ok(()) => continue,
                Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(LOCK_INTERVAL);
                }
                Err(fs::TryLockError::WouldBlock) => {
                    return Err(DevnetError::Busy(self.root.clone()));
                }
                Err(fs::TryLockError::Error(error)) => {
                    return Err(DevnetError::io("lock", &path)(error));
                }
            }
        }
    }

    /// Removes what starting a devnet created, and the directory if nothing else is in it. Returns what was left in place
    /// because it is not ours. No node may run.
    pub fn remove(&self, marker: &DevnetFile, _lock: &Lock) -> Result<Vec<PathBuf>, DevnetError> {
        for node in self.nodes(marker) {
            node.remove()?;
        }
        remove_file(&self.chain())?;
        remove_file(&self.payout())?;
        remove_file(&self.root.join(LINKS))?;
        // The marker goes last, so that an interrupted removal can be repeated.
        remove_file(&self.root.join(DevnetFile::NAME))?;
        if self.remove_empty()? {
            return Ok(Vec::new());
        }
        remove_file(&self.root.join(LOCK))?;
        if fs::remove_dir(&self.root).is_ok() {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(&self.root).map_err(DevnetError::io("read", &self.root))?;
        let mut left: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        left.sort();
        Ok(left)
    }
}

impl Directory {
    /// Removes a directory that holds nothing but its lock; says whether it has. The directory goes out of the way as a
    /// whole before its lock is removed: a command that waits for the lock would otherwise make another one between the
    /// two, and keep the directory.
    fn remove_empty(&self) -> Result<bool, DevnetError> {
        let away = beside(&self.root, &format!(".removed-{}", std::process::id()));
        let empty = self.expect_empty().is_ok() && !self.root.is_symlink();
        if !empty || fs::rename(&self.root, &away).is_err() {
            return Ok(false);
        }
        remove_file(&away.join(LOCK))?;
        fs::remove_dir(&away).map_err(DevnetError::io("remove", &away))?;
        Ok(true)
    }
}

/// The one field of the marker that every format has.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// Keeps other commands off a directory until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The name of the node with this index.
pub fn node_name(index: usize) -> String {
    format!("node{index}")
}

/// The data directory of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeDirectory {
    /// The node's name.
    pub name: String,
    /// Its number.
    pub index: usize,
    /// The directory.
    pub path: PathBuf,
}

/// The latest process of a node, as the command that started it recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The process.
    pub process: Process,
    /// How it was started, for the next time.
    pub launch: Launch,
    /// Why it is about to end, or has, if somebody asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
}

/// What a node is started with, beside its place and its peers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// How it mines; `None` if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub miner: Option<Mining>,
    /// The development account for which it acts as an authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// The development account whose coins it stakes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stake: Option<String>,
    /// Whether it keeps an index of the history of addresses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub index: bool,
    /// Whether it lets miners in over Stratum.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stratum: bool,
    /// The directory in which it records what it is fed, in a file of its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<PathBuf>,
}

/// How a node mines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mining {
    /// The address that its blocks pay.
    pub payout: String,
    /// Whose address that is: the name of a development account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Threads that search.
    pub threads: u64,
    /// The share of a core that each may use, such as `10%`.
    pub throttle: String,
}

/// Why a node's process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// The devnet is being stopped.
    Stop,
    /// This node was killed on request.
    Kill,
    /// This node is being started anew.
    Restart,
}

impl NodeDirectory {
    /// The file in which the node says where it listens.
    pub fn node_file(&self) -> PathBuf {
        self.path.join(NodeFile::NAME)
    }

    /// The file it logs to.
    pub fn log(&self) -> PathBuf {
        self.path.join("node.log")
    }

    fn run_file(&self) -> PathBuf {
        self.path.join("process.json")
    }

    /// Writes down how it is to treat its links from its start. Gives the file, or nothing where there is nothing to say.
    pub(super) fn write_links(&self, links: &NodeLinks) -> Result<Option<PathBuf>, DevnetError> {
        let file = self.path.join(LINKS);
        if *links == NodeLinks::default() {
            return remove_file(&file).map(|()| None);
        }
        write_json(&file, links).map(|()| Some(file))
    }

    /// Its latest process, running or not; `None` if it was never started.
    pub fn run(&self) -> Result<Option<Run>, DevnetError> {
        read_json(&self.run_file())
    }

    /// Removes it and all that is in it. No process may use it.
    pub(super) fn remove(&self) -> Result<(), DevnetError> {
        remove_tree(&self.path)
    }

    /// The file of the key of the authority that it acts for.
    pub(super) fn authority_key(&self) -> PathBuf {
        self.path.join("authority.key")
    }

    /// Makes the key file of the development account for which the node acts, unless it is there.
    pub(super) fn write_authority(&self, owner: &str) -> Result<(), DevnetError> {
        let path = self.authority_key();
        if path.exists() {
            return Ok(());
        }
        let account = DevAccount::named(owner).ok_or_else(|| DevnetError::Damaged {
            path: self.path.clone(),
            reason: format!("it acts for {owner:?}, which is no development account"),
        })?;
        secret::create(&path, &account.keypair().secret()).map_err(DevnetError::io("write", &path))
    }

    /// Records its process.
    pub(super) fn write_run(&self, run: &Run) -> Result<(), DevnetError> {
        write_json(&self.run_file(), run)
    }

    /// What its process is doing.
    pub fn state(&self) -> Result<ProcessState, DevnetError> {
        Ok(self.run()?.map_or(ProcessState::Stopped, |run| run.process.state()))
    }

    /// Where it listens, or did when it ran last.
    pub fn addresses(&self) -> Result<Option<NodeFile>, DevnetError> {
        read_json(&self.node_file())
    }
}

/// The path with something added to its last part.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    text.push(suffix);
    PathBuf::from(text)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, DevnetError> {
    use io::Read as _;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DevnetError::io("read", path)(error)),
    };
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(DevnetError::io("read", path))?;
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| DevnetError::Damaged { path: path.to_owned(), reason: error.to_string() })
}

/// Writes a file so that readers see the old one or the new one, never a part.
fn write_json(path: &Path, value: &impl Serialize) -> Result<(), DevnetError> {
    let mut text = serde_json::to_string_pretty(value).expect("plain structs become JSON");
    text.push('\n');
    write_whole(path, text.as_bytes())
}

/// Writes a file so that readers see the old one or the new one, never a part. It is not synced: what it tells of ends
/// with the machine.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), DevnetError> {
    let temporary = beside(path, ".tmp");
    let write = || -> io::Result<()> {
        File::create(&temporary)?.write_all(bytes)?;
        fs::rename(&temporary, path)
    };
    write().map_err(DevnetError::io("write", path))
}

fn remove_file(path: &Path) -> Result<(), DevnetError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DevnetError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Removes a directory and what is in it; links are removed, not followed.
fn remove_tree(path: &Path) -> Result<(), DevnetError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(metadata) if metadata.is_symlink() => return remove_file(path),
        _ => (),
    }
    fs::remove_dir_all(path).map_err(DevnetError::io("remove", path))
}

fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
