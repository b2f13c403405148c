use std::collections::BTreeSet;

use super::*;
use crate::consensus::Seat;
use crate::types::target::Bits;
use crate::types::{Claim, Height, Kind, Seal, Span};

/// Every key, none at its default.
const FULL: &str = r#"
name = "full"
symbol = "AU"
address_prefix = "gold"
dev = true
[genesis]
time = "2026-07-29T12:34:56.789Z"
accounts = [
    { dev = "alice", amount = "1_000_000", age = "60d" },
    { dev = "judy", amount = "0.00000001" },
    { address = "ADDRESS", amount = "5u", age = "90ms" },
]
[limits]
block_bytes = "64KiB"
transactions_per_block = 77
fee_per_byte = "3u"
pool_bytes = 100_000
[issuance]
initial_reward = "12.5"
halving_interval = 9
tail_reward = "0.5"
maturity = 7
supply_cap = "2_000_000"
[consensus]
engine = "pow"
[pow]
block_time = "2s"
retarget = "asert"
half_life = "50s"
initial_bits = "1f00ffff"
limit_bits = "2000ffff"
finality_depth = 20
future_limit = "3s"
seal_window = "11s"
[devnet]
nodes = 3
miner = { threads = 2, throttle = "12.5%" }
links = { latency = "80ms", jitter = "10ms", loss = 0.02, bandwidth = "10mbit" }
"#;

fn full() -> String {
    let prefix = crate::types::Prefix::new("gold").unwrap();
    FULL.replace("ADDRESS", &crate::types::Address::default().encode(&prefix))
}

fn frozen(text: &str) -> FrozenSpec {
    FrozenSpec::parse("test.toml", text).unwrap_or_else(|error| panic!("{error}"))
}

fn shipped_spec(name: &str) -> Spec {
    Spec::parse(name, find(name).unwrap()).unwrap_or_else(|error| panic!("{error}"))
}

fn never() -> Bits {
    panic!("nothing is automatic here")
}

#[test]
fn a_spec_says_what_its_file_says() {
    let spec = Spec::parse("test.toml", &full()).unwrap();
    assert_eq!((spec.name.as_str(), spec.symbol.as_str(), spec.dev), ("full", "AU", true));
    assert_eq!(spec.prefix.as_str(), "gold");
    assert_eq!(spec.genesis_time(), GenesisTime::At(Time(1_785_328_496_789)));
    let amounts: Vec<u64> = spec.accounts.iter().map(|account| account.amount.0).collect();
    assert_eq!(amounts, [100_000_000_000_000, 1, 5]);
    let ages: Vec<u64> = spec.accounts.iter().map(|account| account.age.0).collect();
    assert_eq!(ages, [60 * 86_400_000, 0, 90]);
    assert_eq!(spec.limits.block_bytes, 65_536);
    assert_eq!(spec.limits.pool_bytes, 100_000);
    assert_eq!(spec.issuance.initial_reward.0, 1_250_000_000);
    assert_eq!((spec.devnet.nodes, spec.devnet.miner.threads), (3, 2));
    assert_eq!(spec.devnet.miner.throttle.as_f64(), 0.125);
    let pow = spec.consensus().pow().unwrap();
    assert_eq!(pow.retarget, Retargeting::Asert { half_life: Span::seconds(50) });
    assert_eq!(pow.initial_bits, InitialBits::Is(Bits(0x1f00_ffff)));
    assert!(spec.is_resolved());
}

#[test]
fn a_name_and_an_engine_make_a_chain() {
    let text = "name = \"least\"\n[consensus]\nengine = \"pow\"\n";
    let spec = Spec::parse("least.toml", text).unwrap();
    assert!(!spec.is_resolved() && !spec.dev && spec.accounts.is_empty());
    assert_eq!(spec.limits, Limits::default());
    assert_eq!(spec.issuance, Issuance::default());
    assert_eq!(spec.devnet, Devnet::default());
    let pow = spec.consensus().pow().unwrap();
    assert_eq!(pow.retarget, Retargeting::Asert { half_life: Span::seconds(300) });
    let frozen = spec.freeze(Time(1), || Bits(0x1e00_ffff));
    assert_eq!(frozen.genesis_block().header.time, Time(1));
}

#[test]
fn the_half_life_follows_the_block_time_unless_it_is_given() {
    let text = "name = \"least\"\nconsensus.engine = \"pow\"\n[pow]\nblock_time = \"1s\"\n";
    let spec = Spec::parse("least.toml", text).unwrap();
    let pow = spec.consensus().pow().unwrap();
    assert_eq!(pow.retarget, Retargeting::Asert { half_life: Span::seconds(30) });
}

