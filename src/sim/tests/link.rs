use super::*;

const HOME: (Region, Region) = (Region::Europe, Region::Europe);

/// Sends so many messages of so many bytes, each when the one before it arrived at the latest; gives their delays.
fn delays(model: LinkModel, count: usize, bytes: u64) -> Vec<Vec<Micros>> {
    let mut dice = Dice::new(7, "link");
    let mut send = |n: u64| {
        let (mut line, now) = (Line::default(), Moment(n * 1_000_000_000));
        let arrivals = line.carry(&model, HOME, || bytes, now, &mut dice);
        arrivals.into_iter().map(|at| at.since(now)).collect()
    };
    (0..count as u64).map(&mut send).collect()
}

fn mean(delays: &[Vec<Micros>]) -> f64 {
    let all: Vec<f64> = delays.iter().flatten().map(|delay| delay.as_seconds()).collect();
    all.iter().sum::<f64>() / all.len() as f64
}

fn with(latency: Latency) -> LinkModel {
    LinkModel { latency, ..LinkModel::default() }
}

#[test]
fn latencies_have_their_distributions() {
    let (median, sigma) = (Micros::millis(100), 0.5);
    let close = |latency, expected: f64| {
        let found = mean(&delays(with(latency), 20_000, 100));
        assert!((found / expected - 1.0).abs() < 0.02, "{latency:?}: {found}");
    };
    close(Latency::Constant(median), 0.1);
    close(Latency::Uniform { from: Micros(0), to: median }, 0.05);
    close(Latency::Normal { mean: median, deviation: Micros::millis(20) }, 0.1);
    close(Latency::LogNormal { median, sigma }, 0.1 * (sigma * sigma / 2.0).exp());
    close(Latency::Regions { sigma: 0.0 }, 0.011);
    let mut found: Vec<Micros> =
        delays(with(Latency::LogNormal { median, sigma }), 20_001, 100).concat();
    found.sort_unstable();
    assert!((found[10_000].as_seconds() / 0.1 - 1.0).abs() < 0.02, "the median");
}

#[test]
fn bytes_take_time_and_queue() {
    let model = LinkModel { bandwidth: Some(8_000_000), ..LinkModel::default() };
    let (mut line, mut dice) = (Line::default(), Dice::new(1, "link"));
    let mut send = || line.carry(&model, HOME, || 1_000_000 - OVERHEAD, Moment(0), &mut dice)[0];
    assert_eq!(send(), Moment(1_050_000));
    assert_eq!(send(), Moment(2_050_000));
}

#[test]
fn a_stream_delivers_all_in_order_and_pauses_for_what_is_lost() {
    let latency = Latency::Uniform { from: Micros(0), to: Micros::millis(80) };
    let model = LinkModel { latency, loss: 0.1, ..LinkModel::default() };
    let (mut line, mut dice) = (Line::default(), Dice::new(1, "link"));
    let mut last = Moment(0);
    for n in 0..10_000 {
        let arrivals = line.carry(&model, HOME, || 100, Moment(n * 1000), &mut dice);
        assert!(arrivals.len() == 1 && arrivals[0] >= last, "message {n}");
        last = arrivals[0];
    }
    // A message of one segment waits 200 ms with chance 0.1, 400 more with chance 0.01, and so on: Σ 0.1^k 2^(k−1) · 0.2.
    let alone = mean(&delays(model, 20_000, 100)) - 0.04;
    assert!((alone - 0.025).abs() < 0.003, "{alone}");
    let many = mean(&delays(model, 5_000, 20_000)) - 0.04;
    assert!(many > 4.0 * alone, "more segments, more of them lost: {many}");
}

#[test]
fn datagrams_are_lost_doubled_and_overtaken() {
    let model = LinkModel {
        latency: Latency::Constant(Micros::millis(50)),
        loss: 0.2,
        duplicate: 0.1,
        reorder: 0.3,
        mode: Mode::Datagram,
        ..LinkModel::default()
    };
    let found = delays(model, 20_000, 100);
    let share = |n: usize| found.iter().filter(|it| it.len() == n).count() as f64 / 20_000.0;
    assert!((share(0) - 0.2).abs() < 0.01, "{}", share(0));
    assert!((share(2) - 0.08).abs() < 0.01, "{}", share(2));
    let held = found.iter().filter_map(|it| it.first()).filter(|it| **it > Micros::millis(50));
    let held = held.count() as f64 / (share(1) + share(2)) / 20_000.0;
    assert!((held - 0.3).abs() < 0.02, "{held}");
}
