//! What must come of a scenario.

use std::fmt;

use toml::de::DeValue;

use super::super::checks::NAMES;
use super::super::metrics::{Metric, Part, Record};
use super::super::time::{Micros, Moment};
use super::super::watch::Violation;
use super::events::{self, Event, several};
use super::parse::span_of;
use super::schema::range;
use super::{Group, Scenario};
use crate::spec::read::{Refusal, Section, Span};
use crate::spec::values;
use crate::types::{Address, BlockId};

/// An expectation.
#[derive(Debug, Clone, PartialEq)]
pub struct Expect {
    /// Of what.
    pub what: What,
}

/// What can be expected.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A figure within bounds.
    Metric {
        /// Which.
        metric: Metric,
        /// Whose, where that matters.
        of: Vec<usize>,
        /// From when.
        from: Moment,
        /// Until when.
        until: Moment,
        /// Between what.
        bounds: Bounds,
    },
    /// A checker that has nothing to say, or `all` of them.
    Invariant(String),
    /// A checker that has something to say, since the scenario shows how what it watches is broken.
    Violation(String),
    /// All correct nodes that run are on one head within a while.
    Converged {
        /// Within what.
        within: Micros,
        /// Counted from here.
        after: Moment,
    },
}

/// Between what a figure must lie.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bounds {
    /// Less than this.
    pub below: Option<f64>,
    /// More than this.
    pub above: Option<f64>,
    /// This or more.
    pub at_least: Option<f64>,
    /// This or less.
    pub at_most: Option<f64>,
}

impl Bounds {
    fn hold(&self, value: f64) -> bool {
        self.below.is_none_or(|bound| value < bound)
            && self.above.is_none_or(|bound| value > bound)
            && self.at_least.is_none_or(|bound| value >= bound)
            && self.at_most.is_none_or(|bound| value <= bound)
    }

    fn parts(&self) -> [(&'static str, Option<f64>); 4] {
        [
            ("below", self.below),
            ("above", self.above),
            ("at least", self.at_least),
            ("at most", self.at_most),
        ]
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Metric { metric, of, from, until, bounds } => {
                f.write_str(metric.name())?;
                if !of.is_empty() {
                    write!(f, " of {of:?}")?;
                }
                if *from > Moment(0) {
                    write!(f, " from {from}")?;
                }
                if *until < Moment::NEVER {
                    write!(f, " until {until}")?;
                }
                for (index, (word, bound)) in
                    bounds.parts().into_iter().filter(|(_, bound)| bound.is_some()).enumerate()
                {
                    let and = if index > 0 { " and" } else { "" };
                    write!(f, "{and} {word} {}", bound.unwrap_or_default())?;
                }
                Ok(())
            }
            What::Invariant(name) => write!(f, "invariant {name}"),
            What::Violation(name) => write!(f, "a violation of {name}"),
            What::Converged { within, after } => {
                write!(f, "converged within {within} after {after}")
            }
        }
    }
}

/// What became of an expectation.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What was expected.
    pub what: String,
    /// Whether it is so.
    pub ok: bool,
    /// The figure, where there is one: of a convergence, the seconds that it took.
    pub value: Option<f64>,
    /// What was found instead, where there is no figure.
    pub why: Option<String>,
}

/// What expectations are judged by.
pub(super) struct Evidence<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) record: &'a Record,
    pub(super) head: BlockId,
    pub(super) violations: &'a [Violation],
    /// For each expectation: when its convergence came.
    pub(super) converged: &'a [Option<Moment>],
}

impl Expect {
    /// Whether this is what the scenario wants to show.
    pub(super) fn foresees(&self, violation: &Violation) -> bool {
        matches!(&self.what, What::Violation(name) if violation.watcher == name)
    }

    pub(super) fn judge(&self, index: usize, evidence: &Evidence<'_>) -> Judged {
        let what = self.to_string();
        match &self.what {
            What::Metric { metric, of, from, until, bounds } => {
                let nodes = &evidence.scenario.options.nodes;
                let stakes = of.iter().filter_map(|node| nodes.get(*node)?.stake.as_ref());
                let owners = stakes.flat_map(|stake| stake.owners.iter().copied());
                let paid = of.iter().map(|node| super::operator(*node).address());
                let producers: Vec<Address> = paid.chain(owners).collect();
                let part = Part { from: *from, until: *until, producers: &producers };
                let value = metric.measure(evidence.record, &evidence.head, &part);
                let ok = value.is_some_and(|value| bounds.hold(value));
                let why = value.is_none().then(|| "there is nothing to measure".to_owned());
                Judged { what, ok, value, why }
            }
            What::Invariant(name) => {
                let by = |violation: &&Violation| name == "all" || violation.watcher == name;
                let first = evidence.violations.iter().find(by);
                Judged {
                    what,
                    ok: first.is_none(),
                    value: None,
                    why: first.map(ToString::to_string),
                }
            }
            What::Violation(name) => {
                let ok = evidence.violations.iter().any(|violation| violation.watcher == name);
                let why = (!ok).then(|| "it was never violated".to_owned());
                Judged { what, ok, value: None, why }
            }
            What::Converged { within, after } => {
                let at = evidence.converged.get(index).copied().flatten();
                let took = at.map(|at| at.since(*after));
                let why = took.is_none().then(|| {
                    let nodes = evidence.scenario.nodes();
                    format!("{within} later the correct ones of {nodes} nodes are not on one head")
                });
                Judged { what, ok: took.is_some(), value: took.map(Micros::as_seconds), why }
            }
        }
    }
}

