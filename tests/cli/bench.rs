//! `assay bench` where no node is needed: comparisons in the simulator, and reports of them.

use super::Stage;

/// A comparison that takes a moment.
const QUICK: &str = "bench compare compare-raft --sim --rate 10 --duration 3s --repeat 1 --json";

#[test]
fn a_simulated_comparison_is_the_same_for_a_seed() {
    let stage = Stage::new();
    let first = stage.line(QUICK).ok();
    assert_eq!(first.stdout, stage.line(QUICK).ok().stdout);
    let other = stage.line(&format!("{QUICK} --seed 2")).ok();
    assert_ne!(first.stdout, other.stdout);
    let it = first.json();
    assert_eq!(it["where"], "sim");
    assert!(it.get("taken").is_none() && it.get("machine").is_none(), "{it}");
    assert!(it["rules"][0]["toml"].as_str().unwrap().contains("engine = \"raft\""), "{it}");
    assert_eq!(it["rules"][0]["figures"]["lost"]["value"], 0.0);
}

#[test]
fn reports_are_merged_drawn_and_not_mixed() {
    let stage = Stage::new();
    let save = |name: &str, line: &str| {
        stage.write(name, &stage.line(line).ok().stdout);
    };
    save("reports/one.json", QUICK);
    save("reports/two.json", &format!("{QUICK} --seed 2"));
    stage.write("reports/else.json", "{\"name\": 1}");
    stage.write("reports/notes.txt", "not looked at");
    let ended = stage.line("bench report reports --json --html page.html").ok();
    let it = ended.json();
    assert_eq!(it["files"], serde_json::json!(["one.json", "two.json"]));
    assert!(it["left_out"]["else.json"].is_string(), "{it}");
    assert_eq!(it["builds"].as_array().unwrap().len(), 1);
    assert_eq!(it["builds"][0]["rules"][0]["runs"].as_array().unwrap().len(), 2);
    let page = std::fs::read_to_string(stage.path("page.html")).unwrap();
    assert!(page.contains("2 runs of each"), "{page}");

    // Another build is a trend.
    let text = std::fs::read_to_string(stage.path("reports/two.json")).unwrap();
    stage.write("reports/two.json", &text.replace("\"version\":\"", "\"version\":\"9."));
    let text = stage.line("bench report reports").ok().stdout;
    assert!(text.contains("9.") && text.contains("raft"), "{text}");

    save("reports/three.json", &QUICK.replace("--rate 10", "--rate 11"));
    let ended = stage.line("bench report reports");
    assert_eq!(ended.exit, 1, "{ended:#?}");
    for part in ["the rate differs", "10 payments per second", "11 payments per second"] {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
    stage.write("none/else.json", "");
    let ended = stage.line("bench report none");
    assert!(ended.exit == 1 && ended.stderr.contains("it is empty"), "{ended:#?}");
}

#[test]
fn the_highest_rates_are_lined_up_beside_them() {
    let stage = Stage::new();
    let found = |file: &str, version: &str, nodes: u64, taken: u64| {
        let machine = serde_json::json!({"processor": "x", "processors": 2, "system": "linux"});
        let found = serde_json::json!({
            "spec": "raft-dev", "engine": "raft", "nodes": nodes, "version": version, "machine": machine,
            "taken": taken, "seconds": 10.0, "accounts": 20, "payload": 0, "seed": 1, "bound_ms": 250.0,
            "rate": 1250.0, "above": 1500.0, "limits": ["a backlog"], "partial": false, "probes": []
        });
        stage.write(file, &found.to_string());
    };
    found("reports/b.json", "0.2.0", 5, 2_000);
    found("reports/a.json", "0.1.0", 5, 1_000);
    let text = stage.line("bench report reports --html page.html").ok().stdout;
    let places = ["0.1.0", "0.2.0"].map(|version| text.find(version).unwrap());
    assert!(places[0] < places[1] && text.contains("raft-dev (raft, 5 nodes)"), "{text}");
    let page = std::fs::read_to_string(stage.path("page.html")).unwrap();
    assert!(page.contains("Highest rates") && page.contains("a backlog"), "{page}");
    let it = stage.line("bench report reports --json").ok().json();
    assert_eq!(it["rates"].as_array().unwrap().len(), 2);
    assert_eq!(it["files"], serde_json::json!(["a.json", "b.json"]));

    found("reports/c.json", "0.3.0", 7, 3_000);
    let ended = stage.line("bench report reports");
    assert!(ended.exit == 1 && ended.stderr.contains("the number of nodes differs"), "{ended:#?}");
}

#[test]
fn every_node_that_is_simulated_has_a_part_or_is_refused() {
    let stage = Stage::new();
    let it = stage.line(&format!("{QUICK} --nodes 7")).ok().json();
    assert_eq!(it["rules"][0]["nodes"], 7);
    // Nobody of these is in the shipped spec.
    let toml = it["rules"][0]["toml"].as_str().unwrap();
    assert!(["heidi", "ivan", "judy"].iter().all(|name| toml.contains(name)), "{toml}");
    let ended = stage.line("bench compare compare-pbft --sim --nodes 3");
    assert!(ended.exit == 2 && ended.stderr.contains("pbft"), "{ended:#?}");
}
