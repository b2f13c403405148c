//! What the rules of work accept and what they refuse.

use super::*;
use crate::chain::Verdict;
use crate::ledger::testkit::transaction;
use crate::ledger::{Coin, CoinKind, Key};
use crate::types::target::Work;
use crate::types::testkit::{Dice, key};
use crate::types::work::VERSION_ROLLING_MASK;
use crate::types::{CoinId, PublicKey, Signature};

/// What becomes of a header with the first proof that its own bits ask for.
fn judge(mine: &Mine, parent: &Node, edit: impl FnOnce(&mut Header)) -> Result<(), Verdict> {
    let time = parent.block.header.time.after(Span(SPACING));
    let mut header = mine.draft(parent, time, vec![]).header;
    edit(&mut header);
    let seal = match header.claim {
        Claim::Work { .. } => Seal::Work(mine.seal_from(&header, 0, Mine::blank(&header))),
        _ => Seal::Signature { key: PublicKey([0; 32]), signature: Signature([0; 64]) },
    };
    mine.tree.rules().verify(&header, &seal, parent.as_ref())
}

#[test]
fn every_header_that_breaks_the_rules_is_refused_for_its_own_reason() {
    let mut mine = Mine::new();
    for _ in 0..12 {
        mine.next();
    }
    let head = mine.tree.head();
    let median = Time(LAUNCH + 7 * SPACING);
    assert_eq!(mine.rules.earliest_time(head.as_ref()), Ok(Time(median.0 + 1)));
    assert_eq!(judge(&mine, head, |_| {}), Ok(()));
    assert_eq!(judge(&mine, head, |header| header.time = Time(median.0 + 1)), Ok(()));
    type Edit = Box<dyn Fn(&mut Header)>;
    let table: Vec<(&str, Edit, &str)> = vec![
        (
            "a block of work claims by work",
            Box::new(|header| header.claim = Claim::Round { round: 0 }),
            "it claims by Round; this chain's rule is work",
        ),
        (
            "the target is the one that is due, and no harder, which would be work bought in advance",
            Box::new(|header| header.claim = Claim::Work { bits: Bits(0x2000_ffff) }),
            "its target is 2000ffff where",
        ),
        (
            "the time is after the median of the last eleven, not at it",
            Box::new(move |header| header.time = median),
            "is not after the median",
        ),
    ];
    for (sentence, edit, expected) in table {
        let verdict = judge(&mine, head, edit).expect_err(sentence);
        assert!(matches!(&verdict, Verdict::Header(why) if why.contains(expected)), "{verdict}");
    }
}

/// No block may claim the easiest target where blocks come too fast for it.
#[test]
fn an_easier_target_than_is_due_is_refused() {
    let mut mine = Mine::new();
    for height in 1..=30 {
        mine.mine(Time(LAUNCH + height), vec![]);
    }
    let head = mine.tree.head();
    assert!(mine.rules.next_bits(&head.state, head.height()).unwrap().target().unwrap() < limit());
    let verdict = judge(&mine, head, |header| header.claim = Claim::Work { bits: EASY });
    assert!(matches!(verdict, Err(Verdict::Header(why)) if why.contains("207fffff where")));
}

#[test]
fn the_first_block_is_later_than_the_genesis_block() {
    let mine = Mine::new();
    let genesis = mine.tree.head();
    assert_eq!(mine.rules.earliest_time(genesis.as_ref()), Ok(Time(LAUNCH + 1)));
    assert_eq!(judge(&mine, genesis, |header| header.time = Time(LAUNCH + 1)), Ok(()));
    for early in [0, LAUNCH] {
        let verdict = judge(&mine, genesis, |header| header.time = Time(early));
        assert!(matches!(verdict, Err(Verdict::Header(_))), "{early}");
    }
}

#[test]
fn a_seal_proves_its_header_within_its_window_and_under_a_plain_version() {
    let mut mine = Mine::new();
    mine.next();
    let head = mine.tree.head();
    let header = mine.draft(head, Time(LAUNCH + 2 * SPACING + 999), vec![]).header;
    let verify = |seal: &Seal| mine.tree.rules().verify(&header, seal, head.as_ref());
    let proven = |edit: &dyn Fn(&mut WorkProof)| {
        let mut proof = Mine::blank(&header);
        edit(&mut proof);
        Seal::Work(mine.seal_from(&header, 0, proof))
    };
    let from = header.time.seconds();
    // Miners roll bits 13 to 28 of the version, the time within the window, and the extra nonce.
    for bit in 0..32 {
        let rolled = proven(&|proof| proof.version ^= (1u32 << bit).cast_signed());
        let free = VERSION_ROLLING_MASK & (1 << bit) != 0;
        assert_eq!(verify(&rolled).is_ok(), free, "bit {bit}");
    }
    for (second, stands) in [(-1, false), (0, true), (60, true), (120, true), (121, false)] {
        let time = u32::try_from(i64::from(from) + second).unwrap();
        let sealed = proven(&|proof| proof.time = time);
        assert_eq!(verify(&sealed).is_ok(), stands, "{second} s");
    }
    assert!(verify(&proven(&|proof| proof.extra_nonce = u64::MAX)).is_ok());
    let Seal::Work(good) = proven(&|_| {}) else { panic!("a proof of work") };
    // Between two proofs lie nonces that prove nothing.
    let id = header.id(&mine.tree.params().chain);
    let fails = |nonce: &u32| {
        let proof = WorkProof { nonce: *nonce, ..good };
        let Claim::Work { bits } = header.claim else { panic!("a claim of work") };
        let parent = *header.parent.as_bytes();
        !proof.header(header.height.0, id.as_bytes(), parent, bits).is_proven().unwrap()
    };
    let nonce = (0..).find(fails).unwrap();
    let missed = verify(&Seal::Work(WorkProof { nonce, ..good }));
    assert!(matches!(missed, Err(Verdict::Seal(why)) if why.contains("does not reach target")));
    let signed =
        verify(&Seal::Signature { key: PublicKey([0; 32]), signature: Signature([0; 64]) });
    assert!(matches!(signed, Err(Verdict::Seal(why)) if why == "it is not a proof of work"));
}

