//! Units as clients see them.

use crate::http::unit_requests::ShiftShape;
use crate::time::Rfc3339;
use ionveil_dispatch::unit::{Availability, Capacity, Certificate, Duty, Shift, Unit};
use ionveil_kernel::EntityId;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A unit.
#[derive(Serialize, ToSchema)]
#[schema(as = Unit)]
pub struct UnitBody {
    /// Its id.
    #[schema(example = "E14")]
    id: String,
    /// What it is called.
    name: String,
    /// What it is.
    #[schema(example = "engine")]
    r#type: String,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    agency: Option<String>,
    /// Where it stands in its work.
    #[schema(value_type = String, pattern = "^(available|dispatched|en_route|on_scene|returning|out_of_service)$", example = "available")]
    status: Availability,
    /// Whether it works.
    #[schema(value_type = String, pattern = "^(on_duty|off_duty|on_break|on_leave)$", example = "on_duty")]
    duty: Duty,
    /// The incident that it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<String>,
    /// Degrees north, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<f64>,
    /// Degrees east, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<f64>,
    /// What it can do, in small letters.
    skills: Vec<String>,
    /// What it may do by paper, by name.
    certificates: Vec<CertificateBody>,
    /// How many people or loads it takes.
    capacity: u32,
    /// When it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ShiftShape>)]
    shift: Option<Shift>,
    /// When any of this changed last.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Rfc3339,
    /// Rises with each of its events; the ETag.
    #[schema(minimum = 1)]
    pub(super) version: u64,
}

/// What a crew may do by paper.
#[derive(Serialize, ToSchema)]
#[schema(as = Certificate)]
pub struct CertificateBody {
    /// What it allows.
    name: String,
    /// How far.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    /// From when on.
    #[schema(value_type = String, format = DateTime)]
    issued: Rfc3339,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires: Rfc3339,
    /// Who gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    authority: Option<String>,
}

impl From<&Certificate> for CertificateBody {
    fn from(certificate: &Certificate) -> Self {
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        Self {
            name: certificate.name.clone(),
            level: text(&certificate.level),
            issued: Rfc3339(certificate.issued),
            expires: Rfc3339(certificate.expires),
            authority: text(&certificate.authority),
        }
    }
}

impl UnitBody {
    /// The unit at a version.
    #[must_use]
    pub fn new(id: &EntityId, unit: &Unit, version: u64) -> Self {
        Self {
            id: id.to_string(),
            name: unit.name.clone(),
            r#type: unit.unit_type.clone(),
            agency: unit.agency.as_ref().map(ToString::to_string),
            status: unit.status(),
            duty: unit.duty,
            incident: unit.incident().map(ToString::to_string),
            latitude: unit.position.map(|position| position.latitude()),
            longitude: unit.position.map(|position| position.longitude()),
            skills: unit.skills.iter().cloned().collect(),
            certificates: unit.certificates.values().map(Into::into).collect(),
            capacity: unit.capacity,
            shift: unit.shift.clone(),
            changed_at: Rfc3339(unit.changed_at),
            version,
        }
    }
}

/// A page of units.
#[derive(Serialize, ToSchema)]
pub struct UnitList {
    /// By id.
    pub(super) items: Vec<UnitBody>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
}

/// A unit that can be sent.
#[derive(Serialize, ToSchema)]
pub struct AvailableUnit {
    /// How far away it is, 2 places.
    #[schema(minimum = 0)]
    pub(super) distance_km: f64,
    /// The unit.
    pub(super) unit: UnitBody,
}

/// Units that can be sent.
#[derive(Serialize, ToSchema)]
pub struct AvailableUnits {
    /// Nearest first, ties by id.
    pub(super) items: Vec<AvailableUnit>,
}

/// How many units there are, and what they do.
#[derive(Serialize, ToSchema)]
#[schema(as = UnitCount)]
pub struct CountBody {
    /// All.
    total: usize,
    /// Available and on duty.
    available: usize,
    /// Dispatched, en route and on scene.
    dispatched: usize,
    /// Dispatched of all in percent, 1 place; 0 without units.
    #[schema(minimum = 0, maximum = 100)]
    utilisation_pct: f64,
}

impl From<&Capacity> for CountBody {
    fn from(capacity: &Capacity) -> Self {
        let Capacity { total, available, dispatched, utilisation_pct } = *capacity;
        Self { total, available, dispatched, utilisation_pct }
    }
}

/// The units of the organisation, counted.
#[derive(Serialize, ToSchema)]
#[schema(as = UnitCapacity)]
pub struct CapacityBody {
    /// All of them.
    #[serde(flatten)]
    all: CountBody,
    /// By type.
    by_type: BTreeMap<String, CountBody>,
}

impl CapacityBody {
    /// All, and by type.
    #[must_use]
    pub fn new(all: &Capacity, by_type: &BTreeMap<&str, Capacity>) -> Self {
        Self { all: all.into(), by_type: by_type.iter().map(|(name, count)| ((*name).to_owned(), count.into())).collect() }
    }
}

/// A certificate that ends soon, or has.
#[derive(Serialize, ToSchema)]
#[schema(as = CertificateDue)]
pub struct DueBody {
    /// Whose.
    pub(super) unit: String,
    /// Which.
    pub(super) name: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub(super) expires: Rfc3339,
    /// Whole days until then; negative if it has ended.
    pub(super) days_left: i64,
}

/// A page of certificates.
#[derive(Serialize, ToSchema)]
pub struct CertificateList {
    /// Soonest first.
    pub(super) items: Vec<DueBody>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
    /// How many there are on all pages.
    pub(super) total: usize,
}
