//! Finding the node that a command is meant for.
//!
//! In this order: `--rpc URL`; `--dir DEVNET[:NODE]`; the URL in `ASSAY_RPC`; the only devnet that runs; port 18544 of
//! this machine. Where several devnets run, a guess could spend coins on the wrong chain: they are listed, and the command
//! ends.
//!
//! `--dir` takes the name of a devnet in its usual place, the path of a devnet, or the path of a node's data directory. A
//! node is meant by its index or its name; without one, by being the first that runs. The cookie of a node is found in its
//! data directory, so methods that need it work with `--dir` and without options, not with a bare URL.
//!
//! A file says where a node listened last; whether it runs is asked of the process table and of the port.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::Globals;
use super::error::{CliError, did_you_mean};
use crate::api::Exit;
use crate::api::files::{self, COOKIE_FILE_NAME, DevnetFile, NodeFile, RPC_PORT_DEFAULT};

/// Names the node that commands ask, unless an option does.
pub const VARIABLE: &str = "ASSAY_RPC";

/// The most bytes of a file that says where a node is.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The most directories that are looked at in a usual place.
const DIRECTORIES_MAX: usize = 1000;

/// The most devnets that a message lists.
const LISTED_MAX: usize = 10;

/// How long a node on this machine may take to accept a connection before it counts as gone.
const ACCEPT_WAIT: Duration = Duration::from_millis(500);

/// The node that a command asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it answers requests: `http://HOST:PORT`.
    pub url: String,
    /// The file with the token of unsafe methods, where its place is known.
    pub cookie: Option<PathBuf>,
    /// How a message calls it.
    pub name: String,
    /// How it was found, as a hint for the case that it does not answer.
    pub found_by: &'static str,
}

/// What finding a node depends on beside options: a test answers these by itself.
pub trait Surroundings {
    /// The value of an environment variable, empty ones left out.
    fn variable(&self, name: &str) -> Option<std::ffi::OsString>;
    /// Whether the node that wrote this file runs.
    fn runs(&self, node: &NodeFile) -> bool;
}

/// This process and this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Here;

impl Surroundings for Here {
    fn variable(&self, name: &str) -> Option<std::ffi::OsString> {
        std::env::var_os(name).filter(|value| !value.is_empty())
    }

    fn runs(&self, node: &NodeFile) -> bool {
        process_exists(node.pid) && answers(&node.rpc)
    }
}

/// The node that the options, or else the surroundings, mean.
///
/// # Errors
///
/// Exit code 2 for options that make no sense, 8 where no such node runs or several devnets do.
pub fn node(globals: &Globals, surroundings: &impl Surroundings) -> Result<Node, CliError> {
    if let Some(given) = &globals.rpc {
        return at_url(given, "--rpc", "the URL given with --rpc");
    }
    let home = files::home(|name| surroundings.variable(name));
    if let Some(given) = &globals.dir {
        let place = place(given, home.as_deref())?;
        return in_place(&place, surroundings);
    }
    if let Some(given) = surroundings.variable(VARIABLE) {
        let given = given.to_string_lossy();
        return at_url(&given, VARIABLE, "the URL in ASSAY_RPC");
    }
    let running = match &home {
        Some(home) => running_devnets(&files::devnets(home), surroundings)?,
        None => Vec::new(),
    };
    match running.as_slice() {
        [] => Ok(at_default_port(home.as_deref())),
        [only] => only.first_running(surroundings),
        several => Err(which(several)),
    }
}

/// A node, and a short name for it among others.
pub type Labelled = (String, Node);

/// All nodes that the options, or else the surroundings, mean, each with a short name: those of a devnet that run, or the
/// one node that is meant.
///
/// # Errors
///
/// As [`node`].
pub fn nodes(
    globals: &Globals,
    surroundings: &impl Surroundings,
) -> Result<Vec<Labelled>, CliError> {
    let one = || node(globals, surroundings).map(|node| vec![(node.url.clone(), node)]);
    let home = files::home(|name| surroundings.variable(name));
    if globals.rpc.is_some() {
        return one();
    }
    if let Some(given) = &globals.dir {
        let place = place(given, home.as_deref())?;
        return match (Devnet::read(&place.directory)?, &place.node) {
            (Some(devnet), None) => devnet.all_running(surroundings),
            _ => one(),
        };
    }
    if surroundings.variable(VARIABLE).is_some() {
        return one();
    }
    let running = match &home {
        Some(home) => running_devnets(&files::devnets(home), surroundings)?,
        None => Vec::new(),
    };
    match running.as_slice() {
        [only] => only.all_running(surroundings),
        _ => one(),
    }
}

