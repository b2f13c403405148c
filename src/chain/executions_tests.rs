use super::super::testkit::{child, claim, tree};
use super::super::{Tree, import};
use super::*;
use crate::ledger::testkit::{MemBase, accounts, params};
use crate::types::Time;

/// Makes final what is, as a store does.
fn finalise(tree: &mut Tree, base: &MemBase) {
    let newly = tree.newly_final(Height(u64::MAX)).unwrap();
    newly.blocks.iter().for_each(|node| base.write(&node.delta));
    tree.advance(&newly);
}

/// Three trees, each over a base of its own: one executes by itself, two share, and one of these finalises late. All have
/// the same states, before and after what they share became final.
#[test]
fn shared_outcomes_are_those_of_executing_above_any_base() {
    let params = params();
    let mut trees: Vec<_> = (0..3).map(|_| tree(&params)).collect();
    let shared = Arc::new(Executions::default());
    trees[1].0.share(shared.clone());
    trees[2].0.share(shared.clone());
    let mut parent = trees[0].0.root().id;
    for height in 1..60_u64 {
        let block = child(
            &trees[0].0,
            &parent,
            claim(height, Height(height.saturating_sub(4))),
            1 + (height % 3) as u8,
            vec![],
        );
        // The second copy differs from the first in nothing that its id covers.
        parent = block.id(&params.chain);
        let mut roots = Vec::new();
        for (n, (tree, base)) in trees.iter_mut().enumerate() {
            import(tree, Arc::new(block.clone()), Time(u64::MAX)).unwrap();
            if n < 2 || height % 7 == 0 {
                finalise(tree, base);
            }
            let state = &tree.head().state;
            let coins = |owner| state.coins_of(&owner, None, 1000).unwrap();
            let owners = accounts().into_iter().map(|account| account.owner);
            let producers = (1..4).map(|person| crate::types::testkit::key(person).address());
            let coins: Vec<_> = owners.chain(producers).map(coins).collect();
            roots.push((state.root(), state.supply().unwrap(), coins));
        }
        assert!(roots.windows(2).all(|pair| pair[0] == pair[1]), "height {height}");
        let block = |n: usize| trees[n].0.head().block.clone();
        assert!(Arc::ptr_eq(&block(1), &block(2)) && !Arc::ptr_eq(&block(0), &block(1)));
    }
    assert_eq!(shared.known().outcomes.len(), 59);
}

#[test]
fn the_oldest_outcome_is_forgotten() {
    let params = params();
    let (mut tree, base) = tree(&params);
    let shared = Arc::new(Executions::default());
    tree.share(shared.clone());
    let mut parent = tree.root().id;
    for height in 1..=EXECUTIONS_MAX as u64 + 3 {
        let block = child(&tree, &parent, claim(height, Height(height - 1)), 1, vec![]);
        parent = block.id(&params.chain);
        import(&mut tree, Arc::new(block), Time(u64::MAX)).unwrap();
        finalise(&mut tree, &base);
    }
    assert_eq!(shared.known().outcomes.len(), EXECUTIONS_MAX);
    assert!(shared.known().outcomes.contains_key(&parent));
}
