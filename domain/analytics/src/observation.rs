//! A dispatch as it was observed: what is reported of it, and what is wrong with a report (specification of IonVeil §6.2). The
//! organisation comes from the credential, so a report has none.
//!
//! Of a report's metadata only places are kept: free text would carry personal data into the journal (trap T74).

use crate::amount::Amount;
use crate::place::{Place, Position};
use crate::reject::{Check, FaultKind, Faults};
use ionveil_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// How long events count where nothing else is said.
pub const RETENTION_DEFAULT: Duration = Duration::from_secs(24 * 3_600);
/// How far ahead a reporter's clock may be.
pub const AHEAD_MAX: Duration = Duration::from_secs(5 * 60);
/// The greatest distance, in kilometres.
pub const DISTANCE_KM_MAX: f64 = 100_000.0;
/// What stands for a region or unit type that was not named.
pub const UNKNOWN: &str = "unknown";
const ID_CHARS_MAX: usize = 128;
const NAME_CHARS_MAX: usize = 64;

/// How bad it was, 1 to 5; 5 is worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Severity(u8);

/// A number that is not on the scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is a whole number from 1 to 5")]
pub struct OutOfScale;

impl Severity {
    /// 1.
    pub const MILDEST: Self = Self(1);

    /// Takes a number from 1 to 5.
    ///
    /// # Errors
    /// [`OutOfScale`] for any other.
    pub fn new(number: i64) -> Result<Self, OutOfScale> {
        u8::try_from(number).ok().filter(|number| (1..=5).contains(number)).map(Self).ok_or(OutOfScale)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl TryFrom<i64> for Severity {
    type Error = OutOfScale;
    fn try_from(number: i64) -> Result<Self, OutOfScale> {
        Self::new(number)
    }
}

impl From<Severity> for i64 {
    fn from(severity: Severity) -> Self {
        severity.0.into()
    }
}

/// A report as it was posted. Unknown fields are refused where it is read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// By which a repeat is known; 1 to 128 characters.
    pub event_id: Option<String>,
    /// The dispatch; at most 128 characters.
    pub dispatch_id: Option<String>,
    /// When it was; now if it is absent.
    pub timestamp: Option<Timestamp>,
    /// 1 to 5.
    pub severity: Option<i64>,
    /// From dispatch to arrival.
    pub response_time_minutes: Option<f64>,
    /// How far it was.
    pub distance_km: Option<f64>,
    /// At most 64 characters; [`UNKNOWN`] if it is absent.
    pub region: Option<String>,
    /// At most 64 characters; [`UNKNOWN`] if it is absent.
    pub unit_type: Option<String>,
    /// Whether the response was within its SLA.
    pub sla_met: Option<bool>,
    /// Where it was.
    #[serde(default)]
    pub metadata: Metadata,
}

/// What else a report says: a cell, a position, both or neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The row of a cell.
    pub row: Option<i32>,
    /// Its column.
    pub col: Option<i32>,
    /// Degrees north.
    #[serde(alias = "lat")]
    pub latitude: Option<f64>,
    /// Degrees east.
    #[serde(alias = "lon")]
    pub longitude: Option<f64>,
}

/// A dispatch as it was observed: a report that is sound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// By which a repeat is known. One without is never taken for a repeat.
    pub event_id: Arc<str>,
    /// The dispatch.
    pub dispatch_id: Arc<str>,
    /// When it was.
    pub timestamp: Timestamp,
    /// How bad it was.
    pub severity: Severity,
    /// From dispatch to arrival.
    pub response_time_minutes: Amount,
    /// How far it was.
    pub distance_km: Amount,
    /// Where it counts.
    pub region: Arc<str>,
    /// What was sent.
    pub unit_type: Arc<str>,
    /// Whether the response was within its SLA.
    pub sla_met: bool,
    /// Where it was.
    #[serde(default)]
    pub place: Place,
}

impl Report {
    /// Checks all of a report, as of `now`. What is exactly as old as `retention` is too old (§1.3).
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self, now: Timestamp, retention: Duration) -> Result<Observation, Faults> {
        let mut check = Check::default();
        let event_id = text(&mut check, "event_id", self.event_id.as_deref().unwrap_or_default(), ID_CHARS_MAX);
        if event_id.trim().is_empty() {
            check.fault("event_id", FaultKind::MissingEventId);
        }
        let severity = self.severity.and_then(|number| Severity::new(number).ok());
        let severity = check.need("severity", severity, FaultKind::SeverityOutOfRange, Severity::MILDEST);
        let response = amount(&mut check, "response_time_minutes", self.response_time_minutes, Amount::MAX, FaultKind::InvalidResponseTime);
        let distance = amount(&mut check, "distance_km", self.distance_km, DISTANCE_KM_MAX, FaultKind::InvalidDistance);
        let timestamp = self.timestamp.unwrap_or(now);
        age(&mut check, timestamp, now, retention);
        let observation = Observation {
            event_id,
            dispatch_id: text(&mut check, "dispatch_id", self.dispatch_id.as_deref().unwrap_or_default(), ID_CHARS_MAX),
            timestamp,
            severity,
            response_time_minutes: response,
            distance_km: distance,
            region: name(&mut check, "region", self.region.as_deref()),
            unit_type: name(&mut check, "unit_type", self.unit_type.as_deref()),
            sla_met: check.need("sla_met", self.sla_met, FaultKind::MissingField("it is true or false"), false),
            place: self.metadata.check(&mut check),
        };
        check.finish().map(|()| observation)
    }
}

