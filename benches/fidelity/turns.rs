//! Delegates and authorities in turn beside theory.

use std::path::Path;

use assay::consensus::dpos::shuffle::Shuffle;
use assay::sim::Micros;
use assay::sim::fidelity::plot::{Plot, Scale, Series};
use assay::sim::fidelity::statistics::{Interval, Measured, Tally, mean};
use assay::sim::fidelity::turns::apathy::{Contest, Way};
use assay::sim::fidelity::turns::finals::{Choice, Parted};
use assay::sim::fidelity::turns::seed::{Cartel, Goal};
use assay::sim::fidelity::turns::shuffle::places;
use assay::sim::fidelity::turns::stall::{self, Race, Ties};
use assay::sim::fidelity::turns::takeover::{Conspiracy, Others};
use assay::sim::fidelity::turns::waits;
use assay::sim::scenario::{self, Scenario};

use super::{Rows, cell, summary, write};

const SHUFFLES: [Shuffle; 3] = [Shuffle::Graphene, Shuffle::Ark, Shuffle::Assay];

fn beside(values: &[f64], theory: f64) -> Measured {
    let (value, interval) = mean(values);
    Measured { value, interval, theory }
}

/// Whether every delegate comes at every place as often.
pub(crate) fn shuffles(_: &Path, first: u64) {
    const SERIES: u64 = 20;
    const ROUNDS: u64 = 10_000;
    let mut rows = Rows::new(first, SERIES);
    println!(
        "| shuffle | delegates | degrees of freedom | chi-square of the first series | p | p < 0.05 in | most frequent, times its due |"
    );
    println!("|---|---|---|---|---|---|---|");
    for shuffle in SHUFFLES {
        for delegates in [7, 21, 101] {
            let series = rows.run(|seed| places(shuffle, delegates, ROUNDS, seed));
            let low = series.iter().filter(|it| it.chance() < 0.05).count();
            let one = &series[0];
            let chance = match one.chance() {
                chance if chance < 1e-6 => "< 0.000001".to_owned(),
                chance => format!("{chance:.3}"),
            };
            let (times, place, who) = one.most();
            println!(
                "| `{}` | {delegates} | {} | {:.1} | {chance} | {low} of {SERIES} | {times:.2} (delegate {who} at place {place}) |",
                shuffle.name(),
                one.freedom(),
                one.statistic(),
            );
        }
    }
}

/// What a cartel gains by withholding blocks.
pub(crate) fn seeds(directory: &Path, first: u64) {
    const SEEDS: u64 = 20;
    const ROUNDS: u64 = 1000;
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| shuffle | cartel | wants | first slot | theory | last slots | theory | blocks withheld a round |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let (mut all, mut series) = (Vec::new(), Vec::new());
    for (goal, wants) in [(Goal::Honest, "nothing"), (Goal::First, "first"), (Goal::Last, "last")] {
        let mut points = Vec::new();
        for shuffle in [Shuffle::Assay, Shuffle::Graphene] {
            if goal == Goal::Honest && shuffle == Shuffle::Graphene {
                continue;
            }
            for (members, delegates) in [
                (1, 21),
                (3, 21),
                (7, 21),
                (10, 21),
                (12, 21),
                (10, 101),
                (33, 101),
                (50, 101),
                (60, 101),
            ] {
                let cartel = Cartel { shuffle, delegates, members, goal };
                let runs = rows.run(|seed| cartel.run(ROUNDS, seed));
                let of = |what: &dyn Fn(&assay::sim::fidelity::turns::seed::Course) -> u64| {
                    runs.iter().map(|run| what(run) as f64 / ROUNDS as f64).collect::<Vec<_>>()
                };
                let theory = cartel.theory();
                let first = beside(&of(&|run| run.first), theory.first);
                let last = beside(&of(&|run| run.last), theory.last);
                println!(
                    "| `{}` | {members} of {delegates} | {wants} | {} | {:.4} | {} | {:.4} | {:.3} |",
                    shuffle.name(),
                    cell(&first, 4),
                    theory.first,
                    cell(&last, 3),
                    theory.last,
                    mean(&of(&|run| run.withheld)).0
                );
                if delegates == 101 && shuffle == Shuffle::Assay {
                    points.push((members as f64 / 101.0, last.value, last.interval));
                }
                all.extend([first, last]);
            }
        }
        let curve = (1..=64).map(|members| {
            let cartel = Cartel { shuffle: Shuffle::Assay, delegates: 101, members, goal };
            (members as f64 / 101.0, cartel.theory().last)
        });
        series.push(Series { name: format!("wants {wants}"), curve: curve.collect(), points });
    }
    summary(&all);
    let plot = Plot {
        title: "Last slots in a row of a cartel in 101 delegates: theory, and measured".into(),
        x: ("share of the delegates".into(), 0.0, 0.65),
        y: ("slots".into(), 0.0, 10.0),
        scale: Scale::Linear,
        series,
    };
    write(directory, "turns-seed.svg", &plot);
}

