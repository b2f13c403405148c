//! From the bytes of a request to the bytes of its answer.
//!
//! The JSON-RPC library speaks version 2.0 and only that. Bitcoin's scripts and miners send calls without a version, or
//! with `"1.0"`, under whatever content type their tool puts there, and expect an answer in which `result` and `error`
//! are both present. Such a call is rewritten as one of 2.0, and its answer is rewritten back; in between it is like
//! any other. An array is taken for what its first call is.
//!
//! # Source
//!
//! Bitcoin Core's `rpc/request.cpp` and `httprpc.cpp` (27.0): the form of the answer, and the HTTP status of an error
//! (404 for an unknown method, 400 for what is no call, 500 for the rest; always 200 for a batch).

use std::borrow::Cow;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tower::Service;

use super::cookie::Credential;
use super::server::App;

/// The method does not exist (JSON-RPC 2.0, section 5.1).
const METHOD_NOT_FOUND: i64 = -32601;

/// What is no call, and what is no JSON.
const NO_CALL: [i64; 2] = [-32600, -32700];

/// The content type of answers.
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// What a body asks for, as far as one must know before it is handed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// One call.
    Call {
        /// The method.
        method: String,
        /// Whether it is one of JSON-RPC 1.0.
        old: bool,
    },
    /// Several calls of JSON-RPC 1.0.
    OldBatch,
    /// Several calls of 2.0, or something that the library will complain about.
    Other,
}

/// What tells calls apart.
#[derive(Deserialize)]
struct Look {
    jsonrpc: Option<String>,
    method: String,
}

impl Look {
    fn is_old(&self) -> bool {
        self.jsonrpc.as_deref() != Some("2.0")
    }
}

/// Looks at a body.
pub(super) fn asked(body: &[u8]) -> Asked {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => match serde_json::from_slice::<Look>(body) {
            Ok(look) => Asked::Call { old: look.is_old(), method: look.method },
            Err(_) => Asked::Other,
        },
        Some(b'[') => {
            let calls: Vec<&RawValue> = serde_json::from_slice(body).unwrap_or_default();
            let first = calls.first().and_then(|call| serde_json::from_str(call.get()).ok());
            match first.is_some_and(|look: Look| look.is_old()) {
                true => Asked::OldBatch,
                false => Asked::Other,
            }
        }
        _ => Asked::Other,
    }
}

/// Answers a body that came by POST.
pub(super) async fn respond(app: App, credential: Credential, body: Bytes) -> Response {
    match asked(&body) {
        Asked::Call { old: true, .. } => old_call(app, credential, &body).await,
        Asked::OldBatch => old_batch(app, credential, &body).await,
        Asked::Call { .. } | Asked::Other => call(app, credential, body).await,
    }
}

/// Answers a body that came another way; empty where it wants no answer.
pub(super) async fn text(app: App, credential: Credential, body: Bytes) -> String {
    read(respond(app, credential, body).await).await
}

