use super::super::super::checks::{self, Agreement};
use super::super::super::time::Moment;
use super::super::super::watch::Watch as _;
use super::super::run::run_events;
use super::*;

#[test]
fn every_shipped_scenario_comes_out_as_it_says() {
    for shipped in shipped() {
        let scenario = shipped.scenario();
        assert_eq!(scenario.name, shipped.name);
        assert!(!scenario.about.is_empty() && !scenario.expects.is_empty());
        let (first, last) = scenario.seeds;
        // A debug build has no time for all of them.
        let last = if cfg!(debug_assertions) { first } else { last };

        for seed in first..=last {
            let outcome = run(&scenario, seed).unwrap();
            println!("{} {seed}: {:?} {:?}", scenario.name, outcome.expect, outcome.metrics);
            assert!(outcome.is_good(), "{} {seed}: {:?}", scenario.name, outcome.violations);
        }
    }
}

#[test]
fn what_is_expected_can_fail() {
    let text = "
        [[expect]]
        metric = \"stale_rate\"
        above = 0.9
        [[expect]]
        metric = \"blocks\"
        at_least = 1
        at_most = 3
        [[expect]]
        converged = \"5s\"
        after = \"partition\"
        [[expect]]
        metric = \"confirmations\"
        at_least = 0
        [[expect]]
        metric = \"blocks\"
        at_least = 10
        [[events]]
        at = \"20s\"
        do = \"partition\"
        groups = [[0], [1]]
        [[events]]
        at = \"22s\"
        do = \"crash\"
        nodes = [0]
        [[events]]
        at = \"23s\"
        do = \"restart\"
        nodes = [0]
        ";
    let outcome = run(&read(&small(text)).unwrap(), 1).unwrap();
    let ok: Vec<bool> = outcome.expect.iter().map(|judged| judged.ok).collect();
    assert_eq!(ok, [false, false, true, false, true], "{:?}", outcome.expect);
    assert!(!outcome.is_good() && outcome.violations.is_empty());
    assert_eq!(outcome.expect[3].why.as_deref(), Some("there is nothing to measure"));
}

#[test]
fn a_cut_beyond_the_model_is_told_and_agreement_not_judged() {
    let cut = |lasts: &str| {
        let text = format!(
            "[[events]]\nat = \"10s\"\ndo = \"partition\"\ngroups = [[0], [1]]\nlasts = {lasts:?}\n"
        );
        read(&small(&text)).unwrap()
    };
    assert!(!cut("10s").is_outside() && cut("11s").is_outside());
    assert!(run(&cut("20s"), 1).unwrap().outside);
    let expects = "[[events]]\nat = \"10s\"\ndo = \"partition\"\ngroups = [[0], [1]]\n[[expect]]\ninvariant = \"agreement\"";
    let error = read(&small(expects)).unwrap_err();
    assert!(error.to_string().contains("agreement cannot be expected"), "{error}");
}

/// What is final after forty seconds may wait for ten of them, here because a clock is ahead by more than the limit.
#[test]
fn clocks_beyond_the_model_are_told_too() {
    let clocks = |nodes: &str, more: &str| {
        let text = format!(
            "name = \"clocks\"\nduration = \"60s\"\n[chain.pow]\nfuture_limit = \"15s\"\n{nodes}\n{more}"
        );
        read(&text).unwrap()
    };
    let ahead =
        |clock: &str| format!("[[nodes]]\n[[nodes]]\nname = \"other\"\nclock = {clock:?}\n");
    assert!(!clocks(&ahead("25s"), "").is_outside());
    assert!(clocks(&ahead("25001ms"), "").is_outside());
    assert!(clocks(&ahead("-26s"), "").is_outside(), "the other one is ahead");
    assert!(run(&clocks(&ahead("1h"), ""), 1).unwrap().outside);

    let event = |act: &str| format!("[[events]]\nat = \"10s\"\nnodes = [1]\n{act}\n");
    let jump = |by: &str| event(&format!("do = \"clock\"\nby = {by:?}"));
    assert!(!clocks(&ahead("20s"), &jump("5s")).is_outside());
    assert!(clocks(&ahead("20s"), &jump("6s")).is_outside());
    // Half a second in a second, for the fifty seconds that are left.
    assert!(!clocks(&ahead("0s"), &event("do = \"drift\"\nppm = 499_000")).is_outside());
    assert!(clocks(&ahead("1s"), &event("do = \"drift\"\nppm = 499_000")).is_outside());

    let observer = "[[nodes]]\n[[nodes]]\nrole = \"observer\"\nclock = \"1h\"\n";
    assert!(!clocks(observer, "").is_outside(), "it makes no blocks that would wait");
}