#[test]
fn freezing_resolves_launch_and_auto_and_nothing_else() {
    let spec = shipped_spec("pow-dev");
    assert!(!spec.is_resolved());
    let frozen = spec.clone().freeze(Time(1_785_328_496_789), || Bits(0x1e0f_ffff));
    assert_eq!(*frozen, *spec);
    assert_eq!(frozen.genesis_time(), Time(1_785_328_496_789));
    let pow = frozen.consensus().pow().unwrap();
    assert_eq!(pow.initial_bits, Bits(0x1e0f_ffff));
    let full = Spec::parse("test.toml", &full()).unwrap();
    let kept = full.freeze(Time(5), never);
    assert_eq!(kept.genesis_time(), Time(1_785_328_496_789));
}

#[test]
fn measured_bits_stay_within_the_limit() {
    for measured in [Bits(0x2100_ffff), Bits(0x0080_0000), Bits(0)] {
        let frozen = shipped_spec("pow-dev").freeze(Time(0), || measured);
        let pow = frozen.consensus().pow().unwrap();
        assert_eq!(pow.initial_bits, pow.limit_bits, "{measured}");
    }
}

#[test]
fn a_frozen_spec_reads_back_to_itself() {
    let launched = |ms| shipped_spec("pow-dev").freeze(Time(ms), || Bits(0x1e0f_ffff));
    let late = u64::MAX;
    let agreed = shipped_spec("raft-3").freeze(Time(1_785_328_496_789), || Bits(0));
    let several = [frozen(&full()), launched(0), launched(1_785_328_496_789), launched(late)];
    for spec in several.into_iter().chain([agreed]) {
        let text = spec.to_toml();
        let again = frozen(&text);
        assert_eq!(again, spec, "{text}");
        assert_eq!(again.to_toml(), text);
        assert!(text.contains(&spec.genesis_id().to_string()));
    }
}

#[test]
fn a_written_out_spec_reads_back_to_itself() {
    for (name, _) in shipped() {
        let spec = shipped_spec(name);
        let text = spec.to_toml();
        assert_eq!(Spec::parse("again.toml", &text).unwrap(), spec, "{text}");
    }
}

#[test]
fn a_node_takes_only_what_is_resolved() {
    let refused = |text: &str| FrozenSpec::parse("test.toml", text).unwrap_err().to_string();
    let error = refused(find("pow-dev").unwrap());
    assert!(error.contains("genesis.time is not resolved"), "{error}");
    assert!(error.contains("pow.initial_bits is not resolved"), "{error}");
    assert_eq!(error.lines().count(), 2);
    let launch = full().replace("\"2026-07-29T12:34:56.789Z\"", "\"launch\"");
    let error = refused(&launch);
    assert!(error.starts_with("test.toml:7:8: `\"launch\"`: genesis.time"), "{error}");
    let auto = full().replace("\"1f00ffff\"", "\"auto\"");
    assert!(refused(&auto).contains("pow.initial_bits"));
    // What is missing stands at its default, and the default is open.
    let silent = full().replace("initial_bits = \"1f00ffff\"", "");
    assert!(refused(&silent).contains("pow.initial_bits"));
}

#[test]
fn a_mistake_comes_before_what_is_unresolved() {
    let text = find("pow-dev").unwrap().replace("finality_depth = 20", "finality_depth = 0");
    let error = FrozenSpec::parse("test.toml", &text).unwrap_err().to_string();
    assert!(error.contains("finality_depth") && error.lines().count() == 1, "{error}");
}

/// The id of a chain is for ever: a new one here makes every chain of older versions another chain. Changing it is a
/// decision, and the format number of the identity changes with it.
#[test]
fn the_genesis_id_is_pinned() {
    let spec = frozen(&full());
    assert_eq!(
        spec.genesis_id().to_string(),
        "2535a7b72665992722f1c9f93d21b6a1afa8ab5420bc16db4c3d9ed8a7932d4d"
    );
    let block = spec.genesis_block();
    assert_eq!(
        block.id(&spec.genesis_id()).to_string(),
        "2c5779afaaccd4bfc083adb59ec2f5441c7d448d70d839300fd94603104d4ca7"
    );
}

