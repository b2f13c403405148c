//! The parameters of proof of authority in a chain spec.

use std::sync::Arc;

use super::authorities::{Authorities, Reading};
use super::read::Section;
use super::schema::{default, range};
use super::settings::{Entry, Settings, quoted};
use super::values;
use crate::consensus::Seat;
use crate::consensus::implied::FinalityRule;
use crate::consensus::poa::{PoaEngine, PoaParams, PoaRules};
use crate::types::{GenesisId, Span, encode};

/// The parameters of proof of authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoaSpec {
    /// The first authorities, in the order of the file.
    pub authorities: Authorities,
    /// The time between two blocks at least.
    pub period: Span,
    /// Whoever is not in turn waits for up to this, times half their number and one. Each node's own affair.
    pub wiggle: Span,
    /// Votes about authorities are forgotten every so many blocks.
    pub epoch: u64,
    /// What makes a block final.
    pub finality: FinalityRule,
    /// How far ahead of the local clock a block may be.
    pub max_drift: Span,
    /// For so many blocks whoever signed two of one height is written down for it; none means never.
    pub evidence_window: u64,
}

impl PoaSpec {
    /// Reads [poa]; `authorities` are those of a spec that names none.
    pub(super) fn read(mut section: Section<'_, '_>, authorities: &Reading<'_>) -> Self {
        let poa = &mut section;
        let authorities = authorities.read(poa);
        let period = poa
            .read("period", |value| values::span(value, range::BLOCK_TIME))
            .unwrap_or(default::PERIOD);
        let wiggle = poa
            .read("wiggle", |value| values::span(value, range::WIGGLE))
            .unwrap_or(default::WIGGLE.min(Span(period.0 / 2)));
        let epoch = poa
            .read("epoch", |value| values::number(value, range::EPOCH))
            .unwrap_or(default::EPOCH);
        let finality = poa
            .read("finality", |value| values::word(value, &FinalityRule::NAMES))
            .and_then(FinalityRule::named)
            .unwrap_or_default();
        let max_drift = poa
            .read("max_drift", |value| values::span(value, range::MAX_DRIFT))
            .unwrap_or(default::TURN_DRIFT);
        let evidence_window = poa
            .read("evidence_window", |value| values::number(value, range::MATURITY))
            .unwrap_or(default::EVIDENCE_WINDOW);
        section.finish();
        Self { authorities, period, wiggle, epoch, finality, max_drift, evidence_window }
    }

    pub(super) fn entries(&self, settings: &Settings) -> Vec<Entry> {
        let entry = |key, value, about| Entry::new("poa", key, value, about);
        vec![
            entry("authorities", self.authorities.toml(settings), "who signs at first"),
            entry("period", quoted(self.period), "between two blocks at least"),
            entry("wiggle", quoted(self.wiggle), "who is not in turn waits, times n/2+1").local(),
            entry("epoch", self.epoch.to_string(), "votes are forgotten every so many blocks"),
            entry("finality", quoted(self.finality.name()), "what makes a block final"),
            entry("max_drift", quoted(self.max_drift), "how far ahead of the clock"),
            entry(
                "evidence_window",
                self.evidence_window.to_string(),
                "blocks in which two signatures of one height count; 0: never",
            ),
        ]
    }

    /// What the genesis id covers.
    pub(super) fn identity(&self) -> Vec<u8> {
        encode(&(
            self.authorities.set(),
            self.period,
            self.epoch,
            self.finality.name(),
            (self.max_drift, self.evidence_window),
        ))
    }

    /// The judging half of the rule on the chain with this genesis id.
    pub fn rules(&self, chain: GenesisId) -> Arc<PoaRules> {
        Arc::new(PoaRules::new(PoaParams {
            chain,
            authorities: self.authorities.set(),
            period: self.period,
            wiggle: self.wiggle,
            epoch: self.epoch,
            finality: self.finality,
            max_drift: self.max_drift,
        }))
    }

    pub(super) fn engine(&self, chain: GenesisId, seat: &Seat) -> Box<PoaEngine> {
        Box::new(PoaEngine::new(self.rules(chain), seat))
    }
}
