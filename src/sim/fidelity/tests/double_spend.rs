use super::super::double_spend::*;
use super::super::statistics::Tally;

/// Both papers' tables, and what lies between them.
#[test]
fn the_formulas_give_the_published_tables() {
    for (q, z, satoshi, meni) in [
        (0.1, 1, 0.204_587_3, 0.2),
        (0.1, 2, 0.050_977_9, 0.056),
        (0.1, 6, 0.000_242_8, 0.000_591_4),
        (0.2, 6, 0.014_250_6, 0.023_308_4),
        (0.3, 6, 0.132_111_2, 0.156_449_6),
        (0.3, 10, 0.041_660_5, 0.065_106_7),
    ] {
        assert!((nakamoto(q, z) - satoshi).abs() < 1e-7, "{q} {z}: {}", nakamoto(q, z));
        assert!((rosenfeld(q, z) - meni).abs() < 1e-7, "{q} {z}: {}", rosenfeld(q, z));
        let limited = |give_up| limited(&Attack { share: q, confirmations: z, give_up });
        assert!((limited(60) - meni).abs() < 1e-7, "who never gives up: {}", limited(60));
        assert!(
            limited(8) < limited(9) && limited(9) < rosenfeld(q, z),
            "who gives up earlier wins less"
        );
    }
    assert_eq!((rosenfeld(0.5, 6), nakamoto(0.6, 3)), (1.0, 1.0));
}

#[test]
fn attempts_succeed_as_often_as_theory_says() {
    let attack = Attack { share: 0.3, confirmations: 2, give_up: 4 };
    let mut tally = Tally::default();
    for seed in 0..150 {
        let outcome = attempt(&attack, seed);
        assert_ne!(outcome, Outcome::NotFollowed, "seed {seed}");
        tally.count(outcome == Outcome::Success);
    }
    let measured = tally.beside(limited(&attack));
    println!("{measured:?}");
    assert!(measured.interval.widened(1.7).holds(measured.theory), "{measured:?}");
}
