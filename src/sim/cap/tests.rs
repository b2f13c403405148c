use super::*;

/// Seeds of each row here; more are in the table.
const SEEDS: u64 = 3;

fn sums(rule: &'static str, sides: [usize; 2]) -> Sums {
    let mut sums = Sums::default();
    for seed in 1..=SEEDS {
        let run = Case { rule, sides }.run(seed);
        println!("{rule} {seed}: {run:?}");
        sums.add(&run);
    }
    println!("| {} |", sums.cells(&Case { rule, sides }).join(" | "));
    sums
}

/// Whether shares of a side over all seeds lie where they should.
fn assert_side(sums: &Sums, side: usize, included: &[f64; 2], finals: &[f64; 2]) {
    let (wrote, _) = sums.share(|run| run.sides[side].included);
    let (ended, _) = sums.share(|run| run.sides[side].finals);
    assert!((included[0]..=included[1]).contains(&wrote), "side {side} wrote {wrote}");
    assert!((finals[0]..=finals[1]).contains(&ended), "side {side} ended {ended}");
}

const ALL: [f64; 2] = [1.0, 1.0];
const NONE: [f64; 2] = [0.0, 0.0];

/// Nothing that was final is gone, all payments are back a minute later, and all are on one chain that goes on.
fn assert_heals(sums: &Sums, within: f64) {
    for run in sums.runs() {
        assert_eq!((run.finals_gone.some, run.gone), (0, 0), "{run:?}");
        assert!(run.healed.unwrap() <= run.goes_on.unwrap(), "{run:?}");
        assert!(run.healed.unwrap() <= within, "{run:?}");
    }
}

fn undone(sums: &Sums) -> u64 {
    sums.runs().iter().flat_map(|run| run.sides).map(|side| side.undone).sum()
}

/// Whoever is asked answers on both sides, and the lighter side's blocks are undone.
#[test]
fn chains_of_work_and_stake_choose_availability() {
    for rule in ["pow", "pos", "hybrid"] {
        let sums = sums(rule, [3, 2]);
        // The greater side of miners makes twenty blocks now and then, which are as deep as final ones are.
        assert_side(&sums, 0, &[0.8, 1.0], &[0.0, 0.3]);
        assert_side(&sums, 1, &[0.5, 1.0], &NONE);
        assert!(undone(&sums) > 0 && sums.share(|run| run.taken_back).0 > 0.0, "{rule}");
        assert!(sums.runs().iter().all(|run| !run.linearizable), "{rule}");
        assert_heals(&sums, 60.0);
    }
}

/// Delegates go on in their slots on both sides, but three of five are no two thirds.
#[test]
fn delegates_go_on_and_finality_stops() {
    let sums = sums("dpos", [3, 2]);
    assert_side(&sums, 0, &[0.9, 1.0], &NONE);
    assert_side(&sums, 1, &[0.9, 1.0], &NONE);
    for run in sums.runs() {
        let [greater, smaller] = run.sides;
        // Three of five slots of a second, and two of five.
        assert!((24..=30).contains(&greater.blocks), "{run:?}");
        assert!((15..=21).contains(&smaller.blocks), "{run:?}");
        // One side loses all, perhaps with what was on its way when the line was cut.
        let (loser, winner) =
            if smaller.undone > 0 { (smaller, greater) } else { (greater, smaller) };
        assert!((loser.blocks..=loser.blocks + 1).contains(&loser.undone), "{run:?}");
        assert_eq!(winner.undone, 0, "{run:?}");
    }
    assert_heals(&sums, 30.0);
}

/// Each of two authorities may sign one in three blocks: two blocks are all that the smaller side makes.
#[test]
fn authorities_in_turn_stop_on_the_smaller_side_after_two_blocks() {
    let sums = sums("poa", [3, 2]);
    assert_side(&sums, 0, &ALL, &ALL);
    assert_side(&sums, 1, &[0.0, 0.5], &NONE);
    assert!(sums.runs().iter().all(|run| run.sides[1].blocks <= 2), "{:?}", sums.runs());
    for run in sums.runs() {
        // On the greater side it is what those who were out of turn sealed just when the others came back.
        let [greater, smaller] = run.sides.map(|side| side.undone);
        assert!((1..=2).contains(&smaller) && greater <= 2, "{run:?}");
    }
    assert!(sums.runs().iter().all(|run| run.sides[1].stale > 38.0));
    assert_heals(&sums, 30.0);
}

/// A quorum goes on as if nothing were, and nobody else says anything: nothing is ever undone.
#[test]
fn quorums_choose_consistency() {
    for (rule, sides) in [("raft", [3, 2]), ("paxos", [3, 2]), ("pbft", [5, 2])] {
        let sums = sums(rule, sides);
        assert_side(&sums, 0, &ALL, &ALL);
        assert_side(&sums, 1, &NONE, &NONE);
        assert!(sums.runs().iter().all(|run| run.sides[1].blocks == 0), "{rule}");
        // Who asks while the greater side has no leader may be told to ask again.
        assert!(sums.share(|run| run.sides[0].reads).0 > 0.9, "{rule}");
        assert_eq!(sums.share(|run| run.sides[1].reads).0, 0.0, "{rule}");
        assert!(sums.runs().iter().all(|run| run.linearizable), "{rule}");
        assert_eq!((undone(&sums), sums.share(|run| run.taken_back).0), (0, 0.0), "{rule}");
        assert_heals(&sums, 10.0);
    }
}

/// Four of five are a quorum where one may lie: three stop too, and go on when all meet.
#[test]
fn three_of_five_are_no_quorum_where_one_may_lie() {
    let sums = sums("pbft", [3, 2]);
    for side in [0, 1] {
        assert_side(&sums, side, &NONE, &NONE);
        assert_eq!(sums.share(|run| run.sides[side].reads).0, 0.0);
        assert!(sums.runs().iter().all(|run| run.sides[side].blocks == 0), "{:?}", sums.runs());
    }
    assert_eq!(undone(&sums), 0);
    assert_heals(&sums, 10.0);
    assert!(sums.runs().iter().all(|run| run.goes_on.unwrap() > 0.0), "{:?}", sums.runs());
}

#[test]
fn every_rule_has_a_row_with_a_cell_for_each_column() {
    let rules: BTreeSet<&str> = cases().iter().map(|case| case.rule).collect();
    assert_eq!(rules, BTreeSet::from(ENGINES));
    let case = Case { rule: "poa", sides: [3, 2] };
    let mut sums = Sums::default();
    sums.add(&case.run(1));
    assert_eq!(sums.cells(&case).len(), COLUMNS.len());
    assert_eq!(sums.runs()[0], case.run(1), "a seed is one history");
}
