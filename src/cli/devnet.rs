//! `assay devnet`: start, watch, break and stop the nodes of a chain on this machine.

mod faults;
mod show;
mod view;

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Subcommand;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use super::error::CliError;
use super::signals::Signals;
use super::specs::{self, Given};
use super::{Globals, block_on, locate, log, output};
use crate::api::{DevnetFile, DevnetLinks, DevnetStatus, Exit, files};
use crate::devnet::{
    Children, Circumstances, DevnetError, Directory, Ended, Ending, GRACE, NODES_MAX,
    NodeDirectory, NodeProgram, Outlook, Plan, Ports, Site, Tail, Watch, end, find, payouts, plan,
    start, status,
};
use crate::node::hashrate;
use crate::types::Span;

const EXAMPLES: &str = "\
Examples:
  assay devnet up pow-dev                  four nodes until Ctrl-C; their chain is kept
  assay devnet up my.toml --nodes 7 --detach
  assay devnet status --json
  assay devnet kill node1                  a crash; the others go on
  assay devnet restart 1                   it comes back to the tip
  assay devnet link --latency 80ms         every link; `link 0 1 --loss 2%` is one
  assay devnet partition 0,1 2,3           two halves that hear nothing of each other
  assay devnet heal                        they do again
  assay devnet down                        stop the nodes and remove the chain

Which devnet: --dir NAME or --dir PATH, else the only one that runs, else the only one there is.
NODE is a name such as node1, or its number.";

/// How long a status waits for a node that is busy.
const STATUS_WAIT: Duration = Duration::from_secs(2);

/// The same while the nodes are watched, where the next look is near.
const WATCH_WAIT: Duration = Duration::from_millis(700);

/// How often watched nodes are looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// What `assay devnet` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the nodes of a chain, or go on with it; watch them until Ctrl-C
    Up(Up),
    /// Say how the nodes are
    Status,
    /// Print what a node logs
    Logs {
        /// Which node
        node: String,
        /// Go on as the log grows, until Ctrl-C
        #[arg(short, long)]
        follow: bool,
        /// How many lines of what there is
        #[arg(short = 'n', long, value_name = "LINES", default_value_t = 100)]
        lines: usize,
    },
    /// Stop all nodes and keep everything
    Stop,
    /// End a node at once, as a crash would
    Kill {
        /// Which node
        node: String,
    },
    /// Let a node stand still, as if its machine were overloaded
    Pause {
        /// Which node
        node: String,
    },
    /// Let a paused node go on
    Resume {
        /// Which node
        node: String,
    },
    /// Start a node again, after stopping it if it runs
    Restart {
        /// Which node
        node: String,
    },
    /// Start one node more, which joins the others
    Add {
        /// Let it sign with the key of a development account, which the authorities may add to themselves, or coins elect
        #[arg(long)]
        authority: bool,
    },
    /// Shape links: what is not named is not shaped. Without options, say how links are shaped
    Link(faults::Link),
    /// Let nothing pass between groups of nodes, in place of an earlier partition
    Partition {
        /// Nodes with commas between them; those that are in no group are one more
        #[arg(value_name = "GROUP", required = true)]
        groups: Vec<String>,
    },
    /// End the partition; shapes of links stay
    Heal,
    /// Stop all nodes and remove what `up` created
    Down,
}

#[derive(Debug, clap::Args)]
struct Up {
    /// The chain: a file, or the name of a shipped spec such as pow-dev
    spec: String,
    /// How many nodes, 1 to 128 [default: as many as there are, or as the spec says]
    #[arg(long, value_parser = nodes)]
    nodes: Option<NonZeroUsize>,
    /// What to call the devnet, beside others [default: the chain's name]
    #[arg(long, conflicts_with = "dir")]
    name: Option<String>,
    /// Let the nodes keep an index of the history of addresses, which `assay wallet history` reads
    #[arg(long)]
    index: bool,
    /// Let miners in over Stratum, at the address that `devnet status --json` and each node's log name
    #[arg(long)]
    stratum: bool,
    /// Record what each node is fed in DIR/NODE.rec, which `assay sim replay` runs again
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Leave the nodes running and return
    #[arg(short, long)]
    detach: bool,
    /// Remove the chain that lives there first
    #[arg(long)]
    fresh: bool,
    /// Show a line every second and no view, also on a terminal
    #[arg(long)]
    plain: bool,
}

