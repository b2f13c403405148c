//! The methods, one file per namespace.
//!
//! Each is registered once with its parameters' type, its answer's type, who may call it, and a line that says what it
//! is for: what the [`Catalog`] tells of a method cannot differ from the method. Three kinds differ in where they run:
//! [`Table::now`] answers from the published head at once, [`Table::read`] may block on the store and runs on a thread
//! for that, [`Table::ask`] waits for the host loop. [`Table::stream`] adds a subscription.

mod accounts;
mod authorities;
mod bip22;
mod bitcoin;
mod chain;
mod delegates;
mod history;
mod mempool;
mod mining;
mod net;
mod stake;
mod streams;
mod system;
mod work;

use std::future::Future;
use std::sync::Arc;

use futures::stream::BoxStream;
use jsonrpsee_server::{Extensions, Methods, RpcModule};
use jsonrpsee_types::{ErrorObjectOwned, Params};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Backend;
use super::catalog::{Catalog, Method, Role, Stream, fields};
use super::context::Context;
use super::cookie::Credential;
use super::fault::Fault;
use crate::api::{Item, RpcCode, UnsubscribeParams};
use crate::replica::View;

/// Who may call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody who reaches the port.
    Open,
    /// Who shows the token.
    Token,
}

/// No parameters. Some callers send an empty list or object, which is fine; anything else is an error.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct None {}

/// What a method is called with beside its parameters.
pub(super) struct Call {
    context: Arc<Context>,
    backend: Arc<dyn Backend>,
    /// The head at the time of the call.
    view: Arc<View>,
}

impl Call {
    pub(super) fn new(context: &Arc<Context>) -> Result<Self, Fault> {
        let backend = context.backend()?;
        let view = backend.view();
        Ok(Self { context: context.clone(), backend, view })
    }
}

/// The items of a subscription, as JSON.
pub(super) type Items = BoxStream<'static, Arc<str>>;

/// The methods that exist.
struct Table {
    module: RpcModule<Context>,
    catalog: Catalog,
    /// Whether errors have Bitcoin's codes.
    in_bitcoin: bool,
}

impl Table {
    /// A method that answers from memory.
    fn now<P, R, F>(&mut self, name: &'static str, access: Access, about: &'static str, method: F)
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + Clone + Send + 'static,
        F: Fn(&Call, P) -> Result<R, Fault> + Send + Sync + Clone + 'static,
    {
        let method = move |call: Call, params| std::future::ready(method(&call, params));
        self.ask(name, access, about, method);
    }

    /// A method that reads the store.
    fn read<P, R, F>(&mut self, name: &'static str, access: Access, about: &'static str, method: F)
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + Clone + Send + 'static,
        F: Fn(&Call, P) -> Result<R, Fault> + Send + Sync + Clone + 'static,
    {
        self.ask(name, access, about, move |call, params| {
            let method = method.clone();
            blocking(move || method(&call, params))
        });
    }

