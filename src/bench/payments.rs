//! Payments to offer: accounts out of a seed, coins for them, and signed transactions.
//!
//! Every payment spends a coin of its own and makes two, as an ordinary payment does. Coins come from one coin of a
//! development account, which is split over and over until there are enough: a payment then depends on no other one that
//! is still pending, and two payments never compete.
//!
//! A payload is more outputs, not a note: every rule and every amount of bytes takes those.

use super::schedule::{AMOUNT_MAX, Deal};
use crate::types::{
    Address, Amount, Bounded, CoinId, GenesisId, Keypair, OUTPUTS_MAX, Output, PublicKey,
    Signature, Transaction, TransactionId, Witness, encode,
};

/// Outputs of an ordinary payment.
const OUTPUTS: usize = 2;

/// The most outputs that a payload adds.
pub const EXTRA_MAX: usize = OUTPUTS_MAX - OUTPUTS;

/// The most coins that one split makes, beside its change.
pub const SPLIT_MAX: usize = 250;

/// A coin that can be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coin {
    /// Its id.
    pub id: CoinId,
    /// The number of the account that owns it.
    pub owner: usize,
    /// What it holds, in base units.
    pub amount: u64,
}

/// A signed transaction as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Its id.
    pub id: TransactionId,
    /// Its encoding.
    pub bytes: Box<[u8]>,
}

/// The size of a transaction with one input, one owner and so many outputs, in bytes.
pub fn size(outputs: usize) -> usize {
    let output = Output { to: Address::default(), amount: Amount(1) };
    let witness = Witness { key: PublicKey([0; 32]), signature: Signature([0; 64]) };
    Transaction {
        inputs: Bounded::truncated(vec![CoinId::default()]),
        outputs: Bounded::truncated(vec![output; outputs]),
        operation: None,
        witnesses: Bounded::truncated(vec![witness]),
    }
    .size()
}

/// The outputs that add at least so many bytes to a payment; more than [`EXTRA_MAX`] do not fit.
pub fn outputs_for(payload: usize) -> usize {
    payload.div_ceil(size(1) - size(0))
}

/// What a transaction with so many outputs pays, in base units: the least fee, and never nothing.
fn fee(outputs: usize, per_byte: u64) -> Option<u64> {
    // A size fits 64 bits.
    (size(outputs) as u64).checked_mul(per_byte).map(|fee| fee.max(1))
}

fn signed(transaction: &Transaction, chain: &GenesisId) -> Signed {
    Signed { id: transaction.id(chain), bytes: encode(transaction).into() }
}

/// The accounts, and how they pay.
#[derive(Debug)]
pub struct Payer {
    accounts: Vec<Keypair>,
    addresses: Vec<Address>,
    chain: GenesisId,
    extra: usize,
    fee: u64,
}

impl Payer {
    /// So many accounts out of a seed, which pay `per_byte` base units of fee for each byte and make `extra` more
    /// outputs. `None` if no amount can hold such a fee.
    pub fn new(
        accounts: usize,
        seed: u64,
        chain: GenesisId,
        per_byte: u64,
        extra: usize,
    ) -> Option<Self> {
        let account = |number: usize| {
            let mut hasher = blake3::Hasher::new_derive_key("assay bench accounts v1");
            hasher.update(&seed.to_le_bytes()).update(&(number as u64).to_le_bytes()); // it fits
            Keypair::from_secret(hasher.finalize().as_bytes())
        };
        let accounts: Vec<Keypair> = (0..accounts).map(account).collect();
        let addresses = accounts.iter().map(Keypair::address).collect();
        Some(Self { accounts, addresses, chain, extra, fee: fee(OUTPUTS + extra, per_byte)? })
    }

    /// What a payment takes out of its coin at most, in base units, if nothing of its change is spent again.
    pub fn cost(&self) -> Option<u64> {
        // At most 254 outputs, and amounts of schedules are small.
        self.fee.checked_add(AMOUNT_MAX + self.extra as u64)
    }

    /// The address of an account.
    pub fn address(&self, account: usize) -> Address {
        self.addresses[account % self.addresses.len()]
    }

