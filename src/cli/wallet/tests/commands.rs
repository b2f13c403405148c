//! What commands do and print when all is well.

use serde_json::json;

use super::*;

const COIN: u64 = crate::types::COIN;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_new_wallet_shows_its_words_once_and_beside_the_result() {
    let stage = Stage::empty();
    let node = FakeNode::new();
    let answer = stage.run(&node, &["new", "--password-file", "pass"]).unwrap();
    let notes = stage.notes();
    let words: Vec<&str> = notes
        .split_whitespace()
        .skip_while(|word| *word != "1")
        .filter(|word| word.parse::<u8>().is_err())
        .collect();
    assert_eq!(words.len(), 24, "{notes}");
    let phrase = words.join(" ");
    assert!(!answer.text.contains(&phrase) && answer.text.contains("assay1"), "{}", answer.text);

    // The words alone bring the wallet back.
    stage.secret("other", &phrase);
    let line = ["restore", "again", "--mnemonic-file", "other", "--no-password"];
    stage.run(&node, &line).unwrap();
    let address = |wallet: &str| stage.run(&node, &["address", "-w", wallet]).unwrap().text;
    assert_eq!(address("default"), address("again"));
}

#[test]
fn with_json_the_words_are_in_the_json_alone() {
    let stage = Stage::empty();
    let made = stage.json(&FakeNode::new(), &["new", "mine", "--no-password", "--label", "till"]);
    assert_eq!(made["mnemonic"].as_str().unwrap().split(' ').count(), 24);
    assert_eq!(made["wallet"], "mine");
    assert_eq!(made["accounts"][0]["label"], "till");
    assert_eq!(stage.notes(), "");
}

#[test]
fn words_and_passwords_are_asked_for() {
    let stage = Stage::empty();
    let answers = ["secret", "secret", WORDS];
    stage.run_typing(&FakeNode::new(), &["restore"], &answers).unwrap();
    let line = ["export", "--secret", "--yes-show-secrets"];
    let exported = stage.run_typing(&FakeNode::new(), &line, &["secret"]).unwrap().json;
    assert_eq!(exported["mnemonic"], WORDS);
}

#[test]
fn a_passphrase_makes_another_wallet_of_the_same_words() {
    let stage = Stage::new();
    let line = ["restore", "deep", "--passphrase", "--mnemonic-file", "words", "--no-password"];
    stage.run_typing(&FakeNode::new(), &line, &["more"]).unwrap();
    let listed = stage.json(&FakeNode::new(), &["list"]);
    let address = |wallet: usize| listed["wallets"][wallet]["accounts"][0]["address"].clone();
    assert_ne!(address(0), address(1));
    let line = ["export", "-w", "deep", "--secret", "--yes-show-secrets", "--no-password"];
    assert_eq!(stage.json(&FakeNode::new(), &line)["passphrase"], "more");
}

#[test]
fn public_development_words_are_warned_of() {
    let stage = Stage::empty();
    stage.secret("other", crate::spec::DEV_MNEMONIC);
    let line = ["restore", "--mnemonic-file", "other", "--no-password"];
    stage.run(&FakeNode::new(), &line).unwrap();
    assert!(stage.notes().contains("development keys are public"));
}

