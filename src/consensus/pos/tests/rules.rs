//! What a block by stake may be, and what it does to the ledger.

use std::sync::Arc;

use super::*;
use crate::chain::{ImportError, Saying, Verdict};
use crate::consensus::schedule::RecentTimes;
use crate::ledger::testkit::transaction;
use crate::ledger::{Coin, CoinKind, CoinView, ExecuteError, reward_coin_id};
use crate::types::target::Bits;
use crate::types::testkit::key;
use crate::types::{Address, Amount, Block, Claim, CoinId, Seal, Span, Time};

/// A first coin of a person, and the first second in which it wins on the genesis block.
fn winner(mint: &Mint, person: u8) -> ((CoinId, Coin), Time) {
    let root = mint.tree.root();
    let coin = mint.coins(root, person)[0];
    (coin, mint.wins(root, &coin, Time(LAUNCH + 1)))
}

fn block(mint: &Mint, person: u8) -> Block {
    let (coin, time) = winner(mint, person);
    mint.seal(mint.draft(mint.tree.root(), &coin, time, vec![]))
}

/// Why the rule refuses a block.
fn refusal(mint: &Mint, block: &Block) -> String {
    let parent = mint.tree.get(&block.header.parent).unwrap().as_ref();
    let rules: &dyn crate::chain::Rules = &*mint.rules;
    match rules.verify(&block.header, &block.seal, parent) {
        Ok(()) => "nothing".into(),
        Err(Verdict::Header(reason) | Verdict::Seal(reason)) => reason,
        Err(Verdict::Failed(error)) => panic!("{error}"),
    }
}

#[test]
fn whose_coin_wins_makes_the_block_and_earns_for_its_age() {
    let mut mint = Mint::new();
    let ((id, coin), time) = winner(&mint, 1);
    let before = mint.tree.root().state.supply().unwrap();
    let made = block(&mint, 1);
    mint.import(made.clone()).unwrap();
    let head = mint.tree.head();
    assert_eq!(head.block.header, made.header);
    let earned = interest(coin.amount, time.since(coin.time), &mint.rules.params().rate);
    assert!(earned > Amount(0));
    let replaced = reward_coin_id(&made.header, 0, &mint.tree.params().chain);
    let staked = Coin {
        owner: coin.owner,
        amount: coin.amount.plus(earned).unwrap(),
        height: made.header.height,
        time,
        kind: CoinKind::Stake,
    };
    assert_eq!(mint.coins(head, 1), [(replaced, staked)]);
    assert_eq!(head.own.taken, [(id, coin)]);
    assert_eq!(head.own.paid, [(replaced, staked)]);
    assert_eq!(head.state.coin(&id).unwrap(), None);
    let after = head.state.supply().unwrap();
    assert_eq!(after.issued, before.issued.plus(earned).unwrap());
    assert_eq!(after.burned, before.burned);
    assert_eq!(RecentTimes::after(&head.state).unwrap().median(), Some(time));
}

#[test]
fn fees_go_to_the_producer() {
    let mut mint = Mint::new();
    let (coin, time) = winner(&mint, 1);
    let theirs = mint.coins(mint.tree.root(), 2);
    let outputs = [(key(3).address(), Amount(theirs[0].1.amount.0 - 5000))];
    let payment = transaction(&theirs, &outputs, None, mint.tree.params());
    let plain = mint.seal(mint.draft(mint.tree.root(), &coin, time, vec![]));
    let paying = mint.seal(mint.draft(mint.tree.root(), &coin, time, vec![payment]));
    mint.import(plain.clone()).unwrap();
    mint.import(paying.clone()).unwrap();
    let holds = |block: &Block| {
        let node = mint.tree.get(&block.id(&mint.tree.params().chain)).unwrap();
        Mint::holds(&mint.coins(node, 1)).0
    };
    assert_eq!(holds(&paying), holds(&plain) + 5000);
}

