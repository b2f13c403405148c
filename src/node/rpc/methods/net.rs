//! `net_*`.

use super::{Access, None as NoParams, Table};
use crate::api::{ConnectParams, PeerInfo, RpcCode};
use crate::node::rpc::fault::Fault;

pub(super) fn register(table: &mut Table) {
    table.ask("net_peers", Access::Open, "the connected peers", |call, _: NoParams| async move {
        Ok::<Vec<PeerInfo>, Fault>(call.backend.peers().await?)
    });
    // It makes the node dial whatever it is told to, so not everybody may.
    table.ask(
        "net_connect",
        Access::Token,
        "dial a peer",
        |call, params: ConnectParams| async move {
            match call.backend.connect(params.address).await? {
                Ok(()) => Ok(true),
                Err(reason) => Err(Fault::new(RpcCode::BadPeer, reason)),
            }
        },
    );
}
