use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::TcpListener;

use tempfile::TempDir;

use super::*;
use crate::types::{GenesisId, Time};

/// A home directory with devnets, of which some nodes run.
struct Fixture {
    home: TempDir,
    variables: BTreeMap<&'static str, OsString>,
    running: BTreeSet<String>,
    asked: RefCell<Vec<String>>,
}

impl Surroundings for Fixture {
    fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(name).cloned()
    }

    fn runs(&self, node: &NodeFile) -> bool {
        self.asked.borrow_mut().push(node.rpc.clone());
        self.running.contains(&node.rpc)
    }
}

impl Fixture {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let variables = BTreeMap::from([("ASSAY_HOME", home.path().as_os_str().to_owned())]);
        Self { home, variables, running: BTreeSet::new(), asked: RefCell::default() }
    }

    /// Makes a devnet whose nodes listen at ports from `port` on; those of `running` run.
    fn devnet(&mut self, directory: &Path, port: u16, nodes: u16, running: &[u16]) {
        let names: Vec<String> = (0..nodes).map(|index| format!("node{index}")).collect();
        for (index, name) in (0..).zip(&names) {
            let url = format!("http://127.0.0.1:{}", port + index);
            self.node(&directory.join(name), &url);
            if running.contains(&index) {
                self.running.insert(url);
            }
        }
        let file = DevnetFile {
            format: DevnetFile::FORMAT,
            chain: "pow-dev".into(),
            genesis: GenesisId::default(),
            engine: "pow".into(),
            created: Time(0),
            nodes: names,
        };
        write(&directory.join(DevnetFile::NAME), &file);
    }

    fn node(&self, directory: &Path, url: &str) {
        let file = NodeFile {
            stratum: None,
            pid: 1,
            started: Time(0),
            chain: "pow-dev".into(),
            genesis: GenesisId::default(),
            rpc: url.into(),
            p2p: vec![],
            peer_id: "12D3".into(),
        };
        write(&directory.join(NodeFile::NAME), &file);
    }

    fn devnets(&self) -> PathBuf {
        self.home.path().join("devnets")
    }

    fn find(&self, rpc: Option<&str>, dir: Option<&str>) -> Result<Node, CliError> {
        let own = |text: &str| text.to_owned();
        node(&Globals { rpc: rpc.map(own), dir: dir.map(own), ..Globals::default() }, self)
    }

    fn url(&self, rpc: Option<&str>, dir: Option<&str>) -> String {
        self.find(rpc, dir).unwrap().url
    }

    fn error(&self, dir: Option<&str>) -> (Exit, String) {
        let error = self.find(None, dir).unwrap_err();
        (error.exit(), format!("{} / {}", error.message(), error.advice().unwrap_or_default()))
    }
}

fn write(path: &Path, value: &impl serde::Serialize) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, serde_json::to_string(value).unwrap()).unwrap();
}

#[test]
fn options_go_before_the_environment_and_that_before_what_runs() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.url(None, None), "http://127.0.0.1:18544");
    let one = fixture.devnets().join("one");
    fixture.devnet(&one, 3000, 4, &[1, 2]);
    let found = fixture.find(None, None).unwrap();
    assert_eq!(found.url, "http://127.0.0.1:3001", "the first node that runs");
    assert_eq!(found.cookie, Some(one.join("node1/rpc.cookie")));
    assert_eq!(found.name, "node1 of the devnet one");
    fixture.variables.insert(VARIABLE, "127.0.0.1:4000".into());
    assert_eq!(fixture.url(None, None), "http://127.0.0.1:4000");
    assert_eq!(fixture.url(None, Some("one:2")), "http://127.0.0.1:3002");
    assert_eq!(fixture.url(Some("http://[::1]:5000/"), None), "http://[::1]:5000");
    assert_eq!(fixture.find(Some("localhost:5000"), None).unwrap().cookie, None);
}

#[test]
fn a_devnet_is_named_by_name_or_path_and_its_node_by_index_or_name() {
    let mut fixture = Fixture::new();
    fixture.devnet(&fixture.devnets().join("one"), 3000, 4, &[0, 1, 2]);
    let elsewhere = TempDir::new().unwrap();
    let odd = elsewhere.path().join("odd:name");
    fixture.devnet(&odd, 4000, 2, &[0, 1]);
    let odd = odd.to_str().unwrap();
    for (dir, port) in [
        ("one", 3000),
        ("one:0", 3000),
        ("one:2", 3002),
        ("one:node1", 3001),
        (odd, 4000),
        (&format!("{odd}:1"), 4001),
        (&format!("{odd}/node1"), 4001),
    ] {
        assert_eq!(fixture.url(None, Some(dir)), format!("http://127.0.0.1:{port}"), "{dir}");
    }
}

