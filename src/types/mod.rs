//! (room under construction)

pub mod hd;
pub mod mnemonic;
pub mod signatures;
