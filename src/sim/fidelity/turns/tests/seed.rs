use super::super::seed::*;
use crate::consensus::dpos::shuffle::Shuffle;

fn mean(cartel: Cartel, what: impl Fn(&Course) -> u64) -> f64 {
    let (rounds, seeds) = (400, 8);
    let sum: u64 = (0..seeds).map(|seed| what(&cartel.run(rounds, seed))).sum();
    sum as f64 / (rounds * seeds) as f64
}

#[test]
fn a_cartel_gets_what_theory_says() {
    for (shuffle, members, goal) in [
        (Shuffle::Assay, 7, Goal::Honest),
        (Shuffle::Assay, 7, Goal::First),
        (Shuffle::Assay, 7, Goal::Last),
        (Shuffle::Graphene, 7, Goal::Last),
        (Shuffle::Ark, 7, Goal::Last),
    ] {
        let cartel = Cartel { shuffle, delegates: 21, members, goal };
        let theory = cartel.theory();
        let (first, last) = (mean(cartel, |it| it.first), mean(cartel, |it| it.last));
        println!("{cartel:?}: {first} {last} {theory:?}");
        // Ark's orders are uneven, and so is its theory.
        let within = if shuffle == Shuffle::Ark { 0.15 } else { 0.05 };
        assert!((first - theory.first).abs() < within, "{first} {theory:?}");
        assert!((last - theory.last).abs() < within * 2.0, "{last} {theory:?}");
    }
}

/// By hand: of two delegates one is the cartel. It has the last slot or the first one, and where it has the last one it
/// chooses between two orders.
#[test]
fn theory_is_what_one_gets_by_hand() {
    let cartel = |goal| Cartel { shuffle: Shuffle::Assay, delegates: 2, members: 1, goal };
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
    near(cartel(Goal::Honest).theory().last, 0.5);
    // L' = ½ (1 − L) + ¾ L, so L = ⅔.
    near(cartel(Goal::Last).theory().last, 2.0 / 3.0);
    near(cartel(Goal::Last).theory().first, 1.0 / 3.0);
    // F' = ½ F + ¾ (1 − F), so F = ⅗.
    near(cartel(Goal::First).theory().first, 0.6);
}

#[test]
fn more_than_half_keep_the_last_slots_and_a_third_does_not() {
    let last = |members| {
        let of = |goal| Cartel { shuffle: Shuffle::Assay, delegates: 101, members, goal };
        (of(Goal::Honest).theory().last, of(Goal::Last).theory().last)
    };
    let (honest, third) = last(33);
    assert!(third < 2.0 * honest, "{honest} {third}");
    let (honest, more) = last(60);
    assert!(more > 5.0 * honest, "{honest} {more}");
}

#[test]
fn whoever_wants_nothing_withholds_nothing() {
    let cartel = Cartel { shuffle: Shuffle::Assay, delegates: 7, members: 3, goal: Goal::Honest };
    assert_eq!(cartel.run(100, 1).withheld, 0);
    assert!(Cartel { goal: Goal::Last, ..cartel }.run(100, 1).withheld > 0);
}
