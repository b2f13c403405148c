//! The contract suite: what every rule must do, whatever it is.
//!
//! A rule joins by one line at the end of this file. The suite knows none of them: it opens replicas of the rule's
//! chain, performs what they put out, and looks at what everybody can see. Whatever it takes to seal a block, the
//! engine says itself by its actions: a search is searched by hashing, messages are carried, timers run out, records are
//! kept.
//!
//! | property | file |
//! |---|---|
//! | some replicas make blocks, and all follow | `progress.rs` |
//! | the same inputs have the same outputs, byte for byte | `determinism.rs` |
//! | a crash at any moment forgets nothing that was acknowledged, and contradicts nothing that was signed | `restart.rs` |
//! | no bit of a seal or header can be changed | `mutation.rs` |
//! | nothing that comes in makes it panic, or makes it do what it should not | `noise.rs` |
//! | who has no seat keeps silent | `observer.rs` |
//! | the order of arrival decides nothing but between equals, and finality never goes back | `order.rs` |

#[path = "contract/determinism.rs"]
mod determinism;
#[path = "contract/mutation.rs"]
mod mutation;
#[path = "contract/noise.rs"]
mod noise;
#[path = "contract/observer.rs"]
mod observer;
#[path = "contract/order.rs"]
mod order;
#[path = "contract/progress.rs"]
mod progress;
#[path = "contract/restart.rs"]
mod restart;
#[path = "contract/subject.rs"]
mod subject;
#[path = "contract/watch.rs"]
mod watch;
#[path = "contract/world.rs"]
mod world;

/// All tests of one rule, in a module of its name. The second argument makes its [`subject::Subject`].
macro_rules! contract {
    ($rule:ident, $subject:expr) => {
        mod $rule {
            use super::subject::{EASY, HARD, Subject};

            fn subject(tries: u32) -> Subject {
                let make: fn(u32) -> Subject = $subject;
                make(tries)
            }

            #[test]
            fn replicas_make_blocks_and_all_follow() {
                super::progress::check(&subject(EASY));
            }

            #[test]
            fn a_seed_is_a_history() {
                super::determinism::check_worlds(&subject(EASY));
            }

            #[test]
            fn the_same_inputs_have_the_same_outputs() {
                super::determinism::check_replicas(&subject(EASY));
            }

            #[test]
            fn a_crash_at_any_sync_loses_and_contradicts_nothing() {
                super::restart::check(&subject(EASY));
            }

            #[test]
            fn a_changed_seal_is_refused_as_this_copy() {
                super::mutation::check_seals(&subject(HARD));
            }

            #[test]
            fn a_changed_header_is_refused() {
                super::mutation::check_headers(&subject(HARD));
            }

            #[test]
            fn a_bad_copy_does_not_condemn_the_block() {
                super::mutation::check_copies(&subject(HARD));
            }

            #[test]
            fn no_event_makes_the_engine_panic() {
                super::noise::check_engine(&subject(EASY));
            }

            #[test]
            fn no_input_makes_a_replica_panic() {
                super::noise::check_replica(&subject(EASY));
            }

            #[test]
            fn observers_follow_and_keep_silent() {
                super::observer::check(&subject(EASY));
            }

            #[test]
            fn the_order_of_arrival_decides_only_between_equals() {
                super::order::check(&subject(EASY));
            }

            #[test]
            fn finality_never_goes_back() {
                super::order::check_finality(&subject(EASY));
            }
        }
    };
}

contract!(pow, |tries| Subject::of("pow-dev", tries));
contract!(pos, |tries| Subject::of("pos-dev", tries));
contract!(hybrid, |tries| Subject::of("hybrid-dev", tries));
// Two of three go on where two of four could not.
contract!(poa, |tries| Subject::with("poa-dev", [", \"dave\"]", "]"], tries));
// Both of two, so that finality needs nobody else.
contract!(dpos, |tries| {
    let two = [
        ", \"carol\", \"dave\", \"erin\", \"frank\", \"grace\"]\ndelegates = 7",
        "]\ndelegates = 2",
    ];
    Subject::with("dpos-dev", two, tries)
});
// Two of three go on where two of four could not; nobody lies here.
contract!(pbft, |tries| {
    let three = [", \"dave\"]", "]\nallow_unsafe = true"];
    Subject::with("pbft-dev", three, tries)
});
contract!(raft, |tries| Subject::of("raft-3", tries));
// Three, so that as many agree as under Raft.
contract!(paxos, |tries| Subject::with("paxos-dev", [", \"dave\", \"erin\"]", "]"], tries));
