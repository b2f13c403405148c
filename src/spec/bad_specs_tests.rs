//! Specs that are refused: one sentence, the text, where it is wrong, why, and what to do.

use super::{PROBLEMS_MAX, Spec, SpecError};
use crate::types::{Address, Prefix};

/// Three lines that every row below `below` stands on, so its text starts in line 4.
const BASE: &str = "name = \"test\"\n[consensus]\nengine = \"pow\"\n";

fn below(text: &str) -> String {
    format!("{BASE}{text}")
}

fn accounts(list: &str) -> String {
    format!(
        "name = \"test\"\ndev = true\nconsensus.engine = \"pow\"\n[genesis]\naccounts = [\n{list}\n]\n"
    )
}

struct Bad {
    sentence: &'static str,
    text: String,
    /// Line and column.
    at: &'static str,
    given: &'static str,
    reason: &'static str,
    fix: &'static str,
}

fn bad(sentence: &'static str, text: String, [at, given, reason, fix]: [&'static str; 4]) -> Bad {
    Bad { sentence, text, at, given, reason, fix }
}

fn refused(text: &str) -> SpecError {
    Spec::parse("test.toml", text).expect_err(text)
}

fn judge(row: &Bad) {
    let error = refused(&row.text);
    assert_eq!(error.problems().len(), 1, "{}: {error}", row.sentence);
    let problem = &error.problems()[0];
    let place = format!("{}:{}", problem.line, problem.column);
    assert_eq!(place, row.at, "{}: {error}", row.sentence);
    assert_eq!(problem.given, row.given, "{}: {error}", row.sentence);
    assert!(problem.reason.contains(row.reason), "{}: {}", row.sentence, problem.reason);
    assert!(problem.fix.contains(row.fix), "{}: {}", row.sentence, problem.fix);
    let line = error.to_string();
    assert!(line.starts_with(&format!("test.toml:{place}: ")), "{line}");
    assert!(line.contains(&problem.reason) && line.ends_with(&problem.fix), "{line}");
    assert!(!line.contains('\n'), "{line}");
    let report = error.render(false);
    assert!(report.contains(&format!("test.toml:{place}")), "{report}");
    for words in [&problem.reason, &problem.fix] {
        let first = words.split(' ').next().unwrap();
        assert!(report.contains(first), "{report}");
    }
}

#[test]
fn what_is_not_toml_or_no_spec_at_all() {
    for row in [
        bad(
            "a line that TOML cannot read",
            below("[pow]\nblock_time = 2s\n"),
            ["5:14", "2s", "this is not TOML", "texts stand in quotes"],
        ),
        bad(
            "a key that is given twice",
            below("[pow]\nblock_time = \"2s\"\nblock_time = \"3s\"\n"),
            ["6:1", "block_time", "duplicate key", "keep one"],
        ),
        bad(
            "an empty file",
            "consensus.engine = \"pow\"\n".into(),
            ["1:1", "", "the chain has no name", "name = \"my-chain\""],
        ),
        bad(
            "a spec without a rule",
            "name = \"test\"\n".into(),
            ["1:1", "", "no engine makes the blocks", "engine = \"pow\""],
        ),
        bad(
            "a consensus section without an engine",
            "name = \"test\"\n[consensus]\n".into(),
            ["2:2", "consensus", "no engine makes the blocks", "engine = \"pow\""],
        ),
        bad(
            "a file that is far too long",
            format!("{BASE}{}", "#\n".repeat(600_000)),
            ["1:1", "", "1200041 bytes are no chain spec", "at most 1048576 bytes"],
        ),
    ] {
        judge(&row);
    }
}

#[test]
fn keys_that_nobody_knows() {
    for row in [
        bad(
            "a misspelt key",
            below("[pow]\nblok_time = \"2s\"\n"),
            ["5:1", "blok_time", "`blok_time` is no key of [pow]", "did you mean `block_time`?"],
        ),
        bad(
            "a misspelt section",
            below("[isuance]\nmaturity = 3\n"),
            ["4:2", "isuance", "no key of the top", "did you mean `issuance`?"],
        ),
        bad(
            "a key in the wrong section",
            below("[pow]\nmaturity = 10\n"),
            ["5:1", "maturity", "no key of [pow]", "it belongs below [issuance]"],
        ),
        bad(
            "a key that is nowhere",
            below("[limits]\nuncles = 2\n"),
            ["5:1", "uncles", "no key of [limits]", "use one of: block_bytes, "],
        ),
        bad(
            "a misspelt key of an account",
            accounts("{ dev = \"bob\", amuont = \"5\", amount = \"5\" }"),
            ["6:16", "amuont", "no key of [genesis.accounts[0]]", "did you mean `amount`?"],
        ),
        bad(
            "a section where a value is due, and the other way round",
            "name = \"test\"\npow = \"fast\"\nconsensus.engine = \"pow\"\n".into(),
            ["2:1", "pow", "pow is a text where a table is due", "write [pow]"],
        ),
    ] {
        judge(&row);
    }
}