#[test]
fn impossible_events_are_refused_with_line_moment_and_reason() {
    for (event, why) in [
        ("do = \"restart\"\nnodes = [1]", "at 5 s restart node 1: it is running"),
        ("do = \"heal\"", "at 5 s heal: nothing is cut"),
        ("do = \"resume\"\nnodes = [0]", "at 5 s resume node 0: it is not paused"),
    ] {
        let text = small(&format!("[[events]]\nat = \"5s\"\n{event}"));
        let error = run(&read(&text).unwrap(), 3).unwrap_err();
        assert_eq!(error.to_string(), format!("test.toml:3: with seed 3, {why}"));
    }
}

#[test]
fn a_recording_is_replayed_to_the_same_digest_and_differences_are_found() {
    let scenario = read(&small("[load]\npayments_per_second = 1")).unwrap();
    let outcome = run(&scenario, 5).unwrap();
    let text = Recording::of(&scenario, &outcome).write();
    let recording = Recording::read(&text).unwrap();
    assert_eq!(recording.checkpoints.len(), 100);
    let replayed = recording.replay().unwrap();
    assert_eq!((replayed.outcome.digest, replayed.parted), (outcome.digest, None));
    // Half a minute in, somebody did something else.
    let mut other = recording.clone();
    let text_of_other = small(
        "[load]\npayments_per_second = 1\n[[events]]\nat = \"30s\"\ndo = \"crash\"\nnodes = [1]",
    );
    other.scenario = read(&text_of_other).unwrap();
    let (from, to) = other.replay().unwrap().parted.unwrap();
    let parted = Moment(30_000_000);
    assert!(from <= parted && parted <= to && to.since(from) < Micros::seconds(1), "{from} {to}");
    // What the other program says is not this one's.
    let version = concat!("\"version\":\"", env!("CARGO_PKG_VERSION"), "\"");
    let error = Recording::read(&text.replace(version, "\"version\":\"0.0.9\"")).unwrap_err();
    assert!(error.to_string().contains("of version 0.0.9, and this is version"), "{error}");
    let error = Recording::read(&text.replace("recording\":1", "recording\":7")).unwrap_err();
    assert!(error.to_string().contains("format 7"), "{error}");
    for text in ["", "{}", "nonsense", &text[..text.len() / 2]] {
        let error = Recording::read(text).unwrap_err();
        assert!(matches!(error, RecordingError::Broken { .. }), "{error}");
    }
}

#[test]
fn checkers_call_themselves_what_scenarios_call_them() {
    let scenario = read(&small("")).unwrap();
    let mut names: Vec<&str> =
        checks::always(scenario.spec()).iter().map(|watcher| watcher.name()).collect();
    names.extend([Agreement::default().name(), "store"]);
    names.sort_unstable();
    let mut known = checks::NAMES;
    known.sort_unstable();
    assert_eq!(names, known);
}

#[test]
fn a_seed_is_a_history_and_what_is_watched_changes_nothing() {
    let scenario = read(&small("[[expect]]\nconverged = \"50s\"\nafter = \"1s\"")).unwrap();
    let first = run(&scenario, 9).unwrap();
    assert_eq!(first.digest, run(&scenario, 9).unwrap().digest);
    assert_ne!(first.digest, run(&scenario, 10).unwrap().digest);
    assert_eq!(first.digest, run_events(&read(&small("")).unwrap(), 9, &[]).unwrap().digest);
}

/// What does not happen again without an event is not called enough.
#[test]
fn a_violation_that_nothing_repeats_keeps_its_events() {
    let text = "[[events]]\nat = \"5s\"\ndo = \"crash\"\nnodes = [1]\n[[events]]\nat = \"9s\"\ndo = \"restart\"\nnodes = [1]";
    let scenario = read(&small(text)).unwrap();
    let mut outcome = run(&scenario, 1).unwrap();
    outcome.violations.push(super::super::super::Violation {
        at: Moment(1),
        node: 0,
        watcher: "test",
        what: "planted".into(),
    });
    assert!(!outcome.is_good());
    assert_eq!(shrink(&scenario, &outcome), scenario.events);
}

/// Five authorities for half a minute, and more.
fn authorities(more: &str) -> Scenario {
    let text = "name = \"led\"\nduration = \"30s\"\n[chain]\nspec = \"raft-dev\"\n[links]\nlatency = \"2ms\"\n\
                [[nodes]]\ncount = 5\n";
    read(&format!("{text}{more}")).unwrap()
}

