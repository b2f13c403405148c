//! What agreement costs.

use std::path::Path;

use assay::sim::fidelity::agreement::{Agreement, Traffic, traffic};
use assay::sim::fidelity::plot::{Plot, Scale, Series};
use assay::sim::fidelity::statistics::{Interval, Measured, ratio};

use super::{Rows, cell, summary, write};

/// Something for each block, over all runs.
fn each_block(said: &[Traffic], count: impl Fn(&Traffic) -> u64) -> (f64, Interval) {
    let runs = said.iter().map(|it| (count(it) as f64, it.blocks as f64));
    ratio(&runs.collect::<Vec<_>>())
}

/// Messages of each kind for each block.
fn kinds(said: &[Traffic]) -> String {
    let names = said.iter().flat_map(|it| it.kinds.keys().copied());
    let names: std::collections::BTreeSet<&str> = names.collect();
    let each = |kind: &str| {
        let count = |it: &Traffic| it.kinds.get(kind).map_or(0, |(count, _)| *count);
        let bytes = |it: &Traffic| it.kinds.get(kind).map_or(0, |(_, bytes)| *bytes);
        let (messages, bytes) = (each_block(said, count).0, each_block(said, bytes).0);
        format!("{messages:.2} × {kind} of {:.0} bytes", bytes / messages)
    };
    names.into_iter().map(each).collect::<Vec<_>>().join(", ")
}

/// Messages and bytes for each block, against the number of authorities.
pub(super) fn messages(directory: &Path, first: u64) {
    const SEEDS: u64 = 5;
    let mut rows = Rows::new(first, SEEDS);
    let (mut counts, mut sizes, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for rule in Agreement::ALL {
        let (name, formula) = (rule.name(), rule.formula());
        println!("| {name}: n | messages | {formula} | bytes | bytes a message |");
        println!("|---|---|---|---|---|");
        let (mut points, mut bytes, mut last) = (Vec::new(), Vec::new(), String::new());
        for n in [4_u32, 7, 10, 13, 16, 19, 25, 31] {
            let said = rows.run(|seed| traffic(rule, n as usize, seed));
            let (value, interval) = each_block(&said, Traffic::messages);
            let theory = rule.theory(n as usize);
            let measured = Measured { value, interval, theory };
            let (size, about) = each_block(&said, Traffic::bytes);
            println!(
                "| {n} | {} | {theory:.0} | {size:.0} ({:.0} to {:.0}) | {:.0} |",
                cell(&measured, 2),
                about.low,
                about.high,
                size / value,
            );
            points.push((f64::from(n), value, interval));
            bytes.push((f64::from(n), size / 1e3, about.scaled(1e-3)));
            all.push(measured);
            last = format!("n = {n}: {}.", kinds(&said));
        }
        println!("\n{last}\n");
        let curve = (3..=32).map(|n| (f64::from(n), rule.theory(n as usize))).collect();
        counts.push(Series { name: format!("{name}: {formula}"), curve, points });
        sizes.push(Series { name: name.into(), curve: Vec::new(), points: bytes });
    }
    summary(&all);
    let x = ("authorities, n".into(), 0.0, 32.0);
    let plot = Plot {
        title: "Messages for each decided block: theory, and measured".into(),
        x: x.clone(),
        y: ("messages".into(), 1.0, 10_000.0),
        scale: Scale::Logarithmic,
        series: counts,
    };
    write(directory, "agreement-messages.svg", &plot);
    let plot = Plot {
        title: "Bytes of these messages for each decided block".into(),
        x,
        y: ("thousand bytes".into(), 1.0, 1000.0),
        scale: Scale::Logarithmic,
        series: sizes,
    };
    write(directory, "agreement-bytes.svg", &plot);
}