pub(super) fn nodes(text: &str) -> Result<NonZeroUsize, String> {
    let nodes = text.parse::<NonZeroUsize>().ok().filter(|nodes| nodes.get() <= NODES_MAX);
    nodes.ok_or_else(|| format!("expected a number of nodes from 1 to {NODES_MAX}"))
}

/// Runs `assay devnet`.
pub fn run(args: Args, globals: &Globals) -> Result<Exit, CliError> {
    log::start(globals.log_format.unwrap_or_default(), globals.verbose, false)?;
    if globals.rpc.is_some() {
        return Err(CliError::usage(
            "`--rpc` has no meaning for `assay devnet`: it works on processes of this machine",
        )
        .help("say which devnet is meant with --dir"));
    }
    block_on(async {
        match args.command {
            Command::Up(args) => up(args, globals).await,
            Command::Status => {
                let (directory, marker) = existing(globals)?;
                print_status(&directory, &marker, globals).await
            }
            Command::Logs { node, follow, lines } => logs(&node, follow, lines, globals).await,
            Command::Stop => stop(globals).await,
            Command::Kill { node } => kill(&node, globals).await,
            Command::Pause { node } => faults::pause_node(&node, globals).await,
            Command::Resume { node } => faults::resume_node(&node, globals).await,
            Command::Restart { node } => restart(&node, globals).await,
            Command::Add { authority } => faults::add(authority, globals).await,
            Command::Link(args) => faults::link(args, globals).await,
            Command::Partition { groups } => faults::partition(&groups, globals).await,
            Command::Heal => faults::heal(globals).await,
            Command::Down => down(globals).await,
        }
    })
}

/// The place of devnets that were told none.
fn devnets() -> Option<PathBuf> {
    specs::home().map(|home| files::devnets(&home))
}

fn no_home() -> CliError {
    CliError::usage(
        "there is no place for devnets: neither ASSAY_HOME nor XDG_DATA_HOME nor HOME is set",
    )
    .help("set one of them, or say where with --dir")
}

/// The directory that `--dir` means.
fn named(given: &str) -> Result<Directory, CliError> {
    let place = locate::place(given, specs::home().as_deref())?;
    if let Some(node) = place.node {
        return Err(CliError::usage(format!(
            "`--dir {given}` names a node, and a devnet is meant"
        ))
        .help(format!(
            "leave `:{node}` out; a node goes after the command, as in `assay devnet logs {node}`"
        )));
    }
    at(place.directory)
}

fn at(path: PathBuf) -> Result<Directory, CliError> {
    // A link to a devnet elsewhere is followed now: what is removed later is the devnet, not the link.
    let path = path.canonicalize().unwrap_or(path);
    Ok(Directory::at(&path)?)
}

/// The devnet that a command is meant for.
fn existing(globals: &Globals) -> Result<(Directory, DevnetFile), CliError> {
    let directory = match &globals.dir {
        Some(given) => named(given)?,
        None => find::the_only(&devnets().ok_or_else(no_home)?)?,
    };
    let marker = directory.existing()?;
    Ok((directory, marker))
}

/// Where `up` puts a devnet.
fn place(args: &Up, given: &Given, globals: &Globals) -> Result<Directory, CliError> {
    if let Some(dir) = &globals.dir {
        return named(dir);
    }
    let name = args.name.as_deref().unwrap_or(&given.spec.name);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !name.chars().all(plain)
        || name.len() > 64
    {
        return Err(DevnetError::Name(name.chars().take(80).collect()).into());
    }
    at(devnets().ok_or_else(no_home)?.join(name))
}

