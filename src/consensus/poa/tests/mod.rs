//! Proof of authority.

mod changes;
mod snapshot;
