//! `system_*`.

use super::{Access, None as NoParams, Table};

pub(super) fn register(table: &mut Table) {
    table.now("system_info", Access::Open, |call, _: NoParams| {
        Ok(call.context.system_info(&*call.backend))
    });
    table.now("system_stop", Access::Token, |call, _: NoParams| {
        call.backend.stop();
        Ok(true)
    });
}
