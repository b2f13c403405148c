//! `assay node run`, from the first start to a clean stop.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{Ended, Stage};

/// How long a node may take to start or stop on a busy machine before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node that runs, and is killed when a test fails.
pub(super) struct Node {
    child: Child,
    directory: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        // It has ended unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    /// Starts a node with any free ports, and waits until it says where it listens.
    pub(super) fn start(stage: &Stage, directory: &str, arguments: &str) -> Self {
        let line = format!("node run -d {directory} --port 0 --rpc-port 0 {arguments}");
        let words: Vec<&str> = line.split_whitespace().collect();
        let log = std::fs::File::create(stage.path(&format!("{directory}.log"))).expect("a log");
        let mut command: Command = stage.command(&words);
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("it starts");
        let mut node = Self { child, directory: directory.to_owned() };
        node.wait_until(stage, "it says where it listens", |stage, node| {
            let file = stage.path(&format!("{}/node.json", node.directory));
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let file: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            file["pid"] == json!(node.child.id())
        });
        node
    }

    fn wait_until(&mut self, stage: &Stage, what: &str, done: impl Fn(&Stage, &Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(stage, self) {
            let ended = self.child.try_wait().expect("the child can be asked");
            if ended.is_some() || Instant::now() > deadline {
                panic!("waited until {what}: {ended:?}\n{}", self.log(stage));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(super) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, signal).expect("it runs");
    }

    /// The exit code, once it has ended.
    pub(super) fn end(mut self) -> i32 {
        let status = self.child.wait().expect("it ends");
        status.code().expect("it ends by itself, not by the signal")
    }

    fn log(&self, stage: &Stage) -> String {
        std::fs::read_to_string(stage.path(&format!("{}.log", self.directory))).unwrap_or_default()
    }
}

#[test]
fn signals_and_a_request_end_a_node_cleanly() {
    let stage = Stage::new();
    let node = Node::start(&stage, "d", "--chain pow-dev");
    let first = stage.line("chain info --dir d --json").ok().json();
    assert_eq!((&first["chain"], &first["height"]), (&json!("pow-dev"), &json!(0)));
    node.signal(Signal::TERM);
    assert_eq!(node.end(), 143);

    // The directory knows the chain; the ports are those of the first start.
    let before = std::fs::read_to_string(stage.path("d/node.json")).unwrap();
    let node = Node::start(&stage, "d", "");
    let after = std::fs::read_to_string(stage.path("d/node.json")).unwrap();
    let rpc = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["rpc"].clone();
    assert_eq!(rpc(&before), rpc(&after));
    assert_eq!(stage.line("chain info --dir d --json").ok().json()["genesis"], first["genesis"]);
    node.signal(Signal::INT);
    assert_eq!(node.end(), 130);

    let node = Node::start(&stage, "d", "--log-format json");
    let first_line = node.log(&stage).lines().next().map(str::to_owned).unwrap_or_default();
    let logged: serde_json::Value = serde_json::from_str(&first_line).expect("each line is JSON");
    assert!(logged["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{logged}");
    stage.line("rpc system_stop --dir d").ok();
    assert_eq!(node.end(), 0);
    let stopped = stage.line("chain info --dir d");
    assert!(stopped.exit == 8 && stopped.stderr.contains("is not running"), "{stopped:#?}");
}

#[test]
fn a_log_in_a_file_carries_as_fields_what_people_read() {
    let stage = Stage::new();
    stage.write("x.log", "what was there\n");
    let mut node =
        Node::start(&stage, "d", "--chain pow-dev --mine --log-format json --log-file x.log");
    let said = |stage: &Stage, target: &str| {
        let log = std::fs::read_to_string(stage.path("x.log")).expect("the log is there");
        let lines = log.lines().skip(1).map(|line| serde_json::from_str(line).expect("JSON"));
        let lines: Vec<serde_json::Value> = lines.collect();
        lines.into_iter().find(|line| line["target"] == target)
    };
    for target in ["assay::start", "assay::import", "assay::informant"] {
        let what = format!("{target} has been logged");
        node.wait_until(&stage, &what, |stage, _| said(stage, target).is_some());
    }
    let block = said(&stage, "assay::import").expect("it was there");
    for field in ["height", "transactions", "bytes", "took_ms", "age_ms"] {
        assert!(block[field].is_number(), "{field}: {block}");
    }
    assert_eq!((&block["producer"], &block["own"]), (&json!("alice"), &json!(true)), "{block}");
    assert!(block["message"].as_str().is_some_and(|text| text.contains("by alice")), "{block}");
    let pulse = said(&stage, "assay::informant").expect("it was there");
    assert!(pulse["hashes_per_second"].is_number() && pulse["doing"].is_string(), "{pulse}");
    let whole = std::fs::read_to_string(stage.path("x.log")).expect("the log is there");
    assert!(whole.starts_with("what was there\n"), "it was not continued: {whole}");
    assert_eq!(node.log(&stage), "", "stderr is silent");
    node.signal(Signal::TERM);
    assert_eq!(node.end(), 143);

    let ended = stage.line("node run -d d --log-file d");
    assert!(ended.exit == 1 && ended.stderr.contains("cannot write d"), "{ended:#?}");
}

#[test]
fn a_new_chain_says_how_a_second_node_joins_it() {
    let stage = Stage::new();
    let mut first = Node::start(&stage, "d", "--chain pow-dev");
    const SAYS: &str = "a second node joins it with: assay ";
    first.wait_until(&stage, "it says how to join", |stage, node| node.log(stage).contains(SAYS));
    let log = first.log(&stage);
    let line = log.lines().find_map(|line| line.split_once(SAYS)).expect("it was there").1;
    // What it says is run as it stands.
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut command = stage.command(&words);
    let log = std::fs::File::create(stage.path("d-2.log")).expect("a log");
    let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("it starts");
    let mut second = Node { child, directory: "d-2".into() };
    second.wait_until(&stage, "the two are connected", |stage, _| {
        let ended = stage.line("rpc net_peers --dir d-2 --json");
        ended.exit == 0 && ended.json().as_array().is_some_and(|peers| peers.len() == 1)
    });
    assert!(!second.log(&stage).contains(SAYS), "only the first node of a chain says so");
    for node in [first, second] {
        node.signal(Signal::TERM);
        assert_eq!(node.end(), 143);
    }
}

#[test]
fn what_is_in_use_is_left_alone() {
    let stage = Stage::new();
    let node = Node::start(&stage, "d", "--chain pow-dev");
    let url = stage.line("rpc system_info --dir d --json").ok().json()["rpc"].clone();
    let port = url.as_str().and_then(|url| url.rsplit_once(':')).expect("a URL").1.to_owned();
    for (line, exit, part) in [
        ("node run -d d --port 0 --rpc-port 0".to_owned(), 5, "in use by process"),
        (
            format!("node run --chain d/chain.toml -d e --port 0 --rpc-port {port}"),
            6,
            "cannot be bound",
        ),
    ] {
        let ended = stage.line(&format!("{line} --json"));
        let error = &ended.json()["error"];
        assert_eq!((ended.exit, &error["exit"]), (exit, &json!(exit)), "{ended:#?}");
        assert!(error["message"].as_str().is_some_and(|m| m.contains(part)), "{ended:#?}");
    }
    // The first node goes on.
    stage.line("chain info --dir d").ok();
    stage.line("rpc system_stop --dir d").ok();
    assert_eq!(node.end(), 0);
}

#[test]
fn an_option_goes_before_the_environment_and_that_before_the_file() {
    let stage = Stage::new();
    // Every port is taken, so each start fails and names the port that it wanted.
    let taken: Vec<TcpListener> =
        (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port is free")).collect();
    let ports: Vec<u16> =
        taken.iter().map(|listener| listener.local_addr().expect("it is bound").port()).collect();
    stage.write(
        "n.toml",
        &format!("chain = \"pow-dev\"\ndatadir = \"d\"\nport = 0\nrpc_port = {}\n", ports[0]),
    );
    let option = format!("node run --config n.toml --rpc-port {}", ports[2]);
    for (line, variable, wanted) in [
        ("node run --config n.toml", None, ports[0]),
        ("node run --config n.toml", Some(ports[1]), ports[1]),
        (&option, Some(ports[1]), ports[2]),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = stage.command(&words);
        if let Some(port) = variable {
            command.env("ASSAY_RPC_PORT", port.to_string());
        }
        let ended = Ended::of(command, &words);
        assert_eq!(ended.exit, 6, "{ended:#?}");
        assert!(
            ended.stderr.contains(&format!("127.0.0.1:{wanted} cannot be bound")),
            "{ended:#?}"
        );
    }
}

#[test]
fn a_wallet_stakes_on_one_node_at_a_time() {
    let stage = Stage::new();
    stage.line("wallet new --no-password --prefix assay").ok();
    let staked = "--stake default --no-password --stake-reserve 1";
    let node = Node::start(&stage, "a", &format!("--chain pos-dev {staked}"));
    let status =
        |node: &str| stage.line(&format!("wallet stake status --json --dir {node}")).ok().json();
    assert_eq!(
        (&status("a")["staking"], &status("a")["reserve"]),
        (&json!(true), &json!("100000000"))
    );

    let run = "node run --port 0 --rpc-port 0";
    let refused = |line: &str, exit: i32, part: &str| {
        let ended = stage.line(line);
        assert!(ended.exit == exit && ended.stderr.contains(part), "{line}: {ended:#?}");
    };
    // The same chain, elsewhere.
    let second =
        format!("{run} -d b --chain a/chain.toml --bootnodes /ip4/127.0.0.1/tcp/1 {staked}");
    refused(&second, 7, "are staked already, by process");
    refused(&format!("{run} -d c --chain pow-dev --stake alice"), 3, "rule pow has no stake");
    refused(&format!("{run} -d c --chain pos-dev --stake alcie"), 7, "did you mean");
    stage.write("pass", "wrong");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(stage.path("pass"), mode).expect("the file is ours");
    let locked = format!("{run} -d c --chain pos-dev --stake default --password-file pass");
    refused(&locked, 7, "password");
    assert!(!std::path::Path::new(&stage.path("c")).join("chain.toml").exists());

    // What is given up on one node may be taken on by another.
    stage.line("wallet stake stop --dir a").ok();
    assert_eq!(status("a")["staking"], json!(false));
    let other = Node::start(&stage, "b", &second["node run --port 0 --rpc-port 0 -d b ".len()..]);
    assert_eq!(status("b")["staking"], json!(true));
    for node in [node, other] {
        node.signal(Signal::TERM);
        assert_eq!(node.end(), 143);
    }
}
