use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead as _, AsyncWrite as _, DuplexStream, ReadBuf};

use super::*;
use crate::types::Keypair;

/// One end of a pipe, as libp2p's streams are used.
struct Pipe(DuplexStream);

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let read = Pin::new(&mut self.0).poll_read(cx, &mut buffer);
        read.map_ok(|()| buffer.filled().len())
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

fn pipe() -> (Pipe, Pipe) {
    let (a, b) = tokio::io::duplex(1024);
    (Pipe(a), Pipe(b))
}

fn somebody(seed: u8) -> Identity {
    Identity {
        genesis: GenesisId(Hash([7; 32])),
        peer: PeerId::random(),
        key: Keypair::from_secret(&[seed; 32]),
    }
}

/// What each makes of the other, when each thinks that the other's peer id is this one.
async fn meet(
    (a, peer_of_b): (&Identity, &PeerId),
    (b, peer_of_a): (&Identity, &PeerId),
) -> (Result<AuthorityId, Refused>, Result<AuthorityId, Refused>) {
    let (mut here, mut there) = pipe();
    let opened = async move { open(&mut here, a, peer_of_b).await };
    let accepted = async move { accept(&mut there, b, peer_of_a).await };
    tokio::join!(opened, accepted)
}

fn forged(outcome: &Result<AuthorityId, Refused>) -> bool {
    matches!(outcome, Err(Refused::Forged))
}

#[tokio::test]
async fn each_learns_who_the_other_is() {
    let (a, b) = (somebody(1), somebody(2));
    let (opened, accepted) = meet((&a, &b.peer), (&b, &a.peer)).await;
    assert_eq!(opened.unwrap(), b.key.address());
    assert_eq!(accepted.unwrap(), a.key.address());
}

#[tokio::test]
async fn a_proof_is_of_one_chain_and_between_two_machines() {
    let (a, b, other) = (somebody(1), somebody(2), PeerId::random());
    let elsewhere = Identity { genesis: GenesisId(Hash([8; 32])), ..a.clone() };
    assert!(forged(&meet((&elsewhere, &b.peer), (&b, &a.peer)).await.0));
    assert!(forged(&meet((&a, &other), (&b, &a.peer)).await.0), "passed on by somebody between");
    assert!(forged(&meet((&a, &b.peer), (&b, &other)).await.0));
}

#[tokio::test]
async fn ones_own_key_at_another_is_no_authority_to_talk_to() {
    let (a, b) = (somebody(1), somebody(1));
    let (opened, accepted) = meet((&a, &b.peer), (&b, &a.peer)).await;
    assert!(matches!(opened, Err(Refused::Ours)));
    assert!(matches!(accepted, Err(Refused::Gone(_))), "the opener left");
}

/// Whoever recorded a whole handshake cannot use it again, in either role: the nonce is another.
#[tokio::test]
async fn a_recorded_handshake_proves_nothing() {
    let (a, b) = (somebody(1), somebody(2));
    let (mut here, mut between) = pipe();
    let mut recorded = (vec![0; NONCE], vec![0; PROOF]);
    let honest = open(&mut here, &a, &b.peer);
    let b_answers = async {
        between.read_exact(&mut recorded.0).await.unwrap();
        let theirs: Nonce = recorded.0.clone().try_into().unwrap();
        let ours = fresh().unwrap();
        let said = statement(&b.genesis, Role::Acceptor, (&b.peer, &ours), (&a.peer, &theirs));
        prove(&mut between, &said, &b, &ours).await.unwrap();
        between.read_exact(&mut recorded.1).await.unwrap();
    };
    let (proved, ()) = tokio::join!(honest, b_answers);
    assert_eq!(proved.unwrap(), b.key.address());

    let replayed = recorded.0.iter().chain(&recorded.1).copied().collect::<Vec<u8>>();
    let (mut here, mut there) = pipe();
    there.write_all(&replayed).await.unwrap();
    assert!(forged(&accept(&mut here, &b, &a.peer).await), "to the same machine, on a new stream");
    let (mut here, mut there) = pipe();
    there.write_all(&replayed).await.unwrap();
    assert!(forged(&open(&mut here, &b, &a.peer).await), "and not as an acceptor");
}

#[tokio::test]
async fn every_bit_of_a_proof_counts() {
    let b = somebody(2);
    let a = somebody(1);
    for bit in (0..8 * PROOF).step_by(13) {
        let (mut here, mut there) = pipe();
        let opener = async {
            let ours = fresh().unwrap();
            there.write_all(&ours).await.unwrap();
            let mut answer = [0; NONCE + PROOF];
            there.read_exact(&mut answer).await.unwrap();
            let theirs = answer.first_chunk().unwrap();
            let said = statement(&a.genesis, Role::Opener, (&a.peer, &ours), (&b.peer, theirs));
            let mut proof = [&a.key.public().0[..], &a.key.sign(&said).0].concat();
            proof[bit / 8] ^= 1 << (bit % 8);
            there.write_all(&proof).await.unwrap();
        };
        let (outcome, ()) = tokio::join!(accept(&mut here, &b, &a.peer), opener);
        assert!(forged(&outcome), "bit {bit}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_early_proves_nobody() {
    let b = somebody(2);
    let (mut here, there) = pipe();
    drop(there);
    let outcome = accept(&mut here, &b, &PeerId::random()).await;
    assert!(matches!(outcome, Err(Refused::Gone(_))));
}
