//! A block that says what another one said before it: what a replica does with it, and with whoever brings it.

use std::sync::Arc;

use super::super::wire::{Response, Status};
use super::super::*;
use super::lone::*;
use crate::chain::Rank;
use crate::consensus::pos::PosEngine;
use crate::consensus::pos::testkit::Mint;
use crate::ledger::genesis_state;
use crate::ledger::testkit::accounts;
use crate::types::{Block, BlockId, Bounded, Span, Time};

/// A chain on which one coin won in one second on two blocks, and its owner sealed both.
struct Contest {
    /// Holds `below` and `second`, which is better than `first`.
    mint: Mint,
    first: Block,
    below: Block,
    second: Block,
}

impl Contest {
    fn new() -> Self {
        let mut mint = Mint::lawful();
        let root = mint.tree.root();
        let start = root.block.header.time.after(Span(1));
        let (other, coin) = (mint.coins(root, 1)[0], mint.coins(root, 2)[0]);
        let at = mint.wins(root, &other, start);
        let below = mint.seal(mint.draft(root, &other, at, vec![]));
        mint.import(below.clone()).unwrap();
        let (root, on) = (mint.tree.root(), mint.tree.head());
        let mut both = at;
        loop {
            both = mint.wins(on, &coin, both.after(Span(1)));
            if mint.wins(root, &coin, both) == both {
                break;
            }
        }
        let first = mint.seal(mint.draft(root, &coin, both, vec![]));
        let second = mint.seal(mint.draft(on, &coin, both, vec![]));
        mint.import(second.clone()).unwrap();
        Self { mint, first, below, second }
    }

    fn id(&self, block: &Block) -> BlockId {
        block.id(&self.mint.tree.params().chain)
    }

    /// Where somebody stands whose head is the second block.
    fn status(&self) -> Status {
        let (head, root) = (self.mint.tree.head(), self.mint.tree.root());
        Status {
            genesis: self.mint.tree.params().chain,
            head: head.id,
            height: head.height(),
            final_id: root.id,
            final_height: root.height(),
            rank: head.rank.clone(),
        }
    }

    /// A replica that has the first block, and two peers.
    fn lone(&self) -> Lone {
        let params = self.mint.tree.params().clone();
        let chain = Chain {
            params: params.clone(),
            rules: self.mint.rules.clone(),
            genesis: (*self.mint.tree.root().block).clone(),
            pool_bytes_max: POOL_BYTES,
            present: Span::seconds(1_000_000_000),
            checkpoint: None,
            block_time: Span::seconds(5),
        };
        let engine = Box::new(PosEngine::new(self.mint.rules.clone(), None));
        let now = self.second.header.time.after(Span::seconds(1));
        let state = || genesis_state(&accounts(), &params);
        let replica = Replica::open(chain, state, engine, Arc::default(), now).unwrap();
        let mut lone = Lone::of(replica, now);
        (1..=2).for_each(|peer| drop(lone.connect(peer)));
        assert_eq!(lone.announce(1, &self.first).0, GossipVerdict::Accept);
        assert_eq!(lone.head(), self.id(&self.first));
        lone
    }

    /// Peer 2 says where it stands, and shows and brings what leads there.
    fn bring(&self, lone: &mut Lone, status: Status) -> Vec<Output> {
        let mut all = lone.status(2, status);
        let (to, id, _) = headers_request(&all);
        assert_eq!(to, 2);
        let blocks = [self.below.clone(), self.second.clone()];
        let mut next = lone.headers(2, id, &blocks);
        while !next.is_empty() {
            all.extend(next.iter().cloned());
            let mut again = Vec::new();
            for (_, id, after, _) in blocks_requests(&next) {
                let from = blocks.iter().position(|block| block.header.parent == after);
                let some = Bounded::truncated(blocks[from.unwrap()..].to_vec());
                again.extend(lone.answer(2, id, Response::Blocks(some)));
            }
            for (to, id, _) in headers_requests(&next) {
                // It has nothing after its own head.
                again.extend(lone.headers(to, id, &blocks[1..]));
            }
            next = again;
        }
        all
    }
}

fn blames(outputs: &[Output]) -> Vec<&Output> {
    let blame = |output: &&Output| matches!(output, Output::Blame { .. } | Output::Ban { .. });
    outputs.iter().filter(blame).collect()
}

/// Whoever had the second block first follows it, and tells the truth about it. Those who had the other one keep theirs
/// until somebody built on the second.
#[test]
fn who_stands_on_what_is_held_here_is_not_to_blame() {
    let mut contest = Contest::new();
    let mut lone = contest.lone();
    let mut outputs = contest.bring(&mut lone, contest.status());
    let (first, second) = (contest.id(&contest.first), contest.id(&contest.second));
    let tree = lone.replica.tree();
    assert!(tree.get(&second).unwrap().held && !tree.get(&first).unwrap().held);
    assert!(tree.get(&second).unwrap().rank > tree.head().rank);
    assert_eq!(lone.head(), first);
    // It says so again and again, and it is not asked for more than where it stands.
    for _ in 0..20 {
        outputs.extend(lone.wait(Span::seconds(2)));
        let said = lone.status(2, contest.status());
        assert_eq!(headers_requests(&said), []);
        outputs.extend(said);
    }
    assert_eq!(blames(&outputs), Vec::<&Output>::new());
    let head = contest.mint.tree.head();
    let coin = contest.mint.coins(head, 3)[0];
    let at = contest.mint.wins(head, &coin, head.block.header.time.after(Span(1)));
    let child = contest.mint.seal(contest.mint.draft(head, &coin, at, vec![]));
    contest.mint.import(child.clone()).unwrap();
    lone.now = lone.now.max(Time(at.0));
    assert_eq!(lone.announce(2, &child).0, GossipVerdict::Accept);
    assert_eq!(lone.head(), contest.id(&child));
}

/// What is held here is what it is: whoever promises more than that is as useless as ever.
#[test]
fn who_promises_more_than_what_is_held_is_to_blame() {
    let contest = Contest::new();
    let mut lone = contest.lone();
    let boast = Status { rank: Rank::of_numbers(&[u64::MAX; 8]), ..contest.status() };
    let outputs = contest.bring(&mut lone, boast);
    assert!(!blames(&outputs).is_empty());
}
