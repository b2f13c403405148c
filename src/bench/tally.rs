//! The accounts: what was acknowledged, and whether the chain holds it in the end, once.
//!
//! Nothing that was told during the run is believed. Afterwards the blocks of one node are read from the first to the
//! last, and of every other node those that lie above the last block that both share. A payment is *lost* if a node
//! acknowledged it and it is in no node's chain or pool, and a *duplicate* if one chain holds it twice.

use std::collections::BTreeMap;

use super::views::Number;
use crate::types::{Height, TransactionId};

/// Different reasons that are counted apart; all further ones are counted together.
const REASONS_MAX: usize = 16;

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was not sent.
    Unsent,
    /// It was sent, and no answer has come.
    Unanswered,
    /// A node took it.
    Acknowledged,
    /// A node refused it.
    Refused,
}

/// What is known of one payment.
#[derive(Debug)]
struct Entry {
    id: TransactionId,
    fate: Fate,
    /// Where the chain holds it.
    height: Option<Height>,
    elsewhere: bool,
    pending: bool,
    twice: bool,
}

/// The books.
#[derive(Debug, Default)]
pub struct Tally {
    entries: Vec<Entry>,
    numbers: BTreeMap<TransactionId, Number>,
    refusals: BTreeMap<String, u64>,
    failures: BTreeMap<String, u64>,
    sent: u64,
    acknowledged: u64,
}

/// The sum of the books.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sum {
    /// Payments that were sent.
    pub submitted: u64,
    /// That a node acknowledged.
    pub acknowledged: u64,
    /// That a node refused.
    pub refused: u64,
    /// Whose call got no answer: they may have arrived.
    pub unanswered: u64,
    /// Of those that were sent, in a block of the chain that was read.
    pub included: u64,
    /// Of these, in its final blocks.
    pub settled: u64,
    /// Acknowledged, and in no chain but in some pool.
    pub pending: u64,
    /// Acknowledged, and nowhere.
    pub lost: u64,
    /// In one chain twice.
    pub duplicates: u64,
}

fn note(reasons: &mut BTreeMap<String, u64>, reason: &str, times: u64) {
    // One line for each kind, whichever coin or transaction it names.
    let plain = |word: &&str| word.len() < 32 || !word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let kind: Vec<&str> = reason.split_whitespace().filter(plain).collect();
    let kind = kind.join(" ");
    let known = reasons.contains_key(&kind) || reasons.len() < REASONS_MAX;
    *reasons.entry(if known { kind } else { "other reasons".into() }).or_default() += times;
}

impl Tally {
    /// A payment that will be sent. Numbers are given in order, from 0.
    pub fn expect(&mut self, id: TransactionId) -> Number {
        let number = self.entries.len();
        let fate = Fate::Unsent;
        let entry =
            Entry { id, fate, height: None, elsewhere: false, pending: false, twice: false };
        self.entries.push(entry);
        self.numbers.insert(id, number);
        number
    }

    /// It is sent.
    pub fn sent(&mut self, number: Number) {
        self.entries[number].fate = Fate::Unanswered;
        self.sent += 1;
    }

    /// A node took it.
    pub fn acknowledged(&mut self, number: Number) {
        self.entries[number].fate = Fate::Acknowledged;
        self.acknowledged += 1;
    }

    /// A node refused it.
    pub fn refused(&mut self, number: Number, reason: &str) {
        self.entries[number].fate = Fate::Refused;
        note(&mut self.refusals, reason, 1);
    }

    /// A call with so many payments got no answer.
    pub fn failed(&mut self, payments: u64, reason: &str) {
        note(&mut self.failures, reason, payments);
    }

    /// Why payments were refused, and why calls got no answer, each with the number of payments.
    pub fn reasons(&self) -> (&BTreeMap<String, u64>, &BTreeMap<String, u64>) {
        (&self.refusals, &self.failures)
    }

    /// A block of the chain that is read from first to last.
    pub fn read(&mut self, height: Height, transactions: impl IntoIterator<Item = TransactionId>) {
        for id in transactions {
            let Some(number) = self.numbers.get(&id) else { continue };
            let entry = &mut self.entries[*number];
            entry.twice |= entry.height.is_some();
            entry.height.get_or_insert(height);
        }
    }

    /// The blocks of another chain that shares those of the first up to the height `fork`.
    pub fn read_branch(
        &mut self,
        fork: Height,
        transactions: impl IntoIterator<Item = TransactionId>,
    ) {
        let mut here = BTreeMap::new();
        for id in transactions {
            let Some(number) = self.numbers.get(&id) else { continue };
            let entry = &mut self.entries[*number];
            let below = entry.height.is_some_and(|height| height <= fork);
            entry.twice |= here.insert(*number, ()).is_some() || below;
            entry.elsewhere = true;
        }
    }

