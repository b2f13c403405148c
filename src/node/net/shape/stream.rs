//! A byte stream over a line.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Control;
use super::line::Line;

/// A byte stream whose sending is shaped. Whoever writes has to keep polling one of its methods, as yamux does, for what
/// is held to go on its way; the waker of the last call is woken when something is due.
#[derive(Debug)]
pub struct Shaped<S> {
    stream: S,
    control: Arc<Control>,
    /// The change that was obeyed last.
    seen: u64,
    blocked: bool,
    line: Line,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether the stream below holds bytes that it was not asked to flush.
    unflushed: bool,
}

impl<S> Shaped<S> {
    /// The stream obeys `control` from its first byte.
    pub(in super::super) fn new(stream: S, control: Arc<Control>, seed: [u8; 32]) -> Self {
        let line = Line::new(seed);
        Self { stream, control, seen: 0, blocked: false, line, timer: None, unflushed: false }
    }

    /// Obeys what has changed. Says whether bytes go straight through.
    fn obey(&mut self) -> bool {
        if self.control.changes() != self.seen {
            let (treatment, change) = self.control.treatment();
            self.seen = change;
            let now = Instant::now();
            // What was passed straight on may not have been flushed.
            self.unflushed = true;
            if treatment.shape != self.line.shape() {
                self.line.reshape(treatment.shape, now);
            }
            if self.blocked && !treatment.blocked {
                self.line.heal(now);
            }
            self.blocked = treatment.blocked;
        }
        !self.blocked && self.line.is_empty() && self.line.shape().is_plain()
    }

    /// Whether nothing passes. If so, `reader` or writer is woken when that changes.
    fn silent(&mut self, cx: &Context<'_>, reader: bool) -> bool {
        if self.blocked {
            let waker = if reader { &self.control.reader } else { &self.control.writer };
            waker.register(cx.waker());
            // A change before the waker stood there has woken nobody.
            self.obey();
        }
        self.blocked
    }
}

impl<S: AsyncWrite + Unpin> Shaped<S> {
    /// Sends what is due, and sees to it that the caller is woken for the rest.
    fn pump(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if !self.line.is_empty() {
            // A change may make something due at once.
            self.control.writer.register(cx.waker());
            self.obey();
        }
        while let Some(due) = self.line.due() {
            if self.silent(cx, false) {
                return Ok(());
            }
            if due > Instant::now() && self.wait(due, cx).is_pending() {
                break;
            }
            match Pin::new(&mut self.stream).poll_write(cx, self.line.front())? {
                Poll::Pending => break,
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(sent) => {
                    self.line.gone(sent);
                    self.unflushed = true;
                }
            }
        }
        if self.unflushed && !self.blocked {
            let flushed = Pin::new(&mut self.stream).poll_flush(cx)?;
            self.unflushed = flushed.is_pending();
        }
        Ok(())
    }

    fn wait(&mut self, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Shaped<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.obey() {
            this.pump(cx)?;
            if this.silent(cx, true) {
                return Poll::Pending;
            }
        }
        Pin::new(&mut this.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Shaped<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.obey() {
            return Pin::new(&mut this.stream).poll_write(cx, buffer);
        }
        // First what is due: it may make room, and a shape that is gone gives way to the straight path.
        this.pump(cx)?;
        if this.obey() {
            return Pin::new(&mut this.stream).poll_write(cx, buffer);
        }
        match this.line.write(buffer, Instant::now()) {
            0 if !buffer.is_empty() => Poll::Pending,
            taken => {
                this.pump(cx)?;
                Poll::Ready(Ok(taken))
            }
        }
    }

    /// What is held counts as flushed: it is on its way. To wait for it would stall whoever writes for the latency.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.obey() {
            this.line.flush();
            this.pump(cx)?;
            if !this.obey() {
                return Poll::Ready(Ok(()));
            }
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    /// What is held goes first, except over a blocked link: nobody would ever know it gone, so the connection ends at
    /// once and what is held is lost.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.obey() {
            this.pump(cx)?;
            if this.blocked {
                this.line.clear();
            }
            if !this.line.is_empty() {
                return Poll::Pending;
            }
        }
        Pin::new(&mut this.stream).poll_close(cx)
    }
}