#[test]
fn the_genesis_block_follows_from_the_spec() {
    let spec = frozen(&full());
    let block = spec.genesis_block();
    assert_eq!(block.header.height, Height(0));
    assert_eq!(block.header.claim, Claim::Genesis);
    assert_eq!(block.header.claim.kind(), Kind::Genesis);
    assert_eq!(block.seal, Seal::Genesis);
    assert_eq!(block.header.time, spec.genesis_time());
    let (_, commitment) = spec.genesis_state();
    assert_eq!(block.header.state_root, commitment.root());
    let coins = spec.genesis_accounts();
    assert_eq!(coins[0].owner, dev_account("alice").unwrap().address());
    assert_eq!(coins[0].time, Time(1_785_328_496_789 - 60 * 86_400_000));
    assert_eq!(coins[1].time, Time(1_785_328_496_789));
    let params = spec.ledger_params();
    assert_eq!(params.chain, spec.genesis_id());
    assert_eq!((params.block_bytes_max, params.transactions_max), (65_536, 77));
    assert_eq!((params.fee_per_byte_min, params.maturity), (3, 7));
    assert_eq!((params.supply_max.0, spec.pool_bytes()), (200_000_000_000_000, 100_000));
}

#[test]
fn an_age_beyond_the_epoch_begins_there() {
    let frozen = shipped_spec("pow-dev").freeze(Time(0), || Bits(0x1e0f_ffff));
    assert!(frozen.genesis_accounts().iter().all(|coin| coin.time == Time(0)));
}

/// For each field: what stands in [`FULL`], and another value.
const CHANGES: [(&str, &str, &str); 35] = [
    ("name", "\"full\"", "\"fuller\""),
    ("symbol", "\"AU\"", "\"AG\""),
    ("dev", "dev = true", "dev = false"),
    ("genesis.time", "56.789Z", "56.788Z"),
    ("genesis.accounts[0]", "dev = \"alice\"", "dev = \"bob\""),
    ("genesis.accounts[0]", "\"1_000_000\"", "\"1_000_001\""),
    ("genesis.accounts[0]", "\"60d\"", "\"61d\""),
    ("genesis.accounts[1]", "dev = \"judy\"", "dev = \"ivan\""),
    ("genesis.accounts[2]", "\"5u\"", "\"6u\""),
    ("limits.block_bytes", "\"64KiB\"", "\"65KiB\""),
    ("limits.transactions_per_block", "77", "78"),
    ("limits.fee_per_byte", "\"3u\"", "\"4u\""),
    ("limits.pool_bytes", "100_000", "100_001"),
    ("issuance.initial_reward", "\"12.5\"", "\"12.6\""),
    ("issuance.halving_interval", "halving_interval = 9", "halving_interval = 10"),
    ("issuance.tail_reward", "\"0.5\"", "\"0.6\""),
    ("issuance.maturity", "maturity = 7", "maturity = 8"),
    ("issuance.supply_cap", "\"2_000_000\"", "\"2_000_001\""),
    ("pow.block_time", "block_time = \"2s\"", "block_time = \"2001ms\""),
    ("pow.retarget", "\"asert\"", "\"fixed\""),
    ("pow.half_life", "\"50s\"", "\"51s\""),
    ("pow.initial_bits", "\"1f00ffff\"", "\"1f00fffe\""),
    ("pow.limit_bits", "\"2000ffff\"", "\"2000fffe\""),
    ("pow.finality_depth", "finality_depth = 20", "finality_depth = 21"),
    ("pow.future_limit", "\"3s\"", "\"4s\""),
    ("pow.seal_window", "\"11s\"", "\"12s\""),
    ("devnet.nodes", "nodes = 3", "nodes = 4"),
    ("devnet.miner.threads", "threads = 2", "threads = 3"),
    ("devnet.miner.throttle", "\"12.5%\"", "\"12.6%\""),
    ("devnet.links.latency", "\"80ms\"", "\"81ms\""),
    ("devnet.links.jitter", "\"10ms\"", "\"11ms\""),
    ("devnet.links.loss", "0.02", "\"3%\""),
    ("devnet.links.bandwidth", "\"10mbit\"", "\"11mbit\""),
    ("address_prefix", "\"gold\"", "\"lead\""),
    ("consensus.engine", "engine = \"pow\"", "engine = \"pow\""),
];

