//! PBFT, claim by claim.

mod engine;
mod group;
mod model;
mod ordering;
mod reads;
mod rules;
mod views;
mod weather;

use self::group::{Group, draft};
use super::core::{Core, EARLY_MAX, Effect, Head, Kept, Said, Wait};
use super::message::{Ballot, Message, NewView, Prepared, ViewChange};
use crate::consensus::authorities::Authorities;
use crate::consensus::quorum::byzantine;
use crate::consensus::{AuthorityId, Point};
use crate::types::{BlockId, Hash, Height, decode, encode, sha256d};

/// An authority by its number; that of 0 is the primary of view 0.
fn id(number: u8) -> AuthorityId {
    let mut bytes = [0; 21];
    bytes[1] = number + 1;
    decode(&bytes).expect("an address is its version and 20 bytes")
}

fn ballot(view: u64, at: Point) -> Ballot {
    Ballot { view, at }
}

fn pre_prepare(view: u64, draft: Point) -> Said {
    Message::PrePrepare { view, draft, signature: () }
}

/// Delivers what is about a step, and leaves the rest in flight.
fn deliver_only(group: &mut Group, wanted: impl Fn(&group::Letter) -> bool) {
    while let Some(index) = group.flight.iter().position(&wanted) {
        group.deliver(index);
    }
}
