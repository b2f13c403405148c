//! The simulator beside theory: `docs/fidelity.md` holds what this prints.
//!
//! `cargo bench --no-default-features --bench fidelity -- [EXPERIMENT [DIRECTORY [SEED]]]` runs one experiment, or all, on
//! all cores, and writes its plots to a directory (`target/fidelity` by itself). Each row of a table has seeds of its own, from
//! `SEED` on.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::fs;
use std::path::Path;
use std::time::Instant;

use assay::sim::Micros;
use assay::sim::fidelity::double_spend::{self, Attack, Outcome};
use assay::sim::fidelity::plot::{Plot, Scale, Series};
use assay::sim::fidelity::raft;
use assay::sim::fidelity::selfish::{self, Position};
use assay::sim::fidelity::stale;
use assay::sim::fidelity::statistics::{
    Interval, Measured, Tally, exponential_fit, mean, median, ratio,
};
use assay::sim::fidelity::step;
use rayon::prelude::*;

#[path = "fidelity/agreement.rs"]
mod agreement;
#[path = "fidelity/attacks.rs"]
mod attacks;
#[path = "fidelity/mining.rs"]
mod mining;
#[path = "fidelity/stake.rs"]
mod stake;
#[path = "fidelity/turns.rs"]
mod turns;

/// What an experiment is called, and what runs it.
type Experiment = (&'static str, fn(&Path, u64));

const EXPERIMENTS: [Experiment; 31] = [
    ("double-spend", double_spends),
    ("selfish", selfish_mining),
    ("stale", stale_blocks),
    ("interval", intervals),
    ("retarget", retargeting),
    ("raft-election", elections),
    ("raft-decision", decisions),
    ("agreement-messages", agreement::messages),
    ("mining-fair", mining::fair_shares),
    ("mining-jump", mining::jumps),
    ("mining-cost", mining::costs),
    ("stake-share", stake::shares),
    ("stake-inflation", stake::inflation),
    ("stake-split", stake::splits),
    ("stake-hoard", stake::hoarding),
    ("stake-wealth", stake::wealth),
    ("stake-forks", attacks::forks),
    ("stake-quiet", attacks::quiet),
    ("stake-old-keys", attacks::old_keys),
    ("stake-grinding", attacks::grinding),
    ("stake-majority", attacks::majority),
    ("stake-season", stake::season),
    ("turns-shuffle", turns::shuffles),
    ("turns-seed", turns::seeds),
    ("turns-apathy", turns::apathy),
    ("turns-stall", turns::stalls),
    ("turns-node-stall", turns::node_stalls),
    ("turns-takeover", turns::takeovers),
    ("turns-finals", turns::finals),
    ("turns-nodes", turns::nodes),
    ("turns-waits", turns::waiting),
];

/// A value in a table: in bold where theory lies outside the interval.
fn cell(measured: &Measured, digits: usize) -> String {
    let Measured { value, interval: Interval { low, high }, .. } = *measured;
    let text = format!("{value:.digits$} ({low:.digits$} to {high:.digits$})");
    if measured.agrees() { text } else { format!("**{text}**") }
}

fn write(directory: &Path, name: &str, plot: &Plot) {
    let path = directory.join(name);
    let written = fs::create_dir_all(directory).and_then(|()| fs::write(&path, plot.svg()));
    match written {
        Ok(()) => println!("\nplot: {}", path.display()),
        Err(error) => println!("\nno plot in {}: {error}", path.display()),
    }
}

/// The seeds of a row: no two rows share any, or chance would make the same of both.
struct Rows {
    next: u64,
    each: u64,
}

impl Rows {
    fn new(first: u64, each: u64) -> Self {
        println!("Seeds from {first}, {each} for each row.\n");
        Self { next: first, each }
    }

    /// Runs the next row.
    fn run<T: Send>(&mut self, run: impl Fn(u64) -> T + Send + Sync) -> Vec<T> {
        let begin = self.next;
        self.next += self.each;
        (begin..self.next).into_par_iter().map(run).collect()
    }
}

/// How many intervals hold what theory says.
fn summary(all: &[Measured]) {
    let held = all.iter().filter(|measured| measured.agrees()).count();
    println!("\n{held} of {} intervals of 95 % hold the theory.", all.len());
}

fn double_spends(directory: &Path, first: u64) {
    const SEEDS: u64 = 3000;
    const GIVE_UP: u64 = 8;
    let (mut all, mut lines) = (Vec::new(), Vec::new());
    let mut rows = Rows::new(first, SEEDS);
    println!("| q | z | measured | theory | Rosenfeld | Nakamoto | successes |");
    println!("|---|---|---|---|---|---|---|");
    for share in [0.1, 0.2, 0.3] {
        let mut points = Vec::new();
        for confirmations in [1, 2, 4, 6] {
            let attack = Attack { share, confirmations, give_up: GIVE_UP };
            let outcomes = rows.run(|seed| double_spend::attempt(&attack, seed));
            let mut tally = Tally::default();
            outcomes.iter().for_each(|outcome| tally.count(*outcome == Outcome::Success));
            let stuck = outcomes.iter().filter(|it| **it == Outcome::NotFollowed).count();
            let measured = tally.beside(double_spend::limited(&attack));
            println!(
                "| {share} | {confirmations} | {} | {:.5} | {:.5} | {:.5} | {} of {}{} |",
                cell(&measured, 4),
                measured.theory,
                double_spend::rosenfeld(share, confirmations),
                double_spend::nakamoto(share, confirmations),
                tally.successes,
                tally.trials,
                if stuck > 0 { format!(", {stuck} not followed") } else { String::new() },
            );
            points.push((confirmations as f64, measured.value, measured.interval));
            all.push(measured);
        }
        let curve = |theory: fn(f64, u64) -> f64| {
            (1..=7).map(|z| (z as f64, theory(share, z))).collect::<Vec<_>>()
        };
        let curves = (curve(double_spend::rosenfeld), curve(double_spend::nakamoto));
        lines.push(Series { name: format!("q = {share}"), curve: curves.0, points });
        lines.push(Series { name: "  Nakamoto".into(), curve: curves.1, points: Vec::new() });
    }
    summary(&all);
    let plot = Plot {
        title: "Double spends that succeed: Rosenfeld's and Nakamoto's curves, and measured".into(),
        x: ("confirmations".into(), 0.0, 7.5),
        y: ("share".into(), 1e-4, 1.0),
        scale: Scale::Logarithmic,
        series: lines,
    };
    write(directory, "double-spend.svg", &plot);
}

fn selfish_mining(directory: &Path, first: u64) {
    const SEEDS: u64 = 30;
    const BLOCKS: u64 = 600;
    let (mut all, mut lines) = (Vec::new(), Vec::new());
    let mut rows = Rows::new(first, SEEDS);
    println!("| γ | α | measured | theory | pays |");
    println!("|---|---|---|---|---|");
    for position in [Position::Behind, Position::Before(2), Position::Before(8)] {
        let gamma = position.gamma();
        let mut points = Vec::new();
        for alpha in [0.15, 0.25, 0.3, 0.35, 0.4, 0.45] {
            let runs = rows.run(|seed| {
                let revenue = selfish::run(alpha, position, BLOCKS, seed);
                (revenue.own as f64, revenue.all as f64)
            });
            let (value, interval) = ratio(&runs);
            let measured = Measured { value, interval, theory: selfish::revenue(alpha, gamma) };
            let pays = match (interval.low > alpha, interval.high < alpha) {
                (true, _) => "yes",
                (_, true) => "no",
                _ => "undecided",
            };
            println!(
                "| {gamma} | {alpha} | {} | {:.4} | {pays} |",
                cell(&measured, 4),
                measured.theory
            );
            points.push((alpha, value, interval));
            all.push(measured);
        }
        println!("| {gamma} | threshold | | {:.4} | |", selfish::threshold(gamma));
        let curve = |n: u32| {
            let alpha = f64::from(n) / 100.0;
            (alpha, selfish::revenue(alpha, gamma))
        };
        let (name, curve) = (format!("γ = {gamma}"), (10..=48).map(curve).collect());
        lines.push(Series { name, curve, points });
    }
    summary(&all);
    let curve = vec![(0.0, 0.0), (0.5, 0.5)];
    lines.push(Series { name: "honest".into(), curve, points: Vec::new() });
    let plot = Plot {
        title: "What a selfish miner gets: Eyal and Sirer's curve, and measured".into(),
        x: ("share of the hash rate, α".into(), 0.0, 0.5),
        y: ("share of the chain".into(), 0.0, 1.0),
        scale: Scale::Linear,
        series: lines,
    };
    write(directory, "selfish.svg", &plot);
}

fn stale_blocks(directory: &Path, first: u64) {
    const SEEDS: u64 = 20;
    const BLOCKS: u64 = 500;
    const MINERS: usize = 8;
    let mut rows = Rows::new(first, SEEDS);
    let (mut all, mut points) = (Vec::new(), Vec::new());
    println!("| D ⁄ T | measured | 1 − exp(−x) | x ⁄ (1 + x) |");
    println!("|---|---|---|---|");
    for millis in [10, 20, 50, 100, 200, 400] {
        let latency = Micros::millis(millis);
        let runs = rows.run(|seed| {
            let found = stale::run(MINERS, latency, BLOCKS, seed);
            (found.stale as f64, found.all as f64)
        });
        let (value, interval) = ratio(&runs);
        let measured = Measured { value, interval, theory: stale::stale(MINERS, latency) };
        let delay = latency.as_seconds() / stale::SPACING;
        let (text, most) = (cell(&measured, 4), stale::stale_at_most(MINERS, latency));
        println!("| {delay} | {text} | {:.4} | {most:.4} |", measured.theory);
        points.push((delay, value, interval));
        all.push(measured);
    }
    summary(&all);
    let curve = |theory: fn(usize, Micros) -> f64| {
        let at = |millis| (f64::from(millis) / 1000.0, Micros::millis(u64::from(millis)));
        (0_u32..=500).step_by(10).map(|it| (at(it).0, theory(MINERS, at(it).1))).collect()
    };
    let series = vec![
        Series { name: "1 − exp(−x)".into(), curve: curve(stale::stale), points },
        Series { name: "x ⁄ (1 + x)".into(), curve: curve(stale::stale_at_most), points: vec![] },
    ];
    let plot = Plot {
        title: "Stale blocks of eight equal miners: theory, and measured".into(),
        x: ("delay ⁄ block time, D ⁄ T".into(), 0.0, 0.5),
        y: ("share of blocks".into(), 0.0, 0.4),
        scale: Scale::Linear,
        series,
    };
    write(directory, "stale.svg", &plot);
}

fn intervals(directory: &Path, first: u64) {
    const SEEDS: u64 = 20;
    const BLOCKS: usize = 500;
    let mut rows = Rows::new(first, SEEDS);
    let mut seconds = rows.run(|seed| stale::intervals(BLOCKS, seed)).concat();
    let (value, interval) = mean(&seconds);
    let average = Measured { value, interval, theory: stale::SPACING };
    let (distance, chance) = exponential_fit(&mut seconds, stale::SPACING);
    println!(
        "| intervals | mean, in block times | Kolmogorov and Smirnov | chance of one as large |"
    );
    println!("|---|---|---|---|");
    println!("| {} | {} | {distance:.4} | {chance:.3} |\n", seconds.len(), cell(&average, 4));
    println!("| longer than | measured | theory |");
    println!("|---|---|---|");
    let (mut all, mut points) = (Vec::new(), Vec::new());
    for halves in 1..=12_u32 {
        let than = f64::from(halves) / 2.0;
        let mut tally = Tally::default();
        seconds.iter().for_each(|it| tally.count(*it > than));
        let measured = tally.beside((-than).exp());
        println!("| {than} T | {} | {:.4} |", cell(&measured, 4), measured.theory);
        points.push((than, measured.value, measured.interval));
        all.push(measured);
    }
    summary(&all);
    let curve = (0..=70_u32).map(|n| f64::from(n) / 10.0).map(|x| (x, (-x).exp())).collect();
    let plot = Plot {
        title: "Intervals between blocks: exponential, and measured".into(),
        x: ("interval, in block times".into(), 0.0, 7.0),
        y: ("share that is longer".into(), 1e-3, 1.0),
        scale: Scale::Logarithmic,
        series: vec![Series { name: "exp(−t ⁄ T)".into(), curve, points }],
    };
    write(directory, "interval.svg", &plot);
}

fn retargeting(directory: &Path, first: u64) {
    const SEEDS: u64 = 50;
    const BLOCKS: u64 = 300;
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| algorithm | step | blocks | blocks without chance | block times | without chance |"
    );
    println!("|---|---|---|---|---|---|");
    let mut plots = Vec::new();
    for (factor, name) in [(4.0, "up"), (0.25, "down")] {
        let mut series = Vec::new();
        for (algorithm, lines) in step::ALGORITHMS {
            let responses = rows.run(|seed| {
                let drawn = step::response(lines, factor, BLOCKS, seed);
                (drawn, step::ideal(lines, factor, BLOCKS, seed))
            });
            // What a block is expected to take, summed up to the arrival; all blocks where there is none.
            let reach = |response: &[f64]| {
                let blocks = step::arrival(response).unwrap_or(response.len());
                (blocks as f64, response[..blocks].iter().sum::<f64>())
            };
            let late = responses.iter().filter(|(it, _)| step::arrival(it).is_none()).count();
            let drawn: Vec<_> = responses.iter().map(|(drawn, _)| reach(drawn)).collect();
            let ideal: Vec<_> = responses.iter().map(|(_, ideal)| reach(ideal)).collect();
            let middle = |values: Vec<f64>| {
                let mut values = values;
                median(&mut values)
            };
            let (blocks, sure) = middle(drawn.iter().map(|it| it.0).collect());
            let (times, sure_times) = middle(drawn.iter().map(|it| it.1).collect());
            let (ideal_blocks, _) = middle(ideal.iter().map(|it| it.0).collect());
            let (ideal_times, _) = middle(ideal.iter().map(|it| it.1).collect());
            let note = if late > 0 { format!(", {late} never") } else { String::new() };
            println!(
                "| `{algorithm}` | × {factor} | {blocks} ({} to {}){note} | {ideal_blocks} | \
                 {times:.0} ({:.0} to {:.0}) | {ideal_times:.0} |",
                sure.low, sure.high, sure_times.low, sure_times.high,
            );
            let at = |block: usize| middle(responses.iter().map(|it| it.0[block]).collect());
            let points = (0..200).step_by(10).map(|block| {
                let (value, interval) = at(block);
                (block as f64, value, interval)
            });
            let curve = (0..200).map(|block| {
                (block as f64, middle(responses.iter().map(|it| it.1[block]).collect()).0)
            });
            let (points, curve) = (points.collect(), curve.collect());
            series.push(Series { name: algorithm.into(), curve, points });
        }
        let plot = Plot {
            title: format!("Hash rate × {factor}: without chance, and measured medians"),
            x: ("blocks after the step".into(), 0.0, 200.0),
            y: ("expected interval, in block times".into(), 0.1, 10.0),
            scale: Scale::Logarithmic,
            series,
        };
        plots.push((format!("retarget-{name}.svg"), plot));
    }
    plots.iter().for_each(|(name, plot)| write(directory, name, plot));
}

