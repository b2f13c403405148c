//! (room under construction)

pub mod target;
pub mod work;

#[cfg(test)]
pub(crate) mod vectors;