/// The node at the default port, with its cookie if it lives in the usual place.
fn at_default_port(home: Option<&Path>) -> Node {
    let url = format!("http://127.0.0.1:{RPC_PORT_DEFAULT}");
    let cookie = home.and_then(|home| {
        let entries = fs::read_dir(files::nodes(home)).ok()?;
        let mut directories =
            entries.take(DIRECTORIES_MAX).filter_map(Result::ok).map(|e| e.path());
        let lives_in = |directory: &PathBuf| {
            let file = read::<NodeFile>(&directory.join(NodeFile::NAME)).ok().flatten();
            file.is_some_and(|file| file.rpc == url && process_exists(file.pid))
        };
        cookie(&directories.find(lives_in)?)
    });
    Node {
        name: format!("the node at {url}"),
        url,
        cookie,
        found_by: "no devnet runs, so the default port was tried: start one with `assay devnet up pow-dev`, or say \
                   which node is meant with --rpc URL or --dir DEVNET",
    }
}

/// A directory that `--dir` means, and the node in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The directory of a devnet, or a node's data directory. It may not exist.
    pub directory: PathBuf,
    /// An index or a name, as it was typed.
    pub node: Option<String>,
}

/// What `--dir DEVNET[:NODE]` means. A text with a slash is a path, and so is the name of a directory here that holds a
/// devnet or a node; any other name is looked for among the devnets in their usual place, below `home`.
///
/// # Errors
///
/// Exit code 2 for an empty text, or for a name where no usual place is known.
pub fn place(given: &str, home: Option<&Path>) -> Result<Place, CliError> {
    // A colon may belong to a path, so the whole text goes first.
    if let Some(directory) = existing(given, home) {
        return Ok(Place { directory, node: None });
    }
    let (name, node) = match given.rsplit_once(':') {
        Some((name, node)) if !node.contains('/') => (name, Some(node.to_owned())),
        _ => (given, None),
    };
    if name.is_empty() || node.as_deref() == Some("") {
        return Err(CliError::usage(format!("`{given}` names no devnet")).help(
            "give --dir the name or the path of a devnet, and a node if you like: pow-dev:2",
        ));
    }
    if let Some(directory) = existing(name, home) {
        return Ok(Place { directory, node });
    }
    if name.contains('/') || name == "." || name == ".." {
        return Ok(Place { directory: name.into(), node });
    }
    match home {
        Some(home) => Ok(Place { directory: files::devnets(home).join(name), node }),
        None => Err(CliError::usage(format!(
            "the place of the devnet `{name}` is not known: neither ASSAY_HOME nor XDG_DATA_HOME nor HOME is set"
        ))
        .help("set one of them, or give --dir the path of the devnet")),
    }
}

/// The data directory that a place means, whether or not a node runs there.
///
/// # Errors
///
/// Exit code 2 for a devnet of several nodes where none is named, or for a node that it does not have.
pub fn data_directory(place: &Place) -> Result<PathBuf, CliError> {
    let Some(devnet) = Devnet::read(&place.directory)? else {
        return match &place.node {
            None => Ok(place.directory.clone()),
            Some(node) => {
                let directory = place.directory.display();
                Err(CliError::usage(format!(
                    "{directory} is no devnet, so `:{node}` names no node"
                )))
            }
        };
    };
    let name = match (&place.node, devnet.file.nodes.as_slice()) {
        (Some(node), _) => devnet.named(node)?,
        (None, [only]) => only,
        (None, _) => {
            let name = devnet.name();
            return Err(CliError::usage(format!(
                "the devnet {name} has several nodes, and it is not said whose data is meant"
            ))
            .help(format!("say which one, such as --dir {name}:0")));
        }
    };
    // The name becomes a part of a path, so it must be one.
    if name.contains('/') || matches!(name.as_str(), "" | "." | "..") {
        return Err(CliError::failed(format!(
            "`{}` is no name of a node",
            super::output::plain(name)
        )));
    }
    Ok(devnet.directory.join(name))
}

/// The directory with this name or path that holds a devnet or a node.
fn existing(name: &str, home: Option<&Path>) -> Option<PathBuf> {
    let holds = |directory: &Path| {
        directory.join(DevnetFile::NAME).is_file() || directory.join(NodeFile::NAME).is_file()
    };
    if name.is_empty() {
        return None;
    }
    let here = PathBuf::from(name);
    if holds(&here) {
        return Some(here);
    }
    let there = files::devnets(home?).join(name);
    (!name.contains('/') && holds(&there)).then_some(there)
}

