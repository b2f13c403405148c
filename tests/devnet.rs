//! `assay devnet` as people use it: the built program, real processes, real sockets on loopback.
//!
//! Every test has a home of its own and ends the processes that it started, by number, whatever happens. Nothing is
//! timed: a condition is waited for, and how long it may take at most is generous.

#![allow(clippy::disallowed_methods, reason = "it waits for processes")]
#![cfg(feature = "node")]

#[path = "devnet/agreement.rs"]
mod agreement;
#[path = "devnet/electing.rs"]
mod electing;
#[path = "devnet/faults.rs"]
mod faults;
#[path = "devnet/load.rs"]
mod load;
#[path = "devnet/mining.rs"]
mod mining;
#[path = "devnet/recording.rs"]
mod recording;
#[path = "devnet/staking.rs"]
mod staking;
#[path = "devnet/turns.rs"]
mod turns;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take at most on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// A home of its own, and the devnets in it.
struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    /// Where a devnet of this name lives.
    fn devnet(&self, name: &str) -> PathBuf {
        self.path().join("home/devnets").join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        command.args(line.split_whitespace()).stdin(Stdio::null()).current_dir(self.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ASSAY_") {
                command.env_remove(name);
            }
        }
        command.env("ASSAY_HOME", self.path().join("home"));
        command.env("ASSAY_WALLET_DIR", self.path().join("wallets"));
        command.env("XDG_CACHE_HOME", self.path().join("cache"));
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs a command that must work; what it printed.
    fn ok(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(
            output.status.success(),
            "assay {line}: {}\n{}",
            output.status,
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Runs a command that must fail; its exit code, and its error as JSON.
    fn fails(&self, line: &str) -> (i32, Value) {
        let output = self.run(&format!("{line} --json"));
        let json: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("assay {line}: {error}\n{}", text(&output.stdout)));
        let error = json["error"].clone();
        assert!(error["message"].is_string(), "assay {line}: {json}");
        assert_eq!(error["exit"], output.status.code().unwrap(), "assay {line}: {json}");
        (output.status.code().unwrap(), error)
    }

    /// Makes a wallet `dev` of so many development accounts, in their order and without a password.
    fn restore_dev(&self, accounts: usize) {
        let words = self.path().join("words");
        fs::write(&words, format!("{}art", "abandon ".repeat(23))).unwrap();
        fs::set_permissions(&words, fs::Permissions::from_mode(0o600)).unwrap();
        self.ok(&format!(
            "wallet restore dev --accounts {accounts} --mnemonic-file words --no-password --prefix assay"
        ));
    }

    fn status(&self, options: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("devnet status --json {options}"))).unwrap()
    }

    /// Waits until the status is as wanted.
    fn status_when(&self, options: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status(options);
            if wanted(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "never {what}: {status:#}\n{}", self.logs());
            std::thread::sleep(INTERVAL);
        }
    }

    /// The files of this name of all nodes.
    fn node_files(&self, name: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut directories = vec![self.path()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_symlink() {
                    continue;
                }
                if path.is_dir() {
                    directories.push(path);
                } else if path.file_name().is_some_and(|file| file == name) {
                    found.push(path);
                }
            }
        }
        found
    }

    /// The end of every log, for a test that fails.
    fn logs(&self) -> String {
        let mut all = String::new();
        for path in self.node_files("node.log") {
            let log = text(&fs::read(&path).unwrap_or_default());
            let lines: Vec<_> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(20)..].join("\n");
            all.push_str(&format!("--- {}\n{last}\n", path.display()));
        }
        all
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for path in self.node_files("process.json") {
            let run: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            let pid = run["process"]["pid"].as_u64().unwrap();
            // Only what still runs this program: the number may belong to somebody else by now.
            let own = fs::canonicalize(env!("CARGO_BIN_EXE_assay")).ok();
            if own.is_some() && fs::read_link(format!("/proc/{pid}/exe")).ok() == own {
                signal("KILL", u32::try_from(pid).unwrap());
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn signal(name: &str, pid: u32) {
    let _ = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
}

fn nodes(status: &Value) -> &Vec<Value> {
    status["nodes"].as_array().unwrap()
}

fn states(status: &Value) -> Vec<&str> {
    nodes(status).iter().map(|node| node["state"].as_str().unwrap()).collect()
}

/// The heights of all nodes; `None` while one does not answer.
fn heights(status: &Value) -> Option<Vec<u64>> {
    nodes(status).iter().map(|node| node["height"].as_u64()).collect()
}

fn all_reach(height: u64) -> impl Fn(&Value) -> bool {
    move |status| heights(status).is_some_and(|heights| heights.iter().all(|h| *h >= height))
}

/// The exit code of a child, once it has ended.
fn exit_code(child: &mut Child) -> i32 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or_else(|| panic!("{status}"));
        }
        if Instant::now() >= deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the command did not end");
        }
        std::thread::sleep(INTERVAL);
    }
}

