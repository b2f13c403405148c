//! Catching up with peers: whose blocks are asked for, in which order, and when to stop.

use super::super::wire::{BLOCKS_MAX, LOCATOR_MAX, Request, Response, Status};
use super::super::*;
use super::lone::*;
use crate::chain::Rank;
use crate::consensus::pow::testkit::{Mine, SPACING};
use crate::types::{BlockId, Bounded, Hash, Height, Span};

/// A mine of so many blocks on schedule that are not final, and a replica that knows none of them.
fn behind(blocks: u64) -> (Mine, Lone) {
    let mut mine = Mine::with(|params| params.finality_depth = 50);
    for _ in 0..blocks {
        mine.next();
    }
    let mut lone = Lone::new(&mine);
    lone.follow(&mine);
    (mine, lone)
}

/// Answers requests for blocks as an honest peer does that sends so many at once, until none come.
fn serve(lone: &mut Lone, mine: &Mine, peer: u64, outputs: Vec<Output>, at_once: usize) -> usize {
    let all = branch(mine);
    let chain = mine.tree.params().chain;
    let mut served = 0;
    let mut outputs = outputs;
    loop {
        let wanted = requests(&outputs).into_iter().find_map(|(to, id, request)| match request {
            Request::Blocks { locator } if to == peer => Some((id, locator)),
            _ => None,
        });
        let Some((id, locator)) = wanted else { return served };
        let place = |id: &BlockId| all.iter().position(|block| block.id(&chain) == *id);
        let after = locator.iter().find_map(place).map_or(0, |place| place + 1);
        let end = all.len().min(after + at_once);
        served += 1;
        assert!(served < 1000, "no end of questions");
        outputs = lone.blocks(peer, id, &all[after..end]);
    }
}

#[test]
fn a_replica_that_is_behind_asks_for_blocks_until_it_is_not() {
    for (blocks, at_once, questions) in [(1, 10, 1), (30, 10, 3), (30, 7, 5), (40, 1, 40)] {
        let (mine, mut lone) = behind(blocks);
        lone.connect(1);
        let outputs = lone.status(1, status_of(&mine));
        let (to, _, locator) = blocks_request(&outputs);
        assert_eq!((to, locator), (1, vec![lone.head()]));
        assert_eq!(serve(&mut lone, &mine, 1, outputs, at_once), questions);
        assert_eq!(lone.head(), mine.tree.head().id);
    }
}

/// Of two branches that part, the better one may need several batches before it is better: each batch begins where
/// the last one ended, although the best branch is still the other one.
#[test]
fn a_long_branch_that_comes_in_small_batches_wins_in_the_end() {
    let ours = behind(12).0;
    let mut theirs = Mine::with(|params| params.finality_depth = 50);
    for _ in 0..20 {
        let time = theirs.tree.head().block.header.time.after(Span(SPACING - 1));
        theirs.mine(time, vec![]);
    }
    for at_once in [1, 3, 100] {
        let mut lone = Lone::new(&ours);
        lone.follow(&ours);
        lone.follow(&theirs);
        for peer in [1, 2] {
            lone.connect(peer);
        }
        let outputs = lone.status(1, status_of(&ours));
        serve(&mut lone, &ours, 1, outputs, 100);
        assert_eq!(lone.head(), ours.tree.head().id);
        let outputs = lone.status(2, status_of(&theirs));
        serve(&mut lone, &theirs, 2, outputs, at_once);
        assert_eq!(lone.head(), theirs.tree.head().id, "{at_once} at once");
    }
}

/// The connection drops in the middle of such a branch; whoever goes on repeats what is known before it brings more.
#[test]
fn known_blocks_of_a_side_branch_are_passed_over() {
    let ours = behind(12).0;
    let mut theirs = Mine::with(|params| params.finality_depth = 50);
    for _ in 0..20 {
        let time = theirs.tree.head().block.header.time.after(Span(SPACING - 1));
        theirs.mine(time, vec![]);
    }
    let mut lone = Lone::new(&ours);
    lone.follow(&ours);
    lone.follow(&theirs);
    lone.connect(1);
    let outputs = lone.status(1, status_of(&ours));
    serve(&mut lone, &ours, 1, outputs, 100);
    lone.connect(2);
    let outputs = lone.status(2, status_of(&theirs));
    let (_, id, _) = blocks_request(&outputs);
    lone.blocks(2, id, &branch(&theirs)[..9]);
    lone.handle(Input::Disconnected(Peer(2)));
    lone.connect(3);
    let outputs = lone.status(3, status_of(&theirs));
    serve(&mut lone, &theirs, 3, outputs, 3);
    assert_eq!(lone.head(), theirs.tree.head().id);
}

