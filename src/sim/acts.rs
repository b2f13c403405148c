//! What can be done to a running simulation: faults, and changes of the world.
//!
//! Every act is part of the digest. One that makes no sense at the moment, such as restarting a node that runs, is refused
//! with the moment and the reason, and changes nothing.

use std::sync::Arc;

use super::host::{Event, Sim};
use super::link::LinkModel;
use super::network::Cut;
use super::node::Process;
use super::time::{Micros, Moment};
use crate::consensus::Stake;
use crate::replica::Input;
use crate::types::{Address, BlockId, Height};

/// An act that was impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {at} {what}: {why}")]
pub struct Refused {
    /// When.
    pub at: Moment,
    /// What was to be done.
    pub what: String,
    /// Why it cannot be.
    pub why: String,
}

/// A cut that holds, until it is healed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CutId(u64);

impl Sim {
    fn act(&mut self, what: String, possible: Result<(), String>) -> Result<(), Refused> {
        self.trace.act(self.now, &what);
        possible.map_err(|why| Refused { at: self.now, what, why })
    }

    fn node_there(&self, node: usize) -> Result<(), String> {
        match self.nodes.len() {
            nodes if node < nodes => Ok(()),
            nodes => Err(format!("there are only {nodes} nodes, numbered from 0")),
        }
    }

    fn node_runs(&self, node: usize, runs: bool) -> Result<(), String> {
        self.node_there(node)?;
        match self.nodes[node].is_up() {
            up if up == runs => Ok(()),
            true => Err("it is running".into()),
            false => Err("it is not running".into()),
        }
    }

    /// The process dies: what was not synced is forgotten, but for a first part of it that may have reached the disk.
    pub(super) fn kill(&mut self, node: usize) {
        self.show(node, |watcher, scene| watcher.dies(scene, node));
        self.close_all(node);
        let machine = &mut self.nodes[node];
        let survivors = self.crash_dice.index(machine.disk.staged() + 1);
        machine.disk = Arc::new(machine.disk.crashed(survivors));
        machine.replica = None;
        machine.process = Process::default();
        machine.doom = None;
        machine.paused = false;
        machine.life += 1;
        self.show(node, |watcher, scene| watcher.crashed(scene, node));
    }

    /// Kills a node's process.
    ///
    /// # Errors
    ///
    /// If it does not run, or there is no such node.
    pub fn crash(&mut self, node: usize) -> Result<(), Refused> {
        self.act(format!("crash node {node}"), self.node_runs(node, true))?;
        self.kill(node);
        Ok(())
    }

    /// Kills a node's process after it has performed so many more outputs: between any two of a list.
    ///
    /// # Errors
    ///
    /// If it does not run, or there is no such node.
    pub fn crash_after(&mut self, node: usize, outputs: u64) -> Result<(), Refused> {
        let what = format!("crash node {node} after {outputs} outputs");
        self.act(what, self.node_runs(node, true))?;
        self.nodes[node].doom = Some(outputs);
        Ok(())
    }

    /// Starts a node's process on what its disk holds.
    ///
    /// # Errors
    ///
    /// If it runs, there is no such node, or its disk holds what no replica can start from.
    pub fn restart(&mut self, node: usize) -> Result<(), Refused> {
        let what = format!("restart node {node}");
        self.act(what.clone(), self.node_runs(node, false))?;
        if let Err(error) = self.open(node) {
            let why = error.to_string();
            self.violate(node, "store", why.clone());
            return Err(Refused { at: self.now, what, why });
        }
        for to in self.nodes[node].opens.clone() {
            let (from, to) = (node, to as usize);
            self.queue.push(self.now, Event::Dial { from, to, attempt: 0 });
        }
        Ok(())
    }

    /// Stops a node's process without killing it: it neither hears nor says anything, and its peers are not told.
    ///
    /// # Errors
    ///
    /// If it does not run, is paused, or there is no such node.
    pub fn pause(&mut self, node: usize) -> Result<(), Refused> {
        let possible = self.node_runs(node, true).and_then(|()| match self.nodes[node].paused {
            true => Err("it is paused".into()),
            false => Ok(()),
        });
        self.act(format!("pause node {node}"), possible)?;
        self.stop_the_search(node);
        self.nodes[node].paused = true;
        Ok(())
    }

    /// Lets a paused process go on.
    ///
    /// # Errors
    ///
    /// If it is not paused, or there is no such node.
    pub fn resume(&mut self, node: usize) -> Result<(), Refused> {
        let possible = self.node_runs(node, true).and_then(|()| match self.nodes[node].paused {
            true => Ok(()),
            false => Err("it is not paused".into()),
        });
        self.act(format!("resume node {node}"), possible)?;
        self.nodes[node].paused = false;
        self.continue_the_search(node);
        if !self.nodes[node].process.syncing {
            self.perform(node);
        }
        Ok(())
    }

