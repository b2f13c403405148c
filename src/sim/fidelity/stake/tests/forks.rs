use super::super::forks::*;
use crate::sim::Micros;
use crate::sim::fidelity::double_spend::rosenfeld;
use crate::sim::fidelity::statistics::Tally;

const ATTACK: Attack =
    Attack { ages: FLAT, attacker: 100, cheaters: 600, confirmations: 2, give_up: 4, evidence: 20 };

#[test]
fn the_race_is_the_known_one_and_its_parts_add_up() {
    assert!((ATTACK.share() - 0.7 / 1.6).abs() < 1e-12);
    let of = |attacker: usize, cheaters: usize, confirmations: u64, give_up: u64| {
        success(&Attack { ages: FLAT, attacker, cheaters, confirmations, give_up, evidence: 0 })
    };
    // Whoever must be ahead in the end and not before: with one confirmation that is to lose the first block and win
    // the race from one behind, (q ⁄ p)² of (1 − q).
    let (q, p) = (0.2_f64, 0.8_f64);
    assert!((of(200, 0, 1, 60) - p * (q / p).powi(2)).abs() < 1e-9);
    // Rosenfeld's attacker begins one ahead and in secret, so it succeeds more often.
    assert!(of(200, 0, 2, 60) < rosenfeld(q, 2));
    assert!(of(100, 100, 2, 8) < of(100, 500, 2, 8), "cheaters help");
    assert!(of(100, 500, 2, 4) < of(100, 500, 2, 8), "so does patience");
}

/// Cheaters make an attack with a tenth of the stake as likely as theory says, and evidence hardly ever meets them.
#[test]
fn attacks_succeed_as_often_as_theory_says() {
    let (mut tally, mut proofs) = (Tally::default(), 0);
    for seed in 0..40 {
        let attempt = attempt(&ATTACK, seed);
        tally.count(attempt.ending == Ending::Success);
        proofs += attempt.proofs;
    }
    let measured = tally.beside(success(&ATTACK));
    println!("{measured:?}, {proofs} proofs");
    assert!(measured.interval.widened(1.7).holds(measured.theory), "{measured:?}");
    assert!(proofs < 6, "{proofs}");
}

/// Without an attacker, signing everything leaves more blocks behind.
#[test]
fn forks_last_longer_where_everybody_signs_them() {
    let run = |cheaters| {
        let runs = (0..3).map(|seed| quiet(cheaters, Micros::seconds(2), 40, 20, seed));
        runs.fold((0, 0), |sum, run| (sum.0 + run.stale, sum.1 + run.all))
    };
    let (honest, cheating) = (run(0), run(8));
    println!("{honest:?} {cheating:?}");
    let share = |(stale, all): (u64, u64)| stale as f64 / all as f64;
    assert!(share(cheating) > 2.0 * share(honest), "{honest:?} {cheating:?}");
}
