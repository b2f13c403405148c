//! Between the protocol and the connections: who is told what.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::api::{StratumStatus, WorkerStatus};
use crate::miner::stratum::{ConnectionId, Output, Refused, Server, Template, Totals};
use crate::node::host::wall_clock;
use crate::node::metrics::{Metrics, Outcome, ShareLabels};
use crate::types::work::WorkProof;
use crate::types::{Address, Prefix, Time};

/// Lines on their way to a miner that does not take them: an hour of jobs. Then it is cut off.
pub(super) const QUEUE_LINES_MAX: usize = 64;

/// Proven blocks that wait to be sealed. One takes milliseconds, and makes the others stale.
const PROVEN_MAX: usize = 16;

/// A proof of a block.
#[derive(Debug, Clone)]
pub(super) struct Proven {
    pub(super) template: [u8; 32],
    pub(super) height: u64,
    pub(super) payout: Address,
    pub(super) worker: String,
    pub(super) proof: WorkProof,
}

/// The protocol, and the ways to its connections. All of it is done on whichever task has something to say; the lock is
/// held for no longer than that takes, and never across a wait.
pub(in crate::node) struct Hub {
    url: String,
    prefix: Prefix,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
    /// There is something among what is wanted or proven.
    pub(super) work: Notify,
}

struct State {
    server: Server,
    lines: BTreeMap<ConnectionId, Sender<String>>,
    /// Addresses that a draft is wanted for; some that are mined for.
    wanted: BTreeSet<Address>,
    proven: Vec<Proven>,
    /// What the metrics say.
    told: Totals,
}

impl Hub {
    pub(super) fn new(
        url: String,
        prefix: Prefix,
        names: BTreeMap<String, Address>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let state = State {
            server: Server::new(wall_clock(), prefix, names),
            lines: BTreeMap::new(),
            wanted: BTreeSet::new(),
            proven: Vec::new(),
            told: Totals::default(),
        };
        Self { url, prefix, metrics, state: Mutex::new(state), work: Notify::new() }
    }

    /// Takes a connection up; gives the lines that are for it. They end when it is to be closed.
    pub(super) fn connect(
        &self,
        now: Time,
        address: IpAddr,
    ) -> Result<(ConnectionId, Receiver<String>), Refused> {
        let mut state = self.state();
        let connected = state.server.connect(now, address).map(|id| {
            let (lines, told) = channel(QUEUE_LINES_MAX);
            state.lines.insert(id, lines);
            (id, told)
        });
        self.perform(&mut state);
        connected
    }

    pub(super) fn disconnect(&self, now: Time, id: ConnectionId) {
        let mut state = self.state();
        state.lines.remove(&id);
        state.server.disconnect(now, id);
        self.perform(&mut state);
    }

    pub(super) fn line(&self, now: Time, id: ConnectionId, line: &[u8]) {
        self.act(|server| server.line(now, id, line));
    }

    pub(super) fn head(&self, now: Time, head: [u8; 32]) {
        self.act(|server| server.head(now, head));
    }

    pub(super) fn template(&self, now: Time, payout: Address, made: Option<Template>) {
        self.act(|server| server.template(now, payout, made));
    }

    pub(super) fn sealed(&self, worker: &str) {
        self.act(|server| server.sealed(worker));
    }

    pub(super) fn tick(&self, now: Time) {
        let mut state = self.state();
        state.server.tick(now);
        self.perform(&mut state);
        let rate: f64 = state.server.workers().map(|(_, worker)| worker.hash_rate(now)).sum();
        self.metrics.stratum_hash_rate.set(rate);
    }

    /// An address that a draft is wanted for.
    pub(super) fn take_wanted(&self) -> Option<Address> {
        self.state().wanted.pop_first()
    }

    /// What was proven since the last time.
    pub(super) fn take_proven(&self) -> Vec<Proven> {
        std::mem::take(&mut self.state().proven)
    }

    /// Whether anybody mines for this address.
    pub(super) fn is_mined_for(&self, address: &Address) -> bool {
        self.state().server.payouts().any(|payout| payout == address)
    }

