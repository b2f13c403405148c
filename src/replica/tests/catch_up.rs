//! Catching up with peers: whose word is taken for what, whose blocks are asked for, and when to stop.

use std::sync::Arc;

use super::super::wire::{BLOCKS_MAX, LOCATOR_MAX, Request, Response, Status};
use super::super::*;
use super::lone::*;
use crate::chain::Rank;
use crate::consensus::pow::testkit::{Mine, SPACING};
use crate::types::{Block, BlockId, Bounded, Hash, Height, Span, StateRoot};

/// A mine of so many blocks on schedule that are not final.
fn mine_of(blocks: u64) -> Mine {
    let mut mine = Mine::with(|params| params.finality_depth = 1000);
    (0..blocks).for_each(|_| drop(mine.next()));
    mine
}

/// The same with blocks that come a little faster, so that they are other ones and weigh more in the end.
fn faster(blocks: u64) -> Mine {
    let mut mine = Mine::with(|params| params.finality_depth = 1000);
    for _ in 0..blocks {
        let time = mine.tree.head().block.header.time.after(Span(SPACING * 9 / 10));
        mine.mine(time, vec![]);
    }
    mine
}

/// A mine of so many blocks, and a replica of its time that knows none of them.
fn behind(blocks: u64) -> (Mine, Lone) {
    let mine = mine_of(blocks);
    let mut lone = Lone::new(&mine);
    lone.follow(&mine);
    (mine, lone)
}

/// Peers connect and say that they stand on these mines' heads.
fn meet(lone: &mut Lone, peers: &[(u64, &Mine)]) -> Vec<Output> {
    let mut outputs = Vec::new();
    for (peer, mine) in peers {
        lone.connect(*peer);
        outputs.extend(lone.status(*peer, status_of(mine)));
    }
    outputs
}

fn conflicts(outputs: &[Output]) -> Vec<FinalityConflict> {
    let conflict = |output: &Output| match output {
        Output::Report(Report::FinalityConflict(conflict)) => Some(conflict.clone()),
        _ => None,
    };
    outputs.iter().filter_map(conflict).collect()
}

#[test]
fn a_replica_that_is_behind_asks_for_headers_then_for_blocks_until_it_is_not() {
    for (blocks, headers_at_once, blocks_at_once) in
        [(1, 512, 64), (30, 10, 3), (64, 512, 64), (65, 64, 7), (300, 100, 40), (130, 1, 1)]
    {
        let (mine, mut lone) = behind(blocks);
        let outputs = meet(&mut lone, &[(1, &mine)]);
        let (to, _, locator) = headers_request(&outputs);
        assert_eq!((to, locator), (1, vec![lone.head()]));
        let outputs = lone.serve_some(&[(1, &mine)], outputs, headers_at_once, blocks_at_once);
        assert_eq!(lone.head(), mine.tree.head().id, "{blocks} blocks");
        assert!(banned(&outputs).is_empty());
        assert_eq!(lone.replica.sync_progress(), None);
    }
}

/// Of two branches that part, the better one is fetched from where they part.
#[test]
fn a_better_branch_is_fetched_from_where_it_leaves_ours() {
    for at_once in [1, 3, 64] {
        let (ours, mut lone) = behind(12);
        let theirs = faster(20);
        lone.follow(&theirs);
        let outputs = meet(&mut lone, &[(1, &ours)]);
        lone.serve(&[(1, &ours)], outputs);
        assert_eq!(lone.head(), ours.tree.head().id);
        let outputs = meet(&mut lone, &[(2, &theirs)]);
        lone.serve_some(&[(1, &ours), (2, &theirs)], outputs, 5, at_once);
        assert_eq!(lone.head(), theirs.tree.head().id, "{at_once} at once");
        assert!(lone.replica.tree().get(&ours.tree.head().id).is_some(), "a side branch now");
    }
}

