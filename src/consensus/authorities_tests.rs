//! Wishes, majorities and what may not be done.

use std::sync::Arc;

use super::*;
use crate::ledger::testkit::MemBase;
use crate::ledger::{LtHash, Working};
use crate::types::testkit::key;

/// A state that operations change one after the other, each in a block of its own unless said otherwise.
struct World {
    first: Authorities,
    state: State,
    height: Height,
}

impl World {
    fn new(members: u8) -> Self {
        let first = (1..=members).map(person).collect();
        let base = Arc::new(MemBase::default());
        Self { first, state: State::at_rest(base, LtHash::default()), height: Height(0) }
    }

    /// Performs operations in one block; the first that is refused says why, and nothing happens.
    fn block(&mut self, operations: &[(u8, Operation)]) -> Result<(), String> {
        let height = self.height.next();
        let mut working = Working::new(&self.state);
        for (actor, operation) in operations {
            let first = (&self.first, 1);
            operate(operation, person(*actor), height, first, &mut working.system())
                .map_err(|refused| refused.to_string())?;
        }
        let (delta, commitment) = working.finish().unwrap();
        self.state = self.state.child(height, Arc::new(delta), commitment, Height(0));
        self.height = height;
        Ok(())
    }

    fn members(&self) -> Vec<u8> {
        let members = in_force(&self.state, &self.first).unwrap();
        (1..=9).filter(|number| members.contains(&person(*number))).collect()
    }
}

fn person(number: u8) -> Address {
    key(number).address()
}

fn propose(whom: u8, ballot: Ballot) -> Operation {
    Operation::ProposeAuthority { address: person(whom), ballot }
}

#[test]
fn more_than_half_decide() {
    let mut world = World::new(4);
    for actor in [1, 2] {
        world.block(&[(actor, propose(5, Ballot::Add))]).unwrap();
        assert_eq!(world.members(), [1, 2, 3, 4], "half of four is no majority");
    }
    world.block(&[(3, propose(5, Ballot::Add))]).unwrap();
    assert_eq!(world.members(), [1, 2, 3, 4, 5]);
    assert_eq!(wishes(&world.state).unwrap(), [], "what was wanted is done");
    for actor in [5, 4, 3] {
        world.block(&[(actor, propose(1, Ballot::Remove))]).unwrap();
    }
    assert_eq!(world.members(), [2, 3, 4, 5]);
}

/// Neighbouring sets differ by one member, or two majorities might miss each other.
#[test]
fn a_block_changes_one_member_at_most() {
    let mut world = World::new(1);
    let both = [(1, propose(2, Ballot::Add)), (1, propose(3, Ballot::Add))];
    // The first changes the set of one to two, where one is no majority any more.
    world.block(&both).unwrap();
    assert_eq!(world.members(), [1, 2]);
    let refused = world.block(&[
        (2, propose(3, Ballot::Add)),
        (2, propose(4, Ballot::Add)),
        (1, propose(4, Ballot::Add)),
    ]);
    assert!(refused.unwrap_err().contains("has changed the authorities already"));
    world.block(&[(2, propose(3, Ballot::Add))]).unwrap();
    assert_eq!(world.members(), [1, 2, 3]);
}

#[test]
fn a_wish_can_be_taken_back_and_goes_with_whoever_had_it() {
    let mut world = World::new(3);
    world.block(&[(1, propose(4, Ballot::Add))]).unwrap();
    world.block(&[(1, Operation::WithdrawProposal { address: person(4) })]).unwrap();
    world.block(&[(2, propose(4, Ballot::Add))]).unwrap();
    assert_eq!(world.members(), [1, 2, 3]);
    for actor in [1, 3] {
        world.block(&[(actor, propose(2, Ballot::Remove))]).unwrap();
    }
    assert_eq!(world.members(), [1, 3]);
    assert_eq!(wishes(&world.state).unwrap(), [], "who is gone has no say");
    world.block(&[(1, propose(4, Ballot::Add))]).unwrap();
    assert_eq!(world.members(), [1, 3], "one of two is no majority");
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() {
    let mut world = World::new(1);
    let withdraw = Operation::WithdrawProposal { address: person(7) };
    for (actor, operation, reason) in [
        (9, propose(2, Ballot::Add), "its sender is no authority"),
        (1, propose(1, Ballot::Add), "is an authority already"),
        (1, propose(2, Ballot::Remove), "is no authority"),
        (1, propose(1, Ballot::Remove), "needs 1 authorities at least"),
        (1, withdraw, "no such proposal"),
        (1, Operation::Unvote, "is not active under this rule"),
    ] {
        let said = world.block(&[(actor, operation)]).unwrap_err();
        assert!(said.contains(reason), "{said}");
    }
    let mut world = World::new(3);
    for whom in 0..WISHES_MAX as u8 {
        world.block(&[(1, propose(20 + whom, Ballot::Add))]).unwrap();
    }
    let said = world.block(&[(1, propose(50, Ballot::Add))]).unwrap_err();
    assert!(said.contains("withdraw one"), "{said}");
}

#[test]
fn an_authority_says_who_stands_behind_it() {
    let mut world = World::new(2);
    let text = |text: &str| Text::new(text).unwrap();
    let (name, organisation, contact) = (text("one"), text("a school"), text("room 7"));
    let register = Operation::RegisterAuthority {
        name: name.clone(),
        organisation: organisation.clone(),
        contact: contact.clone(),
    };
    world.block(&[(1, register)]).unwrap();
    let said = identity(&world.state, &person(1)).unwrap();
    assert_eq!(said, Some(Identity { name, organisation, contact }));
    assert_eq!(identity(&world.state, &person(2)).unwrap(), None);
    assert_eq!(world.members(), [1, 2], "that moves nothing");
}
