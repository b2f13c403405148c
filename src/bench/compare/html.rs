//! A comparison as one page: no script, nothing from elsewhere, the same bytes for the same figures.

use std::fmt::Write;

use super::figures::{Figure, TABLES, figure, shown};
use crate::api::{BenchCompare, BenchRule};
use crate::sim::svg::escaped;

/// Colours that also the colour-blind tell apart (Okabe and Ito), and one more.
const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5c00", "#888888"];

const WIDTH: f64 = 720.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 24.0;
const ROW: f64 = 26.0;
const HEIGHT: f64 = 320.0;
const BOTTOM: f64 = 34.0;
const TOP: f64 = 12.0;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --soft: #666; --line: #d9d9d9; --warn: #8a4b00 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #161616; --soft: #a5a5a5; --line: #3a3a3a; --warn: #ffb454 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
h1 { font-size: 1.5rem; margin: .5rem 0 } h2 { font-size: 1.15rem; margin: 2rem 0 .3rem }
p { max-width: 46rem; margin: .3rem 0 } .soft, figcaption { color: var(--soft); font-size: .9rem }
.warn { color: var(--warn) } .box { overflow-x: auto }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line) }
th:first-child { text-align: left } td small { display: block; color: var(--soft) }
figure { margin: 1rem 0; overflow-x: auto } svg { width: 100%; min-width: 34rem; max-width: 56rem; height: auto; display: block }
svg text { fill: var(--ink); font-size: 12px } svg .axis { stroke: var(--line) }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em }
";

/// A part of the page.
struct Page(String);

impl Page {
    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("texts take everything");
    }
}

/// The page.
pub fn html(compared: &BenchCompare) -> String {
    let mut page = Page(String::new());
    page.put(format_args!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Rules side by side</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>Rules side by side</h1>\n"
    ));
    about(&mut page, compared);
    let measured = compared.rules.iter().any(|rule| !rule.runs.is_empty());
    if !measured {
        page.put(format_args!("<p class=\"warn\">Nothing was measured.</p>\n"));
    }
    for (title, names) in TABLES {
        table(&mut page, compared, title, names);
    }
    safety(&mut page, compared);
    if measured {
        ranges(&mut page, compared);
        curves(&mut page, compared, "Until it is in a block", |rule| {
            rule.runs.first().map(|run| run.load.included_curve.as_slice()).unwrap_or_default()
        });
        curves(&mut page, compared, "Until it is final", |rule| {
            rule.runs.first().map(|run| run.load.final_curve.as_slice()).unwrap_or_default()
        });
        progress(&mut page, compared);
        strips(&mut page, compared);
    }
    page.put(format_args!("</body>\n</html>\n"));
    page.0
}

fn about(page: &mut Page, compared: &BenchCompare) {
    let workload = &compared.workload;
    let place = match workload.latency_ms {
        Some(ms) => format!("in the simulator, {ms} ms from node to node"),
        None => format!("on {}s of one machine", compared.place),
    };
    let runs =
        if compared.repeat == 1 { "one run".into() } else { format!("{} runs", compared.repeat) };
    page.put(format_args!(
        "<p>{} payments per second for {} s between {} accounts, {}; {runs} of each rule, seed {}.</p>\n",
        workload.rate,
        workload.seconds,
        workload.accounts,
        escaped(&place),
        compared.seed
    ));
    let commit = compared.commit.as_deref().map(|commit| format!(", commit {commit}"));
    let machine = compared.machine.as_ref().map(|machine| {
        format!("; {} processors {}, {}", machine.processors, machine.processor, machine.system)
    });
    page.put(format_args!(
        "<p class=\"soft\">assay {}{}{}</p>\n",
        escaped(&compared.version),
        escaped(&commit.unwrap_or_default()),
        escaped(&machine.unwrap_or_default())
    ));
    page.put(format_args!(
        "<p class=\"soft\">A figure is the median over runs; the small numbers are the least and the greatest of a run or a fifth of \
         one. Where blocks on top make a block final, their number stands beside the rule.</p>\n"
    ));
    if compared.partial {
        page.put(format_args!(
            "<p class=\"warn\"><strong>Partial:</strong> a signal ended it before its time.</p>\n"
        ));
    }
    for rule in &compared.rules {
        for text in
            rule.failure.iter().map(|text| format!("failed: {text}")).chain(rule.warnings.clone())
        {
            let (spec, text) = (escaped(&rule.spec), escaped(&text));
            page.put(format_args!("<p class=\"warn\">{spec}: {text}</p>\n"));
        }
    }
}