#[test]
fn rules_that_do_not_exist_are_refused() {
    for row in [
        bad(
            "an engine that is misspelt",
            "name = \"test\"\n[consensus]\nengine = \"pwo\"\n".into(),
            ["3:10", "\"pwo\"", "consensus.engine is no engine", "did you mean `pow`?"],
        ),
        bad(
            "an engine from elsewhere",
            "name = \"test\"\n[consensus]\nengine = \"avalanche\"\n".into(),
            ["3:10", "\"avalanche\"", "is no engine", "engines are pow, pos"],
        ),
        bad(
            "another rule from a height on",
            below("[[era]]\nfrom_height = 500\nengine = \"poa\"\n"),
            [
                "4:3",
                "era",
                "[[era]] changes the rule at a height, which is not built yet",
                "remove",
            ],
        ),
        bad(
            "a retarget algorithm that is misspelt",
            below("[pow]\nretarget = \"assert\"\n"),
            ["5:12", "\"assert\"", "none of the words", "did you mean \"asert\"?"],
        ),
        bad(
            "a latency without a unit",
            below("[devnet]\nlinks = { latency = 80 }\n"),
            ["5:21", "80", "is a number without a unit", "\"80s\""],
        ),
        bad(
            "a jitter over the latency",
            below("[devnet.links]\nlatency = \"5ms\"\njitter = \"6ms\"\n"),
            ["6:10", "\"6ms\"", "devnet.links.jitter is over the latency of 5ms", "5ms or less"],
        ),
        bad(
            "a link that loses everything",
            below("[devnet]\nlinks = { loss = 1.0 }\n"),
            ["5:18", "1.0", "not from nothing to just under everything", "2%"],
        ),
        bad(
            "a bandwidth in bytes",
            below("[devnet.links]\nbandwidth = \"10MB\"\n"),
            ["5:13", "\"10MB\"", "is no bandwidth", "10mbit"],
        ),
    ] {
        judge(&row);
    }
}

