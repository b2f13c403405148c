use std::future::pending;
use std::sync::Mutex;

use super::super::fake::{FakeNet, FakeRpc};
use super::super::halt::end;
use super::super::process::ProcessState;
use super::*;

async fn up(net: &FakeNet, rpc: &FakeRpc) -> Result<Crew, DevnetError> {
    start(&net.program, &net.directory, &net.nodes, &net.launches(), rpc).await
}

fn sorted(rpc: &FakeRpc) -> Vec<String> {
    let connected = rpc.connected.lock().unwrap();
    // Who is asked to connect to whom depends on who comes up first: only the pair counts.
    let mut pairs: Vec<String> = connected
        .iter()
        .map(|(node, peer)| {
            let peer = peer.strip_prefix("/ip4/127.0.0.1/tcp/1/").unwrap();
            let mut pair = [node.as_str(), peer];
            pair.sort_unstable();
            pair.join("-")
        })
        .collect();
    pairs.sort();
    pairs
}

async fn look_until(watch: &mut Watch, children: &mut Children) -> Vec<Notice> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let notices = watch.look(children);
        if !notices.is_empty() {
            return notices;
        }
        assert!(Instant::now() < deadline, "nothing happened: {watch:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn nodes_come_up_and_each_pair_is_introduced_once() {
    let net = FakeNet::new(4, "");
    let rpc = FakeRpc { refusals: Mutex::new(3), ..FakeRpc::default() };
    let crew = up(&net, &rpc).await.unwrap();
    assert_eq!(crew.started.len(), 4);
    assert_eq!(crew.warnings, Vec::<String>::new());
    assert_eq!(
        sorted(&rpc),
        ["node0-node1", "node0-node2", "node0-node3", "node1-node2", "node1-node3", "node2-node3"]
    );
    assert!(net.log(0).lines().next().unwrap().ends_with("--throttle 10%"), "{}", net.log(0));

    let ended = end(&net.nodes, Ending::Stop, pending()).await.unwrap();
    assert!(ended.len() == 4 && ended.iter().all(|node| !node.forced), "{ended:?}");
    assert!(net.log(3).ends_with("asked to stop\n"));
    assert_eq!(end(&net.nodes, Ending::Stop, pending()).await.unwrap(), []);
}

#[tokio::test]
async fn at_the_second_start_nodes_are_told_the_addresses_of_the_first() {
    let net = FakeNet::new(2, "");
    let rpc = FakeRpc::default();
    up(&net, &rpc).await.unwrap();
    assert!(!net.log(0).contains("--bootnodes"));
    end(&net.nodes, Ending::Stop, pending()).await.unwrap();
    up(&net, &rpc).await.unwrap();
    assert!(net.log(0).contains("--bootnodes /ip4/127.0.0.1/tcp/1/node1 "), "{}", net.log(0));
    assert!(net.log(1).contains("--bootnodes /ip4/127.0.0.1/tcp/1/node0 "), "{}", net.log(1));
}

#[tokio::test]
async fn one_node_alone_is_introduced_to_those_that_run() {
    let net = FakeNet::new(3, "");
    let rpc = FakeRpc::default();
    let launches = net.launches();
    start(&net.program, &net.directory, &net.nodes, &launches[..2], &rpc).await.unwrap();
    rpc.connected.lock().unwrap().clear();
    start(&net.program, &net.directory, &net.nodes, &launches[2..], &rpc).await.unwrap();
    assert_eq!(sorted(&rpc), ["node0-node2", "node1-node2"]);
}

#[tokio::test]
async fn a_node_that_ends_while_starting_ends_the_start() {
    let net =
        FakeNet::new(3, "before() { [ $name = node1 ] || return 0; echo port taken; exit 6; }");
    let error = up(&net, &FakeRpc::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "node1 ended while starting: exit code 6");
    assert_eq!(error.exit().code(), 6);
    assert!(error.help().unwrap().contains("\nport taken\n"), "{:?}", error.help());
    for node in &net.nodes {
        assert_eq!(node.state().unwrap(), ProcessState::Stopped, "{}", node.name);
    }
}

#[tokio::test]
async fn a_stranger_in_the_file_of_a_node_is_not_the_node() {
    let net = FakeNet::new(1, "");
    up(&net, &FakeRpc::default()).await.unwrap();
    let node = &net.nodes[0];
    let file = listening(node).unwrap().unwrap();
    assert_eq!(peer_address(&file).unwrap(), "/ip4/127.0.0.1/tcp/1/node0");
    let stale = NodeFile { pid: file.pid + 1, ..file.clone() };
    std::fs::write(node.node_file(), serde_json::to_string(&stale).unwrap()).unwrap();
    assert_eq!(listening(node).unwrap(), None);
    std::fs::write(node.node_file(), serde_json::to_string(&file).unwrap()).unwrap();
    end(&net.nodes, Ending::Stop, pending()).await.unwrap();
    assert_eq!(listening(node).unwrap(), None, "it has ended");
}

#[tokio::test]
async fn introductions_that_fail_are_reported_and_no_reason_to_give_up() {
    let net = FakeNet::new(2, "");
    let rpc = FakeRpc { refusals: Mutex::new(usize::MAX), ..FakeRpc::default() };
    let crew = up(&net, &rpc).await.unwrap();
    assert_eq!(crew.warnings.len(), 1);
    assert!(crew.warnings[0].ends_with(": not now"), "{:?}", crew.warnings);
}

