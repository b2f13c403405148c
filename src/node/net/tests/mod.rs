//! Nodes on loopback, honest ones and others.

mod attacker;
mod authority;
mod connect;
mod crowd;
mod flood;
mod hostile;
mod links;
mod support;
mod talk;
