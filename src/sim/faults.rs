//! Fault scripts: what goes wrong, when, and for how long.
//!
//! A fault ends by itself, and faults do not know of each other, so any of them can be left out of a script and the rest
//! still makes sense. That is how a failing script is made smaller. What one fault makes impossible for another, such as
//! pausing a process that has crashed, is left undone.

use std::collections::BTreeSet;
use std::fmt;

use super::acts::CutId;
use super::host::Sim;
use super::load::Load;
use super::time::{Micros, Moment};

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// A process dies, after so many more outputs if that is said, and starts again when the fault ends.
    Crash {
        /// Whose.
        node: usize,
        /// Outputs that it still performs.
        outputs: Option<u64>,
    },
    /// A process stands still.
    Pause {
        /// Whose.
        node: usize,
    },
    /// The lines between some nodes and all others are cut.
    Cut {
        /// Who is cut off.
        nodes: Vec<usize>,
        /// They still hear the others, who do not hear them.
        one_way: bool,
    },
    /// A disk is slow.
    SlowDisk {
        /// Whose.
        node: usize,
        /// How long it takes to sync.
        sync: Micros,
    },
    /// A clock is set wrong, and right again when the fault ends.
    Clock {
        /// Whose.
        node: usize,
        /// By how much.
        by_ms: i64,
    },
    /// A clock runs wrong.
    Drift {
        /// Whose.
        node: usize,
        /// Microseconds that it gains in a second.
        ppm: i64,
    },
    /// A miner is faster or slower.
    HashRate {
        /// Who.
        node: usize,
        /// How many times.
        factor: f64,
    },
}

/// A fault with its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed {
    /// When it begins.
    pub at: Moment,
    /// How long it lasts.
    pub lasts: Micros,
    /// What it is.
    pub fault: Fault,
}

/// What goes wrong in a run.
pub type Script = Vec<Timed>;

impl fmt::Display for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} for {}: ", self.at, self.lasts)?;
        match &self.fault {
            Fault::Crash { node, outputs: None } => write!(f, "node {node} crashes"),
            Fault::Crash { node, outputs: Some(outputs) } => {
                write!(f, "node {node} crashes after {outputs} more outputs")
            }
            Fault::Pause { node } => write!(f, "node {node} stands still"),
            Fault::Cut { nodes, one_way: false } => write!(f, "nodes {nodes:?} are cut off"),
            Fault::Cut { nodes, one_way: true } => write!(f, "nodes {nodes:?} are not heard"),
            Fault::SlowDisk { node, sync } => {
                write!(f, "the disk of node {node} takes {sync} to sync")
            }
            Fault::Clock { node, by_ms } => {
                write!(f, "the clock of node {node} is set by {by_ms} ms")
            }
            Fault::Drift { node, ppm } => write!(f, "the clock of node {node} gains {ppm} ppm"),
            Fault::HashRate { node, factor } => {
                write!(f, "node {node} hashes {factor} times as fast")
            }
        }
    }
}

/// What is to be undone when a fault ends.
#[derive(Debug)]
enum Undo {
    Restart(usize),
    Resume(usize),
    Heal(CutId),
    Sync(usize, Micros),
    Clock(usize, i64),
    Drift(usize, i64),
    HashRate(usize, f64),
}

/// Runs a simulation through a script, with a load if there is one.
pub struct Driver<'a> {
    sim: &'a mut Sim,
    /// What is yet to begin, the latest first.
    script: Script,
    /// What is yet to end, in no order.
    undo: Vec<(Moment, Undo)>,
    load: Option<Load>,
}

impl<'a> Driver<'a> {
    /// A driver of a simulation.
    pub fn new(sim: &'a mut Sim, mut script: Script, load: Option<Load>) -> Self {
        // What begins at one moment begins in the order of the script.
        script.reverse();
        script.sort_by_key(|timed| std::cmp::Reverse(timed.at));
        Self { sim, script, undo: Vec::new(), load }
    }

