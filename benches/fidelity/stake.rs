//! Coin-age stake beside theory.

use std::path::Path;

use assay::sim::fidelity::plot::{Plot, Scale, Series};
use assay::sim::fidelity::stake::renewal::Ages;
use assay::sim::fidelity::stake::share::{FIXED, Holding, Plan};
use assay::sim::fidelity::stake::{hoard, season, wealth};
use assay::sim::fidelity::statistics::{Measured, mean, ratio};
use assay::types::concentration::{self, gini};

use super::{Rows, cell, summary, write};

/// Seconds between blocks: so wide that two coins seldom win in one second.
const SPACING: u64 = 60;

const AGES: Ages = Ages { min: 600, max: 7200 };

fn holder(coins: usize, each: u64) -> Holding {
    Holding { coins, each, awake: true }
}

fn plan(holders: Vec<Holding>, interest: u64) -> Plan {
    Plan { holders, ages: AGES, spacing: SPACING, interest, rest: 0, window: FIXED }
}

/// The share of the blocks beside the share of the stake, with many equal coins and with few unequal ones.
pub(crate) fn shares(directory: &Path, first: u64) {
    const SEEDS: u64 = 20;
    const BLOCKS: u64 = 600;
    let plans = [
        ("many equal coins", plan((1..=4).map(|it| holder(20 * it, 100)).collect(), 0)),
        ("one coin each, among many", {
            let mut holders: Vec<Holding> = (1..=4).map(|it| holder(1, 2000 * it)).collect();
            holders.push(holder(80, 100));
            plan(holders, 0)
        }),
        ("one coin each", {
            let holders = (1..=4).map(|it| holder(1, 2000 * it)).collect();
            Plan { spacing: 900, ..plan(holders, 0) }
        }),
    ];
    let mut rows = Rows::new(first, SEEDS);
    println!("| chain | share of the stake | measured share of the blocks | theory |");
    println!("|---|---|---|---|");
    let (mut all, mut series) = (Vec::new(), Vec::new());
    for (name, plan) in plans {
        let runs = rows.run(|seed| plan.run(BLOCKS, seed));
        let (mut curve, mut points) = (vec![(0.0, 0.0)], Vec::new());
        for holder in 0..4 {
            let counts: Vec<(f64, f64)> =
                runs.iter().map(|run| (run.blocks[holder] as f64, run.all as f64)).collect();
            let (value, interval) = ratio(&counts);
            let measured = Measured { value, interval, theory: plan.share(holder) };
            let stake = plan.stake(holder);
            println!("| {name} | {stake:.3} | {} | {:.4} |", cell(&measured, 4), measured.theory);
            curve.push((stake, measured.theory));
            points.push((stake, value, interval));
            all.push(measured);
        }
        series.push(Series { name: name.into(), curve, points });
    }
    summary(&all);
    let plot = Plot {
        title: "Stake and blocks: renewal theory, and measured".into(),
        x: ("share of the stake".into(), 0.0, 0.5),
        y: ("share of the blocks".into(), 0.0, 0.5),
        scale: Scale::Linear,
        series,
    };
    write(directory, "stake-share.svg", &plot);
}

/// What circulates more after a day, beside the rate on what is staked.
pub(crate) fn inflation(_: &Path, first: u64) {
    const SEEDS: u64 = 20;
    const BLOCKS: u64 = 600;
    let mut rows = Rows::new(first, SEEDS);
    println!("| interest a day | staked | growth a day, measured | theory | supply identity |");
    println!("|---|---|---|---|---|");
    let mut all = Vec::new();
    for interest in [1, 5, 20] {
        for sleepers in [0, 40, 80] {
            let mut holders = vec![holder(100 - sleepers, 100), holder(sleepers, 100)];
            holders[1].awake = false;
            let plan = plan(holders, interest);
            let runs = rows.run(|seed| plan.run(BLOCKS, seed));
            let whole = runs.iter().filter(|run| run.circulating == run.held).count();
            let grown: Vec<f64> = runs
                .iter()
                .map(|run| {
                    let days = run.seconds as f64 / 86_400.0;
                    (run.circulating - run.genesis) as f64 / run.genesis as f64 / days
                })
                .collect();
            let (value, interval) = mean(&grown);
            let staked = 1.0 - sleepers as f64 / 100.0;
            let days = runs[0].seconds as f64 / 86_400.0;
            // Interest on interest: the mean of a cycle's growth, over the run.
            let growth = plan.cycle(0).growth(interest as f64 / 100.0 / 86_400.0) * 86_400.0;
            let theory = staked * ((growth * days).exp() - 1.0) / days;
            let measured = Measured { value, interval, theory };
            println!(
                "| {interest} % | {staked} | {} | {theory:.5} | {whole} of {} |",
                cell(&measured, 5),
                runs.len()
            );
            all.push(measured);
        }
    }
    summary(&all);
}

