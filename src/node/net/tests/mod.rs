//! Nodes on loopback, honest ones and others.

mod connect;
mod crowd;
mod hostile;
mod links;
mod support;
mod talk;
