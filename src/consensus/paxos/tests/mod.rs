//! Multi-Paxos, claim by claim.

mod claims;
mod group;
mod model;
mod weather;

use std::collections::BTreeSet;

use self::group::Group;
use super::core::{Core, Effect, Point, Ref};
use super::message::{Ballot, Message};
use crate::consensus::log::tests::group::{self as shared, Parcel};
use crate::consensus::{AuthorityId, DropReason};
use crate::types::canary::{Bug, planted};
use crate::types::{Height, decode};

/// A machine by its number.
fn id(number: u8) -> AuthorityId {
    let mut bytes = [0; 21];
    bytes[1] = number;
    decode(&bytes).expect("an address is its version and 20 bytes")
}

fn group(size: u8) -> Group {
    let ids: Vec<AuthorityId> = (1..=size).map(id).collect();
    Group::new(&ids, ids.iter().copied().collect())
}

/// Runs out somebody's time until it leads, and lets everything be said.
fn lead(group: &mut Group, of: u8) {
    for _ in 0..5 {
        if group.core(id(of)).expect("it is up").leads() {
            return;
        }
        group.step(id(of), Core::elapsed);
        group.deliver_all();
    }
    panic!("{of} does not get to lead: {group:?}");
}

/// These have not heard their leader for the lease.
fn give_up_on_the_leader(group: &mut Group, of: &[u8]) {
    for of in of {
        group.step(id(*of), Core::elapsed);
    }
}

fn parts(of: &[&[u8]]) -> Vec<BTreeSet<AuthorityId>> {
    of.iter().map(|part| part.iter().copied().map(id).collect()).collect()
}

fn heights(group: &Group) -> Vec<usize> {
    group.nodes.values().map(|node| node.chain.len() - 1).collect()
}