#[test]
fn blocks_that_others_brought_meanwhile_do_not_stop_it() {
    let (mine, mut lone) = behind(30);
    lone.connect(1);
    lone.connect(2);
    let outputs = lone.status(1, status_of(&mine));
    let (_, id, _) = blocks_request(&outputs);
    let all = branch(&mine);
    for block in &all[..12] {
        let (verdict, _) = lone.announce(2, block);
        assert_eq!(verdict, GossipVerdict::Accept);
    }
    let outputs = lone.blocks(1, id, &all[..10]);
    serve(&mut lone, &mine, 1, outputs, 10);
    assert_eq!(lone.head(), mine.tree.head().id);
}

/// Finality may pass the first blocks of a batch while it is on its way.
#[test]
fn blocks_that_became_final_meanwhile_are_known() {
    let mut mine = Mine::with(|params| params.finality_depth = 2);
    for _ in 0..30 {
        mine.next();
    }
    let mut lone = Lone::new(&mine);
    lone.follow(&mine);
    lone.connect(1);
    lone.connect(2);
    let outputs = lone.status(1, status_of(&mine));
    let (_, id, _) = blocks_request(&outputs);
    let all = branch(&mine);
    all[..12].iter().for_each(|block| drop(lone.announce(2, block)));
    assert_eq!(lone.replica.tree().root().height(), Height(10));
    let outputs = lone.blocks(1, id, &all[..20]);
    assert_eq!(refusals(&outputs), Vec::<String>::new());
    assert_eq!(lone.height(), 20);
    serve(&mut lone, &mine, 1, outputs, 10);
    assert_eq!(lone.head(), mine.tree.head().id);
}

/// Whoever claims the best branch of all is asked first, but cannot keep the others from being asked.
#[test]
fn a_boaster_cannot_keep_it_from_the_others() {
    type Lie = fn(&mut Lone, u64) -> Vec<Output>;
    let lies: [(&str, Lie); 2] = [
        ("sends nothing", |lone, id| lone.blocks(1, id, &[])),
        ("does not answer", |lone, id| lone.handle(Input::RequestFailed { from: Peer(1), id })),
    ];
    for (name, lie) in lies {
        let (mine, mut lone) = behind(40);
        lone.connect(1);
        lone.connect(2);
        let mut pending = lone.status(1, boast(&mine));
        pending.extend(lone.status(2, status_of(&mine)));
        let mut asked = 0;
        // Ten minutes, in which the boaster repeats itself every two seconds.
        for _ in 0..300 {
            let mut next = Vec::new();
            for (to, id, request) in requests(&pending) {
                match request {
                    Request::Blocks { .. } if to == 1 => {
                        asked += 1;
                        next.extend(lie(&mut lone, id));
                    }
                    Request::Blocks { locator } => {
                        let all = branch(&mine);
                        let chain = mine.tree.params().chain;
                        let place =
                            |id: &BlockId| all.iter().position(|block| block.id(&chain) == *id);
                        let after = locator.iter().find_map(place).map_or(0, |place| place + 1);
                        let end = all.len().min(after + 4);
                        next.extend(lone.blocks(2, id, &all[after..end]));
                    }
                    _ => next.extend(lone.handle(Input::RequestFailed { from: Peer(to), id })),
                }
            }
            pending = next;
            if requests(&pending).is_empty() {
                pending = lone.wait(Span::seconds(2));
                pending.extend(lone.status(1, boast(&mine)));
                pending.extend(lone.status(2, status_of(&mine)));
            }
        }
        assert_eq!(lone.head(), mine.tree.head().id, "{name}");
        assert!(asked <= 12, "{name}: it was asked {asked} times");
    }
}

/// Known blocks over and over again are nothing new: a peer that leads nowhere is left alone.
#[test]
fn a_peer_that_repeats_the_known_is_left_alone() {
    let (mine, mut lone) = behind(40);
    lone.connect(1);
    let outputs = lone.status(1, status_of(&mine));
    serve(&mut lone, &mine, 1, outputs, 100);
    lone.connect(2);
    let mut outputs = lone.status(2, boast(&mine));
    let all = branch(&mine);
    let mut asked = 0;
    // One known block at a time, each a little higher.
    while let Some((_, id, _)) = requests(&outputs)
        .into_iter()
        .find(|(_, _, request)| matches!(request, Request::Blocks { .. }))
    {
        outputs = lone.blocks(2, id, &all[asked..=asked]);
        asked += 1;
    }
    assert!((2..=20).contains(&asked), "{asked}");
    assert_eq!(lone.head(), mine.tree.head().id);
}

