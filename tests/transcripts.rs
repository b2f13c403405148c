//! Protocols as transcripts: a script says what happens to a few machines of a rule, and below each line stands what came
//! of it, as a student reads it beside the paper.
//!
//! Scripts are in `tests/scripts/RULE/*.txt`. A test plays each of them and compares every word; with `ASSAY_BLESS=1` it
//! writes down what it saw, to be read before it is committed. What a line says with `expect` has to hold all the same.
//!
//! | file | what is in it |
//! |---|---|
//! | `runner.rs` | reads, plays, compares and writes scripts of any rule |
//! | `classics.rs` | the small models of `assay::sim::classics` |
//! | `pbft.rs` | what can be done to cores of PBFT |
//! | `raft.rs` | what can be done to cores of Raft |
//! | `raft/words.rs` | how messages and machines are written |
//!
//! A rule joins with a [`runner::Stage`] and a test below.

// The names that the group of cores is built of: it is the one of Raft's own tests.
use assay::consensus::authorities::Authorities;
use assay::consensus::raft::core::{Core, Effect, Entry, Log, Point, Ref};
use assay::consensus::raft::message::Message;
use assay::consensus::{AuthorityId, DropReason};
use assay::types::{BlockId, Hash, Height, encode, sha256d};

#[path = "transcripts/classics.rs"]
mod classics;
#[path = "../src/consensus/raft/tests/group.rs"]
#[allow(dead_code, reason = "the model checker uses more of it")]
mod group;
#[path = "transcripts/pbft.rs"]
mod pbft;
#[path = "transcripts/raft.rs"]
mod raft;
#[path = "transcripts/runner.rs"]
mod runner;

#[test]
fn raft_goes_as_written_down() {
    runner::play_all::<raft::Stage>("raft");
}

#[test]
fn pbft_goes_as_written_down() {
    runner::play_all::<pbft::Stage>("pbft");
}

#[test]
fn the_classics_go_as_their_papers_say() {
    runner::play_all::<classics::Stage>("classics");
}
