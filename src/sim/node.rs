//! A simulated node: a replica in its process, and what the process has around it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::disk::Disk;
use super::gossip::Seen;
use super::link::Line;
use super::mining::Search;
use super::network::{Packet, Parcel};
use super::options::NodeOptions;
use super::time::{Clock, Micros, Moment};
use crate::consensus::AuthorityId;
use crate::replica::standing::Standing;
use crate::replica::{Input, Output, Replica, RequestId};

/// A connection to a peer.
#[derive(Debug, Default)]
pub(super) struct PeerLink {
    /// Which connection it is: what was sent over an older one is lost.
    pub(super) epoch: u64,
    /// Towards the peer.
    pub(super) line: Line,
    /// Whether gossip is passed on to it.
    pub(super) mesh: bool,
    /// What came from it while the line was cut, in order.
    pub(super) held: VecDeque<Parcel>,
    /// Bytes of that.
    pub(super) held_bytes: u64,
    /// Nothing of what is on its way arrives before.
    pub(super) silent_until: Moment,
}

/// What ends with the process.
#[derive(Debug, Default)]
pub(super) struct Process {
    /// Inputs that wait while it syncs or is paused.
    pub(super) inbox: VecDeque<Input>,
    /// Outputs that are not performed yet.
    pub(super) outputs: VecDeque<Output>,
    /// It is performing outputs.
    pub(super) performing: bool,
    /// It waits for its disk.
    pub(super) syncing: bool,
    /// Everything staged in this round is durable.
    pub(super) synced: bool,
    /// When it will be woken.
    pub(super) wake: Option<Moment>,
    /// When its signature checks so far are done.
    pub(super) checked: Moment,
    pub(super) search: Option<Search>,
    pub(super) peers: BTreeMap<u32, PeerLink>,
    /// Gossip that it had already.
    pub(super) seen: Seen,
    /// Gossip that waits for its verdict: from whom.
    pub(super) judged: BTreeMap<u64, (u32, Arc<Packet>)>,
    /// Questions of others: who asked, under which number.
    pub(super) questions: BTreeMap<u64, (u32, RequestId)>,
    /// Its own questions without an answer, and when the answer is due, in that order.
    pub(super) asked: BTreeMap<RequestId, u32>,
    pub(super) due: VecDeque<(Moment, RequestId)>,
    /// Whether somebody will look at those.
    pub(super) timeouts_set: bool,
    /// How others stand here.
    pub(super) standings: BTreeMap<u32, Standing>,
    /// Whom it keeps away, and until when.
    pub(super) banned: BTreeMap<u32, Moment>,
}

/// A node: machine, disk and process.
pub(super) struct Node {
    pub(super) options: NodeOptions,
    /// The authority that it is, if it is one.
    pub(super) authority: Option<AuthorityId>,
    pub(super) disk: Arc<Disk>,
    /// How long the disk takes to sync.
    pub(super) sync: Micros,
    pub(super) clock: Clock,
    pub(super) hash_rate: f64,
    /// Whom it connects to by itself.
    pub(super) opens: Vec<u32>,
    /// Counts starts: what was meant for an earlier process does not reach a later one.
    pub(super) life: u64,
    /// The replica, while the process runs.
    pub(super) replica: Option<Replica<Disk>>,
    pub(super) process: Process,
    /// The process does nothing, like one that was stopped by a signal.
    pub(super) paused: bool,
    /// Outputs that it still performs before it is killed.
    pub(super) doom: Option<u64>,
}

impl Node {
    pub(super) fn is_up(&self) -> bool {
        self.replica.is_some()
    }

    /// Whether its loop can take an input at once.
    pub(super) fn is_free(&self) -> bool {
        let process = &self.process;
        !self.paused && !process.syncing && !process.performing && process.outputs.is_empty()
    }
}
