//! Bringing a devnet about: taking a directory, and putting a chain into it or finding the same one there.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::directory::{Directory, Launch, Lock, NODES_MAX, NodeDirectory, node_name, write_whole};
use super::error::{DevnetError, OtherChain};
use crate::api::DevnetFile;
use crate::types::{GenesisId, Time};

/// A chain as it is to run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The chain's name.
    pub chain: String,
    /// Names the chain.
    pub genesis: GenesisId,
    /// The rule that makes blocks.
    pub engine: String,
    /// The frozen spec.
    pub frozen: String,
    /// The nodes to start, in order.
    pub launches: Vec<Launch>,
}

/// A directory that has been taken for a devnet; other commands are kept off until it is dropped.
#[derive(Debug)]
pub struct Site {
    directory: Directory,
    lock: Lock,
    existing: Option<(DevnetFile, String)>,
    /// What was left in place of an earlier devnet because it is not ours.
    pub left: Vec<PathBuf>,
}

impl Site {
    /// Takes a directory: a new or empty one, or one with a devnet that does not run. With `fresh`, that devnet is
    /// removed first.
    ///
    /// # Errors
    ///
    /// Nodes run there, or something else than a devnet lives there.
    pub fn claim(directory: Directory, fresh: bool) -> Result<Self, DevnetError> {
        directory.create()?;
        if directory.marker()?.is_none() {
            // Not even a lock is left among other people's files.
            directory.expect_empty()?;
        }
        let mut lock = directory.lock()?;
        let mut left = Vec::new();
        let mut marker = directory.marker()?;
        if let Some(present) = &marker {
            let running = directory.running(present)?;
            if !running.is_empty() {
                return Err(DevnetError::Running { path: directory.path().to_owned(), running });
            }
            if fresh {
                left = directory.remove(present, &lock)?;
                directory.create()?;
                lock = directory.lock()?;
                marker = directory.marker()?;
            }
        } else {
            directory.expect_empty()?;
        }
        let existing = match marker {
            Some(marker) => read_frozen(&directory)?.map(|frozen| (marker, frozen)),
            None => None,
        };
        Ok(Self { directory, lock, existing, left })
    }

    /// The directory.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The lock, for what else is to be done with the directory.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// The devnet that lives here and its frozen spec.
    pub fn existing(&self) -> Option<(&DevnetFile, &str)> {
        self.existing.as_ref().map(|(marker, frozen)| (marker, frozen.as_str()))
    }

    /// Writes down what is to run here, or finds that it is what lives here already. Nodes that an earlier plan had and
    /// this one lacks stay as they are.
    ///
    /// # Errors
    ///
    /// Another chain lives here, or the number of nodes is out of bounds.
    pub fn settle(&mut self, plan: &Plan, now: Time) -> Result<DevnetFile, DevnetError> {
        let count = plan.launches.len();
        if !(1..=NODES_MAX).contains(&count) {
            return Err(DevnetError::NodeCount { given: count, max: NODES_MAX });
        }
        if let Some((theirs, _)) = &self.existing
            && theirs.genesis != plan.genesis
        {
            return Err(DevnetError::OtherChain(Box::new(OtherChain {
                path: self.directory.path().to_owned(),
                theirs_name: theirs.chain.clone(),
                theirs: theirs.genesis,
                ours_name: plan.chain.clone(),
                ours: plan.genesis,
                differences: Vec::new(),
            })));
        }
        let before = self.existing.as_ref().map(|(marker, _)| marker);
        let nodes = count.max(before.map_or(0, |marker| marker.nodes.len()));
        let marker = DevnetFile {
            format: DevnetFile::FORMAT,
            chain: plan.chain.clone(),
            genesis: plan.genesis,
            engine: plan.engine.clone(),
            created: before.map_or(now, |marker| marker.created),
            nodes: (0..nodes).map(node_name).collect(),
        };
        // The marker goes first: what is here from now on may be removed.
        self.directory.write_marker(&marker)?;
        write_whole(&self.directory.chain(), plan.frozen.as_bytes())?;
        self.existing = Some((marker.clone(), plan.frozen.clone()));
        Ok(marker)
    }

    /// What is to be started. A node that was added to act for an authority goes on doing so.
    ///
    /// # Errors
    ///
    /// What a node was started with cannot be read.
    pub fn launches(&self, plan: &Plan) -> Result<Vec<(NodeDirectory, Launch)>, DevnetError> {
        let launch = |(index, launch): (usize, &Launch)| {
            let node = self.directory.node(index);
            let mut launch = launch.clone();
            if launch.authority.is_none() {
                launch.authority = node.run()?.and_then(|run| run.launch.authority);
            }
            Ok((node, launch))
        };
        plan.launches.iter().enumerate().map(launch).collect()
    }
}

/// The frozen spec; `None` where a first `up` was interrupted before it was written.
fn read_frozen(directory: &Directory) -> Result<Option<String>, DevnetError> {
    let path = directory.chain();
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DevnetError::io("read", &path)(error)),
    }
}

#[cfg(test)]
#[path = "raise_tests.rs"]
mod tests;
