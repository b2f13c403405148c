use super::super::season::run;

/// Three hours: 18 blocks of each kind are due, and more than six deviations away is no chance.
#[test]
fn a_season_begins_as_its_spec_says() {
    let season = run(20, 3, 1);
    println!("{season:?}");
    assert!(season.agree);
    for blocks in [&season.stake, &season.work] {
        assert!((5..=44).contains(&blocks.len()), "{season:?}");
        assert!(blocks.is_sorted() && blocks.iter().all(|hour| *hour <= 3), "{season:?}");
    }
}
