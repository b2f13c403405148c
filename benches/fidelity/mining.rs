//! The economics of mining beside theory.

use std::path::Path;

use assay::sim::fidelity::mining::{cost, fair, jump};
use assay::sim::fidelity::plot::{Plot, Scale, Series};
use assay::sim::fidelity::statistics::{
    Interval, Measured, Tally, chi_square_chance, mean, median, ratio,
};
use assay::sim::fidelity::step;

use super::{Rows, cell, summary, write};

/// Who earns what.
pub(crate) fn fair_shares(_: &Path, first: u64) {
    const SEEDS: u64 = 40;
    const BLOCKS: u64 = 600;
    let mut rows = Rows::new(first, SEEDS);
    let mut all = Vec::new();
    let mut squares = Vec::new();
    println!("| hash rates | share of the hash rate | share of the blocks | share of the coins |");
    println!("|---|---|---|---|");
    for rates in [&[1.0, 2.0, 5.0][..], &[1.0; 8], &[1.0, 9.0, 90.0]] {
        let runs = rows.run(|seed| fair::run(rates, BLOCKS, seed));
        let sum: f64 = rates.iter().sum();
        let shares: Vec<f64> = rates.iter().map(|rate| rate / sum).collect();
        let names: Vec<String> = rates.iter().map(ToString::to_string).collect();
        let name = names.join(" : ");
        for (miner, share) in shares.iter().enumerate() {
            let successes = runs.iter().map(|run| run[miner].blocks).sum();
            let blocks = Tally { successes, trials: SEEDS * BLOCKS }.beside(*share);
            let coins: Vec<(f64, f64)> = runs
                .iter()
                .map(|run| (run[miner].coins, run.iter().map(|it| it.coins).sum()))
                .collect();
            let (value, interval) = ratio(&coins);
            let coins = Measured { value, interval, theory: *share };
            println!("| {name} | {share:.4} | {} | {} |", cell(&blocks, 4), cell(&coins, 4));
            all.extend([blocks, coins]);
        }
        // Independent draws: over the runs the statistics add up.
        let of = |run: &Vec<fair::Earned>| {
            let counted: Vec<u64> = run.iter().map(|it| it.blocks).collect();
            fair::chi_square(&counted, &shares)
        };
        let statistic: f64 = runs.iter().map(of).sum();
        let freedom = (SEEDS * (rates.len() as u64 - 1)) as f64;
        squares.push((name, statistic, freedom));
    }
    summary(&all);
    println!(
        "\n| hash rates | chi-square of all runs | degrees of freedom | chance of one as large |"
    );
    println!("|---|---|---|---|");
    for (name, statistic, freedom) in squares {
        let chance = chi_square_chance(statistic, freedom);
        println!("| {name} | {statistic:.1} | {freedom} | {chance:.3} |");
    }
}

/// A number with about three figures.
fn short(number: f64) -> String {
    match number.abs() {
        0.0..10.0 => format!("{number:.2}"),
        10.0..100.0 => format!("{number:.1}"),
        100.0..1e5 => format!("{number:.0}"),
        _ => format!("{:.1} × 10⁵", number / 1e5),
    }
}

/// The hash rate jumps by 10⁵ and back.
pub(crate) fn jumps(directory: &Path, first: u64) {
    const SEEDS: u64 = 10;
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| algorithm | jump | blocks until right | block times until right | longest interval | blocks ahead of the schedule | longest expected afterwards | mean interval afterwards |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for (name, pow) in step::ALGORITHMS {
        let runs = rows.run(|seed| jump::legs(pow, jump::FACTOR, seed));
        for (word, course) in [("× 10⁵", &mut up), ("÷ 10⁵", &mut down)] {
            let leg = |run: &(Vec<jump::Found>, Vec<jump::Found>)| match word {
                "× 10⁵" => run.0.clone(),
                _ => run.1.clone(),
            };
            let legs: Vec<Vec<jump::Found>> = runs.iter().map(leg).collect();
            let summaries: Vec<jump::Summary> =
                legs.iter().map(|leg| jump::Summary::of(leg)).collect();
            let middle = |figure: &dyn Fn(&jump::Summary) -> f64| {
                let mut values: Vec<f64> = summaries.iter().map(figure).collect();
                let (value, Interval { low, high }) = median(&mut values);
                format!("{} ({} to {})", short(value), short(low), short(high))
            };
            let never = summaries.iter().filter(|it| it.blocks.is_none()).count();
            let never = if never > 0 { format!(", {never} never") } else { String::new() };
            println!(
                "| `{name}` | {word} | {}{never} | {} | {} | {} | {} | {} |",
                middle(&|it| it.blocks.unwrap_or(0) as f64),
                middle(&|it| it.times),
                middle(&|it| it.longest),
                middle(&|it| it.ahead),
                middle(&|it| it.overshoot),
                middle(&|it| it.rest),
            );
            // The median over the runs, block by block, as long as most of them go.
            let long = legs.iter().map(Vec::len).min().unwrap_or(0).min(700);
            let curve = (0..long).map(|block| {
                let mut values: Vec<f64> = legs.iter().map(|leg| leg[block].expected).collect();
                (block as f64, median(&mut values).0)
            });
            course.push(Series { name: name.into(), curve: curve.collect(), points: vec![] });
        }
    }
    for (name, title, blocks, series) in [
        ("jump-up.svg", "rose to 10⁵ times what it was", 700.0, up),
        ("jump-down.svg", "fell to 10⁻⁵ of what it was", 250.0, down),
    ] {
        let series = series
            .into_iter()
            .map(|it| Series {
                curve: it.curve.into_iter().filter(|(block, _)| *block <= blocks).collect(),
                ..it
            })
            .collect();
        let plot = Plot {
            title: format!("What a block is expected to take after the hash rate {title}"),
            x: ("blocks after the jump".into(), 0.0, blocks),
            y: ("block times".into(), 1e-5, 1e5),
            scale: Scale::Logarithmic,
            series,
        };
        write(directory, name, &plot);
    }
    println!("\n| ahead of the clock at most | in | blocks | at most | without a rule of times |");
    println!("|---|---|---|---|---|");
    for (limit, lasts) in [(20, 100), (100, 100), (1000, 1000), (2000, 1000)] {
        let blocks = rows.run(|seed| jump::burst(limit, lasts, seed) as f64);
        let (most, value) = (jump::blocks_at_most(limit, lasts), mean(&blocks).0);
        let without = f64::from(jump::TRIES) * jump::FACTOR / f64::from(jump::TRIES) / 1e3;
        println!(
            "| {limit} ms | {lasts} ms | {value:.0} | {most} | {:.0} |",
            without * lasts as f64
        );
    }
}