/// Changes one field of [`full`]. A flipped `dev` flag needs accounts of which nobody knows the key.
fn changed(from: &str, to: &str) -> (FrozenSpec, FrozenSpec) {
    let mut before = full();
    assert_eq!(before.matches(from).count(), 1, "{from}");
    if from.starts_with("dev = t") {
        let plain = |line: &&str| !line.trim().starts_with("{ dev");
        before = before.lines().filter(plain).collect::<Vec<_>>().join("\n");
    }
    if from.contains("gold") {
        let plain = |line: &&str| !line.trim().starts_with("{ address");
        before = before.lines().filter(plain).collect::<Vec<_>>().join("\n");
    }
    (frozen(&before), frozen(&before.replace(from, to)))
}

#[test]
fn every_consensus_field_changes_the_genesis_id_and_no_other_does() {
    let mut seen = BTreeSet::new();
    for (field, from, to) in CHANGES {
        let (a, b) = changed(from, to);
        seen.insert(field.to_owned());
        let entries = a.entries();
        let entry = entries.iter().find(|entry| entry.path() == field);
        let consensus = entry.unwrap_or_else(|| panic!("{field}")).consensus;
        let differ = a.genesis_id() != b.genesis_id();
        assert_eq!(differ, consensus && from != to, "{field}");
    }
    let fields: BTreeSet<String> =
        frozen(&full()).entries().iter().map(|entry| entry.path()).collect();
    assert_eq!(seen, fields, "every field of a spec has its row");
}

#[test]
fn a_difference_names_its_field_and_whether_it_matters() {
    for (field, from, to) in CHANGES.iter().filter(|(_, from, to)| from != to) {
        let (a, b) = changed(from, to);
        let differences = diff::diff(&a.entries(), &b.entries());
        assert_eq!(differences[0].field, *field);
        assert_ne!(differences[0].a, differences[0].b);
        let matters = differences.iter().any(|difference| difference.consensus);
        assert_eq!(matters, a.genesis_id() != b.genesis_id(), "{field}");
    }
}

/// A key, its default, and another value for it.
type UsedKey = (&'static str, &'static str, &'static str);

/// The algorithms with the keys that each of them uses.
const RETARGETS: [(&str, &[UsedKey]); 7] = [
    ("asert", &[("half_life", "\"5m\"", "\"6m\"")]),
    ("bitcoin", &[("retarget_window", "2016", "2015"), ("clamp", "4", "3")]),
    ("lwma", &[("retarget_window", "60", "90")]),
    ("digishield", &[]),
    ("ema", &[("retarget_window", "30", "1008")]),
    ("dgw", &[("retarget_window", "24", "25")]),
    ("fixed", &[]),
];

#[test]
fn a_retarget_algorithm_is_one_line_and_its_keys_are_part_of_the_chain() {
    let least = |lines: &str| {
        frozen(&format!(
            "name = \"least\"\ngenesis.time = 5\nconsensus.engine = \"pow\"\n[pow]\n\
             initial_bits = \"1f00ffff\"\n{lines}"
        ))
    };
    let mut ids = BTreeSet::new();
    for (name, keys) in RETARGETS {
        let line = format!("retarget = \"{name}\"\n");
        let spec = least(&line);
        let pow = spec.consensus().pow().unwrap();
        assert_eq!(pow.retarget.algorithm().name(), name);
        assert!(ids.insert(spec.genesis_id()));
        let entries = spec.entries();
        for key in ["half_life", "retarget_window", "clamp"] {
            let entry = entries.iter().find(|entry| entry.key == key);
            let used = keys.iter().find(|(used, ..)| *used == key);
            assert_eq!(entry.map(|entry| &*entry.value), used.map(|(_, silent, _)| *silent));
            // What is used makes another chain; what is not may stay in the file and does nothing.
            let other = used.map_or("77", |(_, _, other)| other);
            let other = if key == "half_life" && used.is_none() { "\"77m\"" } else { other };
            let changed = least(&format!("{line}{key} = {other}\n"));
            assert_eq!(changed.genesis_id() != spec.genesis_id(), used.is_some(), "{name} {key}");
            assert_eq!(frozen(&changed.to_toml()), changed);
        }
    }
}

#[test]
fn layout_comments_and_order_do_not_change_the_genesis_id() {
    let a = frozen(&full());
    let shuffled = full().replace("[pow]\nblock_time = \"2s\"\n", "[pow]\n# slow\n");
    let shuffled =
        shuffled.replace("seal_window = \"11s\"", "seal_window=\"11s\"\nblock_time='2000ms'");
    assert_eq!(frozen(&shuffled).genesis_id(), a.genesis_id());
    let fixed = full().replace("\"asert\"", "\"fixed\"");
    let without = fixed.replace("half_life = \"50s\"\n", "");
    assert_eq!(frozen(&fixed).genesis_id(), frozen(&without).genesis_id());
}

#[test]
fn an_account_by_name_and_by_address_is_the_same_chain() {
    let judy = dev_account("judy").unwrap().address();
    let prefix = crate::types::Prefix::new("gold").unwrap();
    let named = full();
    let addressed =
        named.replace("dev = \"judy\"", &format!("address = \"{}\"", judy.encode(&prefix)));
    assert_eq!(frozen(&named).genesis_id(), frozen(&addressed).genesis_id());
}

#[test]
fn fields_that_one_spec_lacks_are_differences_too() {
    let a = Spec::parse("a.toml", &full()).unwrap();
    let fixed = full().replace("\"asert\"", "\"fixed\"");
    let b = Spec::parse("b.toml", &fixed).unwrap();
    let lines: Vec<String> = diff(&a, &b).iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["pow.retarget: \"asert\" | \"fixed\"", "pow.half_life: \"50s\" | (none)"]);
    let lines: Vec<String> = diff(&b, &a).iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["pow.retarget: \"fixed\" | \"asert\"", "pow.half_life: (none) | \"50s\""]);
    assert_eq!(diff(&a, &a), []);
}

