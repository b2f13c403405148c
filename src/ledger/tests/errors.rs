//! Every reason to refuse a transaction or a block, one sentence per row.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ledger::testkit::{
    BrokenBase, FORTUNE, MemBase, PEOPLE, Plain, accounts, draft, params, transaction,
};
use crate::ledger::*;
use crate::types::testkit::key;
use crate::types::*;

fn state() -> State {
    let params = params();
    let (delta, commitment) = genesis_state(&accounts(), &params);
    let base = Arc::new(MemBase::default());
    base.write(&delta);
    State::at_rest(base, commitment)
}

/// The genesis coin of a person.
fn coin(person: u8) -> (CoinId, Coin) {
    let id = genesis_coin_id(usize::from(person) - 1, &params());
    (id, state().coin(&id).unwrap().unwrap())
}

/// A transaction that would be fine: the fortune of one goes to another, less a fee.
fn fine() -> Transaction {
    transaction(&[coin(1)], &[(key(2).address(), Amount(FORTUNE.0 - 10_000))], None, &params())
}

/// Coins that the genesis block does not make: immature, bonded, worth more than all money.
struct Odd;

fn odd_coin(kind: CoinKind, amount: Amount) -> (CoinId, Coin) {
    let id = CoinId(Hash([kind as u8 + 1; 32]));
    let owner = key(1).address();
    (id, Coin { owner, amount, height: Height(8), time: Time(0), kind })
}

impl CoinView for Odd {
    fn coin(&self, id: &CoinId) -> Result<Option<Coin>, ReadFailed> {
        let kinds = [CoinKind::Transfer, CoinKind::Reward, CoinKind::Stake, CoinKind::Bond];
        let amounts = [MONEY_LIMIT - 1, 500_000, 500_000, 500_000];
        let mut coins = kinds.iter().zip(amounts).map(|(kind, n)| odd_coin(*kind, Amount(n)));
        match coins.find(|(known, _)| known == id) {
            Some((_, coin)) => Ok(Some(coin)),
            None => state().coin(id),
        }
    }
}

fn judge(transaction: &Transaction) -> Result<Accepted, TransactionError> {
    validate(transaction, transaction.size(), &Odd, Height(10), &params())
}

/// The name of a variant. A new one does not compile here before it has a row in the table.
fn name(error: &TransactionError) -> &'static str {
    match error {
        TransactionError::NoInputs => "no inputs",
        TransactionError::NoEffect => "no effect",
        TransactionError::SpentTwice(_) => "spent twice",
        TransactionError::NoSuchCoin(_) => "no such coin",
        TransactionError::Immature { .. } => "immature",
        TransactionError::Bonded(_) => "bonded",
        TransactionError::EmptyOutput(_) => "empty output",
        TransactionError::Overflow => "overflow",
        TransactionError::Overspent { .. } => "overspent",
        TransactionError::FeeTooLow { .. } => "fee too low",
        TransactionError::WitnessCount { .. } => "witness count",
        TransactionError::WitnessKey(_) => "witness key",
        TransactionError::Signature => "signature",
        TransactionError::Operation(_) => "operation",
        TransactionError::Failed(_) => "failed",
    }
}

