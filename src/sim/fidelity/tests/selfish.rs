use super::super::selfish::*;
use super::super::statistics::ratio;

#[test]
fn the_formulas_give_the_published_curve() {
    for (alpha, gamma, share) in [(0.25, 0.5, 0.25), (0.4, 0.0, 0.4837), (0.45, 1.0, 0.7094)] {
        assert!((revenue(alpha, gamma) - share).abs() < 5e-5, "{alpha} {gamma}");
    }
    for (gamma, least) in [(0.0, 1.0 / 3.0), (0.5, 0.25), (1.0, 0.0)] {
        assert!((threshold(gamma) - least).abs() < 1e-12);
        assert!((revenue(least, gamma) - least).abs() < 1e-9, "there it makes no difference");
    }
}

#[test]
fn who_withholds_gets_what_theory_says() {
    for (alpha, position) in [(0.4, Position::Behind), (0.4, Position::Before(2))] {
        let runs: Vec<(f64, f64)> = (0..8)
            .map(|seed| run(alpha, position, 150, seed))
            .map(|revenue| (revenue.own as f64, revenue.all as f64))
            .collect();
        let (share, interval) = ratio(&runs);
        let theory = revenue(alpha, position.gamma());
        println!("{position:?}: {share:.4} {interval:?}, theory {theory:.4}");
        assert!(interval.widened(1.7).holds(theory), "{share} {interval:?} against {theory}");
    }
}
