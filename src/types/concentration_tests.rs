use proptest::prelude::*;

use super::*;
use crate::types::Keypair;

fn address(number: u8) -> Address {
    Keypair::from_secret(&[number; 32]).address()
}

/// Half the mean difference between any two, over the mean: what the coefficient is by definition.
fn naive_gini(holds: &[f64]) -> f64 {
    let sum: f64 = holds.iter().sum();
    if sum <= 0.0 {
        return 0.0;
    }
    let pairs = holds.iter().flat_map(|a| holds.iter().map(move |b| (a - b).abs()));
    pairs.sum::<f64>() / (2.0 * holds.len() as f64 * sum)
}

/// Every subset is tried.
fn naive_fewest(holds: &[f64], share: f64) -> usize {
    let need = share * holds.iter().sum::<f64>();
    let chosen = |subset: u32| {
        let held = holds.iter().enumerate().filter(move |(place, _)| subset >> place & 1 == 1);
        held.map(|(_, holds)| *holds)
    };
    let enough = (0..1_u32 << holds.len()).filter(|it| chosen(*it).sum::<f64>() > need);
    enough.map(u32::count_ones).min().map_or(holds.len(), |count| count as usize)
}

#[test]
fn known_values_come_out() {
    for (holds, coefficient) in [
        (&[1.0; 10][..], 0.0),
        (&[0.0, 0.0, 0.0, 1.0], 0.75),
        (&[1.0, 2.0, 3.0, 4.0], 0.25),
        (&[4.0, 2.0, 1.0, 3.0], 0.25),
        // Shares of 1 : 2 : 5.
        (&[1.0, 2.0, 5.0], 1.0 / 3.0),
        (&[7.0], 0.0),
        (&[0.0, 0.0], 0.0),
        (&[], 0.0),
    ] {
        assert!((gini(holds) - coefficient).abs() < 1e-12, "{holds:?}: {}", gini(holds));
    }
    for (holds, share, count) in [
        (&[1.0; 10][..], 0.5, 6),
        (&[1.0; 10], 1.0 / 3.0, 4),
        (&[1.0, 7.0, 2.0], 0.5, 1),
        // Exactly half is not more than half.
        (&[5.0, 3.0, 2.0], 0.5, 2),
        (&[1.0, 1.0, 1.0], 1.0, 3),
        (&[], 0.5, 0),
    ] {
        assert_eq!(fewest(holds, share), count, "{holds:?}, more than {share}");
    }
}

#[test]
fn producers_are_counted() {
    let made = [3, 1, 3, 2, 3, 1, 3, 3, 2].map(address);
    let producers: Producers = made.into_iter().collect();
    assert_eq!((producers.count(), producers.blocks()), (3, 9));
    assert_eq!(producers.first(), Some((address(3), 5)));
    assert_eq!((producers.nakamoto(0.5), producers.nakamoto(0.6)), (Some(1), Some(2)));
    assert!((producers.gini().unwrap() - 2.0 / 9.0).abs() < 1e-12, "{:?}", producers.gini());

    let nobody = Producers::default();
    assert_eq!((nobody.count(), nobody.blocks(), nobody.first()), (0, 0, None));
    assert_eq!((nobody.gini(), nobody.nakamoto(0.5)), (None, None));
}

proptest! {
    #[test]
    fn quick_and_naive_agree(counts in prop::collection::vec(0_u16..50, 1..10), thirty_seconds in 0_u8..=32) {
        let holds: Vec<f64> = counts.iter().map(|count| f64::from(*count)).collect();
        prop_assert!((gini(&holds) - naive_gini(&holds)).abs() < 1e-9);
        // Shares of halves, quarters and such are exact, so that ties fall alike.
        let share = f64::from(thirty_seconds) / 32.0;
        prop_assert_eq!(fewest(&holds, share), naive_fewest(&holds, share));
    }
}
