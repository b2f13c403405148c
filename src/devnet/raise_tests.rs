use super::super::fake::{FakeNet, FakeRpc, names};
use super::super::supervise::start;
use super::*;
use crate::types::Hash;

fn plan(net: &FakeNet, count: usize) -> Plan {
    Plan {
        chain: "fake".to_owned(),
        genesis: GenesisId(Hash([0; 32])),
        engine: "pow".to_owned(),
        frozen: ":".to_owned(),
        launches: net.launches().into_iter().map(|(_, launch)| launch).take(count).collect(),
    }
}

#[test]
fn a_new_directory_is_settled_and_then_found_settled() {
    let net = FakeNet::new(4, "");
    let root = tempfile::tempdir().unwrap();
    let directory = Directory::at(&root.path().join("deep/net")).unwrap();
    let mut site = Site::claim(directory.clone(), false).unwrap();
    assert!(site.existing().is_none());
    let marker = site.settle(&plan(&net, 2), Time(5)).unwrap();
    assert_eq!((marker.created, marker.nodes.len()), (Time(5), 2));
    assert_eq!(site.launches(&plan(&net, 2)).unwrap().len(), 2);
    drop(site);

    let mut site = Site::claim(directory.clone(), false).unwrap();
    assert_eq!(site.existing(), Some((&marker, ":")));
    // More nodes join, and when fewer are wanted the others stay as they are.
    for (wanted, listed) in [(3, 3), (1, 3)] {
        let plan = plan(&net, wanted);
        let marker = site.settle(&plan, Time(9)).unwrap();
        assert_eq!((marker.created, marker.nodes.len()), (Time(5), listed));
        assert_eq!(site.launches(&plan).unwrap().len(), wanted);
    }
    for wanted in [0, NODES_MAX + 1] {
        let launches = vec![Launch::default(); wanted];
        let error = site.settle(&Plan { launches, ..plan(&net, 1) }, Time(9)).unwrap_err();
        assert_eq!(error.exit().code(), 2);
    }
    assert_eq!(directory.existing().unwrap().nodes.len(), 3);
}

#[test]
fn another_chain_is_refused_and_fresh_makes_room_for_it() {
    let net = FakeNet::new(1, "");
    let directory = net.directory.clone();
    let other = Plan { genesis: GenesisId(Hash([1; 32])), ..plan(&net, 1) };
    let mut site = Site::claim(directory.clone(), false).unwrap();
    let error = site.settle(&other, Time(9)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&"00".repeat(32)) && text.contains(&"01".repeat(32)), "{text}");
    assert!(error.help().unwrap().contains("--fresh"));
    assert_eq!(error.exit().code(), 4);
    assert_eq!(directory.existing().unwrap(), net.marker(), "nothing was touched");
    drop(site);

    fs::create_dir_all(&net.nodes[0].path).unwrap();
    fs::write(net.nodes[0].log(), "").unwrap();
    fs::write(directory.path().join("notes.txt"), "").unwrap();
    let mut site = Site::claim(directory.clone(), true).unwrap();
    assert_eq!(site.left, [directory.path().join("notes.txt")]);
    assert!(site.existing().is_none());
    let marker = site.settle(&other, Time(9)).unwrap();
    assert_eq!((marker.created, marker.genesis), (Time(9), other.genesis));
    assert_eq!(names(directory.path()), ["chain.toml", "devnet.json", "devnet.lock", "notes.txt"]);
}

#[test]
fn what_is_not_a_devnet_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("thesis.txt"), "").unwrap();
    let directory = Directory::at(root.path()).unwrap();
    for fresh in [false, true] {
        let error = Site::claim(directory.clone(), fresh).unwrap_err();
        assert!(matches!(error, DevnetError::NotEmpty(_)), "{error}");
    }
    assert_eq!(names(root.path()), ["thesis.txt"]);
}

#[test]
fn an_interrupted_first_start_is_begun_again() {
    let net = FakeNet::new(1, "");
    fs::remove_file(net.directory.chain()).unwrap();
    let mut site = Site::claim(net.directory.clone(), false).unwrap();
    let other = Plan { genesis: GenesisId(Hash([1; 32])), ..plan(&net, 1) };
    assert_eq!(site.settle(&other, Time(9)).unwrap().genesis, other.genesis);
}

#[tokio::test]
async fn a_devnet_that_runs_is_not_taken_over() {
    let net = FakeNet::new(2, "");
    let rpc = FakeRpc::default();
    start(&net.program, &net.directory, &net.nodes, &net.launches()[1..], &rpc).await.unwrap();
    for fresh in [false, true] {
        let error = Site::claim(net.directory.clone(), fresh).unwrap_err();
        assert!(error.to_string().ends_with("is running: node1"), "{error}");
        assert_eq!(error.exit().code(), 1);
    }
    assert!(net.directory.chain().exists());
}