/// One stake of a tenth as 1, 8 and 64 coins.
pub(crate) fn splits(directory: &Path, first: u64) {
    const SEEDS: u64 = 20;
    const BLOCKS: u64 = 600;
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| coins | share of the stake | share of the blocks | theory | share of the interest | theory |"
    );
    println!("|---|---|---|---|---|---|");
    let (mut all, mut curve, mut points) = (Vec::new(), Vec::new(), Vec::new());
    for coins in [1, 2, 4, 8, 16, 32, 64] {
        let plan = plan(vec![holder(coins, 1280 / coins as u64), holder(90, 128)], 1);
        let runs = rows.run(|seed| plan.run(BLOCKS, seed));
        let blocks: Vec<(f64, f64)> =
            runs.iter().map(|run| (run.blocks[0] as f64, run.all as f64)).collect();
        let (value, interval) = ratio(&blocks);
        let share = Measured { value, interval, theory: plan.share(0) };
        let interest: Vec<(f64, f64)> = runs
            .iter()
            .map(|run| (run.interest[0] as f64, (run.interest[0] + run.interest[1]) as f64))
            .collect();
        let (value, interval) = ratio(&interest);
        let earned = Measured { value, interval, theory: plan.stake(0) };
        println!(
            "| {coins} | {:.3} | {} | {:.4} | {} | {:.4} |",
            plan.stake(0),
            cell(&share, 4),
            share.theory,
            cell(&earned, 4),
            earned.theory
        );
        let at = f64::from(u32::try_from(coins).expect("a few")).log2();
        curve.push((at, share.theory));
        points.push((at, share.value, share.interval));
        all.extend([share, earned]);
    }
    summary(&all);
    let plot = Plot {
        title: "A tenth of the stake in 2ˣ coins: renewal theory, and measured".into(),
        x: ("x".into(), 0.0, 6.0),
        y: ("share of the blocks".into(), 0.0, 0.25),
        scale: Scale::Linear,
        series: vec![Series { name: "blocks".into(), curve, points }],
    };
    write(directory, "stake-split.svg", &plot);
}

