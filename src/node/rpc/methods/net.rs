//! `net_*`.

use super::{Access, None as NoParams, Table};
use crate::api::{ConnectParams, LinkParams, NetBlockParams, PeerInfo, RpcCode};
use crate::node::rpc::fault::Fault;
use crate::spec::LinkShape;

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
    // Who may cut a node off is not everybody.
    table.now(
        "net_link",
        Access::Token,
        "shape the link to a peer, or all",
        |call, params: LinkParams| {
            let shape = LinkShape::try_from(params.shape())
                .map_err(|error| Fault::params(&error).help(error.help()))?;
            let shaped = call.backend.shape_link(params.peer.as_deref(), shape);
            shaped.map_err(|reason| Fault::new(RpcCode::BadPeer, reason))
        },
    );
    table.now(
        "net_block",
        Access::Token,
        "block these peers and no others",
        |call, params: NetBlockParams| {
            let blocked = call.backend.block_peers(&params.peers);
            blocked.map_err(|reason| Fault::new(RpcCode::BadPeer, reason))
        },
    );
}
