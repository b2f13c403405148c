//! The port for miners: Stratum V1 over TCP.
//!
//! The protocol, and whatever it has to remember, is [`miner::stratum::Server`](crate::miner::stratum::Server), which knows
//! no socket and no clock. Here are both: who accepts connections, cuts what arrives into lines, and brings lines to
//! whoever they are for (`hub`, `connection`), and who makes the drafts that miners work on and takes their proofs (`drafts`).
//!
//! The port is unprotected, as all of its kind are: whoever reaches it may mine, and be paid. It can do nothing else, and
//! opens on this machine only unless the operator says otherwise.
//!
//! # What a stranger can cost
//!
//! Connections are bounded in all and by address. Of each, lines of bounded length are read so many a second; more wait in
//! the socket, where they are their sender's. A line that takes too long to arrive ends the connection, and so does a
//! reader who does not take what it is told: nobody waits for him.

mod connection;
mod drafts;
mod hub;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use self::drafts::Maker;
pub(super) use self::hub::Hub;
use super::host::{Host, wall_clock};
use super::metrics::Metrics;
use super::rpc::{Rates, network};
use crate::api::Exit;
use crate::types::{Address, Prefix};

/// New connections of one address in a second, and for two seconds twice as many.
const CONNECTS_PER_SECOND: u32 = 100;

/// Lines of one address in a second, over all of its connections, and for two seconds twice as many: a hundredth of what a
/// core answers.
const LINES_PER_SECOND_PER_ADDRESS: u32 = 1000;

/// How long to wait when the system has no room for another connection, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often the protocol looks at the clock.
const TICK: Duration = Duration::from_millis(500);

/// Open files that the node wants to be allowed: all connections, and the store's.
const FILES: u64 = 8192;

/// Why the port for miners does not open.
#[derive(Debug, thiserror::Error)]
pub enum StratumError {
    /// The address cannot be bound.
    #[error(
        "{address} cannot be bound for miners: {source}; choose another --stratum-port, or 0 for any free one"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// Nobody can mine on this chain.
    #[error("--stratum-port: {0}")]
    NoSearch(String),
}

impl StratumError {
    /// The exit code of a node that could not start for this reason.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Bind { .. } => Exit::Bind,
            Self::NoSearch(_) => Exit::Config,
        }
    }
}

/// The bound port, before there is anything to mine.
pub(super) struct Door {
    listener: TcpListener,
    address: SocketAddr,
}

impl Door {
    pub(super) async fn bind(listen: SocketAddr) -> Result<Self, StratumError> {
        let refused = |source| StratumError::Bind { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address })
    }

    pub(super) fn url(&self) -> String {
        format!("stratum+tcp://{}", self.address)
    }

    /// Lets miners in. `names` may stand for addresses in user names.
    pub(super) fn open(
        self,
        maker: impl Maker,
        prefix: Prefix,
        names: BTreeMap<String, Address>,
        metrics: Arc<Metrics>,
    ) -> Stratum {
        allow_files();
        let hub = Arc::new(Hub::new(self.url(), prefix, names, metrics));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(self.listener, hub.clone()));
        tasks.spawn(drafts::run(hub.clone(), Arc::new(maker)));
        let ticking = hub.clone();
        tasks.spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                ticking.tick(wall_clock());
            }
        });
        Stratum { hub, tasks }
    }
}

/// The open port; it closes, with all connections, when this is dropped.
pub(super) struct Stratum {
    hub: Arc<Hub>,
    tasks: JoinSet<()>,
}

impl Stratum {
    pub(super) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Follows the node's head.
    pub(super) fn follow(&mut self, host: Host) {
        let hub = self.hub.clone();
        self.tasks.spawn(async move {
            let mut changes = host.changes();
            loop {
                hub.head(wall_clock(), *host.view().head.as_bytes());
                if changes.changed().await.is_err() {
                    return;
                }
            }
        });
    }
}

async fn accept(listener: TcpListener, hub: Arc<Hub>) {
    let connects = Rates::new(CONNECTS_PER_SECOND);
    let lines = Arc::new(Rates::new(LINES_PER_SECOND_PER_ADDRESS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok((stream, from)) => (stream, network(from.ip())),
            Err(error) => {
                tracing::warn!(%error, "a miner could not be let in");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if !connects.allow(address, Instant::now()) {
            tracing::debug!(%address, "a miner is turned away: it connects too often");
            continue;
        }
        match hub.connect(wall_clock(), address) {
            Ok((id, told)) => {
                let lines = lines.clone();
                connections.spawn(connection::serve(hub.clone(), stream, address, id, told, lines));
            }
            Err(refused) => tracing::debug!(%address, "a miner is turned away: {refused}"),
        }
    }
}

/// Asks the system for as many open files as the port may need, as far as it lets us.
fn allow_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(FILES, |most| most.min(FILES));
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "the number of open files stays as it is");
        }
    }
}
