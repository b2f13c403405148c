//! Lengths of time as people type them.

use std::time::Duration;

/// A length of time as people type it: a whole number and `ms`, `s`, `m` or `h`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err("write a whole number with its unit: 500ms, 90s, 10m or 2h".into()),
    };
    let number = text[..text.len() - unit.len()].parse::<u64>().ok();
    match number.and_then(|number| number.checked_mul(ms)) {
        Some(0) | None => Err("a time lies between 1ms and many years".into()),
        Some(ms) => Ok(Duration::from_millis(ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        for (text, ms) in [("1ms", 1), ("90s", 90_000), ("10m", 600_000), ("2h", 7_200_000)] {
            assert_eq!(time(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "10", "s", "-1s", "1.5s", "1d", "0s", "99999999999999999999s", "1 s"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