/// Blocks come from everybody who has them, at most two segments from each at a time.
#[test]
fn several_peers_are_asked_for_blocks_at_once() {
    let (mine, mut lone) = behind(600);
    let peers = [(1, &mine), (2, &mine), (3, &mine)];
    let mut outputs = meet(&mut lone, &peers);
    let mut asked: std::collections::BTreeMap<u64, usize> = Default::default();
    let mut most = 0;
    while !outputs.is_empty() {
        let mut next = Vec::new();
        let ranges = blocks_requests(&outputs);
        ranges.iter().for_each(|(to, ..)| *asked.entry(*to).or_default() += 1);
        for (to, id, request) in requests(&outputs) {
            if let Some(response) = honest(&mine, &request, 512, 64) {
                next.extend(lone.answer(to, id, response));
                most = most.max(lone.replica.sync.waiting());
            }
        }
        outputs = next;
    }
    assert_eq!(lone.head(), mine.tree.head().id);
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.values().all(|times| *times >= 2), "{asked:?}");
    assert!(most <= 8 * 64, "{most} blocks waited");
}

/// Only the heaviest branch that is offered is executed, however much more the others claim, or however long they are.
#[test]
fn only_the_heaviest_branch_is_executed() {
    let heavy = faster(200);
    let light = mine_of(190);
    assert!(heavy.tree.head().rank > light.tree.head().rank);
    let mut lone = Lone::new(&heavy);
    lone.follow(&light);
    lone.follow(&heavy);
    let peers = [(1, &light), (2, &heavy), (3, &light)];
    peers.iter().for_each(|(peer, _)| drop(lone.connect(*peer)));
    // The light one boasts, so it is asked first.
    let boastful = Status { head: light.tree.head().id, ..boast(&light) };
    let mut outputs = lone.status(1, boastful);
    outputs.extend(lone.status(2, status_of(&heavy)));
    outputs.extend(lone.status(3, status_of(&light)));
    lone.serve(&peers, outputs);
    assert_eq!(lone.head(), heavy.tree.head().id);
    for block in branch(&light) {
        let id = block.id(&light.tree.params().chain);
        assert!(lone.replica.tree().get(&id).is_none(), "{} was executed", block.header.height);
    }
}

#[test]
fn blocks_that_others_brought_meanwhile_do_not_stop_it() {
    let (mine, mut lone) = behind(150);
    lone.connect(2);
    let outputs = meet(&mut lone, &[(1, &mine)]);
    let (_, id, _) = headers_request(&outputs);
    let outputs = lone.headers(1, id, &branch(&mine));
    for block in &branch(&mine)[..12] {
        let (verdict, _) = lone.announce(2, block);
        assert_eq!(verdict, GossipVerdict::Accept);
    }
    lone.serve_some(&[(1, &mine)], outputs, 512, 10);
    assert_eq!(lone.head(), mine.tree.head().id);
}

/// Finality may pass the first blocks of a range while it is on its way.
#[test]
fn blocks_that_became_final_meanwhile_are_known() {
    let mut mine = Mine::with(|params| params.finality_depth = 2);
    (0..30).for_each(|_| drop(mine.next()));
    let mut lone = Lone::new(&mine);
    lone.follow(&mine);
    lone.connect(2);
    let outputs = meet(&mut lone, &[(1, &mine)]);
    let (_, id, _) = headers_request(&outputs);
    let all = branch(&mine);
    let outputs = lone.headers(1, id, &all);
    all[..12].iter().for_each(|block| drop(lone.announce(2, block)));
    assert_eq!(lone.replica.tree().root().height(), Height(10));
    let outputs = lone.serve_some(&[(1, &mine)], outputs, 512, 20);
    assert_eq!(refusals(&outputs), Vec::<String>::new());
    assert_eq!(lone.head(), mine.tree.head().id);
}

