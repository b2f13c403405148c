use super::super::majority::*;
use crate::sim::fidelity::statistics::Tally;

fn attack(peercoin: bool, stake: f64, work: f64) -> Attack {
    Attack { peercoin, stake, work, lasts: 20 }
}

#[test]
fn the_theory_is_that_of_known_races() {
    assert!((theory(&attack(false, 0.5, 0.5)) - 0.5).abs() < 1e-9, "a half of both");
    assert!((theory(&attack(true, 0.5, 0.5)) - 0.5).abs() < 1e-9);
    let half =
        |peercoin| (theory(&attack(peercoin, 0.51, 0.0)), theory(&attack(peercoin, 0.0, 0.51)));
    let (stake, work) = half(false);
    assert!((stake - work).abs() < 1e-9 && stake < 0.01, "one kind is not enough: {stake}");
    let (stake, work) = half(true);
    assert!(stake > 0.4 && work < 1e-3, "stake alone decides: {stake} {work}");
    assert!((depth(&attack(true, 0.51, 0.0)) - 29.8).abs() < 1e-9);
}

#[test]
fn attacks_succeed_as_often_as_theory_says() {
    for attack in [attack(true, 0.6, 0.0), attack(false, 0.6, 0.6)] {
        let mut tally = Tally::default();
        for seed in 0..12 {
            tally.count(attempt(&attack, seed).success);
        }
        let measured = tally.beside(theory(&attack));
        println!("{attack:?}: {measured:?}");
        assert!(measured.interval.widened(1.7).holds(measured.theory), "{measured:?}");
    }
    let attack = attack(true, 0.0, 0.9);
    assert!((0..2).all(|seed| !attempt(&attack, seed).success), "work alone rewrites nothing");
}
