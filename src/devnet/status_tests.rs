use std::future::pending;

use super::super::directory::Ending;
use super::super::fake::{FakeNet, FakeRpc};
use super::super::halt::end;
use super::super::supervise::start;
use super::*;

const SHORT: Duration = Duration::from_millis(500);

async fn net(rpc: &FakeRpc) -> FakeNet {
    let net = FakeNet::new(4, "");
    start(&net.program, &net.directory, &net.nodes, &net.launches(), rpc).await.unwrap();
    net
}

#[tokio::test]
async fn what_is_known_of_each_node_is_told() {
    let rpc = FakeRpc { silent: vec!["node3".to_owned()], ..FakeRpc::default() };
    let net = net(&rpc).await;
    end(&net.nodes[..1], Ending::Kill, pending()).await.unwrap();
    let run = net.nodes[2].run().unwrap().unwrap();
    run.process.signal(rustix::process::Signal::STOP).unwrap();
    while run.process.state() != ProcessState::Paused {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let status = status(&net.directory, &net.marker(), &rpc, SHORT).await.unwrap();
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["dir"], net.directory.path().to_str().unwrap());
    assert_eq!(json["chain"], "fake");
    let pid = |index: usize| net.nodes[index].run().unwrap().unwrap().process.pid;
    assert_eq!(
        json["nodes"][0],
        serde_json::json!({
            "name": "node0", "pid": null, "state": "stopped", "rpc": null, "p2p": null, "height": null, "head": null,
            "final_height": null, "final_id": null, "state_root": null, "peers": null, "mempool": null,
        })
    );
    assert_eq!(
        json["nodes"][1],
        serde_json::json!({
            "name": "node1", "pid": pid(1), "state": "running", "rpc": "http://127.0.0.1:1/node1",
            "p2p": "/ip4/127.0.0.1/tcp/1/node1", "height": 1, "head": "01".repeat(32), "final_height": 0,
            "final_id": "07".repeat(32), "state_root": "08".repeat(32), "peers": 3, "mempool": 2,
        })
    );
    let brief = |index: usize| {
        let node = &status.nodes[index];
        (node.state, node.pid, node.rpc.is_some(), node.height)
    };
    assert_eq!(brief(2), (NodeState::Paused, Some(pid(2)), true, None));
    assert_eq!(brief(3), (NodeState::Running, Some(pid(3)), true, None));
}
