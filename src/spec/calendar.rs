//! Dates of people as milliseconds since the epoch, and back (RFC 3339, UTC, no leap seconds).

use toml::value::{Datetime, Offset};

use crate::types::Time;

/// Days in the months of a common year.
const MONTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The last year that four digits can write.
const YEAR_MAX: u64 = 9999;

/// The last moment that four digits of a year can write.
pub(super) const TIME_MAX: Time = Time(253_402_300_799_999);

const DAY_MS: u64 = 86_400_000;

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

/// Days from the epoch to the first day of a year from 1970 on.
fn days_to_year(year: u64) -> u64 {
    let leaps_before = |year: u64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    365 * (year - 1970) + leaps_before(year) - leaps_before(1970)
}

fn days_in_month(year: u64, month: usize) -> u64 {
    MONTHS[month] + u64::from(month == 1 && is_leap(year))
}

/// The moment that a date with a time and an offset names, or what it lacks.
pub(super) fn moment(datetime: &Datetime) -> Result<Time, &'static str> {
    let (Some(date), Some(time)) = (datetime.date, datetime.time) else {
        return Err("names no moment: it needs a date and a time of day");
    };
    let offset_minutes = match datetime.offset {
        Some(Offset::Z) => 0,
        Some(Offset::Custom { minutes }) => i64::from(minutes),
        None => return Err("does not say where: it needs an offset from UTC"),
    };
    let nanoseconds = time.nanosecond.unwrap_or(0);
    if nanoseconds % 1_000_000 != 0 {
        return Err("is finer than a millisecond");
    }
    // Whoever parsed the date checked that the year has the month and the month the day.
    let (year, month) = (u64::from(date.year), usize::from(date.month).saturating_sub(1));
    if year < 1970 {
        return Err("lies before 1970");
    }
    let days = days_to_year(year)
        + (0..month).map(|month| days_in_month(year, month)).sum::<u64>()
        + u64::from(date.day)
        - 1;
    let seconds = u64::from(time.hour) * 3600
        + u64::from(time.minute) * 60
        + u64::from(time.second.unwrap_or(0));
    let ms = days * DAY_MS + seconds * 1000 + u64::from(nanoseconds / 1_000_000);
    // Noon in the east is earlier than noon in Greenwich.
    match ms.checked_add_signed(-offset_minutes * 60_000) {
        Some(ms) => Ok(Time(ms)),
        None => Err("lies before 1970"),
    }
}

/// A moment as people write it, in UTC to the millisecond; `None` past the year 9999.
pub(super) fn rfc3339(time: Time) -> Option<String> {
    let (mut days, ms) = (time.0 / DAY_MS, time.0 % DAY_MS);
    // No year is longer than 366 days, so this starts at or before the right one.
    let mut year = 1970 + days / 366;
    while year <= YEAR_MAX && days_to_year(year + 1) <= days {
        year += 1;
    }
    if year > YEAR_MAX {
        return None;
    }
    days -= days_to_year(year);
    let mut month = 0;
    while days >= days_in_month(year, month) {
        days -= days_in_month(year, month);
        month += 1;
    }
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    let mut text =
        format!("{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}", month + 1, days + 1);
    if ms % 1000 != 0 {
        text.push_str(&format!(".{:03}", ms % 1000));
    }
    Some(text + "Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Time, &'static str> {
        moment(&text.parse::<Datetime>().unwrap())
    }

    #[test]
    fn known_moments_are_read_and_written() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2009-01-03T18:15:05Z", 1_231_006_505_000),
            ("2000-02-29T12:00:00Z", 951_825_600_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400_000),
            ("2026-07-29T12:34:56.789Z", 1_785_328_496_789),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] {
            assert_eq!(read(text), Ok(Time(ms)), "{text}");
            assert_eq!(rfc3339(Time(ms)).as_deref(), Some(text));
        }
        assert_eq!(read("2009-01-03T20:15:05+02:00"), Ok(Time(1_231_006_505_000)));
        assert_eq!(rfc3339(Time(TIME_MAX.0 + 1)), None);
        assert_eq!(rfc3339(Time(u64::MAX)), None);
    }

    #[test]
    fn every_day_of_four_centuries_reads_back() {
        for day in 0..146_097 {
            let time = Time(day * DAY_MS + day);
            assert_eq!(read(&rfc3339(time).unwrap()), Ok(time));
        }
    }

    #[test]
    fn days_that_do_not_exist_are_no_dates() {
        for text in ["2026-02-29", "1900-02-29", "2026-00-10", "2026-13-01", "2026-04-31"] {
            assert!(format!("{text}T00:00:00Z").parse::<Datetime>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_names_no_moment_says_what_it_lacks() {
        for (text, reason) in [
            ("2026-07-29", "needs a date and a time"),
            ("12:00:00", "needs a date and a time"),
            ("2026-07-29T12:00:00", "needs an offset"),
            ("1969-12-31T23:59:59Z", "before 1970"),
            ("1970-01-01T00:00:00+01:00", "before 1970"),
            ("2026-07-29T12:00:00.0001Z", "finer than a millisecond"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
