use super::super::renewal::*;
use crate::sim::random::Dice;

const AGES: Ages = Ages { min: 20, max: 600 };

/// A cycle played second by second.
fn played(amount: f64, coin_day: f64, dice: &mut Dice) -> u64 {
    (1..)
        .find(|age: &u64| {
            let weighted = (*age).min(AGES.max).saturating_sub(AGES.min) as f64;
            dice.chance(coin_day * amount * weighted / 86_400.0)
        })
        .unwrap()
}

#[test]
fn cycles_are_as_long_as_those_that_are_played() {
    let mut dice = Dice::new(1, "cycles");
    // Winning at once, while weight grows, and long after.
    for coin_day in [1.0, 1e-3, 1e-4] {
        let cycle = Cycle::new(100.0, coin_day, AGES);
        let count = 1000;
        let ages: Vec<f64> =
            (0..count).map(|_| played(100.0, coin_day, &mut dice) as f64).collect();
        let mean = ages.iter().sum::<f64>() / f64::from(count);
        let error = mean / f64::from(count).sqrt();
        println!("{coin_day}: {mean}, theory {}", cycle.mean());
        assert!((mean - cycle.mean()).abs() < 4.0 * error, "{mean} {}", cycle.mean());
        // A moment falls into a cycle in proportion to its length.
        let squares: f64 = ages.iter().map(|age| age * (age - 1.0) / 2.0).sum();
        let pending = squares / ages.iter().sum::<f64>();
        assert!((pending / cycle.pending() - 1.0).abs() < 0.2, "{pending} {}", cycle.pending());
        let drawn: u64 = (0..count).map(|_| cycle.draw_age(&mut dice)).sum();
        let drawn = drawn as f64 / f64::from(count);
        assert!((drawn / cycle.pending() - 1.0).abs() < 0.2, "{drawn} {}", cycle.pending());
    }
}

/// The three regimes: what a coin of four times the amount makes.
#[test]
fn a_larger_coin_makes_as_many_more_blocks_as_its_wait_allows() {
    let more = |coin_day: f64| {
        Cycle::new(100.0, coin_day, AGES).mean() / Cycle::new(400.0, coin_day, AGES).mean()
    };
    let growing = Ages { min: 0, max: 1_000_000 };
    let root = Cycle::new(1.0, 1e-4, growing).mean() / Cycle::new(4.0, 1e-4, growing).mean();
    assert!(more(1e6) < 1.01, "who wins at once waits for the minimum age: {}", more(1e6));
    assert!((root - 2.0).abs() < 0.01, "where weight grows it is the root: {root}");
    assert!(more(1e-7) > 3.99, "who waits for long is due in proportion: {}", more(1e-7));
}

#[test]
fn targets_are_found_for_a_spacing() {
    for spacing in [10.0, 60.0, 600.0] {
        let amounts = [100.0; 40];
        let bits = bits_for(&amounts, spacing, AGES);
        let got = 1.0 / rate(&amounts, coin_day(bits), AGES);
        assert!((got / spacing - 1.0).abs() < 1e-3, "{got} for {spacing}");
    }
}
