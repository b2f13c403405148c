use super::super::hoard::*;

/// Blocks of the hoarder and of all in some parts.
fn sums(course: &Course, parts: std::ops::Range<usize>) -> (f64, f64) {
    (course.hoarded[parts.clone()].iter().sum(), course.all[parts].iter().sum())
}

/// While it sleeps it makes nothing; when it wakes more than its share, as much as theory says; in all no more than by
/// staking all the time.
#[test]
fn a_hoarder_makes_a_burst_and_no_more_in_all() {
    let (ideal, runs) = (ideal(), (0..3).map(run).collect::<Vec<_>>());
    let burst = PARTS.0..PARTS.0 + 3;
    let (due, due_all) = sums(&ideal, burst.clone());
    let share = due / due_all;
    assert!(share > 0.5, "{share}");
    let mut made = (0.0, 0.0);
    for course in &runs {
        assert_eq!(sums(course, 0..PARTS.0).0, 0.0);
        let (hoarded, all) = sums(course, burst.clone());
        made = (made.0 + hoarded, made.1 + all);
        let (hoarded, all) = sums(course, 0..PARTS.1);
        assert!(hoarded / all < 0.3, "{hoarded} of {all}");
    }
    let deviation = (share * (1.0 - share) / made.1).sqrt();
    println!("{made:?}, theory {share}");
    assert!((made.0 / made.1 - share).abs() < 4.0 * deviation, "{made:?} against {share}");
    assert!(due_all > 3.0 * (PART / SPACING) as f64, "blocks come quicker: {due_all}");
    let hardest = ideal.difficulty.iter().copied().fold(0.0, f64::max);
    assert!(hardest > 1.05 && ideal.difficulty[PARTS.0 - 1] < 0.9, "{:?}", ideal.difficulty);
}