#[test]
fn every_transaction_that_cannot_stand_is_refused_for_its_own_reason() {
    let params = params();
    let one = key(1).address();
    let to_two = |units| [(key(2).address(), Amount(units))];
    let make = |inputs: &[(CoinId, Coin)], outputs: &[(Address, Amount)]| {
        transaction(inputs, outputs, None, &params)
    };
    let with = |edit: &dyn Fn(&mut Transaction)| {
        let mut transaction = fine();
        edit(&mut transaction);
        transaction
    };
    let reward = odd_coin(CoinKind::Reward, Amount(500_000));
    let stake = odd_coin(CoinKind::Stake, Amount(500_000));
    let bond = odd_coin(CoinKind::Bond, Amount(500_000));
    let rich = odd_coin(CoinKind::Transfer, Amount(MONEY_LIMIT - 1));
    let unknown = (CoinId(Hash([77; 32])), coin(1).1);
    let floor = fine().size() as u64;
    let table: Vec<(&str, Transaction, &str)> = vec![
        ("a transaction without inputs could be replayed", make(&[], &to_two(1)), "no inputs"),
        ("nothing created and nothing done has no effect", make(&[coin(1)], &[]), "no effect"),
        (
            "one coin cannot be spent twice by one transaction",
            make(&[coin(1), coin(1)], &to_two(1)),
            "spent twice",
        ),
        (
            "twice is found even with another coin between",
            make(&[coin(1), coin(2), coin(1)], &to_two(1)),
            "spent twice",
        ),
        ("a coin must exist", make(&[unknown], &to_two(1)), "no such coin"),
        ("a reward waits for maturity", make(&[reward], &to_two(1)), "immature"),
        ("so does a staked coin", make(&[stake], &to_two(1)), "immature"),
        ("a bond is not freed by height", make(&[bond], &to_two(1)), "bonded"),
        (
            "an output holds something",
            make(&[coin(1)], &[(one, Amount(5)), (one, Amount::ZERO)]),
            "empty output",
        ),
        (
            "outputs beyond all money are no sum",
            make(&[coin(1)], &[(one, Amount(u64::MAX)), (one, Amount(2))]),
            "overflow",
        ),
        (
            "outputs at the limit of money are beyond it",
            make(&[coin(1)], &to_two(MONEY_LIMIT)),
            "overflow",
        ),
        (
            "inputs beyond all money are no sum either",
            make(&[rich, coin(1)], &to_two(1)),
            "overflow",
        ),
        ("no more goes out than comes in", make(&[coin(1)], &to_two(FORTUNE.0 + 1)), "overspent"),
        (
            "the fee reaches the floor, not one unit less",
            make(&[coin(1)], &to_two(FORTUNE.0 - floor + 1)),
            "fee too low",
        ),
        (
            "every owner signs",
            with(&|transaction| transaction.witnesses = Bounded::default()),
            "witness count",
        ),
        (
            "nobody else signs",
            with(&|transaction| transaction.sign(&params.chain, &[key(1), key(2)])),
            "witness count",
        ),
        (
            "the owner signs and not another",
            with(&|transaction| transaction.sign(&params.chain, &[key(2)])),
            "witness key",
        ),
        (
            "owners sign in the order in which the inputs name them",
            {
                let mut swapped = make(&[coin(1), coin(2)], &to_two(1));
                swapped.sign(&params.chain, &[key(2), key(1)]);
                swapped
            },
            "witness key",
        ),
    ];
    let mut seen = BTreeSet::new();
    for (sentence, transaction, expected) in table {
        let error = judge(&transaction).expect_err(sentence);
        assert_eq!(name(&error), expected, "{sentence}: {error}");
        seen.insert(expected);
    }
    // Judged elsewhere: by the signature check, by the rule, by the disk. See below.
    seen.extend(["signature", "operation", "failed"]);
    assert_eq!(seen.len(), 15, "a reason has no row");
}

#[test]
fn what_stands_just_inside_the_rules_is_accepted() {
    let params = params();
    let accepted = judge(&fine()).unwrap();
    assert_eq!((accepted.fee, accepted.actor), (Amount(10_000), key(1).address()));
    let floor = fine().size() as u64;
    let outputs = [(key(2).address(), Amount(FORTUNE.0 - floor))];
    let cheapest = transaction(&[coin(1)], &outputs, None, &params);
    assert_eq!(judge(&cheapest).unwrap().fee, Amount(floor), "the floor itself is enough");
    let reward = odd_coin(CoinKind::Reward, Amount(500_000));
    let spend = transaction(&[reward], &[(key(2).address(), Amount(1))], None, &params);
    let at = |height| validate(&spend, spend.size(), &Odd, height, &params);
    assert!(at(Height(11)).is_ok(), "three blocks on top of the one at height 8");
    assert!(at(Height(10)).is_err(), "two are too few");
    let note = Operation::Note { bytes: Bounded::truncated(b"x".to_vec()) };
    let noted = transaction(&[coin(1)], &[], Some(note), &params);
    assert_eq!(judge(&noted).unwrap().fee, FORTUNE, "an operation is effect enough");
    let both = [coin(3), coin(4), coin(3)];
    let merged = transaction(&both[..2], &[(key(1).address(), Amount(1))], None, &params);
    assert_eq!(judge(&merged).unwrap().actor, key(3).address(), "input 0 says who acts");
}

#[test]
fn the_signatures_to_check_are_those_of_the_witnesses_over_the_id() {
    let params = params();
    let transaction =
        transaction(&[coin(1), coin(2)], &[(key(3).address(), Amount(1))], None, &params);
    let checks = signature_checks(&transaction.id(&params.chain), &transaction, &params.chain);
    assert_eq!(checks.len(), 2);
    assert!(checks.iter().all(signatures::SignatureCheck::is_valid));
    let elsewhere = signature_checks(
        &transaction.id(&GenesisId::default()),
        &transaction,
        &GenesisId::default(),
    );
    assert!(elsewhere.iter().all(|check| !check.is_valid()), "another chain, another message");
}

