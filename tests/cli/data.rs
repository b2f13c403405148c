//! A chain that travels: histories, files, audits, on a node that mines for a moment.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::node::Node;
use super::{Ended, Stage};

/// How long a chain may take to grow on a busy machine before a test gives up.
const PATIENCE: Duration = Duration::from_secs(180);

/// A chain whose blocks come as fast as they are found, and are final soon.
fn quick(stage: &Stage) {
    let text = stage.line("spec show pow-dev").ok().stdout;
    let line = |line: &str| match line.split(" = ").next().unwrap_or_default().trim() {
        "name" => "name = \"quick\"".to_owned(),
        "block_time" => "block_time = \"1s\"".to_owned(),
        "initial_bits" => "initial_bits = \"1f0fffff\"".to_owned(),
        "retarget" => "retarget = \"fixed\"".to_owned(),
        "finality_depth" => "finality_depth = 5".to_owned(),
        "maturity" => "maturity = 2".to_owned(),
        _ => line.to_owned(),
    };
    let keep = |text: &&str| !text.trim_start().starts_with("half_life");
    let lines: Vec<String> = text.lines().filter(keep).map(line).collect();
    stage.write("quick.toml", &lines.join("\n"));
    stage.line("spec check quick.toml").ok();
}

fn info(stage: &Stage, directory: &str) -> Value {
    stage.line(&format!("chain info --dir {directory} --json")).ok().json()
}

fn history(stage: &Stage, options: &str) -> Vec<Value> {
    let told = stage.line(&format!("wallet history --json {options}")).ok().json();
    told["histories"][0]["entries"].as_array().unwrap().clone()
}

