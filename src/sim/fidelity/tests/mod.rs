//! The experiments on few seeds, with intervals wide enough that a true simulator never leaves them by chance.

mod agreement;
mod double_spend;
mod selfish;
mod stale;
mod statistics;
mod step;