fn colour(place: usize) -> &'static str {
    COLOURS[place % COLOURS.len()]
}

fn name(rule: &BenchRule) -> String {
    match rule.finality_depth {
        Some(depth) => format!("{} ({depth} on top)", rule.engine),
        None => rule.engine.clone(),
    }
}

fn table(page: &mut Page, compared: &BenchCompare, title: &str, names: &[&str]) {
    let has =
        |figure: &&Figure| compared.rules.iter().any(|rule| rule.figures.contains_key(figure.name));
    let figures: Vec<&Figure> = names.iter().filter_map(|name| figure(name)).filter(has).collect();
    if figures.is_empty() {
        return;
    }
    page.put(format_args!(
        "<h2>{title}</h2>\n<div class=\"box\"><table>\n<tr><th scope=\"col\">rule</th>"
    ));
    for figure in &figures {
        page.put(format_args!("<th scope=\"col\">{}</th>", escaped(figure.title)));
    }
    page.put(format_args!("</tr>\n"));
    for (place, rule) in compared.rules.iter().enumerate() {
        let (colour, name) = (colour(place), escaped(&name(rule)));
        page.put(format_args!(
            "<tr><th scope=\"row\"><span class=\"key\" style=\"background:{colour}\"></span>{name}</th>"
        ));
        for figure in &figures {
            match rule.figures.get(figure.name) {
                None => page.put(format_args!("<td>–</td>")),
                Some(it) if it.low == it.high => {
                    page.put(format_args!("<td>{}</td>", shown(it.value, figure.unit)));
                }
                Some(it) => page.put(format_args!(
                    "<td>{}<small>{} to {}</small></td>",
                    shown(it.value, figure.unit),
                    shown(it.low, figure.unit),
                    shown(it.high, figure.unit)
                )),
            }
        }
        page.put(format_args!("</tr>\n"));
    }
    page.put(format_args!("</table></div>\n"));
}

/// How long to wait where depth makes a block final.
fn safety(page: &mut Page, compared: &BenchCompare) {
    if compared.rules.iter().all(|rule| rule.safety.is_empty()) {
        return;
    }
    page.put(format_args!(
        "<h2>How long until it is safe</h2>\n<p class=\"soft\">Confirmations, and their time, with which an attacker takes a payment \
         back in no more than one of a thousand attempts (Rosenfeld 2014), by the measured interval and stale blocks. Where signatures make \
         blocks final there is nothing to wait for beyond that.</p>\n<div class=\"box\"><table>\n<tr><th scope=\"col\">rule</th>"
    ));
    let first = compared.rules.iter().find(|rule| !rule.safety.is_empty());
    for row in first.iter().flat_map(|rule| &rule.safety) {
        page.put(format_args!("<th scope=\"col\">{:.0} % attack</th>", row.share * 100.0));
    }
    page.put(format_args!("</tr>\n"));
    for (place, rule) in compared.rules.iter().enumerate() {
        let (colour, name) = (colour(place), escaped(&rule.engine));
        page.put(format_args!(
            "<tr><th scope=\"row\"><span class=\"key\" style=\"background:{colour}\"></span>{name}</th>"
        ));
        if rule.safety.is_empty() {
            let columns = first.map_or(1, |rule| rule.safety.len());
            let own = rule
                .figures
                .get("final_p50_ms")
                .map(|it| shown(it.value, super::figures::Unit::Ms));
            page.put(format_args!(
                "<td colspan=\"{columns}\">final by signatures: {}</td>",
                own.unwrap_or("–".into())
            ));
        }
        for row in &rule.safety {
            match (row.confirmations, row.seconds) {
                (Some(needed), Some(seconds)) => page.put(format_args!(
                    "<td>{needed}<small>{}</small></td>",
                    shown(seconds, super::figures::Unit::Seconds)
                )),
                _ => page.put(format_args!("<td>never</td>")),
            }
        }
        page.put(format_args!("</tr>\n"));
    }
    page.put(format_args!("</table></div>\n"));
}

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
                shown(at, super::figures::Unit::Ms)
            ));
            at *= 10.0;
        }
    }
}

