use super::*;
use crate::devnet::Mining;
use crate::types::{BlockId, GenesisId, Hash, Height, StateRoot};

fn node(index: u8, state: NodeState, height: Option<u64>) -> DevnetNode {
    let known = height.is_some();
    let alive = state != NodeState::Stopped;
    DevnetNode {
        name: format!("node{index}"),
        pid: alive.then_some(100 + u32::from(index)),
        state,
        rpc: alive.then(|| format!("http://127.0.0.1:4000{index}")),
        stratum: None,
        p2p: alive.then(|| format!("/ip4/127.0.0.1/tcp/5000{index}")),
        height: height.map(Height),
        head: height.map(|height| BlockId(Hash([u8::try_from(height).unwrap(); 32]))),
        final_height: known.then_some(Height(0)),
        final_id: known.then_some(BlockId(Hash([7; 32]))),
        state_root: known.then_some(StateRoot(Hash([8; 32]))),
        peers: known.then_some(3),
        mempool: known.then_some(2),
        role: None,
        authority: None,
        round: None,
        stakes: Vec::new(),
    }
}

fn status(nodes: Vec<DevnetNode>) -> DevnetStatus {
    DevnetStatus {
        dir: "/srv/net".to_owned(),
        chain: "pow-dev".to_owned(),
        genesis: GenesisId(Hash([0xab; 32])),
        engine: "pow".to_owned(),
        nodes,
        partition: Vec::new(),
    }
}

#[test]
fn the_table_has_a_row_for_each_node_in_whatever_state() {
    let nodes = vec![
        node(0, NodeState::Stopped, None),
        node(1, NodeState::Running, Some(17)),
        node(2, NodeState::Paused, None),
        node(3, NodeState::Running, None),
    ];
    let table = table(&status(nodes));
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["chain", "pow-dev,", "rule", "pow"]);
    assert_eq!(rows[2], ["dir", "/srv/net"]);
    assert_eq!(rows[4][..4], ["node", "state", "pid", "height"]);
    assert_eq!(rows[5], ["node0", "stopped", "-", "-", "-", "-", "-", "-", "-"]);
    let running =
        ["node1", "running", "101", "17", "111111111111…", "0", "3", "2", "http://127.0.0.1:40001"];
    assert_eq!(rows[6], running);
    assert_eq!(rows[7][..4], ["node2", "paused", "102", "-"]);
    assert_eq!(rows[8][..4], ["node3", "silent", "103", "-"]);
}

#[test]
fn a_partition_and_shaped_links_are_spoken_of() {
    let two = |one: &str, other: &str| vec![one.to_owned(), other.to_owned()];
    let mut status = status(vec![node(0, NodeState::Running, Some(1))]);
    assert!(!table(&status).contains("parted"));
    status.partition = vec![two("node0", "node1"), two("node2", "node3")];
    assert!(
        table(&status).contains("parted   node0, node1 | node2, node3\n"),
        "{}",
        table(&status)
    );

    assert_eq!(links(&DevnetLinks::default()).unwrap(), "every link  plain\npartition   none\n");
    let slow = Json { latency_ms: 80, loss: 0.02, ..Json::default() };
    let pair = crate::api::PairLink {
        nodes: ["node0".to_owned(), "node2".to_owned()],
        link: Json::default(),
    };
    let shown = DevnetLinks { all: slow, pairs: vec![pair], partition: status.partition };
    assert_eq!(
        links(&shown).unwrap(),
        "every link     latency 80ms, loss 2%, each way\nnode0 - node2  plain\npartition      node0, node1 | node2, node3\n"
    );
}

#[test]
fn a_line_tells_who_agrees_with_whom() {
    let second = Duration::from_millis(61_900);
    let nodes = vec![
        node(0, NodeState::Running, Some(16)),
        node(1, NodeState::Running, Some(17)),
        node(2, NodeState::Stopped, None),
    ];
    assert_eq!(
        line(&status(nodes), second),
        "   61 s  height 16 17 stopped · head 111111111111… and 1 more · final 0 · peers 3 3 - · pool 2"
    );
    let nodes = vec![node(0, NodeState::Running, Some(17)), node(1, NodeState::Running, Some(17))];
    assert_eq!(
        line(&status(nodes), second),
        "   61 s  height 17 17 · head 111111111111… · final 0 · peers 3 3 · pool 2"
    );
    let nodes = vec![node(0, NodeState::Paused, None)];
    assert_eq!(line(&status(nodes), second), "   61 s  height paused");
}

