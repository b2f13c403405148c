//! The parameters of the hybrid of work and stake in a chain spec: what [pow] and [pos] do not say.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::pos::PosSpec;
use super::pow::{InitialBits, PowSpec};
use super::read::{Refusal, Section};
use super::schema::{default, range};
use super::settings::{Entry, Settings, quoted};
use super::values;
use crate::consensus::Seat;
use crate::consensus::hybrid::{HybridEngine, HybridParams, HybridRules, Trust};
use crate::types::target::Bits;
use crate::types::{GenesisId, Span, encode};

/// The words for how blocks are trusted.
const TRUSTS: [&str; 2] = ["relative", "peercoin"];

/// The parameters of the hybrid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HybridSpec<B = Bits> {
    /// Work; its `retarget` is not used.
    pub pow: PowSpec<B>,
    /// Stake.
    pub pos: PosSpec,
    /// Blocks of work that the difficulty of work averages over.
    pub work_window: NonZeroU32,
    /// The interval of work grows with the blocks by stake since the last block of work, up to this.
    pub work_spacing_max: Span,
    /// What a block adds to the trust of its branch.
    pub trust: Trust,
    /// Blocks on top of a block before it counts as final.
    pub finality_depth: u64,
}

impl HybridSpec<InitialBits> {
    /// Reads [hybrid].
    pub(super) fn read(
        mut section: Section<'_, '_>,
        pow: PowSpec<InitialBits>,
        pos: PosSpec,
    ) -> Self {
        let hybrid = &mut section;
        let work_window = hybrid
            .read("work_window", |value| values::nonzero(value, range::WINDOW))
            .unwrap_or(default::WINDOW_EMA);
        let work_spacing_max = hybrid
            .read("work_spacing_max", |value| {
                let span = values::span(value, range::BLOCK_TIME)?;
                match span < pow.block_time {
                    true => Err(Refusal::new(
                        format!("is less than pow.block_time, which is {}", pow.block_time),
                        format!("write \"{}\" or more", pow.block_time),
                    )),
                    false => Ok(span),
                }
            })
            .unwrap_or(pow.block_time);
        let trust = hybrid.read("trust", |value| values::word(value, &TRUSTS));
        let weight = |hybrid: &mut Section<'_, '_>, key| {
            hybrid.read(key, |value| values::number(value, range::TRUST))
        };
        let work = weight(hybrid, "work_trust").unwrap_or(default::TRUST);
        let stake = weight(hybrid, "stake_trust").unwrap_or(default::TRUST);
        let trust = match trust {
            Some("peercoin") => Trust::Peercoin,
            _ => Trust::Relative { work, stake },
        };
        let finality_depth = hybrid
            .read("finality_depth", |value| values::number(value, range::FINALITY_DEPTH))
            .unwrap_or(default::STAKE_FINALITY_DEPTH);
        section.finish();
        Self { pow, pos, work_window, work_spacing_max, trust, finality_depth }
    }

    pub(super) fn resolve(self, auto: impl FnOnce() -> Bits) -> HybridSpec {
        let Self { pos, work_window, work_spacing_max, trust, finality_depth, .. } = self;
        let pow = self.pow.resolve(auto);
        HybridSpec { pow, pos, work_window, work_spacing_max, trust, finality_depth }
    }
}

impl<B: fmt::Display> HybridSpec<B> {
    pub(super) fn entries(&self) -> Vec<Entry> {
        let entry = |key, value, about| Entry::new("hybrid", key, value, about);
        let mut entries = vec![
            entry("work_window", self.work_window.to_string(), "blocks of work averaged over"),
            entry(
                "work_spacing_max",
                quoted(self.work_spacing_max),
                "work waits for stake so long",
            ),
        ];
        match self.trust {
            Trust::Peercoin => entries.push(entry("trust", quoted("peercoin"), "work breaks ties")),
            Trust::Relative { work, stake } => entries.extend([
                entry("trust", quoted("relative"), "each kind by its difficulty then and now"),
                entry("work_trust", work.to_string(), "what a block of work counts"),
                entry("stake_trust", stake.to_string(), "what a block by stake counts"),
            ]),
        }
        let depth = self.finality_depth.to_string();
        entries.push(entry("finality_depth", depth, "final when this many blocks lie on top"));
        entries.extend(self.pow.entries().into_iter().filter(used));
        entries.extend(self.pos.entries().into_iter().filter(used));
        entries
    }
}

/// Whether the hybrid uses an entry of its halves: it has a final depth of its own, and the retarget of work is given.
fn used(entry: &Entry) -> bool {
    let of_work = ["retarget", "half_life", "retarget_window", "clamp"];
    let unused = entry.section == "pow" && of_work.contains(&entry.key.as_str());
    entry.key != "finality_depth" && !unused
}

impl<B> HybridSpec<B> {
    /// The interval between blocks of any kind.
    pub(super) fn block_time(&self) -> Span {
        let (work, stake) = (self.pow.block_time.0, self.pos.block_time.0);
        // Block times are at most a day.
        Span((work * stake / (work + stake)).max(1))
    }
}

impl HybridSpec {
    /// What the genesis id covers.
    pub(super) fn identity(&self) -> Vec<u8> {
        let mut bytes = self.pow.work_identity();
        bytes.extend(self.pos.identity());
        let (work, stake) = match self.trust {
            Trust::Peercoin => (0, 0),
            Trust::Relative { work, stake } => (work, stake),
        };
        let own = (self.work_window.get(), self.work_spacing_max, work, stake, self.finality_depth);
        bytes.extend(encode(&own));
        bytes
    }

    /// The judging half of the rule on the chain with this genesis id and these settings.
    pub fn rules(&self, chain: GenesisId, settings: &Settings) -> Arc<HybridRules> {
        let (work, stake) = (self.pow.params(chain, settings), self.pos.params(chain, settings));
        Arc::new(HybridRules::new(HybridParams {
            work,
            stake,
            work_window: self.work_window,
            work_spacing_max: self.work_spacing_max,
            trust: self.trust,
            finality_depth: self.finality_depth,
        }))
    }

    pub(super) fn engine(
        &self,
        chain: GenesisId,
        settings: &Settings,
        seat: &Seat,
    ) -> Box<HybridEngine> {
        let rules = self.rules(chain, settings);
        Box::new(HybridEngine::new(rules, seat.payout, seat.stake.clone()))
    }
}
