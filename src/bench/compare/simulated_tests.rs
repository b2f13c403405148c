use super::super::SPECS;
use super::super::figures::summarise;
use super::*;
use crate::api::BenchRule;
use crate::spec::find;

fn trial(name: &str, seed: u64) -> Trial {
    Trial {
        spec: Spec::parse(name, find(name).unwrap()).unwrap(),
        nodes: 4,
        latency: Micros::millis(20),
        rate: 20.0,
        duration: Micros::seconds(10),
        accounts: 20,
        payload: 0,
        seed,
        work: 1.0,
        confirmations: 6,
        patience: Micros::seconds(120),
    }
}

fn ran(trial: &Trial) -> Result<BenchRun, TrialError> {
    super::run(trial, &mut |_| ControlFlow::Continue(()))
}

/// Each of the compared chains takes the load, loses nothing, and is the same again with the same seed.
#[test]
fn every_rule_makes_all_payments_final_and_a_seed_is_one_result() {
    for name in SPECS {
        let run = ran(&trial(name, 1)).unwrap();
        let load = &run.load;
        println!(
            "{name}: {} of {}, included {:?}, final {:?}, {:?}",
            load.settled, load.submitted, load.included_ms, load.final_ms, run.chain
        );
        assert!(load.submitted > 150 && load.settled == load.submitted, "{name}: {load:?}");
        assert_eq!((load.lost, load.duplicates, load.conflicts), (0, 0, 0), "{name}");
        assert!(load.final_ms.is_some() && load.messages_per_tx.is_some());
        assert!(run.chain.blocks >= 8, "{name}: {:?}", run.chain);
        // One of four may be gone under every rule, and nobody is left behind for good.
        let (parted, crashed) = (run.partition.clone().unwrap(), run.crash.clone().unwrap());
        println!("{parted:?} {crashed:?}");
        assert!(parted.blocks[0] >= 2 && parted.healed_s.is_some(), "{name}: {parted:?}");
        assert!(crashed.recovered_s.is_some() && crashed.rejoined_s.is_some(), "{name}");
        let agree = ["compare-pbft", "compare-raft", "compare-paxos"].contains(&name);
        if agree {
            assert_eq!((parted.blocks[1], parted.undone), (0, 0), "{name}: {parted:?}");
        }
        assert_eq!(run, ran(&trial(name, 1)).unwrap(), "{name}");
    }
}

#[test]
fn what_cannot_be_funded_says_so() {
    let mut poor = trial("compare-raft", 1);
    poor.rate = 0.01;
    let error = ran(&poor).unwrap_err();
    assert!(matches!(error, TrialError::Nothing { .. }), "{error}");
}

/// Whoever waits may leave: while coins are made, in the midst of the payments, and while they become final.
#[test]
fn a_run_ends_when_it_is_told_to() {
    let mut told = 0;
    super::run(&trial("compare-pow", 1), &mut |_| {
        told += 1;
        ControlFlow::Continue(())
    })
    .unwrap();
    for last in [1, told / 2, told] {
        let mut left = last;
        let ended = super::run(&trial("compare-pow", 1), &mut |_| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(ended, Err(TrialError::Stopped)), "{last} of {told}");
    }
}

/// What an interval promises: the next measurement comes out in it nineteen times of twenty, of one run and of three, where chance
/// decides when blocks come and where the clock does. What happens in one run of twenty-four only, such as a fork under proof of authority
/// that lasts for ten blocks, no other run can foretell.
#[test]
fn the_next_measurement_lies_within_the_interval() {
    for (name, depth) in [("compare-pow", Some(12)), ("compare-raft", None)] {
        let run = |seed| {
            let quick = Trial { duration: Micros::seconds(6), ..trial(name, seed) };
            undisturbed(&quick, &mut |_| ControlFlow::Continue(())).unwrap().0
        };
        let runs: Vec<BenchRun> = (1..=24).map(run).collect();
        for (together, least) in [(1, 0.85), (3, 0.85)] {
            let rows: Vec<BenchRule> = runs
                .chunks(together)
                .map(|runs| {
                    let mut row = BenchRule {
                        finality_depth: depth,
                        runs: runs.to_vec(),
                        ..BenchRule::default()
                    };
                    summarise(&mut row);
                    row
                })
                .collect();
            for figure in ["included_p50_ms", "final_p50_ms", "final_p99_ms", "interval_s"] {
                let of = |row: &BenchRule| row.figures[figure];
                let (mut within, mut pairs, mut width) = (0.0, 0.0, 0.0);
                for (place, row) in rows.iter().enumerate() {
                    let it = of(row);
                    width += (it.high - it.low) / it.value / rows.len() as f64;
                    for next in rows.iter().skip(place + 1).chain(rows.iter().take(place)) {
                        pairs += 1.0;
                        within += f64::from((it.low..=it.high).contains(&of(next).value));
                    }
                }
                println!(
                    "{name} {together} {figure}: {:.3} of {pairs}, width {width:.2}",
                    within / pairs
                );
                assert!(within / pairs > least, "{name} {together} {figure}");
            }
        }
    }
}

/// With more nodes than a spec has seats each of them takes part: all payments become final, and where turns or lots decide who
/// makes a block, more than half of the nodes make some.
fn all_take_part(nodes: usize, specs: &[&str]) {
    for name in specs {
        // Enough blocks for each to have had a turn, or several lots.
        let seconds = 12 + 2 * nodes as u64;
        let wide = Trial {
            nodes,
            rate: 200.0 / seconds as f64,
            duration: Micros::seconds(seconds),
            ..trial(name, 1)
        };
        let run = ran(&wide).unwrap_or_else(|error| panic!("{name} {nodes}: {error}"));
        let (load, chain) = (&run.load, &run.chain);
        println!("{name} {nodes}: {} blocks, {} producers", chain.blocks, chain.producers);
        assert_eq!((load.nodes, load.settled), (nodes as u64, load.submitted), "{name} {load:?}");
        assert_eq!((load.lost, load.duplicates, load.conflicts), (0, 0, 0), "{name} {nodes}");
        let leads = ["compare-pbft", "compare-raft", "compare-paxos"].contains(name);
        let most = nodes as u64;
        let many = if leads { 1..=1 } else { most / 2 + 1..=most };
        assert!(many.contains(&chain.producers), "{name} {nodes}: {chain:?}");
        let parted = run.partition.clone().unwrap();
        assert_eq!(parted.sides.iter().sum::<u64>(), nodes as u64);
        assert!(parted.blocks[0] >= 2, "{name} {nodes}: {parted:?}");
    }
}

#[test]
fn ten_nodes_all_take_part() {
    all_take_part(10, &SPECS);
}

#[test]
fn thirty_one_nodes_take_their_turns_and_draw_their_lots() {
    all_take_part(31, &["compare-pos", "compare-dpos", "compare-raft"]);
}

#[test]
#[ignore = "it takes minutes: cargo test --release --no-default-features --lib bench::compare -- --ignored --nocapture"]
fn a_hundred_nodes_all_take_part() {
    all_take_part(100, &SPECS);
}

#[test]
fn a_rule_without_room_says_so() {
    let few = Trial { nodes: 3, ..trial("compare-pbft", 1) };
    let error = ran(&few).unwrap_err();
    assert!(matches!(error, TrialError::Seats(SeatsError::Number { least: 4, .. })), "{error}");
}
