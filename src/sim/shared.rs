//! What a simulation computes once for all of its nodes: verdicts on seals, ranks, and signatures that verify.
//!
//! All of these are pure functions of what is asked, so nobody can tell who computed an answer. The checkers do not use
//! this: they compute for themselves.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::chain::{BlockRef, Finality, Rank, Rules, Verdict};
use crate::ledger::{Around, ReadFailed, State, Transition};
use crate::types::signatures::{SignatureCheck, verify_batch};
use crate::types::{Address, BlockId, Header, Height, Seal, Time};

/// Answers of each kind that are remembered: those about the blocks that are under way.
const REMEMBERED: usize = 32;

/// Signatures in one of the two halves of their memory; the older half is forgotten when the newer is full.
const SIGNATURES: usize = 1 << 15;

/// Answers, the latest first.
#[derive(Debug)]
struct Recent<Q, A>(Mutex<VecDeque<(Q, A)>>);

impl<Q: PartialEq, A: Clone> Recent<Q, A> {
    fn new() -> Self {
        Self(Mutex::new(VecDeque::with_capacity(REMEMBERED)))
    }

    fn known(&self) -> MutexGuard<'_, VecDeque<(Q, A)>> {
        // Nothing panics while it holds the lock, so what is inside is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recall(&self, question: &Q) -> Option<A> {
        let known = self.known();
        known.iter().find(|(asked, _)| asked == question).map(|(_, answer)| answer.clone())
    }

    fn remember(&self, question: Q, answer: A) {
        let mut known = self.known();
        known.truncate(REMEMBERED - 1);
        known.push_front((question, answer));
    }
}

/// A rule that remembers its latest answers.
pub(super) struct SharedRules {
    rules: Arc<dyn Rules>,
    /// Seals that prove their headers. A header names its parent, and so the state that it was judged by.
    proven: Recent<(Header, Seal), ()>,
    ranks: Recent<BlockId, Rank>,
}

impl SharedRules {
    pub(super) fn new(rules: Arc<dyn Rules>) -> Self {
        Self { rules, proven: Recent::new(), ranks: Recent::new() }
    }
}

impl Rules for SharedRules {
    fn verify(&self, header: &Header, seal: &Seal, parent: BlockRef<'_>) -> Result<(), Verdict> {
        // Asked about another parent than the header's, the rule answers for itself.
        let question = (*header, seal.clone());
        let usual = header.parent == *parent.id;
        if usual && self.proven.recall(&question).is_some() {
            return Ok(());
        }
        self.rules.verify(header, seal, parent)?;
        if usual {
            self.proven.remember(question, ());
        }
        Ok(())
    }

    fn rank(&self, head: BlockRef<'_>) -> Result<Rank, ReadFailed> {
        if let Some(rank) = self.ranks.recall(head.id) {
            return Ok(rank);
        }
        let rank = self.rules.rank(head)?;
        self.ranks.remember(*head.id, rank.clone());
        Ok(rank)
    }

    fn rank_by_header(
        &self,
        header: &Header,
        seal: &Seal,
        parent: &Rank,
    ) -> Result<Option<Rank>, Verdict> {
        self.rules.rank_by_header(header, seal, parent)
    }

    fn final_height(&self, head: BlockRef<'_>) -> Result<Height, ReadFailed> {
        self.rules.final_height(head)
    }

    fn proves_final(
        &self,
        header: &Header,
        seal: &Seal,
        state: &State,
    ) -> Result<bool, ReadFailed> {
        self.rules.proves_final(header, seal, state)
    }

    fn finality(&self) -> Finality {
        self.rules.finality()
    }

    fn not_before(&self, header: &Header) -> Time {
        self.rules.not_before(header)
    }

    fn authorities(&self, state: &State) -> Result<BTreeSet<Address>, ReadFailed> {
        self.rules.authorities(state)
    }
}

impl Around for SharedRules {
    fn inner(&self) -> &dyn Transition {
        &*self.rules
    }
}

/// Signatures that were seen to verify, by hash.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    newer: BTreeSet<[u8; 32]>,
    older: BTreeSet<[u8; 32]>,
}

impl Signatures {
    /// The places of those that do not verify.
    pub(super) fn bad(&mut self, batch: &[SignatureCheck]) -> Vec<u32> {
        let mut names = Vec::new();
        let mut unknown = Vec::new();
        for (place, check) in (0..).zip(batch) {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&check.key).update(&check.message).update(&check.signature);
            let name = *hasher.finalize().as_bytes();
            if !self.newer.contains(&name) && !self.older.contains(&name) {
                names.push((place, name));
                unknown.push(*check);
            }
        }
        let bad: BTreeSet<usize> = verify_batch(&unknown).into_iter().collect();
        let mut places = Vec::new();
        for (index, (place, name)) in names.into_iter().enumerate() {
            match bad.contains(&index) {
                true => places.push(place),
                false => drop(self.newer.insert(name)),
            }
        }
        if self.newer.len() > SIGNATURES {
            self.older = std::mem::take(&mut self.newer);
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Hash;
    use crate::types::testkit::key;

    #[test]
    fn bad_signatures_are_bad_each_time_and_good_ones_good() {
        let check = |person: u8, good: bool| {
            let (key, message) = (key(person), Hash([person; 32]));
            let mut signature = key.sign(&message).0;
            signature[0] ^= u8::from(!good);
            SignatureCheck { key: key.public().0, message: message.0, signature }
        };
        let batch: Vec<_> = (0..20).map(|n| check(n, n % 3 != 1)).collect();
        let expected: Vec<u32> = (0..20).filter(|n| n % 3 == 1).collect();
        let mut signatures = Signatures::default();
        for _ in 0..3 {
            assert_eq!(signatures.bad(&batch), expected);
        }
        assert_eq!(signatures.newer.len(), 13);
        assert_eq!(signatures.bad(&batch[3..6]), [1]);
    }

    #[test]
    fn the_latest_answers_are_remembered() {
        let recent = Recent::new();
        (0..40).for_each(|n| recent.remember(n, 2 * n));
        assert_eq!(
            (recent.recall(&39), recent.recall(&8), recent.recall(&7)),
            (Some(78), Some(16), None)
        );
    }
}
