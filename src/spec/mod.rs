//! The chain spec: one TOML file is one chain.
//!
//! A spec says who holds what at the start ([`Settings::accounts`]), how large blocks are ([`Limits`]), what they pay
//! ([`Issuance`]), and which rule makes them ([`Consensus`]); `engine` is the only line that must change to swap the
//! rule, since every key has a default. `docs/spec.md` lists them all.
//!
//! A file is read once, strictly, and completely: a key that nobody knows, a number without its unit, a combination that
//! cannot work are refused, as many as there are, each with line, column, reason and fix ([`SpecError`]). What has been
//! read is valid, and nothing changes it afterwards.
//!
//! # Freezing
//!
//! A [`Spec`] may leave two things to the moment of launch: the genesis time (`launch`) and the first target (`auto`).
//! [`Spec::freeze`] resolves both, and only a [`FrozenSpec`] has a genesis id, a genesis block, rules and an engine.
//! Nothing here knows the clock or the speed of the machine: the caller brings both.
//!
//! # The genesis id
//!
//! The hash of every consensus field and of nothing else, comments and layout included; two nodes with one id judge every
//! block alike. What says how a chain is used or run here, such as `dev`, `pool_bytes` and `[devnet]`, is not covered.
//! [`diff`] names the fields that tell two ids apart.

mod authorities;
mod calendar;
mod consensus;
mod dev;
mod diff;
mod dpos;
mod error;
mod frozen;
mod genesis;
mod hybrid;
pub(crate) mod link;
mod log;
mod overrides;
mod pace;
mod parse;
mod pbft;
mod poa;
mod pos;
mod pow;
pub(crate) mod read;
mod retargeting;
mod schema;
mod seats;
mod settings;
mod shipped;
mod suggest;
mod template;
pub(crate) mod values;
mod write;

use std::ops::Deref;

pub use authorities::Authorities;
pub use consensus::{Consensus, ENGINES, EngineError, engine_named};
pub use dev::{DEV_MNEMONIC, DEV_WARNING, DevAccount, dev_account, is_dev_key};
pub use diff::Difference;
pub use dpos::DposSpec;
pub(crate) use error::shortened;
pub use error::{PROBLEMS_MAX, Problem, SpecError};
pub use frozen::FrozenSpec;
pub use hybrid::HybridSpec;
pub use link::{Bandwidth, LinkError, LinkShape, Loss, delay};
pub use log::{LogSpec, PaxosSpec, RaftSpec};
pub(crate) use overrides::overridden;
pub use pace::Pace;
pub use pbft::PbftSpec;
pub use poa::PoaSpec;
pub use pos::{PosSpec, StakeBits};
pub use pow::{AUTO_EASIER, InitialBits, PowSpec, bits_for};
pub use retargeting::Retargeting;
pub use schema::{ACCOUNTS_MAX, SPEC_BYTES_MAX};
pub use seats::SeatsError;
pub use settings::{Account, Devnet, Entry, Issuance, Limits, Miner, Owner, Settings};
pub use shipped::{NotShipped, find, shipped};
pub use suggest::nearest;
pub use template::template;
pub use values::Share;

use crate::types::Time;
use crate::types::target::Bits;

/// A chain spec as it is written: valid, but perhaps open about when it starts. Reads like its [`Settings`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    settings: Settings,
    time: GenesisTime,
    consensus: Consensus<InitialBits>,
}

/// When a chain starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GenesisTime {
    /// At the moment it is frozen.
    Launch,
    /// At this moment.
    At(Time),
}

impl Deref for Spec {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl Spec {
    /// Reads a chain spec; `file` is how errors name the text.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, up to [`PROBLEMS_MAX`] problems.
    pub fn parse(file: &str, text: &str) -> Result<Self, SpecError> {
        Ok(parse::parse(file, text)?.0)
    }

    /// When the chain starts.
    pub fn genesis_time(&self) -> GenesisTime {
        self.time
    }

    /// The rule and its parameters.
    pub fn consensus(&self) -> &Consensus<InitialBits> {
        &self.consensus
    }

    /// Whether freezing needs neither time nor target.
    pub fn is_resolved(&self) -> bool {
        self.time != GenesisTime::Launch && !self.consensus.is_auto()
    }

    /// Resolves what the spec leaves open: the chain starts at `launch`, and `auto` gives the first target (see
    /// [`bits_for`]), which is brought within the limit. Neither is used where the spec says itself.
    pub fn freeze(self, launch: Time, auto: impl FnOnce() -> Bits) -> FrozenSpec {
        let time = match self.time {
            GenesisTime::Launch => launch.min(calendar::TIME_MAX),
            GenesisTime::At(time) => time,
        };
        FrozenSpec::new(self.settings, time, self.consensus.resolve(auto))
    }

    /// Every key with its value, in the order of a well-kept file.
    pub fn entries(&self) -> Vec<Entry> {
        let time = match self.time {
            GenesisTime::Launch => "\"launch\"".to_owned(),
            GenesisTime::At(time) => frozen::moment(time),
        };
        self.settings.entries(time, self.consensus.engine(), self.consensus.entries(&self.settings))
    }

    /// The spec as a file in which no default is silent; [`Self::parse`] reads it back to the same spec.
    pub fn to_toml(&self) -> String {
        self.written(&[format!("The chain spec of {}, every default written out.", self.name)])
    }

    fn written(&self, head: &[String]) -> String {
        write::write(head, &self.settings, &self.entries())
    }
}

/// The fields that two specs give different values, in the order of the file; those with `consensus` make their genesis
/// ids differ.
pub fn diff(a: &Spec, b: &Spec) -> Vec<Difference> {
    diff::diff(&a.entries(), &b.entries())
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod bad_specs_tests;
