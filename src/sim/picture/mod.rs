//! Pictures of a run, as SVG.
//!
//! - [`mod@tree`]: the tree of blocks over time
//! - [`mod@waterfall`]: how each block spread
//!
//! A picture is bounded whatever the run was: of a long run it shows the end.

pub mod tree;
pub mod waterfall;

pub use tree::tree;
pub use waterfall::waterfall;

use super::metrics::Record;
use crate::types::Address;

/// Colours of producers, those of Okabe and Ito, which the colour-blind can tell apart too.
const COLOURS: [&str; 8] =
    ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7f7f7f"];

/// Producers in the order of their first blocks, with their colours and the node that made the block. Beyond the
/// colours that there are, all have the last one.
struct Legend {
    producers: Vec<(Address, usize)>,
}

impl Legend {
    fn of(record: &Record) -> Self {
        let mut producers: Vec<(Address, usize)> = Vec::new();
        for seen in &record.blocks {
            if producers.len() < COLOURS.len() && producers.iter().all(|it| it.0 != seen.producer) {
                producers.push((seen.producer, seen.made_by));
            }
        }
        producers.sort_by_key(|(_, node)| *node);
        Self { producers }
    }

    fn colour(&self, producer: &Address) -> &'static str {
        let place = self.producers.iter().position(|(known, _)| known == producer);
        COLOURS[place.unwrap_or(COLOURS.len() - 1).min(COLOURS.len() - 1)]
    }

    /// Names and colours, for a line of text.
    fn entries(&self) -> impl Iterator<Item = (String, &'static str)> {
        let name = |(place, (_, node)): (usize, &(Address, usize))| match place {
            place if place + 1 == COLOURS.len() => ("others".to_owned(), COLOURS[place]),
            place => (format!("node {node}"), COLOURS[place]),
        };
        self.producers.iter().enumerate().map(name)
    }
}

#[cfg(test)]
mod tests;