/// Waiting for the greatest weight, and staking everything at once.
pub(crate) fn hoarding(directory: &Path, first: u64) {
    const SEEDS: u64 = 200;
    let mut rows = Rows::new(first, SEEDS);
    let runs = rows.run(hoard::run);
    let ideal = hoard::ideal();
    let times = |part: usize| part as f64 * hoard::PART as f64 / hoard::SPACING as f64;
    println!(
        "| block times | blocks in ten block times | without chance | the hoarder's share | without chance | difficulty | without chance |"
    );
    println!("|---|---|---|---|---|---|---|");
    let (mut all, mut blocks, mut shares, mut difficulty) = (vec![], vec![], vec![], vec![]);
    let asleep = hoard::PARTS.0;
    let told = [
        0,
        10,
        20,
        asleep - 1,
        asleep,
        asleep + 1,
        asleep + 2,
        asleep + 3,
        asleep + 5,
        asleep + 10,
        hoard::PARTS.1 - 1,
    ];
    for part in 0..hoard::PARTS.1 {
        let (value, interval) = mean(&runs.iter().map(|run| run.all[part]).collect::<Vec<_>>());
        let made = Measured { value, interval, theory: ideal.all[part] };
        let counts: Vec<_> = runs.iter().map(|run| (run.hoarded[part], run.all[part])).collect();
        let (value, interval) = ratio(&counts);
        let theory = ideal.hoarded[part] / ideal.all[part];
        let share = Measured { value, interval, theory };
        let (value, interval) =
            mean(&runs.iter().map(|run| run.difficulty[part]).collect::<Vec<_>>());
        let hard = Measured { value, interval, theory: ideal.difficulty[part] };
        let middle = times(part) + times(1) / 2.0;
        blocks.push((middle, made.value, made.interval));
        shares.push((middle, share.value, share.interval));
        difficulty.push((middle, hard.value, hard.interval));
        if told.contains(&part) {
            println!(
                "| {} to {} | {} | {:.2} | {} | {:.3} | {} | {:.3} |",
                times(part),
                times(part + 1),
                cell(&made, 2),
                made.theory,
                cell(&share, 3),
                share.theory,
                cell(&hard, 3),
                hard.theory
            );
        }
        all.extend([made, share, hard]);
    }
    summary(&all);
    let whole: Vec<(f64, f64)> =
        runs.iter().map(|run| (run.hoarded.iter().sum(), run.all.iter().sum())).collect();
    let (value, interval) = ratio(&whole);
    let theory = ideal.hoarded.iter().sum::<f64>() / ideal.all.iter().sum::<f64>();
    println!(
        "\nOf all blocks of the run: {}; without chance {theory:.3}; staking all the time: 0.3.",
        cell(&Measured { value, interval, theory }, 3)
    );
    let curve = |values: &[f64], times_ten: f64| -> Vec<(f64, f64)> {
        let at = |(part, value): (usize, &f64)| (times(part) + times(1) / 2.0, value / times_ten);
        values.iter().enumerate().map(at).collect()
    };
    let ten = times(1);
    let scaled = blocks
        .into_iter()
        .map(|(at, value, interval)| (at, value / ten, interval.scaled(1.0 / ten)))
        .collect();
    let share: Vec<f64> =
        ideal.hoarded.iter().zip(&ideal.all).map(|(own, all)| own / all).collect();
    let plot = Plot {
        title: "A hoarder of 30 % sleeps for 300 block times: without chance, and measured".into(),
        x: ("block times".into(), 0.0, times(hoard::PARTS.1)),
        y: ("".into(), 0.0, 4.0),
        scale: Scale::Linear,
        series: vec![
            Series {
                name: "blocks a block time".into(),
                curve: curve(&ideal.all, ten),
                points: scaled,
            },
            Series { name: "hoarder's share".into(), curve: curve(&share, 1.0), points: shares },
            Series {
                name: "difficulty".into(),
                curve: curve(&ideal.difficulty, 1.0),
                points: difficulty,
            },
        ],
    };
    write(directory, "stake-hoard.svg", &plot);
}

