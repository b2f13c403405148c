//! Requests and answers on the wire: a length in four bytes, little-endian, then that many bytes.
//!
//! The cap is checked on the length, before memory is taken, and memory grows with what really arrives. A frame that
//! breaks the rules is a value, not an error: an error while reading would end the stream without a word about who
//! sent it.

use std::io;
use std::sync::Arc;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::StreamProtocol;
use libp2p::request_response;

use super::counters::Counters;

/// Why bytes on a stream are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    /// It claims more than is allowed.
    #[error("a message of {claimed} bytes where at most {allowed} are allowed")]
    Oversized {
        /// Bytes, by its length prefix.
        claimed: usize,
        /// Bytes at most.
        allowed: usize,
    },
    /// It ended early. An honest peer whose time ran out does that too.
    #[error("a message cut off after {received} bytes")]
    Truncated {
        /// Bytes that came, the length prefix included.
        received: usize,
    },
}

/// The bytes of a message, or why there are none.
pub(super) type Frame = Result<Vec<u8>, Malformed>;

/// Which of the counters a codec moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The replica's requests: counted.
    Sync,
    /// The exchange of addresses: not counted apart.
    Peers,
}

/// Reads and writes frames.
#[derive(Debug, Clone)]
pub(super) struct FrameCodec {
    /// Bytes in a request.
    pub(super) request_bytes_max: usize,
    /// Bytes in an answer.
    pub(super) response_bytes_max: usize,
    /// What it is used for.
    pub(super) purpose: Purpose,
    /// What counts.
    pub(super) counters: Arc<Counters>,
}

/// Bytes of the length prefix.
const PREFIX: usize = 4;

async fn read<T: AsyncRead + Unpin + Send>(io: &mut T, bytes_max: usize) -> io::Result<Frame> {
    let mut prefix = Vec::with_capacity(PREFIX);
    io.take(PREFIX as u64).read_to_end(&mut prefix).await?; // a constant 4
    if prefix.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed without a word"));
    }
    let Some(prefix) = prefix.first_chunk::<PREFIX>() else {
        return Ok(Err(Malformed::Truncated { received: prefix.len() }));
    };
    let claimed = u32::from_le_bytes(*prefix) as usize; // usize is at least 32 bits wide
    if claimed > bytes_max {
        return Ok(Err(Malformed::Oversized { claimed, allowed: bytes_max }));
    }
    let mut bytes = Vec::with_capacity(claimed.min(16 << 10));
    io.take(claimed as u64).read_to_end(&mut bytes).await?; // usize is at most 64 bits wide here
    if bytes.len() < claimed {
        return Ok(Err(Malformed::Truncated { received: PREFIX + bytes.len() }));
    }
    Ok(Ok(bytes))
}

async fn write<T: AsyncWrite + Unpin + Send>(
    io: &mut T,
    frame: Frame,
    bytes_max: usize,
) -> io::Result<usize> {
    let invalid = |error: Malformed| io::Error::new(io::ErrorKind::InvalidInput, error);
    let bytes = frame.map_err(invalid)?;
    let oversized = Malformed::Oversized { claimed: bytes.len(), allowed: bytes_max };
    let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= bytes_max);
    io.write_all(&length.ok_or_else(|| invalid(oversized))?.to_le_bytes()).await?;
    io.write_all(&bytes).await?;
    io.flush().await?;
    Ok(PREFIX + bytes.len())
}

impl FrameCodec {
    fn counted(&self) -> Option<&Counters> {
        (self.purpose == Purpose::Sync).then_some(&self.counters)
    }
}

impl request_response::Codec for FrameCodec {
    type Protocol = StreamProtocol;
    type Request = Frame;
    type Response = Frame;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Frame> {
        let frame = read(io, self.request_bytes_max).await?;
        if let (Some(counters), Ok(bytes)) = (self.counted(), &frame) {
            counters.requests_in.count(PREFIX + bytes.len());
        }
        Ok(frame)
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Frame> {
        let frame = read(io, self.response_bytes_max).await?;
        if let (Some(counters), Ok(bytes)) = (self.counted(), &frame) {
            counters.responses_in.count(PREFIX + bytes.len());
        }
        Ok(frame)
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        frame: Frame,
    ) -> io::Result<()> {
        let bytes = write(io, frame, self.request_bytes_max).await?;
        if let Some(counters) = self.counted() {
            counters.requests_out.count(bytes);
        }
        Ok(())
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        frame: Frame,
    ) -> io::Result<()> {
        let bytes = write(io, frame, self.response_bytes_max).await?;
        if let Some(counters) = self.counted() {
            counters.responses_out.count(bytes);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::io::Cursor;

    use super::*;

    fn read_all(bytes: &[u8]) -> io::Result<Frame> {
        block_on(read(&mut Cursor::new(bytes), 8))
    }

    #[test]
    fn frames_round_trip_up_to_the_cap_and_not_beyond() {
        for length in [0, 1, 8] {
            let mut wire = Vec::new();
            let bytes = vec![7; length];
            let written = block_on(write(&mut wire, Ok(bytes.clone()), 8)).unwrap();
            assert_eq!((written, wire.len()), (4 + length, 4 + length));
            assert_eq!(read_all(&wire).unwrap(), Ok(bytes));
        }
        assert!(block_on(write(&mut Vec::new(), Ok(vec![7; 9]), 8)).is_err());
    }

    #[test]
    fn a_frame_that_breaks_the_rules_is_named() {
        assert_eq!(read_all(&[]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read_all(&[1, 0]).unwrap(), Err(Malformed::Truncated { received: 2 }));
        assert_eq!(read_all(&[2, 0, 0, 0, 1]).unwrap(), Err(Malformed::Truncated { received: 5 }));
        let oversized = Malformed::Oversized { claimed: 9, allowed: 8 };
        assert_eq!(read_all(&[9, 0, 0, 0]).unwrap(), Err(oversized));
        let huge = Malformed::Oversized { claimed: u32::MAX as usize, allowed: 8 };
        assert_eq!(read_all(&[0xff; 4]).unwrap(), Err(huge));
    }
}
