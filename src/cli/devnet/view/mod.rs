//! The view of `assay devnet up`: how all nodes are, at a glance, and keys to break and mend them.
//!
//! - [`Model`] is what is shown, `draw` how it looks, `keys` what may be wanted; all of it plain data and functions, and
//!   tested without a terminal;
//! - `blocks` puts together what the nodes tell of the chain;
//! - `poll` asks the nodes, `act` does to them what is wanted, `screen` is the terminal;
//! - [`run`] drives these until the devnet is to stop.
//!
//! Nothing here waits for a node: each is asked by itself, commands are carried out beside the drawing, and a frame
//! shows what is known by then. The nodes matter more than the view: where the terminal fails, they are watched line by
//! line instead.

mod act;
mod blocks;
mod draw;
mod keys;
mod model;
mod poll;
mod screen;
#[cfg(test)]
mod testkit;

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use ratatui::crossterm::event::Event;
use tokio::sync::mpsc::channel;
use tokio::time::{MissedTickBehavior, interval};

use self::draw::Theme;
use self::model::{Command, Facts, Model, Panel};
use self::poll::Known;
use self::screen::Screen;
use super::{WATCH_INTERVAL, grown, show};
use crate::api::{DevnetFile, Exit};
use crate::cli::output;
use crate::cli::signals::Signals;
use crate::devnet::{Children, Directory, Launch, Notice, Outlook, Watch, last_lines, node_name};
use crate::spec::{DevAccount, Spec};

/// Time between frames: quick enough for keys, and far from busy.
const FRAME: Duration = Duration::from_millis(60);

/// Answers of nodes that wait to be taken in; a node that finds no room waits with the next question.
const SAMPLES_MAX: usize = 256;

/// Lines of a log that are read: as many as the tallest screen shows.
const LOG_LINES: usize = 200;

pub(super) use self::screen::is_there;

/// What the view is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) directory: &'a Directory,
    pub(super) marker: &'a DevnetFile,
    pub(super) spec: &'a Spec,
    pub(super) launches: &'a [Launch],
    /// When the nodes came up.
    pub(super) since: Instant,
}

/// How the view was left.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) why: Why,
    /// Deaths that nobody asked for: they are worth more than the screen they were shown on.
    pub(super) deaths: Vec<String>,
}

/// Why the view was left.
#[derive(Debug)]
pub(super) enum Why {
    /// The nodes are to be stopped, and the command is to end with this code.
    Stop(Exit),
    /// There is nothing more to watch.
    Over(Outlook),
    /// The terminal failed.
    Broken(io::Error),
}

impl Subject<'_> {
    /// What does not change while the view is shown.
    fn facts(&self) -> Facts {
        let mut names = BTreeMap::new();
        for (index, launch) in self.launches.iter().enumerate() {
            if let Some(mining) = &launch.miner {
                let name = mining.owner.clone().unwrap_or_else(|| node_name(index));
                names.insert(mining.payout.clone(), name);
            }
        }
        if self.spec.dev {
            let account = |account: DevAccount| {
                (account.address().encode(&self.spec.prefix), account.name().to_owned())
            };
            names.extend(DevAccount::all().map(account));
        }
        Facts {
            chain: self.marker.chain.clone(),
            engine: self.marker.engine.clone(),
            genesis: self.marker.genesis.to_string(),
            block_time: self.spec.consensus().block_time(),
            stakes: self.spec.consensus().pos().is_some(),
            names,
        }
    }
}

/// Shows the view until the devnet is to stop, or has, or the terminal fails.
pub(super) async fn run(
    subject: Subject<'_>,
    watch: &mut Watch,
    children: &mut Children,
    signals: &mut Signals,
) -> Left {
    let mut deaths = Vec::new();
    let why = match Screen::take() {
        Ok((screen, events)) => {
            let theme = Theme { colours: output::coloured(&io::stderr()) };
            let view = View { subject, watch, children, deaths: &mut deaths, theme };
            view.show(screen, events, signals).await
        }
        Err(error) => Why::Broken(error),
    };
    Left { why, deaths }
}

/// The view while it is shown.
struct View<'a> {
    subject: Subject<'a>,
    watch: &'a mut Watch,
    children: &'a mut Children,
    deaths: &'a mut Vec<String>,
    theme: Theme,
}

