//! What every method works with: the chain's facts, the phase of the node, and a memory of recent headers.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;

use super::Backend;
use super::catalog::Catalog;
use super::cookie::Credential;
use super::fault::Fault;
use super::rule::Rule;
use crate::api::files::COOKIE_FILE_NAME;
use crate::api::{
    ConsensusStatus, HealthStatus, INTERVALS_MAX, PRODUCERS_BLOCKS_MAX, RpcCode, SystemInfo,
};
use crate::ledger::Params;
use crate::node::metrics::Metrics;
use crate::replica::View;
use crate::types::{Address, BlockId, Header, Prefix, Time};

/// Headers that are remembered: as many as rates and concentration are counted over, and the one before.
const HEADERS_MAX: usize = {
    let most =
        if INTERVALS_MAX > PRODUCERS_BLOCKS_MAX { INTERVALS_MAX } else { PRODUCERS_BLOCKS_MAX };
    most + 1
};

/// What does not change while the node runs.
#[derive(Clone)]
pub struct Facts {
    /// The chain's name.
    pub chain: String,
    /// What a coin is called.
    pub symbol: String,
    /// The human-readable part of addresses.
    pub prefix: Prefix,
    /// Whether the chain lists the public development accounts.
    pub dev: bool,
    /// The parameters of execution.
    pub params: Params,
    /// The rule.
    pub rule: Rule,
    /// Where the pool is full, in bytes.
    pub pool_bytes_max: usize,
    /// The frozen spec, a TOML file.
    pub spec: String,
    /// The data directory.
    pub datadir: PathBuf,
    /// When the node started.
    pub started: Time,
}

/// How far the node is.
pub(super) enum Phase {
    /// It opens its store.
    WarmingUp,
    /// It works.
    Ready(Arc<dyn Backend>),
    /// It stops.
    Stopping,
}

/// What all requests share.
pub(super) struct Context {
    pub(super) facts: Facts,
    pub(super) metrics: Arc<Metrics>,
    /// Where the port is, as a URL.
    pub(super) url: String,
    phase: ArcSwap<Phase>,
    catalog: OnceLock<Arc<Catalog>>,
    recent: Mutex<Recent>,
}

/// Headers of the last blocks of a branch and what was computed from them.
#[derive(Default)]
struct Recent {
    /// Oldest first.
    headers: VecDeque<(BlockId, Header)>,
    status: Option<(BlockId, Arc<ConsensusStatus>)>,
}

impl Context {
    pub(super) fn new(facts: Facts, metrics: Arc<Metrics>, url: String) -> Self {
        let phase = ArcSwap::from_pointee(Phase::WarmingUp);
        Self { facts, metrics, url, phase, catalog: OnceLock::new(), recent: Mutex::default() }
    }

    /// Says which methods there are, once.
    pub(super) fn list(&self, catalog: Arc<Catalog>) {
        // Methods are registered once in the life of a context.
        let _ = self.catalog.set(catalog);
    }