#[test]
fn wallets_are_listed_with_their_accounts() {
    let stage = Stage::new();
    let listed = stage.json(&FakeNode::new(), &["list"]);
    let accounts = listed["wallets"][0]["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 2);
    assert_eq!(keys(&accounts[0]), ["address", "index", "label", "public_key"]);
    assert_eq!(accounts[1]["address"], shown(&own(1).address()));
    let text = stage.run(&FakeNode::new(), &["list"]).unwrap().text;
    assert!(text.contains("account 1"), "{text}");
    let none = Stage::empty();
    assert_eq!(none.run(&FakeNode::new(), &["list"]).unwrap().text, "");
    assert!(none.notes().contains("assay wallet new"));
}

#[test]
fn one_damaged_wallet_hides_none_of_the_others() {
    let stage = Stage::new();
    stage.secret("wallets/broken.json", "{}");
    let answer = stage.run(&FakeNode::new(), &["list"]).unwrap();
    assert_eq!(answer.exit, Exit::Keystore);
    assert_eq!(answer.json["wallets"].as_array().unwrap().len(), 1);
    assert_eq!(answer.json["unreadable"][0]["wallet"], "broken");
    assert!(stage.notes().contains("broken.json"));
}

#[test]
fn addresses_are_printed_alone_and_made_anew() {
    let stage = Stage::new();
    let node = FakeNode::new();
    assert_eq!(stage.run(&node, &["address"]).unwrap().text, shown(&own(0).address()) + "\n");
    let second = stage.run(&node, &["address", "--account", "account 1"]).unwrap();
    assert_eq!(second.text, shown(&own(1).address()) + "\n");
    let line = ["address", "--new", "--label", "rent", "--password-file", "pass"];
    let made = stage.json(&node, &line);
    assert_eq!((&made["index"], &made["label"]), (&json!(2), &json!("rent")));
    assert_eq!(made["address"], shown(&own(2).address()));
    assert_eq!(stage.json(&node, &["address", "-a", "rent"])["index"], 2);
}

#[test]
fn the_prefix_is_that_of_the_chain_or_the_one_that_is_given_or_the_usual_one() {
    let stage = Stage::new();
    let node = FakeNode::new().with_info(|info| info.address_prefix = "tst".into());
    assert!(stage.run(&node, &["address"]).unwrap().text.starts_with("tst1"));
    let line = ["address", "--prefix", "own"];
    assert!(stage.run(&node.silent(1), &line).unwrap().text.starts_with("own1"));
    assert_eq!(stage.notes(), "");
    let silent = FakeNode::new().silent(1);
    assert!(stage.run(&silent, &["address"]).unwrap().text.starts_with("assay1"));
    let notes = stage.notes();
    assert!(notes.contains("`assay`") && notes.contains("--prefix"), "{notes}");
}

#[test]
fn a_balance_has_the_stable_shape() {
    let stage = Stage::new();
    let node = funded();
    let balance = stage.json(&node, &["balance"]);
    let expected = json!({
        "address": shown(&own(0).address()),
        "spendable": (15 * COIN).to_string(),
        "immature": (50 * COIN).to_string(),
        "staking": "0",
        "bonded": "0",
        "pending": "0",
        "coins": 3,
        "height": HEAD,
    });
    assert_eq!(balance, expected);
    let text = stage.run(&node, &["balance"]).unwrap().text;
    assert!(text.contains("spendable  15 PYR") && text.contains("immature   50 PYR"), "{text}");
    let other = stage.json(&node, &["balance", &shown(&own(1).address())]);
    assert_eq!(other["spendable"], (3 * COIN).to_string());
}

#[test]
fn the_balances_of_all_accounts_add_up() {
    let stage = Stage::new();
    let all = stage.json(&funded(), &["balance", "--all"]);
    assert_eq!(all["accounts"].as_array().unwrap().len(), 2);
    assert_eq!(all["total"]["spendable"], (18 * COIN).to_string());
    assert_eq!(all["total"]["coins"], 4);
    let text = stage.run(&funded(), &["balance", "--all"]).unwrap().text;
    assert!(text.lines().last().unwrap().contains("18"), "{text}");
}

#[test]
fn coins_are_listed_the_youngest_first_with_what_may_be_done_with_them() {
    let stage = Stage::new();
    let node = funded();
    let text = stage.run(&node, &["coins"]).unwrap().text;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[1].contains("50 PYR") && lines[1].contains("from height 108 (in 8 blocks)"));
    assert!(lines[2].contains("5 PYR") && lines[2].contains("10 s") && lines[2].ends_with("now"));
    let listed = stage.json(&node, &["coins", "--all"]);
    assert_eq!(listed["coins"].as_array().unwrap().len(), 4);
    assert_eq!(listed["height"], HEAD);
    assert_eq!(listed["coins"][1]["amount"], (3 * COIN).to_string());
}

