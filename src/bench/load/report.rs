//! From the books to what is printed.

use std::time::Duration;

use super::audit::Audit;
use super::run::{Books, Costs, Target};
use super::{CLOCK_MAX, IDLE_MIN, LAG_MAX, Order, Pace, STEAL_MAX};
use crate::api::{BenchLoad, BenchNode};
use crate::bench::account::{Settled, account};
use crate::bench::histogram::Histogram;
use crate::bench::schedule::Micros;
use crate::bench::tally::Tally;

/// What was measured beside the books.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) partial: bool,
    pub(super) begun: Micros,
    pub(super) offered: Duration,
    pub(super) payment_bytes: usize,
    pub(super) signed_per_second: Option<f64>,
    pub(super) syncs: Histogram,
    /// The shares that were idle and stolen.
    pub(super) processors: Option<(f64, f64)>,
    /// Milliseconds by which the clock of the day went further than time.
    pub(super) clock_ms: Option<f64>,
    /// The share of the processors that this process took.
    pub(super) own: Option<f64>,
    pub(super) costs: Costs,
    /// Bytes by which the nodes' directories grew.
    pub(super) disk: Option<u64>,
    pub(super) audit: Audit,
}

pub(super) fn report(
    order: &Order,
    targets: &[Target],
    books: &Books,
    tally: &Tally,
    measured: &Measured,
) -> BenchLoad {
    let info = &targets[0].info;
    let sum = tally.sum(measured.audit.settled);
    let seconds = measured.offered.as_secs_f64();
    let took = Duration::from_micros(books.settled_last.saturating_sub(measured.begun));
    let settled = Settled { count: books.settled, seconds: took.as_secs_f64() };
    let per_payment = |cost: f64| (sum.included > 0).then(|| cost / sum.included as f64);
    let views = &books.views;
    let node = |(number, target): (usize, &Target)| BenchNode {
        name: target.name.clone(),
        included_ms: views.of_node(number).included.times(),
        final_ms: views.of_node(number).settled.times(),
        lagged: books.gaps[number].lagged,
        reconnects: books.gaps[number].reconnects,
    };
    let open = matches!(order.pace, Pace::Open(_));
    let lag = books.lag.percentile(0.99).map(Duration::from_micros).unwrap_or_default();
    let costs = &measured.costs;
    BenchLoad {
        chain: info.chain.clone(),
        genesis: info.genesis,
        engine: info.engine.clone(),
        nodes: targets.len() as u64, // lengths fit
        partial: measured.partial,
        seed: order.seed,
        accounts: order.accounts as u64,
        in_flight: match order.pace {
            Pace::Closed(flight) => Some(flight as u64),
            Pace::Open(_) => None,
        },
        payment_bytes: measured.payment_bytes as u64,
        conflicts: measured.audit.conflicts,
        unread: measured.audit.unread.clone(),
        per_node: targets.iter().enumerate().map(node).collect(),
        fsync_ms: measured.syncs.times(),
        read_ms: books.read.times(),
        node_memory_bytes: books.memory,
        bytes_per_tx: costs.traffic.and_then(|traffic| per_payment(traffic.bytes as f64)),
        messages_per_tx: costs.traffic.and_then(|traffic| per_payment(traffic.messages as f64)),
        cpu_us_per_tx: costs.processor.and_then(|time| per_payment(time.as_secs_f64() * 1e6)),
        disk_bytes: measured.disk,
        lag_ms: if open { books.lag.times() } else { None },
        generator_saturated: open && lag > LAG_MAX,
        idle_share: measured.processors.map(|(idle, _)| idle),
        steal_share: measured.processors.map(|(_, steal)| steal),
        cpu_starved: measured
            .processors
            .is_some_and(|(idle, steal)| idle < IDLE_MIN || steal > STEAL_MAX),
        clock_ms: measured.clock_ms,
        clock_trouble: measured
            .clock_ms
            .is_some_and(|apart| apart.abs() > CLOCK_MAX.as_secs_f64() * 1e3),
        measuring_share: measured.own,
        signed_per_second: measured.signed_per_second,
        ..account((views, tally, &books.accepted), &sum, settled, seconds)
    }
}
