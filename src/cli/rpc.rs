//! `assay rpc`: any method of the node, as it is.

use std::io::Read as _;

use serde_json::Value;

use super::connect::{Connection, connect};
use super::error::{CliError, did_you_mean};
use super::{Globals, block_on, log, output};
use crate::api::Exit;
use crate::wallet::client::ClientError;

/// The most bytes of parameters: what a node takes.
const PARAMETERS_BYTES_MAX: u64 = 2 << 20;

const EXAMPLES: &str = "\
Examples:
  assay rpc --list                            what there is to call
  assay rpc system_info
  assay rpc chain_block 5                     a single value is a list of one
  assay rpc chain_block '{\"block\": \"final\"}'
  assay rpc mempool_submit - < parameters.json
  assay rpc --dir pow-dev:1 system_stop       methods that command a node need its token: --dir finds it";

/// What `assay rpc` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Args {
    /// The method, such as chain_info
    #[arg(required_unless_present = "list")]
    method: Option<String>,
    /// Its parameters in JSON, a list or an object; `-` reads them from stdin
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    parameters: Option<String>,
    /// List the methods that the node has; with --json the OpenRPC document that describes them
    #[arg(long, conflicts_with = "method")]
    list: bool,
}

/// Runs `assay rpc`.
pub fn run(args: Args, globals: &Globals) -> Result<Exit, CliError> {
    log::start(globals.log_format.unwrap_or_default(), globals.verbose, false)?;
    let parameters = parameters(args.parameters)?;
    let connection = connect(globals)?;
    let Some(method) = args.method else { return list(&connection, globals) };
    let answer = block_on(async {
        match connection.client.call::<Value>(&method, &parameters).await {
            Err(error @ ClientError::Refused { code: METHOD_NOT_FOUND, .. }) => {
                // The node knows best; if it does not say, there is no suggestion.
                let document = connection.client.call(DISCOVER, &Value::Array(Vec::new())).await;
                let methods = methods(&document.unwrap_or_default());
                let near = did_you_mean(&method, methods.iter().map(|known| known.name.as_str()));
                Err(connection.explain(error).maybe_help(near))
            }
            answer => answer.map_err(|error| connection.explain(error)),
        }
    })?;
    match answer {
        // Shells and people want the text, not its quotes.
        Value::String(text) if !globals.json => output::line(output::plain(&text)),
        other => output::json(&other),
    }?;
    Ok(Exit::Ok)
}

/// The method that describes all methods.
const DISCOVER: &str = "rpc_discover";

/// A method, as far as a list tells.
struct Known {
    name: String,
    usage: String,
    about: String,
}

/// The methods in an OpenRPC document.
fn methods(document: &Value) -> Vec<Known> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let listed = document["methods"].as_array().map(Vec::as_slice).unwrap_or_default();
    let method = |method: &Value| {
        let name = text(&method["name"]);
        let mut usage = name.clone();
        for param in method["params"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let name = text(&param["name"]);
            let required = param["required"] == Value::Bool(true);
            usage.push_str(&if required { format!(" {name}") } else { format!(" [{name}]") });
        }
        let token = if method["x-token"] == Value::Bool(true) { " (token)" } else { "" };
        Known { name, usage, about: text(&method["summary"]) + token }
    };
    listed.iter().map(method).collect()
}

/// Prints what there is to call.
fn list(connection: &Connection, globals: &Globals) -> Result<Exit, CliError> {
    let document = block_on(async {
        let document = connection.client.call::<Value>(DISCOVER, &Value::Array(Vec::new())).await;
        document.map_err(|error| connection.explain(error))
    })?;
    if globals.json {
        output::json(&document)?;
        return Ok(Exit::Ok);
    }
    let mut table = output::Table::new(&["method", "what it is for"]);
    for method in methods(&document) {
        table.row([method.usage, method.about]);
    }
    table.print()?;
    Ok(Exit::Ok)
}

/// JSON-RPC 2.0, section 5.1.
const METHOD_NOT_FOUND: i32 = -32601;

/// The parameters as a list or an object.
fn parameters(given: Option<String>) -> Result<Value, CliError> {
    let Some(given) = given else { return Ok(Value::Array(Vec::new())) };
    let text = if given == "-" { from_stdin()? } else { given };
    let value: Value = serde_json::from_str(&text).map_err(|error| {
        let shown: String = output::plain(&text).chars().take(60).collect();
        CliError::usage(format!("the parameters `{shown}` are no JSON: {error}"))
            .help("quote them for the shell, and texts in them too: '[\"final\"]'")
    })?;
    Ok(match value {
        Value::Array(_) | Value::Object(_) => value,
        single => Value::Array(vec![single]),
    })
}

fn from_stdin() -> Result<String, CliError> {
    let mut text = String::new();
    let limit = PARAMETERS_BYTES_MAX;
    let read = std::io::stdin().lock().take(limit + 1).read_to_string(&mut text);
    read.map_err(|error| {
        CliError::failed(format!("cannot read the parameters from stdin: {error}"))
    })?;
    if text.len() as u64 > limit {
        return Err(CliError::usage(format!(
            "the parameters have more than {limit} bytes, which no node takes"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parameters_are_a_list_or_an_object() {
        let read = |text: &str| parameters(Some(text.to_owned()));
        assert_eq!(parameters(None), Ok(json!([])));
        assert_eq!(read("[1, 2]"), Ok(json!([1, 2])));
        assert_eq!(read("{\"block\": \"head\"}"), Ok(json!({"block": "head"})));
        assert_eq!(read("5"), Ok(json!([5])));
        let error = read("final").unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.message().contains("`final` are no JSON"), "{}", error.message());
    }
}
