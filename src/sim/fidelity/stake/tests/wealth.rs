use super::super::renewal::Ages;
use super::super::share::{Holding, Plan};
use super::super::wealth::*;

/// Two equal stakers and one who sleeps: it holds as much as before, and a smaller share.
#[test]
fn who_stakes_grows_and_who_sleeps_is_diluted() {
    let holder = |awake| Holding { coins: 8, each: 1000, awake };
    let plan = Plan {
        holders: vec![holder(true), holder(true), holder(false)],
        ages: Ages { min: 60, max: 600 },
        spacing: 20,
        interest: 1000,
        rest: 0,
        window: 30,
    };
    let (run, ideal) = (run(&plan, 3, 100, 1), ideal(&plan, 3, 100));
    println!("{run:?}\n{ideal:?}");
    for (round, (run, ideal)) in run.iter().zip(&ideal).enumerate() {
        assert_eq!(run[2], 8000.0);
        for holder in [0, 1] {
            let (drawn, due) = (run[holder] / 8000.0, ideal[holder] / 8000.0);
            assert!((drawn - due).abs() < 0.06, "round {round}: {drawn} against {due}");
        }
    }
    assert!(ideal[3][0] > 9000.0);
}