/// Whoever claims the best branch of all is asked first, but cannot keep the others from being asked.
#[test]
fn a_boaster_cannot_keep_it_from_the_others() {
    type Lie = fn(&mut Lone, u64, &Mine) -> Vec<Output>;
    let lies: [(&str, Lie); 4] = [
        ("sends nothing", |lone, id, _| lone.headers(1, id, &[])),
        ("does not answer", |_, _, _| Vec::new()),
        ("has no time", |lone, id, _| lone.handle(Input::RequestFailed { from: Peer(1), id })),
        ("sends what everybody knows", |lone, id, mine| {
            let outputs = lone.headers(1, id, &branch(mine)[..1]);
            lone.no_more(1, outputs)
        }),
    ];
    for (name, lie) in lies {
        let (mine, mut lone) = behind(100);
        lone.connect(1);
        lone.connect(2);
        let mut pending = lone.status(1, boast(&mine));
        pending.extend(lone.status(2, status_of(&mine)));
        let (mut asked, mut seconds) = (0, 0);
        // Ten minutes, in which the boaster repeats itself every two seconds.
        for round in 0..300 {
            let mut next = Vec::new();
            for (to, id, request) in requests(&pending) {
                match request {
                    Request::Headers { .. } if to == 1 => {
                        asked += 1;
                        next.extend(lie(&mut lone, id, &mine));
                    }
                    Request::Status(_) => {
                        next.extend(lone.handle(Input::RequestFailed { from: Peer(to), id }));
                    }
                    request => {
                        let response = honest(&mine, &request, 512, 4).unwrap();
                        next.extend(lone.answer(to, id, response));
                    }
                }
            }
            pending = next;
            if lone.head() == mine.tree.head().id && seconds == 0 {
                seconds = 2 * round;
            }
            if requests(&pending).is_empty() {
                pending = lone.wait(Span::seconds(2));
                pending.extend(lone.status(1, boast(&mine)));
                pending.extend(lone.status(2, status_of(&mine)));
            }
        }
        assert_eq!(lone.head(), mine.tree.head().id, "{name}");
        assert!(seconds < 60, "{name}: after {seconds} s");
        // In ten minutes there is room for eight pauses that double; each turn is two questions at most.
        assert!(asked <= 24, "{name}: it was asked {asked} times");
    }
}

/// A peer that shows headers and then keeps the blocks to itself costs two seconds per segment that others wait for.
#[test]
fn a_peer_that_stalls_is_passed_over() {
    let (mine, mut lone) = behind(600);
    let mut pending = meet(&mut lone, &[(1, &mine), (2, &mine), (3, &mine)]);
    let mut seconds = 0;
    while lone.head() != mine.tree.head().id {
        let mut next = Vec::new();
        for (to, id, request) in requests(&pending) {
            let silent = to == 1 && matches!(request, Request::Blocks { .. });
            if let Some(response) = honest(&mine, &request, 512, 64).filter(|_| !silent) {
                next.extend(lone.answer(to, id, response));
            }
        }
        pending = next;
        if pending.is_empty() {
            pending = lone.wait(Span::seconds(1));
            seconds += 1;
            assert!(seconds < 20, "height {} after {seconds} s", lone.height());
        }
    }
    assert!(seconds <= 4, "{seconds} s");
}

#[test]
fn a_peer_that_vanishes_is_replaced() {
    let (mine, mut lone) = behind(300);
    let outputs = meet(&mut lone, &[(1, &mine), (2, &mine)]);
    let (_, id, _) = headers_request(&outputs);
    let mut outputs = lone.headers(1, id, &branch(&mine));
    outputs.retain(|output| !matches!(output, Output::Request { to: Peer(1), .. }));
    outputs.extend(lone.handle(Input::Disconnected(Peer(1))));
    lone.serve(&[(2, &mine)], outputs);
    // With it went what it had shown, so the second one is heard from the beginning.
    lone.status(2, status_of(&mine));
    let outputs = lone.wait(Span::seconds(2));
    lone.serve(&[(2, &mine)], outputs);
    assert_eq!(lone.head(), mine.tree.head().id);
}

