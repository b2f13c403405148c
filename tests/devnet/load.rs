//! `assay bench load` and `confirm` against real nodes, at a low rate.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use assay::bench::schedule::arrivals;
use serde_json::Value;

use super::{Home, all_reach, exit_code, json, signal, text};

/// A chain of pow-dev's kind that makes a block per second, and is final at this depth. The first blocks come quicker: two
/// nodes that have not met by then must not make so many of them.
fn brief_spec(home: &Home, nodes: usize, finality_depth: u64) {
    let spec = include_str!("../../chain-specs/pow-dev.toml");
    let brief = spec
        .replace("block_time = \"2s\"", "block_time = \"1s\"")
        .replace("finality_depth = 20 ", &format!("finality_depth = {finality_depth} "))
        .replace("nodes = 4", &format!("nodes = {nodes}"));
    assert!(brief.contains("\"1s\""));
    assert!(brief.contains(&format!("= {finality_depth} ")));
    assert!(brief.contains(&format!("nodes = {nodes}\n")));
    fs::write(home.path().join("brief.toml"), brief).unwrap();
}

/// Nothing is refused, lost or doubled, and everything that was offered is in the chain.
fn all_is_well(report: &Value) {
    let offered = report["submitted"].as_u64().unwrap();
    assert!(offered > 0, "{report:#}");
    for all in ["accepted", "included"] {
        assert_eq!(report[all], offered, "{all}: {report:#}");
    }
    for none in ["refused", "unanswered", "pending", "lost", "duplicates", "conflicts"] {
        assert_eq!(report[none], 0, "{none}: {report:#}");
    }
    assert_eq!(report["partial"], false);
    assert_eq!(report["unread"].as_array().unwrap().len(), 0);
}

#[test]
fn a_load_is_counted_and_its_confirmations_are_timed() {
    let home = Home::new();
    brief_spec(&home, 1, 3);
    home.ok("devnet up brief.toml --detach");
    home.status_when("", "mined", all_reach(2));

    // A seed says how many payments there are; the payload makes each larger.
    let report = json(&home, "bench load --rate 40 --duration 3s --seed 5 --payload 100");
    all_is_well(&report);
    let due = arrivals(40.0, 3_000_000, 5).count();
    assert_eq!(report["submitted"], due);
    assert!(report["payment_bytes"].as_u64().unwrap() >= 250, "{report:#}");
    assert!(report["included_ms"].is_null() && report["accepted_ms"]["count"] == due);

    // What is on its way is bounded, and more leaves when it is final.
    let report = json(&home, "bench confirm --attach --in-flight 3 --duration 15s --accounts 2");
    all_is_well(&report);
    let offered = report["submitted"].as_u64().unwrap();
    assert!(offered > 3, "places are filled again: {report:#}");
    assert_eq!((&report["final"], &report["in_flight"]), (&offered.into(), &3.into()));

    let (code, error) = home.fails("bench load --rate 10 --duration 1s --accounts 1000");
    assert_eq!(code, 2);
    assert!(error["message"].as_str().unwrap().contains("1000 accounts"), "{error}");
    home.ok("devnet down");
}

#[test]
fn a_devnet_of_its_own_is_measured_and_gone_afterwards() {
    let home = Home::new();
    brief_spec(&home, 2, 40);
    fs::create_dir(home.path().join("here")).unwrap();
    let line = "bench confirm brief.toml --temporary here --rate 20 --duration 3s";
    let report = json(&home, &format!("{line} --confirmations 2"));
    all_is_well(&report);
    let offered = &report["submitted"];
    assert_eq!((&report["final"], &report["engine"]), (offered, &"pow".into()));
    assert_eq!(report["nodes"], 2);
    for stage in ["accepted_ms", "included_ms", "final_ms", "final_everywhere_ms"] {
        let times = &report[stage];
        assert_eq!(&times["count"], offered, "{stage}: {report:#}");
        assert!(times["p50"].as_f64() <= times["p99"].as_f64(), "{stage}: {report:#}");
    }
    // Nothing is final before it is in a block, and every node has said so.
    assert!(report["included_ms"]["p50"].as_f64() < report["final_ms"]["p50"].as_f64());
    assert_eq!(report["confirmations_ms"].as_array().unwrap().len(), 2);
    assert_eq!(report["per_node"].as_array().unwrap().len(), 2);
    for figure in ["rate_offered", "rate_final", "bytes_per_tx", "messages_per_tx"] {
        assert!(report[figure].as_f64().is_some_and(|value| value > 0.0), "{figure}: {report:#}");
    }
    assert!(report["fsync_ms"]["count"].as_u64().is_some_and(|syncs| syncs > 0));
    assert_eq!(fs::read_dir(home.path().join("here")).unwrap().count(), 0);

    // Ctrl-C while payments leave: what there is by then, marked, and nothing stays.
    let line = "bench confirm brief.toml --temporary here --rate 20 --duration 2m --json";
    let mut command = home.command(line);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(told.any(|line| line.unwrap() == "offering"), "it never came so far");
    signal("INT", child.id());
    let rest: Vec<String> = told.map(Result::unwrap).collect();
    assert!(rest.iter().any(|line| line.contains("stopping")), "{rest:?}");
    assert_eq!(exit_code(&mut child), 130);
    let printed = text(&child.wait_with_output().unwrap().stdout);
    let report: Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{printed}"));
    assert_eq!((&report["partial"], &report["lost"]), (&true.into(), &0.into()), "{report:#}");
    assert_eq!(fs::read_dir(home.path().join("here")).unwrap().count(), 0);
}
