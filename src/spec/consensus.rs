//! Which rule makes the blocks of a chain: one variant per built rule, one file for its parameters.

use std::sync::Arc;

use super::authorities::Authorities;
use super::dpos::DposSpec;
use super::hybrid::HybridSpec;
use super::log::{PaxosSpec, RaftSpec};
use super::pbft::PbftSpec;
use super::poa::PoaSpec;
use super::pos::PosSpec;
use super::pow::{InitialBits, PowSpec, present};
use super::read::Refusal;
use super::settings::{Account, Entry, Settings};
use super::suggest::nearest;
use crate::chain::Rules;
use crate::consensus::quorum::faults;
use crate::consensus::{Engine, Seat};
use crate::types::target::Bits;
use crate::types::{GenesisId, Span, Time};

/// All rules, by the names that specs use.
pub const ENGINES: [&str; 8] = ["pow", "pos", "hybrid", "dpos", "poa", "pbft", "raft", "paxos"];

/// There is no such rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no engine; {hint}")]
pub struct EngineError {
    /// What was given, shortened.
    pub given: String,
    /// What it may have been meant to be.
    pub hint: String,
}

/// The name of a rule as it stands in [`ENGINES`], or why there is none.
pub fn engine_named(given: &str) -> Result<&'static str, EngineError> {
    if let Some(name) = ENGINES.iter().find(|name| **name == given) {
        return Ok(name);
    }
    let hint = match nearest(given, ENGINES) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("engines are {}", ENGINES.join(", ")),
    };
    Err(EngineError { given: super::error::shortened(given), hint })
}

/// The rule of a chain and its parameters. `B` is what stands for targets that are measured at the launch:
/// [`InitialBits`] before a spec is frozen, [`Bits`] afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consensus<B = Bits> {
    /// Proof of work.
    Pow(PowSpec<B>),
    /// Coin-age stake.
    Pos(PosSpec),
    /// Work and stake on one chain.
    Hybrid(HybridSpec<B>),
    /// Elected delegates in slots.
    Dpos(DposSpec),
    /// Authorities in turn.
    Poa(PoaSpec),
    /// PBFT.
    Pbft(PbftSpec),
    /// Raft.
    Raft(RaftSpec),
    /// Multi-Paxos.
    Paxos(PaxosSpec),
}