/// Hands a body of 2.0 to the library.
async fn call(app: App, credential: Credential, body: Bytes) -> Response {
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = Method::POST;
    request.headers_mut().insert(header::CONTENT_TYPE, JSON);
    request.extensions_mut().insert(credential);
    let mut service = app.service.build(app.methods, app.stop);
    match service.call(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::warn!(%error, "a request failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The body of an answer of the library, which bounds it.
async fn read(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
    String::from_utf8(bytes.into()).unwrap_or_default() // JSON is text
}

/// A call of 1.0.
#[derive(Deserialize)]
struct OldCall<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// The same as a call of 2.0, under a number of ours: 1.0 lets an id be anything.
#[derive(Clone, Copy, Serialize)]
struct NewCall<'a> {
    jsonrpc: &'static str,
    id: usize,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a RawValue>,
}

impl<'a> OldCall<'a> {
    fn renew(&'a self, id: usize) -> NewCall<'a> {
        NewCall { jsonrpc: "2.0", id, method: &self.method, params: self.params }
    }
}

/// An answer of 2.0.
#[derive(Deserialize)]
struct NewAnswer<'a> {
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// The same as an answer of 1.0.
#[derive(Serialize)]
struct OldAnswer<'a> {
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
}

impl<'a> NewAnswer<'a> {
    fn of(text: &'a str) -> Self {
        serde_json::from_str(text).unwrap_or(Self { result: None, error: None })
    }

    fn age(self, id: Option<&'a RawValue>) -> OldAnswer<'a> {
        OldAnswer { result: self.result, error: self.error, id }
    }

    fn code(&self) -> Option<i64> {
        #[derive(Deserialize)]
        struct Code {
            code: i64,
        }
        Some(serde_json::from_str::<Code>(self.error?.get()).map_or(0, |error| error.code))
    }
}

async fn old_call(app: App, credential: Credential, body: &[u8]) -> Response {
    let Ok(old) = serde_json::from_slice::<OldCall<'_>>(body) else {
        return call(app, credential, Bytes::copy_from_slice(body)).await;
    };
    let renewed = serde_json::to_vec(&old.renew(0)).expect("a call is plain data");
    let text = read(call(app, credential, renewed.into()).await).await;
    let answer = NewAnswer::of(&text);
    let status = match answer.code() {
        None => StatusCode::OK,
        Some(METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
        Some(code) if NO_CALL.contains(&code) => StatusCode::BAD_REQUEST,
        Some(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    json(status, &answer.age(old.id))
}

async fn old_batch(app: App, credential: Credential, body: &[u8]) -> Response {
    let entries: Vec<&RawValue> = serde_json::from_slice(body).unwrap_or_default();
    let calls: Vec<Option<OldCall<'_>>> =
        entries.iter().map(|entry| serde_json::from_str(entry.get()).ok()).collect();
    // What is no call stays none, so that each entry has its answer.
    let none = NewCall { jsonrpc: "", id: 0, method: "", params: None };
    let renewed: Vec<NewCall<'_>> = calls
        .iter()
        .enumerate()
        .map(|(id, call)| call.as_ref().map_or(NewCall { id, ..none }, |call| call.renew(id)))
        .collect();
    let renewed = serde_json::to_vec(&renewed).expect("calls are plain data");
    let text = read(call(app, credential, renewed.into()).await).await;
    match serde_json::from_str::<Vec<NewAnswer<'_>>>(&text) {
        Ok(answers) => {
            let ids = calls.iter().map(|call| call.as_ref().and_then(|call| call.id));
            let aged: Vec<_> = answers.into_iter().zip(ids).map(|(a, id)| a.age(id)).collect();
            json(StatusCode::OK, &aged)
        }
        // The batch as a whole was refused.
        Err(_) => json(StatusCode::OK, &NewAnswer::of(&text).age(None)),
    }
}

fn json(status: StatusCode, answer: &impl Serialize) -> Response {
    let text = serde_json::to_string(answer).expect("an answer is plain data");
    (status, [(header::CONTENT_TYPE, JSON)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_apart_by_their_version() {
        let call = |method: &str, old| Asked::Call { method: method.into(), old };
        for (body, expected) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#, call("a", false)),
            (r#" {"jsonrpc":"1.0","id":"c","method":"a","params":[]}"#, call("a", true)),
            (r#"{"method":"a","params":[],"id":null}"#, call("a", true)),
            (r#"{"jsonrpc":"2.0","id":1}"#, Asked::Other),
            (r#"{"jsonrpc":2,"id":1,"method":"a"}"#, Asked::Other),
            (r#"[{"method":"a","id":1},{"jsonrpc":"2.0","method":"b","id":2}]"#, Asked::OldBatch),
            (r#"[{"jsonrpc":"2.0","method":"b","id":2}]"#, Asked::Other),
            ("[]", Asked::Other),
            ("[1]", Asked::Other),
            ("", Asked::Other),
            ("{", Asked::Other),
        ] {
            assert_eq!(asked(body.as_bytes()), expected, "{body}");
        }
        let deep = format!(r#"{{"method":"a","params":{}}}"#, "[".repeat(1 << 20));
        assert_eq!(asked(deep.as_bytes()), Asked::Other);
    }
}
