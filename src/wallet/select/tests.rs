use proptest::prelude::*;

use super::cost::Sizes;
use super::*;
use crate::types::{
    Bounded, Hash, INPUTS_MAX, Keypair, PublicKey, Signature, Transaction, Witness,
};

fn address(mark: u8) -> Address {
    Keypair::from_secret(&[mark; 32]).address()
}

fn coin_id(mark: u64) -> CoinId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&mark.to_be_bytes());
    CoinId(Hash(bytes))
}

fn coin(mark: u64, amount: u64, time: u64) -> OwnCoin {
    OwnCoin {
        id: coin_id(mark),
        owner: address(1),
        amount: Amount(amount),
        time: Time(time),
        state: CoinState::Spendable,
    }
}

fn request(coins: &[OwnCoin], amount: u64) -> Request<'_> {
    Request {
        coins,
        picked: &[],
        purpose: Purpose::Pay(Output { to: address(9), amount: Amount(amount) }),
        change_to: address(1),
        fee: FeeRate::new(1, FeeFactor::ONE),
        bytes_max: 1 << 20,
    }
}

fn marks(selection: &Selection) -> Vec<u64> {
    let mark = |id: &CoinId| u64::from_be_bytes(id.as_bytes()[..8].try_into().unwrap());
    selection.inputs.iter().map(|coin| mark(&coin.id)).collect()
}

/// The transaction that a selection means, with empty witnesses: its real size.
fn real_size(selection: &Selection) -> usize {
    let witness = Witness { key: PublicKey([0; 32]), signature: Signature([0; 64]) };
    Transaction {
        inputs: Bounded::truncated(selection.inputs.iter().map(|coin| coin.id).collect()),
        outputs: Bounded::truncated(selection.outputs.clone()),
        operation: selection.operation.clone(),
        witnesses: Bounded::truncated(vec![witness; selection.owners().len()]),
    }
    .size()
}

#[test]
fn young_coins_are_spent_and_old_ones_kept() {
    let coins = [coin(1, 10_000, 10), coin(2, 10_000, 30), coin(3, 10_000, 20)];
    assert_eq!(marks(&select(&request(&coins, 5_000)).unwrap()), [2]);
    assert_eq!(marks(&select(&request(&coins, 15_000)).unwrap()), [2, 3]);
    assert_eq!(marks(&select(&request(&coins, 25_000)).unwrap()), [2, 3, 1]);
}

#[test]
fn coins_that_turn_out_not_to_be_needed_are_put_back_the_oldest_first() {
    let coins = [coin(1, 50_000, 10), coin(2, 1_000, 30), coin(3, 2_000, 20)];
    assert_eq!(marks(&select(&request(&coins, 40_000)).unwrap()), [1]);
    let coins = [coin(1, 5_000, 10), coin(2, 1_000, 30), coin(3, 4_900, 20)];
    // 1 and 2 would do as well, but that spends the older coin: only 2, which is not needed, goes back.
    assert_eq!(marks(&select(&request(&coins, 5_000)).unwrap()), [2, 3]);
}

#[test]
fn unconfirmed_change_pays_only_where_confirmed_coins_do_not() {
    let by = TransactionId(Hash([7; 32]));
    let change = OwnCoin { state: CoinState::Change { by }, ..coin(2, 10_000, 99) };
    let foreign = OwnCoin { state: CoinState::Arriving { by }, ..coin(3, 10_000, 99) };
    let coins = [coin(1, 10_000, 1), change, foreign];
    let selection = select(&request(&coins, 9_000)).unwrap();
    assert_eq!((marks(&selection), selection.unconfirmed()), (vec![1], 0));
    let selection = select(&request(&coins, 15_000)).unwrap();
    assert_eq!((marks(&selection), selection.unconfirmed()), (vec![1, 2], 1));
    let Err(SelectError::Insufficient(short)) = select(&request(&coins, 25_000)) else { panic!() };
    assert_eq!((short.spendable, short.arriving), (Amount(20_000), Amount(10_000)));
}