impl<B> Consensus<B> {
    /// The name of the rule.
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Pow(_) => "pow",
            Self::Pos(_) => "pos",
            Self::Hybrid(_) => "hybrid",
            Self::Dpos(_) => "dpos",
            Self::Poa(_) => "poa",
            Self::Pbft(_) => "pbft",
            Self::Raft(_) => "raft",
            Self::Paxos(_) => "paxos",
        }
    }

    /// The parameters of proof of work, if the rule has blocks of work.
    pub fn pow(&self) -> Option<&PowSpec<B>> {
        match self {
            Self::Pow(pow) => Some(pow),
            Self::Hybrid(hybrid) => Some(&hybrid.pow),
            Self::Pos(_)
            | Self::Dpos(_)
            | Self::Poa(_)
            | Self::Pbft(_)
            | Self::Raft(_)
            | Self::Paxos(_) => None,
        }
    }

    /// The parameters of coin-age stake, if the rule has blocks by stake.
    pub fn pos(&self) -> Option<&PosSpec> {
        match self {
            Self::Pos(pos) => Some(pos),
            Self::Hybrid(hybrid) => Some(&hybrid.pos),
            Self::Pow(_)
            | Self::Dpos(_)
            | Self::Poa(_)
            | Self::Pbft(_)
            | Self::Raft(_)
            | Self::Paxos(_) => None,
        }
    }

    /// Whether its parameters fit each other and the accounts of the genesis block.
    pub(super) fn fits(&self, accounts: &[Account], maturity: u64) -> Result<(), Refusal> {
        match self {
            Self::Pbft(pbft) => pbft.fits(),
            _ => self.pos().map_or(Ok(()), |stake| stake.fits(accounts, maturity)),
        }
    }

    /// Blocks on top of a block before it counts as final, where it is they that make it so.
    pub fn finality_depth(&self) -> Option<u64> {
        match self {
            Self::Pow(pow) => Some(pow.finality_depth),
            Self::Pos(pos) => Some(pos.finality_depth),
            Self::Hybrid(hybrid) => Some(hybrid.finality_depth),
            Self::Dpos(_) | Self::Poa(_) | Self::Pbft(_) | Self::Raft(_) | Self::Paxos(_) => None,
        }
    }

    /// How many producers may lie without two final blocks contradicting each other, and of how many; nothing where depth makes blocks
    /// final, and it is a matter of chance.
    pub fn liars_max(&self) -> Option<(usize, usize)> {
        let of = match self {
            Self::Dpos(dpos) => usize::try_from(dpos.delegates).unwrap_or(usize::MAX),
            _ => self.authorities()?.iter().len(),
        };
        let liars = match self {
            Self::Pow(_) | Self::Pos(_) | Self::Hybrid(_) => return None,
            Self::Dpos(dpos) => dpos.finality.liars(of),
            Self::Poa(poa) => poa.finality.liars(of),
            Self::Pbft(_) => faults(of),
            // Whoever is asked for a vote believes what it is told.
            Self::Raft(_) | Self::Paxos(_) => 0,
        };
        Some((liars, of))
    }

    /// For so many blocks an offence may be punished; none where the rule knows no evidence.
    pub(super) fn evidence_window(&self, settings: &Settings) -> u64 {
        match self {
            Self::Dpos(dpos) => dpos.evidence_window,
            Self::Poa(poa) => poa.evidence_window,
            _ => self.pos().map_or(0, |pos| pos.evidence_window(settings)),
        }
    }

    /// Whether its authorities talk beside blocks, over streams of their own: each of them has to be connected to each other.
    pub fn talks(&self) -> bool {
        match self {
            Self::Pbft(_) | Self::Raft(_) | Self::Paxos(_) => true,
            Self::Pow(_) | Self::Pos(_) | Self::Hybrid(_) | Self::Dpos(_) | Self::Poa(_) => false,
        }
    }

    /// The first authorities, where the rule has some.
    pub fn authorities(&self) -> Option<&Authorities> {
        match self {
            Self::Pow(_) | Self::Pos(_) | Self::Hybrid(_) => None,
            Self::Dpos(dpos) => Some(&dpos.founders),
            Self::Poa(poa) => Some(&poa.authorities),
            Self::Pbft(pbft) => Some(&pbft.authorities),
            Self::Raft(raft) => Some(&raft.authorities),
            Self::Paxos(paxos) => Some(&paxos.authorities),
        }
    }

    /// The interval between blocks that the rule aims at; the longest there is, where it depends on what there is to do.
    pub fn block_time(&self) -> Span {
        match self {
            Self::Pow(pow) => pow.block_time,
            Self::Pos(pos) => pos.block_time,
            Self::Hybrid(hybrid) => hybrid.block_time(),
            Self::Dpos(dpos) => dpos.slot_time,
            Self::Poa(poa) => poa.period,
            Self::Pbft(pbft) => pbft.pace.block_time(),
            Self::Raft(raft) => raft.pace.block_time(),
            Self::Paxos(paxos) => paxos.pace.block_time(),
        }
    }
}

impl<B> Consensus<B> {
    /// How old a head may be and still count as the present.
    pub(super) fn present(&self) -> Span {
        match self {
            Self::Pow(pow) => pow.present(),
            Self::Pos(pos) => present(pos.block_time, pos.finality_depth),
            Self::Hybrid(hybrid) => present(hybrid.block_time(), hybrid.finality_depth),
            // Nothing is final by depth.
            Self::Dpos(_) | Self::Poa(_) | Self::Pbft(_) | Self::Raft(_) | Self::Paxos(_) => {
                Span(u64::MAX)
            }
        }
    }
}

impl Consensus<InitialBits> {
    /// Whether a target has to be measured.
    pub fn is_auto(&self) -> bool {
        match self {
            Self::Pow(pow) => pow.initial_bits == InitialBits::Auto,
            Self::Hybrid(hybrid) => hybrid.pow.initial_bits == InitialBits::Auto,
            Self::Pos(_)
            | Self::Dpos(_)
            | Self::Poa(_)
            | Self::Pbft(_)
            | Self::Raft(_)
            | Self::Paxos(_) => false,
        }
    }

