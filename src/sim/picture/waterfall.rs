//! How each block spread: one row a block, from the moment when it was made.
//!
//! The bar of a row is dark until half of the other nodes have the block, lighter until nine in ten have it, and pale
//! until the last one has it. The scale is logarithmic: a block that met a cut line, or was kept secret, takes a thousand
//! times as long as its neighbours.

use super::super::metrics::{Record, Seen};
use super::super::svg::{Drawing, seconds};
use super::super::time::Moment;
use super::Legend;
use crate::types::BlockId;

/// Rows in a picture: of more blocks, the latest.
const ROWS_MAX: usize = 400;

const ROW: f64 = 9.0;
const LEFT: f64 = 150.0;
const TOP: f64 = 78.0;
const WIDTH: f64 = 760.0;

/// What is quicker than that counts as this, in seconds.
const LEAST: f64 = 1e-4;

/// When half, nine in ten, and all other nodes that ever got it had a block, in seconds since it was made.
fn spread(seen: &Seen) -> Option<[f64; 3]> {
    let others = seen.arrivals.iter().enumerate().filter(|(node, _)| *node != seen.made_by);
    let others = others.filter(|(_, at)| **at != Moment::NEVER);
    let mut delays: Vec<f64> = others.map(|(_, at)| at.since(seen.made_at).as_seconds()).collect();
    delays.sort_by(f64::total_cmp);
    let last = delays.len().checked_sub(1)?;
    Some([delays[last / 2], delays[last * 9 / 10], delays[last]])
}

/// Draws how the blocks of a run spread that ended with this head.
pub fn waterfall(title: &str, record: &Record, head: &BlockId) -> String {
    let first = record.blocks.len().saturating_sub(ROWS_MAX);
    let main = record.branch(head);
    let rows: Vec<(usize, &Seen)> = record.blocks.iter().enumerate().skip(first).collect();
    let spreads: Vec<[f64; 3]> = rows.iter().filter_map(|(_, seen)| spread(seen)).collect();
    let least = spreads.iter().map(|spread| spread[0]).fold(1.0, f64::min).max(LEAST);
    let most = spreads.iter().map(|spread| spread[2]).fold(least, f64::max);
    // Whole powers of ten around all of it.
    let (low, high) = (least.log10().floor(), most.log10().ceil());
    let decades = (high - low).max(1.0);
    let height = TOP + rows.len() as f64 * ROW + 30.0;
    let mut drawing = Drawing::new(LEFT + WIDTH + 40.0, height);
    let x = |delay: f64| LEFT + (delay.max(LEAST).log10() - low).max(0.0) / decades * WIDTH;

    drawing.text((20.0, 20.0), "title", title);
    let earlier = match first {
        0 => String::new(),
        first => format!("; {first} earlier blocks not shown"),
    };
    let note = "how long each block took to half, nine in ten, and all of the other nodes";
    drawing.text((20.0, 36.0), "note", format!("{note}{earlier}"));
    let legend = Legend::of(record);
    for (index, (name, colour)) in legend.entries().enumerate() {
        let at = 20.0 + index as f64 * 76.0;
        drawing.block((at + 5.0, 49.0), 10.0, colour, "main", &name);
        drawing.text((at + 14.0, 53.0), "note", &name);
    }
    let mut mark = 10_f64.powf(low);
    while mark <= 10_f64.powf(low + decades) * 1.001 {
        drawing.line((x(mark), TOP - 8.0), (x(mark), height - 24.0), "grid");
        drawing.text((x(mark), height - 10.0), "middle", seconds(mark));
        // 2, 5 and 10 times: the marks of a logarithmic scale.
        for factor in [2.0, 5.0].into_iter().filter(|_| mark < 10_f64.powf(low + decades) * 0.99) {
            let between = x(mark * factor);
            drawing.line((between, TOP - 4.0), (between, height - 24.0), "grid");
        }
        mark *= 10.0;
    }
    for (row, (place, seen)) in rows.into_iter().enumerate() {
        let y = TOP + row as f64 * ROW;
        let stale = if main.binary_search(&place).is_ok() { "" } else { " lost" };
        let name = format!("{} at {}{stale}", seen.height, seconds(seen.made_at.0 as f64 / 1e6));
        // Every row has a bar, and every second one room for its name.
        if row % 2 == 0 {
            drawing.text((LEFT - 8.0, y + ROW - 2.0), "right", name);
        }
        let colour = legend.colour(&seen.producer);
        let Some([half, most, all]) = spread(seen) else {
            drawing.text((LEFT + 2.0, y + ROW - 2.0), "note", "reached nobody");
            continue;
        };
        let mut from = 0.0;
        for (to, opacity) in [(half, 1.0), (most, 0.6), (all, 0.3)] {
            drawing.bar((x(from), y + 1.0), (x(to), y + ROW - 1.0), colour, opacity);
            from = to;
        }
    }
    drawing.finish()
}