#[test]
fn values_of_the_wrong_type_unit_or_range() {
    for row in [
        bad(
            "no time between blocks",
            below("[pow]\nblock_time = \"0s\"\n"),
            ["5:14", "\"0s\"", "pow.block_time is too short", "\"100ms\" or more"],
        ),
        bad(
            "a length of time without a unit",
            below("[pow]\nblock_time = 2\n"),
            ["5:14", "2", "is a number without a unit", "\"2s\""],
        ),
        bad(
            "a unit that no length of time has",
            below("[pow]\nblock_time = \"2 blocks\"\n"),
            ["5:14", "\"2 blocks\"", "is not a length of time", "ms, s, m, h or d"],
        ),
        bad(
            "a length of time with a fraction",
            below("[pow]\nblock_time = \"1.5s\"\n"),
            ["5:14", "\"1.5s\"", "not a whole number of its unit", "500ms"],
        ),
        bad(
            "a length of time beyond all numbers",
            below("[pow]\nblock_time = \"99999999999999999999d\"\n"),
            ["5:14", "\"99999999999999999999d\"", "is too long", "\"1d\" or less"],
        ),
        bad(
            "a half-life within a block",
            below("[pow]\nblock_time = \"10s\"\nhalf_life = \"9s\"\n"),
            ["6:13", "\"9s\"", "is shorter than one block", "\"10s\" or more"],
        ),
        bad(
            "a retarget algorithm that nobody knows",
            below("[pow]\nretarget = \"lwna\"\n"),
            ["5:12", "\"lwna\"", "pow.retarget is none of the words", "did you mean \"lwma\"?"],
        ),
        bad(
            "a period of one block, which has no interval",
            below("[pow]\nretarget = \"bitcoin\"\nretarget_window = 1\n"),
            ["6:19", "1", "pow.retarget_window is too small", "from 2 to 100000"],
        ),
        bad(
            "a window that every block would carry in its state",
            below("[pow]\nretarget_window = 2016\nretarget = \"lwma\"\n"),
            ["5:19", "2016", "is too large", "from 2 to 500"],
        ),
        bad(
            "a window that is a length of time",
            below("[pow]\nretarget = \"ema\"\nretarget_window = \"7d\"\n"),
            ["6:19", "\"7d\"", "is a text where a whole number is due", "from 2 to 100000"],
        ),
        bad(
            "a clamp that lets nothing change",
            below("[pow]\nretarget = \"bitcoin\"\nclamp = 1\n"),
            ["6:9", "1", "pow.clamp is too small", "from 2 to 1000"],
        ),
        bad(
            "a clamp of no use, and wrong all the same",
            below("[pow]\nclamp = 1.5\n"),
            ["5:9", "1.5", "is a number with a point", "from 2 to 1000"],
        ),
        bad(
            "a block that is final before anything is built on it",
            below("[pow]\nfinality_depth = 0\n"),
            ["5:18", "0", "pow.finality_depth is too small", "from 1 to 4096"],
        ),
        bad(
            "more blocks that are not final than a node holds",
            below("[pow]\nfinality_depth = 4097\n"),
            ["5:18", "4097", "is too large", "from 1 to 4096"],
        ),
        bad(
            "a seal window shorter than two drafts live",
            below("[pow]\nseal_window = \"5s\"\n"),
            ["5:15", "\"5s\"", "is too short", "\"10s\" or more"],
        ),
        bad(
            "a first target that is easier than the easiest",
            below("[pow]\ninitial_bits = \"207fffff\"\nlimit_bits = \"1d00ffff\"\n"),
            [
                "5:16",
                "\"207fffff\"",
                "is easier than pow.limit_bits, which is 1d00ffff",
                "\"auto\"",
            ],
        ),
        bad(
            "a target that no hash can meet",
            below("[pow]\ninitial_bits = \"00000000\"\n"),
            ["5:16", "\"00000000\"", "encode zero", "or \"auto\""],
        ),
        bad(
            "bits that are not hexadecimal",
            below("[pow]\nlimit_bits = \"easy\"\n"),
            ["5:14", "\"easy\"", "not a target in compact form", "eight hexadecimal digits"],
        ),
        bad(
            "bits without quotes",
            below("[pow]\nlimit_bits = 0x207fffff\n"),
            ["5:14", "0x207fffff", "is a whole number where a text is due", "in quotes"],
        ),
        bad(
            "an amount without quotes",
            below("[issuance]\ninitial_reward = 50\n"),
            ["5:18", "50", "is a number where an amount is due", "\"50\" for coins, \"50u\""],
        ),
        bad(
            "an amount of another chain's money",
            below("[issuance]\ninitial_reward = \"50 BTC\"\n"),
            ["5:18", "\"50 BTC\"", "is not an amount", "coins such as \"1.5\""],
        ),
        bad(
            "a reward that falls from less to more",
            below("[issuance]\ninitial_reward = \"1\"\ntail_reward = \"2\"\n"),
            ["6:15", "\"2\"", "is more than issuance.initial_reward, which is 1", "no more than"],
        ),
        bad(
            "a reward beyond all money",
            below("[issuance]\ninitial_reward = \"100\"\nsupply_cap = \"99\"\n"),
            ["5:18", "\"100\"", "is more than issuance.supply_cap, which is 99", "greater cap"],
        ),
        bad(
            "more money than tools can count",
            below("[issuance]\nsupply_cap = \"100_000_000\"\n"),
            ["5:14", "\"100_000_000\"", "2^53", "90071992.54740991"],
        ),
        bad(
            "rewards that halve all the time",
            below("[issuance]\nhalving_interval = 0\n"),
            ["5:20", "0", "is too small", "from 1 to"],
        ),
        bad(
            "a negative maturity",
            below("[issuance]\nmaturity = -1\n"),
            ["5:12", "-1", "is negative", "from 0 to"],
        ),
        bad(
            "blocks too small for one transaction",
            below("[limits]\nblock_bytes = 1024\n"),
            ["5:15", "1024", "is too small", "\"4KiB\" to \"4MiB\""],
        ),
        bad(
            "blocks larger than a message",
            below("[limits]\nblock_bytes = \"8MiB\"\n"),
            ["5:15", "\"8MiB\"", "is too large", "\"4KiB\" to \"4MiB\""],
        ),
        bad(
            "bytes in a unit that is not read",
            below("[limits]\npool_bytes = \"32 MB\"\n"),
            ["5:14", "\"32 MB\"", "is not a number of bytes", "MiB"],
        ),
        bad(
            "more transactions than a block may ever hold",
            below("[limits]\ntransactions_per_block = 65537\n"),
            ["5:26", "65537", "is too large", "from 1 to 65536"],
        ),
        bad(
            "a fee that costs more than a coin",
            below("[limits]\nfee_per_byte = \"1\"\n"),
            ["5:16", "\"1\"", "more than a transaction can pay", "\"1u\" is one base unit"],
        ),
        bad(
            "a devnet without nodes",
            below("[devnet]\nnodes = 0\n"),
            ["5:9", "0", "is too small", "from 1 to 128"],
        ),
        bad(
            "a throttle that is no percentage",
            below("[devnet]\nminer = { throttle = \"a tenth\" }\n"),
            ["5:22", "\"a tenth\"", "devnet.miner.throttle is not a percentage", "\"0.1%\""],
        ),
        bad(
            "a throttle of more than everything",
            below("[devnet]\nminer = { throttle = \"200%\" }\n"),
            ["5:22", "\"200%\"", "is out of range", "\"100%\""],
        ),
        bad(
            "a flag in quotes",
            "name = \"test\"\ndev = \"yes\"\nconsensus.engine = \"pow\"\n".into(),
            ["2:7", "\"yes\"", "dev is a text where true or false is due", "without quotes"],
        ),
    ] {
        judge(&row);
    }
}

