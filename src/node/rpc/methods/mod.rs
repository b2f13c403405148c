//! The methods, one file per namespace.
//!
//! Each is registered once with its parameters' type, its answer's type, and who may call it. Three kinds differ in
//! where they run: [`Table::now`] answers from the published head at once, [`Table::read`] may block on the store and
//! runs on a thread for that, [`Table::ask`] waits for the host loop.

mod accounts;
mod chain;
mod mempool;
mod mining;
mod net;
mod system;

use std::future::Future;
use std::sync::Arc;

use jsonrpsee_server::{Extensions, RpcModule};
use jsonrpsee_types::{ErrorObjectOwned, Params};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Backend;
use super::context::Context;
use super::cookie::Credential;
use super::fault::Fault;
use crate::replica::View;

/// Who may call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
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
struct Call {
    context: Arc<Context>,
    backend: Arc<dyn Backend>,
    /// The head at the time of the call.
    view: Arc<View>,
}

impl Call {
    fn new(context: &Arc<Context>) -> Result<Self, Fault> {
        let backend = context.backend()?;
        let view = backend.view();
        Ok(Self { context: context.clone(), backend, view })
    }
}

/// The methods that exist.
struct Table {
    module: RpcModule<Context>,
}

impl Table {
    /// A method that answers from memory.
    fn now<P, R, F>(&mut self, name: &'static str, access: Access, method: F)
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + Clone + Send + 'static,
        F: Fn(&Call, P) -> Result<R, Fault> + Send + Sync + Clone + 'static,
    {
        self.ask(name, access, move |call, params| std::future::ready(method(&call, params)));
    }

    /// A method that reads the store.
    fn read<P, R, F>(&mut self, name: &'static str, access: Access, method: F)
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + Clone + Send + 'static,
        F: Fn(&Call, P) -> Result<R, Fault> + Send + Sync + Clone + 'static,
    {
        self.ask(name, access, move |call, params| {
            let method = method.clone();
            blocking(move || method(&call, params))
        });
    }

    /// A method that waits.
    fn ask<P, R, F, A>(&mut self, name: &'static str, access: Access, method: F)
    where
        P: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + Clone + Send + 'static,
        F: Fn(Call, P) -> A + Send + Sync + Clone + 'static,
        A: Future<Output = Result<R, Fault>> + Send + 'static,
    {
        let callback = move |params: Params<'static>, context: Arc<Context>, ext: Extensions| {
            let method = method.clone();
            async move {
                let answer = match prepare(&context, access, &ext, &params) {
                    Ok((call, params)) => method(call, params).await,
                    Err(fault) => Err(fault),
                };
                context.metrics.called(name, answer.is_ok());
                answer.map_err(ErrorObjectOwned::from)
            }
        };
        self.module.register_async_method(name, callback).expect("no two methods share a name");
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
        Err(error) => Err(Fault::new(crate::api::RpcCode::Failed, error.to_string())),
    }
}

/// All methods over a context.
pub(super) fn module(context: Arc<Context>) -> RpcModule<Context> {
    let mut table = Table { module: RpcModule::from_arc(context) };
    chain::register(&mut table);
    mempool::register(&mut table);
    accounts::register(&mut table);
    mining::register(&mut table);
    net::register(&mut table);
    system::register(&mut table);
    table.module
}
