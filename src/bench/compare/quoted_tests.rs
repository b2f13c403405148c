use std::ops::ControlFlow;

use super::*;

/// The figures of a claim, all of whose payments became final.
fn measured(spec: &str) -> BenchQuoted {
    let quoted = QUOTED.iter().find(|quoted| quoted.spec == spec).unwrap();
    let mut shares = Vec::new();
    let measured = measure(quoted, 1, &mut |share| {
        shares.push(share);
        ControlFlow::Continue(())
    })
    .unwrap();
    println!("{}", serde_json::to_string_pretty(&measured).unwrap());
    assert_eq!(shares.last(), Some(&1.0));
    assert!(shares.is_sorted());
    assert!(measured.payments > 400, "{measured:?}");
    assert_eq!(measured.settled, measured.payments, "{measured:?}");
    measured
}

/// Where delegates take turns every block comes in time, and a payment waits for half a slot and then for the others.
fn turns(spec: &str, rounds_until_final: std::ops::Range<f64>) {
    let figures = measured(spec);
    let (slot, round) =
        (figures.interval_s.quoted, figures.interval_s.quoted * figures.nodes as f64);
    assert_eq!((figures.interval_s.ratio, figures.interval_cv), (Some(1.0), Some(0.0)));
    assert_eq!(figures.stale_rate, Some(0.0));
    let first = figures.first_ms.unwrap().p50 / 1000.0 / slot;
    assert!((0.45..0.65).contains(&first), "{first}");
    let waits = figures.trusted_s.measured.unwrap() / slot;
    assert!((waits - (figures.confirmations as f64 - 0.5)).abs() < 0.2, "{waits}");
    let settled = figures.final_ms.unwrap().p50 / 1000.0 / round;
    assert!(rounds_until_final.contains(&settled), "{settled}");
}

/// Where blocks come by chance the wait for the first has no memory, and that for k of them is a sum of k such waits. A few
/// hundred blocks tell that to a fifth or so.
fn chance(spec: &str) {
    let figures = measured(spec);
    let near = |value: f64, theory: f64| (value / theory - 1.0).abs() < 0.3;
    let ratio = figures.interval_s.ratio.unwrap();
    assert!(near(ratio, 1.0) && near(figures.interval_cv.unwrap(), 1.0), "{figures:?}");
    let interval = figures.interval_s.measured.unwrap();
    let first = figures.first_ms.unwrap();
    assert!(near(first.p50 / 1000.0 / interval, 0.69), "{first:?}");
    let waits = figures.trusted_s.measured.unwrap() / interval;
    assert!(near(waits, figures.confirmations as f64 - 0.33), "{waits}");
    assert!(figures.trusted_p95_s > figures.trusted_s.measured, "{figures:?}");
    assert!(figures.stale_rate.unwrap() < 0.05, "{figures:?}");
}

#[test]
fn every_claim_is_of_a_shipped_chain_with_a_seat_for_each_node() {
    for quoted in QUOTED {
        let spec = Spec::parse(quoted.spec, find(quoted.spec).unwrap()).unwrap();
        let wide = spec.for_nodes(quoted.nodes).unwrap();
        if let Some(seats) = wide.consensus().authorities() {
            assert_eq!(seats.iter().len(), quoted.nodes, "{}", quoted.spec);
        }
        // People multiply.
        let product = quoted.interval_s * quoted.confirmations as f64;
        assert!((quoted.trusted_s - product).abs() < 1.0, "{quoted:?}");
    }
}

#[test]
fn twenty_one_delegates_are_as_quick_as_people_say() {
    // Fifteen of twenty-one, in an order that changes from round to round.
    turns("graphene-like", 14.0 / 21.0..1.0);
}

#[test]
#[ignore = "it takes minutes: cargo test --release --no-default-features --lib bench::compare -- --ignored --nocapture"]
fn a_hundred_and_one_delegates_need_two_rounds_of_votes() {
    turns("dpos-101", 1.2..1.6);
}

#[test]
#[ignore = "it takes minutes: cargo test --release --no-default-features --lib bench::compare -- --ignored --nocapture"]
fn blocks_by_work_have_no_memory() {
    chance("bitcoin-like");
    chance("ethereum-pow-like");
}

/// Stake aims at a block in ten minutes and work, which has made way for it, has one in two hours: between them, one in 9.2
/// minutes, and none of it has a memory.
#[test]
#[ignore = "it takes minutes: cargo test --release --no-default-features --lib bench::compare -- --ignored --nocapture"]
fn blocks_by_stake_come_in_ten_minutes_and_work_makes_way() {
    chance("peercoin-like");
}