/// Reads the expectations, with their places.
pub(super) fn read(
    sections: Vec<Section<'_, '_>>,
    groups: &[Group],
    events: &[Event],
) -> Vec<(Expect, Span)> {
    let read = |mut section: Section<'_, '_>| {
        let place = section.span().clone();
        let what = what(&mut section, groups, events);
        section.finish();
        Some((Expect { what: what? }, place))
    };
    sections.into_iter().filter_map(read).collect()
}

fn what(section: &mut Section<'_, '_>, groups: &[Group], events: &[Event]) -> Option<What> {
    let metrics = Metric::ALL.map(|(name, _)| name);
    let metric = section.read("metric", |value| values::word(value, &metrics));
    let known: Vec<&str> = ["all"].into_iter().chain(NAMES).collect();
    let invariant = section.read("invariant", |value| values::word(value, &known));
    let invariant = invariant.map(str::to_owned);
    let violation = section.read("violation", |value| values::word(value, &NAMES));
    let violation = violation.map(str::to_owned);
    let converged = section.read("converged", |value| values::span(value, range::DURATION));
    let given = ["metric", "invariant", "violation", "converged"].map(|key| section.has(key));
    if given.iter().filter(|given| **given).count() != 1 {
        let fix = "write one of: metric = \"stale_rate\", invariant = \"agreement\", \
                   violation = \"agreement\", converged = \"30s\"";
        section.faults().add(section.span(), "an expectation is of one thing", fix);
        return None;
    }
    if section.has("invariant") {
        return Some(What::Invariant(invariant?));
    }
    if section.has("violation") {
        return Some(What::Violation(violation?));
    }
    if section.has("converged") {
        let after = after(section, events);
        return Some(What::Converged { within: span_of(converged?), after: after? });
    }
    let metric = Metric::ALL.into_iter().find(|(name, _)| Some(*name) == metric).map(|(_, it)| it);
    let mut bound = |key| section.read(key, |value| values::decimal(value, range::FIGURE));
    let bounds = Bounds {
        below: bound("below"),
        above: bound("above"),
        at_least: bound("at_least"),
        at_most: bound("at_most"),
    };
    if !["below", "above", "at_least", "at_most"].iter().any(|key| section.has(key)) {
        let fix = "write below, above, at_least or at_most, such as below = 0.1";
        section.faults().add(section.span(), "the figure may be anything", fix);
    }
    let of = section.read("of", |value| several(value, groups));
    let mut moment = |key| section.read(key, |value| values::span(value, range::MOMENT));
    let (from, until) = (moment("from"), moment("until"));
    let metric = metric?;
    for key in ["from", "until"] {
        if section.has(key) && !metric.has_parts() {
            let reason = "has no meaning for a figure of the whole run";
            section.refuse(key, Refusal::new(reason, "remove it"));
        }
    }
    match (metric.is_of_somebody(), section.has("of")) {
        (true, false) => {
            let fix = "write of = [\"attackers\"], or numbers of nodes";
            section.faults().add(section.span(), "nobody is named whose share it is", fix);
        }
        (false, true) => {
            section.refuse("of", Refusal::new("has a meaning for shares only", "remove it"));
        }
        _ => {}
    }
    let from = Moment(0).after(from.map(span_of).unwrap_or_default());
    let until = until.map_or(Moment::NEVER, |until| Moment(0).after(span_of(until)));
    Some(What::Metric { metric, of: of.unwrap_or_default(), from, until, bounds })
}

/// A moment, or the last event of a kind.
fn after(section: &mut Section<'_, '_>, events: &[Event]) -> Option<Moment> {
    let read = |value: &DeValue<'_>| {
        let starts_with_a_letter = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic());
        match value {
            DeValue::String(text) if starts_with_a_letter(text) => {
                let word = values::word(value, &events::ACTS)?;
                let last = events.iter().rev().find(|event| event.act.word() == word);
                last.map(|event| event.at).ok_or_else(|| {
                    Refusal::new(
                        "names an event that never happens",
                        "write a moment such as \"70s\"",
                    )
                })
            }
            value => values::span(value, range::MOMENT).map(|at| Moment(0).after(span_of(at))),
        }
    };
    events::required(section, "after", "after = \"heal\", or a moment such as \"70s\"", read)
}