async fn up(args: Up, globals: &Globals) -> Result<Exit, CliError> {
    // The spec first: a mistake in it must not cost anything that lives there.
    let given = specs::read(&args.spec)?;
    if args.stratum && given.spec.consensus().pow().is_none() {
        let message = "--stratum: the blocks of this chain are not proven by work";
        return Err(CliError::usage(message).help("leave it out, or take a chain such as pow-dev"));
    }
    let mut site = Site::claim(place(&args, &given, globals)?, args.fresh)?;
    for path in &site.left {
        output::note(format!("note: {} is not part of the devnet and stays", path.display()));
    }
    let resumed = site.existing().is_some();
    let record = args.record.as_deref().map(made).transpose()?;
    let record = record.as_deref();
    let wishes = Wishes { nodes: args.nodes, index: args.index, stratum: args.stratum, record };
    let plan = planned(&given, wishes, &site)?;
    let marker = site.settle(&plan, output::now())?;
    let directory = site.directory().clone();
    reconnect(&directory, &site, &given)?;
    let all = directory.nodes(&marker);
    let program = NodeProgram::own()?;
    let launches = site.launches(&plan)?;
    // Until here a signal just ends this command; from here on there is something to be put in order.
    let mut signals = Signals::new()?;
    let crew = tokio::select! {
        crew = start(&program, &directory, &all, &launches, &Ports) => crew?,
        exit = signals.next() => {
            end_all(&all, &mut signals).await?;
            return Ok(exit);
        }
    };
    for warning in &crew.warnings {
        output::note(format!("warning: {warning}"));
    }
    let option = register(&directory);
    let heading = show::Heading {
        status: &status(&directory, &marker, &Ports, STATUS_WAIT).await?,
        spec: &args.spec,
        block_time: given.spec.consensus().block_time(),
        dev: given.spec.dev,
        launches: &plan.launches,
        option: &option,
        watched: !args.detach,
        resumed,
    };
    let printed = match globals.json {
        true => output::json(heading.status),
        false => output::text(&heading.text()),
    };
    if args.detach {
        return printed.map(|()| Exit::Ok);
    }
    // From here on the nodes matter more than whether somebody reads on.
    let watch = Watch::new(all, &crew.started);
    drop(site);
    let mut children = Children::default();
    children.adopt(crew.started);
    let subject = view::Subject {
        directory: &directory,
        marker: &marker,
        spec: &given.spec,
        launches: &plan.launches,
        since: Instant::now(),
    };
    let viewed = !args.plain && !globals.json && printed.is_ok() && view::is_there();
    let Watched::Until(exit) = supervise(subject, watch, children, viewed, &mut signals).await?
    else {
        return Ok(Exit::Ok);
    };
    // Where another command is at work for too long, the nodes are stopped all the same.
    let _lock = directory.lock();
    if let Some(marker) = directory.marker()? {
        end_all(&directory.nodes(&marker), &mut signals).await?;
    }
    Ok(exit)
}

/// Connects the nodes as the spec says. What commands did to the links ends with the run in which they did it.
pub(super) fn reconnect(directory: &Directory, site: &Site, given: &Given) -> Result<(), CliError> {
    let before = directory.links()?;
    let now = DevnetLinks { all: given.spec.devnet.links.into(), ..DevnetLinks::default() };
    if !before.pairs.is_empty() || !before.partition.is_empty() {
        output::note("note: the partition and the shapes of single links of the last run are over");
    }
    Ok(directory.write_links(&now, site.lock())?)
}

/// A directory that is there from now on, as an absolute path: nodes have directories of their own.
fn made(directory: &Path) -> Result<PathBuf, CliError> {
    std::fs::create_dir_all(directory)
        .and_then(|()| directory.canonicalize())
        .map_err(|error| CliError::file("make", directory, &error))
}

