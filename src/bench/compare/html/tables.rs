//! The tables of the page.

use super::super::figures::{Figure, Unit, digits, ends, figure, shown};
use super::{Page, colour, name};
use crate::api::{BenchCompare, BenchMax};
use crate::sim::svg::escaped;

pub(super) fn table(page: &mut Page, compared: &BenchCompare, title: &str, names: &[&str]) {
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
                Some(it) => {
                    let value = shown(it.value, figure.unit);
                    match ends(it, figure.unit) {
                        None => page.put(format_args!("<td>{value}</td>")),
                        Some([low, high]) => {
                            page.put(format_args!("<td>{value}<small>{low} to {high}</small></td>"))
                        }
                    }
                }
            }
        }
        page.put(format_args!("</tr>\n"));
    }
    page.put(format_args!("</table></div>\n"));
}

/// How long to wait where depth makes a block final.
pub(super) fn safety(page: &mut Page, compared: &BenchCompare) {
    if compared.rules.iter().all(|rule| rule.safety.is_empty()) {
        return;
    }
    page.put(format_args!(
        "<h2>How long until it is safe</h2>\n<p class=\"soft\">Confirmations, and their time, with which an attacker takes a payment \
         back in no more than one of a thousand attempts (Rosenfeld 2014), by the measured interval and stale blocks. Where votes make blocks \
         final: until 99 of 100 payments were, as long as the rule bears so many producers who lie; beyond that no waiting helps.</p>\n<div class=\"box\"><table>\n<tr><th scope=\"col\">rule</th>"
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
            page.put(format_args!("<td colspan=\"{columns}\">–</td>"));
        }
        for row in &rule.safety {
            match (row.confirmations, row.seconds) {
                (Some(needed), Some(seconds)) => page.put(format_args!(
                    "<td>{needed}<small>{}</small></td>",
                    shown(seconds, Unit::Seconds)
                )),
                (None, Some(seconds)) => page.put(format_args!(
                    "<td>final<small>{}</small></td>",
                    shown(seconds, Unit::Seconds)
                )),
                _ => page.put(format_args!("<td>never</td>")),
            }
        }
        page.put(format_args!("</tr>\n"));
    }
    page.put(format_args!("</table></div>\n"));
}

/// The highest rates that were found.
pub(super) fn rates(page: &mut Page, found: &[BenchMax]) {
    if found.is_empty() {
        return;
    }
    page.put(format_args!(
        "<h2>Highest rates</h2>\n<p class=\"soft\">Payments per second that a chain took without losing one, without falling behind, and \
         with 99 of 100 final within the bound. The next rate that was tried did not hold.</p>\n<div class=\"box\"><table>\n<tr>"
    ));
    for title in ["chain", "build", "held", "did not hold", "p99 within"] {
        page.put(format_args!("<th scope=\"col\">{title}</th>"));
    }
    page.put(format_args!("<th scope=\"col\" class=\"text\">why</th></tr>\n"));
    for max in found {
        let rate = |rate: Option<f64>| rate.map_or("–".into(), digits);
        let build = max.commit.as_ref().unwrap_or(&max.version);
        page.put(format_args!(
            "<tr><th scope=\"row\">{} ({}, {} nodes)</th><td>{}</td><td>{}{}</td><td>{}</td><td>{}</td><td class=\"text\">{}</td></tr>\n",
            escaped(&max.spec),
            escaped(&max.engine),
            max.nodes,
            escaped(build),
            rate(max.rate),
            if max.partial { "<small>partial</small>" } else { "" },
            rate(max.above),
            max.bound_ms.map_or("–".into(), |ms| shown(ms, Unit::Ms)),
            escaped(&max.limits.join("; "))
        ));
    }
    page.put(format_args!("</table></div>\n"));
}