    /// Cuts all lines between two groups of nodes; `one_way` only those from the first to the second. Nobody is told.
    ///
    /// # Errors
    ///
    /// If there is no such node.
    pub fn cut(&mut self, a: &[usize], b: &[usize], one_way: bool) -> Result<CutId, Refused> {
        let arrow = if one_way { "to" } else { "from" };
        let possible = a.iter().chain(b).try_for_each(|node| self.node_there(*node));
        self.act(format!("cut {a:?} {arrow} {b:?}"), possible)?;
        let mut sides = vec![(false, false); self.nodes.len()];
        a.iter().for_each(|node| sides[*node].0 = true);
        b.iter().for_each(|node| sides[*node].1 = true);
        let number = self.number();
        self.cuts.insert(number, Cut { sides, one_way });
        Ok(CutId(number))
    }

    /// Mends the lines of a cut, unless another cut holds them.
    ///
    /// # Errors
    ///
    /// If it was healed before.
    pub fn heal(&mut self, cut: CutId) -> Result<(), Refused> {
        let possible = match self.cuts.contains_key(&cut.0) {
            true => Ok(()),
            false => Err("it is healed already".into()),
        };
        self.act(format!("heal cut {}", cut.0), possible)?;
        self.cuts.remove(&cut.0);
        self.release();
        Ok(())
    }

    /// Sets a node's wall clock forward, or back.
    ///
    /// # Errors
    ///
    /// If there is no such node.
    pub fn jump_clock(&mut self, node: usize, by_ms: i64) -> Result<(), Refused> {
        self.act(format!("set the clock of node {node} by {by_ms} ms"), self.node_there(node))?;
        self.nodes[node].clock.jump(self.now, by_ms);
        self.look_at_the_clock(node);
        Ok(())
    }

    /// Makes a node's clock gain so many microseconds in a second, or lose them.
    ///
    /// # Errors
    ///
    /// If there is no such node.
    pub fn set_drift(&mut self, node: usize, drift_ppm: i64) -> Result<(), Refused> {
        let what = format!("let the clock of node {node} gain {drift_ppm} ppm");
        self.act(what, self.node_there(node))?;
        self.nodes[node].clock.drift(self.now, drift_ppm);
        self.look_at_the_clock(node);
        Ok(())
    }

    /// Makes a node's disk take so long to sync.
    ///
    /// # Errors
    ///
    /// If there is no such node.
    pub fn set_sync(&mut self, node: usize, takes: Micros) -> Result<(), Refused> {
        self.act(format!("let the disk of node {node} sync in {takes}"), self.node_there(node))?;
        self.nodes[node].sync = takes;
        Ok(())
    }

    /// Changes all links from now on. What is on its way arrives as it would have.
    pub fn set_links(&mut self, link: LinkModel) {
        self.trace.act(self.now, &format!("links {link:?}"));
        self.options.link = link;
    }

    /// Gives a node links of its own from now on, as [`super::NodeOptions::link`].
    ///
    /// # Errors
    ///
    /// If there is no such node.
    pub fn set_links_of(&mut self, node: usize, link: LinkModel) -> Result<(), Refused> {
        self.act(format!("links of node {node} {link:?}"), self.node_there(node))?;
        self.nodes[node].options.link = Some(link);
        Ok(())
    }

    /// Lets a node mine for somebody, or for nobody.
    ///
    /// # Errors
    ///
    /// If there is no such node.
    pub fn set_payout(&mut self, node: usize, payout: Option<Address>) -> Result<(), Refused> {
        let whom = payout.map(|address| hex::encode(address.as_bytes()));
        self.act(format!("let node {node} mine for {whom:?}"), self.node_there(node))?;
        self.nodes[node].options.payout = payout;
        self.deliver(node, Input::Payout(payout));
        Ok(())
    }

    /// Tells a node which block belongs at a height. It believes that from its next start on.
    ///
    /// # Errors
    ///
    /// If there is no such node.
    pub fn set_checkpoint(&mut self, node: usize, to: (Height, BlockId)) -> Result<(), Refused> {
        self.act(format!("checkpoint {} {} at node {node}", to.0, to.1), self.node_there(node))?;
        self.nodes[node].options.checkpoint = Some(to);
        Ok(())
    }

    /// Lets a node stake for somebody, or for nobody. Its next process does as well.
    ///
    /// # Errors
    ///
    /// If there is no such node.
    pub fn set_stake(&mut self, node: usize, stake: Option<Stake>) -> Result<(), Refused> {
        let owners = stake.iter().flat_map(|stake| &stake.owners);
        let whom: Vec<String> = owners.map(|owner| hex::encode(owner.as_bytes())).collect();
        self.act(format!("let node {node} stake for {whom:?}"), self.node_there(node))?;
        self.nodes[node].options.stake.clone_from(&stake);
        self.deliver(node, Input::Stake(stake));
        Ok(())
    }

    /// Makes a node's search as fast as that, in hashes per second. What it has tried stays tried.
    ///
    /// # Errors
    ///
    /// If there is no such node, or the rate is negative or no number.
    pub fn set_hash_rate(&mut self, node: usize, hash_rate: f64) -> Result<(), Refused> {
        let possible = self.node_there(node).and_then(|()| match hash_rate {
            rate if rate.is_finite() && rate >= 0.0 => Ok(()),
            rate => Err(format!("{rate} hashes per second is no rate")),
        });
        let what = format!("let node {node} make {hash_rate} hashes per second");
        self.act(what, possible)?;
        self.change_pace(node, hash_rate);
        Ok(())
    }
}
