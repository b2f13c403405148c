//! Linearizability (Herlihy and Wing 1990) of registers.
//!
//! A history says when each operation was asked for and when its answer came. It is linearizable if each operation can be
//! given a moment in between at which it happens as a whole, so that every read gives what the last write before it wrote.
//! An operation without an answer may have happened at any later moment, or not at all.
//!
//! The search is that of Wing and Gong (1993), with Lowe's (2017) memory of what was tried: it takes the operations that may
//! come first, one after the other, and goes on. It is exponential in how many overlap, so histories are short.

use std::collections::BTreeSet;

use super::super::time::Moment;

/// Operations in one history at most.
pub const OPERATIONS_MAX: usize = 128;

/// What is done to a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It holds this from now on.
    Write(u64),
    /// It held this.
    Read(u64),
}

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// What.
    pub access: Access,
    /// When it was asked for.
    pub asked: Moment,
    /// When the answer came; never, if it did not. A read without an answer says nothing and has no place here.
    pub answered: Moment,
}

/// Whether a register that holds `first` in the beginning may have had this history.
///
/// # Panics
///
/// If it has more than [`OPERATIONS_MAX`] operations.
pub fn is_linearizable(first: u64, history: &[Operation]) -> bool {
    assert!(history.len() <= OPERATIONS_MAX, "{} operations", history.len());
    let answered = (0..history.len()).filter(|place| history[*place].answered != Moment::NEVER);
    let needed = answered.fold(0u128, |all, place| all | 1 << place);
    let mut tried = BTreeSet::new();
    let mut open = vec![(0u128, first)];
    while let Some((done, value)) = open.pop() {
        if done & needed == needed {
            return true;
        }
        if !tried.insert((done, value)) {
            continue;
        }
        let left = || (0..history.len()).filter(|place| done & 1 << place == 0);
        // Whatever was asked for after another one's answer comes after that one.
        let first_answer = left().map(|place| history[place].answered).min();
        for place in left() {
            let Operation { access, asked, .. } = history[place];
            if first_answer.is_some_and(|answer| asked > answer) {
                continue;
            }
            match access {
                Access::Write(written) => open.push((done | 1 << place, written)),
                Access::Read(read) if read == value => open.push((done | 1 << place, value)),
                Access::Read(_) => {}
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(access: Access, asked: u64, answered: u64) -> Operation {
        let answered = if answered == 0 { Moment::NEVER } else { Moment(answered) };
        Operation { access, asked: Moment(asked), answered }
    }

    use Access::{Read, Write};

    #[test]
    fn histories_that_registers_have() {
        for history in [
            vec![],
            vec![operation(Read(0), 1, 2)],
            vec![operation(Write(1), 1, 2), operation(Read(1), 3, 4)],
            // Both orders are possible where they overlap.
            vec![operation(Write(1), 1, 9), operation(Read(0), 2, 3), operation(Read(1), 4, 5)],
            vec![operation(Write(1), 1, 5), operation(Write(2), 2, 6), operation(Read(1), 7, 8)],
            // Nobody knows whether a write without an answer happened.
            vec![operation(Write(1), 1, 0), operation(Read(0), 2, 3), operation(Read(1), 4, 5)],
            vec![operation(Write(1), 1, 0), operation(Read(0), 2, 3)],
        ] {
            assert!(is_linearizable(0, &history), "{history:?}");
        }
    }

    #[test]
    fn histories_that_no_register_has() {
        for history in [
            vec![operation(Read(1), 1, 2)],
            // A stale read: the write was over before it began.
            vec![operation(Write(1), 1, 2), operation(Read(0), 3, 4)],
            // Two reads in a row go back in time.
            vec![operation(Write(1), 1, 9), operation(Read(1), 2, 3), operation(Read(0), 4, 5)],
            vec![operation(Write(1), 1, 0), operation(Read(1), 2, 3), operation(Read(0), 4, 5)],
            vec![operation(Write(1), 1, 2), operation(Write(2), 3, 4), operation(Read(1), 5, 6)],
        ] {
            assert!(!is_linearizable(0, &history), "{history:?}");
        }
    }

    /// Against a search without memory over all orders, on short histories of every kind.
    #[test]
    fn it_agrees_with_trying_all_orders() {
        let mut dice = super::super::super::random::Dice::new(1, "histories");
        let (mut yes, mut no) = (0, 0);
        for _ in 0..3000 {
            let mut history = Vec::new();
            for _ in 0..1 + dice.below(6) {
                let asked = 1 + dice.below(10);
                let answered = if dice.chance(0.2) { 0 } else { asked + 1 + dice.below(5) };
                let access = match dice.chance(0.5) {
                    true => Write(dice.below(3)),
                    false if answered == 0 => Write(dice.below(3)),
                    false => Read(dice.below(3)),
                };
                history.push(operation(access, asked, answered));
            }
            let expected = naive(0, &history, &mut vec![false; history.len()]);
            assert_eq!(is_linearizable(0, &history), expected, "{history:?}");
            if expected { yes += 1 } else { no += 1 }
        }
        assert!(yes > 300 && no > 300, "{yes} and {no}");
    }

    fn naive(value: u64, history: &[Operation], done: &mut Vec<bool>) -> bool {
        let left: Vec<usize> = (0..history.len()).filter(|place| !done[*place]).collect();
        if left.iter().all(|place| history[*place].answered == Moment::NEVER) {
            return true;
        }
        left.iter().any(|place| {
            let operation = history[*place];
            let next = match operation.access {
                Write(written) => written,
                Read(read) if read == value => value,
                Read(_) => return false,
            };
            if left.iter().any(|other| history[*other].answered < operation.asked) {
                return false;
            }
            done[*place] = true;
            let found = naive(next, history, done);
            done[*place] = false;
            found
        })
    }
}
