//! What tests of this room and those below it share: a base in memory, a plain rule, people with coins, drafts.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{
    Base, Coin, CoinKind, Delta, GenesisAccount, Movements, Offence, Params, Payment, ReadFailed,
    Refused, Rewards, System, SystemKey, Transition,
};
use crate::types::testkit::key;
use crate::types::{
    Address, Amount, BlockId, Body, Bounded, Claim, CoinId, Draft, GenesisId, HEADER_VERSION, Hash,
    Header, Height, Keypair, Operation, Output, StateRoot, Time, Transaction, body_root,
};

/// People with keys, numbered from 1.
pub(crate) const PEOPLE: u8 = 5;

/// What each of them has at first.
pub(crate) const FORTUNE: Amount = Amount(1_000_000_000);

pub(crate) fn params() -> Params {
    Params {
        chain: GenesisId(Hash([0xaa; 32])),
        block_bytes_max: 100_000,
        transactions_max: 50,
        fee_per_byte_min: 1,
        maturity: 3,
        evidence_window: 0,
        supply_max: Amount(1 << 52),
    }
}

/// One coin for each person, in order, all of the same amount.
pub(crate) fn accounts() -> Vec<GenesisAccount> {
    let account = |number| GenesisAccount {
        owner: key(number).address(),
        amount: FORTUNE,
        time: Time::default(),
    };
    (1..=PEOPLE).map(account).collect()
}

/// The key behind an address.
pub(crate) fn key_of(owner: &Address) -> Keypair {
    (1..=PEOPLE).map(key).find(|key| key.address() == *owner).expect("the owner is one of us")
}

/// A final state in memory.
#[derive(Debug, Default)]
pub(crate) struct MemBase(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>, Mutex<Option<Vec<u8>>>);

impl MemBase {
    /// From now on entries whose names begin so cannot be read.
    pub(crate) fn fail(&self, prefix: &[u8]) {
        *self.1.lock().unwrap_or_else(PoisonError::into_inner) = Some(prefix.to_vec());
    }

    pub(crate) fn write(&self, delta: &Delta) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in delta.entries() {
            match value {
                Some(value) => entries.insert(key.to_bytes(), value),
                None => entries.remove(&key.to_bytes()),
            };
        }
    }
}

impl Base for MemBase {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadFailed> {
        let failing = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        if failing.as_ref().is_some_and(|prefix| key.starts_with(prefix)) {
            return Err(ReadFailed("the disk is gone".into()));
        }
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    fn names(&self, prefix: &[u8], after: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, ReadFailed> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |name: &&Vec<u8>| name.starts_with(prefix) && name.as_slice() > after;
        Ok(entries.keys().filter(fits).take(limit).cloned().collect())
    }
}

/// A base whose disk is gone.
#[derive(Debug)]
pub(crate) struct BrokenBase;

impl Base for BrokenBase {
    fn read(&self, _: &[u8]) -> Result<Option<Vec<u8>>, ReadFailed> {
        Err(ReadFailed("the disk is gone".into()))
    }

    fn names(&self, _: &[u8], _: &[u8], _: usize) -> Result<Vec<Vec<u8>>, ReadFailed> {
        Err(ReadFailed("the disk is gone".into()))
    }
}

/// A rule that issues money, keeps part of the fees and writes, rewrites and removes entries of its own.
#[derive(Debug)]
pub(crate) struct Plain {
    /// New money per block.
    pub(crate) issued: Amount,
    /// Of the fees, so many parts in a hundred go to the producer; the rest is burned.
    pub(crate) fees_percent: u64,
    /// Notes in one block: a limit that no transaction breaks alone.
    pub(crate) notes_max: u64,
}

impl Plain {
    pub(crate) fn new(issued: u64, fees_percent: u64) -> Self {
        Self { issued: Amount(issued), fees_percent, notes_max: u64::MAX }
    }

    fn notes() -> SystemKey {
        SystemKey::new("plain/notes")
    }