#[test]
fn change_that_costs_more_than_it_holds_goes_to_the_fee() {
    let coins = [coin(1, 10_000, 1)];
    let sizes = Sizes::measure(None);
    let bare = sizes.total(1, 1, 1) as u64;
    let dust = (sizes.input + sizes.output) as u64;
    let exact = select(&request(&coins, 10_000 - bare)).unwrap();
    assert_eq!((exact.change, exact.fee), (None, Amount(bare)));
    let below = select(&request(&coins, 10_000 - bare - dust)).unwrap();
    assert_eq!((below.change, below.fee), (None, Amount(bare + dust)));
    let above = select(&request(&coins, 10_000 - bare - dust - 1)).unwrap();
    assert_eq!(above.change, Some(Amount(dust + 1 - sizes.output as u64)));
    assert_eq!(above.fee.0, above.size as u64);
    assert_eq!(above.outputs[1].to, address(1));
    assert!(select(&request(&coins, 10_000 - bare + 1)).is_err());
}

#[test]
fn a_shortfall_says_where_the_money_is() {
    let by = TransactionId(Hash([7; 32]));
    let state = |coin, state| OwnCoin { state, ..coin };
    let coins = [
        coin(1, 5_000, 1),
        coin(2, 10, 1),
        state(coin(3, 700, 1), CoinState::Immature { from: Height(50) }),
        state(coin(4, 700, 1), CoinState::Immature { from: Height(40) }),
        state(coin(5, 30, 1), CoinState::Bonded),
        state(coin(6, 40, 1), CoinState::Spending { by }),
        state(coin(7, 50, 1), CoinState::Arriving { by }),
    ];
    let Err(SelectError::Insufficient(short)) = select(&request(&coins, 6_000)) else { panic!() };
    let fee = Sizes::measure(None).total(1, 1, 1) as u64;
    let expected = Shortfall {
        amount: Amount(6_000),
        fee: Amount(fee),
        spendable: Amount(5_010),
        dust: Amount(10),
        most: Amount(5_000 - fee),
        immature: Amount(1_400),
        immature_from: Some(Height(40)),
        arriving: Amount(50),
        spending: Amount(40),
        bonded: Amount(30),
        picked: false,
    };
    assert_eq!(*short, expected);
    assert_eq!(
        short.to_string(),
        "0.00006 and a fee of 0.0000017 make 0.0000617, but only 0.0000501 may be spent: 0.0000001 of it in coins that \
         cost more to spend than they hold, 0.000014 more is immature (the first from height 40), 0.0000005 more is \
         pending, sent by others, 0.0000004 more is being spent by pending transactions, 0.0000003 more is locked in bonds"
    );
    // The promise holds: that much can be paid, and not a unit more.
    assert!(select(&request(&coins, short.most.0)).is_ok());
    assert!(select(&request(&coins, short.most.0 + 1)).is_err());
}

#[test]
fn no_coins_at_all_are_a_shortfall_too() {
    let Err(SelectError::Insufficient(short)) = select(&request(&[], 6_000)) else { panic!() };
    assert_eq!((short.spendable, short.most), (Amount::ZERO, Amount::ZERO));
    assert!(short.fee > Amount::ZERO);
    let Err(SelectError::Insufficient(_)) = select(&request(&[], u64::MAX)) else { panic!() };
}

#[test]
fn more_coins_than_a_transaction_takes_have_to_be_merged_first() {
    let coins: Vec<OwnCoin> = (0..1000).map(|mark| coin(mark, 1_000, mark)).collect();
    let Err(error) = select(&request(&coins, 500_000)) else { panic!() };
    let SelectError::TooManyInputs { inputs_max: INPUTS_MAX, reach, .. } = error else {
        panic!("{error}")
    };
    assert!(error.to_string().starts_with("merge coins first: "), "{error}");
    assert_eq!(select(&request(&coins, reach.0)).unwrap().inputs.len(), INPUTS_MAX);
    assert!(select(&request(&coins, reach.0 + 1)).is_err());
    let Err(SelectError::Insufficient(_)) = select(&request(&coins, 2_000_000)) else { panic!() };
}

