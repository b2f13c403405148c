//! Checking ed25519 signatures, one at a time or many at once.
//!
//! Both follow ZIP 215, which fixes every choice that RFC 8032 leaves open: keys and commitments may be any encoding of
//! any point (small order and non-canonical ones too), `S` must be canonical, and the equation is multiplied by the
//! cofactor. Only under such rules do a batch and a single check always agree, so that a node which learnt of a
//! transaction alone and one which met it in a block come to the same verdict.
//!
//! A batch adds up all equations, each times a coefficient that a forger cannot foresee. Entropy is banned here, so the
//! coefficients come from ChaCha20 seeded with a hash of the whole batch (the transform of Fiat and Shamir): to change
//! any byte of the batch is to change them all. A false signature passes with a chance of 2⁻¹²⁸.
//!
//! A batch only says *all good* or *not all good*. In the second case it is cut into pieces of [`PIECE`], each checked
//! as a batch of its own, and only the pieces that fail are checked one by one. With one bad signature this costs about
//! as much as a second batch; with bad ones everywhere it costs about twice what single checks alone would have cost,
//! which bounds what a hostile sender can gain by mixing them in.

use borsh::BorshSerialize;
use ed25519_zebra::{Signature, VerificationKey, VerificationKeyBytes, batch};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// The size of the pieces that a failed batch is cut into: the smallest that is still clearly faster than single checks.
pub const PIECE: usize = 16;

/// The context of the hash that seeds the coefficients; it belongs to nothing else.
const COEFFICIENTS: &str = "assay ed25519 batch coefficients v1";

/// One question: did the owner of `key` sign `message`?
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize)]
pub struct SignatureCheck {
    /// The ed25519 public key, as it stands on the chain.
    pub key: [u8; 32],
    /// The signing hash: it covers a domain tag and the genesis id, so that no signature is good elsewhere.
    pub message: [u8; 32],
    /// `R ‖ S`.
    pub signature: [u8; 64],
}

impl SignatureCheck {
    /// Answers this one question.
    pub fn is_valid(&self) -> bool {
        verify_single(&self.key, &self.message, &self.signature)
    }

    fn queue(&self, verifier: &mut batch::Verifier) {
        verifier.queue((
            VerificationKeyBytes::from(self.key),
            Signature::from_bytes(&self.signature),
            &self.message,
        ));
    }
}

/// Whether `signature` is one of `key`'s owner over `message`, by the rules of ZIP 215.
pub fn verify_single(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerificationKey::try_from(*key)
        .and_then(|key| key.verify(&Signature::from_bytes(signature), message))
        .is_ok()
}

/// The indices of the bad signatures, in ascending order; empty when all are good.
///
/// Agrees with [`verify_single`] on every input. The result depends on nothing but `items`.
pub fn verify_batch(items: &[SignatureCheck]) -> Vec<usize> {
    if all_valid(items) {
        return Vec::new();
    }
    if items.len() <= PIECE {
        return invalid_ones(items, 0);
    }
    let mut bad = Vec::new();
    for (start, piece) in (0..).step_by(PIECE).zip(items.chunks(PIECE)) {
        // Where nothing was bad so far, the last piece must be: a batch of it could only say what is known.
        let last = start + piece.len() == items.len();
        if (last && bad.is_empty()) || !all_valid(piece) {
            bad.extend(invalid_ones(piece, start));
        }
    }
    bad
}

/// Whether every signature is good, found in one equation.
fn all_valid(items: &[SignatureCheck]) -> bool {
    match items {
        [] => true,
        [only] => only.is_valid(),
        _ => {
            let mut verifier = batch::Verifier::new();
            items.iter().for_each(|item| item.queue(&mut verifier));
            verifier.verify(coefficients(items)).is_ok()
        }
    }
}

/// The bad ones of a piece, checked one by one; `start` is where the piece lies in the whole.
fn invalid_ones(piece: &[SignatureCheck], start: usize) -> Vec<usize> {
    if let [_] = piece {
        // A batch of one is a single check, and it has failed.
        return vec![start];
    }
    (start..).zip(piece).filter(|(_, item)| !item.is_valid()).map(|(index, _)| index).collect()
}

/// Numbers that nobody can choose: they depend on every byte of the batch.
///
/// All fields have one length, so their concatenation is unambiguous.
fn coefficients(items: &[SignatureCheck]) -> ChaCha20Rng {
    let mut hasher = blake3::Hasher::new_derive_key(COEFFICIENTS);
    for item in items {
        hasher.update(&item.key).update(&item.message).update(&item.signature);
    }
    ChaCha20Rng::from_seed(*hasher.finalize().as_bytes())
}

#[cfg(test)]
#[path = "signatures_tests.rs"]
mod tests;
