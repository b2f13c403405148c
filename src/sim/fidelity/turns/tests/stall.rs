use super::super::stall::*;
use crate::sim::Micros;

fn stalls(ties: Ties, once: bool, delay: u64) -> usize {
    let race = Race { authorities: 4, ties, once, period: 1000, wiggle: 300, delay, height: 200 };
    let endings = (0..40).map(|seed| race.run(seed));
    let stalled = endings.filter(|ending| ending.stalled).count();
    println!("{ties:?}, once {once}, {delay} ms: {stalled} of 40");
    stalled
}

#[test]
fn clique_stalls_where_arrival_decides_and_not_by_eip_3436() {
    let mut by_arrival = 0;
    for delay in [1000, 3000] {
        for once in [false, true] {
            by_arrival += stalls(Ties::Arrival, once, delay);
            assert_eq!(stalls(Ties::Ruled, once, delay), 0);
        }
    }
    assert!(by_arrival > 40);
}

/// Where blocks are quick nobody signs out of turn, and there is nothing to tie.
#[test]
fn nobody_stalls_on_quick_lines() {
    assert_eq!(stalls(Ties::Arrival, true, 0), 0);
}

/// Whoever may sign next on the best branch had signed higher on another one, and did not sign again: five nodes in eighteen of a
/// hundred runs.
#[test]
fn whole_nodes_go_on_where_lines_take_longer() {
    for seed in 600..603 {
        let (height, stalled) = nodes(5, Micros::seconds(3), Micros::seconds(400), seed);
        assert!(!stalled, "{seed}: {height}");
    }
}

/// With one head there is always somebody who may sign on it.
#[test]
fn whoever_stalls_is_of_more_than_one_mind() {
    let race = Race {
        authorities: 4,
        ties: Ties::Arrival,
        once: false,
        period: 1000,
        wiggle: 300,
        delay: 3000,
        height: 200,
    };
    let stalled: Vec<Ending> =
        (0..20).map(|seed| race.run(seed)).filter(|ending| ending.stalled).collect();
    assert!(!stalled.is_empty() && stalled.iter().all(|ending| ending.heads > 1));
}

#[test]
fn whole_nodes_go_on_where_lines_take_up_to_a_period() {
    for authorities in [4, 7] {
        let (height, stalled) = nodes(authorities, Micros::seconds(1), Micros::seconds(90), 1);
        assert!(!stalled && height > 50, "{authorities}: {height}");
    }
}