/// A proven branch with an invalid block in it takes along everybody who offers it; what is before that block stays.
#[test]
fn an_invalid_block_condemns_those_who_offer_its_branch() {
    let (mine, mut lone) = behind(10);
    let mut bad = branch(&mine);
    bad.truncate(5);
    bad[4].draft.header.state_root = StateRoot(Hash([1; 32]));
    bad[4] = mine.seal(bad[4].draft.clone());
    // On top of it more work than anybody else has.
    let chain = mine.tree.params().chain;
    for n in 5..9u64 {
        let mut draft = bad[4].draft.clone();
        draft.header.height = Height(n + 1);
        draft.header.parent = bad[n as usize - 1].id(&chain);
        draft.header.time = draft.header.time.after(Span(SPACING * (n - 4)));
        bad.push(mine.seal(draft));
    }
    let mut outputs = Vec::new();
    for peer in [1, 2] {
        lone.connect(peer);
        let boastful = Status { head: bad[8].id(&chain), ..boast(&mine) };
        outputs.extend(lone.status(peer, boastful));
    }
    let (_, id, _) = headers_request(&outputs);
    let outputs = lone.headers(1, id, &bad);
    // The second one has nothing after the end of that branch, where it says that it stands.
    let outputs = lone.no_more(2, outputs);
    let (to, id, _, count) = blocks_requests(&outputs)[0];
    assert_eq!(count, 9);
    let outputs = lone.blocks(to, id, &bad);
    assert_eq!(lone.height(), 4);
    let mut gone = banned(&outputs);
    gone.sort_unstable();
    assert_eq!(gone, [1, 2]);
    let outputs = meet(&mut lone, &[(3, &mine)]);
    lone.serve(&[(3, &mine)], outputs);
    assert_eq!(lone.head(), mine.tree.head().id);
}

/// Headers that do not hang together, or prove nothing, cost their sender its place.
#[test]
fn bad_headers_are_lies() {
    let (mine, _) = behind(10);
    type Edit = fn(&mut Vec<Block>, &Mine);
    let edits: [(&str, Edit); 5] = [
        ("a gap", |blocks, _| drop(blocks.remove(3))),
        ("backwards", |blocks, _| blocks.swap(1, 2)),
        ("no proof", |blocks, _| blocks[2].seal = crate::types::Seal::Genesis),
        ("another height", |blocks, mine| {
            blocks.truncate(1);
            blocks[0].draft.header.height = Height(7);
            blocks[0] = mine.seal(blocks[0].draft.clone());
        }),
        ("no work", |blocks, _| {
            blocks.truncate(1);
            let crate::types::Claim::Work { .. } = blocks[0].header.claim else { panic!() };
            blocks[0].draft.header.claim =
                crate::types::Claim::Work { bits: crate::types::target::Bits(0x2100_ffff) };
        }),
    ];
    for (name, edit) in edits {
        let mut lone = Lone::new(&mine);
        lone.follow(&mine);
        lone.connect(1);
        let mut blocks = branch(&mine);
        edit(&mut blocks, &mine);
        let outputs = lone.offer(&mine, 1, &blocks);
        assert_eq!(banned(&outputs), [1], "{name}");
        assert_eq!(blocks_requests(&outputs), [], "{name}");
    }
}

/// Whoever was asked for one range and sends another one is a liar; whoever has none is on another branch by now.
#[test]
fn blocks_that_were_not_asked_for_are_lies() {
    let (mine, mut lone) = behind(100);
    for (peer, lie) in [(1, 5..20), (2, 1..64), (3, 0..0)] {
        lone.connect(peer);
        let outputs = lone.offer(&mine, peer, &branch(&mine));
        let (to, id, ..) = blocks_requests(&outputs)[0];
        assert_eq!(to, peer);
        let outputs = lone.blocks(peer, id, &branch(&mine)[lie]);
        assert_eq!(banned(&outputs), if peer == 3 { vec![] } else { vec![peer] });
        assert_eq!(lone.height(), 0);
    }
    let outputs = meet(&mut lone, &[(4, &mine)]);
    lone.serve(&[(4, &mine)], outputs);
    assert_eq!(lone.head(), mine.tree.head().id);
}

