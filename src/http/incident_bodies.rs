//! Incidents and their timeline as clients see them.

use crate::time::Rfc3339;
use ionveil_dispatch::incident::timeline::Entry;
use ionveil_dispatch::incident::{Incident, Status};
use ionveil_dispatch::scale::Priority;
use ionveil_kernel::EntityId;
use serde::Serialize;
use utoipa::ToSchema;

/// An incident.
#[derive(Serialize, ToSchema)]
#[schema(as = Incident)]
pub struct IncidentBody {
    /// Its id.
    id: String,
    /// What it is, in a line.
    title: String,
    /// What it is.
    description: String,
    /// 1 is most urgent.
    #[schema(value_type = u8, minimum = 1, maximum = 5)]
    priority: Priority,
    /// Where it stands.
    #[schema(value_type = String, pattern = "^(reported|triaged|dispatched|en_route|on_scene|mitigated|resolved|closed|merged)$", example = "reported")]
    status: Status,
    /// Degrees north.
    latitude: f64,
    /// Degrees east.
    longitude: f64,
    /// What kind it is.
    #[schema(example = "fire")]
    category: String,
    /// The zone that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    /// Who is on it, in the order in which they came.
    units: Vec<String>,
    /// Whom it has taken in.
    merged_from: Vec<String>,
    /// Who has taken it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    merged_into: Option<String>,
    /// How many remarks its timeline has.
    remarks: u64,
    /// Whether it was put away.
    archived: bool,
    /// Who reported it.
    created_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
    /// When any of this changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Rfc3339,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    closed_at: Option<Rfc3339>,
    /// Rises with each of its events; the ETag.
    #[schema(minimum = 1)]
    pub(super) version: u64,
    /// Where it was just reported: open incidents that may be the same, within 300 m and 15 minutes, nearest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) possible_duplicates: Option<Vec<String>>,
}

impl IncidentBody {
    /// The incident at a version.
    #[must_use]
    pub fn new(incident: &Incident, version: u64) -> Self {
        let texts = |ids: &[EntityId]| ids.iter().map(ToString::to_string).collect();
        let Incident { id, title, description, category, created_by, .. } = incident.clone();
        Self {
            id: id.to_string(),
            title,
            description,
            priority: incident.priority,
            status: incident.status,
            latitude: incident.position.latitude(),
            longitude: incident.position.longitude(),
            category,
            zone: incident.zone.as_ref().map(ToString::to_string),
            units: incident.units.iter().map(|assigned| assigned.unit.to_string()).collect(),
            merged_from: texts(&incident.merged_from),
            merged_into: incident.merged_into.as_ref().map(ToString::to_string),
            remarks: incident.remarks,
            archived: incident.archived,
            created_by,
            created_at: Rfc3339(incident.created_at),
            updated_at: Rfc3339(incident.updated_at),
            closed_at: incident.closed_at.map(Rfc3339),
            version,
            possible_duplicates: None,
        }
    }
}

/// A page of incidents.
#[derive(Serialize, ToSchema)]
pub struct IncidentList {
    /// Newest first.
    pub(super) items: Vec<IncidentBody>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
    /// How many there are on all pages.
    pub(super) total: u64,
}

/// A line of a timeline.
#[derive(Serialize, ToSchema)]
pub struct TimelineEntry {
    /// The place in the incident's history, from 1.
    #[schema(minimum = 1)]
    sequence_number: u64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    at: Rfc3339,
    /// Who did it.
    #[schema(example = "user:jane")]
    actor: String,
    /// The type of the event.
    #[schema(example = "remarked")]
    r#type: String,
    /// What happened, in words.
    text: String,
}

impl From<Entry> for TimelineEntry {
    fn from(entry: Entry) -> Self {
        Self {
            sequence_number: entry.sequence_number,
            at: Rfc3339(entry.at),
            actor: entry.actor.to_string(),
            r#type: entry.event_type.into_owned(),
            text: entry.text,
        }
    }
}

/// A page of a timeline.
#[derive(Serialize, ToSchema)]
pub struct Timeline {
    /// Oldest first.
    pub(super) items: Vec<TimelineEntry>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
}