/// A proof is for one block: not for one that differs in any field, and not for the same one on another chain.
#[test]
fn a_proof_proves_nothing_else() {
    let mine = Mine::with(|params| params.initial_bits = Bits(0x1f7f_ffff));
    let genesis = mine.tree.head();
    let time = Time(LAUNCH + SPACING);
    let block = mine.seal(mine.draft(genesis, time, vec![]));
    let verify =
        |header: &Header| mine.tree.rules().verify(header, &block.seal, genesis.as_ref()).is_ok();
    assert!(verify(&block.header));
    let edits: [fn(&mut Header); 5] = [
        |header| header.producer = key(2).address(),
        |header| header.time = Time(header.time.0 + 1),
        |header| header.state_root = StateRoot::default(),
        |header| header.body_root = Default::default(),
        |header| header.version = 2,
    ];
    for (n, edit) in edits.iter().enumerate() {
        let mut other = block.header;
        edit(&mut other);
        assert!(!verify(&other), "edit {n}");
    }
}

#[test]
fn two_seals_of_one_block_are_one_block() {
    let mut mine = Mine::new();
    let draft = mine.draft(mine.tree.head(), Time(LAUNCH + SPACING), vec![]);
    let first = mine.seal_from(&draft.header, 0, Mine::blank(&draft.header));
    let second = mine.seal_from(&draft.header, first.nonce + 1, first);
    let copies = [first, second].map(|proof| draft.clone().seal(Seal::Work(proof)));
    let chain = mine.tree.params().chain;
    assert_ne!(copies[0].seal.hash(&chain), copies[1].seal.hash(&chain));
    assert_eq!(copies[0].id(&chain), copies[1].id(&chain));
    let genesis = mine.tree.root();
    for copy in &copies {
        let rules = mine.tree.rules();
        assert_eq!(rules.verify(&copy.header, &copy.seal, genesis.as_ref()), Ok(()));
    }
    let [one, other] = copies;
    assert!(mine.import(other, Time(LAUNCH + SPACING)).is_ok());
    assert_eq!(mine.import(one, Time(LAUNCH + SPACING)), Err(ImportError::Known));
}

#[test]
fn a_block_too_far_ahead_of_the_clock_comes_later() {
    let mut mine = Mine::new();
    let now = LAUNCH + SPACING;
    let block = mine.seal(mine.draft(mine.tree.head(), Time(now + 60_001), vec![]));
    let early = mine.import(block.clone(), Time(now));
    assert_eq!(early, Err(ImportError::Early { until: Time(now + 1) }));
    assert!(mine.import(block, Time(now + 1)).is_ok());
}

/// A header with a proof that was asked for less than is due is not work, whatever the clock says.
#[test]
fn what_is_ahead_of_the_clock_must_be_proven_first() {
    let mut mine = Mine::with(|params| params.initial_bits = Bits(0x1f7f_ffff));
    let draft = mine.draft(mine.tree.head(), Time(LAUNCH + 10_000_000), vec![]);
    let forged = draft.clone().seal(Seal::Work(Mine::blank(&draft.header)));
    assert!(matches!(mine.import(forged, Time(LAUNCH)), Err(ImportError::Copy(_))));
}

fn rewards(mine: &Mine) -> Vec<(CoinId, Coin)> {
    let coins = mine.tree.head().state.coins_of(&key(1).address(), None, 1000).unwrap();
    let mut rewards: Vec<_> =
        coins.into_iter().filter(|(_, coin)| coin.kind == CoinKind::Reward).collect();
    rewards.sort_by_key(|(_, coin)| coin.height);
    rewards
}

#[test]
fn rewards_halve_on_the_chain_until_the_tail() {
    let mut mine = Mine::new();
    for _ in 0..14 {
        mine.next();
    }
    let paid: Vec<u64> = rewards(&mine).iter().map(|(_, coin)| coin.amount.0).collect();
    // Heights 1 to 3, 4 to 7, 8 to 11, and from 12 on the tail.
    let expected = [[80_000; 3].as_slice(), &[40_000; 4], &[20_000; 4], &[15_000; 3]].concat();
    assert_eq!(paid, expected);
    let supply = mine.tree.head().state.supply().unwrap();
    assert_eq!(supply.issued, Amount(expected.iter().sum()));
    assert_eq!(supply.burned, Amount::ZERO);
}

