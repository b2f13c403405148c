//! The node's one port: JSON-RPC 2.0 by POST to `/`, the probes `/health` and `/metrics`, and a status page on GET `/`.
//!
//! # How a request travels
//!
//! [`server`] accepts connections itself, so that it can bound them and the time that a request's head may take. Each
//! request passes [`guard`] (which `Host`, which `Origin`, which token), then either a [page](pages) or the JSON-RPC
//! service, which knows the [`methods`]. Methods read the published [`View`](crate::replica::View) and the store; they never wait for the
//! host loop, except where only the loop knows (pool, forks, peers) or must act (submitting).
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
//! They are in [`Limits`]: connections, body, batch, the time for a head and for a whole request. Answers are bounded
//! by pages ([`crate::api::COINS_PAGE_MAX`] and the like) and as a whole.

mod backend;
mod context;
mod cookie;
mod fault;
mod guard;
mod methods;
mod pages;
mod server;

pub use backend::{Answer, Backend, P2p, PendingInfo, PoolCoins, Stopped};
pub use context::{Facts, Rule};
pub use cookie::{COOKIE_FILE, TokenError, read_token};
pub use guard::GuardError;
pub use server::{Config, Limits, Server, StartError, start};
