//! Reading single values of a chain spec. Money, lengths of time and shares are texts with a unit; what has no unit is
//! a whole number.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::calendar;
use super::read::{Refusal, kind};
use super::suggest::nearest;
use crate::types::target::Bits;
use crate::types::{Amount, Span, Time};

type Read<T> = Result<T, Refusal>;

/// A text in quotes.
pub(crate) fn text<'v>(value: &'v DeValue<'_>, example: &str) -> Read<&'v str> {
    match value {
        DeValue::String(text) => Ok(text),
        other => Err(Refusal::new(
            format!("is {} where a text is due", kind(other)),
            format!("write it in quotes, such as {example:?}"),
        )),
    }
}

/// `true` or `false`.
pub(crate) fn boolean(value: &DeValue<'_>) -> Read<bool> {
    match value {
        DeValue::Boolean(value) => Ok(*value),
        other => Err(Refusal::new(
            format!("is {} where true or false is due", kind(other)),
            "write true or false, without quotes",
        )),
    }
}

/// A whole number without a unit, within a range.
pub(crate) fn number(value: &DeValue<'_>, range: RangeInclusive<u64>) -> Read<u64> {
    let fix = || format!("write a whole number from {} to {}", range.start(), range.end());
    let DeValue::Integer(integer) = value else {
        return Err(Refusal::new(format!("is {} where a whole number is due", kind(value)), fix()));
    };
    if integer.as_str().starts_with('-') {
        return Err(Refusal::new("is negative", fix()));
    }
    match u64::from_str_radix(integer.as_str(), integer.radix()) {
        Ok(number) if range.contains(&number) => Ok(number),
        Ok(number) if number < *range.start() => Err(Refusal::new("is too small", fix())),
        _ => Err(Refusal::new("is too large", fix())),
    }
}

/// A number, whole or with a point, within a range.
pub(crate) fn decimal(value: &DeValue<'_>, range: RangeInclusive<f64>) -> Read<f64> {
    let fix = || format!("write a number from {} to {}", range.start(), range.end());
    let text = match value {
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
        DeValue::Float(float) => float.as_str(),
        other => {
            return Err(Refusal::new(format!("is {} where a number is due", kind(other)), fix()));
        }
    };
    match text.parse::<f64>() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(Refusal::new("is out of range", fix())),
    }
}

/// [`number`] within a range that begins above zero.
pub(super) fn nonzero(value: &DeValue<'_>, range: RangeInclusive<NonZeroU32>) -> Read<NonZeroU32> {
    let (least, most) = (range.start().get().into(), range.end().get().into());
    let number = number(value, least..=most)?;
    let number = u32::try_from(number).ok().and_then(NonZeroU32::new);
    Ok(number.expect("both ends of the range are such numbers"))
}

/// One of a few words.
pub(crate) fn word<'w>(value: &DeValue<'_>, words: &[&'w str]) -> Read<&'w str> {
    let given = text(value, words.first().copied().unwrap_or_default())?;
    if let Some(word) = words.iter().find(|word| **word == given) {
        return Ok(word);
    }
    let fix = match nearest(given, words.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("write one of: {}", words.join(", ")),
    };
    Err(Refusal::new("is none of the words it may be", fix))
}

/// A length of time: a whole number and `ms`, `s`, `m`, `h` or `d`, within a range.
pub(crate) fn span(value: &DeValue<'_>, range: RangeInclusive<Span>) -> Read<Span> {
    let example = (*range.start()).max(Span::seconds(2));
    if let DeValue::Integer(number) = value {
        return Err(Refusal::new(
            "is a number without a unit",
            format!("write it with its unit, such as \"{}s\" for seconds", number.as_str()),
        ));
    }
    span_of(text(value, &example.to_string())?, range, example)
}

/// The same, or less than nothing with a minus in front: in milliseconds.
pub(crate) fn signed_span(value: &DeValue<'_>, most: Span) -> Read<i64> {
    let (given, negative) = match value {
        DeValue::String(text) => match text.trim().strip_prefix('-') {
            Some(text) => (DeValue::String(text.into()), true),
            None => (DeValue::String(text.as_ref().into()), false),
        },
        other => return span(other, Span(0)..=most).map(|_| 0),
    };
    let length = span(&given, Span(0)..=most)?.0;
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    Ok(if negative { -length } else { length })
}

/// The same from a text; `example` is one that would do.
pub(super) fn span_of(given: &str, range: RangeInclusive<Span>, example: Span) -> Read<Span> {
    let given = given.trim();
    let digits = given.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit_ms = match given[digits.len()..].trim_start() {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => {
            return Err(Refusal::new(
                "is not a length of time",
                format!("write a whole number and ms, s, m, h or d, such as \"{example}\""),
            ));
        }
    };
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::new(
            "is not a whole number of its unit",
            format!("write a whole number of a smaller unit, such as \"{example}\" or \"500ms\""),
        ));
    }
    let length = plain.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_ms));
    match length.map(Span) {
        Some(length) if range.contains(&length) => Ok(length),
        Some(length) if length < *range.start() => {
            Err(Refusal::new("is too short", format!("write \"{}\" or more", range.start())))
        }
        _ => Err(Refusal::new("is too long", format!("write \"{}\" or less", range.end()))),
    }
}

