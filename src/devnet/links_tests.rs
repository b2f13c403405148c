use std::future::pending;

use super::super::directory::Ending;
use super::super::fake::{FakeNet, FakeRpc};
use super::super::halt::end;
use super::super::pause::{pause, resume};
use super::super::supervise::start;
use super::*;

fn slow(latency_ms: u64) -> LinkShape {
    LinkShape { latency_ms, ..LinkShape::default() }
}

fn parts(net: &FakeNet, given: &str) -> Result<Vec<Vec<String>>, DevnetError> {
    let given: Vec<String> = given.split_whitespace().map(str::to_owned).collect();
    groups(&net.directory, &net.marker(), &given)
}

#[test]
fn groups_are_lists_of_nodes_and_the_rest_is_one_more() {
    let net = FakeNet::new(4, "");
    let two = [["node0", "node1"], ["node2", "node3"]];
    for given in ["0,1 2,3", "node1,0 2,node3", "0,1", "0,1,1 3,2"] {
        assert_eq!(parts(&net, given).unwrap(), two, "{given}");
    }
    assert_eq!(parts(&net, "3 1").unwrap(), [vec!["node3"], vec!["node1"], vec!["node0", "node2"]]);
    for (given, reason) in [
        ("0,1 1,2", "node1 is in two groups"),
        ("0,1,2,3", "nothing to part"),
        ("0,7", "no node `7`"),
        ("0,,1", "no node ``"),
    ] {
        let error = parts(&net, given).unwrap_err();
        assert!(error.to_string().contains(reason), "{given}: {error}");
        assert_eq!(error.exit().code(), 2, "{given}");
    }
}

#[test]
fn a_pair_has_one_shape_whichever_end_is_named_first() {
    let net = FakeNet::new(3, "");
    let [a, b, c] = [&net.nodes[0], &net.nodes[1], &net.nodes[2]];
    let mut links = DevnetLinks::default();
    shape_pair(&mut links, [c, a], Some(slow(1))).unwrap();
    shape_pair(&mut links, [b, a], Some(slow(2))).unwrap();
    shape_pair(&mut links, [a, c], Some(slow(3))).unwrap();
    let pair = |one: &str, other: &str, ms| PairLink {
        nodes: [one.to_owned(), other.to_owned()],
        link: slow(ms),
    };
    assert_eq!(links.pairs, [pair("node0", "node1", 2), pair("node0", "node2", 3)]);
    shape_pair(&mut links, [b, a], None).unwrap();
    assert_eq!(links.pairs, [pair("node0", "node2", 3)]);
    let error = shape_pair(&mut links, [b, b], None).unwrap_err();
    assert!(matches!(error, DevnetError::OneEnd(_)), "{error}");
}

/// Nodes that start get their part as a file, nodes that run are told; who is paused is told later.
#[tokio::test]
async fn every_node_learns_its_part() {
    let net = FakeNet::new(3, "");
    let rpc = FakeRpc::default();
    let lock = net.directory.lock().unwrap();
    let mut links = DevnetLinks { all: slow(5), ..DevnetLinks::default() };
    net.directory.write_links(&links, &lock).unwrap();
    let launches = net.launches();
    start(&net.program, &net.directory, &net.nodes, &launches[..2], &rpc).await.unwrap();
    assert!(net.log(0).contains("--links "), "{}", net.log(0));
    let told = |name: &str| rpc.links.lock().unwrap().get(name).cloned();
    assert_eq!(told("node0"), None, "the file has told it");

    links.partition = parts(&net, "0 1,2").unwrap();
    shape_pair(&mut links, [&net.nodes[0], &net.nodes[1]], Some(slow(9))).unwrap();
    net.directory.write_links(&links, &lock).unwrap();
    apply(&net.directory, &net.marker(), &rpc).await.unwrap();
    // Nobody knows the third yet, which has never been started.
    let expected = |peer: &str| NodeLinks {
        all: slow(5),
        peers: [(peer.to_owned(), slow(9))].into(),
        blocked: vec![peer.to_owned()],
    };
    assert_eq!(told("node0"), Some(expected("node1")));
    assert_eq!(told("node1"), Some(expected("node0")));

    start(&net.program, &net.directory, &net.nodes, &launches[2..], &rpc).await.unwrap();
    let part = of_node(&links, &net.nodes[2], &net.nodes);
    assert_eq!(part.blocked, ["node0"]);
    let file = std::fs::read_to_string(net.nodes[2].path.join("links.json")).unwrap();
    assert_eq!(serde_json::from_str::<NodeLinks>(&file).unwrap(), part);

    pause(&net.nodes[1]).await.unwrap();
    let before = told("node1");
    apply(&net.directory, &net.marker(), &rpc).await.unwrap();
    assert_eq!(told("node0").unwrap().blocked, ["node1", "node2"]);
    assert_eq!(told("node1"), before, "it is paused");
    resume(&net.nodes[1]).await.unwrap();

    let rpc = FakeRpc { silent: vec!["node2".to_owned()], ..FakeRpc::default() };
    let error = apply(&net.directory, &net.marker(), &rpc).await.unwrap_err();
    assert!(error.to_string().starts_with("node2 could not be told"), "{error}");
    assert!(rpc.links.lock().unwrap().contains_key("node1"), "the others are told");
    end(&net.nodes, Ending::Stop, pending()).await.unwrap();
}

#[tokio::test]
async fn a_paused_node_stands_still_and_goes_on_or_ends() {
    let net = FakeNet::new(2, "");
    let rpc = FakeRpc::default();
    let node = &net.nodes[0];
    let error = pause(node).await.unwrap_err();
    assert_eq!(error.to_string(), "node0 is not running");
    start(&net.program, &net.directory, &net.nodes, &net.launches(), &rpc).await.unwrap();
    let error = resume(node).await.unwrap_err();
    assert_eq!(error.to_string(), "node0 is not paused");
    for _ in 0..2 {
        pause(node).await.unwrap();
        assert_eq!(node.state().unwrap(), ProcessState::Paused);
        assert_eq!(pause(node).await.unwrap_err().to_string(), "node0 is paused already");
        resume(node).await.unwrap();
        assert_eq!(node.state().unwrap(), ProcessState::Running);
    }
    pause(node).await.unwrap();
    pause(&net.nodes[1]).await.unwrap();
    let ended = end(&net.nodes[..1], Ending::Kill, pending()).await.unwrap();
    assert_eq!(ended.len(), 1);
    // Who is asked to end first goes on.
    let ended = end(&net.nodes, Ending::Stop, pending()).await.unwrap();
    assert!(ended.len() == 1 && !ended[0].forced, "{ended:?}");
    assert!(net.log(1).ends_with("asked to stop\n"), "{}", net.log(1));
}
