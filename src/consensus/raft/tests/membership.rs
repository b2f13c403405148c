//! Thesis 4.1 to 4.2.3: voters change one at a time.

use super::*;

/// Thesis 4.2.2: a leader that is removed decides that and hands over; whom it tells has heard of the removal before, and
/// listens all the same.
#[test]
fn a_removed_leader_hands_over_without_a_time_out() {
    let mut group = three();
    lead(&mut group, 1);
    assert!(group.propose(id(1), Some([id(2), id(3)].into())));
    group.deliver_all();
    assert!(!group.core(id(1)).unwrap().leads());
    let leads = |of: u8| group.core(id(of)).unwrap().leads();
    assert!(leads(2) || leads(3));
    group.check().unwrap();
}

/// Thesis 4.2.1: whoever is added is sent the log at once, not with the next heartbeat.
#[test]
fn who_is_added_is_sent_the_entry_that_adds_it() {
    let ids: Vec<AuthorityId> = (1..=4).map(id).collect();
    let mut group = super::group::Group::new(&ids, ids[..3].iter().copied().collect());
    lead(&mut group, 1);
    group.fetch(id(1), id(4));
    assert!(group.propose(id(1), Some(ids.iter().copied().collect())));
    group.deliver_all();
    assert_eq!(terms(&group, 4), terms(&group, 1));
    assert!(group.core(id(4)).unwrap().is_voter());
}
