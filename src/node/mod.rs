//! The replica's host on tokio, libp2p and RocksDB.

pub mod net;
