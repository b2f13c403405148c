use super::super::step::*;

/// A step is seen at once, and followed within some blocks; the answer without chance is not far from the true one.
#[test]
fn every_algorithm_follows_a_step() {
    for (name, lines) in ALGORITHMS {
        for factor in [4.0, 0.25] {
            let (ideal, drawn) = (ideal(lines, factor, 220, 7), response(lines, factor, 220, 7));
            assert_eq!(drawn.len(), 220, "{name}");
            assert!((ideal[0] * factor - 1.0).abs() < 0.12, "{name} had settled: {}", ideal[0]);
            assert!((0.4..2.5).contains(&(drawn[0] * factor)), "{name}: {}", drawn[0]);
            let (without, with) = (arrival(&ideal), arrival(&drawn));
            println!("{name} × {factor}: {with:?} blocks, without chance {without:?}");
            assert!(with.is_some() && without.is_some(), "{name} × {factor}");
            let rest = drawn[170..].iter().sum::<f64>() / 50.0;
            assert!((0.6..1.7).contains(&rest), "{name} × {factor} stays: {rest}");
        }
    }
}
