//! What is refused: an exit code, a word for scripts, and a message that says why and what to do.

use super::*;
use crate::wallet::fake::MATURITY;

/// The surroundings of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
enum World {
    /// A node as it should be.
    Usual,
    /// A node that makes no blocks.
    Still,
    /// A node that refuses transactions.
    Refusing,
    /// A node whose chain has no development accounts.
    NotDev,
    /// No node.
    Down,
    /// Somebody may read the wallet's file.
    LooseWallet,
    /// Somebody may write into the directory of wallets.
    LooseDirectory,
    /// Somebody may read the password's file.
    LoosePassword,
    /// The wallet's file is garbage.
    Damaged,
    /// The account has a thousand small coins.
    Crumbs,
    /// The node names one chain and works on another.
    Lying,
}

use World::*;

/// A command line that is refused. `TO` stands for an address of somebody, `OWN` for one's own, `PASS` for the option
/// that names the password's file.
struct Row {
    what: &'static str,
    world: World,
    line: &'static str,
    exit: u8,
    code: &'static str,
    says: &'static [&'static str],
}

const fn row(
    what: &'static str,
    world: World,
    line: &'static str,
    exit: u8,
    code: &'static str,
    says: &'static [&'static str],
) -> Row {
    Row { what, world, line, exit, code, says }
}

