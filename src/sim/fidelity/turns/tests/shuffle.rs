use super::super::shuffle::*;
use crate::consensus::dpos::shuffle::Shuffle;

/// Anderson's factor matters: without it the mean of the statistic would be n ⁄ (n − 1) times its degrees of freedom.
#[test]
fn the_statistic_of_even_orders_has_the_mean_of_a_chi_square() {
    let mean = |shuffle| {
        let of = |seed| places(shuffle, 4, 500, seed).statistic();
        (0..200).map(of).sum::<f64>() / 200.0
    };
    // Nine degrees of freedom: 0.3 is one deviation of the mean; without the factor it is 12.
    let found = mean(Shuffle::Assay);
    assert!((found - 9.0).abs() < 1.2, "{found}");
}

#[test]
fn assay_is_even_and_the_others_are_not() {
    for delegates in [7, 21] {
        let even = places(Shuffle::Assay, delegates, 2000, 0);
        let uneven = places(Shuffle::Ark, delegates, 2000, 0);
        let graphene = places(Shuffle::Graphene, delegates, 2000, 0);
        println!("{delegates}: {} {}", even.chance(), graphene.statistic());
        assert!(graphene.chance() < 1e-6, "one step of xorshift does not mix seconds");
        assert!(even.chance() > 1e-4 && uneven.chance() < 1e-6);
        assert!(uneven.most().0 > even.most().0);
    }
}
