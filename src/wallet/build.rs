//! From selected coins to a signed transaction.
//!
//! Whatever is signed is signed for one chain: its genesis id is part of the transaction's id and of what the witnesses
//! sign, so the same bytes mean nothing elsewhere. The id is the one that the node says; which chain that is, is for the
//! person to see, so whoever sends money prints [`Chain::name`](super::node::Chain::name) and the id first.

use std::collections::BTreeMap;

use super::select::Selection;
use crate::types::{Address, Bounded, GenesisId, Keypair, Transaction, TransactionId};

/// A transaction that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Its id on the chain that it was signed for.
    pub id: TransactionId,
    /// The transaction.
    pub transaction: Transaction,
}

/// Why a selection could not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// No key of this owner was given.
    #[error("the key of {0:?}, which owns a coin that is to be spent, is missing")]
    MissingKey(Address),
    /// The selection has more parts than a transaction may have.
    #[error("{inputs} coins to spend and {outputs} to create are more than a transaction may have")]
    TooLarge {
        /// Coins to spend.
        inputs: usize,
        /// Coins to create.
        outputs: usize,
    },
}

/// Builds the transaction that a selection means and signs it with the keys of its owners, in the order in which the
/// inputs first name them. Keys that are not needed are not used.
///
/// # Errors
///
/// A key is missing, or there are too many coins; [`select`](super::select::select) never selects too many.
pub fn sign(
    selection: &Selection,
    chain: &GenesisId,
    keys: &[Keypair],
) -> Result<Signed, BuildError> {
    let by_address: BTreeMap<Address, &Keypair> =
        keys.iter().map(|key| (key.address(), key)).collect();
    let key = |owner: Address| {
        by_address.get(&owner).map(|key| (*key).clone()).ok_or(BuildError::MissingKey(owner))
    };
    let owners = selection.owners().into_iter().map(key).collect::<Result<Vec<_>, _>>()?;
    let too_large = || BuildError::TooLarge {
        inputs: selection.inputs.len(),
        outputs: selection.outputs.len(),
    };
    let inputs = selection.inputs.iter().map(|coin| coin.id).collect();
    let mut transaction = Transaction {
        inputs: Bounded::new(inputs).map_err(|_| too_large())?,
        outputs: Bounded::new(selection.outputs.clone()).map_err(|_| too_large())?,
        operation: selection.operation.clone(),
        witnesses: Bounded::default(),
    };
    transaction.sign(chain, &owners);
    Ok(Signed { id: transaction.id(chain), transaction })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Coin, CoinKind, CoinView, Params, ReadFailed, signature_checks, validate};
    use crate::types::signatures::verify_batch;
    use crate::types::{Amount, CoinId, Hash, Height, Output, Time};
    use crate::wallet::select::{CoinState, FeeFactor, FeeRate, OwnCoin, Purpose, Request, select};

    fn key(mark: u8) -> Keypair {
        Keypair::from_secret(&[mark; 32])
    }

    const CHAIN: GenesisId = GenesisId(Hash([3; 32]));

    /// Coins of 1000 base units, named by who owns them.
    struct Coins(BTreeMap<CoinId, Coin>);

    impl CoinView for Coins {
        fn coin(&self, id: &CoinId) -> Result<Option<Coin>, ReadFailed> {
            Ok(self.0.get(id).copied())
        }
    }

    fn selection(owners: &[u8], amount: u64) -> (Coins, Selection) {
        let own: Vec<OwnCoin> = (0..)
            .zip(owners)
            .map(|(mark, owner)| OwnCoin {
                id: CoinId(Hash([mark; 32])),
                owner: key(*owner).address(),
                amount: Amount(1000),
                time: Time(u64::from(mark)),
                state: CoinState::Spendable,
            })
            .collect();
        let held = |coin: &OwnCoin| Coin {
            owner: coin.owner,
            amount: coin.amount,
            height: Height(1),
            time: coin.time,
            kind: CoinKind::Transfer,
        };
        let coins = Coins(own.iter().map(|coin| (coin.id, held(coin))).collect());
        let selection = select(&Request {
            coins: &own,
            picked: &[],
            purpose: Purpose::Pay(Output { to: key(9).address(), amount: Amount(amount) }),
            change_to: key(1).address(),
            fee: FeeRate::new(1, FeeFactor::ONE),
            bytes_max: 1 << 20,
        });
        (coins, selection.unwrap())
    }

    #[test]
    fn the_ledger_accepts_what_is_built() {
        let keys = [key(3), key(1), key(2), key(4)];
        for owners in [&[1u8][..], &[1, 1, 1], &[1, 2, 1, 3], &[3, 2, 1, 2, 3, 1]] {
            let amount = 400 * owners.len() as u64;
            let (coins, selection) = selection(owners, amount);
            let Signed { id, transaction } = sign(&selection, &CHAIN, &keys).unwrap();
            assert_eq!(id, transaction.id(&CHAIN));
            assert_eq!(transaction.size(), selection.size);
            let params = Params {
                chain: CHAIN,
                block_bytes_max: 1 << 20,
                transactions_max: 10,
                fee_per_byte_min: 1,
                maturity: 10,
                evidence_window: 0,
                supply_max: Amount(1 << 52),
            };
            let size = transaction.size();
            let accepted = validate(&transaction, size, &coins, Height(2), &params).unwrap();
            assert_eq!(accepted.fee, selection.fee);
            assert!(
                verify_batch(&signature_checks(&transaction.id(&CHAIN), &transaction, &CHAIN))
                    .is_empty()
            );
            let elsewhere = GenesisId(Hash([4; 32]));
            assert!(
                !verify_batch(&signature_checks(
                    &transaction.id(&elsewhere),
                    &transaction,
                    &elsewhere
                ))
                .is_empty()
            );
        }
    }

    #[test]
    fn every_owner_has_to_sign() {
        let (_, selection) = selection(&[1, 2], 1_500);
        let error = sign(&selection, &CHAIN, &[key(1), key(3)]).unwrap_err();
        assert_eq!(error, BuildError::MissingKey(key(2).address()));
    }
}
