//! The parameters of proof of work in a chain spec.

use std::fmt;
use std::sync::Arc;

use num_bigint::BigUint;
use num_traits::{FromPrimitive, One};

use super::read::{Faults, Refusal, Section};
use super::retargeting::Retargeting;
use super::schema::{default, range};
use super::settings::{Entry, Settings, quoted};
use super::values;
use crate::consensus::pow::{PowEngine, PowParams, PowRules};
use crate::types::target::{Bits, Target};
use crate::types::{Address, GenesisId, Span, encode};

/// A head is of the present for so long at least: a pause of a few minutes is none.
const PRESENT_MIN: Span = Span::seconds(10 * 60);

/// And for so long at most: a day, after which Bitcoin too takes a node for one that has to catch up.
const PRESENT_MAX: Span = Span::seconds(24 * 60 * 60);

/// How much easier than measured the first block is, by habit: a chain that starts too easy is right after a few
/// blocks, one that starts too hard waits.
pub const AUTO_EASIER: u32 = 16;

/// The parameters of proof of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowSpec<B = Bits> {
    /// The interval between blocks that retargeting aims at.
    pub block_time: Span,
    /// How the target follows the hash rate.
    pub retarget: Retargeting,
    /// The target of the first block.
    pub initial_bits: B,
    /// The easiest target allowed, in canonical bits.
    pub limit_bits: Bits,
    /// Blocks on top of a block before it counts as final.
    pub finality_depth: u64,
    /// How far ahead of the local clock a block may be.
    pub future_limit: Span,
    /// How long after the draft's time the work header's time may be.
    pub seal_window: Span,
}

/// The target of the first block, as a spec states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialBits {
    /// To be measured when the chain is launched.
    Auto,
    /// Known.
    Is(Bits),
}

impl fmt::Display for InitialBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Is(bits) => bits.fmt(f),
        }
    }
}

/// The bits at which `hash_rate` (hashes per second, of all miners together) finds a block in `block_time`, made
/// `easier` times easier. A rate that is no positive number gives the easiest bits there are. Freezing a spec keeps them
/// within its limit.
pub fn bits_for(hash_rate: f64, block_time: Span, easier: u32) -> Bits {
    // A span of 2^53 ms is exact in a double and longer than any block.
    let hashes = hash_rate * (block_time.0 as f64 / 1000.0) / f64::from(easier.max(1));
    let expected = if hashes.is_finite() { BigUint::from_f64(hashes) } else { None };
    let expected = expected.unwrap_or_default().max(BigUint::one());
    Target::within(&((BigUint::one() << 256u32) / expected), &Target::max()).to_bits()
}

impl PowSpec<InitialBits> {
    /// Reads [pow]; what would have to be resolved by freezing goes to `unresolved`.
    pub(super) fn read(mut section: Section<'_, '_>, unresolved: &Faults) -> Self {
        let pow = &mut section;
        let block_time = pow
            .read("block_time", |value| values::span(value, range::BLOCK_TIME))
            .unwrap_or(default::BLOCK_TIME);
        let retarget = Retargeting::read(pow, block_time);
        let limit_bits = pow.read("limit_bits", values::bits).unwrap_or(default::LIMIT_BITS);
        let initial_bits = Self::read_initial_bits(pow, limit_bits);
        if initial_bits == InitialBits::Auto {
            unresolved.add(
                &pow.place("initial_bits"),
                "pow.initial_bits is not resolved: each node would measure a target of its own",
                "freeze the spec first, or write the bits of the first block",
            );
        }
        let finality_depth = pow
            .read("finality_depth", |value| values::number(value, range::FINALITY_DEPTH))
            .unwrap_or(default::FINALITY_DEPTH);
        let future_limit = pow
            .read("future_limit", |value| values::span(value, range::FUTURE_LIMIT))
            .unwrap_or(default::FUTURE_LIMIT);
        let seal_window = pow
            .read("seal_window", |value| values::span(value, range::SEAL_WINDOW))
            .unwrap_or(default::SEAL_WINDOW);
        section.finish();
        Self {
            block_time,
            retarget,
            initial_bits,
            limit_bits,
            finality_depth,
            future_limit,
            seal_window,
        }
    }

    fn read_initial_bits(pow: &mut Section<'_, '_>, limit: Bits) -> InitialBits {
        let read = pow.read("initial_bits", |value| {
            if values::text(value, "auto")? == "auto" {
                return Ok(InitialBits::Auto);
            }
            let bits = values::bits(value).map_err(|refusal| {
                Refusal::new(refusal.reason, format!("{}, or \"auto\"", refusal.fix))
            })?;
            if target(bits) > target(limit) {
                return Err(Refusal::new(
                    format!("is easier than pow.limit_bits, which is {limit}"),
                    format!("write \"{limit}\" or harder, or \"auto\""),
                ));
            }
            Ok(InitialBits::Is(bits))
        });
        read.unwrap_or(InitialBits::Auto)
    }