    /// The size of its payments in bytes.
    pub fn size(&self) -> usize {
        size(OUTPUTS + self.extra)
    }

    /// A signed payment, and the change, which belongs to whoever paid. The coin must hold more than [`Self::cost`].
    pub fn pay(&self, coin: &Coin, deal: &Deal) -> (Signed, Coin) {
        let owner = coin.owner % self.accounts.len();
        let change = coin.amount - self.fee - deal.amount - self.extra as u64; // as above
        let output = |to: Address, amount: u64| Output { to, amount: Amount(amount) };
        let to = self.address(deal.to);
        let mut outputs = vec![output(self.addresses[owner], change), output(to, deal.amount)];
        outputs.extend(std::iter::repeat_n(output(to, 1), self.extra));
        let mut transaction = Transaction {
            inputs: Bounded::truncated(vec![coin.id]),
            outputs: Bounded::truncated(outputs),
            operation: None,
            witnesses: Bounded::default(),
        };
        transaction.sign(&self.chain, std::slice::from_ref(&self.accounts[owner]));
        let signed = signed(&transaction, &self.chain);
        let id = Transaction::coin_id(&signed.id, 0, &self.chain);
        (signed, Coin { id, owner, amount: change })
    }
}

/// How one coin becomes many: level by level, each coin of a level is split into those of the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FanOut {
    /// The levels, the first to be made first.
    pub levels: Vec<Level>,
    /// What the coin must hold that is split first, in base units.
    pub cost: u64,
}

/// Coins that come out of splitting those of the level before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// How many there are.
    pub coins: usize,
    /// How many of them one split makes at most.
    pub width: usize,
    /// What each holds, in base units.
    pub amount: u64,
    /// What each split pays.
    pub fee: u64,
}

impl FanOut {
    /// So many coins of this amount, where one split makes at most `width` of them. `None` if no amount can hold that.
    pub fn plan(coins: usize, amount: u64, width: usize, per_byte: u64) -> Option<Self> {
        let (mut levels, mut coins, mut amount) = (Vec::new(), coins.max(1), amount);
        let most = width.clamp(2, SPLIT_MAX);
        loop {
            let parents = coins.div_ceil(most);
            let width = coins.div_ceil(parents);
            let fee = fee(width + 1, per_byte)?; // one more for the change
            levels.push(Level { coins, width, amount, fee });
            // At most 250, so it fits.
            amount = amount.checked_mul(width as u64)?.checked_add(fee)?;
            coins = parents;
            if parents == 1 {
                levels.reverse();
                return Some(Self { levels, cost: amount });
            }
        }
    }
}

/// A split: the transaction, its id, and the ids of the coins that it makes for `owners`, in order.
#[derive(Debug, Clone)]
pub struct Split {
    /// The transaction.
    pub signed: Signed,
    /// What it makes.
    pub coins: Vec<CoinId>,
}

impl Level {
    /// Splits a coin of the level before among owners of this one, [`Level::width`] of them at most. What is left returns
    /// to `key`, which owns the coin.
    pub fn split(
        &self,
        (coin, amount): (CoinId, u64),
        owners: &[Address],
        key: &Keypair,
        chain: &GenesisId,
    ) -> Split {
        let spent = self.amount * owners.len() as u64 + self.fee; // the plan made sure that it fits
        let mut outputs: Vec<Output> =
            owners.iter().map(|to| Output { to: *to, amount: Amount(self.amount) }).collect();
        if amount > spent {
            outputs.push(Output { to: key.address(), amount: Amount(amount - spent) });
        }
        let mut transaction = Transaction {
            inputs: Bounded::truncated(vec![coin]),
            outputs: Bounded::truncated(outputs),
            operation: None,
            witnesses: Bounded::default(),
        };
        transaction.sign(chain, std::slice::from_ref(key));
        let signed = signed(&transaction, chain);
        let coin = |place| Transaction::coin_id(&signed.id, place, chain);
        let coins = (0..owners.len()).map(coin).collect();
        Split { signed, coins }
    }
}

#[cfg(test)]
#[path = "payments_tests.rs"]
mod tests;