/// The mean number of seats. Where votes are agreed it is a share of the runs, all or nothing. Elsewhere the interval is half a
/// hundredth of a seat wider on either side than that of the mean, which is nothing where all runs come out alike.
fn elected(won: &[usize], contest: &Contest) -> Measured {
    let theory = contest.theory();
    if contest.way == Way::Agreed {
        let mut tally = Tally::default();
        won.iter().for_each(|seats| tally.count(*seats > 0));
        let seats = contest.seats as f64;
        let (value, interval) = (tally.share() * seats, tally.interval().scaled(seats));
        return Measured { value, interval, theory };
    }
    let (value, Interval { low, high }) =
        mean(&won.iter().map(|seats| *seats as f64).collect::<Vec<_>>());
    let (low, high) = ((low - 0.005).max(0.0), (high + 0.005).min(contest.seats as f64));
    Measured { value, interval: Interval { low, high }, theory }
}

/// What a minority elects where others do not vote.
pub(crate) fn apathy(directory: &Path, first: u64) {
    const SEEDS: u64 = 100;
    const VOTERS: u64 = 1000;
    const WAYS: [(Way, &str); 3] =
        [(Way::Agreed, "agreed"), (Way::Ranked, "ranked"), (Way::Scattered, "scattered")];
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| delegates | attacker | turnout | agreed | theory | ranked | theory | scattered | theory |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut all = Vec::new();
    let mut points = WAYS.map(|_| Vec::new());
    for seats in [7, 21, 101] {
        // Shares of 0.05, 0.1 and 0.25 of all stake.
        for stake in [53, 111, 333] {
            for turnout in [0.05, 0.1, 0.15, 0.2, 0.4, 0.6] {
                let contest = Contest { seats, voters: VOTERS, stake, turnout, way: Way::Agreed };
                let mut line = format!("| {seats} | {:.2} | {turnout} |", contest.share());
                for ((way, _), points) in WAYS.into_iter().zip(&mut points) {
                    let contest = Contest { way, ..contest };
                    let won = rows.run(|seed| contest.hold(seed));
                    let found = elected(&won, &contest);
                    line += &format!(" {} | {:.2} |", cell(&found, 2), found.theory);
                    if seats == 101 && stake == 111 {
                        points.push((turnout, found.value, found.interval));
                    }
                    all.push(found);
                }
                println!("{line}");
            }
        }
    }
    summary(&all);
    let series = WAYS.into_iter().zip(points).map(|((way, name), points)| {
        let of = |percent: u32| {
            let turnout = f64::from(percent) / 100.0;
            let contest = Contest { seats: 101, voters: VOTERS, stake: 111, turnout, way };
            (turnout, contest.theory())
        };
        Series { name: name.into(), curve: (2..=80).step_by(2).map(of).collect(), points }
    });
    let plot = Plot {
        title: "Delegates of 101 that a tenth of the stake elects: theory, and measured".into(),
        x: ("turnout of the others".into(), 0.0, 0.8),
        y: ("delegates".into(), 0.0, 105.0),
        scale: Scale::Linear,
        series: series.collect(),
    };
    write(directory, "turns-apathy.svg", &plot);
}

/// Clique that stalls where the order of arrival decides between equal weights.
pub(crate) fn stalls(_: &Path, first: u64) {
    const SEEDS: u64 = 1000;
    const DELAYS: [u64; 5] = [1000, 1500, 2000, 3000, 5000];
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| authorities | a block takes up to | by arrival | by EIP-3436 | by EIP-3436, no height twice |"
    );
    println!("|---|---|---|---|---|");
    for authorities in 3..=8 {
        for delay in DELAYS {
            let columns = [(Ties::Arrival, false), (Ties::Ruled, false), (Ties::Ruled, true)];
            let cells = columns.map(|(ties, once)| {
                let race =
                    Race { authorities, ties, once, period: 1000, wiggle: 300, delay, height: 200 };
                let endings = rows.run(|seed| race.run(seed));
                let mut tally = Tally::default();
                endings.iter().for_each(|ending| tally.count(ending.stalled));
                let Interval { low, high } = tally.interval();
                format!("{} of {SEEDS} ({low:.3} to {high:.3})", tally.successes)
            });
            println!("| {authorities} | {} | {} |", delay as f64 / 1000.0, cells.join(" | "));
        }
    }
}