fn elections(directory: &Path, first: u64) {
    const SEEDS: u64 = 500;
    let quick = (Micros(100), Micros(100));
    let slow = (Micros(20_500), Micros(4000));
    let mut rows = Rows::new(first, SEEDS);
    let (mut all, mut times, mut splits) = (Vec::new(), Vec::new(), Vec::new());
    println!("| n | T, ms | election, ms | theory | split votes, d = 20.5 ms, w = 4 ms | theory |");
    println!("|---|---|---|---|---|---|");
    for n in [3, 5, 7] {
        let (mut points, mut shares) = (Vec::new(), Vec::new());
        for millis in [150_u32, 300, 500, 1000] {
            let timeout = Micros::millis(u64::from(millis));
            let took: Vec<f64> =
                rows.run(|seed| raft::election(n, timeout, quick, seed).took * 1e3);
            let (value, interval) = mean(&took);
            let theory = raft::election_time(n, timeout, quick) * 1e3;
            let time = Measured { value, interval, theory };
            let mut tally = Tally::default();
            rows.run(|seed| raft::election(n, timeout, slow, seed).split)
                .iter()
                .for_each(|split| tally.count(*split > 0));
            let split = tally.beside(raft::split_votes(n, timeout, slow));
            let (text, share) = (cell(&time, 1), cell(&split, 3));
            println!("| {n} | {millis} | {text} | {theory:.1} | {share} | {:.3} |", split.theory);
            points.push((f64::from(millis), value, interval));
            shares.push((f64::from(millis), split.value, split.interval));
            all.extend([time, split]);
        }
        let at = |it: u32| Micros::millis(u64::from(it));
        let curve = |theory: &dyn Fn(Micros) -> f64| {
            (100..=1000).step_by(10).map(|it| (f64::from(it), theory(at(it)))).collect()
        };
        let name = format!("n = {n}");
        let time = curve(&|timeout| raft::election_time(n, timeout, quick) * 1e3);
        times.push(Series { name: name.clone(), curve: time, points });
        let split = curve(&|timeout| raft::split_votes(n, timeout, slow));
        splits.push(Series { name, curve: split, points: shares });
    }
    summary(&all);
    let x = ("shortest election timeout, T, ms".into(), 0.0, 1000.0);
    let plot = Plot {
        title: "From a leader's last word to the next leader: theory, and measured".into(),
        x: x.clone(),
        y: ("ms".into(), 0.0, 1500.0),
        scale: Scale::Linear,
        series: times,
    };
    write(directory, "raft-election.svg", &plot);
    let plot = Plot {
        title: "Elections whose first vote is split: theory, and measured".into(),
        x,
        y: ("share".into(), 0.0, 0.4),
        scale: Scale::Linear,
        series: splits,
    };
    write(directory, "raft-split.svg", &plot);
}