#[test]
fn many_small_young_coins_give_way_to_larger_ones_no_older_than_needed() {
    let mut coins: Vec<OwnCoin> = (0..600).map(|mark| coin(mark, 1_000, 1_000 + mark)).collect();
    coins.push(coin(700, 400_000, 500));
    coins.push(coin(701, 400_000, 400));
    let selection = select(&request(&coins, 500_000)).unwrap();
    assert!(selection.inputs.len() <= INPUTS_MAX);
    assert!(marks(&selection).contains(&700));
    assert!(!marks(&selection).contains(&701));
}

#[test]
fn a_small_limit_of_bytes_is_kept() {
    let coins: Vec<OwnCoin> = (0..50).map(|mark| coin(mark, 1_000, mark)).collect();
    for bytes_max in [400, 500, 1_000] {
        let request = |amount| Request { bytes_max, ..request(&coins, amount) };
        let Err(SelectError::TooManyInputs { reach, inputs_max, .. }) = select(&request(40_000))
        else {
            panic!()
        };
        let selection = select(&request(reach.0)).unwrap();
        assert_eq!(selection.inputs.len(), inputs_max);
        assert!(selection.size <= bytes_max);
    }
}

#[test]
fn picked_coins_are_spent_all_and_alone() {
    let by = TransactionId(Hash([7; 32]));
    let coins = [
        coin(1, 10_000, 1),
        coin(2, 10_000, 2),
        OwnCoin { state: CoinState::Immature { from: Height(9) }, ..coin(3, 10_000, 3) },
        OwnCoin { state: CoinState::Spending { by }, ..coin(4, 10_000, 3) },
    ];
    let pick = |picked: &[u64], amount| {
        let picked: Vec<CoinId> = picked.iter().map(|mark| coin_id(*mark)).collect();
        select(&Request { picked: &picked, ..request(&coins, amount) })
    };
    assert_eq!(marks(&pick(&[1], 1_000).unwrap()), [1]);
    assert_eq!(marks(&pick(&[1, 2], 1_000).unwrap()), [1, 2]);
    let Err(SelectError::Insufficient(short)) = pick(&[1], 10_000) else { panic!() };
    assert!(short.to_string().ends_with("but the picked coins hold only 0.0001"), "{short}");
    assert!(pick(&[1], short.most.0).is_ok());
    assert_eq!(pick(&[1, 1], 1_000), Err(SelectError::PickedTwice(coin_id(1))));
    assert_eq!(pick(&[8], 1_000), Err(SelectError::PickedUnknown(coin_id(8))));
    let immature = pick(&[3], 1_000).unwrap_err().to_string();
    assert!(immature.contains("immature until height 9"), "{immature}");
    let spending = pick(&[4], 1_000).unwrap_err().to_string();
    assert!(spending.contains("spends it already"), "{spending}");
    let many: Vec<u64> = (0..300).collect();
    assert!(pick(&many, 1_000).unwrap_err().to_string().starts_with("merge coins first: 300"));
}

#[test]
fn nothing_and_next_to_nothing_are_not_paid() {
    let coins = [coin(1, 10_000, 1)];
    assert_eq!(select(&request(&coins, 0)), Err(SelectError::Zero));
    let least = Cost::of(&request(&coins, 1)).dust();
    let error = select(&request(&coins, least.0 - 1)).unwrap_err();
    assert_eq!(error, SelectError::Dust { amount: Amount(least.0 - 1), least });
    assert!(select(&request(&coins, least.0)).is_ok());
}