/// The same with whole nodes.
pub(crate) fn node_stalls(_: &Path, first: u64) {
    const SEEDS: u64 = 100;
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| authorities | a message takes up to | stalled | share | height after ten minutes, mean |"
    );
    println!("|---|---|---|---|---|");
    for authorities in [4, 5, 6, 7] {
        for delay in [1000, 3000, 5000] {
            let ends = rows.run(|seed| {
                stall::nodes(authorities, Micros::millis(delay), Micros::seconds(600), seed)
            });
            let mut tally = Tally::default();
            ends.iter().for_each(|(_, stalled)| tally.count(*stalled));
            let Interval { low, high } = tally.interval();
            let heights: Vec<f64> = ends.iter().map(|(height, _)| *height as f64).collect();
            println!(
                "| {authorities} | {} s | {} of {SEEDS} | {:.2} ({low:.3} to {high:.3}) | {:.0} |",
                delay / 1000,
                tally.successes,
                tally.share(),
                mean(&heights).0
            );
        }
    }
}

/// How many authorities it takes to take over.
pub(crate) fn takeovers(_: &Path, first: u64) {
    const SEEDS: u64 = 100;
    const BLOCKS: u64 = 1000;
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| authorities | conspire | others idle | others down | others fight | theory | alone after, blocks |"
    );
    println!("|---|---|---|---|---|---|---|");
    let (mut kept, mut runs) = (0, 0);
    for authorities in 4..=9 {
        for conspirators in authorities / 2 - 1..=authorities / 2 + 2 {
            if !(1..authorities).contains(&conspirators) {
                continue;
            }
            let mut after = Vec::new();
            let cells = [Others::Idle, Others::Down, Others::Fight].map(|others| {
                let plot = Conspiracy { authorities, conspirators, others, epoch: 30_000 };
                let results = rows.run(|seed| plot.run(BLOCKS, seed));
                let won = results.iter().filter(|it| it.others == 0).count();
                let lost = results.iter().filter(|it| it.conspirators == 0).count();
                let due = if plot.succeeds() { results.len() } else { 0 };
                kept += results.len() - won.abs_diff(due);
                runs += results.len();
                if others == Others::Idle {
                    after = results.iter().filter_map(|it| it.alone.map(|at| at as f64)).collect();
                }
                match lost {
                    0 => format!("{won} of {SEEDS}"),
                    lost => format!("{won} of {SEEDS}, {lost} thrown out"),
                }
            });
            let theory = if conspirators > authorities / 2 { "all" } else { "none" };
            let after = match after.len() {
                0 => "never".to_owned(),
                _ => format!("{:.1}", mean(&after).0),
            };
            println!(
                "| {authorities} | {conspirators} | {} | {theory} | {after} |",
                cells.join(" | ")
            );
        }
    }
    println!("\n{kept} of {runs} runs end as theory says.");
}

/// Finality that honest producers break.
pub(crate) fn finals(_: &Path, first: u64) {
    use assay::consensus::implied::FinalityRule::{
        Aura, AuraTwoThirds, Graphene, Majority, TwoThirds,
    };
    const SEEDS: u64 = 3000;
    const TURNS: usize = 70;
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| finality | producers | branch choice | runs with two conflicting finals | share | theory |"
    );
    println!("|---|---|---|---|---|---|");
    for (rule, choices) in [
        (Graphene, [Choice::Longest, Choice::Clique].as_slice()),
        (Aura, &[Choice::Longest, Choice::Clique]),
        (AuraTwoThirds, &[Choice::Longest, Choice::Clique]),
        (Majority, &[Choice::Prevoted, Choice::Clique, Choice::Longest]),
        (TwoThirds, &[Choice::Prevoted, Choice::Longest]),
    ] {
        for choice in choices.iter().copied() {
            for producers in [4, 5, 7] {
                let parted = Parted { rule, producers, choice, turns: TURNS };
                let endings = rows.run(|seed| parted.run(seed));
                let mut tally = Tally::default();
                endings.iter().for_each(|ending| tally.count(ending.conflict));
                let Interval { low, high } = tally.interval();
                let held = rule.is_implied() && (choice != Choice::Longest);
                println!(
                    "| `{}` | {producers} | {} | {} of {SEEDS} | {:.4} ({low:.4} to {high:.4}) | {} |",
                    rule.name(),
                    match choice {
                        Choice::Prevoted => "prevoted, then longest",
                        Choice::Longest => "longest",
                        Choice::Clique => "Clique",
                    },
                    tally.successes,
                    tally.share(),
                    if held { "0" } else { "" },
                );
            }
        }
    }
}

