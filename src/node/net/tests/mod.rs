//! Nodes on loopback, honest ones and others.

mod connect;
mod hostile;
mod support;
mod talk;
