//! Proof of authority.

mod snapshot;
