//! Every answer to a block that asks to come in, one sentence per row.

use std::sync::Arc;

use super::super::testkit::{GOOD, child, claim, tree};
use super::*;
use crate::ledger::testkit::{BrokenBase, Plain, draft, params, transaction};
use crate::ledger::{State, genesis_coin_id};
use crate::types::testkit::key;
use crate::types::{
    Amount, Bounded, Claim, Draft, Hash, Height, PublicKey, Seal, Signature, Time, Transaction,
    body_root,
};

/// A tree with three blocks above a final one, and what is needed to try a fourth.
fn grown() -> (Tree, Vec<BlockId>) {
    let params = params();
    let (mut tree, base) = tree(&params);
    let mut ids = vec![tree.root().id];
    for height in 1..=4 {
        let claim = claim(height, Height(if height == 4 { 1 } else { 0 }));
        let block = child(&tree, ids.last().unwrap(), claim, 1, vec![]);
        ids.push(import(&mut tree, Arc::new(block), Time(height * 1000)).unwrap().id);
    }
    let finalised = tree.newly_final(Height(u64::MAX)).unwrap();
    finalised.blocks.iter().for_each(|node| base.write(&node.delta));
    tree.advance(&finalised);
    assert_eq!(tree.root().height(), Height(1));
    (tree, ids)
}

fn payment() -> Transaction {
    let params = params();
    let (tree, _) = tree(&params);
    let id = genesis_coin_id(0, &params);
    let coin = crate::ledger::CoinView::coin(&tree.root().state, &id).unwrap().unwrap();
    transaction(&[(id, coin)], &[(key(2).address(), Amount(500))], None, &params)
}

fn name(error: &ImportError) -> &'static str {
    match error {
        ImportError::Known => "known",
        ImportError::Orphan { .. } => "orphan",
        ImportError::BelowFinal { .. } => "below final",
        ImportError::Checkpoint { .. } => "checkpoint",
        ImportError::Early { .. } => "early",
        ImportError::Copy(_) => "copy",
        ImportError::Invalid(_) => "invalid",
        ImportError::Failed(_) => "failed",
    }
}

type Edit = Box<dyn Fn(&mut Block)>;

/// The seal of another block, as it were.
const BAD: Seal = Seal::Signature { key: PublicKey([2; 32]), signature: Signature([2; 64]) };

#[test]
fn every_block_that_cannot_come_in_is_told_why() {
    let (tree, ids) = grown();
    let good = child(&tree, ids.last().unwrap(), claim(9, Height(0)), 2, vec![payment()]);
    let now = Time(5000);
    let table: Vec<(&str, Edit, &str)> = vec![
        (
            "a child of an unknown block waits",
            { Box::new(|block| block.draft.header.parent = BlockId(Hash([9; 32]))) },
            "orphan",
        ),
        (
            "an orphan is an orphan whatever its seal",
            {
                Box::new(|block| {
                    block.draft.header.parent = BlockId(Hash([9; 32]));
                    block.seal = BAD;
                })
            },
            "orphan",
        ),
        (
            "nothing enters at a final height",
            { Box::new(|block| block.draft.header.height = Height(1)) },
            "below final",
        ),
        (
            "another version is another kind of block",
            { Box::new(|block| block.draft.header.version = 2) },
            "invalid",
        ),
        (
            "a child is one higher than its parent",
            { Box::new(|block| block.draft.header.height = Height(6)) },
            "invalid",
        ),
        (
            "what the clock has not reached comes again later",
            { Box::new(|block| block.draft.header.time = Time(5001)) },
            "early",
        ),
        ("a bad seal condemns the copy", Box::new(|block| block.seal = BAD), "copy"),
        (
            "ahead of the clock or not",
            {
                Box::new(|block| {
                    block.draft.header.time = Time(5001);
                    block.seal = BAD;
                })
            },
            "copy",
        ),
        (
            "a claim that the rule does not know condemns the block",
            { Box::new(|block| block.draft.header.claim = Claim::Genesis) },
            "invalid",
        ),
        (
            "a body that the header does not name condemns the copy",
            { Box::new(|block| block.draft.body.transactions = Bounded::default()) },
            "copy",
        ),
        (
            "so do other witnesses",
            {
                Box::new(|block| {
                    let mut forged = block.body.transactions[0].clone();
                    forged.sign(&params().chain, &[key(3)]);
                    block.draft.body.transactions = Bounded::truncated(vec![forged]);
                })
            },
            "copy",
        ),
        (
            "a body larger than any block is no body, even on an unknown parent",
            {
                Box::new(|block| {
                    let many = vec![payment(); 600];
                    block.draft.header.parent = BlockId(Hash([9; 32]));
                    block.draft.body.transactions = Bounded::truncated(many);
                })
            },
            "copy",
        ),
        (
            "a state root that execution does not give condemns the block",
            { Box::new(|block| block.draft.header.state_root = StateRoot(Hash([3; 32]))) },
            "invalid",
        ),
        (
            "so does a transaction that does not execute",
            {
                Box::new(|block| {
                    let twice = vec![payment(), payment()];
                    block.draft.body.transactions = Bounded::truncated(twice);
                    block.draft.header.body_root = body_root(&block.draft.body, &params().chain);
                })
            },
            "invalid",
        ),
    ];
    for (sentence, edit, expected) in table {
        let (mut tree, _) = grown();
        let mut block = good.clone();
        edit(&mut block);
        let before = (tree.len(), tree.head().id);
        let error = import(&mut tree, Arc::new(block), now).expect_err(sentence);
        assert_eq!(name(&error), expected, "{sentence}: {error}");
        assert_eq!((tree.len(), tree.head().id), before, "{sentence}: nothing changed");
    }
    let (mut tree, ids) = grown();
    assert!(
        import(&mut tree, Arc::new(good.clone()), now).is_ok(),
        "and without an edit it enters"
    );
    assert_eq!(import(&mut tree, Arc::new(good), now), Err(ImportError::Known));
    let root = tree.root().block.clone();
    assert_eq!(import(&mut tree, root, now), Err(ImportError::Known), "the final block is known");
    assert!(tree.get(&ids[0]).is_none(), "what lies below it is not in the tree");
}

