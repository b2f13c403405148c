//! The experiments on few seeds, with bounds wide enough that a true one never leaves them by chance.

mod cost;
mod fair;
mod jump;
