//! The parameters of delegated proof of stake in a chain spec.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::authorities::{Authorities, Reading};
use super::read::{Refusal, Section};
use super::schema::{default, range};
use super::settings::{Entry, Owner, Settings, quoted};
use super::values;
use crate::consensus::Seat;
use crate::consensus::dpos::shuffle::Shuffle;
use crate::consensus::dpos::{DposEngine, DposParams, DposRules};
use crate::consensus::implied::FinalityRule;
use crate::types::{Address, Amount, GenesisId, OPERATION_NAME_MAX, Span, Text, Time, encode};

/// The parameters of delegated proof of stake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DposSpec {
    /// Delegates from the start, in the order of the file.
    pub founders: Authorities,
    /// Slots of a round, and delegates in force at most.
    pub delegates: u64,
    /// How long a slot is.
    pub slot_time: Span,
    /// Delegates whom one may approve.
    pub votes_max: u64,
    /// What registering locks.
    pub deposit: Amount,
    /// Blocks between a resignation and the return of the deposit.
    pub unbonding: u64,
    /// Slots missed in a row after which a delegate is suspended.
    pub inactive_after: u64,
    /// So many stay in force whoever is suspended.
    pub min_delegates: u64,
    /// How turns are ordered.
    pub shuffle: Shuffle,
    /// What makes a block final.
    pub finality: FinalityRule,
    /// How far ahead of the local clock a block may be.
    pub max_drift: Span,
    /// For so many blocks whoever sealed two in one slot is punished; none means never.
    pub evidence_window: u64,
}

impl DposSpec {
    /// Reads [dpos]; `founders` are those of a spec that names none.
    pub(super) fn read(
        mut section: Section<'_, '_>,
        founders: &Reading<'_>,
        symbol: &str,
        cap: Amount,
    ) -> Self {
        let dpos = &mut section;
        let founders = founders.read_as(dpos, "founders");
        // A list has at most some hundred members.
        let named = (founders.iter().len() as u64)
            .clamp(*range::DELEGATES.start(), *range::DELEGATES.end());
        let delegates = dpos
            .read("delegates", |value| values::number(value, range::DELEGATES))
            .unwrap_or(named);
        let slot_time = dpos
            .read("slot_time", |value| values::span(value, range::BLOCK_TIME))
            .unwrap_or(default::PERIOD);
        let votes_max = dpos
            .read("votes_max", |value| values::number(value, range::VOTES))
            .unwrap_or(delegates.min(*range::VOTES.end()));
        let deposit = dpos.read("deposit", |value| {
            let deposit = values::amount(value, symbol)?;
            match deposit > cap {
                true => Err(Refusal::new(
                    format!("is more than issuance.supply_cap, which is {cap}"),
                    "write a smaller deposit",
                )),
                false => Ok(deposit),
            }
        });
        let deposit = deposit.unwrap_or(default::DEPOSIT.min(cap));
        let unbonding = dpos
            .read("unbonding", |value| values::number(value, range::MATURITY))
            .unwrap_or(default::UNBONDING);
        let inactive_after = dpos
            .read("inactive_after", |value| values::number(value, range::INACTIVE))
            .unwrap_or(default::INACTIVE_AFTER);
        let min_delegates = dpos
            .read("min_delegates", |value| values::number(value, 1..=delegates))
            .unwrap_or(delegates.div_ceil(2));
        let shuffle = dpos
            .read("shuffle", |value| values::word(value, &Shuffle::NAMES))
            .and_then(Shuffle::named)
            .unwrap_or_default();
        let finality = dpos
            .read("finality", |value| values::word(value, &FinalityRule::NAMES))
            .and_then(FinalityRule::named)
            .unwrap_or(FinalityRule::TwoThirds);
        let max_drift = dpos
            .read("max_drift", |value| values::span(value, range::MAX_DRIFT))
            .unwrap_or(default::TURN_DRIFT);
        let evidence_window = dpos
            .read("evidence_window", |value| values::number(value, range::MATURITY))
            .unwrap_or(default::EVIDENCE_WINDOW);
        section.finish();
        Self {
            founders,
            delegates,
            slot_time,
            votes_max,
            deposit,
            unbonding,
            inactive_after,
            min_delegates,
            shuffle,
            finality,
            max_drift,
            evidence_window,
        }
    }

