use super::super::fake::FakeNet;
use super::super::process::ProcessState;
use super::*;

#[test]
fn a_node_is_started_with_its_place_its_peers_and_its_miner() {
    let net = FakeNet::new(2, "");
    let (node, launch) = net.launches().remove(1);
    let boot = ["/ip4/127.0.0.1/tcp/5".to_owned(), "/ip4/127.0.0.1/tcp/6".to_owned()];
    let command = net.program.command(net.directory.chain(), &node, &launch, &boot, None);
    let arguments: Vec<_> = command.get_args().skip(1).map(|a| a.to_str().unwrap()).collect();
    let (chain, datadir, log) = (net.directory.chain(), node.path.clone(), node.log());
    let expected = [
        "--chain",
        chain.to_str().unwrap(),
        "--datadir",
        datadir.to_str().unwrap(),
        "--log-file",
        log.to_str().unwrap(),
        "--port",
        "0",
        "--rpc-port",
        "0",
        "--bootnodes",
        "/ip4/127.0.0.1/tcp/5,/ip4/127.0.0.1/tcp/6",
        "--mine",
        "--payout",
        "assay1node1",
        "--miner-threads",
        "1",
        "--throttle",
        "10%",
    ];
    assert_eq!(arguments, expected);

    let command = net.program.command(chain.clone(), &node, &Launch::default(), &[], None);
    let arguments: Vec<_> = command.get_args().skip(1).collect();
    assert_eq!(arguments, expected[..10]);

    let launch = Launch { record: Some("/records".into()), ..Launch::default() };
    let command = net.program.command(chain.clone(), &node, &launch, &[], None);
    let arguments: Vec<_> = command.get_args().skip(11).collect();
    assert_eq!(arguments, ["--record", "/records/node1.rec"]);

    let launch = Launch { stratum: true, ..Launch::default() };
    let command = net.program.command(chain.clone(), &node, &launch, &[], None);
    let arguments: Vec<_> = command.get_args().skip(11).collect();
    assert_eq!(arguments, ["--stratum-port", "0"]);

    let launch = Launch { stake: Some("bob".into()), ..Launch::default() };
    let command = net.program.command(chain.clone(), &node, &launch, &[], None);
    let arguments: Vec<_> = command.get_args().skip(11).collect();
    assert_eq!(arguments, ["--stake", "bob"]);

    let links = node.path.join("links.json");
    let command = net.program.command(chain, &node, &Launch::default(), &[], Some(&links));
    let arguments: Vec<_> = command.get_args().skip(11).collect();
    assert_eq!(arguments, ["--links", links.to_str().unwrap()]);
}

#[test]
fn a_started_process_is_on_record_and_leads_its_own_group() {
    let net = FakeNet::new(1, "");
    let (node, launch) = net.launches().remove(0);
    let plain = NodeLinks::default();
    let mut started = start(&net.program, &net.directory, &node, &launch, &[], &plain).unwrap();
    let run = node.run().unwrap().unwrap();
    assert_eq!(run, Run { process: started.process.clone(), launch, ending: None });
    assert_eq!(run.process.state(), ProcessState::Running);
    let pid = i32::try_from(run.process.pid).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    assert_eq!(rustix::process::getpgid(Some(pid)).unwrap(), pid);
    started.child.kill().unwrap();
    started.child.wait().unwrap();
    assert_eq!(node.state().unwrap(), ProcessState::Stopped);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let net = FakeNet::new(1, "");
    let program = NodeProgram { path: "/nowhere/assay".into(), arguments: Vec::new() };
    let (launch, plain) = (Launch::default(), NodeLinks::default());
    let error = start(&program, &net.directory, &net.nodes[0], &launch, &[], &plain).unwrap_err();
    assert!(error.to_string().starts_with("cannot start /nowhere/assay: "), "{error}");
    assert_eq!(error.exit().code(), 1);
    assert!(net.nodes[0].run().unwrap().is_none());
}
