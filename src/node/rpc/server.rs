//! Accepting connections, and the way of a request to whoever answers it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::to_bytes;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jsonrpsee_server::{
    BatchRequestConfig, Methods, ServerConfig, ServerHandle, StopHandle, TowerServiceBuilder,
    stop_channel,
};
use jsonrpsee_types::error::reject_too_big_request;
use jsonrpsee_types::{Id, ResponsePayload};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tower::Service;
use tower::layer::util::Identity;

use super::catalog::Catalog;
use super::context::{Context, Phase};
use super::cookie::{Credential, TokenError, Tokens};
use super::guard::{From as Caller, Guard, GuardError};
use super::patient::Patient;
use super::rate::Rates;
use super::{Backend, Facts, calls, methods, pages, ws};
use crate::api::{Exit, RpcCode};
use crate::node::metrics::Metrics;

/// Where to ask whether the node works.
const HEALTH: &str = "/health";

/// How long open connections may go on after the stop.
const GRACE: Duration = Duration::from_secs(2);

/// How long to wait when the system has no room for another connection, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a connection beyond the limit is told.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\n\
    content-length: 36\r\nconnection: close\r\n\r\ntoo many connections, try again soon";

/// What bounds the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// Bytes in the body of a request.
    pub body_bytes: u32,
    /// Bytes in an answer.
    pub answer_bytes: u32,
    /// Calls in a batch.
    pub batch: u32,
    /// The time that the head of a request may take; also how long an idle connection is kept.
    pub head_timeout: Duration,
    /// The time that a whole request may take until its answer begins.
    pub request_timeout: Duration,
    /// The same for who has the token: making blocks takes as long as it takes.
    pub trusted_timeout: Duration,
    /// How long the other side may take to read nothing of what it asked for.
    pub stall: Duration,
    /// Requests, and messages by WebSocket, of one address in the long run. A batch is one.
    pub requests_per_second: u32,
    /// Subscriptions of one WebSocket.
    pub subscriptions: u32,
    /// How often a WebSocket is pinged.
    pub ping_every: Duration,
    /// How long a WebSocket may be silent, answers to pings included.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 100,
            body_bytes: 2 << 20,
            answer_bytes: 16 << 20,
            batch: 50,
            head_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            trusted_timeout: Duration::from_secs(600),
            stall: Duration::from_secs(20),
            // A seventh of what one core answers; whoever needs more sends batches.
            requests_per_second: 1000,
            // Each kind thrice, for programs that share a connection.
            subscriptions: 16,
            ping_every: Duration::from_secs(20),
            silence: Duration::from_secs(60),
        }
    }
}

/// Where and for whom the port opens.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address; port 0 takes any free port.
    pub listen: SocketAddr,
    /// Host names that are allowed beside `localhost` and IP literals, without port.
    pub hosts: Vec<String>,
    /// Origins of pages that are allowed beside the node's own.
    pub origins: Vec<String>,
    /// A file with the operator's own token, valid beside the cookie. Needed beyond loopback.
    pub token_file: Option<PathBuf>,
    /// The bounds.
    pub limits: Limits,
}

impl Default for Config {
    /// Loopback, any free port.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            hosts: Vec::new(),
            origins: Vec::new(),
            token_file: None,
            limits: Limits::default(),
        }
    }
}

/// Why the port does not open.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be bound.
    #[error(
        "{address} cannot be bound: {source}; choose another --rpc-port, or 0 for any free one"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The address is open to other machines and no token is.
    #[error(
        "{address} is open to other machines: give a token file as well, or listen on 127.0.0.1"
    )]
    Exposed {
        /// The address.
        address: SocketAddr,
    },
    /// The cookie or the token file.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// An allowed host or origin makes no sense.
    #[error("the list of allowed hosts and origins is bad: {0}")]
    Guard(#[from] GuardError),
}

impl StartError {
    /// The exit code of a node that could not start for this reason.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Bind { .. } => Exit::Bind,
            Self::Exposed { .. } | Self::Guard(_) => Exit::Config,
            Self::Token(TokenError::Entropy(_) | TokenError::Write { .. }) => Exit::Failed,
            Self::Token(_) => Exit::Config,
        }
    }
}

/// The open port. It closes when this is dropped; [`Server::stop`] lets requests in flight end first.
pub struct Server {
    address: SocketAddr,
    context: Arc<Context>,
    tokens: Arc<Tokens>,
    handle: ServerHandle,
    accepting: JoinHandle<()>,
}

