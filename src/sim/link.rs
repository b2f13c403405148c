//! What happens to a message between two nodes.
//!
//! A message waits until the line is free, takes as long as its bytes at the line's bandwidth, and then its latency.
//! A line is one direction of a link and has a memory: when it is free again, and when what it carried last arrives.
//!
//! In [`Mode::Stream`], the default, a line is what TCP makes of a bad network: everything arrives, in order; what is lost
//! is sent again after a pause that doubles each time, and whatever follows waits for it. In [`Mode::Datagram`] messages
//! get lost, doubled and overtaken for good.

use arrayvec::ArrayVec;

use super::random::{Dice, exp};
use super::regions::Region;
use super::time::{Micros, Moment};

/// Bytes that travel and get lost together, as on Ethernet under TCP.
const SEGMENT: u64 = 1460;

/// Bytes of headers and framing around a message.
const OVERHEAD: u64 = 64;

/// How long TCP waits at least before it sends again.
const RETRANSMISSION_MIN: Micros = Micros::millis(200);

/// Times that one segment is lost in a row, at most: a loss beyond that would be a cut line.
const LOSSES_MAX: u32 = 8;

/// What is held back to be overtaken is so by as many latencies at most.
const HELD_BACK_MAX: u64 = 4;

/// How long a message is under way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Latency {
    /// Always as long.
    Constant(Micros),
    /// Anything in between, equally likely.
    Uniform {
        /// At least.
        from: Micros,
        /// At most.
        to: Micros,
    },
    /// Normal, and never less than nothing.
    Normal {
        /// The mean.
        mean: Micros,
        /// The standard deviation.
        deviation: Micros,
    },
    /// Log-normal: mostly about as long, and sometimes much longer, like measured round trips.
    LogNormal {
        /// Half of all are shorter.
        median: Micros,
        /// The standard deviation of its logarithm.
        sigma: f64,
    },
    /// As far as the nodes' regions are apart ([`Region::latency_ms`]), log-normal around that.
    Regions {
        /// The standard deviation of its logarithm.
        sigma: f64,
    },
}

/// What a line does about order and loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Everything arrives, in order.
    #[default]
    Stream,
    /// Every message for itself.
    Datagram,
}

/// How links are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkModel {
    /// How long a message is under way.
    pub latency: Latency,
    /// Bits per second of each direction; `None` for no limit.
    pub bandwidth: Option<u64>,
    /// The share of segments (under [`Mode::Datagram`], of messages) that get lost.
    pub loss: f64,
    /// The share of messages that arrive twice; [`Mode::Datagram`] only.
    pub duplicate: f64,
    /// The share of messages that are held back and overtaken; [`Mode::Datagram`] only.
    pub reorder: f64,
    /// What is done about all that.
    pub mode: Mode,
}

impl Default for LinkModel {
    /// 50 ms, and nothing else.
    fn default() -> Self {
        Self {
            latency: Latency::Constant(Micros::millis(50)),
            bandwidth: None,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            mode: Mode::Stream,
        }
    }
}

impl Latency {
    fn draw(self, regions: (Region, Region), dice: &mut Dice) -> Micros {
        let scaled = |length: Micros, factor: f64| {
            // Lengths that anybody simulates are exact in a double.
            Micros((length.0 as f64 * factor + 0.5) as u64)
        };
        match self {
            Self::Constant(length) => length,
            Self::Uniform { from, to } => Micros(dice.between(from.0, to.0)),
            Self::Normal { mean, deviation } => {
                let length = mean.0 as f64 + deviation.0 as f64 * dice.normal();
                Micros((length + 0.5) as u64) // `as` cuts what is negative at zero
            }
            Self::LogNormal { median, sigma } => scaled(median, exp(sigma * dice.normal())),
            Self::Regions { sigma } => {
                let median = Micros::millis(regions.0.latency_ms(regions.1));
                scaled(median, exp(sigma * dice.normal()))
            }
        }
    }
}

/// One direction of a link.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    /// When the sender may send again.
    free: Moment,
    /// When what was sent last arrives.
    last: Moment,
}

impl Line {
    /// Sends a message of so many bytes: when it arrives, once or twice or not at all.
    pub(super) fn carry(
        &mut self,
        model: &LinkModel,
        regions: (Region, Region),
        bytes: impl FnOnce() -> u64,
        now: Moment,
        dice: &mut Dice,
    ) -> ArrayVec<Moment, 2> {
        // What does not matter is not counted.
        let matters = model.bandwidth.is_some() || model.loss > 0.0;
        let bytes = if matters { bytes() + OVERHEAD } else { 0 };
        let mut sent = now;
        if let Some(bandwidth) = model.bandwidth {
            let micros = u128::from(bytes) * 8_000_000 / u128::from(bandwidth.max(1));
            let takes = Micros(u64::try_from(micros).unwrap_or(u64::MAX));
            sent = now.max(self.free).after(takes);
            self.free = sent;
        }
        let mut arrivals = ArrayVec::new();
        let latency = model.latency.draw(regions, dice);
        match model.mode {
            Mode::Stream => {
                let pause = pause(model.loss, bytes.div_ceil(SEGMENT), latency, dice);
                let at = sent.after(latency.plus(pause)).max(self.last);
                self.last = at;
                arrivals.push(at);
            }
            Mode::Datagram => {
                if dice.chance(model.loss) {
                    return arrivals;
                }
                let mut held = Micros(0);
                if dice.chance(model.reorder) {
                    held = Micros(dice.below(latency.times(HELD_BACK_MAX).0));
                }
                arrivals.push(sent.after(latency.plus(held)));
                if dice.chance(model.duplicate) {
                    arrivals.push(sent.after(model.latency.draw(regions, dice)));
                }
            }
        }
        arrivals
    }
}

/// How much later the last of so many segments arrives because some of them are lost.
fn pause(loss: f64, segments: u64, latency: Micros, dice: &mut Dice) -> Micros {
    if loss <= 0.0 {
        return Micros(0);
    }
    let first = RETRANSMISSION_MIN.max(latency.times(2));
    let mut longest = Micros(0);
    for _ in 0..segments {
        let mut losses = 0;
        while losses < LOSSES_MAX && dice.chance(loss) {
            losses += 1;
        }
        longest = longest.max(first.times((1 << losses) - 1));
    }
    longest
}

#[cfg(test)]
#[path = "tests/link.rs"]
mod tests;
