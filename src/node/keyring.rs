//! The keys of whoever stakes here. They stay in this process' memory and leave it only as signatures.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::consensus::{SignOrder, Stake};
use crate::types::{Address, Amount, GenesisId, Keypair, Seal};

/// The keys that this node may seal blocks with, by the addresses whose coins it stakes.
#[derive(Default)]
pub struct Keyring(Mutex<Held>);

#[derive(Default)]
struct Held {
    keys: BTreeMap<Address, Keypair>,
    reserve: Amount,
}

impl Keyring {
    /// Replaces all keys, and says how much of their coins is left alone; the old ones are wiped.
    pub fn replace(&self, keys: impl IntoIterator<Item = Keypair>, reserve: Amount) {
        let keys = keys.into_iter().map(|key| (key.address(), key)).collect();
        *self.held() = Held { keys, reserve };
    }

    /// Whose keys are here, and how much of their coins is left alone; nothing without keys.
    pub fn stake(&self) -> Option<Stake> {
        let held = self.held();
        let owners = held.keys.keys().copied().collect();
        (!held.keys.is_empty()).then_some(Stake { owners, reserve: held.reserve })
    }

    /// Seals a block, if the key is here. It is the engine that sees to it that nothing is signed twice: it keeps the
    /// second it signed for durable before it asks, and [locks](super::staking) keep other nodes of this user from staking
    /// with the same keys.
    pub fn sign(&self, order: &SignOrder, chain: &GenesisId) -> Option<Seal> {
        let held = self.held();
        held.keys.get(&order.by).map(|key| Seal::signed(&order.block, key, chain))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // What is inside is replaced as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
