//! How fast to search: a duty cycle per thread.
//!
//! A throttled thread hashes for a slice of at most about ten milliseconds and then rests for as long as its share of
//! one core demands. What it owes is a debt that outlives a search: short searches, as on a chain that is still too easy,
//! add up to the same share as long ones. Time is measured on the wall, so on a busy machine, where a thread waits for
//! its core, it hashes less than its share and never more.
//!
//! Here are the only clock and the only sleep below the node. They decide when a thread hashes, never what it finds.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How long a throttled thread hashes before it rests.
const SLICE: Duration = Duration::from_millis(10);

/// The longest sleep without a look at the stop flag; with a slice it stays well below the 50 ms within which a search
/// must stop.
const NAP_MAX: Duration = Duration::from_millis(10);

/// The most that one batch is charged for: a batch takes a few milliseconds, so a longer one was suspended, not hashing.
const BATCH_MAX: Duration = Duration::from_millis(20);

/// Parts in a whole.
const MILLION: u32 = 1_000_000;

/// The least share, 0.1 %: a thread then rests ten seconds after each slice.
const LEAST: u32 = MILLION / 1000;

/// The share of one core that each thread may use, from 0.1 % to 100 %; in text a percentage such as `10%`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Throttle {
    /// Millionths, so that shares compare exactly.
    millionths: u32,
}

/// Why something is not a throttle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` is not a throttle: expected a share of each thread's core from 0.1% to 100%, such as 10%"
)]
pub struct ThrottleError {
    given: String,
}

impl Throttle {
    /// No throttle: a whole core per thread.
    pub const FULL: Self = Self { millionths: MILLION };

    /// A share from 0.001 to 1.
    ///
    /// # Errors
    ///
    /// A share outside this range, or none at all. To use nothing of a core, do not search.
    pub fn new(share: f64) -> Result<Self, ThrottleError> {
        let millionths = (share * f64::from(MILLION)).round();
        if (f64::from(LEAST)..=f64::from(MILLION)).contains(&millionths) {
            return Ok(Self { millionths: millionths as u32 }); // in range, checked above
        }
        Err(ThrottleError { given: format!("{}%", share * 100.0) })
    }

    /// The share, from 0.001 to 1.
    pub fn share(self) -> f64 {
        f64::from(self.millionths) / f64::from(MILLION)
    }

    /// The throttle that [`Throttle::to_bits`] gave.
    pub(super) fn from_bits(millionths: u32) -> Self {
        Self { millionths: millionths.clamp(LEAST, MILLION) }
    }

    /// One word, for an atomic.
    pub(super) fn to_bits(self) -> u32 {
        self.millionths
    }

    /// How long to rest after hashing for `busy`.
    fn rest_after(self, busy: Duration) -> Duration {
        busy * (MILLION - self.millionths) / self.millionths
    }
}

impl fmt::Display for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.millionths) / 10_000.0)
    }
}

impl FromStr for Throttle {
    type Err = ThrottleError;

    fn from_str(text: &str) -> Result<Self, ThrottleError> {
        let refused = || ThrottleError { given: text.chars().take(40).collect() };
        let digits = text.strip_suffix('%').ok_or_else(refused)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(refused());
        }
        let percent: f64 = digits.parse().map_err(|_| refused())?;
        Self::new(percent / 100.0).map_err(|_| refused())
    }
}

/// What one thread owes for its hashing.
#[derive(Debug)]
struct Debt {
    throttle: Throttle,
    rest: Duration,
}

impl Debt {
    /// Charges for hashing; says whether it is time to rest. A change of throttle forgives what was owed under the old.
    fn hashed(&mut self, busy: Duration, throttle: Throttle) -> bool {
        if self.throttle != throttle {
            *self = Self { throttle, rest: Duration::ZERO };
        }
        self.rest += throttle.rest_after(busy.min(BATCH_MAX));
        !self.rest.is_zero() && self.rest >= throttle.rest_after(SLICE)
    }

    /// Time without hashing pays; more than is owed is no credit.
    fn rested(&mut self, idle: Duration) {
        self.rest = self.rest.saturating_sub(idle);
    }
}

/// The pace of one thread.
#[derive(Debug)]
pub(super) struct Pace {
    debt: Debt,
    /// When it was last settled.
    settled: Option<Instant>,
}

impl Pace {
    /// The pace of a thread that has not hashed.
    pub(super) fn new() -> Self {
        Self { debt: Debt { throttle: Throttle::FULL, rest: Duration::ZERO }, settled: None }
    }

