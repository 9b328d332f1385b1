//! Local wall clock times of a file: which instants they can mean. It says what is possible and chooses nothing.

use ionveil_kernel::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

/// Reads local times of one zone.
#[derive(Clone, Debug)]
pub(crate) struct LocalClock {
    formats: Vec<String>,
    zone: TimeZone,
}

/// What a local time can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// One instant.
    Once(Timestamp),
    /// Two instants: the clock was put back over it.
    Twice(Timestamp, Timestamp),
    /// None: the clock was put forward over it.
    Never,
    /// The text is no time.
    Unreadable,
}

/// What is wrong with a clock's settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClockError {
    #[error("no time format is given")]
    NoFormat,
    #[error("{0:?} does not say a date and a time to the second")]
    Format(String),
    #[error("{0:?} is no time zone of the IANA database")]
    Zone(String),
}

impl LocalClock {
    /// Checks each format by writing a time with it and reading it back.
    pub(crate) fn new(formats: &[String], zone: &str) -> Result<Self, ClockError> {
        if formats.is_empty() {
            return Err(ClockError::NoFormat);
        }
        let zone = TimeZoneDatabase::bundled().get(zone).map_err(|_| ClockError::Zone(zone.to_owned()))?;
        match formats.iter().find(|format| !tells_seconds(format, &zone)) {
            Some(format) => Err(ClockError::Format(format.clone())),
            None => Ok(Self { formats: formats.to_vec(), zone }),
        }
    }

    /// What `text` can mean; the first format that fits decides.
    pub(crate) fn read(&self, text: &str) -> Meaning {
        let Some(broken) = self.formats.iter().find_map(|format| strtime::parse(format, text).ok()) else {
            return Meaning::Unreadable;
        };
        if broken.offset().is_some() {
            return broken.to_timestamp().map_or(Meaning::Unreadable, |instant| Meaning::Once(timestamp(instant)));
        }
        let Ok(local) = broken.to_datetime() else { return Meaning::Unreadable };
        self.instants(local)
    }

    fn instants(&self, local: DateTime) -> Meaning {
        let at = |offset: jiff::tz::Offset| offset.to_timestamp(local).map(timestamp);
        match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => at(offset).map_or(Meaning::Unreadable, Meaning::Once),
            AmbiguousOffset::Fold { before, after } => match (at(before), at(after)) {
                (Ok(earlier), Ok(later)) => Meaning::Twice(earlier, later),
                (Err(_), _) | (_, Err(_)) => Meaning::Unreadable,
            },
            AmbiguousOffset::Gap { .. } => Meaning::Never,
        }
    }

    /// The instant as local time with its offset.
    pub(crate) fn show(&self, instant: Timestamp) -> String {
        jiff::Timestamp::from_microsecond(instant.micros()).map_or_else(
            |_| format!("{} µs", instant.micros()),
            |instant| strtime::format("%Y-%m-%dT%H:%M:%S%:z", &instant.to_zoned(self.zone.clone())).unwrap_or_else(|_| instant.to_string()),
        )
    }

    /// The zone's name.
    pub(crate) fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("the zone")
    }
}

fn timestamp(instant: jiff::Timestamp) -> Timestamp {
    Timestamp::from_micros(instant.as_microsecond())
}

fn tells_seconds(format: &str, zone: &TimeZone) -> bool {
    let afternoon = jiff::civil::datetime(2017, 2, 23, 16, 5, 46, 0);
    let Ok(zoned) = afternoon.to_zoned(zone.clone()) else { return false };
    let Ok(text) = strtime::format(format, &zoned) else { return false };
    strtime::parse(format, &text).and_then(|broken| broken.to_datetime()).is_ok_and(|back| back == afternoon)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> LocalClock {
        LocalClock::new(&["%m/%d/%Y %I:%M:%S %p".to_owned(), "%Y-%m-%dT%H:%M:%S%.f".to_owned()], "America/Los_Angeles").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        timestamp(text.parse().unwrap())
    }

    #[test]
    fn local_times_mean_one_two_or_no_instants() {
        for (text, meaning) in [
            ("01/01/2017 12:00:47 AM", Meaning::Once(at("2017-01-01T08:00:47Z"))),
            ("12/31/2016 11:56:13 PM", Meaning::Once(at("2017-01-01T07:56:13Z"))),
            ("2016-12-31T23:56:13.000", Meaning::Once(at("2017-01-01T07:56:13Z"))),
            ("2016-12-31T23:56:13", Meaning::Once(at("2017-01-01T07:56:13Z"))),
            ("07/01/2017 12:00:00 PM", Meaning::Once(at("2017-07-01T19:00:00Z"))),
            ("11/05/2017 01:30:00 AM", Meaning::Twice(at("2017-11-05T08:30:00Z"), at("2017-11-05T09:30:00Z"))),
            ("03/12/2017 02:30:00 AM", Meaning::Never),
            ("13/01/2017 12:00:00 AM", Meaning::Unreadable),
            ("01/01/2017 13:00:00 AM", Meaning::Unreadable),
            ("01/01/2017 12:00:00", Meaning::Unreadable),
            ("01/01/2017 12:00:00 AM x", Meaning::Unreadable),
            ("02/29/2017 12:00:00 AM", Meaning::Unreadable),
            ("soon", Meaning::Unreadable),
            ("", Meaning::Unreadable),
        ] {
            assert_eq!(clock().read(text), meaning, "{text}");
        }
        assert_eq!(clock().show(at("2017-01-01T07:56:13Z")), "2016-12-31T23:56:13-08:00");
    }

    #[test]
    fn a_format_must_tell_date_and_time_and_the_zone_must_exist() {
        let new = |format: &str, zone: &str| LocalClock::new(&[format.to_owned()], zone).map(|_| ()).unwrap_err();
        assert!(matches!(new("%Y-%m-%d", "UTC"), ClockError::Format(_)));
        assert!(matches!(new("%Y-%m-%d %I:%M:%S", "UTC"), ClockError::Format(_)));
        assert!(matches!(new("%Q!", "UTC"), ClockError::Format(_)));
        assert!(matches!(new("%Y-%m-%d %H:%M:%S", "Mars/Olympus"), ClockError::Zone(_)));
        assert!(matches!(LocalClock::new(&[], "UTC"), Err(ClockError::NoFormat)));
    }
}