/// What options say about the nodes of a devnet.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wishes<'a> {
    /// How many; as many as the spec says if it is left open.
    pub(super) nodes: Option<NonZeroUsize>,
    /// Whether they keep an index of the history of addresses.
    pub(super) index: bool,
    /// Whether they let miners in.
    pub(super) stratum: bool,
    /// Where they record what they are fed.
    pub(super) record: Option<&'a Path>,
}

/// What is to run, from the spec and what lives in the directory.
pub(super) fn planned(given: &Given, wishes: Wishes<'_>, site: &Site) -> Result<Plan, CliError> {
    let chain = site.directory().chain();
    let circumstances = Circumstances {
        existing: site.existing().map(|(marker, text)| (marker, text, chain.as_path())),
        nodes: wishes.nodes.map(NonZeroUsize::get),
        index: wishes.index,
        stratum: wishes.stratum,
        record: wishes.record,
        now: output::now(),
        cores: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
    };
    let hash_rate = || {
        let cache = hashrate::cache_file(|name| std::env::var_os(name));
        hashrate::hashes_per_second(cache.as_deref())
    };
    let file = site.directory().payout();
    let payouts = |spec: &_, nodes| payouts(spec, nodes, &file);
    Ok(plan(given.spec.clone(), &circumstances, hash_rate, payouts)?)
}

/// Makes the devnet known where commands look, and says what they need to find it: nothing, if it is the only one that
/// runs.
fn register(directory: &Directory) -> String {
    let by_path = || format!(" --dir {}", directory.path().display());
    let Some(devnets) = devnets() else { return by_path() };
    let name = match find::register(&devnets, directory) {
        Ok(name) => name,
        Err(error) => {
            output::note(format!(
                "warning: other commands find this devnet only by its path: {error}"
            ));
            return by_path();
        }
    };
    let running = find::all(&devnets).unwrap_or_default().into_iter().filter(|one| one.running);
    if running.count() > 1 { format!(" --dir {name}") } else { String::new() }
}

/// Why nodes are no longer watched.
enum Watched {
    /// They are still to be stopped, and the command is to end with this code.
    Until(Exit),
    /// Another command has stopped them.
    Over,
}

/// Watches the nodes, in the view or line by line, until somebody wants them to stop or has stopped them.
async fn supervise(
    subject: view::Subject<'_>,
    mut watch: Watch,
    mut children: Children,
    viewed: bool,
    signals: &mut Signals,
) -> Result<Watched, CliError> {
    if viewed {
        let left = view::run(subject, &mut watch, &mut children, signals).await;
        for death in left.deaths {
            output::note(death);
        }
        match left.why {
            view::Why::Stop(exit) => {
                print_line(subject).await;
                return Ok(Watched::Until(exit));
            }
            view::Why::Over(outlook) => return ended(outlook),
            view::Why::Broken(error) => output::note(format!(
                "warning: the terminal cannot show the view: {error}; a line every second instead"
            )),
        }
    }
    watch_until_end(subject, watch, children, signals).await
}

/// What lives in the directory now, if that is more nodes than before; they are watched from now on.
fn grown(directory: &Directory, before: &DevnetFile, watch: &mut Watch) -> Option<DevnetFile> {
    let now = directory.marker().ok().flatten()?;
    if now.nodes.len() <= before.nodes.len() {
        return None;
    }
    watch.extend(directory.nodes(&now).into_iter().skip(before.nodes.len()));
    Some(now)
}

/// Says one line on how the nodes are.
async fn print_line(subject: view::Subject<'_>) {
    // Files that are being replaced are there at the next look.
    let Ok(Some(marker)) = subject.directory.marker() else { return };
    if let Ok(status) = status(subject.directory, &marker, &Ports, WATCH_WAIT).await {
        output::note(show::line(&status, subject.since.elapsed()));
    }
}

