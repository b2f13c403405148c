//! The comparison as a picture: a bar for each contestant, and a line from its slowest run to its fastest.

use super::Measured;
use super::summary::Spread;
use crate::sim::svg::{Drawing, step};

const WIDTH: f64 = 720.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 30.0;
/// From one bar to the next.
const ROW: f64 = 24.0;
const BAR: f64 = 15.0;

/// Of kernels that try nonces, of those that roll the version, of another miner: colours that also the colour-blind tell
/// apart.
const COLOURS: [&str; 3] = ["#0072b2", "#009e73", "#888888"];

/// Lines of the scale at most.
const LINES: f64 = 6.0;

/// Draws what was measured; `rival` is what the other miner is called.
pub fn svg(measured: &Measured, title: &str, rival: &str) -> String {
    let mut rows: Vec<(String, Spread, &str)> = Vec::new();
    for one in &measured.contestants {
        let label = format!("{} × {}", one.kernel, one.threads);
        rows.extend(one.rate().map(|rate| (label, rate, COLOURS[usize::from(one.rolls)])));
    }
    rows.extend(Spread::of(&measured.rival).map(|rate| (rival.to_owned(), rate, COLOURS[2])));
    let most = rows.iter().map(|(_, rate, _)| rate.max).fold(1.0, f64::max) / 1e6;
    let height = TOP + BOTTOM + ROW * rows.len() as f64; // few
    let across = |rate: f64| LEFT + rate / 1e6 / most * (WIDTH - LEFT - RIGHT);

    let mut drawing = Drawing::new(WIDTH, height);
    drawing.text((12.0, 22.0), "title", title);
    drawing.text(
        (12.0, 40.0),
        "",
        "millions of hashes per second; thin lines from the slowest run to the fastest",
    );
    let step = step(most, LINES);
    let mut at = 0.0;
    while at <= most {
        let x = across(at * 1e6);
        drawing.line((x, TOP), (x, height - BOTTOM), "grid");
        let digits = usize::from(step < 1.0) * 2;
        drawing.text((x, height - BOTTOM + 16.0), "middle", format!("{at:.digits$}"));
        at += step;
    }
    for (index, (label, rate, colour)) in rows.iter().enumerate() {
        let y = TOP + ROW * index as f64 + (ROW - BAR) / 2.0;
        drawing.text((LEFT - 8.0, y + BAR - 3.5), "right", label);
        drawing.bar((LEFT, y), (across(rate.median), y + BAR), colour, 0.85);
        let middle = y + BAR / 2.0;
        drawing.line((across(rate.min), middle), (across(rate.max), middle), "edge");
        let text = format!("{:.2}", rate.median / 1e6);
        drawing.text((across(rate.max) + 6.0, y + BAR - 3.5), "", text);
    }
    drawing.finish()
}

#[cfg(test)]
mod tests {
    use super::super::{Contestant, Run};
    use super::*;
    use std::num::NonZeroUsize;

    #[test]
    fn a_bar_for_everybody_who_took_part() {
        let run = |rate| Run { rate, clock_hz: None, others: None, steal: None };
        let one = |rolls, rate: f64| Contestant {
            kernel: "portable",
            rolls,
            threads: NonZeroUsize::MIN,
            runs: vec![run(rate), run(rate * 1.1)],
        };
        let measured = Measured {
            contestants: vec![one(false, 10e6), one(true, 40e6)],
            rival: vec![20e6],
            load_before: None,
            partial: false,
        };
        let svg = svg(&measured, "a <machine>", "the other");
        for part in ["a &lt;machine&gt;", "portable × 1", "10.50", "42.00", "the other", COLOURS[1]]
        {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        // The background and three bars.
        assert_eq!(svg.matches("<rect").count(), 4);
    }
}