#[test]
fn a_batch_with_a_lie_in_it_brings_what_is_before_the_lie() {
    let (mine, mut lone) = behind(10);
    lone.connect(1);
    lone.connect(2);
    lone.status(2, status_of(&mine));
    // Peer 2 was asked first; it goes, so peer 1 is asked.
    lone.status(1, status_of(&mine));
    let outputs = lone.handle(Input::Disconnected(Peer(2)));
    let (to, id, _) = blocks_request(&outputs);
    assert_eq!(to, 1);
    lone.connect(3);
    lone.status(3, status_of(&mine));
    let mut blocks = branch(&mine);
    blocks[4].draft.header.state_root = crate::types::StateRoot(Hash([1; 32]));
    blocks[4] = mine.seal(blocks[4].draft.clone());
    let outputs = lone.blocks(1, id, &blocks);
    assert_eq!((lone.height(), banned(&outputs)), (4, vec![1]));
    let (to, id, locator) = blocks_request(&outputs);
    assert_eq!((to, locator[0]), (3, lone.head()), "the next one is asked at once");
    lone.blocks(3, id, &branch(&mine)[4..]);
    assert_eq!(lone.head(), mine.tree.head().id);
}

#[test]
fn blocks_out_of_order_are_no_progress_and_are_kept_within_bounds() {
    let (mine, mut lone) = behind(30);
    lone.connect(1);
    let outputs = lone.status(1, status_of(&mine));
    let (_, id, _) = blocks_request(&outputs);
    let mut backwards = branch(&mine);
    backwards.reverse();
    let outputs = lone.blocks(1, id, &backwards);
    assert_eq!((lone.height(), banned(&outputs)), (0, vec![]));
    assert_eq!(requests(&outputs), [], "not asked again at once");
    // A while later it is, and when it behaves all is well.
    lone.wait(Span::seconds(3));
    let outputs = lone.status(1, status_of(&mine));
    serve(&mut lone, &mine, 1, outputs, 100);
    assert_eq!(lone.head(), mine.tree.head().id);
}

/// Blocks that our clock has not reached are kept until it has.
#[test]
fn blocks_ahead_of_the_clock_enter_when_their_time_comes() {
    let (mine, mut lone) = behind(20);
    lone.now = mine.genesis.header.time.after(Span(10 * SPACING));
    lone.connect(1);
    let outputs = lone.status(1, status_of(&mine));
    let (_, id, _) = blocks_request(&outputs);
    lone.blocks(1, id, &branch(&mine));
    // The rule lets blocks be a minute ahead.
    assert_eq!(lone.height(), 16);
    lone.wait(Span(SPACING));
    assert_eq!(lone.height(), 17, "the one that waited");
    for _ in 0..10 {
        lone.wait(Span(SPACING));
        let outputs = lone.status(1, status_of(&mine));
        serve(&mut lone, &mine, 1, outputs, 100);
    }
    assert_eq!(lone.head(), mine.tree.head().id);
}

/// An announced block that is ahead of the clock is fetched, kept, and imported in time.
#[test]
fn an_announcement_ahead_of_the_clock_is_not_lost() {
    let (mut mine, mut lone) = behind(0);
    mine.mine(mine.genesis.header.time.after(Span::seconds(70)), vec![]);
    lone.connect(1);
    let block = &branch(&mine)[0];
    let (verdict, outputs) = lone.announce(1, block);
    assert_eq!(verdict, GossipVerdict::Ignore);
    let (_, id, _) = blocks_request(&outputs);
    lone.blocks(1, id, std::slice::from_ref(block));
    assert_eq!(lone.height(), 0);
    lone.wait(Span::seconds(8));
    assert_eq!(lone.height(), 0);
    lone.wait(Span::seconds(1));
    assert_eq!(lone.height(), 1);
}

/// A locator names the latest blocks one by one, then fewer and fewer, the first one last; it is never too long.
#[test]
fn a_locator_reaches_back_to_the_genesis_block() {
    let mut mine = Mine::with(|params| params.finality_depth = 5);
    for _ in 0..400 {
        mine.next();
    }
    let mut lone = Lone::new(&mine);
    lone.follow(&mine);
    lone.connect(1);
    let outputs = lone.status(1, status_of(&mine));
    serve(&mut lone, &mine, 1, outputs, 150);
    assert_eq!(lone.height(), 400);
    let outputs = lone.status(1, boast(&mine));
    let (_, _, locator) = blocks_request(&outputs);
    let chain = mine.tree.params().chain;
    let all = branch(&mine);
    let heights: Vec<u64> = locator
        .iter()
        .map(|id| all.iter().position(|block| block.id(&chain) == *id).map_or(0, |n| n as u64 + 1))
        .collect();
    let tail =
        [400, 399, 398, 397, 396, 395, 394, 393, 392, 391, 389, 385, 377, 361, 329, 265, 137, 0];
    // What the peer sent last stands first, then the branch.
    assert_eq!(heights[heights.len() - tail.len()..], tail);
    assert!(heights.len() <= LOCATOR_MAX);
}

