//! Where secrets, salts and nonces come from.

use super::KeystoreError;

/// A source of bytes that nobody can foresee. Tests put a known one in its place.
pub trait Entropy {
    /// Fills the whole buffer, or fails.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), KeystoreError>;
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), KeystoreError> {
        getrandom::fill(buffer)
            .map_err(|error| KeystoreError::Entropy { reason: error.to_string() })
    }
}

/// An array of fresh bytes that are no secret: a salt or a nonce.
pub(super) fn array<const N: usize>(entropy: &mut dyn Entropy) -> Result<[u8; N], KeystoreError> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}