fn decisions(directory: &Path, first: u64) {
    const SEEDS: u64 = 10;
    let mut rows = Rows::new(first, SEEDS);
    println!("| d, ms | w, ms | decision, ms | 2d + w |");
    println!("|---|---|---|---|");
    let mut series = Vec::new();
    for micros in [0, 300, 2000, 10_000] {
        let write = Micros(micros);
        let mut points = Vec::new();
        for millis in [1_u32, 5, 20, 50] {
            let delay = Micros::millis(u64::from(millis));
            let took = rows.run(|seed| raft::decisions((delay, write), seed)).concat();
            let (value, interval) = mean(&took.iter().map(|it| it * 1e3).collect::<Vec<_>>());
            let theory = 2.0 * f64::from(millis) + micros as f64 / 1e3;
            let Interval { low, high } = interval;
            let w = micros as f64 / 1e3;
            println!("| {millis} | {w} | {value:.2} ({low:.2} to {high:.2}) | {theory:.1} |");
            points.push((f64::from(millis), value, interval));
        }
        let w = micros as f64 / 1e3;
        let curve = vec![(0.0, w), (55.0, 110.0 + w)];
        series.push(Series { name: format!("w = {w} ms"), curve, points });
    }
    let plot = Plot {
        title: "From a draft to its decision at the leader: 2d + w, and measured".into(),
        x: ("delay of a line, d, ms".into(), 0.0, 55.0),
        y: ("ms".into(), 0.0, 150.0),
        scale: Scale::Linear,
        series,
    };
    write(directory, "raft-latency.svg", &plot);
}

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let wanted = arguments.first().map_or("all", String::as_str);
    let directory = arguments.get(1).map_or("target/fidelity", String::as_str);
    let first = arguments.get(2).and_then(|it| it.parse().ok()).unwrap_or(0);
    let chosen = EXPERIMENTS.iter().filter(|(name, _)| wanted == "all" || name.starts_with(wanted));
    let mut ran = false;
    for (name, experiment) in chosen {
        println!("\n## {name}\n");
        let begin = Instant::now();
        experiment(Path::new(directory), first);
        println!(
            "{:.0} s on {} threads",
            begin.elapsed().as_secs_f64(),
            rayon::current_num_threads()
        );
        ran = true;
    }
    if !ran {
        let names: Vec<&str> = EXPERIMENTS.iter().map(|(name, _)| *name).collect();
        println!("no experiment is called {wanted}: there are {}, and all", names.join(", "));
    }
}