    /// What happens here, for whoever asks the node.
    pub(in crate::node) fn status(&self, now: Time) -> StratumStatus {
        let state = self.state();
        let server = &state.server;
        let worker = |(name, worker): (&str, &crate::miner::stratum::Worker)| WorkerStatus {
            name: name.to_owned(),
            payout: worker.payout.encode(&self.prefix),
            agent: worker.agent.clone(),
            connections: worker.connections,
            difficulty: worker.difficulty,
            hash_rate: worker.hash_rate(now),
            accepted: worker.accepted,
            stale: worker.stale,
            duplicate: worker.duplicate,
            low: worker.low,
            refused: worker.refused,
            blocks: worker.blocks,
            best: worker.best,
            last_share: worker.last_share,
        };
        let workers: Vec<WorkerStatus> = server.workers().map(worker).collect();
        let totals = server.totals();
        StratumStatus {
            url: self.url.clone(),
            connections: server.connections() as u64, // a few thousand
            turned_away: totals.turned_away,
            payouts: server.payouts().count() as u64, // a few
            hash_rate: workers.iter().map(|worker| worker.hash_rate).sum(),
            accepted: totals.accepted,
            stale: totals.stale,
            duplicate: totals.duplicate,
            low: totals.low,
            refused: totals.refused,
            blocks: totals.blocks,
            workers,
        }
    }

    fn act(&self, act: impl FnOnce(&mut Server)) {
        let mut state = self.state();
        act(&mut state.server);
        self.perform(&mut state);
    }

    /// Does what the protocol wants done.
    fn perform(&self, state: &mut State) {
        loop {
            let outputs = state.server.take_outputs();
            if outputs.is_empty() {
                break;
            }
            for output in outputs {
                self.perform_one(state, output);
            }
        }
        self.count(state);
    }

    fn perform_one(&self, state: &mut State, output: Output) {
        match output {
            Output::Send(id, line) => {
                let Some(lines) = state.lines.get(&id) else { return };
                if lines.try_send(line).is_err() {
                    // Its task is gone, or it takes nothing: nobody waits for it.
                    tracing::debug!(connection = id.0, "a miner reads too slowly and is cut off");
                    state.lines.remove(&id);
                    state.server.disconnect(wall_clock(), id);
                }
            }
            Output::Close(id, why) => {
                tracing::debug!(connection = id.0, "a miner is cut off: {why}");
                state.lines.remove(&id);
            }
            Output::Draft(payout) => {
                // Whoever comes and goes leaves nothing behind.
                let server = &state.server;
                state.wanted.retain(|wanted| server.payouts().any(|payout| payout == wanted));
                state.wanted.insert(payout);
                self.work.notify_one();
            }
            Output::Block { template, height, payout, worker, proof } => {
                if state.proven.len() < PROVEN_MAX {
                    state.proven.push(Proven { template, height, payout, worker, proof });
                    self.work.notify_one();
                }
            }
        }
    }

    fn count(&self, state: &mut State) {
        let (told, totals) = (state.told, state.server.totals());
        if told != totals {
            let count = |outcome, before: u64, now: u64| {
                self.metrics
                    .stratum_shares
                    .get_or_create(&ShareLabels { outcome })
                    .inc_by(now - before);
            };
            count(Outcome::Accepted, told.accepted, totals.accepted);
            count(Outcome::Stale, told.stale, totals.stale);
            count(Outcome::Duplicate, told.duplicate, totals.duplicate);
            count(Outcome::Low, told.low, totals.low);
            count(Outcome::Refused, told.refused, totals.refused);
            self.metrics.stratum_blocks.inc_by(totals.blocks - told.blocks);
            self.metrics.stratum_nonsense.inc_by(totals.nonsense - told.nonsense);
            self.metrics.stratum_refused.inc_by(totals.turned_away - told.turned_away);
            state.told = totals;
        }
        let connections = state.server.connections();
        self.metrics.stratum_connections.set(i64::try_from(connections).unwrap_or(i64::MAX));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, so what is inside is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
