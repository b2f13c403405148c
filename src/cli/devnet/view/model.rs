//! What the view shows, and how it changes: nothing here reads a clock, a terminal or a node.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::blocks::{Block, Blocks, Tree};
use super::keys::Intent;
use crate::api::ForkInfo;
use crate::devnet::ProcessState;
use crate::types::{BlockId, Height, Span};

/// Messages that are kept: more than a screen shows.
const MESSAGES_MAX: usize = 100;

/// Intervals between blocks that the mean and the sparkline cover.
pub(super) const INTERVALS_MAX: usize = 32;

/// Everything on the screen.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) facts: Facts,
    /// Since the devnet came up.
    pub(super) uptime: Duration,
    pub(super) nodes: Vec<Node>,
    pub(super) blocks: Blocks,
    pub(super) messages: VecDeque<Message>,
    /// The index of the selected node.
    pub(super) selected: usize,
    pub(super) panel: Panel,
    /// The end of the selected node's log, while it is shown.
    pub(super) log: Vec<String>,
    /// Whether a partition is in force.
    pub(super) parted: bool,
}

/// What does not change.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) chain: String,
    pub(super) engine: String,
    pub(super) genesis: String,
    /// The interval between blocks that the chain aims at.
    pub(super) block_time: Span,
    /// Whether coins make blocks.
    pub(super) stakes: bool,
    /// Names of addresses.
    pub(super) names: BTreeMap<String, String>,
}

/// What is shown below the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Panel {
    /// Blocks, forks and messages.
    Chain,
    /// The log of the selected node.
    Log,
    /// What the keys do.
    Help,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) at: Duration,
    pub(super) text: String,
}

/// A node.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) state: State,
    /// Whether it is marked for a partition.
    pub(super) marked: bool,
    /// A command on it that is still being carried out.
    pub(super) busy: Option<&'static str>,
    /// Where its chain stands, as it last said.
    pub(super) chain: Option<Standing>,
    pub(super) peers: Option<u64>,
    pub(super) mempool: Option<u64>,
    /// Hashes per second, if it searches.
    pub(super) hash_rate: Option<f64>,
    /// The addresses whose coins it stakes.
    pub(super) stakers: Vec<String>,
    /// The branches that it knows.
    pub(super) forks: Vec<ForkInfo>,
}

/// Where a node's chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) height: Height,
    pub(super) head: BlockId,
    pub(super) final_height: Height,
}

/// How a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    /// It was not asked yet.
    #[default]
    Unknown,
    Running,
    /// Its process runs and it does not answer.
    Silent,
    Paused,
    Stopped,
}

/// What was heard of a node in one look at it.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// Its index.
    pub(super) node: usize,
    pub(super) process: ProcessState,
    /// What it answered, if it did.
    pub(super) answer: Option<Answer>,
}

/// What a node answered. Not everything is asked every time.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) chain: Standing,
    pub(super) peers: Option<u64>,
    pub(super) mempool: Option<u64>,
    /// Hashes per second, or that it does not search.
    pub(super) hash_rate: Option<Option<f64>>,
    pub(super) stakers: Option<Vec<String>>,
    pub(super) forks: Option<Vec<ForkInfo>>,
    /// Blocks that nobody had told of before.
    pub(super) blocks: Vec<Block>,
}

/// Something for the outside to do. Nodes are meant by index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Kill(usize),
    Pause(usize),
    Resume(usize),
    Restart(usize),
    Add,
    /// Keep the ones from the others.
    Partition(Vec<usize>, Vec<usize>),
    Heal,
    /// Stop the devnet; whether as a signal would.
    Stop {
        interrupted: bool,
    },
}

impl Model {
    pub(super) fn new(facts: Facts, names: impl IntoIterator<Item = String>) -> Self {
        let mut model = Self {
            facts,
            uptime: Duration::ZERO,
            nodes: Vec::new(),
            blocks: Blocks::default(),
            messages: VecDeque::new(),
            selected: 0,
            panel: Panel::Chain,
            log: Vec::new(),
            parted: false,
        };
        model.add_nodes(names);
        model
    }

    /// Adds nodes behind those there are.
    pub(super) fn add_nodes(&mut self, names: impl IntoIterator<Item = String>) {
        self.nodes.extend(names.into_iter().map(|name| Node { name, ..Node::default() }));
    }

    /// Takes in what was heard of a node.
    pub(super) fn take(&mut self, sample: Sample) {
        let Some(node) = self.nodes.get_mut(sample.node) else { return };
        node.state = match (sample.process, &sample.answer) {
            (ProcessState::Running, Some(_)) => State::Running,
            (ProcessState::Running, None) => State::Silent,
            (ProcessState::Paused, _) => State::Paused,
            (ProcessState::Stopped, _) => State::Stopped,
        };
        if node.state == State::Stopped {
            // What it said before died with it.
            let (name, marked, busy) = (std::mem::take(&mut node.name), node.marked, node.busy);
            *node = Node { name, marked, busy, state: State::Stopped, ..Node::default() };
        }
        let Some(answer) = sample.answer else { return };
        node.chain = Some(answer.chain);
        node.peers = answer.peers.or(node.peers);
        node.mempool = answer.mempool.or(node.mempool);
        node.hash_rate = answer.hash_rate.unwrap_or(node.hash_rate);
        if let Some(stakers) = answer.stakers {
            node.stakers = stakers;
        }
        if let Some(forks) = answer.forks {
            node.forks = forks;
        }
        for block in answer.blocks {
            self.blocks.insert(block);
        }
    }

