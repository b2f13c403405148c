//! The plots of the page.

use super::super::figures::{Unit, shown};
use super::{Page, colour};
use crate::api::{BenchCompare, BenchRule};
use crate::sim::svg::escaped;

pub(super) const WIDTH: f64 = 720.0;
pub(super) const LEFT: f64 = 78.0;
pub(super) const RIGHT: f64 = 24.0;
const ROW: f64 = 26.0;
pub(super) const HEIGHT: f64 = 320.0;
pub(super) const BOTTOM: f64 = 34.0;
pub(super) const TOP: f64 = 12.0;

/// An axis of milliseconds by powers of ten.
#[derive(Clone, Copy)]
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    /// One that has room for all of these; nothing where there is none.
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let values = values.filter(|value| value.is_finite() && *value > 0.0);
        let (least, most) = values
            .fold((f64::MAX, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        (most > 0.0).then(|| Self {
            from: 10_f64.powf(least.log10().floor()),
            to: 10_f64.powf(most.log10().ceil().max(least.log10().floor() + 1.0)),
        })
    }

    fn across(self, value: f64) -> f64 {
        let part = (value.max(self.from) / self.from).ln() / (self.to / self.from).ln();
        LEFT + part.min(1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn draw(self, page: &mut Page, bottom: f64) {
        let mut at = self.from;
        while at <= self.to * 1.001 {
            let x = self.across(at);
            page.put(format_args!(
                "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n",
                bottom + 18.0,
                shown(at, Unit::Ms)
            ));
            at *= 10.0;
        }
    }
}

pub(super) fn begin(page: &mut Page, title: &str, height: f64) {
    let title = escaped(title);
    page.put(format_args!(
        "<h2>{title}</h2>\n<figure><svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>\n"
    ));
}

pub(super) fn end(page: &mut Page, caption: &str) {
    page.put(format_args!("</svg><figcaption>{}</figcaption></figure>\n", escaped(caption)));
}

/// A line across at a height, and what it stands for.
pub(super) fn rung(page: &mut Page, y: f64, text: &str) {
    page.put(format_args!(
        "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>\n",
        WIDTH - RIGHT,
        LEFT - 8.0,
        y + 4.0
    ));
}

/// When half, 95 and 99 of 100 payments were final, as far as that is known.
fn points(rule: &BenchRule) -> [Option<f64>; 3] {
    ["final_p50_ms", "final_p95_ms", "final_p99_ms"]
        .map(|name| rule.figures.get(name).map(|it| it.value))
}

/// Until when payments are final, as part of the page.
pub(super) fn ranges(page: &mut Page, compared: &BenchCompare) {
    let Some(axis) = Axis::of(compared.rules.iter().flat_map(points).flatten()) else { return };
    let bottom = TOP + ROW * compared.rules.len() as f64; // a few
    begin(page, "Final after", bottom + BOTTOM);
    draw_ranges(page, compared, axis, bottom);
    end(
        page,
        "The large dot: half of the payments are final by then; the smaller ones: 95 and 99 of 100. The axis goes by powers of ten.",
    );
}

/// The same as a picture of its own; nothing where no payment became final.
pub fn picture(compared: &BenchCompare) -> Option<String> {
    let axis = Axis::of(compared.rules.iter().flat_map(points).flatten())?;
    let bottom = TOP + ROW * compared.rules.len() as f64; // a few
    let height = bottom + BOTTOM;
    let mut page = Page(String::new());
    page.put(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\"><title>Final after</title>\n\
         <style>text {{ fill: #1b1b1b; font: 12px system-ui, sans-serif }} .axis {{ stroke: #d9d9d9 }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e8e8e8 }} .axis {{ stroke: #3a3a3a }} }}</style>\n"
    ));
    draw_ranges(&mut page, compared, axis, bottom);
    page.put(format_args!("</svg>\n"));
    Some(page.0)
}

fn draw_ranges(page: &mut Page, compared: &BenchCompare, axis: Axis, bottom: f64) {
    axis.draw(page, bottom);
    for (place, rule) in compared.rules.iter().enumerate() {
        let (y, colour) = (TOP + ROW * (place as f64 + 0.5), colour(place));
        page.put(format_args!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
            LEFT - 8.0,
            y + 4.0,
            escaped(&rule.engine)
        ));
        let [Some(p50), Some(p95), Some(p99)] = points(rule) else { continue };
        let [p50, p95, p99] = [p50, p95, p99].map(|value| axis.across(value));
        page.put(format_args!(
            "<line x1=\"{p50:.1}\" x2=\"{p99:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <circle cx=\"{p50:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{colour}\"/>\
             <circle cx=\"{p95:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>\
             <circle cx=\"{p99:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{colour}\"/>\n"
        ));
    }
}

