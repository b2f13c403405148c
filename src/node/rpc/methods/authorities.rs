//! `authority_list`.

use super::{Access, None as NoParams, Table};

pub(super) fn register(table: &mut Table) {
    table.read(
        "authority_list",
        Access::Open,
        "who decides on blocks, who stands behind them, and what they want done",
        |call, _: NoParams| {
            let facts = &call.context.facts;
            facts.rule.council(&call.view, &call.backend.agreement(), &facts.prefix)
        },
    );
}
