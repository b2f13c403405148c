use super::*;

fn seen(n: u8, parent: Option<usize>, made_s: u64, arrivals: [u64; 2]) -> Seen {
    let second = |s| if s == u64::MAX { Moment::NEVER } else { Moment(s * 1_000_000) };
    Seen {
        id: BlockId(crate::types::Hash([n; 32])),
        parent,
        height: Height(0),
        producer: super::super::operator(usize::from(n % 2)).address(),
        drafted_at: None,
        sealed_in: 0,
        proofs: 0,
        issued: Amount(0),
        made_at: second(made_s),
        made_by: 0,
        arrivals: arrivals.map(second).to_vec(),
        final_at: None,
    }
}

/// Three blocks in a row, made at 10, 12 and 18 s, and one beside the second at 13 s.
fn record() -> Record {
    let blocks = vec![
        seen(1, None, 10, [10, 11]),
        seen(2, Some(0), 12, [12, 15]),
        seen(3, Some(0), 13, [13, u64::MAX]),
        seen(4, Some(1), 18, [18, 19]),
    ];
    let index = blocks.iter().enumerate().map(|(place, seen)| (seen.id, place)).collect();
    let ended_at = Moment(21_500_000);
    Record { blocks, index, reorganisations: vec![1, 3, 2], ended_at, ..Record::default() }
}

#[test]
fn figures_are_those_of_a_small_tree() {
    let mut record = record();
    record.finalised(Moment(30_000_000), Height(2), &record.blocks[1].id.clone());
    let head = record.blocks[3].id;
    let producers = [super::super::operator(0).address()];
    let part = Part { from: Moment(0), until: Moment::NEVER, producers: &producers };
    let is = |metric: Metric, expected: f64| {
        let value = metric.measure(&record, &head, &part).unwrap();
        assert!((value - expected).abs() < 1e-9, "{}: {value}", metric.name());
    };
    is(Metric::Blocks, 3.0);
    is(Metric::StaleRate, 0.25);
    is(Metric::IntervalMean, 4.0);
    is(Metric::IntervalCv, 8.0_f64.sqrt() / 4.0);
    is(Metric::Reorganisations, 3.0);
    is(Metric::ReorganisationDepth, 3.0);
    is(Metric::IntervalMax, 6.0);
    is(Metric::Gini, 1.0 / 6.0);
    is(Metric::Nakamoto, 1.0);
    is(Metric::PropagationP50, 1000.0);
    is(Metric::PropagationP99, 3000.0);
    is(Metric::RevenueShare, 2.0 / 3.0);
    is(Metric::DoubleSpent, 0.0);
    is(Metric::FinalHeight, 2.0);
    is(Metric::FinalityP50, 20.0);
    assert_eq!(Metric::Confirmations.measure(&record, &head, &part), None);
    let part = Part { from: Moment(13_000_000), until: Moment(18_000_000), producers: &[] };
    assert_eq!(Metric::StaleRate.measure(&record, &head, &part), Some(1.0));
    assert_eq!(Metric::IntervalMean.measure(&record, &head, &part), None);
}

/// Rewards of 8, 4 and 4, of which the first goes to one producer and the others to another.
#[test]
fn coins_count_by_what_blocks_issue() {
    let mut record = record();
    for (place, issued) in [(0, 8), (1, 12), (2, 12), (3, 16)] {
        record.blocks[place].issued = Amount(issued);
    }
    record.blocks[0].producer = super::super::operator(0).address();
    record.blocks[1].producer = super::super::operator(1).address();
    record.blocks[3].producer = super::super::operator(1).address();
    let head = record.blocks[3].id;
    let share = |from: u64, producer: usize| {
        let producers = [super::super::operator(producer).address()];
        let until = Moment::NEVER;
        let part = Part { from: Moment(from * 1_000_000), until, producers: &producers };
        Metric::CoinShare.measure(&record, &head, &part)
    };
    assert_eq!((share(0, 0), share(0, 1)), (Some(0.5), Some(0.5)));
    assert_eq!((share(11, 0), share(11, 1), share(19, 0)), (Some(0.0), Some(1.0), None));
}

/// Blocks of the chain at 10, 12 and 18 s; the run ends at 21.5 s.
#[test]
fn a_block_that_does_not_come_is_waited_for() {
    let record = record();
    let longest = |head: usize, from: u64, until: u64| {
        let (from, until) = (Moment(from * 1_000_000), Moment(until * 1_000_000));
        let part = Part { from, until, producers: &[] };
        Metric::IntervalMax.measure(&record, &record.blocks[head].id, &part)
    };
    assert_eq!(longest(3, 0, 100), Some(6.0));
    assert_eq!(longest(3, 19, 100), Some(3.5), "up to the end of the run");
    assert_eq!(longest(3, 13, 15), Some(3.0), "up to the end of the part");
    assert_eq!(longest(1, 0, 100), Some(9.5));
    assert_eq!(longest(3, 0, 10), None, "before the first block");
}

#[test]
fn every_metric_has_a_name() {
    for (name, metric) in Metric::ALL {
        assert_eq!(metric.name(), name);
    }
}