#[test]
fn names_prefixes_and_times() {
    for row in [
        bad(
            "a name that is a path",
            "name = \"../up\"\nconsensus.engine = \"pow\"\n".into(),
            ["1:8", "\"../up\"", "name is not a name", "lower-case letters"],
        ),
        bad(
            "a symbol in small letters",
            "name = \"test\"\nsymbol = \"pyr\"\nconsensus.engine = \"pow\"\n".into(),
            ["2:10", "\"pyr\"", "symbol is not a symbol", "capital letters"],
        ),
        bad(
            "a prefix with a dash",
            "name = \"test\"\naddress_prefix = \"a-b\"\nconsensus.engine = \"pow\"\n".into(),
            ["2:18", "\"a-b\"", "is not a prefix", "\"assay\""],
        ),
        bad(
            "a start at a word that is not launch",
            below("[genesis]\ntime = \"now\"\n"),
            ["5:8", "\"now\"", "genesis.time is not a moment", "or \"launch\""],
        ),
        bad(
            "a start that does not say where",
            below("[genesis]\ntime = 2026-07-29T12:00:00\n"),
            ["5:8", "2026-07-29T12:00:00", "needs an offset", "or \"launch\""],
        ),
        bad(
            "a start before the epoch",
            below("[genesis]\ntime = \"1969-07-20T20:17:40Z\"\n"),
            ["5:8", "\"1969-07-20T20:17:40Z\"", "lies before 1970", "or \"launch\""],
        ),
        bad(
            "a start at a negative number",
            below("[genesis]\ntime = -1\n"),
            ["5:8", "-1", "is negative", "milliseconds since 1970"],
        ),
    ] {
        judge(&row);
    }
}

