//! A comparison as a table for spreadsheets.

use std::fmt::Write;

use super::figures::FIGURES;
use crate::api::BenchCompare;

/// One line for each rule and figure.
pub fn csv(compared: &BenchCompare) -> String {
    let mut text = "spec,engine,figure,value,low,high,of\n".to_owned();
    for rule in &compared.rules {
        for figure in &FIGURES {
            let Some(it) = rule.figures.get(figure.name) else { continue };
            let (spec, engine, name) = (&rule.spec, &rule.engine, figure.name);
            let row = (it.value, it.low, it.high, it.of);
            writeln!(text, "{spec},{engine},{name},{},{},{},{}", row.0, row.1, row.2, row.3)
                .expect("texts take everything");
        }
    }
    text
}