    /// The simulation.
    pub fn sim(&mut self) -> &mut Sim {
        self.sim
    }

    /// Lets time pass up to a moment.
    pub fn run_until(&mut self, end: Moment) {
        loop {
            let begins = self.script.last().map(|timed| timed.at);
            let ends = self.undo.iter().map(|(at, _)| *at).min();
            let pays = self.load.as_ref().map(|load| load.next());
            let next = [begins, ends, pays].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.sim.run_until(next);
            if ends == Some(next) {
                self.end(next);
            } else if begins == Some(next) {
                if let Some(timed) = self.script.pop() {
                    self.begin(timed);
                }
            } else if let Some(load) = &mut self.load {
                load.pay(self.sim);
            }
        }
        self.sim.run_until(end);
    }

    /// Ends all faults, leaves out those that have not begun, and pays no more.
    pub fn heal(&mut self) {
        self.script.clear();
        self.load = None;
        self.end(Moment::NEVER);
        for node in 0..self.sim.nodes() {
            // Refused for those that run, as most do.
            let _ = self.sim.restart(node);
        }
    }

    fn end(&mut self, by: Moment) {
        let (over, on): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.undo).into_iter().partition(|(at, _)| *at <= by);
        self.undo = on;
        // The latest first, so that what two faults changed is as it was before both.
        for (_, undo) in over.into_iter().rev() {
            // What became impossible meanwhile is not done: the fault may have been ended by another.
            let _ = match undo {
                Undo::Restart(node) => {
                    // It may not have come to the output at which it was to die.
                    let _ = self.sim.crash(node);
                    self.sim.restart(node)
                }
                Undo::Resume(node) => self.sim.resume(node),
                Undo::Heal(cut) => self.sim.heal(cut),
                Undo::Sync(node, takes) => self.sim.set_sync(node, takes),
                Undo::Clock(node, by_ms) => self.sim.jump_clock(node, by_ms),
                Undo::Drift(node, ppm) => self.sim.set_drift(node, ppm),
                Undo::HashRate(node, rate) => self.sim.set_hash_rate(node, rate),
            };
        }
    }

    fn begin(&mut self, timed: Timed) {
        let sim = &mut *self.sim;
        let undo = match timed.fault {
            Fault::Crash { node, outputs } => {
                let done = match outputs {
                    Some(outputs) => sim.crash_after(node, outputs),
                    None => sim.crash(node),
                };
                done.map(|()| Undo::Restart(node))
            }
            Fault::Pause { node } => sim.pause(node).map(|()| Undo::Resume(node)),
            Fault::Cut { nodes, one_way } => {
                let cut_off: BTreeSet<usize> = nodes.iter().copied().collect();
                let others: Vec<usize> =
                    (0..sim.nodes()).filter(|node| !cut_off.contains(node)).collect();
                sim.cut(&nodes, &others, one_way).map(Undo::Heal)
            }
            Fault::SlowDisk { node, sync } => {
                let before = sim.options().costs.sync;
                sim.set_sync(node, sync).map(|()| Undo::Sync(node, before))
            }
            Fault::Clock { node, by_ms } => {
                sim.jump_clock(node, by_ms).map(|()| Undo::Clock(node, -by_ms))
            }
            Fault::Drift { node, ppm } => {
                let before = sim.options().nodes.get(node).map_or(0, |it| it.skew.drift_ppm);
                sim.set_drift(node, ppm).map(|()| Undo::Drift(node, before))
            }
            Fault::HashRate { node, factor } => {
                let before = sim.options().nodes.get(node).map_or(0.0, |it| it.hash_rate);
                sim.set_hash_rate(node, before * factor).map(|()| Undo::HashRate(node, before))
            }
        };
        if let Ok(undo) = undo {
            self.undo.push((timed.at.after(timed.lasts), undo));
        }
    }
}