/// What every request needs.
#[derive(Clone)]
pub(super) struct App {
    pub(super) context: Arc<Context>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) methods: Methods,
    pub(super) service: TowerServiceBuilder<Identity, Identity>,
    pub(super) stop: StopHandle,
    pub(super) limits: Limits,
    pub(super) rates: Arc<Rates>,
    tokens: Arc<Tokens>,
    guard: Arc<Guard>,
    /// Other machines reach the port: every request has to show the token.
    exposed: bool,
}

/// The connection that a request came by. It keeps its place until the last one of these is gone.
#[derive(Clone)]
pub(super) struct Connection {
    /// Who is at the other end.
    pub(super) peer: IpAddr,
    _place: Arc<Place>,
}

/// A place among the connections.
struct Place {
    _permit: OwnedSemaphorePermit,
    metrics: Arc<Metrics>,
}

impl Place {
    fn new(permit: OwnedSemaphorePermit, metrics: Arc<Metrics>) -> Self {
        metrics.rpc_connections.inc();
        Self { _permit: permit, metrics }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.metrics.rpc_connections.dec();
    }
}

/// Opens the port. Every method answers "warming up" until [`Server::ready`].
///
/// # Errors
///
/// See [`StartError`]; the cookie file is written only once the port is bound.
pub async fn start(
    config: &Config,
    facts: Facts,
    metrics: Arc<Metrics>,
) -> Result<Server, StartError> {
    if !config.listen.ip().is_loopback() && config.token_file.is_none() {
        return Err(StartError::Exposed { address: config.listen });
    }
    let guard = Guard::new(&config.hosts, &config.origins)?;
    let bind = |source| StartError::Bind { address: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let tokens = Tokens::create(&facts.datadir, config.token_file.as_deref())?;

    let limits = config.limits;
    let context = Arc::new(Context::new(facts, metrics, format!("http://{address}")));
    let (stop, handle) = stop_channel();
    let server_config = ServerConfig::builder()
        .max_request_body_size(limits.body_bytes)
        .max_response_body_size(limits.answer_bytes)
        .max_connections(u32::try_from(limits.connections).unwrap_or(u32::MAX))
        .set_batch_request_config(BatchRequestConfig::Limit(limits.batch))
        .http_only()
        .build();
    let tokens = Arc::new(tokens);
    let (methods, catalog) = methods::methods(context.clone());
    let app = App {
        context: context.clone(),
        catalog,
        methods,
        service: jsonrpsee_server::Server::builder().set_config(server_config).to_service_builder(),
        stop: stop.clone(),
        limits,
        rates: Arc::new(Rates::new(limits.requests_per_second)),
        tokens: tokens.clone(),
        guard: Arc::new(guard),
        exposed: !config.listen.ip().is_loopback(),
    };
    let accepting = tokio::spawn(accept(listener, router(app), stop, limits, context.clone()));
    Ok(Server { address, context, tokens, handle, accepting })
}

impl Server {
    /// Where the port is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the port.
    pub fn url(&self) -> String {
        self.context.url.clone()
    }

    /// Lets methods be answered.
    pub fn ready(&self, backend: Arc<dyn Backend>) {
        self.context.set(Phase::Ready(backend));
    }

    /// Lets every method answer that the node stops.
    pub fn stopping(&self) {
        self.context.set(Phase::Stopping);
    }

    /// Closes the port: requests in flight may end within two seconds. Removes the cookie file.
    pub async fn stop(mut self) {
        self.stopping();
        let _ = self.handle.stop(); // an error means that it has stopped
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
        self.tokens.remove();
    }
}

fn router(app: App) -> Router {
    Router::new()
        .route(
            "/",
            get(|State(app): State<App>| async move { pages::status(&app.context) }).post(rpc),
        )
        .route("/ws", get(ws::upgrade))
        .route(HEALTH, get(|State(app): State<App>| async move { pages::health(&app.context) }))
        .route(
            "/metrics",
            get(|State(app): State<App>| async move { pages::metrics(&app.context) }),
        )
        .fallback(|| async {
            (
                StatusCode::NOT_FOUND,
                "nothing is here: POST JSON-RPC to /, open a WebSocket at /ws, or GET /, /health, /metrics\n",
            )
        })
        .layer(middleware::from_fn_with_state(app.clone(), admit))
        .with_state(app)
}

/// Judges who asks before anything else happens, and bounds how long the answer may take.
async fn admit(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Connection>().map(|connection| connection.peer);
    if peer.is_some_and(|peer| !app.rates.allow(peer, Instant::now())) {
        return too_often();
    }
    let caller = match app.guard.check(request.method(), request.uri(), request.headers()) {
        Ok(caller) => caller,
        Err(refused) => return (StatusCode::FORBIDDEN, format!("{refused}\n")).into_response(),
    };
    if request.method() == Method::OPTIONS {
        return preflight(&caller);
    }
    let shown = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let credential = app.tokens.judge(shown);
    // Whoever watches over nodes may ask whether one lives.
    if app.exposed && credential != Credential::Right && request.uri().path() != HEALTH {
        return unauthorised();
    }
    request.extensions_mut().insert(credential);
    let patience = match credential {
        Credential::Right => app.limits.trusted_timeout,
        Credential::Wrong | Credential::Missing => app.limits.request_timeout,
    };
    match tokio::time::timeout(patience, next.run(request)).await {
        Ok(mut response) => {
            allow(&caller, response.headers_mut());
            response
        }
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "the request took too long\n").into_response(),
    }
}

