//! What `assay devnet` prints for people.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::api::{DevnetLinks, DevnetNode, DevnetStatus, LinkShape as Json, NodeState, Role};
use crate::cli::error::CliError;
use crate::cli::output::{self, Table};
use crate::devnet::{Ending, Launch, Notice};
use crate::spec::{DEV_WARNING, DevAccount, LinkShape};
use crate::types::{Address, Prefix, Span};

/// The word for a node's state. A process that runs and does not answer is busy starting, or hangs.
fn word(node: &DevnetNode) -> &'static str {
    match node.state {
        NodeState::Running if node.height.is_none() => "silent",
        NodeState::Running => "running",
        NodeState::Paused => "paused",
        NodeState::Stopped => "stopped",
    }
}

/// What a node does in an agreement: `leader in round 4`.
fn role(node: &DevnetNode) -> String {
    let word = match node.role {
        None => return "-".into(),
        Some(Role::Leader) => "leader",
        Some(Role::Follower) => "follower",
        Some(Role::Observer) => "observer",
    };
    node.round.map_or_else(|| word.to_owned(), |round| format!("{word} in round {round}"))
}

/// Whose coins a node stakes: a development account by its name, and how many more.
fn stakers(node: &DevnetNode) -> String {
    let Some((first, others)) = node.stakes.split_first() else { return "-".into() };
    let prefix = first.rsplit_once('1').and_then(|(prefix, _)| Prefix::new(prefix).ok());
    let address = prefix.and_then(|prefix| Address::parse(first, &prefix).ok());
    let name = match address.and_then(|address| DevAccount::of(&address)) {
        Some(account) => account.name().to_owned(),
        None => output::plain(first),
    };
    if others.is_empty() { name } else { format!("{name} and {} more", others.len()) }
}

/// The status as people read it.
pub(super) fn table(status: &DevnetStatus) -> String {
    let mut head = Table::pairs();
    head.pair("chain", format!("{}, rule {}", status.chain, status.engine));
    head.pair("genesis", status.genesis);
    head.pair("dir", &status.dir);
    if !status.partition.is_empty() {
        head.pair("parted", groups(&status.partition));
    }
    // Only where authorities agree does anybody have a role.
    let agrees = status.nodes.iter().any(|node| node.role.is_some());
    let mut titles = vec!["node", "state", "pid", "height", "head", "final", "peers", "pool"];
    titles.extend(agrees.then_some("role"));
    let stakes = status.nodes.iter().any(|node| !node.stakes.is_empty());
    titles.extend(stakes.then_some("stakes for"));
    titles.push("rpc");
    let mut nodes = Table::new(&titles).right(&[2, 3, 5, 6, 7]);
    for node in &status.nodes {
        let mut row = vec![
            node.name.clone(),
            word(node).to_owned(),
            or_dash(node.pid),
            or_dash(node.height),
            or_dash(node.head.map(output::short)),
            or_dash(node.final_height),
            or_dash(node.peers),
            or_dash(node.mempool),
        ];
        row.extend(agrees.then(|| role(node)));
        row.extend(stakes.then(|| stakers(node)));
        row.push(or_dash(node.rpc.as_ref()));
        nodes.row(row);
    }
    format!("{head}\n{nodes}")
}

/// The groups of a partition: `node0, node1 | node2`.
pub(super) fn groups(partition: &[Vec<String>]) -> String {
    partition.iter().map(|group| group.join(", ")).collect::<Vec<_>>().join(" | ")
}

/// How the nodes are connected, as people read it.
pub(super) fn links(links: &DevnetLinks) -> Result<String, CliError> {
    let shape = |json: Json| -> Result<String, CliError> {
        let shape = LinkShape::try_from(json)?;
        Ok(if shape.is_plain() { shape.to_string() } else { format!("{shape}, each way") })
    };
    let mut table = Table::pairs();
    table.pair("every link", shape(links.all)?);
    for pair in &links.pairs {
        table.pair(&pair.nodes.join(" - "), shape(pair.link)?);
    }
    table.pair(
        "partition",
        match links.partition.is_empty() {
            true => "none".to_owned(),
            false => groups(&links.partition),
        },
    );
    Ok(table.to_string())
}

