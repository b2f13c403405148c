//! What is asked and answered, beside shares.

use proptest::prelude::*;

use super::*;

#[test]
fn a_conversation_goes_as_cpuminer_and_nerdminer_expect_it() {
    let mut stage = Stage::new(EASY);
    let id = stage.connect();
    // One line is the answer, and nothing comes before it.
    let heard = stage.ask(id, "mining.subscribe", json!(["cpuminer-opt-26.1"]));
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0]["error"], Value::Null);
    let result = heard[0]["result"].as_array().unwrap();
    assert_eq!(result[0][0][0], "mining.set_difficulty");
    assert_eq!(result[0][1][0], "mining.notify");
    assert_eq!((&result[1], &result[2]), (&json!("00000001"), &json!(4)));

    let heard = stage.ask(id, "mining.authorize", json!([user(1), "x"]));
    assert_eq!(heard[0], json!({ "id": 7, "result": true, "error": null }));
    assert_eq!(heard[1]["method"], "mining.set_difficulty");
    assert_eq!(heard[2]["method"], "mining.notify");
    assert_eq!(heard.len(), 3);
    let job = job(&heard);
    assert_eq!(job.as_array().map(Vec::len), Some(9));
    assert!(job[0].as_str().is_some_and(|id| id.len() <= 16), "{job}");
    assert_eq!(
        (&job[4], &job[5], &job[6], &job[8]),
        (&json!([]), &json!("20000000"), &json!("207fffff"), &json!(true))
    );
    // NerdMiner keeps the coinbase in 512 characters; cpuminer reads the height behind the null index.
    let coinbase = format!("{}{:016x}{}", job[2].as_str().unwrap(), 0, job[3].as_str().unwrap());
    assert!(coinbase.len() < 512);
    let script = coinbase.split_once("ffffffff").unwrap().1;
    assert_eq!(&script[2..8], "02e803", "a push of height 1000");

    for (method, params, result) in [
        ("mining.extranonce.subscribe", json!([]), json!(true)),
        ("mining.suggest_difficulty", json!(["0.000150"]), json!(true)),
        ("mining.suggest_difficulty", json!([0.00015]), json!(true)),
        ("mining.ping", json!([]), json!("pong")),
        ("client.get_version", Value::Null, json!("pong")),
    ] {
        let heard = stage.ask(id, method, params);
        assert_eq!(heard, [json!({ "id": 7, "result": result, "error": null })], "{method}");
    }
}

#[test]
fn extensions_are_negotiated_before_anything_else_as_bitaxe_does_it() {
    let mut stage = Stage::new(HARD);
    let id = stage.connect();
    let params = json!([["version-rolling", "magic"], { "version-rolling.mask": "ffffffff" }]);
    let heard = stage.ask(id, "mining.configure", params);
    let expected =
        json!({ "version-rolling": true, "version-rolling.mask": "1fffe000", "magic": false });
    assert_eq!(heard[0]["result"], expected);
    stage.ask(id, "mining.subscribe", json!(["bitaxe/BM1366/v2.0"]));
    let heard = stage.ask(id, "mining.authorize", json!([format!("{}.bitaxe", user(1)), "x"]));
    // An integer, and never below 1.
    let line = heard.iter().find(|line| line["method"] == "mining.set_difficulty").unwrap();
    assert_eq!(line["params"], json!([1]));
    assert!(line.to_string().contains("[1]"));
    for (mask, answered) in [("00ffffff", "00ffe000"), ("0", "00000000"), ("1fffe000", "1fffe000")]
    {
        let id = stage.connect();
        let params = json!([["version-rolling", "subscribe-extranonce", "minimum-difficulty"],
            { "version-rolling.mask": mask, "version-rolling.min-bit-count": 2, "minimum-difficulty.value": 4 }]);
        let heard = stage.ask(id, "mining.configure", params);
        assert_eq!(heard[0]["result"]["version-rolling.mask"], answered);
        assert_eq!(heard[0]["result"]["minimum-difficulty"], true);
    }
}

