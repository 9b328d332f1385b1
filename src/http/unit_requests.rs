//! What clients send to the routes of units: bodies and queries, read strictly, and their shapes for OpenAPI. What a value means
//! is for the unit to judge.

use crate::http::fields::{Fields, FromFields};
use crate::http::incident_requests::{Asked, body, position};
use crate::http::list::page_size;
use crate::http::problem::Code;
use crate::http::workflow_requests::When;
use crate::time::Rfc3339;
use ionveil_dispatch::geo::Position;
use ionveil_dispatch::unit::{Availability, Certificate, Command, Shift, Weekday};
use ionveil_kernel::{EntityId, Timestamp};
use ionveil_views::UnitFilter;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::marker::PhantomData;
use utoipa::ToSchema;

/// How far around a place units are looked for, in kilometres, where nobody says (specification of IonVeil §4.1).
const RADIUS_KM_DEFAULT: f64 = 10.0;
/// The widest search, in kilometres.
const RADIUS_KM_MAX: f64 = 1_000.0;
/// Certificates that end within so many days are shown, where nobody says (§4.4).
const WITHIN_DAYS_DEFAULT: u32 = 30;
const WITHIN_DAYS_MAX: u32 = 3_650;
const TEXT_CHARS_MAX: usize = 128;

/// When a unit works: from `from` up to `until`, over midnight if that is not later.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Shift)]
pub struct ShiftShape {
    /// Hours and minutes of a local day.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "07:00")]
    from: String,
    /// Likewise.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "19:00")]
    until: String,
    /// The days of the week on which it begins, each once.
    #[schema(min_items = 1, max_items = 7, value_type = Vec<WeekdayShape>)]
    days: Vec<String>,
    /// The name of a time zone.
    #[schema(min_length = 1, max_length = 64, pattern = "^[!-~]+$", example = "America/Los_Angeles")]
    zone: String,
}

/// A day of the week.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Weekday)]
pub enum WeekdayShape {
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

struct ReadShift(Shift);

impl FromFields for ReadShift {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (from, until) = (fields.required::<String>("from"), fields.required::<String>("until"));
        let (days, zone) = (fields.required::<Vec<String>>("days"), fields.required::<String>("zone"));
        let days: Option<Vec<Weekday>> = days?.into_iter().map(|day| named(&day)).collect();
        let read = from.zip(until).zip(days.zip(zone.clone())).map(|((from, until), (days, zone))| Shift::new(&from, &until, days, &zone));
        if let Some(Ok(shift)) = read {
            return Some(Self(shift));
        }
        if zone.is_some() {
            let must = "must have hours HH:MM, at least one day of the week, each once, and a zone of at most 64 characters";
            fields.fault(Code::InvalidField, "days", must);
        }
        None
    }
}

/// The value that has this stable name.
fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(Value::String(name.to_owned())).ok()
}

/// A field that holds a stable name, if it is there.
fn optional_name<T: DeserializeOwned>(fields: &mut Fields, field: &'static str, all: &str) -> Option<T> {
    let text = fields.optional::<String>(field)?;
    let value = named(&text);
    if value.is_none() {
        fields.fault(Code::InvalidField, field, format!("must be one of {all}"));
    }
    value
}

/// Paths below `/units` that are no units.
const ROUTES: [&str; 2] = ["capacity", "certificates"];
const STATUSES: &str = "available, dispatched, en_route, on_scene, returning, out_of_service";
const DUTIES: &str = "on_duty, off_duty, on_break, on_leave";

