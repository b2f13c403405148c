//! Nodes on loopback, honest ones and others.

mod connect;
mod crowd;
mod hostile;
mod support;
mod talk;