#[test]
fn no_transaction_spends_what_the_block_stakes() {
    let mint = Mint::new();
    let (coin, time) = winner(&mint, 1);
    let outputs = [(key(3).address(), Amount(coin.1.amount.0 - 5000))];
    let payment = transaction(&[coin], &outputs, None, mint.tree.params());
    let empty = mint.draft(mint.tree.root(), &coin, time, vec![]);
    let mut draft = empty.clone();
    draft.body.transactions = crate::types::Bounded::truncated(vec![payment]);
    let outcome = mint.tree.execute(&draft, &mint.tree.root().state);
    let refused = outcome.map(drop).unwrap_err();
    assert!(matches!(refused, ExecuteError::Transaction { index: 0, .. }), "{refused}");
}

/// Each row spoils a good block in one way and names the rule that it breaks.
#[test]
fn each_fault_is_refused_by_the_name_of_its_rule() {
    let mint = Mint::new();
    let good = block(&mint, 1);
    assert_eq!(refusal(&mint, &good), "nothing");
    let chain = mint.tree.params().chain;
    let resign = |mut block: Block, by: u8| {
        block.draft.header.state_root = Default::default();
        let id = block.id(&chain);
        block.draft.clone().seal(Seal::signed(&id, &key(by), &chain))
    };
    let spoiled = |spoil: &dyn Fn(&mut Block)| {
        let mut block = good.clone();
        spoil(&mut block);
        refusal(&mint, &resign(block, 1))
    };
    let coin = |block: &Block| match block.header.claim {
        Claim::Stake { coin, .. } => coin,
        _ => unreachable!(),
    };
    let bits = |block: &Block| match block.header.claim {
        Claim::Stake { bits, .. } => bits,
        _ => unreachable!(),
    };
    let theirs = mint.coins(mint.tree.root(), 2)[0].0;
    let launch = Time(LAUNCH);
    for (rule, reason) in [
        ("claims by Work", spoiled(&|b| b.draft.header.claim = Claim::Work { bits: bits(b) })),
        (
            "target: ",
            spoiled(&|b| {
                b.draft.header.claim = Claim::Stake { bits: Bits(0x2000_ffff), coin: coin(b) };
            }),
        ),
        ("time: ", spoiled(&|b| b.draft.header.time.0 += 1)),
        ("time: ", spoiled(&|b| b.draft.header.time = launch)),
        ("time: ", spoiled(&|b| b.draft.header.time = launch.before(Span::seconds(9)))),
        (
            "unspent: ",
            spoiled(&|b| {
                b.draft.header.claim = Claim::Stake { bits: bits(b), coin: CoinId::default() };
            }),
        ),
        (
            "owner: ",
            spoiled(&|b| b.draft.header.claim = Claim::Stake { bits: bits(b), coin: theirs }),
        ),
        ("owner: ", spoiled(&|b| b.draft.header.producer = Address::default())),
    ] {
        assert!(reason.starts_with(rule) || reason.contains("claims by"), "{rule} {reason}");
    }
    // A second in which the coin does not win.
    let mut missed = good.clone();
    let ((id, staked), _) = winner(&mint, 1);
    missed.draft.header.time.0 -= 1000;
    assert!(mint.wins(mint.tree.root(), &(id, staked), missed.header.time) > missed.header.time);
    let reason = refusal(&mint, &resign(missed, 1));
    assert!(reason.starts_with("kernel: ") || reason.starts_with("time: "), "{reason}");
    // Seals: another kind, somebody else's, one that does not verify.
    let id = good.id(&chain);
    let theirs = Seal::signed(&id, &key(2), &chain);
    let forged = Seal::signed(&Default::default(), &key(1), &chain);
    let seals = [Seal::Genesis, theirs, forged].map(|seal| good.draft.clone().seal(seal));
    let reasons = seals.map(|block| refusal(&mint, &block));
    let due =
        ["it is not a signature", "its key is not the producer's", "its signature does not verify"];
    assert_eq!(reasons, due);
}

