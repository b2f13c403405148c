//! How two authorities prove their keys to each other on a fresh stream.
//!
//! ```text
//! opener   → nonce
//! acceptor → nonce, key, signature
//! opener   → key, signature, and messages from here on
//! ```
//!
//! Each signs a tagged hash of the genesis id, its role, its own peer id and nonce, the other's peer id and nonce. The peer
//! ids are those that the connection has authenticated. So a proof is good for one stream of one connection between two
//! machines on one chain, in one direction, and can neither be replayed nor passed on.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::PeerId;

use super::hub::Identity;
use crate::consensus::AuthorityId;
use crate::types::signatures::verify_single;
use crate::types::{Address, GenesisId, Hash, PublicKey, tagged};

/// Bytes of a nonce: nobody draws one twice.
const NONCE: usize = 32;

/// Bytes of a proof: a public key and a signature.
const PROOF: usize = 32 + 64;

type Nonce = [u8; NONCE];

/// Why nobody was proved.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The other's signature does not verify.
    #[error("its proof of an authority's key does not verify")]
    Forged,
    /// The other has the key of this node.
    #[error("it signs with the authority key of this node")]
    Ours,
    /// The stream ended first.
    #[error("the stream ended before anything was proved: {0}")]
    Gone(#[from] io::Error),
}

/// Who does what in a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Opener,
    Acceptor,
}

impl Role {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Opener => b"opener",
            Self::Acceptor => b"acceptor",
        }
    }
}

/// What one side signs.
fn statement(
    genesis: &GenesisId,
    role: Role,
    (signer, nonce): (&PeerId, &Nonce),
    (other, other_nonce): (&PeerId, &Nonce),
) -> Hash {
    let parts = [role.name(), &signer.to_bytes(), nonce, &other.to_bytes(), other_nonce];
    tagged("assay/authority", genesis, &parts)
}

fn fresh() -> io::Result<Nonce> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(io::Error::other)?;
    Ok(nonce)
}

/// Proves our key to a peer to whom we opened a stream. Says who it is.
pub(super) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    me: &Identity,
    peer: &PeerId,
) -> Result<AuthorityId, Refused> {
    let ours = fresh()?;
    stream.write_all(&ours).await?;
    stream.flush().await?;
    let mut theirs = [0; NONCE];
    stream.read_exact(&mut theirs).await?;
    let said = statement(&me.genesis, Role::Acceptor, (peer, &theirs), (&me.peer, &ours));
    let other = judge(stream, &said, me).await?;
    let said = statement(&me.genesis, Role::Opener, (&me.peer, &ours), (peer, &theirs));
    prove(stream, &said, me, &[]).await?;
    Ok(other)
}

/// Proves our key to a peer that opened a stream. Says who it is.
pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    me: &Identity,
    peer: &PeerId,
) -> Result<AuthorityId, Refused> {
    let mut theirs = [0; NONCE];
    stream.read_exact(&mut theirs).await?;
    let ours = fresh()?;
    let said = statement(&me.genesis, Role::Acceptor, (&me.peer, &ours), (peer, &theirs));
    prove(stream, &said, me, &ours).await?;
    let said = statement(&me.genesis, Role::Opener, (peer, &theirs), (&me.peer, &ours));
    judge(stream, &said, me).await
}

/// Writes our proof, after something that goes with it.
async fn prove<S: AsyncWrite + Unpin>(
    stream: &mut S,
    statement: &Hash,
    me: &Identity,
    before: &[u8],
) -> io::Result<()> {
    let (key, signature) = (me.key.public(), me.key.sign(statement));
    stream.write_all(&[before, &key.0, &signature.0].concat()).await?;
    stream.flush().await
}

/// Reads the other's proof. Says whose it is.
async fn judge<S: AsyncRead + Unpin>(
    stream: &mut S,
    statement: &Hash,
    me: &Identity,
) -> Result<AuthorityId, Refused> {
    let mut proof = [0; PROOF];
    stream.read_exact(&mut proof).await?;
    let (key, signature) = proof.split_first_chunk().expect("a proof begins with a key");
    let signature = signature.try_into().expect("and ends with a signature");
    if !verify_single(key, &statement.0, signature) {
        return Err(Refused::Forged);
    }
    let other = Address::of(&PublicKey(*key));
    if other == me.key.address() {
        return Err(Refused::Ours);
    }
    Ok(other)
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
