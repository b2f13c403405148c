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
//! | `line.rs` | what can be done to cores that put drafts in a line, whichever protocol it is |
//! | `line/telling.rs` | how that is written |
//! | `raft.rs`, `paxos.rs` | the words of these protocols, and what only they can do |
//!
//! A rule joins with a [`runner::Stage`] and a test below.

#[path = "transcripts/classics.rs"]
mod classics;
#[path = "transcripts/line.rs"]
mod line;
#[path = "transcripts/paxos.rs"]
mod paxos;
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
fn paxos_goes_as_written_down() {
    runner::play_all::<paxos::Stage>("paxos");
}

#[test]
fn pbft_goes_as_written_down() {
    runner::play_all::<pbft::Stage>("pbft");
}

#[test]
fn the_classics_go_as_their_papers_say() {
    runner::play_all::<classics::Stage>("classics");
}