#[test]
fn a_history_tells_what_came_and_went_and_what_is_still_to_come() {
    let stage = Stage::new();
    let node = funded();
    let to = shown(&stranger());
    stage.json(&node, &["send", &to, "1.5", "--password-file", "pass"]);
    stage.json(&node, &["faucet", "7"]);
    stage.json(&node, &["send", &to, "2", "--wait", "accepted", "--password-file", "pass"]);
    stage.notes();
    let told = stage.json(&node, &["history"]);
    let history = &told["histories"][0];
    assert!(history["height"].as_u64().unwrap() >= HEAD + 2 && history["more"] == json!(false));
    let entries = history["entries"].as_array().unwrap();
    let statuses: Vec<_> = entries.iter().map(|entry| entry["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["pending", "included", "included"]);
    assert_eq!(entries[1]["net"], (7 * COIN).to_string());
    let fee: u64 = entries[2]["fee"].as_str().unwrap().parse().unwrap();
    assert_eq!(entries[2]["net"], format!("-{}", 3 * COIN / 2 + fee));
    assert_eq!(entries[2]["others"], json!([to]));
    let text = stage.run(&node, &["history", "--all"]).unwrap().text;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[1].contains("sent") && lines[1].contains("pending") && lines[1].contains("-2.0"));
    assert!(lines[2].contains("received") && lines[2].contains("+7 PYR"), "{text}");
    // In pages of one, and no more than wanted.
    let paged = node.with_page(1);
    assert_eq!(stage.json(&paged, &["history"]), told);
    stage.notes();
    let latest = stage.json(&paged, &["history", "-n", "2"]);
    assert_eq!(latest["histories"][0]["entries"].as_array().unwrap().len(), 2);
    assert!(stage.notes().contains("--limit 20"));
    let nobody = stage.json(&paged, &["history", &shown(&own(7).address())]);
    assert_eq!(nobody["histories"][0]["entries"], json!([]));
    // A node without an index says what to do.
    paged.set_refusal(Some("this node keeps no index"));
    let error = stage.run(&paged, &["history"]).err().unwrap();
    assert_eq!((error.exit(), error.code()), (Exit::Refused, "no_index"));
    assert!(error.advice().is_some_and(|advice| advice.contains("--index")));
}

#[test]
fn a_payment_is_reported_in_the_stable_shape() {
    let stage = Stage::new();
    let node = funded();
    let to = shown(&stranger());
    let sent = stage.json(&node, &["send", &to, "1.5", "--password-file", "pass"]);
    assert_eq!(sent["status"], "included");
    assert_eq!((&sent["height"], &sent["confirmations"]), (&json!(HEAD + 1), &json!(1)));
    assert_eq!(keys(&sent["latency_ms"]), ["accepted", "included"]);
    assert_eq!(sent["amount"], (3 * COIN / 2).to_string());
    assert_eq!(node.owned(&stranger()), 3 * COIN / 2);
    let notes = stage.notes();
    assert!(notes.contains("on fake-dev (genesis abababababab…)"), "{notes}");
    assert!(notes.contains(sent["id"].as_str().unwrap()), "{notes}");
    // The young coin of 5 paid; the old one of 10 is still whole.
    let coins = stage.json(&node, &["coins"]);
    let amounts: Vec<&str> =
        coins["coins"].as_array().unwrap().iter().map(|c| c["amount"].as_str().unwrap()).collect();
    assert!(amounts.contains(&(10 * COIN).to_string().as_str()), "{amounts:?}");
}

#[test]
fn a_final_payment_says_how_that_is_known() {
    let stage = Stage::new();
    let node = funded();
    let to = shown(&stranger());
    let line = ["send", &to, "1.5 PYR", "--wait", "final", "--password-file", "pass"];
    let text = stage.run(&node, &line).unwrap().text;
    assert!(text.contains("final: 5 blocks on top (depth rule of pow)"), "{text}");
    let line = ["send", &to, "150000000u", "--wait", "3", "--password-file", "pass"];
    let sent = stage.json(&node, &line);
    assert_eq!((&sent["status"], &sent["confirmations"]), (&json!("confirmed"), &json!(3)));
    let line = ["send", &to, "1", "--wait", "accepted", "--password-file", "pass"];
    let sent = stage.json(&node, &line);
    assert_eq!(sent["status"], "accepted");
    assert!(sent.get("height").is_none());
}

#[test]
fn one_may_pay_oneself_and_with_all_accounts() {
    let stage = Stage::new();
    let node = funded();
    let to = shown(&own(0).address());
    stage.json(&node, &["send", &to, "12", "--password-file", "pass"]);
    let to = shown(&stranger());
    let line = ["send", &to, "17.5", "--all", "--password-file", "pass"];
    stage.json(&node, &line);
    assert_eq!(node.owned(&stranger()), 35 * COIN / 2);
    assert_eq!(node.owned(&own(1).address()), 0);
}

#[test]
fn coins_are_picked_by_the_start_of_their_ids() {
    let stage = Stage::new();
    let node = funded();
    let coins = stage.json(&node, &["coins"]);
    let old = coins["coins"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap();
    let to = shown(&stranger());
    let line = ["send", &to, "1", "--coin", &old[..16], "--password-file", "pass"];
    stage.json(&node, &line);
    let coins = stage.json(&node, &["coins"]);
    let ids = coins["coins"].as_array().unwrap().iter().map(|coin| coin["id"].as_str().unwrap());
    assert!(ids.into_iter().all(|id| id != old));
}

#[test]
fn unconfirmed_change_is_spent_with_a_warning() {
    let stage = Stage::new();
    let node = funded();
    let to = shown(&stranger());
    let line = ["send", &to, "9", "--wait", "accepted", "--password-file", "pass"];
    stage.json(&node, &line);
    stage.notes();
    let line = ["send", &to, "5", "--wait", "accepted", "--password-file", "pass"];
    stage.json(&node, &line);
    assert!(stage.notes().contains("still pending"));
}

#[test]
fn the_faucet_pays_the_wallet_or_whom_one_names() {
    let stage = Stage::new();
    let node = funded();
    let given = stage.json(&node, &["faucet"]);
    assert_eq!(given["amount"], (100 * COIN).to_string());
    assert!(DevAccount::named(given["from"].as_str().unwrap()).is_some());
    assert_eq!(node.owned(&own(0).address()), 165 * COIN);
    let to = shown(&stranger());
    let given = stage.json(&node, &["faucet", "7.5", "--to", &to, "--from", "bob"]);
    assert_eq!((&given["from"], &given["to"]), (&json!("bob"), &json!(to)));
    assert_eq!(node.owned(&stranger()), 15 * COIN / 2);
    let text = stage.run(&node, &["faucet", "--wait", "final"]).unwrap().text;
    assert!(text.contains("final: 5 blocks on top"), "{text}");
}

#[test]
fn what_is_exported_holds_no_secret_unless_asked() {
    let stage = Stage::new();
    let node = FakeNode::new();
    let public = stage.run(&node, &["export"]).unwrap();
    assert!(!public.text.contains("legal") && public.json.get("mnemonic").is_none());
    assert_eq!(public.json["accounts"].as_array().unwrap().len(), 2);
    assert_eq!(serde_json::from_str::<Value>(&public.text).unwrap(), public.json);
    let line = ["export", "--secret", "--yes-show-secrets", "--password-file", "pass"];
    assert_eq!(stage.json(&node, &line)["mnemonic"], WORDS);
}

#[test]
fn commands_that_pay_the_same_at_once_pay_as_often_as_there_are_commands() {
    let stage = Stage::new();
    let node = funded();
    let to = shown(&stranger());
    let pay = ["send", &to, "1", "--wait", "accepted", "--password-file", "pass"];
    let give = ["faucet", "2", "--to", &to, "--wait", "accepted"];
    let connect = || Ok(connected(&node));
    // The node lets the others go first at each question.
    let ended = block_on(async {
        let pay = (0..5).map(|_| stage.start(&connect, &pay, &[]));
        let give = (0..9).map(|_| stage.start(&connect, &give, &[]));
        let all =
            futures::future::join(futures::future::join_all(pay), futures::future::join_all(give));
        let (paid, given) = all.await;
        Ok([paid, given].into_iter().flatten().collect::<Vec<_>>())
    });
    for answer in ended.unwrap() {
        answer.unwrap();
    }
    node.mine();
    assert_eq!(node.owned(&stranger()), (5 + 9 * 2) * COIN);
}

#[test]
fn the_key_of_an_account_is_written_for_a_node() {
    use std::os::unix::fs::PermissionsExt;
    let (stage, node) = (Stage::new(), FakeNode::new());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authority.key");
    let line = ["export", "--key-file", path.to_str().unwrap(), "--password-file", "pass"];
    let written = stage.json(&node, &line);
    assert_eq!(written["address"], stage.json(&node, &["address"])["address"]);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    let secret: [u8; 32] = hex::decode(text.trim()).unwrap().try_into().unwrap();
    let prefix = Prefix::new("assay").unwrap();
    let address = Keypair::from_secret(&secret).address().encode(&prefix);
    assert_eq!(written["address"], address);
    let error = stage.run(&node, &line).err().expect("it is there already");
    assert_eq!(error.exit(), Exit::Keystore);
}
