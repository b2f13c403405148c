//! How the target of a chain of work follows its hash rate, as a chain spec says it.
//!
//! Each algorithm uses some of the keys `half_life`, `retarget_window` and `clamp`. A key that the chosen one does not use
//! is checked and has no effect, so that one line swaps the algorithm; writing the spec out leaves it away, and the genesis
//! id does not cover it.

use std::num::{NonZeroU32, NonZeroU64};

use super::read::{Refusal, Section};
use super::schema::{default, range};
use super::settings::{Entry, quoted};
use super::values;
use crate::consensus::retarget::{Asert, Bitcoin, Dgw, Digishield, Ema, Lwma, Retarget};
use crate::types::{Span, encode};

/// The algorithms by name, the default first.
const NAMES: [&str; 7] = ["asert", "bitcoin", "lwma", "digishield", "ema", "dgw", "fixed"];

/// How the target follows the hash rate, by name; windows are in blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retargeting {
    /// aserti3-2d with this half-life.
    Asert {
        /// The lag that doubles the target.
        half_life: Span,
    },
    /// One target per period.
    Bitcoin {
        /// Blocks in a period.
        window: NonZeroU32,
        /// By what factor the target changes at most, either way.
        clamp: NonZeroU32,
    },
    /// LWMA-1.
    Lwma {
        /// Intervals averaged over.
        window: NonZeroU32,
    },
    /// Digishield as Dogecoin has it.
    Digishield,
    /// Peercoin's exponential moving average.
    Ema {
        /// Blocks averaged over.
        window: NonZeroU32,
    },
    /// Dark Gravity Wave, version 3.
    Dgw {
        /// Blocks averaged over.
        window: NonZeroU32,
    },
    /// Never.
    Fixed,
}

impl Retargeting {
    /// Reads the keys of `[pow]` that are about retargeting.
    pub(super) fn read(pow: &mut Section<'_, '_>, block_time: Span) -> Self {
        let name = pow.read("retarget", |value| values::word(value, &NAMES));
        let half_life = pow.read("half_life", |value| values::span(value, range::HALF_LIFE));
        if half_life.is_some_and(|half_life| half_life < block_time) {
            pow.refuse(
                "half_life",
                Refusal::new(
                    "is shorter than one block: every block would more than double the target or halve it",
                    format!("write \"{block_time}\" or more"),
                ),
            );
        }
        let clamp = pow.read("clamp", |value| values::nonzero(value, range::CLAMP));
        // Every block of a chain under these two carries its window in the state.
        let windows = match name {
            Some("lwma" | "dgw") => range::WINDOW_REMEMBERED,
            _ => range::WINDOW,
        };
        let window = pow.read("retarget_window", |value| values::nonzero(value, windows));
        match name {
            Some("bitcoin") => Self::Bitcoin {
                window: window.unwrap_or(default::WINDOW_BITCOIN),
                clamp: clamp.unwrap_or(default::CLAMP),
            },
            Some("lwma") => Self::Lwma { window: window.unwrap_or(default::WINDOW_LWMA) },
            Some("digishield") => Self::Digishield,
            Some("ema") => Self::Ema { window: window.unwrap_or(default::WINDOW_EMA) },
            Some("dgw") => Self::Dgw { window: window.unwrap_or(default::WINDOW_DGW) },
            Some("fixed") => Self::Fixed,
            _ => {
                let blocks = default::HALF_LIFE_BLOCKS;
                let silent = Span(block_time.0.saturating_mul(blocks));
                Self::Asert { half_life: half_life.unwrap_or(silent) }
            }
        }
    }

    /// The algorithm itself, in milliseconds.
    pub fn algorithm(self) -> Retarget {
        match self {
            Self::Asert { half_life } => {
                let half_life = NonZeroU64::new(half_life.0);
                let half_life = half_life.expect("a half-life is at least as long as a block");
                Retarget::Asert(Asert { half_life })
            }
            Self::Bitcoin { window, clamp } => {
                Retarget::Bitcoin(Bitcoin { window: window.into(), clamp: clamp.into() })
            }
            Self::Lwma { window } => Retarget::Lwma(Lwma { window }),
            Self::Digishield => Retarget::Digishield(Digishield),
            Self::Ema { window } => Retarget::Ema(Ema { window }),
            Self::Dgw { window } => Retarget::Dgw(Dgw { window }),
            Self::Fixed => Retarget::Fixed,
        }
    }

    /// The keys that the algorithm uses.
    pub(super) fn entries(self) -> Vec<Entry> {
        let entry = |key, value: String, about| Entry::new("pow", key, value, about);
        let window =
            |window: NonZeroU32, about| entry("retarget_window", window.to_string(), about);
        let name = quoted(self.algorithm().name());
        let mut entries =
            vec![entry("retarget", name, "asert bitcoin lwma digishield ema dgw fixed")];
        match self {
            Self::Asert { half_life } => {
                entries.push(entry(
                    "half_life",
                    quoted(half_life),
                    "a lag that doubles the target",
                ));
            }
            Self::Bitcoin { window: blocks, clamp } => {
                entries.push(window(blocks, "blocks in a period of one target"));
                entries.push(entry("clamp", clamp.to_string(), "a period's factor at most"));
            }
            Self::Lwma { window: blocks } => {
                entries.push(window(blocks, "intervals averaged over, newer ones heavier"));
            }
            Self::Ema { window: blocks } | Self::Dgw { window: blocks } => {
                entries.push(window(blocks, "blocks averaged over"));
            }
            Self::Digishield | Self::Fixed => {}
        }
        entries
    }

    /// What the genesis id covers: the name, and what the algorithm uses.
    pub(super) fn identity(self) -> Vec<u8> {
        let mut bytes = encode(&self.algorithm().name());
        match self {
            Self::Asert { half_life } => bytes.extend(encode(&half_life)),
            Self::Bitcoin { window, clamp } => bytes.extend(encode(&(window, clamp))),
            Self::Lwma { window } | Self::Ema { window } | Self::Dgw { window } => {
                bytes.extend(encode(&window));
            }
            Self::Digishield | Self::Fixed => {}
        }
        bytes
    }
}
