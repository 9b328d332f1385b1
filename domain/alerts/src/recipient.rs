//! Whom an alert can reach: people or duty desks, when they are on shift, and over which channels (specification of IonVeil
//! §4.4, §4.6).
//!
//! Names and addresses are personal data and are not here (trap T74, `docs/adr/0002-personal-data.md`): whoever sends keeps
//! them outside the journal under the recipient's id. Here is only *that* there is an address of a channel.

use crate::fault::{Check, Fault};
use crate::reject::Code;
use crate::words::Channel;
use ionveil_kernel::{EntityId, Shift, Timestamp, Weekday};
use jiff::civil;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

/// The zone of those who name none.
pub const UTC: &str = "UTC";

/// Whom an alert can reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// An opaque id, no name.
    pub id: EntityId,
    /// The channels of which there is an address.
    pub channels: Vec<Channel>,
    /// When they work; always, without one. Its zone counts, not [`Self::time_zone`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<Shift>,
    /// The zone in which times are shown to them.
    pub time_zone: String,
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipientForm {
    /// An opaque id.
    pub id: String,
    /// The channels of which there is an address.
    pub channels: Vec<String>,
    /// When they work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<ShiftForm>,
    /// The zone in which times are shown to them; also that of a shift that names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// A shift as somebody asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShiftForm {
    /// `HH:MM`.
    pub from: String,
    /// `HH:MM`; when or before it begins: on the next day.
    pub until: String,
    /// The days on which it begins.
    pub days: Vec<Weekday>,
    /// The name of a time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl RecipientForm {
    /// The recipient.
    ///
    /// # Errors
    /// Every fault.
    pub fn check(&self) -> Result<Recipient, Vec<Fault>> {
        let mut check = Check::new(Code::InvalidRecipient);
        let id = check.id("id", &self.id);
        let channels = check.channels("addresses", &self.channels);
        check.hold(!self.channels.is_empty(), "addresses", || "has at least one".to_owned());
        let time_zone = self.time_zone.clone().unwrap_or_else(|| UTC.to_owned());
        check.hold(zone(&time_zone).is_some(), "time_zone", || unknown_zone(&time_zone));
        let shift = self.shift.as_ref().and_then(|form| {
            let zone_name = form.zone.as_ref().unwrap_or(&time_zone);
            check.hold(form.zone.is_none() || zone(zone_name).is_some(), "shift.zone", || unknown_zone(zone_name));
            Shift::new(&form.from, &form.until, form.days.clone(), zone_name).map_err(|error| check.fault("shift", error.to_string())).ok()
        });
        check.finish(id.map(|id| Recipient { id, channels, shift, time_zone }))
    }
}

fn unknown_zone(name: &str) -> String {
    let shown: String = name.chars().take(64).collect();
    format!("is a name of the IANA time zone database, such as America/Los_Angeles, not {shown:?}")
}

impl Recipient {
    /// Whether they are on shift. The shift runs by the clock on the wall: where that is put forward a shift is shorter, where it
    /// is put back the hour that comes twice is in it twice. A zone that is no longer known shuts nobody out.
    #[must_use]
    pub fn is_on_shift(&self, now: Timestamp) -> bool {
        let Some(shift) = &self.shift else { return true };
        local(shift.zone(), now).is_none_or(|(day, minute)| shift.covers(day, minute))
    }

    /// The hour (0 to 23) that their clock shows.
    #[must_use]
    pub fn local_hour(&self, at: Timestamp) -> u32 {
        local(&self.time_zone, at).or_else(|| local(UTC, at)).map_or(0, |(_, minute)| minute / 60)
    }
}

/// The zone of this name, from the table that is compiled in, so that every machine finds the same.
fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// Day of the week and minute of the day (0 to 1439) in a zone.
fn local(name: &str, at: Timestamp) -> Option<(Weekday, u32)> {
    let zoned = jiff::Timestamp::from_microsecond(at.micros()).ok()?.to_zoned(zone(name)?);
    let minute = u32::from(zoned.hour().unsigned_abs()) * 60 + u32::from(zoned.minute().unsigned_abs());
    Some((weekday(zoned.weekday()), minute))
}

