//! What a link between two nodes does to what passes over it, as specs and commands write it.

use std::fmt;
use std::ops::RangeInclusive;

use super::read::Refusal;
use super::values;
use crate::types::Span;

/// No link is slower: beyond this nothing that nodes ask each other is answered in time.
pub(crate) const LATENCY: RangeInclusive<Span> = Span(0)..=Span::seconds(60);

/// The least bandwidth, in bits per second: one segment takes twelve seconds there.
const BANDWIDTH_MIN: u64 = 1_000;

/// The greatest bandwidth, in bits per second; what is faster is no limit to one machine.
const BANDWIDTH_MAX: u64 = 100_000_000_000;

/// The units of bandwidth, in bits per second.
const UNITS: [(&str, u64); 4] =
    [("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1_000), ("bit", 1)];

/// What each end of a link does to what it sends: the two directions have one shape, each for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkShape {
    latency: Span,
    jitter: Span,
    loss: Loss,
    bandwidth: Bandwidth,
}

/// Why a shape is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {given} {reason}")]
pub struct LinkError {
    what: &'static str,
    given: String,
    reason: String,
    fix: String,
}

impl LinkError {
    fn new(what: &'static str, given: impl fmt::Display, refusal: Refusal) -> Self {
        let given = given.to_string().chars().take(40).collect();
        Self { what, given, reason: refusal.reason, fix: refusal.fix }
    }

    /// What to do about it.
    pub fn help(&self) -> &str {
        &self.fix
    }
}

impl LinkShape {
    /// A shape.
    ///
    /// # Errors
    ///
    /// A latency over a minute, or a jitter over the latency, which would deliver before sending.
    pub fn new(
        latency: Span,
        jitter: Span,
        loss: Loss,
        bandwidth: Bandwidth,
    ) -> Result<Self, LinkError> {
        if !LATENCY.contains(&latency) {
            let fix = format!("give {} or less", LATENCY.end());
            return Err(LinkError::new("latency", latency, Refusal::new("is too long", fix)));
        }
        if jitter > latency {
            return Err(LinkError::new("jitter", jitter, too_much_jitter(latency)));
        }
        Ok(Self { latency, jitter, loss, bandwidth })
    }

    /// How long everything takes on its way, one way.
    pub fn latency(&self) -> Span {
        self.latency
    }

    /// How far the latency of single segments is from that at most, either side.
    pub fn jitter(&self) -> Span {
        self.jitter
    }

    /// How many segments are lost.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// How much passes in a second.
    pub fn bandwidth(&self) -> Bandwidth {
        self.bandwidth
    }

    /// Whether it leaves everything as it is.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for LinkShape {
    /// `latency 80ms, jitter 10ms, loss 2%, bandwidth 10mbit` without what is not shaped; `plain` where nothing is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_plain() {
            return f.write_str("plain");
        }
        let mut parts = Vec::new();
        for (name, span) in [("latency", self.latency), ("jitter", self.jitter)] {
            if span != Span(0) {
                parts.push(format!("{name} {span}"));
            }
        }
        if self.loss != Loss::default() {
            parts.push(format!("loss {}", self.loss));
        }
        if self.bandwidth != Bandwidth::default() {
            parts.push(format!("bandwidth {}", self.bandwidth));
        }
        f.write_str(&parts.join(", "))
    }
}

pub(super) fn too_much_jitter(latency: Span) -> Refusal {
    Refusal::new(
        format!("is over the latency of {latency}: what is sent would arrive before it is"),
        format!("write {latency} or less, or a longer latency"),
    )
}

/// A latency or jitter as commands write it: a whole number and `ms` or `s`.
pub fn delay(what: &'static str, text: &str) -> Result<Span, LinkError> {
    let example = Span(80);
    let refuse = |refusal| LinkError::new(what, format!("`{text}`"), refusal);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let fix = format!("write it with its unit, such as {text}ms");
        return Err(refuse(Refusal::new("is a number without a unit", fix)));
    }
    values::span_of(text, LATENCY, example).map_err(refuse)
}

/// The share of segments that are lost, from none to just under all, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Loss {
    millionths: u32,
}

impl Loss {
    /// A share from 0 to below 1.
    ///
    /// # Errors
    ///
    /// Any other number, and what is less than a millionth and not nothing.
    pub fn from_share(share: f64) -> Result<Self, LinkError> {
        Self::read(share).map_err(|refusal| LinkError::new("loss", share, refusal))
    }

    /// A percentage such as `2%`, or a share such as `0.02`.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        Self::read_text(text)
            .map_err(|refusal| LinkError::new("loss", format!("`{text}`"), refusal))
    }

    pub(crate) fn read_text(text: &str) -> Result<Self, Refusal> {
        let (digits, unit) = match text.strip_suffix('%') {
            Some(digits) => (digits, 100.0),
            None => (text, 1.0),
        };
        let plain = |byte: u8| byte.is_ascii_digit() || byte == b'.';
        match digits.parse::<f64>() {
            Ok(number) if digits.bytes().all(plain) => Self::read(number / unit),
            _ => Err(Refusal::new("is no share of what is sent", LOSS_FIX)),
        }
    }

    fn read(share: f64) -> Result<Self, Refusal> {
        let millionths = (share * 1_000_000.0).round();
        if share.is_finite() && (0.0..1_000_000.0).contains(&millionths) && share >= 0.0 {
            return Ok(Self { millionths: millionths as u32 }); // in range, checked above
        }
        Err(Refusal::new("is not from nothing to just under everything", LOSS_FIX))
    }

    /// The share, from 0 to below 1.
    pub fn share(self) -> f64 {
        f64::from(self.millionths) / 1_000_000.0
    }
}

