use super::super::cost::*;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

/// By hand: one cost c leaves price × reward ÷ c, at most all; costs from a to b leave the root of
/// (b − a)h² + ah = price × reward.
#[test]
fn theory_is_free_entry() {
    let [start, cheaper, halved, dearer] = PHASES;
    let of = |system: usize, phase: Phase| theory(&SYSTEMS[system].1, &phase);
    for (phase, share) in [(start, 1.0), (cheaper, 0.875), (halved, 0.4375), (dearer, 1.0)] {
        let (on, cost) = of(0, phase);
        assert!(near(on, share) && near(cost, 40.0 * share), "{}: {on} {cost}", phase.name);
    }
    for phase in PHASES {
        let revenue = phase.price * phase.reward;
        let (on, cost) = of(1, phase);
        let root = ((100.0 + 200.0 * revenue).sqrt() - 10.0) / 100.0;
        assert!(near(on, root) && near(cost, revenue), "{}: {on} {cost}", phase.name);
    }
    // With half the machines off, those that are on cost much less than a block brings.
    let (on, cost) = of(2, halved);
    assert!(near(on, 0.5) && near(cost, 7.5), "{on} {cost}");
    let (on, cost) = of(2, cheaper);
    assert!(near(on, 35.0 / 45.0) && near(cost, 35.0), "{on} {cost}");
}

/// Each phase comes out near to it, and blocks keep their time whoever leaves.
#[test]
fn miners_leave_and_come_back() {
    let (_, who) = SYSTEMS[1];
    // The others take the benchmark's time.
    const SEEN: usize = 2;
    let looks = run(&who, SEEN, 1);
    for (place, phase) in PHASES.iter().enumerate().take(SEEN) {
        let (mut share, mut cost, mut count) = (0.0, 0.0, 0.0);
        for look in settled(&looks, place) {
            share += look.sample.share;
            cost += look.sample.block_cost();
            count += 1.0;
        }
        let (share, cost) = (share / count, cost / count);
        let (on, block) = theory(&who, phase);
        println!("{}: {share:.3} of {on:.3}, {cost:.2} of {block:.2}", phase.name);
        assert!((share / on - 1.0).abs() < 0.1, "{}: {share} of {on}", phase.name);
        assert!((cost / block - 1.0).abs() < 0.12, "{}: {cost} of {block}", phase.name);
        let interval = interval_at_first(&looks, place, LASTS);
        assert!((0.9..1.12).contains(&interval), "{}: {interval}", phase.name);
    }
}
