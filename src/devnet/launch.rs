//! Starting a node's process.
//!
//! A node is this same program, run as `assay node run`. It gets no terminal: its input is empty, its output a file, and
//! it leads a process group of its own, so that Ctrl-C in the shell reaches the supervisor alone, or nobody.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::directory::{Directory, Launch, NodeDirectory, Run};
use super::error::DevnetError;
use super::logs;
use super::process::Process;
use crate::api::NodeLinks;

/// What runs as a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeProgram {
    /// The program.
    pub path: PathBuf,
    /// What comes before the flags.
    pub arguments: Vec<OsString>,
}

impl NodeProgram {
    /// This program itself.
    ///
    /// # Errors
    ///
    /// The system does not say where it lies.
    pub fn own() -> Result<Self, DevnetError> {
        let path = std::env::current_exe().map_err(DevnetError::io(
            "find the program that runs as",
            std::path::Path::new("assay"),
        ))?;
        Ok(Self { path, arguments: vec!["node".into(), "run".into()] })
    }

    /// The command that starts a node; `bootnodes` are multiaddrs, `links` is a file.
    fn command(
        &self,
        chain: PathBuf,
        node: &NodeDirectory,
        launch: &Launch,
        bootnodes: &[String],
        links: Option<&Path>,
    ) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments);
        command.arg("--chain").arg(chain).arg("--datadir").arg(&node.path);
        command.arg("--log-file").arg(node.log());
        // Port 0 means the port of the last time, or any.
        command.args(["--port", "0", "--rpc-port", "0"]);
        if !bootnodes.is_empty() {
            command.arg("--bootnodes").arg(bootnodes.join(","));
        }
        if let Some(links) = links {
            command.arg("--links").arg(links);
        }
        if let Some(mining) = &launch.miner {
            command.arg("--mine").arg("--payout").arg(&mining.payout);
            command.arg("--miner-threads").arg(mining.threads.to_string());
            command.arg("--throttle").arg(&mining.throttle);
        }
        if launch.authority.is_some() {
            command.arg("--authority").arg(node.authority_key());
        }
        if let Some(owner) = &launch.stake {
            command.arg("--stake").arg(owner);
        }
        if launch.index {
            command.arg("--index");
        }
        if launch.stratum {
            command.args(["--stratum-port", "0"]);
        }
        if let Some(directory) = &launch.record {
            command.arg("--record").arg(directory.join(format!("{}.rec", node.name)));
        }
        // What the caller's shell sets for its own commands is not meant for every node of a devnet.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ASSAY_") {
                command.env_remove(name);
            }
        }
        command
    }
}

/// A process of a node, started just now.
#[derive(Debug)]
pub struct Started {
    /// The node.
    pub node: NodeDirectory,
    /// The process.
    pub process: Process,
    /// The handle, to be waited for: without it a node that ends stays in the process table until this program ends.
    pub child: Child,
}

/// Starts a node and records its process. It may end at once: watch it.
///
/// # Errors
///
/// Files that cannot be written, a program that cannot be started.
pub fn start(
    program: &NodeProgram,
    directory: &Directory,
    node: &NodeDirectory,
    launch: &Launch,
    bootnodes: &[String],
    links: &NodeLinks,
) -> Result<Started, DevnetError> {
    use std::os::unix::process::CommandExt;
    fs::create_dir_all(&node.path).map_err(DevnetError::io("create", &node.path))?;
    let (out, err) = logs::turn_over(&node.log()).map_err(DevnetError::io("write", &node.log()))?;
    let links = node.write_links(links)?;
    if let Some(owner) = &launch.authority {
        node.write_authority(owner)?;
    }
    let chain = directory.chain();
    let mut command = program.command(chain, node, launch, bootnodes, links.as_deref());
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    // Its own directory: it would otherwise keep the caller's from being unmounted.
    command.current_dir(&node.path).process_group(0);
    let mut child = command.spawn().map_err(DevnetError::io("start", &program.path))?;
    let record = || {
        let process = Process::with_pid(child.id())
            .map_err(DevnetError::io("look up the process of", &node.path))?
            .ok_or_else(|| gone(node, child.id()))?;
        let run = Run { process: process.clone(), launch: launch.clone(), ending: None };
        node.write_run(&run).map(|()| process)
    };
    match record() {
        Ok(process) => Ok(Started { node: node.clone(), process, child }),
        Err(error) => {
            // What is not recorded would never be found again.
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}

/// A child that nobody has waited for cannot leave the process table.
fn gone(node: &NodeDirectory, pid: u32) -> DevnetError {
    DevnetError::Damaged {
        path: node.path.clone(),
        reason: format!("process {pid} has just been started and is not in the process table"),
    }
}

#[cfg(test)]
#[path = "launch_tests.rs"]
mod tests;
