//! Groups of Raft's cores, and the safety of the paper's figure 3.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::shared::{self, Body, Protocol, pairs};
use super::*;

pub type Group = shared::Group<Core>;
pub type Letter = shared::Letter<Message<Ref>>;
pub type Node = shared::Node<Core>;

/// Who led in a term, and whether a term had two.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Seen {
    pub led: BTreeMap<u64, AuthorityId>,
    two_in: Option<u64>,
}

/// The entry of a term above another one.
pub fn above(parent: &Entry, term: u64, voters: Arc<Authorities>) -> Body {
    shared::above(parent, (term, 0), voters)
}

impl Protocol for Core {
    type Seen = Seen;

    fn drafts(message: &Message<Ref>) -> &[Ref] {
        match message {
            Message::Append { drafts, .. } => drafts,
            _ => &[],
        }
    }

    fn changed(&self, seen: &mut Seen) {
        if self.leads() && *seen.led.entry(self.term()).or_insert(self.me()) != self.me() {
            seen.two_in = Some(self.term());
        }
    }

    fn said(_: &Message<Ref>, _: &mut Seen) {}

    fn check(group: &Group) -> Result<(), String> {
        group.elections()?;
        group.matching()?;
        group.chains().map_err(|wrong| format!("state machine safety: {wrong}"))?;
        group.complete()
    }
}

impl Group {
    /// A term has one leader at most.
    pub fn elections(&self) -> Result<(), String> {
        match self.seen.two_in {
            Some(term) => Err(format!("election safety: two leaders of term {term}")),
            None => Ok(()),
        }
    }

    /// If two logs have an entry with one index and term, they are one up to there.
    pub fn matching(&self) -> Result<(), String> {
        let logs: Vec<Vec<&Entry>> = self.nodes.values().map(Node::log).collect();
        for (one, other) in pairs(&logs) {
            let alike = one.iter().zip(other.iter()).rposition(|(a, b)| a.term == b.term);
            let upto = alike.map_or(0, |last| last + 1);
            if one.iter().zip(other.iter()).take(upto).any(|(a, b)| a.at != b.at) {
                return Err(format!(
                    "log matching: entry {upto} is of one term, those below differ"
                ));
            }
        }
        Ok(())
    }

    /// What was sealed in a term, the leaders of later terms have.
    pub fn complete(&self) -> Result<(), String> {
        for (id, node) in &self.nodes {
            let Some(core) = node.core.as_ref().filter(|core| core.leads()) else { continue };
            let log = node.log();
            let decided = self.nodes.values().flat_map(|other| &other.chain);
            for block in decided.filter(|block| block.by.round < core.term()) {
                let place = usize::try_from(block.entry.at.height.0).unwrap_or(usize::MAX);
                if log.get(place).is_none_or(|entry| entry.at != block.entry.at) {
                    let (height, term) = (block.entry.at.height, core.term());
                    return Err(format!(
                        "leader completeness: {id:?} leads in term {term} without what is sealed at {height}"
                    ));
                }
            }
        }
        Ok(())
    }
}