/// The nodes have ended: by somebody's wish, or not.
fn ended(outlook: Outlook) -> Result<Watched, CliError> {
    match outlook {
        Outlook::Lost => Err(DevnetError::AllEnded.into()),
        Outlook::Going | Outlook::Stopped => {
            output::note("another command stopped the devnet");
            Ok(Watched::Over)
        }
    }
}

/// Tells what happens to the nodes line by line, until somebody wants them to stop or has stopped them.
async fn watch_until_end(
    subject: view::Subject<'_>,
    mut watch: Watch,
    mut children: Children,
    signals: &mut Signals,
) -> Result<Watched, CliError> {
    let mut marker = subject.marker.clone();
    let mut ticks = interval(WATCH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let told = tokio::select! {
            _ = ticks.tick() => None,
            exit = signals.next() => Some(exit),
        };
        // Another command may have added nodes; a file that is being replaced is there at the next look.
        if let Some(now) = grown(subject.directory, &marker, &mut watch) {
            marker = now;
        }
        // Also before the end: who has died before it did not stop because of it.
        for notice in watch.look(&mut children) {
            output::note(show::notice(&notice));
        }
        if let Some(exit) = told {
            return Ok(Watched::Until(exit));
        }
        match watch.outlook() {
            Outlook::Going => (),
            over => return ended(over),
        }
        print_line(subject).await;
    }
}

/// Stops nodes, at once when a signal comes meanwhile, and says so.
pub(super) async fn end_all(
    nodes: &[NodeDirectory],
    signals: &mut Signals,
) -> Result<Vec<Ended>, CliError> {
    let hurry = async {
        signals.next().await;
    };
    let ended = end(nodes, Ending::Stop, hurry).await?;
    let forced: Vec<&str> =
        ended.iter().filter(|one| one.forced).map(|one| one.node.as_str()).collect();
    if !forced.is_empty() {
        output::note(format!(
            "warning: {} did not end when asked, for up to {}, and had to be killed",
            forced.join(", "),
            output::duration(Span::seconds(GRACE.as_secs()))
        ));
    }
    output::note(match ended.len() {
        0 => "no node was running".to_owned(),
        1 => "stopped 1 node".to_owned(),
        more => format!("stopped {more} nodes"),
    });
    Ok(ended)
}

async fn print_status(
    directory: &Directory,
    marker: &DevnetFile,
    globals: &Globals,
) -> Result<Exit, CliError> {
    let status: DevnetStatus = status(directory, marker, &Ports, STATUS_WAIT).await?;
    match globals.json {
        true => output::json(&status)?,
        false => output::text(&show::table(&status))?,
    }
    Ok(Exit::Ok)
}

/// Prints one line, or with `--json` how the nodes are now.
async fn print_done(
    line: String,
    directory: &Directory,
    marker: &DevnetFile,
    globals: &Globals,
) -> Result<Exit, CliError> {
    if globals.json {
        return print_status(directory, marker, globals).await;
    }
    output::line(line)?;
    Ok(Exit::Ok)
}

async fn logs(node: &str, follow: bool, lines: usize, globals: &Globals) -> Result<Exit, CliError> {
    if globals.json {
        return Err(CliError::usage(
            "`--json` has no meaning for `assay devnet logs`: a log is lines of text",
        )
        .help(
            "leave `--json` out; with RPC and `devnet status --json` a script asks nodes directly",
        ));
    }
    let (directory, marker) = existing(globals)?;
    let node = directory.named(&marker, node)?;
    let mut tail = Tail::open(&node.log(), lines).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            CliError::failed(format!("{} has no log: it was never started", node.name))
        }
        _ => CliError::file("read", &node.log(), &error),
    })?;
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::reader_gone(),
        _ => CliError::file("show", &node.log(), &error),
    };
    let mut stdout = io::stdout();
    if !follow {
        tail.print(&mut stdout).map_err(failed)?;
        return Ok(Exit::Ok);
    }
    let mut signals = Signals::new()?;
    tokio::select! {
        ended = tail.follow(&mut stdout) => match ended.map_err(failed)? {},
        exit = signals.next() => Ok(exit),
    }
}