    /// How often the rule has run, and a family of three entries of which one is missing after each block.
    pub(crate) fn keys() -> (SystemKey, [SystemKey; 3]) {
        let member = |number: u8| SystemKey::member("plain/of", &[number]);
        (SystemKey::new("plain/blocks"), [member(0), member(1), member(2)])
    }
}

/// What a slot commits to is said once, unless it is nothing; to say it again costs nothing.
impl Transition for Plain {
    fn statement(&self, header: &Header) -> Option<Hash> {
        match header.claim {
            Claim::Slot { commit, .. } if commit != Hash::default() => Some(commit),
            _ => None,
        }
    }

    fn sentence(&self, _: &Offence<'_>, _: &mut System<'_, '_>) -> Result<(), Refused> {
        Ok(())
    }

    fn before(&self, _: &Draft, state: &mut System<'_, '_>) -> Result<(), Refused> {
        let (count, _) = Self::keys();
        let blocks: u64 = state.get(&count)?.unwrap_or_default();
        state.put(&count, &(blocks + 1));
        Ok(())
    }

    fn operation(
        &self,
        operation: &Operation,
        _: Address,
        _: Height,
        state: &mut System<'_, '_>,
    ) -> Result<(), Refused> {
        match operation {
            Operation::Note { .. } => {
                let notes: u64 = state.get(&Self::notes())?.unwrap_or_default();
                state.put(&Self::notes(), &(notes + 1));
                match notes < self.notes_max {
                    true => Ok(()),
                    false => Err(Refused::Invalid("enough notes in this block".into())),
                }
            }
            other => Err(Refused::operation(other)),
        }
    }

    fn after(
        &self,
        block: &Draft,
        fees: Amount,
        _: &Movements,
        state: &mut System<'_, '_>,
    ) -> Result<Rewards, Refused> {
        state.remove(&Self::notes());
        let (_, members) = Self::keys();
        let height = block.header.height.0;
        for (index, member) in (0..).zip(&members) {
            match (height + index) % 3 {
                0 => state.remove(member),
                1 => state.put(member, &height),
                _ => {}
            }
        }
        let amount = Amount(self.issued.0 + fees.0 * self.fees_percent / 100);
        let to = block.header.producer;
        let payments = vec![Payment { to, amount, kind: CoinKind::Reward }];
        Ok(Rewards { issued: self.issued, payments })
    }
}

/// A signed transaction that spends these coins; what `outputs` leave is the fee.
pub(crate) fn transaction(
    inputs: &[(CoinId, Coin)],
    outputs: &[(Address, Amount)],
    operation: Option<Operation>,
    params: &Params,
) -> Transaction {
    let mut owners: Vec<Address> = Vec::new();
    for (_, coin) in inputs {
        if !owners.contains(&coin.owner) {
            owners.push(coin.owner);
        }
    }
    let output = |(to, amount): &(Address, Amount)| Output { to: *to, amount: *amount };
    let mut transaction = Transaction {
        inputs: Bounded::truncated(inputs.iter().map(|(id, _)| *id).collect()),
        outputs: Bounded::truncated(outputs.iter().map(output).collect()),
        operation,
        witnesses: Bounded::default(),
    };
    let owners: Vec<Keypair> = owners.iter().map(key_of).collect();
    transaction.sign(&params.chain, &owners);
    transaction
}

/// A draft at a height and a time of one second per block, without a state root.
pub(crate) fn draft(
    parent: BlockId,
    height: Height,
    producer: u8,
    transactions: Vec<Transaction>,
    params: &Params,
) -> Draft {
    let body =
        Body { transactions: Bounded::truncated(transactions), evidence: Bounded::default() };
    let header = Header {
        version: HEADER_VERSION,
        height,
        parent,
        time: Time(height.0.saturating_mul(1000)),
        producer: key(producer).address(),
        claim: Claim::Round { round: 0 },
        body_root: body_root(&body, &params.chain),
        state_root: StateRoot::default(),
    };
    Draft { header, body }
}
