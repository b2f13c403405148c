//! Nodes that record what they are fed, and recordings that are run again.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Home, all_reach, heights, nodes};

/// Runs a recording again; what `sim replay` says, and its exit code.
fn replay(home: &Home, line: &str) -> (Value, i32) {
    let output = home.run(&format!("sim replay {line} --json"));
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{line}: {error}\n{}", super::text(&output.stderr)));
    (report, output.status.code().unwrap())
}

/// A recording of which the byte at a place is another one.
fn altered(file: &Path, at: usize) -> Vec<u8> {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 0x20;
    bytes
}

#[test]
fn nodes_that_were_killed_and_parted_are_the_same_in_the_replay() {
    let home = Home::new();
    home.ok("devnet up pow-dev --nodes 3 --detach --record films");
    home.status_when("", "mined", all_reach(2));
    home.ok("devnet kill node1");
    home.ok("devnet restart node1");
    home.ok("devnet partition 0 1,2");
    let height = |status: &Value| heights(status).and_then(|all| all.into_iter().min());
    let parted = height(&home.status_when("", "came back", |status| height(status).is_some()));
    home.status_when("", "mined apart", all_reach(parted.unwrap() + 3));
    home.ok("devnet heal");
    let one_mind = |status: &Value| {
        height(status).is_some()
            && nodes(status).iter().all(|node| node["head"] == nodes(status)[0]["head"])
    };
    home.status_when("", "became of one mind", one_mind);
    home.ok("devnet down");

    for node in 0..3 {
        let (report, code) = replay(&home, &format!("films/node{node}.rec"));
        assert_eq!((code, &report["same"]), (0, &Value::Bool(true)), "{report:#}");
        let lives = report["lives"].as_array().unwrap();
        let endings: Vec<&str> =
            lives.iter().map(|life| life["ending"].as_str().unwrap()).collect();
        let expected: &[&str] = if node == 1 { &["killed", "stopped"] } else { &["stopped"] };
        assert_eq!(endings, expected, "{report:#}");
        assert!(report["blocks"].as_u64() >= Some(5), "{report:#}");
        let (inputs, compared) = (report["inputs"].as_u64(), report["compared"].as_u64());
        let uncompared = expected.len() as u64 - 1;
        assert_eq!(inputs.unwrap(), compared.unwrap() + uncompared, "{report:#}");
    }

    // One input and what came of it, and all of them in a file.
    let (report, _) = replay(&home, "films/node0.rec --until 3 --trace steps.jsonl");
    assert_eq!((&report["inputs"], &report["last"]["input"]), (&3.into(), &3.into()));
    let steps = fs::read_to_string(home.path().join("steps.jsonl")).unwrap();
    let steps: Vec<Value> = steps.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(steps.len(), 4, "the replica is opened, and fed three inputs");
    assert_eq!(steps[3], report["last"]);

    // What a crash or an accident makes of a file.
    let file = home.path().join("films/node0.rec");
    let bytes = fs::read(&file).unwrap();
    fs::write(home.path().join("cut.rec"), &bytes[..bytes.len() - 9]).unwrap();
    let (report, code) = replay(&home, "cut.rec");
    assert_eq!((code, &report["same"]), (0, &Value::Bool(true)), "{report:#}");
    assert!(report["cut_bytes"].as_u64() > Some(0), "{report:#}");
    fs::write(home.path().join("damaged.rec"), altered(&file, bytes.len() - 20)).unwrap();
    let (code, error) = home.fails("sim replay damaged.rec");
    assert_eq!((code, &error["code"]), (3, &"bad_recording".into()));
    assert!(error["message"].as_str().unwrap().contains("damaged at byte"), "{error}");
    fs::write(home.path().join("newer.rec"), altered(&file, 8)).unwrap();
    let (code, error) = home.fails("sim replay newer.rec");
    assert_eq!(code, 3);
    assert!(error["message"].as_str().unwrap().contains("has format"), "{error}");
}

#[test]
fn a_node_does_not_record_over_what_is_no_recording_of_its_chain() {
    let home = Home::new();
    let line = "node run --datadir data --port 0 --rpc-port 0 --chain pow-dev --record";
    fs::write(home.path().join("letters.txt"), "my letters").unwrap();
    let (code, error) = home.fails(&format!("{line} letters.txt"));
    assert_eq!((code, &error["code"]), (3, &"bad_recording".into()));
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("letters.txt: it is no recording"), "{message}");
    assert_eq!(fs::read_to_string(home.path().join("letters.txt")).unwrap(), "my letters");
    let (code, error) = home.fails(&format!("{line} nowhere/node.rec"));
    assert_eq!(code, 3);
    assert!(error["help"].as_str().unwrap().contains("a directory that exists"), "{error}");
    let (code, _) = home.fails("sim replay letters.txt --until 3");
    assert_eq!(code, 2, "what is for recordings of nodes is refused for others");
    let (code, error) = home.fails("sim replay letters.txt");
    assert_eq!((code, &error["code"]), (3, &"bad_recording".into()));
}
