//! (room under construction)

pub mod metrics;
pub mod rpc;
