//! What is wrong with a scenario is told at its place.

use super::*;
use crate::types::Span;

#[test]
fn mistakes_are_told_with_line_reason_and_fix() {
    let event = |keys: &str| small(&format!("[[events]]\nat = \"5s\"\n{keys}"));
    let cases = [
        (
            small("durration = \"1s\""),
            3,
            "`durration` is no key of the top of a scenario",
            "did you mean `duration`?",
        ),
        (
            small("[links]\nlatencey = \"5ms\""),
            4,
            "`latencey` is no key of [links]",
            "did you mean `latency`?",
        ),
        (small("latency = \"5ms\""), 3, "is no key of the top", "it belongs below [links]"),
        (small("[links]\nlatency = 5"), 4, "links.latency is a number without a unit", "\"5s\""),
        (
            small("[links]\njitter = \"5ms\""),
            4,
            "no meaning where the distribution is \"constant\"",
            "another distribution",
        ),
        (
            small("[links]\nreorder = 0.1"),
            4,
            "links.reorder does not happen to a stream",
            "datagram",
        ),
        (
            small("[chain]\nspec = \"pow-dve\""),
            4,
            "no shipped chain spec is called `pow-dve`; did you mean `pow-dev`?",
            "name of a shipped",
        ),
        (
            small("[chain.pow]\nblock_tme = \"5s\""),
            4,
            "`block_tme` is no key of [chain.pow]",
            "did you mean `block_time`?",
        ),
        (
            small("[chain.pow]\nblock_time = \"5\""),
            4,
            "chain.pow.block_time is not a length of time",
            "ms, s, m",
        ),
        (
            small("[chain.issuance]\nsupply_cap = \"1\""),
            3,
            "is more than issuance.supply_cap",
            "smaller reward",
        ),
        (
            event("do = \"crsh\"\nnodes = [0]"),
            5,
            "events[0].do is none of the words",
            "did you mean \"crash\"?",
        ),
        (event("do = \"crash\"\nnodes = [2]"), 6, "is too large: there are 2 nodes", "from 0 to 1"),
        (
            event("do = \"crash\"\nnodes = [\"miner\"]"),
            6,
            "names a group that is not there",
            "did you mean \"miners\"?",
        ),
        (event("do = \"crash\""), 3, "events[0].nodes is missing", "nodes = [0, 1]"),
        (
            event("do = \"heal\"\nnodes = [0]"),
            6,
            "events[0].nodes has no meaning here",
            "remove it",
        ),
        (
            event("do = \"partition\"\ngroups = [[0], [0, 1]]"),
            6,
            "has a node on two sides",
            "lists of nodes",
        ),
        (
            small("[[events]]\nat = \"61s\"\ndo = \"heal\""),
            4,
            "is after the end",
            "longer duration",
        ),
        (
            small("[[expect]]\nmetric = \"stale\"\nbelow = 1"),
            4,
            "none of the words",
            "write one of",
        ),
        (
            small("[[expect]]\nmetric = \"stale_rate\""),
            3,
            "the figure may be anything",
            "below = 0.1",
        ),
        (
            small("[[expect]]\nconverged = \"5s\"\nafter = \"heal\""),
            5,
            "an event that never happens",
            "70s",
        ),
        (
            small("[[expect]]\ninvariant = \"agrement\""),
            4,
            "none of the words",
            "did you mean \"agreement\"?",
        ),
        (small("[[expect]]\nviolation = \"all\""), 4, "none of the words", "agreement"),
        (
            small(
                "[[expect]]\nviolation = \"agreement\"\n[[events]]\nat = \"10s\"\ndo = \"partition\"\ngroups = [[0], [1]]",
            ),
            3,
            "agreement cannot be expected",
            "finality_depth",
        ),
        (small("[[expect]]\nmetric = \"revenue_share\"\nabove = 0"), 3, "nobody is named", "of ="),
        ("name = \"x\"\nduration = \"1s\"".into(), 1, "the scenario has no nodes", "[[nodes]]"),
        (
            "name = \"x\"\nduration = \"1s\"\n[[nodes]]\ncount = 20001".into(),
            4,
            "is too large",
            "20000",
        ),
        (
            "name = \"x\"\nduration = \"1s\"\n[[nodes]]\nrole = \"observer\"".into(),
            1,
            "nobody mines",
            "power",
        ),
        (
            "name = \"x\"\nduration = \"1s\"\n[[nodes]]\nrole = \"attacker\"".into(),
            3,
            "nodes[0].attack is missing",
            "withhold",
        ),
        ("name = ".into(), 1, "this is not TOML", "key = value"),
    ];
    for (text, line, reason, fix) in cases {
        let error = read(&text).unwrap_err();
        let problem = &error.problems()[0];
        let found = format!("{problem}");
        assert!(found.contains(reason), "{text}\n{found}");
        assert!(found.contains(fix), "{text}\n{found}");
        assert_eq!(problem.line, line, "{text}\n{found}");
    }
}