body!(
    /// Makes a unit known: available and on duty.
    CreateUnit: (Option<EntityId>, Command), empty false, fields => {
        let (id, name, unit_type) = (fields.optional::<EntityId>("id"), fields.required("name"), fields.required("type"));
        if id.as_ref().is_some_and(|id| ROUTES.contains(&id.as_str())) {
            fields.fault(Code::InvalidId, "id", "names a route of its own: another one must be taken");
        }
        let (agency, skills) = (fields.optional("agency"), fields.optional("skills").unwrap_or_default());
        let (capacity, shift) = (fields.optional("capacity").unwrap_or_default(), fields.optional::<ReadShift>("shift"));
        let (latitude, longitude) = (fields.optional("latitude"), fields.optional("longitude"));
        let shift = shift.map(|read| read.0);
        name.zip(unit_type).map(|(name, unit_type)| {
            (id, Command::Register { name, unit_type, agency, skills, capacity, latitude, longitude, shift })
        })
    }, {
        /// Its id; absent: the server makes one.
        #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "E14")]
        id: Option<String>,
        /// What it is called: a call sign, not a person.
        #[schema(min_length = 1, max_length = 128, example = "Engine 14")]
        name: String,
        /// What it is.
        #[schema(min_length = 1, max_length = 128, example = "engine")]
        r#type: String,
        /// Whose it is.
        #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "fire")]
        agency: Option<String>,
        /// What it can do; compared without case.
        #[schema(max_items = 64, example = json!(["firefighting"]))]
        skills: Option<Vec<String>>,
        /// How many people or loads it takes; absent: 0.
        #[schema(minimum = 0, maximum = 4_294_967_295_i64)]
        capacity: Option<i64>,
        /// Degrees north; with the longitude or not at all.
        #[schema(minimum = -90, maximum = 90)]
        latitude: Option<f64>,
        /// Degrees east; with the latitude or not at all.
        #[schema(minimum = -180, maximum = 180)]
        longitude: Option<f64>,
        /// When it works.
        shift: Option<ShiftShape>,
    }
);
body!(
    /// Changes what is named, and nothing else.
    UpdateUnit: Command, empty false, fields => {
        Some(Command::Update {
            name: fields.optional("name"),
            unit_type: fields.optional("type"),
            skills: fields.optional("skills"),
            capacity: fields.optional("capacity"),
            shift: fields.optional::<ReadShift>("shift").map(|read| read.0),
        })
    }, {
        /// What it is called.
        #[schema(min_length = 1, max_length = 128)]
        name: Option<String>,
        /// What it is.
        #[schema(min_length = 1, max_length = 128)]
        r#type: Option<String>,
        /// All that it can do.
        #[schema(max_items = 64)]
        skills: Option<Vec<String>>,
        /// How many people or loads it takes.
        #[schema(minimum = 0, maximum = 4_294_967_295_i64)]
        capacity: Option<i64>,
        /// When it works.
        shift: Option<ShiftShape>,
    }
);
body!(
    /// Says where it stands in its work, or whether it works; one of both.
    SetUnitStatus: Command, empty false, fields => {
        let has = (fields.has("status"), fields.has("duty"));
        let (status, duty) = (optional_name(fields, "status", STATUSES), optional_name(fields, "duty", DUTIES));
        match (has, status, duty) {
            ((true, false), Some(to), _) => Some(Command::SetStatus { to }),
            ((false, true), _, Some(to)) => Some(Command::SetDuty { to }),
            ((true, false) | (false, true), _, _) => None,
            ((false, false), _, _) => {
                fields.fault(Code::MissingField, "status", "is required, or `duty`");
                None
            }
            ((true, true), _, _) => {
                fields.fault(Code::InvalidField, "duty", "must not come together with `status`");
                None
            }
        }
    }, {
        /// Where it stands in its work. Who goes to `available`, `returning` or `out_of_service` leaves the incident.
        #[schema(pattern = "^(available|dispatched|en_route|on_scene|returning|out_of_service)$", example = "en_route")]
        status: Option<String>,
        /// Whether it works.
        #[schema(pattern = "^(on_duty|off_duty|on_break|on_leave)$")]
        duty: Option<String>,
    }
);
body!(
    /// Says where it is.
    MoveUnit: Command, empty false, fields => {
        let (latitude, longitude) = (fields.required("latitude"), fields.required("longitude"));
        latitude.zip(longitude).map(|(latitude, longitude)| Command::Move { latitude, longitude })
    }, {
        /// Degrees north.
        #[schema(minimum = -90, maximum = 90, example = 37.7749)]
        latitude: f64,
        /// Degrees east.
        #[schema(minimum = -180, maximum = 180, example = -122.4194)]
        longitude: f64,
    }
);
body!(
    /// Adds a certificate, or renews the one of the same name.
    CertifyUnit: Command, empty false, fields => {
        let (name, level) = (fields.required("name"), fields.optional("level").unwrap_or_default());
        let (issued, expires) = (fields.required("issued"), fields.required("expires"));
        let authority = fields.optional("authority").unwrap_or_default();
        name.zip(issued.zip(expires)).map(|(name, (issued, expires))| {
            Command::Certify { certificate: Certificate { name, level, issued, expires, authority } }
        })
    }, {
        /// What it allows; compared without case, as a skill.
        #[schema(min_length = 1, max_length = 128, example = "Hazmat")]
        name: String,
        /// How far.
        #[schema(max_length = 128)]
        level: Option<String>,
        /// From when on.
        #[schema(value_type = String, format = DateTime)]
        issued: Rfc3339,
        /// When it ends; after it was issued.
        #[schema(value_type = String, format = DateTime)]
        expires: Rfc3339,
        /// Who gave it.
        #[schema(max_length = 128)]
        authority: Option<String>,
    }
);

