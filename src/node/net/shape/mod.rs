//! Shaped links: a network that is slow, narrow, lossy or parted, on one machine and without a privilege.
//!
//! Every connection passes its bytes through a [`Shaped`] stream, between noise and yamux: there the authenticated peer
//! is known, so each peer's link can be treated in a way of its own, and a connection that is made later is shaped from
//! its first byte. Unshaped, the stream costs one comparison per call.
//!
//! **What is shaped** is what this node sends. What it hears is shaped by the peer, so a round trip takes both latencies.
//!
//! - *Latency*: what is written waits in a queue until it is due; yamux is told at once that it is written.
//! - *Jitter*: each segment's latency is drawn evenly from latency − jitter to latency + jitter. A stream keeps its
//!   order, so a late segment holds up those behind it.
//! - *Bandwidth*: a token bucket as deep as one segment, which is a serial line: each segment leaves when those before
//!   it have.
//! - *Loss*: on a reliable stream a lost segment is a pause, after which it is sent again. The pause is the
//!   retransmission timeout of TCP as Linux has it, see [`line`].
//! - *Blocked*: silence. Nothing is sent and nothing that arrives is read, but the connection stays. When the link is
//!   free again, what was held goes on its way, as retransmissions do.
//!
//! **What is not modelled**: congestion windows, queues that overflow, a timer finer than a millisecond. What a stream
//! holds is bounded ([`line::HELD_MAX`]); when that is full, writing waits.
//!
//! **Who decides**: the operator, through a file at the start and the methods `net_link` and `net_block`. Peers have no
//! say. Chance is seeded per connection by the two peer ids and a count, so it needs no entropy.

mod line;
mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::task::AtomicWaker;
use libp2p::PeerId;

use crate::spec::LinkShape;

pub(super) use stream::Shaped;

/// Peers with a shape of their own, and blocked peers: eight times the nodes of the largest devnet each.
pub const PEERS_MAX: usize = 1024;

/// How a node treats its links.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The links that have no shape of their own.
    pub all: LinkShape,
    /// The links that have.
    pub peers: BTreeMap<PeerId, LinkShape>,
    /// Peers to which nothing is sent and of which nothing is heard.
    pub blocked: BTreeSet<PeerId>,
}

/// There is no room for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {PEERS_MAX} peers are not told apart: shape all links at once, or fewer")]
pub struct TooManyPeers;

impl Settings {
    /// How the link to a peer is treated.
    pub fn of(&self, peer: &PeerId) -> Treatment {
        Treatment {
            shape: self.peers.get(peer).copied().unwrap_or(self.all),
            blocked: self.blocked.contains(peer),
        }
    }

    /// Refuses more peers than are told apart.
    pub fn check(&self) -> Result<(), TooManyPeers> {
        match self.peers.len().max(self.blocked.len()) {
            ..=PEERS_MAX => Ok(()),
            _ => Err(TooManyPeers),
        }
    }
}

/// How one link is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Treatment {
    /// What is done to what is sent.
    pub shape: LinkShape,
    /// Whether nothing passes at all.
    pub blocked: bool,
}

/// The links of a node: the settings, and the connections that obey them.
#[derive(Debug)]
pub(super) struct Links {
    local: PeerId,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    settings: Settings,
    /// The open connections. Those that closed are dropped whenever one opens, so there are never many more than the
    /// limits on connections allow.
    open: Vec<(PeerId, Weak<Control>)>,
    /// Connections so far.
    opened: u64,
}

impl Links {
    /// The links of a node that is called `local`.
    pub(super) fn new(local: PeerId, settings: Settings) -> Self {
        Self { local, table: Mutex::new(Table { settings, ..Table::default() }) }
    }

    /// A new connection to a peer: what tells it how to treat its bytes, and the seed of its chance.
    pub(super) fn open(&self, peer: &PeerId) -> (Arc<Control>, [u8; 32]) {
        let mut table = self.table();
        table.open.retain(|(_, control)| control.strong_count() > 0);
        let control = Arc::new(Control::new(table.settings.of(peer)));
        table.open.push((*peer, Arc::downgrade(&control)));
        table.opened += 1;
        let name = format!("{} {peer} {}", self.local, table.opened);
        (control, *blake3::hash(name.as_bytes()).as_bytes())
    }

    /// Changes the settings; connections obey at once. Says which peers are blocked no longer.
    pub(super) fn change(
        &self,
        change: impl FnOnce(&mut Settings),
    ) -> Result<BTreeSet<PeerId>, TooManyPeers> {
        let mut table = self.table();
        let mut settings = table.settings.clone();
        change(&mut settings);
        settings.check()?;
        let before = std::mem::replace(&mut table.settings, settings);
        for (peer, control) in &table.open {
            if let Some(control) = control.upgrade() {
                control.set(table.settings.of(peer));
            }
        }
        Ok(before.blocked.difference(&table.settings.blocked).copied().collect())
    }

    /// The settings in force.
    pub(super) fn settings(&self) -> Settings {
        self.table().settings.clone()
    }

    /// How the link to a peer is treated.
    pub(super) fn of(&self, peer: &PeerId) -> Treatment {
        self.table().settings.of(peer)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing in here is left half done by a thread that panicked.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tells one connection how to treat its bytes.
#[derive(Debug)]
pub(super) struct Control {
    treatment: Mutex<Treatment>,
    /// Goes up with each change, so that a connection sees without the lock that nothing has changed.
    changes: AtomicU64,
    /// Who waits for a change to read, and to write.
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Control {
    fn new(treatment: Treatment) -> Self {
        Self {
            treatment: Mutex::new(treatment),
            changes: AtomicU64::new(1),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        }
    }

    fn set(&self, treatment: Treatment) {
        {
            let mut now = self.treatment.lock().unwrap_or_else(PoisonError::into_inner);
            if *now == treatment {
                return;
            }
            *now = treatment;
            self.changes.fetch_add(1, Ordering::Release);
        }
        self.reader.wake();
        self.writer.wake();
    }

    fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// The treatment, and the number of the change that made it so.
    fn treatment(&self) -> (Treatment, u64) {
        let treatment = self.treatment.lock().unwrap_or_else(PoisonError::into_inner);
        (*treatment, self.changes())
    }
}

#[cfg(test)]
mod tests;
