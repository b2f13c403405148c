//! Figures over builds.

use super::super::figures::{Figure, Unit, shown};
use super::super::trend::{Line, lines};
use super::plots::{BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, begin, end, rung};
use super::{Page, colour};
use crate::api::BenchCompare;
use crate::sim::svg::escaped;

/// A vertical axis: by powers where all is above nothing, or else even.
struct Scale {
    from: f64,
    to: f64,
    powers: bool,
}

impl Scale {
    fn of(lines: &[Line]) -> Self {
        let points = || lines.iter().flat_map(|line| line.points.iter().flatten());
        let least = points().map(|it| it.low).fold(f64::MAX, f64::min);
        let most = points().map(|it| it.high).fold(0.0, f64::max);
        match least > 0.0 {
            true => Self { from: least / 1.2, to: most * 1.2, powers: true },
            false => {
                Self { from: 0.0, to: if most > 0.0 { most * 1.1 } else { 1.0 }, powers: false }
            }
        }
    }

    /// The value at a part of the way up.
    fn at(&self, part: f64) -> f64 {
        match self.powers {
            true => self.from * (self.to / self.from).powf(part),
            false => self.to * part,
        }
    }

    fn down(&self, value: f64) -> f64 {
        let part = match self.powers {
            true => (value / self.from).ln() / (self.to / self.from).ln(),
            false => value / self.to,
        };
        let bottom = HEIGHT - BOTTOM;
        bottom - part.clamp(0.0, 1.0) * (bottom - TOP)
    }
}

/// Draws them, where there is more than one build.
pub(super) fn trends(page: &mut Page, builds: &[BenchCompare]) {
    let all = lines(builds);
    if all.is_empty() {
        return;
    }
    page.put(format_args!(
        "<h2>From build to build</h2>\n<p class=\"soft\">The tables above are those of the last build. Each dot is a build's median, \
         the line through it goes from its least to its greatest.</p>\n"
    ));
    for (figure, lines) in &all {
        draw(page, figure, lines, builds);
    }
}

fn draw(page: &mut Page, figure: &Figure, lines: &[Line], builds: &[BenchCompare]) {
    let scale = Scale::of(lines);
    let steps = (builds.len() - 1).max(1) as f64; // a few
    let across =
        |build: usize| LEFT + (build as f64 + 0.5) / (steps + 1.0) * (WIDTH - LEFT - RIGHT);
    begin(page, figure.title, HEIGHT);
    for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let value = scale.at(part);
        rung(page, scale.down(value), &shown(value, figure.unit));
    }
    for (place, build) in builds.iter().enumerate() {
        let label = build.commit.as_deref().unwrap_or(&build.version);
        let label: String = label.chars().take(8).collect();
        page.put(format_args!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n",
            across(place),
            HEIGHT - BOTTOM + 18.0,
            escaped(&label)
        ));
    }
    for line in lines {
        let colour = colour(line.place);
        let points = line.points.iter().enumerate();
        let points: Vec<_> = points.filter_map(|(build, it)| Some((build, (*it)?))).collect();
        let path: Vec<String> = points
            .iter()
            .map(|(build, it)| format!("{:.1},{:.1}", across(*build), scale.down(it.value)))
            .collect();
        page.put(format_args!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
            path.join(" ")
        ));
        for (build, it) in points {
            let (x, y) = (across(build), scale.down(it.value));
            page.put(format_args!(
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>\
                 <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"><title>{}: {}</title></circle>\n",
                scale.down(it.low),
                scale.down(it.high),
                escaped(&line.engine),
                shown(it.value, figure.unit)
            ));
        }
    }
    let powers = if scale.powers { " The axis goes by powers." } else { "" };
    end(page, &format!("By {}.{powers}", unit(figure.unit)));
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Ms | Unit::Seconds | Unit::Micros => "time",
        Unit::PerSecond => "payments in a second",
        Unit::Share => "share",
        Unit::Bytes => "bytes",
        Unit::Count | Unit::Number => "number",
    }
}
