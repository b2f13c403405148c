//! `system_*` and `rpc_discover`.

use super::{Access, None as NoParams, Table};

pub(super) fn register(table: &mut Table) {
    table.now(
        "system_info",
        Access::Open,
        "what this node is, and on which chain",
        |call, _: NoParams| Ok(call.context.system_info(&*call.backend)),
    );
    // Making it takes milliseconds.
    table.read(
        "rpc_discover",
        Access::Open,
        "this list, as an OpenRPC document",
        |call, _: NoParams| Ok(call.context.catalog().document(&call.context.url)),
    );
    table.now("system_stop", Access::Token, "stop the node", |call, _: NoParams| {
        call.backend.stop();
        Ok(true)
    });
}