#[test]
fn accounts_that_cannot_be() {
    let other = Address::default().encode(&Prefix::new("other").unwrap());
    let line = |text: &str| accounts(&format!("{text},"));
    for row in [
        bad(
            "two accounts with one address",
            accounts("{ dev = \"bob\", amount = \"1\" },\n{ dev = \"eve\", amount = \"1\" },")
                .replace("eve", "bob"),
            ["7:9", "\"bob\"", "has the same address as genesis.accounts[0]", "once"],
        ),
        bad(
            "an account that holds nothing",
            line("{ dev = \"bob\", amount = \"0\" }"),
            ["6:25", "\"0\"", "genesis.accounts[0].amount is nothing", "remove the account"],
        ),
        bad(
            "an account without an amount",
            line("{ dev = \"bob\" }"),
            ["6:1", "{ dev = \"bob\" }", "genesis.accounts[0].amount is missing", "amount = "],
        ),
        bad(
            "an account of nobody",
            line("{ amount = \"1\" }"),
            ["6:1", "{ amount = \"1\" }", "genesis.accounts[0] has no owner", "either dev"],
        ),
        bad(
            "a development account that does not exist",
            line("{ dev = \"alise\", amount = \"1\" }"),
            ["6:9", "\"alise\"", "is no development account", "did you mean \"alice\"?"],
        ),
        bad(
            "an age of the wrong type",
            line("{ dev = \"bob\", amount = \"1\", age = 60 }"),
            ["6:36", "60", "genesis.accounts[0].age is a number without a unit", "\"60s\""],
        ),
        bad(
            "accounts that hold more than the cap",
            accounts(
                "{ dev = \"bob\", amount = \"60_000_000\" },\n{ dev = \"ivan\", amount = \"60_000_000\" }",
            ),
            [
                "5:12",
                "[…",
                "hold 120000000 in all, more than issuance.supply_cap",
                "smaller amounts",
            ],
        ),
        bad(
            "accounts that are no list",
            below("[genesis]\naccounts = \"alice\"\n"),
            ["5:12", "\"alice\"", "is a text where a list is due", "accounts = ["],
        ),
        bad(
            "an account that is no table",
            line("\"alice\""),
            ["6:1", "\"alice\"", "genesis.accounts[0] is not a table", "{ dev = "],
        ),
        bad(
            "a development account on a chain that is no development chain",
            below("[genesis]\naccounts = [{ dev = \"bob\", amount = \"1\" }]\n"),
            ["5:21", "\"bob\"", "its key is public", "dev = true"],
        ),
    ] {
        judge(&row);
    }
    let address = |address: &str| line(&format!("{{ address = \"{address}\", amount = \"1\" }}"));
    let error = refused(&address(&other)).to_string();
    assert!(error.starts_with("test.toml:6:13: "), "{error}");
    assert!(error.contains("its prefix is `other`, this chain's is `assay`"), "{error}");
    let error = refused(&address("assay1qqqq")).to_string();
    assert!(error.contains("check it for a typing error"), "{error}");
    let both = line("{ dev = \"bob\", address = \"ADDRESS\", amount = \"1\" }");
    let bob = super::dev_account("bob").unwrap().address().encode(&Prefix::new("assay").unwrap());
    let error = refused(&both.replace("ADDRESS", &bob)).to_string();
    assert!(error.contains("genesis.accounts[0] has both dev and address"), "{error}");
    let plain = address(&bob).replace("dev = true", "dev = false");
    let error = refused(&plain).to_string();
    assert!(error.contains("its key is public"), "{error}");
    let twins =
        format!("{{ dev = \"bob\", amount = \"1\" }}, {{ address = \"{bob}\", amount = \"1\" }}");
    let error = refused(&accounts(&twins)).to_string();
    assert!(error.contains("genesis.accounts[1].address has the same address"), "{error}");
}

#[test]
fn authorities_and_waits_that_cannot_work() {
    let raft = |lines: &str| {
        accounts("{ dev = \"bob\", amount = \"1\" }")
            .replace("engine = \"pow\"", "engine = \"raft\"")
            + lines
    };
    let said = |lines: &str| refused(&raft(lines)).to_string();
    for (lines, words) in [
        ("[raft]\nauthorities = \"bob\"\n", "raft.authorities is a text where a list is due"),
        ("[raft]\nauthorities = []\n", "names nobody"),
        ("[raft]\nauthorities = [7]\n", "holds a whole number where a name is due"),
        ("[raft]\nauthorities = [\"bob\", \"bob\"]\n", "names bob twice"),
        ("[raft]\nauthorities = [\"mallory\"]\n", "is no development account and no address"),
        ("[raft]\nblock_time_min = \"2h\"\n", "raft.block_time_min"),
        ("[raft]\nempty_block_after = \"sometimes\"\n", "or \"never\""),
        (
            "[raft]\nblock_time_min = \"1s\"\nempty_block_after = \"20ms\"\n",
            "is less than block_time_min",
        ),
        (
            "[raft]\nelection_timeout = \"100ms\"\nheartbeat = \"60ms\"\n",
            "is more than half of raft.election_timeout",
        ),
        (
            "[paxos]\nlease = \"100ms\"\nheartbeat = \"60ms\"\n",
            "is more than half of paxos.lease, which is 100ms",
        ),
        (
            "[paxos]\nelection_timeout = \"1s\"\n",
            "`election_timeout` is no key of [paxos]; it belongs below [raft]",
        ),
    ] {
        let said = said(lines);
        assert!(said.contains(words), "{lines}: {said}");
    }
    let nobody = refused("name = \"test\"\n[consensus]\nengine = \"raft\"\n").to_string();
    assert!(nobody.contains("nobody makes the blocks of this chain"), "{nobody}");
    let public = raft("[raft]\nauthorities = [\"bob\"]\n").replace("dev = true", "dev = false");
    assert!(refused(&public).to_string().contains("whose key is public"));
}

