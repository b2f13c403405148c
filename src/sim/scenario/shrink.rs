//! Making a scenario that fails smaller.

use super::super::swarm::smallest;
use super::run::run_events;
use super::{Event, Outcome, Scenario};

/// The fewest events with which a run still violates what this one violates: nothing that is expected, but what must
/// never happen. What becomes impossible when others are left out does not count.
pub fn shrink(scenario: &Scenario, outcome: &Outcome) -> Vec<Event> {
    let violated = |violations: &[super::super::Violation]| {
        let first = outcome.violations.first().map(|violation| violation.watcher);
        violations.iter().any(|violation| Some(violation.watcher) == first)
    };
    smallest(scenario.events.clone(), |events| {
        run_events(scenario, outcome.seed, events)
            .is_ok_and(|outcome| violated(&outcome.violations))
    })
}
