//! Simulated time, and the clocks of nodes, which disagree with it and with each other.

use std::fmt;

use crate::types::Time;

/// A moment of the simulation: microseconds since it began. No node ever sees one; it sees its [`Clock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(pub u64);

/// A length of simulated time in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Micros(pub u64);

impl Micros {
    /// A length of whole milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// A length of whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// So many seconds, rounded to the nearest microsecond; nothing if that is negative or no number.
    pub fn from_seconds(seconds: f64) -> Self {
        // `as` saturates, and turns what is no number into zero.
        Self((seconds * 1e6 + 0.5) as u64)
    }

    /// The same in seconds.
    pub fn as_seconds(self) -> f64 {
        // Exact up to 2^53 µs, which is 285 years.
        self.0 as f64 / 1e6
    }

    /// So many times as long.
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// Both, one after the other.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Moment {
    /// The end of time.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment so much later, at most the end of time.
    pub fn after(self, length: Micros) -> Self {
        Self(self.0.saturating_add(length.0))
    }

    /// How long ago `earlier` was; nothing if it lies ahead.
    pub fn since(self, earlier: Self) -> Micros {
        Micros(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.since(Self(0)).fmt(f)
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.as_seconds())
    }
}

/// How far a node's clock is from the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skew {
    /// By how many milliseconds it is ahead at the beginning.
    pub offset_ms: i64,
    /// By how many microseconds it gains in a second. What is beyond half a second in a second counts as that.
    pub drift_ppm: i64,
}

/// No clock gains or loses more in a second, in microseconds.
const DRIFT_MAX: i64 = 500_000;

/// A node's clock.
///
/// It has two hands, like a computer's: the wall clock, which an operator can set, and a monotonic one that runs since
/// the process started. As in the node, whichever shows later is the time, so that a clock that is put back does not stop
/// a running node.
#[derive(Debug, Clone)]
pub struct Clock {
    drift_ppm: i64,
    /// The last moment at which it was looked at with care, and what both hands showed then, in microseconds.
    since: Moment,
    wall: u64,
    monotonic: u64,
}

impl Clock {
    /// A clock that shows `begin` at the beginning of the simulation, but for its skew.
    pub fn new(begin: Time, skew: Skew) -> Self {
        let wall = begin.0.saturating_add_signed(skew.offset_ms).saturating_mul(1000);
        let drift_ppm = skew.drift_ppm.clamp(-DRIFT_MAX, DRIFT_MAX);
        Self { drift_ppm, since: Moment(0), wall, monotonic: wall }
    }

    /// Microseconds that the hands move in so much time.
    fn ticks(&self, length: Micros) -> u64 {
        let gained = i128::from(length.0) * i128::from(self.drift_ppm) / 1_000_000;
        // No clock loses more than half of the time.
        u64::try_from(i128::from(length.0) + gained).unwrap_or(u64::MAX)
    }

    /// What it shows.
    pub fn read(&self, now: Moment) -> Time {
        let shown = self.wall.max(self.monotonic);
        Time(shown.saturating_add(self.ticks(now.since(self.since))) / 1000)
    }

    /// The first moment, not before `now`, at which it shows at least `time`.
    pub fn when(&self, time: Time, now: Moment) -> Moment {
        let shown = self.wall.max(self.monotonic);
        let lacking = time.0.saturating_mul(1000).saturating_sub(shown);
        let rate = i128::from(1_000_000 + self.drift_ppm);
        let length = (i128::from(lacking) * 1_000_000).div_euclid(rate);
        let mut at = self.since.after(Micros(u64::try_from(length).unwrap_or(u64::MAX)));
        // Rounding may have made it a tick early.
        while at < Moment::NEVER && self.read(at) < time {
            at = at.after(Micros(1));
        }
        at.max(now)
    }

    fn settle(&mut self, now: Moment) {
        let ticks = self.ticks(now.since(self.since));
        self.wall = self.wall.saturating_add(ticks);
        self.monotonic = self.monotonic.saturating_add(ticks);
        self.since = self.since.max(now);
    }

    /// Somebody sets the wall clock.
    pub fn jump(&mut self, now: Moment, by_ms: i64) {
        self.settle(now);
        self.wall = self.wall.saturating_add_signed(by_ms.saturating_mul(1000));
    }

    /// It runs at another pace from now on.
    pub fn drift(&mut self, now: Moment, drift_ppm: i64) {
        self.settle(now);
        self.drift_ppm = drift_ppm.clamp(-DRIFT_MAX, DRIFT_MAX);
    }

    /// A process starts: it learns the time from the wall clock.
    pub fn restart(&mut self, now: Moment) {
        self.settle(now);
        self.monotonic = self.wall;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Time = Time(1_700_000_000_000);

    #[test]
    fn times_are_written_with_as_many_digits_as_they_need() {
        let written = |micros| (Moment(micros).to_string(), Micros(micros).to_string());
        for (micros, text) in
            [(0, "0 s"), (60_000_000, "60 s"), (1_500_000, "1.5 s"), (1, "0.000001 s")]
        {
            assert_eq!(written(micros), (text.into(), text.into()));
        }
        // A year, and a digit of each kind.
        assert_eq!(Micros(31_536_000_123_456).to_string(), "31536000.123456 s");
    }

    #[test]
    fn a_clock_is_off_and_drifts() {
        let clock = Clock::new(BEGIN, Skew { offset_ms: -250, drift_ppm: 1000 });
        assert_eq!(clock.read(Moment(0)), Time(BEGIN.0 - 250));
        assert_eq!(clock.read(Moment(1_000_000_000)), Time(BEGIN.0 - 250 + 1_001_000));
    }

    #[test]
    fn when_is_the_first_moment_that_shows_a_time() {
        for drift_ppm in [0, 37, -37, 200_000, -499_999, -9_000_000] {
            let clock = Clock::new(BEGIN, Skew { offset_ms: 12, drift_ppm });
            for later in [0, 1, 13, 999, 1_000_003] {
                let time = Time(BEGIN.0 + later);
                let at = clock.when(time, Moment(0));
                assert!(clock.read(at) >= time, "{drift_ppm} {later}");
                let before = Moment(at.0.saturating_sub(2));
                assert!(at == Moment(0) || clock.read(before) < time, "{drift_ppm} {later}");
            }
        }
        let clock = Clock::new(BEGIN, Skew::default());
        assert_eq!(clock.when(BEGIN, Moment(5)), Moment(5), "never in the past");
    }

    #[test]
    fn a_clock_put_back_leads_a_running_process_on_and_a_new_one_back() {
        let mut clock = Clock::new(BEGIN, Skew::default());
        clock.jump(Moment(2_000_000), -60_000);
        assert_eq!(clock.read(Moment(3_000_000)), Time(BEGIN.0 + 3000));
        clock.restart(Moment(3_000_000));
        assert_eq!(clock.read(Moment(3_000_000)), Time(BEGIN.0 + 3000 - 60_000));
        clock.jump(Moment(3_000_000), 90_000);
        assert_eq!(clock.read(Moment(4_000_000)), Time(BEGIN.0 + 34_000));
    }
}
