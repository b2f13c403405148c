//! (room under construction)
pub mod input;
pub mod wire;