impl View<'_> {
    async fn show(
        mut self,
        mut screen: Screen,
        mut events: tokio::sync::mpsc::Receiver<Event>,
        signals: &mut Signals,
    ) -> Why {
        let directory = self.subject.directory;
        let mut marker = self.subject.marker.clone();
        let mut model = Model::new(self.subject.facts(), marker.nodes.iter().cloned());
        let (known, stakes) = (Known::default(), model.facts.stakes);
        let (sender, mut samples) = channel(SAMPLES_MAX);
        let mut lookers: FuturesUnordered<LocalBoxFuture<'_, ()>> = FuturesUnordered::new();
        let nodes = directory.nodes(&marker);
        for node in &nodes {
            let lead = WATCH_INTERVAL * u32::try_from(node.index).unwrap_or(0)
                / u32::try_from(nodes.len()).unwrap_or(1);
            lookers.push(Box::pin(poll::look_at(
                node.clone(),
                lead,
                &known,
                stakes,
                sender.clone(),
            )));
        }
        let mut commands: FuturesUnordered<LocalBoxFuture<'_, act::Done>> = FuturesUnordered::new();
        let mut ticks = interval(WATCH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut changed = true;
        loop {
            tokio::select! {
                exit = signals.next() => return Why::Stop(exit),
                Some(event) = events.recv() => {
                    changed = true;
                    let Event::Key(key) = event else { continue };
                    match keys::intent(key).and_then(|intent| model.apply(intent)) {
                        Some(Command::Stop { interrupted: true }) => return Why::Stop(Exit::Interrupted),
                        Some(Command::Stop { interrupted: false }) => return Why::Stop(Exit::Ok),
                        Some(command) => {
                            commands.push(Box::pin(act::perform(directory, command)));
                        }
                        None => self.read_log(&mut model),
                    }
                }
                Some(sample) = samples.recv() => {
                    model.take(sample);
                    changed = true;
                }
                Some(done) = commands.next() => {
                    self.take_done(&mut model, done);
                    changed = true;
                }
                _ = ticks.tick() => {
                    if let Some(now) = grown(directory, &marker, self.watch) {
                        for node in directory.nodes(&now).into_iter().skip(marker.nodes.len()) {
                            model.add_nodes([node.name.clone()]);
                            let look = poll::look_at(node, Duration::ZERO, &known, stakes, sender.clone());
                            lookers.push(Box::pin(look));
                        }
                        marker = now;
                    }
                    self.look(&mut model);
                    match self.watch.outlook() {
                        Outlook::Going => {}
                        over => return Why::Over(over),
                    }
                    changed = true;
                }
                _ = frames.tick(), if changed => {
                    changed = false;
                    let theme = self.theme;
                    if let Err(error) = screen.draw(|frame| draw::draw(frame, &model, theme)) {
                        return Why::Broken(error);
                    }
                }
                Some(()) = lookers.next() => {}
            }
        }
    }

    /// What happened to the nodes meanwhile.
    fn look(&mut self, model: &mut Model) {
        model.uptime = self.subject.since.elapsed();
        for notice in self.watch.look(self.children) {
            match &notice {
                Notice::Ended { node, ending: None, how, log } => {
                    self.deaths.push(show::notice(&notice));
                    // A few words must do on the screen; all are printed when it is left.
                    let last = log.last().map_or_else(String::new, |line| format!("\n  | {line}"));
                    model.say(format!("{node} ended unexpectedly: {how}; l shows its log{last}"));
                }
                _ => model.say(show::notice(&notice)),
            }
        }
        // A file that is being replaced is there at the next look.
        if let Ok(links) = self.subject.directory.links() {
            model.parted = !links.partition.is_empty();
        }
        self.read_log(model);
    }

    fn read_log(&self, model: &mut Model) {
        if model.panel == Panel::Log {
            let node = self.subject.directory.node(model.selected);
            model.log = last_lines(&node.log(), LOG_LINES);
        }
    }

    fn take_done(&mut self, model: &mut Model, done: act::Done) {
        model.done(done.node);
        self.children.adopt(done.started);
        for text in done.said {
            model.say(text);
        }
    }
}
