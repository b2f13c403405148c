//! The node's one port: JSON-RPC by POST to `/` and by WebSocket at `/ws`, the probes `/health` and `/metrics`, and a
//! status page on GET `/`.
//!
//! # How a request travels
//!
//! `server` accepts connections itself, so that it can bound them, the time that a request's head may take, and how long
//! an answer may wait to be read (`patient`). Each request is counted (`rate`) and passes `guard` (which `Host`, which
//! `Origin`), shows its token (`cookie`), and comes to a page (`pages`), to `calls`, or becomes a WebSocket (`ws`).
//! `calls` hands JSON-RPC 2.0 to the library, and 1.0 in the shape of 2.0; the library knows the `methods`, of which the
//! `catalog` keeps what they said of themselves. Methods read the published [`View`](crate::replica::View) and the
//! store; they never wait for the host loop, except where only the loop knows (pool, forks, peers) or must act
//! (submitting).
//!
//! The port opens before the store does. Until [`Server::ready`] every method answers "warming up" and `/health`
//! answers 503; after [`Server::stopping`] they say that the node stops.
//!
//! # What a page in a browser can do
//!
//! Nothing, unless it comes from this port or from an origin that the operator allowed. A foreign page cannot hide its
//! `Origin`; a page that rebinds its own name to loopback cannot hide that name in `Host`, and only `localhost`, IP
//! literals and names that the operator allowed are taken there.
//!
//! # Bounds
//!
//! They are in [`Limits`]: connections, body, batch, requests per second, the times for a head, for a whole request and
//! for reading an answer, subscriptions. Answers are bounded by pages ([`crate::api::COINS_PAGE_MAX`] and the like) and
//! as a whole; what subscribers are told, by the rings of the [feed](crate::node::feed).

mod backend;
mod calls;
mod catalog;
mod context;
mod cookie;
mod fault;
mod guard;
mod methods;
mod pages;
mod patient;
mod rate;
mod rule;
mod server;
mod ws;

pub use backend::{Answer, Backend, P2p, PendingInfo, PoolCoins, Stopped};
pub use context::Facts;
pub use cookie::{TokenError, read_token};
pub use guard::GuardError;
pub(in crate::node) use rate::{Rates, network};
pub use rule::{Agreement, Rule};
pub use server::{Config, Limits, Server, StartError, start};
