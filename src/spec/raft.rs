//! The parameters of Raft in a chain spec.

use std::sync::Arc;

use super::authorities::Authorities;
use super::pace::Pace;
use super::read::{Refusal, Section};
use super::schema::{default, range};
use super::settings::{Entry, Settings, quoted};
use super::values;
use crate::consensus::Seat;
use crate::consensus::raft::{RaftEngine, RaftParams, RaftRules};
use crate::types::{GenesisId, Span, encode};

/// The parameters of Raft. Only the authorities are part of the chain: how long somebody waits is its own affair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaftSpec {
    /// The first authorities, in the order of the file.
    pub authorities: Authorities,
    /// When blocks leave.
    pub pace: Pace,
    /// The shortest election timeout.
    pub election_timeout: Span,
    /// The time between two heartbeats.
    pub heartbeat: Span,
}

impl RaftSpec {
    /// Reads [raft]; `silent` are the authorities of a spec that names none.
    pub(super) fn read(
        mut section: Section<'_, '_>,
        authorities: &super::authorities::Reading<'_>,
    ) -> Self {
        let raft = &mut section;
        let authorities = authorities.read(raft);
        let pace = Pace::read(raft);
        let election_timeout = raft
            .read("election_timeout", |value| values::span(value, range::ELECTION_TIMEOUT))
            .unwrap_or(default::ELECTION_TIMEOUT);
        let heartbeat = raft
            .read("heartbeat", |value| values::span(value, range::HEARTBEAT))
            .unwrap_or(Span(election_timeout.0 / default::HEARTBEATS));
        if heartbeat.0.saturating_mul(2) > election_timeout.0 {
            let half = Span(election_timeout.0 / 2);
            raft.refuse(
                "heartbeat",
                Refusal::new(
                    format!(
                        "is more than half of raft.election_timeout, which is {election_timeout}: one that is \
                         late would depose the leader"
                    ),
                    format!("write \"{half}\" or less, or a longer election_timeout"),
                ),
            );
        }
        section.finish();
        Self { authorities, pace, election_timeout, heartbeat }
    }

    pub(super) fn entries(&self, settings: &Settings) -> Vec<Entry> {
        let entry = |key, value, about| Entry::new("raft", key, value, about);
        let mut entries =
            vec![entry("authorities", self.authorities.toml(settings), "who votes at first")];
        entries.extend(self.pace.entries("raft"));
        entries.extend([
            entry(
                "election_timeout",
                quoted(self.election_timeout),
                "the shortest; at most twice it",
            )
            .local(),
            entry("heartbeat", quoted(self.heartbeat), "how often a leader says so").local(),
        ]);
        entries
    }

    /// What the genesis id covers.
    pub(super) fn identity(&self) -> Vec<u8> {
        encode(&self.authorities.set())
    }

    /// The judging half of the rule on the chain with this genesis id.
    pub fn rules(&self, chain: GenesisId) -> Arc<RaftRules> {
        Arc::new(RaftRules::new(RaftParams {
            chain,
            authorities: self.authorities.set(),
            block_time_min: self.pace.block_time_min,
            empty_block_after: self.pace.empty_block_after,
            election_timeout: self.election_timeout,
            heartbeat: self.heartbeat,
        }))
    }

    pub(super) fn engine(&self, chain: GenesisId, seat: &Seat) -> Box<RaftEngine> {
        Box::new(RaftEngine::new(self.rules(chain), seat))
    }
}
