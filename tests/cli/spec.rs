//! `assay spec`: from an empty file to a frozen chain.

use super::Stage;

#[test]
fn a_new_spec_is_right_and_can_be_frozen() {
    let stage = Stage::new();
    stage.line("spec new pow -o my.toml").ok();
    let checked = stage.line("spec check my.toml --json").ok().json();
    assert_eq!(
        (&checked["engine"], &checked["frozen"]),
        (&"pow".into(), &false.into()),
        "{checked}"
    );
    assert!(checked.get("genesis").is_none(), "an open spec names no chain");

    let frozen = stage.line("spec freeze my.toml -o chain.toml --json").ok().json();
    let genesis = frozen["genesis"].as_str().unwrap().to_owned();
    assert_eq!(genesis.len(), 64);
    let again = stage.line("spec check chain.toml --json").ok().json();
    assert_eq!(
        (&again["frozen"], again["genesis"].as_str()),
        (&true.into(), Some(genesis.as_str()))
    );
    // A frozen spec stays as it is.
    let twice = stage.line("spec freeze chain.toml").ok().stdout;
    assert_eq!(twice, std::fs::read_to_string(stage.path("chain.toml")).unwrap());
}

#[test]
fn everything_of_a_spec_is_shown() {
    let stage = Stage::new();
    let text = stage.line("spec show pow-dev").ok().stdout;
    stage.write("copy.toml", &text);
    let shown = stage.line("spec show pow-dev --json").ok().json();
    let keys: Vec<&str> = shown["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["key"].as_str().unwrap())
        .collect();
    assert!(keys.contains(&"pow.block_time") && keys.contains(&"genesis.time"), "{keys:?}");
    let same = stage.line("spec diff pow-dev copy.toml --json").ok().json();
    assert_eq!(same["differences"], serde_json::json!([]));
}

#[test]
fn what_makes_two_chains_is_named() {
    let stage = Stage::new();
    stage.line("spec freeze pow-dev -o a.toml").ok();
    let text = std::fs::read_to_string(stage.path("a.toml")).unwrap();
    stage.write(
        "b.toml",
        &text
            .replace("block_time = \"2s\"", "block_time = \"3s\"")
            .replace("nodes = 4", "nodes = 5"),
    );
    stage.write("c.toml", &text.replace("nodes = 4", "nodes = 5"));

    let differ = stage.line("spec diff a.toml b.toml --json").ok().json();
    assert_eq!(differ["same_chain"], false);
    let keys: Vec<(&str, bool)> = differ["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["key"].as_str().unwrap(), d["consensus"].as_bool().unwrap()))
        .collect();
    assert_eq!(keys, [("pow.block_time", true), ("devnet.nodes", false)]);
    let shown = stage.line("spec diff a.toml b.toml").ok().stdout;
    assert!(shown.contains("two chains") && shown.contains("(local)"), "{shown}");

    assert_eq!(stage.line("spec diff a.toml c.toml --json").ok().json()["same_chain"], true);
    // Two open specs may still become one chain.
    let open = stage.line("spec diff pow-dev pow-dev --json").ok().json();
    assert!(open.get("same_chain").is_none(), "{open}");
}

#[test]
fn a_bad_spec_shows_the_line_and_the_fix() {
    let stage = Stage::new();
    stage.write("bad.toml", "name = \"x\"\n[consensus]\nengine = \"pwo\"\n");
    let ended = stage.line("spec check bad.toml");
    assert_eq!(ended.exit, 3);
    for part in ["error: the chain spec has", "bad.toml:3", "engine = \"pwo\"", "pow"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains('\u{1b}'), "colours are for terminals");
}
