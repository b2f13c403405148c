use super::*;

/// The chain of the argument: runs that differ in one messenger differ for one general.
#[test]
fn the_loss_of_one_messenger_is_seen_by_one_general_only() {
    for k in 0..=8 {
        for lost in 0..=k {
            let without = send(k, |messenger| messenger == lost);
            let with = send(k, |messenger| messenger == lost + 1);
            assert_eq!(usize::from(with.a != without.a) + usize::from(with.b != without.b), 1);
        }
    }
}

#[test]
fn the_last_messenger_parts_those_who_wait_for_all() {
    for k in 0..=8 {
        let alone = (0_u32..1 << (k + 1)).filter(|pattern| {
            let dawn = acknowledged(k, |messenger| pattern >> messenger & 1 == 1);
            dawn.a != dawn.b
        });
        // Only the pattern where just the last one is caught.
        assert_eq!(alone.collect::<Vec<u32>>(), [1 << k]);
    }
}

#[test]
fn no_rule_is_of_use_for_any_number_of_acknowledgements() {
    for k in 0..=8 {
        let (pairs, agree) = rules_that_agree(k);
        assert_eq!(pairs, 1 << (k + 3), "k = {k}");
        let due = send(k, |_| false);
        let always = ((1 << (due.a + 1)) - 1, (1 << (due.b + 1)) - 1);
        assert_eq!(agree, [(0, 0), always], "k = {k}");
    }
}

#[test]
fn what_is_measured_is_what_the_formulas_say() {
    let (p, runs) = (0.2, 40_000);
    let mut dice = Dice::new(3, "messengers");
    for k in 0..=8 {
        let (alone, together) = measure(runs, || acknowledged(k, |_| dice.chance(p)));
        for (measured, theory) in
            [(alone, p * power(1.0 - p, k)), (together, power(1.0 - p, k + 1))]
        {
            // Five standard deviations of the share.
            let deviation = (theory * (1.0 - theory) / runs as f64).sqrt();
            assert!((measured - theory).abs() < 5.0 * deviation, "k = {k}: {measured} {theory}");
        }
    }
}

#[test]
fn lines_that_make_no_sense_say_why() {
    let mut valley = Valley::default();
    let mut wrong =
        |line: &str| valley.act(&line.split_whitespace().collect::<Vec<&str>>()).unwrap_err();
    assert_eq!(wrong("acknowledgements 13"), "`13` is no number from 0 to 12");
    assert_eq!(wrong("run 1"), "`1` is no number from 0 to 0");
    assert_eq!(wrong("expect alone"), "nothing was run yet");
    assert_eq!(wrong("chance 2 runs 10 seed 1"), "`2` is no chance: give a number from 0 to 1");
}
