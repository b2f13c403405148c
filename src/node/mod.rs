//! (room under construction)

pub mod config;
pub mod hashrate;
