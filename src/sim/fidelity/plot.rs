//! Curves, and points with intervals, as SVG.

use std::fmt::Write;

use super::super::svg::{escaped, trimmed};
use super::statistics::Interval;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 52.0;

/// Colours that also the colour-blind tell apart (Okabe and Ito).
const COLOURS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#333333"];

/// A curve of theory and what was measured beside it.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// Points of the curve.
    pub curve: Vec<(f64, f64)>,
    /// What was measured, and its intervals.
    pub points: Vec<(f64, f64, Interval)>,
}

/// How an axis is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// By powers of ten.
    Logarithmic,
}

/// A plot.
#[derive(Debug, Clone)]
pub struct Plot {
    /// What it shows.
    pub title: String,
    /// What lies along x, and from where to where.
    pub x: (String, f64, f64),
    /// What lies along y, and from where to where.
    pub y: (String, f64, f64),
    /// How y is divided.
    pub scale: Scale,
    /// What is drawn.
    pub series: Vec<Series>,
}

impl Plot {
    fn across(&self, x: f64) -> f64 {
        LEFT + (x - self.x.1) / (self.x.2 - self.x.1) * (WIDTH - LEFT - RIGHT)
    }

    fn down(&self, y: f64) -> f64 {
        let (from, to) = (self.y.1, self.y.2);
        let y = y.clamp(from, to);
        let part = match self.scale {
            Scale::Linear => (y - from) / (to - from),
            Scale::Logarithmic => (y / from).ln() / (to / from).ln(),
        };
        HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
    }

    /// Where the lines of y are.
    fn levels(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                (0..=5).map(|n| self.y.1 + (self.y.2 - self.y.1) * f64::from(n) / 5.0).collect()
            }
            Scale::Logarithmic => (-9..=9)
                .map(|n| 10_f64.powi(n))
                .filter(|y| (self.y.1..=self.y.2).contains(y))
                .collect(),
        }
    }

    /// The picture.
    pub fn svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        self.frame(&mut svg);
        for (index, series) in self.series.iter().enumerate() {
            self.draw(&mut svg, series, COLOURS[index % COLOURS.len()], index);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn frame(&self, svg: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        text(svg, (LEFT, 22.0), "start", &self.title);
        text(svg, ((LEFT + right) / 2.0, HEIGHT - 14.0), "middle", &self.x.0);
        text(svg, (LEFT + 8.0, TOP - 4.0), "start", &self.y.0);
        for y in self.levels() {
            let at = self.down(y);
            line(svg, (LEFT, at), (right, at), "#dddddd");
            text(svg, (LEFT - 6.0, at + 4.0), "end", &shown(y));
        }
        for n in 0..=5 {
            let x = self.x.1 + (self.x.2 - self.x.1) * f64::from(n) / 5.0;
            let at = self.across(x);
            line(svg, (at, bottom), (at, bottom + 5.0), "#333333");
            text(svg, (at, bottom + 19.0), "middle", &shown(x));
        }
        line(svg, (LEFT, bottom), (right, bottom), "#333333");
        line(svg, (LEFT, TOP), (LEFT, bottom), "#333333");
    }

    fn draw(&self, svg: &mut String, series: &Series, colour: &str, index: usize) {
        let place = |(x, y): &(f64, f64)| format!("{:.1},{:.1}", self.across(*x), self.down(*y));
        let curve: Vec<String> = series.curve.iter().map(place).collect();
        let curve = curve.join(" ");
        put(
            svg,
            format_args!("<polyline points=\"{curve}\" fill=\"none\" stroke=\"{colour}\"/>\n"),
        );
        for (x, y, interval) in &series.points {
            let at = self.across(*x);
            line(svg, (at, self.down(interval.low)), (at, self.down(interval.high)), colour);
            let down = self.down(*y);
            put(
                svg,
                format_args!(
                    "<circle cx=\"{at:.1}\" cy=\"{down:.1}\" r=\"3.5\" fill=\"{colour}\"/>\n"
                ),
            );
        }
        let (right, down) = (WIDTH - RIGHT + 12.0, TOP + 12.0 + 20.0 * index as f64);
        line(svg, (right, down), (right + 18.0, down), colour);
        text(svg, (right + 24.0, down + 4.0), "start", &series.name);
    }
}

/// A number with as many digits as it needs.
fn shown(number: f64) -> String {
    trimmed(format!("{number:.6}"))
}

fn put(svg: &mut String, what: std::fmt::Arguments<'_>) {
    svg.write_fmt(what).expect("a string takes everything");
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) {
    put(
        svg,
        format_args!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>\n",
            from.0, from.1, to.0, to.1
        ),
    );
}

fn text(svg: &mut String, at: (f64, f64), anchor: &str, what: &str) {
    let what = escaped(what);
    put(
        svg,
        format_args!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{what}</text>\n",
            at.0, at.1
        ),
    );
}
