//! Whole replicas, alone against a test that plays everybody else ([`lone`]) and several on an in-memory host
//! ([`host`]).

mod agree;
mod catch_up;
mod compact;
mod crash;
mod golden;
mod held;
mod host;
mod hostile;
mod lone;
mod sealed;
mod submit;
mod untold;