#[test]
fn what_is_not_said_has_a_default() {
    let scenario = read(&small("")).unwrap();
    assert_eq!((scenario.nodes(), scenario.seeds), (2, (1, 1)));
    let rates = scenario.options(1).nodes.iter().map(|node| node.hash_rate).sum::<f64>();
    assert!((rates - 16.0).abs() < 1e-9, "32 tries in 2 s: {rates}");
    assert_eq!(scenario.options(1).link, Default::default());
    assert_eq!(scenario.base.0, "pow-dev");
    assert!(scenario.options(1).nodes.iter().all(|node| node.link.is_none() && node.relays));
}

#[test]
fn a_chain_spec_is_changed_in_place() {
    let text = small("[chain.pow]\nblock_time = \"10s\"\n[chain.devnet]\nnodes = 3");
    let scenario = read(&text).unwrap();
    assert_eq!(scenario.spec().consensus().block_time(), Span::seconds(10));
    let shipped = read(&small("")).unwrap();
    assert_eq!(scenario.spec().issuance, shipped.spec().issuance);
    assert_eq!(shipped.spec().consensus().block_time(), Span::seconds(2));
}

#[test]
fn nodes_may_have_lines_of_their_own() {
    let text = "[links]\nloss = 0.01\n[[nodes]]\nname = \"far\"\nrelays = false\nlinks = { latency = \"200ms\" }";
    let options = read(&small(text)).unwrap().options(1);
    let (far, near) = (&options.nodes[0], &options.nodes[1]);
    let own = far.link.unwrap();
    assert_eq!(own.latency, super::super::super::Latency::Constant(Micros::millis(200)));
    assert!((own.loss - 0.01).abs() < 1e-9, "the rest is everybody's");
    assert!(!far.relays && near.relays && near.link.is_none());
}

/// The guide names every key, every word and every figure.
#[test]
fn the_guide_has_every_key() {
    let guide = include_str!("../../../../docs/scenarios.md");
    let has = |word: &str| {
        let quoted = [format!("`{word}`"), format!("`[{word}]`"), format!("`[[{word}]]`")];
        assert!(quoted.iter().any(|quoted| guide.contains(quoted)), "{word}");
    };
    schema::SECTIONS.iter().flat_map(|schema| schema.keys).for_each(|key| has(key));
    schema::TOP.keys.iter().for_each(|key| has(key));
    events::ACTS.iter().for_each(|word| has(word));
    who::WORDS.iter().for_each(|(word, _)| has(word));
    super::super::super::metrics::Metric::ALL.iter().for_each(|(name, _)| has(name));
    super::super::super::checks::NAMES.iter().for_each(|name| has(name));
    shipped().iter().for_each(|shipped| has(shipped.name));
}

#[test]
fn half_a_market_is_refused() {
    let market = |more: &str, miner: &str| {
        format!(
            "name = \"market\"\nduration = \"60s\"\n{more}\n[[nodes]]\nname = \"farms\"\n{miner}\n"
        )
    };
    let event = |keys: &str| format!("[[events]]\nat = \"5s\"\n{keys}");
    for (text, reason, fix) in [
        (market("", "cost = 40"), "farms have a cost, and no coin has a price", "[market]"),
        (market("[market]", ""), "there is a market, and no miner has a cost", "cost = 40"),
        (market("[market]\nprise = 2", "cost = 40"), "`prise` is no key", "`price`"),
        (market("[market]\nramp = \"1ms\"", "cost = 40"), "market.ramp", "1s"),
        (market("[market]", "cost = [60, 20]"), "ends before it begins", "[20, 60]"),
        (market("[market]", "cost = [1, 2, 3]"), "is no range of two numbers", "[20, 60]"),
        (market("[market]", "cost = -1"), "cost", "0"),
        (market(&event("do = \"price\"\nto = 2"), ""), "in line 3 a price changes", "[market]"),
        (market(&event("do = \"price\""), ""), "events[0].to is missing", "to = 0.5"),
        (
            market(
                &format!("[market]\n{}", event("do = \"power\"\nnodes = [0]\ntimes = 2")),
                "cost = 40",
            ),
            "in line 4 the power of miners changes who have a cost",
            "remove their cost",
        ),
        (
            market("[market]\n[chain]\nspec = \"pos-dev\"", "cost = 40"),
            "nobody searches for blocks under this chain's rule",
            "pow-dev",
        ),
    ] {
        let error = read(&text).unwrap_err();
        let found: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
        let hit = found.iter().any(|it| it.contains(reason) && it.contains(fix));
        assert!(hit, "{text}\n{found:?}");
    }
}
