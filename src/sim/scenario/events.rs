//! What happens in a scenario, and when.

use std::fmt;

use toml::Spanned;
use toml::de::DeValue;

use super::super::link::LinkModel;
use super::super::time::{Micros, Moment};
use super::Group;
use super::parse::{read_links, span_of};
use super::schema::{self, range};
use super::who::{Named, Who};
use crate::spec::read::{Refusal, Section, kind};
use crate::spec::{nearest, values};

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When.
    pub at: Moment,
    /// What.
    pub act: Act,
    /// The line of the file that says so.
    pub line: usize,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Groups no longer reach each other.
    Partition {
        /// The groups.
        groups: Vec<Who>,
        /// Only what the first sends to the second is lost.
        one_way: bool,
        /// Until it heals by itself.
        lasts: Option<Micros>,
    },
    /// All cuts are mended.
    Heal,
    /// Processes die.
    Crash {
        /// Whose.
        nodes: Who,
        /// After so many more outputs.
        outputs: Option<u64>,
    },
    /// Processes start again.
    Restart(Who),
    /// Processes stand still.
    Pause(Who),
    /// And go on.
    Resume(Who),
    /// Clocks are set.
    Clock(Vec<usize>, i64),
    /// Clocks gain so many microseconds in a second from now on.
    Drift(Vec<usize>, i64),
    /// Searches become so many times as fast as at the beginning.
    Power(Vec<usize>, f64),
    /// A coin costs so much from now on.
    Price(f64),
    /// Disks take so long to sync.
    Disk(Who, Micros),
    /// All links change, or those of some nodes.
    Links(Option<Who>, LinkModel),
    /// Somebody spends a coin twice.
    DoubleSpend {
        /// The node where the merchant looks.
        node: usize,
        /// The node that is told of the rival.
        rival: usize,
        /// How many confirmations the merchant wants.
        confirmations: u64,
    },
}

/// The words of acts.
pub(super) const ACTS: [&str; 13] = [
    "partition",
    "heal",
    "crash",
    "restart",
    "pause",
    "resume",
    "clock",
    "drift",
    "power",
    "price",
    "disk",
    "links",
    "double_spend",
];

impl Act {
    /// The word of the file for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Partition { .. } => "partition",
            Self::Heal => "heal",
            Self::Crash { .. } => "crash",
            Self::Restart(_) => "restart",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Clock(..) => "clock",
            Self::Drift(..) => "drift",
            Self::Power(..) => "power",
            Self::Price(_) => "price",
            Self::Disk(..) => "disk",
            Self::Links(..) => "links",
            Self::DoubleSpend { .. } => "double_spend",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {}", self.at, self.act.word())?;
        match &self.act {
            Act::Partition { groups, one_way, lasts } => {
                let sides: Vec<String> = groups.iter().map(ToString::to_string).collect();
                write!(f, " [{}]", sides.join(", "))?;
                if *one_way {
                    write!(f, " one way")?;
                }
                lasts.map_or(Ok(()), |lasts| write!(f, " for {lasts}"))
            }
            Act::Heal => Ok(()),
            Act::Crash { nodes, outputs: Some(outputs) } => {
                write!(f, " {nodes} after {outputs} outputs")
            }
            Act::Crash { nodes, .. }
            | Act::Restart(nodes)
            | Act::Pause(nodes)
            | Act::Resume(nodes) => write!(f, " {nodes}"),
            Act::Clock(nodes, by_ms) => write!(f, " {nodes:?} by {by_ms} ms"),
            Act::Drift(nodes, ppm) => write!(f, " {nodes:?} {ppm} ppm"),
            Act::Power(nodes, times) => write!(f, " {nodes:?} times {times}"),
            Act::Price(to) => write!(f, " to {to}"),
            Act::Disk(nodes, sync) => write!(f, " {nodes} sync {sync}"),
            Act::Links(None, link) => write!(f, " {link:?}"),
            Act::Links(Some(nodes), link) => write!(f, " of {nodes} {link:?}"),
            Act::DoubleSpend { node, rival, confirmations } => {
                write!(f, " at node {node}, taken back at node {rival}, {confirmations} wanted")
            }
        }
    }
}

