//! Groups of Paxos' cores: agreement, and one value per ballot and height.

use std::collections::{BTreeMap, BTreeSet};

use super::shared::{self, Protocol};
use super::*;

pub type Group = shared::Group<Core>;
pub type Letter = shared::Letter<Message<Ref>>;

/// Who led, and what was proposed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Seen {
    /// The ballots that somebody led in.
    pub led: BTreeSet<Ballot>,
    /// What was proposed in a ballot at a height.
    pub proposed: BTreeMap<(Ballot, Height), Point>,
    /// Where a ballot proposed two drafts.
    two_in: Option<(Ballot, Height)>,
}

impl Protocol for Core {
    type Seen = Seen;

    fn drafts(message: &Message<Ref>) -> &[Ref] {
        match message {
            Message::Accept { drafts, .. } | Message::Bring { drafts, .. } => drafts,
            _ => &[],
        }
    }

    fn changed(&self, seen: &mut Seen) {
        if self.leads() {
            // Its own, since it promised nothing higher.
            seen.led.insert(self.promised());
        }
    }

    fn said(message: &Message<Ref>, seen: &mut Seen) {
        let Message::Accept { ballot, drafts, .. } = message else { return };
        for draft in drafts {
            let place = (*ballot, draft.at.height);
            if *seen.proposed.entry(place).or_insert(draft.at) != draft.at {
                seen.two_in = Some(place);
            }
        }
    }

    fn check(group: &Group) -> Result<(), String> {
        group.ballots()?;
        group.chains().map_err(|wrong| format!("consistency: {wrong}"))
    }
}

impl Group {
    /// A ballot proposes one draft at a height (Paxos Made Moderately Complex, A4).
    pub fn ballots(&self) -> Result<(), String> {
        match self.seen.two_in {
            Some((Ballot { round, .. }, height)) => {
                Err(format!("one value per ballot: one of round {round} has two at {height}"))
            }
            None => Ok(()),
        }
    }
}
