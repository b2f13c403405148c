use super::super::payout::payouts;
use super::*;
use crate::types::Height;

fn spec(change: impl Fn(&str) -> String) -> Spec {
    let text = crate::spec::find("pow-dev").unwrap();
    Spec::parse("pow-dev.toml", &change(text)).unwrap()
}

fn shipped() -> Spec {
    spec(str::to_owned)
}

const NOW: Time = Time(1_800_000_000_000);

fn first<'a>() -> Circumstances<'a> {
    Circumstances {
        existing: None,
        nodes: None,
        index: false,
        stratum: false,
        record: None,
        now: NOW,
        cores: 2,
    }
}

fn make(spec: Spec, circumstances: &Circumstances<'_>, rate: f64) -> Result<Plan, DevnetError> {
    let file = Path::new("/nowhere/payout.mnemonic");
    plan(spec, circumstances, || rate, |spec, nodes| payouts(spec, nodes, file))
}

fn marker(plan: &Plan) -> DevnetFile {
    DevnetFile {
        format: DevnetFile::FORMAT,
        chain: plan.chain.clone(),
        genesis: plan.genesis,
        engine: plan.engine.clone(),
        created: NOW,
        nodes: vec!["node".to_owned(); plan.launches.len()],
    }
}

#[test]
fn the_shipped_chain_starts_now_at_the_speed_of_this_machine() {
    let plan = make(shipped(), &first(), 1e6).unwrap();
    assert_eq!((plan.chain.as_str(), plan.engine.as_str()), ("pow-dev", "pow"));
    let frozen = FrozenSpec::parse("chain.toml", &plan.frozen).unwrap();
    assert_eq!(frozen.genesis_id(), plan.genesis);
    assert_eq!(frozen.genesis_time(), NOW);
    assert_eq!(frozen.genesis_block().header.height, Height(0));
    // Four nodes with a tenth of a core each: 400 kH/s, 800 000 hashes in 2 s, and 16 times easier than that.
    let work = first_bits(frozen.consensus()).work().to_f64();
    assert!((work / 50_000.0 - 1.0).abs() < 0.01, "{work}");

    let miners: Vec<_> = plan.launches.iter().map(|launch| launch.miner.clone().unwrap()).collect();
    let owners: Vec<_> = miners.iter().map(|miner| miner.owner.as_deref().unwrap()).collect();
    assert_eq!(owners, ["alice", "bob", "carol", "dave"]);
    let bob = crate::spec::dev_account("bob").unwrap().address().encode(&frozen.prefix);
    assert_eq!(miners[1].payout, bob);
    assert_eq!((miners[1].threads, miners[1].throttle.as_str()), (1, "10%"));
}

#[test]
fn the_same_spec_later_is_the_same_chain_and_another_is_not() {
    let before = make(shipped(), &first(), 1e6).unwrap();
    let marker = marker(&before);
    let later = Circumstances {
        existing: Some((&marker, &before.frozen, Path::new("chain.toml"))),
        now: NOW.after(crate::types::Span::seconds(86_400)),
        ..first()
    };
    // The speed of the machine is not asked again.
    assert_eq!(make(shipped(), &later, f64::NAN).unwrap(), before);
    // What the genesis id does not cover may change.
    let faster = spec(|text| text.replace("\"10%\"", "\"20%\"").replace("nodes = 4", "nodes = 7"));
    let plan = make(faster, &later, 1e6).unwrap();
    assert_eq!(plan.genesis, before.genesis);
    assert_eq!(plan.launches.len(), 4, "as many as there are, unless somebody says otherwise");
    assert_eq!(plan.launches[0].miner.as_ref().unwrap().throttle, "20%");
    // The frozen spec itself is the same chain as well.
    let frozen = Spec::parse("chain.toml", &before.frozen).unwrap();
    assert_eq!(make(frozen, &later, 1e6).unwrap().genesis, before.genesis);

    let other = spec(|text| text.replace("initial_reward = \"50\"", "initial_reward = \"49\""));
    let error = make(other, &later, 1e6).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.exit().code(), 4);
    assert!(text.contains(&before.genesis.to_string()), "{text}");
    assert!(text.contains("issuance.initial_reward") && !text.contains("genesis.time"), "{text}");
}