    pub(super) fn resolve(self, auto: impl FnOnce() -> Bits) -> Consensus {
        match self {
            Self::Pow(pow) => Consensus::Pow(pow.resolve(auto)),
            Self::Pos(pos) => Consensus::Pos(pos),
            Self::Hybrid(hybrid) => Consensus::Hybrid(hybrid.resolve(auto)),
            Self::Dpos(dpos) => Consensus::Dpos(dpos),
            Self::Poa(poa) => Consensus::Poa(poa),
            Self::Pbft(pbft) => Consensus::Pbft(pbft),
            Self::Raft(raft) => Consensus::Raft(raft),
            Self::Paxos(paxos) => Consensus::Paxos(paxos),
        }
    }

    pub(super) fn entries(&self, settings: &Settings) -> Vec<Entry> {
        match self {
            Self::Pow(pow) => pow.entries(),
            Self::Pos(pos) => pos.entries(),
            Self::Hybrid(hybrid) => hybrid.entries(),
            Self::Dpos(dpos) => dpos.entries(settings),
            Self::Poa(poa) => poa.entries(settings),
            Self::Pbft(pbft) => pbft.entries(settings),
            Self::Raft(raft) => raft.entries(settings),
            Self::Paxos(paxos) => paxos.entries(settings),
        }
    }
}

impl Consensus {
    pub(super) fn entries(&self, settings: &Settings) -> Vec<Entry> {
        match self {
            Self::Pow(pow) => pow.entries(),
            Self::Pos(pos) => pos.entries(),
            Self::Hybrid(hybrid) => hybrid.entries(),
            Self::Dpos(dpos) => dpos.entries(settings),
            Self::Poa(poa) => poa.entries(settings),
            Self::Pbft(pbft) => pbft.entries(settings),
            Self::Raft(raft) => raft.entries(settings),
            Self::Paxos(paxos) => paxos.entries(settings),
        }
    }

    /// What the genesis id covers of the rule.
    pub(super) fn identity(&self) -> Vec<u8> {
        match self {
            Self::Pow(pow) => pow.identity(),
            Self::Pos(pos) => pos.identity(),
            Self::Hybrid(hybrid) => hybrid.identity(),
            Self::Dpos(dpos) => dpos.identity(),
            Self::Poa(poa) => poa.identity(),
            Self::Pbft(pbft) => pbft.identity(),
            Self::Raft(raft) => raft.identity(),
            Self::Paxos(paxos) => paxos.identity(),
        }
    }

    pub(super) fn rules(
        &self,
        chain: GenesisId,
        genesis: Time,
        settings: &Settings,
    ) -> Arc<dyn Rules> {
        match self {
            Self::Pow(pow) => pow.rules(chain, settings),
            Self::Pos(pos) => pos.rules(chain, settings),
            Self::Hybrid(hybrid) => hybrid.rules(chain, settings),
            Self::Dpos(dpos) => dpos.rules(chain, genesis, settings),
            Self::Poa(poa) => poa.rules(chain),
            Self::Pbft(pbft) => pbft.rules(chain),
            Self::Raft(raft) => raft.rules(chain),
            Self::Paxos(paxos) => paxos.rules(chain),
        }
    }

    pub(super) fn build(
        &self,
        chain: GenesisId,
        genesis: Time,
        settings: &Settings,
        seat: &Seat,
    ) -> Box<dyn Engine> {
        match self {
            Self::Pow(pow) => pow.engine(chain, settings, seat.payout),
            Self::Pos(pos) => pos.engine(chain, settings, seat.stake.clone()),
            Self::Hybrid(hybrid) => hybrid.engine(chain, settings, seat),
            Self::Dpos(dpos) => dpos.engine(chain, genesis, settings, seat),
            Self::Poa(poa) => poa.engine(chain, seat),
            Self::Pbft(pbft) => pbft.engine(chain, seat),
            Self::Raft(raft) => raft.engine(chain, seat),
            Self::Paxos(paxos) => paxos.engine(chain, seat),
        }
    }
}
