use super::super::old_keys::*;

/// A branch from far below what is final is heavier and convinces only whoever is new and was told nothing.
#[test]
fn old_keys_convince_who_is_new_and_was_told_nothing() {
    for seed in 0..2 {
        let rewrite = attempt(60, seed);
        println!("{rewrite:?}");
        assert!(rewrite.public > 2 * FINALITY_DEPTH && rewrite.heavier, "{rewrite:?}");
        assert!(!rewrite.online && rewrite.new && !rewrite.told, "{rewrite:?}");
    }
}

/// Above what is final it is a branch like any other.
#[test]
fn a_short_branch_is_followed_by_everybody_who_was_not_told_otherwise() {
    let rewrites: Vec<Rewrite> = (0..6).map(|seed| attempt(8, seed)).collect();
    println!("{rewrites:?}");
    for rewrite in rewrites.iter().filter(|it| it.public <= FINALITY_DEPTH) {
        assert_eq!((rewrite.online, rewrite.new), (rewrite.heavier, rewrite.heavier));
    }
    assert!(rewrites.iter().any(|rewrite| rewrite.online));
}
