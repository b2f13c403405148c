//! `delegate_list` and `delegate_votes`.

use super::{Access, Table};
use crate::api::{
    DELEGATES_PAGE_DEFAULT, DELEGATES_PAGE_MAX, DelegatesPage, DelegatesParams, Delegation,
    VotesParams,
};
use crate::node::rpc::fault::Fault;

pub(super) fn register(table: &mut Table) {
    table.read(
        "delegate_list",
        Access::Open,
        "who stands for election, by votes and by pages, and how the round goes",
        |call, params: DelegatesParams| {
            let (view, facts) = (&call.view, &call.context.facts);
            let rules = facts.rule.slots()?;
            let limit = params.limit.unwrap_or(DELEGATES_PAGE_DEFAULT);
            if !(1..=DELEGATES_PAGE_MAX).contains(&limit) {
                let range = format!("limit {limit} is not in 1 to {DELEGATES_PAGE_MAX}");
                return Err(Fault::params(range));
            }
            let (head, from) = ((view.head, view.header.height), params.after.unwrap_or(0));
            Ok(DelegatesPage::of(rules, head, &view.state, (from, limit), &facts.prefix)?)
        },
    );
    table.read(
        "delegate_votes",
        Access::Open,
        "which delegates an address approves, and what that weighs",
        |call, params: VotesParams| {
            let (view, facts) = (&call.view, &call.context.facts);
            let rules = facts.rule.slots()?;
            let of = call.context.address(&params.address)?;
            let head = (view.head, view.header.height);
            Ok(Delegation::of(rules, head, &view.state, &of, &facts.prefix)?)
        },
    );
}
