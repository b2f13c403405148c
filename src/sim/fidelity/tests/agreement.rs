use super::super::agreement::{Agreement, Traffic, traffic};

fn measured(rule: Agreement, n: usize, seed: u64) -> Traffic {
    let said = traffic(rule, n, seed);
    println!("{rule:?} {n}: {said:?}");
    assert!(said.blocks >= 20, "{said:?}");
    said
}

/// That there are so many messages of each kind for each block, and no others; a run ends and begins between blocks.
fn assert_kinds(said: &Traffic, expected: &[(&'static str, u64)]) {
    let counts = said.kinds.iter().map(|(kind, (count, _))| (*kind, *count));
    let counts: Vec<_> = counts.filter(|(kind, _)| *kind != "reminder").collect();
    let expected: Vec<_> =
        expected.iter().map(|(kind, each)| (*kind, each * said.blocks)).collect();
    assert_eq!(counts, expected);
}

/// The formula of the paper, message by message: nothing is said twice, and nothing is left out.
#[test]
fn pbft_says_as_much_as_the_paper_counts() {
    for n in [4, 7] {
        let said = measured(Agreement::Pbft, n as usize, 1);
        let all = [("COMMIT", n * (n - 1)), ("PRE-PREPARE", n - 1), ("PREPARE", (n - 1) * (n - 1))];
        assert_kinds(&said, &all);
        assert_eq!(said.messages() as f64 / said.blocks as f64, Agreement::Pbft.theory(n as usize));
    }
}

/// A draft, an answer at once and one when the draft is durable, a notice: four for each follower. And whoever did not say since
/// that it has the block is reminded at the next heartbeat, at most once for each of those.
#[test]
fn leaders_say_four_messages_for_each_follower_and_remind_them() {
    for rule in [Agreement::Raft, Agreement::Paxos] {
        for n in [4, 7] {
            let said = measured(rule, n as usize, 1);
            let each = n - 1;
            assert_kinds(&said, &[("answer", 2 * each), ("draft", each), ("notice", each)]);
            let heartbeats = 32 + 1;
            let (reminders, _) = said.kinds["reminder"];
            assert!((each..=heartbeats * each).contains(&reminders), "{reminders}");
        }
    }
}

/// Twice as many authorities say little more than twice as much where nobody lies, and more than four times as much where some
/// may.
#[test]
fn what_agreement_costs_grows_as_the_square_where_some_may_lie() {
    let each = |rule, n| {
        let said = measured(rule, n, 2);
        let blocks = said.blocks as f64;
        (said.messages() as f64 / blocks, said.bytes() as f64 / blocks)
    };
    let growth = |rule| {
        let (few, many) = (each(rule, 4), each(rule, 8));
        (many.0 / few.0, many.1 / few.1)
    };
    // 7 ⁄ 3 where there is a leader; 8 · 7 ⁄ (4 · 3) = 4.67 under PBFT.
    for rule in [Agreement::Raft, Agreement::Paxos] {
        let (messages, bytes) = growth(rule);
        assert!(
            (2.2..2.5).contains(&messages) && (2.1..2.7).contains(&bytes),
            "{messages} {bytes}"
        );
    }
    let (messages, bytes) = growth(Agreement::Pbft);
    assert!((4.4..4.9).contains(&messages) && (3.4..4.9).contains(&bytes), "{messages} {bytes}");
}