    /// Says something to whoever watches.
    pub(super) fn say(&mut self, text: impl Into<String>) {
        if self.messages.len() == MESSAGES_MAX {
            self.messages.pop_front();
        }
        self.messages.push_back(Message { at: self.uptime, text: text.into() });
    }

    /// Does what somebody wants, or says what the outside is to do for it.
    pub(super) fn apply(&mut self, intent: Intent) -> Option<Command> {
        let last = self.nodes.len().saturating_sub(1);
        let selected = self.selected.min(last);
        match intent {
            Intent::Up(rows) => self.select(selected.saturating_sub(rows)),
            Intent::Down(rows) => self.select(selected.saturating_add(rows).min(last)),
            Intent::Mark => {
                if let Some(node) = self.nodes.get_mut(selected) {
                    node.marked ^= true;
                }
                // Marking goes on to the next, as in file managers.
                self.select((selected + 1).min(last));
            }
            Intent::Log => self.toggle(Panel::Log),
            Intent::Help => self.toggle(Panel::Help),
            Intent::Back => self.panel = Panel::Chain,
            Intent::Kill | Intent::Pause | Intent::Restart => {
                return self.on_node(intent, selected);
            }
            Intent::Partition => return self.partition(),
            Intent::Heal => return Some(Command::Heal),
            Intent::Add => return Some(Command::Add),
            Intent::Stop => return Some(Command::Stop { interrupted: false }),
            Intent::Interrupt => return Some(Command::Stop { interrupted: true }),
        }
        None
    }

    fn select(&mut self, node: usize) {
        if self.selected != node {
            self.log.clear();
        }
        self.selected = node;
    }

    fn toggle(&mut self, panel: Panel) {
        self.panel = if self.panel == panel { Panel::Chain } else { panel };
        self.log.clear();
    }

    /// A command on one node, unless another one is still being carried out or there is nothing to do it to.
    fn on_node(&mut self, intent: Intent, index: usize) -> Option<Command> {
        let node = self.nodes.get_mut(index)?;
        let name = node.name.clone();
        if let Some(busy) = node.busy {
            self.say(format!("{name} is {busy}: wait for that first"));
            return None;
        }
        let (command, busy) = match (intent, node.state) {
            (Intent::Restart, _) => (Command::Restart(index), "being restarted"),
            (Intent::Kill, State::Stopped) | (Intent::Pause, State::Stopped) => {
                self.say(format!("{name} does not run: r starts it again"));
                return None;
            }
            (Intent::Kill, _) => (Command::Kill(index), "being killed"),
            (_, State::Paused) => (Command::Resume(index), "being resumed"),
            _ => (Command::Pause(index), "being paused"),
        };
        node.busy = Some(busy);
        Some(command)
    }

    /// The marked nodes and the others; without marks, one half and the other.
    fn partition(&mut self) -> Option<Command> {
        let count = self.nodes.len();
        if count < 2 {
            self.say("one node cannot be parted from itself");
            return None;
        }
        let marked = self.nodes.iter().filter(|node| node.marked).count();
        if marked == count {
            self.say("all nodes are marked: leave those unmarked that are to be on the other side");
            return None;
        }
        let first = |index: usize| match marked {
            0 => index < count / 2,
            _ => self.nodes[index].marked, // below the count
        };
        let (ones, others) = (0..count).partition(|index| first(*index));
        Some(Command::Partition(ones, others))
    }

    /// A command on a node, if it was on one, has been carried out.
    pub(super) fn done(&mut self, node: Option<usize>) {
        if let Some(node) = node.and_then(|index| self.nodes.get_mut(index)) {
            node.busy = None;
        }
    }

    /// Where the nodes stand. Those that do not run stand nowhere.
    pub(super) fn tree(&self) -> Tree {
        let mut heads = Vec::new();
        let mut reported = BTreeMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(chain) = node.chain {
                heads.push((index, chain.head, chain.height));
            }
            reported.extend(node.forks.iter().map(|fork| (fork.head, fork.clone())));
        }
        self.blocks.tree(&heads, &reported)
    }

    /// The times between the last blocks of the longest branch, the latest first.
    pub(super) fn intervals(&self, tree: &Tree) -> Vec<Span> {
        let head = tree.head.as_ref().map(|(id, _)| id);
        head.map_or_else(Vec::new, |id| self.blocks.intervals(id, INTERVALS_MAX))
    }

    /// Whom an address belongs to, as far as anybody knows.
    pub(super) fn name_of(&self, address: &str) -> String {
        match self.facts.names.get(address) {
            Some(name) => name.clone(),
            None => super::draw::short(address, 11),
        }
    }

    /// Whose block a node has as its head.
    pub(super) fn last_producer(&self, node: &Node) -> Option<String> {
        let block = self.blocks.get(&node.chain?.head)?;
        (block.height > Height(0)).then(|| self.name_of(&block.producer))
    }

    /// Whose coins a node stakes: the first by name, and how many more.
    pub(super) fn stakers(&self, node: &Node) -> Option<String> {
        let (first, others) = node.stakers.split_first()?;
        let name = self.name_of(first);
        Some(if others.is_empty() { name } else { format!("{name} +{}", others.len()) })
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
