use super::super::apathy::*;

#[test]
fn whoever_weighs_most_is_elected() {
    let ballot = |weight, approves: &[usize]| Ballot { weight, approves: approves.to_vec() };
    let ballots = [ballot(3, &[0, 1]), ballot(2, &[1, 2]), ballot(4, &[4])];
    assert_eq!(elect(5, 3, &ballots), [1, 4, 0]);
    assert_eq!(elect(5, 4, &ballots[..1]), [0, 1, 2, 3], "equal ones by number");
    assert_eq!(elect(2, 4, &ballots[..1]), [0, 1], "fewer than there are seats");
}

/// A stake on either side of where all candidates of the others are overtaken.
#[test]
fn agreed_votes_elect_all_or_nothing() {
    let seats = |stake| {
        let contest = Contest { seats: 7, voters: 100, stake, turnout: 1.0, way: Way::Agreed };
        assert_eq!(contest.hold(1) as f64, contest.theory());
        contest.hold(1)
    };
    assert_eq!([seats(99), seats(100), seats(101)], [0, 0, 7]);
}

#[test]
fn elections_come_out_as_theory_says() {
    for (way, stake) in [(Way::Agreed, 90), (Way::Ranked, 70), (Way::Scattered, 30)] {
        let contest = Contest { seats: 21, voters: 300, stake, turnout: 0.3, way };
        let sum: usize = (0..400).map(|seed| contest.hold(seed)).sum();
        let (mean, theory) = (sum as f64 / 400.0, contest.theory());
        println!("{way:?}: {mean} {theory}");
        assert!(theory > 1.0 && theory < 20.0, "a contest that is open: {theory}");
        assert!((mean - theory).abs() < 2.0, "{way:?}: {mean} {theory}");
    }
}
