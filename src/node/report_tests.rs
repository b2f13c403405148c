use super::*;
use crate::chain::HeadMove;
use crate::types::{BlockId, Hash, Time};

fn reporter() -> Reporter {
    let names = Names { prefix: Prefix::new("assay").unwrap(), dev: true };
    Reporter::new(Arc::default(), Arc::default(), Stopwatch::default(), names)
}

fn id(number: u8) -> BlockId {
    BlockId(Hash([number; 32]))
}

fn imported(left: &[u8], own: bool) -> Report {
    let left = left.iter().map(|number| id(*number)).collect();
    let moved = HeadMove { from: id(0), left, joined: vec![id(9)] };
    Report::Imported {
        imported: Imported { id: id(9), height: Height(7), moved: Some(moved) },
        transactions: 3,
        bytes: 1000,
        producer: DevAccount::named("bob").unwrap().address(),
        time: Time(1),
        own,
    }
}

#[test]
fn what_is_reported_moves_the_figures() {
    let mut reporter = reporter();
    let took = Duration::from_millis(250);
    reporter.report(&imported(&[], true), took);
    reporter.report(&imported(&[1, 2], false), took);
    let reason = "it lies".to_owned();
    reporter.report(&Report::Refused { block: id(3), height: Height(8), reason }, Duration::ZERO);
    reporter.checking(5);
    let metrics = &reporter.metrics;
    assert_eq!(metrics.chain_imports.get(), 2);
    assert_eq!(metrics.chain_transactions.get(), 6);
    assert_eq!(metrics.miner_blocks.get(), 1);
    assert_eq!((metrics.chain_reorgs.get(), metrics.chain_reorged_blocks.get()), (1, 2));
    assert_eq!(metrics.chain_refused.get(), 1);
    assert_eq!(metrics.signatures_checked.get(), 5);
    let text = metrics.encode();
    assert!(text.contains("assay_chain_import_seconds_sum 0.5\n"), "{text}");
    assert!(text.contains("assay_chain_import_seconds_count 2\n"), "{text}");
}

#[test]
fn what_the_network_counted_is_copied() {
    let (metrics, counters) = (Metrics::new(), Counters::default());
    counters.bans.store(1, Ordering::Relaxed);
    counters.requests_failed.store(2, Ordering::Relaxed);
    counters.dials_failed.store(3, Ordering::Relaxed);
    counters.wrong_chain.store(4, Ordering::Relaxed);
    counters.gossip_shed.store(5, Ordering::Relaxed);
    counters.requests_refused.store(6, Ordering::Relaxed);
    for _ in 0..2 {
        feed_net(&metrics, &counters);
    }
    let text = metrics.encode();
    for (name, value) in [
        ("bans", 1),
        ("requests_failed", 2),
        ("dials_failed", 3),
        ("foreign_peers", 4),
        ("shed_messages", 11),
    ] {
        let line = format!("assay_net_{name}_total {value}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
    for way in ["in", "out"] {
        for kind in ["announce", "transactions", "request", "response"] {
            let labels = format!("{{way=\"{way}\",kind=\"{kind}\"}} 0\n");
            for name in ["messages", "messages_bytes"] {
                assert!(text.contains(&format!("assay_net_{name}_total{labels}")), "{text}");
            }
        }
    }
}

#[test]
fn development_accounts_have_names_on_their_chains_only() {
    let prefix = Prefix::new("assay").unwrap();
    let bob = DevAccount::named("bob").unwrap().address();
    assert_eq!(Names { prefix, dev: true }.of(&bob), "bob");
    assert_eq!(Names { prefix, dev: false }.of(&bob), "assay1qq4ysfms54…");
    assert!(Names { prefix, dev: true }.of(&Address::default()).ends_with('…'));
}
