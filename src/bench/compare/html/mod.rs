//! A comparison as one page: no script, nothing from elsewhere, the same bytes for the same figures.

mod plots;
mod tables;
mod trend;

use std::fmt::Write;

pub use self::plots::picture;
use self::plots::{curves, progress, ranges, strips};
use self::tables::{rates, safety, table};
use super::figures::TABLES;
use crate::api::{BenchCompare, BenchMax, BenchRule};
use crate::sim::svg::escaped;

/// Colours that also the colour-blind tell apart (Okabe and Ito), and one more.
const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5c00", "#888888"];

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
th:first-child, .text { text-align: left } .text { white-space: normal; min-width: 16rem } td small { display: block; color: var(--soft) }
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

/// The page of one comparison.
pub fn html(compared: &BenchCompare) -> String {
    page(std::slice::from_ref(compared), &[])
}

/// The page of the last of several builds, what changed from one to the next, and the highest rates that were found.
pub fn page(builds: &[BenchCompare], found: &[BenchMax]) -> String {
    let mut page = Page(String::new());
    page.put(format_args!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Rules side by side</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>Rules side by side</h1>\n"
    ));
    if let Some(last) = builds.last() {
        side_by_side(&mut page, last);
    }
    trend::trends(&mut page, builds);
    rates(&mut page, found);
    page.put(format_args!("</body>\n</html>\n"));
    page.0
}

fn side_by_side(page: &mut Page, compared: &BenchCompare) {
    about(page, compared);
    let measured = compared.rules.iter().any(|rule| !rule.runs.is_empty());
    if !measured {
        page.put(format_args!("<p class=\"warn\">Nothing was measured.</p>\n"));
    }
    for (title, names) in TABLES {
        table(page, compared, title, names);
    }
    safety(page, compared);
    if measured {
        ranges(page, compared);
        curves(page, compared, "Until it is in a block", |rule| {
            rule.runs.first().map(|run| run.load.included_curve.as_slice()).unwrap_or_default()
        });
        curves(page, compared, "Until it is final", |rule| {
            rule.runs.first().map(|run| run.load.final_curve.as_slice()).unwrap_or_default()
        });
        progress(page, compared);
        strips(page, compared);
    }
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
    let machine = compared.machine.as_ref().map(|machine| format!("; {}", machine.shown()));
    page.put(format_args!(
        "<p class=\"soft\">assay {}{}{}</p>\n",
        escaped(&compared.version),
        escaped(&commit.unwrap_or_default()),
        escaped(&machine.unwrap_or_default())
    ));
    page.put(format_args!(
        "<p class=\"soft\">A figure is the median over runs; between the small numbers it comes out nineteen times of twenty when it is \
         measured once more. Where blocks on top make a block final, their number stands beside the rule.</p>\n"
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
            work: 1.0,
            confirmations: 3,
            patience: Micros::seconds(60),
            spec: spec.clone(),
        };
        let mut rule = BenchRule {
            spec: name.into(),
            engine: spec.consensus().engine().into(),
            finality_depth: spec.consensus().finality_depth(),
            runs: vec![run(&trial, &mut |_| std::ops::ControlFlow::Continue(())).unwrap()],
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
        let picture = picture(&compared).unwrap();
        assert_eq!(picture.matches("<circle").count(), 6, "three for each rule");
        assert!(super::picture(&BenchCompare::default()).is_none());
    }

    #[test]
    fn builds_are_drawn_beside_each_other() {
        let build = |commit: &str| BenchCompare {
            commit: Some(commit.into()),
            rules: vec![measured("compare-raft")],
            ..BenchCompare::default()
        };
        assert!(!html(&build("old")).contains("From build to build"));
        let both = page(&[build("old"), build("<new>")], &[]);
        assert!(both.contains("From build to build") && both.contains(">old<"));
        assert!(both.contains("&lt;new&gt;") && !both.contains("<new>"));
        let found = BenchMax { spec: "<b>".into(), rate: Some(1234.0), ..BenchMax::default() };
        let found = page(&[], &[found]);
        assert!(found.contains("<td>1234</td>") && found.contains("&lt;b&gt;"), "{found}");
        // What no simulation has is not drawn, and a figure that is 0 has no powers.
        assert_eq!(both.matches("<svg").count(), 5 + 7);
        assert_eq!(both.matches("goes by powers. ").count() + both.matches("By share.").count(), 1);
        assert!(!both.contains("NaN") && !both.contains("inf"));
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
