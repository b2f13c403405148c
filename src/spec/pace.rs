//! The pace of rules whose authorities agree: their blocks follow what there is to do.

use toml::de::DeValue;

use super::read::{Refusal, Section};
use super::schema::{default, range};
use super::settings::{Entry, quoted};
use super::values;
use crate::types::Span;

/// When blocks leave. It is each node's own affair, and no part of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// A block with transactions leaves so long after the one before it at the earliest.
    pub block_time_min: Span,
    /// And an empty one when nothing was made for so long; never, if there is none.
    pub empty_block_after: Option<Span>,
}

impl Pace {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let block_time_min = section
            .read("block_time_min", |value| values::span(value, range::BLOCK_TIME_MIN))
            .unwrap_or(default::BLOCK_TIME_MIN);
        let empty_block_after = section
            .read("empty_block_after", |value| read_empty(value, block_time_min))
            .unwrap_or(Some(default::EMPTY_BLOCK_AFTER.max(block_time_min)));
        Self { block_time_min, empty_block_after }
    }

    pub(super) fn entries(&self, section: &'static str) -> [Entry; 2] {
        let entry = |key, value, about| Entry::new(section, key, value, about);
        let empty = self.empty_block_after.map_or(quoted("never"), quoted);
        [
            entry("block_time_min", quoted(self.block_time_min), "between two blocks at least")
                .local(),
            entry("empty_block_after", empty, "without a transaction; or \"never\"").local(),
        ]
    }

    /// The longest interval between blocks, where there is one; else the shortest.
    pub fn block_time(&self) -> Span {
        self.empty_block_after.unwrap_or(self.block_time_min)
    }
}

/// How long nothing has to happen before an empty block is made; nothing stands for never.
fn read_empty(value: &DeValue<'_>, least: Span) -> Result<Option<Span>, Refusal> {
    if values::text(value, "5s")? == "never" {
        return Ok(None);
    }
    let span = values::span(value, range::EMPTY_BLOCK_AFTER).map_err(|refusal| {
        Refusal::new(refusal.reason, format!("{}, or \"never\"", refusal.fix))
    })?;
    if span < least {
        return Err(Refusal::new(
            format!("is less than block_time_min, which is {least}"),
            format!("write \"{least}\" or more, or \"never\""),
        ));
    }
    Ok(Some(span))
}
