use super::*;
use crate::sim::{Options, Sim};
use crate::spec::{Spec, find};

fn farm(power: f64, low: f64, high: f64) -> Farm {
    Farm { node: 0, power, cost: (low, high) }
}

#[test]
fn machines_pay_that_cost_no_more_than_they_bring() {
    let (alike, spread) = (farm(1.0, 2.0, 2.0), farm(1.0, 2.0, 6.0));
    for (brings, one, many) in [(1.9, 0.0, 0.0), (2.0, 1.0, 0.0), (3.0, 1.0, 0.25), (9.0, 1.0, 1.0)]
    {
        assert_eq!((alike.paying(brings), spread.paying(brings)), (one, many), "{brings}");
    }
    assert_eq!((spread.dearest(0.0), spread.dearest(0.5), spread.dearest(1.0)), (2.0, 4.0, 6.0));
}

#[test]
fn supply_and_hash_rate_meet_once() {
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    // One cost: revenue ÷ cost, at most all.
    assert!(near(equilibrium(&[farm(10.0, 2.0, 2.0)], 12.0), 6.0));
    assert!(near(equilibrium(&[farm(10.0, 2.0, 2.0)], 50.0), 10.0));
    // From nothing to 4: 10 × (12 ÷ h) ÷ 4 = h.
    assert!(near(equilibrium(&[farm(10.0, 0.0, 4.0)], 12.0), 30.0_f64.sqrt()));
    // Cheap ones are all on, and of the dear ones as many as pay.
    assert!(near(equilibrium(&[farm(4.0, 1.0, 1.0), farm(9.0, 3.0, 3.0)], 21.0), 7.0));
    assert!(near(equilibrium(&[farm(4.0, 1.0, 1.0), farm(9.0, 3.0, 3.0)], 11.0), 4.0));
    assert!(near(equilibrium(&[], 11.0), 0.0));
}

/// Nobody is switched off faster than the ramp allows, a node that is down does not look, and all come back.
#[test]
fn farms_follow_the_price_no_faster_than_they_can() {
    let spec = Spec::parse("pow-dev", find("pow-dev").unwrap()).unwrap();
    let mut sim = Sim::new(Options::miners(1, spec, 2, 32)).unwrap();
    let installed = sim.hash_rate();
    let ramp = Micros::seconds(100);
    let farm = |node| Farm { node, power: installed / 2.0, cost: (1.0, 1.0) };
    let mut market = Market::new(1e3, ramp, vec![farm(0), farm(1)], installed);
    let looks = |market: &mut Market, sim: &mut Sim, count: u32| {
        let mut last = None;
        for _ in 0..count {
            let next = market.next();
            sim.run_until(next);
            last = market.look(sim);
        }
        last.unwrap().share
    };
    assert_eq!(looks(&mut market, &mut sim, 30), 1.0);
    market.set_price(0.0);
    let share = looks(&mut market, &mut sim, 25);
    assert!((share - 0.75).abs() < 1e-9, "{share}");
    sim.crash(1).unwrap();
    let share = looks(&mut market, &mut sim, 25);
    assert!((share - 0.25).abs() < 1e-9, "half of one, and the other is down: {share}");
    sim.restart(1).unwrap();
    market.set_price(1e3);
    assert!((looks(&mut market, &mut sim, 1) - 0.635).abs() < 1e-9, "0.51 and 0.76 of half each");
    assert_eq!(looks(&mut market, &mut sim, 100), 1.0);
}