fn launch(owner: Option<&str>) -> Launch {
    let miner = owner.map(|owner| Mining {
        payout: "assay1payout".to_owned(),
        owner: (!owner.is_empty()).then(|| owner.to_owned()),
        threads: 1,
        throttle: "10%".to_owned(),
    });
    Launch { miner, ..Launch::default() }
}

#[test]
fn the_heading_says_where_who_and_what_next() {
    let nodes = (0..4).map(|index| node(index, NodeState::Running, Some(0))).collect();
    let launches = [launch(Some("alice")), launch(Some("")), launch(None)];
    let heading = Heading {
        status: &status(nodes),
        spec: "pow-dev",
        block_time: Span::seconds(2),
        dev: true,
        launches: &launches,
        option: " --dir net",
        watched: true,
        resumed: false,
    };
    let text = heading.text();
    assert!(
        text.starts_with("pow-dev is running: 3 nodes, rule pow, a block every 2 s\n"),
        "{text}"
    );
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    for row in [
        vec!["dir", "/srv/net"],
        vec!["node0", "http://127.0.0.1:40000", "alice"],
        vec!["node1", "http://127.0.0.1:40001", "assay1payout"],
        vec!["node2", "http://127.0.0.1:40002", "makes", "none"],
        vec!["assay", "devnet", "status", "--dir", "net"],
    ] {
        assert!(rows.contains(&row), "{row:?} is not in\n{text}");
    }
    assert!(!text.contains("node3"), "it was not started: {text}");
    assert!(text.contains("WARNING: development keys are public"), "{text}");
    assert!(text.contains("Ctrl-C stops the nodes"), "{text}");

    let quiet = Heading { dev: false, watched: false, resumed: true, option: "", ..heading };
    let text = quiet.text();
    assert!(text.starts_with("pow-dev goes on: "), "{text}");
    assert!(
        !text.contains("WARNING") && !text.contains("Ctrl-C") && !text.contains("faucet"),
        "{text}"
    );
    assert!(text.contains("/srv/net/payout.mnemonic"), "{text}");
    assert!(text.contains("`assay devnet down` removes it"), "{text}");
}

#[test]
fn a_crash_is_quoted_and_a_wish_is_not() {
    let ended = |ending| Notice::Ended {
        node: "node1".to_owned(),
        ending,
        how: "exit code 5".to_owned(),
        log: vec!["disk full".to_owned(), "goodbye".to_owned()],
    };
    assert_eq!(
        notice(&ended(None)),
        "node1 ended unexpectedly: exit code 5; the others go on; the end of its log:\n  | disk full\n  | goodbye"
    );
    for ending in [Ending::Stop, Ending::Kill, Ending::Restart] {
        let text = notice(&ended(Some(ending)));
        assert!(text.starts_with("node1 ") && !text.contains("unexpectedly"), "{text}");
    }
}

#[test]
fn where_authorities_agree_each_node_has_a_role() {
    let led = DevnetNode {
        role: Some(Role::Leader),
        round: Some(4),
        ..node(0, NodeState::Running, Some(1))
    };
    let early = DevnetNode { role: Some(Role::Observer), ..node(1, NodeState::Running, Some(0)) };
    let text = table(&status(vec![led, early, node(2, NodeState::Stopped, None)]));
    assert!(text.contains("role") && text.contains("leader in round 4"), "{text}");
    assert!(text.contains("  observer  "), "{text}");
    assert!(!table(&status(vec![node(0, NodeState::Running, Some(1))])).contains("role"));
}

#[test]
fn where_coins_make_blocks_it_is_said_whose_each_node_stakes() {
    let address = |name: &str| {
        DevAccount::named(name).unwrap().address().encode(&Prefix::new("assay").unwrap())
    };
    let staking =
        |stakes: Vec<String>| DevnetNode { stakes, ..node(0, NodeState::Running, Some(1)) };
    let text = table(&status(vec![
        staking(vec![address("alice")]),
        staking(vec![address("bob"), address("carol"), "x".into()]),
        staking(vec!["assay1stranger".into()]),
        staking(Vec::new()),
    ]));
    for part in ["stakes for", " alice ", " bob and 2 more ", " assay1stranger "] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!table(&status(vec![staking(Vec::new())])).contains("stakes for"));
}
