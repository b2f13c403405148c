//! News of a node as they happen: its heads and final blocks, over a WebSocket.
//!
//! A subscription tells what happens from then on. Whoever reads too slowly loses the oldest news and is told how many;
//! a connection that breaks is an error, and the reader opens another.

use std::collections::VecDeque;

use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::client::ClientError;
use crate::api::{FinalItem, HeadItem, Item};

/// The subscriptions, in order of the ids of their requests: what begins each, and the method of its items.
const STREAMS: [(&str, &str); 2] =
    [("chain_subscribeHeads", HEAD), ("chain_subscribeFinalized", SETTLED)];

const HEAD: &str = "chain_head";
const SETTLED: &str = "chain_finalized";

/// Something happened at a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// It has a new head.
    Head(HeadItem),
    /// Its chain is final up to here.
    Final(FinalItem),
    /// So many news were lost: we read too slowly.
    Lagged(u64),
}

/// Subscriptions to the heads and final blocks of one node.
#[derive(Debug)]
pub struct Subscription {
    url: String,
    socket: WebSocketStream<TcpStream>,
    early: VecDeque<News>,
}

/// What a node sends: an answer, or an item.
#[derive(Deserialize)]
struct Received {
    id: Option<u64>,
    error: Option<Refusal>,
    method: Option<String>,
    params: Option<Params>,
}

#[derive(Deserialize)]
struct Refusal {
    code: i32,
    message: String,
}

#[derive(Deserialize)]
struct Params {
    result: Value,
}

fn news(method: &str, result: Value) -> serde_json::Result<Option<News>> {
    Ok(match method {
        HEAD => Some(match serde_json::from_value(result)? {
            Item::Lagged { lagged } => News::Lagged(lagged),
            Item::News(head) => News::Head(head),
        }),
        SETTLED => Some(match serde_json::from_value(result)? {
            Item::Lagged { lagged } => News::Lagged(lagged),
            Item::News(block) => News::Final(block),
        }),
        _ => None,
    })
}

impl Subscription {
    /// Subscribes at the node with this URL. When this returns, nothing that happens from then on is missed. Only a port
    /// that is open to other machines asks for the token.
    ///
    /// # Errors
    ///
    /// Nobody answers, or not as a node does, or the node refuses.
    pub async fn open(url: &str, token: Option<&str>) -> Result<Self, ClientError> {
        let authority = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
        let unreachable = |reason: String| ClientError::Unreachable { url: url.into(), reason };
        let stream = TcpStream::connect(authority).await.map_err(|e| unreachable(e.to_string()))?;
        // An item is small, and the next one may be long in coming.
        stream.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
        let mut request = format!("ws://{authority}/ws")
            .into_client_request()
            .map_err(|error| unreachable(error.to_string()))?;
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            request.headers_mut().insert("authorization", value.map_err(|_| ClientError::Token)?);
        }
        let (socket, _) =
            client_async(request, stream).await.map_err(|error| unreachable(error.to_string()))?;
        let mut opened = Self { url: url.into(), socket, early: VecDeque::new() };
        for (id, (method, _)) in STREAMS.iter().enumerate() {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#);
            let sent = opened.socket.send(Message::text(text)).await;
            sent.map_err(|error| unreachable(error.to_string()))?;
        }
        let mut answers = 0;
        while answers < STREAMS.len() {
            let received = opened.receive().await?;
            if let Some(Refusal { code, message }) = received.error {
                return Err(ClientError::Refused { code, message, help: None });
            }
            match opened.understand(received)? {
                Some(news) => opened.early.push_back(news),
                None => answers += 1,
            }
        }
        Ok(opened)
    }

    /// Waits for the next news.
    ///
    /// # Errors
    ///
    /// The connection broke, or what came is not understood; there will be no more.
    pub async fn next(&mut self) -> Result<News, ClientError> {
        if let Some(news) = self.early.pop_front() {
            return Ok(news);
        }
        loop {
            let received = self.receive().await?;
            if let Some(news) = self.understand(received)? {
                return Ok(news);
            }
        }
    }

    async fn receive(&mut self) -> Result<Received, ClientError> {
        let gone = |reason: String| ClientError::Unreachable { url: self.url.clone(), reason };
        loop {
            let message = match self.socket.next().await {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Err(gone(error.to_string())),
                None => return Err(gone("the connection was closed".into())),
            };
            // Pings are answered by the library.
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).map_err(|error| self.garbled(&error));
            }
        }
    }

    fn understand(&self, received: Received) -> Result<Option<News>, ClientError> {
        match (received.id, received.method, received.params) {
            (None, Some(method), Some(params)) => {
                news(&method, params.result).map_err(|error| self.garbled(&error))
            }
            _ => Ok(None),
        }
    }

    fn garbled(&self, error: &serde_json::Error) -> ClientError {
        ClientError::Garbled { url: self.url.clone(), reason: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_are_told_apart() {
        let id = "00".repeat(32);
        let item = news(SETTLED, json!({"height": 7, "id": id})).unwrap();
        assert!(matches!(item, Some(News::Final(FinalItem { height, .. })) if height.0 == 7));
        let head = json!({"id": id, "height": 8, "parent": id, "time": 1, "producer": "p",
            "transactions": 0});
        assert!(matches!(news(HEAD, head).unwrap(), Some(News::Head(_))));
        assert_eq!(news(HEAD, json!({"lagged": 3})).unwrap(), Some(News::Lagged(3)));
        assert_eq!(news("chain_reorg", json!({})).unwrap(), None);
        assert!(news(HEAD, json!({"height": 8})).is_err());
    }
}
