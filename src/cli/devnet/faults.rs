//! What breaks and mends a devnet that runs: links, partitions, pauses, and one node more.

use clap::ArgGroup;

use super::{existing, print_done, show};
use crate::api::{DevnetFile, DevnetLinks, Exit, LinkShape as Json};
use crate::cli::error::CliError;
use crate::cli::signals::Signals;
use crate::cli::{Globals, output};
use crate::devnet::{
    DevnetError, Directory, Lock, NodeProgram, Ports, grow, links, pause, resume, start,
};
use crate::spec::{Bandwidth, LinkError, LinkShape, Loss, delay};
use crate::types::Span;

/// Latencies above this are warned of: a request takes two round trips, and nodes wait for it for ten seconds.
const LATENCY_WARNED: Span = Span::seconds(2);

/// What `assay devnet link` takes.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("shape").multiple(true).args(["latency", "jitter", "loss", "bandwidth"])))]
pub(super) struct Link {
    /// The two nodes whose link is meant [default: every link]
    #[arg(value_names = ["A", "B"], num_args = 2)]
    nodes: Vec<String>,
    /// How long everything takes on its way, one way, such as 80ms; a round trip takes twice that
    #[arg(long, value_parser = |text: &str| told(delay("latency", text)))]
    latency: Option<Span>,
    /// How far single segments are from that at most, either side, such as 10ms; order stays
    #[arg(long, value_parser = |text: &str| told(delay("jitter", text)))]
    jitter: Option<Span>,
    /// The share of segments that are lost and sent again after a pause, such as 2%
    #[arg(long, value_parser = |text: &str| told(Loss::parse(text)))]
    loss: Option<Loss>,
    /// The bits that pass in a second each way, such as 10mbit, or unlimited
    #[arg(long, value_parser = |text: &str| told(Bandwidth::parse(text)))]
    bandwidth: Option<Bandwidth>,
    /// Make every link plain again, or the link of A and B like all others
    #[arg(long, conflicts_with = "shape")]
    reset: bool,
}

/// The argument parser names what was given by itself.
fn told<T>(read: Result<T, LinkError>) -> Result<T, String> {
    read.map_err(|error| format!("{error}; {}", error.help()))
}

impl From<LinkError> for CliError {
    fn from(error: LinkError) -> Self {
        Self::usage(error.to_string()).help(error.help())
    }
}

impl Link {
    /// The shape that is asked for; `None` if none is.
    fn shape(&self) -> Result<Option<LinkShape>, CliError> {
        let &Self { latency, jitter, loss, bandwidth, .. } = self;
        if latency.is_none() && jitter.is_none() && loss.is_none() && bandwidth.is_none() {
            return Ok(None);
        }
        let (latency, jitter) = (latency.unwrap_or_default(), jitter.unwrap_or_default());
        let (loss, bandwidth) = (loss.unwrap_or_default(), bandwidth.unwrap_or_default());
        Ok(Some(LinkShape::new(latency, jitter, loss, bandwidth)?))
    }
}

/// A devnet that this command has to itself.
struct Held {
    directory: Directory,
    marker: DevnetFile,
    lock: Lock,
}

fn hold(globals: &Globals) -> Result<Held, CliError> {
    let (directory, _) = existing(globals)?;
    let lock = directory.lock()?;
    // It may have changed while another command held it.
    let marker = directory.existing()?;
    Ok(Held { directory, marker, lock })
}

impl Held {
    /// Writes down how the nodes are connected, tells them, and says so.
    async fn connect(
        self,
        links: &DevnetLinks,
        line: String,
        globals: &Globals,
    ) -> Result<Exit, CliError> {
        self.directory.write_links(links, &self.lock)?;
        links::apply(&self.directory, &self.marker, &Ports).await?;
        match globals.json {
            true => output::json(links)?,
            false => output::line(line)?,
        }
        Ok(Exit::Ok)
    }
}

pub(super) async fn link(args: Link, globals: &Globals) -> Result<Exit, CliError> {
    let shape = args.shape()?;
    if shape.is_none() && !args.reset {
        return print_links(&args, globals);
    }
    let held = hold(globals)?;
    let mut links = held.directory.links()?;
    let shown = match shape {
        Some(shape) if shape.is_plain() => "plain".to_owned(),
        Some(shape) => format!("{shape}, each way"),
        None if args.nodes.is_empty() => "plain again".to_owned(),
        None => "like all others again".to_owned(),
    };
    let which = match args.nodes.as_slice() {
        [one, other] => {
            let one = held.directory.named(&held.marker, one)?;
            let other = held.directory.named(&held.marker, other)?;
            links::shape_pair(&mut links, [&one, &other], shape.map(Json::from))?;
            format!("{} - {}", one.name, other.name)
        }
        _ => {
            (links.all, links.pairs) = (shape.unwrap_or_default().into(), Vec::new());
            "every link".to_owned()
        }
    };
    if shape.is_some_and(|shape| shape.latency() > LATENCY_WARNED) {
        output::note(
            "note: nodes wait 10 s for an answer, and a question takes two round trips: they will hardly hear of each other",
        );
    }
    held.connect(&links, format!("{which}: {shown}"), globals).await
}

