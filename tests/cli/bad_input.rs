//! What a command answers to input that it refuses: an exit code, a message and advice, as text and as JSON.

use serde_json::json;

use super::{Ended, Stage};

/// A command line that is refused. `what` says why in a sentence.
struct Row {
    what: &'static str,
    line: &'static str,
    exit: i32,
    /// The word for scripts.
    code: &'static str,
    /// What message and advice contain.
    says: &'static [&'static str],
}

const fn row(
    what: &'static str,
    line: &'static str,
    exit: i32,
    code: &'static str,
    says: &'static [&'static str],
) -> Row {
    Row { what, line, exit, code, says }
}

const ROWS: &[Row] = &[
    // The command line itself: 2.
    row("an unknown command", "frobnicate", 2, "usage", &["frobnicate", "Usage: assay"]),
    row("a mistyped command is suggested", "chian info", 2, "usage", &["chian", "'chain'"]),
    row("an unknown option", "chain info --verbos", 2, "usage", &["--verbos", "--verbose"]),
    row("a command without its subcommand", "chain", 2, "usage", &["Usage: assay chain"]),
    row("two ways to name a node", "chain info --rpc a:1 --dir b", 2, "usage", &["--rpc", "--dir"]),
    row(
        "no block is called so",
        "chain block soon",
        2,
        "usage",
        &["`soon` names no block", "head"],
    ),
    row("half an id", "chain tx 0123", 2, "usage", &["0123"]),
    row(
        "parameters that are no JSON",
        "rpc chain_block final",
        2,
        "usage",
        &["`final` are no JSON", "quote"],
    ),
    row(
        "a node is asked by a command that asks none",
        "spec check pow-dev --rpc a:1",
        2,
        "usage",
        &["--rpc"],
    ),
    row("a directory that means nothing to a node", "node run --dir x", 2, "usage", &["--datadir"]),
    row(
        "an unknown log format",
        "version --log-format xml",
        2,
        "usage",
        &["`xml`", "human or json"],
    ),
    row(
        "a URL of the web",
        "chain info --rpc https://a:1",
        2,
        "usage",
        &["http, not https", "http://127.0.0.1"],
    ),
    row("a URL without a port", "chain info --rpc localhost", 2, "usage", &["no port"]),
    row("no devnet is called nothing", "chain info --dir :1", 2, "usage", &["names no devnet"]),
    row("a node that is told nothing", "node run", 2, "usage", &["neither --chain nor --datadir"]),
    row(
        "a directory without a chain",
        "node run -d empty",
        2,
        "usage",
        &["holds no chain yet", "--chain pow-dev"],
    ),
    row("an import into nowhere", "chain import x", 2, "usage", &["--datadir"]),
    row(
        "an audit of a node that is asked",
        "chain verify --rpc a:1",
        2,
        "usage",
        &["works on a data directory"],
    ),
    row(
        "two data directories",
        "chain verify -d x --dir y",
        2,
        "usage",
        &["--datadir", "leave one"],
    ),
    row("a file from its first block", "chain export x --from 0", 2, "usage", &["begin with 1"]),
    row("a file to nowhere", "chain export x --to tip", 2, "usage", &["`head` or `final`"]),
    row("a file that is not there", "chain import nothing -d x", 1, "file", &["cannot read"]),
    row(
        "a file that holds no chain",
        "chain import bad.toml -d x",
        1,
        "no_archive",
        &["no chain file", "assay chain export"],
    ),
    row(
        "an audit of a directory that is none",
        "chain verify -d nowhere",
        5,
        "datadir_unusable",
        &["nowhere"],
    ),
    row("a history without end", "wallet history -n 0", 2, "usage", &["0"]),
    row("a shell that is none", "completions csh", 2, "usage", &["csh", "bash"]),
    row(
        "a throttle above everything",
        "node run --chain pow-dev --throttle 10",
        2,
        "usage",
        &["did you mean `10%`?"],
    ),
    row(
        "no miner has no threads",
        "node run --chain pow-dev --miner-threads 0",
        2,
        "usage",
        &["from 1 to 1024"],
    ),
    row(
        "an unknown kernel",
        "node run --chain pow-dev --kernel fast",
        2,
        "usage",
        &["`fast`", "portable"],
    ),
    row(
        "a peer that is no multiaddr",
        "node run --chain pow-dev --bootnodes 1.2.3.4:5",
        2,
        "usage",
        &["/ip4/127.0.0.1"],
    ),
    row(
        "a port that is none",
        "node run --chain pow-dev --rpc-port 65536",
        2,
        "usage",
        &["65536", "--rpc-port"],
    ),
    row(
        "an address with a typing error",
        "node run --chain pow-dev --mine --payout alcie",
        2,
        "usage",
        &["`alice`"],
    ),
    row("mining with nobody at work", "mine --threads 0", 2, "usage", &["from 1 to 1024"]),
    row(
        "mining with a kernel that is none",
        "mine --kernel avx9",
        2,
        "usage",
        &["`avx9`", "or auto"],
    ),
    row("mining at no speed at all", "mine --throttle 0%", 2, "usage", &["0.1% to 100%"]),
    row("mining no blocks", "mine --blocks 0", 2, "usage", &["--blocks"]),
    row("mining without a node", "mine --rpc 127.0.0.1:9", 8, "unreachable", &["127.0.0.1:9"]),
    row(
        "searching where nobody searches",
        "node run --chain raft-dev --mine",
        2,
        "usage",
        &["under the rule raft", "leave --mine out"],
    ),
    row("a hash rate of no threads", "bench hashrate --threads 0", 2, "usage", &["1 to 1024"]),
    row(
        "a kernel that nobody wrote",
        "bench hashrate --kernel portabel",
        2,
        "usage",
        &["did you mean `portable`?"],
    ),
    row("no rounds", "bench hashrate --runs 0", 2, "usage", &["from 1 to 1000"]),
    row("a run without end", "bench hashrate --seconds 2h", 2, "usage", &["10ms to 1h"]),
    row(
        "a miner that is not there",
        "bench hashrate --kernel portable --runs 1 --seconds 10ms --against nosuchminer",
        1,
        "failed",
        &["nosuchminer", "is it installed?"],
    ),
    row("a rule that is none", "spec new pwo", 2, "usage", &["did you mean `pow`?"]),
    row("no payments at all", "bench load --rate 0", 2, "usage", &["above 0"]),
    row(
        "a search that begins above its end",
        "bench max raft-dev --from 500 --to 300",
        2,
        "usage",
        &["cannot begin with 500", "--to"],
    ),
    row("a search for nothing", "bench max raft-dev --precision 0", 2, "usage", &["1..=100"]),
    row(
        "the report of a directory that is not there",
        "bench report nothing",
        1,
        "file",
        &["nothing"],
    ),
    row("the import of a file that is not there", "bench import nothing", 1, "file", &["nothing"]),
    row(
        "the import of a file that is also made",
        "bench import chain.assay --blocks 3",
        2,
        "usage",
        &["--blocks", "cannot be used"],
    ),
    row(
        "a chain that nobody speaks of",
        "bench quoted pow-dev",
        2,
        "usage",
        &["nothing is quoted", "bitcoin-like"],
    ),
    row("a crowd to simulate", "bench compare --sim --nodes 101", 2, "usage", &["at most 100"]),
    row("a comparison of nothing", "bench compare --repeat 0", 2, "usage", &["1..=100"]),
    row("a delay of nothing simulated", "bench compare --latency 5ms", 2, "usage", &["--sim"]),
    row(
        "a comparison with a chain that is not there",
        "bench compare compare-pow compare-rft",
        3,
        "unknown_spec",
        &["did you mean `compare-raft`?"],
    ),
    row(
        "more payments than fit",
        "bench compare --sim --rate 1000000 --duration 10s",
        2,
        "usage",
        &["at most 1 s"],
    ),
    row(
        "two ways to pace payments",
        "bench load --rate 5 --in-flight 3",
        2,
        "usage",
        &["--rate", "--in-flight"],
    ),
    row("nothing on its way", "bench load --in-flight 0", 2, "usage", &["0 payments", "1 to"]),
    row(
        "more payments than are kept",
        "bench load --rate 100000 --duration 1h",
        2,
        "usage",
        &["1000000", "at most 10 s"],
    ),
    row("a payload beyond all outputs", "bench load --payload 1000000", 2, "usage", &["room for"]),
    row("a chain to measure is not named", "bench confirm", 2, "usage", &["SPEC"]),
    row(
        "a devnet of its own is asked elsewhere",
        "bench confirm pow-dev --rpc a:1",
        2,
        "usage",
        &["--attach"],
    ),
    // Specs and configuration: 3.
    row(
        "no chain to measure is called so",
        "bench confirm pow-dve",
        3,
        "unknown_spec",
        &["`pow-dev`"],
    ),
    row(
        "no shipped spec is called so",
        "spec check pow-dve",
        3,
        "unknown_spec",
        &["did you mean `pow-dev`?"],
    ),
    row(
        "a file that is not there",
        "spec check absent.toml",
        3,
        "bad_spec",
        &["absent.toml", "no such file"],
    ),
    row(
        "a spec with a mistyped key",
        "spec check bad.toml",
        3,
        "bad_spec",
        &["bad.toml", "blok_time", "block_time"],
    ),
    row(
        "a spec for a node is checked all the same",
        "node run --chain bad.toml",
        3,
        "bad_spec",
        &["blok_time"],
    ),
    row(
        "a configuration that is not there",
        "node run --config absent.toml",
        3,
        "bad_config",
        &["absent.toml"],
    ),
    row(
        "a mistyped setting",
        "node run --config bad-node.toml",
        3,
        "bad_config",
        &["bad-node.toml:2:1", "`rpc_port`"],
    ),
    row(
        "a port for everybody without a token",
        "node run --chain pow-dev --rpc-bind 0.0.0.0",
        3,
        "token_missing",
        &["--rpc-token-file"],
    ),
    row(
        "peers of a chain that is not frozen",
        "node run --chain pow-dev --bootnodes /ip4/127.0.0.1/tcp/1",
        3,
        "not_frozen",
        &["of its own", "chain.toml"],
    ),
    // Chains and data: 4 and 5.
    row(
        "another chain in the directory",
        "node run --chain other.toml -d frozen",
        4,
        "wrong_chain",
        &["frozen", "pow.block_time"],
    ),
    row(
        "a data directory that cannot be made",
        "node run --chain pow-dev -d file/x",
        5,
        "datadir_unusable",
        &["file/x"],
    ),
    // Nodes that do not answer: 8.
    row(
        "nobody listens there",
        "chain info --rpc 127.0.0.1:1",
        8,
        "unreachable",
        &["http://127.0.0.1:1 does not answer"],
    ),
    row(
        "nobody there takes payments",
        "bench load --rpc 127.0.0.1:1",
        8,
        "unreachable",
        &["127.0.0.1:1"],
    ),
    row(
        "a devnet that is not there",
        "chain supply --dir nowhere",
        8,
        "unreachable",
        &["holds neither a devnet nor a node"],
    ),
    row(
        "a devnet that is stopped",
        "chain forks --dir still",
        8,
        "unreachable",
        &["no node of the devnet still is running", "assay devnet up"],
    ),
    row(
        "a node of it that is stopped",
        "rpc chain_info --dir still:node1",
        8,
        "unreachable",
        &["node1", "devnet restart"],
    ),
    row(
        "a node that the devnet lacks",
        "chain info --dir still:7",
        2,
        "usage",
        &["no node `7`", "node0, node1"],
    ),
    // Files that are there already: 1.
    row(
        "a spec is never overwritten",
        "spec new pow -o other.toml",
        1,
        "file_exists",
        &["never overwritten"],
    ),
];

