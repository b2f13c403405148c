use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    settings: Settings,
}

fn typed(line: &str) -> Result<Settings, String> {
    let words = std::iter::once("node").chain(line.split_whitespace());
    Line::try_parse_from(words).map(|line| line.settings).map_err(|error| error.to_string())
}

fn filed(text: &str) -> Result<Settings, (String, Option<String>)> {
    Settings::parse(text, "n.toml").map_err(|error| {
        assert_eq!(error.exit(), Exit::Config);
        (error.message().to_owned(), error.advice().map(str::to_owned))
    })
}

#[test]
fn everything_can_be_said_in_a_file() {
    let text = r#"
        chain = "pow-dev"
        datadir = "data"
        listen = "0.0.0.0"
        port = 1
        bootnodes = ["/ip4/127.0.0.1/tcp/2", "/ip6/::1/tcp/3"]
        checkpoint = "7:abababababababababababababababababababababababababababababababab"
        links = "links.json"
        rpc_bind = "::1"
        rpc_port = 4
        rpc_token_file = "token"
        rpc_allow_host = ["node-0"]
        rpc_allow_origin = ["http://localhost:5173"]
        mine = true
        payout = "alice"
        miner_threads = 5
        throttle = 0.25
        kernel = "portable"
        stratum_port = 3333
        stratum_bind = "0.0.0.0"
        authority = "authority.key"
        stake = ["savings", "alice"]
        stake_reserve = "1.5"
        password_file = "password"
        no_password = false
        index = false
        record = "node.rec"
        log_file = "node.log"
        log_format = "json"
    "#;
    let settings = filed(text).unwrap();
    assert_eq!(settings.chain.as_deref(), Some("pow-dev"));
    assert_eq!(settings.bootnodes.as_ref().map(Vec::len), Some(2));
    assert_eq!(settings.throttle.map(|t| t.to_string()).as_deref(), Some("25%"));
    assert_eq!(settings.kernel, Some(KernelChoice::Named("portable")));
    assert_eq!(settings.log_format, Some(LogFormat::Json));
    // Every setting that the file can say is said above: a new one has to join it.
    assert!(!format!("{settings:?}").contains("None"), "{settings:?}");
    assert!(!format!("{:?}", Settings::default().or(settings.clone())).contains("None"));
}

#[test]
fn what_a_file_says_wrongly_is_named_with_its_place() {
    for (text, message, help) in [
        (
            "mine = true\nthrotle = \"1%\"",
            "n.toml:2:1: unknown field `throtle`",
            Some("did you mean `throttle`?"),
        ),
        ("weather = 1", "n.toml:1:1: unknown field `weather`", None),
        ("port = 70000", "n.toml:1:8: ", None),
        ("port = \"1\"", "n.toml:1:8: invalid type", None),
        ("throttle = 10", "did you mean `10%`?", None),
        ("throttle = \"0%\"", "n.toml:1:12: `0%` is not a throttle", None),
        ("throttle = true", "a share of a core", None),
        ("miner_threads = 0", "from 1 to 1024", None),
        ("kernel = \"fast\"", "there is no kernel `fast`", None),
        ("bootnodes = [\"nonsense\"]", "expected a multiaddr", None),
        ("bootnodes = [\"/dns4/a.net/tcp/1\"]", "TCP port only", None),
        ("bootnodes = [\"/ip4/1.2.3.4/udp/5\"]", "TCP port only", None),
        ("log_format = \"xml\"", "human or json", None),
        ("mine = ", "n.toml:1:", None),
    ] {
        let (given, advice) = filed(text).unwrap_err();
        assert!(given.contains(message), "{text}: {given}");
        assert_eq!(advice.as_deref(), help, "{text}");
    }
}

#[test]
fn options_have_the_names_that_habit_types() {
    for line in ["--datadir x", "--base-path x", "-d x"] {
        assert_eq!(typed(line).unwrap().datadir, Some("x".into()), "{line}");
    }
    assert_eq!(typed("--mine").unwrap().mine, Some(true));
    assert_eq!(typed("--mine=false").unwrap().mine, Some(false));
    assert_eq!(typed("").unwrap().mine, None);
    let two = typed("--bootnodes /ip4/127.0.0.1/tcp/2,/ip4/127.0.0.1/tcp/3").unwrap();
    assert_eq!(two.bootnodes.map(|nodes| nodes.len()), Some(2));
    for (line, share) in [("--throttle 10%", 0.1), ("--throttle 0.1", 0.1), ("--throttle 1", 1.0)] {
        assert_eq!(typed(line).unwrap().throttle.map(Throttle::share), Some(share), "{line}");
    }
}

#[test]
fn options_go_before_the_file() {
    let file = filed("port = 1\nrpc_port = 2\nmine = true").unwrap();
    let settings = typed("--port 3 --mine=false").unwrap().or(file);
    assert_eq!((settings.port, settings.rpc_port, settings.mine), (Some(3), Some(2), Some(false)));
}

#[test]
fn bad_values_of_options_say_what_would_do() {
    for (line, part) in [
        ("--throttle 10", "did you mean `10%`?"),
        ("--throttle 0", "0.1% to 100%"),
        ("--throttle nan", "0.1% to 100%"),
        ("--miner-threads 0", "from 1 to 1024"),
        ("--miner-threads 9999", "from 1 to 1024"),
        ("--kernel avx9", "or auto for the fastest"),
        ("--port 70000", "0..=65535"),
        ("--listen here", "invalid"),
        ("--bootnodes 127.0.0.1:1", "expected a multiaddr"),
        ("--mine=maybe", "invalid value 'maybe'"),
    ] {
        let error = typed(line).unwrap_err();
        assert!(error.contains(part), "{line}: {error}");
    }
}

#[test]
fn paths_in_a_file_count_from_its_directory() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("n.toml");
    std::fs::write(&path, "datadir = \"data\"\nchain = \"my.toml\"\nrpc_token_file = \"/t\"")
        .unwrap();
    let settings = Settings::read(&path).unwrap();
    assert_eq!(settings.datadir, Some(directory.path().join("data")));
    assert_eq!(settings.chain.as_deref(), directory.path().join("my.toml").to_str());
    assert_eq!(settings.rpc_token_file, Some("/t".into()));
    std::fs::write(&path, "chain = \"pow-dev\"").unwrap();
    assert_eq!(Settings::read(&path).unwrap().chain.as_deref(), Some("pow-dev"));
    let error = Settings::read(&directory.path().join("absent.toml")).unwrap_err();
    assert_eq!(error.exit(), Exit::Config);
    assert!(error.message().contains("absent.toml"));
}