const ROWS: &[Row] = &[
    // Addresses.
    row(
        "an address of another chain",
        Usual,
        "send OTHER 1 PASS",
        4,
        "wrong_chain",
        &["its prefix is `other`", "`assay`", "name a node"],
    ),
    row(
        "a typing error in an address",
        Usual,
        "send TYPO 1 PASS",
        2,
        "bad_address",
        &["typing error", "assay1"],
    ),
    row("half an address", Usual, "send assay1qqq 1 PASS", 2, "bad_address", &["assay1qqq"]),
    row(
        "a name where an address should be",
        Usual,
        "send alice 1 PASS",
        2,
        "bad_address",
        &["`alice` is not an address"],
    ),
    row("a balance of a mistyped address", Usual, "balance TYPO", 2, "bad_address", &["typing"]),
    // Amounts.
    row("no amount", Usual, "send TO EMPTY PASS", 2, "bad_amount", &["empty", "such as 1.5"]),
    row("a negative amount", Usual, "send TO -1 PASS", 2, "bad_amount", &["negative"]),
    row("an exponent", Usual, "send TO 1e9 PASS", 2, "bad_amount", &["write the number out"]),
    row("nine decimals", Usual, "send TO 1.123456789 PASS", 2, "bad_amount", &["8 decimals"]),
    row("a comma", Usual, "send TO 1,5 PASS", 2, "bad_amount", &["`1,5`", "not a number"]),
    row("another chain's money", Usual, "send TO 1.5BTC PASS", 2, "bad_amount", &["PYR"]),
    row("part of a base unit", Usual, "send TO 1.5u PASS", 2, "bad_amount", &["whole numbers"]),
    row(
        "more than any chain holds",
        Usual,
        "send TO 999999999999 PASS",
        2,
        "bad_amount",
        &["more than any chain"],
    ),
    row("nothing", Usual, "send TO 0 PASS", 2, "bad_amount", &["moves nothing"]),
    row(
        "less than a coin costs",
        Usual,
        "send TO 1u PASS",
        2,
        "dust",
        &["too little", "pay at least 0.00000122 PYR"],
    ),
    row("nothing from the faucet", Usual, "faucet 0", 2, "bad_amount", &["moves nothing"]),
    // Money.
    row(
        "more than there is",
        Usual,
        "send TO 20 PASS",
        1,
        "insufficient_funds",
        &[
            "20 and a fee of 0.00000404 make 20.00000404",
            "only 15 may be spent",
            "50 more is immature (the first from height 108)",
            "wait until height 108",
            "send at most 14.99999596 PYR",
            "assay wallet faucet",
        ],
    ),
    row(
        "more than there is, no faucet",
        NotDev,
        "send TO 20 PASS",
        1,
        "insufficient_funds",
        &["only 15 may be spent"],
    ),
    row(
        "a picked coin that is too small",
        Usual,
        "send TO 6 --coin YOUNG PASS",
        1,
        "insufficient_funds",
        &["the picked coins hold only 5", "--coin"],
    ),
    row(
        "an immature coin",
        Usual,
        "send TO 1 --coin REWARD PASS",
        1,
        "coin_not_spendable",
        &["immature until height 108", "pick another"],
    ),
    row(
        "a coin that does not exist",
        Usual,
        "send TO 1 --coin NOWHERE PASS",
        2,
        "unknown_coin",
        &["does not belong to this account", "assay wallet coins"],
    ),
    row(
        "the start of no coin",
        Usual,
        "send TO 1 --coin 00000000 PASS",
        2,
        "unknown_coin",
        &["no coin of this account starts so"],
    ),
    row(
        "no id of a coin",
        Usual,
        "send TO 1 --coin first PASS",
        2,
        "unknown_coin",
        &["64 hexadecimal digits"],
    ),
    row(
        "one coin twice",
        Usual,
        "send TO 1 --coin YOUNG --coin YOUNG PASS",
        2,
        "usage",
        &["picked twice"],
    ),
    row(
        "too many coins",
        Crumbs,
        "send TO 900 PASS",
        1,
        "too_many_coins",
        &["merge coins first", "more than 256 coins", "assay wallet send assay1"],
    ),
    row(
        "more than any faucet has",
        Usual,
        "faucet 100000",
        1,
        "insufficient_funds",
        &["no development account can pay so much", "ask for less"],
    ),
    // Keys.
    row(
        "a wrong password",
        Usual,
        "send TO 1 --password-file other",
        7,
        "wrong_password",
        &["wrong password"],
    ),
    row("a password that nobody types", Usual, "send TO 1", 7, "no_terminal", &["--password-file"]),
    row("two passwords", Usual, "send TO 1 PASS --no-password", 2, "usage", &["contradict"]),
    row(
        "a wallet that others may read",
        LooseWallet,
        "balance",
        7,
        "loose_mode",
        &["0644", "chmod 600"],
    ),
    row(
        "a directory that others may write",
        LooseDirectory,
        "balance",
        7,
        "loose_mode",
        &["0777", "chmod 700"],
    ),
    row(
        "a password that others may read",
        LoosePassword,
        "send TO 1 PASS",
        7,
        "loose_mode",
        &["0640", "chmod 600"],
    ),
    row(
        "a mistyped wallet",
        Usual,
        "balance --wallet defualt",
        7,
        "unknown_wallet",
        &["there is no wallet \"defualt\"", "did you mean `default`?"],
    ),
    row(
        "an unknown wallet",
        Usual,
        "address -w savings",
        7,
        "unknown_wallet",
        &["assay wallet new savings"],
    ),
    row("a name with a slash", Usual, "new ../mine", 2, "usage", &["cannot name a wallet"]),
    row(
        "a wallet that exists",
        Usual,
        "new PASS",
        7,
        "wallet_exists",
        &["never overwritten", "choose another name"],
    ),
    row(
        "a wallet that exists, of words",
        Usual,
        "restore --mnemonic-file words PASS",
        7,
        "wallet_exists",
        &["never overwritten"],
    ),
    row(
        "words that are none",
        Usual,
        "restore second --mnemonic-file other PASS",
        7,
        "bad_words",
        &["words"],
    ),
    row(
        "an unknown account",
        Usual,
        "address -a 7",
        7,
        "unknown_account",
        &["no account \"7\"", "--new"],
    ),
    row(
        "a label that is taken",
        Usual,
        "address --new --label main PASS",
        7,
        "label_taken",
        &["choose another label"],
    ),
    row("a label of digits", Usual, "address --new --label 7 PASS", 2, "usage", &["a letter"]),
    row("a damaged wallet", Damaged, "balance", 7, "damaged", &["restore"]),
    row(
        "words without consent",
        Usual,
        "export --secret PASS",
        2,
        "usage",
        &["--yes-show-secrets"],
    ),
    row("consent without words", Usual, "export --yes-show-secrets", 2, "usage", &["--secret"]),
    row(
        "words with a wrong password",
        Usual,
        "export --secret --yes-show-secrets --password-file other",
        7,
        "wrong_password",
        &[],
    ),
    row("a prefix that is none", Usual, "address --prefix ASSAY", 2, "usage", &["lower-case"]),
    // The node.
    row("no node, a balance", Down, "balance", 8, "unreachable", &["no node answers", "--rpc"]),
    row("no node, coins", Down, "coins", 8, "unreachable", &["no node answers"]),
    row("no node, a payment", Down, "send TO 1 PASS", 8, "unreachable", &["no node answers"]),
    row("no node, the faucet", Down, "faucet", 8, "unreachable", &["no node answers"]),
    row(
        "a node that refuses",
        Refusing,
        "send TO 1 PASS",
        9,
        "transaction_refused",
        &["the pool is full", "nothing was sent"],
    ),
    row(
        "a read that nobody can answer",
        Refusing,
        "balance --read linearizable",
        9,
        "not_current",
        &["the pool is full", "ask again"],
    ),
    row("a read that is none", Usual, "coins --read fresh", 2, "usage", &["linearizable"]),
    row(
        "a faucet that is refused",
        Refusing,
        "faucet",
        9,
        "transaction_refused",
        &["the pool is full"],
    ),
    row(
        "a node on another chain than it says",
        Lying,
        "send TO 1 PASS",
        4,
        "wrong_chain",
        &["do not trust this node"],
    ),
    row(
        "no block for too long",
        Still,
        "send TO 1 --timeout 5s PASS",
        8,
        "timed_out",
        &["is pending after 5 s, and not included yet", "assay chain tx", "do not pay again"],
    ),
    row(
        "a faucet on a chain for real",
        NotDev,
        "faucet",
        4,
        "no_dev_chain",
        &["fake-dev has no development accounts", "assay devnet up"],
    ),
    row("a faucet of nobody", Usual, "faucet --from alcie", 2, "usage", &["did you mean `alice`?"]),
    // Options.
    row("waiting for nothing", Usual, "send TO 1 --wait 0 PASS", 2, "usage", &["from 1 on"]),
    row("waiting forever", Usual, "send TO 1 --wait forever PASS", 2, "usage", &["included"]),
    row("a time without unit", Usual, "send TO 1 --timeout 10 PASS", 2, "usage", &["90s"]),
    row(
        "less than the least fee",
        Usual,
        "send TO 1 --fee-rate 0.5 PASS",
        2,
        "usage",
        &["no node takes less"],
    ),
    row("no receiver", Usual, "send", 2, "usage", &["<TO>"]),
    row("two ways to name an account", Usual, "balance --all -a 0", 2, "usage", &["--all"]),
    row(
        "a secret as an option",
        Usual,
        "send TO 1 --password hunter2",
        2,
        "usage",
        &["--password"],
    ),
];

