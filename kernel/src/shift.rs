//! When somebody works: hours of a local day, on some days of the week. What the local time is, is for whoever knows zones.

use serde::{Deserialize, Serialize};

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// The first.
    Monday,
    /// The second.
    Tuesday,
    /// The third.
    Wednesday,
    /// The fourth.
    Thursday,
    /// The fifth.
    Friday,
    /// The sixth.
    Saturday,
    /// The seventh.
    Sunday,
}

impl Weekday {
    const fn before(self) -> Self {
        match self {
            Self::Monday => Self::Sunday,
            Self::Tuesday => Self::Monday,
            Self::Wednesday => Self::Tuesday,
            Self::Thursday => Self::Wednesday,
            Self::Friday => Self::Thursday,
            Self::Saturday => Self::Friday,
            Self::Sunday => Self::Saturday,
        }
    }
}

/// A shift: from `from` up to `until`, which it does not include; one that ends when or before it begins runs over midnight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Shift {
    /// Minutes of the day.
    from: u32,
    until: u32,
    days: Vec<Weekday>,
    zone: String,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    from: String,
    until: String,
    /// The days on which it begins.
    days: Vec<Weekday>,
    /// The name of a time zone, such as `America/Los_Angeles`.
    zone: String,
}

/// A shift that nobody can work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a shift has hours HH:MM, at least one day, each once, and a zone of at most 64 characters")]
pub struct InvalidShift;

/// `HH:MM` as minutes of the day.
fn minutes(text: &str) -> Option<u32> {
    let &[h1, h2, b':', m1, m2] = text.as_bytes() else { return None };
    let number = |tens: u8, ones: u8| {
        let digit = |byte: u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
        Some(digit(tens)? * 10 + digit(ones)?)
    };
    let (hour, minute) = (number(h1, h2)?, number(m1, m2)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

impl Shift {
    /// Takes hours `HH:MM`, the days on which it begins, and the name of a time zone.
    ///
    /// # Errors
    /// [`InvalidShift`] if one of them is not as that says.
    pub fn new(from: &str, until: &str, mut days: Vec<Weekday>, zone: &str) -> Result<Self, InvalidShift> {
        let hours = minutes(from).zip(minutes(until)).ok_or(InvalidShift)?;
        days.sort_unstable();
        let each_once = days.windows(2).all(|pair| pair[0] != pair[1]);
        let is_zone = (1..=64).contains(&zone.len()) && zone.bytes().all(|byte| byte.is_ascii_graphic());
        if days.is_empty() || !each_once || !is_zone {
            return Err(InvalidShift);
        }
        Ok(Self { from: hours.0, until: hours.1, days, zone: zone.to_owned() })
    }

    /// The name of its time zone.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// Whether it runs at this minute (0 to 1439) of a local day.
    #[must_use]
    pub fn covers(&self, day: Weekday, minute: u32) -> bool {
        let begins = |day: Weekday| self.days.contains(&day);
        if self.from < self.until {
            begins(day) && (self.from..self.until).contains(&minute)
        } else {
            (begins(day) && minute >= self.from) || (begins(day.before()) && minute < self.until)
        }
    }
}

impl TryFrom<Stored> for Shift {
    type Error = InvalidShift;
    fn try_from(stored: Stored) -> Result<Self, InvalidShift> {
        Self::new(&stored.from, &stored.until, stored.days, &stored.zone)
    }
}

impl From<Shift> for Stored {
    fn from(shift: Shift) -> Self {
        let text = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        Self { from: text(shift.from), until: text(shift.until), days: shift.days, zone: shift.zone }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_run_on_their_days_also_over_midnight() {
        use super::Weekday::{Friday, Monday, Saturday, Sunday};
        let day = Shift::new("08:00", "16:30", vec![Monday, Friday], "America/Los_Angeles").unwrap();
        assert!(day.covers(Monday, 480) && day.covers(Friday, 989));
        assert!(!day.covers(Monday, 990) && !day.covers(Monday, 479) && !day.covers(Sunday, 600));
        let night = Shift::new("22:00", "06:00", vec![Sunday], "UTC").unwrap();
        assert!(night.covers(Sunday, 1_439) && night.covers(Monday, 359));
        assert!(!night.covers(Monday, 360) && !night.covers(Sunday, 359) && !night.covers(Monday, 1_400));
        let round = Shift::new("07:00", "07:00", vec![Saturday], "UTC").unwrap();
        assert!(round.covers(Saturday, 420) && round.covers(Sunday, 419) && !round.covers(Sunday, 420), "a day and a night");
        assert_eq!(
            (day.zone(), serde_json::to_string(&night).unwrap()),
            ("America/Los_Angeles", r#"{"from":"22:00","until":"06:00","days":["sunday"],"zone":"UTC"}"#.into())
        );
        for (from, until, days, zone) in [
            ("8:00", "16:00", vec![Monday], "UTC"),
            ("08:00", "24:00", vec![Monday], "UTC"),
            ("08:00", "16:00", vec![], "UTC"),
            ("08:00", "16:00", vec![Monday, Monday], "UTC"),
            ("08:00", "16:00", vec![Monday], ""),
        ] {
            assert_eq!(Shift::new(from, until, days, zone), Err(InvalidShift));
        }
    }
}