/// Blocks that our clock has not reached are left where they are until it has.
#[test]
fn blocks_ahead_of_the_clock_come_when_their_time_comes() {
    let (mine, mut lone) = behind(20);
    lone.now = mine.genesis.header.time.after(Span(10 * SPACING));
    let outputs = meet(&mut lone, &[(1, &mine)]);
    lone.serve(&[(1, &mine)], outputs);
    // The rule lets blocks be a minute ahead.
    assert_eq!(lone.height(), 16);
    for _ in 0..10 {
        let outputs = lone.wait(Span(SPACING));
        lone.serve(&[(1, &mine)], outputs);
        let outputs = lone.status(1, status_of(&mine));
        lone.serve(&[(1, &mine)], outputs);
    }
    assert_eq!(lone.head(), mine.tree.head().id);
}

/// An announced block that is ahead of the clock is fetched when it no longer is.
#[test]
fn an_announcement_ahead_of_the_clock_is_not_lost() {
    let (mut mine, mut lone) = behind(0);
    mine.mine(mine.genesis.header.time.after(Span::seconds(70)), vec![]);
    lone.connect(1);
    let block = &branch(&mine)[0];
    let (verdict, outputs) = lone.announce(1, block);
    assert_eq!(verdict, GossipVerdict::Ignore);
    lone.serve(&[(1, &mine)], outputs);
    assert_eq!(lone.height(), 0);
    for _ in 0..10 {
        let outputs = lone.wait(Span::seconds(2));
        lone.serve(&[(1, &mine)], outputs);
        let outputs = lone.status(1, status_of(&mine));
        lone.serve(&[(1, &mine)], outputs);
    }
    assert_eq!(lone.height(), 1);
}

/// A locator names the latest blocks one by one, then fewer and fewer, the first one last; it is never too long.
#[test]
fn a_locator_reaches_back_to_the_genesis_block() {
    let mut mine = Mine::with(|params| params.finality_depth = 5);
    (0..400).for_each(|_| drop(mine.next()));
    let mut lone = Lone::new(&mine);
    lone.follow(&mine);
    let outputs = meet(&mut lone, &[(1, &mine)]);
    lone.serve(&[(1, &mine)], outputs);
    assert_eq!(lone.height(), 400);
    let outputs = lone.status(1, boast(&mine));
    let (_, _, locator) = headers_request(&outputs);
    let chain = mine.tree.params().chain;
    let all = branch(&mine);
    let heights: Vec<u64> = locator
        .iter()
        .map(|id| all.iter().position(|block| block.id(&chain) == *id).map_or(0, |n| n as u64 + 1))
        .collect();
    let expected =
        [400, 399, 398, 397, 396, 395, 394, 393, 392, 391, 389, 385, 377, 361, 329, 265, 137, 0];
    assert_eq!(heights, expected);
    assert!(heights.len() <= LOCATOR_MAX);
}

