//! The tree of blocks over time.
//!
//! Time runs to the right. The main chain is the straight line; a block that lost stands below it, in the first free lane,
//! joined to its parent by a broken line. A block has the colour of its producer.

use std::collections::BTreeSet;

use super::super::metrics::Record;
use super::super::svg::{Drawing, seconds, step};
use super::super::time::Micros;
use super::Legend;
use crate::types::BlockId;

/// Blocks in a picture: of more, the latest.
const BLOCKS_MAX: usize = 2000;

/// Lanes below the main chain: what needs more of them shares the last.
const LANES_MAX: usize = 40;

/// Points from block to block of the main chain, on average.
const SPACING: f64 = 22.0;

/// Points from lane to lane.
const LANE: f64 = 20.0;

const SIDE: f64 = 11.0;
const LEFT: f64 = 30.0;
const TOP: f64 = 78.0;

/// Draws the tree of a run that ended with this head.
pub fn tree(title: &str, record: &Record, head: &BlockId) -> String {
    let first = record.blocks.len().saturating_sub(BLOCKS_MAX);
    let blocks = &record.blocks[first..];
    let chain = record.branch(head);
    let shown: Vec<usize> = chain.iter().copied().filter(|place| *place >= first).collect();
    let time = |place: usize| Micros(record.blocks[place].made_at.0).as_seconds();
    let places = first..record.blocks.len();
    let (begin, end) = match (places.clone().next(), places.clone().next_back()) {
        (Some(first), Some(last)) => (time(first), time(last)),
        _ => (0.0, 1.0),
    };
    let span = (end - begin).max(1.0);
    let width = (shown.len() as f64 * SPACING).clamp(700.0, 48_000.0);
    let lanes = lanes(record, first, &shown);
    let deepest = lanes.iter().copied().max().unwrap_or(0);
    let height = TOP + (deepest as f64 + 2.0) * LANE + 20.0;
    let mut drawing = Drawing::new(width + 2.0 * LEFT, height);
    let x = |at: f64| LEFT + (at - begin) / span * width;
    let y = |lane: usize| TOP + lane as f64 * LANE;

    drawing.text((LEFT, 20.0), "title", title);
    let lost = blocks.len() - shown.len();
    let summary = format!(
        "{} blocks, {lost} of them lost; main chain above, time to the right{}",
        blocks.len(),
        if first > 0 { format!("; {first} earlier blocks not shown") } else { String::new() },
    );
    drawing.text((LEFT, 36.0), "note", summary);
    let legend = Legend::of(record);
    for (index, (name, colour)) in legend.entries().enumerate() {
        let at = LEFT + index as f64 * 76.0;
        drawing.block((at + 5.0, 49.0), 10.0, colour, "main", &name);
        drawing.text((at + 14.0, 53.0), "note", &name);
    }
    let step = step(span, width / 90.0);
    let mut mark = (begin / step).ceil() * step;
    while mark <= end {
        drawing.line((x(mark), TOP - 12.0), (x(mark), height - 24.0), "grid");
        drawing.text((x(mark), height - 10.0), "middle", seconds(mark));
        mark += step;
    }
    for place in places.clone() {
        let Some(parent) = record.blocks[place].parent.filter(|parent| *parent >= first) else {
            continue;
        };
        let (lane, below) = (lanes[place - first], lanes[parent - first]);
        let class = if lane == 0 { "edge" } else { "stale-edge" };
        drawing.line((x(time(parent)), y(below)), (x(time(place)), y(lane)), class);
    }
    for place in places {
        let (seen, lane) = (&record.blocks[place], lanes[place - first]);
        let class = if lane == 0 { "main" } else { "stale" };
        let title =
            format!("{} {} by node {} at {}", seen.height, seen.id, seen.made_by, seen.made_at);
        let at = (x(time(place)), y(lane));
        drawing.block(at, SIDE, legend.colour(&seen.producer), class, &title);
    }
    drawing.finish()
}

/// The lane of each block from `first` on: 0 for the main chain.
pub(super) fn lanes(record: &Record, first: usize, main: &[usize]) -> Vec<usize> {
    let mut lanes = vec![usize::MAX; record.blocks.len() - first];
    main.iter().for_each(|place| lanes[place - first] = 0);
    // Blocks on which another lost block stands.
    let lost = (first..record.blocks.len()).filter(|place| lanes[place - first] != 0);
    let goes_on: BTreeSet<usize> = lost.filter_map(|place| record.blocks[place].parent).collect();
    // Until when each lane is taken, and by the branch of which block.
    let mut ends: Vec<(usize, u64)> = Vec::new();
    for place in first..record.blocks.len() {
        if lanes[place - first] == 0 {
            continue;
        }
        let seen = &record.blocks[place];
        let parent = seen.parent.filter(|parent| *parent >= first);
        let from = parent.map_or(seen.made_at, |parent| record.blocks[parent].made_at).0;
        // A branch goes on in its lane; a new one takes the first that is free since before its parent.
        let own = parent.and_then(|parent| ends.iter().position(|(tip, _)| *tip == parent));
        let free = || ends.iter().position(|(tip, end)| *end < from && !goes_on.contains(tip));
        let lane = own.or_else(free).unwrap_or(ends.len()).min(LANES_MAX - 1);
        let taken = (place, seen.made_at.0);
        match ends.get_mut(lane) {
            Some(end) => *end = taken,
            None => ends.push(taken),
        }
        lanes[place - first] = lane + 1;
    }
    lanes
}
