//! The experiments on few seeds, with bounds wide enough that a true simulator never leaves them by chance.

mod season;
