//! Attacks on stake beside theory.

use std::path::Path;

use assay::sim::Micros;
use assay::sim::fidelity::plot::{Plot, Scale, Series};
use assay::sim::fidelity::stake::forks::{self, Attack, Ending};
use assay::sim::fidelity::stake::{grinding as ground, majority as both, old_keys as keys};
use assay::sim::fidelity::statistics::{Interval, Measured, Tally, mean, ratio};

use super::{Rows, cell, summary, write};

/// Double spends in the open, with others who sign on every branch.
pub(crate) fn forks(directory: &Path, first: u64) {
    const SEEDS: u64 = 400;
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| cheaters | z | measured | theory | undone before | with coin age | offences proven |"
    );
    println!("|---|---|---|---|---|---|---|");
    let (mut all, mut series) = (Vec::new(), Vec::new());
    for cheaters in [0, 300, 600, 800] {
        let mut points = Vec::new();
        let attack = |confirmations| Attack {
            ages: forks::FLAT,
            attacker: 100,
            cheaters,
            confirmations,
            give_up: 8,
            evidence: 20,
        };
        for confirmations in [1, 2, 4, 6] {
            let attack = attack(confirmations);
            let attempts = rows.run(|seed| forks::attempt(&attack, seed));
            let mut tally = Tally::default();
            attempts.iter().for_each(|it| tally.count(it.ending == Ending::Success));
            let early = attempts.iter().filter(|it| it.ending == Ending::TooEarly).count();
            let aged = Attack { ages: forks::GROWING, ..attack };
            let aged = rows.run(|seed| forks::attempt(&aged, seed));
            let mut tally_aged = Tally::default();
            aged.iter().for_each(|it| tally_aged.count(it.ending == Ending::Success));
            let Interval { low, high } = tally_aged.interval();
            let proofs: u64 = attempts.iter().chain(&aged).map(|it| it.proofs).sum();
            let measured = tally.beside(forks::success(&attack));
            println!(
                "| {} | {confirmations} | {} | {:.4} | {early} | {:.4} ({low:.4} to {high:.4}) | {proofs} |",
                cheaters as f64 / 1000.0,
                cell(&measured, 4),
                measured.theory,
                tally_aged.share(),
            );
            points.push((confirmations as f64, measured.value, measured.interval));
            all.push(measured);
        }
        let curve = (1..=7).map(|z| (z as f64, forks::success(&attack(z)))).collect();
        series.push(Series { name: format!("β = {}", cheaters as f64 / 1000.0), curve, points });
    }
    summary(&all);
    let plot = Plot {
        title: "Nothing at stake: double spends with a tenth of the stake, theory, and measured"
            .into(),
        x: ("confirmations".into(), 0.0, 7.5),
        y: ("share".into(), 1e-4, 1.0),
        scale: Scale::Logarithmic,
        series,
    };
    write(directory, "stake-forks.svg", &plot);
}

/// Forks that come by themselves where stakers sign on every branch.
pub(crate) fn quiet(_: &Path, first: u64) {
    const SEEDS: u64 = 20;
    const BLOCKS: u64 = 200;
    let latency = Micros::seconds(1);
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| cheaters of eight | evidence | blocks off the chain | reorganisations a run | deepest, mean | deepest of all | offences proven |"
    );
    println!("|---|---|---|---|---|---|---|");
    for cheaters in [0, 2, 4, 6] {
        for evidence in [0, 20] {
            let runs = rows.run(|seed| forks::quiet(cheaters, latency, BLOCKS, evidence, seed));
            let counts: Vec<_> = runs.iter().map(|it| (it.stale as f64, it.all as f64)).collect();
            let (value, interval) = ratio(&counts);
            let mean_of = |what: &dyn Fn(&forks::Quiet) -> f64| {
                mean(&runs.iter().map(what).collect::<Vec<_>>()).0
            };
            let deepest = runs.iter().map(|run| run.deepest).fold(0.0, f64::max);
            let proofs: u64 = runs.iter().map(|run| run.proofs).sum();
            println!(
                "| {cheaters} | {} | {value:.4} ({:.4} to {:.4}) | {:.1} | {:.1} | {deepest} | {proofs} |",
                if evidence > 0 { "yes" } else { "no" },
                interval.low,
                interval.high,
                mean_of(&|run| run.reorganisations),
                mean_of(&|run| run.deepest),
            );
        }
    }
}

