use super::*;

/// Section 3 of the paper, with the default of a tie: the loyal commander of three is not obeyed.
#[test]
fn one_traitor_among_three_is_too_many_whoever_it_is() {
    let army = Army::new(3, &[2], 1);
    let score = army.exhaust().unwrap();
    assert_eq!((score.ic1_broken > 0, score.ic2_broken > 0), (false, true));
    // Who believes the commander on a tie bears a lieutenant, and not the commander.
    for (traitor, ic1, ic2) in [(2, false, false), (0, true, false)] {
        let army = Army { tie: Tie::Commander, ..Army::new(3, &[traitor], 1) };
        let score = army.exhaust().unwrap();
        assert_eq!((score.ic1_broken > 0, score.ic2_broken > 0), (ic1, ic2), "traitor {traitor}");
    }
    assert_eq!(no_rule_for_three(), (256, 0));
}

#[test]
fn four_bear_each_lie_of_each_traitor() {
    for traitor in 0..4 {
        let score = Army::new(4, &[traitor], 1).exhaust().unwrap();
        let lies = if traitor == 0 { 1 << 3 } else { 1 << 2 };
        assert_eq!(score, Score { runs: 2 * lies, ic1_broken: 0, ic2_broken: 0 });
    }
    // Without a round of passing on, a commander splits them as he likes.
    assert!(Army::new(4, &[0], 0).exhaust().unwrap().ic1_broken > 0);
    // Neither do four bear two.
    assert!(Army::new(4, &[0, 1], 1).exhaust().unwrap().ic1_broken > 0);
    assert!(Army::new(4, &[1, 2], 1).exhaust().unwrap().ic2_broken > 0);
}

#[test]
fn seven_bear_two_with_two_rounds_and_not_with_one() {
    for traitors in [[0, 1], [1, 2], [3, 6]] {
        let two = Army::new(7, &traitors, 2).draw(400, 5);
        assert_eq!((two.runs, two.ic1_broken, two.ic2_broken), (400, 0, 0), "{traitors:?}");
    }
    let one = Army::new(7, &[0, 1], 1).draw(400, 5);
    assert!(one.ic1_broken > 0, "{one:?}");
    // Six do not bear two lieutenants, with as many rounds.
    let six = Army::new(6, &[1, 2], 2).draw(400, 5);
    assert!(six.ic2_broken > 0, "{six:?}");
}

/// Not drawn but thought out: each traitor tells the even ones one thing and the odd ones another.
#[test]
fn seven_bear_traitors_who_split_them() {
    for (first, second) in (0..7).flat_map(|first| (0..first).map(move |second| (first, second))) {
        let army = Army::new(7, &[first, second], 2);
        for order in [true, false] {
            let verdicts = [
                army.verdict(order, &mut |_, to, _| to % 2 == 0),
                army.verdict(order, &mut |_, _, truth| !truth),
                army.verdict(order, &mut |way, to, truth| truth ^ ((way.len() + to) % 3 == 0)),
            ];
            let good = Verdict { ic1: true, ic2: true };
            assert_eq!(verdicts, [good; 3], "traitors {first} {second}, order {order}");
        }
    }
}

#[test]
fn messages_are_as_many_as_the_formula_says() {
    for generals in 2..8 {
        for rounds in 0..=3_usize.min(generals - 1) {
            let (_, counted) = Army::new(generals, &[], rounds).run(true, &mut |_, _, truth| truth);
            assert_eq!(counted, messages(generals as u64, rounds as u64), "{generals} {rounds}");
        }
    }
    // (n−1), (n−1)(n−2), (n−1)(n−2)(n−3) of seven.
    assert_eq!([0, 1, 2].map(|rounds| messages(7, rounds)), [6, 6 + 30, 6 + 30 + 120]);
}

#[test]
fn lines_that_make_no_sense_say_why() {
    let mut army = Army::default();
    let mut act = |line: &str| army.act(&line.split_whitespace().collect::<Vec<&str>>());
    assert_eq!(act("run").unwrap_err(), "there are no generals yet: `generals C L1 L2`");
    act("generals C L1 L2 L3").unwrap();
    act("rounds 1").unwrap();
    act("traitors L3").unwrap();
    assert_eq!(act("traitors X").unwrap_err(), "there is no general `X`");
    assert_eq!(act("lie C>L1 attack").unwrap_err(), "C is loyal");
    assert_eq!(act("lie L3>L1 attack").unwrap_err(), "in OM(1) nothing goes on the way L3>L1");
    assert_eq!(act("lie C>L3>L1 flee").unwrap_err(), "`flee` is no order: attack or retreat");
    assert_eq!(act("rounds 9").unwrap_err(), "`9` is no number from 0 to 3");
    assert_eq!(act("expect IC1 holds").unwrap_err(), "nothing was run yet");
    act("generals C L1 L2 L3 L4 L5 L6").unwrap();
    act("rounds 2").unwrap();
    act("traitors L1 L2").unwrap();
    assert!(act("exhaust").unwrap_err().contains("too much to exhaust"));
    assert!(act("draw 99999999 seed 1").unwrap_err().starts_with("`99999999` is no number"));
}
