//! Whom an event concerns: nodes by their numbers, or by what they are at that moment.

use std::fmt;

use toml::de::DeValue;

use super::super::host::Sim;
use super::Group;
use super::events::of_group;
use crate::spec::read::Refusal;

/// Words for what nodes are when an event happens. A group of the same name comes first.
pub(super) const WORDS: [(&str, Named); 5] = [
    ("leader", Named::Leader),
    ("follower", Named::Follower),
    ("crashed", Named::Crashed),
    ("paused", Named::Paused),
    ("others", Named::Others),
];

/// A node, or some nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// By its number.
    Node(usize),
    /// Whoever leads in the latest term.
    Leader,
    /// The first authority that runs, does not lead and is not named yet: each time another one.
    Follower,
    /// All whose processes died and were not started again.
    Crashed,
    /// All that stand still.
    Paused,
    /// All that no other side of a partition names.
    Others,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Node(node) = self {
            return write!(f, "{node}");
        }
        let word = WORDS.iter().find(|(_, named)| named == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

/// Some nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who(pub Vec<Named>);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "[{}]", names.join(", "))
    }
}

impl Who {
    /// Nodes by their numbers, the names of their groups, or what they are.
    pub(super) fn read(value: &DeValue<'_>, groups: &[Group]) -> Result<Self, Refusal> {
        let mut who = Vec::new();
        let mut add = |value: &DeValue<'_>| {
            match named(value, groups) {
                Some(named) => who.push(named),
                None => who.extend(of_group(value, groups)?.into_iter().map(Named::Node)),
            }
            Ok(())
        };
        match value {
            DeValue::Array(array) => array.iter().try_for_each(|item| add(item.get_ref()))?,
            value => add(value)?,
        }
        who.sort_unstable();
        who.dedup_by(|a, b| a == b && *a != Named::Follower);
        match who.is_empty() {
            true => Err(Refusal::new("names nobody", "name at least one node")),
            false => Ok(Self(who)),
        }
    }

    /// Those that are named by their numbers.
    pub(super) fn numbers(&self) -> impl Iterator<Item = usize> {
        self.0.iter().filter_map(|named| match named {
            Named::Node(node) => Some(*node),
            _ => None,
        })
    }

    /// Whether it is about whoever no other side names.
    pub(super) fn has_others(&self) -> bool {
        self.0.contains(&Named::Others)
    }

    /// Their numbers now, where `leader` leads and `taken` are named already.
    pub(super) fn find(
        &self,
        sim: &Sim,
        leader: Option<usize>,
        taken: &[usize],
    ) -> Result<Vec<usize>, String> {
        let all = |is: &dyn Fn(usize) -> bool| (0..sim.nodes()).filter(|it| is(*it)).collect();
        let mut found: Vec<usize> = Vec::new();
        for named in &self.0 {
            let nodes: Vec<usize> = match named {
                Named::Node(node) => vec![*node],
                Named::Leader => vec![leader.ok_or("nobody leads")?],
                Named::Follower => {
                    let follows = |node: &usize| {
                        let new = !taken.contains(node) && !found.contains(node);
                        let seated = sim.nodes[*node].options.key.is_some();
                        new && seated && sim.nodes[*node].is_up() && leader != Some(*node)
                    };
                    let first = (0..sim.nodes()).find(follows);
                    vec![first.ok_or("nobody else follows")?]
                }
                Named::Crashed => all(&|node| !sim.nodes[node].is_up()),
                Named::Paused => all(&|node| sim.nodes[node].is_up() && sim.nodes[node].paused),
                Named::Others => all(&|node| !taken.contains(&node)),
            };
            if nodes.is_empty() {
                return Err(format!("nobody is what `{named}` means"));
            }
            found.extend(nodes);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

fn named(value: &DeValue<'_>, groups: &[Group]) -> Option<Named> {
    let DeValue::String(name) = value else { return None };
    if groups.iter().any(|group| group.name == **name) {
        return None;
    }
    WORDS.iter().find(|(word, _)| word == name).map(|(_, named)| *named)
}

/// The sides of a partition now: no node is on two.
pub(super) fn sides(
    sim: &Sim,
    leader: Option<usize>,
    sides: &[Who],
) -> Result<Vec<Vec<usize>>, String> {
    let mut found = vec![Vec::new(); sides.len()];
    let mut taken = Vec::new();
    // Who are the others shows when everybody else is named.
    for others in [false, true] {
        for (side, nodes) in sides.iter().zip(&mut found) {
            if side.has_others() != others {
                continue;
            }
            *nodes = side.find(sim, leader, &taken)?;
            if let Some(node) = nodes.iter().find(|node| taken.contains(*node)) {
                return Err(format!("node {node} would be on two sides"));
            }
            taken.extend(nodes.iter().copied());
        }
    }
    Ok(found)
}