/// The sound ones of a batch, and what is wrong with the others, by their place: one bad report does not stop the rest.
#[must_use]
pub fn check_all(reports: &[Report], now: Timestamp, retention: Duration) -> (Vec<Observation>, Vec<(usize, Faults)>) {
    let (mut sound, mut bad) = (Vec::with_capacity(reports.len()), Vec::new());
    for (index, report) in reports.iter().enumerate() {
        match report.check(now, retention) {
            Ok(seen) => sound.push(seen),
            Err(faults) => bad.push((index, faults)),
        }
    }
    (sound, bad)
}

fn age(check: &mut Check, timestamp: Timestamp, now: Timestamp, retention: Duration) {
    if now.since(timestamp) >= retention {
        check.fault("timestamp", FaultKind::TooOld(retention.as_secs() / 3_600));
    }
    if timestamp.since(now) > AHEAD_MAX {
        check.fault("timestamp", FaultKind::OccurredInFuture);
    }
}

fn amount(check: &mut Check, field: &'static str, number: Option<f64>, max: f64, kind: FaultKind) -> Amount {
    match number {
        None => check.fault(field, FaultKind::MissingField("it is a number from 0")),
        Some(number) if !number.is_finite() => check.fault(field, FaultKind::InvalidNumber),
        Some(number) => {
            return check.need(field, Amount::new(number).ok().filter(|_| number <= max), kind, Amount::default());
        }
    }
    Amount::default()
}

fn text(check: &mut Check, field: &'static str, text: &str, chars_max: usize) -> Arc<str> {
    if text.chars().count() > chars_max || text.chars().any(char::is_control) {
        check.fault(field, FaultKind::InvalidText(chars_max));
    }
    text.into()
}

fn name(check: &mut Check, field: &'static str, given: Option<&str>) -> Arc<str> {
    let given = given.map(str::trim).filter(|given| !given.is_empty()).unwrap_or(UNKNOWN);
    text(check, field, given, NAME_CHARS_MAX)
}

impl Metadata {
    fn check(self, check: &mut Check) -> Place {
        let position = self.position(check);
        match (self.row, self.col) {
            (Some(row), Some(col)) => Place::Cell { row, col },
            (None, None) => position.map_or(Place::None, Place::Position),
            (None, Some(_)) => check.need("metadata.row", None, FaultKind::MissingField("row and col come together"), Place::None),
            (Some(_), None) => check.need("metadata.col", None, FaultKind::MissingField("row and col come together"), Place::None),
        }
    }

    fn position(self, check: &mut Check) -> Option<Position> {
        let missing = FaultKind::MissingField("latitude and longitude come together");
        let (latitude, longitude) = match (self.latitude, self.longitude) {
            (Some(latitude), Some(longitude)) => (latitude, longitude),
            (None, None) => return None,
            (None, Some(_)) => return check.need("metadata.latitude", None, missing, None),
            (Some(_), None) => return check.need("metadata.longitude", None, missing, None),
        };
        if Position::new(latitude, 0.0).is_err() {
            check.fault("metadata.latitude", FaultKind::InvalidPosition("-90 to 90 degrees"));
        }
        if Position::new(0.0, longitude).is_err() {
            check.fault("metadata.longitude", FaultKind::InvalidPosition("-180 to 180 degrees"));
        }
        Position::new(latitude, longitude).ok()
    }
}