/// Executes a block of these transactions on the genesis state.
fn execute_all(transactions: Vec<Transaction>, params: &Params) -> Result<Executed, ExecuteError> {
    let rule = Plain::new(100, 100);
    let draft = draft(BlockId::default(), Height(1), 1, transactions, params);
    execute(&draft, &state(), Height(0), params, &rule)
}

#[test]
fn every_block_that_cannot_stand_is_refused_for_its_own_reason() {
    let params = params();
    let refused = |transactions, params: &Params| {
        execute_all(transactions, params).map(drop).expect_err("refused").to_string()
    };
    let unvote =
        transaction(&[coin(1)], &[(key(2).address(), Amount(5))], Some(Operation::Unvote), &params);
    let conflict = transaction(&[coin(1)], &[(key(3).address(), Amount(1))], None, &params);
    let table: Vec<(&str, String, &str)> = vec![
        (
            "a coin that an earlier transaction of the block spent is gone",
            refused(vec![fine(), conflict], &params),
            "transaction 1 is invalid: coin",
        ),
        (
            "a rule may have no use for an operation",
            refused(vec![unvote], &params),
            "transaction 0 is invalid: withdrawing a vote is not active under this rule",
        ),
        (
            "a block has a bounded number of transactions",
            refused(vec![fine()], &Params { transactions_max: 0, ..params.clone() }),
            "it has transactions: 1 where the chain allows 0",
        ),
        (
            "a block has a bounded number of bytes",
            refused(vec![fine()], &Params { block_bytes_max: 300, ..params.clone() }),
            "where the chain allows 300",
        ),
        (
            "no block brings the supply over the cap",
            refused(vec![], &Params { supply_max: Amount(5 * FORTUNE.0 + 99), ..params.clone() }),
            "it pays out more than its fees and what it issues",
        ),
    ];
    for (sentence, given, expected) in table {
        assert!(given.contains(expected), "{sentence}: {given}");
    }
    let cap = Params { supply_max: Amount(5 * FORTUNE.0 + 100), ..params.clone() };
    assert!(execute_all(vec![], &cap).is_ok(), "the cap itself may be reached");
}

/// A rule that pays more than there is.
struct Generous;

impl Transition for Generous {
    fn operation(
        &self,
        _: &Operation,
        _: Address,
        _: Height,
        _: &mut System<'_, '_>,
    ) -> Result<(), Refused> {
        Ok(())
    }

    fn after(
        &self,
        _: &Draft,
        _: Amount,
        _: &Movements,
        _: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused> {
        let to = Address::default();
        let payments = vec![Payment { to, amount: Amount(1), kind: CoinKind::Reward }];
        Ok(Rewards { issued: Amount::ZERO, payments })
    }
}

#[test]
fn a_rule_cannot_make_money_or_hide_a_refusal() {
    let params = params();
    let mut draft = draft(BlockId::default(), Height(1), 1, vec![], &params);
    let run = |draft: &Draft| execute(draft, &state(), Height(0), &params, &Generous);
    assert!(matches!(run(&draft), Err(ExecuteError::Inflation)));
    let statement = (Hash::default(), Signature([0; 64]));
    let evidence = Evidence::Statements {
        key: key(1).public(),
        round: 0,
        height: 0,
        step: 0,
        first: statement,
        second: statement,
    };
    draft.body.evidence = Bounded::truncated(vec![evidence]);
    let refused = run(&draft).map(drop).unwrap_err().to_string();
    assert_eq!(refused, "evidence of statements is not active under this rule");
}

#[test]
fn a_broken_disk_is_nobodys_fault() {
    let params = params();
    let broken = State::at_rest(Arc::new(BrokenBase), LtHash::default());
    let judged = validate(&fine(), 1, &broken, Height(1), &params);
    assert!(matches!(judged, Err(TransactionError::Failed(_))));
    let rule = Plain::new(100, 100);
    for transactions in [vec![], vec![fine()]] {
        let draft = draft(BlockId::default(), Height(1), 1, transactions, &params);
        let executed = execute(&draft, &broken, Height(0), &params, &rule);
        assert!(matches!(executed, Err(ExecuteError::Failed(_))));
    }
    assert!(broken.coins_of(&key(1).address(), None, 5).is_err());
    assert_eq!(usize::from(PEOPLE), accounts().len());
}
