//! RFC 3339 at the edges: text to [`Timestamp`] and back, and a serde wrapper for response bodies.
//!
//! It keeps microseconds and cuts off anything finer. It guesses nothing: a time without an offset is refused. Time zones
//! by name and other formats belong to the import mappings.

use ionveil_kernel::Timestamp;
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// It does not have the form of RFC 3339.
    #[error("must be a time as in RFC 3339, such as 2017-01-01T08:00:00Z")]
    Malformed,
    /// It has no offset, so it could be any of 24 hours.
    #[error("must end in an offset from UTC, such as Z or -08:00")]
    NoOffset,
    /// It lies before the year 1 or after the year 9999 of UTC.
    #[error("must lie between the years 0001 and 9999 of UTC")]
    OutOfRange,
}

/// Reads `2017-01-01T08:00:00.123456Z`, with any offset. Fractions finer than a microsecond are cut off. A leap second
/// (`23:59:60` of UTC) is read as the last microsecond before it ends the day, because a count since 1970 has no place for
/// it and order must be kept.
///
/// # Errors
/// [`TimeError`] as its variants say.
pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
    let (local, rest) = split_civil(text).ok_or(TimeError::Malformed)?;
    let (fraction_micros, rest) = fraction(rest).ok_or(TimeError::Malformed)?;
    let offset_s = offset(rest)?;
    let leap = local.second == 60;
    let second = if leap { 59 } else { local.second };
    if local.year == 0 {
        return Err(TimeError::OutOfRange);
    }
    let date = Date::new(local.year, local.month, local.day).map_err(|_| TimeError::Malformed)?;
    let time = Time::new(local.hour, local.minute, second, 0).map_err(|_| TimeError::Malformed)?;
    let since_epoch = date.to_datetime(time).duration_since(epoch()).as_secs() - offset_s;
    if leap && since_epoch.rem_euclid(86_400) != 86_399 {
        return Err(TimeError::Malformed);
    }
    let micros = since_epoch * 1_000_000 + if leap { 999_999 } else { fraction_micros };
    if (Timestamp::MIN.micros()..=Timestamp::MAX.micros()).contains(&micros) {
        Ok(Timestamp::from_micros(micros))
    } else {
        Err(TimeError::OutOfRange)
    }
}

/// Writes `2017-01-01T08:00:00Z`; a fraction follows only if it is not zero, without trailing zeros.
#[must_use]
pub fn format(at: Timestamp) -> String {
    Rfc3339(at).to_string()
}

/// A [`Timestamp`] that is RFC 3339 text in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rfc3339(pub Timestamp);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.micros();
        // Every lawful `Timestamp` is a lawful civil time, so the fallback is never seen; it spares a panic.
        let civil = epoch().checked_add(SignedDuration::from_secs(micros.div_euclid(1_000_000))).unwrap_or(DateTime::MAX);
        let (date, time) = (civil.date(), civil.time());
        write!(f, "{:04}-{:02}-{:02}T", date.year(), date.month(), date.day())?;
        write!(f, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
        let fraction = micros.rem_euclid(1_000_000);
        if fraction != 0 {
            write!(f, ".{}", format!("{fraction:06}").trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl From<Timestamp> for Rfc3339 {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rfc3339 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for Rfc3339 {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).examples(["2017-01-01T08:00:00Z"]).into()
    }
}

impl ToSchema for Rfc3339 {}

struct Civil {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
}

fn epoch() -> DateTime {
    DateTime::constant(1970, 1, 1, 0, 0, 0, 0)
}

/// Splits `YYYY-MM-DDThh:mm:ss` off the front.
fn split_civil(text: &str) -> Option<(Civil, &str)> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() >= 19
        && bytes[..19].iter().zip(b"dddd-dd-ddTdd:dd:dd").all(|(byte, want)| match want {
            b'd' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b't'),
            other => byte == other,
        });
    if !shaped {
        return None;
    }
    let civil = Civil {
        year: text[0..4].parse().ok()?,
        month: text[5..7].parse().ok()?,
        day: text[8..10].parse().ok()?,
        hour: text[11..13].parse().ok()?,
        minute: text[14..16].parse().ok()?,
        second: text[17..19].parse().ok()?,
    };
    Some((civil, &text[19..]))
}

/// Splits `.ffffff` off the front, if it is there, as microseconds.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let kept = &rest[..digits.min(6)];
    let micros = format!("{kept:0<6}").parse().ok()?;
    (digits > 0).then_some((micros, &rest[digits..]))
}

/// Reads `Z` or `±hh:mm` as seconds east of UTC.
fn offset(text: &str) -> Result<i64, TimeError> {
    match text.as_bytes() {
        [] => Err(TimeError::NoOffset),
        [b'Z' | b'z'] => Ok(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) => {
            let number = |tens: &u8, ones: &u8| i64::from((tens - b'0') * 10 + (ones - b'0'));
            let (hours, minutes) = (number(h1, h2), number(m1, m2));
            if hours > 23 || minutes > 59 {
                return Err(TimeError::Malformed);
            }
            let seconds = hours * 3600 + minutes * 60;
            Ok(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => Err(TimeError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_rfc_3339_allows() {
        for (text, out) in [
            ("2017-01-01T08:00:00Z", "2017-01-01T08:00:00Z"),
            ("2017-01-01t08:00:00z", "2017-01-01T08:00:00Z"),
            ("2017-01-01T00:00:00-08:00", "2017-01-01T08:00:00Z"),
            ("2017-01-01T08:00:00.5Z", "2017-01-01T08:00:00.5Z"),
            ("2017-01-01T08:00:00.1234569Z", "2017-01-01T08:00:00.123456Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z"),
            ("2016-12-31T15:59:60.7-08:00", "2016-12-31T23:59:59.999999Z"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
            ("2024-02-29T00:00:00+00:00", "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(parse(text).map(format).as_deref(), Ok(out), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else_and_says_why() {
        use TimeError::{Malformed, NoOffset, OutOfRange};
        for (text, why) in [
            ("", Malformed),
            ("2017-01-01", Malformed),
            ("2017-01-01 08:00:00Z", Malformed),
            ("2017-01-01T08:00:00", NoOffset),
            ("2017-01-01T08:00:00.Z", Malformed),
            ("2017-01-01T08:00Z", Malformed),
            ("2017-01-01T24:00:00Z", Malformed),
            ("2017-01-01T08:60:00Z", Malformed),
            ("2017-01-01T08:00:60Z", Malformed),
            ("2017-02-29T08:00:00Z", Malformed),
            ("2017-13-01T08:00:00Z", Malformed),
            ("2017-01-01T08:00:00+24:00", Malformed),
            ("2017-01-01T08:00:00+0800", Malformed),
            ("2017-01-01T08:00:00Z[UTC]", Malformed),
            ("2017-01-01T08:00:00Z ", Malformed),
            ("+002017-01-01T08:00:00Z", Malformed),
            ("２０１７-01-01T08:00:00Z", Malformed),
            ("1483257600", Malformed),
            ("0000-01-01T00:00:00Z", OutOfRange),
            ("0001-01-01T00:00:00+01:00", OutOfRange),
            ("9999-12-31T23:59:59-01:00", OutOfRange),
        ] {
            assert_eq!(parse(text), Err(why), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_timestamp_comes_back(micros in Timestamp::MIN.micros()..=Timestamp::MAX.micros()) {
            let at = Timestamp::from_micros(micros);
            prop_assert_eq!(parse(&format(at)), Ok(at));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