/// Prints how the nodes are connected, or the two that are named.
fn print_links(args: &Link, globals: &Globals) -> Result<Exit, CliError> {
    let (directory, marker) = existing(globals)?;
    let mut links = directory.links()?;
    if let [one, other] = args.nodes.as_slice() {
        let mut both = [directory.named(&marker, one)?, directory.named(&marker, other)?];
        both.sort_by_key(|node| node.index);
        links.pairs.retain(|pair| both.iter().all(|node| pair.nodes.contains(&node.name)));
    }
    match globals.json {
        true => output::json(&links)?,
        false => output::text(&show::links(&links)?)?,
    }
    Ok(Exit::Ok)
}

pub(super) async fn partition(given: &[String], globals: &Globals) -> Result<Exit, CliError> {
    let held = hold(globals)?;
    let partition = links::groups(&held.directory, &held.marker, given)?;
    let line = format!(
        "{}: nothing passes between them until `assay devnet heal`",
        show::groups(&partition)
    );
    let links = DevnetLinks { partition, ..held.directory.links()? };
    held.connect(&links, line, globals).await
}

pub(super) async fn heal(globals: &Globals) -> Result<Exit, CliError> {
    let held = hold(globals)?;
    let before = held.directory.links()?;
    let line = match before.partition.is_empty() {
        true => "there was no partition".to_owned(),
        false => format!("healed: {} hear each other", show::groups(&before.partition)),
    };
    let links = DevnetLinks { partition: Vec::new(), ..before };
    held.connect(&links, line, globals).await
}

pub(super) async fn pause_node(node: &str, globals: &Globals) -> Result<Exit, CliError> {
    let held = hold(globals)?;
    let node = held.directory.named(&held.marker, node)?;
    pause(&node).await?;
    let line = format!("{0} stands still; `assay devnet resume {0}` lets it go on", node.name);
    print_done(line, &held.directory, &held.marker, globals).await
}

pub(super) async fn resume_node(node: &str, globals: &Globals) -> Result<Exit, CliError> {
    let held = hold(globals)?;
    let node = held.directory.named(&held.marker, node)?;
    resume(&node).await?;
    // What was said while it stood still, it has not heard.
    links::apply(&held.directory, &held.marker, &Ports).await?;
    print_done(format!("{} goes on", node.name), &held.directory, &held.marker, globals).await
}

pub(super) async fn add(authority: bool, globals: &Globals) -> Result<Exit, CliError> {
    let held = hold(globals)?;
    let program = NodeProgram::own()?;
    let mut signals = Signals::new()?;
    let growth = grow(&held.directory, &held.lock, authority)?;
    let all = held.directory.nodes(&growth.marker);
    let launches = [(growth.node.clone(), growth.launch.clone())];
    let crew = tokio::select! {
        crew = start(&program, &held.directory, &all, &launches, &Ports) => crew,
        exit = signals.next() => {
            output::note(format!("{} goes on starting", growth.node.name));
            return Ok(exit);
        }
    };
    let crew = match crew {
        Ok(crew) => crew,
        Err(error) => {
            // Why it did not start says more than what is met while cleaning up.
            let _ = growth.undo(&held.directory, &held.lock);
            return Err(error.into());
        }
    };
    for warning in &crew.warnings {
        output::note(format!("warning: {warning}"));
    }
    tell(&held.directory, &growth.marker).await?;
    let url = growth.node.addresses()?.map_or_else(String::new, |file| format!(" at {}", file.rpc));
    let pays = match &growth.launch.miner {
        Some(mining) => {
            format!(", its blocks pay {}", mining.owner.as_ref().unwrap_or(&mining.payout))
        }
        None => String::new(),
    };
    let signs = match growth.launch.authority.as_deref().filter(|_| authority) {
        Some(owner) if growth.elects => format!(
            ", signs for {owner} once that is a delegate with votes: `assay wallet delegate register NAME`, `assay wallet vote NAME`"
        ),
        Some(owner) => format!(
            ", signs for {owner} once that is an authority: `assay wallet authority propose {owner} add`, by more than half"
        ),
        None => String::new(),
    };
    let line = format!("{} has joined{url}{pays}{signs}", growth.node.name);
    print_done(line, &held.directory, &growth.marker, globals).await
}

/// Tells those that run of a node that has just got an id, where it matters who is who.
pub(super) async fn tell(directory: &Directory, marker: &DevnetFile) -> Result<(), DevnetError> {
    let links = directory.links()?;
    if links.pairs.is_empty() && links.partition.is_empty() {
        return Ok(());
    }
    links::apply(directory, marker, &Ports).await
}