fn too_often() -> Response {
    let wait = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
    (StatusCode::TOO_MANY_REQUESTS, wait, format!("{}\n", RpcCode::TooOften.about()))
        .into_response()
}

fn unauthorised() -> Response {
    let how = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"assay\""))];
    let text = "this port is open to other machines: every request needs the token\n";
    (StatusCode::UNAUTHORIZED, how, text).into_response()
}

/// Tells a browser that a page of an allowed origin may read the answer.
fn allow(caller: &Caller, headers: &mut HeaderMap) {
    if let Caller::Allowed(origin) = caller {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
}

/// A browser asks before it lets a page of another origin post JSON.
fn preflight(caller: &Caller) -> Response {
    if *caller == Caller::Home {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET, POST");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    let allowed = HeaderValue::from_static("authorization, content-type");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    allow(caller, headers);
    response
}

/// Reads a body and has it answered. Whatever content type a script puts there is taken: what a foreign page might post
/// that way was turned away for its origin.
async fn rpc(
    State(app): State<App>,
    Extension(credential): Extension<Credential>,
    request: Request,
) -> Response {
    let limit = app.limits.body_bytes;
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced: Option<u64> = announced.and_then(|length| length.to_str().ok()?.parse().ok());
    // What is a little too large is read all the same: who is still sending may not hear what he is told.
    if announced.is_some_and(|length| length > 2 * u64::from(limit)) {
        return too_large(limit);
    }
    match to_bytes(request.into_body(), limit as usize).await {
        Ok(body) => calls::respond(app, credential, body).await,
        Err(_) => too_large(limit),
    }
}

fn too_large(limit: u32) -> Response {
    let error = ResponsePayload::<()>::error(reject_too_big_request(limit));
    let answer = jsonrpsee_types::Response::new(error, Id::Null);
    (StatusCode::PAYLOAD_TOO_LARGE, Json(answer)).into_response()
}

async fn accept(
    listener: TcpListener,
    router: Router,
    stop: StopHandle,
    limits: Limits,
    context: Arc<Context>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    let mut stopped = pin!(stop.clone().shutdown());
    loop {
        let (mut stream, peer) = tokio::select! {
            () = &mut stopped => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => (stream, peer.ip()),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let Ok(permit) = places.clone().try_acquire_owned() else {
            // The buffer of a fresh connection has room: this does not wait.
            let _ = tokio::time::timeout(ACCEPT_PAUSE, stream.write_all(BUSY)).await;
            context.metrics.rpc_refused.inc();
            continue;
        };
        let place = Arc::new(Place::new(permit, context.metrics.clone()));
        let connection = Connection { peer, _place: place };
        connections.spawn(serve(stream, connection, router.clone(), stop.clone(), limits));
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, ended).await; // dropping the set ends the others
}

async fn serve(
    stream: TcpStream,
    connection: Connection,
    router: Router,
    stop: StopHandle,
    limits: Limits,
) {
    let _ = stream.set_nodelay(true); // slower without, but it works
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(connection.clone());
        router.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .serve_connection(TokioIo::new(Patient::new(stream, limits.stall)), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.shutdown() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
