//! Dates and times of day, read from text as ISO 8601 writes them (the proleptic Gregorian calendar, UTC). Only what orders
//! and intake rows need: no time zones but fixed offsets, no formatting of instants.

use ionveil_kernel::Timestamp;

const SECONDS_PER_DAY: i64 = 86_400;

/// Reads a text from its beginning.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    /// Exactly `count` digits (at most 9).
    pub(crate) fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let number = digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))?;
        self.0 = rest;
        Some(number)
    }

    /// One of these bytes, if it comes next.
    pub(crate) fn any_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first().filter(|(first, _)| bytes.contains(first))?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// `hh:mm`, of a day.
    pub(crate) fn minute_of_day(&mut self) -> Option<(u32, u32)> {
        let hour = self.digits(2)?;
        self.any_of(b":")?;
        let minute = self.digits(2)?;
        (hour < 24 && minute < 60).then_some((hour, minute))
    }

    /// `YYYY-MM-DD`, a day that exists, from year 1 on.
    pub(crate) fn date(&mut self) -> Option<(u32, u32, u32)> {
        let year = self.digits(4)?;
        self.any_of(b"-")?;
        let month = self.digits(2)?;
        self.any_of(b"-")?;
        let day = self.digits(2)?;
        (year > 0 && (1..=days_of(year, month)).contains(&day)).then_some((year, month, day))
    }

    /// Microseconds of `.123…`, further digits cut off; 0 if none come next.
    fn fraction_micros(&mut self) -> Option<i64> {
        if self.any_of(b".,").is_none() {
            return Some(0);
        }
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at_checked(count).filter(|_| count > 0)?;
        self.0 = rest;
        Some((0..6).fold(0, |micros, place| micros * 10 + digits.get(place).map_or(0, |digit| i64::from(digit - b'0'))))
    }

    /// Seconds east of UTC: `Z`, `+hh`, `+hhmm`, `+hh:mm`; 0 at the end of the text.
    fn offset_seconds(&mut self) -> Option<i64> {
        if self.is_at_end() || self.any_of(b"Zz").is_some() {
            return Some(0);
        }
        let sign = if self.any_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2)?;
        self.any_of(b":");
        let minutes = if self.is_at_end() { 0 } else { self.digits(2)? };
        (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 3_600 + minutes * 60))
    }
}

/// Days of a month; 0 of a month that there is not.
fn days_of(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 0,
    }
}

/// Days since 1970-01-01: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_since_epoch((year, month, day): (u32, u32, u32)) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (i64::from(month) + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The instant that an ISO 8601 text names: a date, then with `T` or a blank between an optional time `hh:mm[:ss[.f…]]` and
/// offset. No offset is UTC; a date alone is its midnight. None for anything else, for years outside 1 to 9999 and for leap
/// seconds.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let mut reader = Reader::new(text);
    let mut seconds = days_since_epoch(reader.date()?) * SECONDS_PER_DAY;
    let mut micros = 0;
    if !reader.is_at_end() {
        reader.any_of(b"Tt ")?;
        let (hour, minute) = reader.minute_of_day()?;
        seconds += i64::from(hour * 3_600 + minute * 60);
        if reader.any_of(b":").is_some() {
            seconds += i64::from(reader.digits(2).filter(|second| *second < 60)?);
            micros = reader.fraction_micros()?;
        }
        seconds -= reader.offset_seconds()?;
    }
    let at = seconds * 1_000_000 + micros;
    let lawful = Timestamp::MIN.micros()..=Timestamp::MAX.micros();
    (reader.is_at_end() && lawful.contains(&at)).then(|| Timestamp::from_micros(at))
}

#[cfg(test)]
mod tests {
    use super::{days_of, days_since_epoch, instant};
    use ionveil_kernel::Timestamp;

    #[test]
    fn instants_are_read_in_every_form_of_the_standard_that_people_write() {
        let at = |seconds: i64, micros: i64| Some(Timestamp::from_micros(seconds * 1_000_000 + micros));
        for (text, is) in [
            ("1970-01-01T00:00:00Z", at(0, 0)),
            ("2026-11-26T05:06:31Z", at(1_795_669_591, 0)),
            ("2026-11-26t05:06:31z", at(1_795_669_591, 0)),
            ("2026-11-26 05:06:31", at(1_795_669_591, 0)),
            ("2026-11-26T06:06:31+01:00", at(1_795_669_591, 0)),
            ("2026-11-26T06:06:31+0100", at(1_795_669_591, 0)),
            ("2026-11-26T00:06:31-05", at(1_795_669_591, 0)),
            ("2026-11-26T05:06:31.1234567Z", at(1_795_669_591, 123_456)),
            ("2026-11-26T05:06:31.5", at(1_795_669_591, 500_000)),
            ("2026-11-26T05:06", at(1_795_669_560, 0)),
            ("2026-11-26", at(1_795_651_200, 0)),
            ("2024-02-29T00:00:00Z", at(1_709_164_800, 0)),
            ("9999-12-31T23:59:59.999999Z", Some(Timestamp::MAX)),
            ("0001-01-01T00:00:00Z", Some(Timestamp::MIN)),
            ("9999-12-31T23:59:59-01:00", None),
            ("0001-01-01T00:00:00+00:01", None),
            ("0000-01-01T00:00:00Z", None),
            ("10000-01-01T00:00:00Z", None),
            ("2023-02-29T00:00:00Z", None),
            ("2026-13-01", None),
            ("2026-00-10", None),
            ("2026-11-31", None),
            ("2026-11-26T24:00:00Z", None),
            ("2026-11-26T05:60:00Z", None),
            ("2026-11-26T05:06:60Z", None),
            ("2026-11-26T05:06:31.Z", None),
            ("2026-11-26T05:06:31+24:00", None),
            ("2026-11-26T05:06:31Zjunk", None),
            ("2026-11-26T", None),
            ("2026-11-2é", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(instant(text), is, "{text}");
        }
    }

    #[test]
    fn days_follow_each_other_from_year_1_to_year_9999() {
        let mut expected = days_since_epoch((1, 1, 1));
        for year in 1..=9_999 {
            for month in 1..=12 {
                assert_eq!(days_since_epoch((year, month, 1)), expected, "{year}-{month}");
                expected += i64::from(days_of(year, month));
            }
        }
        assert_eq!(expected * 86_400_000_000, Timestamp::MAX.micros() + 1);
    }
}