/// The stage and the node of a row.
fn set(world: World) -> (Stage, FakeNode) {
    let stage = Stage::new();
    stage.secret("other", "not this one");
    let node = match world {
        Usual | LooseWallet | LooseDirectory | LoosePassword | Damaged => funded(),
        Still => {
            let node = FakeNode::new();
            node.fund(own(0).address(), 10, 1, CoinKind::Transfer);
            node
        }
        Refusing => funded().refusing("the pool is full"),
        NotDev => funded().with_info(|info| info.dev = false),
        Down => funded().silent(usize::MAX),
        Crumbs => {
            let (node, owner) = (FakeNode::new(), own(0).address());
            for height in 0..1_000 {
                node.fund(owner, 1, height % HEAD, CoinKind::Transfer);
            }
            node
        }
        Lying => funded().lying(),
    };
    match world {
        LooseWallet => stage.chmod("wallets/default.json", 0o644),
        LooseDirectory => stage.chmod("wallets", 0o777),
        LoosePassword => stage.chmod("pass", 0o640),
        Damaged => stage.secret("wallets/default.json", "{\"version\":1}"),
        _ => {}
    }
    (stage, node)
}

/// The words of a row, with what its capitals stand for.
fn words(line: &str, stage: &Stage, node: &FakeNode) -> Vec<String> {
    let coin = |index: usize| {
        let coins = stage.json(node, &["coins"]);
        coins["coins"][index]["id"].as_str().unwrap().to_owned()
    };
    let mut typo = shown(&stranger()).into_bytes();
    typo[12] = if typo[12] == b'q' { b'p' } else { b'q' };
    line.split(' ')
        .flat_map(|word| match word {
            "TO" => vec![shown(&stranger())],
            "OTHER" => vec![stranger().encode(&Prefix::new("other").unwrap())],
            "TYPO" => vec![String::from_utf8(typo.clone()).unwrap()],
            "EMPTY" => vec![String::new()],
            "PASS" => vec!["--password-file".to_owned(), "pass".to_owned()],
            "REWARD" => vec![coin(0)],
            "YOUNG" => vec![coin(1)],
            "NOWHERE" => vec!["7".repeat(64)],
            word => vec![word.to_owned()],
        })
        .collect()
}

