//! The log: the sealed head, and drafts that stand on it in a line.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::consensus::authorities::Authorities;
use crate::consensus::{AuthorityId, Point};
use crate::types::{Claim, Draft, GenesisId, Height};

/// A draft as messages between cores name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Ref {
    /// Where it stands.
    pub at: Point,
    /// The term or round in which it was made: its header's claim.
    pub term: u64,
}

impl Ref {
    /// The name of a draft; nothing if it claims by no round.
    pub fn of(draft: &Draft, chain: &GenesisId) -> Option<Self> {
        let Claim::Round { round } = draft.header.claim else { return None };
        Some(Self { at: Point::of(&draft.header, chain), term: round })
    }
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Where it stands.
    pub at: Point,
    /// The term or round in which it was made.
    pub term: u64,
    /// Who decides on what stands above it.
    pub voters: Arc<Authorities>,
}

/// The sealed head and the drafts above it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Log {
    sealed: Entry,
    drafts: Vec<Entry>,
}

impl Log {
    /// A log without drafts.
    pub fn new(sealed: Entry) -> Self {
        Self { sealed, drafts: Vec::new() }
    }

    /// The sealed head.
    pub fn sealed(&self) -> &Entry {
        &self.sealed
    }

    /// The drafts, lowest first.
    pub fn drafts(&self) -> &[Entry] {
        &self.drafts
    }

    /// The end of the log.
    pub fn last(&self) -> &Entry {
        self.drafts.last().unwrap_or(&self.sealed)
    }

    fn place(&self, height: Height) -> Option<usize> {
        usize::try_from(height.0.checked_sub(self.sealed.at.height.0)?.checked_sub(1)?).ok()
    }

    /// The entry at a height, the sealed head among them.
    pub fn at(&self, height: Height) -> Option<&Entry> {
        if height == self.sealed.at.height {
            return Some(&self.sealed);
        }
        self.drafts.get(self.place(height)?)
    }

    /// Whether this block or draft is in the log.
    pub fn has(&self, point: &Point) -> bool {
        self.at(point.height).is_some_and(|entry| entry.at == *point)
    }

    /// Who decides on the entry at a height: the set that stands below it.
    pub fn voters_on(&self, height: Height) -> Option<&Arc<Authorities>> {
        self.at(height.back(1)).filter(|_| height.0 > 0).map(|below| &below.voters)
    }

    /// The entries from a height on.
    pub fn from(&self, height: Height) -> &[Entry] {
        let place = self.place(height).unwrap_or(0).min(self.drafts.len());
        &self.drafts[place..]
    }

    /// Adds a draft at the end.
    ///
    /// # Panics
    ///
    /// Unless it stands right above the end.
    pub fn push(&mut self, entry: Entry) {
        assert_eq!(entry.at.height, self.last().at.height.next(), "a log has no gaps");
        self.drafts.push(entry);
    }

    /// Removes the drafts from a height on.
    pub fn cut(&mut self, from: Height) {
        if let Some(place) = self.place(from) {
            self.drafts.truncate(place);
        }
    }

    /// Everybody whose vote may count: by the sealed set and by those of drafts.
    pub fn everybody(&self) -> Authorities {
        let mut all: Authorities = (*self.sealed.voters).clone();
        for draft in &self.drafts {
            if draft.voters != self.sealed.voters {
                all.extend(draft.voters.iter().copied());
            }
        }
        all
    }

    /// Everybody else of them.
    pub fn others(&self, me: AuthorityId) -> impl Iterator<Item = AuthorityId> + use<> {
        self.everybody().into_iter().filter(move |id| *id != me)
    }

    /// Whether somebody is one of [`Self::everybody`].
    pub fn knows(&self, id: AuthorityId) -> bool {
        let known = |voters: &Arc<Authorities>| voters.contains(&id);
        known(&self.sealed.voters) || self.drafts.iter().any(|it| known(&it.voters))
    }

    /// The sealed head is another one: drafts that do not stand on it go.
    pub fn seal(&mut self, entry: Entry) {
        let place = self.place(entry.at.height).filter(|_| self.has(&entry.at));
        match place {
            Some(place) => drop(self.drafts.drain(..=place)),
            None => self.drafts.clear(),
        }
        self.sealed = entry;
    }
}