fn stage() -> Stage {
    let stage = Stage::new();
    std::fs::create_dir(stage.path("frozen")).expect("it can be made");
    stage.line("spec freeze pow-dev -o frozen/chain.toml").ok();
    let shown = stage.line("spec show pow-dev").ok().stdout;
    stage.write("bad.toml", &shown.replace("block_time", "blok_time"));
    stage.write("other.toml", &shown.replace("block_time = \"2s\"", "block_time = \"3s\""));
    stage.write("bad-node.toml", "mine = true\nrpc_prot = 1\n");
    stage.write("file", "");
    let genesis = "00".repeat(32);
    stage.write(
        "assay/devnets/still/devnet.json",
        &json!({"format": 1, "chain": "pow-dev", "genesis": genesis, "engine": "pow", "created": 0,
                "nodes": ["node0", "node1"]})
        .to_string(),
    );
    stage
}

#[test]
fn what_is_refused_says_why_and_what_to_do() {
    let stage = stage();
    let mut wrong = Vec::new();
    for row in ROWS {
        let text = stage.line(row.line);
        let json = stage.line(&format!("{} --json", row.line));
        wrong.extend(
            problems(row, &text, &json)
                .map(|problem| format!("{}: {problem}\n{text:#?}\n{json:#?}", row.what)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(!stage.path("assay/nodes").exists(), "what is refused leaves no trace");
}

/// What is wrong about the two answers to a row.
fn problems(row: &Row, text: &Ended, json: &Ended) -> impl Iterator<Item = String> {
    let mut found = Vec::new();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    expect(
        text.exit == row.exit,
        &format!("exit code {} as text, expected {}", text.exit, row.exit),
    );
    expect(
        json.exit == row.exit,
        &format!("exit code {} as JSON, expected {}", json.exit, row.exit),
    );
    expect(text.stdout.is_empty(), "an error is no result: stdout has to be empty");
    for said in [&text.stderr, &json.stderr] {
        expect(!said.contains("panicked") && !said.contains("internal error"), "a panic text");
    }
    let error =
        serde_json::from_str::<serde_json::Value>(&json.stdout).unwrap_or_default()["error"].take();
    expect(json.stdout.lines().count() == 1, "one line of JSON on stdout");
    expect(json.stderr.is_empty(), "with --json all is said on stdout");
    expect(error["code"] == row.code, &format!("code {}, expected {}", error["code"], row.code));
    expect(error["exit"] == row.exit, "the JSON names another exit code");
    let message = error["message"].as_str().unwrap_or_default();
    expect(!message.is_empty() && !message.ends_with('.'), "a message without a full stop");
    expect(error["help"].as_str().is_some_and(|help| !help.is_empty()), "advice is missing");
    let told = format!("{message}\n{}", error["help"].as_str().unwrap_or_default());
    for part in row.says {
        expect(told.contains(part), &format!("the JSON does not say {part:?}"));
        expect(text.stderr.contains(part), &format!("stderr does not say {part:?}"));
    }
    found.into_iter()
}

#[test]
fn environment_variables_are_refused_like_options() {
    let stage = Stage::new();
    for (name, value, line, exit, part) in [
        ("ASSAY_RPC", "ftp://x", "chain info", 2, "ASSAY_RPC: `ftp://x` is no URL"),
        ("ASSAY_RPC", "127.0.0.1:1", "chain info", 8, "the URL in ASSAY_RPC"),
        ("ASSAY_THROTTLE", "200%", "node run --chain pow-dev", 2, "`200%` is not a throttle"),
        ("ASSAY_RPC_PORT", "x", "node run --chain pow-dev", 2, "--rpc-port"),
        ("RUST_LOG", "assay=loud", "version", 2, "RUST_LOG cannot be understood"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = stage.command(&words);
        command.env(name, value);
        let ended = Ended::of(command, &words);
        assert!(ended.exit == exit && ended.stderr.contains(part), "{name}={value} {ended:#?}");
    }
}

#[test]
fn text_that_is_not_unicode_is_refused_and_does_no_harm() {
    use std::os::unix::ffi::OsStrExt;
    let stage = Stage::new();
    let mut command = stage.command(&["chain", "block"]);
    command.arg(std::ffi::OsStr::from_bytes(b"\xff\xfe"));
    let ended = Ended::of(command, &["chain", "block", "\u{fffd}"]);
    assert_eq!(ended.exit, 2, "{ended:#?}");
}
