//! One miner: its lines in, those for it out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout_at;

use super::hub::Hub;
use crate::miner::stratum::{ConnectionId, LINE_BYTES_MAX};
use crate::node::host::wall_clock;
use crate::node::rpc::Rates;

/// Milliseconds that a line may take from its first byte to its end, and writing to take anything.
const STALL_MS: u64 = if cfg!(test) { 300 } else { 10_000 };

const STALL: Duration = Duration::from_millis(STALL_MS);

/// Lines of a connection in a second, and for two seconds twice as many. A miner sends one in ten seconds, and the
/// fastest chip there is a hundred a second until its difficulty is right.
const LINES_PER_SECOND: u32 = 100;

/// How long the last word may take to be heard.
const LAST_WORD: Duration = Duration::from_millis(500);

/// How long to wait when lines come faster.
const PAUSE: Duration = Duration::from_millis(20);

/// Why a connection ends.
enum End {
    /// The other side ended it, or the hub did.
    Over,
    /// A line took too long, or was too long.
    Line,
    /// The other side takes nothing.
    Stalled,
}

/// Talks until one side has enough.
pub(super) async fn serve(
    hub: Arc<Hub>,
    stream: TcpStream,
    address: IpAddr,
    id: ConnectionId,
    told: Receiver<String>,
    rates: Arc<Rates>,
) {
    let _ = stream.set_nodelay(true); // slower without, but it works
    let own = Rates::new(LINES_PER_SECOND);
    let gone = Gone { hub, id };
    let mut talk = Talk { hub: &gone.hub, stream, address, id, told, own, rates };
    match talk.run().await {
        End::Over => talk.hang_up().await,
        End::Line => {
            tracing::debug!(%address, "a miner is cut off: its line does not end");
            talk.hang_up().await;
        }
        End::Stalled => tracing::debug!(%address, "a miner is cut off: it takes nothing"),
    }
}

/// Tells the hub that a connection is gone, however it ends.
struct Gone {
    hub: Arc<Hub>,
    id: ConnectionId,
}

impl Drop for Gone {
    fn drop(&mut self) {
        self.hub.disconnect(wall_clock(), self.id);
    }
}

struct Talk<'a> {
    hub: &'a Hub,
    stream: TcpStream,
    address: IpAddr,
    id: ConnectionId,
    told: Receiver<String>,
    own: Rates,
    rates: Arc<Rates>,
}

impl Talk<'_> {
    async fn run(&mut self) -> End {
        let mut buffer = Vec::with_capacity(512);
        // When the line in the buffer has to be complete.
        let mut deadline = None;
        loop {
            let far = tokio::time::Instant::now() + Duration::from_secs(3600);
            tokio::select! {
                line = self.told.recv() => {
                    let Some(line) = line else { return End::Over };
                    if let Err(end) = self.write(line).await {
                        return end;
                    }
                }
                read = timeout_at(deadline.unwrap_or(far), read(&mut self.stream, &mut buffer)) => match read {
                    Ok(Ok(1..)) => {
                        match self.lines(&mut buffer).await {
                            Ok(0) => {}
                            Ok(_) => deadline = None,
                            Err(end) => return end,
                        }
                        let since = || tokio::time::Instant::now() + STALL;
                        deadline = (!buffer.is_empty()).then(|| deadline.unwrap_or_else(since));
                    }
                    Ok(_) => return End::Over,
                    Err(_) if deadline.is_some() => return End::Line,
                    Err(_) => {}
                }
            }
        }
    }

    /// Handles the lines that are complete and counts them; what is left is the beginning of one.
    async fn lines(&mut self, buffer: &mut Vec<u8>) -> Result<usize, End> {
        let mut lines = 0;
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            self.pace().await;
            self.hub.line(wall_clock(), self.id, &buffer[..=end]);
            buffer.drain(..=end);
            self.flush().await?;
            lines += 1;
        }
        if buffer.len() > LINE_BYTES_MAX {
            // It is told why, and that is all.
            self.hub.line(wall_clock(), self.id, buffer);
            self.flush().await?;
            return Err(End::Line);
        }
        Ok(lines)
    }

    /// Waits while lines come too fast. What is not read fills the socket, and then its sender waits.
    async fn pace(&self) {
        while !self.own.allow(self.address, Instant::now()) {
            tokio::time::sleep(PAUSE).await;
        }
        while !self.rates.allow(self.address, Instant::now()) {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends what there is to be sent now.
    async fn flush(&mut self) -> Result<(), End> {
        match self.told.try_recv() {
            Ok(line) => self.write(line).await,
            Err(tokio::sync::mpsc::error::TryRecvError::Empty) => Ok(()),
            Err(tokio::sync::mpsc::error::TryRecvError::Disconnected) => Err(End::Over),
        }
    }

    /// Closes so that the last word is heard: a connection with unread bytes would be reset, and take it along.
    async fn hang_up(&mut self) {
        let _ = self.stream.shutdown().await; // it may be gone
        let _ = tokio::time::timeout(LAST_WORD, forget(&mut self.stream)).await;
    }

    /// Sends a line and whatever waits behind it.
    async fn write(&mut self, mut text: String) -> Result<(), End> {
        while let Ok(more) = self.told.try_recv() {
            text.push_str(&more);
        }
        match tokio::time::timeout(STALL, self.stream.write_all(text.as_bytes())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Over),
            Err(_) => Err(End::Stalled),
        }
    }
}

/// Reads and forgets until nothing more comes.
async fn forget(stream: &mut TcpStream) {
    let mut bytes = [0; 1024];
    while matches!(stream.read(&mut bytes).await, Ok(1..)) {}
}

/// Reads what there is, up to a byte more than a line may have.
async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<usize> {
    let room = (LINE_BYTES_MAX + 1).saturating_sub(buffer.len());
    stream.take(room as u64).read_buf(buffer).await // a line is short
}
