//! (room under construction)

pub mod hashrate;