#[test]
fn a_staked_coin_rests_and_a_young_one_waits() {
    let mut mint = Mint::new();
    let first = block(&mint, 1);
    mint.import(first).unwrap();
    let head = mint.tree.head();
    let resting = mint.coins(head, 1)[0];
    // It may not be staked at once, however old it were.
    let at = head.block.header.time.after(Span::seconds(3600));
    let fault = mint.rules.judge_coin((&resting.0, &resting.1), head.height().next(), at);
    let from = Height(head.height().0 + mint.rules.params().maturity);
    let due = StakeFault::Immature { coin: resting.0, from, at: head.height().next() };
    assert_eq!(fault, Err(due));
    // It may at its height, and when it is older than the minimum.
    let born = resting.1.time;
    let least = mint.rules.params().ages.min_age;
    let judge = |age: Span| mint.rules.judge_coin((&resting.0, &resting.1), from, born.after(age));
    assert_eq!(judge(least), Err(StakeFault::TooYoung { coin: resting.0, age: least, least }));
    assert_eq!(judge(Span(least.0 + 1)), Ok(Span(1)));
    let bond = Coin { kind: CoinKind::Bond, ..resting.1 };
    let fault = mint.rules.judge_coin((&resting.0, &bond), from, at);
    assert_eq!(fault, Err(StakeFault::Bonded(resting.0)));
}

#[test]
fn the_modifier_goes_on_with_each_block_and_the_target_with_the_last_two() {
    let mut mint = Mint::new();
    let mut kernels = Vec::new();
    for person in [1, 2, 3, 4] {
        kernels.push(mint.rules.front(&mint.tree.head().state).unwrap().kernel);
        mint.next(person);
    }
    kernels.dedup();
    assert_eq!(kernels.len(), 4);
    // The last two blocks came in another pace than five seconds, so the target moved.
    let bits = mint.rules.next_bits(&mint.tree.head().state).unwrap();
    let interval = |node: &crate::chain::Node| {
        let parent = mint.tree.get(&node.block.header.parent).unwrap();
        node.block.header.time.since(parent.block.header.time)
    };
    let last = interval(mint.tree.head());
    let Claim::Stake { bits: before, .. } = mint.tree.head().block.header.claim else { panic!() };
    let easier = bits.target().unwrap().cmp(&before.target().unwrap());
    let slower = last.cmp(&Span::seconds(5));
    // The first target is the easiest there is.
    assert!(easier == slower || before == mint.rules.params().initial_bits, "{last} {easier:?}");
}

#[test]
fn interest_stops_at_the_cap() {
    let genesis = crate::ledger::testkit::FORTUNE.0 * u64::from(crate::ledger::testkit::PEOPLE);
    let mut mint = Mint::with(|params| params.supply_max = Amount(genesis + 7));
    mint.next(1);
    let supply = mint.tree.head().state.supply().unwrap();
    assert_eq!(supply.issued, Amount(7));
    mint.next(2);
    assert_eq!(mint.tree.head().state.supply().unwrap().issued, Amount(7));
}

/// Of two branches the one with the greater summed difficulty is best.
#[test]
fn rank_is_summed_difficulty() {
    let mut mint = Mint::new();
    let early = block(&mint, 1);
    let other = block(&mint, 2);
    mint.import(early.clone()).unwrap();
    let head = mint.tree.head().id;
    assert_eq!(mint.import(other).unwrap().moved, None);
    assert_eq!(mint.tree.head().id, head);
    let total = mint.rules.total(&mint.tree.head().state).unwrap();
    let Claim::Stake { bits, .. } = early.header.claim else { panic!() };
    assert_eq!(total, bits.work());
}

#[test]
fn a_block_ahead_of_the_clock_waits() {
    let mut mint = Mint::new();
    let made = block(&mint, 1);
    let early = made.header.time.before(Span(15_001));
    let outcome = crate::chain::import(&mut mint.tree, Arc::new(made.clone()), early);
    let until = made.header.time.before(Span::seconds(15));
    assert_eq!(outcome, Err(ImportError::Early { until }));
    mint.import(made).unwrap();
}

