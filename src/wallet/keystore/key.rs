//! From a password to a key: Argon2id, at a cost that is chosen when the wallet is made.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::KeystoreError;

/// The bytes of salt, as RFC 9106 recommends.
pub(super) const SALT_BYTES: usize = 16;

const KEY_BYTES: usize = 32;

/// What one guess at a password costs: the parameters of Argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    m_kib: u32,
    t: u32,
    p: u32,
}

impl PasswordCost {
    /// The most memory: 1 GiB. Together with [`Self::T_MAX`] it keeps a hostile file from holding up this program.
    pub const M_KIB_MAX: u32 = 1 << 20;
    /// The most passes over the memory.
    pub const T_MAX: u32 = 16;
    /// The most lanes.
    pub const P_MAX: u32 = 16;

    /// 64 MiB, three passes, one lane: about a third of a second, and the memory that RFC 9106 asks for where a
    /// gigabyte is too much.
    pub const DEFAULT: Self = Self { m_kib: 64 * 1024, t: 3, p: 1 };

    /// Memory in KiB, passes, lanes. Argon2 needs 8 KiB a lane; below the default, passwords are easier to guess.
    pub fn new(m_kib: u32, t: u32, p: u32) -> Result<Self, KeystoreError> {
        let within = |name, given, min, max| {
            if (min..=max).contains(&given) {
                Ok(given)
            } else {
                Err(KeystoreError::Cost { name, given, min, max })
            }
        };
        let p = within("p", p, 1, Self::P_MAX)?;
        let t = within("t", t, 1, Self::T_MAX)?;
        let m_kib = within("m_kib", m_kib, Params::MIN_M_COST * p, Self::M_KIB_MAX)?;
        Ok(Self { m_kib, t, p })
    }
}

impl PasswordCost {
    /// Memory in KiB.
    pub fn m_kib(self) -> u32 {
        self.m_kib
    }

    /// Passes over the memory.
    pub fn t(self) -> u32 {
        self.t
    }

    /// Lanes.
    pub fn p(self) -> u32 {
        self.p
    }
}

impl Default for PasswordCost {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The key that a password makes. Wiped when dropped.
#[derive(Clone)]
pub(super) struct Key(Zeroizing<[u8; KEY_BYTES]>);

impl Key {
    /// Hashes the password, which takes the time and the memory of `cost`.
    pub(super) fn derive(
        password: &SecretString,
        salt: &[u8; SALT_BYTES],
        cost: PasswordCost,
    ) -> Result<Self, KeystoreError> {
        let params = Params::new(cost.m_kib, cost.t, cost.p, Some(KEY_BYTES))
            .expect("a cost is made within tighter bounds than Argon2's own");
        // Allocated here so that lack of memory is an error, and so that the blocks, of which the key is made, are wiped.
        let mut memory: Zeroizing<Vec<Block>> = Zeroizing::new(Vec::new());
        memory
            .try_reserve_exact(params.block_count())
            .map_err(|_| KeystoreError::OutOfMemory { m_kib: cost.m_kib })?;
        memory.resize(params.block_count(), Block::default());
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(
                password.expose_secret().as_bytes(),
                salt,
                &mut *key,
                &mut memory[..],
            )
            .expect("the salt, the output and the memory have the lengths that Argon2 wants");
        Ok(Self(key))
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}
