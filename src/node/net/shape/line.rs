//! When what was written is due: a line with a latency, a bandwidth and chance, and what is on it. No I/O in here.

use std::collections::VecDeque;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use tokio::time::Instant;

use crate::spec::LinkShape;

/// Bytes of a segment at most: what TCP puts in one packet on Ethernet, 1500 less the headers.
pub(super) const SEGMENT: usize = 1460;

/// Bytes that one line holds: what is under way at 80 Mbit/s over 100 ms. Beyond, who writes has to wait.
pub(super) const HELD_MAX: usize = 1 << 20;

/// What a segment costs beside its bytes, so that many small ones are bounded as well.
const OVERHEAD: usize = 64;

/// The least that a retransmission waits on top of a round trip: Linux bounds the part of the timeout that stands for the
/// variance from below (`TCP_RTO_MIN`, 200 ms).
const RETRANSMISSION_MIN: Duration = Duration::from_millis(200);

/// The greatest retransmission timeout (RFC 6298, section 2.5: a maximum may be placed, of at least 60 s).
const RETRANSMISSION_MAX: Duration = Duration::from_secs(60);

/// Losses of one segment in a row: as often as Linux sends it again before it gives the connection up. Here it arrives.
const LOSSES_MAX: u32 = 15;

/// A piece of what was written.
#[derive(Debug)]
struct Segment {
    due: Instant,
    bytes: Vec<u8>,
    /// How many of the bytes have gone.
    gone: usize,
}

/// What was written and is not due.
#[derive(Debug)]
pub(super) struct Line {
    shape: LinkShape,
    held: VecDeque<Segment>,
    /// Bytes of all that, bookkeeping included.
    cost: usize,
    /// Whether what is written next still goes into the last segment: nobody has asked to flush it.
    open: bool,
    /// When the line has put everything on its way that it was given.
    free: Option<Instant>,
    chance: ChaCha8Rng,
}