    /// The methods that there are.
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        self.catalog.get().cloned().unwrap_or_default()
    }

    pub(super) fn set(&self, phase: Phase) {
        self.phase.store(Arc::new(phase));
    }

    /// The node behind the port, if it works.
    pub(super) fn backend(&self) -> Result<Arc<dyn Backend>, Fault> {
        match &**self.phase.load() {
            Phase::Ready(backend) => Ok(backend.clone()),
            Phase::WarmingUp => {
                Err(Fault::new(RpcCode::WarmingUp, "the node is opening its store")
                    .help("ask again in a moment"))
            }
            Phase::Stopping => Err(Fault::new(RpcCode::Stopping, "the node is stopping")),
        }
    }

    /// What `/health` says about the phase.
    pub(super) fn health(&self) -> HealthStatus {
        match &**self.phase.load() {
            Phase::Ready(_) => HealthStatus::Ok,
            Phase::WarmingUp => HealthStatus::WarmingUp,
            Phase::Stopping => HealthStatus::Stopping,
        }
    }

    /// Refuses who has not shown the token.
    pub(super) fn authorise(&self, credential: Option<&Credential>) -> Result<(), Fault> {
        let cookie = self.facts.datadir.join(COOKIE_FILE_NAME);
        let cookie = cookie.display();
        match credential {
            Some(Credential::Right) => Ok(()),
            Some(Credential::Wrong) => {
                let fault =
                    Fault::new(RpcCode::Unauthorized, "the token is not the one of this node");
                Err(fault
                    .help(format!("a new token is written at each start: read {cookie} again")))
            }
            Some(Credential::Missing) | None => {
                let fault = Fault::new(RpcCode::Unauthorized, "this method needs the node's token");
                Err(fault.help(format!("send the content of {cookie} as `Authorization: Bearer`")))
            }
        }
    }

    /// The address that a parameter names.
    pub(super) fn address(&self, text: &str) -> Result<Address, Fault> {
        Address::parse(text, &self.facts.prefix)
            .map_err(|error| Fault::new(RpcCode::BadAddress, error.to_string()))
    }

    pub(super) fn system_info(&self, backend: &dyn Backend) -> SystemInfo {
        let facts = &self.facts;
        let p2p = backend.p2p();
        SystemInfo {
            name: "assay".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            started: facts.started,
            datadir: facts.datadir.display().to_string(),
            rpc: self.url.clone(),
            peer_id: p2p.peer_id,
            p2p: p2p.listen,
            chain: facts.chain.clone(),
            genesis: facts.params.chain,
            engine: facts.rule.name().into(),
            address_prefix: facts.prefix.to_string(),
            symbol: facts.symbol.clone(),
            dev: facts.dev,
            fee_per_byte_min: facts.params.fee_per_byte_min,
            // The pool lets one transaction have half a block.
            transaction_bytes_max: (facts.params.block_bytes_max / 2) as u64,
            maturity: facts.params.maturity,
            finality_depth: facts.rule.finality_depth(),
        }
    }

    /// What the rule is doing after the head of `view`. Reads the store for headers that it has not seen: call it where
    /// blocking is allowed.
    pub(super) fn consensus(
        &self,
        backend: &dyn Backend,
        view: &View,
    ) -> Result<Arc<ConsensusStatus>, Fault> {
        if let Some(status) = self.known_consensus(&view.head) {
            return Ok(status);
        }
        let facts = &self.facts;
        if let Some(rounds) = facts.rule.rounds(view, backend.agreement(), &facts.prefix)? {
            // It may be another a moment later, with the same head.
            return Ok(Arc::new(rounds));
        }
        let headers = self.recent_headers(backend, view)?;
        let status = Arc::new(facts.rule.open(view, &headers, &facts.prefix)?);
        self.recent().status = Some((view.head, status.clone()));
        Ok(status)
    }

    /// The answer of [`Self::consensus`], if it was computed for this head before.
    pub(super) fn known_consensus(&self, head: &BlockId) -> Option<Arc<ConsensusStatus>> {
        let recent = self.recent();
        recent.status.as_ref().filter(|(of, _)| of == head).map(|(_, status)| status.clone())
    }

    /// The headers of the last blocks up to the head, oldest first. Only blocks that the last call did not see are read.
    fn recent_headers(&self, backend: &dyn Backend, view: &View) -> Result<Vec<Header>, Fault> {
        let mut known = std::mem::take(&mut self.recent().headers);
        let mut fresh = vec![(view.head, view.header)];
        while let Some((_, last)) = fresh.last() {
            let parent = last.parent;
            while known
                .back()
                .is_some_and(|(id, header)| *id != parent && header.height.next() >= last.height)
            {
                known.pop_back(); // it lies on a branch that was left
            }
            if known.back().is_some_and(|(id, _)| *id == parent) {
                break;
            }
            if fresh.len() >= HEADERS_MAX || last.height.0 == 0 {
                known.clear();
                break;
            }
            // A parent that the store does not have any more ends the list; it is an estimate.
            let Some(header) = backend.header(&parent)? else {
                known.clear();
                break;
            };
            fresh.push((parent, header));
        }
        known.extend(fresh.into_iter().rev());
        let spare = known.len().saturating_sub(HEADERS_MAX);
        known.drain(..spare);
        let headers = known.iter().map(|(_, header)| *header).collect();
        self.recent().headers = known;
        Ok(headers)
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        // A thread that panicked while it held the memory left nothing half done that a reader could mind.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
