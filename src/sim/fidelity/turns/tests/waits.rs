use super::super::waits::{ideal, run};
use crate::consensus::implied::FinalityRule;

/// Without a network a block of seven is final after two rounds of votes, of five each; on one, hardly later.
#[test]
fn blocks_are_final_as_soon_as_votes_let_them_be() {
    let theory = ideal(7, FinalityRule::TwoThirds, 400, 1);
    assert!((8.0..12.0).contains(&theory), "{theory}");
    let measured = run("dpos-dev", 0, 120, &[1, 6], 1);
    assert_eq!(measured.missed, 0, "{measured:?}");
    assert!((measured.interval - 1.0).abs() < 1e-9, "{measured:?}");
    assert!((measured.deep[1] - 6.0).abs() < 1e-9, "{measured:?}");
    assert!((measured.slots - theory).abs() < 1.0, "{measured:?} {theory}");
}

/// Two of seven that are away are suspended, and the others need no more of their own number.
#[test]
fn who_is_away_is_left_out_in_the_end() {
    let measured = run("dpos-dev", 2, 200, &[6], 2);
    assert!((7..60).contains(&measured.missed), "{measured:?}");
}
