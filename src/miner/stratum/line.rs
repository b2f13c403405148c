//! Reading a line: what is asked, with every part of bounded size, or why it makes no sense.

use serde::Deserialize;
use serde_json::Value;

/// Bytes of a line, its end included. What miners send is a tenth of it.
pub const LINE_BYTES_MAX: usize = 4096;

/// Characters of an id that is a text. Miners count from 1.
const ID_CHARS_MAX: usize = 64;

/// Characters of the name of a program that are kept.
const AGENT_CHARS_MAX: usize = 64;

/// Characters of a user name: an address has up to 90.
const USER_CHARS_MAX: usize = 160;

/// Extensions that are answered in one `mining.configure`; BIP 310 knows four.
const EXTENSIONS_MAX: usize = 16;

/// A question of a miner.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    /// What the answer repeats.
    pub(super) id: Value,
    pub(super) call: Call,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Call {
    /// `mining.configure`: extensions, and the mask that the miner can roll if it said one.
    Configure { extensions: Vec<String>, mask: Option<u32>, minimum: Option<f64> },
    /// `mining.subscribe` with the name of the program.
    Subscribe { agent: String },
    /// `mining.authorize`.
    Authorize { user: String },
    /// `mining.submit`.
    Submit(Submission),
    /// `mining.suggest_difficulty`.
    Suggest(f64),
    /// `mining.extranonce.subscribe`: ours never changes.
    ExtraNonce,
    /// `mining.ping`, `client.get_version` and the like.
    Ping,
    /// Whatever else.
    Unknown(String),
}

/// A share as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Submission {
    pub(super) user: String,
    pub(super) job: u64,
    pub(super) extra_nonce_2: u32,
    pub(super) time: u32,
    pub(super) nonce: u32,
    pub(super) version_bits: u32,
}

/// Why a line is no question.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub(super) struct LineError {
    /// The id, where it could be read.
    pub(super) id: Value,
    pub(super) reason: String,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    id: Value,
    method: Option<String>,
    #[serde(default)]
    params: Value,
}

/// Reads a line. Nothing is asked by a blank one, nor by an answer to something that we said.
pub(super) fn read(line: &[u8]) -> Result<Option<Request>, LineError> {
    let nameless = |reason: String| LineError { id: Value::Null, reason };
    if line.len() > LINE_BYTES_MAX {
        return Err(nameless(format!("a line has at most {LINE_BYTES_MAX} bytes")));
    }
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let raw: Raw = serde_json::from_slice(line)
        .map_err(|error| nameless(format!("a line is one JSON object with a method: {error}")))?;
    let id = match raw.id {
        id @ (Value::Null | Value::Number(_)) => id,
        Value::String(text) if text.chars().count() <= ID_CHARS_MAX => Value::String(text),
        _ => {
            return Err(nameless(format!(
                "an id is a number, a text of up to {ID_CHARS_MAX} characters, or null"
            )));
        }
    };
    let Some(method) = raw.method else { return Ok(None) };
    let params = match &raw.params {
        Value::Array(params) => params.as_slice(),
        Value::Null => &[],
        _ => return Err(LineError { id, reason: format!("{}: params is a list", shown(&method)) }),
    };
    match call(&method, params) {
        Ok(call) => Ok(Some(Request { id, call })),
        Err(reason) => Err(LineError { id, reason: format!("{}: {reason}", shown(&method)) }),
    }
}

fn call(method: &str, params: &[Value]) -> Result<Call, String> {
    Ok(match method {
        "mining.configure" => configure(params)?,
        "mining.subscribe" => {
            let agent = params.first().and_then(Value::as_str).unwrap_or_default();
            Call::Subscribe { agent: plain(agent, AGENT_CHARS_MAX) }
        }
        "mining.authorize" => Call::Authorize { user: user(params)? },
        "mining.submit" => Call::Submit(submission(params)?),
        "mining.suggest_difficulty" => Call::Suggest(suggestion(params)?),
        "mining.extranonce.subscribe" => Call::ExtraNonce,
        "mining.ping" | "client.ping" | "client.get_version" => Call::Ping,
        other => Call::Unknown(shown(other)),
    })
}

fn configure(params: &[Value]) -> Result<Call, String> {
    let expected = || "expected [[extension, …], {option: value, …}]".to_owned();
    let extensions = params.first().and_then(Value::as_array).ok_or_else(expected)?;
    if extensions.len() > EXTENSIONS_MAX {
        return Err(format!("at most {EXTENSIONS_MAX} extensions"));
    }
    let name = |name: &Value| name.as_str().map(shown).ok_or_else(expected);
    let extensions = extensions.iter().map(name).collect::<Result<_, _>>()?;
    let options = params.get(1).unwrap_or(&Value::Null);
    let mask = match options.get("version-rolling.mask") {
        None => None,
        Some(mask) => Some(digits("version-rolling.mask", mask)?),
    };
    let minimum = options.get("minimum-difficulty.value").and_then(number);
    Ok(Call::Configure { extensions, mask, minimum })
}

fn user(params: &[Value]) -> Result<String, String> {
    let user = params.first().and_then(Value::as_str);
    let user = user.ok_or("expected [user, password], the user being the address to pay")?;
    if user.chars().count() > USER_CHARS_MAX {
        return Err(format!("a user name has at most {USER_CHARS_MAX} characters"));
    }
    Ok(user.to_owned())
}

fn submission(params: &[Value]) -> Result<Submission, String> {
    let [_, job, extra_nonce_2, time, nonce, rest @ ..] = params else {
        return Err("expected [user, job, extra nonce 2, time, nonce], and the rolled version bits if there are any".into());
    };
    let job = job.as_str().filter(|job| is_hex(job) && job.len() <= 16);
    let job = job.and_then(|job| u64::from_str_radix(job, 16).ok());
    // Half of an extra nonce would be another coinbase.
    if extra_nonce_2.as_str().is_none_or(|text| text.len() != 8) {
        return Err("extra nonce 2 has 8 hexadecimal digits".into());
    }
    Ok(Submission {
        user: user(params)?,
        job: job.ok_or("a job is named by up to 16 hexadecimal digits")?,
        extra_nonce_2: digits("extra nonce 2", extra_nonce_2)?,
        time: digits("the time", time)?,
        nonce: digits("the nonce", nonce)?,
        version_bits: match rest.first() {
            None | Some(Value::Null) => 0,
            Some(bits) => digits("the version bits", bits)?,
        },
    })
}

fn suggestion(params: &[Value]) -> Result<f64, String> {
    let difficulty = params.first().and_then(number).filter(|number| *number > 0.0);
    difficulty.ok_or_else(|| "expected a positive number, or a text that is one".to_owned())
}

/// A number, or a text that is one.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    };
    number.filter(|number: &f64| number.is_finite())
}

/// Up to eight hexadecimal digits: NerdMiner leaves leading zeros out.
fn digits(what: &str, value: &Value) -> Result<u32, String> {
    let text = value.as_str().filter(|text| is_hex(text) && text.len() <= 8);
    let number = text.and_then(|text| u32::from_str_radix(text, 16).ok());
    number.ok_or_else(|| format!("{what} has up to 8 hexadecimal digits"))
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What a stranger wrote, short and plain enough to be repeated.
fn shown(text: &str) -> String {
    plain(text, 40)
}

/// The printable characters of ASCII among the first `most` characters.
pub(super) fn plain(text: &str, most: usize) -> String {
    text.chars().take(most).filter(|c| c.is_ascii_graphic() || *c == ' ').collect()
}