/// An amount of money: coins such as `"1.5"`, or base units such as `"150u"`.
pub(super) fn amount(value: &DeValue<'_>, symbol: &str) -> Read<Amount> {
    if let DeValue::Integer(number) = value {
        return Err(Refusal::new(
            "is a number where an amount is due",
            format!(
                "write it in quotes: \"{0}\" for coins, \"{0}u\" for base units",
                number.as_str()
            ),
        ));
    }
    let given = text(value, "1.5")?;
    Amount::parse(given, symbol).map_err(|error| {
        Refusal::new(
            format!("is not an amount: {}", error.reason()),
            "write coins such as \"1.5\", or base units such as \"150u\"",
        )
    })
}

/// A number of bytes: a whole number, or a text with `KiB` or `MiB`.
pub(super) fn bytes(value: &DeValue<'_>, range: RangeInclusive<u64>) -> Read<u64> {
    let fix = || format!("write {} to {}", Bytes(*range.start()), Bytes(*range.end()));
    let DeValue::String(given) = value else {
        return number(value, range.clone()).map_err(|refusal| Refusal::new(refusal.reason, fix()));
    };
    let units = [("KiB", 1u64 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let read = units.iter().find_map(|(unit, size)| {
        given.strip_suffix(unit)?.trim_end().parse::<u32>().ok().map(|n| u64::from(n) * size)
    });
    match read {
        None => Err(Refusal::new(
            "is not a number of bytes",
            "write a whole number, or one with KiB or MiB such as \"64KiB\"",
        )),
        Some(bytes) if range.contains(&bytes) => Ok(bytes),
        Some(bytes) if bytes < *range.start() => Err(Refusal::new("is too small", fix())),
        Some(_) => Err(Refusal::new("is too large", fix())),
    }
}

/// A number of bytes as a spec writes it.
pub(super) struct Bytes(pub(super) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes != 0 && bytes.is_multiple_of(1 << 20) => {
                write!(f, "\"{}MiB\"", bytes >> 20)
            }
            bytes if bytes != 0 && bytes.is_multiple_of(1 << 10) => {
                write!(f, "\"{}KiB\"", bytes >> 10)
            }
            bytes => write!(f, "{bytes}"),
        }
    }
}

/// Compact bits: eight hexadecimal digits that encode a target. The canonical ones of that target.
pub(super) fn bits(value: &DeValue<'_>) -> Read<Bits> {
    let given = text(value, "207fffff")?;
    let fix = "write eight hexadecimal digits, such as \"207fffff\"";
    let bits: Bits =
        given.parse().map_err(|_| Refusal::new("is not a target in compact form", fix))?;
    match bits.target() {
        Ok(target) => Ok(target.to_bits()),
        Err(error) => Err(Refusal::new(format!("is not a target: {error}"), fix)),
    }
}

/// A moment: a date of RFC 3339, quoted or not, or milliseconds since the epoch.
pub(super) fn moment(value: &DeValue<'_>) -> Read<Time> {
    let fix = "write a date such as \"2026-07-29T12:00:00Z\", or milliseconds since 1970";
    let datetime = match value {
        DeValue::Integer(_) => {
            let number = number(value, 0..=calendar::TIME_MAX.0);
            return number.map(Time).map_err(|refusal| Refusal::new(refusal.reason, fix));
        }
        DeValue::Datetime(datetime) => *datetime,
        DeValue::String(text) => text.parse().map_err(|_| Refusal::new("is not a moment", fix))?,
        other => {
            return Err(Refusal::new(format!("is {} where a moment is due", kind(other)), fix));
        }
    };
    calendar::moment(&datetime).map_err(|lack| Refusal::new(lack, fix))
}

/// The part of one core that something may use, from 0.1 % to 100 %, kept in millionths so that it compares exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    millionths: u32,
}

impl Share {
    /// This many hundredths.
    pub(super) const fn percent(percent: u32) -> Self {
        Self { millionths: percent * 10_000 }
    }

    /// The share as a number from 0.001 to 1.
    pub fn as_f64(self) -> f64 {
        f64::from(self.millionths) / 1_000_000.0
    }
}

impl fmt::Display for Share {
    /// A percentage such as `10%` or `0.5%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.millionths) / 10_000.0)
    }
}

/// A share of a core: a percentage from 0.1 % to 100 %.
pub(super) fn share(value: &DeValue<'_>) -> Read<Share> {
    let millionths = percentage(value, 1000..=1_000_000, 100_000)?;
    Ok(Share { millionths })
}

/// A number of millionths as a percentage.
pub(super) fn percent(millionths: u32) -> Share {
    Share { millionths }
}

/// A percentage, in millionths; `example` too.
pub(super) fn percentage(
    value: &DeValue<'_>,
    range: RangeInclusive<u32>,
    example: u32,
) -> Read<u32> {
    let [least, most] = [range.start(), range.end()].map(|end| percent(*end));
    let fix = format!("write a percentage from \"{least}\" to \"{most}\"");
    let fix = fix.as_str();
    let given = text(value, &percent(example).to_string())?;
    let refused = || Refusal::new("is not a percentage", fix);
    let digits = given.strip_suffix('%').ok_or_else(refused)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(refused());
    }
    let percent: f64 = digits.parse().map_err(|_| refused())?;
    let millionths = (percent * 10_000.0).round();
    if millionths <= f64::from(u32::MAX) && range.contains(&(millionths as u32)) {
        return Ok(millionths as u32); // in range, checked above
    }
    Err(Refusal::new("is out of range", fix))
}