    pub(super) fn entries(&self, settings: &Settings) -> Vec<Entry> {
        let entry = |key, value, about| Entry::new("dpos", key, value, about);
        let number = |number: u64| number.to_string();
        vec![
            entry("founders", self.founders.toml(settings), "delegates from the start"),
            entry("delegates", number(self.delegates), "slots of a round, and delegates in force"),
            entry(
                "slot_time",
                quoted(self.slot_time),
                "one block, by the delegate whose slot it is",
            ),
            entry("votes_max", number(self.votes_max), "delegates whom one may approve"),
            entry("deposit", quoted(self.deposit), "locked by who registers"),
            entry("unbonding", number(self.unbonding), "blocks until a deposit returns"),
            entry(
                "inactive_after",
                number(self.inactive_after),
                "slots missed in a row: suspended",
            ),
            entry("min_delegates", number(self.min_delegates), "stay whoever is suspended"),
            entry("shuffle", quoted(self.shuffle.name()), "how the turns of a round are ordered"),
            entry("finality", quoted(self.finality.name()), "what makes a block final"),
            entry("max_drift", quoted(self.max_drift), "how far ahead of the clock"),
            entry(
                "evidence_window",
                number(self.evidence_window),
                "blocks in which two seals of one slot count; 0: never",
            ),
        ]
    }

    /// Founders by address, with the names under which they are registered.
    pub fn names(&self) -> BTreeMap<Address, Text<OPERATION_NAME_MAX>> {
        let name = |(at, owner): (usize, Owner)| {
            let name = match owner {
                Owner::Dev(dev) => dev.name().to_owned(),
                Owner::Address(_) => format!("founder-{}", at + 1),
            };
            (owner.address(), Text::new(name).expect("a short name of plain letters"))
        };
        self.founders.iter().enumerate().map(name).collect()
    }

    /// What the genesis id covers.
    pub(super) fn identity(&self) -> Vec<u8> {
        encode(&(
            (self.names(), self.delegates, self.slot_time, self.votes_max),
            (self.deposit, self.unbonding, self.inactive_after, self.min_delegates),
            (self.shuffle.name(), self.finality.name(), self.max_drift, self.evidence_window),
        ))
    }

    /// The judging half of the rule on the chain with this genesis id.
    pub fn rules(&self, chain: GenesisId, genesis: Time, settings: &Settings) -> Arc<DposRules> {
        // These numbers are at most a few millions.
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let mut holdings = BTreeMap::new();
        for account in &settings.accounts {
            let held: &mut Amount = holdings.entry(account.owner.address()).or_default();
            *held = held.plus(account.amount).unwrap_or(*held);
        }
        Arc::new(DposRules::new(DposParams {
            chain,
            genesis,
            slot: self.slot_time,
            seats: self.delegates,
            founders: self.names(),
            holdings,
            votes_max: size(self.votes_max),
            deposit: self.deposit,
            unbonding: self.unbonding,
            inactive_after: self.inactive_after,
            seats_min: self.min_delegates,
            shuffle: self.shuffle,
            finality: self.finality,
            max_drift: self.max_drift,
            issuance: settings.issuance.schedule(),
        }))
    }

    pub(super) fn engine(
        &self,
        chain: GenesisId,
        genesis: Time,
        settings: &Settings,
        seat: &Seat,
    ) -> Box<DposEngine> {
        Box::new(DposEngine::new(self.rules(chain, genesis, settings), seat))
    }
}
