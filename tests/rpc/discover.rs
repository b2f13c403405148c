//! What the node says of its methods, and what its documentation says of them.

use std::collections::BTreeSet;
use std::path::Path;

use assay::api::RpcCode;
use assay::node::rpc::Config;
use serde_json::{Value, json};

use super::{Stage, call, post, stage};

/// The table in the documentation lies between these lines.
const BEGIN: &str = "<!-- made of rpc_discover by tests/rpc; ASSAY_BLESS=1 writes it anew -->\n";
const END: &str = "<!-- end -->\n";

async fn document(stage: &Stage) -> Value {
    post(stage, &[], &call("rpc_discover", json!([]))).await.json()["result"].clone()
}

fn methods(document: &Value) -> &Vec<Value> {
    document["methods"].as_array().unwrap()
}

fn text<'a>(value: &'a Value, at: &str) -> &'a str {
    value[at].as_str().unwrap_or_else(|| panic!("no {at} in {value}"))
}

#[tokio::test]
async fn each_method_of_the_document_exists_and_says_what_it_takes() {
    let stage = stage(Config::default()).await;
    let document = document(&stage).await;
    assert_eq!(document["openrpc"], json!("1.3.2"));
    assert_eq!(document["servers"][0]["url"], json!(stage.server.url()));
    for method in methods(&document) {
        let name = text(method, "name");
        let about = text(method, "summary");
        assert!(!about.is_empty() && !about.ends_with('.'), "{name}: {about}");
        // None takes a parameter of this name, so each refuses the call, if only for the token; none is unknown.
        let answer = post(&stage, &[], &call(name, json!({ "no such": 1 }))).await.json();
        let code = answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("{name}: {answer}"));
        let refused =
            match (&method["x-token"], &method["x-subscription"], name.contains("nsubscribe")) {
                (Value::Bool(true), _, _) => i64::from(RpcCode::Unauthorized.code()),
                (_, Value::Object(_), _) | (_, _, true) => {
                    i64::from(RpcCode::NeedsWebSocket.code())
                }
                _ if name.contains('_') => -32602,
                _ => -8,
            };
        assert_eq!(code, refused, "{name}: {answer}");
        for param in method["params"].as_array().unwrap() {
            assert!(!text(param, "name").is_empty() && param["required"].is_boolean(), "{param}");
        }
        assert!(!method["result"]["schema"].is_null(), "{name}");
    }
}

#[tokio::test]
async fn positions_are_those_of_the_parameters() {
    let stage = stage(Config::default()).await;
    let document = document(&stage).await;
    let of = |name: &str| {
        let method = methods(&document).iter().find(|method| method["name"] == name).unwrap();
        let params = method["params"].as_array().unwrap().iter();
        params.map(|param| text(param, "name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("coins_list"), ["address", "after", "limit", "read"]);
    assert_eq!(of("mempool_submit"), ["transactions"]);
    assert_eq!(of("mining_submit"), ["template", "version", "extra_nonce", "time", "nonce"]);
    assert_eq!(of("generatetoaddress"), ["nblocks", "address", "maxtries"]);
    assert!(of("chain_info").is_empty());
}

#[tokio::test]
async fn references_lead_somewhere_and_errors_are_all_there() {
    let stage = stage(Config::default()).await;
    let document = document(&stage).await;
    let mut open = vec![&document];
    let mut count = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref") {
                    let at = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(at).is_some(), "{reference}");
                    count += 1;
                }
                open.extend(map.values());
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    assert!(count > 50);
    for code in RpcCode::ALL {
        let error = &document["components"]["errors"][code.name()];
        assert_eq!(error["code"], json!(code.code()), "{code:?}");
        assert_eq!(error["message"], json!(code.about()));
    }
}

#[tokio::test]
async fn the_documentation_lists_the_methods_that_exist() {
    let stage = stage(Config::default()).await;
    let document = document(&stage).await;
    let mut namespaces: Vec<&str> =
        methods(&document).iter().map(|method| text(&method["tags"][0], "name")).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let mut made = String::new();
    for namespace in namespaces {
        made.push_str(&format!("\n### {namespace}\n\n| method | what it is for |\n|---|---|\n"));
        for method in methods(&document).iter().filter(|m| m["tags"][0]["name"] == namespace) {
            let params = method["params"].as_array().unwrap().iter().map(|param| {
                let name = text(param, "name");
                if param["required"] == json!(true) { name.into() } else { format!("[{name}]") }
            });
            let usage = [text(method, "name").to_owned()].into_iter().chain(params);
            let usage = usage.collect::<Vec<_>>().join(" ");
            let token = if method["x-token"] == json!(true) { " (token)" } else { "" };
            made.push_str(&format!("| `{usage}` | {}{token} |\n", text(method, "summary")));
        }
    }
    made.push('\n');

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rpc.md");
    let written = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = written.split_once(BEGIN).expect("the table has a beginning");
    let (table, after) = rest.split_once(END).expect("the table has an end");
    if std::env::var_os("ASSAY_BLESS").is_some() {
        std::fs::write(&file, format!("{before}{BEGIN}{made}{END}{after}")).unwrap();
    } else {
        assert_eq!(table, made, "run this test with ASSAY_BLESS=1 and read what changed");
    }

    let errors: BTreeSet<String> = RpcCode::ALL
        .iter()
        .map(|code| format!("| {} | `{}` | {} |", code.code(), code.name(), code.about()))
        .collect();
    for line in errors {
        assert!(written.contains(&line), "docs/rpc.md lacks: {line}");
    }
}