#[test]
fn whoever_leads_then_is_the_leader() {
    let crash = "[[events]]\nat = \"10s\"\ndo = \"crash\"\nnodes = [\"leader\", \"follower\"]\n";
    let restart = "[[events]]\nat = \"15s\"\ndo = \"restart\"\nnodes = [\"crashed\"]\n";
    let scenario = authorities(&format!("{crash}{restart}"));
    let outcome = run(&scenario, 2).unwrap();
    let leading = &outcome.record.leading;
    assert_eq!((leading.crashes.len(), leading.elections), (1, 2), "{leading:?}");
    let (died, recovered) = leading.crashes[0];
    assert_eq!(died, Moment(10_000_000));
    assert!(recovered.unwrap().since(died) <= Micros::seconds(2), "{leading:?}");
    assert!(outcome.violations.is_empty() && leading.leader().is_some());
    // The dead are back: whoever restarts them again is told so.
    let again = restart.replace("15s", "20s");
    let error = run(&authorities(&format!("{crash}{restart}{again}")), 2).unwrap_err();
    let why = "at 20 s restart [crashed]: nobody is what `crashed` means";
    assert!(error.to_string().contains(why), "{error}");
}

#[test]
fn where_nobody_leads_no_leader_can_be_named() {
    let at = "[[events]]\nat = \"100ms\"\n";
    for (event, why) in [
        ("do = \"crash\"\nnodes = [\"leader\"]", "at 0.1 s crash [leader]: nobody leads"),
        (
            "do = \"partition\"\ngroups = [[\"leader\"], [\"others\"]]",
            "at 0.1 s partition: nobody leads",
        ),
    ] {
        let error = run(&authorities(&format!("{at}{event}")), 3).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    let text = small(&format!("{at}do = \"pause\"\nnodes = [\"leader\"]"));
    let error = run(&read(&text).unwrap(), 1).unwrap_err();
    assert!(error.to_string().contains("nobody leads"), "proof of work has no leaders: {error}");
}

/// The leader and a follower on one side: the other three go on, and what the two say of it is not counted as a leader's.
#[test]
fn sides_are_found_when_they_part() {
    let cut = "[[events]]\nat = \"10s\"\ndo = \"partition\"\ngroups = [[\"others\"], [\"follower\", \"leader\"]]\n";
    let outcome = run(&authorities(cut), 1).unwrap();
    let leading = &outcome.record.leading;
    assert_eq!((leading.elections, leading.step_downs, leading.deposed), (2, 1, 0), "{leading:?}");
    let number = cut.replace("\"follower\", ", "").replace("\"others\"", "0, 1, 2, 3, 4");
    let error = run(&authorities(&number), 1).unwrap_err();
    assert!(error.to_string().contains("would be on two sides"), "{error}");
}

#[test]
fn those_who_make_blocks_are_the_authorities_in_order() {
    let text = "name = \"seats\"\nduration = \"20s\"\n[chain]\nspec = \"raft-3\"\n\
                [[nodes]]\nrole = \"observer\"\n[[nodes]]\ncount = 2\n\
                [[nodes]]\nrole = \"attacker\"\nattack = \"equivocate\"\n[[nodes]]\nname = \"spare\"\n";
    let scenario = read(text).unwrap();
    let options = scenario.options(1);
    let names =
        ["alice", "bob", "carol"].map(|name| DevAccount::named(name).map(|it| it.address()));
    let keys: Vec<_> =
        options.nodes.iter().map(|node| node.key.as_ref().map(Keypair::address)).collect();
    assert_eq!(keys, [None, names[0], names[1], names[2], None]);
    let outcome = run(&scenario, 1).unwrap();
    assert!(outcome.record.final_height.0 > 0, "two of three are a majority");
}

/// What a scenario foresees is no failure, but its absence is one; and implied votes hold where the classical rules do not.
#[test]
fn authorities_who_break_classical_finality_do_not_break_implied_votes() {
    for (name, classical) in [("aura-finality", "aura"), ("graphene-finality", "graphene")] {
        let text = find(name).unwrap().text;
        let scenario = read(text).unwrap();
        let seed = scenario.seeds.0;
        let broken = run(&scenario, seed).unwrap();
        assert!(broken.is_good() && broken.violations.is_empty(), "{:?}", broken.expect);
        assert!(broken.foreseen.iter().all(|violation| violation.watcher == "agreement"));
        let implied = text.replace(&format!("finality = {classical:?}"), "finality = \"majority\"");
        let held = run(&read(&implied).unwrap(), seed).unwrap();
        println!("{:?} {:?}", held.metrics, held.expect);
        assert!(held.violations.is_empty() && held.foreseen.is_empty());
        assert_eq!(held.expect[0].why.as_deref(), Some("it was never violated"));
        assert!(!held.is_good(), "it is not what this scenario is to show");
    }
}
