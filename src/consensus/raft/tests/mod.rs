//! Raft, claim by claim.

mod elections;
mod engine;
mod group;
mod membership;
mod messages;
mod model;
mod reads;
mod replication;

use std::collections::BTreeSet;

use self::group::{Group, Letter};
use super::core::{Core, Effect, Entry, Log, Point, Ref};
use super::message::Message;
use crate::consensus::authorities::Authorities;
use crate::consensus::log::tests::group::{self as shared, Parcel};
use crate::consensus::{AuthorityId, DropReason};
use crate::types::{BlockId, Hash, Height, decode};

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

fn three() -> Group {
    group(3)
}

fn five() -> Group {
    group(5)
}

/// One of three that kept this vote and drafts of these terms.
fn fresh(number: u8, kept: (u64, Option<AuthorityId>), log: &[u64]) -> Core {
    let mut all = Log::new(shared::first((1..=3).map(id).collect()));
    for term in log {
        let last = all.last().clone();
        all.push(group::above(&last, *term, last.voters.clone()).entry);
    }
    Core::new(id(number), kept, all).0
}

/// Somebody is elected; nothing that is said afterwards has arrived.
fn elect(group: &mut Group, of: u8) {
    group.step(id(of), Core::elapsed);
    while !group.core(id(of)).expect("it is up").leads() {
        group.deliver(0);
    }
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

/// These have not heard their leader for the shortest election timeout.
fn give_up_on_the_leader(group: &mut Group, of: &[u8]) {
    for of in of {
        group.step(id(*of), Core::elapsed);
    }
}

fn parts(of: &[&[u8]]) -> Vec<BTreeSet<AuthorityId>> {
    of.iter().map(|part| part.iter().copied().map(id).collect()).collect()
}

/// The terms of a machine's log above the first block.
fn terms(group: &Group, of: u8) -> Vec<u64> {
    group.nodes[&id(of)].log().iter().skip(1).map(|entry| entry.term).collect()
}

/// How many drafts a letter carries.
fn drafts(letter: &Letter) -> usize {
    match &letter.parcel {
        Parcel::Said { message: Message::Append { drafts, .. }, .. } => drafts.len(),
        _ => 0,
    }
}
