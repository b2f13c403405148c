use super::super::takeover::*;

#[test]
fn more_than_half_drop_all_others_and_half_drop_nobody() {
    for authorities in 4..=9 {
        for conspirators in 1..authorities {
            for others in [Others::Idle, Others::Down] {
                let plot = Conspiracy { authorities, conspirators, others, epoch: 30_000 };
                let result = plot.run(600, (authorities * 10 + conspirators) as u64);
                let left = if plot.succeeds() { 0 } else { authorities - conspirators };
                assert_eq!((result.conspirators, result.others), (conspirators, left), "{plot:?}");
                assert_eq!(result.alone.is_some(), plot.succeeds());
                let goes_on = others == Others::Idle || plot.succeeds();
                assert_eq!(result.height == 600, goes_on, "{plot:?}: {result:?}");
            }
        }
    }
}

#[test]
fn the_majority_wins_where_both_sides_vote() {
    for authorities in 4..=9 {
        for conspirators in 1..authorities {
            let plot =
                Conspiracy { authorities, conspirators, others: Others::Fight, epoch: 30_000 };
            let result = plot.run(600, 7);
            let due = match (conspirators * 2).cmp(&authorities) {
                std::cmp::Ordering::Less => (0, authorities - conspirators),
                std::cmp::Ordering::Equal => (conspirators, conspirators),
                std::cmp::Ordering::Greater => (conspirators, 0),
            };
            assert_eq!((result.conspirators, result.others), due, "{plot:?}");
        }
    }
}

/// Votes that are forgotten before a majority has signed come to nothing.
#[test]
fn an_epoch_shorter_than_a_majority_saves_the_others() {
    let plot = Conspiracy { authorities: 9, conspirators: 5, others: Others::Idle, epoch: 4 };
    assert_eq!(plot.run(600, 1).others, 4);
    assert_eq!(Conspiracy { epoch: 100, ..plot }.run(600, 1).others, 0);
}
