//! The ledger against tables and against a naive model.

mod errors;
mod evidence;
mod model;
mod paging;
mod supply;