/// The second block of a coin and second is kept and proves the offence, but is no head until somebody built on it.
#[test]
fn a_second_seal_is_held_until_it_has_a_child() {
    let mut mint = Mint::new();
    let (coin, time) = winner(&mint, 1);
    let theirs = mint.coins(mint.tree.root(), 2);
    let outputs = [(key(3).address(), Amount(theirs[0].1.amount.0 - 5000))];
    let payment = transaction(&theirs, &outputs, None, mint.tree.params());
    let first = mint.seal(mint.draft(mint.tree.root(), &coin, time, vec![]));
    let second = mint.seal(mint.draft(mint.tree.root(), &coin, time, vec![payment]));
    let chain = mint.tree.params().chain;
    let [first_id, second_id] = [&first, &second].map(|block| block.id(&chain));
    let say = |mint: &Mint, block: &Block| mint.tree.would_say(&block.id(&chain), &block.header);
    assert_eq!(say(&mint, &first), Saying::New);
    mint.import(first.clone()).unwrap();
    assert_eq!((say(&mint, &first), say(&mint, &second)), (Saying::New, Saying::Again));
    mint.import(second.clone()).unwrap();
    assert!(mint.tree.get(&second_id).unwrap().held);
    assert_eq!(mint.tree.head().id, first_id);
    let third = mint.draft(mint.tree.root(), &coin, time, vec![]);
    let third = {
        let mut third = third;
        third.header.body_root = Default::default();
        mint.seal(third)
    };
    assert_eq!(say(&mint, &third), Saying::Worn);
    // This chain knows no evidence unless its spec says so.
    assert_eq!(mint.tree.evidence_for(mint.tree.head().as_ref()).unwrap(), []);
    let on = mint.tree.get(&second_id).unwrap();
    let coins = mint.coins(on, 4);
    let at = mint.wins(on, &coins[0], time.after(Span(1)));
    let child = mint.seal(mint.draft(on, &coins[0], at, vec![]));
    let moved = mint.import(child.clone()).unwrap().moved.unwrap();
    assert_eq!(moved.joined, [second_id, child.id(&chain)]);
    assert!(!mint.tree.get(&second_id).unwrap().held);
}

/// What proves an offence is in the next draft, burns the coin, and is not repeated.
#[test]
fn evidence_burns_the_coin_or_what_became_of_it() {
    let mut mint = Mint::lawful();
    let (coin, time) = winner(&mint, 1);
    let theirs = mint.coins(mint.tree.root(), 2);
    let outputs = [(key(3).address(), Amount(theirs[0].1.amount.0 - 5000))];
    let payment = transaction(&theirs, &outputs, None, mint.tree.params());
    let first = mint.seal(mint.draft(mint.tree.root(), &coin, time, vec![]));
    let second = mint.seal(mint.draft(mint.tree.root(), &coin, time, vec![payment]));
    mint.import(first).unwrap();
    mint.import(second).unwrap();
    let evidence = mint.tree.evidence_for(mint.tree.head().as_ref()).unwrap();
    assert_eq!(evidence.len(), 1);
    let head = mint.tree.head();
    let coins = mint.coins(head, 4);
    let at = mint.wins(head, &coins[0], time.after(Span(1)));
    let mut draft = mint.draft(head, &coins[0], at, vec![]);
    draft.body.evidence = crate::types::Bounded::truncated(evidence);
    let block = mint.seal(mint.complete(draft, head));
    mint.import(block).unwrap();
    let head = mint.tree.head();
    assert_eq!(mint.coins(head, 1), [], "what was staked is gone with its interest");
    assert_eq!(head.own.taken.len(), 2);
    assert!(head.state.supply().unwrap().burned > coin.1.amount);
    assert_eq!(mint.tree.evidence_for(head.as_ref()).unwrap(), []);
}