    /// A search begins: the time since the last one was rest.
    pub(super) fn begin(&mut self) {
        let idle = self.lap();
        self.debt.rested(idle);
    }

    /// A batch has been hashed: rests if it is time to, until the debt is paid or `stop` says so.
    pub(super) fn hashed(&mut self, throttle: Throttle, stop: impl Fn() -> bool) {
        let busy = self.lap();
        if !self.debt.hashed(busy, throttle) {
            return;
        }
        while !self.debt.rest.is_zero() && !stop() {
            nap(self.debt.rest.min(NAP_MAX));
            let idle = self.lap();
            self.debt.rested(idle);
        }
    }

    /// The time since the last lap.
    fn lap(&mut self) -> Duration {
        let now = now();
        self.settled.replace(now).map_or(Duration::ZERO, |settled| now.duration_since(settled))
    }
}

#[allow(clippy::disallowed_methods, reason = "pacing is about real time; no result depends on it")]
fn now() -> Instant {
    Instant::now()
}

#[allow(clippy::disallowed_methods, reason = "a throttled thread of the search rests here")]
fn nap(length: Duration) {
    std::thread::sleep(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(text: &str) -> Throttle {
        text.parse().unwrap()
    }

    #[test]
    fn percentages_are_read_and_shown() {
        for text in ["100%", "10%", "0.1%", "12.5%"] {
            assert_eq!(throttle(text).to_string(), text);
        }
        assert_eq!(throttle("100%"), Throttle::FULL);
        assert_eq!(throttle("25%").share(), 0.25);
        for text in
            ["", "%", "10", "0%", "0.01%", "100.1%", "-5%", "1e1%", "inf%", "nan%", "1.2.3%", " 5%"]
        {
            let error = text.parse::<Throttle>().unwrap_err().to_string();
            assert!(
                error.contains("such as 10%") && error.contains(&format!("`{text}`")),
                "{error}"
            );
        }
        for share in [0.0, -1.0, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Throttle::new(share).is_err(), "{share}");
        }
    }

    #[test]
    fn rest_follows_the_share() {
        let ms = Duration::from_millis;
        assert_eq!(throttle("10%").rest_after(ms(10)), ms(90));
        assert_eq!(throttle("50%").rest_after(ms(10)), ms(10));
        assert_eq!(throttle("0.1%").rest_after(ms(10)), ms(9990));
        assert_eq!(Throttle::FULL.rest_after(ms(10)), Duration::ZERO);
    }

    #[test]
    fn a_debt_grows_over_short_searches_and_is_paid_by_rest() {
        let ms = Duration::from_millis;
        let ten = throttle("10%");
        let mut debt = Debt { throttle: Throttle::FULL, rest: Duration::ZERO };
        for _ in 0..3 {
            assert!(!debt.hashed(ms(3), ten));
        }
        assert!(debt.hashed(ms(3), ten), "12 ms hashed, a slice is 10");
        assert_eq!(debt.rest, ms(108));
        debt.rested(ms(100));
        assert_eq!(debt.rest, ms(8));
        debt.rested(ms(100));
        assert_eq!(debt.rest, Duration::ZERO, "idling gives no credit");
        assert!(!debt.hashed(ms(5), Throttle::FULL) && !debt.hashed(ms(100), Throttle::FULL));
    }

    #[test]
    fn a_resting_thread_looks_at_the_flag_after_every_nap() {
        let hour = Duration::from_secs(3600);
        let mut pace = Pace::new();
        pace.debt = Debt { throttle: throttle("10%"), rest: hour };
        let looks = std::cell::Cell::new(0);
        // A rest that ignored the flag would keep this test for an hour.
        pace.hashed(throttle("10%"), || looks.replace(looks.get() + 1) == 2);
        assert_eq!(looks.get(), 3);
        assert!(!pace.debt.rest.is_zero(), "the debt outlives the search");
    }

    #[test]
    fn a_suspended_machine_does_not_rest_for_what_it_did_not_hash() {
        let mut debt = Debt { throttle: throttle("10%"), rest: Duration::ZERO };
        assert!(debt.hashed(Duration::from_secs(3600), throttle("10%")));
        assert_eq!(debt.rest, 9 * BATCH_MAX);
        assert!(
            !debt.hashed(Duration::from_millis(1), throttle("20%")),
            "a new throttle starts anew"
        );
        assert_eq!(debt.rest, Duration::from_millis(4));
    }
}