/// Which units are asked for, and where the page begins.
pub struct Listing {
    pub(super) filter: UnitFilter,
    pub(super) cursor: Option<EntityId>,
    pub(super) after: Option<(u16, u64)>,
    pub(super) size: usize,
}

impl FromFields for Listing {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let unit_type = fields.optional_line("type", TEXT_CHARS_MAX);
        let status = optional_name::<Availability>(fields, "status", STATUSES);
        let (after, size, text) = (position(fields), page_size(fields), fields.optional::<String>("cursor"));
        let cursor = text.as_deref().and_then(|text| EntityId::new(text.strip_prefix('u')?).ok());
        if text.is_some() && cursor.is_none() {
            fields.fault(Code::InvalidCursor, "cursor", "is no cursor of this list");
        }
        Some(Self { filter: UnitFilter { unit_type, status }, cursor, after, size: size? })
    }
}

/// Which units are looked for around a place.
pub struct Available {
    pub(super) position: Position,
    pub(super) radius_km: f64,
    pub(super) unit_type: Option<String>,
    pub(super) skill: Option<String>,
    pub(super) size: usize,
}

impl FromFields for Available {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (latitude, longitude) = (fields.required::<f64>("lat"), fields.required::<f64>("lon"));
        for (field, degrees, is, must) in [
            ("lat", latitude, latitude.is_none_or(ionveil_dispatch::geo::is_latitude), "must be from -90 to 90"),
            ("lon", longitude, longitude.is_none_or(ionveil_dispatch::geo::is_longitude), "must be from -180 to 180"),
        ] {
            if degrees.is_some() && !is {
                fields.fault(Code::InvalidPosition, field, must);
            }
        }
        let radius_km = fields.optional("radius_km").unwrap_or(RADIUS_KM_DEFAULT);
        if !(0.0..=RADIUS_KM_MAX).contains(&radius_km) {
            fields.fault(Code::InvalidField, "radius_km", "must be from 0 to 1000");
        }
        let (unit_type, skill) = (fields.optional_line("type", TEXT_CHARS_MAX), fields.optional_line("skill", TEXT_CHARS_MAX));
        let (size, position) = (page_size(fields), Position::new(latitude?, longitude?).ok());
        Some(Self { position: position?, radius_km, unit_type, skill, size: size? })
    }
}

/// Which certificates are asked for, and where the page begins.
pub struct Expiring {
    pub(super) within_days: u32,
    pub(super) cursor: Option<Due>,
    pub(super) size: usize,
}

/// A place in the list of certificates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    pub(super) expires: Timestamp,
    pub(super) unit: EntityId,
    pub(super) name: String,
}

impl Due {
    /// Names are any text, so they go as digits.
    pub(super) fn cursor(&self) -> String {
        format!("c{}_{}_{}", self.expires.micros(), hex::encode(&self.name), self.unit)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix('c')?.splitn(3, '_');
        let (expires, name, unit) = (parts.next()?.parse().ok()?, hex::decode(parts.next()?).ok()?, EntityId::new(parts.next()?).ok()?);
        Some(Self { expires: Timestamp::from_micros(expires), unit, name: String::from_utf8(name).ok()? })
    }
}

impl FromFields for Expiring {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let within_days = fields.optional("within_days").unwrap_or(WITHIN_DAYS_DEFAULT);
        if within_days > WITHIN_DAYS_MAX {
            fields.fault(Code::InvalidField, "within_days", "must be from 0 to 3650");
        }
        let (size, text) = (page_size(fields), fields.optional::<String>("cursor"));
        let cursor = text.as_deref().and_then(Due::parse);
        if text.is_some() && cursor.is_none() {
            fields.fault(Code::InvalidCursor, "cursor", "is no cursor of this list");
        }
        Some(Self { within_days, cursor, size: size? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        let due = Due { expires: Timestamp::from_micros(-7), unit: EntityId::new("a_b").unwrap(), name: "É_2 &".to_owned() };
        assert_eq!(Due::parse(&due.cursor()), Some(due));
        for text in ["", "c", "c1_zz_a", "c1_0_a", "c1_+1_a", "c1_c3_a", "cx_00_a", "c1_00_-"] {
            assert_eq!(Due::parse(text), None, "{text}");
        }
    }
}
