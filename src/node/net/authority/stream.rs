//! What happens on a stream: one that we opened is written, one that a peer opened is read.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::io::{ReadHalf, WriteHalf};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::PeerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::super::counters::bump;
use super::super::rates::{AUTHORITY_BYTES, AUTHORITY_MESSAGES, Allowance};
use super::handshake::{self, Refused};
use super::hub::{Hub, Identity};
use super::queue::{PREFIX, Queue};
use crate::consensus::{MESSAGE_BYTES_MAX, Message};
use crate::types::Bounded;

/// How long proving may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a peer may take nothing of what is written to it. Long against a pause of its disk, short against what its
/// messages are worth by then.
pub(in crate::node::net) const STALL_MAX: Duration = Duration::from_secs(STALL_SECONDS);
const STALL_SECONDS: u64 = if cfg!(test) { 1 } else { 5 };

/// Bytes of one stream's messages that the host has not handled yet: a message of the largest kind, and the next.
const UNHANDLED_BYTES_MAX: usize = 2 * (MESSAGE_BYTES_MAX + UNHANDLED_BYTES_MIN);

/// What a message counts for at least, however short it is: so there are never more than some two thousand.
const UNHANDLED_BYTES_MIN: usize = 4 << 10;

/// The place that a message holds until it is handled. Dropping it makes room for the next.
#[derive(Debug, Clone)]
pub struct Room(
    // Held, never read.
    #[allow(dead_code, reason = "what matters is when it is dropped")] Arc<OwnedSemaphorePermit>,
);

impl PartialEq for Room {
    /// Room is room: messages are compared by what they say.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Room {}

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("nothing was proved within {} s", HANDSHAKE.as_secs())]
    Slow,
    #[error("there are enough streams of those who are no authorities")]
    Crowded,
    #[error("closed: {0}")]
    Closed(#[from] io::Error),
    #[error("nothing was taken for {} s", STALL_MAX.as_secs())]
    Stalled,
    #[error("a message of {0} bytes where at most {MESSAGE_BYTES_MAX} are allowed")]
    Oversized(usize),
    #[error("it talks on a stream that is ours to talk on")]
    Talks,
}

/// Proves us to a peer to whom we opened a stream, then writes what is queued for it. Says why that ended.
pub(super) async fn send<S>(mut stream: S, hub: Arc<Hub>, me: Arc<Identity>, peer: PeerId) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let to = match timeout(HANDSHAKE, handshake::open(&mut stream, &me, &peer)).await {
        Ok(Ok(to)) => to,
        Ok(Err(refused)) => return refused.into(),
        Err(_) => return Ended::Slow,
    };
    let (_way, queue) = hub.enter(to, peer);
    let (reader, writer) = stream.split();
    tokio::select! {
        ended = silence(reader) => ended,
        ended = write(writer, &queue, &hub) => ended,
    }
}

/// Waits until the other side closes.
async fn silence<S: AsyncRead + Unpin>(mut reader: ReadHalf<S>) -> Ended {
    match reader.read(&mut [0]).await {
        Ok(0) => Ended::Closed(io::ErrorKind::UnexpectedEof.into()),
        Ok(_) => Ended::Talks,
        Err(error) => error.into(),
    }
}

async fn write<S: AsyncWrite + Unpin>(mut writer: WriteHalf<S>, queue: &Queue, hub: &Hub) -> Ended {
    loop {
        let (bytes, messages) = queue.next().await;
        let mut left = &bytes[..];
        while !left.is_empty() {
            match timeout(STALL_MAX, writer.write(left)).await {
                Ok(Ok(0)) => return Ended::Closed(io::ErrorKind::WriteZero.into()),
                Ok(Ok(written)) => left = &left[written..],
                Ok(Err(error)) => return error.into(),
                Err(_) => return Ended::Stalled,
            }
        }
        match timeout(STALL_MAX, writer.flush()).await {
            Ok(Ok(())) => hub.counters().authority_out.count_all(messages, bytes.len()),
            Ok(Err(error)) => return error.into(),
            Err(_) => return Ended::Stalled,
        }
    }
}

/// Proves us to a peer that opened a stream, then hands what it says to the host. Says why that ended.
pub(super) async fn receive<S>(
    mut stream: S,
    hub: Arc<Hub>,
    me: Arc<Identity>,
    peer: PeerId,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let from = match timeout(HANDSHAKE, handshake::accept(&mut stream, &me, &peer)).await {
        Ok(Ok(from)) => from,
        Ok(Err(refused)) => return refused.into(),
        Err(_) => return Ended::Slow,
    };
    let Some(_way) = hub.admit(from) else { return Ended::Crowded };
    let unhandled = Arc::new(Semaphore::new(UNHANDLED_BYTES_MAX));
    let now = Instant::now();
    let mut messages = Allowance::new(AUTHORITY_MESSAGES, now);
    let mut bytes = Allowance::new(AUTHORITY_BYTES, now);
    loop {
        let mut prefix = [0; PREFIX];
        if let Err(error) = stream.read_exact(&mut prefix).await {
            return error.into();
        }
        let length = u32::from_le_bytes(prefix) as usize; // usize is at least 32 bits wide
        if length > MESSAGE_BYTES_MAX {
            return Ended::Oversized(length);
        }
        let now = Instant::now();
        let wait = messages.wait(now).max(bytes.wait(now));
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        messages.owe(1, Instant::now());
        bytes.owe(PREFIX + length, Instant::now());
        let read = match hub.is_member(&from) {
            true => take(&mut stream, length, &unhandled).await,
            false => skip(&mut stream, length).await.map(|()| None),
        };
        match read {
            Ok(Some((message, room))) => {
                hub.counters().authority_in.count(PREFIX + length);
                hub.received(from, message, room);
            }
            Ok(None) => {
                bump(&hub.counters().authority_strange);
            }
            Err(error) => return error.into(),
        }
    }
}

/// Reads a message once there is room for it. Memory grows with what really arrives.
async fn take<S: AsyncRead + Unpin>(
    stream: &mut S,
    length: usize,
    unhandled: &Arc<Semaphore>,
) -> io::Result<Option<(Message, Room)>> {
    let weight = u32::try_from(length.max(UNHANDLED_BYTES_MIN)).unwrap_or(u32::MAX);
    let room = unhandled.clone().acquire_many_owned(weight).await.map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(length.min(16 << 10));
    stream.take(length as u64).read_to_end(&mut bytes).await?; // usize is at most 64 bits wide here
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let message = Message(Bounded::new(bytes).expect("its length was looked at"));
    Ok(Some((message, Room(Arc::new(room)))))
}

/// Reads past a message.
async fn skip<S: AsyncRead + Unpin>(stream: &mut S, length: usize) -> io::Result<()> {
    let skipped = stream.take(length as u64); // usize is at most 64 bits wide here
    let skipped = futures::io::copy(skipped, &mut futures::io::sink()).await?;
    match skipped == length as u64 {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