/// The devnets that run, in order of name, in their usual place.
fn running_devnets(
    directory: &Path,
    surroundings: &impl Surroundings,
) -> Result<Vec<Devnet>, CliError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(CliError::file("read", directory, &error)),
    };
    let mut paths: Vec<PathBuf> =
        entries.take(DIRECTORIES_MAX).filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    // A directory that is damaged or not a devnet at all is not running; whoever names it is told what is wrong.
    Ok(paths
        .into_iter()
        .filter_map(|path| Devnet::read(&path).ok().flatten())
        .filter(|devnet| devnet.first_running(surroundings).is_ok())
        .collect())
}

/// The node in a directory that was named.
fn in_place(place: &Place, surroundings: &impl Surroundings) -> Result<Node, CliError> {
    if let Some(devnet) = Devnet::read(&place.directory)? {
        return match &place.node {
            Some(node) => devnet.chosen(node, surroundings),
            None => devnet.first_running(surroundings),
        };
    }
    let directory = place.directory.display();
    if let Some(file) = read::<NodeFile>(&place.directory.join(NodeFile::NAME))? {
        if let Some(node) = &place.node {
            return Err(CliError::usage(format!(
                "{directory} is the data directory of one node, so `:{node}` names none"
            ))
            .help(format!("say --dir {directory}")));
        }
        let name = format!("the node in {directory}");
        return if surroundings.runs(&file) {
            Ok(Node {
                url: file.rpc,
                cookie: cookie(&place.directory),
                name,
                found_by: FOUND_BY_DIR,
            })
        } else {
            Err(unreachable(format!("{name} is not running"))
                .help(format!("start it with `assay node run --datadir {directory}`")))
        };
    }
    Err(unreachable(format!("{directory} holds neither a devnet nor a node"))
        .help("`--dir` takes the name or the path of a devnet, or a node's data directory; start a devnet with `assay devnet up pow-dev`"))
}

const FOUND_BY_DIR: &str = "its address comes from its data directory";

/// A devnet's directory.
#[derive(Debug, Clone)]
struct Devnet {
    directory: PathBuf,
    file: DevnetFile,
}

impl Devnet {
    /// The devnet in a directory; `None` if there is none.
    fn read(directory: &Path) -> Result<Option<Self>, CliError> {
        let Some(file) = read::<DevnetFile>(&directory.join(DevnetFile::NAME))? else {
            return Ok(None);
        };
        if file.format != DevnetFile::FORMAT {
            let message = format!(
                "the devnet in {} has format {}, and this version reads format {}",
                directory.display(),
                file.format,
                DevnetFile::FORMAT
            );
            return Err(CliError::new(Exit::Database, "devnet_format", message).help(
                "use the version that made it, or make a new one beside it with another --dir",
            ));
        }
        Ok(Some(Self { directory: directory.to_owned(), file }))
    }

    /// What a message calls it and `--dir` takes: its name in the usual place, else its path.
    fn name(&self) -> String {
        self.directory.file_name().unwrap_or(self.directory.as_os_str()).to_string_lossy().into()
    }

    /// The node with this index or name, if it runs.
    fn chosen(&self, given: &str, surroundings: &impl Surroundings) -> Result<Node, CliError> {
        let name = self.named(given)?;
        self.running(name, surroundings)?.ok_or_else(|| {
            unreachable(format!("{name} of the devnet {} is not running", self.name()))
                .help(format!("start it with `assay devnet restart {name} --dir {}`", self.shown()))
        })
    }

    /// The name of the node with this index or name.
    fn named(&self, given: &str) -> Result<&String, CliError> {
        let names = &self.file.nodes;
        let index = given.parse::<usize>().ok();
        let by_name = names.iter().find(|name| *name == given);
        by_name.or_else(|| index.and_then(|index| names.get(index))).ok_or_else(|| {
            let listed = names.iter().take(LISTED_MAX).map(String::as_str).collect::<Vec<_>>();
            let help = did_you_mean(given, names.iter().map(String::as_str))
                .unwrap_or_else(|| format!("its nodes are {}", listed.join(", ")));
            CliError::usage(format!("the devnet {} has no node `{given}`", self.name())).help(help)
        })
    }

    /// All nodes that run, at least one.
    fn all_running(&self, surroundings: &impl Surroundings) -> Result<Vec<Labelled>, CliError> {
        let mut all = Vec::new();
        for name in &self.file.nodes {
            if let Some(node) = self.running(name, surroundings)? {
                all.push((name.clone(), node));
            }
        }
        if all.is_empty() {
            // It says why.
            all.push((self.name(), self.first_running(surroundings)?));
        }
        Ok(all)
    }

