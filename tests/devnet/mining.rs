//! Mining from the wallet's side, against nodes that come and go.

use std::io::Read as _;

use super::*;

/// The figures that `assay mine --json` prints.
fn mined(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
}

#[test]
fn blocks_are_mined_for_whoever_is_named_and_counted() {
    let home = Home::new();
    home.restore_dev(1);
    home.ok("devnet up pow-dev --nodes 1 --detach");
    let bob = home.run("mine --blocks 2 --address bob --throttle 50% --json");
    assert!(bob.status.success(), "{}", text(&bob.stderr));
    let bob = mined(&bob);
    assert_eq!((&bob["blocks"], &bob["refused"]), (&Value::from(2), &Value::from(0)), "{bob}");
    for id in bob["ids"].as_array().unwrap() {
        let block = home.ok(&format!("chain block {} --json", id.as_str().unwrap()));
        let block: Value = serde_json::from_str(&block).unwrap();
        assert_eq!(block["producer"], bob["payout"], "{block}");
    }
    // The wallet's account goes before a development account.
    let own = home.ok("mine --wallet dev --blocks 1 --json");
    let own: Value = serde_json::from_str(&own).unwrap();
    assert_ne!(own["payout"], bob["payout"]);
    // People see the same in words.
    let shown = home.run("mine --blocks 1");
    assert!(text(&shown.stderr).contains("is ours: "), "{}", text(&shown.stderr));
    assert!(text(&shown.stdout).contains("blocks  1\n"), "{}", text(&shown.stdout));

    // The node knows who found what: the miner's blocks, those of the wallet's account and the last ones are not its own.
    let status: Value = serde_json::from_str(&home.ok("rpc mining_status")).unwrap();
    assert_eq!(status["blocks_taken"], 4, "{status}");

    // The node's own search, changed while it runs.
    let set = home.ok(r#"rpc --dir pow-dev:0 mining_set {"threads":2,"throttle":"5%"}"#);
    let set: Value = serde_json::from_str(&set).unwrap();
    assert_eq!((&set["threads"], &set["throttle"]), (&Value::from(2), &Value::from(0.05)), "{set}");
    let deadline = Instant::now() + PATIENCE;
    let mut before = None;
    loop {
        let status: Value = serde_json::from_str(&home.ok("rpc mining_status")).unwrap();
        let hashes = status["hashes"].as_u64().unwrap();
        if status["searching"] == true && before.is_some_and(|before| hashes > before) {
            break;
        }
        assert!(Instant::now() < deadline, "the search does not go on: {status}");
        before.get_or_insert(hashes);
        std::thread::sleep(INTERVAL);
    }
}

#[test]
fn another_node_serves_while_the_first_is_away() {
    let home = Home::new();
    home.ok("devnet up pow-dev --nodes 2 --detach");
    let mut miner = home
        .command("mine --address carol --throttle 20%")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (told, lines) = std::sync::mpsc::channel();
    let mut stderr = miner.stderr.take().unwrap();
    std::thread::spawn(move || {
        let (mut text, mut chunk) = (String::new(), [0; 4096]);
        while let Ok(count @ 1..) = stderr.read(&mut chunk) {
            text.push_str(&String::from_utf8_lossy(&chunk[..count]));
            if told.send(text.clone()).is_err() {
                return;
            }
        }
    });
    let heard = |what: &str, times: usize| {
        let deadline = Instant::now() + PATIENCE;
        let mut last = String::new();
        while last.matches(what).count() < times {
            let left = deadline.saturating_duration_since(Instant::now());
            last = lines.recv_timeout(left).unwrap_or_else(|_| panic!("never `{what}`: {last}"));
        }
    };
    heard("blocks come from node0", 1);
    home.ok("devnet kill node0");
    heard("blocks come from node1", 1);
    home.ok("devnet restart node0");
    heard("blocks come from node0", 2);
    let pid = rustix::process::Pid::from_raw(i32::try_from(miner.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = miner.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(text(&output.stdout).contains("switches  2\n"), "{}", text(&output.stdout));
}

#[test]
fn what_cannot_be_mined_is_said_at_once() {
    let home = Home::new();
    let (exit, error) = home.fails("mine --rpc 127.0.0.1:1");
    assert_eq!((exit, &error["code"]), (8, &Value::from("unreachable")), "{error}");
    home.ok("devnet up pos-dev --nodes 1 --detach");
    let (exit, error) = home.fails("mine");
    assert_eq!((exit, &error["code"]), (9, &Value::from("no_work")), "{error}");
    let (exit, error) = home.fails("mine --address bobb");
    assert_eq!(exit, 2);
    assert!(error["help"].as_str().unwrap().contains("`bob`"), "{error}");
    // A node that is given by its URL asks for its token.
    let url = home.status("")["nodes"][0]["rpc"].as_str().unwrap().to_owned();
    let (exit, error) = home.fails(&format!("mine --rpc {url}"));
    assert!(exit == 9 && error["code"] != Value::Null, "{error}");
}
