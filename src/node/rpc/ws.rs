//! The WebSocket: the same calls as by POST, and subscriptions.
//!
//! One task serves a connection, and that bounds it. It reads a message only when the one before is answered, so a
//! client has one call (or one batch) under way; items of subscriptions are sent between answers. What it writes it
//! hands to the system before it goes on: a client that does not read stops its own connection, never the node, and
//! after [`Limits::stall`](super::Limits) it is cut off. Meanwhile its items wait in the rings of the
//! [feed](crate::node::feed), which keep the latest and count what they drop; the first item that fits again says how
//! many were lost.
//!
//! The WebSocket of the JSON-RPC library is not used: it starts a task per message without a bound, and its sender never
//! gives up on a peer that does not read.
//!
//! A connection counts against the same limit as any other, and its upgrade passed the same checks of host, origin and
//! token; the token shown then holds for all its calls. Pings notice a peer that is gone.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::Fuse;
use jsonrpsee_types::error::reject_too_many_subscriptions;
use jsonrpsee_types::{ErrorObjectOwned, Id, InvalidRequest, Request, ResponsePayload};
use serde::Serialize;
use tokio::time::MissedTickBehavior;

use super::calls::{self, Asked};
use super::catalog::{Role, Stream};
use super::cookie::Credential;
use super::fault::Fault;
use super::methods::{Call, Items};
use super::server::{App, Connection};
use crate::api::{RpcCode, UnsubscribeParams};

/// Bytes of a message that are read at once.
const READ_BUFFER: usize = 16 << 10;

/// Turns a request into a session.
pub(super) async fn upgrade(
    State(app): State<App>,
    Extension(connection): Extension<Connection>,
    Extension(credential): Extension<Credential>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let bytes = app.limits.body_bytes as usize; // the same for all messages
    upgrade.read_buffer_size(READ_BUFFER).max_message_size(bytes).max_frame_size(bytes).on_upgrade(
        move |socket| {
            let session =
                Session { app, connection, credential, open: Vec::new(), opened: 0, turn: 0 };
            session.run(socket)
        },
    )
}

/// What one connection has.
struct Session {
    app: App,
    /// Its place among the connections, held while it lives.
    connection: Connection,
    credential: Credential,
    open: Vec<Open>,
    /// Subscriptions opened so far; the number of the last one.
    opened: u64,
    /// Whose turn it is among them.
    turn: usize,
}

/// A subscription.
struct Open {
    id: u64,
    stream: Stream,
    items: Fuse<Items>,
}

/// Why a session ends.
enum End {
    /// The other side closed, or is gone.
    Gone,
    /// We close, for a reason.
    Close(u16, &'static str),
}

impl Session {
    async fn run(mut self, mut socket: WebSocket) {
        let end = self.serve(&mut socket).await;
        if let End::Close(code, reason) = end {
            let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
            // It may be gone by now.
            let _ = socket.send(Message::Close(Some(frame))).await;
        }
    }

    async fn serve(&mut self, socket: &mut WebSocket) -> End {
        let limits = self.app.limits;
        let mut stopped = pin!(self.app.stop.clone().shutdown());
        let first = tokio::time::Instant::now() + limits.ping_every;
        let mut pulse = tokio::time::interval_at(first, limits.ping_every);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let mut call: Option<BoxFuture<'static, String>> = None;
        loop {
            let message = tokio::select! {
                () = &mut stopped => return End::Close(close_code::AWAY, "the node is stopping"),
                received = socket.recv(), if call.is_none() => {
                    heard = Instant::now();
                    match received {
                        None => return End::Gone,
                        Some(Err(error)) => {
                            tracing::debug!(%error, "a WebSocket failed");
                            return End::Close(close_code::SIZE, "the message is too large, or broken");
                        }
                        Some(Ok(message)) => match text_of(message) {
                            Ok(Some(text)) => match self.received(text) {
                                Answer::Now(text) => text,
                                Answer::Later(answer) => {
                                    call = Some(answer);
                                    continue;
                                }
                            },
                            Ok(None) => continue,
                            Err(end) => return end,
                        },
                    }
                }
                answer = under_way(&mut call) => {
                    call = None;
                    heard = Instant::now();
                    answer
                }
                item = next_item(&mut self.open, &mut self.turn) => item,
                _ = pulse.tick() => {
                    if call.is_none() && heard.elapsed() >= limits.silence {
                        return End::Close(close_code::AWAY, "nothing was heard for too long");
                    }
                    if socket.send(Message::Ping(Bytes::new())).await.is_err() {
                        return End::Gone;
                    }
                    continue;
                }
            };
            // Notifications have no answer.
            if !message.is_empty() && socket.send(Message::text(message)).await.is_err() {
                return End::Gone;
            }
        }
    }