#[test]
fn an_early_block_says_when_its_time_comes() {
    let (mut tree, ids) = grown();
    let block = Arc::new(child(&tree, ids.last().unwrap(), claim(9, Height(0)), 2, vec![]));
    let until = block.header.time;
    let early = import(&mut tree, block.clone(), Time(until.0 - 1));
    assert_eq!(early, Err(ImportError::Early { until }));
    assert!(import(&mut tree, block, until).is_ok());
}

#[test]
fn a_broken_disk_says_nothing_about_the_block() {
    let params = params();
    let (whole, _) = tree(&params);
    let rules = Arc::new(super::super::testkit::Said(Plain::new(1000, 100)));
    let commitment = whole.root().state.commitment().clone();
    let state = State::at_rest(Arc::new(BrokenBase), commitment);
    let genesis = whole.root().block.clone();
    let mut broken = Tree::new(rules, params.clone(), genesis, state).unwrap();
    let block = child(&whole, &whole.root().id, claim(1, Height(0)), 1, vec![]);
    let error = import(&mut broken, Arc::new(block), Time(5000)).unwrap_err();
    assert_eq!(name(&error), "failed");
}

/// Two copies of one block under different seals have one id: the second is known, whatever became of its seal.
#[test]
fn a_second_copy_is_known() {
    let (mut tree, ids) = grown();
    let block = child(&tree, ids.last().unwrap(), claim(9, Height(0)), 2, vec![]);
    let Draft { header, body } = block.draft.clone();
    let copy = Draft { header, body }.seal(BAD);
    assert!(import(&mut tree, Arc::new(copy.clone()), Time(5000)).is_err());
    assert!(import(&mut tree, Arc::new(block), Time(5000)).is_ok(), "the bad copy cost nothing");
    assert_eq!(import(&mut tree, Arc::new(copy), Time(5000)), Err(ImportError::Known));
    assert_ne!(GOOD.hash(&params().chain), BAD.hash(&params().chain));
}

/// A height at the end of the numbers is refused like any other wrong one.
#[test]
fn the_greatest_height_is_no_height() {
    let (mut tree, ids) = grown();
    let mut draft = draft(*ids.last().unwrap(), Height(u64::MAX), 1, vec![], &params());
    draft.header.claim = claim(9, Height(0));
    draft.header.time = Time(1);
    let error = import(&mut tree, Arc::new(draft.seal(GOOD)), Time(5000)).unwrap_err();
    assert_eq!(name(&error), "invalid");
}

/// The operator's word counts for our own blocks too.
#[test]
fn no_block_enters_against_the_checkpoint_whoever_made_it() {
    let (mut tree, ids) = grown();
    let block = child(&tree, ids.last().unwrap(), claim(9, Height(0)), 2, vec![payment()]);
    let executed =
        tree.execute(&block.draft, &tree.get(ids.last().unwrap()).unwrap().state).unwrap();
    let (height, given) = (block.header.height, block.id(&tree.params().chain));
    let checkpoint = BlockId(Hash([7; 32]));
    tree.trust(height, checkpoint);
    let refused = Err(ImportError::Checkpoint { height, given, checkpoint });
    let block = Arc::new(block);
    assert_eq!(import(&mut tree, block.clone(), Time(5000)), refused);
    assert_eq!(import_own(&mut tree, block.clone(), executed.clone()), refused);
    tree.trust(height, given);
    assert_eq!(import_own(&mut tree, block, executed).unwrap().id, given);
}
