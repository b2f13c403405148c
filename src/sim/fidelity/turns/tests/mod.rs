//! The experiments on few seeds, with bounds wide enough that a true one never leaves them by chance.

mod apathy;
mod finals;
mod seed;
mod shuffle;
mod stall;
mod takeover;
mod waits;