    /// A method that waits.
    fn ask<P, R, F, A>(
        &mut self,
        name: &'static str,
        access: Access,
        about: &'static str,
        method: F,
    ) where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + Clone + Send + 'static,
        F: Fn(Call, P) -> A + Send + Sync + Clone + 'static,
        A: Future<Output = Result<R, Fault>> + Send + 'static,
    {
        let in_bitcoin = self.in_bitcoin;
        let callback = move |params: Params<'static>, context: Arc<Context>, ext: Extensions| {
            let method = method.clone();
            async move {
                let answer = match prepare(&context, access, &ext, &params) {
                    Ok((call, params)) => method(call, params).await,
                    Err(fault) => Err(fault),
                };
                context.metrics.called(name, answer.is_ok());
                let dialect = |fault: Fault| if in_bitcoin { fault.in_bitcoin() } else { fault };
                answer.map_err(|fault| ErrorObjectOwned::from(dialect(fault)))
            }
        };
        self.module.register_async_method(name, callback).expect("no two methods share a name");
        self.catalog.add(Method {
            name,
            about,
            access,
            fields: fields::<P>(),
            schemas: |schemas| (P::json_schema(schemas), schemas.subschema_for::<R>()),
            items: Option::None,
            stream: Option::None,
        });
    }

    /// A subscription: the method that begins it, the one that ends it, and the name that its items carry.
    ///
    /// A WebSocket opens and closes it by itself ([`super::ws`]); whoever calls the two in another way is told so.
    fn stream<T: JsonSchema>(
        &mut self,
        [begin, end, item]: [&'static str; 3],
        about: &'static str,
        open: fn(Call) -> Items,
    ) {
        for name in [begin, end] {
            let refuse = |_: Params<'_>, _: &Context, _: &Extensions| {
                let fault = Fault::new(RpcCode::NeedsWebSocket, "subscriptions need a WebSocket")
                    .help("connect to /ws, and send what begins and ends them outside of batches");
                Err::<u64, _>(ErrorObjectOwned::from(fault))
            };
            self.module.register_method(name, refuse).expect("no two methods share a name");
        }
        let access = Access::Open;
        let stream = |role| Some(Stream { role, begin, item, open });
        self.catalog.add(Method {
            name: begin,
            about,
            access,
            fields: fields::<None>(),
            schemas: |schemas| (None::json_schema(schemas), u64::json_schema(schemas)),
            items: Some(|schemas| schemas.subschema_for::<Item<T>>()),
            stream: stream(Role::Begin),
        });
        self.catalog.add(Method {
            name: end,
            about: "end such a subscription",
            access,
            fields: fields::<UnsubscribeParams>(),
            schemas: |schemas| {
                (UnsubscribeParams::json_schema(schemas), bool::json_schema(schemas))
            },
            items: Option::None,
            stream: stream(Role::End),
        });
    }
}

/// What has to hold before any method runs: the node works, the caller may, the parameters make sense.
fn prepare<P: DeserializeOwned>(
    context: &Arc<Context>,
    access: Access,
    extensions: &Extensions,
    params: &Params<'_>,
) -> Result<(Call, P), Fault> {
    if access == Access::Token {
        context.authorise(extensions.get::<Credential>())?;
    }
    let call = Call::new(context)?;
    let params = serde_json::from_str(params.as_str().unwrap_or("{}")).map_err(Fault::params)?;
    Ok((call, params))
}

/// Runs what may block on a thread for such work.
async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, Fault> + Send + 'static,
) -> Result<R, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        // It panicked, which is a bug, or the runtime stops.
        Err(error) => Err(Fault::new(RpcCode::Failed, error.to_string())),
    }
}

/// All methods over a context, and the catalog of them.
pub(super) fn methods(context: Arc<Context>) -> (Methods, Arc<Catalog>) {
    let module = RpcModule::from_arc(context.clone());
    let mut table = Table { module, catalog: Catalog::default(), in_bitcoin: false };
    chain::register(&mut table);
    delegates::register(&mut table);
    authorities::register(&mut table);
    mempool::register(&mut table);
    accounts::register(&mut table);
    history::register(&mut table);
    mining::register(&mut table);
    stake::register(&mut table);
    work::register(&mut table);
    net::register(&mut table);
    system::register(&mut table);
    streams::register(&mut table);
    table.in_bitcoin = true;
    bitcoin::register(&mut table);
    bip22::register(&mut table);
    let catalog = Arc::new(table.catalog);
    context.list(catalog.clone());
    (table.module.into(), catalog)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::consensus::pow::PowRules;
    use crate::consensus::pow::testkit::pow_params;
    use crate::ledger::testkit::params;
    use crate::node::metrics::Metrics;
    use crate::node::rpc::{Facts, Rule};
    use crate::types::{Prefix, Time};

    #[test]
    fn the_catalog_lists_the_methods_that_exist() {
        let facts = Facts {
            chain: "test".into(),
            symbol: "PYR".into(),
            prefix: Prefix::new("assay").unwrap(),
            dev: true,
            params: params(),
            rule: Rule::pow(PowRules::new(pow_params(&params()))),
            pool_bytes_max: 0,
            spec: String::new(),
            datadir: std::path::PathBuf::new(),
            started: Time(0),
        };
        let context = Context::new(facts, Arc::new(Metrics::new()), String::new());
        let (methods, catalog) = methods(Arc::new(context));
        let exist: BTreeSet<&str> = methods.method_names().collect();
        let listed: BTreeSet<&str> = catalog.iter().map(|method| method.name).collect();
        assert_eq!(exist, listed);
        for name in ["rpc_discover", "chain_info", "mempool_subscribe", "getblocktemplate", "help"]
        {
            assert!(listed.contains(name), "{name}");
        }
    }
}