    pub(super) fn resolve(self, auto: impl FnOnce() -> Bits) -> PowSpec {
        let limit = target(self.limit_bits);
        let initial_bits = match self.initial_bits {
            InitialBits::Is(bits) => bits,
            // What is no target stands for the easiest.
            InitialBits::Auto => auto().target().map_or(limit, |bits| bits.min(limit)).to_bits(),
        };
        PowSpec {
            block_time: self.block_time,
            retarget: self.retarget,
            initial_bits,
            limit_bits: self.limit_bits,
            finality_depth: self.finality_depth,
            future_limit: self.future_limit,
            seal_window: self.seal_window,
        }
    }
}

/// The target of bits that were judged when they were read.
fn target(bits: Bits) -> Target {
    bits.target().expect("a spec holds only bits that encode a target")
}

/// How old a head may be and still count as the present, where depth makes final.
pub(super) fn present(block_time: Span, finality_depth: u64) -> Span {
    block_time.times(finality_depth).clamp(PRESENT_MIN, PRESENT_MAX)
}

impl<B> PowSpec<B> {
    /// How old a head may be and still count as the present: as old as what lies below the final depth, within reason.
    pub(super) fn present(&self) -> Span {
        present(self.block_time, self.finality_depth)
    }
}

impl<B: fmt::Display> PowSpec<B> {
    pub(super) fn entries(&self) -> Vec<Entry> {
        let entry = |key, value, about| Entry::new("pow", key, value, about);
        let mut entries =
            vec![entry("block_time", quoted(self.block_time), "what retargeting aims at")];
        entries.extend(self.retarget.entries());
        let depth = self.finality_depth.to_string();
        entries.extend([
            entry("initial_bits", quoted(&self.initial_bits), "the target of the first block"),
            entry("limit_bits", quoted(self.limit_bits), "the easiest target allowed"),
            entry("finality_depth", depth, "final when this many blocks lie on top"),
            entry("future_limit", quoted(self.future_limit), "how far ahead of the clock"),
            entry("seal_window", quoted(self.seal_window), "how far miners may roll the time"),
        ]);
        entries
    }
}

impl PowSpec {
    /// What the genesis id covers.
    pub(super) fn identity(&self) -> Vec<u8> {
        let mut bytes = encode(&self.block_time);
        // The name of the algorithm says how long what follows it is.
        bytes.extend(self.retarget.identity());
        bytes.extend(encode(&(
            self.initial_bits,
            self.limit_bits,
            self.finality_depth,
            self.future_limit,
            self.seal_window,
        )));
        bytes
    }

    /// The same without what is about retargeting and finality.
    pub(super) fn work_identity(&self) -> Vec<u8> {
        encode(&(
            self.block_time,
            self.initial_bits,
            self.limit_bits,
            self.future_limit,
            self.seal_window,
        ))
    }

    pub(super) fn params(&self, chain: GenesisId, settings: &Settings) -> PowParams {
        PowParams {
            chain,
            block_time: self.block_time,
            retarget: self.retarget.algorithm(),
            spacing_max: self.block_time,
            initial_bits: self.initial_bits,
            limit: target(self.limit_bits),
            finality_depth: self.finality_depth,
            future_limit: self.future_limit,
            seal_window: self.seal_window,
            issuance: settings.issuance.schedule(),
        }
    }

    /// The judging half of the rule on the chain with this genesis id and these settings.
    pub fn rules(&self, chain: GenesisId, settings: &Settings) -> Arc<PowRules> {
        Arc::new(PowRules::new(self.params(chain, settings)))
    }

    pub(super) fn engine(
        &self,
        chain: GenesisId,
        settings: &Settings,
        payout: Option<Address>,
    ) -> Box<PowEngine> {
        Box::new(PowEngine::new(self.rules(chain, settings), payout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_follow_rate_and_time() {
        let work =
            |rate, seconds, easier| bits_for(rate, Span::seconds(seconds), easier).work().to_f64();
        for (rate, seconds, easier, hashes) in [
            (1_000_000.0, 2, 1, 2e6),
            (1_000_000.0, 2, 16, 125_000.0),
            (5e12, 600, 1, 3e15),
            (1e30, 86_400, 1, 8.64e34),
        ] {
            let found = work(rate, seconds, easier);
            assert!((found / hashes - 1.0).abs() < 1e-4, "{rate} {seconds} {easier}: {found}");
        }
    }

    #[test]
    fn a_senseless_rate_gives_the_easiest_bits() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.001] {
            let bits = bits_for(rate, Span::seconds(2), 16);
            assert_eq!(bits, Target::max().to_bits(), "{rate}");
        }
    }
}
