//! The keys of whoever stakes here. They stay in this process' memory and leave it only as signatures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::consensus::SignOrder;
use crate::types::{Address, GenesisId, Keypair, Seal};

/// The keys that this node may seal blocks with, by the addresses whose coins it stakes.
#[derive(Default)]
pub struct Keyring(Mutex<BTreeMap<Address, Keypair>>);

impl Keyring {
    /// Replaces all keys; the old ones are wiped.
    pub fn replace(&self, keys: impl IntoIterator<Item = Keypair>) {
        *self.keys() = keys.into_iter().map(|key| (key.address(), key)).collect();
    }

    /// Whose keys are here.
    pub fn owners(&self) -> BTreeSet<Address> {
        self.keys().keys().copied().collect()
    }

    /// Seals a block, if the key is here. It is the engine that sees to it that nothing is signed twice: it keeps the
    /// second it signed for durable before it asks, and a wallet's lock keeps others from staking with the same keys.
    pub fn sign(&self, order: &SignOrder, chain: &GenesisId) -> Option<Seal> {
        let keys = self.keys();
        keys.get(&order.by).map(|key| Seal::signed(&order.block, key, chain))
    }

    fn keys(&self) -> MutexGuard<'_, BTreeMap<Address, Keypair>> {
        // What is inside is replaced as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