/// Waits until the chain is so high.
fn grow(stage: &Stage, directory: &str, height: u64) {
    let deadline = Instant::now() + PATIENCE;
    while info(stage, directory)["height"].as_u64().unwrap() < height {
        assert!(Instant::now() < deadline, "height {height} never came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The amounts in a history add up to what the address owns.
fn assert_adds_up(stage: &Stage, address: &str, directory: &str) -> usize {
    let entries = history(stage, &format!("{address} --dir {directory} -n 5000"));
    let net = |entry: &Value| entry["net"].as_str().unwrap().parse::<i128>().unwrap();
    let sum: i128 = entries.iter().map(net).sum();
    let balance = stage.line(&format!("wallet balance {address} --dir {directory} --json"));
    let balance = balance.ok().json();
    let parts = ["spendable", "immature", "staking", "pending"];
    let owned = |part: &&str| balance[*part].as_str().unwrap().parse::<i128>().unwrap();
    assert_eq!(sum, parts.iter().map(owned).sum::<i128>(), "{entries:#?} {balance:#}");
    entries.len()
}

#[test]
fn a_chain_travels_in_a_file_and_is_the_same_elsewhere() {
    let stage = Stage::new();
    quick(&stage);
    let node = Node::start(&stage, "a", "--chain quick.toml --mine --throttle 20%");
    stage.line("wallet new --no-password").ok();
    let own = stage.line("wallet address --prefix assay").ok().stdout.trim().to_owned();
    stage.line("wallet faucet 25 --from bob --dir a --wait final").ok();
    let sent =
        stage.line(&format!("wallet send {own} 3.5 --no-password --dir a --wait final --json"));
    let sent = sent.ok().json();
    stage.line("wallet faucet 7 --from bob --dir a --wait included").ok();

    // Without an index a node says what to do.
    let refused = stage.line("wallet history --dir a --json");
    let error = &refused.json()["error"];
    assert_eq!((refused.exit, &error["code"]), (9, &json!("no_index")), "{refused:#?}");
    assert!(error["help"].as_str().unwrap().contains("--index"));

    // A directory that is in use is left alone; the node itself gives its chain away.
    for line in ["chain verify -d a", "chain export b.assay -d a"] {
        let refused = stage.line(&format!("{line} --json"));
        let error = &refused.json()["error"];
        assert_eq!((refused.exit, &error["code"]), (5, &json!("datadir_locked")), "{refused:#?}");
    }
    let exported = stage.line("chain export live.assay --dir a --json").ok().json();
    let again = stage.line("chain export live.assay --dir a --json");
    assert_eq!((again.exit, &again.json()["error"]["code"]), (1, &json!("file_exists")));
    let refused = stage.line("chain import live.assay -d a --json");
    assert_eq!((refused.exit, &refused.json()["error"]["code"]), (5, &json!("datadir_locked")));

    // It stops; an index is made of what it has when it starts again, and goes on from there.
    node.signal(Signal::TERM);
    node.end();
    let node = Node::start(&stage, "a", "--index");
    assert!(assert_adds_up(&stage, &own, "a") >= 3);
    let told = history(&stage, "--dir a");
    let payment = told.iter().find(|entry| entry["id"] == sent["id"]).unwrap();
    assert_eq!(payment["net"], format!("-{}", sent["fee"].as_str().unwrap()));
    assert_eq!((&payment["status"], &payment["others_count"]), (&json!("final"), &json!(0)));
    let text = stage.line("wallet history --dir a").ok().stdout;
    assert!(text.contains("to itself") && text.contains("+25 PYR"), "{text}");
    node.signal(Signal::TERM);
    node.end();
    // Off for a while, and on again: no holes.
    let node = Node::start(&stage, "a", "--mine --throttle 20%");
    let height = info(&stage, "a")["height"].as_u64().unwrap();
    stage.line("wallet faucet 1 --from erin --dir a --wait final").ok();
    grow(&stage, "a", height + 8);
    node.signal(Signal::TERM);
    node.end();
    let node = Node::start(&stage, "a", "--index --mine --throttle 20%");
    let before = assert_adds_up(&stage, &own, "a");
    stage.line("wallet faucet 2 --from erin --dir a --wait included").ok();
    assert!(assert_adds_up(&stage, &own, "a") > before);
    node.signal(Signal::TERM);
    node.end();

    // The whole chain, and what both sides say of it.
    let verified = stage.line("chain verify -d a --json").ok().json();
    let exported_whole = stage.line("chain export whole.assay --dir a --json").ok().json();
    for field in ["height", "head", "state_root", "transactions", "blocks"] {
        let there = if field == "height" { "to" } else { field };
        // A side branch is gone over too.
        let same = verified[field] == exported_whole[there];
        assert!(same || field == "blocks" || field == "transactions", "{field}: {verified:#}");
    }
    let imported = stage.line("chain import whole.assay -d b --json").ok().json();
    let elsewhere = stage.line("chain verify -d b --json").ok().json();
    for field in ["genesis", "height", "head", "state_root", "final_height"] {
        assert_eq!(imported[field], verified[field], "{field}");
        assert_eq!(elsewhere[field], verified[field], "{field}");
    }
    assert_eq!(imported["imported"], exported_whole["blocks"]);
    assert!(elsewhere["transactions"].as_u64().unwrap() >= 5);

    // Again it brings nothing new; a node goes on from there, with an index.
    let again = stage.line("chain import whole.assay -d b --json").ok().json();
    assert_eq!((&again["imported"], &again["head"]), (&json!(0), &imported["head"]));
    let node = Node::start(&stage, "b", "--index");
    assert_eq!(info(&stage, "b")["state_root"], verified["state_root"]);
    assert_adds_up(&stage, &own, "b");
    let doctor = stage.line("doctor --dir b --json").ok().json();
    let statuses: BTreeMap<&str, &str> = doctor["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| (check["name"].as_str().unwrap(), check["status"].as_str().unwrap()))
        .collect();
    for name in ["data directory", "chain spec", "token", "lock", "node", "finality"] {
        assert_eq!(statuses[name], "ok", "{doctor:#}");
    }
    assert_eq!(statuses["peers"], "warn");
    node.signal(Signal::TERM);
    node.end();
    let doctor = stage.line("doctor -d b").ok().stdout;
    assert!(doctor.contains("an index of histories below height"), "{doctor}");

    // What was written while the node ran is a part of it.
    let (live, blocks) = (exported["to"].as_u64().unwrap(), exported["blocks"].as_u64().unwrap());
    assert_eq!(live, blocks);
    let part = stage.line("chain import live.assay -d c --json").ok().json();
    assert_eq!((&part["height"], &part["state_root"]), (&exported["to"], &exported["state_root"]));
    // In parts: a gap is refused, and what comes next is taken.
    let middle = live / 2;
    stage.line(&format!("chain export one.assay -d a --to {middle}")).ok();
    stage.line(&format!("chain export two.assay -d a --from {}", middle + 1)).ok();
    let refused = stage.line("chain import two.assay -d parts --json");
    assert_eq!((refused.exit, &refused.json()["error"]["code"]), (1, &json!("archive_gap")));
    stage.line("chain import one.assay -d parts").ok();
    let parts = stage.line("chain import two.assay -d parts --json").ok().json();
    assert_eq!(parts["state_root"], verified["state_root"]);

    bad_files(&stage, &verified);
}

/// What is refused, with the height, while the directory keeps what it has.
fn bad_files(stage: &Stage, whole: &Value) {
    let bytes = std::fs::read(stage.path("whole.assay")).unwrap();
    let refuse = |bytes: &[u8], what: &str| -> Option<u64> {
        std::fs::write(stage.path("bad.assay"), bytes).unwrap();
        let _ = std::fs::remove_dir_all(stage.path("d"));
        let ended = stage.line("chain import bad.assay -d d --json");
        assert_ne!(ended.exit, 0, "{what}: {ended:#?}");
        let error = ended.json()["error"].clone();
        let message = error["message"].as_str().unwrap().to_owned();
        let code = error["code"].as_str().unwrap();
        if code == "no_archive" || message.contains("its beginning") || code == "archive_newer" {
            return None;
        }
        assert_eq!((ended.exit, code), (1, "archive_damaged"), "{what}: {message}");
        let (_, rest) =
            message.split_once("height ").unwrap_or_else(|| panic!("{what}: {message}"));
        let height: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let height: u64 = height.parse().unwrap();
        // All before it is here, and a part of the chain.
        let verified = stage.line("chain verify -d d --json").ok().json();
        assert_eq!(verified["height"], height - 1, "{what}: {message}");
        Some(height)
    };
    let half = refuse(&bytes[..bytes.len() / 2], "cut in half").unwrap();
    assert!(half > 1 && half <= whole["height"].as_u64().unwrap());
    let mut named = 0;
    for part in 1..12 {
        let at = bytes.len() * part / 12;
        let mut altered = bytes.clone();
        altered[at] ^= 0x40;
        named += u64::from(refuse(&altered, &format!("byte {at} altered")).is_some());
        refuse(&bytes[..at], &format!("cut after {at} bytes"));
    }
    assert!(named > 5, "{named}");
    // Too much at the end is told when all before it is in.
    std::fs::write(stage.path("bad.assay"), [&bytes[..], b"more"].concat()).unwrap();
    let ended = stage.line("chain import bad.assay -d longer --json");
    assert_eq!((ended.exit, &ended.json()["error"]["code"]), (1, &json!("archive_damaged")));
    let longer = stage.line("chain verify -d longer --json").ok().json();
    assert_eq!(longer["state_root"], whole["state_root"]);

    // Nothing that the directory had before is lost, and the whole file completes it.
    let height = info_of_import(stage.line("chain import one.assay -d keep --json").ok());
    let mut altered = bytes.clone();
    let last = altered.len() - 100;
    altered[last] ^= 1;
    std::fs::write(stage.path("bad.assay"), &altered).unwrap();
    let refused = stage.line("chain import bad.assay -d keep --json");
    assert_eq!(refused.exit, 1, "{refused:#?}");
    let kept = stage.line("chain verify -d keep --json").ok().json();
    assert!(kept["height"].as_u64().unwrap() >= height);
    let completed = stage.line("chain import whole.assay -d keep --json").ok().json();
    assert_eq!(completed["state_root"], whole["state_root"]);

    // Another chain: both are named.
    stage.write(
        "other.toml",
        &std::fs::read_to_string(stage.path("quick.toml")).unwrap().replace("quick", "other"),
    );
    let node = Node::start(stage, "o", "--chain other.toml");
    let theirs = info(stage, "o")["genesis"].as_str().unwrap().to_owned();
    node.signal(Signal::TERM);
    node.end();
    let refused = stage.line("chain import whole.assay -d o --json");
    let error = &refused.json()["error"];
    assert_eq!((refused.exit, &error["code"]), (4, &json!("wrong_chain")), "{refused:#?}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(&theirs) && message.contains(whole["genesis"].as_str().unwrap()));
    stage.line("chain verify -d o").ok();
}

fn info_of_import(ended: Ended) -> u64 {
    ended.json()["height"].as_u64().unwrap()
}

#[test]
fn completions_and_manuals_are_made_for_every_shell_and_command() {
    let stage = Stage::new();
    for (shell, part) in [
        ("bash", "complete -F _assay"),
        ("zsh", "#compdef assay"),
        ("fish", "complete -c assay"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let ended = stage.line(&format!("completions {shell}")).ok();
        assert!(ended.stdout.contains(part), "{shell}");
        assert!(ended.stdout.contains("history") && ended.stderr.is_empty(), "{shell}");
    }
    let refused = stage.line("completions csh");
    assert!(refused.exit == 2 && refused.stderr.contains("bash"), "{refused:#?}");

    let made = stage.line("man pages --json").ok().json();
    let pages = made["pages"].as_array().unwrap();
    for page in ["assay.1", "assay-wallet-send.1", "assay-chain-import.1", "assay-doctor.1"] {
        assert!(pages.contains(&json!(page)), "{page}: {made}");
    }
    for page in pages {
        let mut text = String::new();
        let path = stage.path("pages").join(page.as_str().unwrap());
        std::fs::File::open(path).unwrap().read_to_string(&mut text).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{page}");
    }
    assert_eq!(std::fs::read_dir(stage.path("pages")).unwrap().count(), pages.len());
}

#[test]
fn a_doctor_without_a_node_looks_at_the_machine() {
    let stage = Stage::new();
    let mut command = stage.command(&["doctor", "--json", "--rpc", "http://127.0.0.1:1"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &found["ok"]), (Some(1), &json!(false)), "{found:#}");
    let failed = |check: &&Value| check["status"] == "fail";
    let checks = found["checks"].as_array().unwrap();
    let names: Vec<&Value> = checks.iter().filter(failed).map(|check| &check["name"]).collect();
    assert_eq!(names, [&json!("node")], "{found:#}");
    // A directory that is none is told, and not made.
    let text = stage.line("doctor -d nowhere");
    assert_eq!(text.exit, 1, "{text:#?}");
    assert!(text.stdout.contains("FAIL") && !stage.path("nowhere").exists());
}
