//! The parameters of Raft in a chain spec.

use std::sync::Arc;

use toml::de::DeValue;

use super::authorities::Authorities;
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
    /// A block with transactions leaves so long after the one before it at the earliest.
    pub block_time_min: Span,
    /// And an empty one when nothing was made for so long; never, if there is none.
    pub empty_block_after: Option<Span>,
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
        let block_time_min = raft
            .read("block_time_min", |value| values::span(value, range::BLOCK_TIME_MIN))
            .unwrap_or(default::BLOCK_TIME_MIN);
        let empty_block_after = raft
            .read("empty_block_after", |value| read_empty(value, block_time_min))
            .unwrap_or(Some(default::EMPTY_BLOCK_AFTER.max(block_time_min)));
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
        Self { authorities, block_time_min, empty_block_after, election_timeout, heartbeat }
    }

    pub(super) fn entries(&self, settings: &Settings) -> Vec<Entry> {
        let entry = |key, value, about| Entry::new("raft", key, value, about);
        let empty = self.empty_block_after.map_or(quoted("never"), quoted);
        vec![
            entry("authorities", self.authorities.toml(settings), "who votes at first"),
            entry("block_time_min", quoted(self.block_time_min), "between two blocks at least")
                .local(),
            entry("empty_block_after", empty, "without a transaction; or \"never\"").local(),
            entry(
                "election_timeout",
                quoted(self.election_timeout),
                "the shortest; at most twice it",
            )
            .local(),
            entry("heartbeat", quoted(self.heartbeat), "how often a leader says so").local(),
        ]
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
            block_time_min: self.block_time_min,
            empty_block_after: self.empty_block_after,
            election_timeout: self.election_timeout,
            heartbeat: self.heartbeat,
        }))
    }

    pub(super) fn engine(&self, chain: GenesisId, seat: &Seat) -> Box<RaftEngine> {
        Box::new(RaftEngine::new(self.rules(chain), seat))
    }
}

/// How long nothing has to happen before an empty block is made; nothing stands for never.
fn read_empty(value: &DeValue<'_>, least: Span) -> Result<Option<Span>, Refusal> {
    if values::text(value, "5s")? == "never" {
        return Ok(None);
    }
    let span = values::span(value, range::EMPTY_BLOCK_AFTER).map_err(|refusal| {
        Refusal::new(refusal.reason, format!("{}, or \"never\"", refusal.fix))
    })?;
    if span < least {
        return Err(Refusal::new(
            format!("is less than block_time_min, which is {least}"),
            format!("write \"{least}\" or more, or \"never\""),
        ));
    }
    Ok(Some(span))
}
