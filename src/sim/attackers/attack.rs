//! The vice of a node: which attacker is put around its engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Branches, Censor, Delay, Equivocate, EveryFork, Falsehood, Lie, Silent, Withhold};
use crate::consensus::Seat;
use crate::consensus::pbft::Pen;
use crate::sim::options::{Decorate, NodeOptions};
use crate::spec::{Consensus, FrozenSpec};
use crate::types::{Address, Span};

/// What an attacker does.
#[derive(Debug, Clone, PartialEq)]
pub enum Attack {
    /// Mines in secret.
    Withhold,
    /// Says everything late.
    Delay(Span),
    /// Is silent from and until these moments, by its own clock.
    Silent(Span, Span),
    /// Leaves out whatever concerns these.
    Censor(Vec<Address>),
    /// Finds two blocks of one height, or says one thing to one half of the authorities and another thing to the other; those of
    /// one group are accomplices.
    Equivocate,
    /// Signs what is not so, under PBFT: of these kinds, so often of all times that it could.
    Lie(Vec<Falsehood>, f64),
    /// Signs with its coins on every branch that is at most so much shorter than the best.
    EveryFork,
}

/// An attacker that signs on every branch leaves one alone that is shorter than the best by more blocks than this.
const FORKS_BEHIND: u64 = 6;

impl Attack {
    /// What is put around the engine of this node, one of a group with these keys; its lies are drawn from `seed`.
    pub fn decorate(
        &self,
        spec: &FrozenSpec,
        node: &NodeOptions,
        group: &BTreeSet<Address>,
        seed: u64,
    ) -> Decorate {
        match self.clone() {
            Self::Withhold => Arc::new(Withhold::around),
            Self::Delay(by) => Arc::new(move |engine| Delay::around(engine, by)),
            Self::Silent(from, until) => {
                let begin = spec.genesis_time();
                let during = begin.after(from)..begin.after(until);
                Arc::new(move |engine| Silent::around(engine, during.clone()))
            }
            Self::Censor(victims) => {
                Arc::new(move |engine| Censor::around(engine, victims.iter().copied()))
            }
            Self::Equivocate => {
                // Its second engine sits on the same seat, and draws other numbers.
                let (key, stake) = (node.key.clone(), node.stake.clone());
                let seat = Seat { payout: node.payout, key, stake, ..Seat::default() };
                let spec = spec.clone();
                let everybody = spec.consensus().authorities().map(|them| them.set());
                let mut others = everybody.unwrap_or_default();
                let mut accomplices = group.clone();
                if let Some(own) = seat.authority() {
                    others.remove(&own);
                    accomplices.remove(&own);
                }
                Arc::new(move |engine| {
                    let second = spec.engine(&seat);
                    let others = others.iter().copied();
                    Equivocate::among(engine, second, others, accomplices.clone())
                })
            }
            Self::Lie(about, share) => {
                let rules = match spec.consensus() {
                    Consensus::Pbft(pbft) => Some(pbft.rules(spec.genesis_id())),
                    _ => None,
                };
                let key = node.key.clone();
                Arc::new(move |engine| match (&rules, &key) {
                    (Some(rules), Some(key)) => {
                        let pen = Pen { key: key.clone(), rules: rules.clone() };
                        Lie::around(engine, pen, about.clone(), share, seed)
                    }
                    _ => engine,
                })
            }
            Self::EveryFork => {
                let (pos, stake) = (spec.consensus().pos(), node.stake.clone());
                let rules = pos.map(|pos| pos.rules(spec.genesis_id(), spec));
                Arc::new(move |engine| match (&rules, &stake) {
                    (Some(rules), Some(stake)) => {
                        let branches = Branches::Every(FORKS_BEHIND);
                        EveryFork::around(engine, rules.clone(), stake.clone(), branches)
                    }
                    _ => engine,
                })
            }
        }
    }
}
