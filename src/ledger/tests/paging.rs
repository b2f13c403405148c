//! Listing an owner's coins in pages, over a base and the changes above it.

use super::model::Run;
use crate::ledger::testkit::PEOPLE;
use crate::types::testkit::key;

#[test]
fn pages_put_together_are_all_coins_of_the_owner() {
    for seed in 300..316 {
        println!("seed {seed}");
        let mut run = Run::new(seed);
        for _ in 0..12 {
            run.block();
            if run.dice.percent(40) {
                run.finalise();
            }
        }
        for person in 1..=PEOPLE {
            let owner = key(person).address();
            let all = run.flat.coins_of(&owner, None, usize::MAX);
            for limit in [1, 2, 3, 5, all.len().max(1), all.len() + 1, 1000] {
                let mut after = None;
                let mut listed = Vec::new();
                loop {
                    let page = run.state.coins_of(&owner, after, limit).unwrap();
                    assert_eq!(page, run.flat.coins_of(&owner, after, limit), "limit {limit}");
                    let Some((last, _)) = page.last() else { break };
                    after = Some(*last);
                    listed.extend(page);
                }
                assert_eq!(listed, all, "person {person}, limit {limit}");
            }
            assert_eq!(run.state.coins_of(&owner, None, 0).unwrap(), []);
        }
    }
}

/// Any id may be the cursor: those of coins that are spent, and those that never were.
#[test]
fn a_page_starts_after_any_id() {
    for seed in 400..410 {
        let mut run = Run::new(seed);
        for _ in 0..12 {
            run.block();
            if run.dice.percent(40) {
                run.finalise();
            }
        }
        let spent: Vec<_> = run.history.values().flat_map(|flat| flat.coins.keys()).collect();
        for after in spent {
            let owner = key(1).address();
            let page = run.state.coins_of(&owner, Some(*after), 3).unwrap();
            assert_eq!(page, run.flat.coins_of(&owner, Some(*after), 3), "seed {seed}");
        }
    }
}
