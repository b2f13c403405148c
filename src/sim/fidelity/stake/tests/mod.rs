//! The experiments on few seeds, with bounds wide enough that a true simulator never leaves them by chance.

mod hoard;
mod renewal;
mod season;
mod share;
mod wealth;
