use super::super::plot::{Plot, Scale, Series};
use super::super::statistics::*;
use crate::sim::random::Dice;

/// Newcombe (1998), table I: Wilson's intervals without continuity correction.
#[test]
fn intervals_of_shares_are_the_published_ones() {
    for (successes, trials, low, high) in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ] {
        let interval = Tally { successes, trials }.interval();
        let near = |a: f64, b: f64| (a - b).abs() < 6e-5;
        assert!(near(interval.low, low) && near(interval.high, high), "{interval:?}");
    }
}

/// Of two hundred intervals for the mean of six values about ten miss it.
#[test]
fn intervals_of_means_hold_the_mean_as_often_as_they_say() {
    let mut dice = Dice::new(1, "intervals");
    let missed = (0..2000)
        .filter(|_| {
            let values: Vec<f64> = (0..6).map(|_| 3.0 + dice.normal()).collect();
            !mean(&values).1.holds(3.0)
        })
        .count();
    assert!((65..140).contains(&missed), "{missed} of 2000");
}

#[test]
fn intervals_of_medians_hold_the_median_as_often_as_they_say() {
    let mut dice = Dice::new(3, "medians");
    let missed = (0..2000)
        .filter(|_| {
            let mut values: Vec<f64> = (0..40).map(|_| dice.exponential(1.0)).collect();
            !median(&mut values).1.holds(std::f64::consts::LN_2)
        })
        .count();
    assert!((30..120).contains(&missed), "{missed} of 2000");
}

#[test]
fn the_fit_tells_exponential_from_what_is_not() {
    let mut dice = Dice::new(2, "fit");
    let mut values: Vec<f64> = (0..2000).map(|_| dice.exponential(2.0)).collect();
    let (distance, chance) = exponential_fit(&mut values, 2.0);
    assert!(distance < 0.03 && chance > 0.05, "{distance} {chance}");
    assert!(exponential_fit(&mut values, 2.3).1 < 1e-3, "another mean");
    let mut values: Vec<f64> = (0..2000).map(|_| dice.unit() * 4.0).collect();
    assert!(exponential_fit(&mut values, 2.0).1 < 1e-3, "another distribution");
}

#[test]
fn a_plot_is_drawn_to_scale() {
    let interval = Interval { low: 0.1, high: 1.0 };
    let points = vec![(5.0, 0.1, interval)];
    let series =
        vec![Series { name: "a < b".into(), curve: vec![(0.0, 0.01), (10.0, 1.0)], points }];
    let (x, y) = (("x".into(), 0.0, 10.0), ("y".into(), 0.01, 1.0));
    let svg = Plot { title: "t".into(), x, y, scale: Scale::Logarithmic, series }.svg();
    // From 64 to 570 across, and from 388 to 40 down.
    assert!(svg.contains("<polyline points=\"64.0,388.0 570.0,40.0\""), "{svg}");
    assert!(svg.contains("cx=\"317.0\" cy=\"214.0\"") && svg.contains("a &lt; b"), "{svg}");
}

/// The usual tables: 5 % and 1 % of a chi-square, and of the normal distribution.
#[test]
fn chances_of_chi_squares_are_the_tabled_ones() {
    for (statistic, freedom, chance) in [
        (18.307, 10.0, 0.05),
        (23.209, 10.0, 0.01),
        (124.342, 100.0, 0.05),
        (135.807, 100.0, 0.01),
        (77.929, 100.0, 0.95),
    ] {
        let found = chi_square_chance(statistic, freedom);
        assert!((found - chance).abs() < 5e-4, "{statistic} of {freedom}: {found}");
    }
    for (z, chance) in [(0.0, 0.5), (1.644_854, 0.05), (2.326_348, 0.01), (-1.959_964, 0.975)] {
        assert!((normal_tail(z) - chance).abs() < 1e-6, "{z}");
    }
}
