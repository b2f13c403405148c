//! The parameters of rules with a leader and a log, in a chain spec: Raft and Multi-Paxos.

use std::marker::PhantomData;
use std::sync::Arc;

use super::authorities::{Authorities, Reading};
use super::pace::Pace;
use super::read::{Refusal, Section};
use super::schema::{default, range};
use super::settings::{Entry, Settings, quoted};
use super::values;
use crate::consensus::log::{LogCore, LogEngine, LogParams, LogRules};
use crate::consensus::{Seat, paxos, raft};
use crate::types::{GenesisId, Span, encode};

/// The parameters of Raft.
pub type RaftSpec = LogSpec<raft::core::Core>;

/// The parameters of Multi-Paxos.
pub type PaxosSpec = LogSpec<paxos::core::Core>;

/// The parameters of such a rule. Only the authorities are part of the chain: how long somebody waits is its own affair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSpec<C> {
    /// The first authorities, in the order of the file.
    pub authorities: Authorities,
    /// When blocks leave.
    pub pace: Pace,
    /// The shortest time without a word of the leader after which somebody else tries to lead.
    pub patience: Span,
    /// The time between two heartbeats.
    pub heartbeat: Span,
    protocol: PhantomData<fn() -> C>,
}

impl<C: LogCore + 'static> LogSpec<C> {
    /// Reads the section of the rule; `authorities` are those of a spec that names none.
    pub(super) fn read(mut section: Section<'_, '_>, authorities: &Reading<'_>) -> Self {
        let log = &mut section;
        let authorities = authorities.read(log);
        let pace = Pace::read(log);
        let patience = log
            .read(C::PATIENCE, |value| values::span(value, range::ELECTION_TIMEOUT))
            .unwrap_or(default::ELECTION_TIMEOUT);
        let heartbeat = log
            .read("heartbeat", |value| values::span(value, range::HEARTBEAT))
            .unwrap_or(Span(patience.0 / default::HEARTBEATS));
        if heartbeat.0.saturating_mul(2) > patience.0 {
            let (rule, key, half) = (C::RULE, C::PATIENCE, Span(patience.0 / 2));
            log.refuse(
                "heartbeat",
                Refusal::new(
                    format!(
                        "is more than half of {rule}.{key}, which is {patience}: one that is late would depose the \
                         leader"
                    ),
                    format!("write \"{half}\" or less, or a longer {key}"),
                ),
            );
        }
        section.finish();
        Self { authorities, pace, patience, heartbeat, protocol: PhantomData }
    }

    pub(super) fn entries(&self, settings: &Settings) -> Vec<Entry> {
        let entry = |key, value, about| Entry::new(C::RULE, key, value, about);
        let mut entries =
            vec![entry("authorities", self.authorities.toml(settings), "who votes at first")];
        entries.extend(self.pace.entries(C::RULE));
        entries.extend([
            entry(C::PATIENCE, quoted(self.patience), "the shortest; at most twice it").local(),
            entry("heartbeat", quoted(self.heartbeat), "how often a leader says so").local(),
        ]);
        entries
    }

    /// What the genesis id covers.
    pub(super) fn identity(&self) -> Vec<u8> {
        encode(&self.authorities.set())
    }

    /// The judging half of the rule on the chain with this genesis id.
    pub fn rules(&self, chain: GenesisId) -> Arc<LogRules<C>> {
        Arc::new(LogRules::new(LogParams {
            chain,
            authorities: self.authorities.set(),
            block_time_min: self.pace.block_time_min,
            empty_block_after: self.pace.empty_block_after,
            patience: self.patience,
            heartbeat: self.heartbeat,
        }))
    }

    pub(super) fn engine(&self, chain: GenesisId, seat: &Seat) -> Box<LogEngine<C>> {
        Box::new(LogEngine::new(self.rules(chain), seat))
    }
}