impl Line {
    /// An empty line.
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self {
            shape: LinkShape::default(),
            held: VecDeque::new(),
            cost: 0,
            open: false,
            free: None,
            chance: ChaCha8Rng::from_seed(seed),
        }
    }

    pub(super) fn shape(&self) -> LinkShape {
        self.shape
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Takes as much as there is room for; says how much.
    pub(super) fn write(&mut self, bytes: &[u8], now: Instant) -> usize {
        let mut taken = 0;
        while taken < bytes.len() {
            let room = HELD_MAX.saturating_sub(self.cost);
            let (space, cost) = match self.held.back().filter(|_| self.open) {
                Some(last) if last.bytes.len() < SEGMENT => (SEGMENT - last.bytes.len(), 0),
                _ => (SEGMENT, OVERHEAD),
            };
            let length = space.min(bytes.len() - taken).min(room.saturating_sub(cost));
            if length == 0 {
                break;
            }
            let piece = &bytes[taken..taken + length];
            if cost == 0 {
                self.extend(piece);
            } else {
                let due = self.schedule(length, now);
                self.held.push_back(Segment { due, bytes: piece.to_vec(), gone: 0 });
                self.open = true;
            }
            self.cost += cost + length;
            taken += length;
        }
        taken
    }

    /// Adds to the last segment, which the line then takes longer to put on its way.
    fn extend(&mut self, piece: &[u8]) {
        let longer = self.serialization(piece.len());
        if let Some(last) = self.held.back_mut() {
            last.bytes.extend_from_slice(piece);
            last.due += longer;
        }
        self.free = self.free.map(|free| free + longer);
    }

    /// What is written from now on goes into another segment.
    pub(super) fn flush(&mut self) {
        self.open = false;
    }

    /// When something is due next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.held.front().map(|segment| segment.due)
    }

    /// What is due next.
    pub(super) fn front(&self) -> &[u8] {
        self.held.front().map_or(&[], |segment| &segment.bytes[segment.gone..])
    }

    /// So many bytes of that have gone.
    pub(super) fn gone(&mut self, bytes: usize) {
        let Some(first) = self.held.front_mut() else { return };
        first.gone += bytes;
        if first.gone >= first.bytes.len() {
            self.cost = self.cost.saturating_sub(first.bytes.len() + OVERHEAD);
            self.held.pop_front();
            self.open &= !self.held.is_empty();
        }
    }

    /// Everything that is held is lost.
    pub(super) fn clear(&mut self) {
        self.held.clear();
        self.cost = 0;
        self.open = false;
    }

    /// The line has another shape from now on. What is held waits no longer than it would have, and no longer than if it
    /// had been written now.
    pub(super) fn reshape(&mut self, shape: LinkShape, now: Instant) {
        self.shape = shape;
        self.again(now, |before, fresh| before.min(fresh));
    }

    /// The line was cut until now: what is held goes on its way as if it had been written now.
    pub(super) fn heal(&mut self, now: Instant) {
        self.again(now, |_, fresh| fresh);
    }

    /// Schedules everything that is held once more.
    fn again(&mut self, now: Instant, choose: impl Fn(Instant, Instant) -> Instant) {
        let mut held = std::mem::take(&mut self.held);
        self.free = None;
        let mut last = None;
        for segment in &mut held {
            let fresh = self.schedule_after(segment.bytes.len() - segment.gone, now, last);
            segment.due = choose(segment.due, fresh);
            last = Some(segment.due);
        }
        self.held = held;
    }

    fn schedule(&mut self, length: usize, now: Instant) -> Instant {
        let last = self.held.back().map(|segment| segment.due);
        self.schedule_after(length, now, last)
    }

    /// When a segment arrives that is written now, behind one that arrives at `last`.
    fn schedule_after(&mut self, length: usize, now: Instant, last: Option<Instant>) -> Instant {
        let start = self.free.map_or(now, |free| free.max(now));
        let left = start + self.serialization(length);
        self.free = Some(left);
        let due = left + self.latency() + self.pause();
        last.map_or(due, |last| last.max(due))
    }

    /// How long the line takes to put so many bytes on their way.
    fn serialization(&self, length: usize) -> Duration {
        let Some(bits_per_second) = self.shape.bandwidth().bits_per_second() else {
            return Duration::ZERO;
        };
        // A segment's bits times a billion are far below 2⁶⁴, and a length is below 2⁶⁴.
        Duration::from_nanos(length as u64 * 8 * 1_000_000_000 / bits_per_second)
    }

    fn latency(&mut self) -> Duration {
        let latency = Duration::from_millis(self.shape.latency().0);
        let jitter = Duration::from_millis(self.shape.jitter().0);
        if jitter.is_zero() {
            return latency;
        }
        (latency - jitter) + (2 * jitter).mul_f64(self.draw())
    }

    /// How long a segment waits because it was lost, perhaps more than once. The first timeout is a round trip and four
    /// times its variance (RFC 6298, section 2.3), which the jitter stands for; each further one is twice the one before
    /// (section 5.5).
    fn pause(&mut self) -> Duration {
        let loss = self.shape.loss().share();
        if loss == 0.0 {
            return Duration::ZERO;
        }
        let round_trip = 2 * Duration::from_millis(self.shape.latency().0);
        let variance = 4 * Duration::from_millis(self.shape.jitter().0);
        let mut timeout = round_trip + variance.max(RETRANSMISSION_MIN);
        let mut pause = Duration::ZERO;
        for _ in 0..LOSSES_MAX {
            if self.draw() >= loss {
                break;
            }
            timeout = timeout.min(RETRANSMISSION_MAX);
            pause += timeout;
            timeout *= 2;
        }
        pause
    }

    /// A number from 0 to below 1, each of 2⁵³ equally likely.
    fn draw(&mut self) -> f64 {
        (self.chance.next_u64() >> 11) as f64 / (1u64 << 53) as f64 // both are exact
    }
}