/// What an id is known by: the first 128 bits of its SHA-256, so that no two meet by accident or on purpose.
pub(crate) fn fingerprint(event_id: &str) -> u128 {
    let hash: [u8; 32] = Sha256::digest(event_id.as_bytes()).into();
    hash[..16].iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn report() -> Report {
        serde_json::from_str(
            r#"{"event_id":"e1","dispatch_id":"d1","severity":4,"response_time_minutes":4.5,"distance_km":2.25,"region":" north ",
            "sla_met":true,"metadata":{"lat":37.5,"lon":-122.25}}"#,
        )
        .unwrap()
    }

    fn codes(report: &Report) -> Vec<(&'static str, &'static str)> {
        let faults = report.check(NOW, RETENTION_DEFAULT).unwrap_err();
        assert_eq!(faults.code(), faults.iter().next().unwrap().kind.code());
        faults.iter().map(|fault| (fault.field, fault.kind.code())).collect()
    }

    #[test]
    fn a_sound_report_becomes_an_observation() {
        let seen = report().check(NOW, RETENTION_DEFAULT).unwrap();
        assert_eq!((&*seen.region, &*seen.unit_type, seen.timestamp), ("north", UNKNOWN, NOW));
        assert_eq!((seen.severity.number(), seen.response_time_minutes.get(), seen.distance_km.get()), (4, 4.5, 2.25));
        assert_eq!(seen.place, Place::Position(Position::new(37.5, -122.25).unwrap()));
        let with_cell = Metadata { row: Some(-1), col: Some(7), ..report().metadata };
        let seen = Report { metadata: with_cell, ..report() }.check(NOW, RETENTION_DEFAULT).unwrap();
        assert_eq!(seen.place, Place::Cell { row: -1, col: 7 }, "a cell counts before a position");
        let text = serde_json::to_string(&seen).unwrap();
        assert_eq!(serde_json::from_str::<Observation>(&text).unwrap(), seen);
    }

    #[test]
    fn all_faults_are_told_at_once_in_the_specifications_order() {
        let bad = Report {
            event_id: Some(" ".into()),
            severity: Some(6),
            response_time_minutes: Some(-1.0),
            distance_km: Some(100_000.5),
            timestamp: Some(Timestamp::from_micros(0)),
            region: Some("x".repeat(65)),
            unit_type: Some("a\u{7}".into()),
            sla_met: None,
            metadata: Metadata { row: Some(1), col: None, latitude: Some(91.0), longitude: Some(f64::NAN) },
            dispatch_id: None,
        };
        assert_eq!(
            codes(&bad),
            [
                ("event_id", "missing_event_id"),
                ("severity", "severity_out_of_range"),
                ("response_time_minutes", "invalid_response_time"),
                ("distance_km", "invalid_distance"),
                ("timestamp", "too_old"),
                ("region", "invalid_text"),
                ("unit_type", "invalid_text"),
                ("sla_met", "missing_field"),
                ("metadata.latitude", "invalid_position"),
                ("metadata.longitude", "invalid_position"),
                ("metadata.col", "missing_field"),
            ]
        );
        let shown = bad.check(NOW, RETENTION_DEFAULT).unwrap_err().to_string();
        assert!(shown.contains("timestamp: it lies within the last 24 hours; region: it has at most 64 characters"), "{shown}");
    }

    #[test]
    fn what_is_absent_or_no_number_is_told_as_such() {
        let bad = Report { response_time_minutes: None, distance_km: Some(f64::INFINITY), severity: None, ..report() };
        let expected =
            [("severity", "severity_out_of_range"), ("response_time_minutes", "missing_field"), ("distance_km", "invalid_number")];
        assert_eq!(codes(&bad), expected);
        for (metadata, field) in [
            (Metadata { col: Some(1), ..Metadata::default() }, "metadata.row"),
            (Metadata { latitude: Some(1.0), ..Metadata::default() }, "metadata.longitude"),
            (Metadata { longitude: Some(1.0), ..Metadata::default() }, "metadata.latitude"),
        ] {
            assert_eq!(codes(&Report { metadata, ..report() }), [(field, "missing_field")]);
        }
        assert!(serde_json::from_str::<Report>(r#"{"event_id":"e","org":"other"}"#).is_err(), "an organisation is not taken from a body");
        assert!(serde_json::from_str::<Report>(r#"{"metadata":{"caller":"Jane"}}"#).is_err(), "nor what may be personal");
    }

    #[test]
    fn an_event_lives_for_the_retention_and_no_longer() {
        let day = 86_400_000_000;
        let code = |micros: i64| {
            let timestamp = Some(Timestamp::from_micros(NOW.micros() + micros));
            Report { timestamp, ..report() }.check(NOW, RETENTION_DEFAULT).err().map(|faults| faults.code())
        };
        assert_eq!((code(-day), code(1 - day)), (Some("too_old"), None));
        assert_eq!((code(300_000_000), code(300_000_001)), (None, Some("occurred_in_future")));
    }

    #[test]
    fn one_bad_report_does_not_stop_the_rest() {
        let bad = Report { event_id: None, ..report() };
        let (sound, bad) = check_all(&[report(), bad, report()], NOW, RETENTION_DEFAULT);
        assert_eq!((sound.len(), bad.len(), bad[0].0, bad[0].1.code()), (2, 1, 1, "missing_event_id"));
    }

    #[test]
    fn severities_have_bounds() {
        assert_eq!([0, 6, -1, 257].map(Severity::new), [Err(OutOfScale); 4]);
        assert!(serde_json::from_str::<Severity>("6").is_err());
    }
}