/// Which share of the payments was there after how long.
pub(super) fn curves(
    page: &mut Page,
    compared: &BenchCompare,
    title: &str,
    of: fn(&BenchRule) -> &[[f64; 2]],
) {
    let all = compared.rules.iter().flat_map(|rule| of(rule).iter().map(|point| point[0]));
    let Some(axis) = Axis::of(all) else { return };
    let bottom = HEIGHT - BOTTOM;
    begin(page, title, HEIGHT);
    axis.draw(page, bottom);
    let down = |share: f64| bottom - share.clamp(0.0, 1.0) * (bottom - TOP);
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let y = down(share);
        rung(page, y, &format!("{:.0} %", share * 100.0));
    }
    for (place, rule) in compared.rules.iter().enumerate() {
        let points = of(rule).iter().map(|[ms, share]| (axis.across(*ms), down(*share)));
        line(page, points, colour(place), &rule.engine);
    }
    end(
        page,
        "The share of the payments of the first run that were there after so long: the further left a curve stands, the sooner; the steeper it is, the more alike. Colours as in the tables.",
    );
}

fn line(page: &mut Page, points: impl Iterator<Item = (f64, f64)>, colour: &str, name: &str) {
    let points: Vec<String> = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    page.put(format_args!(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"><title>{}</title></polyline>\n",
        points.join(" "),
        escaped(name)
    ));
}

/// How many payments were in blocks by when.
pub(super) fn progress(page: &mut Page, compared: &BenchCompare) {
    let heights =
        |rule: &BenchRule| rule.runs.first().map(|run| run.heights.clone()).unwrap_or_default();
    let rows: Vec<_> = compared.rules.iter().map(heights).collect();
    let all = || rows.iter().flatten();
    let end_s = all().map(|it| it.seconds).fold(0.0_f64, f64::max);
    let most = rows.iter().map(|row| row.iter().map(|it| it.transactions).sum::<u64>()).max();
    let most = most.unwrap_or(0) as f64; // far below 2^53
    if end_s <= 0.0 || most <= 0.0 {
        return;
    }
    let bottom = HEIGHT - BOTTOM;
    begin(page, "Payments in blocks, over time", HEIGHT);
    let across = |seconds: f64| LEFT + seconds / end_s * (WIDTH - LEFT - RIGHT);
    let down = |count: f64| bottom - count / most * (bottom - TOP);
    for part in 0..=4 {
        let part = f64::from(part) / 4.0;
        let (x, y) = (across(end_s * part), down(most * part));
        rung(page, y, &format!("{:.0}", most * part));
        page.put(format_args!(
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0} s</text>\n",
            bottom + 18.0,
            end_s * part
        ));
    }
    for (place, (rule, row)) in compared.rules.iter().zip(&rows).enumerate() {
        let mut so_far = 0;
        let mut points = vec![(LEFT, bottom)];
        for it in row {
            points.push((across(it.seconds), down(so_far as f64)));
            so_far += it.transactions;
            points.push((across(it.seconds), down(so_far as f64)));
        }
        line(page, points.into_iter(), colour(place), &rule.engine);
    }
    end(
        page,
        "Each step is a block of the first run: how many payments it brought, and when by its own time.",
    );
}

/// What each block held.
pub(super) fn strips(page: &mut Page, compared: &BenchCompare) {
    let bottom = TOP + 44.0 * compared.rules.len() as f64; // a few
    begin(page, "Height by height", bottom + 8.0);
    for (place, rule) in compared.rules.iter().enumerate() {
        let base = TOP + 44.0 * (place as f64 + 1.0) - 8.0;
        let heights = rule.runs.first().map(|run| run.heights.as_slice()).unwrap_or_default();
        let most = heights.iter().map(|it| it.transactions).max().unwrap_or(0).max(1) as f64;
        let wide = (WIDTH - LEFT - RIGHT) / heights.len().max(12) as f64;
        page.put(format_args!(
            "<text x=\"{:.1}\" y=\"{base:.1}\" text-anchor=\"end\">{}</text>\
             <line class=\"axis\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{base:.1}\" y2=\"{base:.1}\"/>\n",
            LEFT - 8.0,
            escaped(&rule.engine),
            WIDTH - RIGHT
        ));
        for (at, it) in heights.iter().enumerate() {
            let (x, tall) = (LEFT + wide * at as f64, 30.0 * it.transactions as f64 / most);
            page.put(format_args!(
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"><title>{} at {:.1} s: {} payments, {} bytes</title></rect>\n",
                base - tall,
                (wide - 1.0).max(0.5),
                tall.max(0.6),
                colour(place),
                it.height.0,
                it.seconds,
                it.transactions,
                it.bytes
            ));
        }
    }
    end(
        page,
        "A bar for each block of the first run, as high as it has payments beside the fullest of its rule. Pointing at one tells more.",
    );
}
