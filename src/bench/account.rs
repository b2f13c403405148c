//! What became of payments, from the books: the same for nodes that run and for the simulator.

use super::histogram::Histogram;
use super::tally::{Sum, Tally};
use super::views::{Stages, Views};
use crate::api::{BenchLoad, BenchPart};

/// Payments that became final at home, and after how many seconds the last one was, from the first that was due.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settled {
    pub(super) count: u64,
    pub(super) seconds: f64,
}

/// The account of a load that was offered for so many seconds. What is not in the books is left at nothing.
pub(super) fn account(
    (views, tally, accepted): (&Views, &Tally, &Histogram),
    sum: &Sum,
    settled: Settled,
    offered_seconds: f64,
) -> BenchLoad {
    let (refusals, failures) = tally.reasons();
    let part = |stages: &Stages| BenchPart {
        included_ms: stages.included.times(),
        final_ms: stages.settled.times(),
    };
    BenchLoad {
        offered_seconds,
        rate_offered: match offered_seconds > 0.0 {
            true => sum.submitted as f64 / offered_seconds,
            false => 0.0,
        },
        rate_final: (settled.count > 0 && settled.seconds > 0.0)
            .then(|| settled.count as f64 / settled.seconds),
        submitted: sum.submitted,
        accepted: sum.acknowledged,
        refused: sum.refused,
        unanswered: sum.unanswered,
        included: sum.included,
        settled: sum.settled,
        pending: sum.pending,
        lost: sum.lost,
        duplicates: sum.duplicates,
        reorganised: views.returned(),
        refusals: refusals.clone(),
        failures: failures.clone(),
        accepted_ms: accepted.times(),
        included_ms: views.at_home().included.times(),
        final_ms: views.at_home().settled.times(),
        included_curve: views.at_home().included.curve(),
        final_curve: views.at_home().settled.curve(),
        included_everywhere_ms: views.everywhere().included.times(),
        final_everywhere_ms: views.everywhere().settled.times(),
        confirmations_ms: views.confirmations().iter().map(Histogram::times).collect(),
        parts: views.parts().iter().map(part).collect(),
        ..BenchLoad::default()
    }
}