#[test]
fn factors_of_the_fee_are_read() {
    for (text, thousandths) in [("1", 1000), ("1.5", 1500), ("2.125", 2125), ("1000", 1_000_000)] {
        assert_eq!(text.parse(), Ok(FeeFactor(thousandths)), "{text}");
    }
    for (text, reason) in [
        ("", "write a number"),
        ("x", "write a number"),
        ("-1", "write a number"),
        ("1.", "write a number"),
        ("1.2345", "3 decimals"),
        ("0.999", "no node takes less"),
        ("0", "no node takes less"),
        ("1000.001", "at most 1000"),
        ("99999999999999999999", "at most 1000"),
    ] {
        let error = text.parse::<FeeFactor>().unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    assert_eq!(FeeRate::new(3, "1.5".parse().unwrap()).fee(3), Amount(14));
    assert_eq!(FeeRate::new(u64::MAX, FeeFactor::MAX).fee(1 << 30), Amount(u64::MAX));
}

/// Coins of some owners in some states, as few as a naive model can try all subsets of.
fn coins(owners: u8) -> impl Strategy<Value = Vec<OwnCoin>> {
    let by = TransactionId(Hash([7; 32]));
    let state = prop_oneof![
        6 => Just(CoinState::Spendable),
        2 => Just(CoinState::Change { by }),
        1 => Just(CoinState::Arriving { by }),
        1 => Just(CoinState::Immature { from: Height(50) }),
        1 => Just(CoinState::Spending { by }),
    ];
    let one = (1u8..=owners, prop_oneof![1u64..300, 1u64..5_000], 0u64..5, state);
    prop::collection::vec(one, 0..9).prop_map(|coins| {
        (0..)
            .zip(coins)
            .map(|(mark, (owner, amount, time, state))| OwnCoin {
                owner: address(owner),
                state,
                ..coin(mark, amount, time)
            })
            .collect()
    })
}

/// The model: whether any subset of at most `inputs_max` of these coins pays, by trying them all.
fn payable(coins: &[OwnCoin], cost: &Cost) -> bool {
    (1u32..1 << coins.len()).any(|subset| {
        let chosen = (0..coins.len()).filter(|index| subset & (1 << index) != 0);
        let chosen: Vec<OwnCoin> = chosen.map(|index| coins[index]).collect();
        chosen.len() <= cost.inputs_max && cost.covered(&Pile::of(&chosen))
    })
}

fn those(coins: &[OwnCoin], wanted: impl Fn(&OwnCoin) -> bool) -> Vec<OwnCoin> {
    coins.iter().filter(|coin| wanted(coin)).copied().collect()
}

/// What holds for every selection.
fn check(selection: &Selection, request: &Request<'_>) -> Result<(), TestCaseError> {
    let cost = Cost::of(request);
    let sum = |amounts: &mut dyn Iterator<Item = Amount>| Amount::total(amounts).unwrap();
    let inputs = sum(&mut selection.inputs.iter().map(|coin| coin.amount));
    let outputs = sum(&mut selection.outputs.iter().map(|output| output.amount));
    prop_assert_eq!(inputs.minus(outputs), Some(selection.fee));
    prop_assert_eq!(Some(selection.outputs[0]), request.purpose.output().map(|(output, _)| output));
    prop_assert!(selection.outputs.iter().all(|output| output.amount > Amount::ZERO));
    prop_assert_eq!(selection.outputs.len(), 1 + usize::from(selection.change.is_some()));

    let ids: BTreeSet<CoinId> = selection.inputs.iter().map(|coin| coin.id).collect();
    prop_assert_eq!(ids.len(), selection.inputs.len());
    prop_assert!(selection.inputs.iter().all(|coin| request.coins.contains(coin)));
    prop_assert!(selection.inputs.iter().all(|coin| coin.state.usable()));

    prop_assert_eq!(selection.size, real_size(selection));
    let floor = request.fee.fee(selection.size);
    prop_assert!(selection.fee >= floor);
    let needless = selection.fee.0 - floor.0;
    prop_assert!(needless <= cost.dust().0);
    prop_assert!(selection.change.is_none() || needless == 0);

    for left_out in &selection.inputs {
        let others = those(&selection.inputs, |coin| coin.id != left_out.id);
        prop_assert!(!cost.covered(&Pile::of(&others)), "{:?} is not needed", left_out);
    }
    Ok(())
}

proptest! {
    #[test]
    fn selections_are_right_and_found_whenever_there_are_any(
        coins in coins(3),
        amount in 61u64..12_000,
        factor in prop_oneof![Just(1000u64), 1000u64..3000],
    ) {
        let request = Request { fee: FeeRate::new(1, FeeFactor(factor)), ..request(&coins, amount) };
        let cost = Cost::of(&request);
        let confirmed = those(&coins, |coin| coin.state == CoinState::Spendable);
        let usable = those(&coins, |coin| coin.state.usable());
        match select(&request) {
            Ok(selection) => {
                check(&selection, &request)?;
                prop_assert!(selection.unconfirmed() == 0 || !payable(&confirmed, &cost)
                    // Rounding a fee up may hide a single unit per coin.
                    || factor != 1000);
            }
            Err(SelectError::Insufficient(short)) => {
                prop_assert!(!payable(&usable, &cost) || factor != 1000);
                let paid = Output { to: address(9), amount: short.most };
                let most = Request { purpose: Purpose::Pay(paid), ..request };
                match select(&most) {
                    Ok(selection) => check(&selection, &most)?,
                    Err(SelectError::Dust { .. } | SelectError::Zero) => {}
                    Err(error) => prop_assert!(false, "the most is too much: {error}"),
                }
            }
            Err(SelectError::Dust { least, .. }) => prop_assert!(amount < least.0),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn the_order_of_the_coins_changes_nothing(
        mut coins in coins(3),
        amount in 61u64..8_000,
        turn in 0usize..8,
    ) {
        let before = select(&request(&coins, amount));
        let turn = turn % coins.len().max(1);
        coins.rotate_left(turn);
        coins.reverse();
        prop_assert_eq!(before, select(&request(&coins, amount)));
    }

    #[test]
    fn with_one_owner_no_younger_coins_would_have_done(coins in coins(1), amount in 61u64..8_000) {
        let coins = those(&coins, |coin| coin.state == CoinState::Spendable);
        let request = request(&coins, amount);
        if let Ok(selection) = select(&request) {
            let oldest = selection.inputs.iter().map(|coin| coin.time).min().unwrap();
            let younger = those(&coins, |coin| coin.time > oldest);
            prop_assert!(!payable(&younger, &Cost::of(&request)));
        }
    }

    #[test]
    fn with_few_inputs_allowed_a_payment_is_found_all_the_same(
        coins in coins(1),
        amount in 61u64..8_000,
        bytes_max in 200usize..400,
    ) {
        let request = Request { bytes_max, ..request(&coins, amount) };
        let cost = Cost::of(&request);
        prop_assume!(cost.inputs_max < 6);
        let usable = those(&coins, |coin| coin.state.usable());
        match select(&request) {
            Ok(selection) => {
                check(&selection, &request)?;
                prop_assert!(selection.inputs.len() <= cost.inputs_max);
            }
            Err(_) => prop_assert!(!payable(&usable, &cost)),
        }
    }
}

#[test]
fn a_deposit_is_one_coin_of_its_amount_for_oneself_however_small() {
    let coins = [coin(1, 5_000, 1), OwnCoin { state: CoinState::Bonded, ..coin(2, 9_000, 2) }];
    let operation = Operation::ResignDelegate;
    for amount in [1, 4_000] {
        let deposit = Output { to: address(1), amount: Amount(amount) };
        let purpose = Purpose::Lock { operation: &operation, deposit };
        let selection = select(&Request { purpose, ..request(&coins, 0) }).unwrap();
        assert_eq!(marks(&selection), [1]);
        assert_eq!(
            (selection.outputs[0], &selection.operation),
            (deposit, &Some(operation.clone()))
        );
        let paid: u64 = selection.outputs.iter().map(|output| output.amount.0).sum();
        assert_eq!(paid + selection.fee.0, 5_000);
        assert_eq!(selection.fee.0, selection.size as u64);
        assert_eq!(real_size(&selection), selection.size);
    }
    let deposit = Output { to: address(1), amount: Amount(5_000) };
    let purpose = Purpose::Lock { operation: &operation, deposit };
    let error = select(&Request { purpose, ..request(&coins, 0) }).unwrap_err();
    assert!(matches!(error, SelectError::Insufficient(short) if short.bonded == Amount(9_000)));
}
