//! (room under construction)

pub mod retarget;
