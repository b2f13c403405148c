use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::task::noop_waker_ref;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::io::DuplexStream;
use tokio::time::Instant;

use super::line::{HELD_MAX, Line, SEGMENT};
use super::*;
use crate::spec::{Bandwidth, Loss};
use crate::types::Span;

fn shape(latency: u64, jitter: u64, loss: f64, bandwidth: Option<u64>) -> LinkShape {
    let (loss, bandwidth) = (Loss::from_share(loss), Bandwidth::from_bits(bandwidth));
    LinkShape::new(Span(latency), Span(jitter), loss.unwrap(), bandwidth.unwrap()).unwrap()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn line(shape: LinkShape, now: Instant) -> Line {
    let mut line = Line::new([7; 32]);
    line.reshape(shape, now);
    line
}

/// Takes everything off a line: what arrives, and when.
fn arrivals(line: &mut Line) -> Vec<(Instant, Vec<u8>)> {
    let mut arrivals = Vec::new();
    while let Some(due) = line.due() {
        let bytes = line.front().to_vec();
        line.gone(bytes.len());
        arrivals.push((due, bytes));
    }
    arrivals
}

/// Writes so many segments at one moment, each on its own.
fn burst(line: &mut Line, segments: usize, now: Instant) {
    for n in 0..segments {
        let bytes = [u8::try_from(n % 251).unwrap(); 100];
        assert_eq!(line.write(&bytes, now), bytes.len());
        line.flush();
    }
}

#[test]
fn everything_takes_the_latency() {
    let start = Instant::now();
    let mut line = line(shape(80, 0, 0.0, None), start);
    burst(&mut line, 3, start);
    burst(&mut line, 1, start + ms(50));
    let dues: Vec<_> = arrivals(&mut line).into_iter().map(|(due, _)| due - start).collect();
    assert_eq!(dues, [ms(80), ms(80), ms(80), ms(130)]);
    assert!(line.is_empty());
}

#[test]
fn jitter_spreads_around_the_latency_and_nothing_overtakes() {
    let start = Instant::now();
    let mut line = line(shape(100, 30, 0.0, None), start);
    // A second apart, so that no segment waits for the one before it.
    let mut delays = Vec::new();
    for n in 0..2000 {
        let now = start + Duration::from_secs(n);
        burst(&mut line, 1, now);
        delays.push(arrivals(&mut line)[0].0 - now);
    }
    let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!(*least >= ms(70) && *least < ms(72), "{least:?}");
    assert!(*most <= ms(130) && *most > ms(128), "{most:?}");
    let mean = delays.iter().sum::<Duration>() / 2000;
    assert!(mean > ms(98) && mean < ms(102), "{mean:?}");

    burst(&mut line, 200, start);
    let arrivals = arrivals(&mut line);
    let order: Vec<u8> = arrivals.iter().map(|(_, bytes)| bytes[0]).collect();
    assert_eq!(order, (0..200).collect::<Vec<u8>>());
    assert!(arrivals.windows(2).all(|pair| pair[0].0 <= pair[1].0));
}

#[test]
fn a_line_passes_its_bandwidth_and_no_more() {
    let start = Instant::now();
    // A megabit a second: 8 ms for a thousand bytes.
    let mut line = line(shape(10, 0, 0.0, Some(1_000_000)), start);
    let bytes = vec![1; 100_000];
    assert_eq!(line.write(&bytes, start), bytes.len());
    let arrived = arrivals(&mut line);
    assert_eq!(arrived.len(), bytes.len().div_ceil(SEGMENT));
    let first = Duration::from_nanos(SEGMENT as u64 * 8_000);
    assert_eq!(arrived[0].0 - start, ms(10) + first);
    assert_eq!(arrived.last().unwrap().0 - start, ms(10) + ms(800));
    // It does not save up what it did not use.
    let later = start + Duration::from_secs(60);
    burst(&mut line, 2, later);
    let dues: Vec<_> = arrivals(&mut line).into_iter().map(|(due, _)| due - later).collect();
    assert_eq!(dues, [ms(10) + ms(8) / 10, ms(10) + ms(16) / 10]);
}

#[test]
fn what_was_not_flushed_shares_a_segment() {
    let start = Instant::now();
    let mut line = line(shape(10, 0, 0.0, Some(1_000_000)), start);
    for piece in [&[1; 12][..], &[2; 88]] {
        assert_eq!(line.write(piece, start), piece.len());
    }
    line.flush();
    burst(&mut line, 1, start);
    let arrivals = arrivals(&mut line);
    assert_eq!(arrivals.len(), 2);
    assert_eq!(arrivals[0].1, [vec![1; 12], vec![2; 88]].concat());
    assert_eq!(arrivals[0].0 - start, ms(10) + ms(8) / 10);
    assert_eq!(arrivals[1].0 - start, ms(10) + ms(16) / 10);
}

/// A lost segment comes a timeout later, one that is lost again twice that after it: 240 ms, 480 ms, …
#[test]
fn loss_is_a_pause_as_often_as_it_says() {
    let start = Instant::now();
    let mut line = line(shape(20, 0, 0.1, None), start);
    let mut lost = [0; 4];
    for n in 0..10_000 {
        let now = start + Duration::from_secs(100 * n);
        burst(&mut line, 1, now);
        let pause = arrivals(&mut line)[0].0 - now - ms(20);
        let times = match pause.as_millis() {
            0 => 0,
            240 => 1,
            720 => 2,
            other => {
                assert!([1680, 3600, 7440, 15_120].contains(&other), "{other}");
                3
            }
        };
        lost[times] += 1;
    }
    assert!((8800..9200).contains(&lost[0]), "{lost:?}");
    assert!((800..1000).contains(&lost[1]), "{lost:?}");
    assert!((50..130).contains(&lost[2]), "{lost:?}");
    // Those behind a lost one wait for it.
    burst(&mut line, 500, start);
    let arrivals = arrivals(&mut line);
    assert!(arrivals.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    assert!(arrivals.last().unwrap().0 - start >= ms(260));
}

#[test]
fn even_what_is_nearly_always_lost_arrives() {
    let start = Instant::now();
    let mut line = line(shape(0, 0, 0.999_999, None), start);
    burst(&mut line, 1, start);
    let due = arrivals(&mut line)[0].0;
    // 15 timeouts from 200 ms on, at most a minute each.
    assert!(due - start < Duration::from_secs(15 * 60), "{:?}", due - start);
}

#[test]
fn chance_is_the_seed() {
    let start = Instant::now();
    let run = |seed| {
        let mut line = Line::new([seed; 32]);
        line.reshape(shape(50, 50, 0.3, None), start);
        burst(&mut line, 50, start);
        arrivals(&mut line)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn what_is_held_is_bounded_in_bytes_and_in_pieces() {
    let start = Instant::now();
    let mut line = line(shape(1000, 0, 0.0, None), start);
    let much = vec![0; 2 * HELD_MAX];
    let taken = line.write(&much, start);
    assert!(taken < HELD_MAX && taken > HELD_MAX * 9 / 10, "{taken}");
    assert_eq!(line.write(&much, start), 0);
    let first = line.front().len();
    line.gone(first);
    assert_eq!(line.write(&much, start), first);
    line.clear();
    let mut pieces = 0;
    while line.write(&[0], start) == 1 {
        line.flush();
        pieces += 1;
    }
    assert!(pieces < HELD_MAX / 64, "{pieces}");
}

#[test]
fn another_shape_hastens_what_is_held_and_never_delays_it() {
    let start = Instant::now();
    let mut line = line(shape(1000, 0, 0.0, None), start);
    burst(&mut line, 2, start);
    line.reshape(shape(5000, 0, 0.0, None), start + ms(100));
    assert_eq!(line.due(), Some(start + ms(1000)));
    line.reshape(shape(10, 0, 0.0, None), start + ms(200));
    assert_eq!(line.due(), Some(start + ms(210)));
    line.reshape(LinkShape::default(), start + ms(205));
    assert_eq!(line.due(), Some(start + ms(205)));
    // After silence everything starts anew.
    line.reshape(shape(10, 0, 0.0, None), start + ms(300));
    line.heal(start + ms(400));
    assert_eq!(arrivals(&mut line).last().unwrap().0, start + ms(410));
}

/// One end of a pipe, shaped, and the other end.
struct Pipe {
    links: Links,
    peer: PeerId,
    near: Shaped<Compat>,
    far: Compat,
}

/// A tokio pipe with the traits of futures.
#[derive(Debug)]
struct Compat(DuplexStream);

impl AsyncRead for Compat {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = tokio::io::ReadBuf::new(buffer);
        let read = tokio::io::AsyncRead::poll_read(Pin::new(&mut self.0), cx, &mut buffer);
        read.map_ok(|()| buffer.filled().len())
    }
}

impl AsyncWrite for Compat {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        tokio::io::AsyncWrite::poll_write(Pin::new(&mut self.0), cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        tokio::io::AsyncWrite::poll_flush(Pin::new(&mut self.0), cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        tokio::io::AsyncWrite::poll_shutdown(Pin::new(&mut self.0), cx)
    }
}

impl Pipe {
    fn new(all: LinkShape) -> Self {
        let (near, far) = tokio::io::duplex(8 << 20);
        let peer = PeerId::random();
        let links = Links::new(PeerId::random(), Settings { all, ..Settings::default() });
        let (control, seed) = links.open(&peer);
        let near = Shaped::new(Compat(near), control, seed);
        Self { links, peer, near, far: Compat(far) }
    }

    fn shape(&self, shape: LinkShape) {
        self.links.change(|settings| settings.all = shape).unwrap();
    }

    fn block(&self, blocked: bool) {
        let peers = if blocked { [self.peer].into() } else { BTreeSet::new() };
        self.links.change(|settings| settings.blocked = peers).unwrap();
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.near.write_all(bytes).await.unwrap();
        self.near.flush().await.unwrap();
    }

    /// What has arrived at the far end by now.
    fn arrived(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        let cx = &mut Context::from_waker(noop_waker_ref());
        while let Poll::Ready(read) = Pin::new(&mut self.far).poll_read(cx, &mut buffer) {
            match read.unwrap() {
                0 => break,
                length => all.extend_from_slice(&buffer[..length]),
            }
        }
        all
    }

    /// Drives the near end, as yamux does, until so many bytes have arrived at the far end.
    async fn arrives(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let mut spare = [0; 16];
        let drive = std::future::poll_fn(|cx| {
            let _ = Pin::new(&mut self.near).poll_flush(cx);
            Pin::new(&mut self.near).poll_read(cx, &mut spare).map(drop)
        });
        tokio::select! {
            read = self.far.read_exact(&mut bytes) => read.unwrap(),
            () = drive => panic!("nobody has answered"),
        }
        bytes
    }

    /// What the near end hears, if it hears anything by now.
    fn heard(&mut self) -> Option<u8> {
        let cx = &mut Context::from_waker(noop_waker_ref());
        let mut byte = [0];
        match Pin::new(&mut self.near).poll_read(cx, &mut byte) {
            Poll::Ready(read) => (read.unwrap() == 1).then_some(byte[0]),
            Poll::Pending => None,
        }
    }
}

/// Far longer than any test runs: what is held for so long is held.
const AGES: u64 = 60_000;

#[tokio::test]
async fn a_plain_link_is_a_pipe() {
    let mut pipe = Pipe::new(LinkShape::default());
    pipe.send(b"hello").await;
    assert_eq!(pipe.arrived(), b"hello");
    pipe.far.write_all(b"x").await.unwrap();
    assert_eq!(pipe.heard(), Some(b'x'));
    pipe.near.close().await.unwrap();
    assert_eq!(pipe.far.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_written_is_held_and_comes_in_order_when_it_is_due() {
    let mut pipe = Pipe::new(shape(5, 5, 0.0, Some(100_000_000)));
    let bytes: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[0]).collect();
    pipe.send(&bytes).await; // flushing does not wait for the latency
    assert_eq!(pipe.arrives(bytes.len()).await, bytes);

    pipe.shape(shape(AGES, 0, 0.0, None));
    pipe.send(b"late").await;
    assert_eq!(pipe.arrived(), b"");
    pipe.far.write_all(b"x").await.unwrap();
    assert_eq!(pipe.heard(), Some(b'x'), "only what is sent is shaped");
    // A shape that goes lets go of what it held, and whoever waits is woken.
    let links = &pipe.links;
    let plain = || links.change(|settings| settings.all = LinkShape::default());
    let mut spare = [0; 16];
    let mut bytes = [0; 4];
    let near = &mut pipe.near;
    let drive = std::future::poll_fn(|cx| {
        let _ = Pin::new(&mut *near).poll_flush(cx);
        Pin::new(&mut *near).poll_read(cx, &mut spare).map(drop)
    });
    let read = pipe.far.read_exact(&mut bytes);
    let change = async {
        tokio::task::yield_now().await;
        plain().unwrap();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        read = read => read.unwrap(),
        () = drive => panic!("nobody has answered"),
        () = change => {}
    }
    assert_eq!(&bytes, b"late");
    pipe.send(b"soon").await;
    assert_eq!(pipe.arrived(), b"soon");
}

#[tokio::test]
async fn a_blocked_link_is_silent_both_ways_until_it_is_free() {
    let mut pipe = Pipe::new(LinkShape::default());
    pipe.send(b"before").await;
    pipe.block(true);
    pipe.send(b"during").await;
    pipe.far.write_all(b"x").await.unwrap();
    assert_eq!(pipe.arrived(), b"before");
    assert_eq!(pipe.heard(), None);
    // Who waits to hear is woken when the link is free.
    let Pipe { links, near, .. } = &mut pipe;
    let mut byte = [0];
    let hear = near.read_exact(&mut byte);
    let free = async {
        tokio::task::yield_now().await;
        links.change(|settings| settings.blocked.clear()).unwrap();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        heard = hear => heard.unwrap(),
        () = free => {}
    }
    assert_eq!(&byte, b"x");
    assert_eq!(pipe.arrives(6).await, b"during");
    pipe.send(b"after").await;
    assert_eq!(pipe.arrived(), b"after");
}

#[tokio::test]
async fn a_blocked_link_holds_so_much_and_then_writing_waits() {
    let mut pipe = Pipe::new(LinkShape::default());
    pipe.block(true);
    let cx = &mut Context::from_waker(noop_waker_ref());
    let mut written = 0;
    while let Poll::Ready(taken) = Pin::new(&mut pipe.near).poll_write(cx, &[7; 10_000]) {
        written += taken.unwrap();
        assert!(written <= HELD_MAX);
    }
    assert!(written > HELD_MAX / 2, "{written}");
    pipe.block(false);
    assert_eq!(pipe.arrives(written).await, vec![7; written]);
}

#[tokio::test]
async fn a_link_that_closes_sends_what_it_holds_unless_it_is_blocked() {
    let mut pipe = Pipe::new(shape(5, 0, 0.0, None));
    pipe.send(b"last words").await;
    pipe.near.close().await.unwrap();
    let mut words = Vec::new();
    pipe.far.read_to_end(&mut words).await.unwrap();
    assert_eq!(words, b"last words");

    let mut pipe = Pipe::new(shape(AGES, 0, 0.0, None));
    pipe.send(b"last words").await;
    let cx = &mut Context::from_waker(noop_waker_ref());
    assert!(Pin::new(&mut pipe.near).poll_close(cx).is_pending());
    pipe.block(true);
    pipe.near.close().await.unwrap();
    let mut words = Vec::new();
    pipe.far.read_to_end(&mut words).await.unwrap();
    assert_eq!(words, b"");
}

#[test]
fn each_link_has_its_own_shape_and_new_ones_get_it_too() {
    let [one, other] = [PeerId::random(), PeerId::random()];
    let links = Links::new(PeerId::random(), Settings::default());
    let (open, _) = links.open(&one);
    let slow = shape(80, 0, 0.0, None);
    links.change(|settings| settings.peers = [(one, slow)].into()).unwrap();
    assert_eq!(open.treatment().0.shape, slow);
    let (again, seed) = links.open(&one);
    assert_eq!(again.treatment().0.shape, slow);
    let (plain, other_seed) = links.open(&other);
    assert_eq!(plain.treatment().0, Treatment::default());
    assert_ne!(seed, other_seed);
    let freed = links.change(|settings| settings.blocked = [one, other].into()).unwrap();
    assert!(freed.is_empty() && plain.treatment().0.blocked);
    let freed = links.change(|settings| settings.blocked = [one].into()).unwrap();
    assert_eq!(freed, [other].into());
    assert!(links.of(&one).blocked && !links.of(&other).blocked);
    drop((open, again));
    links.open(&other);
    assert_eq!(links.table().open.len(), 2, "the closed are forgotten");
    let many = (0..=PEERS_MAX).map(|_| PeerId::random()).collect();
    assert_eq!(links.change(|settings| settings.blocked = many), Err(TooManyPeers));
    assert!(links.of(&one).blocked, "what is refused changes nothing");
}