#[test]
fn difficulty_is_never_above_the_blocks_but_for_the_floor_of_chips() {
    let mut stage = Stage::new(EASY);
    let block = EASY.target().unwrap().difficulty();
    let (_, heard) = stage.miner(1);
    assert!(told(&heard).unwrap() <= block);
    // A chip reads integers, unless it asked for a fraction itself.
    for (wish, least) in [(None, 1.0), (Some(0.001), 0.0)] {
        let id = stage.connect();
        stage.ask(id, "mining.configure", json!([["version-rolling"], {}]));
        if let Some(wish) = wish {
            stage.ask(id, "mining.suggest_difficulty", json!([wish]));
        }
        stage.ask(id, "mining.subscribe", json!([]));
        let told = told(&stage.ask(id, "mining.authorize", json!([user(1)]))).unwrap();
        assert!(told >= least && (told == 1.0) == wish.is_none(), "{wish:?} {told}");
    }
    // Where the block is hard a wish is granted, and a chip begins at 256.
    stage.bits = Bits(0x1700_ffff);
    stage.new_head(2);
    let start = |stage: &mut Stage, before: &[(&str, Value)]| {
        let id = stage.connect();
        for (method, params) in before {
            stage.ask(id, method, params.clone());
        }
        stage.ask(id, "mining.subscribe", json!([]));
        told(&stage.ask(id, "mining.authorize", json!([user(1)]))).unwrap()
    };
    assert_eq!(start(&mut stage, &[]), 1.0 / 1024.0);
    let rolling = ("mining.configure", json!([["version-rolling"], {}]));
    assert_eq!(start(&mut stage, std::slice::from_ref(&rolling)), 256.0);
    let wish = ("mining.suggest_difficulty", json!(["0.000150"]));
    assert_eq!(start(&mut stage, std::slice::from_ref(&wish)), 1.0 / 8192.0);
    assert_eq!(start(&mut stage, &[wish, rolling.clone()]), 1.0 / 8192.0);
    let wish = ("mining.suggest_difficulty", json!([1000]));
    assert_eq!(start(&mut stage, &[wish, rolling]), 512.0);
}

#[test]
fn the_user_is_the_address_to_pay() {
    let mut stage = Stage::new(EASY);
    let id = stage.connect();
    stage.ask(id, "mining.subscribe", json!([]));
    let long = "a".repeat(161);
    for bad in ["", "bob", "bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh", ".worker", &long] {
        assert!(
            matches!(code(&stage.ask(id, "mining.authorize", json!([bad, "x"]))), Some(20 | 24)),
            "{bad}"
        );
    }
    assert_eq!(
        code(&stage.ask(id, "mining.authorize", json!([format!("{}.rig 1", user(1))]))),
        None
    );
    // Twice is once, another worker is welcome, and another address is not.
    assert_eq!(
        code(&stage.ask(id, "mining.authorize", json!([format!("{}.rig 1", user(1))]))),
        None
    );
    assert_eq!(code(&stage.ask(id, "mining.authorize", json!([user(1)]))), None);
    assert_eq!(code(&stage.ask(id, "mining.authorize", json!([user(2)]))), Some(24));
    let workers: Vec<_> = stage
        .server
        .workers()
        .map(|(name, worker)| (name.to_owned(), worker.connections))
        .collect();
    assert_eq!(workers, [(user(1), 1), (format!("{}.rig 1", user(1)), 1)]);
    // A name that the host knows.
    let id = stage.connect();
    assert_eq!(code(&stage.ask(id, "mining.authorize", json!(["alice.left"]))), None);
    assert!(stage.server.payouts().any(|address| *address == payout(200)));
    stage.server.disconnect(stage.now, id);
    assert_eq!(stage.server.payouts().count(), 1);
}

