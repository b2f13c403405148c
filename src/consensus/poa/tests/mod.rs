//! Proof of authority.

mod changes;
mod rules;
mod snapshot;
