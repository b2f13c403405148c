//! The experiments on few seeds, with bounds wide enough that a true simulator never leaves them by chance.

mod forks;
mod grinding;
mod hoard;
mod majority;
mod old_keys;
mod renewal;
mod season;
mod share;
mod wealth;
