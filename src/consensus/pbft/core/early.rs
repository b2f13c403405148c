//! Messages that came too early: of the next height, of a view that has not begun here, or above a block that is on its way.

use std::collections::{BTreeMap, VecDeque};

use super::Said;
use crate::consensus::AuthorityId;

/// Of each sender; the oldest go. What was said in vain is said again with the next beat.
pub const EARLY_MAX: usize = 8;

/// They wait here, in the order in which their sender sent them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Early<S>(BTreeMap<AuthorityId, VecDeque<Said<S>>>);

impl<S> Default for Early<S> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<S: PartialEq> Early<S> {
    /// Keeps one, once.
    pub(super) fn keep(&mut self, from: AuthorityId, said: Said<S>) {
        let kept = self.0.entry(from).or_default();
        if kept.contains(&said) {
            return;
        }
        if kept.len() >= EARLY_MAX {
            kept.pop_front();
        }
        kept.push_back(said);
    }

    /// All of them.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (AuthorityId, Said<S>)> + use<S> {
        let all = std::mem::take(&mut self.0);
        all.into_iter().flat_map(|(from, said)| said.into_iter().map(move |said| (from, said)))
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.0.values().map(VecDeque::len).sum()
    }
}
