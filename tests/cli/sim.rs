//! `assay sim`: scenarios from files and by name, their results, and what goes wrong.

use serde_json::Value;

use super::Stage;

const SMALL: &str =
    "name = \"small\"\nduration = \"40s\"\nseeds = \"1..3\"\n[[nodes]]\ncount = 2\n";

#[test]
fn a_shipped_scenario_is_one_history_and_is_replayed() {
    let stage = Stage::new();
    let line = "sim run partition --seed 7 --json";
    let first = stage.line(&format!("{line} --trace run.rec --svg pictures")).ok().json();
    let second = stage.line(line).ok().json();
    for field in
        ["scenario", "seed", "digest", "events", "virtual_ms", "violations", "expect", "metrics"]
    {
        assert!(first.get(field).is_some(), "{field}");
        assert_eq!(first[field], second[field]);
    }
    assert!(first["expect"].as_array().unwrap().iter().all(|it| it["ok"] == true), "{first}");
    for kind in ["tree", "waterfall"] {
        let svg = stage.path(&format!("pictures/partition-7-{kind}.svg"));
        assert!(std::fs::read_to_string(svg).unwrap().starts_with("<svg"));
    }
    let replay = stage.line("sim replay run.rec --json").ok().json();
    assert_eq!((&replay["digest"], &replay["same"]), (&first["digest"], &true.into()));
    // Another version's recording is none of ours; a recording with another digest is another history.
    let text = std::fs::read_to_string(stage.path("run.rec")).unwrap();
    let version = concat!("\"version\":\"", env!("CARGO_PKG_VERSION"), "\"");
    stage.write("old.rec", &text.replace(version, "\"version\":\"0.0.1\""));
    let error = stage.line("sim replay old.rec");
    assert_eq!(error.exit, 3);
    assert!(error.stderr.contains("of version 0.0.1"), "{}", error.stderr);
    let digest = first["digest"].as_str().unwrap();
    stage.write("other.rec", &text.replace(digest, &"0".repeat(64)));
    assert_eq!(stage.line("sim replay other.rec").exit, 10);
}

#[test]
fn seeds_are_a_line_of_json_each_in_their_order() {
    let stage = Stage::new();
    stage.write("small.toml", SMALL);
    for (line, seeds) in [
        ("sim run small.toml --json", vec![1, 2, 3]),
        ("sim run small.toml --seeds 5..9 --json", vec![5, 6, 7, 8, 9]),
        ("sim run swarm --seeds 2..4 --json", vec![2, 3, 4]),
    ] {
        let stdout = stage.line(line).ok().stdout;
        let runs = stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let found: Vec<u64> = runs.map(|run| run["seed"].as_u64().unwrap()).collect();
        assert_eq!(found, seeds, "{line}");
    }
    let text = stage.line("sim run small.toml").ok().stdout;
    assert!(text.contains("3 runs, 0 of them failed") && text.contains("95 %"), "{text}");
}

#[test]
fn what_does_not_come_is_a_violation_with_the_command_that_shows_it() {
    let stage = Stage::new();
    stage.write("hope.toml", &format!("{SMALL}[[expect]]\nmetric = \"stale_rate\"\nabove = 0.9\n"));
    for line in ["sim run hope.toml --seed 2", "sim run hope.toml"] {
        let ended = stage.line(line);
        assert_eq!(ended.exit, 10, "{line}");
        for part in
            ["seed 2 fails", "expected stale_rate above 0.9", "assay sim run hope.toml --seed 2"]
        {
            assert!(ended.stderr.contains(part), "{line}: {}", ended.stderr);
        }
    }
}

#[test]
fn bad_scenarios_are_refused_with_place_reason_and_fix() {
    let stage = Stage::new();
    stage.write("key.toml", &SMALL.replace("count", "coutn"));
    stage.write(
        "event.toml",
        &format!("{SMALL}[[events]]\nat = \"5s\"\ndo = \"restart\"\nnodes = [0]\n"),
    );
    stage.write("chain.toml", &format!("{SMALL}[chain]\nspec = \"my/none.toml\"\n"));
    for (line, exit, parts) in [
        ("sim run key.toml", 3, ["the scenario has a problem", "did you mean `count`?"]),
        (
            "sim run event.toml --seed 1",
            3,
            ["event.toml:6", "at 5 s restart node 0: it is running"],
        ),
        ("sim run event.toml", 3, ["event.toml:6", "it is running"]),
        ("sim run chain.toml", 3, ["chain.spec", "there is no such file"]),
        ("sim run partiton", 3, ["did you mean `partition`?", "sim list"]),
        ("sim run none.toml", 3, ["there is no such file", "sim list"]),
        ("sim run partition --svg pictures", 2, ["`--svg` is for one run", "--seed"]),
        ("sim run swarm --seed 1 --trace x", 2, ["`--trace` is for scenarios", "leave"]),
        ("sim run partition --seeds 9..1", 2, ["ends before it begins", "1..8"]),
        ("sim replay key.toml", 3, ["line 1 is not what a recording has there", "--trace"]),
    ] {
        let ended = stage.line(line);
        assert_eq!(ended.exit, exit, "{line}: {}", ended.stderr);
        for part in parts {
            assert!(ended.stderr.contains(part), "{line}: {}", ended.stderr);
        }
    }
}

#[test]
fn parted_rules_are_a_row_each_and_not_too_many_seeds() {
    let stage = Stage::new();
    let rows = stage.line("sim run cap --seed 1 --json").ok().stdout;
    let rows: Vec<serde_json::Value> =
        rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.len() >= 8, "{rows:?}");
    for row in &rows {
        assert_eq!(row["seeds"], serde_json::json!([1, 1]), "{row}");
        assert_eq!(row["runs"].as_array().unwrap().len(), 1, "{row}");
    }
    for line in ["sim run cap --seeds 1..20000", "sim run cap --svg pictures"] {
        let ended = stage.line(line);
        assert!(ended.exit == 2 && ended.stderr.contains("cap"), "{line}: {ended:#?}");
    }
}

#[test]
fn what_is_shipped_is_listed() {
    let stage = Stage::new();
    let listed = stage.line("sim list --json").ok().json();
    let names: Vec<&str> =
        listed.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"partition") && names.contains(&"swarm"), "{names:?}");
    assert!(stage.line("sim list").ok().stdout.contains("eclipse"));
}

#[test]
fn the_classics_are_told_listed_and_continued() {
    let stage = Stage::new();
    let list = stage.line("sim classic").ok().stdout;
    assert!(
        list.contains("generals-four") && list.contains("Four generals bear one traitor"),
        "{list}"
    );
    let told = stage.line("sim classic synod-adopted").ok().stdout;
    assert!(told.contains("\n    P2 wanted blue and has to adopt red\n"), "{told}");
    stage.write("own.txt", "# Own\nclassic two-generals\nacknowledgements 1\nrun 1\n");
    let own = stage.line("sim classic own.txt --json").ok().json();
    assert_eq!(own["parts"][3]["line"]["told"][3], "B heard all that it waits for: attacks");
    let error = stage.line("sim classic generals --say fight");
    assert_eq!(error.exit, 3);
    assert!(error.stderr.contains("line 2, `fight`"), "{}", error.stderr);
    assert_eq!(stage.line("sim classic poker").exit, 2);
}