#[test]
fn nonsense_is_answered_and_ends_the_connection_in_the_end() {
    let mut stage = Stage::new(EASY);
    let deep = "[".repeat(4000);
    let long =
        format!("{{\"id\":1,\"method\":\"mining.ping\",\"params\":[\"{}\"]}}", "x".repeat(4096));
    let name = format!("{{\"id\":\"{}\",\"method\":\"mining.ping\"}}", "x".repeat(65));
    for (line, reason) in [
        ("{", "one JSON object"),
        ("[]", "one JSON object"),
        ("7", "one JSON object"),
        ("\u{0}", "one JSON object"),
        (deep.as_str(), "one JSON object"),
        (&long, "at most 4096 bytes"),
        (&name, "an id is"),
        (r#"{"id":[1],"method":"mining.ping"}"#, "an id is"),
        (r#"{"id":7,"method":7}"#, "one JSON object"),
        (r#"{"id":7,"method":"mining.ping","params":"x"}"#, "params is a list"),
        (r#"{"id":7,"method":"mining.submit","params":[]}"#, "expected [user, job"),
        (r#"{"id":7,"method":"mining.authorize","params":[7]}"#, "expected [user, password]"),
        (r#"{"id":7,"method":"mining.configure","params":[]}"#, "expected [[extension"),
        (
            r#"{"id":7,"method":"mining.configure","params":[["a"],{"version-rolling.mask":"xyz"}]}"#,
            "hexadecimal",
        ),
        (r#"{"id":7,"method":"mining.suggest_difficulty","params":["-1"]}"#, "a positive number"),
        (r#"{"id":7,"method":"mining.suggest_difficulty","params":["nan"]}"#, "a positive number"),
    ] {
        let id = stage.connect();
        let heard = stage.say(id, line);
        assert_eq!((heard.len(), &heard[0]["error"][0]), (1, &json!(20)), "{line}");
        let text = heard[0]["error"][1].as_str().unwrap();
        assert!(text.contains(reason) && text.len() < 300, "{line}: {text}");
        for _ in 1..10 {
            stage.say(id, line);
        }
        assert_eq!(stage.closed.pop(), Some((id, Closed::Nonsense)), "{line}");
        assert!(stage.say(id, line).is_empty());
    }
    assert_eq!(stage.server.connections(), 0);
    // What no miner needs is no nonsense, and neither are blank lines and answers.
    let id = stage.connect();
    for _ in 0..100 {
        assert_eq!(code(&stage.ask(id, "mining.get_transactions", json!(["1"]))), Some(20));
        assert!(stage.say(id, "\r\n").is_empty());
        assert!(stage.say(id, r#"{"id":1,"result":true,"error":null}"#).is_empty());
    }
    assert!(stage.closed.is_empty());
}

/// A piece of a line.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "null",
        "true",
        "1",
        "-0.5e9",
        "\"id\"",
        "\"method\"",
        "\"params\"",
        "\"mining.submit\"",
        "\"mining.subscribe\"",
        "\"mining.configure\"",
        "\"mining.authorize\"",
        "\"mining.suggest_difficulty\"",
        "\"version-rolling\"",
        "\"ffffffff\"",
        "\"alice.x\"",
        "\"0\"",
        "\\u0000",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => ".{0,8}"]
}

/// A value as it may stand in a list of parameters.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[0-9a-f]{0,18}",
        Just("alice".to_owned()),
        Just("alice.b".to_owned()),
        ".{0,200}"
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        text.prop_map(Value::from),
        Just(json!("version-rolling")),
        Just(json!({ "version-rolling.mask": "ffffffff", "minimum-difficulty.value": 1e300 })),
    ];
    leaf.prop_recursive(2, 16, 8, |inner| prop::collection::vec(inner, 0..6).prop_map(Value::from))
}

fn question() -> impl Strategy<Value = Vec<u8>> {
    let method = prop::sample::select(vec![
        "mining.submit",
        "mining.subscribe",
        "mining.configure",
        "mining.authorize",
        "mining.suggest_difficulty",
        "mining.ping",
        "mining.extranonce.subscribe",
        "x",
    ]);
    (value(), method, prop::collection::vec(value(), 0..7)).prop_map(|(id, method, params)| {
        json!({ "id": id, "method": method, "params": params }).to_string().into_bytes()
    })
}

fn anything() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => question(),
        2 => prop::collection::vec(piece(), 0..20).prop_map(|pieces| pieces.concat().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => (question(), any::<usize>(), any::<u8>()).prop_map(|(mut line, at, byte)| {
            let at = at % line.len();
            line[at] = byte;
            line
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_line_panics_and_what_is_kept_and_said_stays_bounded(
        lines in prop::collection::vec((0..4_u32, anything()), 1..60)
    ) {
        let mut stage = Stage::new(EASY);
        let ids: Vec<_> = (0..4).map(|_| stage.connect()).collect();
        for (number, (of, line)) in (0_u8..).zip(&lines) {
            let id = ids[*of as usize];
            stage.server.line(stage.now, id, line);
            // An answer, and at most a difficulty and a job with it.
            let heard = stage.heard(id);
            prop_assert!(heard.len() <= 3, "{:?}", heard);
            prop_assert!(heard.iter().filter(|line| line.get("error").is_some()).count() <= 1);
            if number % 16 == 15 {
                stage.new_head(number);
            }
            stage.pass(Span(500));
            if let Some(session) = stage.server.session(id) {
                let (jobs, shares) = session.remembered();
                prop_assert!(jobs <= JOBS_MAX && shares <= 60);
                prop_assert!(session.agent.len() <= 64 && session.users.len() <= 16);
            }
        }
        for id in ids {
            stage.server.disconnect(stage.now, id);
        }
        prop_assert_eq!(stage.server.payouts().count(), 0);
        prop_assert!(stage.server.workers().all(|(_, worker)| worker.connections == 0));
    }
}