    /// The first node that runs.
    fn first_running(&self, surroundings: &impl Surroundings) -> Result<Node, CliError> {
        for name in &self.file.nodes {
            if let Some(node) = self.running(name, surroundings)? {
                return Ok(node);
            }
        }
        Err(unreachable(format!("no node of the devnet {} is running", self.name())).help(format!(
            "start it with `assay devnet up {} --dir {}`",
            super::output::plain(&self.file.chain),
            self.shown()
        )))
    }

    fn running(
        &self,
        name: &str,
        surroundings: &impl Surroundings,
    ) -> Result<Option<Node>, CliError> {
        // The name becomes a part of a path, so it must be one.
        if name.contains('/') || matches!(name, "" | "." | "..") {
            return Ok(None);
        }
        let directory = self.directory.join(name);
        let file = read::<NodeFile>(&directory.join(NodeFile::NAME))?;
        Ok(file.filter(|file| surroundings.runs(file)).map(|file| Node {
            url: file.rpc,
            cookie: cookie(&directory),
            name: format!("{name} of the devnet {}", self.name()),
            found_by: FOUND_BY_DIR,
        }))
    }

    fn shown(&self) -> std::path::Display<'_> {
        self.directory.display()
    }
}

fn cookie(directory: &Path) -> Option<PathBuf> {
    Some(directory.join(COOKIE_FILE_NAME))
}

fn unreachable(message: String) -> CliError {
    CliError::new(Exit::Unreachable, "unreachable", message)
}

/// Several devnets run: which one?
fn which(running: &[Devnet]) -> CliError {
    let mut help = String::from("say which one with --dir:");
    for devnet in running.iter().take(LISTED_MAX) {
        help.push_str(&format!("\n  --dir {}    {}", devnet.name(), devnet.shown()));
    }
    if let Some(more) = running.len().checked_sub(LISTED_MAX).filter(|more| *more > 0) {
        help.push_str(&format!("\n  and {more} more"));
    }
    CliError::new(
        Exit::Unreachable,
        "several_devnets",
        format!("{} devnets are running, and it is not said which one is meant", running.len()),
    )
    .help(help)
}

/// A node by its URL.
fn at_url(given: &str, option: &str, found_by: &'static str) -> Result<Node, CliError> {
    let url = normal_url(given).map_err(|reason| {
        CliError::usage(format!(
            "{option}: `{}` is no URL of a node: {reason}",
            super::output::plain(given)
        ))
        .help(format!("write it like http://127.0.0.1:{RPC_PORT_DEFAULT}"))
    })?;
    let name = format!("the node at {url}");
    Ok(Node { url, cookie: None, name, found_by })
}

/// A URL as `http://HOST:PORT`, from that or from `HOST:PORT`.
fn normal_url(given: &str) -> Result<String, &'static str> {
    let rest = match given.split_once("://") {
        Some(("http", rest)) => rest,
        Some(("https", _)) => return Err("nodes speak http, not https"),
        Some(_) => return Err("nodes speak http"),
        None => given,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#', '@'])
        || rest.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        return Err("it has more than a host and a port");
    }
    let Some((host, port)) = rest.rsplit_once(':') else { return Err("it has no port") };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.is_empty() || (host.contains(':') && !bracketed) {
        return Err("it has no host; one of IPv6 stands in brackets");
    }
    match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok(format!("http://{host}:{port}")),
        _ => Err("its port is not a number from 1 to 65535"),
    }
}

/// Whether anything accepts connections at a URL.
fn answers(url: &str) -> bool {
    let Ok(url) = normal_url(url) else { return false };
    let authority = url.strip_prefix("http://").unwrap_or(&url);
    let Ok(addresses) = authority.to_socket_addrs() else { return false };
    addresses.into_iter().any(|address| TcpStream::connect_timeout(&address, ACCEPT_WAIT).is_ok())
}

/// Whether there is a process with this number, whoever owns it.
fn process_exists(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else {
        return false;
    };
    !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

/// Reads a file of JSON; `None` if there is no file.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, CliError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(CliError::file("read", path, &error)),
    };
    let mut text = String::new();
    file.take(FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| CliError::file("read", path, &error))?;
    serde_json::from_str(&text).map(Some).map_err(|error| {
        CliError::failed(format!("{} is damaged: {error}", path.display()))
            .help("a node writes it anew when it starts; a devnet is made anew with `assay devnet up --fresh`")
    })
}

#[cfg(test)]
#[path = "locate_tests.rs"]
mod tests;
