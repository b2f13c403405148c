//! Quantities in the words that people read, in log lines and on the screen.

use crate::types::Span;

/// A rate of hashes: `1.23 MH/s`.
pub fn hash_rate(per_second: f64) -> String {
    if !per_second.is_finite() || per_second < 0.0 {
        return "unknown".into();
    }
    scaled(per_second, &["H/s", "kH/s", "MH/s", "GH/s", "TH/s", "PH/s", "EH/s"])
}

/// A number of bytes: `1.2 kB`.
pub fn bytes(count: u64) -> String {
    // Three digits are shown.
    scaled(count as f64, &["B", "kB", "MB", "GB", "TB", "PB"])
}

/// A number with the largest of its units that leaves a whole part; each is a thousand of the one before.
fn scaled(mut value: f64, units: &[&str]) -> String {
    let mut unit = 0;
    // 999.5 would print as 1000 of the smaller unit.
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{} {}", digits(value), units[unit])
}

/// A number with three significant digits, and no more zeros than those.
pub fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value:.0}");
    }
    // The exponent of a finite number fits an i32 many times over.
    let exponent = value.abs().log10().floor() as i32;
    if exponent < -4 {
        return format!("{value:.2e}");
    }
    let decimals = usize::try_from(2 - exponent).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A length of time as people say it: the two largest units, or milliseconds.
pub fn duration(span: Span) -> String {
    const UNITS: [(u64, &str); 4] =
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
    let ms = span.0;
    let Some(largest) = UNITS.iter().position(|(size, _)| ms >= *size) else {
        return format!("{ms} ms");
    };
    let (size, unit) = UNITS[largest];
    match UNITS.get(largest + 1) {
        Some((small, small_unit)) if ms % size >= *small => {
            format!("{} {unit} {} {small_unit}", ms / size, ms % size / small)
        }
        None if ms < 10_000 && ms % size >= 100 => format!("{}.{} s", ms / size, ms % size / 100),
        _ => format!("{} {unit}", ms / size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits_and_a_unit() {
        for (count, text) in
            [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1234, "1.23 kB"), (5_500_000, "5.5 MB")]
        {
            assert_eq!(bytes(count), text);
        }
    }
}