/// Reads the events, and puts them in order.
pub(super) fn read(
    sections: Vec<Section<'_, '_>>,
    groups: &[Group],
    text: &str,
    link: &LinkModel,
    end: Moment,
) -> Vec<Event> {
    let mut events: Vec<Event> = sections
        .into_iter()
        .filter_map(|section| event(section, groups, text, link, end))
        .collect();
    events.sort_by_key(|event| event.at);
    events
}

fn event(
    mut section: Section<'_, '_>,
    groups: &[Group],
    text: &str,
    link: &LinkModel,
    end: Moment,
) -> Option<Event> {
    let before = text.get(..section.span().start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let at = section.read("at", |value| values::span(value, range::MOMENT));
    let word = section.read("do", |value| values::word(value, &ACTS));
    for (key, example) in [("at", "at = \"60s\""), ("do", "do = \"heal\"")] {
        if !section.has(key) {
            let reason = format!("an event has no `{key}`");
            section.faults().add(section.span(), reason, format!("write {example}"));
        }
    }
    if at.is_some_and(|at| Moment(0).after(span_of(at)) > end) {
        let fix = "write an earlier moment, or a longer duration at the top";
        section.refuse("at", Refusal::new("is after the end of the scenario", fix));
    }
    let act = word.and_then(|word| act(word, &mut section, groups, link));
    if word.is_some() {
        section.finish();
    }
    Some(Event { at: Moment(0).after(span_of(at?)), act: act?, line })
}

fn act(
    word: &str,
    section: &mut Section<'_, '_>,
    groups: &[Group],
    link: &LinkModel,
) -> Option<Act> {
    let nodes = |section: &mut Section<'_, '_>| nodes(section, "nodes", groups);
    let whom = |section: &mut Section<'_, '_>| whom(section, groups);
    Some(match word {
        "partition" => {
            let one_way = section.read("one_way", values::boolean).unwrap_or(false);
            let lasts = section.read("lasts", |value| values::span(value, range::DURATION));
            let groups = required(section, "groups", "groups = [[0, 1], [2, 3]]", |value| {
                partition(value, groups)
            })?;
            if one_way && groups.len() != 2 {
                section
                    .refuse("one_way", Refusal::new("makes sense between two groups", "name two"));
            }
            Act::Partition { groups, one_way, lasts: lasts.map(span_of) }
        }
        "heal" => Act::Heal,
        "crash" => {
            let outputs = section.read("outputs", |value| values::number(value, range::OUTPUTS));
            Act::Crash { nodes: whom(section)?, outputs }
        }
        "restart" => Act::Restart(whom(section)?),
        "pause" => Act::Pause(whom(section)?),
        "resume" => Act::Resume(whom(section)?),
        "clock" => {
            let by = required(section, "by", "by = \"-2s\"", |value| {
                values::signed_span(value, range::CLOCK)
            });
            Act::Clock(nodes(section)?, by?)
        }
        "drift" => {
            let ppm =
                required(section, "ppm", "ppm = 200", |value| values::decimal(value, range::DRIFT));
            // Within the range, which is small.
            Act::Drift(nodes(section)?, ppm? as i64)
        }
        "power" => {
            let times = required(section, "times", "times = 4", |value| {
                values::decimal(value, range::TIMES)
            });
            Act::Power(nodes(section)?, times?)
        }
        "price" => Act::Price(required(section, "to", "to = 0.5", |value| {
            values::decimal(value, range::PRICE)
        })?),
        "disk" => {
            let sync = required(section, "sync", "sync = \"200ms\"", |value| {
                values::span(value, range::SYNC)
            });
            Act::Disk(whom(section)?, span_of(sync?))
        }
        "links" => {
            let links = section.section("links", &schema::LINKS);
            let nodes = section.read("nodes", |value| some(value, groups));
            Act::Links(nodes, read_links(links, *link))
        }
        _ => {
            let mut one =
                |key, example| required(section, key, example, |value| one(value, groups));
            let (node, rival) = (one("node", "node = 0"), one("rival", "rival = 1"));
            let confirmations =
                section.read("confirmations", |value| values::number(value, range::CONFIRMATIONS));
            let confirmations = confirmations.unwrap_or(6);
            Act::DoubleSpend { node: node?, rival: rival?, confirmations }
        }
    })
}

/// Takes and reads a value that must be there.
pub(super) fn required<'t, T>(
    section: &mut Section<'t, '_>,
    key: &'static str,
    example: &str,
    parse: impl FnOnce(&DeValue<'t>) -> Result<T, Refusal>,
) -> Option<T> {
    let read = section.read(key, parse);
    if !section.has(key) {
        let reason = format!("{} is missing", section.path(key));
        section.faults().add(section.span(), reason, format!("write {example}"));
    }
    read
}

/// A list of nodes that must be there.
pub(super) fn nodes(
    section: &mut Section<'_, '_>,
    key: &'static str,
    groups: &[Group],
) -> Option<Vec<usize>> {
    required(section, key, &format!("{key} = [0, 1], or {key} = [\"miners\"]"), |value| {
        several(value, groups)
    })
}

/// The same, where nodes may be named by what they are.
fn whom(section: &mut Section<'_, '_>, groups: &[Group]) -> Option<Who> {
    required(section, "nodes", "nodes = [0, 1], or nodes = [\"leader\"]", |value| {
        some(value, groups)
    })
}

fn some(value: &DeValue<'_>, groups: &[Group]) -> Result<Who, Refusal> {
    let who = Who::read(value, groups)?;
    match who.has_others() {
        true => Err(Refusal::new("names others where nobody is a side", "name the nodes")),
        false => Ok(who),
    }
}

/// Nodes by their numbers or the names of their groups; one alone, or a list of them.
pub(super) fn several(value: &DeValue<'_>, groups: &[Group]) -> Result<Vec<usize>, Refusal> {
    let mut nodes = match value {
        DeValue::Array(array) => {
            let lists = array.iter().map(|item| of_group(item.get_ref(), groups));
            lists.collect::<Result<Vec<_>, _>>()?.concat()
        }
        value => of_group(value, groups)?,
    };
    nodes.sort_unstable();
    nodes.dedup();
    match nodes.is_empty() {
        true => Err(Refusal::new("names nobody", "name at least one node")),
        false => Ok(nodes),
    }
}

fn one(value: &DeValue<'_>, groups: &[Group]) -> Result<usize, Refusal> {
    match several(value, groups)?[..] {
        [node] => Ok(node),
        _ => Err(Refusal::new("names several nodes", "name one, such as 0")),
    }
}

pub(super) fn of_group(value: &DeValue<'_>, groups: &[Group]) -> Result<Vec<usize>, Refusal> {
    let total = groups.last().map_or(0, |group| group.nodes().end);
    match value {
        DeValue::Integer(_) => {
            let last = total.saturating_sub(1);
            let number = values::number(value, 0..=last as u64).map_err(|refusal| {
                let reason = format!("{}: there are {total} nodes", refusal.reason);
                Refusal::new(reason, format!("write numbers from 0 to {last}, or names of groups"))
            })?;
            Ok(vec![usize::try_from(number).unwrap_or(usize::MAX)])
        }
        DeValue::String(name) => match groups.iter().find(|group| group.name == **name) {
            Some(group) => Ok(group.nodes().collect()),
            None => {
                let names: Vec<&str> = groups.iter().map(|group| &*group.name).collect();
                let fix = match nearest(name, names.iter().copied()) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("groups are: {}", names.join(", ")),
                };
                Err(Refusal::new("names a group that is not there", fix))
            }
        },
        other => Err(Refusal::new(
            format!("has {} where a node is due", kind(other)),
            "write the number of a node, or the name of a group in quotes",
        )),
    }
}

fn partition(value: &DeValue<'_>, groups: &[Group]) -> Result<Vec<Who>, Refusal> {
    let fix = "write two or more lists of nodes, such as [[0, 1], [2, 3]]";
    let DeValue::Array(array) = value else {
        return Err(Refusal::new(format!("is {} where a list is due", kind(value)), fix));
    };
    let sides: Vec<Who> = array
        .iter()
        .map(|side: &Spanned<DeValue<'_>>| Who::read(side.get_ref(), groups))
        .collect::<Result<_, _>>()?;
    // Followers are others each time.
    let all = sides.iter().flat_map(|side| &side.0).filter(|named| **named != Named::Follower);
    let mut all: Vec<&Named> = all.collect();
    let total = all.len();
    all.sort_unstable();
    all.dedup();
    match sides.len() {
        0 | 1 => Err(Refusal::new("parts nobody from anybody", fix)),
        2..=64 if all.len() == total => Ok(sides),
        2..=64 => Err(Refusal::new("has a node on two sides", fix)),
        _ => Err(Refusal::new("has too many sides", "write at most 64")),
    }
}