    /// The acknowledged payments that no chain holds, among them those that are pending.
    pub fn missing(&self) -> Vec<TransactionId> {
        let missing = |entry: &&Entry| {
            entry.fate == Fate::Acknowledged && entry.height.is_none() && !entry.elsewhere
        };
        self.entries.iter().filter(missing).map(|entry| entry.id).collect()
    }

    /// A node knows this one, in its pool or by now in its chain.
    pub fn found(&mut self, id: &TransactionId) {
        if let Some(number) = self.numbers.get(id) {
            self.entries[*number].pending = true;
        }
    }

    /// How many have been sent so far, and how many of these were acknowledged.
    pub fn so_far(&self) -> (u64, u64) {
        (self.sent, self.acknowledged)
    }

    /// Whether a node took a payment.
    pub fn is_acknowledged(&self, number: Number) -> bool {
        self.entries[number].fate == Fate::Acknowledged
    }

    /// The sum, where the chain that was read is final up to a height.
    pub fn sum(&self, settled: Height) -> Sum {
        let mut sum = Sum::default();
        for entry in &self.entries {
            let included = entry.height.is_some();
            sum.duplicates += u64::from(entry.twice);
            sum.included += u64::from(included);
            sum.settled += u64::from(entry.height.is_some_and(|height| height <= settled));
            match entry.fate {
                Fate::Unsent => continue,
                Fate::Unanswered => sum.unanswered += 1,
                Fate::Refused => sum.refused += 1,
                Fate::Acknowledged => {
                    sum.acknowledged += 1;
                    let nowhere = !included && !entry.elsewhere;
                    sum.pending += u64::from(nowhere && entry.pending);
                    sum.lost += u64::from(nowhere && !entry.pending);
                }
            }
            sum.submitted += 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Hash;

    fn id(number: u8) -> TransactionId {
        TransactionId(Hash([number; 32]))
    }

    /// Books of payments 0 … 7: 0 to 4 acknowledged, 5 refused, 6 unanswered, 7 not sent.
    fn books() -> Tally {
        let mut tally = Tally::default();
        for number in 0..8 {
            assert_eq!(tally.expect(id(number)), usize::from(number));
        }
        (0..7).for_each(|number| tally.sent(number));
        (0..5).for_each(|number| tally.acknowledged(number));
        tally.refused(
            5,
            "coin 0000000000000000000000000000000000000000000000000000000000000001 is spent",
        );
        tally.failed(1, "timeout");
        tally
    }

    #[test]
    fn what_was_acknowledged_and_is_nowhere_is_lost() {
        let mut tally = books();
        assert_eq!(tally.so_far(), (7, 5));
        tally.read(Height(11), [id(0), id(99)]);
        tally.read(Height(12), [id(1), id(6)]);
        tally.read_branch(Height(11), [id(2)]);
        assert_eq!(tally.missing(), [id(3), id(4)]);
        tally.found(&id(3));
        let sum = tally.sum(Height(11));
        assert_eq!((sum.submitted, sum.acknowledged, sum.refused, sum.unanswered), (7, 5, 1, 1));
        // What no call answered for may be there all the same.
        assert_eq!((sum.included, sum.settled), (3, 1));
        assert_eq!((sum.pending, sum.lost, sum.duplicates), (1, 1, 0));
    }

    #[test]
    fn a_payment_twice_in_one_chain_is_a_duplicate_and_one_in_two_branches_is_none() {
        let mut tally = books();
        tally.read(Height(11), [id(0), id(1)]);
        tally.read(Height(12), [id(2)]);
        // The other branch parts after height 11: it has 2 as well, in its own place.
        tally.read_branch(Height(11), [id(2), id(3)]);
        assert_eq!(tally.sum(Height(12)).duplicates, 0);
        // One that the shared part holds already.
        tally.read_branch(Height(11), [id(0)]);
        assert_eq!(tally.sum(Height(12)).duplicates, 1);
        // And one that a branch holds twice by itself.
        tally.read_branch(Height(11), [id(4), id(4)]);
        assert_eq!(tally.sum(Height(12)).duplicates, 2);
        tally.read(Height(13), [id(1)]);
        assert_eq!(tally.sum(Height(13)).duplicates, 3);
    }

    #[test]
    fn reasons_are_counted_by_kind_and_bounded() {
        let mut tally = books();
        tally.refused(
            0,
            "coin 0000000000000000000000000000000000000000000000000000000000000002 is spent",
        );
        assert_eq!(tally.reasons().0.get("coin is spent"), Some(&2));
        for number in 0..100 {
            tally.failed(3, &format!("reason {number}"));
        }
        let failures = tally.reasons().1;
        assert_eq!(failures.len(), REASONS_MAX + 1);
        assert_eq!(failures.values().sum::<u64>(), 301);
    }
}