#[test]
fn issuance_stops_at_the_cap_to_the_unit() {
    let genesis: u64 = accounts().iter().map(|account| account.amount.0).sum();
    let mut mine =
        Mine::with(|params| params.issuance.supply_max = Amount(genesis + 80_000 * 3 + 7));
    for _ in 0..6 {
        mine.next();
    }
    let paid: Vec<u64> = rewards(&mine).iter().map(|(_, coin)| coin.amount.0).collect();
    assert_eq!(paid, [80_000, 80_000, 80_000, 7], "then blocks go on and pay nothing");
    assert_eq!(mine.tree.head().height(), Height(6));
    let circulating = mine.tree.head().state.supply().unwrap().circulating();
    assert_eq!(circulating, Some(mine.rules.params().issuance.supply_max));
}

#[test]
fn fees_are_paid_to_the_producer_on_top() {
    let mut mine = Mine::new();
    let coins = mine.tree.head().state.coins_of(&key(2).address(), None, 1).unwrap();
    let amount = coins[0].1.amount.0;
    let outputs = [(key(3).address(), Amount(amount - 12_345))];
    let payment = transaction(&coins, &outputs, None, mine.tree.params());
    mine.mine(Time(LAUNCH + SPACING), vec![payment]);
    assert_eq!(rewards(&mine)[0].1.amount, Amount(80_000 + 12_345));
}

#[test]
fn a_reward_is_spent_after_maturity_and_not_a_block_sooner() {
    let mut mine = Mine::new();
    mine.next();
    let reward = rewards(&mine)[0];
    let maturity = mine.tree.params().maturity;
    let spend =
        transaction(&[reward], &[(key(2).address(), Amount(70_000))], None, mine.tree.params());
    loop {
        let head = mine.tree.head();
        let height = head.height().next();
        let time = head.block.header.time.after(Span(SPACING));
        let params = mine.tree.params();
        let mut attempt = draft(head.id, height, 1, vec![spend.clone()], params);
        attempt.header.time = time;
        attempt.header.claim =
            Claim::Work { bits: mine.rules.next_bits(&head.state, head.height()).unwrap() };
        let executed = mine.tree.execute(&attempt, &head.state);
        assert_eq!(executed.is_ok(), height.0 > maturity, "height {height}");
        if executed.is_ok() {
            mine.mine(time, vec![spend.clone()]);
            let spent = mine.tree.head().state.get(&Key::Coin(reward.0)).unwrap();
            assert_eq!(spent, None);
            return;
        }
        mine.next();
    }
}

/// Fewer blocks may be more work: the sum decides, and between equals the first seen stays.
#[test]
fn the_branch_with_the_most_work_is_the_head() {
    for seed in 0..20 {
        let mut dice = Dice::new(seed);
        let mut mine = Mine::with(|params| params.finality_depth = 1000);
        let mut works: Vec<(BlockId, Work)> = vec![(mine.tree.head().id, Work::default())];
        let mut best = works[0].clone();
        for _ in 0..25 {
            let (parent, work) = works[dice.index(works.len())].clone();
            let parent = mine.tree.get(&parent).unwrap();
            // Fast blocks are harder than slow ones.
            let earliest = mine.rules.earliest_time(parent.as_ref()).unwrap();
            let pace = Span(if dice.percent(70) { 1 + dice.below(2_000) } else { 40_000 });
            let time = parent.block.header.time.after(pace).max(earliest);
            let mut block = mine.draft(parent, time, vec![]);
            block.header.producer = key(dice.below(200) as u8).address();
            let block = mine.seal(mine.complete(block, parent));
            let Claim::Work { bits } = block.header.claim else { panic!("a claim of work") };
            let sum = work + bits.work();
            let Ok(imported) = mine.import(block, time) else { continue };
            let node = mine.tree.get(&imported.id).unwrap();
            assert_eq!(mine.rules.total_work(&node.state), Ok(sum.clone()), "seed {seed}");
            if sum > best.1 {
                best = (imported.id, sum.clone());
            }
            works.push((imported.id, sum));
            assert_eq!(mine.tree.head().id, best.0, "seed {seed}");
        }
        let tallest = mine.tree.nodes().map(Node::height).max();
        println!("seed {seed}: head at {}, tallest {tallest:?}", mine.tree.head().height());
    }
}

#[test]
fn blocks_are_final_at_their_depth() {
    for depth in [0, 1, 5] {
        let mut mine = Mine::with(|params| params.finality_depth = depth);
        for height in 1..=12u64 {
            mine.next();
            mine.finalise();
            assert_eq!(mine.tree.root().height(), Height(height.saturating_sub(depth)));
            assert_eq!(mine.tree.len() as u64, height.min(depth) + 1);
        }
        // The state of a long final chain is held in memory for a few blocks only.
        assert!(mine.tree.head().state.held() < 100 + 10 * depth as usize);
    }
}
