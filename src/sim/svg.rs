//! Writing SVG.

use std::fmt::{Display, Write as _};

/// A drawing.
pub(crate) struct Drawing {
    width: f64,
    height: f64,
    body: String,
}

impl Drawing {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.write(format_args!(
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        ));
    }

    /// A rectangle around a point, with a text that appears when somebody points at it.
    pub(crate) fn block(
        &mut self,
        at: (f64, f64),
        side: f64,
        colour: &str,
        class: &str,
        title: &str,
    ) {
        let (x, y) = (at.0 - side / 2.0, at.1 - side / 2.0);
        let title = escaped(title);
        self.write(format_args!(
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{side:.1}" height="{side:.1}" rx="1.5" fill="{colour}"><title>{title}</title></rect>"#
        ));
    }

    /// A rectangle from corner to corner.
    pub(crate) fn bar(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, opacity: f64) {
        let ((x, y), width, height) = (from, (to.0 - from.0).max(0.5), to.1 - from.1);
        self.write(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}" fill-opacity="{opacity}"/>"#
        ));
    }

    pub(crate) fn text(&mut self, at: (f64, f64), class: &str, text: impl Display) {
        let (x, y) = at;
        let text = escaped(&text.to_string());
        self.write(format_args!(r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{text}</text>"#));
    }

    fn write(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.body, "{element}").expect("texts take everything");
    }

    /// The file.
    pub(crate) fn finish(self) -> String {
        let Self { width, height, body } = self;
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" font-family="sans-serif" font-size="11">
<style>
.edge {{ stroke: #555; stroke-width: 1.2 }} .stale-edge {{ stroke: #aaa; stroke-dasharray: 3 2 }}
.grid {{ stroke: #e4e4e4 }} .stale {{ opacity: 0.55 }} .main {{ stroke: #222; stroke-width: 0.8 }}
text {{ fill: #333 }} .title {{ font-size: 14px; font-weight: bold }} .right {{ text-anchor: end }} .middle {{ text-anchor: middle }}
</style>
<rect width="100%" height="100%" fill="#fff"/>
{body}</svg>
"##
        )
    }
}

/// A text as XML takes it.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A distance between lines of a scale so that there are at most so many of them: 1, 2 or 5 times a power of ten.
pub(crate) fn step(range: f64, lines_max: f64) -> f64 {
    let least = range / lines_max;
    let mut step = 0.001;
    while step < least {
        for factor in [2.0, 2.5, 2.0] {
            step *= factor;
            if step >= least {
                break;
            }
        }
    }
    step
}

/// Seconds as a scale writes them.
pub(crate) fn seconds(at: f64) -> String {
    let (number, unit) = if at > 0.0 && at < 1.0 { (at * 1000.0, "ms") } else { (at, "s") };
    format!("{} {unit}", trimmed(format!("{number:.3}")))
}

/// A number with digits behind the point, without those that say nothing.
pub(crate) fn trimmed(number: String) -> String {
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}