#[test]
fn the_number_of_nodes_is_the_callers() {
    for (nodes, expected) in [(1, 1), (12, 12), (128, 128)] {
        let wanted = Circumstances { nodes: Some(nodes), ..first() };
        assert_eq!(make(shipped(), &wanted, 1e6).unwrap().launches.len(), expected);
        // What goes for one of them goes for all.
        let record = Some(Path::new("/films"));
        let wanted = Circumstances { index: true, stratum: true, record, ..wanted };
        let launches = make(shipped(), &wanted, 1e6).unwrap().launches;
        assert!(
            launches
                .iter()
                .all(|it| it.index && it.stratum && it.record.as_deref() == wanted.record)
        );
    }
    for nodes in [0, 129] {
        let wanted = Circumstances { nodes: Some(nodes), ..first() };
        let error = make(shipped(), &wanted, 1e6).unwrap_err();
        assert_eq!(error.exit().code(), 2, "{error}");
    }
}

#[test]
fn nodes_without_threads_do_not_mine() {
    let idle = spec(|text| text.replace("threads = 1", "threads = 0"));
    let plan = make(idle, &first(), 1e6).unwrap();
    assert!(plan.launches.iter().all(|launch| launch.miner.is_none()));
}

#[test]
fn a_frozen_spec_that_was_edited_badly_is_damaged() {
    let before = make(shipped(), &first(), 1e6).unwrap();
    let marker = marker(&before);
    let text = before.frozen.replace("engine", "engines");
    let existing = Some((&marker, text.as_str(), Path::new("/d/chain.toml")));
    let error = make(shipped(), &Circumstances { existing, ..first() }, 1e6).unwrap_err();
    assert!(error.to_string().starts_with("/d/chain.toml is damaged: "), "{error}");
}

#[test]
fn where_authorities_agree_each_node_acts_for_one_and_nobody_mines() {
    let text = crate::spec::find("raft-3").unwrap();
    let spec = Spec::parse("raft-3.toml", text).unwrap();
    let four = Circumstances { nodes: Some(4), ..first() };
    let plan = make(spec, &four, 1e6).unwrap();
    let owners: Vec<_> = plan.launches.iter().map(|launch| launch.authority.as_deref()).collect();
    assert_eq!(owners, [Some("alice"), Some("bob"), Some("carol"), None]);
    assert!(plan.launches.iter().all(|launch| launch.miner.is_none()));
}

#[test]
fn where_coins_make_blocks_each_node_stakes_those_of_one_owner() {
    let owners = |name: &str, nodes: usize, change: fn(String) -> String| {
        let text = change(crate::spec::find(name).unwrap().to_owned());
        let spec = Spec::parse("s.toml", &text).unwrap();
        let plan = make(spec, &Circumstances { nodes: Some(nodes), ..first() }, 1e6).unwrap();
        let stakes: Vec<_> = plan.launches.iter().map(|launch| launch.stake.clone()).collect();
        (stakes, plan.launches.iter().all(|launch| launch.miner.is_some()))
    };
    let named =
        |names: &[&str]| names.iter().map(|name| Some((*name).to_owned())).collect::<Vec<_>>();
    assert_eq!(owners("pos-dev", 3, |text| text), (named(&["alice", "bob", "carol"]), false));
    assert_eq!(owners("hybrid-dev", 2, |text| text), (named(&["alice", "bob"]), true));
    assert_eq!(owners("pow-dev", 2, |text| text), (vec![None, None], true));
    let (stakes, _) = owners("pos-dev", 9, |text| text);
    assert_eq!(stakes[6..], [Some("grace".to_owned()), None, None]);
    // One line makes a chain of work one of stake.
    let staked = |text: String| text.replace("engine = \"pow\"", "engine = \"pos\"");
    assert_eq!(owners("pow-dev", 2, staked), (named(&["alice", "bob"]), false));
}