const LOSS_FIX: &str = "write a percentage below 100% such as 2%, or a share such as 0.02";

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.millionths) / 10_000.0)
    }
}

/// Bits that pass in a second, or no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bandwidth {
    bits_per_second: Option<u64>,
}

impl Bandwidth {
    /// This many bits per second; `None` for no limit.
    ///
    /// # Errors
    ///
    /// Less than a kilobit, or more than a hundred gigabits.
    pub fn from_bits(bits_per_second: Option<u64>) -> Result<Self, LinkError> {
        if let Some(bits) = bits_per_second {
            Self::check(bits).map_err(|refusal| LinkError::new("bandwidth", bits, refusal))?;
        }
        Ok(Self { bits_per_second })
    }

    /// `10mbit` and the like, or `unlimited`.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        Self::read_text(text)
            .map_err(|refusal| LinkError::new("bandwidth", format!("`{text}`"), refusal))
    }

    pub(crate) fn read_text(text: &str) -> Result<Self, Refusal> {
        if text == "unlimited" {
            return Ok(Self::default());
        }
        let lower = text.to_ascii_lowercase();
        let digits = lower.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = lower[digits.len()..].trim_start();
        let size = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size);
        let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok());
        match (size, number.flatten()) {
            (Some(size), Some(number)) => {
                let bits = size.saturating_mul(number);
                Self::check(bits)?;
                Ok(Self { bits_per_second: Some(bits) })
            }
            _ => Err(Refusal::new("is no bandwidth", BANDWIDTH_FIX)),
        }
    }

    fn check(bits: u64) -> Result<(), Refusal> {
        match bits {
            ..BANDWIDTH_MIN => {
                Err(Refusal::new("is too little to talk at all", "give 1kbit or more"))
            }
            BANDWIDTH_MIN..=BANDWIDTH_MAX => Ok(()),
            _ => Err(Refusal::new("is too much", "give 100gbit or less, or no limit: unlimited")),
        }
    }

    /// Bits per second; `None` for no limit.
    pub fn bits_per_second(self) -> Option<u64> {
        self.bits_per_second
    }
}

const BANDWIDTH_FIX: &str =
    "write a whole number of bits per second with kbit, mbit or gbit, such as 10mbit, or unlimited";

impl fmt::Display for Bandwidth {
    /// In the largest unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(bits) = self.bits_per_second else { return f.write_str("unlimited") };
        let (name, size) =
            UNITS.iter().find(|(_, size)| bits.is_multiple_of(*size)).unwrap_or(&("bit", 1));
        write!(f, "{}{name}", bits / size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_written_as_they_are_read() {
        let shape = LinkShape::new(
            delay("latency", "80ms").unwrap(),
            delay("jitter", "10 ms").unwrap(),
            Loss::parse("2%").unwrap(),
            Bandwidth::parse("10Mbit").unwrap(),
        )
        .unwrap();
        assert_eq!(shape.to_string(), "latency 80ms, jitter 10ms, loss 2%, bandwidth 10mbit");
        assert_eq!(LinkShape::default().to_string(), "plain");
        assert!(LinkShape::default().is_plain() && !shape.is_plain());
        assert_eq!(Loss::parse("0.02"), Loss::parse("2%"));
        assert_eq!(Loss::from_share(0.02), Loss::parse("2%"));
        for text in ["1500kbit", "1gbit", "1001bit", "unlimited"] {
            assert_eq!(Bandwidth::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_to_write() {
        for (text, part, fix) in [
            ("80", "`80` is a number without a unit", "80ms"),
            ("", "is not a length of time", "80ms"),
            ("fast", "is not a length of time", "80ms"),
            ("1.5s", "is not a whole number of its unit", "80ms"),
            ("2m", "is too long", "1m"),
        ] {
            let error = delay("latency", text).unwrap_err();
            assert!(error.to_string().starts_with("latency `"), "{error}");
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.help().contains(fix), "{}", error.help());
        }
        for text in ["", "2", "100%", "1.0", "-1%", "NaN", "inf", "1e-3", "2 %", "two"] {
            let error = Loss::parse(text).unwrap_err();
            assert!(error.help().contains("2%"), "{text}: {error}");
        }
        assert!(Loss::from_share(f64::NAN).is_err() && Loss::from_share(-0.1).is_err());
        for text in ["", "10", "mbit", "10mbps", "1.5mbit", "-1kbit", "999bit", "101gbit"] {
            assert!(Bandwidth::parse(text).is_err(), "{text}");
        }
        assert!(Bandwidth::parse("99999999999999999999gbit").is_err());
        assert!(Bandwidth::from_bits(Some(0)).is_err());
        let none = (Loss::default(), Bandwidth::default());
        let error = LinkShape::new(Span(10), Span(11), none.0, none.1).unwrap_err();
        assert!(error.to_string().contains("jitter 11ms is over the latency of 10ms"), "{error}");
        assert!(LinkShape::new(Span(60_001), Span(0), none.0, none.1).is_err());
    }
}