/// Twenty stakers over many rounds of interest.
pub(crate) fn wealth(directory: &Path, first: u64) {
    const SEEDS: u64 = 6;
    const ROUNDS: usize = 10;
    const BLOCKS: u64 = 200;
    const INTEREST: u64 = 200;
    let spread = || vec![holder(1, 1000); 20];
    let concentrated = |coins: bool| -> Vec<Holding> {
        let whole = |rank: u64| 5600 / rank;
        let split = |rank| match coins {
            true => holder(usize::try_from(whole(rank) / 280).expect("a few"), 280),
            false => holder(1, whole(rank)),
        };
        (1..=20).map(split).collect()
    };
    let mut asleep = concentrated(true);
    asleep[0].awake = false;
    let geneses = [
        ("spread", spread()),
        ("concentrated, a coin each", concentrated(false)),
        ("concentrated, equal coins", concentrated(true)),
        ("and the richest sleeps", asleep),
    ];
    let mut rows = Rows::new(first, SEEDS);
    println!(
        "| genesis | supply at the end, times | Gini at first | at the end | theory | fewest with 51 % at first | at the end | 51 % of what is staked, of the first supply | at the end |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let (mut all, mut series) = (Vec::new(), Vec::new());
    for (name, holders) in geneses {
        let plan = Plan { window: 30, ..plan(holders, INTEREST) };
        let runs = rows.run(|seed| wealth::run(&plan, ROUNDS, BLOCKS, seed));
        let ideal = wealth::ideal(&plan, ROUNDS, BLOCKS);
        let mut points = Vec::new();
        let mut last = None;
        for round in 0..=ROUNDS {
            let of: Vec<f64> = runs.iter().map(|run| gini(&run[round])).collect();
            let (value, interval) = mean(&of);
            points.push((round as f64, value, interval));
            last = Some(Measured { value, interval, theory: gini(&ideal[round]) });
        }
        let measured = last.expect("there is a round");
        let sum = |holds: &[f64]| holds.iter().sum::<f64>();
        let supply = sum(&ideal[0]);
        let over = |round: usize, what: &dyn Fn(&[f64]) -> f64| {
            mean(&runs.iter().map(|run| what(&run[round])).collect::<Vec<_>>()).0
        };
        let fewest = |holds: &[f64]| concentration::fewest(holds, 0.51) as f64;
        let staked = |holds: &[f64]| {
            let awake = plan.holders.iter().zip(holds).filter(|(holder, _)| holder.awake);
            0.51 * awake.map(|(_, holds)| holds).sum::<f64>() / supply
        };
        println!(
            "| {name} | {:.2} | {:.4} | {} | {:.4} | {} | {:.1} | {:.2} | {:.2} |",
            over(ROUNDS, &|holds| sum(holds) / supply),
            gini(&ideal[0]),
            cell(&measured, 4),
            measured.theory,
            fewest(&ideal[0]),
            over(ROUNDS, &fewest),
            staked(&ideal[0]),
            over(ROUNDS, &staked),
        );
        let curve = ideal.iter().enumerate().map(|(round, it)| (round as f64, gini(it)));
        series.push(Series { name: name.into(), curve: curve.collect(), points });
        all.push(measured);
    }
    summary(&all);
    let plot = Plot {
        title: "Gini's coefficient while everything is reinvested: theory, and measured".into(),
        x: ("rounds of 200 block times".into(), 0.0, ROUNDS as f64),
        y: ("Gini".into(), 0.0, 1.0),
        scale: Scale::Linear,
        series,
    };
    write(directory, "stake-wealth.svg", &plot);
}

/// A season of Peercoin's figures.
pub(crate) fn season(directory: &Path, seed: u64) {
    const STAKERS: usize = 20;
    const DAYS: u32 = 120;
    let season = season::run(STAKERS, u64::from(DAYS) * 24, seed);
    let days = |hours: &[u64]| -> Vec<(f64, f64)> {
        let blocks = |day: u32| hours.iter().filter(|hour| **hour / 24 == u64::from(day)).count();
        (0..DAYS).map(|day| (f64::from(day) + 0.5, blocks(day) as f64)).collect()
    };
    println!("| kind | blocks | most in a day | days without |");
    println!("|---|---|---|---|");
    let mut series = Vec::new();
    for (name, hours) in [("stake", &season.stake), ("work", &season.work)] {
        let curve = days(hours);
        let most = curve.iter().map(|(_, blocks)| *blocks).fold(0.0, f64::max);
        let without = curve.iter().filter(|(_, blocks)| *blocks == 0.0).count();
        println!("| {name} | {} | {most} | {without} |", hours.len());
        series.push(Series { name: name.into(), curve, points: Vec::new() });
    }
    println!("\nAll on one head: {}; {} events.", season.agree, season.events);
    let plot = Plot {
        title: "Blocks in a day: Peercoin's figures, twenty stakers with 32 coins each".into(),
        x: ("days".into(), 0.0, f64::from(DAYS)),
        y: ("blocks".into(), 0.0, 200.0),
        scale: Scale::Linear,
        series,
    };
    write(directory, "stake-season.svg", &plot);
}
