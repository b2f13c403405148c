//! (room under construction)

pub mod keystore;
pub mod password;
