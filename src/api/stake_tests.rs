use super::*;
use crate::ledger::CoinKind;

fn coin(coins: u64) -> Coin {
    Coin {
        owner: Default::default(),
        amount: Amount(coins * COIN),
        height: Height(1),
        time: Time(0),
        kind: CoinKind::Transfer,
    }
}

/// A target that a coin-day hits once in 2^12 seconds: 2^244.
fn target() -> Target {
    Target::from_value(&(num_bigint::BigUint::from(1u8) << 244u32)).unwrap()
}

#[test]
fn chances_are_those_of_the_kernel() {
    let day = Span(86_400_000);
    let (two, three) = (coin(2), coin(3));
    let mut status = StakingStatus::default();
    let footings = [
        (&two, Footing::Staked(day)),
        (&three, Footing::Staked(day)),
        (&two, Footing::Young(Time(9000))),
        (&two, Footing::Young(Time(8000))),
        (&three, Footing::Resting(Height(7))),
        (&two, Footing::Reserved),
        (&two, Footing::Bonded),
    ];
    status.add_up(footings.into_iter(), &target());
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9 * b;
    assert!(near(status.coin_days, 5.0));
    let each = 1.0 / 4096.0;
    let chance = 1.0 - (1.0 - 2.0 * each) * (1.0 - 3.0 * each);
    assert!(near(status.chance_per_second, chance), "{status:?}");
    assert!(near(status.expected_ms.unwrap(), 1000.0 / chance));
    assert_eq!((status.old.coins, status.young.coins, status.reserved.coins), (2, 2, 1));
    assert_eq!((status.young_until, status.resting_until), (Some(Time(8000)), Some(Height(7))));
    assert_eq!(status.resting.amount, Amount(3 * COIN));

    let one = CoinStake::of(Amount(COIN), Footing::Staked(day), &target());
    assert!(near(one.chance_per_hour, 1.0 - (1.0 - each).powi(3600)), "{one:?}");
    let young = CoinStake::of(Amount(COIN), Footing::Young(Time(5)), &target());
    assert_eq!(
        (young.coin_days, young.chance_per_hour, young.young_until),
        (0.0, 0.0, Some(Time(5)))
    );
    // A coin that wins in every second waits for the next one.
    let mut sure = StakingStatus::default();
    sure.add_up([(&three, Footing::Staked(Span(86_400_000 * 5000)))].into_iter(), &target());
    assert_eq!((sure.chance_per_second, sure.expected_ms), (1.0, Some(1000.0)));
    let nobody = StakingStatus::default();
    assert_eq!((nobody.chance_per_second, nobody.expected_ms), (0.0, None));
}

#[test]
fn a_key_travels_as_digits_and_is_never_shown() {
    let key = SecretKey::of(&[0x5a; 32]);
    let json = serde_json::to_string(&key).unwrap();
    assert_eq!(json, format!("\"{}\"", "5a".repeat(32)));
    assert!(!format!("{key:?}").contains("5a"));
    let read: SecretKey = serde_json::from_str(&json).unwrap();
    assert_eq!(read.keypair().unwrap().public(), Keypair::from_secret(&[0x5a; 32]).public());
    for bad in ["", "5a", &"5a".repeat(33), &"zz".repeat(32)] {
        assert!(SecretKey::from(bad.to_owned()).keypair().is_none(), "{bad}");
    }
}
