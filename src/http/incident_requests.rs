//! What clients send to the routes of incidents: bodies and queries, read strictly, and their shapes for OpenAPI. What a value
//! means is for the incident to judge.

use crate::http::event_body::parse_position;
use crate::http::fields::{Fields, FromFields};
use crate::http::list::page_size;
use crate::http::problem::Code;
use crate::http::workflow_requests::When;
use crate::time::Rfc3339;
use ionveil_dispatch::incident::{Command, Status};
use ionveil_dispatch::scale::Priority;
use ionveil_kernel::{EntityId, Timestamp};
use ionveil_views::{IncidentFilter, IncidentPlace};
use serde::Serialize;
use std::marker::PhantomData;
use utoipa::ToSchema;

/// A command as a body of the shape `S` names it, and when it happened.
pub struct Asked<S, C> {
    pub(super) command: C,
    pub(super) when: When,
    pub(super) shape: PhantomData<S>,
}

/// A body that is one command: its shape, and how it is read.
macro_rules! body {
    ($(#[$doc:meta])* $name:ident: $command:ty, empty $empty:literal, $fields:ident => $read:expr, { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Serialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* $field: $type,)*
            /// When it happened; absent: now. Not before the last event of what it is about, at most five minutes ahead.
            #[schema(value_type = Option<String>, format = DateTime)]
            occurred_at: Option<Rfc3339>,
            /// The version that the client has seen; another one is refused with 409.
            expected_version: Option<u64>,
        }

        impl FromFields for Asked<$name, $command> {
            const EMPTY_OK: bool = $empty;
            fn from_fields($fields: &mut Fields) -> Option<Self> {
                let command = $read;
                let when = When::read($fields);
                Some(Self { command: command?, when, shape: PhantomData })
            }
        }
    };
}
pub(super) use body;

body!(
    /// Reports an incident. What it says may hold personal data: write no more of it than the work needs.
    CreateIncident: Command, empty false, fields => {
        let (title, description) = (fields.required("title"), fields.required("description"));
        let (priority, category, zone) = (fields.optional("priority"), fields.optional("category"), fields.optional("zone"));
        let (latitude, longitude) = (fields.required("latitude"), fields.required("longitude"));
        title.zip(description).zip(latitude.zip(longitude)).map(|((title, description), (latitude, longitude))| Command::Create {
            title, description, priority, latitude, longitude, category, zone, source: None,
        })
    }, {
        /// What it is, in a line. Kept in the record for good.
        #[schema(min_length = 1, max_length = 500, example = "Structure fire")]
        title: String,
        /// What it is. Kept in the record for good.
        #[schema(min_length = 1, max_length = 10_000, example = "Smoke from the third floor")]
        description: String,
        /// 1 is most urgent; absent: what the texts say, else 3. What the texts say counts if it is more urgent.
        #[schema(minimum = 1, maximum = 5, example = 2)]
        priority: Option<i64>,
        /// Degrees north.
        #[schema(minimum = -90, maximum = 90, example = 37.7749)]
        latitude: f64,
        /// Degrees east.
        #[schema(minimum = -180, maximum = 180, example = -122.4194)]
        longitude: f64,
        /// What kind it is; absent, empty or `general`: what the texts say.
        #[schema(max_length = 64, example = "fire")]
        category: Option<String>,
        /// The zone of the policy tree that it is in.
        #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "B03")]
        zone: Option<String>,
    }
);
body!(
    /// Changes what is named, and nothing else.
    UpdateIncident: Command, empty false, fields => {
        Some(Command::Update {
            title: fields.optional("title"),
            description: fields.optional("description"),
            priority: fields.optional("priority"),
            category: fields.optional("category"),
            latitude: fields.optional("latitude"),
            longitude: fields.optional("longitude"),
        })
    }, {
        /// What it is, in a line.
        #[schema(min_length = 1, max_length = 500)]
        title: Option<String>,
        /// What it is.
        #[schema(min_length = 1, max_length = 10_000)]
        description: Option<String>,
        /// 1 is most urgent.
        #[schema(minimum = 1, maximum = 5)]
        priority: Option<i64>,
        /// What kind it is.
        #[schema(min_length = 1, max_length = 64)]
        category: Option<String>,
        /// Degrees north; with the longitude or not at all.
        #[schema(minimum = -90, maximum = 90)]
        latitude: Option<f64>,
        /// Degrees east; with the latitude or not at all.
        #[schema(minimum = -180, maximum = 180)]
        longitude: Option<f64>,
    }
);
body!(
    /// Moves along an edge of the table.
    TransitionIncident: Command, empty false, fields => {
        let to = fields.required::<String>("to");
        to.and_then(|text| status(fields, "to", &text)).map(|to| Command::Transition { to })
    }, {
        /// The status to move to; `closed` lets the units go.
        #[schema(pattern = "^(reported|triaged|dispatched|en_route|on_scene|mitigated|resolved|closed|merged)$", example = "triaged")]
        to: String,
    }
);
body!(
    /// Takes in another incident.
    MergeIncident: Command, empty false, fields => fields.required("secondary").map(|secondary| Command::Merge { secondary }), {
        /// The incident that ends as part of this one.
        #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
        secondary: String,
    }
);
body!(
    /// Adds to the timeline.
    RemarkIncident: Command, empty false, fields => fields.required("text").map(|text| Command::Remark { text }), {
        /// What is to be known. Kept in the record for good: no more personal data than the work needs.
        #[schema(min_length = 1, max_length = 2_000, example = "Hydrant at the corner is out of order")]
        text: String,
    }
);
body!(
    /// Ends it.
    CloseIncident: Command, empty true, fields => { let _ = &fields; Some(Command::Close) }, {}
);