#[test]
fn every_shipped_spec_is_a_development_chain_of_its_name() {
    for (name, _) in shipped() {
        let spec = shipped_spec(name);
        assert_eq!(spec.name, *name);
        assert!(spec.dev);
        assert!((7..=101).contains(&spec.accounts.len()));
        let frozen = spec.freeze(Time(0), || Bits(0x1e0f_ffff));
        frozen.rules();
        let payout = Some(frozen.genesis_accounts()[0].owner);
        frozen.engine(&Seat { payout, ..Seat::default() });
    }
    assert_eq!(find("pow-dve").unwrap_err().hint, "did you mean `pow-dev`?");
    let error = find("ethereum").unwrap_err().to_string();
    assert!(
        error.contains("shipped are pow-dev, pos-dev, hybrid-dev, dpos-dev, poa-dev"),
        "{error}"
    );
}

#[test]
fn every_engine_that_is_built_has_a_template_that_works() {
    for engine in ENGINES {
        let text = template(engine).unwrap();
        let spec = Spec::parse("new.toml", &text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(spec.consensus().engine(), engine);
    }
    assert!(template("pwo").unwrap_err().to_string().contains("did you mean `pow`?"));
}

#[test]
fn the_reference_has_every_key_with_its_default() {
    let reference = include_str!("../../docs/spec.md");
    for section in schema::SECTIONS {
        for key in section.keys.iter().filter(|key| !matches!(**key, "miner" | "links")) {
            assert!(reference.contains(&format!("| `{key}` |")), "[{}] {key}", section.path);
        }
    }
    let least = |engine| {
        let text = format!(
            "name = \"least\"\ndev = true\ngenesis.accounts = [{}]\n\
             [consensus]\nengine = \"{engine}\"\n",
            ["alice", "bob", "carol", "dave"]
                .map(|name| format!("{{ dev = \"{name}\", amount = \"1\" }}"))
                .join(", ")
        );
        Spec::parse("least.toml", &text).unwrap().entries()
    };
    let of_genesis = |key: &str| key == "dev" || key.starts_with("accounts[");
    for entry in ENGINES.into_iter().flat_map(least).filter(|entry| !of_genesis(&entry.key)) {
        let key = entry.key.rsplit('.').next().unwrap_or_default();
        let heading = match entry.section {
            "" => "### Top of the file".into(),
            section => format!("### [{section}]"),
        };
        let section = reference.lines().skip_while(|line| *line != heading).skip(1);
        let mut section = section.take_while(|line| !line.starts_with("### "));
        let row = section.find(|line| line.starts_with(&format!("| `{key}` |")));
        let row = row.unwrap_or_else(|| panic!("{}", entry.path()));
        let of_others = ["founders", "delegates", "votes_max", "min_delegates"].contains(&key);
        let silent = ["name", "engine", "authorities", "genesis_coins"].contains(&key) || of_others;
        assert!(silent || row.contains(&format!("`{}`", entry.value)), "{}: {row}", entry.path());
    }
    for name in ENGINES {
        assert!(reference.contains(&format!("`{name}`")), "{name}");
    }
}