#[test]
fn others_get_what_comes_after_the_first_block_we_share() {
    let (mine, mut lone) = behind(100);
    let outputs = meet(&mut lone, &[(1, &mine)]);
    lone.serve(&[(1, &mine)], outputs);
    let chain = mine.tree.params().chain;
    let ids: Vec<BlockId> = branch(&mine).iter().map(|block| block.id(&chain)).collect();
    let unknown = BlockId(Hash([9; 32]));
    let genesis = mine.genesis.id(&chain);
    let mut headers = |locator: &[BlockId]| {
        let locator = Bounded::truncated(locator.to_vec());
        match lone.ask(1, Request::Headers { locator }) {
            Some(Response::Headers(headers)) => {
                headers.iter().map(|it| it.header.height.0).collect::<Vec<u64>>()
            }
            other => panic!("{other:?}"),
        }
    };
    let all: Vec<u64> = (1..=100).collect();
    assert_eq!(headers(&[genesis]), all);
    assert_eq!(headers(&[unknown, ids[9], genesis]), all[10..]);
    assert!(headers(&[ids[99]]).is_empty());
    assert!(headers(&[unknown]).is_empty(), "nothing in common is another chain");
    assert!(headers(&[]).is_empty());
    let mut blocks =
        |after: BlockId, count: u32| match lone.ask(1, Request::Blocks { after, count }) {
            Some(Response::Blocks(blocks)) => {
                blocks.iter().map(|block| block.header.height.0).collect::<Vec<u64>>()
            }
            other => panic!("{other:?}"),
        };
    assert_eq!(blocks(genesis, 3), [1, 2, 3]);
    assert_eq!(blocks(ids[89], 64), all[90..]);
    assert_eq!(blocks(genesis, u32::MAX).len(), BLOCKS_MAX);
    assert!(blocks(unknown, 5).is_empty() && blocks(genesis, 0).is_empty());
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

/// The clock of one who comes long after the last block was made.
fn much_later(mine: &Mine) -> (Chain, crate::types::Time) {
    let last = mine.tree.head().block.header.time;
    let chain = Chain { present: Span::seconds(3600), ..chain(mine) };
    (chain, last.after(Span::seconds(1_000_000)))
}

/// Depth makes nothing final while the head is an old one, and catches up as soon as the chain goes on.
#[test]
fn depth_says_nothing_about_the_past() {
    let mut mine = Mine::with(|params| params.finality_depth = 5);
    (0..40).for_each(|_| drop(mine.next()));
    let (chain, now) = much_later(&mine);
    let mut lone = Lone::of(open_chain(chain, &mine, Arc::default(), None, now).unwrap(), now);
    let outputs = meet(&mut lone, &[(1, &mine)]);
    lone.serve(&[(1, &mine)], outputs);
    assert_eq!((lone.height(), lone.replica.tree().root().height()), (40, Height(0)));
    mine.mine(now, vec![]);
    let outputs = lone.status(1, status_of(&mine));
    lone.serve(&[(1, &mine)], outputs);
    assert_eq!((lone.height(), lone.replica.tree().root().height()), (41, Height(36)));
}

/// A branch whose headers lead to the present is as final as it is deep while it is being executed.
#[test]
fn a_branch_that_reaches_the_present_becomes_final_on_the_way() {
    let mut mine = Mine::with(|params| params.finality_depth = 5);
    (0..100).for_each(|_| drop(mine.next()));
    let (chain, now) = much_later(&mine);
    mine.mine(now, vec![]);
    let mut lone = Lone::of(open_chain(chain, &mine, Arc::default(), None, now).unwrap(), now);
    let outputs = meet(&mut lone, &[(1, &mine)]);
    let (_, id, _) = headers_request(&outputs);
    let outputs = lone.headers(1, id, &branch(&mine));
    let (_, id, _, count) = blocks_requests(&outputs)[0];
    lone.blocks(1, id, &branch(&mine)[..count as usize]);
    assert_eq!((lone.height(), lone.replica.tree().root().height()), (64, Height(59)));
}

/// A better branch that leaves ours below the final block is not followed; it is reported once, kept, and still known
/// after a restart.
#[test]
fn a_better_branch_below_the_final_block_is_a_conflict() {
    let mut ours = Mine::with(|params| params.finality_depth = 5);
    (0..12).for_each(|_| drop(ours.next()));
    let theirs = faster(40);
    let store: Arc<crate::store::MemStore> = Arc::default();
    let mut lone = Lone::on(&ours, store.clone());
    lone.follow(&ours);
    lone.follow(&theirs);
    let outputs = meet(&mut lone, &[(1, &ours)]);
    lone.serve(&[(1, &ours)], outputs);
    assert_eq!(lone.replica.tree().root().height(), Height(7));
    let head = lone.head();
    let mut seen = Vec::new();
    for peer in [2, 3] {
        let outputs = meet(&mut lone, &[(peer, &theirs)]);
        let outputs = lone.serve(&[(peer, &theirs)], outputs);
        assert!(banned(&outputs).is_empty() && blocks_requests(&outputs).is_empty());
        seen.extend(conflicts(&outputs));
    }
    assert_eq!(lone.head(), head);
    let id = |mine: &Mine, place: usize| branch(mine)[place].id(&mine.tree.params().chain);
    let [conflict] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((conflict.height, conflict.tip_height), (Height(1), Height(40)));
    assert_eq!((conflict.ours, conflict.theirs), (id(&ours, 0), id(&theirs, 0)));
    assert_eq!(lone.replica.view().conflict.as_ref(), Some(conflict));
    drop(lone);
    let again = Lone::on(&ours, store);
    assert_eq!(again.replica.view().conflict.as_ref(), Some(conflict));
}

/// A lighter branch below the final block is nothing but a waste of time.
#[test]
fn a_lighter_branch_below_the_final_block_is_no_conflict() {
    let mut ours = Mine::with(|params| params.finality_depth = 5);
    (0..40).for_each(|_| drop(ours.next()));
    let theirs = faster(12);
    let mut lone = Lone::new(&ours);
    lone.follow(&ours);
    let outputs = meet(&mut lone, &[(1, &ours)]);
    lone.serve(&[(1, &ours)], outputs);
    lone.connect(2);
    let boastful = Status { head: theirs.tree.head().id, ..boast(&theirs) };
    let outputs = lone.status(2, boastful);
    let outputs = lone.serve(&[(2, &theirs)], outputs);
    assert_eq!((conflicts(&outputs), lone.replica.view().conflict), (vec![], None));
    assert_eq!(lone.head(), ours.tree.head().id);
}

/// What contradicts the operator's checkpoint is refused, with both ids, and its bearer is not blamed.
#[test]
fn a_branch_that_contradicts_the_checkpoint_is_not_followed() {
    let (ours, theirs) = (mine_of(20), faster(40));
    let id = |mine: &Mine, place: usize| branch(mine)[place].id(&mine.tree.params().chain);
    let checkpoint = Some((Height(10), id(&ours, 9)));
    let chain = || Chain { checkpoint, ..chain(&ours) };
    let now = theirs.tree.head().block.header.time.max(ours.tree.head().block.header.time);
    let mut lone = Lone::of(open_chain(chain(), &ours, Arc::default(), None, now).unwrap(), now);
    let outputs = meet(&mut lone, &[(1, &theirs)]);
    let outputs = lone.serve(&[(1, &theirs)], outputs);
    let reason = &refusals(&outputs)[0];
    let (good, bad) = (id(&ours, 9).to_string(), id(&theirs, 9).to_string());
    assert!(reason.contains(&good) && reason.contains(&bad), "{reason}");
    assert!(banned(&outputs).is_empty());
    assert_eq!(lone.height(), 0);
    let outputs = meet(&mut lone, &[(2, &ours)]);
    lone.serve(&[(2, &ours)], outputs);
    assert_eq!(lone.head(), ours.tree.head().id);

    // A store whose final chain is another one is not even opened.
    let mut deep = Mine::with(|params| params.finality_depth = 5);
    (0..20).for_each(|_| drop(deep.next()));
    let store: Arc<crate::store::MemStore> = Arc::default();
    let mut lone = Lone::on(&deep, store.clone());
    lone.follow(&deep);
    let outputs = meet(&mut lone, &[(1, &deep)]);
    lone.serve(&[(1, &deep)], outputs);
    drop(lone);
    let given = BlockId(Hash([7; 32]));
    let wrong = Chain { checkpoint: Some((Height(10), given)), ..super::lone::chain(&deep) };
    let error = open_chain(wrong, &deep, store, None, now).err().unwrap().to_string();
    let found = id(&deep, 9).to_string();
    assert!(error.contains(&given.to_string()) && error.contains(&found), "{error}");
}

/// Whoever mines stops while a better branch that is proved is on its way, and goes on when it is there.
#[test]
fn nobody_mines_on_a_head_that_is_known_to_lose() {
    let mine = mine_of(100);
    let mut lone = Lone::of(open(&mine, Arc::default(), Some(7), mine.genesis.header.time), LATER);
    lone.handle(Input::Tick);
    let searches = |outputs: &[Output]| {
        let search = |output: &Output| match output {
            Output::Search(order) => Some(order.header.height.0),
            Output::StopSearch => Some(0),
            _ => None,
        };
        outputs.iter().filter_map(search).collect::<Vec<_>>()
    };
    let outputs = meet(&mut lone, &[(1, &mine)]);
    let (_, id, _) = headers_request(&outputs);
    let outputs = lone.headers(1, id, &branch(&mine));
    let (_, first, ..) = blocks_requests(&outputs)[0];
    let stopped = lone.blocks(1, first, &branch(&mine)[..64]);
    assert_eq!(searches(&stopped), [0]);
    let (_, second, ..) = blocks_requests(&outputs)[1];
    let there = lone.blocks(1, second, &branch(&mine)[64..]);
    assert_eq!(searches(&there).last(), Some(&101));
}

/// Long after everything.
const LATER: crate::types::Time = crate::types::Time(1_800_000_000_000);

/// A rule whose seals nobody can judge without the state after the parent.
struct Opaque(Arc<crate::consensus::pow::PowRules>);

mod opaque {
    use super::Opaque;
    use crate::chain::{BlockRef, Finality, Rank, Rules, Verdict};
    use crate::ledger::{Around, ReadFailed, Transition};
    use crate::types::{Header, Height, Seal, Time};

    impl Rules for Opaque {
        fn verify(&self, header: &Header, seal: &Seal, at: BlockRef<'_>) -> Result<(), Verdict> {
            self.0.verify(header, seal, at)
        }

        fn rank(&self, head: BlockRef<'_>) -> Result<Rank, ReadFailed> {
            self.0.rank(head)
        }

        fn rank_by_header(&self, _: &Header, _: &Seal, _: &Rank) -> Result<Option<Rank>, Verdict> {
            Ok(None)
        }

        fn final_height(&self, head: BlockRef<'_>) -> Result<Height, ReadFailed> {
            self.0.final_height(head)
        }

        fn finality(&self) -> Finality {
            Finality::Proof
        }

        fn not_before(&self, header: &Header) -> Time {
            self.0.not_before(header)
        }

        fn authorities(
            &self,
            state: &crate::ledger::State,
        ) -> Result<std::collections::BTreeSet<crate::types::Address>, ReadFailed> {
            self.0.authorities(state)
        }
    }

    impl Around for Opaque {
        fn inner(&self) -> &dyn Transition {
            &*self.0
        }
    }
}

/// Where headers prove nothing a peer's word is taken until its blocks come: those of a liar do not, or are bad.
#[test]
fn a_rule_whose_headers_prove_nothing_is_caught_up_with_in_ranges() {
    let mine = mine_of(300);
    let now = mine.tree.head().block.header.time;
    let chain = || Chain { rules: Arc::new(Opaque(mine.rules.clone())), ..chain(&mine) };
    let fresh = || Lone::of(open_chain(chain(), &mine, Arc::default(), None, now).unwrap(), now);
    let mut lone = fresh();
    let outputs = meet(&mut lone, &[(1, &mine), (2, &mine)]);
    let outputs = lone.serve(&[(1, &mine), (2, &mine)], outputs);
    assert_eq!(lone.head(), mine.tree.head().id);
    assert!(banned(&outputs).is_empty());

    // Headers out of thin air, and blocks to match.
    let mut lone = fresh();
    lone.connect(1);
    let mut made_up = branch(&mine);
    made_up.iter_mut().for_each(|block| block.seal = crate::types::Seal::Genesis);
    let outputs = lone.offer(&mine, 1, &made_up[..100]);
    let (to, id, _, count) = blocks_requests(&outputs)[0];
    let outputs = lone.blocks(to, id, &made_up[..count as usize]);
    assert_eq!((banned(&outputs), lone.height()), (vec![1], 0));
    let outputs = meet(&mut lone, &[(2, &mine)]);
    lone.serve(&[(2, &mine)], outputs);
    assert_eq!(lone.head(), mine.tree.head().id);
}