fn begin(page: &mut Page, title: &str, height: f64) {
    let title = escaped(title);
    page.put(format_args!(
        "<h2>{title}</h2>\n<figure><svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>\n"
    ));
}

fn end(page: &mut Page, caption: &str) {
    page.put(format_args!("</svg><figcaption>{}</figcaption></figure>\n", escaped(caption)));
}

/// Half, 95 and 99 of 100 payments are final after so long.
fn ranges(page: &mut Page, compared: &BenchCompare) {
    let of = |rule: &BenchRule, name: &str| rule.figures.get(name).map(|it| it.value);
    let points = |rule: &BenchRule| {
        ["final_p50_ms", "final_p95_ms", "final_p99_ms"].map(|name| of(rule, name))
    };
    let all = compared.rules.iter().flat_map(points).flatten();
    let Some(axis) = Axis::of(all) else { return };
    let bottom = TOP + ROW * compared.rules.len() as f64; // a few
    begin(page, "Final after", bottom + BOTTOM);
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
    end(
        page,
        "The large dot: half of the payments are final by then; the smaller ones: 95 and 99 of 100. The axis goes by powers of ten.",
    );
}

/// Which share of the payments was there after how long.
fn curves(
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
        page.put(format_args!(
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{:.0} %</text>\n",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y + 4.0,
            share * 100.0
        ));
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
fn progress(page: &mut Page, compared: &BenchCompare) {
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
        page.put(format_args!(
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{:.0}</text>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0} s</text>\n",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y + 4.0,
            most * part,
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
fn strips(page: &mut Page, compared: &BenchCompare) {
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

#[cfg(test)]
mod tests {
    use super::super::figures::summarise;
    use super::super::simulated::{Trial, run};
    use super::*;
    use crate::sim::Micros;
    use crate::spec::{Spec, find};

    fn measured(name: &str) -> BenchRule {
        let spec = Spec::parse(name, find(name).unwrap()).unwrap();
        let trial = Trial {
            nodes: 4,
            latency: Micros::millis(20),
            rate: 10.0,
            duration: Micros::seconds(4),
            accounts: 5,
            payload: 0,
            seed: 1,
            confirmations: 3,
            patience: Micros::seconds(60),
            spec: spec.clone(),
        };
        let mut rule = BenchRule {
            spec: name.into(),
            engine: spec.consensus().engine().into(),
            finality_depth: spec.consensus().finality_depth(),
            runs: vec![run(&trial).unwrap()],
            ..BenchRule::default()
        };
        summarise(&mut rule);
        rule
    }

    #[test]
    fn a_page_has_every_rule_and_plot_and_needs_nothing_from_elsewhere() {
        let rules = vec![measured("compare-pow"), measured("compare-raft")];
        let compared = BenchCompare { rules, repeat: 1, ..BenchCompare::default() };
        let page = html(&compared);
        assert_eq!(page, html(&compared));
        assert_eq!(page.matches("<svg").count(), 5);
        assert!(page.contains("pow (12 on top)") && page.contains(">raft<"));
        for bad in ["NaN", "inf", "http:", "https:", "<script", "url("] {
            assert!(!page.contains(bad), "{bad}");
        }
    }

    #[test]
    fn hostile_names_and_empty_comparisons_are_shown_as_they_are() {
        let failed = BenchRule {
            spec: "<script>".into(),
            engine: "<b>".into(),
            failure: Some("it & that".into()),
            ..BenchRule::default()
        };
        let page = html(&BenchCompare { rules: vec![failed], ..BenchCompare::default() });
        assert!(
            page.contains("&lt;script&gt;: failed: it &amp; that") && !page.contains("<script")
        );
        assert!(page.contains("Nothing was measured.") && !page.contains("<svg"));
        assert!(html(&BenchCompare::default()).contains("Nothing was measured."));
    }
}
