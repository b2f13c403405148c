//! What a GET finds: the status page, `/health` and `/metrics`.

use std::fmt::{self, Write};
use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::context::Context;
use crate::api::{Health, HealthStatus};

/// The status page loads nothing and runs nothing.
const POLICY: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
];

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:52rem;padding:0 1rem}\
    table{border-collapse:collapse}td{padding:.15rem 1.2rem .15rem 0;vertical-align:top}\
    td:first-child{color:#777}code{font-size:13px;overflow-wrap:anywhere}\
    @media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}";

/// `GET /health`: 200 while the node works, 503 before and after.
pub(super) fn health(context: &Context) -> Response {
    let status = context.health();
    let view = context.backend().ok().map(|backend| backend.view());
    let health = Health {
        status,
        version: env!("CARGO_PKG_VERSION").into(),
        height: view.as_ref().map(|view| view.header.height),
        head: view.as_ref().map(|view| view.head),
        final_height: view.as_ref().map(|view| view.final_height),
        peers: view.as_ref().map(|view| view.peers as u64), // counts fit 64 bits
    };
    let code = match status {
        HealthStatus::Ok => StatusCode::OK,
        HealthStatus::WarmingUp | HealthStatus::Stopping => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, [(header::CACHE_CONTROL, "no-store")], Json(health)).into_response()
}

/// `GET /metrics`: OpenMetrics text.
pub(super) fn metrics(context: &Context) -> Response {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, TYPE)], context.metrics.encode()).into_response()
}

/// `GET /`: a page for people that renews itself.
pub(super) fn status(context: &Arc<Context>) -> Response {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write_status(context, &mut page);
    (POLICY, Html(page)).into_response()
}

fn write_status(context: &Context, page: &mut String) -> fmt::Result {
    let facts = &context.facts;
    let chain = Escaped(&facts.chain);
    write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"5\">\
         <title>{chain} · Assay</title><style>{STYLE}</style><h1>{chain}</h1><table>"
    )?;
    let mut row = |name: &str, value: &dyn fmt::Display| {
        write!(page, "<tr><td>{name}<td><code>{}</code>", Escaped(&value.to_string()))
    };
    row("rule", &facts.rule.name())?;
    row("genesis", &facts.params.chain)?;
    row("version", &env!("CARGO_PKG_VERSION"))?;
    match context.backend() {
        Ok(backend) => {
            let view = backend.view();
            row("height", &view.header.height)?;
            row("head", &view.head)?;
            row("state root", &view.header.state_root)?;
            row("final height", &view.final_height)?;
            row("final block", &view.final_id)?;
            row("peers", &view.peers)?;
            row("pending", &format!("{} transactions, {} bytes", view.pool_len, view.pool_bytes))?;
            let mining = backend.mining();
            if mining.mining {
                row("mining", &format!("{:.0} hashes/s, {}", mining.hash_rate, mining.kernel))?;
            }
        }
        Err(_) if context.health() == HealthStatus::Stopping => row("state", &"stopping")?,
        Err(_) => row("state", &"opening the store")?,
    }
    page.write_str(
        "</table><p>JSON-RPC 2.0 by POST to this address. <a href=\"/health\">health</a> · \
         <a href=\"/metrics\">metrics</a></p></html>\n",
    )
}

/// Text that cannot become markup.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