/// A history rewritten with old keys.
pub(crate) fn old_keys(_: &Path, first: u64) {
    const SEEDS: u64 = 40;
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| block times | height of the public chain | heavier | online follow | new follow | new with a checkpoint follow |"
    );
    println!("|---|---|---|---|---|---|");
    for block_times in [5, 15, 60, 200] {
        let runs = rows.run(|seed| keys::attempt(block_times, seed));
        let share = |what: &dyn Fn(&keys::Rewrite) -> bool| {
            let mut tally = Tally::default();
            runs.iter().for_each(|run| tally.count(what(run)));
            format!("{} of {}", tally.successes, tally.trials)
        };
        let heights = mean(&runs.iter().map(|run| run.public as f64).collect::<Vec<_>>()).0;
        println!(
            "| {block_times} | {heights:.1} | {} | {} | {} | {} |",
            share(&|run| run.heavier),
            share(&|run| run.online),
            share(&|run| run.new),
            share(&|run| run.told)
        );
    }
}

/// Choosing among own wins.
pub(crate) fn grinding(_: &Path, first: u64) {
    const SEEDS: u64 = 20;
    const BLOCKS: u64 = 1000;
    const IDEAL: u64 = 100_000;
    let mut rows = Rows::new(first, SEEDS);
    println!("| stake | age matters | wins ahead | measured share | on ideal dice |");
    println!("|---|---|---|---|---|");
    let mut all = Vec::new();
    for coins in [10, 30, 45] {
        for depth in [1, 2, 3] {
            let ideal = rows.run(|seed| ground::ideal(coins, depth, IDEAL, seed));
            let theory = mean(&ideal).0;
            for (name, ages) in ground::AGES {
                let runs = rows.run(|seed| ground::run(coins, depth, ages, BLOCKS, seed));
                let counts: Vec<_> = runs.iter().map(|it| (it.own as f64, it.all as f64)).collect();
                let (value, interval) = ratio(&counts);
                let measured = Measured { value, interval, theory };
                println!(
                    "| {} | {name} | {depth} | {} | {theory:.4} |",
                    coins as f64 / 100.0,
                    cell(&measured, 4)
                );
                if name == "none" {
                    all.push(measured);
                }
            }
        }
    }
    summary(&all);
}

/// A majority of stake, of hashes, of both.
pub(crate) fn majority(_: &Path, first: u64) {
    const SEEDS: u64 = 300;
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| trust | stake | hashes | block times | rewritten | theory | blocks deep | theory |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut all = Vec::new();
    for peercoin in [false, true] {
        for (stake, work) in
            [(0.51, 0.0), (0.0, 0.51), (0.51, 0.51), (0.8, 0.0), (0.0, 0.8), (0.6, 0.6)]
        {
            for lasts in [10, 40] {
                let attack = both::Attack { peercoin, stake, work, lasts };
                let runs = rows.run(|seed| both::attempt(&attack, seed));
                let mut tally = Tally::default();
                runs.iter().for_each(|run| tally.count(run.success));
                let measured = tally.beside(both::theory(&attack));
                let depths: Vec<f64> = runs.iter().map(|run| run.depth as f64).collect();
                println!(
                    "| {} | {stake} | {work} | {lasts} | {} | {:.4} | {:.1} | {:.1} |",
                    if peercoin { "`peercoin`" } else { "`relative`" },
                    cell(&measured, 4),
                    measured.theory,
                    mean(&depths).0,
                    both::depth(&attack)
                );
                all.push(measured);
            }
        }
    }
    summary(&all);
}