/// Which version the client has seen of what it wants put away.
pub struct Archive(pub(super) Option<u64>);

impl FromFields for Archive {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self(fields.optional("expected_version")))
    }
}

/// A status by its stable name.
fn status(fields: &mut Fields, name: &str, text: &str) -> Option<Status> {
    let status = Status::ALL.into_iter().find(|status| status.as_str() == text);
    if status.is_none() {
        let all: Vec<_> = Status::ALL.iter().map(|status| status.as_str()).collect();
        fields.fault(Code::InvalidField, name, format!("must be one of {}", all.join(", ")));
    }
    status
}

/// Which incidents are asked for, and where the page begins.
pub struct Listing {
    pub(super) filter: IncidentFilter,
    pub(super) cursor: Option<IncidentPlace>,
    pub(super) after: Option<(u16, u64)>,
    pub(super) size: usize,
}

pub(super) fn cursor(place: &IncidentPlace) -> String {
    format!("i{}_{}", place.created_at.micros(), place.id)
}

fn parse_cursor(text: &str) -> Option<IncidentPlace> {
    let (created_at, id) = text.strip_prefix('i')?.split_once('_')?;
    Some(IncidentPlace { created_at: Timestamp::from_micros(created_at.parse().ok()?), id: EntityId::new(id).ok()? })
}

/// Reads `after`: the position of an event that the list must have taken in.
pub(super) fn position(fields: &mut Fields) -> Option<(u16, u64)> {
    let after = fields.optional::<String>("after");
    let position = after.as_deref().and_then(parse_position);
    if after.is_some() && position.is_none() {
        fields.fault(Code::InvalidField, "after", "must be the `position` of an event");
    }
    position
}

impl FromFields for Listing {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let text = fields.optional::<String>("status");
        let status = text.and_then(|text| status(fields, "status", &text));
        let number = fields.optional::<i64>("priority");
        let priority = number.and_then(|number| Priority::new(number).ok());
        if number.is_some() && priority.is_none() {
            fields.fault(Code::InvalidPriority, "priority", "must be from 1 to 5");
        }
        let (zone, after) = (fields.optional("zone"), position(fields));
        let (size, text) = (page_size(fields), fields.optional::<String>("cursor"));
        let cursor = text.as_deref().and_then(parse_cursor);
        if text.is_some() && cursor.is_none() {
            fields.fault(Code::InvalidCursor, "cursor", "is no cursor of this list");
        }
        Some(Self { filter: IncidentFilter { status, priority, zone }, cursor, after, size: size? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        let place = IncidentPlace { created_at: Timestamp::from_micros(-5), id: EntityId::new("a_b:c").unwrap() };
        assert_eq!(parse_cursor(&cursor(&place)), Some(place));
        for text in ["", "i", "i1", "i1_", "x1_a", "ix_a", "i1_-"] {
            assert_eq!(parse_cursor(text), None, "{text}");
        }
    }
}
