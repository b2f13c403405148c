//! Every key of a scenario, and its limits. `docs/scenarios.md` explains them; a test compares the two.

use std::ops::RangeInclusive;

use crate::spec::read::{Form, Schema};
use crate::types::Span;

/// Bytes in a scenario.
pub const SCENARIO_BYTES_MAX: usize = 1 << 20;

pub(super) static TOP: Schema = Schema {
    path: "",
    keys: &[
        "name", "about", "duration", "seeds", "chain", "network", "links", "load", "market",
        "nodes", "events", "expect",
    ],
};
/// The keys of [chain] are those of a chain spec, and these.
pub(super) static CHAIN: Schema = Schema { path: "chain", keys: &["spec", "tries"] };
pub(super) static NETWORK: Schema =
    Schema { path: "network", keys: &["topology", "outbound", "sync", "signature"] };
pub(super) static LINKS: Schema = Schema {
    path: "links",
    keys: &[
        "distribution",
        "latency",
        "jitter",
        "sigma",
        "bandwidth",
        "loss",
        "duplicate",
        "reorder",
        "mode",
    ],
};
pub(super) static LOAD: Schema = Schema { path: "load", keys: &["payments_per_second", "council"] };
pub(super) static MARKET: Schema = Schema { path: "market", keys: &["price", "ramp"] };
pub(super) static NODES: Schema = Schema {
    path: "nodes",
    keys: &[
        "name",
        "count",
        "role",
        "power",
        "cost",
        "region",
        "links",
        "relays",
        "clock",
        "drift_ppm",
        "attack",
        "by",
        "about",
        "share",
        "victims",
        "from",
        "until",
    ],
};
pub(super) static EVENTS: Schema = Schema {
    path: "events",
    keys: &[
        "at",
        "do",
        "lasts",
        "groups",
        "one_way",
        "nodes",
        "outputs",
        "by",
        "ppm",
        "times",
        "to",
        "sync",
        "links",
        "node",
        "rival",
        "confirmations",
    ],
};
pub(super) static EXPECT: Schema = Schema {
    path: "expect",
    keys: &[
        "metric",
        "below",
        "above",
        "at_least",
        "at_most",
        "of",
        "from",
        "until",
        "invariant",
        "violation",
        "converged",
        "after",
    ],
};

pub(super) static SECTIONS: [&Schema; 8] =
    [&CHAIN, &NETWORK, &LINKS, &LOAD, &MARKET, &NODES, &EVENTS, &EXPECT];

pub(super) static FORM: Form =
    Form { name: "scenario", bytes_max: SCENARIO_BYTES_MAX, sections: &SECTIONS };

/// Between what a value must lie.
pub(super) mod range {
    use super::*;

    /// As many as fit the memory of one machine.
    pub(crate) const NODES: RangeInclusive<u64> = 1..=20_000;
    pub(crate) const GROUPS_MAX: usize = 1000;
    pub(crate) const EVENTS_MAX: usize = 10_000;
    pub(crate) const EXPECT_MAX: usize = 1000;
    /// A month.
    pub(crate) const DURATION: RangeInclusive<Span> = Span::seconds(1)..=Span::seconds(31 * 86_400);
    pub(crate) const MOMENT: RangeInclusive<Span> = Span(0)..=Span::seconds(31 * 86_400);
    /// Hashes are made for real.
    pub(crate) const TRIES: RangeInclusive<u64> = 1..=4096;
    pub(crate) const SEEDS_MAX: u64 = 10_000_000;
    pub(crate) const POWER: RangeInclusive<f64> = 0.0..=1e6;
    /// From a laptop to the largest machine there is. Its hashes are made for real, too.
    pub(crate) const SHARE: RangeInclusive<f64> = 0.0..=1.0;
    pub(crate) const TIMES: RangeInclusive<f64> = 0.0..=1e6;
    pub(crate) const PRICE: RangeInclusive<f64> = 0.0..=1e9;
    pub(crate) const COST: RangeInclusive<f64> = 0.0..=1e12;
    /// Farms look a hundred times in it.
    pub(crate) const RAMP: RangeInclusive<Span> = Span::seconds(1)..=Span::seconds(31 * 86_400);
    pub(crate) const OUTBOUND: RangeInclusive<u64> = 1..=1000;
    pub(crate) const PAYMENTS: RangeInclusive<f64> = 0.0..=10_000.0;
    pub(crate) const SIGMA: RangeInclusive<f64> = 0.0..=3.0;
    pub(crate) const SYNC: RangeInclusive<Span> = Span(0)..=Span::seconds(600);
    pub(crate) const CLOCK: Span = Span::seconds(86_400);
    pub(crate) const DRIFT: RangeInclusive<f64> = -500_000.0..=500_000.0;
    pub(crate) const OUTPUTS: RangeInclusive<u64> = 0..=1_000_000;
    pub(crate) const CONFIRMATIONS: RangeInclusive<u64> = 1..=1000;
    pub(crate) const FIGURE: RangeInclusive<f64> = -1e15..=1e15;
}
