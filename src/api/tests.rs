use std::num::NonZeroU64;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::consensus::pow::{PowParams, PowRules};
use crate::consensus::retarget::{Asert, Bitcoin, Digishield, Retarget};
use crate::consensus::schedule::Issuance;
use crate::ledger::{Coin, CoinKind, EmptyBase, LtHash, State};
use crate::types::target::{Bits, Target};
use crate::types::work::WorkProof;
use crate::types::{
    Address, Amount, Block, BlockId, Body, Claim, CoinId, Draft, GenesisId, HEADER_VERSION, Hash,
    Header, Height, Keypair, Prefix, Seal, Span, StateRoot, Time,
};

fn header(height: u64, time: u64, claim: Claim) -> Header {
    Header {
        version: HEADER_VERSION,
        height: Height(height),
        parent: BlockId(Hash([1; 32])),
        time: Time(time),
        producer: Address::default(),
        claim,
        body_root: Hash([2; 32]),
        state_root: StateRoot(Hash([3; 32])),
    }
}

fn work(height: u64, time: u64) -> Header {
    header(height, time, Claim::Work { bits: Bits(0x2000_ffff) })
}

fn prefix() -> Prefix {
    Prefix::new("assay").unwrap()
}

#[test]
fn a_load_has_the_fields_that_scripts_rely_on() {
    let times = BenchTimes { p50: 1.0, p95: 2.0, p99: 3.0, max: 4.0, count: 5 };
    let report = BenchLoad { final_ms: Some(times), ..BenchLoad::default() };
    let json = serde_json::to_value(&report).unwrap();
    for field in [
        "engine",
        "nodes",
        "rate_offered",
        "rate_final",
        "submitted",
        "final",
        "lost",
        "included_ms",
        "final_ms",
        "fsync_ms",
        "bytes_per_tx",
        "messages_per_tx",
        "cpu_us_per_tx",
    ] {
        assert!(json.get(field).is_some(), "{field}");
    }
    for percentile in ["p50", "p95", "p99"] {
        assert!(json["final_ms"][percentile].is_f64());
    }
    // What was not measured is there, and null.
    assert!(json["included_ms"].is_null());
}

#[test]
fn a_block_has_the_fields_that_scripts_rely_on() {
    let proof = WorkProof { version: 0x2000_0000, extra_nonce: u64::MAX, time: 7, nonce: 9 };
    let block = Block {
        draft: Draft { header: work(5, 7_250), body: Body::default() },
        seal: Seal::Work(proof),
    };
    let info = BlockInfo::of(&block, &GenesisId::default(), &prefix(), true, true);
    let json = serde_json::to_value(&info).unwrap();
    assert_eq!(json["height"], json!(5));
    assert_eq!(json["time"], json!(7_250));
    assert_eq!(json["claim"]["kind"], json!("work"));
    assert_eq!(json["claim"]["bits"], json!("2000ffff"));
    let seal = json!({
        "kind": "work", "version": "20000000", "extra_nonce": "ffffffffffffffff", "time": 7000, "nonce": 9
    });
    assert_eq!(json["seal"], seal);
    assert_eq!(json["final"], json!(true));
    assert_eq!(json["transactions"], json!([]));
    for id in ["id", "parent", "state_root", "work_hash"] {
        assert_eq!(json[id].as_str().unwrap().len(), 64, "{id}");
    }
    assert!(json["producer"].as_str().unwrap().starts_with("assay1"));
    assert_eq!(serde_json::from_value::<BlockInfo>(json).unwrap(), info);
}

#[test]
fn readers_ignore_fields_they_do_not_know_and_requests_refuse_them() {
    let supply = json!({
        "height": 1, "head": "00".repeat(32), "genesis": "5", "issued": "2", "burned": "1",
        "circulating": "6", "of_a_later_version": true
    });
    let supply: SupplyInfo = serde_json::from_value(supply).unwrap();
    assert_eq!(supply.circulating, Amount(6));
    assert!(serde_json::from_value::<BlockParams>(json!({ "blok": 1 })).is_err());
}

#[test]
fn blocks_are_named_by_height_id_or_place() {
    let id = BlockId(Hash([0x11; 32]));
    let decimal = "1".repeat(64);
    for (given, meant) in [
        (json!(7), BlockSelector::Height(Height(7))),
        (json!("7"), BlockSelector::Height(Height(7))),
        (json!(id.to_string()), BlockSelector::Id(id)),
        (json!(decimal), BlockSelector::Id(id)),
        (json!("head"), BlockSelector::Head),
        (json!("final"), BlockSelector::Final),
    ] {
        assert_eq!(serde_json::from_value::<BlockSelector>(given.clone()).unwrap(), meant);
        let written = serde_json::to_value(meant).unwrap();
        assert_eq!(serde_json::from_value::<BlockSelector>(written).unwrap(), meant);
    }
    for bad in [json!(""), json!("+7"), json!(-7), json!(1.5), json!("tip"), json!(null)] {
        assert!(serde_json::from_value::<BlockSelector>(bad.clone()).is_err(), "{bad}");
    }
    assert_eq!(serde_json::from_value::<BlockParams>(json!([])).unwrap(), BlockParams::default());
}

#[test]
fn coins_say_when_they_may_be_spent() {
    let coin = |kind| Coin {
        owner: Address::default(),
        amount: Amount(5),
        height: Height(10),
        time: Time(0),
        kind,
    };
    for (kind, next, spendable, from) in [
        (CoinKind::Transfer, 11, true, Some(10)),
        (CoinKind::Reward, 29, false, Some(30)),
        (CoinKind::Reward, 30, true, Some(30)),
        (CoinKind::Bond, 99, false, None),
    ] {
        let info = CoinInfo::of(CoinId::default(), &coin(kind), "a".into(), Height(next), 20);
        assert_eq!((info.spendable, info.spendable_from), (spendable, from.map(Height)));
    }
}