#[test]
fn others_get_the_blocks_after_the_first_one_we_share() {
    let (mine, mut lone) = behind(30);
    lone.connect(1);
    let outputs = lone.status(1, status_of(&mine));
    serve(&mut lone, &mine, 1, outputs, 100);
    let chain = mine.tree.params().chain;
    let ids: Vec<BlockId> = branch(&mine).iter().map(|block| block.id(&chain)).collect();
    let unknown = BlockId(Hash([9; 32]));
    let genesis = mine.genesis.id(&chain);
    let mut after = |locator: &[BlockId]| {
        let locator = Bounded::truncated(locator.to_vec());
        match lone.ask(1, Request::Blocks { locator }) {
            Some(Response::Blocks(blocks)) => {
                blocks.iter().map(|block| block.header.height.0).collect::<Vec<u64>>()
            }
            other => panic!("{other:?}"),
        }
    };
    let all: Vec<u64> = (1..=30).collect();
    assert_eq!(after(&[genesis]), all);
    assert_eq!(after(&[unknown, ids[9], genesis]), all[10..]);
    assert!(after(&[ids[29]]).is_empty());
    assert!(after(&[unknown]).is_empty(), "nothing in common is another chain");
    assert!(after(&[]).is_empty());
}

/// Half the largest response is filled with blocks, and never more than may be in one.
#[test]
fn a_response_holds_a_bounded_number_of_blocks() {
    let mut mine = Mine::with(|params| params.finality_depth = 5);
    for _ in 0..BLOCKS_MAX + 10 {
        mine.next();
    }
    let mut lone = Lone::new(&mine);
    lone.follow(&mine);
    lone.connect(1);
    let outputs = lone.status(1, status_of(&mine));
    serve(&mut lone, &mine, 1, outputs, BLOCKS_MAX);
    assert_eq!(lone.head(), mine.tree.head().id);
    let locator = Bounded::truncated(vec![mine.genesis.id(&mine.tree.params().chain)]);
    let Some(Response::Blocks(blocks)) = lone.ask(1, Request::Blocks { locator }) else {
        panic!("blocks were asked for")
    };
    assert_eq!(blocks.len(), BLOCKS_MAX);
}

#[test]
fn a_peer_of_another_chain_is_sent_away() {
    let (mine, mut lone) = behind(0);
    lone.connect(1);
    let status = Status { genesis: GenesisId(Hash([1; 32])), ..status_of(&mine) };
    assert_eq!(banned(&lone.status(1, status)), [1]);
}

/// Peers are asked where they stand when they come, every two seconds while they differ, and every ten while not.
#[test]
fn peers_are_asked_where_they_stand() {
    let (mine, mut lone) = behind(0);
    let statuses = |outputs: &[Output]| {
        let status = |(to, id, request): &(u64, u64, Request)| {
            matches!(request, Request::Status(_)).then_some((*to, *id))
        };
        requests(outputs).iter().filter_map(status).collect::<Vec<_>>()
    };
    let asked = statuses(&lone.connect(1));
    assert_eq!(asked.len(), 1);
    assert_eq!(statuses(&lone.wait(Span::seconds(9))), [], "one question at a time");
    lone.answer(1, asked[0].1, Response::Status(status_of(&mine)));
    let asked = statuses(&lone.wait(Span::seconds(2)));
    assert_eq!(asked.len(), 1);
    lone.answer(1, asked[0].1, Response::Status(status_of(&mine)));
    let asked = statuses(&lone.wait(Span::seconds(10)));
    assert_eq!(asked.len(), 1, "equal heads");
    let elsewhere =
        Status { head: BlockId(Hash([1; 32])), rank: Rank::default(), ..status_of(&mine) };
    lone.answer(1, asked[0].1, Response::Status(elsewhere.clone()));
    let mut count = 0;
    for _ in 0..10 {
        for (_, id) in statuses(&lone.wait(Span::seconds(2))) {
            count += 1;
            lone.answer(1, id, Response::Status(elsewhere.clone()));
        }
    }
    assert!((9..=10).contains(&count), "{count}");
}