/// What a command prints with `--json`.
fn json(home: &Home, line: &str) -> Value {
    let printed = home.ok(&format!("{line} --json"));
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{line}: {error}\n{printed}"))
}

#[test]
fn four_nodes_mine_one_chain_that_survives_kill_stop_and_up() {
    let home = Home::new();
    let heading = home.ok("devnet up pow-dev --detach");
    assert!(heading.contains("http://127.0.0.1:") && heading.contains("alice"), "{heading}");
    assert!(heading.contains("public"), "nobody is warned of the development keys: {heading}");

    let status = home.status_when("", "mined", all_reach(3));
    assert_eq!(status["dir"], home.devnet("pow-dev").to_str().unwrap());
    assert_eq!((&status["chain"], &status["engine"]), (&"pow-dev".into(), &"pow".into()));
    assert_eq!(status["genesis"].as_str().unwrap().len(), 64);
    assert_eq!(nodes(&status).len(), 4);
    for (index, node) in nodes(&status).iter().enumerate() {
        assert_eq!(node["name"], format!("node{index}"));
        assert_eq!(node["state"], "running");
        assert!(node["pid"].is_u64(), "{node}");
        assert!(node["rpc"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{node}");
        assert!(node["p2p"].as_str().unwrap().starts_with("/ip4/127.0.0.1/tcp/"), "{node}");
        for id in ["head", "final_id", "state_root"] {
            assert_eq!(node[id].as_str().unwrap().len(), 64, "{node}");
        }
        for number in ["height", "final_height", "peers", "mempool"] {
            assert!(node[number].is_u64(), "{node}");
        }
    }
    // Everybody knows everybody, and they agree: one state per head, and the same head before long.
    home.status_when("", "met", |status| nodes(status).iter().all(|node| node["peers"] == 3));
    home.status_when("", "agreed", |status| {
        let mut roots = BTreeMap::new();
        for node in nodes(status) {
            let root = &node["state_root"];
            let known = roots.entry(node["head"].to_string()).or_insert(root.clone());
            assert_eq!(known, root, "two states after one head: {status:#}");
        }
        roots.len() == 1 && heights(status).is_some()
    });

    // One node dies and comes back to the tip.
    home.ok("devnet kill 1");
    let status = home.status("");
    assert_eq!(states(&status), ["running", "stopped", "running", "running"]);
    assert_eq!(
        (&nodes(&status)[1]["pid"], &nodes(&status)[1]["height"]),
        (&Value::Null, &Value::Null)
    );
    let (code, error) = home.fails("devnet kill node1");
    assert_eq!(code, 1, "{error}");
    let others = nodes(&status)[0]["height"].as_u64().unwrap();
    let before = nodes(&status)[0]["rpc"].clone();
    home.ok("devnet restart node1");
    home.status_when("", "caught up", all_reach(others));
    assert!(home.ok("devnet logs 1 -n 5").lines().count() <= 5);

    // Stopped and started again, it goes on where it was, at the same ports.
    let status = home.status_when("", "answered", |status| heights(status).is_some());
    let (stopped_at, genesis) = (heights(&status).unwrap(), status["genesis"].clone());
    home.ok("devnet stop");
    let status = home.status("");
    assert_eq!(states(&status), ["stopped"; 4]);
    for path in home.node_files("process.json") {
        let run: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let pid = run["process"]["pid"].as_u64().unwrap();
        let own = fs::canonicalize(env!("CARGO_BIN_EXE_assay")).unwrap();
        assert_ne!(fs::read_link(format!("/proc/{pid}/exe")).ok(), Some(own), "{pid} still runs");
    }
    home.ok("devnet up pow-dev --detach");
    let status = home.status_when("", "answered", |status| heights(status).is_some());
    assert_eq!(status["genesis"], genesis);
    assert_eq!(nodes(&status)[0]["rpc"], before);
    for (before, now) in stopped_at.iter().zip(heights(&status).unwrap()) {
        assert!(now >= *before, "{now} is below {before}, where it stopped");
    }
    home.status_when("", "mined on", all_reach(stopped_at.iter().max().unwrap() + 1));

    home.ok("devnet down");
    assert!(!home.devnet("pow-dev").exists());
    assert_eq!(home.fails("devnet status").0, 8);
}

#[test]
fn ctrl_c_stops_the_nodes_and_keeps_the_chain() {
    let home = Home::new();
    let up = || {
        let mut command = home.command("devnet up pow-dev --nodes 2");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut child = up();
    let deadline = Instant::now() + PATIENCE;
    while !home.run("devnet status").status.success() {
        assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none(), "never came up");
        std::thread::sleep(INTERVAL);
    }
    home.status_when("", "mined", all_reach(1));
    // A node that dies unasked is spoken of, and the other goes on.
    let status = home.status("");
    signal("KILL", u32::try_from(nodes(&status)[1]["pid"].as_u64().unwrap()).unwrap());
    let height = nodes(&status)[0]["height"].as_u64().unwrap();
    home.status_when("", "went on", |status| {
        states(status) == ["running", "stopped"]
            && nodes(status)[0]["height"].as_u64() > Some(height)
    });
    signal("INT", child.id());
    assert_eq!(exit_code(&mut child), 130);
    let output = child.wait_with_output().unwrap();
    let (heading, progress) = (text(&output.stdout), text(&output.stderr));
    assert!(heading.contains("http://127.0.0.1:"), "{heading}");
    assert!(progress.contains("height "), "{progress}");
    assert!(progress.contains("node1") && progress.contains("signal 9"), "{progress}");
    assert_eq!(states(&home.status("")), ["stopped", "stopped"]);

    // SIGTERM does the same; and a devnet that another command stops needs nobody to watch it.
    let mut child = up();
    home.status_when("", "came back", all_reach(height));
    signal("TERM", child.id());
    assert_eq!(exit_code(&mut child), 143);
    let mut child = up();
    home.status_when("", "came back", all_reach(height));
    home.ok("devnet stop");
    assert_eq!(exit_code(&mut child), 0);
    home.ok("devnet down");
}

/// The main job: a chain from a spec, a wallet, a payment, and one truth at every node.
#[test]
fn a_payment_becomes_final_and_every_node_agrees_on_it() {
    let home = Home::new();
    let spec = include_str!("../chain-specs/pow-dev.toml");
    let halving = spec.replace("halving_interval = 1000", "halving_interval = 10");
    assert_ne!(spec, halving);
    fs::write(home.path().join("halving.toml"), halving).unwrap();
    home.ok("devnet up halving.toml --detach");
    home.status_when("", "at height 1", all_reach(1));

    home.ok("wallet new --no-password");
    home.ok("wallet new other --no-password");
    home.ok("wallet faucet 10");
    let other: Value =
        serde_json::from_str(&home.ok("wallet address --wallet other --json")).unwrap();
    let address = other["address"].as_str().unwrap();
    let send = format!("wallet send {address} 1.5 --no-password --wait final --json");
    let sent: Value = serde_json::from_str(&home.ok(&send)).unwrap();
    assert_eq!(sent["status"], "final", "{sent}");
    assert!(sent["latency_ms"]["final"].is_number(), "{sent}");

    for node in 0..4 {
        let ask = format!("wallet balance --wallet other --json --dir pow-dev:{node}");
        let balance: Value = serde_json::from_str(&home.ok(&ask)).unwrap();
        assert_eq!(balance["spendable"], "150000000", "node {node}: {balance}");
    }
    let one = |status: &Value, field: &str| {
        nodes(status).iter().all(|n| n[field] == nodes(status)[0][field])
    };
    let status = home.status_when("", "of one mind", |status| one(status, "head"));
    assert!(one(&status, "state_root"), "{status:#}");
    let supply: Value = serde_json::from_str(&home.ok("chain supply --json")).unwrap();
    let height = supply["height"].as_u64().unwrap();
    let issued: u64 = (1..=height).map(|height| 5_000_000_000 >> (height / 10)).sum();
    assert_eq!(supply["issued"], issued.to_string(), "{supply}");
    home.ok("devnet down");
}

#[test]
fn devnets_live_side_by_side_and_are_told_apart() {
    let home = Home::new();
    home.ok("devnet up pow-dev --nodes 1 --detach");
    let (code, error) = home.fails("devnet up pow-dev --detach");
    assert_eq!(code, 1, "{error}");
    assert!(error["help"].as_str().unwrap().contains("--name"), "{error}");

    home.ok("devnet up pow-dev --nodes 1 --detach --name second");
    home.ok("devnet up pow-dev --nodes 1 --detach --dir ./elsewhere/third");
    let (code, error) = home.fails("devnet status");
    assert_eq!(code, 8, "{error}");
    let help = error["help"].as_str().unwrap();
    for name in ["pow-dev", "second", "third"] {
        assert!(help.contains(&format!("--dir {name}")), "{help}");
    }
    let genesis = |name: &str| home.status(&format!("--dir {name}"))["genesis"].clone();
    assert_ne!(genesis("pow-dev"), genesis("second"));
    assert_eq!(genesis("third"), genesis("elsewhere/third"));

    home.ok("devnet stop --dir second");
    home.ok("devnet down --dir third");
    assert!(!home.path().join("elsewhere/third").exists());
    assert!(!home.devnet("third").is_symlink());
    assert_eq!(home.status("")["dir"], home.devnet("pow-dev").to_str().unwrap());
    home.ok("devnet down --dir pow-dev");
    home.ok("devnet down");
    assert!(!home.devnet("second").exists());
}

#[test]
fn what_makes_no_sense_is_refused_and_nothing_is_lost() {
    let home = Home::new();
    let (code, error) = home.fails("devnet up pow-dve");
    assert_eq!(code, 3, "{error}");
    assert!(error.to_string().contains("pow-dev"), "{error}");
    for (line, code) in [
        ("devnet up pow-dev --nodes 0", 2),
        ("devnet up pow-dev --nodes 129", 2),
        ("devnet up pow-dev --name ../evil", 2),
        ("devnet stop", 8),
        ("devnet stop --dir nowhere", 8),
    ] {
        assert_eq!(home.fails(line).0, code, "{line}");
    }
    fs::create_dir(home.path().join("thesis")).unwrap();
    fs::write(home.path().join("thesis/thesis.txt"), "years").unwrap();
    assert_eq!(home.fails("devnet up pow-dev --fresh --detach --dir ./thesis").0, 1);
    assert_eq!(home.fails("devnet down --dir ./thesis").0, 8);
    assert_eq!(fs::read_dir(home.path().join("thesis")).unwrap().count(), 1);

    // Another chain in the place of one that lives: refused with both ids, unless it is to go.
    home.ok("devnet up pow-dev --nodes 1 --detach");
    let genesis = home.status("")["genesis"].as_str().unwrap().to_owned();
    assert_eq!(home.fails("devnet logs node7").0, 2);
    home.ok("devnet stop");
    let spec =
        home.ok("spec show pow-dev").replace("halving_interval = 1000", "halving_interval = 999");
    fs::write(home.path().join("other.toml"), spec).unwrap();
    let (code, error) = home.fails("devnet up other.toml --detach");
    assert_eq!(code, 4, "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.matches(&genesis).count() == 1, "{message}");
    assert!(error["help"].as_str().unwrap().contains("--fresh"), "{error}");
    home.ok("devnet up other.toml --detach --fresh");
    assert_ne!(home.status("")["genesis"], genesis.as_str());
    home.ok("devnet down");
}

/// What a node answers at a path of its port.
fn get(url: &str, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A figure of a node, that of all its labels together.
fn figure(metrics: &str, name: &str) -> f64 {
    let series = metrics.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[test]
fn every_figure_moves_and_the_log_says_the_same() {
    let home = Home::new();
    let spec = include_str!("../chain-specs/pow-dev.toml");
    // Deep enough for the first blocks, which come so quickly that two nodes may each make some before they meet.
    let quick = spec.replace("finality_depth = 20", "finality_depth = 8");
    assert_ne!(spec, quick);
    fs::write(home.path().join("quick.toml"), quick).unwrap();
    home.ok("devnet up quick.toml --nodes 2 --detach");
    home.status_when("", "at height 1", all_reach(1));
    home.ok("wallet new --no-password");
    home.status_when("", "met", |status| nodes(status).iter().all(|node| node["peers"] == 1));
    // A payment may be in a block before the other node hears of it by itself; not each of several.
    (0..4).for_each(|_| drop(home.ok("wallet faucet 10")));

    let moving = [
        "assay_chain_height",
        "assay_chain_final_height",
        "assay_chain_unfinal_blocks",
        "assay_chain_imports_total",
        "assay_chain_transactions_total",
        "assay_chain_final_transactions_total",
        "assay_chain_import_seconds_count",
        "assay_chain_import_seconds_sum",
        "assay_mempool_accepted_total",
        "assay_net_peers",
        "assay_net_messages_total",
        "assay_net_messages_bytes_total",
        "assay_net_wire_bytes_total",
        "assay_miner_hashes_total",
        "assay_miner_blocks_total",
        "assay_signatures_checked_total",
        "assay_store_sync_seconds_count",
        "assay_rpc_connections",
        "assay_rpc_calls_total",
    ];
    home.status_when("", "moved every figure", |status| {
        let metrics: Vec<String> = nodes(status)
            .iter()
            .map(|node| get(node["rpc"].as_str().unwrap(), "/metrics"))
            .collect();
        moving.iter().all(|name| metrics.iter().all(|metrics| figure(metrics, name) > 0.0))
    });

    // The first lines say who is who; then come blocks, and what the informant says.
    let status = home.status_when("", "heard of the informant", |_| {
        home.ok("devnet logs 0 -n 1000000").contains(" · 1 peer · pool ")
    });
    let log = home.ok("devnet logs 0 -n 1000000");
    let heading: Vec<&str> = log.lines().take(8).collect();
    let heading = heading.join("\n");
    let node = &nodes(&status)[0];
    for part in [
        env!("CARGO_PKG_VERSION"),
        status["chain"].as_str().unwrap(),
        status["genesis"].as_str().unwrap(),
        home.devnet("pow-dev").join("node0").to_str().unwrap(),
        node["rpc"].as_str().unwrap(),
        node["p2p"].as_str().unwrap(),
        "peer id 12D3",
    ] {
        assert!(heading.contains(part), "{part} is not in\n{heading}");
    }
    let block = log.lines().find(|line| line.contains(" mined ") || line.contains(" imported "));
    let block = block.unwrap_or_else(|| panic!("no block in\n{log}"));
    assert!(block.contains(" · by ") && block.contains(" · took "), "{block}");
    home.ok("devnet down");
}