/// Miners who leave and come back.
pub(crate) fn costs(directory: &Path, first: u64) {
    const SEEDS: u64 = 20;
    let mut rows = Rows::new(first, SEEDS);
    let mut all = Vec::new();
    println!(
        "| miners | phase | a block brings | machines on | theory | energy of a block's hashes | theory | interval at first |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let (mut rates, mut attacks) = (Vec::new(), Vec::new());
    for (name, who) in cost::SYSTEMS {
        let runs = rows.run(|seed| cost::run(&who, cost::PHASES.len(), seed));
        for (place, phase) in cost::PHASES.iter().enumerate() {
            let (share, energy) = cost::theory(&who, phase);
            let settled = |figure: &dyn Fn(&cost::Look) -> f64| {
                let of = |run: &Vec<cost::Look>| {
                    let values: Vec<f64> = cost::settled(run, place).map(figure).collect();
                    values.iter().sum::<f64>() / values.len() as f64
                };
                mean(&runs.iter().map(of).collect::<Vec<_>>())
            };
            let beside = |(value, interval), theory| Measured { value, interval, theory };
            let on = beside(settled(&|look| look.sample.share), share);
            let spent = beside(settled(&|look| look.sample.block_cost()), energy);
            let first: Vec<f64> =
                runs.iter().map(|run| cost::interval_at_first(run, place, 600)).collect();
            println!(
                "| {name} | {} | {} | {} | {share:.4} | {} | {energy:.2} | {:.3} |",
                phase.name,
                phase.price * phase.reward,
                cell(&on, 4),
                cell(&spent, 2),
                mean(&first).0,
            );
            all.extend([on, spent]);
        }
        // Every fiftieth look: half a ramp.
        let course = |figure: &dyn Fn(&cost::Look) -> f64| -> Vec<(f64, f64, Interval)> {
            let looks = 0..runs.iter().map(Vec::len).min().unwrap_or(0);
            let at = looks.step_by(50);
            at.map(|look| {
                let values: Vec<f64> = runs.iter().map(|run| figure(&run[look])).collect();
                let (value, interval) = mean(&values);
                (runs[0][look].sample.at.0 as f64 / 1e6, value, interval)
            })
            .collect()
        };
        let steps = |figure: &dyn Fn(&cost::Phase) -> f64| -> Vec<(f64, f64)> {
            let lasts = cost::LASTS as f64;
            let phases = cost::PHASES.iter().enumerate();
            phases
                .flat_map(|(place, phase)| {
                    let from = place as f64 * lasts;
                    [(from, figure(phase)), (from + lasts, figure(phase))]
                })
                .collect()
        };
        let series = |curve, points| Series { name: name.into(), curve, points };
        rates.push(series(
            steps(&|phase| cost::theory(&who, phase).0),
            course(&|look| look.sample.share),
        ));
        attacks.push(series(
            steps(&|phase| cost::theory(&who, phase).1),
            course(&|look| look.sample.block_cost()),
        ));
    }
    let brings: Vec<(f64, f64)> = cost::PHASES
        .iter()
        .enumerate()
        .flat_map(|(place, phase)| {
            let (from, lasts) = (place as f64 * cost::LASTS as f64, cost::LASTS as f64);
            [(from, phase.price * phase.reward), (from + lasts, phase.price * phase.reward)]
        })
        .collect();
    attacks.push(Series { name: "what a block brings".into(), curve: brings, points: vec![] });
    summary(&all);
    let end = (cost::LASTS * cost::PHASES.len() as u64) as f64;
    for (name, title, (what, most), series) in [
        ("cost-hash-rate.svg", "Machines that are on", ("share", 1.1), rates),
        ("cost-attack.svg", "The energy that a rewritten block costs", ("money", 60.0), attacks),
    ] {
        let plot = Plot {
            title: format!("{title}: free entry, and measured"),
            x: ("block times".into(), 0.0, end),
            y: (what.into(), 0.0, most),
            scale: Scale::Linear,
            series,
        };
        write(directory, name, &plot);
    }
}