/// Castro and Liskov 1999, 2: n > 3 f, so one that lies takes four.
#[test]
fn too_few_to_bear_one_that_lies() {
    let pbft = |count: usize, lines: &str| {
        let names = &["\"alice\"", "\"bob\"", "\"carol\"", "\"dave\""][..count];
        accounts("{ dev = \"bob\", amount = \"1\" }")
            .replace("engine = \"pow\"", "engine = \"pbft\"")
            + &format!("[pbft]\nauthorities = [{}]\n{lines}", names.join(", "))
    };
    let one = refused(&pbft(1, "")).to_string();
    assert!(one.contains("pbft has 1 authority: with fewer than 4"), "{one}");
    let three = refused(&pbft(3, "")).to_string();
    assert!(three.contains("pbft has 3 authorities"), "{three}");
    assert!(three.contains("allow_unsafe = true below [pbft]"), "{three}");
    for (count, lines) in [(3, "allow_unsafe = true\n"), (4, "")] {
        Spec::parse("test.toml", &pbft(count, lines)).unwrap();
    }
    let silly = refused(&pbft(4, "view_timeout = \"1ms\"\nallow_unsafe = 1\n")).to_string();
    assert!(silly.contains("pbft.view_timeout") && silly.contains("pbft.allow_unsafe"), "{silly}");
}

#[test]
fn a_list_of_too_many_accounts_is_refused() {
    let list = "{ dev = \"bob\", amount = \"1\" },\n".repeat(1025);
    let error = refused(&accounts(&list)).to_string();
    assert!(error.contains("1025 accounts are too many"), "{error}");
}

#[test]
fn all_mistakes_are_named_at_once_in_the_order_of_the_file() {
    let text = "name = \"test\"\n[pow]\nblok_time = \"2s\"\nfinality_depth = 0\n\
                [consensus]\nengine = \"quorum\"\n[limits]\nblock_bytes = 1\n";
    let error = refused(text);
    let lines: Vec<usize> = error.problems().iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [3, 4, 6, 8], "{error}");
    assert_eq!(error.to_string().lines().count(), 4);
    let report = error.render(false);
    for line in ["3:1", "4:18", "6:10", "8:15"] {
        assert!(report.contains(&format!("test.toml:{line}")), "{report}");
    }
}

#[test]
fn no_error_lists_more_than_its_share() {
    let keys: String = (0..50).map(|n| format!("unheard_of_{n} = 1\n")).collect();
    let error = refused(&format!("{keys}{BASE}"));
    assert_eq!(error.problems().len(), PROBLEMS_MAX);
    assert_eq!(error.unreported(), 30);
    assert!(error.to_string().ends_with("… and 30 more"));
    assert!(error.render(false).ends_with("… and 30 more\n"));
}

#[test]
fn hostile_texts_are_errors_and_nothing_else() {
    let deep = format!("{BASE}x = {}", "[".repeat(100_000));
    let dotted = format!("{BASE}{}x = 1", "a.".repeat(10_000));
    let numbers = below(&format!("[pow]\nfinality_depth = {}\n", "9".repeat(5000)));
    for text in [
        &deep,
        &dotted,
        &numbers,
        "\u{0}",
        "\u{feff}",
        "name = \"\\u0000\"",
        "é = \"é",
        "[[[",
        "=",
        "'",
    ] {
        let error = refused(text);
        assert!(error.render(false).len() < 1 << 20, "{error}");
        assert!(error.to_string().lines().all(|line| line.len() < 1000), "{error}");
    }
}

/// The one report that is pinned as people see it.
#[test]
fn a_report_quotes_the_line() {
    let report = refused(&below("[pow]\nblok_time = \"2s\"   # too fast?\n")).render(false);
    let expected = "  × `blok_time` is no key of [pow]\n   \
        ╭─[test.toml:5:1]\n 4 │ [pow]\n 5 │ blok_time = \"2s\"   # too fast?\n   \
        · ────┬────\n   ·     ╰── here\n   ╰────\n  help: did you mean `block_time`?\n";
    assert_eq!(report, expected, "\n{report}");
}