/// The shipped scenarios in which whole nodes break classical finality, and the same under implied votes.
pub(crate) fn nodes(_: &Path, first: u64) {
    const SEEDS: u64 = 100;
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| scenario | finality | runs with conflicting finals | share | other violations | final height, mean |"
    );
    println!("|---|---|---|---|---|---|");
    for (name, classical) in [("aura-finality", "aura"), ("graphene-finality", "graphene")] {
        let shipped = scenario::find(name).expect("it is shipped");
        for rule in [classical, "majority", "two_thirds"] {
            let from = format!("finality = {classical:?}");
            let text = shipped.text.replace(&from, &format!("finality = {rule:?}"));
            let specs = |name: &str| {
                assay::spec::find(name).map(str::to_owned).map_err(|error| error.to_string())
            };
            let scenario = Scenario::parse(name, &text, &specs).expect("only the rule differs");
            let runs = rows.run(|seed| {
                let outcome = scenario::run(&scenario, seed).expect("nothing in it is impossible");
                let (_, height) =
                    outcome.metrics.iter().find(|(name, _)| *name == "final_height").expect("one");
                (!outcome.foreseen.is_empty(), outcome.violations.len(), height.unwrap_or(0.0))
            });
            let mut tally = Tally::default();
            runs.iter().for_each(|(conflict, ..)| tally.count(*conflict));
            let Interval { low, high } = tally.interval();
            let others: usize = runs.iter().map(|(_, others, _)| others).sum();
            let heights: Vec<f64> = runs.iter().map(|(.., height)| *height).collect();
            println!(
                "| `{name}` | `{rule}` | {} of {SEEDS} | {:.2} ({low:.3} to {high:.3}) | {others} | {:.0} |",
                tally.successes,
                tally.share(),
                mean(&heights).0
            );
        }
    }
}

/// How long a payment waits on the shipped chains of delegates.
pub(crate) fn waiting(_: &Path, first: u64) {
    const SEEDS: u64 = 8;
    const DEPTHS: [usize; 3] = [1, 6, 10];
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| chain | away | interval | 1 on top | 6 on top | 10 on top | final after | theory | in slots | a full round | slots missed |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (name, away, rounds) in [
        ("dpos-dev", 0, 60),
        ("dpos-dev", 2, 60),
        ("graphene-like", 0, 20),
        ("graphene-like", 6, 20),
        ("dpos-101", 0, 5),
    ] {
        let (_, spec) = waits::shipped(name);
        let slot = spec.slot_time.0 as f64 / 1000.0;
        let slots = rounds * spec.delegates;
        let runs = rows.run(|seed| waits::run(name, away, slots, &DEPTHS, seed));
        let of =
            |what: &dyn Fn(&waits::Waits) -> f64| mean(&runs.iter().map(what).collect::<Vec<_>>());
        let founders = spec.founders.iter().len();
        let theory = slot * waits::ideal(founders, spec.finality, 400, first);
        let theory = if away == 0 { format!("{theory:.1} s") } else { String::new() };
        let (last, Interval { low, high }) = of(&|it| it.last);
        println!(
            "| `{name}` | {away} | {:.2} s | {:.1} s | {:.1} s | {:.1} s | {last:.1} s ({low:.1} to {high:.1}) | {theory} | {:.1} | {:.0} s | {:.1} of {slots} |",
            of(&|it| it.interval).0,
            of(&|it| it.deep[0]).0,
            of(&|it| it.deep[1]).0,
            of(&|it| it.deep[2]).0,
            of(&|it| it.slots).0,
            slot * spec.delegates as f64,
            of(&|it| it.missed as f64).0,
        );
    }
}
