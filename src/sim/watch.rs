//! Whoever watches a simulation from outside: checkers, recorders, measurements.

use std::fmt;

use super::disk::Disk;
use super::host::Sim;
use super::node::Node;
use super::options::{NodeOptions, Options};
use super::time::Moment;
use crate::replica::{Input, Output, Replica};
use crate::types::Time;

/// Sees everything that goes into a replica and comes out of it, and touches nothing.
///
/// An error is a *violation*: something that must never happen happened. The run goes on; it is remembered with the
/// moment and the node.
pub trait Watch: Send {
    /// What it is called, as in the literature where there is a name.
    fn name(&self) -> &'static str;

    /// A node's process started; its replica is open, and nothing that it wants done is done yet.
    fn started(&mut self, _scene: &Scene<'_>, _node: usize) -> Result<(), String> {
        Ok(())
    }

    /// A node's replica is about to handle an input, at this moment by its own clock.
    fn handles(
        &mut self,
        _scene: &Scene<'_>,
        _node: usize,
        _local: Time,
        _input: &Input,
    ) -> Result<(), String> {
        Ok(())
    }

    /// A node's host is about to perform an output.
    fn performs(
        &mut self,
        _scene: &Scene<'_>,
        _node: usize,
        _output: &Output,
    ) -> Result<(), String> {
        Ok(())
    }

    /// A node's process is about to be killed.
    fn dies(&mut self, _scene: &Scene<'_>, _node: usize) -> Result<(), String> {
        Ok(())
    }

    /// A node's process was killed; its disk is what the crash left.
    fn crashed(&mut self, _scene: &Scene<'_>, _node: usize) -> Result<(), String> {
        Ok(())
    }

    /// The driver asks for a look at everything ([`Sim::look`]); says what is wrong, and with which node.
    fn looks(&mut self, _scene: &Scene<'_>) -> Result<(), (usize, String)> {
        Ok(())
    }
}

/// What a watcher can look at.
pub struct Scene<'a> {
    pub(super) now: Moment,
    pub(super) options: &'a Options,
    pub(super) nodes: &'a [Node],
}

impl Scene<'_> {
    /// The moment.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// What the simulation is made of.
    pub fn options(&self) -> &Options {
        self.options
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// A node's replica, if its process runs.
    pub fn replica(&self, node: usize) -> Option<&Replica<Disk>> {
        self.nodes.get(node)?.replica.as_ref()
    }

    /// The same, if it does what its rule says.
    pub fn correct(&self, node: usize) -> Option<&Replica<Disk>> {
        self.replica(node).filter(|_| self.is_correct(node))
    }

    /// A node's disk, whether its process runs or not.
    pub fn disk(&self, node: usize) -> Option<&Disk> {
        Some(&*self.nodes.get(node)?.disk)
    }

    /// Whether a node does what its rule says: nothing is around its engine.
    pub fn is_correct(&self, node: usize) -> bool {
        let plain = |options: &NodeOptions| options.decorate.is_none();
        self.nodes.get(node).is_some_and(|node| plain(&node.options))
    }
}

/// Something that must never happen happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Moment,
    /// At which node.
    pub node: usize,
    /// Who says so.
    pub watcher: &'static str,
    /// What.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, node, watcher, what } = self;
        write!(f, "{watcher} is violated at {at} by node {node}: {what}")
    }
}

/// Violations remembered: after the first few the others tell nothing new.
const VIOLATIONS_MAX: usize = 32;

impl Sim {
    /// Lets somebody watch from now on.
    pub fn watch(&mut self, watcher: Box<dyn Watch>) {
        self.watchers.push(watcher);
    }

    /// What must never have happened and did, the first of it first; not more than a few dozen.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub(super) fn violate(&mut self, node: usize, watcher: &'static str, what: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation { at: self.now, node, watcher, what });
        }
    }

    /// The simulation as watchers see it.
    pub fn scene(&self) -> Scene<'_> {
        Scene { now: self.now, options: &self.options, nodes: &self.nodes }
    }

    /// Shows something at a node to all watchers.
    pub(super) fn show(
        &mut self,
        node: usize,
        see: impl Fn(&mut dyn Watch, &Scene<'_>) -> Result<(), String>,
    ) {
        if self.watchers.is_empty() {
            return;
        }
        let mut watchers = std::mem::take(&mut self.watchers);
        for watcher in &mut watchers {
            if let Err(what) = see(&mut **watcher, &self.scene()) {
                self.violate(node, watcher.name(), what);
            }
        }
        self.watchers = watchers;
    }

    /// Asks all watchers to look at everything.
    pub fn look(&mut self) {
        let mut watchers = std::mem::take(&mut self.watchers);
        for watcher in &mut watchers {
            if let Err((node, what)) = watcher.looks(&self.scene()) {
                self.violate(node, watcher.name(), what);
            }
        }
        self.watchers = watchers;
    }
}
