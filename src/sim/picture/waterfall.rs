//! How each block spread: one row a block, from the moment when it was made.
//!
//! The bar of a row is dark until half of the other nodes have the block, lighter until nine in ten have it, and pale
//! until the last one has it. A block that was kept secret, or met a cut line, has a long bar: the scale ends where all but
//! one in twenty blocks are everywhere, and an arrow marks a bar that goes on.

use super::super::metrics::{Record, Seen};
use super::super::time::Moment;
use super::Legend;
use super::svg::{Drawing, seconds, step};
use crate::types::BlockId;

/// Rows in a picture: of more blocks, the latest.
const ROWS_MAX: usize = 400;

const ROW: f64 = 9.0;
const LEFT: f64 = 150.0;
const TOP: f64 = 78.0;
const WIDTH: f64 = 760.0;

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
    let mut lasts: Vec<f64> = rows.iter().filter_map(|(_, seen)| Some(spread(seen)?[2])).collect();
    lasts.sort_by(f64::total_cmp);
    let scale = lasts.get(lasts.len().saturating_sub(1) * 95 / 100).copied().unwrap_or(1.0);
    let scale = (scale * 1.05).max(0.001);
    let height = TOP + rows.len() as f64 * ROW + 30.0;
    let mut drawing = Drawing::new(LEFT + WIDTH + 40.0, height);
    let x = |delay: f64| LEFT + (delay / scale).min(1.0) * WIDTH;

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
    let step = step(scale, 9.0);
    let mut mark = 0.0;
    while mark <= scale {
        drawing.line((x(mark), TOP - 8.0), (x(mark), height - 24.0), "grid");
        drawing.text((x(mark), height - 10.0), "middle", seconds(mark));
        mark += step;
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
        if all > scale {
            drawing.text(
                (LEFT + WIDTH + 3.0, y + ROW - 1.0),
                "note",
                format!("→ {}", seconds(all)),
            );
        }
    }
    drawing.finish()
}