const fn weekday(day: civil::Weekday) -> Weekday {
    match day {
        civil::Weekday::Monday => Weekday::Monday,
        civil::Weekday::Tuesday => Weekday::Tuesday,
        civil::Weekday::Wednesday => Weekday::Wednesday,
        civil::Weekday::Thursday => Weekday::Thursday,
        civil::Weekday::Friday => Weekday::Friday,
        civil::Weekday::Saturday => Weekday::Saturday,
        civil::Weekday::Sunday => Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    fn worker(from: &str, until: &str, days: Vec<Weekday>, zone: &str) -> Recipient {
        let shift = Some(ShiftForm { from: from.into(), until: until.into(), days, zone: None });
        RecipientForm { id: "desk".into(), channels: vec!["sms".into()], shift, time_zone: Some(zone.into()) }.check().unwrap()
    }

    #[test]
    fn a_night_shift_is_an_hour_shorter_when_the_clock_is_put_forward() {
        // 2026-03-29, Berlin: 02:00 becomes 03:00 at 01:00 UTC.
        let night = worker("22:00", "06:00", vec![Weekday::Saturday], "Europe/Berlin");
        let minutes = (0..24 * 60).filter(|minute| {
            let now = at("2026-03-28T12:00:00Z").after(std::time::Duration::from_secs(minute * 60));
            night.is_on_shift(now)
        });
        assert_eq!(minutes.count(), 7 * 60);
        for (instant, is) in [
            ("2026-03-28T20:59:59Z", false),
            ("2026-03-28T21:00:00Z", true),
            ("2026-03-29T00:59:59Z", true),
            ("2026-03-29T01:00:00Z", true),
            ("2026-03-29T03:59:59Z", true),
            ("2026-03-29T04:00:00Z", false),
        ] {
            assert_eq!(night.is_on_shift(at(instant)), is, "{instant}");
        }
    }

    #[test]
    fn a_night_shift_is_an_hour_longer_when_the_clock_is_put_back() {
        // 2026-11-01, Los Angeles: 02:00 becomes 01:00 at 09:00 UTC.
        let night = worker("22:00", "06:00", vec![Weekday::Saturday], "America/Los_Angeles");
        let minutes = (0..24 * 60).filter(|minute| {
            let now = at("2026-10-31T20:00:00Z").after(std::time::Duration::from_secs(minute * 60));
            night.is_on_shift(now)
        });
        assert_eq!(minutes.count(), 9 * 60);
        let early = worker("01:00", "02:00", vec![Weekday::Sunday], "America/Los_Angeles");
        let on = |instant: &str| early.is_on_shift(at(instant));
        assert!(on("2026-11-01T08:30:00Z") && on("2026-11-01T09:30:00Z"), "the hour that comes twice");
        assert!(!on("2026-11-01T07:59:00Z") && !on("2026-11-01T10:00:00Z"));
        let lost = worker("02:00", "03:00", vec![Weekday::Sunday], "America/Los_Angeles");
        assert!((0..1_440).all(|minute| !lost.is_on_shift(at("2026-03-08T08:00:00Z").after(std::time::Duration::from_secs(minute * 60)))));
    }

    #[test]
    fn the_clock_on_the_wall_tells_the_hour() {
        let desk = worker("00:00", "00:00", Vec::from([Weekday::Monday]), "America/Los_Angeles");
        assert_eq!(["2026-03-08T09:59:00Z", "2026-03-08T10:00:00Z"].map(|instant| desk.local_hour(at(instant))), [1, 3]);
        let free = Recipient { shift: None, time_zone: "Mars/Olympus".into(), ..desk };
        assert!(free.is_on_shift(at("2026-03-08T10:00:00Z")));
        assert_eq!(free.local_hour(at("2026-03-08T10:00:00Z")), 10, "a zone that is gone is UTC");
    }

    #[test]
    fn everything_that_is_wrong_with_a_recipient_is_said_at_once() {
        let shift = ShiftForm { from: "8".into(), until: "16:00".into(), days: vec![], zone: Some("Nowhere".into()) };
        let form = RecipientForm { id: "a b".into(), channels: vec!["fax".into()], shift: Some(shift), time_zone: Some("X".into()) };
        let faults = form.check().unwrap_err();
        assert_eq!(
            faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(),
            ["id", "addresses[0]", "time_zone", "shift.zone", "shift"]
        );
        let bare = RecipientForm { id: "a".into(), channels: vec![], shift: None, time_zone: None };
        assert_eq!(bare.check().unwrap_err()[0].field, "addresses");
    }
}