#[test]
fn what_does_not_run_or_exist_is_said() {
    let mut fixture = Fixture::new();
    fixture.devnet(&fixture.devnets().join("one"), 3000, 2, &[0]);
    fixture.devnet(&fixture.devnets().join("still"), 4000, 2, &[]);
    let node = fixture.home.path().join("nodes/x");
    fixture.node(&node, "http://127.0.0.1:5000");
    let node = node.to_str().unwrap();
    for (dir, exit, part) in [
        (
            "one:1",
            Exit::Unreachable,
            "node1 of the devnet one is not running / start it with `assay devnet restart node1",
        ),
        ("still", Exit::Unreachable, "no node of the devnet still is running"),
        ("one:7", Exit::Usage, "has no node `7` / its nodes are node0, node1"),
        ("one:nod1", Exit::Usage, "did you mean `node"),
        ("absent", Exit::Unreachable, "holds neither a devnet nor a node"),
        ("./absent:1", Exit::Unreachable, "./absent holds neither"),
        ("", Exit::Usage, "names no devnet"),
        (":1", Exit::Usage, "names no devnet"),
        ("one:", Exit::Usage, "names no devnet"),
        (node, Exit::Unreachable, "is not running / start it with `assay node run --datadir"),
        (&format!("{node}:1"), Exit::Usage, "the data directory of one node"),
    ] {
        let (actual, text) = fixture.error(Some(dir));
        assert!(actual == exit && text.contains(part), "{dir}: {actual:?} {text}");
    }
}

#[test]
fn several_devnets_are_listed_and_none_is_guessed() {
    let mut fixture = Fixture::new();
    for (index, name) in ["b", "a", "still"].into_iter().enumerate() {
        let port = 3000 + 10 * u16::try_from(index).unwrap();
        let running: &[u16] = if name == "still" { &[] } else { &[0] };
        fixture.devnet(&fixture.devnets().join(name), port, 1, running);
    }
    let (exit, text) = fixture.error(None);
    assert_eq!(exit, Exit::Unreachable);
    assert!(text.contains("2 devnets are running"), "{text}");
    assert!(
        text.find("--dir a ").unwrap() < text.find("--dir b ").unwrap() && !text.contains("still")
    );
    assert_eq!(fixture.url(None, Some("b")), "http://127.0.0.1:3000");
}

#[test]
fn damaged_files_are_named_by_those_who_ask_and_skipped_by_the_others() {
    let mut fixture = Fixture::new();
    fixture.devnet(&fixture.devnets().join("one"), 3000, 1, &[0]);
    let bad = fixture.devnets().join("bad");
    fs::create_dir_all(&bad).unwrap();
    fs::write(bad.join(DevnetFile::NAME), "{").unwrap();
    fs::write(fixture.devnets().join("a file"), "").unwrap();
    assert_eq!(fixture.url(None, None), "http://127.0.0.1:3000");
    let (exit, text) = fixture.error(Some("bad"));
    assert!(exit == Exit::Failed && text.contains("devnet.json is damaged"), "{text}");
    let text = r#"{"format":9,"chain":"x","genesis":"ID","engine":"pow","created":0,"nodes":[]}"#;
    let text = text.replace("ID", &GenesisId::default().to_string());
    fs::write(bad.join(DevnetFile::NAME), text).unwrap();
    assert!(fixture.error(Some("bad")).1.contains("has format 9"));
}

#[test]
fn a_node_name_cannot_lead_out_of_the_devnet() {
    let mut fixture = Fixture::new();
    let one = fixture.devnets().join("one");
    fixture.devnet(&one, 3000, 1, &[0]);
    let text = fs::read_to_string(one.join(DevnetFile::NAME)).unwrap();
    fs::write(one.join(DevnetFile::NAME), text.replace("node0", "../one/node0")).unwrap();
    assert!(fixture.error(Some("one")).1.contains("no node of the devnet one is running"));
    assert!(fixture.asked.borrow().is_empty());
}

#[test]
fn urls_are_made_whole_or_refused_with_the_reason() {
    for (given, expected) in [
        ("http://127.0.0.1:1", Ok("http://127.0.0.1:1")),
        ("localhost:18544/", Ok("http://localhost:18544")),
        ("http://[::1]:9", Ok("http://[::1]:9")),
        ("https://127.0.0.1:1", Err("http, not https")),
        ("ws://127.0.0.1:1", Err("speak http")),
        ("127.0.0.1", Err("no port")),
        (":18544", Err("no host")),
        ("::1:9", Err("brackets")),
        ("host:0", Err("port")),
        ("host:65536", Err("port")),
        ("host:1/path", Err("more than a host")),
        ("http://user@host:1", Err("more than a host")),
        ("ho st:1", Err("more than a host")),
        ("", Err("no port")),
    ] {
        match (normal_url(given), expected) {
            (Ok(url), Ok(expected)) => assert_eq!(url, expected),
            (Err(reason), Err(part)) => assert!(reason.contains(part), "{given}: {reason}"),
            (other, _) => panic!("{given}: {other:?}"),
        }
    }
}

#[test]
fn a_node_runs_if_its_process_exists_and_its_port_answers() {
    let fixture = Fixture::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let path = fixture.home.path().join("n");
    fixture.node(&path, &url);
    let mut file = read::<NodeFile>(&path.join(NodeFile::NAME)).unwrap().unwrap();
    file.pid = std::process::id();
    assert!(Here.runs(&file));
    // Numbers of processes end far below this on every system.
    file.pid = i32::MAX as u32;
    assert!(!Here.runs(&file));
    file.pid = std::process::id();
    drop(listener);
    assert!(!Here.runs(&file));
}