#[test]
fn bad_input_is_refused_with_reason_and_advice() {
    assert_eq!(HEAD - 2 + MATURITY, 108, "the rows name this height");
    for Row { what, world, line, exit, code, says } in ROWS {
        let (stage, node) = set(*world);
        let before = fs::read(stage.path("wallets/default.json")).unwrap();
        let words = words(line, &stage, &node);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let error = match stage.run(&node, &words) {
            Err(error) => error,
            Ok(answer) => panic!("{what}: `{line}` was not refused: {}", answer.text),
        };
        let told = format!("{}\n{}", error.message(), error.advice().unwrap_or_default());
        assert_eq!((error.exit().code(), error.code()), (*exit, *code), "{what}: {told}");
        for part in *says {
            assert!(told.contains(part), "{what}: {part:?} is not in\n{told}");
        }
        let report = serde_json::to_string(&error.report()).unwrap();
        for secret in [PASSWORD, "not this one", "sausage", "hunter2"] {
            let all = format!("{report}{}", stage.notes());
            assert!(!all.contains(secret) || line.contains(secret), "{what}: a secret is told");
        }
        let after = fs::read(stage.path("wallets/default.json")).unwrap();
        assert!(before == after, "{what}: the wallet was changed");
        assert_eq!(node.owned(&stranger()), 0, "{what}: money moved");
    }
}

#[test]
fn a_real_port_that_nobody_listens_on_is_unreachable() {
    let stage = Stage::new();
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let connect = || {
        let api = Client::new(&format!("http://127.0.0.1:{port}"), None)?;
        Ok(Connected { api, explain: Box::new(CliError::from) })
    };
    let Err(error) = stage.run_at(&connect, &["balance"], &[]) else { panic!() };
    assert_eq!((error.exit(), error.code()), (Exit::Unreachable, "unreachable"));
    // What needs no node goes on without one.
    let answer = stage.run_at(&connect, &["address"], &[]).unwrap();
    assert_eq!(answer.text, shown(&own(0).address()) + "\n");
}

#[test]
fn amounts_are_refused_before_the_password_is_asked_for() {
    let stage = Stage::new();
    let node = funded();
    let to = shown(&stranger());
    for (amount, code) in [("0", "bad_amount"), ("1000", "insufficient_funds")] {
        let Err(error) = stage.run(&node, &["send", &to, amount]) else { panic!() };
        assert_eq!(error.code(), code);
    }
}