async fn stop(globals: &Globals) -> Result<Exit, CliError> {
    let (directory, _) = existing(globals)?;
    let _lock = directory.lock()?;
    let marker = directory.existing()?;
    let mut signals = Signals::new()?;
    end_all(&directory.nodes(&marker), &mut signals).await?;
    let line = format!(
        "{} is stopped; what it has is kept in {}",
        marker.chain,
        directory.path().display()
    );
    print_done(line, &directory, &marker, globals).await
}

async fn kill(node: &str, globals: &Globals) -> Result<Exit, CliError> {
    let (directory, marker) = existing(globals)?;
    let node = directory.named(&marker, node)?;
    let _lock = directory.lock()?;
    let ended = end(std::slice::from_ref(&node), Ending::Kill, std::future::pending()).await?;
    if ended.is_empty() {
        return Err(DevnetError::NotRunning(node.name).into());
    }
    let line = format!("killed {0}; `assay devnet restart {0}` brings it back", node.name);
    print_done(line, &directory, &marker, globals).await
}

async fn restart(node: &str, globals: &Globals) -> Result<Exit, CliError> {
    let (directory, marker) = existing(globals)?;
    let node = directory.named(&marker, node)?;
    let _lock = directory.lock()?;
    let Some(run) = node.run()? else { return Err(DevnetError::NeverStarted(node.name).into()) };
    let program = NodeProgram::own()?;
    let all = directory.nodes(&marker);
    let launches = [(node.clone(), run.launch)];
    let mut signals = Signals::new()?;
    let hurry = async {
        signals.next().await;
    };
    end(std::slice::from_ref(&node), Ending::Restart, hurry).await?;
    let crew = tokio::select! {
        crew = start(&program, &directory, &all, &launches, &Ports) => crew?,
        exit = signals.next() => {
            output::note(format!("{} goes on starting", node.name));
            return Ok(exit);
        }
    };
    for warning in &crew.warnings {
        output::note(format!("warning: {warning}"));
    }
    faults::tell(&directory, &marker).await?;
    let url = node.addresses()?.map_or_else(String::new, |file| format!(" at {}", file.rpc));
    print_done(format!("{} runs again{url}", node.name), &directory, &marker, globals).await
}

/// What `devnet down --json` prints.
#[derive(Debug, Serialize)]
struct Removed {
    dir: PathBuf,
    /// What stayed, because `up` did not create it.
    left: Vec<PathBuf>,
}

async fn down(globals: &Globals) -> Result<Exit, CliError> {
    let (directory, _) = existing(globals)?;
    let lock = directory.lock()?;
    let marker = directory.existing()?;
    let mut signals = Signals::new()?;
    end_all(&directory.nodes(&marker), &mut signals).await?;
    if let Some(devnets) = devnets()
        && let Err(error) = find::unregister(&devnets, &directory)
    {
        output::note(format!("warning: a link to the devnet stays: {error}"));
    }
    let left = directory.remove(&marker, &lock)?;
    if globals.json {
        output::json(&Removed { dir: directory.path().to_owned(), left })?;
        return Ok(Exit::Ok);
    }
    for path in left {
        output::note(format!("note: {} is not part of the devnet and stays", path.display()));
    }
    output::line(format!("removed {} from {}", marker.chain, directory.path().display()))?;
    Ok(Exit::Ok)
}

impl From<DevnetError> for CliError {
    fn from(error: DevnetError) -> Self {
        Self::new(error.exit(), error.code(), error.to_string()).maybe_help(error.help())
    }
}