    /// What a message is answered with.
    fn received(&mut self, text: Utf8Bytes) -> Answer {
        if !self.app.rates.allow(self.connection.peer, Instant::now()) {
            let fault = Fault::new(RpcCode::TooOften, RpcCode::TooOften.about());
            let id = serde_json::from_str::<InvalidRequest<'_>>(&text).map(|request| request.id);
            return Answer::Now(refusal(id.unwrap_or(Id::Null), fault.into()));
        }
        if let Asked::Call { method, .. } = calls::asked(text.as_bytes())
            && let Some((name, stream)) = self.app.catalog.stream(&method)
            && let Ok(request) = serde_json::from_str::<Request<'_>>(&text)
        {
            let params = request.params.as_ref().map_or("{}", |params| params.get());
            let outcome = match stream.role {
                Role::Begin => self.begin(stream, params).map(|id| answer(&request.id, &id)),
                Role::End => self.end(stream, params).map(|ended| answer(&request.id, &ended)),
            };
            self.app.context.metrics.called(name, outcome.is_ok());
            return Answer::Now(outcome.unwrap_or_else(|error| refusal(request.id, error)));
        }
        let (app, credential) = (self.app.clone(), self.credential);
        let body = Bytes::from(text);
        Answer::Later(Box::pin(async move { calls::text(app, credential, body).await }))
    }

    fn begin(&mut self, stream: Stream, params: &str) -> Result<u64, ErrorObjectOwned> {
        if !matches!(params.trim(), "{}" | "[]") {
            return Err(Fault::params("a subscription takes none").into());
        }
        let max = self.app.limits.subscriptions;
        if self.open.len() >= max as usize {
            return Err(reject_too_many_subscriptions(max));
        }
        let call = Call::new(&self.app.context)?;
        self.opened += 1;
        let items = (stream.open)(call).fuse();
        self.open.push(Open { id: self.opened, stream, items });
        Ok(self.opened)
    }

    fn end(&mut self, stream: Stream, params: &str) -> Result<bool, ErrorObjectOwned> {
        let params: UnsubscribeParams = serde_json::from_str(params).map_err(Fault::params)?;
        let before = self.open.len();
        let ends =
            |open: &Open| open.id == params.subscription && open.stream.begin == stream.begin;
        self.open.retain(|open| !ends(open));
        Ok(self.open.len() < before)
    }
}

/// How a message is answered.
enum Answer {
    Now(String),
    Later(BoxFuture<'static, String>),
}

/// The text of a message, if it has one: some clients send theirs as bytes.
fn text_of(message: Message) -> Result<Option<Utf8Bytes>, End> {
    match message {
        Message::Text(text) => Ok(Some(text)),
        Message::Binary(bytes) => Utf8Bytes::try_from(bytes)
            .map(Some)
            .map_err(|_| End::Close(close_code::INVALID, "a message must be JSON")),
        Message::Ping(_) | Message::Pong(_) => Ok(None),
        Message::Close(_) => Err(End::Gone),
    }
}

/// The answer to the call under way; waits for ever without one.
async fn under_way(call: &mut Option<BoxFuture<'static, String>>) -> String {
    match call {
        Some(call) => call.await,
        None => pending().await,
    }
}

/// The next item of any subscription, as it is sent. They take turns.
async fn next_item(open: &mut [Open], turn: &mut usize) -> String {
    poll_fn(|cx| {
        for step in 0..open.len() {
            let at = turn.wrapping_add(step) % open.len();
            let Open { id, stream, items } = &mut open[at];
            if let Poll::Ready(Some(item)) = items.poll_next_unpin(cx) {
                *turn = at + 1;
                return Poll::Ready(notification(stream.item, *id, &item));
            }
        }
        Poll::Pending
    })
    .await
}

fn notification(method: &str, subscription: u64, item: &Arc<str>) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"subscription":{subscription},"result":{item}}}}}"#
    )
}

fn answer<T: Serialize + Clone>(id: &Id<'_>, result: &T) -> String {
    respond(ResponsePayload::success_borrowed(result), id.clone())
}

fn refusal(id: Id<'_>, error: ErrorObjectOwned) -> String {
    respond(ResponsePayload::<()>::error(error), id)
}

fn respond<T: Serialize + Clone>(payload: ResponsePayload<'_, T>, id: Id<'_>) -> String {
    let response = jsonrpsee_types::Response::new(payload, id);
    serde_json::to_string(&response).expect("answers are plain data")
}
