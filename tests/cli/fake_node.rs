//! A node that answers every method with what a test has put there.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// Answers by method: a result, or `{"error": {…}}`.
type Answers = BTreeMap<&'static str, Value>;

/// A call: the method, its parameters, and the token that came with it.
pub type Call = (String, Value, Option<String>);

/// A port that answers until the test ends.
pub struct FakeNode {
    /// Where it answers.
    pub url: String,
    /// What it was asked.
    pub asked: Arc<Mutex<Vec<Call>>>,
}

impl FakeNode {
    /// A node with these answers; to other methods it says that it does not know them.
    pub fn start(answers: &[(&'static str, Value)]) -> Self {
        let answers: Answers = answers.iter().cloned().collect();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, log) = (answers.clone(), log.clone());
                std::thread::spawn(move || while answer(&stream, &answers, &log).is_some() {});
            }
        });
        Self { url, asked }
    }
}

/// Reads a request and answers it; `None` at the end of the connection.
fn answer(stream: &TcpStream, answers: &Answers, asked: &Mutex<Vec<Call>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut token) = (0, None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name.to_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => token = value.trim().strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let request: Value = serde_json::from_slice(&body).ok()?;
    let method = request["method"].as_str()?.to_owned();
    let mut reply = json!({"jsonrpc": "2.0", "id": request["id"]});
    match answers.get(method.as_str()) {
        Some(answer) if answer.get("error").is_some() => reply["error"] = answer["error"].clone(),
        Some(answer) => reply["result"] = answer.clone(),
        None => reply["error"] = json!({"code": -32601, "message": "Method not found"}),
    }
    asked.lock().ok()?.push((method, request["params"].clone(), token));
    let text = reply.to_string();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    )
    .ok()
}
