//! The parameters of PBFT in a chain spec.

use std::sync::Arc;

use super::authorities::{Authorities, Reading};
use super::pace::Pace;
use super::read::{Refusal, Section};
use super::schema::{default, range};
use super::settings::{Entry, Settings, quoted};
use super::values;
use crate::consensus::Seat;
use crate::consensus::pbft::{PbftEngine, PbftParams, PbftRules};
use crate::types::{GenesisId, Span, encode};

/// With fewer authorities one that lies is too many (Castro and Liskov 1999, 2: n > 3 f).
pub(super) const AUTHORITIES_MIN: usize = 4;

/// The parameters of PBFT. Only the authorities are part of the chain: how long somebody waits is its own affair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PbftSpec {
    /// The first authorities, in the order of the file.
    pub authorities: Authorities,
    /// When blocks leave.
    pub pace: Pace,
    /// How long a primary may be silent, or take for what it began.
    pub view_timeout: Span,
    /// Whether fewer than four authorities are let pass.
    pub allow_unsafe: bool,
}

impl PbftSpec {
    /// Reads [pbft]; `authorities` are those of a spec that names none.
    pub(super) fn read(mut section: Section<'_, '_>, authorities: &Reading<'_>) -> Self {
        let pbft = &mut section;
        let authorities = authorities.read(pbft);
        let pace = Pace::read(pbft);
        let view_timeout = pbft
            .read("view_timeout", |value| values::span(value, range::ELECTION_TIMEOUT))
            .unwrap_or(default::VIEW_TIMEOUT);
        let allow_unsafe = pbft.read("allow_unsafe", values::boolean).unwrap_or(false);
        section.finish();
        Self { authorities, pace, view_timeout, allow_unsafe }
    }

    /// Whether there are enough of them to bear one that lies.
    pub(super) fn fits(&self) -> Result<(), Refusal> {
        let count = self.authorities.iter().len();
        if count >= AUTHORITIES_MIN || self.allow_unsafe {
            return Ok(());
        }
        Err(Refusal::new(
            format!(
                "pbft has {count} {}: with fewer than {AUTHORITIES_MIN} one that lies can split the others",
                if count == 1 { "authority" } else { "authorities" }
            ),
            "name four or more in pbft.authorities, or set allow_unsafe = true below [pbft] to see it happen",
        ))
    }

    pub(super) fn entries(&self, settings: &Settings) -> Vec<Entry> {
        let entry = |key, value, about| Entry::new("pbft", key, value, about);
        let mut entries =
            vec![entry("authorities", self.authorities.toml(settings), "who votes at first")];
        entries.extend(self.pace.entries("pbft"));
        entries.extend([
            entry("view_timeout", quoted(self.view_timeout), "for a primary that is not heard")
                .local(),
            entry(
                "allow_unsafe",
                self.allow_unsafe.to_string(),
                "fewer than four authorities, of whom none may lie",
            )
            .local(),
        ]);
        entries
    }

    /// What the genesis id covers.
    pub(super) fn identity(&self) -> Vec<u8> {
        encode(&self.authorities.set())
    }

    /// The judging half of the rule on the chain with this genesis id.
    pub fn rules(&self, chain: GenesisId) -> Arc<PbftRules> {
        Arc::new(PbftRules::new(PbftParams {
            chain,
            authorities: self.authorities.set(),
            block_time_min: self.pace.block_time_min,
            empty_block_after: self.pace.empty_block_after,
            view_timeout: self.view_timeout,
        }))
    }

    pub(super) fn engine(&self, chain: GenesisId, seat: &Seat) -> Box<PbftEngine> {
        Box::new(PbftEngine::new(self.rules(chain), seat))
    }
}