/// One line on how the nodes are, for a devnet that is watched.
pub(super) fn line(status: &DevnetStatus, watched: Duration) -> String {
    let each = |value: &dyn Fn(&DevnetNode) -> String| {
        status.nodes.iter().map(value).collect::<Vec<_>>().join(" ")
    };
    let heights = each(&|node| match node.height {
        Some(height) => height.to_string(),
        None => word(node).to_owned(),
    });
    let mut line = format!("{:>5} s  height {heights}", watched.as_secs());
    let heard = status.nodes.iter().filter(|node| node.height.is_some());
    let Some(highest) = heard.max_by_key(|node| node.height) else { return line };
    let heads: BTreeSet<_> = status.nodes.iter().filter_map(|node| node.head).collect();
    line.push_str(&format!(" · head {}", or_dash(highest.head.map(output::short))));
    if heads.len() > 1 {
        line.push_str(&format!(" and {} more", heads.len() - 1));
    }
    let last_final = status.nodes.iter().filter_map(|node| node.final_height).max();
    let pool = status.nodes.iter().filter_map(|node| node.mempool).max();
    line.push_str(&format!(
        " · final {} · peers {} · pool {}",
        or_dash(last_final),
        each(&|node| or_dash(node.peers)),
        or_dash(pool)
    ));
    line
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// What a person is told who starts a devnet.
#[derive(Debug)]
pub(super) struct Heading<'a> {
    /// How the nodes are.
    pub(super) status: &'a DevnetStatus,
    /// How the chain was given.
    pub(super) spec: &'a str,
    /// The interval between blocks.
    pub(super) block_time: Span,
    /// Whether the keys of the accounts are public.
    pub(super) dev: bool,
    /// The nodes that were started.
    pub(super) launches: &'a [Launch],
    /// What other commands need to find this devnet: empty, or an option with a space before it.
    pub(super) option: &'a str,
    /// Whether this command stays.
    pub(super) watched: bool,
    /// Whether the devnet lived before.
    pub(super) resumed: bool,
}

impl Heading<'_> {
    /// The text.
    pub(super) fn text(&self) -> String {
        let Self { status, option, .. } = self;
        let count = match self.launches.len() {
            1 => "1 node".to_owned(),
            more => format!("{more} nodes"),
        };
        let verb = if self.resumed { "goes on" } else { "is running" };
        let mut text = format!(
            "{} {verb}: {count}, rule {}, a block every {}\n\n",
            output::plain(&status.chain),
            status.engine,
            output::duration(self.block_time)
        );
        let mut facts = Table::pairs();
        facts.pair("genesis", status.genesis);
        facts.pair("dir", &status.dir);
        text.push_str(&format!("{facts}\n{}", self.nodes()));
        if self.dev {
            text.push_str(&format!("\nWARNING: {DEV_WARNING}.\n"));
        } else if self.launches.iter().any(|launch| launch.miner.is_some()) {
            text.push_str(&format!(
                "\nBlocks pay keys of the mnemonic in {}/payout.mnemonic: `assay wallet restore` makes a wallet of it.\n",
                status.dir
            ));
        }
        let place = if self.watched { "Try in another terminal" } else { "Try" };
        text.push_str(&format!(
            "\n{place}:\n  assay devnet status{option}\n  assay chain info{option}\n  assay devnet logs node0 -f{option}\n"
        ));
        if self.dev {
            text.push_str(&format!("  assay wallet new, then assay wallet faucet{option}\n"));
        }
        if self.launches.len() > 1 {
            text.push_str(&format!(
                "  assay devnet kill node1{option}, then assay devnet restart node1{option}\n"
            ));
            text.push_str(&format!(
                "  assay devnet partition node0{option}, then assay devnet heal{option}\n"
            ));
        }
        let again =
            format!("`assay devnet up {}{option}` goes on with it", output::plain(self.spec));
        text.push_str(&match self.watched {
            true => format!("\nCtrl-C stops the nodes and keeps the chain: {again}.\n"),
            false => format!(
                "\n`assay devnet stop{option}` stops the nodes and keeps the chain: {again}. `assay devnet down{option}` removes \
                 it.\n"
            ),
        });
        text
    }

    /// Where the nodes answer, whom their blocks pay, and whose coins they stake.
    fn nodes(&self) -> Table {
        let stakes = self.launches.iter().any(|launch| launch.stake.is_some());
        let mut titles = vec!["node", "rpc", "blocks pay"];
        titles.extend(stakes.then_some("stakes for"));
        let mut table = Table::new(&titles);
        for (node, launch) in self.status.nodes.iter().zip(self.launches) {
            let pays = match (&launch.miner, &launch.authority) {
                (Some(mining), _) => mining.owner.as_ref().unwrap_or(&mining.payout).clone(),
                (None, Some(owner)) => owner.clone(),
                (None, None) => match &launch.stake {
                    Some(owner) => owner.clone(),
                    None => "makes none".to_owned(),
                },
            };
            let mut row = vec![node.name.clone(), or_dash(node.rpc.as_ref()), pays];
            row.extend(stakes.then(|| or_dash(launch.stake.as_ref())));
            table.row(row);
        }
        table
    }
}

/// What happened to a node, in a few lines.
pub(super) fn notice(notice: &Notice) -> String {
    match notice {
        Notice::Started { node, pid } => format!("{node} runs again, process {pid}"),
        Notice::Ended { node, ending: Some(Ending::Stop), .. } => format!("{node} was stopped"),
        Notice::Ended { node, ending: Some(Ending::Kill), .. } => {
            format!("{node} was killed on request")
        }
        Notice::Ended { node, ending: Some(Ending::Restart), .. } => {
            format!("{node} is being restarted")
        }
        Notice::Ended { node, ending: None, how, log } => {
            let mut text = format!("{node} ended unexpectedly: {how}; the others go on");
            if !log.is_empty() {
                text.push_str("; the end of its log:");
            }
            for line in log {
                text.push_str("\n  | ");
                text.push_str(line);
            }
            text
        }
    }
}

#[cfg(test)]
#[path = "show_tests.rs"]
mod tests;