#[tokio::test]
async fn who_does_not_end_when_asked_is_killed() {
    let net = FakeNet::new(2, "on_term() { [ $name = node0 ] && return 0; exit 0; }");
    up(&net, &FakeRpc::default()).await.unwrap();
    // The time that node1 needs, and not ten seconds.
    let hurry = async {
        while net.nodes[1].state().unwrap() != ProcessState::Stopped {
            sleep(INTERVAL).await;
        }
    };
    let ended = end(&net.nodes, Ending::Stop, hurry).await.unwrap();
    let forced: Vec<_> = ended.iter().map(|node| (node.node.as_str(), node.forced)).collect();
    assert_eq!(forced, [("node0", true), ("node1", false)]);
}

#[tokio::test]
async fn a_paused_node_ends_when_asked() {
    let net = FakeNet::new(1, "");
    up(&net, &FakeRpc::default()).await.unwrap();
    let run = net.nodes[0].run().unwrap().unwrap();
    run.process.signal(rustix::process::Signal::STOP).unwrap();
    while run.process.state() != ProcessState::Paused {
        sleep(INTERVAL).await;
    }
    let ended = end(&net.nodes, Ending::Stop, pending()).await.unwrap();
    assert_eq!(ended, [halt::Ended { node: "node0".to_owned(), forced: false }]);
}

#[tokio::test]
async fn a_crash_is_told_from_what_was_asked_for() {
    let net = FakeNet::new(3, "");
    let rpc = FakeRpc::default();
    let crew = up(&net, &rpc).await.unwrap();
    let mut children = Children::default();
    let mut watch = Watch::new(net.nodes.clone(), &crew.started);
    children.adopt(crew.started);
    assert!(watch.look(&mut children).is_empty());

    // It answers before it says so in its log: only what it has said can be shown.
    while !net.log(0).contains("running") {
        tokio::task::yield_now().await;
    }
    let run = net.nodes[0].run().unwrap().unwrap();
    run.process.signal(rustix::process::Signal::SEGV).unwrap();
    let notices = look_until(&mut watch, &mut children).await;
    let [Notice::Ended { node, ending: None, how, log }] = &notices[..] else {
        panic!("{notices:?}")
    };
    assert_eq!((node.as_str(), how.as_str()), ("node0", "ended by signal 11"));
    assert_eq!(log.last().unwrap(), "running");

    end(&net.nodes[1..2], Ending::Kill, pending()).await.unwrap();
    let notices = look_until(&mut watch, &mut children).await;
    let [Notice::Ended { node, ending: Some(Ending::Kill), .. }] = &notices[..] else {
        panic!("{notices:?}")
    };
    assert_eq!(node, "node1");

    // Killed on request and started again by somebody else.
    let launches = net.launches();
    start(&net.program, &net.directory, &net.nodes, &launches[1..2], &rpc).await.unwrap();
    let notices = look_until(&mut watch, &mut children).await;
    assert!(
        matches!(&notices[..], [Notice::Started { node, .. }] if node == "node1"),
        "{notices:?}"
    );

    end(&net.nodes[1..2], Ending::Kill, pending()).await.unwrap();
    look_until(&mut watch, &mut children).await;
    end(&net.nodes, Ending::Stop, pending()).await.unwrap();
    look_until(&mut watch, &mut children).await;
    watch.look(&mut children);
    assert_eq!(watch.outlook(), Outlook::Stopped);
}

#[tokio::test]
async fn the_outlook_is_bleak_only_when_nobody_asked() {
    let net = FakeNet::new(1, "");
    let rpc = FakeRpc::default();
    let crew = up(&net, &rpc).await.unwrap();
    let mut watch = Watch::new(net.nodes.clone(), &crew.started);
    assert_eq!(watch.outlook(), Outlook::Going);
    assert!(watch.look(&mut Children::default()).is_empty());
    end(&net.nodes, Ending::Kill, pending()).await.unwrap();
    look_until(&mut watch, &mut Children::default()).await;
    assert_eq!(watch.outlook(), Outlook::Going, "killed on request: somebody means to restart it");

    up(&net, &rpc).await.unwrap();
    look_until(&mut watch, &mut Children::default()).await;
    let run = net.nodes[0].run().unwrap().unwrap();
    run.process.signal(rustix::process::Signal::KILL).unwrap();
    look_until(&mut watch, &mut Children::default()).await;
    assert_eq!(watch.outlook(), Outlook::Lost);
}

#[test]
fn few_nodes_all_know_each_other_and_many_know_few() {
    assert!((0..4).all(|one| (0..4).all(|other| acquainted(one, other, 4) == (one != other))));
    for count in [9, 101, 128] {
        let friends = |one: usize| (0..count).filter(move |other| acquainted(one, *other, count));
        assert!((0..count).all(|one| friends(one).count() <= 14));
        assert!((0..count).all(|one| friends(one).all(|other| acquainted(other, one, count))));
        // Everybody is reached, within a few steps.
        let mut reached = std::collections::BTreeSet::from([0]);
        let mut steps = 0;
        while reached.len() < count {
            reached = reached.iter().flat_map(|one| friends(*one)).chain(reached.clone()).collect();
            steps += 1;
            assert!(steps <= 4, "{count} nodes");
        }
    }
}