#[test]
fn submitted_transactions_are_answered_one_by_one() {
    let id = crate::types::TransactionId(Hash([9; 32]));
    let refused = Refusal { code: RpcCode::BadTransaction.code(), message: "no".into() };
    let results = vec![SubmitResult::Accepted { id }, SubmitResult::Refused { error: refused }];
    let json = serde_json::to_value(&results).unwrap();
    assert_eq!(json[0], json!({ "id": id.to_string() }));
    assert_eq!(json[1], json!({ "error": { "code": -32030, "message": "no" } }));
    assert_eq!(serde_json::from_value::<Vec<SubmitResult>>(json).unwrap(), results);
}

#[test]
fn codes_are_distinct_and_stay_in_their_range() {
    for (index, code) in RpcCode::ALL.into_iter().enumerate() {
        assert!((-32099..=-32012).contains(&code.code()), "{code:?}");
        assert_eq!(RpcCode::of(code.code()), Some(code));
        assert!(RpcCode::ALL[index + 1..].iter().all(|other| other.name() != code.name()));
    }
}

#[test]
fn hash_rate_is_the_work_of_the_last_blocks_over_their_time() {
    let rules = PowRules::new(PowParams {
        chain: GenesisId::default(),
        block_time: Span::seconds(2),
        retarget: Retarget::Asert(Asert { half_life: NonZeroU64::new(60_000).unwrap() }),
        spacing_max: Span::seconds(2),
        initial_bits: Bits(0x2000_ffff),
        limit: Target::max(),
        finality_depth: 100,
        future_limit: Span::seconds(30),
        seal_window: Span::seconds(30),
        issuance: Issuance {
            initial_reward: Amount(50),
            halving_interval: 100,
            tail_reward: Amount(1),
            supply_max: Amount(1000),
        },
    });
    let state = State::at_rest(Arc::new(EmptyBase), LtHash::default());
    let genesis = header(0, 0, Claim::Genesis);
    let prefix = prefix();
    let young = pow_status(&rules, &state, &[genesis, work(1, 90_000)], &prefix).unwrap();
    assert_eq!((young.intervals, young.block_time_mean_ms, young.hash_rate), (0, None, None));

    let recent = [genesis, work(1, 90_000), work(2, 91_000), work(3, 94_000)];
    let status = pow_status(&rules, &state, &recent, &prefix).unwrap();
    assert_eq!(status.intervals, 2);
    assert_eq!(status.block_time_mean_ms, Some(2000.0));
    let expected = Bits(0x2000_ffff).work().to_f64() * 2.0 / 4.0;
    assert!((status.hash_rate.unwrap() - expected).abs() < 1e-9);
    let json = serde_json::to_value(ConsensusStatus::Pow(status)).unwrap();
    assert_eq!(json["engine"], json!("pow"));
    assert_eq!((&json["retarget"], &json["retarget_in_blocks"]), (&json!("asert"), &json!(1)));
    assert_eq!(json["block_time_target_ms"], json!(2000));
    assert_eq!(json["next_reward"], json!("50"));

    assert_eq!(json["concentration"]["producers"], json!(1));

    // A period is counted down, and what never changes has no count.
    let counted = |retarget| {
        let rules = PowRules::new(PowParams { retarget, ..rules.params().clone() });
        pow_status(&rules, &state, &recent, &prefix).unwrap().retarget_in_blocks
    };
    let ten = NonZeroU64::new(10).unwrap();
    assert_eq!(counted(Retarget::Bitcoin(Bitcoin { window: ten, clamp: ten })), Some(7));
    assert_eq!(counted(Retarget::Digishield(Digishield)), Some(1));
    assert_eq!(counted(Retarget::Fixed), None);

    // The clock of a miner may go back; no rate is infinite for it.
    let back = pow_status(&rules, &state, &[work(1, 9), work(2, 8)], &prefix).unwrap();
    assert!(back.hash_rate.unwrap().is_finite());
}

/// Three miners with 5, 2 and 2 of the last blocks; who made none of their kind, or earlier ones, does not count.
#[test]
fn concentration_is_of_the_last_blocks_of_a_kind() {
    let is_work = |claim: &Claim| matches!(claim, Claim::Work { .. });
    let miner = |number: u8| Keypair::from_secret(&[number; 32]).address();
    let by = |number: u8| Header { producer: miner(number), ..work(1, 1) };
    let genesis = header(0, 0, Claim::Genesis);
    assert_eq!(Concentration::of(&[genesis], is_work, &prefix()), None);

    let made = [3, 1, 3, 2, 3, 1, 3, 3, 2].map(by);
    let recent: Vec<Header> = [genesis].into_iter().chain(made).collect();
    let found = Concentration::of(&recent, is_work, &prefix()).unwrap();
    assert_eq!((found.blocks, found.producers, found.nakamoto), (9, 3, 1));
    assert!((found.gini - 2.0 / 9.0).abs() < 1e-12, "{}", found.gini);
    assert_eq!(found.largest, miner(3).encode(&prefix()));
    assert!((found.largest_share - 5.0 / 9.0).abs() < 1e-12);

    // Long ago one miner made everything.
    let old = std::iter::repeat_n(by(9), 1000);
    let last = (0..PRODUCERS_BLOCKS_MAX).map(|block| by(u8::from(block % 2 == 0)));
    let recent: Vec<Header> = old.chain(last).collect();
    let found = Concentration::of(&recent, is_work, &prefix()).unwrap();
    assert_eq!((found.blocks, found.producers, found.nakamoto), (200, 2, 2));
    assert!(found.gini.abs() < 1e-12);
}
